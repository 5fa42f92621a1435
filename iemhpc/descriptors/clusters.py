"""Clusters of water: molecules joined by chains of O-O distances below a radius.

A cluster that meets its own image across the box spans it: then water has a way through the
membrane.
"""

from dataclasses import dataclass, field
from typing import Self

import numpy as np
from numpy.typing import NDArray

from iemhpc.descriptors.frames import Frames
from iemhpc.descriptors.neighbours import fractional, join_near

RADIUS_A = 3.5
"""End of the first shell of O around O in liquid water."""
MAX_FRAMES = 200
"""Frames looked at: clusters of neighbouring frames are alike, and counting them costs more than
all pairs of ions do."""

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class FrameClusters:
    """The clusters of one frame."""

    sizes: Ints
    """Molecules of each cluster, falling."""
    is_spanning: bool
    """Whether one of them meets its own image."""


@dataclass(slots=True, kw_only=True)
class WaterClusters:
    """An observer that counts clusters in evenly spaced frames."""

    oxygens: Ints
    """Indices of the water oxygens."""
    n_frames: int
    """Frames of the whole trajectory."""
    radius_A: float = RADIUS_A
    max_frames: int = MAX_FRAMES
    is_beyond_box: bool = False
    """Whether the radius exceeded half a height of a box."""
    ranks: list[int] = field(default_factory=list)
    """Frames looked at."""
    numbers: list[tuple[float, float, float, float, float, float]] = field(default_factory=list)
    """Of each: clusters, mean, weighted and largest size, largest fraction, spanning or not."""

    @property
    def stride(self) -> int:
        """One frame in so many is looked at."""
        return max(1, -(-self.n_frames // self.max_frames))

    def add(self, frames: Frames) -> None:
        """Take the next frames in."""
        self.is_beyond_box |= bool(self.radius_A > frames.heights_A.min() / 2.0)
        if self.is_beyond_box or not len(self.oxygens):
            return
        for frame in np.flatnonzero(frames.rank % self.stride == 0):
            found = find_clusters(
                frames.positions_A[frame], frames.vectors_A[frame], self.oxygens, self.radius_A
            )
            sizes = found.sizes.astype(np.float64)
            self.ranks.append(int(frames.rank[frame]))
            self.numbers.append(
                (
                    float(len(sizes)),
                    float(sizes.mean()),
                    float((sizes**2).sum() / sizes.sum()),
                    float(sizes[0]),
                    float(sizes[0] / sizes.sum()),
                    float(found.is_spanning),
                )
            )

    def join(self, later: Self) -> None:
        """Take in what the observer of the frames that follow has seen."""
        self.is_beyond_box |= later.is_beyond_box
        self.ranks += later.ranks
        self.numbers += later.numbers


def find_clusters(
    positions_A: NDArray[np.float32], vectors_A: Floats, atoms: Ints, radius_A: float
) -> FrameClusters:
    """Return the clusters of some atoms in one frame.

    Parameters
    ----------
    positions_A : ndarray, shape (n_atoms, 3)
        Positions, wrapped or not.
    vectors_A : ndarray, shape (3, 3)
        Box vectors as rows; the radius is at most half the smallest height.
    atoms : ndarray of int
        What may cluster.
    radius_A : float
        Distances below it join.

    Examples
    --------
    Three atoms in a row across the boundary of a box, and one apart:

    >>> row = np.array([[9.0, 0, 0], [1.0, 0, 0], [3.0, 0, 0], [6.0, 5, 5]], dtype=np.float32)
    >>> found = find_clusters(row, 10.0 * np.eye(3), np.arange(4), 2.5)
    >>> found.sizes.tolist(), found.is_spanning
    ([3, 1], False)
    """
    places = fractional(
        np.ascontiguousarray(positions_A), atoms, np.asarray(np.linalg.inv(vectors_A))
    )
    roots, is_spanning = join_near(places, np.ascontiguousarray(vectors_A), radius_A)
    sizes = np.bincount(roots)
    return FrameClusters(sizes=np.sort(sizes[sizes > 0])[::-1], is_spanning=bool(is_spanning))
