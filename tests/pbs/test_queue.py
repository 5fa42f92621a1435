"""Runs through a queue that speaks PBS, see fake_pbs.py: each once, whatever dies."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from iemhpc.errors import ProgramError, RefusedError, ResourceError
from iemhpc.resources import resource
from iemhpc.scheduler.base import JobState
from iemhpc.scheduler.run_files import read_job, read_plan
from iemhpc.scheduler.runs import run_states
from iemhpc.scheduler.submission import (
    check_writable,
    open_scheduler,
    render_scripts,
    submit_runs,
)
from iemhpc.workspace import Workspace, write_json

HERE = Path(__file__).parent
PROFILE = """\
scheduler = "pbs"
setup = ["true"]
lammps = ["none"]
wall_hours = 0.1
warning_s = 120
"""
ALL = ["a1", "b2", "c3"]
KINDS = {
    "PBS Professional": {"server": "pbs01.cluster.example", "history": True, "cores": 3},
    "OpenPBS": {"server": "head", "history": False, "cores": 3},
}


class FakePbs:
    """The spool of a fake queue, and what may happen to it."""

    def __init__(self, spool: Path) -> None:
        self.spool = spool

    def jobs(self) -> list[str]:
        """Return the names of all jobs that were ever made, in their order."""
        paths = sorted(self.spool.glob("*/job.json"), key=lambda path: int(path.parent.name))
        return [str(json.loads(path.read_text())["name"]) for path in paths]

    def starts(self, job: int, index: int = 0) -> int:
        """Return how often a task was started."""
        path = self.spool / str(job) / f"runs.{index}"
        return len(path.read_text().splitlines()) if path.exists() else 0

    def code(self, job: int, index: int = 0) -> int:
        """Return the exit code of a task."""
        return int((self.spool / str(job) / f"code.{index}").read_text())

    def fail_node(self, job: int, index: int = 0) -> None:
        """Let the node of a task die: its processes end at once, PBS queues it again."""
        (self.spool / str(job) / f"node_failed.{index}").touch()
        # a task's own files may come before the line that says who it is
        wait_for((self.spool / str(job) / f"pid.{index}").exists)
        self.kill(job, index)

    def kill(self, job: int, index: int = 0) -> None:
        """End every process of a task's session without a word."""
        session = (self.spool / str(job) / f"pid.{index}").read_text()
        for stat in Path("/proc").glob("[0-9]*/stat"):
            try:
                if stat.read_text().rpartition(")")[2].split()[3] == session:
                    os.kill(int(stat.parent.name), signal.SIGKILL)
            except OSError:
                continue

    def is_quiet(self) -> bool:
        """Say whether everything has ended."""
        states = [path.read_text() for path in self.spool.glob("*/state.*")]
        return all(state in ("X", "F") for state in states)


both_kinds = pytest.mark.parametrize("kind", sorted(KINDS), indirect=True)


@pytest.fixture
def kind(request: pytest.FixtureRequest) -> str:
    """Which PBS it is."""
    return str(getattr(request, "param", "PBS Professional"))


@pytest.fixture
def pbs(kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakePbs]:
    """A queue whose programs are first on the PATH; all that it started is gone in the end."""
    spool, programs = tmp_path / "spool", tmp_path / "bin"
    for folder in (spool, programs):
        folder.mkdir()
    (spool / "settings.json").write_text(json.dumps(KINDS[kind]))
    for name in ("qsub", "qstat", "qselect", "qdel"):
        shutil.copy(HERE / "fake_pbs.py", programs / name)
        (programs / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}:{os.environ['PATH']}")
    monkeypatch.setenv("FAKE_PBS_SPOOL", str(spool))
    queue = FakePbs(spool)
    yield queue
    for path in spool.glob("*/state.*"):
        path.write_text("F")
    for pid in spool.glob("*/pid.*"):
        queue.kill(int(pid.parent.name), int(pid.suffix[1:]))


