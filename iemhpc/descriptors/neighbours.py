"""Which atoms lie within a radius of which, by the nearest image, in boxes of any shape.

A vector shorter than half of every height of the box has fractional coordinates below one half,
so rounding them gives the nearest image exactly, however tilted the box is. Neighbours are sorted
into cells at least as wide as the radius, and only the cells around an atom are looked at.

Everything that is compiled together lies in this file, as numba's cache knows a function by the
file it stands in.
"""

import numpy as np
from numpy.typing import NDArray

from iemhpc.descriptors.kernel import compiled

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]


@compiled
def fractional(positions_A: NDArray[np.float32], atoms: Ints, inverse: Floats) -> Floats:
    """Return positions of some atoms in units of the box vectors, not wrapped."""
    found = np.empty((len(atoms), 3))
    for row in range(len(atoms)):
        for axis in range(3):
            total = 0.0
            for k in range(3):
                total += positions_A[atoms[row], k] * inverse[k, axis]
            found[row, axis] = total
    return found


@compiled
def cell_shape(vectors_A: Floats, inverse: Floats, radius_A: float, n_atoms: int) -> Ints:
    """Return the cells along each vector: no narrower than the radius, no more than the atoms."""
    most = int(np.ceil(n_atoms ** (1.0 / 3.0)))
    shape = np.ones(3, dtype=np.int64)
    for axis in range(3):
        # a column of the inverse is normal to two vectors, its length one over the height
        height_A = 1.0 / np.sqrt((inverse[:, axis] ** 2).sum())
        shape[axis] = max(1, min(most, int(height_A / radius_A)))
    return shape


@compiled
def _cell_of(place: Floats, shape: Ints, cell: Ints) -> int:
    for axis in range(3):
        inside = place[axis] - np.floor(place[axis])
        cell[axis] = min(int(inside * shape[axis]), shape[axis] - 1)
    return int((cell[0] * shape[1] + cell[1]) * shape[2] + cell[2])


@compiled
def sort_into_cells(places: Floats, shape: Ints) -> tuple[Ints, Ints]:
    """Return the rows of ``places`` by cell, and where each cell begins among them."""
    cell = np.empty(3, dtype=np.int64)
    key = np.empty(len(places), dtype=np.int64)
    begin = np.zeros(shape[0] * shape[1] * shape[2] + 1, dtype=np.int64)
    for row in range(len(places)):
        key[row] = _cell_of(places[row], shape, cell)
        begin[key[row] + 1] += 1
    begin = np.cumsum(begin)
    order, filled = np.empty(len(places), dtype=np.int64), begin[:-1].copy()
    for row in range(len(places)):
        order[filled[key[row]]] = row
        filled[key[row]] += 1
    return order, begin


@compiled
def cells_around(place: Floats, shape: Ints, around: Ints) -> int:
    """Write the distinct cells next to a place into ``around``; return how many they are."""
    cell = np.empty(3, dtype=np.int64)
    _cell_of(place, shape, cell)
    low, high = np.empty(3, dtype=np.int64), np.empty(3, dtype=np.int64)
    for axis in range(3):
        # with two cells or one, a step to the left and one to the right meet in the same cell
        low[axis] = cell[axis] - (1 if shape[axis] > 2 else 0)
        high[axis] = cell[axis] + (1 if shape[axis] > 1 else 0)
    n = 0
    for a in range(low[0], high[0] + 1):
        for b in range(low[1], high[1] + 1):
            for c in range(low[2], high[2] + 1):
                row = (a % shape[0]) * shape[1] + b % shape[1]
                around[n] = row * shape[2] + c % shape[2]
                n += 1
    return n


@compiled
def squared_distance_A2(one: Floats, other: Floats, vectors_A: Floats) -> float:
    """Return the squared distance of the nearest images of two places in units of the vectors."""
    a, b, c = other[0] - one[0], other[1] - one[1], other[2] - one[2]
    a, b, c = a - np.rint(a), b - np.rint(b), c - np.rint(c)
    # the rows of the box are those of a lower triangle
    x = a * vectors_A[0, 0] + b * vectors_A[1, 0] + c * vectors_A[2, 0]
    y = b * vectors_A[1, 1] + c * vectors_A[2, 1]
    z = c * vectors_A[2, 2]
    return float(x * x + y * y + z * z)


@compiled
def _fill_pairs(near: Floats, far: Floats, vectors_A: Floats, radius_A: float, found: Ints) -> int:
    inverse = np.linalg.inv(vectors_A)
    shape = cell_shape(vectors_A, inverse, radius_A, len(near))
    order, begin = sort_into_cells(near, shape)
    around = np.empty(27, dtype=np.int64)
    n_found = 0
    for row in range(len(far)):
        n_cells = cells_around(far[row], shape, around)
        for at in range(n_cells):
            for k in range(begin[around[at]], begin[around[at] + 1]):
                other = order[k]
                if squared_distance_A2(far[row], near[other], vectors_A) < radius_A * radius_A:
                    if n_found < len(found):
                        found[n_found] = row * len(near) + other
                    n_found += 1
    return n_found


