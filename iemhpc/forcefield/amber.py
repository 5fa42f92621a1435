"""Amber's parameter files: ``gaff2.dat`` and parmchk2's ``frcmod``, and how a term is looked up.

Energies are K (r - r0)², K (theta - theta0)² and sum K [1 + cos(n phi - phase)]; torsions are
divided by their IDIVF here. Format: https://ambermd.org/FileFormats.php#parm.dat
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

from iemhpc.errors import InputError
from iemhpc.forcefield.parameters import Term
from iemhpc.forcefield.topology import palindrome
from iemhpc.resources import resource
from iemhpc.units import SIGMA_PER_RMIN_HALF

Key = tuple[str, ...]

WILDCARD = "X"

_SECTIONS = {
    "MASS": "masses",
    "BOND": "bonds",
    "ANGL": "angles",
    "DIHE": "dihedrals",
    "IMPR": "impropers",
    "HBON": "",
    "NONB": "nonbonded",
}

_HEADINGS = frozenset({*_SECTIONS, "ANGLE", "DIHEDRAL", "IMPROPER", "HBOND", "NONBON", "NONBONDED"})


@dataclass(frozen=True, slots=True)
class Entry:
    """The numbers of one block of a file, and what the file says about them."""

    values: tuple[float, ...]
    """mass; K, r0; K, theta0; K, n, phase, once a Fourier term; K, phase, n; Rmin/2, epsilon."""
    source: str
    penalty: float | None = None


@dataclass(frozen=True, slots=True)
class AmberTable:
    """Parameters by the types of their atoms, each key in its canonical order."""

    masses: Mapping[Key, Entry] = field(default_factory=dict)
    bonds: Mapping[Key, Entry] = field(default_factory=dict)
    angles: Mapping[Key, Entry] = field(default_factory=dict)
    dihedrals: Mapping[Key, Entry] = field(default_factory=dict)
    impropers: Mapping[Key, Entry] = field(default_factory=dict)
    """Keys: the three outer types sorted, then the centre."""
    nonbonded: Mapping[Key, Entry] = field(default_factory=dict)

    def overridden_by(self, other: "AmberTable") -> "AmberTable":
        """Return this table with the entries of a later file in the place of its own."""
        return AmberTable(
            *({**getattr(self, name), **getattr(other, name)} for name in self.__slots__)
        )

    def atom(self, name: str) -> Term | None:
        """Return epsilon kcal/mol, sigma Å and mass of a type."""
        mass, pair = self.masses.get((name,)), self.nonbonded.get((name,))
        if mass is None or pair is None:
            return None
        rmin_half_A, epsilon_kcal_mol = pair.values
        values = (epsilon_kcal_mol, rmin_half_A * SIGMA_PER_RMIN_HALF, mass.values[0])
        return Term(types=(name,), values=values, source=pair.source, penalty=pair.penalty)

    def bond(self, *types: str) -> Term | None:
        """Return K and r0 of a bond."""
        return _term(types, self.bonds.get(palindrome(types)))

    def angle(self, *types: str) -> Term | None:
        """Return K and theta0 of an angle."""
        return _term(types, self.angles.get(palindrome(types)))

    def dihedral(self, *types: str) -> Term | None:
        """Return all Fourier terms of a torsion; one of these very types goes before X-b-c-X."""
        key = palindrome(types)
        general = palindrome((WILDCARD, types[1], types[2], WILDCARD))
        entry = self.dihedrals.get(key) or self.dihedrals.get(general)
        if entry is None:
            return None
        values = (len(entry.values) / 3, *entry.values)
        return Term(types=types, values=values, source=entry.source, penalty=entry.penalty)

    def improper(self, outer: Sequence[str], centre: str) -> Term | None:
        """Return K, d and n of a planar centre; the fewest wildcards go first.

        ``types`` of the term are the outer types sorted, with the centre third.
        """
        first, second, last = sorted(outer)
        for n_wildcards in range(4):
            for key in _with_wildcards((first, second, last), n_wildcards):
                entry = self.impropers.get((*key, centre))
                if entry is not None:
                    k, phase, n = entry.values
                    values = (k, -1.0 if phase == 180.0 else 1.0, n)
                    types = (first, second, centre, last)
                    source, penalty = entry.source, entry.penalty
                    return Term(types=types, values=values, source=source, penalty=penalty)
        return None


@lru_cache
def gaff2_table() -> AmberTable:
    """Return the GAFF2 that the project ships."""
    return read_parm_dat(resource("data", "gaff2", "gaff2.dat"))


def read_parm_dat(path: Path) -> AmberTable:
    """Read a whole force field such as gaff2.dat."""
    return parse_parm_dat(path.read_text(encoding="utf-8", errors="replace"), name=path.name)


def parse_parm_dat(text: str, *, name: str = "parm.dat") -> AmberTable:
    """Parse a parm.dat file: sections in fixed order, each ended by an empty line.

    The line after the masses lists hydrophilic types, and what follows END is prose.
    """
    lines = text.splitlines()
    title = lines[0] if lines else ""
    if version := re.search(r"[Vv]ersion ([\d.]+)", title):
        name = f"{name} {version.group(1)}"
    blocks: list[list[str]] = [*_blocks(lines[1:]), [], [], [], []]
    masses, bonds, angles, dihedrals, impropers = blocks[:5]
    nonbonded = next((block for block in blocks if block and block[0].startswith("MOD4")), None)
    if nonbonded is None:
        raise InputError(f"{name} is not a parm.dat file: it has no section of Lennard-Jones terms")
    return AmberTable(
        masses=_entries(masses, kind="masses", name=name, say_source=_noted),
        bonds=_entries(bonds[1:], kind="bonds", name=name, say_source=_noted),
        angles=_entries(angles, kind="angles", name=name, say_source=_noted),
        dihedrals=_entries(dihedrals, kind="dihedrals", name=name, say_source=_noted),
        impropers=_entries(impropers, kind="impropers", name=name, say_source=_noted),
        nonbonded=_entries(nonbonded[1:], kind="nonbonded", name=name, say_source=_noted),
    )


def parse_frcmod(lines: Iterable[str], *, name: str = "parmchk2") -> AmberTable:
    """Parse frcmod lines; what parmchk2 could not estimate (ATTN, need revision) is left out.

    Examples
    --------
    >>> text = "title|BOND|c3-sy  244.2  1.807  same as c3-s6, penalty score=  2.0|"
    >>> table = parse_frcmod(text.split("|"))
    >>> table.bond("sy", "c3").values, table.bond("sy", "c3").penalty
    ((244.2, 1.807), 2.0)
    """
    sections: dict[str, list[str]] = {kind: [] for kind in _SECTIONS.values()}
    kind = ""
    for line in lines:
        if line.strip().upper() in _HEADINGS:
            kind = _SECTIONS[line.strip().upper()[:4]]
        elif not line.strip():
            kind = ""
        elif "ATTN" not in line:
            sections[kind].append(line)
    del sections[""]
    return AmberTable(
        **{kind: _entries(rows, kind=kind, name=name) for kind, rows in sections.items()}
    )


_STATISTICS = re.compile(r"(\S+)\s+(\d+)(?:\s+(\d[\d.]*))?$")
"""What gaff2.dat notes of a bond or an angle: which source, how often it occurred, its spread."""


def _noted(name: str, remark: str, kind: str) -> str:
    """Return the source of a table's line, with the table's own note in words.

    Examples
    --------
    >>> _noted("gaff2.dat 2.2.20", "2021 33079 0.0044", "bonds")
    'gaff2.dat 2.2.20: its note: source 2021, occurrence 33079, rmsd 0.0044'
    """
    if kind in ("bonds", "angles") and (found := _STATISTICS.match(remark)):
        words = [f"source {found[1]}", f"occurrence {found[2]}"]
        remark = ", ".join([*words, f"rmsd {found[3]}"] if found[3] else words)
    return f"{name}: its note: {remark}" if remark else name


def _remarked(name: str, remark: str, _kind: str) -> str:
    """Return the source of a line of parmchk2, which says in words what it did."""
    return f"{name}: {remark}" if remark else name


_N_TYPES = {"masses": 1, "bonds": 2, "angles": 3, "dihedrals": 4, "impropers": 4, "nonbonded": 1}
_N_VALUES = {"masses": 1, "bonds": 2, "angles": 2, "dihedrals": 4, "impropers": 3, "nonbonded": 2}


def _entries(
    lines: Iterable[str],
    *,
    kind: str,
    name: str,
    say_source: Callable[[str, str, str], str] = _remarked,
) -> dict[Key, Entry]:
    """Read one section; a later block of a key replaces an earlier one."""
    entries: dict[Key, Entry] = {}
    is_continued = False
    for line in lines:
        types, values, remark = _fields(line, kind=kind, name=name)
        entry = Entry(values, say_source(name, remark, kind), _penalty(remark))
        key = _canonical(types, kind)
        if kind == "dihedrals":
            idivf, k, phase, n = values
            fourier = (k / idivf, abs(n), phase)
            entry = Entry(fourier, entry.source, entry.penalty)
            entry = _continued(entries[key], entry, name=name) if is_continued else entry
            is_continued = n < 0
        entries[key] = entry
    return entries


def _continued(before: Entry, entry: Entry, *, name: str) -> Entry:
    """Add a Fourier term to a torsion; the remark may stand on any of its lines."""
    penalties = [penalty for penalty in (before.penalty, entry.penalty) if penalty is not None]
    source = before.source if before.source != name else entry.source
    return Entry((*before.values, *entry.values), source, max(penalties, default=None))


def _fields(line: str, *, kind: str, name: str) -> tuple[Key, tuple[float, ...], str]:
    """Cut a line at its fixed columns: types of two letters, padded, then numbers, then prose."""
    n_types, n_values = _N_TYPES[kind], _N_VALUES[kind]
    if kind == "nonbonded":  # the only section with free format
        first, *rest = line.split(maxsplit=n_values + 1)
        types: Key = (first,)
    else:
        width = 3 * n_types - 1
        types = tuple(line[3 * i : 3 * i + 2].strip() for i in range(n_types))
        rest = line[width:].split(maxsplit=n_values)
    try:
        values = tuple(float(text) for text in rest[:n_values])
    except ValueError:
        values = ()
    if len(values) < n_values or not all(types):
        raise InputError(f"{name}: {line.strip()!r} is no line of its {kind}")
    return types, values, " ".join(rest[n_values].split()) if len(rest) > n_values else ""


def _canonical(types: Key, kind: str) -> Key:
    if kind == "impropers":
        first, second, centre, last = types
        return (*sorted((first, second, last)), centre)
    return palindrome(types)


def _penalty(remark: str) -> float | None:
    match = re.search(r"penalty score=\s*([\d.]+)", remark)
    return float(match.group(1)) if match else None


def _blocks(lines: Iterable[str]) -> Iterator[list[str]]:
    """Yield the runs of lines between empty lines, up to END."""
    block: list[str] = []
    for line in lines:
        if line.strip() == "END":
            break
        if line.strip():
            block.append(line)
        else:
            yield block
            block = []
    yield block


def _with_wildcards(outer: Key, n_wildcards: int) -> list[Key]:
    """Return sorted outer types in which ``n_wildcards`` of three are X."""
    if n_wildcards == 0:
        return [outer]
    if n_wildcards == 1:
        kept = [(outer[1], outer[2]), (outer[0], outer[2]), (outer[0], outer[1])]
    elif n_wildcards == 2:
        kept = [(name,) for name in outer]  # type: ignore[misc]
    else:
        kept = [()]  # type: ignore[list-item]
    return [tuple(sorted((*names, *[WILDCARD] * n_wildcards))) for names in kept]


def _term(types: Key, entry: Entry | None) -> Term | None:
    if entry is None:
        return None
    return Term(types=types, values=entry.values, source=entry.source, penalty=entry.penalty)
