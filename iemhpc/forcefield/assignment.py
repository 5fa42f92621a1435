"""Which residue each unit of a chain is, and the type and charge of each of its atoms.

A unit is recognised by its structure: elements, bonds, hydrogens and where its neighbours hang.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from rdkit import Chem

from iemhpc.errors import ForceFieldError, InputError, MissingInputError
from iemhpc.forcefield import is_charge_file
from iemhpc.forcefield.residues import Residue, load_residue, shipped_residues
from iemhpc.forcefield.user_charges import load_user_charges
from iemhpc.polymer.repeat_unit import RepeatUnit, tethered_atoms, unit_mol
from iemhpc.progress import Say, quiet


@dataclass(frozen=True, slots=True, kw_only=True)
class Assignment:
    """Types and charges of a chain, atom by atom."""

    types: tuple[str, ...]
    """GAFF2 types."""
    charges_e: NDArray[np.float64]
    """Partial charges, shape (n,)."""
    units: tuple[str, ...]
    """Name of the repeat unit of each atom, as the chain has it."""
    is_tethered_paper: NDArray[np.bool_]
    """Tethered sites of the study's convention, shape (n,)."""
    is_tethered_center: NDArray[np.bool_]
    """Tethered sites by their centre, shape (n,)."""
    residues: tuple[Residue, ...]
    """The residues of the chain, each once."""
    residue_of: Mapping[str, Residue]
    """The residue that a name of ``units`` stands for; its own name may be another."""


@dataclass(frozen=True, slots=True)
class PlacedUnit:
    """One unit of a chain."""

    atoms: list[Chem.Atom]
    """Its heavy atoms, in the order of ``unit_atom``."""
    unit: RepeatUnit
    places: tuple[int, ...]
    """The atom of ``unit`` that each of ``atoms`` is, attachment points not counted."""


@dataclass(frozen=True, slots=True)
class _Slot:
    """What a heavy atom of a chain shows of itself."""

    place: int
    element: str
    n_hydrogens: int
    n_neighbours: int


def assign(chain: Chem.Mol, *, method: str = "am1bcc", say: Say = quiet) -> Assignment:
    """Type and charge a chain of ``iemhpc.polymer.chain.link`` from its residues.

    Raises
    ------
    InputError
        Where an atom lacks the properties that name its unit, or the hydrogens are not explicit.
    ForceFieldError
        Where a unit in the chain is not what its residue is.
    """
    units = units_of(chain)
    n_atoms = chain.GetNumAtoms()
    types, charges_e = [""] * n_atoms, np.zeros(n_atoms)
    paper, center = np.zeros(n_atoms, dtype=bool), np.zeros(n_atoms, dtype=bool)
    known = _recognised(chain, units, method=method, say=say)
    for index in sorted(units):
        atoms = units[index]
        residue, places = known[_kind(atoms)]
        sites = {c: set(_sites(residue, c)) for c in ("paper", "center")}
        for atom, place in zip(atoms, places, strict=True):
            row = residue.atoms[place]
            hydrogens = _hydrogens(atom)
            n_caps = len(hydrogens) - row.n_hydrogens
            if hydrogens and (row.hydrogen_type is None or row.hydrogen_charge_e is None):
                raise ForceFieldError(
                    f"{residue.unit}: its residue has no hydrogen for an end of a chain at atom "
                    f"{place} ({row.element}); make it from an oligomer that ends there"
                )
            hydrogen_e = row.hydrogen_charge_e or 0.0
            types[atom.GetIdx()] = row.type
            charges_e[atom.GetIdx()] = row.charge_e - n_caps * hydrogen_e
            paper[atom.GetIdx()] = place in sites["paper"]
            center[atom.GetIdx()] = place in sites["center"]
            for hydrogen in hydrogens:
                types[hydrogen] = row.hydrogen_type or ""
                charges_e[hydrogen] = hydrogen_e
    return Assignment(
        types=tuple(types),
        charges_e=charges_e,
        units=tuple(atom.GetProp("unit_name") for atom in chain.GetAtoms()),
        is_tethered_paper=paper,
        is_tethered_center=center,
        residues=tuple(dict.fromkeys(residue for residue, _ in known.values())),
        residue_of={name: residue for (name, _), (residue, _) in known.items()},
    )


