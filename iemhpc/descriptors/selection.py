"""Which atoms make which pairs, as the compiled functions want them: flat arrays."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray


class Selection(NamedTuple):
    """Which atoms make which pairs, as arrays.

    ``atoms`` holds all groups of atoms one after the other, group g from ``starts[g]`` to
    ``starts[g + 1]``. Pair p counts the neighbours ``pairs[p, 1]`` of the references
    ``pairs[p, 0]``; its reference k adds to row ``first_row[p] + block * n_parts[p] +
    part[part_starts[p] + k]`` of the counts.
    """

    atoms: NDArray[np.int64]
    starts: NDArray[np.int64]
    pairs: NDArray[np.int64]
    part: NDArray[np.int64]
    part_starts: NDArray[np.int64]
    first_row: NDArray[np.int64]
    n_parts: NDArray[np.int64]


def select(
    pairs: Sequence[tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]],
    *,
    n_blocks: int,
) -> Selection:
    """Return pairs of groups of atoms as the compiled functions want them.

    Parameters
    ----------
    pairs : sequence of tuple
        For each pair the reference atoms, the neighbours, and the part of the references, from 0,
        that each belongs to. Groups that several pairs share are held once.
    n_blocks : int
        Blocks of frames.

    Examples
    --------
    >>> ions, water = np.array([4]), np.array([0, 2])
    >>> selection = select([(ions, water, np.array([0])), (ions, ions, np.array([0]))], n_blocks=5)
    >>> selection.atoms.tolist(), selection.pairs.tolist(), selection.first_row.tolist()
    ([4, 0, 2], [[0, 1], [0, 0]], [0, 5])
    """
    groups: dict[bytes, int] = {}
    atoms, numbers = list[NDArray[np.int64]](), list[tuple[int, int]]()
    for reference, neighbour, _ in pairs:
        both = []
        for group in (reference, neighbour):
            indices = np.ascontiguousarray(group, dtype=np.int64)
            if (key := indices.tobytes()) not in groups:
                groups[key] = len(atoms)
                atoms.append(indices)
            both.append(groups[key])
        numbers.append((both[0], both[1]))
    parts = [np.asarray(part, dtype=np.int64) for _, _, part in pairs]
    n_parts = np.array([part.max(initial=-1) + 1 for part in parts], dtype=np.int64)
    return Selection(
        atoms=_joined(atoms),
        starts=_starts(atoms),
        pairs=np.array(numbers, dtype=np.int64).reshape(-1, 2),
        part=_joined(parts),
        part_starts=_starts(parts),
        first_row=n_blocks * (np.cumsum(n_parts) - n_parts),
        n_parts=n_parts,
    )


def _joined(arrays: Sequence[NDArray[np.int64]]) -> NDArray[np.int64]:
    return np.concatenate([np.empty(0, dtype=np.int64), *arrays])


def _starts(arrays: Sequence[NDArray[np.int64]]) -> NDArray[np.int64]:
    return np.cumsum([0, *(len(array) for array in arrays)], dtype=np.int64)
