import numpy as np
import pytest

from iemhpc.descriptors.frames import Frames, diagonal_vectors_A
from iemhpc.descriptors.pairs import BIN_A, PairAtoms, count_pairs, histogram, pair_atoms
from iemhpc.descriptors.rdf import coordination_number, merge_blocks, radial
from iemhpc.errors import TrajectoryError, UnknownNameError


def frames(positions_A: np.ndarray, box_A) -> Frames:
    box = np.broadcast_to(np.asarray(box_A, dtype=float), (len(positions_A), 3))
    return Frames(
        rank=np.arange(len(positions_A)),
        positions_A=positions_A.astype(np.float32),
        vectors_A=diagonal_vectors_A(box),
    )


def group(first, second) -> PairAtoms:
    return PairAtoms(reference=np.asarray(first), neighbour=np.asarray(second), elements=("X", "Y"))


def test_ideal_gas_has_flat_rdf():
    rng = np.random.default_rng(3)
    box = np.array([20.0, 22.0, 26.0])
    images = rng.integers(-3, 4, size=(40, 500, 3))  # unwrapped: far outside the box
    positions = box * (images + rng.uniform(0, 1, size=(40, 500, 3)))
    atoms = group(range(100), range(100, 500))
    counts = count_pairs([frames(positions, box)], {"x": atoms}, n_frames=40)["x"]
    rdf = radial(counts)
    assert rdf.edges_A[-1] == pytest.approx(10.0)
    away = (rdf.counts - rdf.ideal) / np.sqrt(rdf.ideal)
    assert np.abs(away[10:]).max() < 4.5
    assert away[10:].std() == pytest.approx(1.0, abs=0.15)
    assert rdf.g[100:].mean() == pytest.approx(1.0, abs=0.002)


def test_an_ideal_gas_of_one_kind_is_flat_too_as_nobody_is_its_own_neighbour():
    positions = np.random.default_rng(4).uniform(0, 20, size=(30, 200, 3))
    counts = count_pairs(
        [frames(positions, 20.0)], {"x": group(range(200), range(200))}, n_frames=30
    )
    rdf = radial(counts["x"])
    assert counts["x"].n_neighbour == 199
    assert rdf.counts[0] < 5
    assert rdf.g[60:].mean() == pytest.approx(1.0, abs=0.005)


def test_a_simple_cubic_lattice_has_its_exact_shells():
    spacing, n = 4.01, 6
    cells = np.stack(np.meshgrid(*3 * [np.arange(n)], indexing="ij"), axis=-1).reshape(-1, 3)
    positions = np.repeat((cells * spacing)[None], 5, axis=0)
    every = range(n**3)
    counts = count_pairs([frames(positions, n * spacing)], {"x": group(every, every)}, n_frames=5)
    per_atom = counts["x"].counts.sum(axis=0) / (5 * n**3)
    shells = {1: 6, 2: 12, 3: 8, 4: 6, 5: 24, 6: 24, 8: 12}
    wanted = np.zeros(len(per_atom))
    for squared, number in shells.items():
        wanted[int(np.sqrt(squared) * spacing / BIN_A)] += number
    np.testing.assert_array_equal(per_atom, wanted)
    assert coordination_number(radial(counts["x"]), 5.0) == 6.0


def test_counts_agree_with_the_plain_double_loop_in_a_long_box():
    rng = np.random.default_rng(5)
    box = np.array([18.0, 25.0, 31.0])
    positions = rng.uniform(-40, 80, size=(3, 40, 3)).astype(np.float32)
    atoms = group(range(10), range(5, 40))
    found = histogram(frames(positions, box), atoms, block=np.zeros(3, int), shape=(1, 10, 180))
    found = found.sum(axis=(0, 1))
    wanted = np.zeros(180, dtype=int)
    for frame in positions.astype(float):
        for i in range(10):
            for j in range(5, 40):
                images = [
                    np.linalg.norm(np.remainder(frame[i] - frame[j], box) - shift * box)
                    for shift in np.ndindex(2, 2, 2)
                ]
                if i != j and min(images) < 9.0:
                    wanted[int(min(images) / BIN_A)] += 1
    np.testing.assert_array_equal(found, wanted)


