import numpy as np
import pytest

from iemhpc.descriptors.frames import (
    Frames,
    diagonal_vectors_A,
    one_pass,
    restrict,
    vectors_from_angles_A,
)
from iemhpc.errors import TrajectoryError


def boxes(vectors_A) -> Frames:
    vectors = np.asarray(vectors_A, dtype=float)
    return Frames(
        rank=np.arange(len(vectors)),
        positions_A=np.zeros((len(vectors), 1, 3), dtype=np.float32),
        vectors_A=vectors,
    )


def test_volume_edges_and_heights_of_tilted_boxes():
    some = boxes([[[10, 0, 0], [6, 8, 0], [0, 0, 12]], np.diag([3.0, 4.0, 5.0])])
    np.testing.assert_allclose(some.volume_A3, [960.0, 60.0])
    np.testing.assert_allclose(some.edges_A, [[10, 10, 12], [3, 4, 5]])
    np.testing.assert_allclose(some.heights_A, [[8, 8, 12], [3, 4, 5]])
    assert not some.is_orthogonal
    assert boxes(diagonal_vectors_A(np.full((4, 3), 20.0))).is_orthogonal


def test_lengths_and_angles_are_those_of_the_vectors():
    rng = np.random.default_rng(2)
    angles = rng.uniform(65, 115, size=(50, 3))
    lengths = rng.uniform(10, 40, size=(50, 3))
    a, b, c = vectors_from_angles_A(lengths, angles).transpose(1, 0, 2)
    np.testing.assert_allclose(
        [np.linalg.norm(one, axis=1) for one in (a, b, c)], lengths.T, rtol=1e-12
    )
    for one, two, k in ((b, c, 0), (c, a, 1), (a, b, 2)):
        cosine = (one * two).sum(axis=1) / np.linalg.norm(one, axis=1) / np.linalg.norm(two, axis=1)
        np.testing.assert_allclose(np.degrees(np.arccos(cosine)), angles[:, k], rtol=1e-9)


def test_angles_of_no_box_are_not_finite():
    assert not np.isfinite(
        vectors_from_angles_A(np.full((1, 3), 10.0), np.array([[30.0, 30.0, 120.0]]))
    ).all()


def test_turning_a_box_keeps_all_distances():
    rng = np.random.default_rng(3)
    vectors = np.eye(3) * 20 + rng.normal(size=(4, 3, 3)) * 3
    positions = rng.uniform(0, 20, size=(4, 30, 3)).astype(np.float32)
    turned, upright = restrict(positions, vectors)
    assert (upright[:, (0, 0, 1), (1, 2, 2)] == 0.0).all()
    assert (np.diagonal(upright, axis1=1, axis2=2) > 0).all()
    np.testing.assert_allclose(
        upright @ upright.transpose(0, 2, 1), vectors @ vectors.transpose(0, 2, 1), rtol=1e-9
    )
    before = np.linalg.norm(positions[:, :, None] - positions[:, None], axis=-1)
    after = np.linalg.norm(turned[:, :, None] - turned[:, None], axis=-1)
    np.testing.assert_allclose(after, before, atol=2e-5)
    same, box = restrict(turned, upright)
    assert same is turned
    assert box is upright


def test_a_left_handed_box_is_refused():
    with pytest.raises(TrajectoryError, match="frame 0 of these: the box vectors are left-handed"):
        restrict(np.zeros((1, 1, 3), dtype=np.float32), np.diag([1.0, 1.0, -1.0])[None])


def test_one_pass_shows_every_frame_to_everybody_in_order():
    class Source:
        def chunks(self, first: int = 0, last: int | None = None):
            for k in range(first, 6 if last is None else last, 2):
                yield boxes(diagonal_vectors_A(np.full((2, 3), 10.0 + k)))

    class Sizes:
        def __init__(self) -> None:
            self.seen: list[float] = []

        def add(self, frames: Frames) -> None:
            self.seen += frames.edges_A[:, 0].tolist()

    observers = (Sizes(), Sizes())
    one_pass(Source(), observers)  # type: ignore[arg-type]
    assert observers[0].seen == observers[1].seen == [10, 10, 12, 12, 14, 14]
    one_pass(Source(), observers[:1], first=2, last=4)  # type: ignore[arg-type]
    assert observers[0].seen[6:] == [12, 12]
