"""RadonPy makes a box of chains: run by the Python of its own environment, see build.py.

Prints one line of JSON: the number of atoms, once LAMMPS' data file is written.
"""

import json
import sys
from pathlib import Path
from typing import Any

from radonpy.core import calc, poly, utils  # type: ignore[import-not-found]
from radonpy.ff.gaff2_mod import GAFF2_mod  # type: ignore[import-not-found]
from radonpy.sim.lammps import MolToLAMMPSdata  # type: ignore[import-not-found]

DENSITY_G_CM3 = 0.05
"""A gas: the function's default is 0.03. Compression to a melt is left to molecular dynamics."""


def charged(smiles: str) -> Any:
    """Return a molecule with Gasteiger charges: RESP would need Psi4, and minutes."""
    molecule = utils.mol_from_smiles(smiles)
    calc.assign_charges(molecule, charge="gasteiger")
    return molecule


def main(smiles: str, counterion: str, units: int, chains: int, path: str) -> None:
    """Grow a homopolymer, give it GAFF2, put chains (and counter-ions) into a cell, write it."""
    chain = poly.polymerize_rw(charged(smiles), units, tacticity="atactic")
    chain = poly.terminate_rw(chain, charged("*C"))
    field = GAFF2_mod()
    if not field.ff_assign(chain, charge=None):
        raise SystemExit("RadonPy: the force field could not be assigned to the chain")
    molecules, counts = [chain], [chains]
    if counterion:
        ion = charged(counterion)
        if not field.ff_assign(ion, charge=None):
            raise SystemExit(f"RadonPy: the force field could not be assigned to {counterion}")
        molecules, counts = [chain, ion], [chains, chains * units]
        cell = poly.amorphous_mixture_cell(molecules, counts, density=DENSITY_G_CM3)
    else:
        cell = poly.amorphous_cell(chain, chains, density=DENSITY_G_CM3)
    if not MolToLAMMPSdata(cell, path):
        raise SystemExit("RadonPy: no data file was written")
    print(json.dumps({"atoms": cell.GetNumAtoms(), "file_bytes": Path(path).stat().st_size}))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4]), sys.argv[5])
