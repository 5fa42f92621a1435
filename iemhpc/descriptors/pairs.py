"""How many pairs of atoms lie at which distance: whole-number counts per block and bin.

Distances are those of the nearest image in a right-angled box. Whole numbers, because they can be
added, cut into blocks and normalised afterwards without the trajectory.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from iemhpc.descriptors.conventions import BIN_A, R_MAX_A, check_site_convention
from iemhpc.descriptors.frames import Frames
from iemhpc.errors import TrajectoryError
from iemhpc.tables.descriptors import PAIRS

MIN_FRAMES = 5
"""One a block."""
MAX_GROUPS = 20
"""Groups of reference atoms whose pairs are told apart. Ions that hardly exchange differ for as
long as a run lasts, which blocks of its time cannot show."""

_DISTANCES_AT_ONCE = 1_000_000
"""Bounds the memory of the kernel to some 30 MB."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PairAtoms:
    """The two groups of atoms of one radial distribution function."""

    reference: NDArray[np.int64]
    """Indices, from 0, of the atoms whose neighbours are counted."""
    neighbour: NDArray[np.int64]
    """Indices of the neighbours."""
    elements: tuple[str, str]
    """Commonest element of either group; empty where the group is."""
    site: NDArray[np.int64] | None = None
    """Shape (n_reference,), from 0, never falling: the site that a reference atom belongs to, as
    the three oxygens of one sulfonate do. None: each is by itself."""

    @property
    def group(self) -> NDArray[np.int64]:
        """Group of each reference atom, at most ``MAX_GROUPS``; a site lies in one group.

        Examples
        --------
        Two sulfonates:

        >>> at = np.array([3, 4, 5, 20, 21, 22])
        >>> PairAtoms(
        ...     reference=at, neighbour=at, elements=("O", "O"), site=np.array([0, 0, 0, 1, 1, 1])
        ... ).group.tolist()
        [0, 0, 0, 1, 1, 1]
        """
        site = np.arange(len(self.reference)) if self.site is None else self.site
        n_sites = int(site[-1]) + 1 if len(site) else 0
        return np.asarray(site * min(n_sites, MAX_GROUPS) // max(n_sites, 1), dtype=np.int64)


@dataclass(frozen=True, slots=True, kw_only=True)
class PairCounts:
    """Pairs found, and what is needed to turn them into g(r)."""

    counts: NDArray[np.int64]
    """Pairs per block and bin, shape (n_blocks, n_bins)."""
    n_frames: NDArray[np.int64]
    """Frames per block, shape (n_blocks,)."""
    mean_inverse_volume_A3: NDArray[np.float64]
    """Mean of 1/V over the frames of each block, shape (n_blocks,)."""
    n_reference: int
    n_neighbour: int
    """Neighbours that one reference atom can have."""
    bin_A: float = BIN_A
    group_counts: NDArray[np.int64] | None = None
    """The same pairs over all frames, by group of reference atoms and bin, shape (n_groups,
    n_bins). None where they were not told apart."""
    group_references: NDArray[np.int64] | None = None
    """Reference atoms of each group, shape (n_groups,)."""


def pair_atoms(roles: pd.DataFrame, *, site_convention: str = "paper") -> dict[str, PairAtoms]:
    """Choose the atoms of the three pairs from a run's roles.

    Parameters
    ----------
    roles : DataFrame
        The rows of ``roles.parquet``, in the order of the trajectory.
    site_convention : {"paper", "center"}
        Whether a tethered site is its terminal oxygens (N where it is a cation) or its centre.
    """
    check_site_convention(site_convention)
    groups = {
        "counterion": _ion_centres(roles, "counterion"),
        "water": np.flatnonzero(roles["role"] == "water_oxygen"),
        "tethered": np.flatnonzero(roles[f"is_tethered_{site_convention}"]),
    }
    element = {name: _commonest(roles["element"].to_numpy()[at]) for name, at in groups.items()}
    pairs = {pair: pair.split("_", maxsplit=1) for pair in PAIRS}
    # the oxygens of one sulfonate follow each other in every file
    site = {"tethered": np.cumsum(np.diff(groups["tethered"], prepend=groups["tethered"][:1]) > 1)}
    return {
        pair: PairAtoms(
            reference=groups[a],
            neighbour=groups[b],
            elements=(element[a], element[b]),
            site=site.get(a),
        )
        for pair, (a, b) in pairs.items()
    }


def _ion_centres(roles: pd.DataFrame, role: str) -> NDArray[np.int64]:
    # An ion of several atoms counts once, at the heaviest element that it holds once: S of
    # sulfate, N of nitrate.
    at = np.flatnonzero(roles["role"] == role)
    ions = roles.iloc[at].assign(at=at)
    if not ions["molecule"].duplicated().any():
        return at
    centres = []
    for molecule, ion in ions.groupby("molecule"):
        single = ion[~ion["element"].duplicated(keep=False)]
        if single.empty:
            raise TrajectoryError(
                f"molecule {molecule} ({ion['residue'].iloc[0]}) has no element that it holds "
                f"once, so no centre to measure from; elements: {', '.join(ion['element'])}"
            )
        centres.append(int(single.sort_values("mass_g_mol")["at"].iloc[-1]))
    return np.array(centres, dtype=np.int64)


def _commonest(elements: NDArray[np.object_]) -> str:
    names, counts = np.unique(elements.astype(str), return_counts=True)
    return str(names[np.argmax(counts)]) if len(names) else ""


def count_pairs(
    frames: Iterable[Frames], pairs: Mapping[str, PairAtoms], *, n_frames: int
) -> dict[str, PairCounts]:
    """Count the pairs of all frames, in blocks of consecutive frames.

    Parameters
    ----------
    frames : iterable of Frames
        All frames of a trajectory, each once.
    pairs : mapping of str to PairAtoms
        What to count, by name.
    n_frames : int
        How many frames there will be.

    Returns
    -------
    dict of str to PairCounts
        By the names of ``pairs``. The histograms end at 12 Å, or at half the smallest box edge.

    Raises
    ------
    TrajectoryError
        Where there are fewer frames than blocks.
    """
    if n_frames < MIN_FRAMES:
        raise TrajectoryError(
            f"{n_frames} frames are too few for {MIN_FRAMES} blocks; make the production longer "
            "(sampling.production_ps) or the frames denser (sampling.frame_ps)"
        )
    n_blocks = block_number(n_frames)
    n_bins = round(R_MAX_A / BIN_A)
    group = {name: atoms.group for name, atoms in pairs.items()}
    sizes = {name: np.bincount(group[name]) for name in pairs}
    counts = {
        name: np.zeros((n_blocks, len(sizes[name]), n_bins), dtype=np.int64) for name in pairs
    }
    frames_in_block = np.zeros(n_blocks, dtype=np.int64)
    inverse_volume = np.zeros(n_blocks)
    smallest_edge_A = np.inf
    for chunk in frames:
        block = chunk.rank * n_blocks // n_frames
        frames_in_block += np.bincount(block, minlength=n_blocks)
        inverse_volume += np.bincount(block, weights=1.0 / chunk.volume_A3, minlength=n_blocks)
        smallest_edge_A = min(smallest_edge_A, float(chunk.heights_A.min()))
        for name, atoms in pairs.items():
            counts[name] += histogram(chunk, atoms, block=block, shape=counts[name].shape)
    n_usable = int(min(R_MAX_A, smallest_edge_A / 2.0) / BIN_A + 1e-6)
    return {
        name: PairCounts(
            counts=counts[name].sum(axis=1)[:, :n_usable],
            group_counts=counts[name].sum(axis=0)[:, :n_usable],
            group_references=sizes[name],
            n_frames=frames_in_block,
            mean_inverse_volume_A3=inverse_volume / frames_in_block,
            n_reference=len(atoms.reference),
            n_neighbour=_n_neighbour(name, atoms),
        )
        for name, atoms in pairs.items()
    }


def block_number(n_frames: int) -> int:
    """Return into how many blocks of consecutive frames a trajectory is cut.

    Examples
    --------
    >>> block_number(500), block_number(12)
    (20, 5)
    """
    return 20 if n_frames >= 20 else MIN_FRAMES


def histogram(
    frames: Frames, atoms: PairAtoms, *, block: NDArray[np.int64], shape: tuple[int, ...]
) -> NDArray[np.int64]:
    """Count the pairs of some frames by block, group of reference atoms and distance.

    Parameters
    ----------
    frames : Frames
        Positions and boxes.
    atoms : PairAtoms
        The two groups; an atom in both is not its own neighbour.
    block : ndarray of int, shape (n_frames,)
        Block of each frame.
    shape : tuple of int
        Numbers of blocks, groups and bins.

    Returns
    -------
    ndarray of int64
        Of that shape.
    """
    _, n_groups, n_bins = shape
    counts = np.zeros(int(np.prod(shape)), dtype=np.int64)
    row = block[:, None] * n_groups + atoms.group
    if not len(atoms.reference) or not len(atoms.neighbour):
        return counts.reshape(shape)
    if not frames.is_orthogonal:
        raise TrajectoryError("the box is tilted; only right-angled boxes are counted")
    box_A = frames.edges_A
    near = frames.positions_A[:, atoms.neighbour].astype(np.float64).transpose(2, 0, 1)
    far = frames.positions_A[:, atoms.reference].astype(np.float64).transpose(2, 0, 1)
    n_frames_at_once = max(1, _DISTANCES_AT_ONCE // near.shape[2] // far.shape[2])
    n_references_at_once = max(1, _DISTANCES_AT_ONCE // near.shape[2])
    for frame in range(0, near.shape[1], n_frames_at_once):
        some = slice(frame, frame + n_frames_at_once)
        for reference in range(0, far.shape[2], n_references_at_once):
            which = slice(reference, reference + n_references_at_once)
            squared_A2 = _squared_distances(far[:, some, which], near[:, some], box_A[some])
            is_self = atoms.reference[which, None] == atoms.neighbour[None, :]
            squared_A2[:, is_self] = np.inf
            inside = squared_A2 < (n_bins * BIN_A) ** 2
            key = (np.sqrt(squared_A2[inside]) * (1.0 / BIN_A)).astype(np.int64)
            np.minimum(key, n_bins - 1, out=key)
            key += np.repeat(row[some, which] * n_bins, inside.sum(axis=2).ravel())
            counts += np.bincount(key, minlength=len(counts))
    return counts.reshape(shape)


def _squared_distances(
    far_A: NDArray[np.float64], near_A: NDArray[np.float64], box_A: NDArray[np.float64]
) -> NDArray[np.float64]:
    total: NDArray[np.float64] = np.zeros((far_A.shape[1], far_A.shape[2], near_A.shape[2]))
    for axis in range(3):
        edge = box_A[:, axis, None, None]
        # in units of the edge the nearest image is the remainder after rounding
        step = far_A[axis][:, :, None] / edge - near_A[axis][:, None, :] / edge
        step -= np.rint(step)
        step *= edge
        step *= step
        total += step
    return total


def _n_neighbour(name: str, atoms: PairAtoms) -> int:
    n_shared = len(np.intersect1d(atoms.reference, atoms.neighbour))
    if n_shared not in {0, len(atoms.reference)}:
        raise TrajectoryError(
            f"{name}: {n_shared} of {len(atoms.reference)} reference atoms are neighbours too; all "
            "or none of them must be, or g(r) has no common density"
        )
    return len(atoms.neighbour) - (1 if n_shared else 0)
