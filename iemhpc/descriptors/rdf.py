r"""From pair counts to the radial distribution function and the running coordination number.

.. math:: g(r) = \frac{\mathrm{count}(r)}{\mathrm{ideal}(r)}, \qquad
   \mathrm{ideal}(r) = N_\mathrm{frames} N_\mathrm{ref} N_\mathrm{neighbour}
   \langle 1/V \rangle\, v(r)

with v(r) the volume of the bin's shell. Inside a bin the neighbours are spread evenly over its
volume, so that counts grow linearly in r³.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from iemhpc.descriptors.pairs import PairCounts
from iemhpc.tables.descriptors import PAIRS

MIN_FREE = 3
"""Degrees of freedom below which scatter cannot be measured."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Radial:
    """A histogram of distances and the one that an ideal gas would have."""

    edges_A: NDArray[np.float64]
    """Edges of the bins, shape (n_bins + 1,)."""
    counts: NDArray[np.int64]
    """Pairs found, shape (n_bins,)."""
    ideal: NDArray[np.float64]
    """Pairs that an ideal gas of the same density would show, shape (n_bins,)."""
    n_observed: int
    """Reference atoms times frames."""
    dispersion: float = 1.0
    """Variance of the counts over that of Poisson numbers; more where frames are alike."""

    @property
    def r_A(self) -> NDArray[np.float64]:
        """Centres of the bins."""
        return np.asarray((self.edges_A[1:] + self.edges_A[:-1]) / 2.0)

    @property
    def bin_A(self) -> float:
        """Width of a bin."""
        return float(self.edges_A[1] - self.edges_A[0])

    @property
    def g(self) -> NDArray[np.float64]:
        """The radial distribution function, averaged over each bin."""
        return self.counts / self.ideal


def radial(counts: PairCounts, *, leave_out: int | None = None) -> Radial:
    """Add up the blocks of a pair, all of them or all but one.

    Examples
    --------
    A pair count as an ideal gas has it gives one everywhere.

    >>> shells_A3 = 4 / 3 * np.pi * np.diff(np.arange(0.0, 12.1, 2.0) ** 3)
    >>> counts = PairCounts(
    ...     counts=np.round(shells_A3 * 1000).astype(int)[None, :],
    ...     n_frames=np.array([100]), mean_inverse_volume_A3=np.array([1e-3]),
    ...     n_reference=10, n_neighbour=1000, bin_A=2.0,
    ... )
    >>> radial(counts).g.round(3).tolist()
    [1.0, 1.0, 1.0, 1.0, 1.0, 1.0]
    """
    kept = np.arange(len(counts.n_frames)) != (-1 if leave_out is None else leave_out)
    edges_A = counts.bin_A * np.arange(counts.counts.shape[1] + 1)
    shells_A3 = 4.0 / 3.0 * np.pi * np.diff(edges_A**3)
    frames = counts.n_frames[kept]
    inverse_volume = float(frames @ counts.mean_inverse_volume_A3[kept])
    return Radial(
        edges_A=edges_A,
        counts=counts.counts[kept].sum(axis=0),
        ideal=shells_A3 * inverse_volume * counts.n_reference * counts.n_neighbour,
        n_observed=counts.n_reference * int(frames.sum()),
        dispersion=dispersion(counts.counts[kept], frames),
    )


def dispersion(counts: NDArray[np.int64], n_frames: NDArray[np.int64]) -> float:
    """Return how much more the counts scatter between blocks than Poisson numbers would.

    Frames that follow each other closely show the same pairs, so that counts come in groups. It is
    the median over bins of chi squared per degree of freedom, and never less than one.

    Parameters
    ----------
    counts : ndarray of int, shape (n_blocks, n_bins)
        Pairs.
    n_frames : ndarray of int, shape (n_blocks,)
        Frames of each block.

    Examples
    --------
    Each frame written four times:

    >>> counts, n_frames = np.random.default_rng(1).poisson(30, size=(20, 200)), np.full(20, 10)
    >>> round(dispersion(counts, n_frames), 1), round(dispersion(4 * counts, n_frames), 1)
    (1.0, 4.0)
    """
    free = len(n_frames) - 1
    if free < MIN_FREE:
        return 1.0
    expected = n_frames[:, None] / n_frames.sum() * counts.sum(axis=0)
    is_filled = expected.mean(axis=0) >= 1.0
    if not is_filled.any():
        return 1.0
    seen, wanted = counts[:, is_filled], expected[:, is_filled]
    per_bin = ((seen - wanted) ** 2 / wanted).sum(axis=0) / free
    median_of_chi_squared = (1.0 - 2.0 / (9.0 * free)) ** 3  # Wilson and Hilferty, per freedom
    return max(1.0, float(np.median(per_bin)) / median_of_chi_squared)


