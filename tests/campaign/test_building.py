"""Boxes: here or in the job, the same; each once, whoever else is at it."""

import json
import os
import shutil
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from iemhpc.campaign import HowToSubmit, Planned, building, plan_campaign, submit_campaign
from iemhpc.campaign.building import write_folders
from iemhpc.campaign.unbuilt import build_run, building_lock, write_unbuilt
from iemhpc.errors import CompositionError, InputError, MissingInputError
from iemhpc.lammps.run_folder import is_built
from iemhpc.polymer.materials import Polymer
from iemhpc.polymer.own import own_membrane
from iemhpc.scheduler.runs import run_states
from iemhpc.settings.targets import Targets, load_campaign
from iemhpc.workspace import Workspace

TINY = {"box_A": 20.0, "protocol": "test", "salt": ["NaCl"], "salt_molar": [1.0], "replicas": 1}
OWN = ["acid=[*]CC([*])C(=O)[O-]:0.4", "ester=[*]CC([*])C(=O)OC:0.6"]


def planned_of(workspace: Workspace, targets: Targets, **overrides: Any) -> Planned:
    campaign = load_campaign(workspace, targets, overrides=TINY | overrides)
    return plan_campaign(campaign)[0][0]


def contents(folder: Path) -> dict[str, bytes]:
    return {
        path.name: path.read_bytes() for path in folder.iterdir() if path.suffix != ".parquet"
    } | {path.name: b"" for path in folder.glob("*.parquet")}


def own_charges(path: Path, polymer: Polymer) -> Path:
    """Write charges of one's own that are those of the formal charge, and a dipole."""
    lines = []
    for unit in polymer.units:
        charges = [unit.charge + 0.1, -0.1, *[0.0] * (unit.n_atoms - 2)]
        zeros = [0.0] * unit.n_atoms
        lines.append(
            f'[[unit]]\nsmiles = "{unit.smiles}"\ncharges = {charges}\nhydrogens = {zeros}'
        )
    path.write_text("\n".join(lines))
    return path


@pytest.mark.parametrize("kind", ["catalogue", "own"])
def test_a_box_built_in_its_job_is_the_box_built_here(tmp_path: Path, kind: str) -> None:
    here, there = Workspace(tmp_path / "here"), Workspace(tmp_path / "there")
    targets: Targets = ["Nafion"]
    overrides: dict[str, Any] = {}
    if kind == "own":
        targets = own_membrane(
            OWN, name="mine", salts=["NaCl"], water_per_site=12.0, tethered="C(=O)[O-]"
        )
        membrane = planned_of(here, targets, force_field="oplsaa").system.membrane
        path = own_charges(tmp_path / "mine.toml", membrane.polymer)
        overrides = {"charges": [str(path)], "force_field": "oplsaa"}
    one = planned_of(here, targets, **overrides)
    assert write_folders(here, [one]) == {}
    assert write_folders(there, [one], in_job=True) == {}
    folder = there.run(one.run_id)
    assert sorted(path.name for path in folder.iterdir()) == ["build", "plan.json"]
    assert not is_built(folder)
    assert [row.state for row in run_states(there)] == ["planned"]
    # the node knows the folder alone, wherever it was planned
    (tmp_path / "mine.toml").unlink(missing_ok=True)
    moved = Workspace(tmp_path / "node").run(one.run_id)
    shutil.copytree(folder, moved)
    assert build_run(moved)
    assert contents(moved) == contents(here.run(one.run_id))
    assert not build_run(moved), "a box that is there is left as it is"


