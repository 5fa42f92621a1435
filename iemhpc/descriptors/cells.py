"""How the pairs of some frames are counted: the fastest way for as many atoms and such a box."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from iemhpc.descriptors.frames import Frames
from iemhpc.descriptors.kernel import Selection, count_all


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


def count(
    frames: Frames,
    block: NDArray[np.int64],
    *,
    selection: Selection,
    bin_A: float,
    counts: NDArray[np.int64],
) -> None:
    """Add the pairs of some frames to the counts.

    Parameters
    ----------
    frames : Frames
        Positions and boxes.
    block : ndarray of int64, shape (n_frames,)
        Block of each frame.
    selection : Selection
        Atoms and pairs.
    bin_A : float
        Width of a bin.
    counts : ndarray of int64, shape (n_rows, n_bins)
        Added to. An atom that is its own neighbour counts in bin 0.
    """
    positions_A = np.ascontiguousarray(frames.positions_A)
    vectors_A = np.ascontiguousarray(frames.vectors_A, dtype=np.float64)
    inverse = np.linalg.inv(vectors_A)
    count_all(positions_A, vectors_A, inverse, block, selection, bin_A, counts)