def units_of(chain: Chem.Mol) -> Mapping[int, list[Chem.Atom]]:
    """Return the heavy atoms of each unit, in the order of ``unit_atom``."""
    units: dict[int, list[Chem.Atom]] = {}
    for atom in chain.GetAtoms():
        if not all(atom.HasProp(name) for name in ("unit_index", "unit_name", "unit_atom")):
            raise InputError(
                f"atom {atom.GetIdx()} ({atom.GetSymbol()}) belongs to no repeat unit; "
                "make the chain with iemhpc.polymer.chain.link"
            )
        if atom.GetTotalNumHs(includeNeighbors=False):
            raise InputError(
                f"atom {atom.GetIdx()} ({atom.GetSymbol()}) has hydrogens that are not atoms; "
                "make the chain with iemhpc.polymer.chain.link, which adds them all"
            )
        if atom.GetAtomicNum() > 1:
            units.setdefault(atom.GetIntProp("unit_index"), []).append(atom)
    if not units:
        raise InputError("the chain has no atoms; link at least one repeat unit")
    for atoms in units.values():
        atoms.sort(key=lambda atom: int(atom.GetIntProp("unit_atom")))
    return units


def placed_units(chain: Chem.Mol) -> list[PlacedUnit]:
    """Return every unit of a chain as a repeat unit whose SMILES says where its atoms stand."""
    known: dict[_Kind, tuple[RepeatUnit, tuple[int, ...]]] = {}
    placed = []
    for atoms in units_of(chain).values():
        kind = _kind(atoms)
        if kind not in known:
            unit = _repeat_unit(chain, atoms)
            places = _match(_fragment(atoms), list(kind[1]), unit)
            if places is None:
                raise _unlike(atoms, unit)
            known[kind] = unit, places
        placed.append(PlacedUnit(atoms, *known[kind]))
    return placed


def _unlike(atoms: list[Chem.Atom], unit: RepeatUnit) -> ForceFieldError:
    return ForceFieldError(
        f"unit {atoms[0].GetIntProp('unit_index')} of the chain is called {unit.name!r} but is "
        f"not bonded like {unit.smiles}; give different units different names"
    )


def _hydrogens(atom: Chem.Atom) -> list[int]:
    return [other.GetIdx() for other in atom.GetNeighbors() if other.GetAtomicNum() == 1]


def _slot(atom: Chem.Atom) -> _Slot:
    index = atom.GetIntProp("unit_index")
    heavy = [other for other in atom.GetNeighbors() if other.GetAtomicNum() > 1]
    return _Slot(
        atom.GetIntProp("unit_atom"),
        atom.GetSymbol(),
        len(_hydrogens(atom)),
        sum(other.GetIntProp("unit_index") != index for other in heavy),
    )


_Kind = tuple[str, tuple[_Slot, ...]]


def _kind(atoms: list[Chem.Atom]) -> _Kind:
    """Return what tells one sort of unit from another: its name, and what its atoms show."""
    return atoms[0].GetProp("unit_name"), tuple(_slot(atom) for atom in atoms)


def _recognised(
    chain: Chem.Mol, units: Mapping[int, list[Chem.Atom]], *, method: str, say: Say
) -> dict[_Kind, tuple[Residue, tuple[int, ...]]]:
    """Return, for each kind of unit, its residue and the residue's atom for each of its atoms."""
    kinds: dict[_Kind, list[Chem.Atom]] = {}
    for atoms in units.values():
        kinds.setdefault(_kind(atoms), atoms)
    repeat_units = {kind: _repeat_unit(chain, atoms) for kind, atoms in kinds.items()}
    if is_charge_file(method):
        load_user_charges(method).need(repeat_units.values())
    residues: dict[str, Residue] = {}
    missing: list[str] = []
    for unit in {unit.canonical_smiles: unit for unit in repeat_units.values()}.values():
        try:
            residues[unit.canonical_smiles] = load_residue(unit, method=method, say=say)
        except MissingInputError as error:
            missing.append(str(error))
    if missing:
        raise MissingInputError("\n".join(missing))
    known = {}
    for kind, atoms in kinds.items():
        unit = repeat_units[kind]
        residue = residues[unit.canonical_smiles]
        places = _match(_fragment(atoms), list(kind[1]), RepeatUnit(residue.unit, residue.smiles))
        if places is None:
            raise _unlike(atoms, unit)
        known[kind] = residue, places
    return known


