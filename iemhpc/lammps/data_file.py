"""The LAMMPS data file, both ways: positions, charges and bonds, never coefficients.

https://docs.lammps.org/read_data.html. Coefficients stay in ``styles.in``: a ``pair_style soft``
would take a data file's Pair Coeffs for its own, and ``write_data`` keeps six digits of them.
"""

import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from iemhpc.errors import InputError
from iemhpc.forcefield.parameters import Parameters

_TOPOLOGY = {"bonds": 2, "angles": 3, "dihedrals": 4, "impropers": 4}
"""Sections of bonded terms and how many atoms each row holds."""

_SECTIONS = {
    "Masses": "atom types",
    "Atoms": "atoms",
    "Velocities": "atoms",
    "Bonds": "bonds",
    "Angles": "angles",
    "Dihedrals": "dihedrals",
    "Impropers": "impropers",
    "Pair Coeffs": "atom types",
    "Bond Coeffs": "bond types",
    "Angle Coeffs": "angle types",
    "Dihedral Coeffs": "dihedral types",
    "Improper Coeffs": "improper types",
}
"""Section -> the header's count of its lines."""

_READ = ("Bonds", "Angles", "Dihedrals", "Impropers")


@dataclass(frozen=True, slots=True, kw_only=True)
class DataFile:
    """What a data file of ``atom_style full`` holds, atoms sorted by id."""

    ids: NDArray[np.int64]
    """Shape (n,)."""
    molecule: NDArray[np.int64]
    """Shape (n,), from 1."""
    types: NDArray[np.int64]
    """Shape (n,), from 1."""
    charges_e: NDArray[np.float64]
    """Shape (n,)."""
    positions_A: NDArray[np.float64]
    """As written, shape (n, 3)."""
    images: NDArray[np.int64]
    """How many boxes each atom has left behind, shape (n, 3)."""
    box_low_A: NDArray[np.float64]
    """Lower corner, shape (3,)."""
    box_A: NDArray[np.float64]
    """Edges, shape (3,)."""
    masses_g_mol: NDArray[np.float64]
    """One a type."""
    bonds: NDArray[np.int64]
    """Shape (n_bonds, 3): type from 1, then atom ids."""
    angles: NDArray[np.int64]
    """Shape (n_angles, 4)."""
    dihedrals: NDArray[np.int64]
    """Shape (n_dihedrals, 5)."""
    impropers: NDArray[np.int64]
    """Shape (n_impropers, 5)."""


def data_text(
    parameters: Parameters,
    *,
    positions_A: NDArray[np.float64],
    box_A: NDArray[np.float64],
    molecule: NDArray[np.int64],
    title: str,
) -> str:
    """Return the text of a data file; image flags are 0, the box starts at 0.

    LAMMPS takes the nearest image along a bond, so a network's bonds may cross the box's faces.

    Parameters
    ----------
    parameters : Parameters
        Of the whole box.
    positions_A : ndarray, shape (n, 3)
        Ångström. Atoms outside the box are left there: LAMMPS wraps them and counts the image.
    box_A : ndarray, shape (3,)
        Edges.
    molecule : ndarray, shape (n,)
        Molecule of each atom, from 1.
    title : str
        The file's first line.
    """
    groups = {name: getattr(parameters, name) for name in _TOPOLOGY}
    kinds = {
        "atom": parameters.atom_types,
        "bond": parameters.bond_types,
        "angle": parameters.angle_types,
        "dihedral": parameters.dihedral_types,
        "improper": parameters.improper_types,
    }
    lines = [" ".join(title.split()), "", f"{len(parameters.elements)} atoms"]
    lines += [f"{len(rows)} {name}" for name, rows in groups.items()]
    lines += [f"{len(terms)} {kind} types" for kind, terms in kinds.items()]
    lines += ["", *(f"0.0 {edge:.12g} {x}lo {x}hi" for edge, x in zip(box_A, "xyz", strict=True))]
    lines += ["", "Masses", ""]
    for number, term in enumerate(parameters.atom_types, 1):
        lines.append(f"{number} {term.values[2]:.10g} # {' '.join(term.types)}")
    lines += ["", "Atoms # full", ""]
    lines += _atom_lines(parameters, positions_A=positions_A, molecule=molecule)
    for name, rows in groups.items():
        if len(rows):
            lines += ["", name.capitalize(), ""]
            lines += [
                f"{number} {' '.join(str(value + 1) for value in row)}"
                for number, row in enumerate(rows.tolist(), 1)
            ]
    return "\n".join(lines) + "\n"