@pytest.fixture
def workspace(pbs: FakePbs, tmp_path: Path, write_water_box: Callable[..., Path]) -> Workspace:
    """Three planned runs whose script takes no LAMMPS."""
    workspace = Workspace(tmp_path / "workspace")
    for name in ("a1", "b2", "c3"):
        write_water_box(workspace.run(name), per_edge=2, n_pairs=0)
    (workspace.root / "jobs").mkdir()
    shutil.copy(HERE / "trivial.sh", workspace.root / "jobs" / "local.sh")
    write_profile(workspace)
    return workspace


def write_profile(workspace: Workspace, text: str = "") -> None:
    """Write the profile ``test``, with more lines."""
    path = workspace.root / "clusters" / "test.toml"
    path.parent.mkdir(exist_ok=True)
    path.write_text(PROFILE + text)


def states(workspace: Workspace) -> dict[str, str]:
    """Return run -> state."""
    return {row.run_id: row.state for row in run_states(workspace)}


def wait_for(what: Callable[[], bool], *, seconds: float = 90.0) -> None:
    """Wait until something is so."""
    until = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < until, "it did not come"
        time.sleep(0.05)


def marks(workspace: Workspace) -> list[int]:
    """Return how often each run was done: its script appends a line each time."""
    paths = [workspace.run(run) / "done.marks" for run in ALL]
    return [len(path.read_text().splitlines()) if path.exists() else 0 for path in paths]


def does(workspace: Workspace, run: str, *attempts: str) -> None:
    """Say how each attempt of a run ends."""
    (workspace.run(run) / "does").write_text("".join(f"{word}\n" for word in attempts))


def task(workspace: Workspace, run: str) -> str:
    """Return the task that a run's job file names."""
    return str((read_job(workspace.run(run)) or {})["task"])


def attempts(workspace: Workspace, run: str) -> int:
    """Return how often a run was started."""
    return len((workspace.run(run) / "attempts.log").read_text().splitlines())


@both_kinds
def test_an_array_runs_each_run_once(workspace: Workspace, pbs: FakePbs) -> None:
    summary = submit_runs(workspace, ALL, cluster="test")
    assert summary.started == tuple(ALL)
    assert [job_id.partition(".")[0] for job_id in summary.job_ids] == ["1[]"]
    assert submit_runs(workspace, ALL, cluster="test").started == ()
    wait_for(pbs.is_quiet)
    assert states(workspace) == dict.fromkeys(ALL, "done")
    assert marks(workspace) == [1, 1, 1]
    assert [pbs.code(1, index) for index in range(3)] == [0, 0, 0]
    assert submit_runs(workspace, ALL, cluster="test").started == ()
    assert len(pbs.jobs()) == 1


def test_a_single_run_is_a_job_without_an_array(workspace: Workspace, pbs: FakePbs) -> None:
    (job_id,) = submit_runs(workspace, ["b2"], cluster="test").job_ids
    assert "[" not in job_id
    wait_for(pbs.is_quiet)
    assert states(workspace)["b2"] == "done"
    assert task(workspace, "b2") == job_id


def test_the_truth_of_each_task_reaches_the_table_and_the_queue(
    workspace: Workspace, pbs: FakePbs
) -> None:
    does(workspace, "b2", "failed")
    submit_runs(workspace, ALL, cluster="test")
    wait_for(pbs.is_quiet)
    assert states(workspace) == {"a1": "done", "b2": "failed", "c3": "done"}
    assert [pbs.code(1, index) for index in range(3)] == [0, 3, 0]
    assert submit_runs(workspace, ALL, cluster="test").started == ()


