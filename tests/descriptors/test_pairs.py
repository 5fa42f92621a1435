import numpy as np
import pytest

from iemhpc.descriptors.frames import Frames, diagonal_vectors_A
from iemhpc.descriptors.pairs import BIN_A, PairAtoms, PairCounter, count_pairs, pair_atoms
from iemhpc.descriptors.rdf import coordination_number, merge_blocks, radial
from iemhpc.errors import InputError, TrajectoryError, UnknownNameError


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
    positions = rng.uniform(-40, 80, size=(5, 40, 3)).astype(np.float32)
    atoms = group(range(10), range(10, 40))
    found = count_pairs([frames(positions, box)], {"x": atoms}, n_frames=5)["x"].counts.sum(axis=0)
    wanted = np.zeros(180, dtype=int)
    for frame in positions.astype(float):
        for i in range(10):
            for j in range(10, 40):
                images = [
                    np.linalg.norm(np.remainder(frame[i] - frame[j], box) - shift * box)
                    for shift in np.ndindex(2, 2, 2)
                ]
                if min(images) < 9.0:
                    wanted[int(min(images) / BIN_A)] += 1
    np.testing.assert_array_equal(found, wanted)


def test_chunks_and_two_counters_of_one_trajectory_give_the_counts_of_one():
    positions = np.random.default_rng(6).uniform(0, 20, size=(24, 60, 3))
    pairs = {"x": group(range(20), range(20, 60)), "y": group(range(60), range(60))}
    whole = count_pairs([frames(positions, 20.0)], pairs, n_frames=24)
    every = frames(positions, 20.0)
    first, later = (PairCounter(pairs, n_frames=24) for _ in range(2))
    for counter, slices in ((first, (slice(0, 3), slice(3, 11))), (later, (slice(11, 24),))):
        for at in slices:
            counter.add(
                Frames(
                    rank=every.rank[at],
                    positions_A=every.positions_A[at],
                    vectors_A=every.vectors_A[at],
                )
            )
    with pytest.raises(TrajectoryError, match="11 of 24 frames were counted; count each once"):
        first.result()
    first.join(later)
    found = first.result()
    for pair, counts in whole.items():
        np.testing.assert_array_equal(found[pair].counts, counts.counts)
        np.testing.assert_array_equal(found[pair].group_counts, counts.group_counts)
        np.testing.assert_array_equal(counts.group_counts.sum(axis=0), counts.counts.sum(axis=0))
        np.testing.assert_allclose(
            found[pair].mean_inverse_volume_A3, counts.mean_inverse_volume_A3
        )


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
    sulfate = sulfate.assign(role="counterion", is_tethered_paper=False)
    atoms = pair_atoms(sulfate)
    assert atoms["counterion_water"].reference.tolist() == [0, 4]
    sulfate["element"] = "O"
    with pytest.raises(TrajectoryError, match="has no element that it holds once"):
        pair_atoms(sulfate)
    assert pair_atoms(roles)["counterion_water"].elements == ("", "O")


def test_further_pairs_are_asked_for_by_name(make_roles):
    roles = make_roles(n_sites=2, n_counterions=3, n_coions=2, n_waters=4)
    pairs = pair_atoms(roles, pairs=("coion_water", "water_water", "polymer_water_oxygen"))
    waters = np.flatnonzero(roles["type_name"] == "OW")
    assert pairs["coion_water"].reference.tolist() == [11, 12]
    np.testing.assert_array_equal(pairs["water_water"].reference, waters)
    assert pairs["polymer_water_oxygen"].reference.tolist() == list(range(8))
    np.testing.assert_array_equal(pairs["polymer_water_oxygen"].neighbour, waters)
    with pytest.raises(
        UnknownNameError, match=r"unknown pair 'coion_watr'.*joined by _.*counterion, coion, water"
    ):
        pair_atoms(roles, pairs=("coion_watr",))


@pytest.mark.parametrize(
    ("pair", "message"),
    [
        ("tethered_tethered", r"atom 2 \(O of SSTY\) has neighbours in its own molecule 1, whose"),
        ("water_water_hydrogen", r"atom 9 \(O of HOH\) has neighbours in its own molecule 3"),
        ("polymer_tethered", r"polymer_tethered: atom 1 .*choose groups of different molecules"),
    ],
)
def test_pairs_that_bonds_hold_together_are_refused(make_roles, pair, message):
    roles = make_roles(n_sites=2, n_counterions=0, n_coions=0, n_waters=2)
    with pytest.raises(InputError, match=message):
        pair_atoms(roles, pairs=(pair,))
    pair_atoms(roles.assign(molecule=0), pairs=(pair,))  # not known to be bonded


def test_ions_of_unknown_molecules_are_each_by_themselves(make_roles):
    roles = make_roles(n_sites=1, n_counterions=3, n_coions=0, n_waters=2).assign(molecule=0)
    assert pair_atoms(roles)["counterion_water"].reference.tolist() == [4, 5, 6]


def test_a_range_of_more_than_half_the_box_is_refused_where_it_is_asked_for():
    some = frames(np.zeros((5, 2, 3)), [30.0, 30.0, 19.0])
    atoms = {"x": group([0], [1])}
    counts = count_pairs([some], atoms, n_frames=5, r_max_A=9.5, bin_A=0.1)["x"]
    assert counts.counts.shape == (5, 95)
    assert counts.bin_A == 0.1
    with pytest.raises(InputError, match=r"r_max of 10 Å is more than half .*9.50 Å at frame 0"):
        count_pairs([some], atoms, n_frames=5, r_max_A=10.0)
    assert count_pairs([some], atoms, n_frames=5)["x"].counts.shape == (5, 190)


def test_a_range_shorter_than_a_bin_is_refused():
    with pytest.raises(InputError, match=r"r_max of 0.01 Å is shorter than a bin of 0.05 Å"):
        count_pairs([], {}, n_frames=5, r_max_A=0.01)
