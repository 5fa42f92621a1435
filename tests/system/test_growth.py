import time
from itertools import pairwise

import numpy as np
import pytest
from rdkit import Chem
from scipy.spatial import cKDTree

from iemhpc.errors import ChemistryError, UnknownNameError
from iemhpc.polymer.catalog import load_membrane
from iemhpc.polymer.chain import link
from iemhpc.polymer.repeat_unit import RepeatUnit
from iemhpc.polymer.sequence import chain_sequence
from iemhpc.system import fragments
from iemhpc.system.growth import grow_chains, n_speared
from iemhpc.system.spearing import wrapped


def chain_of(membrane: str, n_units: int) -> Chem.Mol:
    return link(chain_sequence(load_membrane(membrane).polymer, n_units, 1))


def lengths(chain: Chem.Mol, coil: np.ndarray) -> np.ndarray:
    pairs = np.array([(b.GetBeginAtomIdx(), b.GetEndAtomIdx()) for b in chain.GetBonds()])
    return np.linalg.norm(coil[pairs[:, 0]] - coil[pairs[:, 1]], axis=1)


@pytest.mark.parametrize("membrane", ["CR61", "Nafion", "PSbNMP-RCE", "PVAS", "AR204", "CEM2"])
def test_every_bond_has_a_chemical_length(membrane: str) -> None:
    chain = chain_of(membrane, 10)
    (coil,) = grow_chains([chain], edge_A=28.0, seed=3)
    assert coil.shape == (chain.GetNumAtoms(), 3)
    assert np.isfinite(coil).all()
    assert lengths(chain, coil).min() > 0.9
    assert lengths(chain, coil).max() < 2.0


def test_angles_at_the_joints_are_tetrahedral() -> None:
    chain = link([RepeatUnit("ethylene", "[*]CC[*]")] * 6)
    (coil,) = grow_chains([chain], edge_A=30.0, seed=1)
    backbone = [atom.GetIdx() for atom in chain.GetAtoms() if atom.GetAtomicNum() == 6]
    before, here, after = (coil[backbone[k : len(backbone) - 2 + k]] for k in range(3))
    a, b = before - here, after - here
    cosine = (a * b).sum(axis=1) / np.linalg.norm(a, axis=1) / np.linalg.norm(b, axis=1)
    angles = np.degrees(np.arccos(cosine))
    assert angles.min() > 100
    assert angles.max() < 122


def test_a_seed_says_the_coil() -> None:
    chain = chain_of("PVAS", 8)
    first, again, other = (grow_chains([chain], edge_A=25.0, seed=s)[0] for s in (5, 5, 6))
    assert np.array_equal(first, again)
    assert not np.allclose(first, other)


def hands_along(chain: Chem.Mol, coil: np.ndarray) -> list[bool]:
    hands = []
    for atom in chain.GetAtoms():
        near = atom.GetNeighbors()
        oxygen = [n.GetIdx() for n in near if n.GetSymbol() == "O"]
        along = sorted(n.GetIdx() for n in near if n.GetSymbol() == "C")
        if atom.GetSymbol() == "C" and oxygen and len(along) == 2:
            arms = coil[[along[0], along[1], oxygen[0]]] - coil[atom.GetIdx()]
            hands.append(bool(np.linalg.det(arms) > 0))
    return hands


def test_chains_are_atactic() -> None:
    chain = link([RepeatUnit("vinyl alcohol", "[*]CC([*])O")] * 41)
    coils = grow_chains([chain] * 3, edge_A=40.0, seed=1)
    hands = [hands_along(chain, coil) for coil in coils]
    meso = [a == b for one in hands for a, b in pairwise(one)]
    assert len(meso) > 100
    assert 0.38 < np.mean(meso) < 0.62  # Bernoulli: 0.5 +- 0.046


def test_chains_of_a_box_avoid_each_other_in_every_image() -> None:
    chains = [chain_of("PVAS", 10)] * 4
    edge = 24.0
    coils = grow_chains(chains, edge_A=edge, seed=1)
    apart = []
    for k, coil in enumerate(coils):
        for other in coils[:k]:
            vector = coil[:, None] - other[None]
            vector -= edge * np.round(vector / edge)
            apart.append(np.linalg.norm(vector, axis=-1).min())
    assert min(apart) > 1.5


def test_a_hand_that_the_unit_prescribes_is_kept() -> None:
    chain = link([RepeatUnit("isotactic", "[*]C[C@H]([*])O")] * 12)
    (coil,) = grow_chains([chain], edge_A=30.0, seed=4)
    conformer = Chem.Conformer(chain.GetNumAtoms())
    conformer.SetPositions(coil)
    chain.AddConformer(conformer)
    # The last unit ends in CH2OH and has no hand.
    centres = [atom.GetIdx() for atom in chain.GetAtoms() if atom.GetChiralTag()][:11]
    wanted = [chain.GetAtomWithIdx(centre).GetChiralTag() for centre in centres]
    Chem.AssignStereochemistryFrom3D(chain)
    assert [chain.GetAtomWithIdx(centre).GetChiralTag() for centre in centres] == wanted


def test_a_unit_that_cannot_be_embedded_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fragments, "N_KNOWN", 0)
    chain = link([RepeatUnit("ethylene", "[*]CC[*]")] * 2)
    with pytest.raises(ChemistryError, match="repeat unit 'ethylene': RDKit found no coordinates"):
        grow_chains([chain], edge_A=25.0, seed=1)


@pytest.mark.parametrize("seed", range(4))
def test_no_bond_passes_through_a_ring_of_a_dense_box(seed: int) -> None:
    chains = [chain_of("PSbNMP-RCE", 10)] * 4
    coils = np.concatenate(grow_chains(chains, edge_A=24.0, seed=seed))
    assert n_speared(chains, coils, edge_A=24.0) == 0


def close_pairs(chains: list[Chem.Mol], coils: np.ndarray, edge: float) -> int:
    units = [
        1000 * number + atom.GetIntProp("unit_index")
        for number, chain in enumerate(chains)
        for atom in chain.GetAtoms()
    ]
    inside = wrapped(coils, np.full(3, edge))
    pairs = cKDTree(inside, boxsize=edge).query_pairs(1.5, output_type="ndarray")
    return int((np.abs(np.diff(np.array(units)[pairs], axis=1)) > 1).sum())


def test_a_dense_box_has_few_overlaps() -> None:
    chains = [chain_of("PSbNMP-RCE", 20) for _ in range(4)]
    coils = np.concatenate(grow_chains(chains, edge_A=29.0, seed=1))
    assert close_pairs(chains, coils, 29.0) < 0.04 * len(coils)


def test_unknown_tacticity_is_refused_before_anything_grows() -> None:
    with pytest.raises(UnknownNameError, match="unknown tacticity 'tactless'"):
        grow_chains([chain_of("PVAS", 4)], edge_A=25.0, seed=1, tacticity="tactless")


@pytest.mark.slow
def test_cost_grows_as_the_atoms_do() -> None:
    chain = chain_of("CR61", 20)
    seconds = []
    for n_chains, edge in ((6, 36.0), (48, 72.0)):
        began = time.process_time()
        grow_chains([chain] * n_chains, edge_A=edge, seed=1)
        seconds.append(time.process_time() - began)
    assert seconds[1] < 12 * seconds[0]  # eight times the atoms; all pairs would be 64 times
