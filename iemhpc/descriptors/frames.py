"""What every reader of trajectories gives and every observer of them takes: frames in step order.

A box is three vectors, the rows a, b, c of a lower-triangular matrix: a lies along x, b in the
plane of x and y. Counting needs the nearest image, which is certain within half the smallest
height of the box, whatever its tilt.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol, Self

import numpy as np
from numpy.typing import NDArray

from iemhpc.errors import TrajectoryError

ORTHOGONAL_WITHIN = 1e-5
"""Tilt, relative to the shortest edge, that is the rounding of a reader and no tilt."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Frames:
    """Consecutive frames of a trajectory, each once."""

    rank: NDArray[np.int64]
    """Place of each frame among all that count, in step order and rising, shape (n,)."""
    positions_A: NDArray[np.float32]
    """Positions, as unwrapped as the source has them, shape (n, n_atoms, 3)."""
    vectors_A: NDArray[np.float64]
    """Box vectors as rows a, b, c; zero above the diagonal, shape (n, 3, 3)."""

    @property
    def volume_A3(self) -> NDArray[np.float64]:
        """Volume of the box, shape (n,)."""
        return np.asarray(np.abs(np.linalg.det(self.vectors_A)))

    @property
    def edges_A(self) -> NDArray[np.float64]:
        """Lengths of the box vectors, shape (n, 3)."""
        return np.asarray(np.linalg.norm(self.vectors_A, axis=2))

    @property
    def heights_A(self) -> NDArray[np.float64]:
        """Distances between opposite faces, shape (n, 3); half the smallest bounds the range.

        Examples
        --------
        >>> tilted = Frames(
        ...     rank=np.arange(1), positions_A=np.zeros((1, 1, 3), dtype=np.float32),
        ...     vectors_A=np.array([[[10.0, 0, 0], [6.0, 8.0, 0], [0, 0, 12.0]]]),
        ... )
        >>> tilted.edges_A.round(6).tolist(), tilted.heights_A.round(6).tolist()
        ([[10.0, 10.0, 12.0]], [[8.0, 8.0, 12.0]])
        """
        a, b, c = (self.vectors_A[:, axis] for axis in range(3))
        areas_A2 = np.linalg.norm(
            np.stack([np.cross(b, c), np.cross(c, a), np.cross(a, b)], axis=1), axis=2
        )
        return np.asarray(self.volume_A3[:, None] / areas_A2)

    @property
    def is_orthogonal(self) -> bool:
        """Whether every box is right-angled, but for the rounding of its reader."""
        tilts_A = self.vectors_A * (1.0 - np.eye(3))
        return bool(np.abs(tilts_A).max(initial=0.0) <= ORTHOGONAL_WITHIN * self.edges_A.min())


class FrameSource(Protocol):
    """A trajectory whose frames that count are known before a coordinate is read."""

    @property
    def n_frames(self) -> int:
        """How many frames count."""

    @property
    def n_atoms(self) -> int:
        """Atoms of each frame."""

    @property
    def steps(self) -> NDArray[np.int64]:
        """Sorted steps of the frames that count, shape (n_frames,)."""

    @property
    def timestep_fs(self) -> float:
        """Time between two steps."""

    @property
    def sampled_ps(self) -> float:
        """Simulated time from the first frame to the last."""

    @property
    def notes(self) -> tuple[str, ...]:
        """What a person should know: overlaps, gaps, files cut short."""

    def chunks(self, first: int = 0, last: int | None = None) -> Iterator[Frames]:
        """Yield the frames of rank ``first`` up to before ``last``, in rising rank, checked."""


class Observer(Protocol):
    """What looks at every frame once and remembers little of it."""

    def add(self, frames: Frames) -> None:
        """Take the next frames in."""


class SharedObserver(Observer, Protocol):
    """An observer of a range of frames, which can take over what the next range's has seen."""

    def join(self, later: Self) -> None:
        """Take in what the observer of the frames that follow has seen."""


def one_pass(
    source: FrameSource,
    observers: Sequence[Observer],
    *,
    first: int = 0,
    last: int | None = None,
) -> None:
    """Show each frame to each observer; a trajectory is read once, however many they are.

    Parameters
    ----------
    source : FrameSource
        The trajectory.
    observers : sequence of Observer
        Each gets every frame once, in step order.
    first, last : int, optional
        Ranks of the first frame and of the one after the last; all frames by default.
    """
    for frames in source.chunks(first, last):
        for observer in observers:
            observer.add(frames)


