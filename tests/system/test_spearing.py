import time
from itertools import pairwise

import numpy as np
import pytest
from rdkit import Chem

from iemhpc.polymer.catalog import load_membrane
from iemhpc.polymer.chain import link
from iemhpc.polymer.sequence import chain_sequence
from iemhpc.system.spearing import bonds_through_rings, unit_rings

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


def test_a_ring_is_found_by_a_bond_longer_than_itself() -> None:
    assert speared(np.array([[0.3, 0.2, -1.0], [0.3, 0.2, 8.0]]))
    assert not speared(np.array([[2.3, 0.2, -1.0], [2.3, 0.2, 8.0]]))


def test_rings_of_several_sizes_are_told_apart() -> None:
    angle = np.arange(5) * 2 * np.pi / 5
    pentagon = np.column_stack([1.2 * np.cos(angle), 1.2 * np.sin(angle), np.full(5, 5.0)])
    bonds = np.array([[0.1, 0.1, 4.3], [0.1, 0.1, 5.7], [0.1, 0.1, -0.7], [0.1, 0.1, 0.7]])
    atoms = np.vstack([HEXAGON, pentagon, bonds])
    rings = [tuple(range(6)), tuple(range(6, 11))]
    found = bonds_through_rings(
        atoms, bonds=np.array([[11, 12], [13, 14]]), rings=rings, box_A=BOX_A
    )
    assert found == [(1, 0), (0, 1)]


def test_rings_of_units_are_those_that_rdkit_finds_in_a_chain() -> None:
    chain = link(chain_sequence(load_membrane("PSbNMP-RCE").polymer, 9, 1))
    found = {frozenset(ring) for ring in unit_rings(chain)}
    assert found == {frozenset(ring) for ring in Chem.GetSSSR(chain)}
    for ring in unit_rings(chain):
        for atom, following in pairwise((*ring, ring[0])):
            assert chain.GetBondBetweenAtoms(atom, following) is not None


def test_the_mesh_of_a_network_is_no_ring() -> None:
    mesh = Chem.AddHs(Chem.MolFromSmiles("C1CCCCCCCCC1"))
    for atom in mesh.GetAtoms():
        heavy = atom if atom.GetAtomicNum() > 1 else atom.GetNeighbors()[0]
        atom.SetIntProp("unit_index", heavy.GetIdx() // 2)
        atom.SetIntProp("unit_atom", heavy.GetIdx() % 2)
        atom.SetProp("unit_name", "ethylene")
    assert unit_rings(mesh) == []


def test_a_hundred_thousand_atoms_take_seconds_and_not_minutes() -> None:
    generator = np.random.default_rng(1)
    n_rings = 8_000
    centres = generator.uniform(0, 110, (n_rings, 1, 3))
    atoms = np.concatenate(
        [(HEXAGON + centres).reshape(-1, 3), generator.uniform(0, 110, (52_000, 3))]
    )
    ends = np.arange(48_000, 99_000)
    atoms[ends + 1] = atoms[ends] + generator.normal(0, 0.9, (len(ends), 3))
    rings = [tuple(range(6 * k, 6 * k + 6)) for k in range(n_rings)]
    began = time.process_time()
    found = bonds_through_rings(
        atoms, bonds=np.column_stack([ends, ends + 1]), rings=rings, box_A=np.full(3, 110.0)
    )
    assert time.process_time() - began < 6.0
    assert found
