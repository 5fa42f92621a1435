"""A network: chains whose cross-linkers are, by their far side, units of other chains as well.

A cross-linker is one repeat unit with two sides. Its near side stands in the chain that was drawn
with it, its far side is one more place in some chain. Where chains are this well connected, one
molecule spans the sample: by Flory, J. Am. Chem. Soc. 63, 3083 (1941), and Stockmayer, J. Chem.
Phys. 12, 125 (1944), from on average one side of a cross-linker beyond its own place on each
primary chain, ``rho (y_w - 1) > 1`` with the share ``rho`` of places that are sides and the
weight-average number ``y_w`` of places of a chain; that is one cross-link per two chains.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from rdkit import Chem

from iemhpc.errors import ChemistryError, CompositionError
from iemhpc.polymer.chain import Point, join
from iemhpc.polymer.repeat_unit import RepeatUnit

MOSTLY = 0.8
"""Share of the units in the largest molecule below which a person is told what to do."""

PARTED = "; parts are not bonded to each other: --chain-length, --box or cross-linker joins more"

MANY_LOOPS = 1 / 3
"""Share of the cross-links in idle loops, above which a person is told what to do."""

LEAST_DIRECTIONS = 2
"""A network that goes on through fewer of the box's three directions is an isle or a thread."""


class Slot(NamedTuple):
    """One place in a chain."""

    unit: int
    """Which unit of the network stands here."""
    is_far: bool = False
    """Whether it is the far side of a cross-linker."""


