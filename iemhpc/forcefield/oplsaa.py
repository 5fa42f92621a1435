"""OPLS-AA: a polymer from the published tables of 2024, our overlay, and typing by SMARTS.

Charges come with the types. Each unit must have its formal charge: a small deviation is spread
evenly over its atoms and recorded, a larger one is an error. A chain's end is typed as what it is
(a CH3, say), so that each unit keeps its integer charge wherever it stands.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from math import fsum

import numpy as np
from numpy.typing import NDArray
from rdkit import Chem

from iemhpc.errors import ForceFieldError
from iemhpc.forcefield import TYPED_CHARGES, charges_for
from iemhpc.forcefield.assignment import units_of
from iemhpc.forcefield.oplsaa_charges import charges_from_file
from iemhpc.forcefield.oplsaa_tables import TABLE_NAME, OplsTable, opls_table
from iemhpc.forcefield.oplsaa_typing import (
    Environment,
    UnitTypes,
    environment,
    type_unit,
    unit_atoms,
)
from iemhpc.forcefield.parameters import ChargeOrigin, Parameters, Styles, Term
from iemhpc.forcefield.topology import Find, Neighbours, TermFinder, enumerate_planar
from iemhpc.progress import Say, quiet

STYLES = Styles(dihedral="opls", mixing="geometric", special_bonds="lj/coul 0.0 0.0 0.5")
"""As OPLS-AA is meant: https://docs.lammps.org/dihedral_opls.html and special_bonds.html."""

MAX_DRIFT_E = 0.02
"""A unit whose types sum further from its formal charge is typed wrongly, not rounded."""

SHOWN_E = 0.00005
"""Smaller deviations are not told: they would read 0.0000."""

GAFF2 = "--force-field gaff2, which estimates what its tables lack"

_UNTYPED = "?"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Unit:
    """One unit in one environment, atom by atom: heavy ones first, then the hydrogens of each."""

    types: UnitTypes
    charges_e: tuple[float, ...]
    origin: ChargeOrigin
    untyped: tuple[str, ...]
    """Atoms that no rule matches, in words."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Typed:
    """A whole molecule, atom by atom, and the kinds of units that it has."""

    names: tuple[str, ...]
    charges_e: NDArray[np.float64]
    is_tethered_paper: NDArray[np.bool_]
    is_tethered_center: NDArray[np.bool_]
    units: tuple[_Unit, ...]


def parametrise_chain(
    chain: Chem.Mol, charges: str = TYPED_CHARGES, *, say: Say = quiet
) -> Parameters:
    """Give a chain or a network its OPLS-AA parameters.

    Parameters
    ----------
    chain : rdkit.Chem.Mol
        Of ``iemhpc.polymer``: explicit hydrogens, each atom with the properties of its unit.
    charges : str
        ``opls``: those of the types; or the path of a file of the user's own charges.
    say : callable
        Told which charges were corrected.

    Raises
    ------
    ForceFieldError
        Where the tables and the overlay do not cover the polymer: all that is missing is named at
        once.

    Examples
    --------
    >>> from iemhpc.polymer.chain import link
    >>> from iemhpc.polymer.repeat_unit import RepeatUnit
    >>> styrene = RepeatUnit("styrene", "[*]CC([*])c1ccccc1")
    >>> parameters = parametrise_chain(link([styrene] * 3))
    >>> len(parameters.elements), len(parameters.impropers)
    (50, 18)
    """
    charges_for("oplsaa", charges)
    table = opls_table()
    typed = _typed(chain, table)
    classes = [
        table.atom_types[name].bonded if name != _UNTYPED else _UNTYPED for name in typed.names
    ]
    finder = TermFinder(classes)
    bonded = finder.bonded(
        chain,
        partial(_finding, table),
        lambda neighbours: _improper_rows(neighbours, table, classes),
    )
    _complain(typed, finder.missing, is_typed=charges == TYPED_CHARGES)
    charges_e, origins = _charged(chain, typed, charges=charges, say=say)
    atoms = TermFinder(typed.names).atoms(lambda types: table.atom_types[types[0]].term)
    return Parameters(
        force_field="oplsaa",
        elements=tuple(atom.GetSymbol() for atom in chain.GetAtoms()),
        charges_e=charges_e,
        residues=tuple(atom.GetProp("unit_name") for atom in chain.GetAtoms()),
        is_tethered_paper=typed.is_tethered_paper,
        is_tethered_center=typed.is_tethered_center,
        atom_types=atoms[0],
        atom_type=atoms[1][:, 0],
        styles=STYLES,
        charge_origins=origins,
        **bonded,
    )


def _charged(
    chain: Chem.Mol, typed: _Typed, *, charges: str, say: Say
) -> tuple[NDArray[np.float64], tuple[ChargeOrigin, ...]]:
    """Return the charges of the types, or those of the user's file, and where they come from."""
    charges_e, origins = typed.charges_e, _origins(typed.units)
    if charges != TYPED_CHARGES:
        charges_e, origins = charges_from_file(chain, charges, typed_e=charges_e)
    for origin in origins:
        if abs(origin.drift_e) >= SHOWN_E:
            say(f"{origin.residue}: {origin.drift_e:+.4f} e spread over its atoms")
    return charges_e, origins


