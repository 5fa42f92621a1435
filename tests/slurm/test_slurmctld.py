"""A real Slurm: arrays, truthful exit codes, time limits, crashes of the submitter."""

import json
import os
import shutil
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from iemhpc.errors import ProgramError
from iemhpc.scheduler.base import JobState, Submission
from iemhpc.scheduler.cancelling import cancel_runs
from iemhpc.scheduler.run_files import read_job
from iemhpc.scheduler.runs import run_states
from iemhpc.scheduler.slurm import parse_status, status_command
from iemhpc.scheduler.submission import open_scheduler, submit_runs
from iemhpc.workspace import Workspace, write_json

pytestmark = [pytest.mark.slurm, pytest.mark.usefixtures("lmp", "slurm")]
WriteBox = Callable[..., Path]
PROFILE = """\
scheduler = "slurm"
wall_hours = 0.2
warning_s = 120
memory_MB_per_core = 50
"""


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    (tmp_path / "clusters").mkdir()
    (tmp_path / "clusters" / "test.toml").write_text(PROFILE)
    return Workspace(tmp_path)


def states(workspace: Workspace) -> dict[str, str]:
    return {row.run_id: row.state for row in run_states(workspace)}


def wait_for(what: Callable[[], bool], *, seconds: float = 120.0) -> None:
    until = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < until, "it did not come"
        time.sleep(0.3)


def codes_of_ended_jobs() -> dict[str, str]:
    """Return task -> Slurm's own verdict, such as CD or F; squeue keeps ended jobs a while."""
    answer = subprocess.run(
        ["squeue", "--noheader", "--array", "--states=all", "--format=%i %t"],
        capture_output=True,
        text=True,
        check=True,
    )
    return dict(line.split() for line in answer.stdout.splitlines())


def test_an_array_tells_the_truth_of_each_task(
    workspace: Workspace, write_water_box: WriteBox
) -> None:
    for name in ("a1", "b2", "c3"):
        write_water_box(workspace.run(name), production_ps=0.1)
    (workspace.run("b2") / "styles.in").write_text("pair_style nonsense\n")
    summary = submit_runs(workspace, ["a1", "b2", "c3"], cluster="test")
    assert summary.started == ("a1", "b2", "c3")
    assert len(summary.job_ids) == 1
    assert set(states(workspace).values()) <= {"queued", "running", "done", "failed"}
    # nothing is submitted twice while it is on its way
    assert submit_runs(workspace, ["a1", "b2", "c3"], cluster="test").started == ()
    wait_for(lambda: set(states(workspace).values()) <= {"done", "failed"})
    assert states(workspace) == {"a1": "done", "b2": "failed", "c3": "done"}
    reasons = {row.run_id: row.reason for row in run_states(workspace)}
    assert "Unrecognized pair style 'nonsense'" in reasons["b2"]
    job = summary.job_ids[0]
    wait_for(lambda: f"{job}_1" in codes_of_ended_jobs())
    wait_for(lambda: "CG" not in codes_of_ended_jobs().values())
    codes = codes_of_ended_jobs()
    assert [codes[f"{job}_{task}"] for task in range(3)] == ["CD", "F", "CD"]
    assert submit_runs(workspace, ["a1", "b2", "c3"], cluster="test").started == ()


def test_a_warning_before_the_limit_queues_the_run_again(
    workspace: Workspace, write_water_box: WriteBox
) -> None:
    folder = write_water_box(workspace.run("a1"), production_ps=20.0, frame_ps=0.02)
    submit_runs(workspace, ["a1"], cluster="test")
    job = read_job(folder)
    assert job
    wait_for((folder / "production.0.dcd").exists)
    subprocess.run(["scancel", "--signal=USR1", "--batch", job["task"]], check=True)
    wait_for(lambda: "stopped by the signal USR1" in (folder / "status.json").read_text())
    wait_for(lambda: states(workspace)["a1"] in ("queued", "running"))
    # the second attempt goes on from the restart file of the first
    wait_for(lambda: len((folder / "attempts.log").read_text().splitlines()) == 2)
    wait_for(lambda: len(json.loads((folder / "segments.json").read_text())) == 2)
    first, second = json.loads((folder / "segments.json").read_text())
    assert (first["attempt"], second["attempt"]) == (1, 2)
    assert second["restart"] == "production.restart"
    open_scheduler(workspace, "test").cancel([job["task"]])
    wait_for(lambda: states(workspace)["a1"] == "interrupted")


def test_a_submission_that_crashed_after_sbatch_is_found_again(
    workspace: Workspace, write_water_box: WriteBox
) -> None:
    folder = write_water_box(workspace.run("a1"), production_ps=0.1)
    summary = submit_runs(workspace, ["a1"], cluster="test")
    job = read_job(folder)
    # as if the process had been killed between sbatch's answer and the next line
    write_json(folder / "job.json", {**(job or {}), "task": None})
    again = submit_runs(workspace, ["a1"], cluster="test")
    assert again.started == ()
    assert read_job(folder) == job
    wait_for(lambda: states(workspace)["a1"] == "done")
    assert len((folder / "attempts.log").read_text().splitlines()) == 1
    assert len({task for task in codes_of_ended_jobs() if task == f"{summary.job_ids[0]}_0"}) == 1


