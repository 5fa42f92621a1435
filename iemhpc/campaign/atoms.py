"""How many atoms a box will hold, from its composition alone.

Every unit brings its atoms, attachment points left out, and every chain two hydrogens at its ends:
the far side of a cross-linker is a place in some chain, so that a network's chains end twice each
too.
"""

from rdkit import Chem

from iemhpc.polymer.materials import Ion, System
from iemhpc.polymer.repeat_unit import RepeatUnit, unit_mol
from iemhpc.system.counts import Composition

ATOMS_OF_WATER = 3
CAPS_OF_A_CHAIN = 2


def n_atoms(system: System, composition: Composition) -> int:
    """Return the number of atoms of a box before it is built.

    Parameters
    ----------
    system : System
        Membrane and salt.
    composition : Composition
        Of that system.

    Examples
    --------
    >>> from iemhpc.polymer.catalog import System, load_membrane, load_salt
    >>> from iemhpc.system.composition import compose
    >>> system = System(load_membrane("CR61"), load_salt("NaCl"))
    >>> box = compose(system, salt_molar=1.0, box_A=24.0)
    >>> n_atoms(system, box) > 3 * box.n_waters
    True
    """
    numbers = {unit.name: unit.number for unit in composition.units}
    polymer = sum(
        numbers[unit.name] * _atoms_of_unit(unit) for unit in system.membrane.polymer.units
    )
    ions = composition.n_counterions * _atoms_of_ion(system.counterion)
    ions += composition.n_coions * _atoms_of_ion(system.coion)
    caps = CAPS_OF_A_CHAIN * composition.n_chains
    return polymer + caps + ions + ATOMS_OF_WATER * composition.n_waters


def _atoms_of_unit(unit: RepeatUnit) -> int:
    return int(Chem.AddHs(unit_mol(unit)).GetNumAtoms()) - unit.n_attachments


def _atoms_of_ion(ion: Ion) -> int:
    return int(Chem.AddHs(Chem.MolFromSmiles(ion.smiles)).GetNumAtoms())
