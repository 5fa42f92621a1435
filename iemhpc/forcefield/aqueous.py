"""Water and ions: TIP3P, original and CHARMM's, and the ion sets that were fitted to them.

Ion parameters belong to a water model, so an ion is always asked for together with its water.
"""

from dataclasses import dataclass

import numpy as np

from iemhpc.errors import ForceFieldError, unknown_name
from iemhpc.forcefield.amber import gaff2_table, parse_frcmod
from iemhpc.forcefield.ion_sets import (
    ION_SETS,
    IonModel,
    IonPair,
    IonSet,
    default_ion_set,
    ion_set_for,
    sets_with,
)
from iemhpc.forcefield.parameters import ChargeOrigin, Parameters, Styles, Term
from iemhpc.forcefield.residues import shipped_ion
from iemhpc.progress import Say, quiet
from iemhpc.units import SIGMA_PER_RMIN_HALF

__all__ = [
    "ION_SETS",
    "WATER_MODELS",
    "WATER_RESIDUE",
    "WaterModel",
    "default_ion_set",
    "fitted_pair",
    "ion_parameters",
    "ion_set_for",
    "water_parameters",
]

WATER_RESIDUE = "HOH"

_TIP3P = "TIP3P: Jorgensen et al., J. Chem. Phys. 79 (1983) 926"
_CHARMM_TIP3P = "TIP3P of CHARMM36 (toppar_water_ions), with Lennard-Jones on H"


@dataclass(frozen=True, slots=True, kw_only=True)
class WaterModel:
    """A rigid three-site water."""

    oxygen_e: float
    epsilon_kcal_mol: float
    sigma_A: float
    hydrogen_epsilon_kcal_mol: float
    hydrogen_sigma_A: float
    bond_kcal_mol_A2: float
    """Of the minimisation; the molecule is rigid in dynamics."""
    bond_A: float
    angle_kcal_mol: float
    angle_degrees: float
    source: str


WATER_MODELS = {
    "tip3p": WaterModel(
        oxygen_e=-0.834,
        epsilon_kcal_mol=0.1521,
        sigma_A=3.1507,
        hydrogen_epsilon_kcal_mol=0.0,
        hydrogen_sigma_A=0.0,
        bond_kcal_mol_A2=553.0,
        bond_A=0.9572,
        angle_kcal_mol=100.0,
        angle_degrees=104.52,
        source=_TIP3P,
    ),
    "tip3p-charmm": WaterModel(
        oxygen_e=-0.834,
        epsilon_kcal_mol=0.1521,
        sigma_A=1.7682 * SIGMA_PER_RMIN_HALF,
        hydrogen_epsilon_kcal_mol=0.046,
        hydrogen_sigma_A=0.2245 * SIGMA_PER_RMIN_HALF,
        bond_kcal_mol_A2=450.0,
        bond_A=0.9572,
        angle_kcal_mol=55.0,
        angle_degrees=104.52,
        source=_CHARMM_TIP3P,
    ),
}
"""Original TIP3P, without Lennard-Jones on the hydrogens, and CHARMM's, with it."""

_MOLECULAR_IONS = ("SO4",)
"""Ions of several atoms: GAFF2, which asks for no particular water, and ``data/charges``."""


def water_parameters(model: str = "tip3p") -> Parameters:
    """Return the parameters of one water molecule: O, H, H.

    The force constants, Amber's or CHARMM's, only serve the minimisation: the molecule is rigid.

    Examples
    --------
    >>> water = water_parameters()
    >>> water.elements, water.charges_e.tolist()
    (('O', 'H', 'H'), [-0.834, 0.417, 0.417])
    """
    water = _water(model)
    half_e = -water.oxygen_e / 2
    lj = (water.epsilon_kcal_mol, water.sigma_A)
    hydrogen_lj = (water.hydrogen_epsilon_kcal_mol, water.hydrogen_sigma_A)
    return _molecule(
        force_field=model,
        elements=("O", "H", "H"),
        charges_e=(water.oxygen_e, half_e, half_e),
        atom_types=(
            Term(types=("OW",), values=(*lj, 15.9994), source=water.source),
            Term(types=("HW",), values=(*hydrogen_lj, 1.008), source=water.source),
        ),
        origin=ChargeOrigin(
            residue=WATER_RESIDUE, method=model, formal_charge=0, drift_e=0.0, source=water.source
        ),
        bond=Term(
            types=("HW", "OW"), values=(water.bond_kcal_mol_A2, water.bond_A), source=water.source
        ),
        angle=Term(
            types=("HW", "OW", "HW"),
            values=(water.angle_kcal_mol, water.angle_degrees),
            source=water.source,
        ),
    )


