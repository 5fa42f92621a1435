"""Both ways of counting against double precision, in boxes of any shape, and how they are kept."""

import os
import subprocess
import sys
import textwrap
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from iemhpc.descriptors import cells, kernel
from iemhpc.descriptors.frames import Frames
from iemhpc.descriptors.pairs import PairAtoms, PairCounter, count_pairs
from iemhpc.descriptors.rdf import radial
from iemhpc.descriptors.selection import select
from iemhpc.descriptors.shell import find_shell

ORTHOGONAL = np.diag([31.0, 27.0, 36.5])
RESTRICTED = np.array([[30.0, 0, 0], [9.0, 28.0, 0], [-11.0, 7.0, 33.0]])
VERY_TILTED = np.array([[20.0, 0, 0], [19.0, 24.0, 0], [31.0, -23.0, 26.0]])
"""Beyond what LAMMPS would flip: no coordinate-wise rounding finds its nearest images."""
BOXES = pytest.mark.parametrize("box", [ORTHOGONAL, RESTRICTED, VERY_TILTED])


def unwrapped(rng, box, n_frames: int, n_atoms: int, *, images: int = 20) -> np.ndarray:
    away = rng.integers(-images, images + 1, size=(n_frames, n_atoms, 3))
    return ((rng.uniform(size=(n_frames, n_atoms, 3)) + away) @ box).astype(np.float32)


def framed(positions_A: np.ndarray, box: np.ndarray) -> Frames:
    n = len(positions_A)
    return Frames(
        rank=np.arange(n), positions_A=positions_A, vectors_A=np.repeat(box[None], n, axis=0)
    )


def half_height_A(box: np.ndarray) -> float:
    return float(1.0 / np.linalg.norm(np.linalg.inv(box), axis=0).max() / 2.0)


def in_double(frames: Frames, reference, neighbour, *, n_bins: int, bin_A: float = 0.05):
    """Count pairs with 3³ images around the one that fractions give, in double precision."""
    counts = np.zeros((len(frames.rank), n_bins), dtype=np.int64)
    for at, (positions, box) in enumerate(zip(frames.positions_A, frames.vectors_A, strict=True)):
        r = positions.astype(np.float64)
        away = (r[reference][:, None] - r[neighbour][None]) @ np.linalg.inv(box)
        away = (away - np.rint(away)) @ box
        around = np.stack(np.meshgrid(*3 * [[-1, 0, 1]]), axis=-1).reshape(-1, 3) @ box
        nearest = np.min([np.linalg.norm(away + image, axis=-1) for image in around], axis=0)
        nearest[np.asarray(reference)[:, None] == np.asarray(neighbour)[None]] = np.inf
        near = nearest[nearest < n_bins * bin_A]
        counts[at] = np.bincount((near / bin_A).astype(int), minlength=n_bins)[:n_bins]
    return counts


def counted(frames: Frames, pairs, *, n_bins: int, how: str, bin_A: float = 0.05):
    """Count by one of the two ways, a block a frame."""
    n = len(frames.rank)
    groups = [(np.asarray(a), np.asarray(b), np.zeros(len(a), dtype=np.int64)) for a, b in pairs]
    selection = select(groups, n_blocks=n)
    counts = np.zeros((n * len(pairs), n_bins), dtype=np.int64)
    boxes, inverse = frames.vectors_A, np.linalg.inv(frames.vectors_A)
    arrays = (frames.positions_A, boxes, inverse, np.arange(n), selection, bin_A)
    if how == "all":
        kernel.count_all(*arrays, counts)
    else:
        grid = cells.choose_grid(selection, frames.heights_A.mean(axis=0), n_bins * bin_A)
        kernel.count_in_cells(*arrays, grid, counts)
    return counts.reshape(len(pairs), n, n_bins)


@BOXES
@pytest.mark.parametrize("how", ["all", "cells"])
def test_counts_are_those_of_double_precision_far_outside_of_any_box(box, how):
    rng = np.random.default_rng(11)
    frames = framed(unwrapped(rng, box, 6, 500), box)
    ions, sites, water = np.arange(20), np.arange(20, 60), np.arange(60, 500)
    n_bins = int(half_height_A(box) / 0.05)
    pairs = [(ions, water), (sites, water), (sites, ions)]
    found = counted(frames, pairs, n_bins=n_bins, how=how)
    for counts, (reference, neighbour) in zip(found, pairs, strict=True):
        np.testing.assert_array_equal(
            counts, in_double(frames, reference, neighbour, n_bins=n_bins)
        )


@pytest.mark.parametrize("how", ["all", "cells"])
def test_a_reference_that_is_a_neighbour_too_counts_itself_once_in_the_first_bin(how):
    rng = np.random.default_rng(12)
    frames = framed(unwrapped(rng, RESTRICTED, 2, 200), RESTRICTED)
    every, some = np.arange(200), np.arange(30)
    found = counted(frames, [(every, every), (some, every)], n_bins=200, how=how)
    for counts, reference in zip(found, (every, some), strict=True):
        wanted = in_double(frames, reference, every, n_bins=200)
        wanted[:, 0] += len(reference)
        np.testing.assert_array_equal(counts, wanted)