def _repeat_unit(chain: Chem.Mol, atoms: list[Chem.Atom]) -> RepeatUnit:
    """Return the unit as the shipped residue spells it that is like it, else as the chain shows."""
    fragment, slots = _fragment(atoms), [_slot(atom) for atom in atoms]
    for residue in shipped_residues().values():
        unit = RepeatUnit(residue.unit, residue.smiles)
        if _match(fragment, slots, unit):
            return unit
    return _unit_of(chain, atoms[0].GetProp("unit_name"))


def _fragment(atoms: list[Chem.Atom]) -> Chem.Mol:
    """Copy the heavy atoms of one unit and the bonds among them."""
    mol = Chem.RWMol()
    index = {atom.GetIdx(): mol.AddAtom(_bare(atom)) for atom in atoms}
    for atom in atoms:
        for bond in atom.GetBonds():
            first, second = bond.GetBeginAtomIdx(), bond.GetEndAtomIdx()
            if first == atom.GetIdx() and second in index:
                mol.AddBond(index[first], index[second], bond.GetBondType())
    return mol.GetMol()


def _bare(atom: Chem.Atom) -> Chem.Atom:
    bare = Chem.Atom(atom.GetAtomicNum())
    bare.SetFormalCharge(atom.GetFormalCharge())
    bare.SetIsAromatic(atom.GetIsAromatic())
    return bare


@lru_cache(maxsize=256)
def _template(name: str, smiles: str) -> tuple[Chem.Mol, tuple[int, ...], tuple[int, ...]]:
    """Return a unit's heavy atoms, and for each its attachment points and its hydrogens."""
    heavy = [atom for atom in unit_mol(RepeatUnit(name, smiles)).GetAtoms() if atom.GetAtomicNum()]
    points = tuple(sum(n.GetAtomicNum() == 0 for n in atom.GetNeighbors()) for atom in heavy)
    return _fragment(heavy), points, tuple(atom.GetTotalNumHs() for atom in heavy)


def _match(fragment: Chem.Mol, slots: list[_Slot], unit: RepeatUnit) -> tuple[int, ...] | None:
    """Return the unit's atom for each atom of the fragment, or none where they differ."""
    template, points, hydrogens = _template(unit.name, unit.smiles)
    if (template.GetNumAtoms(), template.GetNumBonds()) != (
        fragment.GetNumAtoms(),
        fragment.GetNumBonds(),
    ):
        return None
    for match in template.GetSubstructMatches(fragment, uniquify=False, maxMatches=10000):
        if all(
            slot.n_neighbours <= points[place]
            and slot.n_hydrogens + slot.n_neighbours == points[place] + hydrogens[place]
            for slot, place in zip(slots, match, strict=True)
        ):
            return tuple(match)
    return None


def _unit_of(chain: Chem.Mol, name: str) -> RepeatUnit:
    """Write the repeat unit that the copies called ``name`` show: where do neighbours hang?"""
    copies = [atoms for atoms in units_of(chain).values() if atoms[0].GetProp("unit_name") == name]
    mol = Chem.RWMol(_fragment(copies[0]))
    for place, atom in enumerate(copies[0]):
        n_points = max(_slot(atoms[place]).n_neighbours for atoms in copies)
        n_hydrogens = _slot(atom).n_hydrogens - n_points + _slot(atom).n_neighbours
        mol.GetAtomWithIdx(place).SetNumExplicitHs(n_hydrogens)
        mol.GetAtomWithIdx(place).SetNoImplicit(True)
        for _ in range(n_points):
            mol.AddBond(place, mol.AddAtom(Chem.Atom(0)), Chem.BondType.SINGLE)
    if sum(atom.GetAtomicNum() == 0 for atom in mol.GetAtoms()) < 2:
        raise InputError(
            f"the chain does not show where the neighbours of {name!r} hang, and no stored residue "
            "is like it; give a chain of at least two of them"
        )
    Chem.SanitizeMol(mol)
    return RepeatUnit(name, Chem.MolToSmiles(mol))


@lru_cache(maxsize=256)
def _tethered(name: str, smiles: str, convention: str) -> tuple[int, ...]:
    return tethered_atoms(RepeatUnit(name, smiles), convention)


def _sites(residue: Residue, convention: str) -> tuple[int, ...]:
    return _tethered(residue.unit, residue.smiles, convention)
