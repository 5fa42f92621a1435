"""Bridges: near sides with the nearest far sides, slack strands, hardly a loop, linear cost."""

import time
from dataclasses import replace

import numpy as np
import pytest

from iemhpc.polymer.catalog import load_membrane, load_salt
from iemhpc.polymer.materials import System
from iemhpc.polymer.network import shape_of
from iemhpc.polymer.sequence import chain_sequence
from iemhpc.system import beads, bridging
from iemhpc.system.beads import BeadNetwork, lay_network
from iemhpc.system.bridging import LEAST_RING, TAUT, Chains, bridge, costs, matched, spread
from iemhpc.system.composition import compose

NETWORKS = ["AR103", "AR204", "CEM1", "CEM2", "CEM3", "CR61", "XLAPn4-45p", "XLAPn4-9p"]


def laid_at(name: str, box_A: float) -> BeadNetwork:
    """Return the network of a box, at the density that boxes are packed at."""
    membrane = load_membrane(name)
    composition = compose(
        System(membrane, load_salt(membrane.salts[0])), salt_molar=0.5, box_A=box_A
    )
    sequences = [
        chain_sequence(membrane.polymer, composition.units_per_chain, number)
        for number in range(composition.n_chains)
    ]
    return lay_network(sequences, edge_A=box_A / np.cbrt(0.7), seed=1, name=name)


def ladder(n_places: int = 12, apart_A: float = 6.0) -> tuple[np.ndarray, Chains]:
    """Return two straight chains beside each other; each has a near and a far side."""
    walks = np.zeros((2 * n_places, 3))
    walks[:, 0] = 2.5 * np.tile(np.arange(n_places), 2)
    walks[n_places:, 1] = apart_A
    chain = np.repeat([0, 1], n_places)
    first = np.flatnonzero(chain[1:] == chain[:-1])
    return walks, Chains(
        bonds=np.column_stack([first, first + 1]),
        lengths_A=np.full(len(first), 2.5),
        chain=chain,
        near=np.array([3, n_places + 8]),
        far=np.array([7, n_places + 4]),
        bridges_A=np.full(2, 6.0),
        along=2 * np.tile(np.arange(n_places), 2),
        bridge_bonds=np.full(2, 5),
        edge_A=31.0,
    )


@pytest.mark.parametrize("name", NETWORKS)
def test_hardly_a_crosslink_is_a_loop_where_there_are_many_chains(name: str) -> None:
    shape = shape_of(laid_at(name, 40.0).network)
    assert shape.n_chains > 4
    assert shape.n_loops <= 0.12 * shape.n_crosslinks
    assert shape.n_components == 1


def test_sides_are_joined_across_and_not_along() -> None:
    walks, chains = ladder()
    found = bridge(walks, chains)
    assert found is not None
    assert chains.chain[found.chosen].tolist() == [1, 0]
    assert found.stretch < TAUT


def test_what_has_only_itself_beside_it_is_not_bridged() -> None:
    walks, chains = ladder(n_places=2)
    alone = Chains(
        bonds=np.array([[0, 1]]),
        lengths_A=chains.lengths_A[:1],
        chain=np.array([0, 0]),
        near=np.array([0]),
        far=np.array([1]),
        bridges_A=np.array([6.0]),
        along=np.array([0, 2]),
        bridge_bonds=np.array([5]),
        edge_A=31.0,
    )
    assert bridge(walks[:2], alone) is None
    assert matched(np.zeros((1, 1)), is_forbidden=np.ones((1, 1), dtype=bool)) is None


def test_costs_are_those_of_the_nearest_images() -> None:
    walks, chains = ladder(apart_A=27.0)
    assert costs(walks, chains)[0, 1] == pytest.approx((np.hypot(4.0, 2.5) - 6.0) ** 2)


def test_springs_get_their_lengths_and_the_rest_is_pushed_apart() -> None:
    three = np.array([[0.0, 0.0, 0.0], [6.0, 0.0, 0.0], [7.0, 0.0, 0.0]])
    bond, length_A = np.array([[0, 1]]), np.array([3.0])
    still = spread(three, bond, length_A, edge_A=12.0, push=0.0, n_steps=100)
    assert np.linalg.norm(still[1] - still[0]) == pytest.approx(3.0, abs=1e-3)
    pushed = spread(three, bond, length_A, edge_A=12.0, push=0.05, n_steps=100)
    assert np.linalg.norm(pushed[2] - pushed[1]) > np.linalg.norm(still[2] - still[1]) + 1.0


def test_a_loop_that_goes_round_the_box_is_not_idle() -> None:
    walks, chains = ladder()
    assert chains.is_idle(walks).tolist() == [[True, False], [False, True]]
    # the far side of each chain is the next image's: the chain goes once round the box to it
    round_A = walks.copy()
    round_A[chains.far] += [31.0, 0.0, 0.0]
    assert not chains.is_idle(round_A).any()


def test_one_chain_is_joined_to_its_own_images() -> None:
    laid = laid_at("CR61", 25.0)
    shape = laid.shape
    assert shape.n_chains == 1
    assert shape.n_loops == shape.n_crosslinks
    assert shape.n_idle < shape.n_loops
    assert shape.percolates_in is not None
    assert shape.percolates_in >= 2


@pytest.mark.parametrize("name", ["CR61", "AR103"])
def test_small_networks_go_on_through_the_box_in_two_directions_at_least(name: str) -> None:
    for box_A in (24.0, 28.0):
        assert (laid_at(name, box_A).shape.percolates_in or 0) >= 2


@pytest.mark.slow
def test_the_cost_of_a_turn_grows_hardly_faster_than_the_atoms(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(bridging, "N_TURNS", 1)
    monkeypatch.setattr(beads, "N_DRAWS", 1)
    times = {}
    for box_A in (40.0, 80.0):
        laid_at("XLAPn4-9p", box_A)  # reads and caches
        began = time.process_time()
        laid_at("XLAPn4-9p", box_A)
        times[box_A] = time.process_time() - began
    assert times[80.0] / times[40.0] < 8**1.2


@pytest.mark.parametrize("name", ["AR103", "CR61"])
def test_no_loop_closes_a_strained_ring(name: str) -> None:
    for box_A in (26.0, 40.0):
        laid = laid_at(name, box_A)
        for chain in laid.network.chains:
            place = {slot: number for number, slot in enumerate(chain)}
            # the two sides of a para-phenylene are 5 bonds apart, places along a chain 2
            apart = [
                abs(place[s] - place[(s.unit, False)])
                for s in chain
                if s.is_far and (s.unit, False) in place
            ]
            assert all(5 + 2 * number >= LEAST_RING for number in apart)


def test_small_rings_are_forbidden_unless_there_is_nothing_else() -> None:
    _, chains = ladder()
    assert chains.is_strained.tolist() == [[True, False], [False, True]]
    assert np.array_equal(chains.is_forbidden, chains.is_strained)
    alone = replace(chains, near=np.array([3]), far=np.array([7]), bridge_bonds=np.array([5]))
    assert not replace(alone, bridges_A=np.array([6.0])).is_forbidden.any()
