"""Contacts: who is near whom, and how contacts survive."""

import numpy as np
import pytest

from iemhpc.descriptors.contacts import Contacts, Stays, lags_of, lived_through, survival
from iemhpc.descriptors.frames import Frames
from iemhpc.descriptors.neighbours import near_pairs, nearest_distances_A

ORTHOGONAL = np.diag([22.0, 25.0, 30.0])
TILTED = np.array([[22.0, 0.0, 0.0], [9.0, 25.0, 0.0], [-7.0, 11.0, 30.0]])


def frames_of(positions_A: np.ndarray, vectors_A: np.ndarray, first: int = 0) -> Frames:
    n = len(positions_A)
    return Frames(
        rank=np.arange(first, first + n),
        positions_A=positions_A.astype(np.float32),
        vectors_A=np.tile(vectors_A, (n, 1, 1)),
    )


def distances_A(ones_A: np.ndarray, others_A: np.ndarray, vectors_A: np.ndarray) -> np.ndarray:
    """All distances by trying 125 images: slow and plain."""
    steps = others_A[None, :].astype(float) - ones_A[:, None]
    steps -= np.rint(steps @ np.linalg.inv(vectors_A)) @ vectors_A
    images = np.stack(np.meshgrid(*3 * [np.arange(-2, 3)]), axis=-1).reshape(-1, 3) @ vectors_A
    return np.sqrt(np.min([((steps + image) ** 2).sum(axis=-1) for image in images], axis=0))


def stays_of(in_contact: np.ndarray) -> Stays:
    """Stays of a table of zeros and ones, shape (n_ions, n_neighbours, n_frames)."""
    rows = []
    for pair, series in enumerate(in_contact.reshape(-1, in_contact.shape[2])):
        edges = np.flatnonzero(np.diff(np.concatenate([[0], series, [0]])))
        rows += [(pair, *stay) for stay in edges.reshape(-1, 2).tolist()]
    pair, start, end = np.array(rows, dtype=np.int64).reshape(-1, 3).T
    return Stays(
        pair=pair,
        start=start,
        end=end,
        n_ions=in_contact.shape[0],
        n_neighbours=in_contact.shape[1],
        n_frames=in_contact.shape[2],
    )


@pytest.mark.parametrize("vectors_A", [ORTHOGONAL, TILTED], ids=["orthogonal", "triclinic"])
@pytest.mark.parametrize("radius_A", [3.2, 6.0, 9.0])
@pytest.mark.parametrize("n_near", [100, 700], ids=["few", "many"])
def test_near_pairs_are_those_of_all_images(vectors_A, radius_A, n_near):
    rng = np.random.default_rng(3)
    positions_A = rng.uniform(-2.0, 3.0, (20 + n_near, 3)) @ vectors_A
    positions_A = positions_A.astype(np.float32)
    found = near_pairs(
        positions_A,
        vectors_A,
        reference=np.arange(20),
        neighbour=np.arange(20, 20 + n_near),
        radius_A=radius_A,
    )
    wanted = distances_A(positions_A[:20], positions_A[20:], vectors_A) < radius_A
    np.testing.assert_array_equal(found, np.flatnonzero(wanted))


def test_nearest_distances_are_those_of_all_images():
    rng = np.random.default_rng(4)
    positions_A = (rng.uniform(-2.0, 3.0, (2, 60, 3)) @ TILTED).astype(np.float32)
    found = nearest_distances_A(
        positions_A, np.tile(TILTED, (2, 1, 1)), np.arange(10), np.arange(10, 60)
    )
    for frame in range(2):
        wanted = distances_A(positions_A[frame, :10], positions_A[frame, 10:], TILTED).min(axis=1)
        np.testing.assert_allclose(found[frame], wanted, rtol=1e-5)


def test_no_neighbours_are_no_pairs():
    nobody = np.empty(0, dtype=np.int64)
    places = np.zeros((1, 3), dtype=np.float32)
    found = near_pairs(places, ORTHOGONAL, reference=np.array([0]), neighbour=nobody, radius_A=3.0)
    assert found.tolist() == []


def random_walk(n_frames: int) -> np.ndarray:
    rng = np.random.default_rng(5)
    start = rng.uniform(0.0, 1.0, (150, 3)) @ TILTED
    return start + np.cumsum(rng.normal(0.0, 0.5, (n_frames, 150, 3)), axis=0)


def contacts(**changes) -> Contacts:
    about = {"ions": np.arange(8), "neighbours": np.arange(8, 150), "radius_A": 4.0, "n_frames": 60}
    return Contacts(**{**about, **changes})


def in_contact(positions_A: np.ndarray, radius_A: float) -> np.ndarray:
    positions_A = positions_A.astype(np.float32)
    near = [distances_A(places[:8], places[8:], TILTED) < radius_A for places in positions_A]
    return np.array(near).transpose(1, 2, 0).astype(int)


def test_stays_are_those_of_every_frame_looked_at_alone():
    positions_A = random_walk(60)
    observer = contacts()
    for first in range(0, 60, 7):
        observer.add(frames_of(positions_A[first : first + 7], TILTED, first))
    wanted = stays_of(in_contact(positions_A, 4.0))
    for name in ("pair", "start", "end"):
        np.testing.assert_array_equal(getattr(observer.stays(), name), getattr(wanted, name))


