import numpy as np

from iemhpc.check.structure import small_rings


def ring(atoms: list[int]) -> list[list[int]]:
    return [list(pair) for pair in zip(atoms, atoms[1:] + atoms[:1], strict=True)]


def test_fused_and_separate_rings_are_found_once_each() -> None:
    naphthalene = ring([0, 1, 2, 3, 4, 5]) + ring([4, 6, 7, 8, 9, 5])[:-1]
    bonds = np.array([*naphthalene, [3, 20], *ring([20, 21, 22, 23, 24])])
    assert sorted(map(len, small_rings(bonds))) == [5, 6, 6]


def test_the_mesh_of_a_network_is_no_ring() -> None:
    assert small_rings(np.array(ring(list(range(12))))) == []
    assert len(small_rings(np.array(ring(list(range(8)))))) == 1


def test_order_is_around_the_ring() -> None:
    (found,) = small_rings(np.array(ring([3, 7, 1, 9, 5])))
    bonds = {frozenset(pair) for pair in ring([3, 7, 1, 9, 5])}
    assert {frozenset(pair) for pair in ring(list(found))} == bonds


def test_chains_and_single_atoms_have_no_rings() -> None:
    assert small_rings(np.array([[0, 1], [1, 2]])) == []
    assert small_rings(np.empty((0, 2), dtype=np.int64)) == []
