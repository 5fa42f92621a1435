"""Which atoms of a chain or network are tethered sites, from its repeat units alone.

A force field may recognise a unit by its structure and know nothing of the sites that a user gave;
the chain's atoms know their unit by name, and the unit knows its sites.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from rdkit import Chem

from iemhpc.polymer.repeat_unit import CONVENTIONS, RepeatUnit, tethered_atoms, unit_mol


def sites_in_words(unit: RepeatUnit) -> str:
    """Return elements, number and places of a unit's tethered sites, empty without any.

    Examples
    --------
    >>> sites_in_words(RepeatUnit("vinyl sulfate", "[*]CC([*])OS(=O)(=O)[O-]"))
    'O x3 (atoms 4, 5, 6)'
    """
    sites = tethered_atoms(unit)
    if not sites:
        return ""
    heavy = [atom.GetSymbol() for atom in unit_mol(unit).GetAtoms() if atom.GetAtomicNum()]
    symbols = [heavy[site] for site in sites]
    kinds = ", ".join(f"{kind} x{symbols.count(kind)}" for kind in dict.fromkeys(symbols))
    return f"{kinds} (atom{'s' if len(sites) > 1 else ''} {', '.join(map(str, sites))})"


def tethered_masks(chain: Chem.Mol, units: Sequence[RepeatUnit]) -> dict[str, NDArray[np.bool_]]:
    """Return convention -> whether each atom of a chain is a tethered site, shape (n_atoms,).

    Parameters
    ----------
    chain : rdkit.Chem.Mol
        A chain or network whose atoms have ``unit_name`` and ``unit_atom``.
    units : sequence of RepeatUnit
        The units of its polymer.

    Examples
    --------
    >>> from iemhpc.polymer.chain import link
    >>> sulfate = RepeatUnit("vinyl sulfate", "[*]CC([*])OS(=O)(=O)[O-]")
    >>> masks = tethered_masks(link([sulfate] * 2), [sulfate])
    >>> masks["paper"].nonzero()[0].tolist(), masks["center"].nonzero()[0].tolist()
    ([4, 5, 6, 11, 12, 13], [3, 10])
    """
    sites = {
        (unit.name, convention): frozenset(tethered_atoms(unit, convention))
        for unit in units
        for convention in CONVENTIONS
    }
    heavy = [
        (atom.GetIdx(), atom.GetProp("unit_name"), atom.GetIntProp("unit_atom"))
        for atom in chain.GetAtoms()
        if atom.GetAtomicNum() > 1
    ]
    masks = {convention: np.zeros(chain.GetNumAtoms(), dtype=bool) for convention in CONVENTIONS}
    for convention, mask in masks.items():
        for index, name, place in heavy:
            mask[index] = place in sites[name, convention]
    return masks
