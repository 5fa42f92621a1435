"""What a profile may ask of a real Slurm: whole nodes, and commands that wait for runs."""

import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from iemhpc.errors import ProgramError, RefusedError
from iemhpc.scheduler.cancelling import cancel_runs
from iemhpc.scheduler.resubmitting import resubmit_runs
from iemhpc.scheduler.run_files import read_job
from iemhpc.scheduler.runs import run_states
from iemhpc.scheduler.submission import open_scheduler, submit_runs
from iemhpc.workspace import Workspace

pytestmark = [pytest.mark.slurm, pytest.mark.usefixtures("slurm")]
ALL = ["a1", "b2", "c3"]
TRIVIAL = Path(__file__).parents[1] / "pbs" / "trivial.sh"
PROFILE = """\
scheduler = "slurm"
setup = ["true"]
lammps = ["sleep", "1"]
launcher = ["srun", "--exact", "--ntasks=1", "--cpus-per-task={cores}"]
wall_hours = 0.1
warning_s = 120
memory_MB_per_core = 50
"""
SIZES = "[[sizes]]\nup_to_atoms = 99999\ncores_per_run = 2\n"


@pytest.fixture
def workspace(tmp_path: Path, write_water_box: Callable[..., Path]) -> Workspace:
    """Three runs of two cores whose script starts a step of a second instead of LAMMPS."""
    workspace = Workspace(tmp_path)
    for name in ALL:
        write_water_box(workspace.run(name), per_edge=2, n_pairs=0)
    for folder in ("jobs", "clusters"):
        (tmp_path / folder).mkdir()
    step = (
        'date +%s.%N >>begun; @@{lammps} || echo "a step failed" >>failed.marks; date +%s.%N >>over'
    )
    text = TRIVIAL.read_text().replace("case ${does", f"{step}\ncase ${{does")
    (tmp_path / "jobs" / "local.sh").write_text(text)
    write_profile(workspace)
    return workspace


def write_profile(workspace: Workspace, text: str = "") -> None:
    (workspace.root / "clusters" / "test.toml").write_text(PROFILE + text + SIZES)


def states(workspace: Workspace) -> dict[str, str]:
    return {row.run_id: row.state for row in run_states(workspace)}


def does(workspace: Workspace, run: str, *attempts: str) -> None:
    (workspace.run(run) / "does").write_text("".join(f"{word}\n" for word in attempts))


def lines(workspace: Workspace, run: str, name: str) -> list[str]:
    path = workspace.run(run) / name
    return path.read_text().splitlines() if path.exists() else []


def wait_for(what: Callable[[], bool], *, seconds: float = 90.0) -> None:
    until = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < until, "it did not come"
        time.sleep(0.2)


def test_runs_of_a_whole_node_go_side_by_side_and_only_the_cut_one_goes_on(
    workspace: Workspace, slurm: Any
) -> None:
    write_profile(workspace, "runs_per_job = 2\n")
    does(workspace, "a1", "failed")
    does(workspace, "b2", "cut", "done")
    (job,) = submit_runs(workspace, ALL, cluster="test").job_ids
    tasks = [(read_job(workspace.run(run)) or {})["task"] for run in ALL]
    assert tasks == [f"{job}_0", f"{job}_0", f"{job}_1"]
    wait_for(lambda: states(workspace) == {"a1": "failed", "b2": "done", "c3": "done"})
    assert [len(lines(workspace, run, "attempts.log")) for run in ALL] == [1, 2, 1]
    assert [lines(workspace, run, "failed.marks") for run in ALL] == [[], [], []]
    # the steps of the first two overlapped: neither waited for the other's cores
    begun = [float(lines(workspace, run, "begun")[0]) for run in ("a1", "b2")]
    over = [float(lines(workspace, run, "over")[0]) for run in ("a1", "b2")]
    assert max(begun) < min(over)
    wait_for(lambda: set(slurm.codes(job).values()) <= {"CD", "F"})
    # the task tells of the failed run, though the run that went on is done
    assert slurm.codes(job) == {f"{job}_0": "F", f"{job}_1": "CD"}


