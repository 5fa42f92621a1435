"""Which atoms lie within a radius of which, by the nearest image, in boxes of any shape.

A vector shorter than half of every height of the box has fractional coordinates below one half,
so rounding them gives the nearest image exactly, however tilted the box is. Neighbours are sorted
into cells at least as wide as the radius, and only the cells around an atom are looked at.

Everything that is compiled together lies in this file, as numba's cache knows a function by the
file it stands in.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from iemhpc.descriptors.kernel import compiled

Ints = NDArray[np.int64]
Floats = NDArray[np.floating]

FEW = 200
"""Up to so many neighbours, sorting them costs more than looking at all of them."""


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
def cell_shape(inverse: Floats, radius_A: float, n_atoms: int) -> Ints:
    """Return the cells along each vector: no narrower than the radius, no more than the atoms."""
    most = int(np.ceil(n_atoms ** (1.0 / 3.0)))
    shape = np.ones(3, dtype=np.int64)
    for axis in range(3):
        # a column of the inverse is normal to two vectors, its length one over the height
        height_A = 1.0 / np.sqrt((inverse[:, axis] ** 2).sum())
        shape[axis] = max(1, min(most, int(height_A / radius_A)))
    return shape


@compiled
def _step_of(place: float, n_cells: int) -> int:
    """Return the cell along one vector."""
    return min(int((place - np.floor(place)) * n_cells), n_cells - 1)


@compiled
def _around(step: int, n_cells: int) -> int:
    # a remainder is a division, which is slow where there are so many
    if step < 0:
        return step + n_cells
    return step - n_cells if step >= n_cells else step


@compiled
def sort_into_cells(places: Floats, shape: Ints) -> tuple[Ints, Ints]:
    """Return the rows of ``places`` by cell, and where each cell begins among them."""
    key = np.empty(len(places), dtype=np.int64)
    begin = np.zeros(shape[0] * shape[1] * shape[2] + 1, dtype=np.int64)
    for row in range(len(places)):
        cell = 0
        for axis in range(3):
            cell = cell * shape[axis] + _step_of(places[row, axis], shape[axis])
        key[row] = cell
        begin[cell + 1] += 1
    begin = np.cumsum(begin)
    order, filled = np.empty(len(places), dtype=np.int64), begin[:-1].copy()
    for row in range(len(places)):
        order[filled[key[row]]] = row
        filled[key[row]] += 1
    return order, begin


@compiled
def cells_around(places: Floats, row: int, shape: Ints, around: Ints) -> int:
    """Write the distinct cells next to a place into ``around``; return how many they are."""
    n = 0
    n_a, n_b, n_c = shape[0], shape[1], shape[2]
    a, b, c = (
        _step_of(places[row, 0], n_a),
        _step_of(places[row, 1], n_b),
        _step_of(places[row, 2], n_c),
    )
    # with two cells or one, a step to the left and one to the right meet in the same cell
    for da in range(-1 if n_a > 2 else 0, 2 if n_a > 1 else 1):
        line = _around(a + da, n_a) * n_b
        for db in range(-1 if n_b > 2 else 0, 2 if n_b > 1 else 1):
            column = (line + _around(b + db, n_b)) * n_c
            for dc in range(-1 if n_c > 2 else 0, 2 if n_c > 1 else 1):
                around[n] = column + _around(c + dc, n_c)
                n += 1
    return n


@compiled
def squared_distance_A2(
    ones: Floats, one: int, others: Floats, other: int, vectors_A: Floats
) -> float:
    """Return the squared distance of the nearest images of two places in units of the vectors."""
    a = others[other, 0] - ones[one, 0]
    b = others[other, 1] - ones[one, 1]
    c = others[other, 2] - ones[one, 2]
    a, b, c = a - np.floor(a + 0.5), b - np.floor(b + 0.5), c - np.floor(c + 0.5)
    # the rows of the box are those of a lower triangle
    x = a * vectors_A[0, 0] + b * vectors_A[1, 0] + c * vectors_A[2, 0]
    y = b * vectors_A[1, 1] + c * vectors_A[2, 1]
    z = c * vectors_A[2, 2]
    return float(x * x + y * y + z * z)


@compiled
def _fill_pairs(near: Floats, far: Floats, vectors_A: Floats, radius_A: float, found: Ints) -> int:
    shape = np.ones(3, dtype=np.int64)
    if len(near) > FEW:
        shape = cell_shape(np.linalg.inv(vectors_A), radius_A, len(near))
    order, begin = sort_into_cells(near, shape)
    around = np.empty(27, dtype=np.int64)
    n_found = 0
    for row in range(len(far)):
        n_cells = cells_around(far, row, shape, around)
        for at in range(n_cells):
            for k in range(begin[around[at]], begin[around[at] + 1]):
                other = order[k]
                if squared_distance_A2(far, row, near, other, vectors_A) < radius_A * radius_A:
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
    return _sorted_pairs(
        np.ascontiguousarray(positions_A),
        np.ascontiguousarray(vectors_A),
        reference,
        neighbour,
        radius_A,
    )


@compiled
def _sorted_pairs(
    positions_A: NDArray[np.float32],
    vectors_A: Floats,
    reference: Ints,
    neighbour: Ints,
    radius_A: float,
) -> Ints:
    inverse = np.linalg.inv(vectors_A)
    near = fractional(positions_A, neighbour, inverse)
    far = fractional(positions_A, reference, inverse)
    found = np.empty(16 * len(reference), dtype=np.int64)
    n_found = _fill_pairs(near, far, vectors_A, radius_A, found)
    if n_found > len(found):
        found = np.empty(n_found, dtype=np.int64)
        _fill_pairs(near, far, vectors_A, radius_A, found)
    return np.sort(found[:n_found])


class ContactAtoms(NamedTuple):
    """Between whom contacts are followed."""

    ions: Ints
    """Indices of the ions."""
    neighbours: Ints
    """Indices of the others."""
    site: Ints
    """What each neighbour is a part of, from 0, shape (n_neighbours,)."""
    n_sites: int
    radius_A: float
    """Distances below it are contacts."""


@compiled
def follow_contacts(
    positions_A: NDArray[np.float32],
    vectors_A: Floats,
    first_rank: int,
    atoms: ContactAtoms,
    open_pairs: Ints,
    open_since: Ints,
) -> tuple[Ints, Ints, Ints]:
    """Follow contacts over consecutive frames.

    Parameters
    ----------
    positions_A, vectors_A : ndarray, shape (n_frames, n_atoms, 3) and (n_frames, 3, 3)
        The frames.
    first_rank : int
        Rank of the first of them.
    atoms : ContactAtoms
        Between whom.
    open_pairs, open_since : ndarray of int
        Contacts of the frame before: ion times ``n_sites`` plus site, sorted, and when they began.

    Returns
    -------
    open_pairs, open_since : ndarray of int
        Those of the last frame.
    ended : ndarray of int, shape (n_ended, 3)
        Contacts that ended: pair, first frame, first frame without.
    """
    n_neighbours, n_sites = len(atoms.neighbours), atoms.n_sites
    ended, n_ended = np.empty((64, 3), dtype=np.int64), 0
    for frame in range(len(positions_A)):
        near = _sorted_pairs(
            positions_A[frame], vectors_A[frame], atoms.ions, atoms.neighbours, atoms.radius_A
        )
        for row in range(len(near)):
            ion = near[row] // n_neighbours
            near[row] = ion * n_sites + atoms.site[near[row] - ion * n_neighbours]
        # sites follow each other as their parts do, but nothing depends on it
        now = np.unique(near)
        since = np.full(len(now), first_rank + frame, dtype=np.int64)
        row = 0
        for old in range(len(open_pairs)):
            while row < len(now) and now[row] < open_pairs[old]:
                row += 1
            if row < len(now) and now[row] == open_pairs[old]:
                since[row] = open_since[old]
                continue
            if n_ended == len(ended):
                ended = np.concatenate((ended, np.empty_like(ended)))
            ended[n_ended, 0] = open_pairs[old]
            ended[n_ended, 1] = open_since[old]
            ended[n_ended, 2] = first_rank + frame
            n_ended += 1
        open_pairs, open_since = now, since
    return open_pairs, open_since, ended[:n_ended].copy()


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
                squared_A2 = squared_distance_A2(far, row, near, other, vectors)
                found[frame, row] = min(found[frame, row], squared_A2)
    return np.asarray(np.sqrt(found))


@compiled
def _root_of(parent: Ints, image: Ints, row: int) -> int:
    """Return the root of a tree; afterwards the place hangs on it, with the image it lies in."""
    if parent[parent[row]] == parent[row]:
        return int(parent[row])
    root, a, b, c = row, 0, 0, 0
    while parent[root] != root:
        a, b, c = a + image[root, 0], b + image[root, 1], c + image[root, 2]
        root = parent[root]
    while parent[row] != root:
        above = parent[row]
        x, y, z = image[row, 0], image[row, 1], image[row, 2]
        parent[row], image[row, 0], image[row, 1], image[row, 2] = root, a, b, c
        a, b, c = a - x, b - y, c - z
        row = above
    return int(root)


@compiled
def join_near(places: Floats, vectors_A: Floats, radius_A: float) -> tuple[Ints, bool]:
    """Join all places within a radius; return their roots and whether a tree spans the box.

    Roots are in the order of cells, not of the places. Each place remembers through which images
    the way from its root led; two ways that arrive in different images close a path around the box.
    """
    n = len(places)
    shape = cell_shape(np.linalg.inv(vectors_A), radius_A, n)
    order, begin = sort_into_cells(places, shape)
    places = places[order]
    parent, size = np.arange(n), np.ones(n, dtype=np.int64)
    # an atom lies, seen from its root, in this image more than its own place says
    image = np.zeros((n, 3), dtype=np.int64)
    around, step = np.empty(27, dtype=np.int64), np.empty(3, dtype=np.int64)
    is_spanning = False
    for one in range(n):
        n_cells = cells_around(places, one, shape, around)
        for at in range(n_cells):
            # sorted by cell: what comes later has not been looked at from the other side
            for other in range(max(begin[around[at]], one + 1), begin[around[at] + 1]):
                if squared_distance_A2(places, one, places, other, vectors_A) >= radius_A**2:
                    continue
                root, far_root = _root_of(parent, image, one), _root_of(parent, image, other)
                is_elsewhere = False
                for axis in range(3):
                    nearest = -np.rint(places[other, axis] - places[one, axis])
                    # where ``other`` lies by this way, less where it lies in its own tree
                    step[axis] = image[one, axis] + int(nearest) - image[other, axis]
                    is_elsewhere |= step[axis] != 0
                if root == far_root:
                    is_spanning |= is_elsewhere
                    continue
                sign = 1
                if size[root] < size[far_root]:
                    root, far_root, sign = far_root, root, -1
                parent[far_root] = root
                size[root] += size[far_root]
                for axis in range(3):
                    image[far_root, axis] = sign * step[axis]
    for row in range(n):
        parent[row] = _root_of(parent, image, row)
    return parent, is_spanning
