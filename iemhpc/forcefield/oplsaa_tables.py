"""OPLS-AA's published tables and our overlay: atom types, and how a bonded term is looked up.

Energies are K (r - r0)², K (theta - theta0)², the sum of V_n/2 [1 ± cos(n phi)] for n = 1..4 (the
halves are inside LAMMPS' ``dihedral_style opls``) and K [1 - cos(2 phi)] for impropers.
Formats and origins: ``data/oplsaa/SOURCES.md``.
"""

import re
import tomllib
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

from iemhpc.errors import InputError
from iemhpc.forcefield.parameters import Term
from iemhpc.resources import resource

Key = tuple[str, ...]

TABLE_NAME = "oplsaa2024"
"""What the sources of terms call the published tables."""

ANY = "€"
"""Stands for one character of a type's name, as in the published file."""

_N_VALUES = {"bond": 2, "angle": 2, "dihedral": 4, "improper": 3}

_CHARGE = re.compile(r"set type @atom:(\d+)\s+charge\s+(\S+) # (\w+)\s*- (\S+)\s*\|?(.*)")
_MASS = re.compile(r"@atom:(\d+)\s+([\d.]+)$")
_PAIR = re.compile(r"pair_coeff @atom:(\d+)_\S+ \S+ (\S+) (\S+)$")
_COEFF = re.compile(r"(bond|angle|dihedral|improper)_coeff @\w+:(\S+) ([^#]*)#?(.*)")


@dataclass(frozen=True, slots=True, kw_only=True)
class AtomType:
    """What an atom is: its charge, its Lennard-Jones terms, and its name in bonded terms."""

    name: str
    """``opls_145``, or a name of the overlay."""
    bonded: str
    """Type in bonds, angles and torsions: ``CA``."""
    element: str
    charge_e: float
    epsilon_kcal_mol: float
    sigma_A: float
    mass_g_mol: float
    source: str

    @property
    def term(self) -> Term:
        """The type as the box's parameters hold it."""
        values = (self.epsilon_kcal_mol, self.sigma_A, self.mass_g_mol)
        source = f"{self.source}; the type's own charge is {self.charge_e:+g} e"
        return Term(types=(self.name,), values=values, source=source)


@dataclass(frozen=True, slots=True)
class Rule:
    """One line of a table: types, some with wildcards, and the term's values."""

    types: Key
    values: tuple[float, ...]
    source: str
    is_published: bool = True
    """Of the tables, not of the overlay."""

    def fits(self, names: Sequence[Collection[str]]) -> bool:
        """Tell whether these atoms are meant, in this order: each by any of its names."""
        return all(
            any(_fits(wanted, name) for name in own)
            for wanted, own in zip(self.types, names, strict=True)
        )


@dataclass(frozen=True, slots=True)
class OplsTable:
    """Parameters by the types of their atoms; of the rules that fit the last one counts."""

    atom_types: Mapping[str, AtomType]
    rules: Mapping[str, tuple[Rule, ...]]
    """By kind (bond, angle, dihedral, improper), in the order of the file."""
    likes: Mapping[str, str] = field(default_factory=dict)
    """Bonded type -> the one whose terms it has too."""
    _found: dict[tuple[str, Key], Term | None] = field(
        default_factory=dict, init=False, compare=False, repr=False
    )

    def term(self, kind: str, types: Key) -> Term | None:
        """Return a bond, an angle or a dihedral, read in either direction.

        Examples
        --------
        >>> opls_table().term("bond", ("CT", "CT")).values
        (268.0, 1.529)
        """
        if (kind, types) not in self._found:
            self._found[kind, types] = self._chosen(kind, types)
        return self._found[kind, types]

    def _chosen(self, kind: str, types: Key) -> Term | None:
        names = [self._names(name) for name in types]
        fitting = [rule for rule in self.rules[kind] if rule.fits(names) or rule.fits(names[::-1])]
        if not fitting:
            return None
        last = fitting[-1]
        return Term(types=types, values=last.values, source=last.source + _doubt(fitting))

    def _names(self, bonded: str) -> Key:
        return (bonded, self.likes[bonded]) if bonded in self.likes else (bonded,)

    def improper(self, centre: str, outer: Sequence[str]) -> tuple[Term, tuple[int, ...]] | None:
        """Return K, d and n of a planar centre, and the places of the outer atoms in its row.

        ``outer`` has three types, already in their order; one that the rule names goes last. The
        term's types are outer, outer, centre, outer.
        """
        for rule in reversed(self.rules["improper"]):
            if not any(_fits(rule.types[0], name) for name in self._names(centre)):
                continue
            named = [name for name in rule.types[1:] if ANY not in name]
            places = _named_last(named, [self.likes.get(name, name) for name in outer])
            if places is not None:
                first, second, last = (outer[place] for place in places)
                types = (first, second, centre, last)
                return Term(types=types, values=rule.values, source=rule.source), places
        return None


@lru_cache
def opls_table() -> OplsTable:
    """Return the published tables with our overlay over them."""
    published = parse_lt(resource("data", "oplsaa", "oplsaa2024.lt").read_text(encoding="utf-8"))
    return overlaid(published, resource("data", "oplsaa", "overlay.toml"))