def test_charges_that_have_changed_since_the_plan_are_refused(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    own = own_membrane(OWN, name="mine", salts=["NaCl"], water_per_site=12.0)
    membrane = planned_of(workspace, own, force_field="oplsaa").system.membrane
    path = own_charges(tmp_path / "mine.toml", membrane.polymer)
    one = planned_of(workspace, own, charges=[str(path)], force_field="oplsaa")
    path.write_text(path.read_text() + "\n# another thought\n")
    problems = write_folders(workspace, [one], in_job=True)
    assert "mine.toml: the charges have changed since the run was planned" in problems[one.run_id]
    assert not workspace.run(one.run_id).exists()


def test_what_a_job_cannot_build_from_is_told(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    one = planned_of(workspace, ["Nafion"])
    folder = write_unbuilt(workspace, one)
    path = folder / "build" / "build.json"
    values = json.loads(path.read_text())
    values["polymer"]["fractions"] = [0.5, 0.5]
    path.write_text(json.dumps(values))
    with pytest.raises(InputError, match=r"holds another polymer than plan\.json; delete runs/"):
        build_run(folder)
    path.write_text(json.dumps(values | {"schema_version": 9}))
    with pytest.raises(InputError, match="has schema 9, this iemhpc reads 1; delete runs/"):
        build_run(folder)
    path.unlink()
    with pytest.raises(MissingInputError, match=r"has no box and no build/build\.json to build"):
        build_run(folder)
    assert not is_built(folder)


def test_a_box_that_fails_in_the_middle_leaves_a_planned_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace = Workspace(tmp_path)
    folder = write_unbuilt(workspace, planned_of(workspace, ["Nafion"]))
    before = sorted(path.name for path in folder.iterdir())

    def fail(*_: object) -> str:
        raise CompositionError("no room")

    monkeypatch.setattr("iemhpc.lammps.run_folder.styles_text", fail)
    with pytest.raises(CompositionError, match="no room"):
        build_run(folder)
    assert sorted(path.name for path in folder.iterdir()) == before
    assert [path.name for path in workspace.runs.iterdir()] == [folder.name]


def test_a_run_left_to_its_job_may_be_built_here_after_all(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    one = planned_of(workspace, ["Nafion"])
    write_folders(workspace, [one], in_job=True)
    write_folders(workspace, [one])
    folder = workspace.run(one.run_id)
    assert is_built(folder)
    assert not (folder / "build").exists()


def test_the_option_wins_over_the_profile(tmp_path: Path, lmp: str) -> None:
    profile = tmp_path / "mine.toml"
    profile.write_text('scheduler = "local"\nbuild = "job"\n')
    workspace = Workspace(tmp_path)
    for build, built in ((None, False), ("job", False), ("here", True)):
        summary = submit_campaign(
            workspace,
            ["Nafion"],
            overrides=TINY,
            cluster=str(profile),
            how=HowToSubmit(submit=False, build=build),
        )
        assert is_built(workspace.run(summary.runs[0].run_id)) is built
        assert summary.runs[0].state == "planned"


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Boxes that were asked for; none is built."""
    asked: list[str] = []

    def refuse(one: Planned, **_: object) -> None:
        asked.append(one.run_id)
        raise CompositionError("not in this test")

    monkeypatch.setattr(building, "build_planned", refuse)
    monkeypatch.setattr(building, "LOOK_S", 0.05)
    return asked


def test_what_another_process_builds_is_waited_for(tmp_path: Path, fake: list[str]) -> None:
    workspace = Workspace(tmp_path)
    one = planned_of(workspace, ["Nafion"])
    said: list[str] = []
    worker = threading.Thread(
        target=write_folders, args=(workspace, [one]), kwargs={"say": said.append}
    )
    with building_lock(workspace.run(one.run_id)):
        worker.start()
        while not said:
            worker.join(0.05)
        assert said == [f"waiting for another process, which is building {one.run_id}"]
        write_unbuilt(workspace, one)
        (workspace.run(one.run_id) / "system.data").write_text("theirs")
    worker.join(30)
    assert not worker.is_alive()
    assert fake == [], "theirs is taken"


def test_a_claim_that_ended_without_a_box_is_taken_over(tmp_path: Path, fake: list[str]) -> None:
    workspace = Workspace(tmp_path)
    one = planned_of(workspace, ["Nafion"])
    worker = threading.Thread(target=write_folders, args=(workspace, [one]))
    with building_lock(workspace.run(one.run_id)):
        worker.start()
        worker.join(0.3)
        assert worker.is_alive()
    worker.join(30)
    assert fake == [one.run_id]


@pytest.mark.slow
def test_two_commands_at_once_share_the_boxes_and_both_end_well(tmp_path: Path) -> None:
    words = [
        *(sys.executable, "-c", "from iemhpc.cli.app import main; main()"),
        *("md-submit", "Nafion", "--salt", "NaCl", "--salt-molar", "1", "--box", "20"),
        *("--protocol", "test", "--replicas", "3", "--no-submit", "-w", str(tmp_path)),
    ]
    both = [
        subprocess.Popen(
            words,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
        )
        for _ in range(2)
    ]
    said = [process.communicate(timeout=120) for process in both]
    assert [process.returncode for process in both] == [0, 0], said
    built = [line for _, err in said for line in err.splitlines() if line.startswith("box ")]
    assert len(built) == 3
    folders = [path for path in (tmp_path / "runs").iterdir() if not path.name.startswith(".")]
    assert len(folders) == 3
    assert all(is_built(folder) for folder in folders)
    assert not list((tmp_path / "runs").glob(".*")), "no claim is left"


@pytest.mark.lammps
@pytest.mark.slow
def test_a_job_builds_its_box_and_runs_it(tmp_path: Path, lmp: str) -> None:
    workspace = Workspace(tmp_path)
    summary = submit_campaign(workspace, ["Nafion"], overrides=TINY, how=HowToSubmit(build="job"))
    (run,) = summary.runs
    assert run.state == "done", run.reason
    folder = workspace.run(run.run_id)
    assert (folder / "production.0.dcd").stat().st_size > 0
    assert not (folder / "build").exists()
