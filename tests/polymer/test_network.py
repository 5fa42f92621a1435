"""Networks: every site bonded, valences, one molecule mostly, and the gel point."""

import time
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from rdkit import Chem

from iemhpc.errors import ChemistryError, CompositionError
from iemhpc.polymer.catalog import load_membrane, membrane_names
from iemhpc.polymer.chain import link
from iemhpc.polymer.network import (
    PARTED,
    Network,
    Slot,
    check_gel,
    link_network,
    shape_of,
    units_of_parts,
    winding_rank,
)
from iemhpc.polymer.repeat_unit import RepeatUnit, average_mass_g_mol, unit_mol
from iemhpc.polymer.sequence import chain_sequence
from iemhpc.system.beads import lay_network
from iemhpc.system.spearing import unit_rings

HYDROGEN_G_MOL = 1.008
VALENCES = {"C": 4, "O": 2, "F": 1, "H": 1}
NETWORKS = [name for name in membrane_names() if load_membrane(name).topology == "network"]

ETHYLENE = RepeatUnit("ethylene", "[*]CC[*]")
BRIDGE = RepeatUnit("butadiene", "[*]CC([*])C([*])C[*]")
PAIR = (ETHYLENE, BRIDGE, ETHYLENE, ETHYLENE, ETHYLENE)


def network_of(name: str, n_chains: int = 4, n_units: int = 12) -> Network:
    polymer = load_membrane(name).polymer
    sequences = [chain_sequence(polymer, n_units, seed) for seed in range(n_chains)]
    return lay_network(sequences, edge_A=30.0, seed=1).network


@pytest.fixture(params=NETWORKS)
def network(request) -> Network:
    return network_of(request.param)


def test_there_are_eight_network_membranes() -> None:
    assert len(NETWORKS) == 8


def test_all_four_attachments_of_every_crosslinker_are_bonded_to_other_units(network) -> None:
    mol = link_network(network)
    n_ends = 2 * len(network.chains)
    ends = Counter(chain[place].unit for chain in network.chains for place in (0, -1))
    outward: Counter[int] = Counter()
    for bond in mol.GetBonds():
        one, other = (
            atom.GetIntProp("unit_index") for atom in (bond.GetBeginAtom(), bond.GetEndAtom())
        )
        if one != other:
            outward.update((one, other))
    for index, unit in enumerate(network.units):
        assert outward[index] == unit.n_attachments - ends[index]
    assert sum(outward.values()) == sum(u.n_attachments for u in network.units) - n_ends


def test_a_network_has_the_mass_and_charge_of_its_units(network) -> None:
    mol = link_network(network)
    mass = sum(unit.mass_g_mol for unit in network.units) + 2 * len(network.chains) * HYDROGEN_G_MOL
    assert average_mass_g_mol(mol) == pytest.approx(mass, abs=1e-6)
    assert Chem.GetFormalCharge(mol) == sum(unit.charge for unit in network.units)
    assert len(Counter(a.GetIntProp("unit_index") for a in mol.GetAtoms())) == len(network.units)


def test_every_atom_of_a_network_has_its_valence(network) -> None:
    mol = link_network(network)
    Chem.Kekulize(mol, clearAromaticFlags=True)
    for atom in mol.GetAtoms():
        bonds = sum(bond.GetBondTypeAsDouble() for bond in atom.GetBonds())
        if atom.GetSymbol() in VALENCES:
            assert bonds == VALENCES[atom.GetSymbol()] + atom.GetFormalCharge()
        assert atom.GetTotalNumHs() == 0
        assert atom.GetNumRadicalElectrons() == 0


def test_heavy_atoms_come_first_in_the_order_of_the_units(network) -> None:
    mol = link_network(network)
    heavy = [a.GetIntProp("unit_index") for a in mol.GetAtoms() if a.GetAtomicNum() > 1]
    numbers = [atom.GetAtomicNum() for atom in mol.GetAtoms()]
    assert heavy == sorted(heavy)
    assert set(numbers[len(heavy) :]) == {1}


