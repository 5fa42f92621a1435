"""A run folder as LAMMPS and the scheduler would leave it, with atoms of our choosing."""

import json
from pathlib import Path
from typing import Any

import mdtraj
import numpy as np
import pandas as pd
import pytest

from iemhpc.tables.io import write_table
from iemhpc.tables.plan import SCHEMA_VERSION
from iemhpc.tables.roles import ROLE_TABLE
from iemhpc.workspace import content_hash

ATOMS = (
    ("S", "s6", "SSTY", "polymer", False, True),
    ("O", "o", "SSTY", "polymer", True, False),
    ("O", "o", "SSTY", "polymer", True, False),
    ("O", "o", "SSTY", "polymer", True, False),
    ("Na", "Na+", "NA", "counterion", False, False),
    ("Cl", "Cl-", "CL", "coion", False, False),
    ("O", "OW", "HOH", "water_oxygen", False, False),
    ("H", "HW", "HOH", "water_hydrogen", False, False),
    ("H", "HW", "HOH", "water_hydrogen", False, False),
)
"""One site, its counter-ion, a co-ion and one water: element, type, residue, role, sites."""


def make_roles(*, n_sites: int, n_counterions: int, n_coions: int, n_waters: int) -> pd.DataFrame:
    groups = [
        (ATOMS[:4], n_sites),
        (ATOMS[4:5], n_counterions),
        (ATOMS[5:6], n_coions),
        (ATOMS[6:], n_waters),
    ]
    rows: list[dict[str, Any]] = []
    molecule = 0
    for atoms, number in groups:
        for _ in range(number):
            molecule += 1
            for element, type_name, residue, role, is_paper, is_center in atoms:
                rows.append(
                    {
                        "atom_id": len(rows) + 1,
                        "element": element,
                        "type": 1,
                        "type_name": type_name,
                        "charge_e": 0.0,
                        "mass_g_mol": {"S": 32.06, "O": 16.0, "H": 1.008}.get(element, 23.0),
                        "molecule": molecule,
                        "residue": residue,
                        "role": role,
                        "is_tethered_paper": is_paper,
                        "is_tethered_center": is_center,
                    }
                )
    return pd.DataFrame(rows)


def write_dcd(path: Path, positions_A: np.ndarray, box_A: float = 20.0) -> None:
    with mdtraj.formats.DCDTrajectoryFile(str(path), "w", force_overwrite=True) as stream:
        n = len(positions_A)
        stream.write(
            positions_A.astype(np.float32),
            cell_lengths=np.full((n, 3), box_A, dtype=np.float32),
            cell_angles=np.full((n, 3), 90.0, dtype=np.float32),
        )


def segment(
    first_step: int, *, attempt: int = 1, stride_steps: int = 500, **changes: Any
) -> dict[str, Any]:
    return {
        "file": f"production.{first_step}.dcd",
        "first_step": first_step,
        "stride_steps": stride_steps,
        "timestep_fs": 2.0,
        "attempt": attempt,
        "restart": "none",
        **changes,
    }


def solvated(rng: np.random.Generator, n_frames: int, roles: pd.DataFrame, box_A: float):
    """Give each ion five waters at 2.4 Å and two sites at 2.35 Å; nothing else within 3.4 Å."""
    ions = np.flatnonzero(roles["role"] == "counterion")
    waters = np.flatnonzero(roles["role"] == "water_oxygen")
    sites = np.flatnonzero(roles["is_tethered_paper"])
    cells = np.stack(np.meshgrid(*3 * [[0.25, 0.75]]), axis=-1).reshape(-1, 3)[: len(ions)]
    centres = cells * box_A + rng.uniform(-1.0, 1.0, size=(n_frames, len(ions), 3))
    positions = rng.uniform(0.0, box_A, size=(n_frames, len(roles), 3))
    for _ in range(20):
        away = positions[:, :, None] - centres[:, None]
        away -= box_A * np.rint(away / box_A)
        is_near = (np.linalg.norm(away, axis=-1) < 3.4).any(axis=-1)
        positions[is_near] = rng.uniform(0.0, box_A, size=(int(is_near.sum()), 3))
    positions[:, ions] = centres
    for group, each, length_A in ((waters, 5, 2.4), (sites, 2, 2.35)):
        for k in range(len(ions)):
            way = rng.normal(size=(n_frames, each, 3))
            way /= np.linalg.norm(way, axis=-1, keepdims=True)
            way *= rng.normal(length_A, 0.1, size=(n_frames, each, 1))
            positions[:, group[each * k : each * (k + 1)]] = centres[:, [k]] + way
    return positions


@pytest.fixture
def make_run(tmp_path: Path):
    """Return a function that writes a finished run folder into ``tmp_path/runs``."""

    def make(
        run_id: str = "0f3a",
        *,
        state: str = "done",
        n_frames: int = 60,
        box_A: float = 20.0,
        seed: int = 1,
        counts: tuple[int, int, int, int] = (6, 6, 1, 60),
    ) -> Path:
        folder = tmp_path / "runs" / run_id
        folder.mkdir(parents=True)
        roles = make_roles(
            n_sites=counts[0], n_counterions=counts[1], n_coions=counts[2], n_waters=counts[3]
        )
        write_table(folder / "roles.parquet", ROLE_TABLE, roles)
        rng = np.random.default_rng(seed)
        write_dcd(folder / "production.0.dcd", solvated(rng, n_frames, roles, box_A), box_A)
        (folder / "segments.json").write_text(json.dumps([segment(0)]))
        (folder / "status.json").write_text(json.dumps({"state": state}))
        plan = {
            "schema_version": SCHEMA_VERSION,
            "physics": {
                "system": "CR61/NaCl",
                "membrane": "CR61",
                "salt": "NaCl",
                "polymer_hash": "5effe98122b7",
                "temperature_K": 298.15,
                "n_sites": counts[0],
                "n_waters": counts[3],
                "n_counterions": counts[1],
                "n_coions": counts[2],
                "seed": seed,
            },
            "request": {
                "salt_molar": 0.3,
                "realised_salt_molar": 0.31,
                "donnan_salt_molar": 0.05,
                "salt_molar_low": 0.2,
                "salt_molar_high": 0.4,
                "water_per_site": 10.0,
            },
        }
        plan["run_id"] = content_hash(plan["physics"])
        (folder / "plan.json").write_text(json.dumps(plan))
        return folder

    return make


@pytest.fixture(name="write_dcd")
def write_dcd_fixture():
    return write_dcd


@pytest.fixture(name="segment")
def segment_fixture():
    return segment


@pytest.fixture(name="make_roles")
def make_roles_fixture():
    return make_roles


def dump_frame(
    rows: str = "1 1 1 2 3\n2 1 4 5 6",
    *,
    step: int = 0,
    columns: str = "id type x y z",
    kind: str = "pp pp pp",
    box: str = "0 10\n0 10\n0 10",
    before: str = "",
    n_atoms: int | None = None,
) -> str:
    """Return one frame of a LAMMPS text dump."""
    lines = rows.splitlines()
    n_atoms = len(lines) if n_atoms is None else n_atoms
    return (
        f"{before}ITEM: TIMESTEP\n{step}\nITEM: NUMBER OF ATOMS\n{n_atoms}\n"
        f"ITEM: BOX BOUNDS {kind}\n{box}\nITEM: ATOMS {columns} \n"
        + "".join(f"{line} \n" for line in lines)
    )


@pytest.fixture(name="dump_frame", scope="session")
def dump_frame_fixture():
    return dump_frame
