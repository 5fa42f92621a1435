"""Clusters of water: known sizes, boundaries, ways around the box; freud agrees."""

import freud
import numpy as np
import pytest

from iemhpc.descriptors.clusters import WaterClusters, find_clusters
from iemhpc.descriptors.frames import Frames

ORTHOGONAL = np.diag([24.0, 27.0, 30.0])
TILTED = np.array([[24.0, 0.0, 0.0], [10.0, 27.0, 0.0], [-8.0, 9.0, 30.0]])
BOXES = pytest.mark.parametrize("vectors_A", [ORTHOGONAL, TILTED], ids=["orthogonal", "triclinic"])


def sizes_of(positions_A: np.ndarray, vectors_A: np.ndarray, radius_A: float = 3.5):
    found = find_clusters(
        positions_A.astype(np.float32), vectors_A, np.arange(len(positions_A)), radius_A
    )
    return found.sizes.tolist(), found.is_spanning


def chain(n: int, start: tuple[float, float, float], direction: tuple[float, float, float]):
    unit = np.array(direction) / np.linalg.norm(direction)
    return np.array(start) + 3.0 * np.arange(n)[:, None] * unit


@BOXES
def test_chains_of_known_lengths_are_found_wherever_they_lie(vectors_A):
    pieces = [
        chain(6, (-4.0, 1.0, 1.0), (1, 0, 0)),
        chain(4, (1.0, -5.0, 8.0), (0, 1, 0)),
        chain(3, (3.0, 14.0, 17.0), (0, 0, 1)),
        chain(1, (14.0, 8.0, 15.0), (1, 1, 1)),
    ]
    places = np.concatenate(pieces)
    assert sizes_of(places, vectors_A) == ([6, 4, 3, 1], False)
    rng = np.random.default_rng(1)
    images = rng.integers(-3, 4, (len(places), 3)) @ vectors_A
    assert sizes_of(places + images, vectors_A) == ([6, 4, 3, 1], False)


@BOXES
@pytest.mark.parametrize("axis", range(3))
def test_a_row_around_the_box_spans_it_and_one_with_a_gap_does_not(vectors_A, axis):
    n = 10
    row = np.linspace(0.0, 1.0, n, endpoint=False)[:, None] * vectors_A[axis]
    assert sizes_of(row, vectors_A, 3.8) == ([n], True)
    assert sizes_of(row[:-1], vectors_A, 3.8) == ([n - 1], False)


def test_a_lattice_is_one_cluster_beyond_its_constant_and_none_below():
    grid = np.stack(np.meshgrid(*3 * [np.arange(8)]), axis=-1).reshape(-1, 3) * 3.0
    assert sizes_of(grid, 24.0 * np.eye(3), 3.1) == ([512], True)
    assert sizes_of(grid, 24.0 * np.eye(3), 2.9) == ([1] * 512, False)


def test_slabs_of_a_lattice_are_clusters_that_span_the_box():
    grid = np.stack(np.meshgrid(*3 * [np.arange(8)]), axis=-1).reshape(-1, 3) * 3.0
    layer = np.round(grid[:, 2] / 3.0)
    assert sizes_of(grid[layer % 4 < 2], 24.0 * np.eye(3), 3.1) == ([128, 128], True)


@BOXES
@pytest.mark.parametrize("radius_A", [2.0, 3.0, 3.5, 6.0])
@pytest.mark.parametrize("n", [30, 300])
def test_sizes_are_those_of_freud(vectors_A, radius_A, n):
    rng = np.random.default_rng(2)
    places = (rng.uniform(-1.0, 2.0, (n, 3)) @ vectors_A).astype(np.float32)
    a, b, c = vectors_A
    box = freud.box.Box(a[0], b[1], c[2], b[0] / b[1], c[0] / c[2], c[1] / c[2])
    cluster = freud.cluster.Cluster()
    cluster.compute((box, box.wrap(places)), neighbors={"r_max": radius_A})
    wanted = sorted(np.bincount(cluster.cluster_idx).tolist(), reverse=True)
    assert sizes_of(places, vectors_A, radius_A)[0] == wanted


def test_spanning_is_seen_as_by_the_images_of_a_larger_box():
    # in 2 x 2 x 2 boxes, a cluster that meets its own image joins copies of one and the same atom
    rng = np.random.default_rng(3)
    box = np.diag([15.0, 15.0, 15.0])
    seen = set()
    for n in (20, 40, 60, 80, 100):
        places = rng.uniform(0.0, 15.0, (n, 3))
        sizes, is_spanning = sizes_of(places, box)
        copies = np.stack(np.meshgrid(*3 * [np.arange(3)]), axis=-1).reshape(-1, 3) @ box
        many = (places[None] + copies[:, None]).reshape(-1, 3)
        larger, _ = sizes_of(many, 3.0 * box)
        # without a way around, each cluster is there 27 times, and none is larger
        assert is_spanning == (larger != sorted(27 * sizes, reverse=True))
        seen.add(is_spanning)
    assert seen == {True, False}


def test_observed_frames_are_evenly_spaced_and_joined_pieces_are_the_run():
    rng = np.random.default_rng(4)
    places = rng.uniform(0.0, 24.0, (50, 90, 3)).astype(np.float32)

    def observer():
        return WaterClusters(oxygens=np.arange(10, 90), n_frames=50, max_frames=13)

    def frames(first, last):
        return Frames(
            rank=np.arange(first, last),
            positions_A=places[first:last],
            vectors_A=np.tile(ORTHOGONAL, (last - first, 1, 1)),
        )

    whole, one, other = observer(), observer(), observer()
    whole.add(frames(0, 50))
    one.add(frames(0, 21))
    other.add(frames(21, 50))
    one.join(other)
    assert whole.ranks == list(range(0, 50, 4)) == one.ranks
    assert whole.numbers == one.numbers
    number, mean, weighted, largest, fraction, _ = whole.numbers[0]
    assert number * mean == pytest.approx(80)
    assert largest / 80 == pytest.approx(fraction)
    assert mean <= weighted <= largest


def test_a_radius_beyond_half_the_box_is_noted():
    observer = WaterClusters(oxygens=np.arange(4), n_frames=1, radius_A=13.0)
    observer.add(
        Frames(
            rank=np.arange(1),
            positions_A=np.zeros((1, 4, 3), dtype=np.float32),
            vectors_A=ORTHOGONAL[None],
        )
    )
    assert observer.is_beyond_box
    assert observer.numbers == []
