"""What goes wrong on a cluster, made to go wrong on a real Slurm: nothing is lost or run twice.

The cases: a failing task, a dependant of a failed job, the time limit, requeue, preemption, a dead
node, a dead controller, a submitter killed before, during and after sbatch, two submitters at once,
scancel by hand, a status file cut in half, a bad partition. A failing task of an array is in
test_slurmctld.py, a full disk in faults/ and in scheduler/test_local.py.
"""

import json
import os
import shlex
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from iemhpc.descriptors.dcd import read_dcd_header
from iemhpc.errors import ProgramError
from iemhpc.resources import resource
from iemhpc.scheduler.run_files import read_job
from iemhpc.scheduler.runs import run_states
from iemhpc.scheduler.submission import open_scheduler, submit_runs
from iemhpc.workspace import Workspace

pytestmark = [
    pytest.mark.slurm,
    pytest.mark.lammps,
    pytest.mark.faults,
    pytest.mark.usefixtures("lmp", "slurm"),
]
WriteBox = Callable[..., Path]
PROFILE = """\
scheduler = "slurm"
wall_hours = 0.2
warning_s = 120
memory_MB_per_core = 50
"""
SUBMIT = """
import sys
from pathlib import Path
from iemhpc.scheduler.submission import submit_runs
from iemhpc.workspace import Workspace
submit_runs(Workspace(Path(sys.argv[1])), sys.argv[2:], cluster="test")
"""
LONG_PS = 4.0
SLOW = pytest.mark.slow
STRIDE_STEPS = 10