def test_the_rings_of_a_network_are_those_of_its_units(network) -> None:
    wanted = sum(len(Chem.GetSSSR(unit_mol(unit))) for unit in network.units)
    mol = link_network(network)
    rings = unit_rings(mol)
    assert len(rings) == wanted
    aromatic = {atom.GetIdx() for atom in mol.GetAtoms() if atom.GetIsAromatic()}
    assert aromatic == {atom for ring in rings for atom in ring}


def test_a_network_that_spells_no_mesh_is_the_chain_that_link_makes() -> None:
    units = chain_sequence(load_membrane("CR61").polymer, 9, 1)
    alone = Network(tuple(units), (tuple(Slot(k) for k in range(9)),))
    assert Chem.MolToSmiles(link_network(alone)) == Chem.MolToSmiles(link(units))


def test_atoms_are_sanitised_as_rdkit_would() -> None:
    mol = link(chain_sequence(load_membrane("AR103").polymer, 6, 1))
    again = Chem.Mol(mol)
    Chem.SanitizeMol(again)
    for one, other in zip(mol.GetAtoms(), again.GetAtoms(), strict=True):
        assert one.GetHybridization() == other.GetHybridization()
        assert one.GetIsAromatic() == other.GetIsAromatic()
    assert mol.GetRingInfo().NumRings() == again.GetRingInfo().NumRings()


@pytest.mark.parametrize("smiles", ["[*]C[C@H]([*])O", "[*][C@H](O)C[*]", "[*][C@@](C)(O)C[*]"])
def test_a_prescribed_hand_is_that_of_the_smiles(smiles) -> None:
    cap = RepeatUnit("cap", "[*]CC[*]")
    chain = link([cap, cap, RepeatUnit("handed", smiles), cap])
    # The CH2 of the unit, its head, is bonded to the four carbons, its other side to the two.
    first, last = ("CCCC", "CC") if smiles.startswith("[*]C") else ("CC", "CCCC")
    written = smiles.replace("[*]", first, 1)
    wanted = Chem.MolToSmiles(Chem.MolFromSmiles(written.replace("[*]", last)))
    assert Chem.MolToSmiles(Chem.RemoveHs(chain)) == wanted


def test_the_cost_of_linking_is_linear() -> None:
    def seconds(n_chains: int) -> float:
        sequences = [chain_sequence(load_membrane("CR61").polymer, 20, s) for s in range(n_chains)]
        laid = lay_network(sequences, edge_A=20.0 * n_chains ** (1 / 3), seed=1)
        took = []
        for _ in range(3):
            start = time.process_time()
            link_network(laid.network)
            took.append(time.process_time() - start)
        return min(took)

    assert seconds(40) < 12 * seconds(8) + 0.05


def test_shape_counts_loops_dangling_ends_and_free_chains() -> None:
    chains = (
        (Slot(0), Slot(1), Slot(2), Slot(1, True)),
        (Slot(3), Slot(4)),
    )
    shape = shape_of(Network(PAIR, chains))
    assert shape.n_crosslinks == shape.n_loops == 1
    assert shape.n_components == 2
    assert shape.largest_share == pytest.approx(3 / 5)
    assert shape.n_dangling_ends == 3
    assert shape.n_free_chains == 2
    assert units_of_parts(Network(PAIR, chains)) == (0, 0, 0, 1, 1)
    assert shape.lines() == [
        "network of 2 chains, 1 cross-link: 2 parts, the largest with 60 % of the units" + PARTED,
        "1 loop (both sides in one chain), 3 dangling ends, 2 chains joined to no other",
        f"note: {shape.doubts[0]}",
    ]


def test_a_catalogued_network_is_one_molecule_mostly(network) -> None:
    assert shape_of(network).largest_share > 0.7