@pytest.mark.parametrize("profile", [PROFILE, None])
def test_a_crashed_submission_of_whole_nodes_is_found_though_its_profile_is_another_now(
    workspace: Workspace, write_water_box: WriteBox, slurm: Any, profile: str | None
) -> None:
    names = ["a1", "b2", "c3"]
    folders = [write_water_box(workspace.run(name), production_ps=0.1) for name in names]
    path = workspace.root / "clusters" / "test.toml"
    path.write_text(f"{PROFILE}runs_per_job = 2\n")
    (job_id,) = submit_runs(workspace, names, cluster="test").job_ids
    jobs = [read_job(folder) or {} for folder in folders]
    for folder, job in zip(folders, jobs, strict=True):
        write_json(folder / "job.json", {**job, "task": None})
    if profile:
        path.write_text(profile)
    else:
        path.rename(path.with_name("renamed.toml"))
    cluster = "test" if profile else "renamed"
    assert submit_runs(workspace, names, cluster=cluster).started == ()
    tasks = [(read_job(folder) or {})["task"] for folder in folders]
    assert tasks == [f"{job_id}_0", f"{job_id}_0", f"{job_id}_1"]
    wait_for(lambda: states(workspace) == dict.fromkeys(names, "done"))
    assert len(slurm.jobs_named(f"iemhpc-{jobs[0]['submission']}")) == 1


def test_a_job_that_the_partition_never_starts_is_queued_and_says_why(
    workspace: Workspace, write_water_box: WriteBox, slurm: Any
) -> None:
    write_water_box(workspace.run("a1"), production_ps=0.1)
    slurm.ask("scontrol", "update", "PartitionName=cpu", "MaxTime=5")
    try:
        (job_id,) = submit_runs(workspace, ["a1"], cluster="test").job_ids
        wait_for(lambda: "PartitionTimeLimit" in run_states(workspace)[0].reason)
        (row,) = run_states(workspace)
        assert row.state == "queued"
        assert "wall_hours of the cluster profile is above the partition's limit" in row.reason
        slurm.ask("scontrol", "hold", f"{job_id}_0")
        wait_for(lambda: "held there (JobHeld" in run_states(workspace)[0].reason)
        assert submit_runs(workspace, ["a1"], cluster="test").started == ()
    finally:
        slurm.ask("scontrol", "update", "PartitionName=cpu", "MaxTime=INFINITE")
    open_scheduler(workspace, "test").cancel([job_id])


def test_the_queue_is_asked_once_for_all_tasks(
    workspace: Workspace, write_water_box: WriteBox
) -> None:
    write_water_box(workspace.run("a1"), production_ps=0.1)
    (job_id,) = submit_runs(workspace, ["a1"], cluster="test").job_ids
    scheduler = open_scheduler(workspace, "test")
    answers = scheduler.poll([f"{job_id}_0", "999999_0"])
    assert answers[f"{job_id}_0"] in (JobState.QUEUED, JobState.RUNNING)
    assert answers["999999_0"] is JobState.GONE
    scheduler.cancel([f"{job_id}_0"])


def test_the_status_command_is_one_that_slurm_understands() -> None:
    answer = subprocess.run(status_command([]), capture_output=True, text=True, check=True)
    assert isinstance(parse_status(answer.stdout), dict)


def test_slurm_accepts_every_line_of_our_headers(
    workspace: Workspace, write_water_box: WriteBox
) -> None:
    write_water_box(workspace.run("a1"), production_ps=0.1)
    (job_id,) = submit_runs(workspace, ["a1"], cluster="test").job_ids
    (script,) = (workspace.runs / ".slurm").glob("*/job.sh")
    tested = subprocess.run(
        ["sbatch", "--test-only", script], capture_output=True, text=True, check=False
    )
    assert tested.returncode == 0, tested.stderr
    open_scheduler(workspace, "test").cancel([job_id])


