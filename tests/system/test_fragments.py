import time

import numpy as np
import pytest

from iemhpc.polymer.catalog import load_membrane
from iemhpc.polymer.chain import link
from iemhpc.polymer.repeat_unit import RepeatUnit
from iemhpc.polymer.sequence import chain_sequence
from iemhpc.system.fragments import Pool, cut_units

STYRENE = RepeatUnit("styrene", "[*]CC([*])c1ccccc1")


def test_units_of_one_graph_are_embedded_once() -> None:
    pool: Pool = {}
    fragments = cut_units(link([STYRENE] * 12), pool=pool, seed=1)
    assert len(fragments) == 12
    assert len(pool) == 3  # the first, the last and those between
    assert fragments[4].hands_A is fragments[7].hands_A


def test_rows_belong_to_the_atoms_and_caps_to_the_neighbours() -> None:
    chain = link(chain_sequence(load_membrane("Nafion").polymer, 7, 1))
    for fragment in cut_units(chain, pool={}, seed=1):
        atoms = {int(a): int(r) for a, r in zip(fragment.atoms, fragment.rows, strict=True)}
        conformer = fragment.hands_A[0][0]
        assert conformer.shape == (len(atoms) + len(fragment.caps), 3)
        for atom in map(chain.GetAtomWithIdx, atoms):
            for near in atom.GetNeighbors():
                row = (atoms | fragment.caps)[near.GetIdx()]
                length = np.linalg.norm(conformer[atoms[atom.GetIdx()]] - conformer[row])
                assert 0.9 < length < 2.0
        for outer, inner in fragment.joints.items():
            assert chain.GetBondBetweenAtoms(outer, inner) is not None


def test_both_hands_of_a_centre_are_known_and_mirror_images() -> None:
    inner = cut_units(link([STYRENE] * 3), pool={}, seed=1)[1]
    left, right = inner.hands_A
    assert len(left) == len(right) == 16


def test_rings_of_a_unit_are_flat_hexagons() -> None:
    inner = cut_units(link([STYRENE] * 3), pool={}, seed=1)[1]
    (ring,) = inner.rings
    corners = inner.hands_A[0][0][list(ring)]
    assert np.linalg.norm(corners - np.roll(corners, -1, axis=0), axis=1) == pytest.approx(
        np.full(6, 1.39), abs=0.05
    )


def test_an_aromatic_backbone_is_cut_between_its_rings() -> None:
    chain = link([RepeatUnit("phenylene", "[*]c1ccc([*])cc1")] * 4)
    fragments = cut_units(chain, pool={}, seed=1)
    assert [len(fragment.atoms) for fragment in fragments] == [11, 10, 10, 11]


def test_cutting_costs_as_much_as_there_are_atoms() -> None:
    chain = link([STYRENE] * 2000)
    pool: Pool = {}
    cut_units(link([STYRENE] * 3), pool=pool, seed=1)
    began = time.process_time()
    cut_units(chain, pool=pool, seed=1)
    assert time.process_time() - began < 4.0  # 0.5 s; ten times that where bonds are walked to
    assert len(pool) == 3