def merge_blocks(counts: PairCounts, n_blocks: int) -> PairCounts:
    """Join neighbouring blocks into fewer, longer ones; ``n_blocks`` must divide their number."""
    each = len(counts.n_frames) // n_blocks
    frames = counts.n_frames.reshape(n_blocks, each)
    inverse_volume = counts.mean_inverse_volume_A3.reshape(n_blocks, each)
    return PairCounts(
        counts=counts.counts.reshape(n_blocks, each, -1).sum(axis=1),
        n_frames=frames.sum(axis=1),
        mean_inverse_volume_A3=(frames * inverse_volume).sum(axis=1) / frames.sum(axis=1),
        n_reference=counts.n_reference,
        n_neighbour=counts.n_neighbour,
        bin_A=counts.bin_A,
    )


def coordination_number(rdf: Radial, cutoff_A: float) -> float:
    """Count the neighbours inside ``cutoff_A``, per reference atom.

    Examples
    --------
    Water's density, no structure:

    >>> edges = np.linspace(0.0, 6.0, 121)
    >>> ideal = 0.0334 * 4 / 3 * np.pi * np.diff(edges**3) * 1e6
    >>> flat = Radial(
    ...     edges_A=edges, counts=ideal.round().astype(int), ideal=ideal, n_observed=1_000_000
    ... )
    >>> round(coordination_number(flat, 5.0), 2)
    17.49
    """
    at_edges = np.concatenate([[0.0], np.cumsum(rdf.counts) / rdf.n_observed])
    return float(np.interp(cutoff_A**3, rdf.edges_A**3, at_edges))


def rdf_rows(run_id: str, pair: str, counts: PairCounts) -> pd.DataFrame:
    """Return the rows of ``rdf.parquet`` for one pair of one run."""
    n_blocks, n_bins = counts.counts.shape
    return pd.DataFrame(
        {
            "run_id": run_id,
            "pair": pair,
            "block": np.repeat(np.arange(n_blocks, dtype=np.int32), n_bins),
            "bin": np.tile(np.arange(n_bins, dtype=np.int32), n_blocks),
            "r_A": np.tile((np.arange(n_bins) + 0.5) * counts.bin_A, n_blocks),
            "bin_A": counts.bin_A,
            "count": counts.counts.ravel(),
            "n_frames": np.repeat(counts.n_frames, n_bins),
            "n_reference": counts.n_reference,
            "n_neighbour": counts.n_neighbour,
            "mean_inverse_volume_A3": np.repeat(counts.mean_inverse_volume_A3, n_bins),
        }
    )


def counts_from_rows(rows: pd.DataFrame) -> dict[str, PairCounts]:
    """Return the pair counts of one run from its rows of ``rdf.parquet``."""
    return dict(_pairs_of(rows))


def _pairs_of(rows: pd.DataFrame) -> Iterator[tuple[str, PairCounts]]:
    for pair in PAIRS:
        mine = rows[rows["pair"] == pair].sort_values(["block", "bin"])
        if mine.empty:
            continue
        blocks = mine[mine["bin"] == 0]
        one = mine.iloc[0]
        yield (
            pair,
            PairCounts(
                counts=mine["count"].to_numpy(dtype=np.int64).reshape(len(blocks), -1),
                n_frames=blocks["n_frames"].to_numpy(dtype=np.int64),
                mean_inverse_volume_A3=blocks["mean_inverse_volume_A3"].to_numpy(dtype=np.float64),
                n_reference=int(one["n_reference"]),
                n_neighbour=int(one["n_neighbour"]),
                bin_A=float(one["bin_A"]),
            ),
        )
