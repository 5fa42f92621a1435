"""How much room a molecule takes, from its atoms: the first guess of a box's edge.

Mean volumes of atoms in crystals, Hofmann, Acta Cryst. B 58, 489 (2002); an amorphous polymer takes
a tenth more (polystyrene: 1.04 g/cm³ against 1.05 measured; NPT finds the true density later).
"""

from collections.abc import Iterable
from functools import cache

from rdkit import Chem

from iemhpc.errors import ChemistryError
from iemhpc.polymer.repeat_unit import RepeatUnit

ATOM_VOLUME_A3 = {
    "H": 5.08,
    "Li": 22.6,
    "B": 13.24,
    "C": 13.87,
    "N": 11.8,
    "O": 11.39,
    "F": 11.17,
    "Na": 26.0,
    "Mg": 36.0,
    "Si": 37.3,
    "P": 29.5,
    "S": 25.2,
    "Cl": 25.8,
    "K": 36.0,
    "Ca": 45.0,
    "Br": 32.7,
    "I": 46.2,
}
"""Hofmann (2002), table 2."""

AMORPHOUS = 1.1
"""An amorphous polymer's volume over its crystal's."""


@cache
def atoms_volume_A3(smiles: str) -> float:
    """Return the volume of the atoms of a SMILES in a crystal, hydrogens counted.

    Examples
    --------
    >>> atoms_volume_A3("[Na+]")
    26.0
    """
    molecule = Chem.AddHs(Chem.MolFromSmiles(smiles))
    return _volume(atom.GetSymbol() for atom in molecule.GetAtoms() if atom.GetAtomicNum() > 0)


def unit_volume_A3(unit: RepeatUnit) -> float:
    """Return the volume of a repeat unit in an amorphous polymer.

    Examples
    --------
    Polystyrene's density, measured 1.05 g/cm³.

    >>> styrene = RepeatUnit("styrene", "[*]CC([*])c1ccccc1")
    >>> round(104.15 * 1.66054 / unit_volume_A3(styrene), 2)
    1.04
    """
    return AMORPHOUS * atoms_volume_A3(unit.smiles)


def _volume(elements: Iterable[str]) -> float:
    total = 0.0
    for element in elements:
        if element not in ATOM_VOLUME_A3:
            raise ChemistryError(
                f"element {element}: no volume to guess a box from; known: "
                f"{', '.join(ATOM_VOLUME_A3)}; add it in iemhpc/system/volume.py"
            )
        total += ATOM_VOLUME_A3[element]
    return total
