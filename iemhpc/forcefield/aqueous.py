"""Water and ions: TIP3P, and the ion sets that were fitted to it.

Ion parameters belong to a water model, so an ion is always asked for together with its water.
"""

from dataclasses import dataclass

import numpy as np

from iemhpc.errors import ForceFieldError, unknown_name
from iemhpc.forcefield.amber import gaff2_table, parse_frcmod
from iemhpc.forcefield.parameters import Parameters, Styles, Term
from iemhpc.forcefield.residues import shipped_ion
from iemhpc.units import SIGMA_PER_RMIN_HALF

WATER_RESIDUE = "HOH"

_JOUNG_CHEATHAM = "Joung, Cheatham, J. Phys. Chem. B 112 (2008) 9020, for TIP3P"
_LI_MERZ_CM = "Li, Roberts, Chakravorty, Merz, J. Chem. Theory Comput. 9 (2013) 2733, CM, for TIP3P"
_TIP3P = "TIP3P: Jorgensen et al., J. Chem. Phys. 79 (1983) 926"


@dataclass(frozen=True, slots=True)
class WaterModel:
    """A rigid three-site water."""

    oxygen_e: float
    epsilon_kcal_mol: float
    sigma_A: float
    bond_A: float
    angle_degrees: float
    source: str


@dataclass(frozen=True, slots=True)
class IonModel:
    """A monatomic ion in one water model."""

    element: str
    charge: int
    rmin_half_A: float
    epsilon_kcal_mol: float
    mass_g_mol: float
    source: str


WATER_MODELS = {"tip3p": WaterModel(-0.834, 0.1521, 3.1507, 0.9572, 104.52, _TIP3P)}
"""Original TIP3P, without Lennard-Jones sites on the hydrogens."""

ION_MODELS = {
    "tip3p": {
        "Li": IonModel("Li", 1, 1.025, 0.0279896, 6.94, _JOUNG_CHEATHAM),
        "Na": IonModel("Na", 1, 1.369, 0.0874393, 22.98977, _JOUNG_CHEATHAM),
        "K": IonModel("K", 1, 1.705, 0.1936829, 39.0983, _JOUNG_CHEATHAM),
        "Cl": IonModel("Cl", -1, 2.513, 0.0355910, 35.45, _JOUNG_CHEATHAM),
        "I": IonModel("I", -1, 2.860, 0.0536816, 126.90447, _JOUNG_CHEATHAM),
        "Mg": IonModel("Mg", 2, 1.360, 0.01020237, 24.305, _LI_MERZ_CM),
        "Ca": IonModel("Ca", 2, 1.649, 0.10592870, 40.078, _LI_MERZ_CM),
    }
}
"""Water model -> name of the ion in ``data/ions.csv`` -> its parameters."""

_MOLECULAR_IONS = ("SO4",)
"""Ions of several atoms: GAFF2, which asks for no particular water, and ``data/charges``."""


def water_parameters(model: str = "tip3p") -> Parameters:
    """Return the parameters of one water molecule: O, H, H.

    The force constants are Amber's and only serve the minimisation: the molecule is rigid.

    Examples
    --------
    >>> water = water_parameters()
    >>> water.elements, water.charges_e.tolist()
    (('O', 'H', 'H'), [-0.834, 0.417, 0.417])
    """
    water = _water(model)
    half_e = -water.oxygen_e / 2
    lj = (water.epsilon_kcal_mol, water.sigma_A)
    return _molecule(
        force_field=model,
        name=WATER_RESIDUE,
        elements=("O", "H", "H"),
        charges_e=(water.oxygen_e, half_e, half_e),
        atom_types=(
            Term(types=("OW",), values=(*lj, 15.9994), source=water.source),
            Term(types=("HW",), values=(0.0, 0.0, 1.008), source=water.source),
        ),
        bond=Term(types=("HW", "OW"), values=(553.0, water.bond_A), source=water.source),
        angle=Term(
            types=("HW", "OW", "HW"), values=(100.0, water.angle_degrees), source=water.source
        ),
    )


