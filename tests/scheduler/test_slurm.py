"""What sbatch is told, and what its answers mean; none of it runs Slurm."""

from pathlib import Path
from typing import Any

import pytest

from iemhpc.errors import ProgramError
from iemhpc.scheduler.base import JobState, Resources, Submission
from iemhpc.scheduler.slurm import (
    SlurmScheduler,
    after_lines,
    header_lines,
    parse_find,
    parse_status,
    parse_submit,
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
    with pytest.raises(ProgramError, match="sbatch answered 'what', wanted a job id"):
        parse_submit("what\n")
    assert parse_find("") is None
    assert parse_find("41\n107\n") == "107"
    states = parse_status("41_0 R\n41_1 PD\n41_2 F\n\n")
    assert list(states.values()) == [JobState.RUNNING, JobState.QUEUED, JobState.GONE]
