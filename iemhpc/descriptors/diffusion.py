r"""How fast ions and water move: mean-square displacement, and diffusion where there is any.

.. math:: \langle |r(t_0 + t) - r(t_0)|^2 \rangle = 6 D t + c

Positions are unwrapped, less the drift of the centre of mass. Displacements over lags of 1 to 7
frames are taken from every frame, over 4 to 7 times 2, 4, 8 ... from every second, fourth, eighth
(the order-n algorithm of Frenkel and Smit): memory and time grow with the logarithm of the run.

In a membrane an ion is caged long before it diffuses, and a line drawn through the caged part is
no diffusion coefficient. So the fit ends at a fifth of the run, begins at the earliest lag from
which the displacement grows as the time to the power 1 (within 0.1; either half within 0.15), and
spans at least a factor of three; where there is no such lag, there is no coefficient. It spans no
more than a factor of ten: earlier lags, free flight before the cage, would weigh most, and where
one makes up for the other the power is 1 by chance.

A periodic box slows diffusion; the correction of Yeh and Hummer (J. Phys. Chem. B 108, 15873, 2004)
needs the viscosity, which is not known in a membrane, so coefficients are those of the box.
"""

from dataclasses import dataclass, field
from itertools import pairwise
from typing import NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from iemhpc.descriptors.frames import Frames
from iemhpc.descriptors.kernel import compiled
from iemhpc.descriptors.residence import groups_of

SLOTS = 8
"""Positions remembered at each level, a power of two."""
MAX_FOLLOWED = 500
"""Particles of a kind that are followed; more would say no more."""
LONGEST = 0.2
"""The fit ends at this part of the run: five origins that do not overlap."""
SHORTEST_SPAN = 3.0
LONGEST_SPAN = 10.0
"""The fit spans at least and at most this factor in time."""
EXPONENT_WITHIN = 0.1
HALF_WITHIN = 0.15
MIN_POINTS = 4

Ints = NDArray[np.int64]
Floats = NDArray[np.floating]


@dataclass(slots=True, kw_only=True)
class Displacements:
    """An observer of the mean-square displacements of several kinds of particles."""

    movers: dict[str, Ints]
    """Indices of the atoms that stand for each kind."""
    masses_g_mol: Floats
    """Of all atoms, for the centre of mass, shape (n_atoms,)."""
    n_frames: int
    """Frames of the whole trajectory."""
    is_wrapped: bool = False
    """Whether an atom jumped by half a box from a frame to the next: not unwrapped."""
    squares_A2: Floats = field(init=False)
    """Sums of squared displacements, shape (n_lags, n_groups)."""
    n_origins: Ints = field(init=False)
    """Pairs of frames with each lag, shape (n_lags,)."""
    _atoms: Ints = field(init=False)
    _group: Ints = field(init=False)
    _ring_A: Floats = field(init=False)
    _before: Floats = field(init=False)
    _next: int = -1
    _n_seen: int = 0

    def __post_init__(self) -> None:
        self.movers = {kind: _spread(atoms) for kind, atoms in self.movers.items()}
        self._atoms = np.concatenate([np.empty(0, dtype=np.int64), *self.movers.values()])
        groups, first = [np.empty(0, dtype=np.int64)], 0
        for atoms in self.movers.values():
            groups.append(first + groups_of(len(atoms)))
            first += len(set(groups[-1].tolist()))
        self._group = np.concatenate(groups)
        n_levels = len(self.lags) // (SLOTS // 2) - 1
        self._ring_A = np.zeros((n_levels, SLOTS, len(self._atoms), 3))
        self._before = np.zeros((len(self._atoms), 3))
        self.squares_A2 = np.zeros((len(self.lags), first))
        self.n_origins = np.zeros(len(self.lags), dtype=np.int64)

    @property
    def lags(self) -> Ints:
        """Lags in frames, by level: 0 to 7, then 4 to 7 times 2, 4, 8 ..."""
        return level_lags(self.n_frames)

    def add(self, frames: Frames) -> None:
        """Take the next frames in."""
        if not len(self._atoms) or self.is_wrapped:
            return
        followed = _Followed(
            atoms=self._atoms,
            group=self._group,
            ring_A=self._ring_A,
            before=self._before,
            squares_A2=self.squares_A2,
            n_origins=self.n_origins,
        )
        seams = (np.flatnonzero(np.diff(frames.rank) != 1) + 1).tolist()
        for first, last in pairwise([0, *seams, len(frames.rank)]):
            if frames.rank[first] != self._next:
                self._n_seen = 0  # displacements over a seam are not taken
            self._next = int(frames.rank[last - 1]) + 1
            self.is_wrapped |= bool(
                _take(
                    np.ascontiguousarray(frames.positions_A[first:last]),
                    np.linalg.inv(frames.vectors_A[first:last]),
                    self.masses_g_mol,
                    self._n_seen,
                    followed,
                )
            )
            self._n_seen += last - first

    def join(self, later: Self) -> None:
        """Take in what the observer of the frames that follow has seen."""
        self.is_wrapped |= later.is_wrapped
        self.squares_A2 = self.squares_A2 + later.squares_A2
        self.n_origins = self.n_origins + later.n_origins
        self._ring_A, self._before = later._ring_A, later._before
        self._next, self._n_seen = later._next, later._n_seen

    def curve(self, kind: str, *, frame_ps: float) -> "DisplacementCurve":
        """Return the mean-square displacement of one kind of particles."""
        names = list(self.movers)
        sizes = [len(atoms) for atoms in self.movers.values()]
        at = sum(sizes[: names.index(kind)])
        group = self._group[at : at + len(self.movers[kind])]
        first, last = (int(group.min()), int(group.max()) + 1) if len(group) else (0, 0)
        seen = (self.n_origins > 0) & (self.lags > 0)
        order = np.argsort(self.lags[seen], kind="stable")
        return DisplacementCurve(
            lag_ps=self.lags[seen][order] * frame_ps,
            squares_A2=self.squares_A2[seen][order][:, first:last],
            n_origins=self.n_origins[seen][order],
            n_particles=np.bincount(group - first, minlength=last - first),
            sampled_ps=(self.n_frames - 1) * frame_ps,
        )