@settings(deadline=None, max_examples=40)
@given(
    edges=st.tuples(*3 * [st.floats(6.0, 40.0)]),
    tilts=st.tuples(*3 * [st.floats(-1.5, 1.5)]),
    bin_A=st.sampled_from([0.02, 0.05, 0.1]),
    seed=st.integers(0, 2**32 - 1),
)
def test_both_ways_agree_with_double_precision_in_any_cell(edges, tilts, bin_A, seed):
    box = np.diag(edges)
    box[1, 0], box[2, 0], box[2, 1] = tilts[0] * edges[0], tilts[1] * edges[0], tilts[2] * edges[1]
    frames = framed(unwrapped(np.random.default_rng(seed), box, 2, 150, images=3), box)
    n_bins = int(min(12.0, half_height_A(box)) / bin_A)
    reference, neighbour = np.arange(20), np.arange(20, 150)
    wanted = in_double(frames, reference, neighbour, n_bins=n_bins, bin_A=bin_A)
    for how in ("all", "cells"):
        pairs = [(reference, neighbour)]
        found = counted(frames, pairs, n_bins=n_bins, how=how, bin_A=bin_A)[0]
        # a distance at the edge of a bin to nine digits may fall on either side of it
        assert np.abs(found - wanted).sum() <= 2


def test_pairs_at_the_end_of_the_range_stay_in_their_row():
    # distances around the last edge, closer to it than single precision tells
    ends = (6.0 + np.linspace(-9e-6, 9e-6, 61)).astype(np.float32)
    positions = np.zeros((1, 62, 3), dtype=np.float32)
    positions[0, 1:, 0] = ends
    frames = Frames(
        rank=np.arange(1), positions_A=positions, vectors_A=np.diag([40.0, 40.0, 40.0])[None]
    )
    for how in ("all", "cells"):
        pairs = [(np.arange(1), np.arange(1, 62)), (np.arange(1), np.arange(1))]
        found = counted(frames, pairs, n_bins=120, how=how)
        assert found[0, 0, 119] == pytest.approx((ends < 6.0).sum(), abs=1)  # one is 6
        assert found[0].sum() == found[0, 0, 119]
        assert found[1].sum() == found[1, 0, 0] == 1


def test_the_way_of_counting_does_not_change_the_counts(monkeypatch):
    rng = np.random.default_rng(13)
    frames = framed(unwrapped(rng, RESTRICTED, 20, 300), RESTRICTED)
    pairs = {
        "a_b": PairAtoms(reference=np.arange(30), neighbour=np.arange(30, 300), elements=("X", "Y"))
    }
    found = []
    for pays in (True, False):
        monkeypatch.setattr(cells, "cells_pay", lambda *_, pays=pays: pays)
        found.append(count_pairs([frames], pairs, n_frames=20)["a_b"])
    np.testing.assert_array_equal(found[0].counts, found[1].counts)
    np.testing.assert_array_equal(found[0].group_counts, found[1].group_counts)


def test_a_perovskite_has_coordination_numbers_of_6_and_12_and_8():
    # ABO3: B has 6 O at a/2, A has 12 O at a/sqrt(2) and 8 B at a sqrt(3)/2
    lattice_A, n = 4.13, 6
    corner = np.stack(np.meshgrid(*3 * [np.arange(n)], indexing="ij"), axis=-1).reshape(-1, 3)
    basis = {"A": [[0, 0, 0]], "B": [[0.5, 0.5, 0.5]]}
    basis["O"] = [[0.5, 0.5, 0], [0.5, 0, 0.5], [0, 0.5, 0.5]]
    places, at = [], {}
    for name, offsets in basis.items():
        group = (corner[:, None] + np.array(offsets)).reshape(-1, 3) * lattice_A
        start = sum(map(len, places))
        at[name] = np.arange(start, start + len(group))
        places.append(group)
    still = np.concatenate(places)
    rng = np.random.default_rng(14)
    positions = still + rng.normal(0, 0.04, size=(40, *still.shape))  # a crystal that is warm
    frames = framed(positions.astype(np.float32), np.eye(3) * n * lattice_A)
    pairs = {
        f"{a}_{b}": PairAtoms(reference=at[a], neighbour=at[b], elements=(a, b))
        for a, b in ("BO", "AO", "AB")
    }
    counts = count_pairs([frames], pairs, n_frames=40)
    wanted = {
        "B_O": (6, lattice_A / 2),
        "A_O": (12, lattice_A / np.sqrt(2)),
        "A_B": (8, lattice_A * np.sqrt(3) / 2),
    }
    for pair, (number, distance_A) in wanted.items():
        shell = find_shell(radial(counts[pair]))
        assert shell.coordination_number == pytest.approx(number, abs=1e-9)
        assert shell.peak_position_A == pytest.approx(distance_A, abs=0.02)


