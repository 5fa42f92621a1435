"""A small box of TIP3P water and NaCl, written by hand: a run folder that needs no other code."""

import json
from pathlib import Path

import numpy as np

from iemhpc.tables.plan import SCHEMA_VERSION
from iemhpc.workspace import content_hash

STYLES = """\
variable water_angle_type equal 1
pair_style      lj/cut/coul/long ${cutoff_A}
pair_modify     mix arithmetic
bond_style      harmonic
angle_style     harmonic
special_bonds   lj 0 0 0.5 coul 0 0 0.8333333333333333
pair_coeff      1 1 0.1521 3.1507
pair_coeff      2 2 0.0 1.0
pair_coeff      3 3 0.0874393 2.4393
pair_coeff      4 4 0.0355910 4.4777
bond_coeff      1 553.0 0.9572
angle_coeff     1 100.0 104.52
"""

PROTOCOL = {
    "cutoff_A": 6.0,
    "pppm": 1e-3,
    "push_off_ps": 0.05,
    "minimize_steps": 60,
    "longest_bond_A": 2.3,
    "warm_ps": 0.05,
    "compress_ps": 0.1,
    "compress_K": 400.0,
    "compress_atm": 1000.0,
    "density_ps": 0.1,
    "density_blocks": 4,
    "density_tolerance": 0.5,
    "anneal_ps": 0.1,
    "anneal_K": 500.0,
    "cool_ps": 0.1,
    "settle_npt_ps": 0.2,
    "settle_nvt_ps": 0.1,
}


def write_water_box(
    folder: Path,
    *,
    per_edge: int = 5,
    n_pairs: int = 2,
    production_ps: float = 0.4,
    frame_ps: float = 0.02,
    protocol: dict[str, float] | None = None,
    seed: int = 1,
) -> Path:
    """Write ``plan.json``, ``system.data`` and ``styles.in`` of per_edge³ molecules."""
    folder.mkdir(parents=True)
    edge = 3.105 * per_edge
    grid = (np.indices((per_edge,) * 3).reshape(3, -1).T + 0.5) * 3.105
    order = np.random.default_rng(seed).permutation(len(grid))
    ions, waters = grid[order[: 2 * n_pairs]], grid[order[2 * n_pairs :]]
    (folder / "system.data").write_text(_data(edge, ions, waters))
    (folder / "styles.in").write_text(STYLES)
    plan = {
        "schema_version": SCHEMA_VERSION,
        "iemhpc_version": "0",
        "physics": {
            "system": "water/NaCl",
            "membrane": "water",
            "salt": "NaCl",
            "temperature_K": 298.15,
            "pressure_atm": 1.0,
            "seed": seed,
            "protocol": PROTOCOL | (protocol or {}),
        },
        "request": {"salt_molar": 0.9, "realised_salt_molar": 0.9},
        "sampling": {
            "production_ps": production_ps,
            "frame_ps": frame_ps,
            "timestep_fs": 2.0,
        },
    }
    plan["run_id"] = content_hash(plan["physics"])
    (folder / "plan.json").write_text(json.dumps(plan))
    return folder


def _data(edge: float, ions: np.ndarray, waters: np.ndarray) -> str:
    half = np.radians(104.52 / 2)
    arms = 0.9572 * np.array([[np.sin(half), np.cos(half), 0], [-np.sin(half), np.cos(half), 0]])
    atoms, bonds, angles = [], [], []
    for molecule, oxygen in enumerate(waters, 1):
        first = len(atoms) + 1
        atoms.append((molecule, 1, -0.834, oxygen))
        atoms.extend((molecule, 2, 0.417, oxygen + arm) for arm in arms)
        bonds += [(1, first, first + 1), (1, first, first + 2)]
        angles.append((1, first + 1, first, first + 2))
    for index, ion in enumerate(ions):
        kind = 3 + index % 2
        atoms.append((len(waters) + 1 + index, kind, 1.0 if kind == 3 else -1.0, ion))
    lines = [
        "water and NaCl",
        "",
        f"{len(atoms)} atoms\n4 atom types",
        f"{len(bonds)} bonds\n1 bond types\n{len(angles)} angles\n1 angle types",
        *(f"0.0 {edge} {x}lo {x}hi" for x in "xyz"),
        "\nMasses\n\n1 15.9994\n2 1.008\n3 22.98977\n4 35.453\n\nAtoms # full\n",
        *(
            f"{i} {mol} {kind} {q} {r[0]:.6f} {r[1]:.6f} {r[2]:.6f}"
            for i, (mol, kind, q, r) in enumerate(atoms, 1)
        ),
        "\nBonds\n",
        *(f"{i} {' '.join(map(str, row))}" for i, row in enumerate(bonds, 1)),
        "\nAngles\n",
        *(f"{i} {' '.join(map(str, row))}" for i, row in enumerate(angles, 1)),
    ]
    return "\n".join(lines) + "\n"
