"""Queues are asked once for all and not too often; here they are small programs on the PATH."""

import itertools
import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from iemhpc.errors import ProgramError
from iemhpc.scheduler.base import JobState, Waiting
from iemhpc.scheduler.facts import JobFacts
from iemhpc.scheduler.polling import PatientAsker, ask_queues, scheduler_of
from iemhpc.scheduler.runs import run_states
from iemhpc.scheduler.unseen import UNSEEN
from iemhpc.workspace import Workspace, read_json, write_json


class Clock:
    """A clock that a test sets."""

    def __init__(self) -> None:
        self.now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


def slurm_that(folder: Path, monkeypatch: pytest.MonkeyPatch, *, says: str, rc: int = 0) -> Path:
    folder.mkdir(exist_ok=True)
    (folder / "squeue").write_text(
        f"#!/bin/bash\necho x >>{folder}/asked\necho '{says}'\nexit {rc}\n"
    )
    (folder / "squeue").chmod(0o755)
    if str(folder) not in os.environ["PATH"]:
        monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")
    return folder / "asked"


def job(task: str, *, scheduler: str = "slurm", cluster: str = "") -> JobFacts:
    return JobFacts(scheduler, cluster, task, "0f", 0, time.time(), False, 1)


def times_asked(asked: Path) -> int:
    return len(asked.read_text().splitlines())


def test_one_question_for_all_tasks_of_a_scheduler(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = slurm_that(tmp_path / "bin", monkeypatch, says="7_0 PD")
    answers = ask_queues(Workspace(tmp_path), [job(f"7_{i}") for i in range(50)])
    assert answers["7_0"] is JobState.QUEUED
    assert answers["7_1"] is JobState.GONE
    assert times_asked(asked) == 1


def test_the_profile_that_a_job_was_made_with_is_used_if_it_is_still_there(
    tmp_path: Path,
) -> None:
    (tmp_path / "clusters").mkdir()
    (tmp_path / "clusters" / "mine.toml").write_text('scheduler = "slurm"\naccount = "chem"\n')
    workspace = Workspace(tmp_path)
    assert scheduler_of(workspace, "slurm", ["gone", "mine"]).cluster.account == "chem"
    assert scheduler_of(workspace, "slurm", ["gone"]).cluster.account == ""
    # a name that now means another kind of queue
    assert scheduler_of(workspace, "local", ["mine"]).name == "local"


def test_a_queue_is_not_asked_again_within_half_a_minute(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked, clock = slurm_that(tmp_path / "bin", monkeypatch, says="7_0 R"), Clock()
    ask, workspace = PatientAsker(clock=clock), Workspace(tmp_path)
    assert ask(workspace, [job("7_0")])["7_0"] is JobState.RUNNING
    clock.now_s += 29.0
    assert ask(workspace, [job("7_0"), job("8_0")])["8_0"] is JobState.QUEUED
    assert times_asked(asked) == 1
    clock.now_s += 2.0
    assert ask(workspace, [job("7_0"), job("8_0")])["8_0"] is JobState.GONE
    assert times_asked(asked) == 2


def test_a_task_that_waits_with_a_reason_is_in_its_queue_however_long(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, write_water_box: Callable[..., Path]
) -> None:
    slurm_that(tmp_path / "bin", monkeypatch, says="7_0 PD BadConstraints")
    workspace = Workspace(tmp_path)
    assert isinstance(ask_queues(workspace, [job("7_0")])["7_0"], Waiting)
    run = write_water_box(workspace.run("a1"), per_edge=2, n_pairs=0)
    said = {"scheduler": "slurm", "submission": "0f", "index": 0, "task": "7_0", "attempts": 0}
    write_json(run / "job.json", {**said, "submitted_s": 0.0})
    write_json(workspace.runs / UNSEEN, {"7_0": 1.0})
    (row,) = run_states(workspace)
    assert row.state == "queued"
    assert row.reason.startswith("its queue says why it waits: BadConstraints: no node is as")
    assert read_json(workspace.runs / UNSEEN) == {}


def test_a_queue_that_does_not_answer_is_asked_less_and_less_often(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked, clock = slurm_that(tmp_path / "bin", monkeypatch, says="no", rc=1), Clock()
    ask, workspace = PatientAsker(clock=clock), Workspace(tmp_path)
    at = list[float]()
    for _ in range(1200):
        before = times_asked(asked) if asked.exists() else 0
        assert isinstance(ask(workspace, [job("7_0")])["7_0"], ProgramError)
        if times_asked(asked) > before:
            at.append(clock.now_s)
        clock.now_s += 5.0
    pauses = [later - earlier for earlier, later in itertools.pairwise(at)]
    assert pauses[:5] == [60.0, 120.0, 240.0, 480.0, 480.0]
    slurm_that(tmp_path / "bin", monkeypatch, says="7_0 R")
    clock.now_s += 480.0
    assert ask(workspace, [job("7_0")])["7_0"] is JobState.RUNNING
    clock.now_s += 31.0
    before = times_asked(asked)
    ask(workspace, [job("7_0")])
    assert times_asked(asked) == before + 1
