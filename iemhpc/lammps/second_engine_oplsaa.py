"""OPLS-AA for the second engine: the published tables and the overlay, by a reader of its own.

The rules are those of ``data/oplsaa/SOURCES.md``: of the lines that fit, the last one counts, the
overlay goes before the tables, a class that is like another has that one's lines too. OpenMM, which
matches, takes the first that fits, but an exact line before any with wildcards; so lines go to it
in reverse, and an exact line that a later wildcard overrules takes that one's values.
"""

import re
import tomllib
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import product
from typing import Any

from iemhpc.errors import ForceFieldError
from iemhpc.lammps.second_engine_tables import Classes, FieldTables, LennardJones, Torsion
from iemhpc.resources import resource

WILD = "€"
"""Any one character of a class; every class has two."""

_KIND = re.compile(r"^\s*(bond|angle|dihedral|improper)_coeff\s+@\1:(\S+)\s+([^#]+)")
_PAIR = re.compile(r"^\s*pair_coeff\s+@atom:(\d+)_b\S*\s+@atom:\S+\s+(\S+)\s+(\S+)")
_TYPE = re.compile(r"^\s*set type @atom:(\d+)\s+charge\s+\S+\s+#\s*\S+\s*-\s*(\S+)")

Line = tuple[Classes, tuple[float, ...]]
"""A key with wildcards and its numbers."""

