"""What qsub is told, and what its answers mean; tests/pbs runs a queue."""

import os
from pathlib import Path
from typing import Any

import pytest

from iemhpc.errors import ProgramError
from iemhpc.scheduler.base import JobState, Resources, Submission, Waiting
from iemhpc.scheduler.pbs import (
    PbsScheduler,
    header_lines,
    job_name,
    parse_find,
    parse_status,
    parse_submit,
    submit_command,
)
from iemhpc.settings.cluster import ClusterSettings
from iemhpc.workspace import Workspace, content_hash

# As PBS Professional 2022 and OpenPBS 23 write it; the variables would be no JSON.
ANSWER = """\
Job Id: 7[].pbs01.cluster.example
    Job_Name = ie-0123456789ab
    job_state = B
    array = True

Job Id: 7[0].pbs01.cluster.example
    Job_Name = ie-0123456789ab
    job_state = X
    Variable_List = PBS_O_HOME=/home/a,BASH_FUNC_module%%=() { eval "a" },N=007,
\tPBS_O_QUEUE=workq

Job Id: 7[1].pbs01.cluster.example
    job_state = R
    comment = Job run at Sun Nov 22 at 20:44 on (n1:ncpus=8)

Job Id: 7[2].pbs01.cluster.example
    job_state = Q

Job Id: 9.pbs01.cluster.example
    job_state = E
"""


def cluster(**values: Any) -> ClusterSettings:
    return ClusterSettings.model_validate({"scheduler": "pbs", "setup": ["true"]} | values)


def header(resources: Resources, **values: Any) -> list[str]:
    submission = Submission(runs=(Path("a"),), submission_id="0f")
    return header_lines(cluster(**values), submission=submission, resources=resources)


def test_the_header_asks_for_what_the_profile_says() -> None:
    lines = header(
        Resources(cores_per_run=8, gpus_per_run=1, wall_hours=30.5),
        queue="long",
        account="chem",
        constraint="cpu_type=rome",
        memory_MB_per_core=900,
        gpus_per_run=1,
        suffix="kk",
        threads_per_process=2,
        extra=("-l place=excl",),
    )
    assert lines == [
        f"#PBS {word}"
        for word in (
            "-N ie-0f",
            "-S /bin/bash",
            "-r y",
            "-j oe",
            "-o /dev/null",
            "-l select=1:ncpus=8:mpiprocs=4:ompthreads=2:ngpus=1:mem=7200mb:cpu_type=rome",
            "-l walltime=30:30:00",
            "-A chem",
            "-q long",
            "-l place=excl",
        )
    ]


def test_a_job_of_several_runs_asks_for_all_of_them() -> None:
    lines = header(Resources(cores_per_run=4), runs_per_job=8)
    assert "#PBS -l select=1:ncpus=32:mpiprocs=32:ompthreads=1" in lines


def test_gpus_are_spelt_as_the_centre_wants() -> None:
    lines = header(Resources(gpus_per_run=2), gpus_per_run=2, gpu_request="gpus={gpus}")
    assert "#PBS -l select=1:ncpus=1:mpiprocs=1:ompthreads=1:gpus=2" in lines


def test_a_name_fits_the_fifteen_characters_of_old_versions() -> None:
    submission = Submission(runs=(), submission_id=content_hash("anything"))
    assert len(job_name(submission)) == 15


def test_an_array_of_one_is_a_job() -> None:
    assert submit_command(Path("job.sh"), n_tasks=1) == ["qsub", "job.sh"]
    assert submit_command(Path("job.sh"), n_tasks=2) == ["qsub", "-J", "0-1", "job.sh"]


def test_states_are_read_whatever_the_variables_hold() -> None:
    assert parse_status(ANSWER) == {
        "7[]": JobState.RUNNING,
        "7[0]": JobState.GONE,
        "7[1]": JobState.RUNNING,
        "7[2]": JobState.QUEUED,
        "9": JobState.RUNNING,
    }
    assert parse_status("") == {}
    with pytest.raises(ProgramError, match="wanted a job_state; try again"):
        parse_status("Job Id: 7.head\n    Job_Name = x\n")