def level_lags(n_frames: int) -> Ints:
    """Return the lags at which displacements are taken, in frames, level by level.

    Examples
    --------
    >>> level_lags(20).tolist()
    [0, 1, 2, 3, 4, 5, 6, 7, 8, 10, 12, 14, 16, 20, 24, 28]
    """
    lags = list(range(SLOTS))
    stride = 2
    while stride * SLOTS // 2 < n_frames:
        lags += [stride * slot for slot in range(SLOTS // 2, SLOTS)]
        stride *= 2
    return np.array(lags, dtype=np.int64)


def _spread(atoms: Ints) -> Ints:
    if len(atoms) <= MAX_FOLLOWED:
        return atoms
    return np.asarray(atoms[np.linspace(0, len(atoms) - 1, MAX_FOLLOWED).astype(np.int64)])


class _Followed(NamedTuple):
    """Who is followed, and what is remembered of them; written to in place."""

    atoms: Ints
    group: Ints
    """Of each particle, shape (n_particles,)."""
    ring_A: Floats
    """The last positions at each level, shape (n_levels, SLOTS, n_particles, 3)."""
    before: Floats
    """Positions in the frame before, in units of the box vectors."""
    squares_A2: Floats
    n_origins: Ints


@compiled
def _correlate(positions_A: Floats, n_seen: int, followed: _Followed) -> None:
    ring_A, group = followed.ring_A, followed.group
    squares_A2, n_origins = followed.squares_A2, followed.n_origins
    slots = ring_A.shape[1]
    for level in range(ring_A.shape[0]):
        stride = 1 << level
        if n_seen % stride:
            break
        now = n_seen // stride
        ring_A[level, now % slots] = positions_A
        for back in range(1 if level == 0 else slots // 2, min(slots, now + 1)):
            row = back if level == 0 else slots + (level - 1) * (slots // 2) + back - slots // 2
            before_A = ring_A[level, (now - back) % slots]
            for particle in range(len(positions_A)):
                x = positions_A[particle, 0] - before_A[particle, 0]
                y = positions_A[particle, 1] - before_A[particle, 1]
                z = positions_A[particle, 2] - before_A[particle, 2]
                squares_A2[row, group[particle]] += x * x + y * y + z * z
            n_origins[row] += 1


@compiled
def _take(
    positions_A: NDArray[np.float32],
    inverse: Floats,
    masses_g_mol: Floats,
    n_seen: int,
    followed: _Followed,
) -> bool:
    """Take in consecutive frames; return whether an atom jumped by half a box between two."""
    atoms, before = followed.atoms, followed.before
    is_wrapped = False
    now_A, centre_A, total = np.empty((len(atoms), 3)), np.empty(3), masses_g_mol.sum()
    for frame in range(len(positions_A)):
        here = positions_A[frame]
        centre_A[:] = 0.0
        for atom in range(len(here)):
            for axis in range(3):
                centre_A[axis] += masses_g_mol[atom] * here[atom, axis]
        for row in range(len(atoms)):
            for axis in range(3):
                place = 0.0
                for k in range(3):
                    place += here[atoms[row], k] * inverse[frame, k, axis]
                is_wrapped |= n_seen > 0 and abs(place - before[row, axis]) > 0.5
                before[row, axis] = place
                now_A[row, axis] = here[atoms[row], axis] - centre_A[axis] / total
        _correlate(now_A, n_seen, followed)
        n_seen += 1
    return is_wrapped


@dataclass(frozen=True, slots=True, kw_only=True)
class DisplacementCurve:
    """Mean-square displacements of one kind, by lag and group of particles."""

    lag_ps: Floats
    """Rising, shape (n_lags,)."""
    squares_A2: Floats
    """Sums over origins and particles, shape (n_lags, n_groups)."""
    n_origins: Ints
    """Pairs of frames, shape (n_lags,)."""
    n_particles: Ints
    """Particles of each group, shape (n_groups,)."""
    sampled_ps: float
    """Length of the run."""

    def without(self, group: int | None) -> Floats:
        """Return the mean-square displacement of all groups but one, Å²."""
        kept = np.arange(len(self.n_particles)) != (-1 if group is None else group)
        of = self.n_origins * self.n_particles[kept].sum()
        return np.asarray(self.squares_A2[:, kept].sum(axis=1) / of)

    @property
    def values_A2(self) -> Floats:
        """The mean-square displacement of all particles."""
        return self.without(None)

    @property
    def errors_A2(self) -> Floats | None:
        """Its standard error from leaving out particles; None with one particle."""
        n_groups = len(self.n_particles)
        if n_groups < 2:
            return None
        without = np.array([self.without(group) for group in range(n_groups)])
        return np.asarray(without.std(axis=0) * np.sqrt(n_groups - 1.0))


@dataclass(frozen=True, slots=True, kw_only=True)
class Diffusion:
    """A diffusion coefficient and the window of its fit."""

    A2_ps: float | None = None
    """Å²/ps; 0.1 of it is 1e-9 m²/s."""
    A2_ps_se: float | None = None
    exponent: float | None = None
    """Of the window; where there is none, of the latest lags that could be one."""
    fit_from_ps: float | None = None
    fit_to_ps: float | None = None
    reason: str | None = None
    """Why there is none: no_atoms, run_too_short or not_diffusive."""


def diffusion(curve: DisplacementCurve) -> Diffusion:
    """Return the diffusion coefficient that a mean-square displacement shows.

    Examples
    --------
    A straight line is a random walk:

    >>> lag_ps = np.arange(1.0, 21.0)
    >>> line = DisplacementCurve(
    ...     lag_ps=lag_ps, squares_A2=0.6 * lag_ps[:, None], n_origins=np.ones(20, dtype=int),
    ...     n_particles=np.array([1]), sampled_ps=100.0,
    ... )
    >>> found = diffusion(line)
    >>> round(found.A2_ps, 6), found.fit_from_ps, found.fit_to_ps, round(found.exponent, 6)
    (0.1, 2.0, 20.0, 1.0)
    """
    if not curve.n_particles.sum():
        return Diffusion(reason="no_atoms")
    last = int(np.searchsorted(curve.lag_ps, LONGEST * curve.sampled_ps * (1 + 1e-9), "right"))
    values_A2 = curve.values_A2
    starts = [
        first
        for first in range(last - MIN_POINTS + 1)
        if SHORTEST_SPAN
        <= curve.lag_ps[last - 1] / curve.lag_ps[first]
        <= LONGEST_SPAN * (1 + 1e-9)
    ]
    if not starts or not (values_A2[:last] > 0.0).all():
        return Diffusion(reason="run_too_short")
    for first in starts:
        if _is_diffusive(curve.lag_ps[first:last], values_A2[first:last]):
            return _fit(curve, first, last)
    late = slice(starts[-1], last)
    return Diffusion(
        exponent=_exponent(curve.lag_ps[late], values_A2[late]), reason="not_diffusive"
    )


def _is_diffusive(lag_ps: Floats, values_A2: Floats) -> bool:
    middle = int(np.searchsorted(lag_ps, np.sqrt(lag_ps[0] * lag_ps[-1])))
    halves = (slice(None, middle + 1), slice(max(middle - 1, 0), None))
    is_straight = abs(_exponent(lag_ps, values_A2) - 1.0) <= EXPONENT_WITHIN
    return is_straight and all(
        abs(_exponent(lag_ps[half], values_A2[half]) - 1.0) <= HALF_WITHIN for half in halves
    )


def _exponent(lag_ps: Floats, values_A2: Floats) -> float:
    return float(np.polyfit(np.log(lag_ps), np.log(values_A2), 1)[0])


def _fit(curve: DisplacementCurve, first: int, last: int) -> Diffusion:
    window = slice(first, last)
    lag_ps = curve.lag_ps[window]

    def slope(values_A2: Floats) -> float:
        # the error of a displacement grows as itself, so the late ones count less
        return float(np.polyfit(lag_ps, values_A2[window], 1, w=1.0 / values_A2[window])[0]) / 6.0

    n_groups = len(curve.n_particles)
    error = None
    if n_groups > 1:
        without = [slope(curve.without(group)) for group in range(n_groups)]
        error = float(np.std(without) * np.sqrt(n_groups - 1.0))
    return Diffusion(
        A2_ps=slope(curve.values_A2),
        A2_ps_se=error,
        exponent=_exponent(lag_ps, curve.values_A2[window]),
        fit_from_ps=float(lag_ps[0]),
        fit_to_ps=float(lag_ps[-1]),
    )