def test_bounded_memory_does_not_change_the_counts(monkeypatch):
    positions = np.random.default_rng(6).uniform(0, 20, size=(7, 60, 3))
    atoms = group(range(20), range(20, 60))
    some = frames(positions, 20.0)
    kwargs = {"block": np.arange(7) % 2, "shape": (2, 20, 240)}
    whole = histogram(some, atoms, **kwargs)
    monkeypatch.setattr("iemhpc.descriptors.pairs._DISTANCES_AT_ONCE", 130)
    np.testing.assert_array_equal(histogram(some, atoms, **kwargs), whole)


def test_blocks_are_consecutive_frames_and_the_smallest_box_sets_the_range():
    positions = np.zeros((40, 2, 3))
    positions[:, 1, 0] = 2.0 + np.arange(40) * 0.1  # a pair that drifts apart
    boxes = np.full((40, 3), 24.0)
    boxes[7] = 13.9
    whole = frames(positions, 24.0)
    chunks = [
        Frames(
            rank=whole.rank[at],
            positions_A=whole.positions_A[at],
            vectors_A=diagonal_vectors_A(boxes[at]),
        )
        for at in (slice(25, 40), slice(0, 25))
    ]
    counts = count_pairs(chunks, {"x": group([0], [1])}, n_frames=40)["x"]
    assert counts.counts.shape == (20, 139)
    assert counts.n_frames.tolist() == [2] * 20
    first_bins = counts.counts.argmax(axis=1)
    assert (np.diff(first_bins) >= 3).all()
    assert counts.mean_inverse_volume_A3[3] == pytest.approx((24.0**-3 + 13.9**-3) / 2)
    merged = merge_blocks(counts, 5)
    assert merged.n_frames.tolist() == [8] * 5
    np.testing.assert_allclose(radial(merged).ideal, radial(counts).ideal)
    np.testing.assert_array_equal(radial(merged).counts, radial(counts).counts)


def test_coordination_number_grows_as_r_cubed_inside_a_bin():
    counts = count_pairs(
        [frames(np.array([[[0, 0, 0], [3.02, 0, 0]]] * 5), 24.0)],
        {"x": group([0], [1])},
        n_frames=5,
    )["x"]
    rdf = radial(counts)
    share = (3.03**3 - 3.0**3) / (3.05**3 - 3.0**3)
    assert coordination_number(rdf, 2.99) == 0.0
    assert coordination_number(rdf, 3.03) == pytest.approx(share)
    assert coordination_number(rdf, 3.06) == 1.0


def test_too_few_frames_say_what_to_change():
    with pytest.raises(TrajectoryError, match=r"4 frames are too few for 5 blocks.*production_ps"):
        count_pairs([], {}, n_frames=4)


def test_groups_that_overlap_in_part_are_refused():
    some = frames(np.zeros((5, 4, 3)), 20.0)
    with pytest.raises(TrajectoryError, match="1 of 2 reference atoms are neighbours too"):
        count_pairs([some], {"x": group([0, 1], [1, 2])}, n_frames=5)


def test_water_oxygens_are_never_those_of_the_sulfonate(make_roles):
    roles = make_roles(n_sites=2, n_counterions=3, n_coions=1, n_waters=4)
    paper = pair_atoms(roles, site_convention="paper")
    waters = np.flatnonzero(roles["type_name"] == "OW")
    np.testing.assert_array_equal(paper["counterion_water"].neighbour, waters)
    np.testing.assert_array_equal(paper["tethered_water"].neighbour, waters)
    assert paper["tethered_water"].reference.tolist() == [1, 2, 3, 5, 6, 7]
    assert paper["tethered_counterion"].neighbour.tolist() == [8, 9, 10]
    assert paper["tethered_counterion"].elements == ("O", "Na")
    center = pair_atoms(roles, site_convention="center")
    assert center["tethered_counterion"].reference.tolist() == [0, 4]
    with pytest.raises(UnknownNameError, match="unknown site convention 'centre'"):
        pair_atoms(roles, site_convention="centre")


def test_a_polyatomic_counterion_counts_once_at_its_centre(make_roles):
    roles = make_roles(n_sites=0, n_counterions=0, n_coions=0, n_waters=1)
    sulfate = make_roles(n_sites=2, n_counterions=0, n_coions=0, n_waters=0)
    sulfate["role"] = "counterion"
    atoms = pair_atoms(sulfate)
    assert atoms["counterion_water"].reference.tolist() == [0, 4]
    sulfate["element"] = "O"
    with pytest.raises(TrajectoryError, match="has no element that it holds once"):
        pair_atoms(sulfate)
    assert pair_atoms(roles)["counterion_water"].elements == ("", "O")