def parse_lt(text: str, *, name: str = TABLE_NAME) -> OplsTable:
    """Read moltemplate's layout of the published tables.

    Examples
    --------
    >>> text = "bond_coeff @bond:CT_HC 340. 1.09 # CHARMM 22 parameter file"
    >>> parse_lt(text).term("bond", ("HC", "CT"))
    Term(types=('HC', 'CT'), values=(340.0, 1.09), source='oplsaa2024: CHARMM 22 parameter file', \
penalty=None)
    """
    masses: dict[str, float] = {}
    pairs: dict[str, tuple[float, float]] = {}
    described: dict[str, tuple[str, str, str, str]] = {}
    rules: dict[str, list[Rule]] = {kind: [] for kind in _N_VALUES}
    for line in map(str.strip, text.splitlines()):
        if found := _COEFF.match(line):
            rules[found[1]].append(_rule(found, name=name))
        elif found := _PAIR.match(line):
            pairs[found[1]] = (float(found[2]), float(found[3]))
        elif found := _MASS.match(line):
            masses[found[1]] = float(found[2])
        elif found := _CHARGE.match(line):
            described[found[1]] = (found[2], found[3], found[4], found[5])
    types = [
        AtomType(
            name=f"opls_{number}",
            bonded=bonded,
            element=element,
            charge_e=float(charge_e),
            epsilon_kcal_mol=pairs[number][0],
            sigma_A=pairs[number][1],
            mass_g_mol=masses[number],
            source=_source(name, remark),
        )
        for number, (charge_e, element, bonded, remark) in described.items()
    ]
    return OplsTable(
        {each.name: each for each in types}, {kind: tuple(rows) for kind, rows in rules.items()}
    )


def overlaid(table: OplsTable, path: Path) -> OplsTable:
    """Return a table with the types and terms of an overlay over its own.

    Raises
    ------
    InputError
        Where an entry of the overlay lacks a field.
    """
    with path.open("rb") as file:
        stored = tomllib.load(file)
    try:
        types = [_overlay_type(row) for row in stored["types"]]
        added = {
            "bond": [_overlay_rule(row, (row["k"], row["r0"])) for row in stored["bonds"]],
            "angle": [_overlay_rule(row, (row["k"], row["theta0"])) for row in stored["angles"]],
            "dihedral": [_overlay_rule(row, row["v"]) for row in stored["dihedrals"]],
            "improper": [
                _overlay_rule(row, (row["k"], row["d"], row["n"])) for row in stored["impropers"]
            ],
        }
    except KeyError as error:
        raise InputError(f"{path}: an entry lacks {error}; see SOURCES.md beside it") from None
    likes = {row["bonded"]: row["like"] for row in stored["types"] if "like" in row}
    return OplsTable(
        {**table.atom_types, **{each.name: each for each in types}},
        {kind: (*table.rules[kind], *added[kind]) for kind in table.rules},
        {**table.likes, **likes},
    )


def _rule(found: re.Match[str], *, name: str) -> Rule:
    kind, key, numbers, remark = found.groups()
    key, _, _ = key.partition("__")
    values = tuple(map(float, numbers.split()))
    if len(values) != _N_VALUES[kind]:
        raise InputError(
            f"{name}: {found[0]!r} has {len(values)} numbers, a {kind} has {_N_VALUES[kind]}"
        )
    return Rule(tuple(key.split("_")), values, _source(name, remark))


def _source(name: str, remark: str) -> str:
    words = " ".join(remark.replace('"', "").split())
    return f"{name}: {words}" if words else name


def _doubt(fitting: Sequence[Rule]) -> str:
    """Return what to add to the source of the last rule where the table itself says several things.

    A term of another field (CL&P) is no choice among the table's lines.
    """
    last = fitting[-1]
    lines = [rule for rule in fitting if rule.is_published]
    others = [rule for rule in lines if rule.values != last.values]
    if not others or len({rule.values for rule in lines}) < 2 or last.source.startswith("CL&P"):
        return ""
    remarks = dict.fromkeys(rule.source.partition(": ")[2] for rule in others)
    return f"; one of {len(lines)} lines of the table for this key, the others: " + ", ".join(
        remarks
    )


def _overlay_type(row: Mapping[str, Any]) -> AtomType:
    return AtomType(
        name=row["name"],
        bonded=row["bonded"],
        element=row["element"],
        charge_e=float(row["charge"]),
        epsilon_kcal_mol=float(row["epsilon"]),
        sigma_A=float(row["sigma"]),
        mass_g_mol=float(row["mass"]),
        source=row["source"],
    )


def _overlay_rule(row: Mapping[str, Any], values: Iterable[float]) -> Rule:
    return Rule(
        tuple(row["types"].split("-")), tuple(map(float, values)), row["source"], is_published=False
    )


def _fits(pattern: str, name: str) -> bool:
    if ANY not in pattern:
        return pattern == name
    return len(pattern) == len(name) and all(
        wanted in (ANY, letter) for wanted, letter in zip(pattern, name, strict=True)
    )


def _named_last(named: Sequence[str], outer: Sequence[str]) -> tuple[int, ...] | None:
    """Return the places of the outer types with the named ones behind, if they are all there."""
    behind: list[int] = []
    for name in named:
        place = next((i for i, own in enumerate(outer) if own == name and i not in behind), None)
        if place is None:
            return None
        behind.append(place)
    return (*(place for place in range(len(outer)) if place not in behind), *behind)
