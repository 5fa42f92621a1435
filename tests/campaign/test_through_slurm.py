"""A campaign through a real Slurm: boxes built by the jobs, descriptors once they have ended."""

import time
from pathlib import Path
from typing import Any

import pytest

from iemhpc.campaign import CampaignSummary, HowToSubmit, submit_campaign
from iemhpc.campaign.extending import extend_runs
from iemhpc.lammps.run_folder import is_built, read_plan
from iemhpc.scheduler.runs import run_states
from iemhpc.workspace import Workspace

pytestmark = [
    *(pytest.mark.slurm, pytest.mark.slow, pytest.mark.lammps),
    pytest.mark.usefixtures("lmp", "slurm"),
]
PROFILE = """\
scheduler = "slurm"
wall_hours = 0.2
warning_s = 120
memory_MB_per_core = 200
build = "job"
"""
TEXT = """\
box_A = 20.0
protocol = "test"
replicas = 1
cluster = "test"
[[systems]]
membrane = "Nafion"
salts = ["NaCl"]
salt_molar = [1.0]
"""


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    (tmp_path / "clusters").mkdir()
    (tmp_path / "clusters" / "test.toml").write_text(PROFILE)
    (tmp_path / "campaign.toml").write_text(TEXT)
    return Workspace(tmp_path)


def submit(workspace: Workspace, how: HowToSubmit | None = None, **more: Any) -> CampaignSummary:
    return submit_campaign(workspace, overrides=more, how=how or HowToSubmit())


def wait_for(path: Path, *, seconds: float = 400.0) -> None:
    until = time.monotonic() + seconds
    while not path.exists():
        assert time.monotonic() < until, f"{path} did not come"
        time.sleep(0.5)


def test_jobs_build_and_run_and_descriptors_follow(workspace: Workspace) -> None:
    first = submit(workspace, HowToSubmit(then="descriptors"))
    (run,) = first.runs
    assert not is_built(workspace.run(run.run_id))
    assert len(first.job_ids) == 1
    assert any(line.startswith("iemhpc descriptors follows as job ") for line in first.lines())
    assert "iemhpc status" in first.next_command

    # more of it while the first is under way: only what is new is submitted
    more = submit(workspace, salt=["NaCl", "KCl"])
    (new,) = more.started
    assert {row.run_id for row in more.runs} == {run.run_id, new}

    # and a longer one: taken up by the run wherever it is
    extended = extend_runs(workspace, [new[:8]], production_ns=0.0012)
    assert extended.runs[0].production_ps == 1.2
    assert extended.job_ids == (), "it is in the queue already"
    assert read_plan(workspace.run(new)).sampling["production_ps"] == 1.2

    wait_for(workspace.root / "descriptors.parquet")
    wait_for(workspace.run(new) / "production.steps")
    states = {row.run_id: row.state for row in run_states(workspace)}
    assert states[run.run_id] == "done"
    assert states[new] in ("done", "interrupted")
    if states[new] == "interrupted":  # it was running already: the next start goes on
        assert submit(workspace, salt=["NaCl", "KCl"]).started == (new,)
