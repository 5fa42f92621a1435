"""What sbatch is told, and what its answers mean; none of it runs Slurm."""

import os
from pathlib import Path
from typing import Any

import pytest

from iemhpc.errors import InputError, ProgramError, RefusedError
from iemhpc.scheduler.base import JobState, Resources, Submission, Waiting
from iemhpc.scheduler.slurm import (
    SlurmScheduler,
    after_lines,
    header_lines,
    parse_find,
    parse_status,
    parse_submit,
    status_command,
    submit_after_command,
)
from iemhpc.settings.cluster import ClusterSettings
from iemhpc.workspace import Workspace


def cluster(**values: Any) -> ClusterSettings:
    return ClusterSettings.model_validate({"scheduler": "slurm", "setup": ["true"]} | values)


def header(n_runs: int, resources: Resources, **values: Any) -> list[str]:
    runs = tuple(Path(f"run{i}") for i in range(n_runs))
    return header_lines(
        cluster(**values),
        submission=Submission(runs=runs, submission_id="0f"),
        resources=resources,
        output=Path("/my scratch/slurm.%a.out"),
    )


def test_the_header_asks_for_what_the_profile_says() -> None:
    lines = header(
        2,
        Resources(cores_per_run=8),
        account="chem",
        partition="cpu",
        qos="low",
        constraint="rome",
        memory_MB_per_core=900,
        at_once=4,
        extra=("--mail-type=FAIL",),
    )
    assert lines == [
        f"#SBATCH {word}"
        for word in (
            "--job-name=iemhpc-0f",
            "--array=0-1%4",
            '--output="/my scratch/slurm.%a.out"',
            "--open-mode=append",
            "--requeue",
            "--kill-on-invalid-dep=yes",
            "--signal=B:USR1@180",
            "--time=1440",
            "--nodes=1",
            "--ntasks=8",
            "--mem-per-cpu=900M",
            "--account=chem",
            "--partition=cpu",
            "--qos=low",
            "--constraint=rome",
            "--mail-type=FAIL",
        )
    ]


@pytest.mark.parametrize(
    ("request_words", "said"),
    [("", "--gres=gpu:2"), ("--gpus={gpus}", "--gpus=2"), ("--gres=gpu:a100:{gpus}", "gpu:a100:2")],
)
def test_gpus_are_spelt_as_the_centre_wants(request_words: str, said: str) -> None:
    given = {"gpu_request": request_words} if request_words else {}
    lines = header(1, Resources(gpus_per_run=2), gpus_per_run=2, suffix="kk", **given)
    assert any(said in line for line in lines)


def test_a_whole_node_is_asked_for_all_of_its_runs_together() -> None:
    resources = Resources(cores_per_run=16, gpus_per_run=1, wall_hours=6.0)
    lines = header(
        9,
        resources,
        runs_per_job=4,
        threads_per_process=2,
        suffix="kk",
        gpus_per_run=1,
    )
    for word in ("array=0-2", "ntasks=32", "cpus-per-task=2", "gres=gpu:4", "time=360"):
        assert f"#SBATCH --{word}" in lines


def test_options_stand_before_the_first_command(tmp_path: Path) -> None:
    scheduler = SlurmScheduler(Workspace(tmp_path), cluster(), Resources())
    submission = Submission(runs=(), submission_id="0f")
    lines = scheduler.render(submission)[scheduler.folder(submission) / "job.sh"].splitlines()
    assert lines[0] == "#!/usr/bin/env bash"
    first = next(i for i, line in enumerate(lines) if line and not line.startswith("#"))
    assert max(i for i, line in enumerate(lines) if line.startswith("#SBATCH")) < first


def test_runs_of_one_job_share_its_task(tmp_path: Path) -> None:
    scheduler = SlurmScheduler(Workspace(tmp_path), cluster(runs_per_job=4), Resources())
    assert [scheduler.task_id("41", i, n_runs=9) for i in (0, 3, 4, 8)] == [
        "41_0",
        "41_0",
        "41_1",
        "41_2",
    ]


def test_a_command_that_waits_says_for_what() -> None:
    command = submit_after_command(Path("job.sh"), ["41", "43"])
    assert command == ["sbatch", "--parsable", "--dependency=afterany:41:43", "job.sh"]
    lines = after_lines(cluster(partition="cpu"), name="iemhpc-then", output=Path("a.out"))
    assert "#SBATCH --partition=cpu" in lines
    assert "#SBATCH --ntasks=1" in lines


def test_answers_are_read_with_the_centres_own_words_around_them() -> None:
    assert parse_submit("417;cluster\n") == "417"
    assert parse_submit("Charged to chem, 12 h left\n417\n") == "417"
    with pytest.raises(ProgramError, match="sbatch answered 'what', wanted a job id"):
        parse_submit("what\n")
    assert parse_find("") is None
    assert parse_find("41\n107\n") == "107"
    states = parse_status("41_0 R\n41_1 PD\n41_2 F\n\n")
    assert list(states.values()) == [JobState.RUNNING, JobState.QUEUED, JobState.GONE]


