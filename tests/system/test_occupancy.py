import numpy as np
import pytest
from scipy.spatial import cKDTree

from iemhpc.system.occupancy import CROWD_RADIUS_A, Occupancy, overlap_of

EDGE_A = 26.3


def filled(n: int = 300) -> tuple[Occupancy, np.ndarray]:
    atoms = np.random.default_rng(1).uniform(-5.0, 40.0, (n, 3))
    occupancy = Occupancy(EDGE_A)
    occupancy.add(atoms)
    return occupancy, atoms


def summed(points: np.ndarray, atoms: np.ndarray, reach: float, weight) -> np.ndarray:  # type: ignore[no-untyped-def]
    tree = cKDTree(np.mod(atoms, EDGE_A), boxsize=EDGE_A)
    found = tree.query_ball_point(np.mod(points, EDGE_A), reach)
    total = []
    for point, near in zip(points, found, strict=True):
        vector = atoms[near] - point
        vector -= EDGE_A * np.round(vector / EDGE_A)
        total.append(weight(np.linalg.norm(vector, axis=1)).sum())
    return np.array(total)


def test_overlaps_are_those_of_all_pairs_in_every_image() -> None:
    occupancy, atoms = filled()
    points = np.random.default_rng(2).uniform(-30.0, 60.0, (200, 3))
    exact = summed(points, atoms, 2.2, overlap_of)
    assert np.abs(occupancy.overlap(points) - exact).max() < 0.5
    assert np.corrcoef(occupancy.overlap(points), exact)[0, 1] > 0.995


def test_crowding_counts_the_atoms_around() -> None:
    occupancy, atoms = filled()
    points = np.random.default_rng(2).uniform(0.0, EDGE_A, (200, 3))
    exact = summed(points, atoms, CROWD_RADIUS_A, lambda r: 1.0 - r / CROWD_RADIUS_A)
    assert occupancy.crowding(points) == pytest.approx(exact, rel=0.1, abs=0.8)


def test_what_is_removed_leaves_nothing() -> None:
    occupancy, atoms = filled()
    occupancy.remove(atoms)
    points = np.random.default_rng(2).uniform(0.0, EDGE_A, (200, 3))
    assert np.abs(occupancy.overlap(points)).max() < 1e-4
    assert np.abs(occupancy.crowding(points)).max() < 1e-4


def test_trials_of_any_shape_are_read_at_once() -> None:
    occupancy, _ = filled()
    trials = np.random.default_rng(3).uniform(0.0, EDGE_A, (5, 7, 3))
    assert occupancy.overlap(trials).shape == (5, 7)
    assert occupancy.overlap(trials)[2, 3] == pytest.approx(occupancy.overlap(trials[2, 3]))
