"""Which OPLS-AA type each atom of a repeat unit has, by SMARTS and by what it is bonded to.

A unit is typed in a fragment: its own atoms and, as caps, its neighbours' atoms within two bonds.
Units of one environment are typed once, so that the cost grows with the kinds of units only.
"""

import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from rdkit import Chem

from iemhpc.errors import InputError
from iemhpc.polymer.repeat_unit import charged_sites
from iemhpc.resources import resource

Environment = tuple[object, ...]
"""All that typing can see of a unit; equal for units that are typed alike."""


@dataclass(frozen=True, slots=True)
class TypingRule:
    """A pattern whose first atom has a type."""

    smarts: str
    type_name: str
    pattern: Chem.Mol


@dataclass(frozen=True, slots=True)
class UnitTypes:
    """What one unit of a chain is, atom by atom: heavy ones first, then the hydrogens of each."""

    names: tuple[str | None, ...]
    """Types; none where no rule matches."""
    is_tethered_paper: tuple[bool, ...]
    is_tethered_center: tuple[bool, ...]


@lru_cache
def typing_rules() -> tuple[TypingRule, ...]:
    """Return the shipped rules, general ones first."""
    with resource("data", "oplsaa", "typing.toml").open("rb") as file:
        rows = tomllib.load(file)["rules"]
    return tuple(TypingRule(row["smarts"], row["type"], _pattern(row["smarts"])) for row in rows)


def typed_atoms(fragment: Chem.Mol, rules: Sequence[TypingRule]) -> list[TypingRule | None]:
    """Return the rule that counts for each atom: of those that match, the last.

    Examples
    --------
    >>> ethane = Chem.AddHs(Chem.MolFromSmiles("CC"))
    >>> [rule.type_name for rule in typed_atoms(ethane, typing_rules())][:3]
    ['opls_54', 'opls_54', 'opls_60']
    """
    found: list[TypingRule | None] = [None] * fragment.GetNumAtoms()
    for rule in rules:
        matches = fragment.GetSubstructMatches(rule.pattern, uniquify=False, maxMatches=100_000)
        for match in matches:
            found[match[0]] = rule
    return found


def type_unit(heavy: Sequence[Chem.Atom]) -> UnitTypes:
    """Type one unit of a chain.

    Parameters
    ----------
    heavy : sequence of rdkit.Chem.Atom
        Its heavy atoms.
    """
    atoms = unit_atoms(heavy)
    fragment = _fragment(heavy)
    found = typed_atoms(fragment, typing_rules())
    sites = {kind: set(charged_sites(fragment, kind)) for kind in ("paper", "center")}
    places = range(len(atoms))
    return UnitTypes(
        names=tuple(rule.type_name if rule else None for rule in found[: len(atoms)]),
        is_tethered_paper=tuple(place in sites["paper"] for place in places),
        is_tethered_center=tuple(place in sites["center"] for place in places),
    )


def unit_atoms(heavy: Sequence[Chem.Atom]) -> list[int]:
    """Return the atoms of a unit: the heavy ones as they come, then the hydrogens of each."""
    return [atom.GetIdx() for atom in heavy] + [
        other.GetIdx() for atom in heavy for other in atom.GetNeighbors() if _is_hydrogen(other)
    ]


def environment(heavy: Sequence[Chem.Atom]) -> Environment:
    """Return what a unit and its neighbours look like; equal where the types are equal."""
    inside = {atom.GetIdx(): place for place, atom in enumerate(heavy)}
    rows = []
    for atom in heavy:
        others = [other for other in atom.GetNeighbors() if not _is_hydrogen(other)]
        inner = sorted(inside[other.GetIdx()] for other in others if other.GetIdx() in inside)
        outer = sorted(
            (_seen(other), tuple(sorted(map(_seen, other.GetNeighbors()))))
            for other in others
            if other.GetIdx() not in inside
        )
        n_hydrogens = atom.GetDegree() - len(others)
        rows.append((_seen(atom), n_hydrogens, tuple(inner), tuple(outer)))
    return (heavy[0].GetProp("unit_name"), tuple(rows))


def _fragment(heavy: Sequence[Chem.Atom]) -> Chem.Mol:
    """Copy a unit, in the order of :func:`unit_atoms`, and behind it its neighbours."""
    chain = heavy[0].GetOwningMol()
    own = unit_atoms(heavy)
    caps = _beyond(chain, own, own)
    shell = _beyond(chain, caps, [*own, *caps])
    mol = Chem.RWMol()
    index = {atom: mol.AddAtom(_bare(chain.GetAtomWithIdx(atom))) for atom in own + caps + shell}
    for atom in own + caps:
        for bond in chain.GetAtomWithIdx(atom).GetBonds():
            first, second = index[atom], index.get(bond.GetOtherAtomIdx(atom))
            if second is not None and mol.GetBondBetweenAtoms(first, second) is None:
                mol.AddBond(first, second, bond.GetBondType())
    mol.UpdatePropertyCache(strict=False)
    Chem.FastFindRings(mol)
    return mol.GetMol()


def _beyond(chain: Chem.Mol, atoms: Sequence[int], seen: Sequence[int]) -> list[int]:
    """Return the atoms bonded to ``atoms`` that were not seen before, each once."""
    known = set(seen)
    others = (o.GetIdx() for a in atoms for o in chain.GetAtomWithIdx(a).GetNeighbors())
    return [other for other in dict.fromkeys(others) if other not in known]


def _bare(atom: Chem.Atom) -> Chem.Atom:
    bare = Chem.Atom(atom.GetAtomicNum())
    bare.SetFormalCharge(atom.GetFormalCharge())
    bare.SetIsAromatic(atom.GetIsAromatic())
    bare.SetNoImplicit(True)
    return bare


def _is_hydrogen(atom: Chem.Atom) -> bool:
    return bool(atom.GetAtomicNum() == 1)


def _seen(atom: Chem.Atom) -> tuple[int, int, bool]:
    return atom.GetAtomicNum(), atom.GetFormalCharge(), atom.GetIsAromatic()


def _pattern(smarts: str) -> Chem.Mol:
    pattern = Chem.MolFromSmarts(smarts)
    if pattern is None:
        raise InputError(f"data/oplsaa/typing.toml: {smarts!r} is not a SMARTS that RDKit can read")
    return pattern