def test_the_volume_of_each_frame_counts():
    # an ideal gas that breathes: g = 1 by the mean of 1/V, not by the mean volume
    rng = np.random.default_rng(15)
    edges = 20.0 + 4.0 * np.sin(np.arange(60))
    boxes = edges[:, None, None] * np.eye(3)
    positions = (rng.uniform(size=(60, 400, 3)) @ boxes).astype(np.float32)
    frames = Frames(rank=np.arange(60), positions_A=positions, vectors_A=boxes)
    gas = {"x": PairAtoms(reference=np.arange(100), neighbour=np.arange(100, 400), elements="XY")}
    counts = count_pairs([frames], gas, n_frames=60)["x"]
    assert len(counts.counts[0]) == int(edges.min() / 2 / 0.05)
    assert radial(counts).g[60:].mean() == pytest.approx(1.0, abs=0.01)


def test_groups_without_atoms_have_no_counts():
    nobody = np.empty(0, dtype=np.int64)
    frames = framed(np.zeros((5, 3, 3), dtype=np.float32), np.eye(3) * 30)
    pairs = {
        "a": PairAtoms(reference=nobody, neighbour=np.arange(3), elements=("", "O")),
        "b": PairAtoms(reference=np.arange(2), neighbour=nobody, elements=("Na", "")),
    }
    found = count_pairs([frames], pairs, n_frames=5)
    assert [found[name].counts.sum() for name in pairs] == [0, 0]
    assert found["a"].n_reference == found["b"].n_neighbour == 0


def test_memory_does_not_grow_with_the_frames():
    counter = PairCounter(
        {"x": PairAtoms(reference=np.arange(9), neighbour=np.arange(9, 99), elements=("X", "Y"))},
        n_frames=100_000,
    )
    frames = framed(unwrapped(np.random.default_rng(16), ORTHOGONAL, 5, 99), ORTHOGONAL)
    sizes = set()
    for start in range(0, 50, 5):
        counter.add(
            Frames(
                rank=frames.rank + start,
                positions_A=frames.positions_A,
                vectors_A=frames.vectors_A,
            )
        )
        sizes.add(sum(a.nbytes for a in vars(counter).values() if isinstance(a, np.ndarray)))
    assert len(sizes) == 1


def run_copy(folder: Path, **environment: str) -> str:
    """Count with a copy of the kernel from a folder of its own and return what it printed."""
    script = textwrap.dedent(
        """
        import numpy as np
        import kernel_copy
        place = np.empty((3, 1), np.int32)
        kernel_copy.fixed_point(
            np.array([[5.0, 7.5, 2.5]], np.float32), np.array([0]), np.eye(3) / 10, place
        )
        stats = kernel_copy.fixed_point.stats
        print(place[0, 0], sum(stats.cache_hits.values()), sum(stats.cache_misses.values()))
        """
    )
    answer = subprocess.run(
        [sys.executable, "-c", script],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
        env=os.environ | {"PYTHONPATH": str(folder), "PYTHONDONTWRITEBYTECODE": "1"} | environment,
    )
    assert answer.stderr == ""
    return answer.stdout.strip()


def test_compiled_code_is_kept_beside_the_source_or_else_in_the_users_cache(tmp_path):
    package, home, nowhere = (tmp_path / name for name in ("package", "home", "nowhere"))
    for folder in (package, home):
        folder.mkdir()
    nowhere.write_text("a file, so that no folder can be made here")
    (package / "kernel_copy.py").write_text(Path(kernel.__file__).read_text())
    first = {"HOME": str(home), "XDG_CACHE_HOME": str(home)}
    half_around = str(-(2**31))
    assert run_copy(package, **first) == f"{half_around} 0 1"
    assert run_copy(package, **first) == f"{half_around} 1 0"
    for kept in (package / "__pycache__").iterdir():
        kept.unlink()
    (package / "__pycache__").rmdir()
    (package / "__pycache__").write_text("what a folder that cannot be written comes to")
    assert run_copy(package, **first) == f"{half_around} 0 1"
    assert list(home.rglob("*.nbi"))
    # nowhere to write: compiled each time, and right all the same
    lost = {"HOME": str(nowhere), "XDG_CACHE_HOME": str(nowhere)}
    assert run_copy(package, **lost).startswith(half_around)


def test_numba_is_not_imported_before_something_is_counted():
    script = textwrap.dedent(
        """
        import sys
        from iemhpc.descriptors.pairs import PairCounter, pair_atoms
        print("numba" in sys.modules, end=" ")
        PairCounter({}, n_frames=5)
        print("numba" in sys.modules)
        """
    )
    answer = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=120, check=True
    )
    assert answer.stdout == "False False\n"
