"""The atoms of any LAMMPS data file: ids, molecules, types, charges, masses and bonds.

https://docs.lammps.org/read_data.html. Coordinates and coefficients are passed over, so any box
and any force field will do; of atom styles those whose columns are known or can be told apart.
"""

import gzip
import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from iemhpc.errors import InputError

ATOM_STYLES = {
    # style -> columns of molecule, type and charge (-1: none), and the least number of columns
    "full": (1, 2, 3, 7),
    "molecular": (1, 2, -1, 6),
    "bond": (1, 2, -1, 6),
    "angle": (1, 2, -1, 6),
    "charge": (-1, 1, 2, 6),
    "atomic": (-1, 1, -1, 5),
}

_COUNT_LINE = re.compile(r"^\s*(\d+)\s+([a-z]+(?:\s+[a-z]+)?)\s*$")
_TITLE = re.compile(r"^([A-Z][A-Za-z]*(?: [A-Z][A-Za-z]*)*)\s*(?:#\s*(\S+).*)?$")


@dataclass(frozen=True, slots=True, kw_only=True)
class LammpsAtoms:
    """Atoms sorted by id."""

    ids: NDArray[np.int64]
    """Shape (n,)."""
    molecules: NDArray[np.int64]
    """0 where the style has none, shape (n,)."""
    types: NDArray[np.int64]
    """From 1, shape (n,)."""
    charges_e: NDArray[np.float64]
    """0 where the style has none, shape (n,)."""
    masses_g_mol: NDArray[np.float64]
    """One a type; 0 where the file has none."""
    type_names: tuple[str, ...]
    """One a type: its label, or the comment behind its mass; empty without."""
    bonds: NDArray[np.int64]
    """Ids of bonded atoms, shape (n_bonds, 2)."""


@dataclass(frozen=True, slots=True)
class _Section:
    hint: str
    rows: list[str]


def read_lammps_data(path: Path) -> LammpsAtoms:
    """Read the atoms of a LAMMPS data file, also a gzipped one.

    Raises
    ------
    InputError
        Where it is no data file, cut short, or its atom style cannot be told.
    """
    try:
        raw = path.read_bytes()
        text = (gzip.decompress(raw) if raw[:2] == b"\x1f\x8b" else raw).decode("utf-8")
    except (UnicodeDecodeError, OSError, EOFError) as error:
        raise InputError(
            f"{path} is neither a data file of LAMMPS nor a .pdb file: {error}"
        ) from error
    return parse_lammps_data(text, name=str(path))


def parse_lammps_data(text: str, *, name: str) -> LammpsAtoms:
    r"""Read the text of a data file; ``name`` is for the errors.

    Examples
    --------
    >>> atoms = parse_lammps_data(
    ...     "ions\n\n2 atoms\n2 atom types\n\nMasses\n\n1 22.99 # Na\n2 35.45 # Cl\n"
    ...     "\nAtoms # charge\n\n2 2 -1.0 4 4 4\n1 1 1.0 0 0 0\n",
    ...     name="ions.data",
    ... )
    >>> atoms.types.tolist(), atoms.charges_e.tolist(), atoms.type_names
    ([1, 2], [1.0, -1.0], ('Na', 'Cl'))
    """
    if not text.endswith("\n"):  # else a last number cut in its middle would pass
        raise InputError(f"{name}: the last line has no end; the file is cut short, write it again")
    counts, sections = _split(text.splitlines()[1:], name=name)
    n_types = counts["atom types"]
    if "Masses" in sections and len(sections["Masses"].rows) != n_types:
        raise InputError(
            f"{name}: section 'Masses' has {len(sections['Masses'].rows)} lines, the header "
            f"promises {n_types} atom types; the file is cut short or damaged: write it again"
        )
    masses, names = np.zeros(n_types), [""] * n_types
    labels = {row.split()[1]: int(row.split()[0]) for row in _rows(sections, "Atom Type Labels")}
    for row in _rows(sections, "Masses"):
        values, _, comment = row.partition("#")
        at = _type_number(values.split()[0], labels, n_types, name=name) - 1
        masses[at] = _number(values.split()[1], name=name, section="Masses")
        names[at] = comment.strip()
    for label, number in labels.items():
        names[number - 1] = label
    atoms = _atoms(sections["Atoms"], labels, n_types, name=name)
    ids = atoms[0]
    bonds = _bonds(_rows(sections, "Bonds"), ids, name=name)
    return LammpsAtoms(
        ids=ids,
        types=atoms[1],
        molecules=atoms[2],
        charges_e=atoms[3],
        masses_g_mol=masses,
        type_names=tuple(names),
        bonds=bonds,
    )


