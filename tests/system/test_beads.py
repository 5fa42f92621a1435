"""Which sites meet: near ones, none with itself, slack strands, by the seed."""

from itertools import pairwise

import numpy as np
import pytest

from iemhpc.errors import CompositionError
from iemhpc.polymer.catalog import load_membrane
from iemhpc.polymer.network import Slot
from iemhpc.polymer.repeat_unit import RepeatUnit
from iemhpc.polymer.sequence import chain_sequence
from iemhpc.system.beads import BeadNetwork, bridge_length_A, lay_network

EDGE_A = 34.0


def laid(name: str = "CR61", seed: int = 1) -> BeadNetwork:
    polymer = load_membrane(name).polymer
    sequences = [chain_sequence(polymer, 15, number) for number in range(4)]
    return lay_network(sequences, edge_A=EDGE_A, seed=seed, name=name)


def distances(network: BeadNetwork, pairs: np.ndarray) -> np.ndarray:
    along = network.beads[pairs[:, 0]] - network.beads[pairs[:, 1]]
    return np.linalg.norm(along - np.round(along), axis=1) * EDGE_A


def place_of(network: BeadNetwork) -> dict[Slot, int]:
    return {slot: k for k, slot in enumerate(s for chain in network.network.chains for s in chain)}


@pytest.mark.parametrize("name", ["CR61", "AR103", "CEM3", "XLAPn4-9p"])
def test_bridges_are_as_long_as_their_crosslinker(name: str) -> None:
    network = laid(name)
    place = place_of(network)
    bridges = [u for u, unit in enumerate(network.network.units) if unit.n_attachments == 4]
    pairs = np.array([(place[Slot(u)], place[Slot(u, True)]) for u in bridges])
    wanted = bridge_length_A(network.network.units[bridges[0]])
    assert distances(network, pairs) == pytest.approx(wanted, rel=0.35)


def test_steps_along_a_chain_are_no_longer_than_its_contour_allows() -> None:
    network = laid()
    chain = np.repeat(np.arange(4), [len(each) for each in network.network.chains])
    first = np.flatnonzero(chain[1:] == chain[:-1])
    assert distances(network, np.column_stack([first, first + 1])).max() < 1.3 * 2.5


def test_beads_are_spread_over_the_box() -> None:
    counts = [
        np.histogramdd(np.mod(laid(seed=seed).beads, 1.0), bins=2, range=[(0, 1)] * 3)[0]
        for seed in range(3)
    ]
    assert np.mean([count.std() / count.mean() for count in counts]) < 0.7


def test_every_chain_gets_its_share_of_far_sides_and_no_side_is_beside_its_other() -> None:
    network = laid("AR103")
    far = [sum(slot.is_far for slot in chain) for chain in network.network.chains]
    assert max(far) - min(far) <= 1
    for chain in network.network.chains:
        for one, other in pairwise(chain):
            assert one.unit != other.unit


def test_a_seed_says_the_network() -> None:
    first, again, other = laid(seed=3), laid(seed=3), laid(seed=4)
    assert first.network == again.network
    assert np.array_equal(first.beads, again.beads)
    assert first.network != other.network


def test_too_few_crosslinkers_are_no_network() -> None:
    ethylene = RepeatUnit("ethylene", "[*]CC[*]")
    bridge = RepeatUnit("butadiene", "[*]CC([*])C([*])C[*]")
    sequences = [[bridge, *[ethylene] * 9], *[[ethylene] * 10] * 3]
    with pytest.raises(CompositionError, match="X: a cross-linker fraction that makes no network"):
        lay_network(sequences, edge_A=25.0, seed=1, name="X")


def test_chains_too_short_to_bend_back_to_themselves_are_refused() -> None:
    bridge = RepeatUnit("divinylbenzene", "[*]CC([*])c1ccc(cc1)C([*])C[*]")
    with pytest.raises(CompositionError, match="X of 1 chain: the far sides of 2 cross-linkers"):
        lay_network([[bridge] * 2], edge_A=25.0, seed=1, name="X")
