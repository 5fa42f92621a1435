import numpy as np
import pytest

from iemhpc.system.spearing import bonds_through_rings

ANGLE = np.arange(6) * np.pi / 3
HEXAGON = np.column_stack([1.4 * np.cos(ANGLE), 1.4 * np.sin(ANGLE), np.zeros(6)])
BOX_A = np.full(3, 20.0)


def speared(bond: np.ndarray, shift: float = 0.0) -> bool:
    atoms = np.vstack([HEXAGON, bond]) + shift
    found = bonds_through_rings(
        atoms, bonds=np.array([[6, 7]]), rings=[tuple(range(6))], box_A=BOX_A
    )
    return found == [(0, 0)]


@pytest.mark.parametrize("shift", [0.0, 5.0, 19.5])
@pytest.mark.parametrize(
    ("x", "y", "inside"),
    [(0.0, 0.0, True), (0.9, 0.0, True), (-0.6, 0.8, True), (1.6, 0.0, False), (0.0, 1.3, False)],
)
def test_a_bond_across_the_plane_counts_inside_the_ring_only(
    x: float, y: float, inside: bool, shift: float
) -> None:
    assert speared(np.array([[x, y, -0.7], [x + 0.05, y, 0.8]]), shift) is inside


def test_a_bond_that_ends_before_the_plane_does_not_count() -> None:
    assert not speared(np.array([[0.1, 0.1, 1.6], [0.1, 0.1, 0.1]]))


def test_a_bond_and_a_ring_cut_by_the_faces_of_the_box_are_seen() -> None:
    atoms = np.vstack([HEXAGON, [[0.1, 0.2, -0.7], [0.1, 0.2, 0.7]]]) % BOX_A
    assert bonds_through_rings(
        atoms, bonds=np.array([[6, 7]]), rings=[tuple(range(6))], box_A=BOX_A
    ) == [(0, 0)]


def test_bonds_of_the_ring_itself_do_not_count() -> None:
    bonds = np.array([[k, (k + 1) % 6] for k in range(6)])
    assert bonds_through_rings(HEXAGON, bonds=bonds, rings=[tuple(range(6))], box_A=BOX_A) == []


def test_without_rings_there_is_nothing_to_pass_through() -> None:
    assert bonds_through_rings(HEXAGON, bonds=np.array([[0, 1]]), rings=[], box_A=BOX_A) == []
