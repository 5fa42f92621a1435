"""Parameters of many molecules become those of one box: types united, atoms renumbered."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from iemhpc.errors import ForceFieldError
from iemhpc.forcefield.frcmod import united
from iemhpc.forcefield.parameters import PairTerm, Parameters, Styles, Term
from iemhpc.system.mixing import MixedType, explicit_pairs

_BONDED = ("bond", "angle", "dihedral", "improper")


def merge(parts: Sequence[tuple[Parameters, int]]) -> Parameters:
    """Return the parameters of a box that holds each molecule some number of times, in order.

    Types with equal atoms, values and source become one; a polymer's and an ion's stay apart.
    Charges are not touched. The box mixes as its polymer does; pairs of water and ions for which
    that would be wrong become explicit.

    Parameters
    ----------
    parts : sequence of (Parameters, int)
        A molecule and how many copies of it follow each other.

    Raises
    ------
    ForceFieldError
        Where two molecules want different LAMMPS styles, mixing or 1-4 scaling for terms that
        both have.
    """
    kept = [(part, count) for part, count in parts if count]
    molecules = [part for part, _ in kept]
    leading = _leading(molecules)
    styles = _styles(molecules, leading)
    types, atom_type = _atom_types(kept)
    bonded: dict[str, tuple[tuple[Term, ...], NDArray[np.int64]]] = {
        kind: _unite(kept, f"{kind}_types", f"{kind}s") for kind in _BONDED
    }
    return Parameters(
        force_field=leading.force_field,
        elements=tuple(symbol for part, count in kept for symbol in part.elements * count),
        charges_e=_joined(kept, "charges_e"),
        residues=tuple(name for part, count in kept for name in part.residues * count),
        is_tethered_paper=_joined(kept, "is_tethered_paper"),
        is_tethered_center=_joined(kept, "is_tethered_center"),
        atom_types=tuple(each.term for each in types),
        atom_type=atom_type,
        bond_types=bonded["bond"][0],
        bonds=bonded["bond"][1],
        angle_types=bonded["angle"][0],
        angles=bonded["angle"][1],
        dihedral_types=bonded["dihedral"][0],
        dihedrals=bonded["dihedral"][1],
        improper_types=bonded["improper"][0],
        impropers=bonded["improper"][1],
        styles=styles,
        pairs=_pairs(molecules, types, styles.mixing),
        charge_origins=tuple(
            dict.fromkeys(origin for part in molecules for origin in part.charge_origins)
        ),
        frcmod=united(part.frcmod for part in molecules),
        is_aqueous=leading.is_aqueous,
    )


def _leading(molecules: Sequence[Parameters]) -> Parameters:
    """Return the molecule whose rules are the box's: its polymer, else the first."""
    if not molecules:
        raise ForceFieldError("a box needs at least one molecule; got none")
    return next((part for part in molecules if not part.is_aqueous), molecules[0])


def _styles(molecules: Sequence[Parameters], leading: Parameters) -> Styles:
    """Return the styles of a box; each comes from a molecule that has such terms."""
    styles = leading.styles
    for kind in (*_BONDED, "special_bonds", "mixing"):
        having = [part for part in molecules if _has(part, kind)] or [leading]
        first = leading if leading in having else having[0]
        value = getattr(first.styles, kind)
        for other in having:
            if getattr(other.styles, kind) != value:
                raise ForceFieldError(
                    f"{first.force_field} has {kind} {value!r}, {other.force_field} has "
                    f"{getattr(other.styles, kind)!r}; LAMMPS takes one for the whole box"
                )
        styles = replace(styles, **{kind: value})
    return styles


def _has(part: Parameters, kind: str) -> bool:
    """Return whether a molecule has terms that a style is about."""
    if kind in _BONDED:
        return bool(getattr(part, f"{kind}_types"))
    if kind == "mixing":  # of water and ions, where it differs, the pairs are written out
        return not part.is_aqueous
    return not part.is_aqueous or _has_one_four_pairs(part)


def _has_one_four_pairs(part: Parameters) -> bool:
    """Return whether a bond's two ends both have further neighbours."""
    ends = part.bonds[:, 1:]
    degree = np.bincount(ends.ravel(), minlength=len(part.elements))
    return bool((degree[ends] > 1).all(axis=1).any())


def _atom_types(
    parts: Sequence[tuple[Parameters, int]],
) -> tuple[list[MixedType], NDArray[np.int64]]:
    """Return the united atom types and the type of each atom of the box."""
    united_types: dict[MixedType, int] = {}
    blocks: list[NDArray[np.int64]] = []
    for part, count in parts:
        number = np.array(
            [united_types.setdefault(each, len(united_types)) for each in _mixed_types(part)],
            dtype=np.int64,
        )
        blocks.append(np.tile(number[part.atom_type], count))
    return list(united_types), np.concatenate(blocks)


def _mixed_types(part: Parameters) -> list[MixedType]:
    own_rule = part.styles.mixing if part.is_aqueous else None
    return [MixedType(term, own_rule) for term in part.atom_types]


def _pairs(
    molecules: Sequence[Parameters], types: Sequence[MixedType], rule: str
) -> tuple[PairTerm, ...]:
    """Return the pairs that molecules brought with them and those of water and ions."""
    place = {each: index for index, each in enumerate(types)}
    found: dict[tuple[int, int], PairTerm] = {}
    for part in molecules:
        own = [place[each] for each in _mixed_types(part)]
        for pair in part.pairs:
            first, second = sorted((own[pair.first], own[pair.second]))
            moved = replace(pair, first=first, second=second)
            if found.setdefault((first, second), moved) != moved:
                names = [types[index].term.types[0] for index in (first, second)]
                raise ForceFieldError(
                    f"two molecules give the pair {'-'.join(names)} different values: "
                    f"{found[first, second].source}; {pair.source}"
                )
    for pair in explicit_pairs(types, rule):
        found.setdefault((pair.first, pair.second), pair)
    return tuple(found[key] for key in sorted(found))


def _joined(parts: Sequence[tuple[Parameters, int]], name: str) -> NDArray[Any]:
    return np.concatenate([np.tile(getattr(part, name), count) for part, count in parts])


def _unite(
    parts: Sequence[tuple[Parameters, int]], types_name: str, rows_name: str
) -> tuple[tuple[Term, ...], NDArray[np.int64]]:
    """Return the united types and the rows of all copies with the new numbers."""
    united_types: dict[Term, int] = {}
    blocks: list[NDArray[np.int64]] = []
    n_before = 0
    for part, count in parts:
        number = np.array(
            [
                united_types.setdefault(term, len(united_types))
                for term in getattr(part, types_name)
            ],
            dtype=np.int64,
        )
        rows = np.asarray(getattr(part, rows_name), dtype=np.int64)
        blocks.append(_copies(rows, number, count=count, n_before=n_before, part=part))
        n_before += count * len(part.elements)
    return tuple(united_types), np.concatenate(blocks)


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