def near_pairs(
    positions_A: NDArray[np.float32],
    vectors_A: Floats,
    *,
    reference: Ints,
    neighbour: Ints,
    radius_A: float,
) -> Ints:
    """Return which neighbours lie within a radius of which reference atoms.

    Parameters
    ----------
    positions_A : ndarray, shape (n_atoms, 3)
        Positions of one frame, wrapped or not.
    vectors_A : ndarray, shape (3, 3)
        Box vectors as rows; the radius is at most half the smallest height.
    reference, neighbour : ndarray of int
        Indices of the atoms, none in both.
    radius_A : float
        Distances below it count.

    Returns
    -------
    ndarray of int64
        Sorted: place in ``reference`` times the number of neighbours plus place in ``neighbour``.

    Examples
    --------
    Two atoms that meet across the boundary of a box of 10 Å:

    >>> places = np.array([[0.5, 0, 0], [9.5, 0, 0], [5, 5, 5]], dtype=np.float32)
    >>> near_pairs(
    ...     places, 10.0 * np.eye(3), reference=np.array([0]), neighbour=np.array([1, 2]),
    ...     radius_A=2.0,
    ... ).tolist()
    [0]
    """
    if not len(reference) or not len(neighbour):
        return np.empty(0, dtype=np.int64)
    inverse = np.linalg.inv(vectors_A)
    near = fractional(positions_A, neighbour, inverse)
    far = fractional(positions_A, reference, inverse)
    found = np.empty(16 * len(reference), dtype=np.int64)
    n_found = _fill_pairs(near, far, vectors_A, radius_A, found)
    if n_found > len(found):
        found = np.empty(n_found, dtype=np.int64)
        _fill_pairs(near, far, vectors_A, radius_A, found)
    return np.sort(found[:n_found])


@compiled
def nearest_distances_A(
    positions_A: NDArray[np.float32],
    vectors_A: NDArray[np.float64],
    reference: Ints,
    neighbour: Ints,
) -> Floats:
    """Return how far the nearest neighbour of each reference atom is, frame by frame.

    Parameters
    ----------
    positions_A : ndarray, shape (n_frames, n_atoms, 3)
        Positions.
    vectors_A : ndarray, shape (n_frames, 3, 3)
        Box vectors as rows. Beyond half the smallest height the nearest may be one that is not.
    reference, neighbour : ndarray of int
        Indices of the atoms, none in both.

    Returns
    -------
    ndarray, shape (n_frames, n_reference)
        Infinite where there is no neighbour.
    """
    found = np.full((len(positions_A), len(reference)), np.inf)
    for frame in range(len(positions_A)):
        vectors = vectors_A[frame]
        inverse = np.linalg.inv(vectors)
        near = fractional(positions_A[frame], neighbour, inverse)
        far = fractional(positions_A[frame], reference, inverse)
        for row in range(len(reference)):
            for other in range(len(neighbour)):
                squared_A2 = squared_distance_A2(far[row], near[other], vectors)
                found[frame, row] = min(found[frame, row], squared_A2)
    return np.sqrt(found)


@compiled
def _root_of(parent: Ints, image: Ints, row: int) -> int:
    """Return the root of a tree; afterwards the atom hangs on it, with the image it lies in."""
    root = row
    total = np.zeros(3, dtype=np.int64)
    while parent[root] != root:
        total += image[root]
        root = parent[root]
    while parent[row] != root and row != root:
        above, step = parent[row], image[row].copy()
        parent[row] = root
        image[row] = total
        total -= step
        row = above
    return int(root)


@compiled
def join_near(places: Floats, vectors_A: Floats, radius_A: float) -> tuple[Ints, bool]:
    """Join all places within a radius; return a root for each, and whether a tree spans the box.

    Each place remembers through which images the way from its root led. Two ways that arrive in
    different images close a path around the box.
    """
    n = len(places)
    shape = cell_shape(vectors_A, np.linalg.inv(vectors_A), radius_A, n)
    order, begin = sort_into_cells(places, shape)
    parent, size = np.arange(n), np.ones(n, dtype=np.int64)
    # an atom lies, seen from its root, in this image more than its own place says
    image = np.zeros((n, 3), dtype=np.int64)
    around, step = np.empty(27, dtype=np.int64), np.empty(3, dtype=np.int64)
    is_spanning = False
    for one in range(n):
        n_cells = cells_around(places[one], shape, around)
        for at in range(n_cells):
            for k in range(begin[around[at]], begin[around[at] + 1]):
                other = order[k]
                if other <= one:
                    continue
                if squared_distance_A2(places[one], places[other], vectors_A) >= radius_A**2:
                    continue
                root, far_root = _root_of(parent, image, one), _root_of(parent, image, other)
                for axis in range(3):
                    nearest = -np.rint(places[other, axis] - places[one, axis])
                    # where ``other`` lies by this way, less where it lies in its own tree
                    step[axis] = image[one, axis] + int(nearest) - image[other, axis]
                if root == far_root:
                    is_spanning |= bool(step[0] != 0 or step[1] != 0 or step[2] != 0)
                elif size[root] >= size[far_root]:
                    parent[far_root], size[root] = root, size[root] + size[far_root]
                    image[far_root] = step
                else:
                    parent[root], size[far_root] = far_root, size[root] + size[far_root]
                    image[root] = -step
    for row in range(n):
        parent[row] = _root_of(parent, image, row)
    return parent, is_spanning
