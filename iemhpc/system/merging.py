"""Parameters of many molecules become those of one box: types united, atoms renumbered."""

from collections.abc import Sequence
from dataclasses import fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from iemhpc.errors import ForceFieldError
from iemhpc.forcefield.parameters import Parameters, Term

_BONDED = ("bond", "angle", "dihedral", "improper")


def merge(parts: Sequence[tuple[Parameters, int]]) -> Parameters:
    """Return the parameters of a box that holds each molecule some number of times, in order.

    Types with equal atoms, values and source become one. Charges are not touched.

    Parameters
    ----------
    parts : sequence of (Parameters, int)
        A molecule and how many copies of it follow each other.

    Raises
    ------
    ForceFieldError
        Where two molecules want different LAMMPS styles, mixing or 1-4 scaling.
    """
    kept = [(part, count) for part, count in parts if count]
    _check_styles([part for part, _ in kept])
    atom_types, atom_type = _unite(kept, "atom_types", "atom_type")
    bonded: dict[str, tuple[tuple[Term, ...], NDArray[np.int64]]] = {
        kind: _unite(kept, f"{kind}_types", f"{kind}s") for kind in _BONDED
    }
    return Parameters(
        force_field=kept[0][0].force_field,
        elements=tuple(symbol for part, count in kept for symbol in part.elements * count),
        charges_e=_joined(kept, "charges_e"),
        residues=tuple(name for part, count in kept for name in part.residues * count),
        is_tethered_paper=_joined(kept, "is_tethered_paper"),
        is_tethered_center=_joined(kept, "is_tethered_center"),
        atom_types=atom_types,
        atom_type=atom_type,
        bond_types=bonded["bond"][0],
        bonds=bonded["bond"][1],
        angle_types=bonded["angle"][0],
        angles=bonded["angle"][1],
        dihedral_types=bonded["dihedral"][0],
        dihedrals=bonded["dihedral"][1],
        improper_types=bonded["improper"][0],
        impropers=bonded["improper"][1],
        styles=kept[0][0].styles,
    )


def _check_styles(parts: Sequence[Parameters]) -> None:
    if not parts:
        raise ForceFieldError("a box needs at least one molecule; got none")
    first = parts[0]
    for other in parts[1:]:
        for field in fields(first.styles):
            here, there = getattr(first.styles, field.name), getattr(other.styles, field.name)
            if here != there:
                raise ForceFieldError(
                    f"{first.force_field} has {field.name} {here!r}, {other.force_field} has "
                    f"{there!r}; LAMMPS takes one for the whole box"
                )


def _joined(parts: Sequence[tuple[Parameters, int]], name: str) -> NDArray[Any]:
    return np.concatenate([np.tile(getattr(part, name), count) for part, count in parts])


def _unite(
    parts: Sequence[tuple[Parameters, int]], types_name: str, rows_name: str
) -> tuple[tuple[Term, ...], NDArray[np.int64]]:
    """Return the united types and the rows of all copies with the new numbers."""
    united: dict[Term, int] = {}
    blocks: list[NDArray[np.int64]] = []
    n_before = 0
    for part, count in parts:
        number = np.array(
            [united.setdefault(term, len(united)) for term in getattr(part, types_name)],
            dtype=np.int64,
        )
        rows = np.asarray(getattr(part, rows_name), dtype=np.int64)
        if rows_name == "atom_type":
            blocks.append(np.tile(number[rows], count))
        else:
            blocks.append(_copies(rows, number, count=count, n_before=n_before, part=part))
        n_before += count * len(part.elements)
    return tuple(united), np.concatenate(blocks)


def _copies(
    rows: NDArray[np.int64],
    number: NDArray[np.int64],
    *,
    count: int,
    n_before: int,
    part: Parameters,
) -> NDArray[np.int64]:
    shift = n_before + len(part.elements) * np.arange(count)
    copies = np.repeat(rows[None], count, axis=0)
    copies[:, :, 1:] += shift[:, None, None]
    if len(rows):
        copies[:, :, 0] = number[rows[:, 0]]
    return np.asarray(copies.reshape(-1, rows.shape[1]))
