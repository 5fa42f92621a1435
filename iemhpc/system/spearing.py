"""Bonds that pass through rings: a chain caught so never gets free, and its box is worthless.

A ring is a fan of triangles about its centre; a bond that crosses one of them goes through
(Möller and Trumbore, J. Graphics Tools 2, 21 (1997), with both ends bounded).
"""

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

REACH_A = 4.0
"""Bonds whose middle is further than this from a ring's centre cannot cross it."""


def bonds_through_rings(
    positions_A: NDArray[np.float64],
    *,
    bonds: NDArray[np.int64],
    rings: list[tuple[int, ...]],
    box_A: NDArray[np.float64],
) -> list[tuple[int, int]]:
    """Return which bonds pass through which rings.

    Parameters
    ----------
    positions_A : ndarray, shape (n, 3)
        Ångström; distances are to the nearest image.
    bonds : ndarray, shape (m, 2)
        The two atoms of each bond.
    rings : list of tuples of int
        The atoms of each ring, in order around it.
    box_A : ndarray, shape (3,)
        Edges of the periodic box.

    Returns
    -------
    list of (bond, ring)
        Rows of ``bonds`` and places in ``rings``.

    Examples
    --------
    >>> angle = np.arange(6) * np.pi / 3
    >>> hexagon = np.column_stack([1.4 * np.cos(angle), 1.4 * np.sin(angle), np.zeros(6)])
    >>> atoms = np.vstack([hexagon, [[0.2, 0.1, -0.7]], [[0.2, 0.1, 0.7]]])
    >>> bonds_through_rings(
    ...     atoms, bonds=np.array([[6, 7]]), rings=[tuple(range(6))], box_A=np.full(3, 30.0)
    ... )
    [(0, 0)]
    """
    if not rings or not len(bonds):
        return []
    start = positions_A[bonds[:, 0]]
    along = _nearest(positions_A[bonds[:, 1]] - start, box_A)
    middle = np.mod(start + along / 2, box_A)
    # A number just below zero, taken modulo the edge, may round to the edge itself.
    tree = cKDTree(np.where(middle >= box_A, 0.0, middle), boxsize=box_A)
    found = []
    for number, ring in enumerate(rings):
        corners = positions_A[ring[0]] + _nearest(
            positions_A[list(ring)] - positions_A[ring[0]], box_A
        )
        centre = corners.mean(axis=0)
        wrapped = np.mod(centre, box_A)
        near = tree.query_ball_point(np.where(wrapped >= box_A, 0.0, wrapped), REACH_A)
        for bond in sorted(near):
            if set(bonds[bond].tolist()) & set(ring):
                continue
            begin = _nearest(middle[bond] - centre, box_A) - along[bond] / 2
            if _crosses(begin, along[bond], corners=corners - centre):
                found.append((int(bond), number))
    return found


def _nearest(vector_A: NDArray[np.float64], box_A: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(vector_A - box_A * np.round(vector_A / box_A))


def _crosses(
    begin: NDArray[np.float64], along: NDArray[np.float64], *, corners: NDArray[np.float64]
) -> bool:
    """Say whether a segment crosses one of the triangles (centre at 0, corner, next corner)."""
    first, second = corners, np.roll(corners, -1, axis=0)
    normal = np.cross(along, second)
    determinant = np.einsum("ij,ij->i", first, normal)
    flat = np.abs(determinant) < 1e-12
    inverse = 1.0 / np.where(flat, 1.0, determinant)
    u = normal @ begin * inverse
    across = np.cross(begin, first)
    v = across @ along * inverse
    t = np.einsum("ij,ij->i", across, second) * inverse
    inside = (u >= 0) & (v >= 0) & (u + v <= 1) & (t >= 0) & (t <= 1)
    return bool((inside & ~flat).any())
