import numpy as np
import pytest
from scipy.spatial import cKDTree

from iemhpc.system import packing
from iemhpc.system.assembly import WATER_A
from iemhpc.system.packing import TOLERANCE_A, Rigid, pack

WATER = ("O", "H", "H")


def waters(count: int) -> Rigid:
    return Rigid(elements=WATER, positions_A=WATER_A, count=count)


def ions(count: int) -> Rigid:
    return Rigid(elements=("Na",), positions_A=np.zeros((1, 3)), count=count)


def least_distance(first: np.ndarray, second: np.ndarray, edge: float) -> float:
    vector = first[:, None] - second[None]
    vector -= edge * np.round(vector / edge)
    return float(np.linalg.norm(vector, axis=-1).min())


def test_molecules_keep_their_distance_and_their_shape_in_every_image() -> None:
    edge = 16.0
    chain = np.column_stack([np.linspace(-3, 21, 17), np.full(17, 15.9), np.full(17, 8.0)])
    fixed = Rigid(elements=("C",) * 17, positions_A=chain, count=0)
    packed = pack(fixed, [ions(4), waters(60)], edge_A=edge, seed=1)
    assert packed is not None
    assert packed.shape == (4 + 180, 3)
    four, placed = packed[:4], packed[4:].reshape(60, 3, 3)
    assert least_distance(packed, chain, edge) >= TOLERANCE_A
    for k in range(1, 60):
        assert least_distance(placed[k], placed[:k].reshape(-1, 3), edge) >= TOLERANCE_A
    for k in range(1, 4):
        assert least_distance(four[k : k + 1], four[:k], edge) >= TOLERANCE_A
    assert least_distance(four, packed[4:], edge) >= TOLERANCE_A
    for arm in (1, 2):
        assert np.linalg.norm(placed[:, arm] - placed[:, 0], axis=1) == pytest.approx(0.9572)


def test_a_seed_says_the_packing() -> None:
    first, again, other = (pack(None, [waters(20)], edge_A=14.0, seed=s) for s in (1, 1, 2))
    assert first is not None
    assert other is not None
    assert np.array_equal(first, again)  # type: ignore[arg-type]
    assert not np.allclose(first, other)


def test_what_does_not_fit_is_none() -> None:
    assert pack(None, [ions(80)], edge_A=6.0, seed=1) is None


def test_no_rounds_left_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packing, "N_ROUNDS", 1)
    assert pack(None, [waters(250)], edge_A=20.0, seed=1) is None


def test_nothing_to_pack_is_nothing() -> None:
    packed = pack(None, [ions(0)], edge_A=20.0, seed=1)
    assert packed is not None
    assert packed.shape == (0, 3)
    assert pack(None, [], edge_A=20.0, seed=1) is not None


def test_kinds_come_in_the_order_they_were_given() -> None:
    packed = pack(None, [waters(2), ions(1), waters(1)], edge_A=20.0, seed=1)
    assert packed is not None
    bonds = np.linalg.norm(packed[[1, 2, 4, 5, 8, 9]] - packed[[0, 0, 3, 3, 7, 7]], axis=1)
    assert bonds == pytest.approx(np.full(6, 0.9572))


@pytest.mark.parametrize("density_g_cm3", [0.7, 0.85])
def test_water_fits_at_most_of_its_own_density(density_g_cm3: float) -> None:
    edge = 25.0
    count = round(density_g_cm3 / 18.015 * 0.60221 * edge**3)
    packed = pack(None, [waters(count)], edge_A=edge, seed=1)
    assert packed is not None
    assert packed.shape == (3 * count, 3)


def test_places_are_uniform_and_ions_not_paired() -> None:
    edge, n = 40.0, 300
    packed = pack(None, [ions(n)], edge_A=edge, seed=3)
    assert packed is not None
    tree = cKDTree(np.mod(packed, edge), boxsize=edge)
    for low, high in ((2.0, 4.0), (4.0, 8.0), (8.0, 12.0)):
        pairs = len(tree.query_pairs(high)) - len(tree.query_pairs(low))
        ideal = n * (n - 1) / 2 * 4 / 3 * np.pi * (high**3 - low**3) / edge**3
        assert pairs == pytest.approx(ideal, abs=4 * np.sqrt(ideal))
    counts, _ = np.histogramdd(np.mod(packed, edge), bins=(2, 2, 2), range=[(0, edge)] * 3)
    assert counts.min() > n / 8 - 4 * np.sqrt(n / 8)


def test_water_points_everywhere() -> None:
    packed = pack(None, [waters(400)], edge_A=30.0, seed=2)
    assert packed is not None
    molecules = packed.reshape(-1, 3, 3)
    dipoles = molecules[:, 1:].mean(axis=1) - molecules[:, 0]
    dipoles /= np.linalg.norm(dipoles, axis=1, keepdims=True)
    assert np.abs(dipoles.mean(axis=0)).max() < 4 / np.sqrt(3 * 400)


def test_shifting_everything_by_a_face_changes_no_room() -> None:
    edge = 20.0
    chain = np.random.default_rng(1).uniform(0, edge, (150, 3))
    for shift in (0.0, 7 * edge, -edge):
        fixed = Rigid(elements=("C",) * 150, positions_A=chain + shift, count=0)
        packed = pack(fixed, [waters(80)], edge_A=edge, seed=1)
        assert packed is not None
        assert least_distance(packed, chain, edge) > TOLERANCE_A - 1e-9
