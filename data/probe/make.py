"""Makes the files of this folder again: a tiny box in both force fields, and its known energies.

    python data/probe/make.py

Four units of an acrylate copolymer, two sodium ions and water, built and relaxed like every box.
The energies are LAMMPS's without any accelerator, from ``lammps_templates/energy_box.in``; nothing
is written where OpenMM, which finds the terms by itself, does not agree.
"""

import tempfile
from dataclasses import asdict
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from iemhpc.lammps.data_file import read_data
from iemhpc.lammps.energy import run_box, run_relaxation, write_box_input
from iemhpc.lammps.second_engine import compare
from iemhpc.polymer.catalog import System, as_membrane, load_salt
from iemhpc.polymer.own import own_membrane
from iemhpc.system.assembly import MembraneBox, build_box
from iemhpc.system.composition import compose
from iemhpc.workspace import write_json, write_text

HERE = Path(__file__).parent
CUTOFF_A = 6.0
SHAKEN_A = 0.08
UNITS = ["[*]CC([*])C(=O)[O-]:0.5", "methyl acrylate=[*]CC([*])C(=O)OC:0.5"]
WATER_PER_SITE = 30


def main() -> None:
    """Build, compare, write."""
    settings = own_membrane(
        UNITS, arrangement="alternating", salts=["NaCl"], water_per_site=WATER_PER_SITE
    )
    system = System(as_membrane(settings), load_salt("NaCl"))
    composition = compose(system, salt_molar=0.0, n_chains=1, units_per_chain=4)
    known = {}
    for force_field in ("gaff2", "oplsaa"):
        box = build_box(system=system, composition=composition, force_field=force_field, seed=1)
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            positions_A = shaken(box, folder)
            check(box, positions_A)
            write_box_input(folder, box.parameters, positions_A, box.box_A)
            known[force_field] = asdict(run_box(folder, cutoff_A=CUTOFF_A))
            for shipped, made in (("data", "system.data"), ("styles.in", "styles.in")):
                write_text(HERE / f"{force_field}.{shipped}", (folder / made).read_text())
    write_json(HERE / "energies.json", {"cutoff_A": CUTOFF_A, "kcal_mol": known})


def shaken(box: MembraneBox, folder: Path) -> NDArray[np.float64]:
    """Return relaxed positions, each moved a little: at a minimum, impropers would tell nothing."""
    write_box_input(folder, box.parameters, box.positions_A, box.box_A)
    relaxed = read_data(folder / run_relaxation(folder, cutoff_A=CUTOFF_A))
    moves_A = np.random.default_rng(1).normal(0.0, SHAKEN_A, relaxed.positions_A.shape)
    return np.asarray(relaxed.positions_A + moves_A)


def check(box: MembraneBox, positions_A: NDArray[np.float64]) -> None:
    """End here where the two engines differ."""
    physics = {"force_field": box.parameters.force_field, "protocol": {"cutoff_A": CUTOFF_A}}
    compared = compare(box.parameters, positions_A, box.box_A, physics=physics, what="the probe")
    print("\n".join(compared.lines()))
    if not compared.passes:
        raise SystemExit("LAMMPS and OpenMM disagree: nothing is written")


if __name__ == "__main__":
    main()