@pytest.mark.parametrize(
    ("code", "comment", "why"),
    [
        ("Q", "Can Never Run: Insufficient amount of resource: nc\n\tpus (R: 9 A: 2 T: 2)", True),
        ("H", "job held, too many failed attempts to run", True),
        ("Q", "Not Running: Insufficient amount of resource: ncpus (R: 2 A: 0 T: 2)", False),
        ("R", "Can Never Run: so it said before", False),
    ],
)
def test_what_keeps_a_job_from_ever_running_comes_with_its_state(
    code: str, comment: str, *, why: bool
) -> None:
    text = f"Job Id: 1.head\n    job_state = {code}\n    comment = {comment}\n    etime = x\n"
    state = {"Q": JobState.QUEUED, "H": JobState.HELD, "R": JobState.RUNNING}[code]
    said = Waiting(state=state, why=comment.replace("\n\t", "")) if why else state
    assert parse_status(text) == {"1": said}


@pytest.mark.parametrize("comment", ["", "    comment = held by the administrator\n"])
def test_the_subjobs_of_an_array_that_is_held_are_held(comment: str) -> None:
    answer = f"Job Id: 7[].head\n    job_state = H\n{comment}\n"
    for index, code in enumerate("QRX"):
        answer += f"Job Id: 7[{index}].head\n    job_state = {code}\n\n"
    why = "held by the administrator"
    held = Waiting(state=JobState.HELD, why=why) if comment else JobState.HELD
    said = {"7[]": held, "7[0]": held, "7[1]": JobState.RUNNING, "7[2]": JobState.GONE}
    assert parse_status(answer) == said


@pytest.mark.parametrize("script", ["true", "echo maintenance", "echo hello >&2"])
def test_a_job_that_qstat_does_not_speak_of_is_not_gone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str
) -> None:
    scheduler = qstat_that(tmp_path, monkeypatch, script)
    with pytest.raises(ProgramError, match=r"said nothing about 7\[\].head, 9.head"):
        scheduler.poll(["7[0].head", "7[1].head", "9.head"])


def test_a_job_is_gone_where_qstat_says_so_of_this_job(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    script = """
    echo 'qstat: Unknown Job Id 7[].head.cluster.example' >&2
    echo 'qstat: 9.head Job has finished, use -x or -H to obtain historical job information' >&2
    printf 'Job Id: 11.head\\n    job_state = Q\\n'; exit 153"""
    scheduler = qstat_that(tmp_path, monkeypatch, script)
    assert scheduler.poll(["7[3].head", "9.head", "11.head"]) == {
        "7[3].head": JobState.GONE,
        "9.head": JobState.GONE,
        "11.head": JobState.QUEUED,
    }


def qstat_that(folder: Path, monkeypatch: pytest.MonkeyPatch, script: str) -> PbsScheduler:
    (folder / "qstat").write_text(f"#!/bin/bash\n{script}\n")
    (folder / "qstat").chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")
    return PbsScheduler(Workspace(folder), cluster(), Resources())


@pytest.mark.parametrize(
    ("code", "state"),
    [(code, JobState.QUEUED) for code in "MQTW"]
    + [("H", JobState.HELD)]
    + [(code, JobState.RUNNING) for code in "BERSU"]
    + [(code, JobState.GONE) for code in "FX"],
)
def test_every_letter_of_the_manual_means_something(code: str, state: JobState) -> None:
    assert parse_status(f"Job Id: 1.head\n    job_state = {code}\n") == {"1": state}


@pytest.mark.parametrize("answer", ["417[].head\n", "417.head.cluster\n", "Hello\n417\n"])
def test_a_job_id_is_read_in_every_form(answer: str) -> None:
    assert parse_submit(answer) == answer.rsplit(maxsplit=1)[-1]


@pytest.mark.parametrize("answer", ["", "qsub: nothing\n"])
def test_an_answer_without_a_job_id_is_no_job(answer: str) -> None:
    with pytest.raises(ProgramError, match="wanted a job id; see qsub --help"):
        parse_submit(answer)


def test_the_latest_job_of_a_name_is_found() -> None:
    assert parse_find("99.head\n107[].head\n") == "107[].head"
    assert parse_find("\n") is None
    with pytest.raises(ProgramError, match="qselect answered 'closed', wanted job ids; try again"):
        parse_find("closed\n")


def test_a_run_of_an_array_is_a_subjob_and_one_alone_the_job(tmp_path: Path) -> None:
    scheduler = PbsScheduler(Workspace(tmp_path), cluster(runs_per_job=2), Resources())
    assert [scheduler.task_id("7[].head", i, n_runs=4) for i in range(4)] == [
        "7[0].head",
        "7[0].head",
        "7[1].head",
        "7[1].head",
    ]
    assert scheduler.task_id("8.head", 0, n_runs=1) == "8.head"
