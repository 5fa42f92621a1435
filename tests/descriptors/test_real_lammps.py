"""Salt water by LAMMPS: where sodium's hydration shell must be, and steps after a restart."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from iemhpc.descriptors.books import Files
from iemhpc.descriptors.dcd import read_dcd_header
from iemhpc.descriptors.extract import extract_runs
from iemhpc.descriptors.loose import Clock
from iemhpc.descriptors.loose_run import LooseFiles, extract_loose
from iemhpc.descriptors.trajectory import open_trajectory
from iemhpc.tables.descriptors import DESCRIPTOR_TABLE
from iemhpc.tables.io import read_frame, write_table
from iemhpc.tables.rdf import RDF_TABLE
from iemhpc.tables.roles import ROLE_TABLE
from iemhpc.workspace import Workspace

N_SIDE, SPACING_A, N_PAIRS = 6, 3.1, 5
BOX_A = N_SIDE * SPACING_A

# TIP3P and the ions of Joung and Cheatham for it (J. Phys. Chem. B 112, 9020, 2008).
FORCE_FIELD = """
pair_style lj/cut/coul/long 7.0
pair_modify mix arithmetic tail yes
pair_coeff 1 1 0.0874393 2.4393
pair_coeff 2 2 0.0355910 4.4777
pair_coeff 3 3 0.1521 3.1507
pair_coeff 4 4 0.0 1.0
bond_style harmonic
bond_coeff 1 450.0 0.9572
angle_style harmonic
angle_coeff 1 55.0 104.52
kspace_style pppm 1.0e-3
timestep 2.0
fix rigid all shake 1.0e-4 50 0 b 1 a 1
"""

BEGIN = f"""
units real
atom_style full
read_data box.data
{FORCE_FIELD}
velocity all create 400 7
fix calm all nve/limit 0.1
fix bath all langevin 300 300 50 9
run 600
unfix calm
unfix bath
reset_timestep 0
fix move all nvt temp 298.15 298.15 100.0
run 200
reset_timestep 0
dump frames all dcd 20 production.0.dcd
dump_modify frames sort id unwrap yes
dump text all custom 20 production.0.lammpstrj id type xu yu zu
dump_modify text format float %.9g units yes time yes
restart 410 half.restart
run 600
"""

RESUME = f"""
units real
atom_style full
read_restart half.restart.410
{FORCE_FIELD}
fix move all nvt temp 298.15 298.15 100.0
dump frames all dcd 20 production.410.dcd
dump_modify frames sort id unwrap yes
dump text all custom 20 production.410.lammpstrj id type xu yu zu
dump_modify text format float %.9g units yes time yes
run 1000 upto
"""


LOOSE_ROLES = """
[roles]
water_oxygen = { type = 3 }
counterion = { element = "Na" }
tethered = { type = 2 }
"""


def salt_water(roles) -> str:
    """Return a data file: ions and waters on the points of a cubic lattice."""
    rng = np.random.default_rng(11)
    points = np.stack(np.meshgrid(*3 * [np.arange(N_SIDE)]), axis=-1).reshape(-1, 3) * SPACING_A
    points = iter(points[rng.permutation(len(points))])
    lines, bonds, angles = [], [], []
    kinds = {"Na": (1, 1.0), "Cl": (2, -1.0), "O": (3, -0.834), "H": (4, 0.417)}
    for molecule, atoms in roles.groupby("molecule"):
        origin, first = next(points), int(atoms["atom_id"].iloc[0])
        offsets = np.array([[0, 0, 0], [0.7569, 0.5859, 0], [-0.7569, 0.5859, 0]])
        turn = np.linalg.qr(rng.normal(size=(3, 3)))[0]
        for k, element in enumerate(atoms["element"]):
            kind, charge = kinds[element]
            x, y, z = origin + offsets[k] @ turn
            lines.append(f"{first + k} {molecule} {kind} {charge} {x:.4f} {y:.4f} {z:.4f}")
        if len(atoms) == 3:
            bonds += [f"1 {first} {first + 1}", f"1 {first} {first + 2}"]
            angles.append(f"1 {first + 1} {first} {first + 2}")
    edges = "".join(f"0.0 {BOX_A} {axis}lo {axis}hi\n" for axis in "xyz")
    return (
        f"salt water\n\n{len(lines)} atoms\n{len(bonds)} bonds\n{len(angles)} angles\n"
        f"4 atom types\n1 bond types\n1 angle types\n\n{edges}"
        "\nMasses\n\n1 22.99\n2 35.45\n3 15.999\n4 1.008\n\nAtoms # full\n\n"
        + "\n".join(lines)
        + "\n\nBonds\n\n"
        + "\n".join(f"{n} {bond}" for n, bond in enumerate(bonds, 1))
        + "\n\nAngles\n\n"
        + "\n".join(f"{n} {angle}" for n, angle in enumerate(angles, 1))
        + "\n"
    )


def run_lammps(folder: Path, text: str) -> None:
    beside = Path(sys.executable).with_name("lmp")
    program = shutil.which("lmp") or (str(beside) if beside.exists() else None)
    if program is None:
        pytest.skip("lmp is not installed")
    (folder / "in.lammps").write_text(text)
    answer = subprocess.run(
        [program, "-in", "in.lammps", "-screen", "none"], cwd=folder, timeout=120, check=False
    )
    assert answer.returncode == 0, (folder / "log.lammps").read_text()[-1500:]


@pytest.mark.lammps
def test_sodium_and_chloride_hydration_shells_come_out_of_a_resumed_run(
    make_run, make_roles, segment, tmp_path
):
    folder = make_run("nacl")
    (folder / "production.0.dcd").unlink()
    n_waters = N_SIDE**3 - 2 * N_PAIRS
    roles = make_roles(n_sites=0, n_counterions=N_PAIRS, n_coions=N_PAIRS, n_waters=n_waters)
    is_chloride = roles["role"] == "coion"  # stands for the tethered site
    roles.loc[is_chloride, "role"] = "polymer"
    roles.loc[is_chloride, "is_tethered_paper"] = True
    write_table(folder / "roles.parquet", ROLE_TABLE, roles)
    (folder / "box.data").write_text(salt_water(roles))
    run_lammps(folder, BEGIN)
    run_lammps(folder, RESUME)
    entries = [
        segment(0, stride_steps=20),
        segment(410, stride_steps=20, attempt=2, restart="half.restart.410"),
    ]
    (folder / "segments.json").write_text(json.dumps(entries))

    # LAMMPS dumps on multiples of the stride only, whatever the step it starts from
    assert read_dcd_header(folder / "production.410.dcd").first_step == 420
    trajectory = open_trajectory(folder, n_atoms=len(roles))
    assert trajectory.steps.tolist() == list(range(0, 1001, 20))
    assert trajectory.notes == (
        "production.0.dcd: 10 of 31 frames have a step that comes again later; the later ones are "
        "counted",
    )

    assert extract_runs(Workspace(tmp_path)).failed == {}
    row = read_frame(tmp_path / "descriptors.parquet", DESCRIPTOR_TABLE, made_by="").iloc[0]
    assert row["counterion_water_peak_position_A"] == pytest.approx(2.37, abs=0.06)
    assert 4.0 < row["counterion_water_coordination_number"] < 6.8
    assert row["tethered_water_peak_position_A"] == pytest.approx(3.13, abs=0.1)
    assert row["tethered_water_fixed_radius_A"] == 3.8

    # the same by its files: LAMMPS' own steps, types and bonds; times only where it says them
    (folder / "roles.toml").write_text(LOOSE_ROLES)
    rdf = read_frame(tmp_path / "rdf.parquet", RDF_TABLE, made_by="")
    for kind, clock in (("dcd", Clock(timestep_fs=2.0)), ("lammpstrj", Clock())):
        loose = LooseFiles(
            name="nacl",
            trajectory=tuple(folder / f"production.{first}.{kind}" for first in (0, 410)),
            topology=folder / "box.data",
            roles=folder / "roles.toml",
            clock=clock,
        )
        files = Files(
            descriptors=tmp_path / f"{kind}.parquet",
            rdf=tmp_path / f"{kind}.rdf.parquet",
            dynamics=None,
            curves=None,
        )
        extract_loose(loose, files)
        other = read_frame(files.descriptors, DESCRIPTOR_TABLE, made_by="").iloc[0]
        assert (other["n_frames"], other["sampled_ps"]) == (51, 2.0)
        counts = read_frame(files.rdf, RDF_TABLE, made_by="")["count"].to_numpy()
        off = np.abs(counts - rdf["count"].to_numpy())
        assert off.sum() <= (0 if kind == "dcd" else 4)
