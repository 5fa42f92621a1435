"""A restart file damaged in its middle, its end mark whole: the other one is taken."""

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from iemhpc.scheduler.base import Resources, Submission
from iemhpc.scheduler.run_files import read_plan, read_status
from iemhpc.scheduler.scripts import render_runs
from iemhpc.settings.cluster import ClusterSettings
from iemhpc.workspace import Workspace

WriteBox = Callable[..., Path]


def start(run: Path, program: str, *, patience_s: int = 600) -> int:
    cluster = ClusterSettings.model_validate({"scheduler": "local", "lammps": [program]})
    files = render_runs(
        Submission(runs=(run,), submission_id="0f", plans=(read_plan(run),)),
        workspace=Workspace(run.parents[1]),
        cluster=cluster,
        resources=Resources(),
    )
    for path, text in files.items():
        path.write_text(text.replace("patience_s=600", f"patience_s={patience_s}"))
    return subprocess.run(["bash", run / "run.sh"], check=False, timeout=60).returncode


@pytest.mark.lammps
def test_a_hole_in_the_newest_restart_file_costs_what_lies_behind_the_other(
    tmp_path: Path, write_water_box: WriteBox, lmp: str
) -> None:
    run = write_water_box(tmp_path / "runs" / "a1", production_ps=0.2)
    assert start(run, lmp) == 0
    plan = json.loads((run / "plan.json").read_text())
    plan["sampling"]["production_ps"] = 0.3
    (run / "plan.json").write_text(json.dumps(plan))
    newest = run / "production.restart"
    with newest.open("r+b") as stream:
        stream.seek(newest.stat().st_size // 10)
        stream.write(bytes(4096))
    assert start(run, lmp) == 0
    assert (run / "production.restart.bad").exists()
    assert not list(run.glob("*.doubt"))
    last = json.loads((run / "segments.json").read_text())[-1]
    assert last["restart"] in ("production.a.restart", "production.b.restart")


@pytest.mark.parametrize(
    ("does", "patience_s", "reason"),
    [("echo 'no licence'; exit 7", 600, "no licence"), ("sleep 60", 1, "did not get beyond")],
    ids=["ends", "hangs"],
)
def test_where_none_can_be_read_all_stay_and_the_run_fails(
    tmp_path: Path, write_water_box: WriteBox, does: str, patience_s: int, reason: str
) -> None:
    run = write_water_box(tmp_path / "runs" / "a1")
    for name in ("minimized.data", "equilibrated.data"):
        (run / name).write_bytes((run / "system.data").read_bytes())
    restarts = [f"production.{name}.restart" for name in "ab"]
    for name in restarts:
        (run / name).write_bytes(b"numbers LammpS RestartT 1\0")
    program = tmp_path / "lammps.sh"
    program.write_text(f"#!/bin/sh\necho started >>{tmp_path}/starts\n{does}\n")
    program.chmod(0o755)
    assert start(run, str(program), patience_s=patience_s) != 0
    assert (tmp_path / "starts").read_text().count("started") == 2
    assert sorted(path.name for path in run.glob("*restart*")) == restarts
    status = read_status(run)
    assert status is not None
    assert status.state == "failed"
    assert reason in status.reason