def _rows(sections: dict[str, _Section], title: str) -> list[str]:
    return sections[title].rows if title in sections else []


def _split(lines: list[str], *, name: str) -> tuple[dict[str, int], dict[str, _Section]]:
    counts: dict[str, int] = {}
    sections: dict[str, _Section] = {}
    current: _Section | None = None
    for line in lines:
        if head := _TITLE.match(line):
            current = _Section(hint=head[2] or "", rows=[])
            sections[head[1]] = current
        elif current is not None:
            if line.split("#")[0].strip():
                current.rows.append(line)
        elif found := _COUNT_LINE.match(line.split("#")[0]):
            counts[" ".join(found[2].split())] = int(found[1])
    for what in ("atoms", "atom types"):
        if not counts.get(what):
            raise InputError(
                f"{name}: no LAMMPS data file: its header names no {what}; wanted a file of "
                "write_data, or a PDB file with the suffix .pdb"
            )
    for title, what in (("Atoms", "atoms"), ("Bonds", "bonds")):
        found_rows, wanted = len(_rows(sections, title)), counts.get(what, 0)
        if found_rows != wanted:
            raise InputError(
                f"{name}: section {title!r} has {found_rows} lines, the header promises {wanted} "
                f"{what}; the file is cut short or damaged: write it again"
            )
    return counts, sections


def _atoms(
    section: _Section, labels: dict[str, int], n_types: int, *, name: str
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]:
    words = [row.split("#")[0].split() for row in section.rows]
    widths = {len(row) for row in words}
    style = section.hint or _guess_style(words, widths)
    if style not in ATOM_STYLES or len(widths) != 1:
        raise InputError(
            f"{name}: section 'Atoms' has {' or '.join(map(str, sorted(widths)))} columns and the "
            f"atom style {style or 'is not said'!r}; wanted one of {', '.join(ATOM_STYLES)}, said "
            "behind the title, such as: Atoms # full"
        )
    at_molecule, at_type, at_charge, least = ATOM_STYLES[style]
    if widths.pop() not in {least, least + 3}:
        raise InputError(
            f"{name}: section 'Atoms' has {len(words[0])} columns, atom style {style} has {least}, "
            f"or {least + 3} with image flags; say the right style behind the title: Atoms # full"
        )
    try:
        ids = np.array([int(row[0]) for row in words], dtype=np.int64)
        molecules = [int(row[at_molecule]) if at_molecule > 0 else 0 for row in words]
        charges = [float(row[at_charge]) if at_charge > 0 else 0.0 for row in words]
    except ValueError as error:
        raise InputError(f"{name}: section 'Atoms': {error}; write the file again") from error
    types = [_type_number(row[at_type], labels, n_types, name=name) for row in words]
    order = np.argsort(ids, kind="stable")
    if (np.diff(ids[order]) == 0).any():
        raise InputError(f"{name}: section 'Atoms' has an atom id twice; write the file again")
    return (
        ids[order],
        np.array(types, dtype=np.int64)[order],
        np.array(molecules, dtype=np.int64)[order],
        np.array(charges, dtype=np.float64)[order],
    )


def _guess_style(words: list[list[str]], widths: set[int]) -> str:
    """Return the only style that such columns can have; empty where there is none or several."""
    if widths <= {7} or widths <= {10}:
        return "full"
    if widths <= {5} or widths <= {8}:
        return "atomic"
    if widths <= {6} or widths <= {9}:
        # a charge has a point somewhere, a type never has
        return "charge" if any("." in row[2] for row in words) else "molecular"
    return ""


def _type_number(word: str, labels: dict[str, int], n_types: int, *, name: str) -> int:
    number = labels.get(word) or (int(word) if word.isdigit() else 0)
    if not 1 <= number <= n_types:
        raise InputError(
            f"{name}: got atom type {word!r}; the header promises types 1 to {n_types}"
        )
    return number


def _number(word: str, *, name: str, section: str) -> float:
    try:
        return float(word)
    except ValueError:
        raise InputError(f"{name}: section {section!r}: {word!r} is not a number") from None


def _bonds(rows: list[str], ids: NDArray[np.int64], *, name: str) -> NDArray[np.int64]:
    try:
        bonds = np.array([row.split()[2:4] for row in rows], dtype=np.int64).reshape(-1, 2)
    except ValueError as error:
        raise InputError(f"{name}: section 'Bonds': {error}; write the file again") from error
    if not np.isin(bonds, ids).all():
        raise InputError(f"{name}: section 'Bonds' names an atom that is not in 'Atoms'")
    return bonds
