"""What every force field fills: types, charges, bonded terms, each term with its source.

Values are in the order and units of the LAMMPS style named beside them (``units real``).
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from iemhpc.errors import ForceFieldError, InputError


@dataclass(frozen=True, slots=True, kw_only=True)
class Term:
    """One type of interaction, as LAMMPS wants it, and where its values come from."""

    types: tuple[str, ...]
    """Force-field types of the atoms, in the order of the term."""
    values: tuple[float, ...]
    """atom: epsilon kcal/mol, sigma Å, mass g/mol; bond harmonic: K kcal/mol/Å², r0 Å;
    angle harmonic: K kcal/mol/rad², theta0 degrees; dihedral fourier: m, then K kcal/mol, n,
    phase degrees, m times; dihedral opls: K1, K2, K3, K4 kcal/mol; improper cvff: K kcal/mol,
    d (+1 or -1), n."""
    source: str
    """The table, paper or program, by analogy from what."""
    penalty: float | None = None
    """parmchk2's penalty score where the term was estimated."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PairTerm:
    """Lennard-Jones of two different types where the box's mixing rule would be wrong."""

    first: int
    """Index into ``atom_types``; not above ``second``."""
    second: int
    """Index into ``atom_types``."""
    epsilon_kcal_mol: float
    """Depth of the well."""
    sigma_A: float
    """Where the potential is zero."""
    source: str
    """By which rule, and why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChargeOrigin:
    """Where the charges of one kind of residue come from."""

    residue: str
    """Repeat unit, water or ion."""
    method: str
    """Charge method, or the water model; an ion of one atom has its formal charge."""
    formal_charge: int
    """What the charges sum to, exactly."""
    drift_e: float
    """Deviation of the sum from it before it was corrected."""
    source: str
    """Programs and versions, a table, or the user's file."""
    scale: float = 1.0
    """Factor on all of them since: they sum to ``scale`` times the formal charge."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Styles:
    """The LAMMPS styles a force field is written for."""

    bond: str = "harmonic"
    angle: str = "harmonic"
    dihedral: str = "fourier"
    improper: str = "cvff"
    mixing: str = "arithmetic"
    """pair_modify mix: arithmetic is Lorentz-Berthelot."""
    special_bonds: str = "lj 0 0 0.5 coul 0 0 0.8333333333333333"
    """Scaling of 1-2, 1-3 and 1-4 pairs; GAFF2 divides 1-4 Coulomb by 1.2, that is 5/6."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameters:
    """A molecule, or a whole box, with everything an engine needs but coordinates.

    Atoms count from 0. Rows of ``bonds`` .. ``impropers`` are a type's index, then the atoms.
    """

    force_field: str
    elements: tuple[str, ...]
    """Chemical symbols, one an atom."""
    charges_e: NDArray[np.float64]
    """Partial charges, shape (n,)."""
    residues: tuple[str, ...]
    """Repeat unit, HOH or ion name, one an atom."""
    is_tethered_paper: NDArray[np.bool_]
    """Tethered sites of the study's convention: terminal oxygens of sulfonate and sulfate, or N."""
    is_tethered_center: NDArray[np.bool_]
    """Tethered sites by their centre: S or N."""
    atom_types: tuple[Term, ...]
    atom_type: NDArray[np.int64]
    """Index into ``atom_types``, shape (n,)."""
    bond_types: tuple[Term, ...]
    bonds: NDArray[np.int64]
    """Shape (n_bonds, 3)."""
    angle_types: tuple[Term, ...]
    angles: NDArray[np.int64]
    """Shape (n_angles, 4); the centre is the third column."""
    dihedral_types: tuple[Term, ...]
    dihedrals: NDArray[np.int64]
    """Shape (n_dihedrals, 5); all Fourier terms of one quadruple are one row."""
    improper_types: tuple[Term, ...]
    impropers: NDArray[np.int64]
    """Shape (n_impropers, 5); atom order as Amber, the centre third among the atoms."""
    styles: Styles
    pairs: tuple[PairTerm, ...] = ()
    """Pairs of types that the mixing rule of ``styles`` does not give."""
    charge_origins: tuple[ChargeOrigin, ...] = ()
    """Each kind of residue once."""
    frcmod: tuple[str, ...] = ()
    """Terms that were estimated for GAFF2, as lines of a frcmod file; empty without any."""
    is_aqueous: bool = False
    """Water or a mobile ion: these keep the mixing rule of their ``styles`` among themselves,
    whatever rule the polymer beside them has."""


def scaled(parameters: Parameters, factor: float) -> Parameters:
    """Return the same molecule or box with the charges of its charged residues scaled.

    All atoms of a residue whose formal charge is not 0 are scaled alike, so that a neutral box
    stays neutral and water stays water (electronic continuum correction: Leontyev, Stuchebrukhov,
    Phys. Chem. Chem. Phys. 13 (2011) 2613).

    Parameters
    ----------
    parameters : Parameters
        With the origin of the charges of each of its residues.
    factor : float
        Above 0, up to 1.

    Raises
    ------
    InputError
        Where the factor is none.
    ForceFieldError
        Where the formal charge of a residue is not known.
    """
    if not 0 < factor <= 1:
        raise InputError(f"charge_scale is {factor}; wanted a number above 0, up to 1 (full)")
    if factor == 1:
        return parameters
    formal = {origin.residue: origin.formal_charge for origin in parameters.charge_origins}
    if unknown := sorted(set(parameters.residues) - formal.keys()):
        raise ForceFieldError(
            f"{parameters.force_field}: charges cannot be scaled where the formal charge of "
            f"{', '.join(unknown)} is not known; the force field must say where they come from"
        )
    by_residue = {name: factor if charge else 1.0 for name, charge in formal.items()}
    factors = np.array([by_residue[name] for name in parameters.residues])
    origins = tuple(
        replace(origin, scale=origin.scale * by_residue[origin.residue])
        for origin in parameters.charge_origins
    )
    return replace(parameters, charges_e=parameters.charges_e * factors, charge_origins=origins)