@pytest.mark.parametrize(
    "chains",
    [
        ((Slot(0), Slot(1), Slot(2)), (Slot(3),)),
        ((Slot(0), Slot(1), Slot(2), Slot(0, True)), (Slot(3), Slot(4))),
        ((Slot(0), Slot(1), Slot(1, True)), (Slot(2), Slot(3), Slot(4), Slot(1, True))),
    ],
)
def test_units_that_stand_nowhere_or_twice_are_refused(chains) -> None:
    with pytest.raises(ChemistryError, match=r"of the network, .*: wanted it at one place"):
        Network(PAIR, chains)


def test_a_place_without_its_unit_is_refused() -> None:
    with pytest.raises(ChemistryError, match=r"chains name units \[7\], but it has 5 units"):
        Network(PAIR, ((Slot(0), Slot(1), Slot(2)), (Slot(3), Slot(4), Slot(7))))


def test_the_gel_point_is_one_crosslink_per_two_long_chains() -> None:
    check_gel(100, 100_000, 51, name="X")
    with pytest.raises(
        CompositionError,
        match=r"X: a cross-linker fraction that makes no network: 50 cross-linkers on 100 chains "
        r"lead from a chain to 1\.00 others, wanted more than 1",
    ):
        check_gel(100, 100_000, 50, name="X")


def test_no_crosslinker_at_all_is_no_network() -> None:
    with pytest.raises(CompositionError, match="makes no network: 0 cross-linkers"):
        check_gel(2, 20, 0, name="X")


RING = np.array([[0, 1], [1, 2], [2, 0]])
X, Y, Z, HERE = (1, 0, 0), (0, 1, 0), (0, 0, 1), (0, 0, 0)


@pytest.mark.parametrize(
    ("pairs", "shifts", "rank"),
    [
        (RING[:2], [HERE, X], 0),  # a chain that crosses a face
        (RING, [X, (-1, 0, 0), HERE], 0),  # a ring that crosses it there and back
        (RING, [HERE, HERE, X], 1),
        ([*RING, [0, 0]], [HERE, HERE, X, (2, 0, 0)], 1),  # twice round is no other direction
        ([*RING, [0, 1]], [HERE, HERE, X, (1, 1, 0)], 2),
        ([[0, 0], [0, 1], [1, 1], [2, 2]], [X, (0, 0, 5), (1, 1, 0), Z], 2),  # 2 is another part
        ([[0, 0], [0, 1], [1, 1], [1, 1]], [X, HERE, (1, 1, 0), (1, 1, 1)], 3),
        ([[0, 0], [1, 1], [2, 2]], [X, Y, Z], 1),  # threads that are not bonded to each other
    ],
)
def test_directions_through_the_box_are_the_rank_of_its_windings(pairs, shifts, rank) -> None:
    assert winding_rank(3, np.array(pairs), np.array(shifts)) == rank


def test_what_is_no_good_network_is_told_with_what_to_do() -> None:
    chains = ((Slot(0), Slot(1), Slot(2), Slot(1, True)), (Slot(3), Slot(4)))
    shape = replace(shape_of(Network(PAIR, chains)), percolates_in=1)
    assert shape.lines()[2:] == [
        "connected through the box in 1 of 3 directions",
        "note: connected through the box in 1 of 3 directions and 1 of 1 cross-link are loops: "
        "less of a network than the membrane's; a larger box (--box) or longer chains "
        "(--chain-length) connect it better",
    ]
    assert replace(shape, percolates_in=2, n_loops=0).doubts == ()


def test_a_loop_round_the_box_is_told_and_is_no_doubt() -> None:
    chains = ((Slot(0), Slot(1), Slot(2), Slot(1, True)), (Slot(3), Slot(4)))
    shape = replace(shape_of(Network(PAIR, chains)), percolates_in=3)
    wound, idle = replace(shape, n_idle_loops=0), replace(shape, n_idle_loops=1)
    assert wound.doubts == ()
    assert wound.lines()[1].startswith("1 loop (both sides in one chain, 1 round the periodic box)")
    assert "1 of 1 cross-link are loops that do not go round the box" in idle.doubts[0]
    assert idle.lines()[1].startswith("1 loop (both sides in one chain), ")