def ion_parameters(
    ion_name: str, water_model: str = "tip3p", ion_set: str | None = None, *, say: Say = quiet
) -> Parameters:
    """Return the parameters of one ion that belong to a water model.

    Parameters
    ----------
    ion_name : str
        As in ``data/ions.csv``: ``Na``, ``SO4``.
    water_model : str
        Ion sets are fitted to a water model.
    ion_set : str, optional
        One of :data:`ION_SETS`; by default the water model's own.
    say : callable
        Hears the warning of a set that has one.

    Raises
    ------
    ForceFieldError
        Where the set belongs to another water, or has no such ion.

    Examples
    --------
    >>> sodium = ion_parameters("Na").atom_types[0]
    >>> round(sodium.values[1], 4), sodium.source[:14]
    (2.4393, 'Joung, Cheatha')
    """
    _water(water_model)
    chosen = ion_set_for(water_model, ion_set)
    if ion_name in _MOLECULAR_IONS:
        return _molecular_ion(ion_name)
    if ion_name not in chosen.ions:
        raise _missing_ion(ion_name, chosen, water_model)
    if chosen.warning:
        say(f"ion set {chosen.name}: {chosen.warning}")
    ion = chosen.ions[ion_name]
    return _molecule(
        force_field=chosen.name,
        elements=(ion.element,),
        charges_e=(float(ion.charge),),
        atom_types=(_ion_term(ion_name, ion),),
        origin=ChargeOrigin(
            residue=ion_name,
            method="formal charge",
            formal_charge=ion.charge,
            drift_e=0.0,
            source=ion.source,
        ),
        mixing=chosen.mixing,
    )


def fitted_pair(first: Term, second: Term) -> IonPair | None:
    """Return the values that a set gives for two of its atom types, where it has any.

    Examples
    --------
    >>> sodium, chloride = (ion_parameters(ion, "tip3p-charmm") for ion in ("Na", "Cl"))
    >>> fitted_pair(sodium.atom_types[0], chloride.atom_types[0]).epsilon_kcal_mol
    0.083875
    """
    return _FITTED.get(frozenset((first, second)))


def _missing_ion(name: str, chosen: IonSet, water_model: str) -> ForceFieldError:
    elsewhere = sets_with(name)
    advice = (
        f"{name!r} is in {', '.join(elsewhere)}: take one of these"
        if elsewhere
        else "no ion set has it: add it to one, with its source"
    )
    return ForceFieldError(
        f"ion {name!r} has no parameters in the ion set {chosen.name!r} of the water model "
        f"{water_model!r}, which has {', '.join(sorted({*chosen.ions, *_MOLECULAR_IONS}))}; "
        f"{advice}"
    )


def _ion_term(name: str, ion: IonModel) -> Term:
    return Term(
        types=(f"{name}{_signed(ion.charge)}",),
        values=(ion.epsilon_kcal_mol, ion.sigma_A, ion.mass_g_mol),
        source=ion.source,
    )


def _water(model: str) -> WaterModel:
    if model not in WATER_MODELS:
        raise unknown_name("water model", model, WATER_MODELS)
    return WATER_MODELS[model]


def _signed(charge: int) -> str:
    return f"{abs(charge) if abs(charge) > 1 else ''}{'+' if charge > 0 else '-'}"


_FITTED = {
    frozenset(_ion_term(name, each.ions[name]) for name in names): pair
    for each in ION_SETS.values()
    for names, pair in each.pairs.items()
}
"""Atom types of two ions -> their own Lennard-Jones parameters."""


def _molecular_ion(name: str) -> Parameters:
    """Return an ion of equal atoms around a centre, which comes first: sulfate."""
    ion = shipped_ion(name, "resp")
    centre, outer = ion.atoms[0].type, ion.atoms[1].type
    table = gaff2_table().overridden_by(parse_frcmod(ion.frcmod))
    return _molecule(
        force_field="gaff2",
        elements=tuple(atom.element for atom in ion.atoms),
        charges_e=tuple(atom.charge_e for atom in ion.atoms),
        atom_types=(_found(table.atom(centre), centre), _found(table.atom(outer), outer)),
        origin=ChargeOrigin(
            residue=name,
            method=ion.method,
            formal_charge=ion.charge,
            drift_e=ion.drift_e,
            source=ion.charges_source,
        ),
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
    elements: tuple[str, ...],
    charges_e: tuple[float, ...],
    atom_types: tuple[Term, ...],
    origin: ChargeOrigin,
    bond: Term | None = None,
    angle: Term | None = None,
    mixing: str = "arithmetic",
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
        residues=(origin.residue,) * n_atoms,
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
        styles=Styles(mixing=mixing),
        charge_origins=(origin,),
        is_aqueous=True,
    )