def test_runs_leave_a_job_that_goes_on_with_others_and_start_again_beside_it(
    workspace: Workspace, slurm: Any
) -> None:
    write_profile(workspace, "runs_per_job = 2\n")
    does(workspace, "a1", "killed", "done")
    does(workspace, "b2", "sleep", "done")
    (job,) = submit_runs(workspace, ["a1", "b2"], cluster="test").job_ids
    wait_for(lambda: states(workspace) == {"a1": "interrupted", "b2": "running", "c3": "planned"})
    row = next(row for row in run_states(workspace) if row.run_id == "a1")
    assert row.reason == "LAMMPS was killed; its job goes on with other runs"
    assert submit_runs(workspace, ["a1"], cluster="test").started == ()
    assert "its job goes on with other runs" in resubmit_runs(workspace, ["a1"]).refused["a1"]
    cancel_runs(workspace, ["a1"])
    assert resubmit_runs(workspace, ["a1"]).started == ("a1",)
    wait_for(lambda: states(workspace)["a1"] == "done")
    # what queues the old job again does not start the run that has left it
    slurm.ask("scontrol", "requeue", f"{job}_0")
    wait_for(lambda: states(workspace)["b2"] == "done")
    assert [len(lines(workspace, run, "attempts.log")) for run in ("a1", "b2")] == [2, 2]
    assert len(lines(workspace, "a1", "done.marks")) == 1


def test_a_command_waits_for_failed_runs_and_for_those_queued_again(
    workspace: Workspace, slurm: Any
) -> None:
    does(workspace, "a1", "failed")
    does(workspace, "b2", "cut", "done")
    job_ids = submit_runs(workspace, ALL, cluster="test").job_ids
    scheduler = open_scheduler(workspace, "test")
    words = ["bash", "-c", "cat runs/*/status.json >seen.txt; sleep 2; echo said"]
    waiting = scheduler.submit_after(job_ids, words, name="descriptors")
    assert scheduler.submit_after(job_ids, words, name="descriptors") == waiting
    wait_for(lambda: slurm.codes(waiting) == {waiting: "CD"})
    seen = (workspace.root / "seen.txt").read_text()
    assert [seen.count(f'"state": "{state}"') for state in ("done", "failed")] == [2, 1]
    (out,) = workspace.runs.glob(".slurm/*/after.out")
    assert out.read_text() == "said\n"


def test_a_refused_submission_leaves_the_runs_planned(workspace: Workspace) -> None:
    write_profile(workspace, 'partition = "nonsense"\n')
    words = "3 runs were not submitted: .*invalid partition specified: nonsense"
    with pytest.raises(RefusedError, match=words):
        submit_runs(workspace, ALL, cluster="test")
    assert states(workspace) == dict.fromkeys(ALL, "planned")
    assert not any((workspace.run(run) / "job.json").exists() for run in ALL)
    write_profile(workspace)
    submit_runs(workspace, ALL, cluster="test")
    wait_for(lambda: states(workspace) == dict.fromkeys(ALL, "done"))
    assert [len(lines(workspace, run, "done.marks")) for run in ALL] == [1, 1, 1]


def test_an_answer_that_gets_lost_is_looked_for_before_anything_is_submitted_again(
    workspace: Workspace, slurm: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = shutil.which("sbatch")
    programs = tmp_path / "bin"
    programs.mkdir()
    (programs / "sbatch").write_text(
        f'#!/bin/sh\n{real} "$@"\necho "sbatch: error: Socket timed out on send/recv" >&2\nexit 1\n'
    )
    (programs / "sbatch").chmod(0o755)
    with monkeypatch.context() as lost:
        lost.setenv("PATH", f"{programs}:{os.environ['PATH']}")
        with pytest.raises(ProgramError, match=r"Socket timed out .*; nobody knows whether"):
            submit_runs(workspace, ALL, cluster="test")
    submission = (read_job(workspace.run("a1")) or {})["submission"]
    assert submit_runs(workspace, ALL, cluster="test").started == ()
    wait_for(lambda: states(workspace) == dict.fromkeys(ALL, "done"))
    assert len(slurm.jobs_named(f"iemhpc-{submission}")) == 1
    assert [len(lines(workspace, run, "done.marks")) for run in ALL] == [1, 1, 1]
