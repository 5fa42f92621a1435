import csv
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from iemhpc.errors import InputError, MissingInputError
from iemhpc.lammps.data_file import read_data
from iemhpc.lammps.run_folder import (
    PHYSICS,
    REQUEST,
    SAMPLING,
    RunPlan,
    add_box,
    is_built,
    plan_json,
    read_network,
    read_plan,
    write_run,
)
from iemhpc.polymer.catalog import load_system
from iemhpc.system.assembly import MembraneBox
from iemhpc.tables.io import read_frame, read_provenance
from iemhpc.tables.roles import ROLE_TABLE
from iemhpc.workspace import Workspace, write_json


def plan_of(box: MembraneBox, **changes: Any) -> RunPlan:
    system, composition = load_system(box.composition.system), box.composition
    counts = {name: getattr(composition, name) for name in PHYSICS if hasattr(composition, name)}
    physics = counts | {
        "membrane": system.membrane.name,
        "polymer_hash": system.membrane.polymer.hash,
        "salt": system.salt.name,
        "counterion": system.counterion.name,
        "coion": system.coion.name,
        "force_field": "gaff2",
        "charges": "am1bcc",
        "water_model": "tip3p",
        "ion_set": "joung-cheatham",
        "tacticity": "atactic",
        "charge_scale": 1.0,
        "protocol": {"cutoff_A": 10.0, "anneal_ps": 50},
        "temperature_K": 298.15,
        "pressure_atm": 1.0,
        "seed": 1,
    }
    return RunPlan(
        physics=physics | changes,
        request={name: getattr(composition, name, None) for name in REQUEST},
        sampling={"production_ps": 100.0, "frame_ps": 1.0, "timestep_fs": 2.0},
    )


@pytest.fixture(scope="module")
def folder(cr61_box: MembraneBox, tmp_path_factory: pytest.TempPathFactory) -> Path:
    workspace = Workspace(tmp_path_factory.mktemp("campaign"))
    return write_run(workspace, plan_of(cr61_box), cr61_box)


def test_folder_is_named_by_its_plan_and_holds_the_files(
    folder: Path, cr61_box: MembraneBox
) -> None:
    assert folder.name == plan_of(cr61_box).run_id
    frcmod = ["gaff2.frcmod"] if cr61_box.parameters.frcmod else []
    assert sorted(path.name for path in folder.iterdir()) == [
        *frcmod,
        "network.json",
        "parameters.csv",
        "plan.json",
        "roles.parquet",
        "styles.in",
        "system.data",
    ]
    assert [path.name for path in folder.parent.iterdir()] == [folder.name]


def test_how_a_network_is_connected_is_kept_with_its_run(
    folder: Path, cr61_box: MembraneBox, tmp_path: Path
) -> None:
    shape = read_network(folder)
    assert shape == cr61_box.network
    assert shape is not None
    assert shape.percolates_in is not None
    linear = replace(cr61_box, network=None)
    other = write_run(Workspace(tmp_path), plan_of(cr61_box), linear)
    assert read_network(other) is None
    (other / "network.json").write_text('{"loops": 3}', encoding="utf-8")
    with pytest.raises(InputError, match=r"network.json does not say how a network is connected"):
        read_network(other)


def test_a_box_may_be_put_into_its_folder_later(
    folder: Path, cr61_box: MembraneBox, tmp_path: Path
) -> None:
    run = tmp_path / folder.name
    (run / ".box.killed").mkdir(parents=True)
    write_json(run / "plan.json", plan_json(plan_of(cr61_box)))
    assert not is_built(run)
    add_box(run, plan_of(cr61_box), cr61_box)
    assert is_built(run)
    names = sorted(path.name for path in folder.iterdir())
    assert sorted(path.name for path in run.iterdir()) == names
    for name in names:
        if not name.endswith(".parquet"):
            assert (run / name).read_bytes() == (folder / name).read_bytes(), name


def test_what_was_estimated_for_gaff2_is_beside_the_parameters(
    cr61_box: MembraneBox, tmp_path: Path
) -> None:
    estimated = ("remark", "MASS", "", "BOND", "")
    for n, lines in enumerate(((), estimated)):
        parameters = replace(cr61_box.parameters, frcmod=lines)
        box = replace(cr61_box, parameters=parameters)
        path = write_run(Workspace(tmp_path), plan_of(cr61_box, seed=7 + n), box) / "gaff2.frcmod"
        assert path.exists() is bool(lines)
    assert path.read_text().splitlines() == list(estimated)


def test_plan_is_read_again(folder: Path, cr61_box: MembraneBox) -> None:
    assert read_plan(folder) == plan_of(cr61_box)
    stored = json.loads((folder / "plan.json").read_text())
    assert stored["run_id"] == folder.name
    assert set(stored) == {
        *("schema_version", "iemhpc_version", "run_id", "physics", "request", "sampling")
    }


def test_roles_say_every_atom_in_the_order_of_the_data_file(
    folder: Path, cr61_box: MembraneBox
) -> None:
    roles = read_frame(folder / "roles.parquet", ROLE_TABLE, made_by="md-submit")
    data = read_data(folder / "system.data")
    assert np.array_equal(roles["atom_id"], data.ids)
    assert np.array_equal(roles["type"], data.types)
    assert np.array_equal(roles["molecule"], data.molecule)
    assert np.allclose(roles["charge_e"], data.charges_e, atol=1e-11)
    assert np.allclose(roles["mass_g_mol"], data.masses_g_mol[data.types - 1])
    assert (roles["role"] == "counterion").sum() == cr61_box.composition.n_counterions
    sites = roles[roles["is_tethered_paper"]]
    assert set(sites["element"]) == {"O"}
    assert set(roles[roles["is_tethered_center"]]["element"]) == {"S"}
    assert read_provenance(folder / "roles.parquet")["run_id"] == folder.name


