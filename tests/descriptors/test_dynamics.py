"""The row and the curves of a run, from one pass."""

from dataclasses import dataclass

import numpy as np
import pytest

from iemhpc.descriptors.conventions import fixed_radius_A
from iemhpc.descriptors.dynamics import curve_rows, dynamics_row, join, observe
from iemhpc.descriptors.frames import Frames, one_pass
from iemhpc.descriptors.pairs import PairCounts
from iemhpc.tables.dynamics import (
    CLUSTER_NUMBERS,
    CURVE_TABLE,
    CURVES,
    DYNAMICS_REASONS,
    DYNAMICS_TABLE,
    INPUTS,
)
from iemhpc.tables.io import to_arrow

EDGE_A = 24.0


@dataclass(frozen=True)
class Walk:
    """A trajectory in memory."""

    positions_A: np.ndarray
    steps: np.ndarray
    edge_A: float = EDGE_A
    timestep_fs: float = 2.0
    notes: tuple[str, ...] = ()

    @property
    def n_frames(self) -> int:
        return len(self.steps)

    @property
    def n_atoms(self) -> int:
        return self.positions_A.shape[1]

    @property
    def sampled_ps(self) -> float:
        return float(self.steps[-1] - self.steps[0]) * self.timestep_fs / 1000.0

    def chunks(self, first: int = 0, last: int | None = None):
        end = self.n_frames if last is None else last
        for at in range(first, end, 40):
            some = np.arange(at, min(at + 40, end))
            yield Frames(
                rank=some,
                positions_A=self.positions_A[some],
                vectors_A=np.tile(self.edge_A * np.eye(3), (len(some), 1, 1)),
            )


@pytest.fixture
def roles(make_roles):
    return make_roles(n_sites=6, n_counterions=6, n_coions=2, n_waters=150)


@pytest.fixture
def walk(roles):
    rng = np.random.default_rng(1)
    steps = rng.normal(0.0, 0.3, (200, len(roles), 3))
    positions_A = rng.uniform(0.0, EDGE_A, (len(roles), 3)) + np.cumsum(steps, axis=0)
    return Walk(positions_A.astype(np.float32), np.arange(200) * 500)


def observed(roles, source, **changes):
    dynamics = observe(roles, source, **changes)
    one_pass(source, dynamics.observers)
    return dynamics


def whole(row):
    return {**row, "run_id": "0f3a", "site_convention": "paper", "trajectory_hash": "77"}


def test_a_row_fits_its_table_and_has_every_column(roles, walk):
    row = whole(dynamics_row(observed(roles, walk)))
    assert set(row) == set(DYNAMICS_TABLE.names)
    assert to_arrow(DYNAMICS_TABLE, [row], where="dynamics").num_rows == 1


def test_every_null_has_a_reason_and_every_reason_is_known(roles, walk):
    row = dynamics_row(observed(roles, walk))
    reasons = {name: value for name, value in row.items() if name.endswith("_reason")}
    assert set(reasons.values()) <= {None, *DYNAMICS_REASONS}
    assert row["ion_pair_at_minima_reason"] == "no_minima"
    for prefix, reason in reasons.items():
        stem = prefix.removesuffix("_reason")
        numbers = [name for name in INPUTS if name.startswith(stem) and "minima" not in name]
        if reason is None:
            assert all(row[name] is not None for name in numbers), stem


def test_curves_fit_their_table_and_are_all_there(roles, walk):
    rows = [{**row, "run_id": "0f3a"} for row in curve_rows(observed(roles, walk))]
    table = to_arrow(CURVE_TABLE, rows, where="curves").to_pandas()
    assert set(table["curve"]) == set(CURVES)
    survival = table[table["curve"].str.contains("tolerant|continuous|intermittent")]
    assert survival["value"].between(0.0, 1.0).all()
    at_zero = survival[survival["lag_ps"] == 0.0]
    assert (at_zero["value"] == 1.0).all()
    wide = survival.pivot_table(index="lag_ps", columns="curve", values="value")
    for pair in ("tethered_counterion", "counterion_water"):
        continuous, tolerant, intermittent = (
            wide[f"{pair}_{kind}"] for kind in ("continuous", "tolerant", "intermittent")
        )
        assert (continuous <= tolerant + 1e-12).all()
        assert (tolerant <= intermittent + 1e-12).all()


