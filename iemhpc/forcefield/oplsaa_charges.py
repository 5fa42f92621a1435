"""Charges of the user's own on a molecule that is typed for OPLS-AA.

The hydrogen that caps a chain's end takes its charge from the atom on which it sits, so that each
unit has its formal charge wherever it stands.
"""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from rdkit import Chem

from iemhpc.forcefield.assignment import placed_units
from iemhpc.forcefield.parameters import ChargeOrigin
from iemhpc.forcefield.user_charges import UnitCharges, load_user_charges
from iemhpc.polymer.repeat_unit import RepeatUnit, unit_mol

METHOD = "user"
"""What the origin of such charges calls them, in every force field."""


def charges_from_file(
    chain: Chem.Mol, path: Path | str, *, typed_e: NDArray[np.float64]
) -> tuple[NDArray[np.float64], tuple[ChargeOrigin, ...]]:
    """Return the charges of each atom of a chain from a file, and where each unit's come from.

    Parameters
    ----------
    chain : rdkit.Chem.Mol
        Of ``iemhpc.polymer``.
    path : Path or str
        As of :mod:`iemhpc.forcefield.user_charges`.
    typed_e : ndarray, shape (n,)
        Charges of the types: those of a cap where the file names none.

    Raises
    ------
    InputError
        Where the file lacks units: all of them at once, with what to paste.
    """
    given = load_user_charges(path)
    units = placed_units(chain)
    given.need(each.unit for each in units)
    known: dict[RepeatUnit, tuple[UnitCharges, list[int]]] = {}
    charges_e = np.zeros(chain.GetNumAtoms())
    for each in units:
        if each.unit not in known:
            known[each.unit] = given.of(each.unit), _n_hydrogens(each.unit)
        charges, n_own = known[each.unit]
        for atom, place in zip(each.atoms, each.places, strict=True):
            hydrogens = [o.GetIdx() for o in atom.GetNeighbors() if o.GetAtomicNum() == 1]
            own_e = charges.hydrogens_e[place]
            if hydrogens and not n_own[place] and not own_e:
                own_e = float(typed_e[hydrogens[0]])
            charges_e[hydrogens] = own_e
            n_caps = len(hydrogens) - n_own[place]
            charges_e[atom.GetIdx()] = charges.charges_e[place] - n_caps * own_e
    origins = tuple(
        ChargeOrigin(
            residue=unit.name,
            method=METHOD,
            formal_charge=unit.charge,
            drift_e=charges.drift_e,
            source=given.source,
        )
        for unit, (charges, _) in known.items()
    )
    return charges_e, origins


def _n_hydrogens(unit: RepeatUnit) -> list[int]:
    return [atom.GetTotalNumHs() for atom in unit_mol(unit).GetAtoms() if atom.GetAtomicNum()]
