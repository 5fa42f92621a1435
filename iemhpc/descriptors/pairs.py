"""How many pairs of atoms lie at which distance: whole-number counts per block and bin.

Distances are those of the nearest image. Whole numbers, because they can be added, cut into blocks
and normalised afterwards without the trajectory.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from types import ModuleType
from typing import Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from iemhpc.descriptors.conventions import BIN_A, R_MAX_A, check_site_convention
from iemhpc.descriptors.frames import Frames
from iemhpc.descriptors.selection import select
from iemhpc.errors import InputError, TrajectoryError, UnknownNameError
from iemhpc.tables.descriptors import PAIRS

MIN_FRAMES = 5
"""One a block."""
MAX_GROUPS = 20
"""Groups of reference atoms whose pairs are told apart. Ions that hardly exchange differ for as
long as a run lasts, which blocks of its time cannot show."""

GROUPS = ("counterion", "coion", "water", "tethered")
"""Groups of atoms that every membrane has; besides them each role of its table is a group."""


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


def pair_atoms(
    roles: pd.DataFrame, *, site_convention: str = "paper", pairs: Sequence[str] = PAIRS
) -> dict[str, PairAtoms]:
    """Choose the atoms of some pairs from a run's roles.

    Parameters
    ----------
    roles : DataFrame
        The rows of ``roles.parquet``, in the order of the trajectory. A molecule of 0 is one that
        is not known.
    site_convention : {"paper", "center"}
        Whether a tethered site is its terminal oxygens (N where it is a cation) or its centre.
    pairs : sequence of str, optional
        Reference and neighbour, joined by ``_``: two of ``counterion``, ``coion``, ``water``
        (oxygen), ``tethered``, or of the roles in the table.

    Raises
    ------
    UnknownNameError
        Where a pair is not made of two groups.
    InputError
        Where reference and neighbour are parts of one molecule, as the oxygens of a sulfonate.
    TrajectoryError
        Where an ion has no centre.
    """
    check_site_convention(site_convention)
    sides = {pair: _sides(pair, _group_names(roles)) for pair in pairs}
    names = dict.fromkeys(name for both in sides.values() for name in both)
    groups = {name: _group(roles, name, site_convention) for name in names}
    element = {name: _commonest(roles["element"].to_numpy()[at]) for name, at in groups.items()}
    site = {}
    if "tethered" in groups:  # the oxygens of one sulfonate follow each other in every file
        tethered = groups["tethered"]
        site["tethered"] = np.cumsum(np.diff(tethered, prepend=tethered[:1]) > 1, dtype=np.int64)
    chosen = {
        pair: PairAtoms(
            reference=groups[a],
            neighbour=groups[b],
            elements=(element[a], element[b]),
            site=site.get(a),
        )
        for pair, (a, b) in sides.items()
    }
    for pair, atoms in chosen.items():
        _check_not_bonded(pair, atoms, roles)
    return chosen


def _group_names(roles: pd.DataFrame) -> tuple[str, ...]:
    return tuple(dict.fromkeys((*GROUPS, *sorted(roles["role"].astype(str).unique()))))


def _sides(pair: str, known: Sequence[str]) -> tuple[str, str]:
    cuts = ((pair[:k], pair[k + 1 :]) for k, letter in enumerate(pair) if letter == "_")
    for reference, neighbour in cuts:
        if reference in known and neighbour in known:
            return reference, neighbour
    raise UnknownNameError(
        f"unknown pair {pair!r}; a pair is the group whose neighbours are counted and the group of "
        f"neighbours, joined by _, such as counterion_water. Groups: {', '.join(known)}"
    )


def _group(roles: pd.DataFrame, name: str, site_convention: str) -> NDArray[np.int64]:
    if name in {"counterion", "coion"}:
        return _ion_centres(roles, name)
    if name == "tethered":
        return np.flatnonzero(roles[f"is_tethered_{site_convention}"])
    return np.flatnonzero(roles["role"] == ("water_oxygen" if name == "water" else name))


def _check_not_bonded(pair: str, atoms: PairAtoms, roles: pd.DataFrame) -> None:
    # The distance of two atoms of one molecule is its geometry, which would pass for a shell.
    molecule = roles["molecule"].to_numpy()
    own, n_partners = np.unique(molecule[atoms.neighbour], return_counts=True)
    partners = dict(zip(own.tolist(), n_partners.tolist(), strict=True))
    is_neighbour = np.isin(atoms.reference, atoms.neighbour)
    for at, is_itself in zip(atoms.reference.tolist(), is_neighbour.tolist(), strict=True):
        where = int(molecule[at])
        if where > 0 and partners.get(where, 0) > is_itself:
            raise InputError(
                f"{pair}: atom {at + 1} ({roles['element'].iloc[at]} of "
                f"{roles['residue'].iloc[at]}) has neighbours in its own molecule {where}, whose "
                "bonds and angles would pass for a shell; choose groups of different molecules"
            )


def _ion_centres(roles: pd.DataFrame, role: str) -> NDArray[np.int64]:
    # An ion of several atoms counts once, at the heaviest element that it holds once: S of
    # sulfate, N of nitrate.
    at = np.flatnonzero(roles["role"] == role)
    ions = roles.iloc[at].assign(at=at)
    is_known = ions["molecule"] > 0
    if not ions["molecule"][is_known].duplicated().any():
        return at
    centres = ions["at"][~is_known].tolist()
    for molecule, ion in ions[is_known].groupby("molecule"):
        single = ion[~ion["element"].duplicated(keep=False)]
        if single.empty:
            raise TrajectoryError(
                f"molecule {molecule} ({ion['residue'].iloc[0]}) has no element that it holds "
                f"once, so no centre to measure from; elements: {', '.join(ion['element'])}"
            )
        centres.append(int(single.sort_values("mass_g_mol")["at"].iloc[-1]))
    return np.sort(np.array(centres, dtype=np.int64))


def _commonest(elements: NDArray[np.object_]) -> str:
    names, counts = np.unique(elements.astype(str), return_counts=True)
    return str(names[np.argmax(counts)]) if len(names) else ""


class PairCounter:
    """Counts pairs of frames as they come, in blocks of consecutive frames: an Observer.

    Parameters
    ----------
    pairs : mapping of str to PairAtoms
        What to count, by name.
    n_frames : int
        How many frames the trajectory has.
    bin_A : float
        Width of a bin.
    r_max_A : float, optional
        Where the histograms end. 12 Å, or half the smallest height of any box, by default.

    Raises
    ------
    TrajectoryError
        Where there are fewer frames than blocks, or no common density of neighbours.
    InputError
        Where the range is shorter than a bin.
    """

    def __init__(
        self,
        pairs: Mapping[str, PairAtoms],
        *,
        n_frames: int,
        bin_A: float = BIN_A,
        r_max_A: float | None = None,
    ) -> None:
        if n_frames < MIN_FRAMES:
            raise TrajectoryError(
                f"{n_frames} frames are too few for {MIN_FRAMES} blocks; make the production "
                "longer (sampling.production_ps) or the frames denser (sampling.frame_ps)"
            )
        self._pairs = dict(pairs)
        self._n_frames = n_frames
        self._bin_A = bin_A
        self._is_asked = r_max_A is not None
        self._n_bins = int((R_MAX_A if r_max_A is None else r_max_A) / bin_A + 1e-6)
        if self._n_bins < 1:
            raise InputError(
                f"r_max of {r_max_A:g} Å is shorter than a bin of {bin_A:g} Å; ask for more, or "
                "for narrower bins"
            )
        self._n_own = {name: _n_own(name, atoms) for name, atoms in self._pairs.items()}
        n_blocks = block_number(n_frames)
        self._selection = select(
            [(p.reference, p.neighbour, p.group) for p in self._pairs.values()], n_blocks=n_blocks
        )
        self._sizes = [np.bincount(p.group) for p in self._pairs.values()]
        n_rows = n_blocks * sum(len(sizes) for sizes in self._sizes)
        self._counts = np.zeros((n_rows, self._n_bins), dtype=np.int64)
        self._frames = np.zeros(n_blocks, dtype=np.int64)
        self._inverse_volume_A3 = np.zeros(n_blocks)

    def add(self, frames: Frames) -> None:
        """Count the pairs of some frames.

        Raises
        ------
        InputError
            Where a box is too small for the range that was asked for.
        """
        n_blocks = len(self._frames)
        block = frames.rank * n_blocks // self._n_frames
        self._bound(frames)
        _counting().count(
            frames, block, selection=self._selection, bin_A=self._bin_A, counts=self._counts
        )
        self._frames += np.bincount(block, minlength=n_blocks)
        # one after the other, so that the sum does not depend on where chunks end
        np.add.at(self._inverse_volume_A3, block, 1.0 / frames.volume_A3)

    def _bound(self, frames: Frames) -> None:
        smallest_A = frames.heights_A.min(axis=1)
        n_bins = int(smallest_A.min() / 2.0 / self._bin_A + 1e-6)
        if n_bins >= self._n_bins:
            return
        if self._is_asked:
            at = int(np.argmin(smallest_A))
            raise InputError(
                f"r_max of {self._n_bins * self._bin_A:g} Å is more than half the smallest height "
                f"of the box, {smallest_A[at] / 2.0:.2f} Å at frame {frames.rank[at]}: beyond it "
                "an atom meets its own images; ask for less, or for none and get what the box gives"
            )
        self._n_bins = n_bins
        self._counts = np.ascontiguousarray(self._counts[:, :n_bins])

    def join(self, later: Self) -> None:
        """Take in what another counter has seen of other frames of the same trajectory."""
        self._n_bins = min(self._n_bins, later._n_bins)
        self._counts = self._counts[:, : self._n_bins] + later._counts[:, : self._n_bins]
        self._frames = self._frames + later._frames
        self._inverse_volume_A3 = self._inverse_volume_A3 + later._inverse_volume_A3

    def result(self) -> dict[str, PairCounts]:
        """Return the counts by the names of the pairs.

        Raises
        ------
        TrajectoryError
            Where not all frames came.
        """
        if self._frames.sum() != self._n_frames:
            raise TrajectoryError(
                f"{self._frames.sum()} of {self._n_frames} frames were counted; count each once"
            )
        first, found = 0, {}
        for (name, atoms), sizes in zip(self._pairs.items(), self._sizes, strict=True):
            shape = (len(self._frames), len(sizes), self._n_bins)
            counts = self._counts[first : first + shape[0] * shape[1]].reshape(shape).copy()
            first += shape[0] * shape[1]
            # the kernels let an atom count itself, at no distance
            counts[:, :, 0] -= self._n_own[name] * self._frames[:, None] * sizes
            found[name] = PairCounts(
                counts=counts.sum(axis=1),
                n_frames=self._frames.copy(),
                mean_inverse_volume_A3=self._inverse_volume_A3 / self._frames,
                n_reference=len(atoms.reference),
                n_neighbour=len(atoms.neighbour) - self._n_own[name],
                bin_A=self._bin_A,
                group_counts=counts.sum(axis=0),
                group_references=sizes,
            )
        return found


def count_pairs(
    frames: Iterable[Frames],
    pairs: Mapping[str, PairAtoms],
    *,
    n_frames: int,
    bin_A: float = BIN_A,
    r_max_A: float | None = None,
) -> dict[str, PairCounts]:
    """Count the pairs of all frames, in blocks of consecutive frames.

    Parameters
    ----------
    frames : iterable of Frames
        All frames of a trajectory, each once.
    pairs, n_frames, bin_A, r_max_A
        As for :class:`PairCounter`.

    Returns
    -------
    dict of str to PairCounts
        By the names of ``pairs``.

    Examples
    --------
    Two atoms on either side of a face of the box:

    >>> from iemhpc.descriptors.frames import diagonal_vectors_A
    >>> frames = Frames(
    ...     rank=np.arange(5), vectors_A=diagonal_vectors_A(np.full((5, 3), 30.0)),
    ...     positions_A=np.tile(np.float32([[1.0, 0, 0], [-1.12, 0, 0]]), (5, 1, 1)),
    ... )
    >>> atoms = PairAtoms(reference=np.array([0]), neighbour=np.array([1]), elements=("Na", "O"))
    >>> found = count_pairs([frames], {"Na_O": atoms}, n_frames=5)["Na_O"]
    >>> found.counts[:, 40:44].tolist()
    [[0, 0, 1, 0], [0, 0, 1, 0], [0, 0, 1, 0], [0, 0, 1, 0], [0, 0, 1, 0]]
    """
    counter = PairCounter(pairs, n_frames=n_frames, bin_A=bin_A, r_max_A=r_max_A)
    for chunk in frames:
        counter.add(chunk)
    return counter.result()


def _counting() -> ModuleType:
    # numba takes its time to import: only where something is counted
    return import_module("iemhpc.descriptors.cells")


def block_number(n_frames: int) -> int:
    """Return into how many blocks of consecutive frames a trajectory is cut.

    Examples
    --------
    >>> block_number(500), block_number(12)
    (20, 5)
    """
    return 20 if n_frames >= 20 else MIN_FRAMES


def _n_own(name: str, atoms: PairAtoms) -> int:
    """Return 1 where each reference atom is among the neighbours, 0 where none is."""
    n_shared = len(np.intersect1d(atoms.reference, atoms.neighbour))
    if n_shared not in {0, len(atoms.reference)}:
        raise TrajectoryError(
            f"{name}: {n_shared} of {len(atoms.reference)} reference atoms are neighbours too; all "
            "or none of them must be, or g(r) has no common density"
        )
    return 1 if n_shared else 0