def ion_parameters(ion_name: str, water_model: str = "tip3p") -> Parameters:
    """Return the parameters of one ion that belong to a water model.

    Parameters
    ----------
    ion_name : str
        As in ``data/ions.csv``: ``Na``, ``SO4``.
    water_model : str
        Ion sets are fitted to a water model; there is none for every pair.

    Raises
    ------
    ForceFieldError
        Where the ion has no parameters for this water.

    Examples
    --------
    >>> sodium = ion_parameters("Na").atom_types[0]
    >>> round(sodium.values[1], 4), sodium.source[:14]
    (2.4393, 'Joung, Cheatha')
    """
    _water(water_model)
    if ion_name in _MOLECULAR_IONS:
        return _molecular_ion(ion_name)
    known = ION_MODELS.get(water_model, {})
    if ion_name not in known:
        raise ForceFieldError(
            f"ion {ion_name!r} has no parameters for the water model {water_model!r}; known: "
            f"{', '.join(sorted({*known, *_MOLECULAR_IONS}))}. Add it to ION_MODELS with its source"
        )
    ion = known[ion_name]
    sigma_A = ion.rmin_half_A * SIGMA_PER_RMIN_HALF
    return _molecule(
        force_field=water_model,
        name=ion_name,
        elements=(ion.element,),
        charges_e=(float(ion.charge),),
        atom_types=(
            Term(
                types=(f"{ion_name}{_signed(ion.charge)}",),
                values=(ion.epsilon_kcal_mol, sigma_A, ion.mass_g_mol),
                source=ion.source,
            ),
        ),
    )


def _water(model: str) -> WaterModel:
    if model not in WATER_MODELS:
        raise unknown_name("water model", model, WATER_MODELS)
    return WATER_MODELS[model]


def _signed(charge: int) -> str:
    return f"{abs(charge) if abs(charge) > 1 else ''}{'+' if charge > 0 else '-'}"


def _molecular_ion(name: str) -> Parameters:
    """Return an ion of equal atoms around a centre, which comes first: sulfate."""
    ion = shipped_ion(name)
    centre, outer = ion.atoms[0].type, ion.atoms[1].type
    table = gaff2_table().overridden_by(parse_frcmod(ion.frcmod))
    return _molecule(
        force_field="gaff2",
        name=name,
        elements=tuple(atom.element for atom in ion.atoms),
        charges_e=tuple(atom.charge_e for atom in ion.atoms),
        atom_types=(_found(table.atom(centre), centre), _found(table.atom(outer), outer)),
        bond=_found(table.bond(outer, centre), f"{outer}-{centre}"),
        angle=_found(table.angle(outer, centre, outer), f"{outer}-{centre}-{outer}"),
    )


def _found(term: Term | None, what: str) -> Term:
    if term is None:
        raise ForceFieldError(f"GAFF2 lacks {what}; data/gaff2/gaff2.dat is not the shipped one")
    return term


def _molecule(
    *,
    force_field: str,
    name: str,
    elements: tuple[str, ...],
    charges_e: tuple[float, ...],
    atom_types: tuple[Term, ...],
    bond: Term | None = None,
    angle: Term | None = None,
) -> Parameters:
    """Return a first atom and equal atoms bonded to it; none of them is a tethered site."""
    n_atoms = len(elements)
    around = range(1, n_atoms)
    bonds = [(0, 0, atom) for atom in around]
    angles = [(0, one, 0, other) for one in around for other in around if one < other]
    nowhere = np.zeros(n_atoms, dtype=bool)
    return Parameters(
        force_field=force_field,
        elements=elements,
        charges_e=np.array(charges_e, dtype=np.float64),
        residues=(name,) * n_atoms,
        is_tethered_paper=nowhere,
        is_tethered_center=nowhere.copy(),
        atom_types=atom_types,
        atom_type=np.array([0, *(1 for _ in around)], dtype=np.int64),
        bond_types=() if bond is None else (bond,),
        bonds=np.array(bonds, dtype=np.int64).reshape(-1, 3),
        angle_types=() if angle is None else (angle,),
        angles=np.array(angles, dtype=np.int64).reshape(-1, 4),
        dihedral_types=(),
        dihedrals=np.zeros((0, 5), dtype=np.int64),
        improper_types=(),
        impropers=np.zeros((0, 5), dtype=np.int64),
        styles=Styles(),
    )