def test_pieces_of_a_run_joined_are_the_run():
    positions_A = random_walk(60)
    whole, first, second = contacts(), contacts(), contacts()
    whole.add(frames_of(positions_A, TILTED))
    first.add(frames_of(positions_A[:23], TILTED))
    second.add(frames_of(positions_A[23:], TILTED, 23))
    first.join(second)
    for name in ("pair", "start", "end"):
        np.testing.assert_array_equal(
            getattr(first.stays(), name), getattr(whole.stays(), name), err_msg=name
        )


def test_a_contact_with_any_part_of_a_site_is_one_with_the_site():
    box = 20.0 * np.eye(3)
    # an ion that hops from one oxygen of a sulfonate to the next, and then away
    places = np.zeros((3, 4, 3))
    places[:, 1:] = [[2.0, 0, 0], [4.0, 0, 0], [10.0, 0, 0]]
    places[1, 0] = [5.0, 0, 0]
    places[2, 0] = [8.5, 0, 0]
    observer = Contacts(
        ions=np.array([0]),
        neighbours=np.array([1, 2, 3]),
        site=np.array([0, 0, 1]),
        radius_A=2.5,
        n_frames=3,
    )
    observer.add(frames_of(places, box))
    stays = observer.stays()
    assert list(
        zip(stays.pair.tolist(), stays.start.tolist(), stays.end.tolist(), strict=True)
    ) == [
        (0, 0, 2),
        (1, 2, 3),
    ]


def test_of_very_many_frames_some_are_followed_evenly_spaced():
    positions_A = random_walk(60)
    observer, sparse = contacts(max_frames=20), contacts(n_frames=20)
    for first in range(0, 60, 7):
        observer.add(frames_of(positions_A[first : first + 7], TILTED, first))
    sparse.add(frames_of(positions_A[::3], TILTED))
    assert observer.stride == 3
    for name in ("pair", "start", "end"):
        np.testing.assert_array_equal(
            getattr(observer.stays(), name), getattr(sparse.stays(), name), err_msg=name
        )
    assert observer.stays().n_frames == 20


def test_a_radius_beyond_half_the_box_is_noted():
    observer = contacts(radius_A=11.0)
    observer.add(frames_of(random_walk(1), TILTED))
    assert observer.is_beyond_box


@pytest.mark.parametrize(
    ("kind", "tolerance"), [("continuous", 0), ("tolerant", 3), ("intermittent", 0)]
)
def test_survival_is_that_of_the_definition(kind, tolerance):
    rng = np.random.default_rng(6)
    h = np.zeros((3, 4, 80), dtype=int)
    for frame in range(80):  # telegraphs with rare changes
        before = h[:, :, frame - 1]
        h[:, :, frame] = np.where(rng.random((3, 4)) < 0.2, 1 - before, before)
    found = survival(stays_of(h), kind, tolerance_frames=tolerance)
    for at, lag in enumerate(found.lags.tolist()):
        kept = np.zeros(3)
        for ion, neighbour in np.ndindex(3, 4):
            series = h[ion, neighbour]
            for origin in range(80 - lag):
                if not (series[origin] and series[origin + lag]):
                    continue
                between = "".join(map(str, series[origin : origin + lag + 1]))
                longest = max(map(len, between.split("1")), default=0)
                allowed = {"continuous": 0, "tolerant": tolerance, "intermittent": 80}[kind]
                kept[ion] += longest <= allowed
        np.testing.assert_array_equal(found.kept[:, at], kept)
        np.testing.assert_array_equal(found.of[:, at], h[:, :, : 80 - lag].sum(axis=(1, 2)))


def test_a_telegraph_is_remembered_as_its_rates_say():
    # on -> off with a, off -> on with b a frame: C(t) = p + (1 - p)(1 - a - b)^t, p = b / (a + b)
    a, b, n_frames = 0.05, 0.02, 4000
    rng = np.random.default_rng(7)
    h = np.zeros((20, 5, n_frames), dtype=int)
    h[:, :, 0] = rng.random((20, 5)) < b / (a + b)
    change = rng.random(h.shape)
    for frame in range(1, n_frames):
        before = h[:, :, frame - 1]
        h[:, :, frame] = np.where(before == 1, change[:, :, frame] >= a, change[:, :, frame] < b)
    stays = stays_of(h)
    early = lags_of(n_frames) < 60
    lags = lags_of(n_frames)[early]
    p = b / (a + b)
    intermittent = survival(stays, "intermittent").values[early]
    np.testing.assert_allclose(intermittent, p + (1 - p) * (1 - a - b) ** lags, atol=0.02)
    continuous = survival(stays, "continuous").values[early]
    np.testing.assert_allclose(continuous, (1 - a) ** lags, atol=0.02)
    assert stays.contacts_per_frame == pytest.approx(100 * p, rel=0.03)


def test_contacts_that_live_through_the_run_are_told_from_those_that_come_back():
    h = np.ones((1, 4, 50), dtype=int)
    h[0, 1, 20:22] = 0  # away for two frames
    h[0, 2, 20:30] = 0  # away for ten
    h[0, 3, 20:] = 0  # gone
    stays = stays_of(h)
    assert lived_through(stays) == (4, 1, 3)
    assert lived_through(stays, tolerance_frames=2) == (4, 2, 3)


def test_lags_end_with_the_run():
    lags = lags_of(5000)
    assert lags[0] == 0
    assert lags[-1] == 4999
    assert len(lags) <= 61
