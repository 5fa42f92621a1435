r"""Which neighbour is at which ion from when to when, and how long such contacts survive.

A contact is a neighbour inside a fixed radius. What is kept is not frames but stays: a pair, the
frame in which it came and the one in which it was gone. With :math:`h(t)` one in contact and zero
out of it, all survival functions are

.. math:: S(t) = \frac{\sum h(t_0)\, h(t_0 + t)\, u(t_0, t)}{\sum h(t_0)}

over all origins :math:`t_0` for which :math:`t_0 + t` lies in the run. *Intermittent*: u = 1.
*Continuous*: u = 1 where the contact never broke between. *Tolerant*: u = 1 where it never broke
for longer than a tolerance (Impey, Madden and McDonald, J. Phys. Chem. 87, 5071, 1983).
"""

from dataclasses import dataclass, field
from itertools import pairwise
from typing import Self

import numpy as np
from numpy.typing import NDArray

from iemhpc.descriptors.frames import Frames
from iemhpc.descriptors.kernel import compiled
from iemhpc.descriptors.neighbours import ContactAtoms, follow_contacts

Ints = NDArray[np.int64]

STAY = np.dtype([("pair", np.int64), ("start", np.int32), ("end", np.int32)])
"""One stay: ion times the number of neighbours plus neighbour; first frame; first frame without."""

MAX_FRAMES = 20_000
"""Frames that are looked at, evenly spaced: what is remembered of a run has an end."""
LAGS = 60
"""Lags of a curve, at most; they grow geometrically."""


