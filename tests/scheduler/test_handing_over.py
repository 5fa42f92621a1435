"""What a submission that died, or a disk that filled, leaves behind is taken up, once."""

import errno
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from iemhpc.errors import ProgramError, ResourceError
from iemhpc.scheduler import handing_over
from iemhpc.scheduler.base import Resources
from iemhpc.scheduler.handing_over import Part, adopt_crashed, hand_over, is_unsent, make_scheduler
from iemhpc.scheduler.run_files import read_job
from iemhpc.settings.cluster import ClusterSettings
from iemhpc.workspace import Workspace, write_json

NAMES = ("a1", "b2", "c3")


@pytest.fixture
def workspace(tmp_path: Path, write_water_box: Callable[..., Path]) -> Workspace:
    workspace = Workspace(tmp_path)
    for name in NAMES:
        write_water_box(workspace.run(name), per_edge=2, n_pairs=0)
    return workspace


def slurm_that(workspace: Workspace, monkeypatch: pytest.MonkeyPatch, **scripts: str) -> None:
    folder = workspace.root / "bin"
    folder.mkdir()
    for name, script in scripts.items():
        (folder / name).write_text(f"#!/bin/bash\n{script}\n")
        (folder / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")


def crash(workspace: Workspace, **values: Any) -> None:
    """Write what a submission leaves that was killed between sbatch and saving."""
    for index, name in enumerate(NAMES):
        job = {"scheduler": "slurm", "cluster": "test", "submission": "0f", "index": index}
        job |= {"task": None, "attempts": 0, "submitted_s": 0.0, "n_runs": 3, "runs_per_job": 2}
        write_json(workspace.run(name) / "job.json", job | values)


def tasks(workspace: Workspace) -> list[str | None]:
    return [(read_job(workspace.run(name)) or {})["task"] for name in NAMES]


def part_of(workspace: Workspace) -> Part:
    settings = ClusterSettings(scheduler="slurm", lammps=("none",), setup=("true",))
    scheduler = make_scheduler(workspace, settings, Resources())
    return Part(runs=tuple(workspace.run(name) for name in NAMES), scheduler=scheduler)


@pytest.mark.parametrize("profile", ['scheduler = "slurm"\n', 'scheduler = "pbs"\n', "", None])
def test_a_crashed_submission_is_found_as_it_was_made_whatever_its_profile_says_now(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch, profile: str | None
) -> None:
    slurm_that(workspace, monkeypatch, squeue="[[ $* == *--name=iemhpc-0f* ]] && echo 8")
    crash(workspace)
    if profile is not None:  # changed to one run a job, to another queue, damaged
        (workspace.root / "clusters").mkdir()
        (workspace.root / "clusters" / "test.toml").write_text(profile)
    adopt_crashed(workspace, NAMES)
    assert tasks(workspace) == ["8_0", "8_0", "8_1"]


def test_runs_of_a_crash_without_a_job_start_again_though_their_profile_is_gone(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    slurm_that(workspace, monkeypatch, squeue="true")
    crash(workspace, cluster="renamed")
    adopt_crashed(workspace, NAMES)
    assert all(is_unsent(workspace.run(name)) for name in NAMES)


def full_disk(*_: object) -> None:
    raise OSError(errno.ENOSPC, "No space left on device", "job.json")


def test_a_disk_that_fills_after_the_job_was_made_says_so_and_the_job_is_found(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    slurm_that(workspace, monkeypatch, sbatch="echo 8", squeue="echo 8")
    with monkeypatch.context() as patch:
        patch.setattr(handing_over, "_record_job", full_disk)
        with pytest.raises(ResourceError, match=r"job 8 was made of 3 runs, but .*No space left"):
            hand_over(part_of(workspace), "slurm", done=[], say=lambda _: None)
    assert tasks(workspace) == [None, None, None]
    adopt_crashed(workspace, NAMES)
    assert tasks(workspace) == ["8_0", "8_1", "8_2"]


def test_a_word_that_cannot_be_said_does_not_undo_what_the_queue_has_taken(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    slurm_that(workspace, monkeypatch, sbatch="echo 8", squeue="echo 8")

    def closed_pipe(_: str) -> None:
        raise BrokenPipeError(errno.EPIPE, "Broken pipe")

    with pytest.raises(ProgramError, match="Broken pipe; nobody knows whether the job was made"):
        hand_over(part_of(workspace), "slurm", done=[], say=closed_pipe)
    adopt_crashed(workspace, NAMES)
    assert tasks(workspace) == ["8_0", "8_1", "8_2"]


def test_a_disk_that_is_full_before_the_queue_is_asked_leaves_the_runs_as_they_were(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    slurm_that(workspace, monkeypatch, sbatch=f"touch {workspace.root}/asked; echo 8")
    old = workspace.run("a1") / "job.json"
    crash(workspace, task="7_0")
    text, n_written = old.read_text(), 0
    (workspace.run("b2") / "job.json").unlink()

    def until_full(path: Path, value: object) -> None:
        nonlocal n_written
        n_written += 1
        if n_written > 2:
            full_disk()
        write_json(path, value)

    monkeypatch.setattr(handing_over, "write_json", until_full)
    with pytest.raises(OSError, match="No space left"):
        hand_over(part_of(workspace), "slurm", done=[], say=lambda _: None)
    assert old.read_text() == text
    assert not (workspace.run("b2") / "job.json").exists()
    assert not (workspace.root / "asked").exists()


def test_a_run_that_has_gone_on_before_its_submission_was_noted_keeps_its_new_job(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    # what the script of a PBS job does at the end of its time
    noted = f'sed -i \'s/"task": null/"task": "9_0"/\' {workspace.run("b2")}/job.json'
    slurm_that(workspace, monkeypatch, sbatch=f"{noted}; echo 8")
    hand_over(part_of(workspace), "slurm", done=[], say=lambda _: None)
    assert tasks(workspace) == ["8_0", "9_0", "8_2"]