@both_kinds
def test_waiting_and_running_tasks_are_told_apart(workspace: Workspace, pbs: FakePbs) -> None:
    for run in ALL:
        does(workspace, run, "sleep")
    write_profile(workspace, "at_once = 2\n")
    (job_id,) = submit_runs(workspace, ALL, cluster="test").job_ids
    wait_for(lambda: list(states(workspace).values()).count("running") == 2)
    assert sorted(states(workspace).values()) == ["queued", "running", "running"]
    scheduler = open_scheduler(workspace, "test")
    answer = scheduler.poll([task(workspace, run) for run in ALL])
    assert sorted(answer.values()) == [JobState.QUEUED, JobState.RUNNING, JobState.RUNNING]
    scheduler.cancel([task(workspace, run) for run in ALL])
    wait_for(pbs.is_quiet)
    assert set(scheduler.poll([task(workspace, run) for run in ALL]).values()) == {JobState.GONE}
    scheduler.cancel([job_id])  # once more is no error
    # told to stop from outside, so no task has gone on by itself
    assert len(pbs.jobs()) == 1
    assert marks(workspace) == [0, 0, 0]


def test_a_job_that_can_never_run_is_queued_and_says_why(
    workspace: Workspace, pbs: FakePbs
) -> None:
    (pbs.spool / "settings.json").write_text(json.dumps(KINDS["OpenPBS"] | {"cores": 0}))
    why = "Can Never Run: Insufficient amount of resource: ncpus (R: 99 A: 2 T: 2)"
    (pbs.spool / "comment").write_text(why)
    submit_runs(workspace, ALL, cluster="test")
    rows = run_states(workspace)
    assert {row.state for row in rows} == {"queued"}
    assert {row.reason for row in rows} == {f"its queue says why it waits: {why}"}
    (pbs.spool / "comment").write_text("Not Running: Insufficient amount of resource: ncpus")
    assert {row.reason for row in run_states(workspace)} == {""}
    assert submit_runs(workspace, ALL, cluster="test").started == ()


def test_a_queue_that_does_not_answer_says_nothing_about_the_runs(
    workspace: Workspace, pbs: FakePbs
) -> None:
    does(workspace, "a1", "sleep")
    submit_runs(workspace, ["a1"], cluster="test")
    (pbs.spool / "down").touch()
    with pytest.raises(ProgramError, match="cannot connect to server head"):
        open_scheduler(workspace, "test").poll([task(workspace, "a1")])
    assert states(workspace)["a1"] in ("running", "unknown")
    assert submit_runs(workspace, ["a1"], cluster="test").started == ()
    with pytest.raises(ProgramError, match=r"cannot connect to server head(.|\n)*it is looked for"):
        submit_runs(workspace, ["b2"], cluster="test")
    assert states(workspace)["b2"] == "unknown"  # nobody knows whether qsub's request arrived
    (pbs.spool / "down").unlink()
    assert submit_runs(workspace, ["b2"], cluster="test").started == ("b2",)
    wait_for(lambda: states(workspace)["b2"] == "done")
    assert len(pbs.jobs()) == 2


def test_a_refused_submission_leaves_the_runs_planned(workspace: Workspace, pbs: FakePbs) -> None:
    write_profile(workspace, 'queue = "nonsense"\n')
    with pytest.raises(RefusedError, match=r"3 runs were not submitted: .*qsub: Unknown queue"):
        submit_runs(workspace, ALL, cluster="test")
    assert states(workspace) == dict.fromkeys(ALL, "planned")
    assert pbs.jobs() == []
    write_profile(workspace)
    submit_runs(workspace, ALL, cluster="test")
    wait_for(pbs.is_quiet)
    assert marks(workspace) == [1, 1, 1]


SUBMIT = """\
import sys
from pathlib import Path
from iemhpc.scheduler.submission import submit_runs
from iemhpc.workspace import Workspace
submit_runs(Workspace(Path(sys.argv[1])), sys.argv[2:], cluster="test")
"""


