"""Salt water by LAMMPS with our files, read by our descriptors: the shells of the literature.

Na+ of Joung and Cheatham (J. Phys. Chem. B 112 (2008) 9020) has its oxygens in TIP3P at 2.38 Å,
five to six of them, their Cl- at 3.13 Å.
"""

import json
from itertools import product
from pathlib import Path

import numpy as np
import pytest

from iemhpc.descriptors.pairs import PairAtoms, count_pairs
from iemhpc.descriptors.trajectory import open_trajectory
from iemhpc.descriptors.uncertainty import PairDescription, describe_pair
from iemhpc.forcefield.aqueous import ion_parameters, water_parameters
from iemhpc.forcefield.parameters import Parameters
from iemhpc.lammps.data_file import data_text
from iemhpc.lammps.styles_file import styles_text
from iemhpc.programs import run_program
from iemhpc.resources import resource
from iemhpc.system.merging import merge

N_EDGE, N_PAIRS = 10, 16
EDGE_A = 30.86
"""984 particles of TIP3P's 0.98 g/cm³ fill it, ions included."""
PRODUCTION_PS, FRAME_PS = 45.0, 0.1

OPTIONS = ["-sf", "opt", "-var", "cutoff_A", "9.0", "-log", "none"]
SETTLE = """\
variable cutoff_A index 9.0
units real
atom_style full
read_data system.data
include styles.in
kspace_style pppm 1.0e-4
minimize 1.0e-4 1.0e-4 300 3000
reset_timestep 0
velocity all create 298.15 7 mom yes
fix shake all shake 1.0e-5 50 0 m ${shake_mass} a ${water_angle_type}
fix bath all langevin 298.15 298.15 200.0 9
fix move all nve/limit 0.1
timestep 1.0
run 1000
unfix move
fix move all nve
timestep 2.0
run 2000
write_data equilibrated.data nocoeff
"""


def salt_water() -> tuple[Parameters, np.ndarray]:
    """Return parameters and positions of 968 waters and 16 ion pairs on a lattice."""
    points = (np.array(list(product(range(N_EDGE), repeat=3))) + 0.5) * EDGE_A / N_EDGE
    points = np.random.default_rng(11).permutation(points)
    ions, oxygens = points[: 2 * N_PAIRS], points[2 * N_PAIRS :]
    half = np.deg2rad(104.52 / 2)
    arm = 0.9572 * np.array([np.sin(half), np.cos(half), 0.0])
    water_A = np.array([[0.0, 0.0, 0.0], arm, arm * [-1, 1, 1]])
    parameters = merge(
        [
            (ion_parameters("Na"), N_PAIRS),
            (ion_parameters("Cl"), N_PAIRS),
            (water_parameters(), len(oxygens)),
        ]
    )
    return parameters, np.concatenate([ions, (oxygens[:, None] + water_A).reshape(-1, 3)])


def write_inputs(folder: Path, parameters: Parameters, positions_A: np.ndarray) -> None:
    """Write what LAMMPS reads; the production is the project's own template."""
    molecule = np.concatenate(
        [
            np.arange(2 * N_PAIRS),
            2 * N_PAIRS + np.arange(len(positions_A) - 2 * N_PAIRS) // 3,
        ]
    )
    data = data_text(
        parameters,
        positions_A=positions_A,
        box_A=np.full(3, EDGE_A),
        molecule=molecule + 1,
        title="salt water",
    )
    (folder / "system.data").write_text(data)
    (folder / "styles.in").write_text(styles_text(parameters))
    (folder / "settle.in").write_text(SETTLE)
    text = resource("lammps_templates", "production.in").read_text(encoding="utf-8")
    (folder / "production.in").write_text(text)


def produce(folder: Path, lmp: str) -> None:
    """Run LAMMPS, and say what it wrote as a run's script does."""
    lengths = ["-var", "production_ps", f"{PRODUCTION_PS:g}", "-var", "frame_ps", f"{FRAME_PS:g}"]
    for stage in (["settle.in"], ["production.in", *lengths]):
        ended = run_program([lmp, "-in", *stage, *OPTIONS], folder=folder, limit_s=1800)
        assert ended.code == 0, ended.text
    first, stride, timestep_fs, attempt, _ = (folder / "segment.0.txt").read_text().split()
    segment = {
        "file": "production.0.dcd",
        "first_step": int(first),
        "stride_steps": int(stride),
        "timestep_fs": float(timestep_fs),
        "attempt": int(attempt),
        "restart": None,
    }
    (folder / "segments.json").write_text(json.dumps([segment]))


def shells(folder: Path, parameters: Parameters) -> dict[str, PairDescription]:
    """Return the shells of water's oxygens around either ion."""
    residues, elements = np.array(parameters.residues), np.array(parameters.elements)
    oxygens = np.flatnonzero((residues == "HOH") & (elements == "O"))
    pairs = {
        ion: PairAtoms(
            reference=np.flatnonzero(residues == ion), neighbour=oxygens, elements=(ion, "O")
        )
        for ion in ("Na", "Cl")
    }
    trajectory = open_trajectory(folder, n_atoms=len(elements))
    counts = count_pairs(trajectory.chunks(), pairs, n_frames=trajectory.n_frames)
    return {ion: describe_pair(counts[ion], fixed_radius_A=3.2) for ion in pairs}


@pytest.mark.slow
@pytest.mark.lammps
@pytest.mark.timeout(2400)
def test_sodium_and_chloride_have_their_published_shells_in_tip3p(lmp: str, tmp_path: Path) -> None:
    parameters, positions_A = salt_water()
    assert abs(parameters.charges_e.sum()) < 1e-9
    write_inputs(tmp_path, parameters, positions_A)
    produce(tmp_path, lmp)
    found = shells(tmp_path, parameters)
    sodium, chloride = found["Na"].shell, found["Cl"].shell
    assert sodium.peak_position_A == pytest.approx(2.38, abs=0.05)
    assert 5.3 <= sodium.coordination_number <= 6.2
    assert chloride.peak_position_A == pytest.approx(3.13, abs=0.08)
