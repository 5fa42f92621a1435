"""A damaged job file is made anew from the lists of submissions and what their queue says."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from iemhpc.scheduler.cancelling import cancel_runs
from iemhpc.scheduler.damaged_jobs import ASIDE, mend_damaged_jobs
from iemhpc.scheduler.run_files import CANCELLED, is_job_damaged, read_job
from iemhpc.scheduler.runs import run_states
from iemhpc.workspace import Workspace

NAMES = ("a1", "b2", "c3")


@pytest.fixture
def workspace(tmp_path: Path, write_water_box: Callable[..., Path]) -> Workspace:
    workspace = Workspace(tmp_path)
    folder = workspace.runs / ".slurm" / "0f"
    folder.mkdir(parents=True)
    (folder / "job.sh").write_text("runs_per_job=2\n")
    paths = []
    for name in NAMES:
        run = write_water_box(workspace.run(name))
        (run / "job.json").write_text('{"sched')
        paths.append(run.resolve())
    (folder / "runs.list").write_text("".join(f"{path}\n" for path in paths))
    return workspace


def squeue_that(workspace: Workspace, monkeypatch: pytest.MonkeyPatch, script: str) -> Path:
    folder = workspace.root / "bin"
    folder.mkdir()
    asked = folder / "asked"
    (folder / "squeue").write_text(f'#!/bin/bash\necho "$*" >>{asked}\n{script}\n')
    (folder / "squeue").chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")
    return asked


def mend(workspace: Workspace) -> list[str]:
    return mend_damaged_jobs(workspace, [workspace.run(name) for name in NAMES])


def test_a_job_that_is_in_the_queue_is_found_by_one_question(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    script = 'case "$*" in *--name=iemhpc-0f*) echo 41;; *) printf "41_0 PD\\n41_1 PD\\n";; esac'
    asked = squeue_that(workspace, monkeypatch, script)
    assert mend(workspace) == []
    assert len(asked.read_text().splitlines()) == 1
    tasks = [(read_job(workspace.run(name)) or {})["task"] for name in NAMES]
    assert tasks == ["41_0", "41_0", "41_1"]
    assert {row.state for row in run_states(workspace)} == {"queued"}


def test_a_job_that_its_queue_has_forgotten_has_ended(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    squeue_that(workspace, monkeypatch, "true")
    assert mend(workspace) == []
    jobs = [read_job(workspace.run(name)) or {} for name in NAMES]
    assert [(job["task"], job["ended"]) for job in jobs] == [(None, True)] * 3


def test_where_the_queue_does_not_answer_the_run_stays_unknown(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    squeue_that(workspace, monkeypatch, "echo Unable to contact slurm controller >&2; exit 1")
    problems = mend(workspace)
    assert len(problems) == 3
    assert "a1: its job.json is damaged, and its queue cannot be asked: " in problems[0]
    assert {row.state for row in run_states(workspace)} == {"unknown"}
    summary = cancel_runs(workspace, ["a1"])
    assert summary.cancelled == ()
    assert "do not start" in summary.lines()[0]
    assert (workspace.run("a1") / CANCELLED).exists()


def test_the_job_of_a_local_run_is_put_aside(workspace: Workspace) -> None:
    shutil.rmtree(workspace.runs / ".slurm")
    assert mend(workspace) == []
    for name in NAMES:
        assert (workspace.run(name) / ASIDE).exists()
        assert not is_job_damaged(workspace.run(name))
    assert {row.state for row in run_states(workspace)} == {"planned"}
