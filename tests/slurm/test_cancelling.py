"""Runs of a real queue are cancelled, stay cancelled, and go on when they are resubmitted."""

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from iemhpc.errors import RefusedError
from iemhpc.scheduler.cancelling import cancel_runs
from iemhpc.scheduler.resubmitting import resubmit_runs
from iemhpc.scheduler.runs import run_states
from iemhpc.scheduler.submission import submit_runs
from iemhpc.workspace import Workspace

pytestmark = [
    pytest.mark.slurm,
    pytest.mark.lammps,
    pytest.mark.faults,
    pytest.mark.usefixtures("lmp", "slurm"),
]
PROFILE = """\
scheduler = "slurm"
wall_hours = 0.2
warning_s = 120
memory_MB_per_core = 50
at_once = 1
"""


def states(workspace: Workspace) -> dict[str, str]:
    return {row.run_id: row.state for row in run_states(workspace)}


def wait_for(what: Callable[[], Any], *, seconds: float = 150.0) -> None:
    until = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < until, "it did not come"
        time.sleep(0.3)


def test_a_running_and_a_waiting_task_are_cancelled_and_one_is_resubmitted(
    tmp_path: Path, write_water_box: Callable[..., Path], slurm: Any
) -> None:
    (tmp_path / "clusters").mkdir()
    (tmp_path / "clusters" / "test.toml").write_text(PROFILE)
    workspace = Workspace(tmp_path)
    folder = write_water_box(workspace.run("a1"), production_ps=4.0, frame_ps=0.02)
    write_water_box(workspace.run("b2"), production_ps=0.1)
    (job,) = submit_runs(workspace, ["a1", "b2"], cluster="test").job_ids
    wait_for((folder / "production.b.restart").exists)
    assert states(workspace) == {"a1": "running", "b2": "queued"}
    summary = cancel_runs(workspace, ["a1", "b2"])
    assert (summary.cancelled, summary.problems) == (("a1", "b2"), ())
    wait_for(lambda: slurm.codes(job) == {f"{job}_0": "CA", f"{job}_1": "CA"})
    wait_for(lambda: states(workspace) == {"a1": "cancelled", "b2": "cancelled"})
    assert json.loads((folder / "status.json").read_text())["reason"] == "cancelled"
    # scancel tells LAMMPS, too: what it has written at its leisure is there in any case
    assert list(folder.glob("production.*restart"))
    assert not (workspace.run("b2") / "attempts.log").exists()
    # the same command again leaves them; only this starts one of them
    assert submit_runs(workspace, ["a1", "b2"], cluster="test").started == ()
    assert resubmit_runs(workspace, ["a1"]).started == ("a1",)
    wait_for(lambda: states(workspace)["a1"] == "done")
    assert states(workspace)["b2"] == "cancelled"
    first, second = json.loads((folder / "segments.json").read_text())
    assert (first["attempt"], second["attempt"]) == (1, 2)


def test_runs_that_had_not_begun_are_cancelled_and_start_when_they_are_resubmitted(
    tmp_path: Path, write_water_box: Callable[..., Path], slurm: Any
) -> None:
    (tmp_path / "clusters").mkdir()
    (tmp_path / "clusters" / "test.toml").write_text(PROFILE)
    workspace = Workspace(tmp_path)
    for name in ("a1", "b2"):
        write_water_box(workspace.run(name), production_ps=0.1)
    slurm.ask("scontrol", "update", "PartitionName=cpu", "State=DOWN")
    try:
        (job,) = submit_runs(workspace, ["a1", "b2"], cluster="test").job_ids
        slurm.ask("scontrol", "hold", f"{job}_1")
        cancel_runs(workspace, ["a1", "b2"])
        wait_for(lambda: slurm.codes(job) == {f"{job}_0": "CA", f"{job}_1": "CA"})
        # what Slurm refuses stays cancelled
        (tmp_path / "clusters" / "bad.toml").write_text(PROFILE + 'partition = "nowhere"\n')
        with pytest.raises(RefusedError, match="nowhere"):
            resubmit_runs(workspace, ["a1", "b2"], cluster="bad")
        assert states(workspace) == {"a1": "cancelled", "b2": "cancelled"}
        summary = resubmit_runs(workspace, ["a1", "b2"])
        assert (summary.started, summary.refused) == (("a1", "b2"), {})
        assert states(workspace) == {"a1": "queued", "b2": "queued"}
    finally:
        slurm.ask("scontrol", "update", "PartitionName=cpu", "State=UP")
    wait_for(lambda: states(workspace) == {"a1": "done", "b2": "done"})
    (second,) = summary.job_ids
    assert second != job
    for name in ("a1", "b2"):
        assert len((workspace.run(name) / "attempts.log").read_text().splitlines()) == 1