@pytest.fixture(scope="module")
def equilibrated(
    lmp: str, write_water_box: WriteBox, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """A finished, very short run, to take an equilibrated box from."""
    workspace = Workspace(tmp_path_factory.mktemp("equilibrated"))
    folder = write_water_box(workspace.run("a1"), production_ps=0.1)
    submit_runs(workspace, ["a1"], cluster="this-machine")
    return folder


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    (tmp_path / "clusters").mkdir()
    (tmp_path / "clusters" / "test.toml").write_text(PROFILE)
    return Workspace(tmp_path)


@pytest.fixture
def producing(workspace: Workspace, equilibrated: Path) -> Workspace:
    """A workspace with a run that lacks its production alone."""
    folder = workspace.run("a1")
    folder.mkdir(parents=True)
    for name in ("system.data", "styles.in", "minimized.data", "equilibrated.data"):
        shutil.copy(equilibrated / name, folder)
    shutil.copy(equilibrated / "plan.json", folder)
    lengthen(folder, LONG_PS)
    return workspace


def lengthen(folder: Path, production_ps: float) -> None:
    plan = json.loads((folder / "plan.json").read_text())
    plan["sampling"] |= {"production_ps": production_ps, "frame_ps": 0.02}
    (folder / "plan.json").write_text(json.dumps(plan))


def states(workspace: Workspace) -> dict[str, str]:
    return {row.run_id: row.state for row in run_states(workspace)}


def wait_for(what: Callable[[], Any], *, seconds: float = 90.0) -> None:
    until = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < until, "it did not come"
        time.sleep(0.1)


def wait_until_done(workspace: Workspace, *, seconds: float = 90.0) -> None:
    wait_for(lambda: states(workspace)["a1"] == "done", seconds=seconds)


def submit(workspace: Workspace) -> str:
    """Submit the one run and return its job."""
    (job_id,) = submit_runs(workspace, ["a1"], cluster="test").job_ids
    return job_id


def has_both_restarts(folder: Path) -> bool:
    return all((folder / f"production.{name}.restart").exists() for name in "ab")


def attempts(folder: Path) -> int:
    path = folder / "attempts.log"
    return len(path.read_text().splitlines()) if path.exists() else 0


def frame_steps(folder: Path) -> list[int]:
    """Steps of all frames in the order of the files, those that a later attempt made again once."""
    steps = set[int]()
    for path in folder.glob("production.*.dcd"):
        header = read_dcd_header(path)
        first = int(path.name.split(".")[1])
        steps |= {first + k * header.stride_steps for k in range(header.n_frames)}
    return sorted(steps)


def assert_complete(folder: Path, *, production_ps: float = LONG_PS) -> None:
    last = round(production_ps * 500)
    assert frame_steps(folder) == list(range(0, last + 1, STRIDE_STEPS))


def reason(workspace: Workspace) -> str:
    return run_states(workspace)[0].reason


def test_a_dependant_of_a_failed_run_is_ended_or_runs_but_never_waits_for_ever(
    workspace: Workspace, write_water_box: WriteBox, slurm: Any, tmp_path: Path
) -> None:
    folder = write_water_box(workspace.run("a1"), production_ps=0.1)
    (folder / "styles.in").write_text("pair_style nonsense\n")
    job = submit(workspace)
    mark = tmp_path / "after"
    open_scheduler(workspace, "test").submit_after([job], ["touch", str(mark)], name="after")
    strict = slurm.ask(
        *("sbatch", "--parsable", f"--dependency=afterok:{job}", "--kill-on-invalid-dep=yes"),
        *("--output=/dev/null", "--wrap=true"),
    ).strip()
    wait_for(mark.exists)
    wait_for(lambda: slurm.codes(strict) == {strict: "CA"})
    assert slurm.codes(job) == {f"{job}_0": "F"}
    assert states(workspace) == {"a1": "failed"}


def test_a_run_that_is_queued_again_by_hand_goes_on(producing: Workspace, slurm: Any) -> None:
    folder = producing.run("a1")
    job = submit(producing)
    wait_for(lambda: has_both_restarts(folder))
    slurm.ask("scontrol", "requeue", f"{job}_0")
    wait_for(lambda: attempts(folder) == 2)
    wait_until_done(producing)
    assert_complete(folder)
    wait_for(lambda: slurm.codes(job) == {f"{job}_0": "CD"})
    # the record of slurmctld: one end that was none, one that was
    assert [end.state for end in slurm.ended() if end.task == f"{job}_0"][-1] == "COMPLETED"


def test_a_run_whose_script_was_killed_and_that_is_queued_again_is_not_submitted_beside_itself(
    producing: Workspace, slurm: Any
) -> None:
    folder = producing.run("a1")
    job = submit(producing)
    wait_for(lambda: has_both_restarts(folder))
    os.kill(json.loads((folder / "status.json").read_text())["pid"], signal.SIGKILL)
    slurm.ask("scontrol", "requeuehold", f"{job}_0")
    wait_for(lambda: slurm.codes(job) == {f"{job}_0": "PD"})
    assert submit_runs(producing, ["a1"], cluster="test").left == {"a1": "queued"}
    slurm.ask("scontrol", "release", f"{job}_0")
    wait_until_done(producing)
    assert attempts(folder) == 2
    assert slurm.jobs_named(job_name(folder)) == {job}
    assert_complete(folder)


def test_a_preempted_run_makes_way_and_goes_on(producing: Workspace, slurm: Any) -> None:
    folder = producing.run("a1")
    job = submit(producing)
    wait_for(lambda: has_both_restarts(folder))
    urgent = slurm.ask(
        *("sbatch", "--parsable", "--partition=urgent", "--nodes=2", "--exclusive"),
        *("--output=/dev/null", "--wrap=sleep 1"),
    ).strip()
    wait_for(lambda: slurm.codes(job)[f"{job}_0"] == "PD")
    assert states(producing)["a1"] == "queued"
    assert submit_runs(producing, ["a1"], cluster="test").started == ()
    wait_for(lambda: slurm.codes(urgent) == {urgent: "CD"})
    wait_until_done(producing)
    assert attempts(folder) == 2
    assert_complete(folder)


def test_a_run_of_a_dead_node_goes_on_elsewhere(producing: Workspace, slurm: Any) -> None:
    folder = producing.run("a1")
    job = submit(producing)
    wait_for(lambda: has_both_restarts(folder))
    node = slurm.ask("squeue", "--noheader", f"--jobs={job}", "--format=%N").strip()
    slurm.kill_node(node)
    slurm.ask("scontrol", "update", f"NodeName={node}", "State=DOWN", "Reason=gone")
    try:
        assert states(producing)["a1"] in ("queued", "running", "interrupted")
        wait_until_done(producing)
    finally:
        slurm.start_node(node)
    assert attempts(folder) == 2
    assert_complete(folder)


@pytest.mark.slow
def test_a_node_that_falls_silent_is_found_dead_by_slurm(producing: Workspace, slurm: Any) -> None:
    folder = producing.run("a1")
    job = submit(producing)
    wait_for(lambda: has_both_restarts(folder))
    node = slurm.ask("squeue", "--noheader", f"--jobs={job}", "--format=%N").strip()
    slurm.kill_node(node)
    try:
        wait_for(lambda: slurm.node_state(node) == "down", seconds=180)
        wait_until_done(producing, seconds=180)
    finally:
        slurm.start_node(node)
    assert_complete(folder)


def test_a_controller_that_is_killed_and_started_again_ends_nothing(
    producing: Workspace, slurm: Any
) -> None:
    folder = producing.run("a1")
    lengthen(folder, 6 * LONG_PS)  # slurmctld takes seconds to save a job
    job = submit(producing)
    wait_for(lambda: slurm.has_saved_name(job_name(folder)))
    wait_for(lambda: has_both_restarts(folder))
    slurm.kill_controller()
    try:
        row = run_states(producing)[0]
        assert row.state in ("running", "unknown")
        if row.state == "unknown":
            assert "the queue does not answer" in row.reason
        assert submit_runs(producing, ["a1"], cluster="test").started == ()
    finally:
        slurm.start_controller()
    wait_until_done(producing)
    # one that had saved the job before it ran has it ended on its node and starts it again
    assert attempts(folder) <= 2
    assert_complete(folder, production_ps=6 * LONG_PS)
    wait_for(lambda: slurm.codes(job) == {f"{job}_0": "CD"})


def test_a_held_run_says_how_it_is_let_go_and_runs_then(
    workspace: Workspace, write_water_box: WriteBox, slurm: Any
) -> None:
    write_water_box(workspace.run("a1"), production_ps=0.1)
    slurm.ask("scontrol", "update", "PartitionName=cpu", "State=DOWN")
    try:
        job = submit(workspace)
        slurm.ask("scontrol", "hold", job)
        assert states(workspace) == {"a1": "queued"}
        release = reason(workspace).partition(": ")[2].split()
        assert release == ["scontrol", "release", f"{job}_0"]
    finally:
        slurm.ask("scontrol", "update", "PartitionName=cpu", "State=UP")
    slurm.ask(*release)
    wait_until_done(workspace)


@pytest.mark.slow
def test_a_waiting_run_of_a_dead_controller_is_unknown_and_stays(
    workspace: Workspace, write_water_box: WriteBox, slurm: Any
) -> None:
    write_water_box(workspace.run("a1"), production_ps=0.1)
    slurm.ask("scontrol", "update", "PartitionName=cpu", "State=DOWN")
    try:
        submit(workspace)
        wait_for(lambda: slurm.has_saved_name(job_name(workspace.run("a1"))))
        slurm.kill_controller()
        try:
            assert states(workspace) == {"a1": "unknown"}
            assert "the queue does not answer" in reason(workspace)
            assert submit_runs(workspace, ["a1"], cluster="test").started == ()
        finally:
            slurm.start_controller()
        assert states(workspace) == {"a1": "queued"}
    finally:
        slurm.ask("scontrol", "update", "PartitionName=cpu", "State=UP")
    wait_until_done(workspace)
    assert attempts(workspace.run("a1")) == 1


SBATCH = """\
#!/usr/bin/env bash
# stands before sbatch on the PATH and kills who called it, once
[ -e {mark} ] && exec {sbatch} "$@"
touch {mark}
{fault}
"""
KILLED = {
    "before sbatch": "kill -KILL $PPID; exit 1",
    "while sbatch is on its way": 'kill -KILL $PPID; sleep 1; {sbatch} "$@"',
    "before sbatch has answered": '{sbatch} "$@" >/dev/null; kill -KILL $PPID',
    "as sbatch answers": '(sleep 0.01; kill -KILL $PPID) >/dev/null & {sbatch} "$@"; wait',
    "after sbatch": '(sleep 0.3; kill -KILL $PPID) >/dev/null 2>&1 & exec {sbatch} "$@"',
}


@pytest.mark.parametrize(
    "when",
    [
        when if "answered" in when or "on its way" in when else pytest.param(when, marks=SLOW)
        for when in KILLED
    ],
)
def test_a_submitter_killed_at_any_moment_submits_once(
    workspace: Workspace, write_water_box: WriteBox, slurm: Any, tmp_path: Path, when: str
) -> None:
    folder = write_water_box(workspace.run("a1"), production_ps=0.1)
    sbatch = shutil.which("sbatch")
    assert sbatch
    wrapper = tmp_path / "bin" / "sbatch"
    wrapper.parent.mkdir()
    fault = KILLED[when].format(sbatch=sbatch)
    text = SBATCH.format(mark=shlex.quote(str(tmp_path / "mark")), sbatch=sbatch, fault=fault)
    wrapper.write_text(text)
    wrapper.chmod(0o755)
    path = f"{wrapper.parent}:{os.environ['PATH']}"
    first = start(workspace, path=path)
    first.communicate(timeout=60)
    if when != "after sbatch":
        assert first.returncode == -signal.SIGKILL
    again = start(workspace, path=path)
    said = again.communicate(timeout=60)[0].decode()
    assert again.returncode == 0, said
    wait_until_done(workspace)
    if when == "while sbatch is on its way":  # the late one comes, and finds the run in good hands
        time.sleep(1.0)
    wait_for(lambda: not slurm.ask("squeue", "--noheader"))
    assert states(workspace) == {"a1": "done"}
    assert attempts(folder) == 1
    assert_complete(folder, production_ps=0.1)
    assert len(slurm.jobs_named(job_name(folder))) == 1 + (when == "while sbatch is on its way")


def job_name(folder: Path) -> str:
    job = read_job(folder)
    assert job
    return f"iemhpc-{job['submission']}"


def start(workspace: Workspace, *, path: str = "") -> subprocess.Popen[bytes]:
    """Submit in a process of its own."""
    return subprocess.Popen(
        [sys.executable, "-c", SUBMIT, str(workspace.root), "a1"],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env={**os.environ, "PATH": path or os.environ["PATH"]},
    )


def test_two_submitters_at_once_submit_once(
    workspace: Workspace, write_water_box: WriteBox, slurm: Any
) -> None:
    folder = write_water_box(workspace.run("a1"), production_ps=0.1)
    with start(workspace) as one, start(workspace) as two:
        assert (one.wait(60), two.wait(60)) == (0, 0)
    wait_until_done(workspace)
    assert len(slurm.jobs_named(job_name(folder))) == 1
    assert attempts(folder) == 1


def test_a_run_cancelled_by_hand_stays_where_it_is_until_it_is_asked_for(
    producing: Workspace, slurm: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("iemhpc.scheduler.states.GRACE_S", 0.5)
    folder = producing.run("a1")
    job = submit(producing)
    wait_for(lambda: has_both_restarts(folder))
    slurm.ask("scancel", job)
    wait_for(lambda: slurm.codes(job) == {f"{job}_0": "CA"})
    wait_for(lambda: states(producing)["a1"] == "interrupted")
    # where the machine is so busy that Slurm's KILL comes before the script's last word
    assert "TERM" in reason(producing) or reason(producing) == "its process is gone"
    assert attempts(folder) == 1
    second = submit(producing)
    wait_until_done(producing)
    assert second != job
    assert_complete(folder)


def test_a_status_file_cut_in_half_is_made_again(producing: Workspace) -> None:
    folder = producing.run("a1")
    submit(producing)
    wait_for(lambda: has_both_restarts(folder))
    status = folder / "status.json"
    status.write_text(status.read_text()[:40])
    assert states(producing)["a1"] == "running"
    assert submit_runs(producing, ["a1"], cluster="test").started == ()
    wait_until_done(producing)
    assert attempts(folder) == 1
    status.write_text(status.read_text()[:40])
    wait_for(lambda: states(producing)["a1"] in ("unknown", "interrupted"))  # its job has left
    subprocess.run(["bash", str(folder / "run.sh")], check=True)
    assert states(producing)["a1"] == "done"
    assert_complete(folder)


def test_a_bad_partition_is_refused_in_slurms_own_words(
    workspace: Workspace, write_water_box: WriteBox
) -> None:
    folder = write_water_box(workspace.run("a1"), production_ps=0.1)
    profile = workspace.root / "clusters" / "test.toml"
    profile.write_text(PROFILE + 'partition = "nowhere"\n')
    with pytest.raises(ProgramError, match="invalid partition specified: nowhere"):
        submit_runs(workspace, ["a1"], cluster="test")
    # mended, the same command goes on
    profile.write_text(PROFILE)
    submit(workspace)
    wait_until_done(workspace)
    assert attempts(folder) == 1


@pytest.mark.slow
def test_the_time_limit_is_met_with_a_restart_and_the_run_goes_on(
    producing: Workspace, slurm: Any
) -> None:
    # Slurm's shortest limit is a minute; it sends the signal early or late by half of one
    text = resource("jobs", "slurm.sh").read_text()
    shorter = "@@{header}\n#SBATCH --time=1\n#SBATCH --signal=B:USR1@40\n"
    (producing.root / "jobs").mkdir()
    (producing.root / "jobs" / "slurm.sh").write_text(text.replace("@@{header}\n", shorter))
    folder = producing.run("a1")
    plan = json.loads((folder / "plan.json").read_text())
    plan["sampling"]["production_ps"] = 150.0
    (folder / "plan.json").write_text(json.dumps(plan))
    job = submit(producing)
    wait_for(lambda: attempts(folder) >= 2, seconds=240)
    assert "USR1" in (folder / "status.json").read_text() or states(producing)["a1"] == "running"
    wait_for(lambda: len(json.loads((folder / "segments.json").read_text())) >= 2, seconds=60)
    segments = json.loads((folder / "segments.json").read_text())
    assert segments[1]["restart"] == "production.restart"
    slurm.ask("scancel", job)
    wait_for(lambda: not slurm.ask("squeue", "--noheader"))
    last = frame_steps(folder)[-1]
    assert frame_steps(folder) == list(range(0, last + 1, STRIDE_STEPS))
