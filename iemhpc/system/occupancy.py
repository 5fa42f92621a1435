"""How crowded a periodic cube is, on a grid, so that asking costs nothing as atoms become many.

Every atom adds :math:`(d_0 - r)^2` to the grid points within :math:`d_0` (an overlap), and, on a
coarser grid, :math:`1 - r/r_0` to those within :math:`r_0` (a crowd). A trial position reads both
between grid points by linear interpolation: one look-up, however many atoms are near.
"""

import numpy as np
from numpy.typing import NDArray

CLASH_A = 2.2
"""Atoms of different units closer than this count as an overlap, the more the closer."""

CROWD_RADIUS_A = 8.0
"""Atoms within this of a point make it crowded."""

_CLASH_SPACING_A = 0.5
_CROWD_SPACING_A = 2.5


class Occupancy:
    """Overlaps and crowding of a periodic cube, its lower corner the origin.

    Parameters
    ----------
    edge_A : float
        Edge of the cube.

    Examples
    --------
    >>> occupancy = Occupancy(30.0)
    >>> occupancy.add(np.array([[1.0, 1.0, 1.0]]))
    >>> points = np.array([[30.0, 1.0, 1.0], [1.0, 4.0, 1.0]])
    >>> occupancy.overlap(points).round(1).tolist()
    [1.4, 0.0]
    >>> occupancy.remove(np.array([[1.0, 1.0, 1.0]]))
    >>> bool(occupancy.overlap(points).max() < 1e-5)
    True
    """

    def __init__(self, edge_A: float) -> None:
        self._clash = _Grid(edge_A, spacing_A=_CLASH_SPACING_A, radius_A=CLASH_A)
        self._crowd = _Grid(edge_A, spacing_A=_CROWD_SPACING_A, radius_A=CROWD_RADIUS_A)

    def add(self, positions_A: NDArray[np.float64]) -> None:
        """Let atoms count, shape (n, 3); they may lie outside the cube."""
        self._add(positions_A, sign=1.0)

    def remove(self, positions_A: NDArray[np.float64]) -> None:
        """Let atoms that were added no longer count."""
        self._add(positions_A, sign=-1.0)

    def _add(self, positions_A: NDArray[np.float64], *, sign: float) -> None:
        points, distance_A = self._clash.around(positions_A)
        self._clash.add(points, sign * overlap_of(distance_A))
        points, distance_A = self._crowd.around(positions_A)
        self._crowd.add(points, sign * (1.0 - distance_A / CROWD_RADIUS_A))

    def overlap(self, positions_A: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the overlap at positions of shape (..., 3), Å²: of an atom put there."""
        return self._clash.read(positions_A)

    def crowding(self, positions_A: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return how many atoms are around positions of shape (..., 3), near ones more."""
        return self._crowd.read(positions_A)


def overlap_of(distance_A: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the overlap of two atoms at a distance, Å².

    Examples
    --------
    >>> overlap_of(np.array([1.2, 2.2, 5.0])).round(6).tolist()
    [1.0, 0.0, 0.0]
    """
    return np.asarray(np.clip(CLASH_A - distance_A, 0.0, None) ** 2)


class _Grid:
    """Values on the points of a periodic cubic grid."""

    def __init__(self, edge_A: float, *, spacing_A: float, radius_A: float) -> None:
        self._n = max(1, round(edge_A / spacing_A))
        self._spacing_A = edge_A / self._n
        self._values = np.zeros(self._n**3, dtype=np.float32)
        self._radius_A = radius_A
        reach = int(radius_A / self._spacing_A + 0.5)
        self._steps = np.arange(-reach, reach + 1)

    def around(
        self, positions_A: NDArray[np.float64]
    ) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """Return the grid points within the radius of any position, and their distances."""
        scaled = positions_A / self._spacing_A
        nearest = np.round(scaled)
        offset = (scaled - nearest)[:, None] - self._steps[:, None]
        x, y, z = np.moveaxis((self._spacing_A * offset) ** 2, -1, 0)
        squared = x[:, :, None, None] + y[:, None, :, None] + z[:, None, None, :]
        i, j, k = np.moveaxis(
            np.mod(nearest.astype(np.int64)[:, None] + self._steps[:, None], self._n), -1, 0
        )
        points = (i[:, :, None, None] * self._n + j[:, None, :, None]) * self._n
        points = points + k[:, None, None, :]
        near = squared < self._radius_A**2
        return points[near], np.sqrt(squared[near])

    def add(self, points: NDArray[np.int64], values: NDArray[np.float64]) -> None:
        np.add.at(self._values, points, values.astype(np.float32))

    def read(self, positions_A: NDArray[np.float64]) -> NDArray[np.float64]:
        scaled = positions_A / self._spacing_A
        corner = np.floor(scaled)
        share = scaled - corner
        total = np.zeros(positions_A.shape[:-1])
        low = np.mod(corner.astype(np.int64), self._n)
        both = np.stack([low, np.where(low + 1 == self._n, 0, low + 1)])
        weights = np.stack([1.0 - share, share])
        for x in (0, 1):
            for y in (0, 1):
                plane = weights[x, ..., 0] * weights[y, ..., 1]
                line = (both[x, ..., 0] * self._n + both[y, ..., 1]) * self._n
                for z in (0, 1):
                    total += plane * weights[z, ..., 2] * self._values[line + both[z, ..., 2]]
        return total