@both_kinds
@pytest.mark.parametrize("runs", [ALL, ["b2"]])
def test_a_crash_between_qsub_and_saving_is_found_again(
    workspace: Workspace, pbs: FakePbs, runs: list[str]
) -> None:
    for run in runs:
        does(workspace, run, "sleep")
    (pbs.spool / "kill_parent").touch()
    died = subprocess.run([sys.executable, "-c", SUBMIT, workspace.root, *runs], check=False)
    assert died.returncode == -signal.SIGKILL
    assert len(pbs.jobs()) == 1
    assert [(read_job(workspace.run(run)) or {})["task"] for run in runs] == [None] * len(runs)
    assert submit_runs(workspace, runs, cluster="test").started == ()
    wait_for(lambda: [states(workspace)[run] for run in runs] == ["running"] * len(runs))
    assert len(pbs.jobs()) == 1
    number = "1" if len(runs) == 1 else "1[1]"
    assert task(workspace, "b2").partition(".")[0] == number


@both_kinds
@pytest.mark.parametrize("is_noted", [True, False])
@pytest.mark.parametrize("runs", [ALL, ["b2"]])
def test_a_run_that_goes_on_after_a_crash_is_found_in_its_new_job(
    workspace: Workspace, pbs: FakePbs, runs: list[str], *, is_noted: bool
) -> None:
    does(workspace, "b2", "cut", "sleep")
    (pbs.spool / "kill_parent").touch()
    died = subprocess.run([sys.executable, "-c", SUBMIT, workspace.root, *runs], check=False)
    assert died.returncode == -signal.SIGKILL
    wait_for(lambda: task(workspace, "b2").startswith("2."))
    if not is_noted:  # its node died before it could
        path = workspace.run("b2") / "job.json"
        write_json(path, json.loads(path.read_text()) | {"task": None})
    wait_for(lambda: attempts(workspace, "b2") == 2)
    wait_for(lambda: all(states(workspace)[run] == "done" for run in set(runs) - {"b2"}))
    assert submit_runs(workspace, runs, cluster="test").started == ()
    assert task(workspace, "b2").startswith("2.")
    assert states(workspace)["b2"] == "running"
    assert len(pbs.jobs()) == 2


def test_a_crash_whose_job_has_ended_is_told_by_the_runs(
    workspace: Workspace, pbs: FakePbs
) -> None:
    (pbs.spool / "kill_parent").touch()
    subprocess.run([sys.executable, "-c", SUBMIT, workspace.root, *ALL], check=False)
    wait_for(pbs.is_quiet)
    assert states(workspace) == dict.fromkeys(ALL, "done")
    assert submit_runs(workspace, ALL, cluster="test").started == ()
    assert len(pbs.jobs()) == 1


def test_a_node_that_fails_gives_the_task_back(workspace: Workspace, pbs: FakePbs) -> None:
    does(workspace, "b2", "sleep", "done")
    submit_runs(workspace, ALL, cluster="test")
    wait_for(lambda: states(workspace) == {"a1": "done", "b2": "running", "c3": "done"})
    pbs.fail_node(1, 1)
    wait_for(pbs.is_quiet)
    assert states(workspace)["b2"] == "done"
    assert pbs.starts(1, 1) == 2
    assert marks(workspace) == [1, 1, 1]
    assert len(pbs.jobs()) == 1


@both_kinds
def test_runs_that_were_cut_short_go_on_in_a_new_job(workspace: Workspace, pbs: FakePbs) -> None:
    does(workspace, "b2", "cut", "cut", "sleep")
    submit_runs(workspace, ALL, cluster="test")
    wait_for(lambda: len(pbs.jobs()) == 3)
    wait_for(lambda: task(workspace, "b2").startswith("3."))
    wait_for(lambda: states(workspace) == {"a1": "done", "b2": "running", "c3": "done"})
    # the new job is the run's own: nobody submits it a second time
    assert submit_runs(workspace, ALL, cluster="test").started == ()
    assert attempts(workspace, "b2") == 3
    assert pbs.code(1, 1) == pbs.code(2) == 75
    names = pbs.jobs()
    assert names[1] == names[2] != names[0]