@dataclass(frozen=True, slots=True)
class Network:
    """Which units there are, and which stand where in which chain.

    Examples
    --------
    Two chains of three units; the second unit of the first joins them.

    >>> ethylene = RepeatUnit("ethylene", "[*]CC[*]")
    >>> bridge = RepeatUnit("butadiene", "[*]CC([*])C([*])C[*]")
    >>> network = Network(
    ...     (ethylene, bridge, ethylene, ethylene, ethylene),
    ...     ((Slot(0), Slot(1), Slot(2)), (Slot(3), Slot(1, True), Slot(4))),
    ... )
    >>> shape_of(network).lines()[0]
    'network of 2 chains, 1 cross-link: 1 part, the largest with 100 % of the units'
    """

    units: tuple[RepeatUnit, ...]
    """By their index."""
    chains: tuple[tuple[Slot, ...], ...]
    """The places of each chain, from its first to its last."""

    def __post_init__(self) -> None:
        met = Counter(slot for chain in self.chains for slot in chain)
        for index, unit in enumerate(self.units):
            n_far = met.pop(Slot(index, True), 0)
            if met.pop(Slot(index), 0) != 1 or n_far > (unit.n_attachments == 4):
                raise ChemistryError(
                    f"unit {index} of the network, {unit.name!r}: wanted it at one place, and the "
                    "far side of a cross-linker at one more at most"
                )
        if met:
            raise ChemistryError(
                f"the network's chains name units {sorted(slot.unit for slot in met)}, but it has "
                f"{len(self.units)} units, counted from 0"
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkShape:
    """How well a network is connected."""

    n_units: int
    """Repeat units; a cross-linker is one."""
    n_chains: int
    """Primary chains: what is left where every cross-linker is cut."""
    n_crosslinks: int
    """Cross-linkers whose two sides are both bonded into chains."""
    n_components: int
    """Molecules."""
    largest_share: float
    """Share of the units that are in the largest molecule."""
    n_loops: int
    """Cross-links whose two sides are in the same chain."""
    n_dangling_ends: int
    """Ends of chains that go on beyond their last cross-link."""
    n_free_chains: int
    """Chains without any cross-link to another."""
    percolates_in: int | None = None
    """In how many independent directions of the periodic box a molecule meets its own image, 0 to
    3; None where no places are known."""
    n_idle_loops: int | None = None
    """The loops that do not go round the periodic box, and so carry no load; None where no places
    are known."""

    @property
    def n_idle(self) -> int:
        """The loops that are not known to go round the box."""
        return self.n_loops if self.n_idle_loops is None else self.n_idle_loops

    @property
    def doubts(self) -> tuple[str, ...]:
        """Why this is no good model of a bulk network, and what to do; empty where it is."""
        doubts = []
        if self.percolates_in is not None and self.percolates_in < LEAST_DIRECTIONS:
            doubts.append(f"connected through the box in {self.percolates_in} of 3 directions")
        if self.n_idle > MANY_LOOPS * self.n_crosslinks:
            of = "" if self.n_idle_loops is None else " that do not go round the box"
            doubts.append(
                f"{self.n_idle} of {counted(self.n_crosslinks, 'cross-link')} are loops{of}"
            )
        if not doubts:
            return ()
        return (
            f"{' and '.join(doubts)}: less of a network than the membrane's; a larger box (--box) "
            "or longer chains (--chain-length) connect it better",
        )

    def lines(self) -> list[str]:
        """Return what to tell of it."""
        through = (
            []
            if self.percolates_in is None
            else [f"connected through the box in {self.percolates_in} of 3 directions"]
        )
        n_winding = self.n_loops - self.n_idle
        winding = f", {n_winding} round the periodic box" if n_winding else ""
        return [
            f"network of {counted(self.n_chains, 'chain')}, "
            f"{counted(self.n_crosslinks, 'cross-link')}: {counted(self.n_components, 'part')}, "
            f"the largest with {100 * self.largest_share:.0f} % of the units"
            + (PARTED if self.largest_share < MOSTLY else ""),
            f"{counted(self.n_loops, 'loop')} (both sides in one chain{winding}), "
            f"{counted(self.n_dangling_ends, 'dangling end')}, "
            f"{counted(self.n_free_chains, 'chain')} joined to no other",
            *through,
            *(f"note: {doubt}" for doubt in self.doubts),
        ]


def link_network(network: Network) -> Chem.Mol:
    """Link a network into one molecule with explicit hydrogens, free ends capped with H.

    Returns
    -------
    rdkit.Chem.Mol
        As of :func:`iemhpc.polymer.chain.link`: a cross-linker is one ``unit_index``. A network of
        several parts is one ``Mol`` all the same.
    """
    return join(network.units, [joint for chain in network.chains for joint in _joints(chain)])


def _joints(chain: Sequence[Slot]) -> Iterable[tuple[Point, Point]]:
    for one, other in pairwise(chain):
        # The attachment points of a cross-linker's far side are its third and fourth.
        yield (one.unit, 2 * one.is_far + 1), (other.unit, 2 * other.is_far)


def shape_of(network: Network) -> NetworkShape:
    """Return how well a network is connected."""
    chain_of = {slot: k for k, chain in enumerate(network.chains) for slot in chain}
    crosslinks = [
        (chain_of[Slot(unit)], chain_of[Slot(unit, True)])
        for unit in range(len(network.units))
        if Slot(unit, True) in chain_of
    ]
    part_of = _parts(len(network.chains), crosslinks)
    sizes: Counter[int] = Counter()
    for slot, chain in chain_of.items():
        sizes[part_of[chain]] += not slot.is_far
    between = {chain for pair in crosslinks for chain in pair if pair[0] != pair[1]}
    linked = {slot.unit for slot in chain_of if slot.is_far}
    return NetworkShape(
        n_units=len(network.units),
        n_chains=len(network.chains),
        n_crosslinks=len(crosslinks),
        n_components=len(sizes),
        largest_share=max(sizes.values(), default=0) / max(1, len(network.units)),
        n_loops=sum(one == other for one, other in crosslinks),
        n_dangling_ends=sum(
            end.unit not in linked for chain in network.chains for end in (chain[0], chain[-1])
        ),
        n_free_chains=len(network.chains) - len(between),
    )


def units_of_parts(network: Network) -> tuple[int, ...]:
    """Return the molecule that each unit belongs to, counted from 0 by their first units."""
    chain_of = {slot: k for k, chain in enumerate(network.chains) for slot in chain}
    links = [(chain_of[Slot(slot.unit)], chain) for slot, chain in chain_of.items() if slot.is_far]
    part_of = _parts(len(network.chains), links)
    parts = [part_of[chain_of[Slot(unit)]] for unit in range(len(network.units))]
    number: dict[int, int] = {}
    return tuple(number.setdefault(part, len(number)) for part in parts)


def winding_rank(n_nodes: int, pairs: NDArray[np.int64], shifts: NDArray[np.int64]) -> int:
    """Return in how many independent directions a part of a periodic graph meets its own image.

    Walking along all edges, a node that is reached again in another image of the box closes a loop
    that winds round the box; the rank of these windings is 0 for what is finite, 1 for a thread, 2
    for a sheet and 3 for a network in space.

    Parameters
    ----------
    n_nodes : int
        Nodes.
    pairs : ndarray, shape (n, 2)
        Edges.
    shifts : ndarray, shape (n, 3)
        Image of the box that the second node of each edge is in, seen from the first.

    Returns
    -------
    int
        The highest rank of any part, 0 to 3.

    Examples
    --------
    >>> winding_rank(2, np.array([[0, 1], [1, 0]]), np.array([[0, 0, 0], [1, 0, 0]]))
    1
    """
    around: list[list[tuple[int, NDArray[np.int64]]]] = [[] for _ in range(n_nodes)]
    for (one, other), shift in zip(pairs.tolist(), shifts, strict=True):
        around[one].append((other, shift))
        around[other].append((one, -shift))
    image: dict[int, NDArray[np.int64]] = {}
    rank = 0
    for start in range(n_nodes):
        if start in image:
            continue
        image[start] = np.zeros(3, dtype=np.int64)
        windings: set[tuple[int, ...]] = set()
        queue = [start]
        while queue:
            node = queue.pop()
            for other, shift in around[node]:
                there = image[node] + shift
                if other not in image:
                    image[other] = there
                    queue.append(other)
                else:
                    windings.add(tuple((there - image[other]).tolist()))
        rank = max(rank, int(np.linalg.matrix_rank(np.array([*windings, (0, 0, 0)]))))
    return rank


def check_gel(n_chains: int, n_slots: int, n_crosslinks: int, *, name: str) -> None:
    """Raise where chains of equal length with so many cross-links make no network.

    Parameters
    ----------
    n_chains, n_slots, n_crosslinks : int
        Primary chains, all their places (both sides of each cross-linker counted), cross-linkers.
    name : str
        The membrane, for the message.

    Raises
    ------
    CompositionError
        Where the mean number of cross-linked places on a chain, beyond the place that one arrives
        by, is not above one (Flory 1941, Stockmayer 1944).

    Examples
    --------
    >>> check_gel(10, 200, 20, name="CR61")
    >>> check_gel(10, 200, 4, name="CR61")
    Traceback (most recent call last):
    ...
    iemhpc.errors.CompositionError: CR61: a cross-linker fraction that makes no network: 4 ...
    """
    share = 2 * n_crosslinks / n_slots
    branching = share * (n_slots / n_chains - 1)
    if branching <= 1:
        raise CompositionError(
            f"{name}: a cross-linker fraction that makes no network: {n_crosslinks} cross-linkers "
            f"on {counted(n_chains, 'chain')} lead from a chain to {branching:.2f} others, wanted "
            "more than 1 (Flory's and Stockmayer's gel point, one cross-link per two chains); use "
            "more cross-linker, longer chains (--chain-length) or a larger box (--box)"
        )


def _parts(n_nodes: int, pairs: Iterable[tuple[int, int]]) -> list[int]:
    """Return a number for each node that those of one connected part share."""
    parent = list(range(n_nodes))

    def root(node: int) -> int:
        while parent[node] != node:
            parent[node] = parent[parent[node]]
            node = parent[node]
        return node

    for one, other in pairs:
        parent[root(one)] = root(other)
    return [root(node) for node in range(n_nodes)]


def counted(number: int, noun: str) -> str:
    """Return a number of things in words.

    Examples
    --------
    >>> counted(1, "chain"), counted(2, "loop")
    ('1 chain', '2 loops')
    """
    return f"{number} {noun}{'' if number == 1 else 's'}"
