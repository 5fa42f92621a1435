"""Cancelled runs end well, stay ended, and start again on purpose only; LAMMPS itself runs."""

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from iemhpc.errors import InputError, RefusedError, UnknownNameError
from iemhpc.scheduler.cancelling import cancel_runs
from iemhpc.scheduler.resubmitting import resubmit_runs
from iemhpc.scheduler.runs import run_states
from iemhpc.scheduler.submission import submission_lock, submit_runs
from iemhpc.workspace import Workspace, write_json

WriteBox = Callable[..., Path]
HERE = "this-machine"
SUBMIT = """
import sys
from pathlib import Path
from iemhpc.scheduler.submission import submit_runs
from iemhpc.workspace import Workspace
submit_runs(Workspace(Path(sys.argv[1])), sys.argv[2:], cluster="this-machine")
"""


@pytest.fixture
def workspace(tmp_path: Path, write_water_box: WriteBox) -> Workspace:
    workspace = Workspace(tmp_path)
    for name in ("a1", "b2"):
        write_water_box(workspace.run(name))
    return workspace


def states(workspace: Workspace) -> dict[str, str]:
    return {row.run_id: row.state for row in run_states(workspace)}


def say(workspace: Workspace, name: str, state: str, **values: Any) -> None:
    said = {"state": state, "stage": "production", "attempt": 1, "rc": None, "reason": ""}
    said |= {"host": "n1", "pid": 1, "n_steps": 200} | values
    write_json(workspace.run(name) / "status.json", said)


def hand_over(workspace: Workspace, name: str, **values: Any) -> None:
    job = {"scheduler": "slurm", "submission": "0f", "index": 0, "task": "7_0", "attempts": 0}
    job |= {"submitted_s": time.time(), "cluster": "slurm"} | values
    write_json(workspace.run(name) / "job.json", job)


