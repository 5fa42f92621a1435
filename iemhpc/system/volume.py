"""How much room a molecule takes: the first guess of a box's edge, and of its density.

A polymer takes the mean volumes of atoms in crystals, Hofmann, Acta Cryst. B 58, 489 (2002), and a
tenth more because it is amorphous (polystyrene: 1.04 g/cm³ against 1.05 measured; PTFE 2.09 against
2.1). Ions take their partial molar volumes in water, which electrostriction makes far smaller than
those of crystals: with 26 Å³ a sodium and 26 a chloride, a litre of 1 mol/L would swell by 3 % and
swells by 2. NPT finds the true density later.
"""

from collections.abc import Iterable
from functools import cache

from rdkit import Chem

from iemhpc import units
from iemhpc.errors import ChemistryError
from iemhpc.polymer.materials import Ion
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
"""Hofmann (2002), doi 10.1107/S0108768101021814; compared with a public program that cites it."""

AMORPHOUS = 1.1
"""An amorphous polymer's volume over its crystal's."""

ION_VOLUME_CM3_MOL = {
    "Li": -0.88,
    "Na": -1.21,
    "K": 9.02,
    "Mg": -21.17,
    "Ca": -17.85,
    "Cl": 17.83,
    "I": 36.22,
    "SO4": 13.98,
}
"""Partial molar volumes at infinite dilution in water, 25 °C, on the scale where H+ takes none.

As commonly tabulated from Millero, Chem. Rev. 71, 147 (1971), doi 10.1021/cr60270a001. The tests
hold each to .4 of Shock and Helgeson, Geochim. Cosmochim. Acta 52, 2009 (1988), and densities of
NaCl and KCl solutions to those measured. In sums of neutral salts the scale cancels.
"""


def ion_volume_A3(ion: Ion) -> float:
    """Return the room that an ion takes in water; one without a measured volume its crystal's.

    Examples
    --------
    >>> from iemhpc.polymer.catalog import load_ion
    >>> round(ion_volume_A3(load_ion("Na")) + ion_volume_A3(load_ion("Cl")), 1)
    27.6
    """
    if ion.name not in ION_VOLUME_CM3_MOL:
        return atoms_volume_A3(ion.smiles)
    # cm³/mol over mol/L per 1/Å³ is Å³, but for the thousand cm³ of a litre
    return ION_VOLUME_CM3_MOL[ion.name] / 1000.0 * units.MOLAR_PER_NUMBER_A3


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