def test_numbers_are_those_of_the_walk(roles, walk):
    row = dynamics_row(observed(roles, walk))
    assert row["frame_ps"] == 1.0
    assert row["box_length_A"] == pytest.approx(EDGE_A)
    assert row["water_diffusion_A2_ps"] == pytest.approx(0.3**2 / 2, rel=0.1)
    fractions = [row[f"ion_pair_{state}_fraction"] for state in ("contact", "separated", "free")]
    assert sum(fractions) == pytest.approx(1.0)
    assert row["ion_pair_contact_radius_A"] == fixed_radius_A("O", "Na")
    assert row["counterion_water_tolerance_ps"] == 2.0
    # an ideal gas around an ion
    gas = 150 / EDGE_A**3 * 4 / 3 * np.pi * fixed_radius_A("Na", "O") ** 3
    assert row["counterion_water_contacts_per_ion"] == pytest.approx(gas, rel=0.15)


def test_pieces_joined_differ_only_in_displacements(roles, walk):
    pieces = []
    for first, last in ((0, 77), (77, 200)):
        pieces.append(observe(roles, walk))
        one_pass(walk, pieces[-1].observers, first=first, last=last)
    join(*pieces)
    row, wanted = dynamics_row(pieces[0]), dynamics_row(observed(roles, walk))
    others = [name for name in row if "diffusi" not in name and "fit_" not in name]
    assert {name: row[name] for name in others} == pytest.approx(
        {name: wanted[name] for name in others}
    )
    assert row["water_diffusion_A2_ps"] == pytest.approx(wanted["water_diffusion_A2_ps"], rel=0.1)


def test_uneven_frames_have_no_times_but_populations(roles, walk):
    steps = walk.steps.copy()
    steps[100:] += 250
    dynamics = observed(roles, Walk(walk.positions_A, steps))
    row = dynamics_row(dynamics)
    assert row["frame_ps"] is None
    assert row["water_diffusion_reason"] == "uneven_frames"
    assert row["counterion_water_residence_reason"] == "uneven_frames"
    assert row["ion_pair_free_fraction"] is not None
    assert curve_rows(dynamics) == []
    to_arrow(DYNAMICS_TABLE, [whole(row)], where="dynamics")


def test_a_box_without_co_ions_and_sites_says_so(make_roles):
    roles = make_roles(n_sites=0, n_counterions=3, n_coions=0, n_waters=40)
    rng = np.random.default_rng(2)
    source = Walk(rng.uniform(0, 24, (30, len(roles), 3)).astype(np.float32), np.arange(30) * 500)
    row = dynamics_row(observed(roles, source))
    assert row["coion_diffusion_reason"] == "no_atoms"
    assert row["ion_pair_reason"] == "no_atoms"
    assert row["tethered_counterion_residence_reason"] == "no_atoms"
    assert row["water_diffusion_reason"] == "wrapped_coordinates"
    to_arrow(DYNAMICS_TABLE, [whole(row)], where="dynamics")


def test_a_box_that_is_too_small_for_the_radii_says_so(roles, walk):
    source = Walk(walk.positions_A, walk.steps, edge_A=6.0)
    row = dynamics_row(observed(roles, source))
    assert row["water_cluster_reason"] == "beyond_box"
    assert row["ion_pair_reason"] == "beyond_box"
    assert row["counterion_water_residence_reason"] == "beyond_box"
    assert all(row[f"water_cluster_{name}"] is None for name in CLUSTER_NUMBERS)
    to_arrow(DYNAMICS_TABLE, [whole(row)], where="dynamics")


def test_one_frame_is_a_row_without_times(roles, walk):
    source = Walk(walk.positions_A[:1], walk.steps[:1])
    row = dynamics_row(observed(roles, source))
    assert row["frame_ps"] is None
    assert row["water_cluster_number_se"] is None
    assert row["water_cluster_flags"] == "not_converged"
    to_arrow(DYNAMICS_TABLE, [whole(row)], where="dynamics")


def test_minima_of_the_histogram_give_populations_of_their_own(roles, walk):
    edges_A = np.arange(0.0, 10.0 + 1e-9, 0.05)
    r_A = (edges_A[1:] + edges_A[:-1]) / 2
    g = 1.0 + 3.0 * np.exp(-(((r_A - 2.5) / 0.2) ** 2)) + np.exp(-(((r_A - 4.8) / 0.5) ** 2))
    g -= 0.6 * np.exp(-(((r_A - 6.2) / 0.4) ** 2))
    counts = PairCounts(
        counts=np.round(1e5 * g * np.diff(edges_A**3)).astype(int)[None, :],
        n_frames=np.array([200]),
        mean_inverse_volume_A3=np.array([EDGE_A**-3]),
        n_reference=18,
        n_neighbour=6,
    )
    row = dynamics_row(observed(roles, walk), counts=counts, first_minimum_A=3.4)
    assert row["ion_pair_at_minima_contact_radius_A"] == 3.4
    assert row["ion_pair_at_minima_separated_radius_A"] == pytest.approx(6.2, abs=0.15)
    assert row["ion_pair_at_minima_contact_fraction"] >= row["ion_pair_contact_fraction"]