def slurm_that(folder: Path, monkeypatch: pytest.MonkeyPatch, *, says: str, rc: int = 0) -> Path:
    """Put a squeue that answers and a scancel that notes its words on the PATH."""
    folder.mkdir()
    told = folder / "told"
    for name, line in (("squeue", f"echo '{says}'"), ("scancel", f'echo "$*" >>{told}')):
        (folder / name).write_text(f"#!/bin/bash\n{line}\nexit {rc}\n")
        (folder / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")
    return told


def wait_for(what: Callable[[], Any], *, seconds: float = 60.0) -> None:
    until = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < until, "it did not come"
        time.sleep(0.05)


@pytest.mark.lammps
@pytest.mark.usefixtures("lmp")
def test_a_running_run_ends_with_its_restart_file_and_goes_on_when_resubmitted(
    workspace: Workspace, write_water_box: WriteBox
) -> None:
    run = write_water_box(workspace.run("c3"), production_ps=6.0, frame_ps=0.02)
    with subprocess.Popen([sys.executable, "-c", SUBMIT, str(workspace.root), "c3"]) as process:
        wait_for((run / "production.b.restart").exists)
        assert states(workspace)["c3"] == "running"
        assert cancel_runs(workspace, ["c"]).cancelled == ("c3",)
        wait_for(lambda: states(workspace)["c3"] == "cancelled")
        assert process.wait(30) == 0
    assert (run / "production.restart").exists()
    # md-submit leaves it; so does run.sh where somebody starts it by hand
    assert submit_runs(workspace, ["c3"], cluster=HERE).left == {"c3": "cancelled"}
    by_hand = subprocess.run(["bash", run / "run.sh"], check=False, timeout=30)
    assert by_hand.returncode == 76
    assert len((run / "attempts.log").read_text().splitlines()) == 1
    summary = resubmit_runs(workspace, ["c3"])
    assert summary.started == ("c3",)
    assert states(workspace)["c3"] == "done"
    first, second = json.loads((run / "segments.json").read_text())
    assert (first["attempt"], second["attempt"]) == (1, 2)
    row = next(row for row in run_states(workspace) if row.run_id == "c3")
    assert row.done_ns == pytest.approx(0.006)
    assert row.core_hours > 0.0
    assert row.hours_left == 0.0


@pytest.mark.lammps
@pytest.mark.usefixtures("lmp")
def test_a_fresh_start_keeps_the_old_trajectories_aside(
    workspace: Workspace, write_water_box: WriteBox
) -> None:
    run = write_water_box(workspace.run("c3"), production_ps=0.1)
    submit_runs(workspace, ["c3"], cluster=HERE)
    old = (run / "production.0.dcd").read_bytes()
    say(workspace, "c3", "failed", reason="ERROR: x", rc=1)
    (run / "production.steps").unlink()
    summary = resubmit_runs(workspace, ["c3"], fresh=True)
    assert summary.aside == {"c3": "c3/aside.1"}
    assert "c3: its trajectories lie in c3/aside.1" in summary.lines()
    assert (run / "aside.1" / "production.0.dcd").read_bytes() == old
    assert states(workspace)["c3"] == "done"
    (segment,) = json.loads((run / "segments.json").read_text())
    assert (segment["first_step"], segment["attempt"]) == (0, 2)


@pytest.mark.lammps
@pytest.mark.usefixtures("lmp")
def test_a_finished_run_starts_anew_where_its_trajectory_is_kept(
    workspace: Workspace, write_water_box: WriteBox
) -> None:
    run = write_water_box(workspace.run("c3"), production_ps=0.1)
    submit_runs(workspace, ["c3"], cluster=HERE)
    old = (run / "production.0.dcd").read_bytes()
    assert resubmit_runs(workspace, ["c3"], fresh=True).aside == {"c3": "c3/aside.1"}
    assert (run / "aside.1" / "production.0.dcd").read_bytes() == old
    assert states(workspace)["c3"] == "done"
    assert len((run / "attempts.log").read_text().splitlines()) == 2


@pytest.mark.lammps
@pytest.mark.usefixtures("lmp")
def test_a_submission_that_broke_off_and_was_cancelled_is_not_taken_up_again(
    workspace: Workspace,
) -> None:
    hand_over(workspace, "a1", scheduler="local", cluster=HERE, task=None, n_runs=1)
    cancel_runs(workspace, ["a1"])
    assert submit_runs(workspace, ["a1"], cluster=HERE).left == {"a1": "cancelled"}


def test_a_planned_run_may_be_cancelled_before_it_is_submitted(workspace: Workspace) -> None:
    assert cancel_runs(workspace, ["a", "a1"]).cancelled == ("a1",)
    assert states(workspace) == {"a1": "cancelled", "b2": "planned"}
    noted = json.loads((workspace.run("a1") / "cancelled.json").read_text())
    assert (noted["was"], set(noted)) == ("planned", {"by", "cancelled", "host", "was"})


def test_what_is_over_is_left_with_a_sentence(workspace: Workspace) -> None:
    say(workspace, "a1", "done", rc=0)
    say(workspace, "b2", "failed", rc=1, reason="ERROR: Lost atoms: original 3 current 2")
    summary = cancel_runs(workspace, ["a1", "b2"])
    assert summary.cancelled == ()
    assert summary.lines() == [
        "a1: left as it is: it is done: nothing to do",
        "b2: left as it is: it has failed and stays so; iemhpc resubmit starts it again",
    ]
    assert states(workspace) == {"a1": "done", "b2": "failed"}


def test_one_wrong_beginning_cancels_nothing(workspace: Workspace) -> None:
    with pytest.raises(UnknownNameError, match="no run begins with 'z'"):
        cancel_runs(workspace, ["a1", "z"])
    assert states(workspace) == {"a1": "planned", "b2": "planned"}


def test_the_queue_is_told_once_for_all(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = slurm_that(workspace.root / "bin", monkeypatch, says="7_0 PD")
    hand_over(workspace, "a1", task="7_0")
    hand_over(workspace, "b2", task="7_1")
    assert cancel_runs(workspace, ["a1", "b2"]).problems == ()
    assert told.read_text() == "7_0 7_1\n"


def test_a_task_that_another_run_lives_in_goes_on(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = slurm_that(workspace.root / "bin", monkeypatch, says="7_0 R")
    hand_over(workspace, "a1")
    hand_over(workspace, "b2")
    assert cancel_runs(workspace, ["a1"]).cancelled == ("a1",)
    assert not told.exists()
    assert states(workspace) == {"a1": "cancelled", "b2": "running"}
    cancel_runs(workspace, ["a1", "b2"])
    assert told.read_text() == "7_0\n"


def test_a_queue_that_does_not_answer_is_told_of_and_the_run_is_cancelled_all_the_same(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    slurm_that(workspace.root / "bin", monkeypatch, says="Unable to contact", rc=1)
    hand_over(workspace, "a1")
    summary = cancel_runs(workspace, ["a1"])
    assert summary.cancelled == ("a1",)
    assert "scancel 7_0 ended with 1" in summary.lines()[1]
    assert "the runs end within a minute by themselves" in summary.lines()[1]
    assert states(workspace)["a1"] == "cancelled"
    # nobody knows whether the job has left, so it is not started beside itself
    refused = resubmit_runs(workspace, ["a1"]).refused
    assert "its queue does not say whether it has left" in refused["a1"]


def test_a_job_that_is_still_ending_is_not_started_beside_itself(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    slurm_that(workspace.root / "bin", monkeypatch, says="7_0 CG")
    hand_over(workspace, "a1")
    cancel_runs(workspace, ["a1"])
    summary = resubmit_runs(workspace, ["a1"])
    assert summary.lines() == [
        "a1: not started: its cancelled job is still ending; try again in a minute"
    ]
    assert states(workspace)["a1"] == "cancelled"


@pytest.mark.parametrize(
    ("queue", "refusal"),
    [("7_0 PD", "it is in the queue"), ("7_0 R", "it is running"), ("", "nobody knows whether")],
)
def test_what_is_on_its_way_is_not_started_again(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch, queue: str, refusal: str
) -> None:
    slurm_that(workspace.root / "bin", monkeypatch, says=queue)
    hand_over(workspace, "a1")
    assert resubmit_runs(workspace, ["a1"]).refused["a1"].startswith(refusal)


def test_a_finished_run_is_not_started_again(workspace: Workspace) -> None:
    say(workspace, "a1", "done", rc=0)
    hand_over(workspace, "a1")
    assert resubmit_runs(workspace, ["a1"]).refused == {"a1": "it is done: nothing to do"}


def test_a_run_that_was_never_submitted_needs_a_profile(workspace: Workspace) -> None:
    with pytest.raises(InputError, match=r"a1 was never submitted, .* give --cluster NAME"):
        resubmit_runs(workspace, ["a1"])


CAMPAIGN = """cluster = "{cluster}"
cores_per_run = {cores}
[[systems]]
membrane = "CR61"
salts = ["NaCl"]
salt_molar = [0.5]
"""


@pytest.mark.lammps
@pytest.mark.usefixtures("lmp")
def test_a_cancelled_run_that_was_never_submitted_goes_where_the_campaign_goes(
    workspace: Workspace,
) -> None:
    cancel_runs(workspace, ["a1"])
    workspace.campaign.write_text(CAMPAIGN.format(cluster=HERE, cores=1))
    assert resubmit_runs(workspace, ["a1"]).started == ("a1",)
    assert states(workspace)["a1"] == "done"
    job = json.loads((workspace.run("a1") / "job.json").read_text())
    assert (job["cluster"], job["cores_per_run"]) == (HERE, 1)


@pytest.mark.lammps
@pytest.mark.usefixtures("lmp")
def test_one_run_that_cannot_go_anywhere_does_not_refuse_the_others(workspace: Workspace) -> None:
    hand_over(workspace, "b2", scheduler="local", cluster=HERE, task=None, n_runs=1)
    cancel_runs(workspace, ["a1", "b2"])
    summary = resubmit_runs(workspace, ["a1", "b2"])
    assert summary.started == ("b2",)
    assert summary.refused["a1"].startswith("a1 was never submitted, and there is no campaign.toml")
    assert states(workspace) == {"a1": "cancelled", "b2": "done"}


def refusing_slurm(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    slurm_that(folder, monkeypatch, says="")
    for name in ("sbatch", "scontrol", "sacct"):
        (folder / name).write_text("#!/bin/bash\necho 'invalid partition' >&2\nexit 1\n")
        (folder / name).chmod(0o755)


@pytest.mark.lammps
@pytest.mark.usefixtures("lmp")
def test_what_a_queue_refuses_stays_cancelled_and_the_others_start(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    refusing_slurm(workspace.root / "bin", monkeypatch)
    (workspace.root / "clusters").mkdir()
    (workspace.root / "clusters" / "mine.toml").write_text('scheduler = "slurm"\n')
    hand_over(workspace, "a1", cluster="mine", task=None)
    hand_over(workspace, "b2", scheduler="local", cluster=HERE, task=None, n_runs=1)
    cancel_runs(workspace, ["a1", "b2"])
    summary = resubmit_runs(workspace, ["a1", "b2"])
    assert summary.started == ("b2",)
    assert "invalid partition; mend the cluster profile mine" in summary.refused["a1"]
    assert states(workspace) == {"a1": "cancelled", "b2": "done"}
    # alone it is the command that has failed
    with pytest.raises(RefusedError, match="invalid partition; mend the cluster profile mine"):
        resubmit_runs(workspace, ["a1"])
    noted = json.loads((workspace.run("a1") / "cancelled.json").read_text())
    assert noted["was"] == "unknown"


def test_a_profile_that_is_gone_takes_nothing_away(workspace: Workspace) -> None:
    hand_over(workspace, "a1", cluster="gone", scheduler="local", task="")
    cancel_runs(workspace, ["a1", "b2"])
    with pytest.raises(UnknownNameError, match="unknown cluster 'gone'"):
        resubmit_runs(workspace, ["a1"])
    refused = resubmit_runs(workspace, ["a1", "b2"]).refused
    assert refused["a1"].startswith("unknown cluster 'gone'")
    assert refused["b2"].startswith("b2 was never submitted")
    assert states(workspace) == {"a1": "cancelled", "b2": "cancelled"}


def test_a_cancellation_waits_for_a_submission_that_is_under_way(workspace: Workspace) -> None:
    code = (
        "import sys; from pathlib import Path\n"
        "from iemhpc.scheduler.cancelling import cancel_runs\n"
        "from iemhpc.workspace import Workspace\n"
        "print(cancel_runs(Workspace(Path(sys.argv[1])), ['a1']).cancelled)\n"
    )
    with submission_lock(workspace):
        process = subprocess.Popen(
            [sys.executable, "-c", code, str(workspace.root)], stdout=subprocess.PIPE, text=True
        )
        time.sleep(2.0)
        assert process.poll() is None
        assert states(workspace)["a1"] == "planned"
    assert process.communicate(timeout=30)[0] == "('a1',)\n"
    assert states(workspace)["a1"] == "cancelled"


def accepting_slurm(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Put a Slurm on the PATH that knows no job and takes every one; return what it notes."""
    told = slurm_that(folder, monkeypatch, says="")
    for name in ("sbatch", "scontrol", "sacct"):
        (folder / name).write_text(f'#!/bin/bash\necho "{name} $*" >>{told}\necho 8\n')
        (folder / name).chmod(0o755)
    return told


def own_profile(workspace: Workspace) -> None:
    (workspace.root / "clusters").mkdir()
    (workspace.root / "clusters" / "mine.toml").write_text('scheduler = "slurm"\n')


def contents(folder: Path) -> dict[str, bytes]:
    """Return the files of a folder that are no scripts of a submission."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    scripts = ("run.sh", "minimize.in", "equilibrate.in", "production.in")
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in files
        if path.name not in scripts
    }


@pytest.mark.lammps
@pytest.mark.usefixtures("lmp")
def test_runs_cancelled_in_the_queue_start_again_as_soon_as_it_has_let_them_go(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = accepting_slurm(workspace.root / "bin", monkeypatch)
    own_profile(workspace)
    hand_over(workspace, "a1", cluster="mine", task="7_0")
    hand_over(workspace, "b2", cluster="mine", task="7_1")
    cancel_runs(workspace, ["a1", "b2"])
    summary = resubmit_runs(workspace, ["a1", "b2"])
    assert (summary.started, summary.refused) == (("a1", "b2"), {})
    assert told.read_text().count("sbatch") == 1
    for name in ("a1", "b2"):
        files = {path.name for path in workspace.run(name).iterdir()}
        assert "cancelled.json" not in files
        assert not [each for each in files if each.endswith(".before")]


@pytest.mark.parametrize("profile", ["mine", HERE])
@pytest.mark.lammps
@pytest.mark.usefixtures("lmp")
def test_what_cannot_be_written_leaves_every_run_as_it_was(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch, profile: str
) -> None:
    accepting_slurm(workspace.root / "bin", monkeypatch)
    own_profile(workspace)
    scheduler = "slurm" if profile == "mine" else "local"
    for name in ("a1", "b2"):
        hand_over(workspace, name, cluster=profile, scheduler=scheduler, task="", attempts=0)
    cancel_runs(workspace, ["a1", "b2"])
    before = [contents(workspace.run(name)) for name in ("a1", "b2")]
    (workspace.run("b2") / "run.sh" / "x").mkdir(parents=True)
    with pytest.raises(OSError, match=r"run\.sh"):
        resubmit_runs(workspace, ["a1", "b2"])
    assert states(workspace) == {"a1": "cancelled", "b2": "cancelled"}
    assert [contents(workspace.run(name)) for name in ("a1", "b2")] == before


@pytest.mark.lammps
@pytest.mark.usefixtures("lmp")
def test_a_fresh_start_that_a_queue_refuses_leaves_the_finished_run_as_it_was(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    refusing_slurm(workspace.root / "bin", monkeypatch)
    own_profile(workspace)
    run = workspace.run("a1")
    say(workspace, "a1", "done", rc=0)
    hand_over(workspace, "a1", scheduler="local", cluster=HERE, task="x:1")
    for name in ("production.0.dcd", "production.data", "production.steps", "segment.0.txt"):
        (run / name).write_text(name)
    before = contents(run)
    with pytest.raises(RefusedError, match="invalid partition"):
        resubmit_runs(workspace, ["a1"], cluster="mine", fresh=True)
    assert states(workspace)["a1"] == "done"
    assert contents(run) == before


@pytest.mark.lammps
@pytest.mark.usefixtures("lmp")
def test_a_local_run_cancelled_before_its_turn_starts_again_while_its_submission_lives(
    workspace: Workspace,
) -> None:
    with subprocess.Popen(["sleep", "60"]) as submission:
        task = f"{socket.gethostname()}:{submission.pid}"
        hand_over(workspace, "b2", scheduler="local", cluster=HERE, task=task)
        assert states(workspace)["b2"] == "queued"
        cancel_runs(workspace, ["b2"])
        assert resubmit_runs(workspace, ["b2"]).started == ("b2",)
        assert states(workspace)["b2"] == "done"
        submission.kill()


@pytest.mark.lammps
@pytest.mark.usefixtures("lmp")
def test_a_run_whose_job_waits_for_others_too_only_loses_its_cancellation(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    slurm_that(workspace.root / "bin", monkeypatch, says="7_0 PD")
    hand_over(workspace, "a1", runs_per_job=2)
    hand_over(workspace, "b2", runs_per_job=2, index=1)
    cancel_runs(workspace, ["a1"])
    assert "without --fresh" in resubmit_runs(workspace, ["a1"], fresh=True).refused["a1"]
    assert states(workspace)["a1"] == "cancelled"
    assert resubmit_runs(workspace, ["a1"]).started == ("a1",)
    assert states(workspace) == {"a1": "queued", "b2": "queued"}
    assert json.loads((workspace.run("a1") / "job.json").read_text())["task"] == "7_0"


def test_a_cancelled_run_that_writes_its_restart_file_is_not_started_beside_itself(
    workspace: Workspace,
) -> None:
    with subprocess.Popen(["sleep", "60"], cwd=workspace.run("a1")) as process:
        say(workspace, "a1", "running", host=socket.gethostname(), pid=process.pid)
        hand_over(workspace, "a1")
        write_json(workspace.run("a1") / "cancelled.json", {})
        refused = resubmit_runs(workspace, ["a1"]).refused
        assert refused == {"a1": "its cancelled job is still ending; try again in a minute"}
        process.kill()
    assert states(workspace)["a1"] == "cancelled"


@pytest.mark.lammps
@pytest.mark.usefixtures("lmp")
def test_a_submission_that_made_no_job_is_made_again_and_a_damaged_plan_is_not_in_its_way(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = accepting_slurm(workspace.root / "bin", monkeypatch)
    own_profile(workspace)
    for name in ("a1", "b2"):
        hand_over(workspace, name, cluster="mine", task=None)
    (workspace.run("b2") / "plan.json").write_text("{")
    summary = resubmit_runs(workspace, ["a1", "b2"])
    assert summary.started == ("a1",)
    assert summary.refused["b2"].startswith("nobody knows whether")
    assert told.read_text().count("sbatch") == 1