def test_without_a_qsub_on_the_nodes_the_next_submission_goes_on(
    workspace: Workspace, pbs: FakePbs
) -> None:
    does(workspace, "a1", "cut", "done")
    (pbs.spool / "most_jobs").write_text("1")
    submit_runs(workspace, ["a1"], cluster="test")
    wait_for(pbs.is_quiet)
    assert pbs.code(1) == 75
    assert states(workspace)["a1"] == "interrupted"
    words = "".join(path.read_text() for path in workspace.runs.rglob("pbs.0.out"))
    assert "qsub: would exceed limit" in words
    assert "no job to go on in; submit again: iemhpc md-submit" in words
    (pbs.spool / "most_jobs").unlink()
    assert submit_runs(workspace, ["a1"], cluster="test").started == ("a1",)
    wait_for(lambda: states(workspace)["a1"] == "done")
    assert len(pbs.jobs()) == 2


def test_a_run_is_cut_short_no_more_than_so_often(workspace: Workspace, pbs: FakePbs) -> None:
    does(workspace, "a1", *["cut"] * 9)
    write_profile(workspace, "attempts = 2\n")
    submit_runs(workspace, ["a1"], cluster="test")
    wait_for(lambda: len(pbs.jobs()) == 2 and pbs.is_quiet())
    time.sleep(0.5)
    assert len(pbs.jobs()) == 2
    assert attempts(workspace, "a1") == 2
    words = "".join(path.read_text() for path in workspace.runs.rglob("pbs.0.out"))
    assert "cut short 2 times" in words


def test_the_script_gives_the_warning_that_pbs_does_not(workspace: Workspace, pbs: FakePbs) -> None:
    text = resource("jobs", "pbs.sh").read_text()
    assert "@@{wall_s} - @@{warning_s}" in text
    short = text.replace("@@{wall_s} - @@{warning_s}", "1")
    (workspace.root / "jobs" / "pbs.sh").write_text(short)
    does(workspace, "a1", "sleep", "done")
    submit_runs(workspace, ["a1"], cluster="test")
    wait_for(lambda: states(workspace)["a1"] == "done")
    assert attempts(workspace, "a1") == 2
    assert len(pbs.jobs()) == 2


def test_several_runs_share_a_job_and_each_has_its_own_end(
    workspace: Workspace, pbs: FakePbs
) -> None:
    write_profile(workspace, "runs_per_job = 2\n")
    does(workspace, "a1", "failed")
    does(workspace, "b2", "cut", "done")
    submit_runs(workspace, ALL, cluster="test")
    assert [task(workspace, run).partition(".")[0] for run in ALL] == ["1[0]", "1[0]", "1[1]"]
    wait_for(lambda: len(pbs.jobs()) == 2 and pbs.is_quiet())
    assert states(workspace) == {"a1": "failed", "b2": "done", "c3": "done"}
    # the failed one was not started again with the one that goes on, nor was it forgotten
    assert [attempts(workspace, run) for run in ALL] == [1, 2, 1]
    assert pbs.code(1, 0) == 3
    assert pbs.code(1, 1) == 0
    assert pbs.code(2) == 1
    slots = [(workspace.run(run) / "attempts.log").read_text().split()[1] for run in ALL]
    assert slots == ["slot=0", "slot=1", "slot=0"]


def test_a_command_waits_until_every_run_has_ended(workspace: Workspace, pbs: FakePbs) -> None:
    does(workspace, "a1", "sleep")
    does(workspace, "b2", "failed")
    scheduler = open_scheduler(workspace, "test")
    job_ids = submit_runs(workspace, ALL, cluster="test").job_ids
    words = ["bash", "-c", "ls runs/*/status.json >seen.txt; echo said"]
    first = scheduler.submit_after(job_ids, words, name="descriptors")
    assert scheduler.submit_after(job_ids, words, name="descriptors") == first
    wait_for(lambda: states(workspace) == {"a1": "running", "b2": "failed", "c3": "done"})
    assert not (workspace.root / "seen.txt").exists()
    scheduler.cancel([task(workspace, "a1")])
    wait_for(pbs.is_quiet)
    assert len((workspace.root / "seen.txt").read_text().splitlines()) == 3
    (out,) = workspace.runs.glob(".pbs/*/after.out")
    assert out.read_text() == "said\n"


