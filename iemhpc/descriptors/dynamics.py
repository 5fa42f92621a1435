"""What moves and what sticks in a run, from the same pass over its frames as the pair counts.

The joint with whoever reads trajectories::

    dynamics = observe(roles, source, site_convention="paper")   # before the pass
    one_pass(source, [counting, *dynamics.observers])             # each is a SharedObserver
    row = dynamics_row(dynamics, counts=counts["tethered_counterion"], first_minimum_A=...)
    curves = curve_rows(dynamics)                                 # without run_id

``row`` holds the columns of DYNAMICS_TABLE but ``run_id``, ``site_convention`` and
``trajectory_hash``. Pieces of one trajectory are observed each by an own ``observe(...)`` of the
whole source and joined in their order with :func:`join`; displacements over the seams are then
left out, everything else is as in one pass.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from iemhpc.descriptors.clusters import WaterClusters
from iemhpc.descriptors.contacts import Contacts, Stays, lived_through, survival
from iemhpc.descriptors.conventions import fixed_radius_A
from iemhpc.descriptors.diffusion import Displacements, diffusion
from iemhpc.descriptors.frames import Frames, FrameSource, SharedObserver
from iemhpc.descriptors.ion_pairs import (
    BLOCKS,
    WATER_A,
    NearestSites,
    Populations,
    block_error,
    populations,
    second_minimum_A,
)
from iemhpc.descriptors.pairs import PairAtoms, PairCounts, pair_atoms
from iemhpc.descriptors.rdf import radial
from iemhpc.descriptors.residence import TOLERANCE_PS, groups_of, residence_time
from iemhpc.descriptors.uncertainty import is_converged
from iemhpc.tables.dynamics import CLUSTER_NUMBERS, CONTACT_PAIRS, ION_PAIR_STATES, MOVERS
from iemhpc.units import FS_PER_PS

ESTIMATOR = "dynamics-1"
"""Name and version: raised when the numbers of one and the same trajectory change."""

Row = dict[str, Any]


@dataclass(slots=True)
class Volume:
    """An observer of the volume of the box."""

    total_A3: float = 0.0
    n_seen: int = 0

    def add(self, frames: Frames) -> None:
        """Take the next frames in."""
        self.total_A3 += float(frames.volume_A3.sum())
        self.n_seen += len(frames.rank)

    def join(self, later: "Volume") -> None:
        """Take in what the observer of the frames that follow has seen."""
        self.total_A3 += later.total_A3
        self.n_seen += later.n_seen


@dataclass(frozen=True, slots=True, kw_only=True)
class Dynamics:
    """The observers of one run, and what their numbers mean."""

    clusters: WaterClusters
    nearest: NearestSites
    contacts: dict[str, Contacts]
    """By pair."""
    displacements: Displacements
    volume: Volume
    n_frames: int
    sampled_ps: float
    frame_ps: float | None
    """Time between frames; None where it is not the same everywhere."""

    @property
    def observers(self) -> tuple[SharedObserver, ...]:
        """All of them, in one order."""
        return (
            self.clusters, self.nearest, *self.contacts.values(), self.displacements, self.volume
        )  # fmt: skip

    @property
    def contact_frame_ps(self) -> float | None:
        """Time between frames in which contacts are looked at."""
        stride = self.contacts[CONTACT_PAIRS[0]].stride
        return None if self.frame_ps is None else self.frame_ps * stride

    @property
    def tolerance_frames(self) -> int:
        """Frames for which a contact may be away."""
        frame_ps = self.contact_frame_ps
        return 0 if frame_ps is None else int(TOLERANCE_PS / frame_ps + 1e-9)


def observe(
    roles: pd.DataFrame, source: FrameSource, *, site_convention: str = "paper"
) -> Dynamics:
    """Return the observers of a trajectory.

    Parameters
    ----------
    roles : DataFrame
        The rows of ``roles.parquet``, in the order of the trajectory.
    source : FrameSource
        The whole trajectory, of which nothing is read yet.
    site_convention : {"paper", "center"}
        What a tethered site is.
    """
    pairs = ("counterion_water", "tethered_counterion", "coion_water")
    atoms = pair_atoms(roles, site_convention=site_convention, pairs=pairs)
    water, sites = atoms["counterion_water"], atoms["tethered_counterion"]
    n_frames = source.n_frames
    movers = {
        "counterion": water.reference,
        "coion": atoms["coion_water"].reference,
        "water": water.neighbour,
    }
    return Dynamics(
        clusters=WaterClusters(oxygens=water.neighbour, n_frames=n_frames),
        nearest=NearestSites(ions=water.reference, sites=sites.reference, n_frames=n_frames),
        contacts={pair: _contacts(pair, atoms[pair], n_frames=n_frames) for pair in CONTACT_PAIRS},
        displacements=Displacements(movers=movers, masses_g_mol=_masses(roles), n_frames=n_frames),
        volume=Volume(),
        n_frames=source.n_frames,
        sampled_ps=source.sampled_ps,
        frame_ps=_frame_ps(source),
    )


def join(first: Dynamics, later: Dynamics) -> None:
    """Take into ``first`` what was seen of the frames that follow its own."""
    for one, other in zip(first.observers, later.observers, strict=True):
        one.join(other)


def _contacts(pair: str, atoms: PairAtoms, *, n_frames: int) -> Contacts:
    is_of_ions = pair.startswith("counterion")
    return Contacts(
        ions=atoms.reference if is_of_ions else atoms.neighbour,
        neighbours=atoms.neighbour if is_of_ions else atoms.reference,
        site=None if is_of_ions else atoms.site,
        radius_A=fixed_radius_A(*atoms.elements),
        n_frames=n_frames,
    )


def _masses(roles: pd.DataFrame) -> NDArray[np.float64]:
    if "mass_g_mol" not in roles or roles["mass_g_mol"].isna().any():
        return np.ones(len(roles))
    return roles["mass_g_mol"].to_numpy(dtype=np.float64, copy=True)


def _frame_ps(source: FrameSource) -> float | None:
    strides = np.unique(np.diff(source.steps))
    return float(strides[0]) * source.timestep_fs / FS_PER_PS if len(strides) == 1 else None


def dynamics_row(
    dynamics: Dynamics,
    *,
    counts: PairCounts | None = None,
    first_minimum_A: float | None = None,
) -> Row:
    """Return the numbers of a run.

    Parameters
    ----------
    dynamics : Dynamics
        After the pass.
    counts : PairCounts, optional
        Of the pair tethered_counterion, for its second minimum.
    first_minimum_A : float, optional
        First minimum of that pair.

    Returns
    -------
    dict
        Columns of DYNAMICS_TABLE but run_id, site_convention and trajectory_hash.
    """
    row: Row = {
        "n_frames": dynamics.n_frames,
        "sampled_ps": dynamics.sampled_ps,
        "frame_ps": dynamics.frame_ps,
        "contact_frame_ps": dynamics.contact_frame_ps,
        "n_waters": len(dynamics.clusters.oxygens),
        "n_counterions": len(dynamics.nearest.ions),
        "box_length_A": float(np.cbrt(dynamics.volume.total_A3 / dynamics.volume.n_seen)),
        "estimator": ESTIMATOR,
    }
    row |= _cluster_numbers(dynamics.clusters)
    row |= _ion_pair_numbers(dynamics, counts, first_minimum_A)
    for pair in CONTACT_PAIRS:
        row |= _contact_numbers(dynamics, pair)
    for mover in MOVERS:
        row |= _diffusion_numbers(dynamics, mover)
    return row


def _cluster_numbers(clusters: WaterClusters) -> Row:
    names = [f"water_cluster_{name}" for name in (*CLUSTER_NUMBERS, "spanning_fraction")]
    row: Row = dict.fromkeys(name for one in names for name in (one, f"{one}_se"))
    row |= {
        "water_cluster_radius_A": clusters.radius_A,
        "water_cluster_frames": len(clusters.ranks),
        "water_cluster_reason": None,
        "water_cluster_flags": "",
    }
    if not len(clusters.oxygens) or clusters.is_beyond_box:
        row["water_cluster_frames"] = 0
        row["water_cluster_reason"] = "beyond_box" if clusters.is_beyond_box else "no_atoms"
        return row
    numbers = np.array(clusters.numbers)
    block = np.arange(len(numbers)) * min(BLOCKS, len(numbers)) // len(numbers)
    by_block = np.array([numbers[block == one].mean(axis=0) for one in np.unique(block)])
    for name, values, of_blocks in zip(names, numbers.T, by_block.T, strict=True):
        row |= {name: float(values.mean()), f"{name}_se": block_error(of_blocks)}
    # the largest cluster tells: the others are made of what it leaves
    largest = by_block[:, names.index("water_cluster_largest_size")]
    is_doubtful = len(by_block) < BLOCKS or (np.ptp(largest) > 0.0 and not is_converged(largest))
    row["water_cluster_flags"] = "not_converged" if is_doubtful else ""
    return row


def _ion_pair_numbers(
    dynamics: Dynamics, counts: PairCounts | None, first_minimum_A: float | None
) -> Row:
    contact_A = dynamics.contacts["tethered_counterion"].radius_A
    fixed = _states("ion_pair", dynamics.nearest, contact_A, contact_A + WATER_A)
    second_A = None
    if counts is not None and first_minimum_A is not None:
        second_A = second_minimum_A(radial(counts), first_minimum_A)
    return {
        **fixed[0],
        "ion_pair_flags": "" if fixed[1].is_converged else "not_converged",
        **_states("ion_pair_at_minima", dynamics.nearest, first_minimum_A, second_A)[0],
    }


def _states(
    prefix: str, nearest: NearestSites, contact_A: float | None, separated_A: float | None
) -> tuple[Row, Populations]:
    found = Populations(reason="no_minima")
    if contact_A is not None and separated_A is not None:
        found = populations(nearest, contact_radius_A=contact_A, separated_radius_A=separated_A)
    row: Row = {
        f"{prefix}_contact_radius_A": contact_A,
        f"{prefix}_separated_radius_A": separated_A,
        f"{prefix}_reason": found.reason,
    }
    for state in ION_PAIR_STATES:
        row[f"{prefix}_{state}_fraction"] = found.fractions.get(state)
        row[f"{prefix}_{state}_fraction_se"] = found.errors.get(state)
    return row, found


def _contact_numbers(dynamics: Dynamics, pair: str) -> Row:
    contacts, frame_ps = dynamics.contacts[pair], dynamics.contact_frame_ps
    row: Row = {
        f"{pair}_{name}": None
        for name in (
            "residence_ps", "residence_ps_se", "residence_integral_ps", "residence_integral_ps_se",
            "contacts_per_ion", "lived_through", "present_at_end", "residence_reason",
        )
    }  # fmt: skip
    row[f"{pair}_contact_radius_A"] = contacts.radius_A
    row[f"{pair}_tolerance_ps"] = None if frame_ps is None else dynamics.tolerance_frames * frame_ps
    row[f"{pair}_start_contacts"] = 0
    reason = _why_no_contacts(contacts)
    if reason is not None:
        return {**row, f"{pair}_residence_reason": reason}
    stays = contacts.stays()
    n_start, n_unbroken, n_there = lived_through(stays, tolerance_frames=dynamics.tolerance_frames)
    row[f"{pair}_contacts_per_ion"] = stays.contacts_per_frame / stays.n_ions
    row[f"{pair}_start_contacts"] = n_start
    if n_start:
        row[f"{pair}_lived_through"] = n_unbroken / n_start
        row[f"{pair}_present_at_end"] = n_there / n_start
    if frame_ps is None:
        return {**row, f"{pair}_residence_reason": "uneven_frames"}
    found = residence_time(
        survival(stays, "tolerant", tolerance_frames=dynamics.tolerance_frames),
        frame_ps=frame_ps,
        tolerance_ps=dynamics.tolerance_frames * frame_ps,
    )
    return row | {
        f"{pair}_residence_ps": found.fit_ps,
        f"{pair}_residence_ps_se": found.fit_ps_se,
        f"{pair}_residence_integral_ps": found.integral_ps,
        f"{pair}_residence_integral_ps_se": found.integral_ps_se,
        f"{pair}_residence_reason": found.reason,
    }


def _why_no_contacts(contacts: Contacts) -> str | None:
    if not len(contacts.ions) or not len(contacts.neighbours):
        return "no_atoms"
    return "beyond_box" if contacts.is_beyond_box else None


def _diffusion_numbers(dynamics: Dynamics, mover: str) -> Row:
    row: Row = {
        f"{mover}_{name}": None
        for name in (
            "diffusion_A2_ps", "diffusion_A2_ps_se", "diffusive_exponent", "fit_from_ps",
            "fit_to_ps", "diffusion_reason",
        )
    }  # fmt: skip
    displacements = dynamics.displacements
    row[f"{mover}_followed"] = len(displacements.movers[mover])
    reason = None
    if not len(displacements.movers[mover]):
        reason = "no_atoms"
    elif dynamics.frame_ps is None:
        reason = "uneven_frames"
    elif displacements.is_wrapped:
        reason = "wrapped_coordinates"
    if reason is not None or dynamics.frame_ps is None:
        return {**row, f"{mover}_diffusion_reason": reason}
    found = diffusion(displacements.curve(mover, frame_ps=dynamics.frame_ps))
    return row | {
        f"{mover}_diffusion_A2_ps": found.A2_ps,
        f"{mover}_diffusion_A2_ps_se": found.A2_ps_se,
        f"{mover}_diffusive_exponent": found.exponent,
        f"{mover}_fit_from_ps": found.fit_from_ps,
        f"{mover}_fit_to_ps": found.fit_to_ps,
        f"{mover}_diffusion_reason": found.reason,
    }


def curve_rows(dynamics: Dynamics) -> list[Row]:
    """Return the curves of a run: columns of CURVE_TABLE but run_id.

    There are none where frames are not evenly spaced.
    """
    if dynamics.frame_ps is None:
        return []
    rows = [row for mover in MOVERS for row in _displacement_rows(dynamics, mover)]
    for pair, contacts in dynamics.contacts.items():
        if _why_no_contacts(contacts) is None:
            rows += _survival_rows(dynamics, pair, contacts.stays())
    return rows


def _displacement_rows(dynamics: Dynamics, mover: str) -> list[Row]:
    displacements = dynamics.displacements
    if not len(displacements.movers[mover]) or displacements.is_wrapped:
        return []
    curve = displacements.curve(mover, frame_ps=dynamics.frame_ps or 0.0)
    errors = curve.errors_A2
    columns = zip(curve.lag_ps, curve.values_A2, curve.n_origins, strict=True)
    return [
        {
            "curve": f"{mover}_displacement",
            "lag_ps": float(lag_ps),
            "value": float(value),
            "value_se": None if errors is None else float(errors[at]),
            "n_origins": int(n_origins),
        }
        for at, (lag_ps, value, n_origins) in enumerate(columns)
    ]


def _survival_rows(dynamics: Dynamics, pair: str, stays: Stays) -> list[Row]:
    rows = []
    group = groups_of(stays.n_ions)
    groups: Sequence[int] = sorted(set(group.tolist()))
    for kind in ("continuous", "tolerant", "intermittent"):
        curve = survival(stays, kind, tolerance_frames=dynamics.tolerance_frames)
        without = np.array([curve.without(group == one) for one in groups])
        errors = without.std(axis=0) * np.sqrt(len(groups) - 1.0)
        for at, value in enumerate(curve.values):
            if np.isfinite(value):
                is_known = len(groups) > 1 and np.isfinite(errors[at])
                rows.append(
                    {
                        "curve": f"{pair}_{kind}",
                        "lag_ps": float(curve.lags[at]) * (dynamics.contact_frame_ps or 0.0),
                        "value": float(value),
                        "value_se": float(errors[at]) if is_known else None,
                        "n_origins": int(stays.n_frames - curve.lags[at]),
                    }
                )
    return rows
