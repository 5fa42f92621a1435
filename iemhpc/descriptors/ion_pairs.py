"""How many counter-ions sit at a site, one water away from it, or free.

What is kept is a histogram of the distance to the nearest site, block by block: from it the three
populations follow at any radii, so also at those that are known only once g(r) is.
"""

from dataclasses import dataclass, field
from typing import Self

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d

from iemhpc.descriptors.frames import Frames
from iemhpc.descriptors.neighbours import nearest_distances_A
from iemhpc.descriptors.rdf import Radial
from iemhpc.descriptors.uncertainty import is_converged, is_frozen

BLOCKS = 20
BIN_A = 0.01
R_MAX_A = 12.0
WATER_A = 2.8
"""Diameter of a water molecule: what a solvent-separated pair has more than one in contact."""
SMEAR_A = 0.15
"""Width of the Gaussian that smooths g(r) before its second minimum is looked for."""
SECOND_SHELL_A = (1.0, 4.0)
"""The second minimum lies so far beyond the first."""
SEEN = 4.5
"""The second peak stands out of the second minimum by so many standard deviations."""

Floats = NDArray[np.float64]


@dataclass(slots=True, kw_only=True)
class NearestSites:
    """An observer of how far each counter-ion is from its nearest site."""

    ions: NDArray[np.int64]
    """Indices of the counter-ions."""
    sites: NDArray[np.int64]
    """Indices of the tethered sites."""
    n_frames: int
    """Frames of the whole trajectory."""
    smallest_half_A: float = np.inf
    """Half the smallest height of a box so far: distances beyond it are not certain."""
    counts: NDArray[np.int64] = field(
        default_factory=lambda: np.zeros((BLOCKS, round(R_MAX_A / BIN_A) + 1), dtype=np.int64)
    )
    """Ions by block and distance; the last bin is everything beyond."""

    def add(self, frames: Frames) -> None:
        """Take the next frames in."""
        self.smallest_half_A = min(self.smallest_half_A, float(frames.heights_A.min()) / 2.0)
        if not len(self.ions) or not len(self.sites):
            return
        distances_A = nearest_distances_A(
            np.ascontiguousarray(frames.positions_A),
            np.ascontiguousarray(frames.vectors_A),
            self.ions,
            self.sites,
        )
        last = self.counts.shape[1] - 1
        bins = np.minimum(distances_A / BIN_A, last).astype(np.int64)
        block = frames.rank * BLOCKS // self.n_frames
        np.add.at(self.counts, (block[:, None], bins), 1)

    def join(self, later: Self) -> None:
        """Take in what the observer of the frames that follow has seen."""
        self.smallest_half_A = min(self.smallest_half_A, later.smallest_half_A)
        self.counts = self.counts + later.counts


@dataclass(frozen=True, slots=True, kw_only=True)
class Populations:
    """Fractions of the counter-ions; they add up to one."""

    fractions: dict[str, float] = field(default_factory=dict)
    """By state: contact, separated, free."""
    errors: dict[str, float | None] = field(default_factory=dict)
    """Standard errors from blocks; None where nothing changed from block to block."""
    is_converged: bool = True
    """Whether the errors stay as they are when blocks are made longer."""
    reason: str | None = None
    """Why there are none: no_atoms or beyond_box."""


def populations(
    nearest: NearestSites, *, contact_radius_A: float, separated_radius_A: float
) -> Populations:
    """Return how many counter-ions are in which state.

    Parameters
    ----------
    nearest : NearestSites
        After the pass.
    contact_radius_A, separated_radius_A : float
        Ends of the first two shells of a site; rounded to 0.01 Å.
    """
    per_block = nearest.counts.sum(axis=1)
    if not per_block.sum():
        return Populations(reason="no_atoms")
    if separated_radius_A > min(nearest.smallest_half_A, R_MAX_A):
        return Populations(reason="beyond_box")
    counts = nearest.counts[per_block > 0]
    inside = np.cumsum(counts, axis=1) / counts.sum(axis=1, keepdims=True)
    contact = inside[:, round(contact_radius_A / BIN_A) - 1]
    separated = inside[:, round(separated_radius_A / BIN_A) - 1]
    by_block = {"contact": contact, "separated": separated - contact, "free": 1.0 - separated}
    weights = counts.sum(axis=1)
    return Populations(
        fractions={s: float(np.average(v, weights=weights)) for s, v in by_block.items()},
        errors={state: block_error(values) for state, values in by_block.items()},
        is_converged=all(is_converged(v) for v in by_block.values() if np.ptp(v) > 0.0)
        and any(np.ptp(v) > 0.0 for v in by_block.values()),
    )


def block_error(by_block: Floats) -> float | None:
    """Return the standard error of the mean of blocks; None where it cannot be known.

    Examples
    --------
    >>> block_error(np.array([1.0, 2.0, 3.0])), block_error(np.array([1.0, 1.0]))
    (0.5773502691896258, None)
    """
    if len(by_block) < 2 or is_frozen(by_block):
        return None
    return float(by_block.std(ddof=1) / np.sqrt(len(by_block)))


def second_minimum_A(rdf: Radial, first_minimum_A: float) -> float | None:
    """Return where the second shell ends, or None where it does not stand out of the noise.

    Parameters
    ----------
    rdf : Radial
        Of the sites and the counter-ions.
    first_minimum_A : float
        Where the first shell ends.
    """
    width = SMEAR_A / rdf.bin_A
    counts = gaussian_filter1d(rdf.counts.astype(np.float64), width)
    ideal = gaussian_filter1d(rdf.ideal, width)
    g = counts / ideal
    low, high = (first_minimum_A + more for more in SECOND_SHELL_A)
    r_A = rdf.r_A
    if high > r_A[-1]:
        high = float(r_A[-1])
    span = np.flatnonzero((r_A > first_minimum_A) & (r_A < high))
    if len(span) < 3:
        return None
    shell = span[r_A[span] < (first_minimum_A + high) / 2.0]
    peak = int(shell[np.argmax(g[shell])])
    beyond = span[(span > peak) & (r_A[span] > low)]
    if not len(beyond):
        return None
    trough = int(beyond[np.argmin(g[beyond])])
    if trough == int(span[-1]):
        return None
    # a Gaussian over so many bins averages 2 sqrt(pi) widths of them
    n_averaged = 2.0 * np.sqrt(np.pi) * width
    noise = np.sqrt((g[peak] / ideal[peak] + g[trough] / ideal[trough]) / n_averaged)
    noise *= np.sqrt(rdf.dispersion)
    return float(r_A[trough]) if g[peak] - g[trough] > SEEN * noise else None