def test_groups_and_parts_are_each_submitted_once(workspace: Workspace, pbs: FakePbs) -> None:
    write_profile(workspace, "array_size = 2\n")
    assert len(submit_runs(workspace, ALL, cluster="test").job_ids) == 2
    wait_for(pbs.is_quiet)
    assert marks(workspace) == [1, 1, 1]
    assert len(set(pbs.jobs())) == 2


def test_a_command_that_waits_is_given_again_when_a_run_that_went_on_has_ended(
    workspace: Workspace, pbs: FakePbs
) -> None:
    does(workspace, "b2", "cut", "cut", "sleep")
    job_ids = submit_runs(workspace, ALL, cluster="test").job_ids
    words = ["bash", "-c", "cat runs/*/done.marks | wc -l; sleep 1"]
    scheduler = open_scheduler(workspace, "test")
    scheduler.submit_after(job_ids, words, name="descriptors")
    wait_for(lambda: states(workspace) == {"a1": "done", "b2": "running", "c3": "done"})
    wait_for(lambda: said(workspace) == ["2"])
    pbs.fail_node(int(task(workspace, "b2").partition(".")[0]))
    does(workspace, "b2", *["done"] * 4)
    wait_for(lambda: said(workspace) == ["2", "3"])
    wait_for(pbs.is_quiet)


def said(workspace: Workspace) -> list[str]:
    """Return what a command that waited has said."""
    lines = [path.read_text().splitlines() for path in workspace.runs.glob(".pbs/*/after.out")]
    return [line for each in lines for line in each if line.isdigit()]


def test_runs_that_ask_for_the_same_share_an_array(
    workspace: Workspace, pbs: FakePbs, write_water_box: Callable[..., Path]
) -> None:
    for run, n_atoms in (("a1", 2000), ("b2", 9000), ("c3", 1000)):
        plan = json.loads((workspace.run(run) / "plan.json").read_text())
        request = plan["request"] | {"n_atoms": n_atoms}
        write_json(workspace.run(run) / "plan.json", plan | {"request": request})
    sizes = "[[sizes]]\nup_to_atoms = 3000\ncores_per_run = 1\nwall_hours = 2\n"
    sizes += "[[sizes]]\nup_to_atoms = 9000\ncores_per_run = 4\n"
    write_profile(workspace, f'launcher = ["mpiexec", "-n", "{{processes}}"]\n{sizes}')
    plans = {workspace.run(run): read_plan(workspace.run(run)) for run in ALL}
    shown = render_scripts(workspace, plans, cluster="test")
    assert [path.name for path in shown.texts].count("job.sh") == 2
    (first,) = (path for path in shown.texts if path.name == "run.sh")
    assert shown.like_it[first].startswith("2 more like it")
    assert pbs.jobs() == []
    summary = submit_runs(workspace, ALL, cluster="test")
    assert [job_id.partition(".")[0] for job_id in summary.job_ids] == ["1[]", "2"]
    wait_for(pbs.is_quiet)
    assert marks(workspace) == [1, 1, 1]
    lines = [(workspace.run(run) / "attempts.log").read_text().split() for run in ALL]
    assert [line[2] for line in lines] == ["cores=1", "cores=4", "cores=1"]
    jobs = [read_job(workspace.run(run)) or {} for run in ALL]
    assert [job["cores_per_run"] for job in jobs] == [1, 4, 1]
    assert {job["cluster"] for job in jobs} == {"test"}
    asked = [json.loads((pbs.spool / n / "job.json").read_text())["select"] for n in "12"]
    assert asked == [
        ["select=1:ncpus=1:mpiprocs=1:ompthreads=1", "walltime=02:00:00"],
        ["select=1:ncpus=4:mpiprocs=4:ompthreads=1", "walltime=00:06:00"],
    ]


