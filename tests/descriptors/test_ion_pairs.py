"""Ion pairs: populations of known positions, errors, and the second minimum."""

import numpy as np
import pytest

from iemhpc.descriptors.frames import Frames
from iemhpc.descriptors.ion_pairs import NearestSites, block_error, populations, second_minimum_A
from iemhpc.descriptors.rdf import Radial

BOX = np.array([[30.0, 0.0, 0.0], [8.0, 32.0, 0.0], [-5.0, 6.0, 34.0]])


def observed(distances_A: np.ndarray, *, piece: int = 9) -> NearestSites:
    """Ions around one site in the corner, at given distances, shape (n_frames, n_ions)."""
    n_frames, n_ions = distances_A.shape
    rng = np.random.default_rng(1)
    way = rng.normal(size=(n_frames, n_ions, 3))
    way /= np.linalg.norm(way, axis=2, keepdims=True)
    places = np.zeros((n_frames, n_ions + 1, 3))
    places[:, 1:] = way * distances_A[:, :, None]
    places += rng.integers(-2, 3, places.shape) @ BOX
    observer = NearestSites(ions=np.arange(1, n_ions + 1), sites=np.array([0]), n_frames=n_frames)
    for first in range(0, n_frames, piece):
        some = slice(first, min(first + piece, n_frames))
        observer.add(
            Frames(
                rank=np.arange(n_frames)[some],
                positions_A=places[some].astype(np.float32),
                vectors_A=np.tile(BOX, (len(places[some]), 1, 1)),
            )
        )
    return observer


def test_populations_are_those_of_the_positions():
    distances_A = np.tile([2.4, 2.5, 4.8, 5.2, 9.0, 11.0, 12.5, 2.2], (40, 1))
    distances_A[20:, 0] = 5.0  # one ion goes from contact to separated in the midst of the run
    found = populations(observed(distances_A), contact_radius_A=3.2, separated_radius_A=6.0)
    assert found.reason is None
    assert found.fractions == pytest.approx(
        {"contact": 2.5 / 8, "separated": 2.5 / 8, "free": 3 / 8}
    )
    assert found.errors["free"] is None  # nothing came or went
    assert found.errors["contact"] > 0.0
    assert not found.is_converged  # a step in the midst is no noise


def test_the_nearest_site_decides():
    observer = NearestSites(ions=np.array([0]), sites=np.array([1, 2, 3]), n_frames=1)
    places = np.array([[[0.0, 0, 0], [9.0, 0, 0], [28.0, 0, 0], [0, 12, 0]]], dtype=np.float32)
    observer.add(Frames(rank=np.arange(1), positions_A=places, vectors_A=BOX[None]))
    found = populations(observer, contact_radius_A=3.2, separated_radius_A=6.0)
    assert found.fractions == {"contact": 1.0, "separated": 0.0, "free": 0.0}


def test_errors_cover_the_truth_in_two_thirds_of_the_cases():
    inside = 0
    for seed in range(100):
        distances_A = np.random.default_rng(seed).choice(
            [2.4, 5.0, 9.0], (60, 5), p=[0.5, 0.3, 0.2]
        )
        found = populations(
            observed(distances_A, piece=60), contact_radius_A=3.2, separated_radius_A=6.0
        )
        inside += abs(found.fractions["contact"] - 0.5) < found.errors["contact"]
    assert 0.55 < inside / 100 < 0.8


def test_joined_pieces_are_the_run():
    distances_A = np.random.default_rng(2).uniform(2.0, 9.0, (40, 6))
    whole = observed(distances_A)
    one, other = observed(distances_A), observed(distances_A)
    half = whole.counts.shape[0] // 2
    one.counts[half:] = 0
    other.counts[:half] = 0
    one.join(other)
    np.testing.assert_array_equal(one.counts, whole.counts)


def test_no_ions_are_no_populations():
    nobody = np.empty(0, dtype=np.int64)
    observer = NearestSites(ions=nobody, sites=np.array([0]), n_frames=5)
    found = populations(observer, contact_radius_A=3.2, separated_radius_A=6.0)
    assert (found.fractions, found.reason) == ({}, "no_atoms")


def test_a_radius_beyond_half_the_box_gives_no_populations():
    found = populations(
        observed(np.full((20, 2), 3.0)), contact_radius_A=3.2, separated_radius_A=16.5
    )
    assert found.reason == "beyond_box"


def test_blocks_of_one_have_no_error():
    assert block_error(np.array([0.3])) is None


def radial_of(g, *, n_observed: float, seed: int = 3) -> Radial:
    edges_A = np.arange(0.0, 12.0 + 1e-9, 0.05)
    r_A = (edges_A[1:] + edges_A[:-1]) / 2
    ideal = n_observed * 0.002 * 4.0 * np.pi * r_A**2 * 0.05
    counts = np.random.default_rng(seed).poisson(ideal * g(r_A))
    return Radial(edges_A=edges_A, counts=counts, ideal=ideal, n_observed=int(n_observed))


def two_shells(r_A):
    first = 12.0 * np.exp(-0.5 * ((r_A - 2.4) / 0.12) ** 2)
    second = 1.5 * np.exp(-0.5 * ((r_A - 4.8) / 0.35) ** 2)
    third = 0.5 * np.exp(-0.5 * ((r_A - 7.2) / 0.6) ** 2)
    return first + second + third + 0.7 / (1.0 + np.exp(-(r_A - 3.6) / 0.1))


def test_the_second_minimum_is_where_the_curve_has_it():
    r_A = np.arange(5.0, 7.0, 0.001)
    wanted = r_A[np.argmin(two_shells(r_A))]
    found = second_minimum_A(radial_of(two_shells, n_observed=1e5), 3.2)
    assert found == pytest.approx(wanted, abs=0.2)


def test_a_flat_curve_has_no_second_minimum():
    for seed in range(20):
        flat = radial_of(np.ones_like, n_observed=3e3, seed=seed)
        assert second_minimum_A(flat, 3.2) is None


def test_a_histogram_that_ends_early_has_no_second_minimum():
    whole = radial_of(two_shells, n_observed=1e5)
    cut = Radial(
        edges_A=whole.edges_A[:66], counts=whole.counts[:65], ideal=whole.ideal[:65], n_observed=1
    )
    assert second_minimum_A(cut, 3.2) is None