def _typed(chain: Chem.Mol, table: OplsTable) -> _Typed:
    """Type and charge every unit; units of one environment once."""
    n_atoms = chain.GetNumAtoms()
    names = [_UNTYPED] * n_atoms
    charges_e = np.zeros(n_atoms)
    paper, center = np.zeros(n_atoms, dtype=bool), np.zeros(n_atoms, dtype=bool)
    known: dict[Environment, _Unit] = {}
    for heavy in units_of(chain).values():
        key = environment(heavy)
        if key not in known:
            known[key] = _unit(heavy, table)
        unit, atoms = known[key], unit_atoms(heavy)
        charges_e[atoms] = unit.charges_e
        paper[atoms] = unit.types.is_tethered_paper
        center[atoms] = unit.types.is_tethered_center
        for atom, name in zip(atoms, unit.types.names, strict=True):
            names[atom] = name or _UNTYPED
    return _Typed(
        names=tuple(names),
        charges_e=charges_e,
        is_tethered_paper=paper,
        is_tethered_center=center,
        units=tuple(known.values()),
    )


def _unit(heavy: Sequence[Chem.Atom], table: OplsTable) -> _Unit:
    """Type one unit; spread what its types miss the formal charge by evenly over its atoms."""
    types = type_unit(heavy)
    formal = sum(atom.GetFormalCharge() for atom in heavy)
    raw = [table.atom_types[name].charge_e if name else 0.0 for name in types.names]
    drift_e = round(fsum(raw) - formal, 9) if all(types.names) else 0.0
    chain = heavy[0].GetOwningMol()
    atoms = [chain.GetAtomWithIdx(atom) for atom in unit_atoms(heavy)]
    return _Unit(
        types=types,
        charges_e=tuple(charge - drift_e / len(raw) for charge in raw),
        origin=ChargeOrigin(
            residue=heavy[0].GetProp("unit_name"),
            method=TYPED_CHARGES,
            formal_charge=formal,
            drift_e=drift_e,
            source=f"atom types of {TABLE_NAME} and of data/oplsaa/overlay.toml",
        ),
        untyped=tuple(
            _in_words(atom) for atom, name in zip(atoms, types.names, strict=True) if name is None
        ),
    )


def _in_words(atom: Chem.Atom) -> str:
    around = "".join(sorted(other.GetSymbol() for other in atom.GetNeighbors()))
    unit, place = atom.GetProp("unit_name"), atom.GetIntProp("unit_atom")
    return f"{unit} atom {place} ({atom.GetSymbol()} bonded to {around})"


def _finding(table: OplsTable, kind: str) -> Find:
    """Return how a kind of term is looked up; terms of untyped atoms are not called missing."""

    def find(types: tuple[str, ...]) -> Term | None:
        if _UNTYPED in types:
            return Term(types=types, values=(), source="")
        if kind != "improper":
            return table.term(kind, types)
        found = table.improper(types[2], (types[0], types[1], types[3]))
        return found[0] if found else None

    return find


def _improper_rows(
    neighbours: Neighbours, table: OplsTable, types: Sequence[str]
) -> Iterator[tuple[int, ...]]:
    """Yield impropers with their centre third; an atom that the field names comes last.

    The others come by type, then by index: see data/oplsaa/SOURCES.md.
    """
    for centre, around in enumerate_planar(neighbours):
        outer = sorted(around, key=lambda atom: (types[atom], atom))
        found = table.improper(types[centre], [types[atom] for atom in outer])
        if found is not None:
            first, second, last = (outer[place] for place in found[1])
            yield first, second, centre, last


def _origins(units: Iterable[_Unit]) -> tuple[ChargeOrigin, ...]:
    """Return each kind of unit once, with the largest drift of its environments."""
    worst: dict[str, ChargeOrigin] = {}
    for origin in (unit.origin for unit in units):
        before = worst.setdefault(origin.residue, origin)
        if abs(origin.drift_e) > abs(before.drift_e):
            worst[origin.residue] = origin
    return tuple(worst.values())


def _complain(typed: _Typed, missing: Iterable[str], *, is_typed: bool) -> None:
    """Raise one error that names everything that is missing, if anything is."""
    untyped = list(dict.fromkeys(atom for unit in typed.units for atom in unit.untyped))
    origins = [unit.origin for unit in typed.units]
    drifts = [
        f"{origin.residue} sums to {origin.formal_charge + origin.drift_e:+.4f}, formal charge "
        f"{origin.formal_charge:+d}"
        for origin in origins
        if is_typed and abs(origin.drift_e) > MAX_DRIFT_E
    ]
    parts = [
        (untyped, "no type for", ""),
        (list(missing), "no term for", ""),
        (
            list(dict.fromkeys(drifts)),
            f"charges further than {MAX_DRIFT_E} e from the formal charge:",
            "your own charges in a file (--charges, docs/molecules.md)",
        ),
    ]
    if lacking := [part for part in parts if part[0]]:
        names = ", ".join(dict.fromkeys(origin.residue for origin in origins))
        raise ForceFieldError(
            f"OPLS-AA does not cover a polymer of {names}: "
            + ". ".join(f"{what} {'; '.join(items)}" for items, what, _ in lacking)
            + ". What you can do: "
            + "; or ".join(filter(None, [*(cure for _, _, cure in lacking), GAFF2]))
            + ". Types and terms that have a source can be added: data/oplsaa/SOURCES.md"
        )