def test_a_second_part_that_is_refused_leaves_the_first_submitted(
    workspace: Workspace, pbs: FakePbs
) -> None:
    write_profile(workspace, "array_size = 2\n")
    (pbs.spool / "most_jobs").write_text("1")
    words = r"1 run was not submitted: .*would exceed .*submitted before it: 1\[\]"
    with pytest.raises(RefusedError, match=words):
        submit_runs(workspace, ALL, cluster="test")
    assert states(workspace)["c3"] == "planned"
    (pbs.spool / "most_jobs").unlink()
    assert submit_runs(workspace, ALL, cluster="test").started == ("c3",)
    wait_for(pbs.is_quiet)
    assert marks(workspace) == [1, 1, 1]


@pytest.mark.parametrize(
    ("file_mode", "file_bits", "folder_bits"), [("group", 0o660, 0o2770), ("private", 0o600, 0o700)]
)
def test_a_run_belongs_to_whom_the_profile_says(
    workspace: Workspace, pbs: FakePbs, file_mode: str, file_bits: int, folder_bits: int
) -> None:
    write_profile(workspace, f'file_mode = "{file_mode}"\n')
    before = os.umask(0o022)
    try:
        submit_runs(workspace, ALL, cluster="test")
        assert os.umask(0o022) == 0o022
    finally:
        os.umask(before)
    wait_for(pbs.is_quiet)
    for run in ALL:
        folder = workspace.run(run)
        assert folder.stat().st_mode & 0o7777 == folder_bits
        found = {path.name: path.stat().st_mode & 0o666 for path in folder.iterdir()}
        assert found == dict.fromkeys(found, file_bits)
        assert "done.marks" in found
    assert workspace.runs.stat().st_mode & 0o7777 == folder_bits


def test_a_folder_that_cannot_be_written_is_said_before_anything_is_done(tmp_path: Path) -> None:
    (tmp_path / "runs").write_text("a file where the folder would be")
    with pytest.raises(ResourceError, match=r"runs cannot be written: File exists; choose another"):
        check_writable(Workspace(tmp_path))
    check_writable(Workspace(tmp_path / "new"))
    assert list((tmp_path / "new" / "runs").iterdir()) == []


@pytest.mark.slow
@pytest.mark.lammps
def test_lammps_goes_on_from_its_restart_file_in_the_next_job(
    pbs: FakePbs, tmp_path: Path, lmp: str, write_water_box: Callable[..., Path]
) -> None:
    workspace = Workspace(tmp_path / "workspace")
    folder = write_water_box(workspace.run("a1"), production_ps=4.0)
    (workspace.root / "jobs").mkdir()
    # the warning comes in the first job alone, and when there is something to go on from
    wait = (
        f'[ -n "$IEMHPC_TASK" ] || until [ -e {folder}/production.b.restart ]; do sleep 0.1; done'
    )
    text = resource("jobs", "pbs.sh").read_text()
    sleep = 'sleep "$((@@{wall_s} - @@{warning_s}))" &'
    assert sleep in text
    (workspace.root / "jobs" / "pbs.sh").write_text(
        text.replace(sleep, f'{{ {wait}; [ -z "$IEMHPC_TASK" ] || sleep 600; }} &')
    )
    write_profile(workspace)
    profile = workspace.root / "clusters" / "test.toml"
    profile.write_text(PROFILE.replace('"none"', json.dumps(lmp)))
    submit_runs(workspace, ["a1"], cluster="test")
    wait_for(lambda: states(workspace)["a1"] == "done", seconds=240)
    wait_for(pbs.is_quiet)
    assert len(pbs.jobs()) == attempts(workspace, "a1") == 2
    segments = json.loads((folder / "segments.json").read_text())
    assert [segment["attempt"] for segment in segments] == [1, 2]
    assert segments[0]["first_step"] == 0
    assert segments[1]["restart"] is not None
    ends = [line.split()[::2] for line in (folder / "ended.log").read_text().splitlines()]
    assert ends == [["1", "rc=75"], ["2", "rc=0"]]
    cores = [line.split()[-2] for line in (folder / "attempts.log").read_text().splitlines()]
    assert cores == ["cores=1", "cores=1"]