def _atom_lines(
    parameters: Parameters, *, positions_A: NDArray[np.float64], molecule: NDArray[np.int64]
) -> list[str]:
    columns = zip(
        molecule.tolist(),
        parameters.atom_type.tolist(),
        parameters.charges_e.tolist(),
        positions_A.tolist(),
        strict=True,
    )
    return [
        f"{number} {mol} {kind + 1} {charge:.12f} {x:.10f} {y:.10f} {z:.10f} 0 0 0"
        for number, (mol, kind, charge, (x, y, z)) in enumerate(columns, 1)
    ]


def read_data(path: Path) -> DataFile:
    """Read a data file of ``atom_style full``, our own or LAMMPS's ``write_data``.

    Raises
    ------
    InputError
        Where the file is no text or cut short, its counts disagree, or a number is none.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise InputError(
            f"{path} is not a data file of LAMMPS, but binary: {error}; write it again"
        ) from None
    return parse_data(text, name=str(path))


def parse_data(text: str, *, name: str) -> DataFile:
    """Read the text of a data file; ``name`` is for the errors."""
    if not text.endswith("\n"):  # else a last number cut in its middle would pass
        raise InputError(f"{name}: the last line has no end; the file is cut short, write it again")
    lines = text.splitlines()
    header = _header(lines, name=name)
    sections = _sections(lines, header, name=name)
    atoms = _numbers(sections["Atoms"], 10, name=name, section="Atoms")
    atoms = atoms[np.argsort(atoms[:, 0], kind="stable")]
    _check_atoms(atoms, header, name=name)
    ids = atoms[:, 0].astype(np.int64)
    groups = {
        group: _topology(
            sections.get(group.capitalize(), []), group, ids=ids, header=header, name=name
        )
        for group in _TOPOLOGY
    }
    return DataFile(
        ids=ids,
        molecule=atoms[:, 1].astype(np.int64),
        types=atoms[:, 2].astype(np.int64),
        charges_e=atoms[:, 3],
        positions_A=atoms[:, 4:7],
        images=atoms[:, 7:10].astype(np.int64),
        box_low_A=header.low_A,
        box_A=header.high_A - header.low_A,
        masses_g_mol=_numbers(sections["Masses"], 2, name=name, section="Masses")[:, 1],
        bonds=groups["bonds"],
        angles=groups["angles"],
        dihedrals=groups["dihedrals"],
        impropers=groups["impropers"],
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Header:
    counts: dict[str, int]
    low_A: NDArray[np.float64]
    high_A: NDArray[np.float64]
    end: int
    """The line of the first section."""


_COUNT_LINE = re.compile(r"^\s*(\d+)\s+((?:atom|bond|angle|dihedral|improper)(?:s| types))\s*$")
_BOX_LINE = re.compile(r"^\s*(\S+)\s+(\S+)\s+([xyz])lo\s+\3hi\s*$")


def _header(lines: list[str], *, name: str) -> _Header:
    counts: dict[str, int] = {}
    edges: dict[str, tuple[float, float]] = {}
    end = len(lines)
    for number, line in enumerate(lines[1:], 1):
        text = line.split("#")[0].rstrip()
        if text.strip() in _SECTIONS:
            end = number
            break
        if found := _COUNT_LINE.match(text):
            counts[found[2]] = int(found[1])
        elif found := _BOX_LINE.match(text):
            edges[found[3]] = (_float(found[1], name, number), _float(found[2], name, number))
        elif "xy xz yz" in text:
            raise InputError(f"{name}: the box is triclinic; wanted an orthogonal one")
    missing = [*({"atoms", "atom types"} - counts.keys()), *({"x", "y", "z"} - edges.keys())]
    if missing:
        raise InputError(
            f"{name}: no LAMMPS data file, or cut short: its header lacks "
            f"{', '.join(sorted(missing))}; write it again"
        )
    corners = np.array([edges[axis] for axis in "xyz"])
    if not (corners[:, 1] > corners[:, 0]).all():
        raise InputError(f"{name}: a box edge is not positive: {corners.tolist()}")
    return _Header(counts=counts, low_A=corners[:, 0], high_A=corners[:, 1], end=end)


def _float(word: str, name: str, number: int) -> float:
    try:
        return float(word)
    except ValueError:
        raise InputError(f"{name}, line {number + 1}: {word!r} is not a number") from None


def _sections(lines: list[str], header: _Header, *, name: str) -> dict[str, list[str]]:
    sections: dict[str, list[str]] = {}
    position = header.end
    while position < len(lines):
        title = lines[position].split("#")[0].strip()
        position += 1
        if not title:
            continue
        if title not in _SECTIONS:
            raise InputError(
                f"{name}, line {position}: got {title[:40]!r}, wanted the title of a section "
                f"(the section before it has more lines than the header says)"
            )
        count = header.counts.get(_SECTIONS[title], 0)
        rows = lines[position + 1 : position + 1 + count]
        _check_length(rows, count, title=title, name=name)
        sections[title] = rows
        position += 1 + count
    wanted = [title for title in _READ if header.counts.get(_SECTIONS[title], 0)]
    for title in ("Masses", "Atoms", *wanted):
        if title not in sections:
            count = header.counts.get(_SECTIONS[title], 0)
            raise InputError(
                f"{name}: the header promises {count} {_SECTIONS[title]}, but there is no section "
                f"{title!r}; the file is cut short, write it again"
            )
    return sections


def _check_length(rows: list[str], count: int, *, title: str, name: str) -> None:
    filled = next((k for k, row in enumerate(rows) if not row.strip()), len(rows))
    if filled < count:
        raise InputError(
            f"{name}: section {title!r} has {filled} lines, the header promises {count} "
            f"{_SECTIONS[title]}; the file is cut short, write it again"
        )


def _numbers(rows: list[str], n_columns: int, *, name: str, section: str) -> NDArray[np.float64]:
    words = [row.split("#")[0].split() for row in rows]
    for row, split in zip(rows, words, strict=True):
        if len(split) != n_columns:
            raise InputError(
                f"{name}: section {section!r}: got {len(split)} numbers in {row.strip()!r}, wanted "
                f"{n_columns}; the file is damaged, write it again"
            )
    try:
        numbers = np.array(words, dtype=np.float64).reshape(-1, n_columns)
    except ValueError as error:
        raise InputError(f"{name}: section {section!r}: {error}; write the file again") from None
    if not np.isfinite(numbers).all():
        raise InputError(f"{name}: section {section!r} holds a number that is not finite")
    return numbers


def _check_atoms(atoms: NDArray[np.float64], header: _Header, *, name: str) -> None:
    if len(np.unique(atoms[:, 0])) != len(atoms):
        raise InputError(f"{name}: section 'Atoms' has an atom id twice; write the file again")
    n_types = header.counts["atom types"]
    if len(atoms) and not (atoms[:, 2].min() >= 1 and atoms[:, 2].max() <= n_types):
        raise InputError(
            f"{name}: atom types from {atoms[:, 2].min():g} to {atoms[:, 2].max():g}, the header "
            f"promises 1 to {n_types}"
        )


def _topology(
    rows: list[str], group: str, *, ids: NDArray[np.int64], header: _Header, name: str
) -> NDArray[np.int64]:
    n_columns = _TOPOLOGY[group] + 2
    section = group.capitalize()
    table = _numbers(rows, n_columns, name=name, section=section).astype(np.int64)
    table = table[np.argsort(table[:, 0], kind="stable")][:, 1:]
    n_types = header.counts.get(f"{group.removesuffix('s')} types", 0)
    if len(table) and not (table[:, 0].min() >= 1 and table[:, 0].max() <= n_types):
        raise InputError(f"{name}: section {section!r} has a type outside 1 to {n_types}")
    if not np.isin(table[:, 1:], ids).all():
        raise InputError(f"{name}: section {section!r} names an atom that is not in 'Atoms'")
    return table
