"""RadonPy types molecules: run by the Python of its own environment, see second_typer.py.

Reads JSON, a molblock by name, and prints JSON: by force field and name, the type and
Lennard-Jones of each atom, every bonded term by its atoms, and what RadonPy said.
"""

import contextlib
import importlib.metadata
import io
import json
import sys
from typing import Any

from radonpy.ff.gaff2 import GAFF2  # type: ignore[import-not-found]
from radonpy.ff.gaff2_mod import GAFF2_mod  # type: ignore[import-not-found]
from rdkit import Chem


def typed(field: Any, molblock: str) -> dict[str, Any]:
    """Return what RadonPy gives one molecule, as far as it gets."""
    mol = Chem.MolFromMolBlock(molblock, removeHs=False)
    said = io.StringIO()
    with contextlib.redirect_stdout(said):
        is_done = field.ff_assign(mol, charge=None)
    atoms = [_values(atom, "ff_type", "ff_epsilon", "ff_sigma") for atom in mol.GetAtoms()]
    bonds = [
        [[bond.GetBeginAtomIdx(), bond.GetEndAtomIdx()], *_values(bond, "ff_k", "ff_r0")]
        for bond in mol.GetBonds()
    ]
    angles = [
        [[one.a, one.b, one.c], one.ff.k, one.ff.theta0] for one in getattr(mol, "angles", [])
    ]
    dihedrals = [
        [[one.a, one.b, one.c, one.d], *_flat(one.ff)] for one in getattr(mol, "dihedrals", [])
    ]
    impropers = [
        [[one.a, one.b, one.c, one.d], one.ff.k, one.ff.d0, one.ff.n]
        for one in getattr(mol, "impropers", [])
    ]
    return {
        "is_done": bool(is_done),
        "said": sorted(set(said.getvalue().splitlines())),
        "atoms": atoms,
        "bond": bonds,
        "angle": angles,
        "dihedral": dihedrals,
        "improper": impropers,
    }


def _values(owner: Any, *names: str) -> list[Any]:
    known = owner.GetPropsAsDict()
    return [known.get(name) for name in names]


def _flat(term: Any) -> list[float]:
    """Return K, n, phase of each Fourier term in a row."""
    rows = zip(term.k, term.n, term.d0, strict=True)
    return [float(value) for row in rows for value in row]


def main() -> None:
    """Type every molecule of standard input with both fields."""
    molecules = json.load(sys.stdin)
    answer: dict[str, Any] = {
        "version": importlib.metadata.version("radonpy-pypi"),
        "rdkit": importlib.metadata.version("rdkit"),
    }
    for field in (GAFF2(), GAFF2_mod()):
        answer[field.name] = {name: typed(field, block) for name, block in molecules.items()}
    json.dump(answer, sys.stdout)


if __name__ == "__main__":
    main()