def program_before(workspace: Workspace, monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    """Put a program before the real ``sbatch``, which it calls as ``$real``."""
    folder = workspace.root / "bin"
    folder.mkdir()
    real = shutil.which("sbatch")
    (folder / "sbatch").write_text(f"#!/bin/bash\nreal={real}\n{text}\n")
    (folder / "sbatch").chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")


@pytest.mark.parametrize(
    "dies",
    [
        "kill -9 $$",
        "exit 1",
        "echo 'sbatch: error: Unexpected message received' >&2; exit 1",
    ],
)
def test_a_job_that_sbatch_made_before_it_died_is_found_and_not_made_again(
    workspace: Workspace,
    write_water_box: WriteBox,
    monkeypatch: pytest.MonkeyPatch,
    slurm: Any,
    dies: str,
) -> None:
    folder = write_water_box(workspace.run("a1"), production_ps=0.1)
    program_before(workspace, monkeypatch, f'"$real" "$@" >/dev/null\n{dies}')
    with pytest.raises(ProgramError, match="nobody knows whether the job was made"):
        submit_runs(workspace, ["a1"], cluster="test")
    (workspace.root / "bin" / "sbatch").unlink()
    assert submit_runs(workspace, ["a1"], cluster="test").started == ()
    job = read_job(folder)
    assert job
    (made,) = slurm.jobs_named(f"iemhpc-{job['submission']}")
    assert job["task"] == f"{made}_0"
    open_scheduler(workspace, "test").cancel([job["task"]])


def test_what_a_shell_sets_for_slurm_neither_hides_nor_renames_our_jobs(
    workspace: Workspace, write_water_box: WriteBox, monkeypatch: pytest.MonkeyPatch, slurm: Any
) -> None:
    for name, value in {
        "SQUEUE_STATES": "SUSPENDED",
        "SQUEUE_USERS": "nobody",
        "SQUEUE_FORMAT": "%u",
        "SBATCH_JOB_NAME": "mine",
        "SBATCH_PARTITION": "nowhere",
    }.items():
        monkeypatch.setenv(name, value)
    folder = write_water_box(workspace.run("a1"), production_ps=20.0)
    assert submit_runs(workspace, ["a1"], cluster="test").started == ("a1",)
    assert states(workspace)["a1"] in ("queued", "running")
    job = read_job(folder)
    assert job
    found = open_scheduler(workspace, "test").find(
        Submission(runs=(folder,), submission_id=job["submission"])
    )
    assert job["task"] == f"{found}_0"
    open_scheduler(workspace, "test").cancel([job["task"]])


def test_a_job_is_asked_for_by_its_number_whoever_asks(
    workspace: Workspace, write_water_box: WriteBox, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_water_box(workspace.run("a1"), production_ps=20.0)
    (job_id,) = submit_runs(workspace, ["a1"], cluster="test").job_ids
    monkeypatch.setenv("USER", "somebody-else")
    monkeypatch.setenv("LOGNAME", "somebody-else")
    assert states(workspace)["a1"] in ("queued", "running")
    scheduler = open_scheduler(workspace, "test")
    # alone, and beside one that never was
    for tasks in ([f"{job_id}_0"], [f"{job_id}_0", "999999_0"]):
        assert scheduler.poll(tasks)[f"{job_id}_0"] is not JobState.GONE
    assert scheduler.poll(["999999_0"]) == {"999999_0": JobState.GONE}
    scheduler.cancel([f"{job_id}_0"])


def test_a_percent_sign_in_the_path_stays_one(tmp_path: Path, write_water_box: WriteBox) -> None:
    workspace = Workspace(tmp_path / "50%a %% 1")
    (workspace.root / "clusters").mkdir(parents=True)
    (workspace.root / "clusters" / "test.toml").write_text(PROFILE)
    folder = write_water_box(workspace.run("a1"), production_ps=0.1)
    submit_runs(workspace, ["a1"], cluster="test")
    wait_for(lambda: states(workspace)["a1"] == "done")
    submission = (read_job(folder) or {})["submission"]
    assert (workspace.runs / ".slurm" / submission / "slurm.0.out").exists()


def test_a_damaged_job_file_leads_to_no_second_job_and_cancel_ends_the_first(
    workspace: Workspace, write_water_box: WriteBox, slurm: Any
) -> None:
    folder = write_water_box(workspace.run("a1"), production_ps=20.0)
    submit_runs(workspace, ["a1"], cluster="test")
    job = read_job(folder)
    assert job
    (folder / "job.json").write_text('{"sched')
    assert states(workspace)["a1"] == "unknown"
    assert submit_runs(workspace, ["a1"], cluster="test").started == ()
    assert (read_job(folder) or {})["task"] == job["task"]
    (folder / "job.json").write_text('{"sched')
    assert cancel_runs(workspace, ["a1"]).cancelled == ("a1",)
    number = job["task"].partition("_")[0]
    wait_for(lambda: set(slurm.codes(number).values()) <= {"CA", "CD", "F"})
    assert slurm.jobs_named(f"iemhpc-{job['submission']}") == {number}


def test_a_copied_workspace_leaves_the_jobs_of_the_original_alone(
    workspace: Workspace, write_water_box: WriteBox, slurm: Any, tmp_path: Path
) -> None:
    write_water_box(workspace.run("a1"), production_ps=20.0)
    (number,) = submit_runs(workspace, ["a1"], cluster="test").job_ids
    copy = Workspace(tmp_path / "copy")
    shutil.copytree(workspace.runs, copy.runs, ignore=shutil.ignore_patterns("run.lock*"))
    cancel_runs(copy, ["a1"])
    time.sleep(1.0)
    assert states(workspace)["a1"] in ("queued", "running")
    assert set(slurm.codes(number).values()) <= {"PD", "CF", "R"}
    open_scheduler(workspace, "test").cancel([f"{number}_0"])