Used = Mapping[str, tuple[str, str]]
"""Class in use -> the two names that its lines may have, often equal."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Published:
    """Both files, lines of each kind with the one that counts most first."""

    classes: Mapping[str, str]
    atoms: Mapping[str, LennardJones]
    lines: Mapping[str, Sequence[Line]]
    likes: Mapping[str, str]
    """Class of the overlay -> the one whose lines it has too."""


def oplsaa_tables(types: Collection[str], frcmod: Sequence[str] = ()) -> FieldTables:
    """Return what the tables and the overlay say of some atom types.

    Parameters
    ----------
    types : collection of str
        Types in use: ``opls_145``, or a name of the overlay.
    frcmod : sequence of str
        Of GAFF2; nothing here is of it.

    Raises
    ------
    ForceFieldError
        Where neither file has a type.

    Examples
    --------
    >>> tables = oplsaa_tables({"opls_145", "opls_146"})
    >>> tables.classes["opls_145"], tables.bonds["CA", "CA"]
    ('CA', (469.0, 1.4))
    """
    both = _published()
    if unknown := sorted(set(types) - both.classes.keys()):
        raise ForceFieldError(
            f"neither data/oplsaa/oplsaa2024.lt nor overlay.toml has the type {', '.join(unknown)}"
        )
    classes = {name: both.classes[name] for name in types}
    used = {name: (name, both.likes.get(name, name)) for name in set(classes.values())}
    bonds, angles = (
        {key: (values[0], values[1]) for key, values in _resolved(both.lines[kind], used).items()}
        for kind in ("bond", "angle")
    )
    return FieldTables(
        name="oplsaa",
        classes=classes,
        atoms={name: both.atoms[name] for name in types},
        bonds=bonds,
        angles=angles,
        propers={
            key: _fourier(values) for key, values in _resolved(both.lines["dihedral"], used).items()
        },
        impropers={
            key: (values[0], int(values[2]), 0.0 if values[1] > 0 else 180.0)
            for key, values in _impropers(both.lines["improper"], used).items()
        },
        scale_14_lj=0.5,
        scale_14_coulomb=0.5,
        mixing="geometric",
    )


@lru_cache(maxsize=1)
def _published() -> _Published:
    text = resource("data", "oplsaa", "oplsaa2024.lt").read_text(encoding="utf-8")
    overlay = tomllib.loads(resource("data", "oplsaa", "overlay.toml").read_text(encoding="utf-8"))
    classes: dict[str, str] = {}
    atoms: dict[str, LennardJones] = {}
    lines: dict[str, list[Line]] = {kind: [] for kind in ("bond", "angle", "dihedral", "improper")}
    for row in text.splitlines():
        if found := _KIND.match(row):
            kind, key, numbers = found.groups()
            values = tuple(float(word) for word in numbers.split())
            lines[kind].append((tuple(key.partition("__")[0].split("_")), values))
        elif found := _PAIR.match(row):
            atoms[f"opls_{found[1]}"] = LennardJones(
                epsilon_kcal_mol=float(found[2]), sigma_A=float(found[3])
            )
        elif found := _TYPE.match(row):
            classes[f"opls_{found[1]}"] = found[2]
    for kind, key, names in _SECTIONS:
        for row in overlay.get(key, ()):
            lines[kind].append((tuple(row["types"].split("-")), _numbers(row, names)))
    for row in overlay.get("types", ()):
        classes[row["name"]] = row["bonded"]
        atoms[row["name"]] = LennardJones(
            epsilon_kcal_mol=float(row["epsilon"]), sigma_A=float(row["sigma"])
        )
    return _Published(
        classes=classes,
        atoms=atoms,
        lines={kind: tuple(reversed(rows)) for kind, rows in lines.items()},
        likes={row["bonded"]: row["like"] for row in overlay["types"] if "like" in row},
    )


_SECTIONS = (
    ("bond", "bonds", ("k", "r0")),
    ("angle", "angles", ("k", "theta0")),
    ("dihedral", "dihedrals", ("v",)),
    ("improper", "impropers", ("k", "d", "n")),
)
"""Kind, section of overlay.toml, names of its numbers."""


def _numbers(row: Mapping[str, Any], names: Sequence[str]) -> tuple[float, ...]:
    numbers: list[float] = []
    for name in names:
        value = row[name]
        numbers += map(float, value if isinstance(value, list) else [value])
    return tuple(numbers)


def _resolved(lines: Sequence[Line], used: Used) -> dict[Classes, tuple[float, ...]]:
    """Return each key once, in the order that counts; keys of one direction only."""
    found: dict[Classes, tuple[float, ...]] = {}
    for pattern, values in lines:
        for key in _expanded(pattern, used):
            if "" not in key:
                above = (v for k, v in found.items() if "" in k and _covers(k, key))
                values_here = next(above, values)
            else:
                values_here = values
            found.setdefault(min(key, key[::-1]), values_here)
    return found


def _impropers(lines: Sequence[Line], used: Used) -> dict[Classes, tuple[float, ...]]:
    found: dict[Classes, tuple[float, ...]] = {}
    for pattern, values in lines:
        for centre, *outer in _expanded(pattern, used):
            wild_first = sorted(outer, key=lambda name: (name != "", name))
            found.setdefault((centre, *wild_first), values)
    return found


def _expanded(pattern: Classes, used: Used) -> Iterator[Classes]:
    """Yield a pattern with the classes in use; one that is all wildcard stays an empty one.

    Examples
    --------
    >>> used = {"CA": ("CA", "CA"), "Ce": ("Ce", "C~"), "OS": ("OS", "OS")}
    >>> sorted(_expanded(("€€", "C€", "OS"), used)), list(_expanded(("C~",), used))
    ([('', 'CA', 'OS'), ('', 'Ce', 'OS')], [('Ce',)])
    """
    places = [
        [""]
        if set(part) == {WILD}
        else [name for name, own in used.items() if any(_fits(part, each) for each in own)]
        for part in pattern
    ]
    yield from product(*places)


def _fits(part: str, name: str) -> bool:
    return len(part) == len(name) and all(a in (WILD, b) for a, b in zip(part, name, strict=True))


def _covers(wild: Classes, key: Classes) -> bool:
    return any(
        all(a in ("", b) for a, b in zip(wild, way, strict=True)) for way in (key, key[::-1])
    )


def _fourier(values: tuple[float, ...]) -> tuple[Torsion, ...]:
    """Return V1..V4 as K (1 + cos(n phi - phase)), K = V/2; even ones have the other sign."""
    return tuple((v / 2, n, 0.0 if n % 2 else 180.0) for n, v in enumerate(values, 1))