@dataclass(slots=True, kw_only=True)
class Contacts:
    """An observer that follows the contacts of each ion."""

    ions: Ints
    """Indices of the ions."""
    neighbours: Ints
    """Indices of what they may be in contact with; none of them an ion."""
    site: Ints | None = None
    """The site, from 0, that each neighbour is a part of: a contact with one of the oxygens of a
    sulfonate is one with the sulfonate. None: each is by itself."""
    radius_A: float
    """End of a contact."""
    n_frames: int
    """Frames of the whole trajectory."""
    max_frames: int = MAX_FRAMES
    is_beyond_box: bool = False
    """Whether the radius exceeded half a height of a box: then contacts are not certain."""
    _stays: list[NDArray[np.void]] = field(default_factory=list)
    _pairs: Ints = field(default_factory=lambda: np.empty(0, dtype=np.int64))
    _since: Ints = field(default_factory=lambda: np.empty(0, dtype=np.int64))
    _next: int = -1

    @property
    def stride(self) -> int:
        """One frame in so many is looked at; from here on it counts as one frame."""
        return max(1, -(-self.n_frames // self.max_frames))

    def add(self, frames: Frames) -> None:
        """Take the next frames in."""
        if not len(self.ions) or not len(self.neighbours):
            return
        if self.stride > 1:
            some = frames.rank % self.stride == 0
            if not some.any():
                return
            frames = Frames(
                rank=frames.rank[some] // self.stride,
                positions_A=frames.positions_A[some],
                vectors_A=frames.vectors_A[some],
            )
        self.is_beyond_box |= bool(self.radius_A > frames.heights_A.min() / 2.0)
        if self.is_beyond_box:
            return
        # a frame that does not follow the one before ends all contacts, and begins new ones
        seams = (np.flatnonzero(np.diff(frames.rank) != 1) + 1).tolist()
        for first, last in pairwise([0, *seams, len(frames.rank)]):
            self._follow(frames, slice(first, last))

    def _follow(self, frames: Frames, some: slice) -> None:
        rank = frames.rank[some]
        if rank[0] != self._next:
            self._stays.append(self._open_stays())
            self._pairs = self._since = np.empty(0, dtype=np.int64)
        site = np.arange(len(self.neighbours)) if self.site is None else self.site
        self._pairs, self._since, ended = follow_contacts(
            np.ascontiguousarray(frames.positions_A[some]),
            np.ascontiguousarray(frames.vectors_A[some]),
            int(rank[0]),
            ContactAtoms(
                ions=self.ions,
                neighbours=self.neighbours,
                site=np.asarray(site, dtype=np.int64),
                n_sites=self.n_sites,
                radius_A=self.radius_A,
            ),
            self._pairs,
            self._since,
        )
        self._next = int(rank[-1]) + 1
        self._stays.append(_stays(ended[:, 0], ended[:, 1], ended[:, 2]))

    def join(self, later: Self) -> None:
        """Take in what the observer of the frames that follow has seen."""
        self.is_beyond_box |= later.is_beyond_box
        self._stays += [self._open_stays(), *later._stays]
        self._pairs, self._since, self._next = later._pairs, later._since, later._next

    def stays(self) -> "Stays":
        """Return all stays; a stay over a seam between two pieces is one."""
        found = np.concatenate([np.empty(0, dtype=STAY), *self._stays, self._open_stays()])
        found = np.sort(found, order=("pair", "start"))
        goes_on = np.zeros(len(found), dtype=np.bool_)
        goes_on[1:] = (found["pair"][1:] == found["pair"][:-1]) & (
            found["start"][1:] == found["end"][:-1]
        )
        begins = np.flatnonzero(~goes_on)
        whole = found[begins].copy()
        whole["end"] = found["end"][np.append(begins[1:], len(found))[: len(begins)] - 1]
        return Stays(
            pair=whole["pair"].astype(np.int64),
            start=whole["start"].astype(np.int64),
            end=whole["end"].astype(np.int64),
            n_ions=len(self.ions),
            n_neighbours=self.n_sites,
            n_frames=-(-self.n_frames // self.stride),
        )

    @property
    def n_sites(self) -> int:
        """How many things an ion can be in contact with."""
        if self.site is None:
            return len(self.neighbours)
        return int(self.site.max(initial=-1)) + 1

    def _open_stays(self) -> NDArray[np.void]:
        return _stays(self._pairs, self._since, self._next)


def _stays(pairs: Ints, since: Ints, end: Ints | int) -> NDArray[np.void]:
    found = np.empty(len(pairs), dtype=STAY)
    found["pair"], found["start"], found["end"] = pairs, since, end
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Stays:
    """All contacts of a run, sorted by pair and start."""

    pair: Ints
    """Ion times ``n_neighbours`` plus neighbour or site, shape (n_stays,)."""
    start: Ints
    """First frame in contact."""
    end: Ints
    """First frame without, or the number of frames."""
    n_ions: int
    n_neighbours: int
    n_frames: int
    """Frames that were looked at."""

    @property
    def ion(self) -> Ints:
        """The ion of each stay."""
        return self.pair // max(self.n_neighbours, 1)

    @property
    def contacts_per_frame(self) -> float:
        """Mean number of contacts in a frame."""
        return float((self.end - self.start).sum()) / self.n_frames

    def spells(self, tolerance_frames: int) -> Ints:
        """Return a number for each stay, the same where the absence between was tolerated.

        Examples
        --------
        >>> stays = Stays(
        ...     pair=np.array([0, 0, 0]), start=np.array([0, 5, 20]), end=np.array([3, 10, 30]),
        ...     n_ions=1, n_neighbours=1, n_frames=30,
        ... )
        >>> stays.spells(0).tolist(), stays.spells(2).tolist()
        ([0, 1, 2], [0, 0, 1])
        """
        is_new = np.ones(len(self.pair), dtype=np.bool_)
        is_new[1:] = (self.pair[1:] != self.pair[:-1]) | (
            self.start[1:] - self.end[:-1] > tolerance_frames
        )
        return np.cumsum(is_new) - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Survival:
    """A survival function, ion by ion."""

    lags: Ints
    """In frames, from 0, rising, shape (n_lags,)."""
    kept: Ints
    """Contacts of an origin that are there a lag later, shape (n_ions, n_lags)."""
    of: Ints
    """Contacts of all origins that allow the lag, shape (n_ions, n_lags)."""

    def without(self, left_out: NDArray[np.bool_]) -> NDArray[np.float64]:
        """Return the survival function of all ions but some; NaN where there is no contact."""
        kept, of = self.kept[~left_out].sum(axis=0), self.of[~left_out].sum(axis=0)
        found = np.full(len(self.lags), np.nan)
        return np.asarray(np.divide(kept, of, out=found, where=of > 0))

    @property
    def values(self) -> NDArray[np.float64]:
        """The survival function of all ions."""
        return self.without(np.zeros(len(self.kept), dtype=np.bool_))


def survival(stays: Stays, kind: str, *, tolerance_frames: int = 0) -> Survival:
    """Return how contacts survive.

    Parameters
    ----------
    stays : Stays
        The contacts of a run.
    kind : {"continuous", "tolerant", "intermittent"}
        What may happen between the origin and the lag.
    tolerance_frames : int
        The longest absence, in frames, that is no end, where the kind is tolerant.

    Examples
    --------
    A contact that is there in every second frame:

    >>> even = np.arange(0, 10, 2)
    >>> stays = Stays(
    ...     pair=np.zeros(5, dtype=int), start=even, end=even + 1,
    ...     n_ions=1, n_neighbours=1, n_frames=10,
    ... )
    >>> for kind in ("continuous", "intermittent"):
    ...     print(survival(stays, kind).values[:5].tolist())
    [1.0, 0.0, 0.0, 0.0, 0.0]
    [1.0, 0.0, 1.0, 0.0, 1.0]
    """
    groups = {
        "continuous": np.arange(len(stays.pair)),
        "tolerant": stays.spells(tolerance_frames),
        "intermittent": stays.spells(stays.n_frames),
    }[kind]
    lags = lags_of(stays.n_frames)
    shape = (stays.n_ions, len(lags))
    kept, of = np.zeros(shape, dtype=np.int64), np.zeros(shape, dtype=np.int64)
    _overlap(groups, stays.ion, stays.start, stays.end, lags, stays.n_frames, kept, of)
    return Survival(lags=lags, kept=kept, of=of)


def lags_of(n_frames: int) -> Ints:
    """Return lags from 0 to the whole run that grow geometrically, in frames.

    Examples
    --------
    >>> lags_of(10).tolist()
    [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]
    """
    if n_frames < 2:
        return np.zeros(1, dtype=np.int64)
    grown = np.geomspace(1, n_frames - 1, LAGS)
    return np.unique(np.concatenate([[0], np.round(grown)])).astype(np.int64)


@compiled
def _overlap(
    groups: Ints,
    ion: Ints,
    start: Ints,
    end: Ints,
    lags: Ints,
    n_frames: int,
    kept: Ints,
    of: Ints,
) -> None:
    first = 0
    while first < len(groups):
        last = first + 1
        while last < len(groups) and groups[last] == groups[first]:
            last += 1
        for at in range(len(lags)):
            lag = lags[at]
            early, late = first, first
            while early < last and late < last:
                low = max(start[early], start[late] - lag)
                high = min(end[early], end[late] - lag)
                if high > low:
                    kept[ion[first], at] += high - low
                if end[early] < end[late] - lag:
                    early += 1
                else:
                    late += 1
            for row in range(first, last):
                of[ion[first], at] += max(0, min(end[row], n_frames - lag) - start[row])
        first = last


def lived_through(stays: Stays, *, tolerance_frames: int = 0) -> tuple[int, int, int]:
    """Return contacts of the first frame; how many never broke; how many are there at the end.

    Parameters
    ----------
    stays : Stays
        The contacts of a run.
    tolerance_frames : int
        The longest absence, in frames, that is no break.
    """
    at_start = stays.pair[stays.start == 0]
    is_last = stays.end == stays.n_frames
    spell = stays.spells(tolerance_frames)
    unbroken = np.intersect1d(spell[stays.start == 0], spell[is_last])
    return len(at_start), len(unbroken), len(np.intersect1d(at_start, stays.pair[is_last]))