@pytest.mark.parametrize("line", ["41_0", "slurm_load_jobs error", "x R", "41 running"])
def test_a_line_that_is_none_of_squeues_says_nothing_about_the_jobs(line: str) -> None:
    with pytest.raises(ProgramError, match="wanted a job and its state; try again"):
        parse_status(f"41_1 R\n{line}\n")


def test_a_listed_job_of_a_state_that_nobody_foresaw_is_not_gone() -> None:
    assert parse_status("41_1 RD\n") == {"41_1": JobState.QUEUED}


@pytest.mark.parametrize(
    "why", ["JobHeldUser", "JobHeldAdmin", "launch failed requeued held", "JobHoldMaxRequeue"]
)
def test_a_task_that_is_held_is_told_from_one_that_waits(why: str) -> None:
    assert parse_status(f"41_1 PD {why}\n") == {"41_1": Waiting(state=JobState.HELD, why=why)}
    assert parse_status("41_1 PD Resources\n") == {"41_1": JobState.QUEUED}


@pytest.mark.parametrize(
    ("why", "meaning"),
    [
        (
            "PartitionTimeLimit",
            ": wall_hours of the cluster profile is above the partition's limit",
        ),
        ("ReqNodeNotAvail, UnavailableNodes:n1", ": the nodes that it needs are down, or reserved"),
        ("MaxGRESPerAccount", ""),
    ],
)
def test_why_a_task_does_not_start_comes_with_its_state(why: str, meaning: str) -> None:
    said = Waiting(state=JobState.QUEUED, why=why + meaning)
    assert parse_status(f"41_1 PD {why}\n") == {"41_1": said}
    assert str(said) == f"queued, {why}{meaning}"
    assert parse_status(f"41_1 R {why}\n") == {"41_1": JobState.RUNNING}


@pytest.mark.parametrize("why", ["None", "Priority", "JobArrayTaskLimit", "(null)", ""])
def test_a_task_whose_turn_has_not_come_has_no_more_to_say(why: str) -> None:
    assert parse_status(f"41_1 PD {why}\n") == {"41_1": JobState.QUEUED}


def test_words_are_not_taken_for_the_absence_of_a_job() -> None:
    with pytest.raises(ProgramError, match="squeue answered 'maintenance today', wanted job ids"):
        parse_find("maintenance 41 today\n")


def test_jobs_are_asked_for_by_number_whoever_made_them_until_there_are_too_many() -> None:
    assert "--jobs=41,43" in status_command(["41_0", "41_7", "43"])
    assert not any("--user" in word for word in status_command(["41_0"]))
    many = status_command([f"{number}_0" for number in range(2000)])
    assert not any(word.startswith("--jobs") for word in many)


def squeue_that(folder: Path, monkeypatch: pytest.MonkeyPatch, script: str) -> SlurmScheduler:
    for name in ("squeue", "sbatch"):
        (folder / name).write_text(f"#!/bin/bash\n{script}\n")
        (folder / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")
    return SlurmScheduler(Workspace(folder), cluster(array_size=70), Resources())


NO_SUCH_ID = 'echo "slurm_load_jobs error: Invalid job id specified" >&2; exit 1'


def test_the_only_job_that_squeue_does_not_know_is_gone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scheduler = squeue_that(tmp_path, monkeypatch, NO_SUCH_ID)
    assert scheduler.poll(["41_0", "41_1"]) == {"41_0": JobState.GONE, "41_1": JobState.GONE}


def test_one_job_that_squeue_does_not_know_hides_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    script = f'[[ "$*" == *--jobs=* ]] && {{ {NO_SUCH_ID}; }}; echo "43_0 PD"'
    scheduler = squeue_that(tmp_path, monkeypatch, script)
    assert scheduler.poll(["41_0", "43_0"]) == {"41_0": JobState.GONE, "43_0": JobState.QUEUED}


def test_too_large_an_array_is_refused_with_the_setting_to_change(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = "sbatch: error: Batch job submission failed: Invalid job array specification"
    scheduler = squeue_that(tmp_path, monkeypatch, f'echo "{said}" >&2; exit 1')
    with pytest.raises(RefusedError, match=r"array_size = 70 .* scontrol show config says"):
        scheduler.submit(Submission(runs=(tmp_path,), submission_id="0f"))


def test_percent_signs_of_the_workspace_are_not_slurms(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path / "50%a")
    scheduler = SlurmScheduler(workspace, cluster(), Resources())
    submission = Submission(runs=(), submission_id="0f")
    script = scheduler.render(submission)[scheduler.folder(submission) / "job.sh"]
    assert "/50%%a/runs/.slurm/0f/slurm.%a.out" in script


@pytest.mark.parametrize("name", ['a"b', "a\\b", "a\nb"])
def test_a_folder_that_slurm_cannot_write_into_is_refused_before(tmp_path: Path, name: str) -> None:
    scheduler = SlurmScheduler(Workspace(tmp_path / name), cluster(), Resources())
    with pytest.raises(InputError, match="rename it, or use another --workspace"):
        scheduler.check()
