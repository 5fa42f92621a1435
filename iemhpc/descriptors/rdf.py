r"""From pair counts to the radial distribution function and the running coordination number.

.. math:: g(r) = \frac{\mathrm{count}(r)}{\mathrm{ideal}(r)}, \qquad
   \mathrm{ideal}(r) = N_\mathrm{frames} N_\mathrm{ref} N_\mathrm{neighbour}
   \langle 1/V \rangle\, v(r)

with v(r) the volume of the bin's shell. Inside a bin the neighbours are spread evenly over its
volume, so that counts grow linearly in r³.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from iemhpc.descriptors.pairs import PairCounts
from iemhpc.errors import TableError

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


def radial(
    counts: PairCounts, *, leave_out: int | None = None, leave_out_group: int | None = None
) -> Radial:
    """Add up the blocks of a pair: all, or all but one, or all without a group of reference atoms.

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
    pairs, n_reference = counts.counts[kept].sum(axis=0), counts.n_reference
    groups, sizes = counts.group_counts, counts.group_references
    if leave_out_group is not None and groups is not None and sizes is not None:
        pairs = pairs - groups[leave_out_group]
        n_reference -= int(sizes[leave_out_group])
    return Radial(
        edges_A=edges_A,
        counts=pairs,
        ideal=shells_A3 * inverse_volume * n_reference * counts.n_neighbour,
        n_observed=n_reference * int(frames.sum()),
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
        group_counts=counts.group_counts,
        group_references=counts.group_references,
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


@dataclass(frozen=True, slots=True, kw_only=True)
class PairRecord:
    """All that is stored of one pair of one run: enough to describe it without the trajectory."""

    counts: PairCounts
    elements: tuple[str, str]
    """Of reference and neighbour; empty where there are no atoms."""
    fixed_radius_A: float
    """Radius at which neighbours are counted whatever the minimum is."""
    site_convention: str
    """What a tethered site is."""
    contact_survival: float | None = None
    """Share of the contacts of the first frame that lasted the run; None: not followed."""


def rdf_rows(run_id: str, pair: str, record: PairRecord) -> pd.DataFrame:
    """Return the rows of ``rdf.parquet`` for one pair of one run."""
    counts = record.counts
    n_frames = int(counts.n_frames.sum())
    parts = [
        _split_rows(
            "time",
            counts.counts,
            n_frames=counts.n_frames,
            n_reference=counts.n_reference,
            mean_inverse_volume_A3=counts.mean_inverse_volume_A3,
        )
    ]
    if counts.group_counts is not None and counts.group_references is not None and n_frames:
        mean = float(counts.n_frames @ counts.mean_inverse_volume_A3) / n_frames
        parts.append(
            _split_rows(
                "reference",
                counts.group_counts,
                n_frames=n_frames,
                n_reference=counts.group_references,
                mean_inverse_volume_A3=mean,
            )
        )
    centres_A = (np.arange(counts.counts.shape[1]) + 0.5) * counts.bin_A
    rows = pd.concat(parts, ignore_index=True)
    return rows.assign(
        run_id=run_id,
        pair=pair,
        r_A=centres_A[rows["bin"].to_numpy()],
        bin_A=counts.bin_A,
        n_neighbour=counts.n_neighbour,
        elements="-".join(record.elements) if all(record.elements) else "",
        fixed_radius_A=record.fixed_radius_A,
        site_convention=record.site_convention,
        contact_survival=record.contact_survival,
    )


def _split_rows(
    split: str, counts: NDArray[np.int64], **of_block: NDArray[np.generic] | float
) -> pd.DataFrame:
    n_blocks, n_bins = counts.shape
    return pd.DataFrame(
        {
            "split": split,
            "block": np.repeat(np.arange(n_blocks, dtype=np.int32), n_bins),
            "bin": np.tile(np.arange(n_bins, dtype=np.int32), n_blocks),
            "count": counts.ravel(),
            **{k: np.repeat(np.broadcast_to(v, n_blocks), n_bins) for k, v in of_block.items()},
        }
    )


def records_from_rows(rows: pd.DataFrame) -> dict[str, PairRecord]:
    """Return what is stored of one run, by pair, from its rows of ``rdf.parquet``.

    Raises
    ------
    TableError
        Where bins of a block are missing or double.
    """
    return {str(pair): _record(mine) for pair, mine in rows.groupby("pair", sort=False)}


def _record(rows: pd.DataFrame) -> PairRecord:
    time, n_reference = _table_of(rows, "time")
    groups, group_references = _table_of(rows, "reference")
    one = rows.iloc[0]
    blocks = rows[(rows["split"] == "time") & (rows["bin"] == 0)].sort_values("block")
    survival = one["contact_survival"]
    first, _, second = str(one["elements"]).partition("-")
    return PairRecord(
        counts=PairCounts(
            counts=time,
            n_frames=blocks["n_frames"].to_numpy(dtype=np.int64),
            mean_inverse_volume_A3=blocks["mean_inverse_volume_A3"].to_numpy(dtype=np.float64),
            n_reference=int(n_reference[0]),
            n_neighbour=int(one["n_neighbour"]),
            bin_A=float(one["bin_A"]),
            group_counts=groups if len(groups) else None,
            group_references=group_references if len(groups) else None,
        ),
        elements=(first, second),
        fixed_radius_A=float(one["fixed_radius_A"]),
        site_convention=str(one["site_convention"]),
        contact_survival=None if pd.isna(survival) else float(survival),
    )


def _table_of(rows: pd.DataFrame, split: str) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    mine = rows[rows["split"] == split].sort_values(["block", "bin"])
    n_blocks, n_bins = (int(mine[name].nunique()) for name in ("block", "bin"))
    is_whole = (
        len(mine) == n_blocks * n_bins
        and (mine["bin"].to_numpy() == np.tile(np.arange(n_bins), n_blocks)).all()
    )
    if not is_whole or (split == "time" and mine.empty):
        one = rows.iloc[0]
        raise TableError(
            f"pair counts of run {one['run_id']}, {one['pair']}: {len(mine)} rows of split "
            f"{split!r}, wanted every bin of every block once; read the trajectory again with: "
            "iemhpc descriptors --fresh"
        )
    counts = mine["count"].to_numpy(dtype=np.int64).reshape(n_blocks, n_bins)
    return counts, mine["n_reference"].to_numpy(dtype=np.int64)[:: max(n_bins, 1)]