def diagonal_vectors_A(edges_A: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the vectors of right-angled boxes.

    Parameters
    ----------
    edges_A : ndarray, shape (n, 3)
        Edges.

    Returns
    -------
    ndarray, shape (n, 3, 3)
    """
    return np.asarray(edges_A, dtype=np.float64)[:, :, None] * np.eye(3)


def vectors_from_angles_A(
    lengths_A: NDArray[np.floating], angles_deg: NDArray[np.floating]
) -> NDArray[np.float64]:
    """Return box vectors from lengths and angles, as DCD files hold them.

    Parameters
    ----------
    lengths_A : ndarray, shape (n, 3)
        Lengths of a, b and c.
    angles_deg : ndarray, shape (n, 3)
        Angles between b and c, c and a, a and b.

    Returns
    -------
    ndarray, shape (n, 3, 3)
        Not finite where the angles belong to no box.

    Examples
    --------
    >>> vectors_from_angles_A(np.array([[10.0, 10, 12]]), np.array([[90.0, 90, 60]]))[0].round(3)
    array([[10.  ,  0.  ,  0.  ],
           [ 5.  ,  8.66,  0.  ],
           [ 0.  ,  0.  , 12.  ]])
    """
    cosines = np.cos(np.deg2rad(np.asarray(angles_deg, dtype=np.float64)))
    cosines[np.abs(cosines) < ORTHOGONAL_WITHIN] = 0.0
    alpha, beta, gamma = cosines.T
    a, b, c = np.asarray(lengths_A, dtype=np.float64).T
    vectors = np.zeros((len(a), 3, 3))
    with np.errstate(invalid="ignore", divide="ignore"):
        sine = np.sqrt(1.0 - gamma**2)
        across = (alpha - beta * gamma) / sine
        vectors[:, 0, 0] = a
        vectors[:, 1, 0], vectors[:, 1, 1] = b * gamma, b * sine
        vectors[:, 2, 0], vectors[:, 2, 1] = c * beta, c * across
        vectors[:, 2, 2] = c * np.sqrt(1.0 - beta**2 - across**2)
    return vectors


def restrict(
    positions_A: NDArray[np.float32], vectors_A: NDArray[np.float64]
) -> tuple[NDArray[np.float32], NDArray[np.float64]]:
    """Turn frames so that a lies along x and b in the plane of x and y; distances stay.

    Parameters
    ----------
    positions_A : ndarray, shape (n, n_atoms, 3)
        Positions.
    vectors_A : ndarray, shape (n, 3, 3)
        Right-handed box vectors as rows, in any direction.

    Returns
    -------
    positions_A, vectors_A : ndarray
        The same arrays where nothing had to be turned.

    Raises
    ------
    TrajectoryError
        Where box vectors are left-handed: no rotation makes them restricted.
    """
    above = np.abs(vectors_A[:, (0, 0, 1), (1, 2, 2)]).max(initial=0.0)
    is_upright = (np.diagonal(vectors_A, axis1=1, axis2=2) > 0.0).all()
    if above <= ORTHOGONAL_WITHIN * 1e-3 and is_upright:
        return positions_A, vectors_A
    if (np.linalg.det(vectors_A) <= 0.0).any():
        frame = int(np.argmax(np.linalg.det(vectors_A) <= 0.0))
        raise TrajectoryError(
            f"frame {frame} of these: the box vectors are left-handed or span no volume; wanted "
            "right-handed a, b, c"
        )
    # vectors = restricted @ turned: the LQ decomposition, with rising signs
    turned, restricted = np.linalg.qr(vectors_A.transpose(0, 2, 1))
    signs = np.sign(np.diagonal(restricted, axis1=1, axis2=2))
    turned = turned * signs[:, None, :]
    lower = (restricted * signs[:, :, None]).transpose(0, 2, 1)
    lower[:, (0, 0, 1), (1, 2, 2)] = 0.0
    return np.asarray(positions_A @ turned, dtype=np.float32), np.asarray(lower)