def test_each_parameter_names_its_source(folder: Path, cr61_box: MembraneBox) -> None:
    with (folder / "parameters.csv").open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    parameters = cr61_box.parameters
    assert sum(row["kind"] == "dihedral" for row in rows) == len(parameters.dihedral_types)
    assert all(row["source"] and row["meaning"] for row in rows)
    assert [row["atom_types"] for row in rows if not row["values"]] == [
        "pair_modify mix arithmetic"
    ]
    assert next(row["values"] for row in rows if row["atom_types"] == "cut-off") == "10.0"
    assert sum(int(row["n_used"]) for row in rows if row["kind"] == "atom") == len(cr61_box.role)
    assert min(int(row["n_used"]) for row in rows) > 0
    sodium = next(row for row in rows if row["atom_types"] == "Na+")
    assert "Joung" in sodium["source"]


def test_a_folder_that_is_there_is_left_alone(folder: Path, cr61_box: MembraneBox) -> None:
    workspace = Workspace(folder.parent.parent)
    before = {path: path.stat().st_mtime_ns for path in folder.iterdir()}
    longer = replace(
        plan_of(cr61_box),
        sampling=dict.fromkeys(SAMPLING, 1000.0),
        request=dict.fromkeys(REQUEST, 0),
    )
    assert write_run(workspace, longer, cr61_box) == folder
    assert {path: path.stat().st_mtime_ns for path in folder.iterdir()} == before


def test_hash_is_of_the_physics_alone(cr61_box: MembraneBox) -> None:
    plan = plan_of(cr61_box)
    other = replace(plan, sampling={"production_ps": 1e4, "frame_ps": 0.1, "timestep_fs": 2})
    assert other.run_id == plan.run_id
    assert replace(plan, request=plan.request | {"salt_molar": 0.7}).run_id == plan.run_id
    assert plan_of(cr61_box, seed=2).run_id != plan.run_id
    assert plan_of(cr61_box, topology="linear").run_id != plan.run_id
    assert plan_of(cr61_box, protocol={"cutoff_A": 9.0, "anneal_ps": 50}).run_id != plan.run_id


def test_hash_takes_numbers_by_value(cr61_box: MembraneBox) -> None:
    plan = plan_of(cr61_box)
    as_floats = {
        key: float(value) if isinstance(value, int) else value
        for key, value in plan.physics.items()
    } | {"protocol": {"anneal_ps": 50.0, "cutoff_A": 10}, "pressure_atm": 1, "seed": np.int64(1)}
    assert replace(plan, physics=as_floats).run_id == plan.run_id


@pytest.mark.parametrize("part", ["physics", "request", "sampling"])
def test_missing_and_unknown_keys_are_named(cr61_box: MembraneBox, part: str) -> None:
    plan = plan_of(cr61_box)
    values = dict(getattr(plan, part))
    gone = sorted(values)[0]
    del values[gone]
    with pytest.raises(InputError, match=f"run plan: {part} lacks {gone} and has colour too much"):
        replace(plan, **{part: values | {"colour": "red"}})


def test_box_of_another_plan_is_refused_and_nothing_is_written(
    cr61_box: MembraneBox, tmp_path: Path
) -> None:
    plan = plan_of(cr61_box, n_waters=1)
    with pytest.raises(InputError, match=r"the box has n_waters \d+, the plan says 1; build"):
        write_run(Workspace(tmp_path), plan, cr61_box)
    assert not (tmp_path / "runs").exists()


def test_a_write_that_fails_leaves_nothing_behind(cr61_box: MembraneBox, tmp_path: Path) -> None:
    broken = replace(cr61_box, role=("ghost",) * 3)
    with pytest.raises(ValueError, match="shorter"):
        write_run(Workspace(tmp_path), plan_of(cr61_box), broken)
    assert list((tmp_path / "runs").iterdir()) == []


def test_plan_changed_by_hand_is_refused(
    folder: Path, cr61_box: MembraneBox, tmp_path: Path
) -> None:
    stored = json.loads((folder / "plan.json").read_text())
    stored["physics"]["seed"] = 99
    run = tmp_path / "runs" / folder.name
    run.mkdir(parents=True)
    (run / "plan.json").write_text(json.dumps(stored))
    with pytest.raises(InputError, match="was changed by hand: its physics hashes to"):
        read_plan(run)
    stored["run_id"] = plan_of(cr61_box, seed=99).run_id
    (run / "plan.json").write_text(json.dumps(stored))
    with pytest.raises(InputError, match=r"holds the plan of run .*; delete or rename it"):
        write_run(Workspace(tmp_path), plan_of(cr61_box), cr61_box)


def test_plan_of_another_version_is_refused(tmp_path: Path) -> None:
    (tmp_path / "plan.json").write_text('{"schema_version": 99}')
    with pytest.raises(InputError, match=r"plan\.json of schema 99, this iemhpc reads 4: delete"):
        read_plan(tmp_path)


def test_folder_without_plan_names_the_command(tmp_path: Path) -> None:
    with pytest.raises(MissingInputError, match="make one with: iemhpc md-submit"):
        read_plan(tmp_path)
