"""How the pairs of some frames are counted: the fastest way for so many atoms in such a box.

With few neighbours it is fastest to look at all of them. In a large box most are out of range, and
all pairs read one list of cells: columns as wide as the range, each cut into slices of 1.5 Å that
follow each other in memory. Finding the runs of a reference atom costs as much as looking at some
1,500 neighbours (``SEARCH``), sorting an atom into its cell as looking at ten (``SORTING``):
measured at the density of water. The ratio of the two ways was

=========  =====  =====  =====  =====  =====  ======
box, Å       30     40     50     60     80     101
=========  =====  =====  =====  =====  =====  ======
to 12 Å     0.7    0.9    1.4    2.2    5.1     9.7
to 6 Å      0.7    1.3    2.4    4.2    9.2
=========  =====  =====  =====  =====  =====  ======

and the rule takes the faster way in each of these.
"""

import numpy as np
from numpy.typing import NDArray

from iemhpc.descriptors.frames import Frames
from iemhpc.descriptors.kernel import count_all, count_in_cells
from iemhpc.descriptors.selection import Selection

SLICE_A = 1.5
SEARCH = 1500.0
SORTING = 10.0


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
    inverse = np.ascontiguousarray(np.linalg.inv(vectors_A), dtype=np.float64)
    heights_A = frames.heights_A.mean(axis=0)
    reach_A = counts.shape[1] * bin_A
    if cells_pay(selection, heights_A, reach_A):
        grid = choose_grid(selection, heights_A, reach_A)
        count_in_cells(positions_A, vectors_A, inverse, block, selection, bin_A, grid, counts)
    else:
        count_all(positions_A, vectors_A, inverse, block, selection, bin_A, counts)


def choose_grid(
    selection: Selection, heights_A: NDArray[np.float64], reach_A: float
) -> NDArray[np.int64]:
    """Return how many cells there are along each box vector: no more than atoms.

    Examples
    --------
    >>> from iemhpc.descriptors.selection import select
    >>> atoms = np.arange(32000)
    >>> water = select([(atoms, atoms, np.zeros(32000, dtype=int))], n_blocks=20)
    >>> choose_grid(water, np.full(3, 101.0), 12.0).tolist()
    [8, 8, 67]
    """
    columns = np.maximum(1, heights_A[:2] // reach_A)
    largest = np.diff(selection.starts).max(initial=1)
    n_slices = min(heights_A[2] // SLICE_A, largest // columns.prod())
    return np.array([*columns, max(1, n_slices)], dtype=np.int64)


def cells_pay(selection: Selection, heights_A: NDArray[np.float64], reach_A: float) -> bool:
    """Tell whether cells are faster than looking at all neighbours.

    Parameters
    ----------
    selection : Selection
        Atoms and pairs.
    heights_A : ndarray, shape (3,)
        Heights of the box.
    reach_A : float
        Where the histograms end.

    Examples
    --------
    Eighty references among the waters of a box of 40 Å, and sixteen times as many of both:

    >>> from iemhpc.descriptors.selection import select
    >>> def pair(n_reference, n_neighbour):
    ...     part = np.zeros(n_reference, dtype=int)
    ...     return select([(np.arange(n_reference), np.arange(n_neighbour), part)], n_blocks=20)
    >>> cells_pay(pair(80, 2000), np.full(3, 40.0), 12.0)
    False
    >>> cells_pay(pair(1280, 32000), np.full(3, 101.0), 12.0)
    True
    """
    sizes = np.diff(selection.starts).astype(np.float64)
    reference, neighbour = selection.pairs.T
    # columns as wide as the range: three of them, and the range up and down
    share = np.minimum(1.0, np.array([3.0, 3.0, 2.0]) * reach_A / heights_A).prod()
    in_cells = sizes[reference] @ (SEARCH + share * sizes[neighbour])
    in_cells += SORTING * sizes[np.unique(neighbour)].sum()
    return bool(in_cells < sizes[reference] @ sizes[neighbour])
