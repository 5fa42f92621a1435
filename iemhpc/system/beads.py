"""Which sites of a network's chains meet: beads walk in the periodic box, and near ones are joined.

A random graph joins sites that are far apart, and no coordinates without stretched bonds exist for
it. So the topology comes from space: one bead for each place of a chain walks in a box of the size
wanted, far sides of cross-linkers are places like others, and which near side each belongs to
follows from the distances (:mod:`iemhpc.system.bridging`).
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from rdkit import Chem

from iemhpc.errors import CompositionError
from iemhpc.polymer.capacity import contour_A
from iemhpc.polymer.network import (
    Network,
    NetworkShape,
    Slot,
    check_gel,
    counted,
    shape_of,
    winding_rank,
)
from iemhpc.polymer.repeat_unit import RepeatUnit, attachments, unit_mol
from iemhpc.system.bridging import TAUT, Chains, bridge

Array = NDArray[np.float64]

STRETCHED_A = 1.15
"""A short cross-linker joins chains that are this far apart per bond between them ..."""

COILED_A = 3.0
"""... and a long one at this times the root of the number of bonds, as a coil."""

SLACK = 0.9
"""Beads are this much nearer along a chain than its contour: it is no stretched zig-zag."""

N_DRAWS = 8
"""Walks drawn for a network of slack bridges that goes on through the box in all directions with
few idle loops; the best stays. A large box is so at the first or second."""

FEW_LOOPS = 0.1
"""Share of the cross-links that may be idle loops without another draw."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BeadNetwork:
    """A network, and where in its box each place of each chain is."""

    network: Network
    """Its topology."""
    beads: Array
    """In units of the box's edge, chain after chain, shape (n_slots, 3); not wrapped along a
    chain, so that bridges may cross the box's faces."""

    @property
    def homes(self) -> Array:
        """The bead of each unit's own place, in units of the box's edge, shape (n_units, 3)."""
        slots = [slot for chain in self.network.chains for slot in chain]
        homes = np.empty((len(self.network.units), 3))
        for slot, bead in zip(slots, self.beads, strict=True):
            if not slot.is_far:
                homes[slot.unit] = bead
        return homes

    @property
    def shape(self) -> NetworkShape:
        """How well it is connected, and in how many directions through the box."""
        slots = [slot for chain in self.network.chains for slot in chain]
        place = {slot: number for number, slot in enumerate(slots)}
        steps = [
            (place[one], place[other])
            for chain in self.network.chains
            for one, other in pairwise(chain)
        ]
        sides = [(place[Slot(slot.unit)], place[slot]) for slot in slots if slot.is_far]
        pairs = np.array(steps + sides, dtype=np.int64).reshape(-1, 2)
        # What is joined is near, in whichever image of the box.
        along = self.beads[pairs[:, 1]] - self.beads[pairs[:, 0]]
        shifts = -np.round(along).astype(np.int64)
        # Along a chain beads are not wrapped: a bridge whose sides seem an edge apart goes round.
        chain = np.repeat(np.arange(len(self.network.chains)), list(map(len, self.network.chains)))
        bridges = slice(len(steps), None)
        is_loop = np.equal(*chain[pairs[bridges]].T)
        return replace(
            shape_of(self.network),
            percolates_in=winding_rank(len(slots), pairs, shifts),
            n_idle_loops=int((is_loop & ~shifts[bridges].any(axis=1)).sum()),
        )


def lay_network(
    sequences: Sequence[Sequence[RepeatUnit]], *, edge_A: float, seed: int, name: str = "network"
) -> BeadNetwork:
    """Draw a network of chains whose cross-linkers join what is near in a periodic cube.

    Parameters
    ----------
    sequences : sequence of sequences of RepeatUnit
        The units of each chain in order, each cross-linker once; far sides are put into the chains
        here, evenly, so that each chain grows by its share of them.
    edge_A : float
        Edge of the cube.
    seed : int
        Of places, walks and bridges.
    name : str
        The membrane, for messages.

    Raises
    ------
    CompositionError
        Where there are too few cross-linkers for a network.

    Examples
    --------
    >>> ethylene = RepeatUnit("ethylene", "[*]CC[*]")
    >>> bridge = RepeatUnit("butadiene", "[*]CC([*])C([*])C[*]")
    >>> laid = lay_network([[ethylene, bridge, ethylene] * 4] * 3, edge_A=20.0, seed=1)
    >>> laid.beads.shape, len(laid.network.units)
    ((48, 3), 36)
    """
    units = [unit for sequence in sequences for unit in sequence]
    near = [index for index, unit in enumerate(units) if unit.n_attachments == 4]
    check_gel(len(sequences), len(units) + len(near), len(near), name=name)
    best: tuple[_Rank, BeadNetwork] | None = None
    for number in range(N_DRAWS):
        generator = np.random.default_rng([seed, len(units), number])
        drawn = _drawn(sequences, near, edge_A=edge_A, generator=generator)
        if drawn is None:
            continue
        rank = _rank(drawn[1].shape, drawn[0])
        if best is None or rank < best[0]:
            best = rank, drawn[1]
        if best[0][:3] == _GOOD:
            break
    if best is None:
        raise CompositionError(
            f"{name} of {counted(len(sequences), 'chain')}: the far sides of "
            f"{counted(len(near), 'cross-linker')} cannot be placed away from their near sides; "
            "use a larger box (--box), longer chains (--chain-length), or less cross-linker"
        )
    return best[1]


_Rank = tuple[float, int, float, float]
_GOOD = (TAUT, -3, FEW_LOOPS)


def _rank(shape: NetworkShape, stretch: float) -> _Rank:
    """Return what is the less the better: first slack, then connected, then few idle loops."""
    idle = shape.n_idle / max(1, shape.n_crosslinks)
    return max(TAUT, stretch), -(shape.percolates_in or 0), max(FEW_LOOPS, idle), stretch


def _drawn(
    sequences: Sequence[Sequence[RepeatUnit]],
    near: Sequence[int],
    *,
    edge_A: float,
    generator: np.random.Generator,
) -> tuple[float, BeadNetwork] | None:
    """Return the stretch of the most stretched spring of a network, and the network.

    None is for places of far sides that no near sides can have.
    """
    units = [unit for sequence in sequences for unit in sequence]
    # Far sides are places first; which cross-linker stands there is decided by distance.
    places = _with_far_places(sequences, generator=generator)
    kinds = [kind for each in places for kind in each]
    sizes = [len(each) for each in places]
    chain = np.repeat(np.arange(len(places)), sizes)
    first = np.flatnonzero(chain[1:] == chain[:-1])
    bonds = np.column_stack([first, first + 1])
    lengths_A = _spacings(kinds, units, bonds)
    walks = _walk(sizes, float(lengths_A.mean()), edge_A=edge_A, generator=generator)
    sides = set(near)
    chains = Chains(
        bonds=bonds,
        lengths_A=lengths_A,
        chain=chain,
        near=np.array([bead for bead, kind in enumerate(kinds) if kind in sides]),
        far=np.array([bead for bead, kind in enumerate(kinds) if kind is None]),
        bridges_A=np.array([bridge_length_A(units[unit]) for unit in near]),
        along=_along(kinds, units, chain),
        bridge_bonds=np.array([_branches(units[unit])[2] for unit in near]),
        edge_A=edge_A,
    )
    bridged = bridge(walks, chains)
    if bridged is None:
        return None
    far_of = dict(zip(bridged.chosen.tolist(), near, strict=True))
    slots = [
        Slot(far_of[bead], True) if kind is None else Slot(kind) for bead, kind in enumerate(kinds)
    ]
    ends = np.cumsum([0, *sizes])
    network = Network(
        tuple(units), tuple(tuple(slots[first:last]) for first, last in pairwise(ends.tolist()))
    )
    return bridged.stretch, BeadNetwork(network=network, beads=bridged.beads_A / edge_A)


def bridge_length_A(unit: RepeatUnit) -> float:
    """Return the usual distance between the two chains that a cross-linker joins, a coil's at most.

    Examples
    --------
    The two backbones that a para divinylbenzene joins are 5.8 Å apart.

    >>> unit = RepeatUnit("divinylbenzene", "[*]CC([*])c1ccc(cc1)C([*])C[*]")
    >>> round(bridge_length_A(unit), 2)
    5.75
    """
    mol, points = unit_mol(unit), attachments(unit)
    n_bonds = min(
        len(Chem.GetShortestPath(mol, one, other)) - 3 for one in points[:2] for other in points[2:]
    )
    return float(min(STRETCHED_A * n_bonds, COILED_A * np.sqrt(n_bonds)))


def _branches(unit: RepeatUnit) -> tuple[int, int, int]:
    """Return which backbone atom of either side a cross-linker's bridge is on, and its bonds."""
    mol, points = unit_mol(unit), attachments(unit)
    near, far = (Chem.GetShortestPath(mol, *points[k : k + 2])[1:-1] for k in (0, 2))
    return min(
        (
            (one, other, len(Chem.GetShortestPath(mol, near[one], far[other])) - 1)
            for one in range(len(near))
            for other in range(len(far))
        ),
        key=lambda each: each[2],
    )


def _along(
    kinds: Sequence[int | None], units: Sequence[RepeatUnit], chain: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Return where each place's chain branches, in bonds from the chain's first atom."""
    crosslinker = next(unit for unit in units if unit.n_attachments == 4)
    near, far, _ = _branches(crosslinker)
    n_atoms = {unit: _n_backbone(unit) for unit in set(units)}
    along, n_before = np.empty(len(kinds), dtype=np.int64), 0
    for place, kind in enumerate(kinds):
        if place and chain[place] != chain[place - 1]:
            n_before = 0
        unit = crosslinker if kind is None else units[kind]
        along[place] = n_before + (far if kind is None else near if unit == crosslinker else 0)
        n_before += n_atoms[unit]
    return along


def _n_backbone(unit: RepeatUnit) -> int:
    mol, points = unit_mol(unit), attachments(unit)
    return len(Chem.GetShortestPath(mol, *points[:2])) - 2


def _with_far_places(
    sequences: Sequence[Sequence[RepeatUnit]], *, generator: np.random.Generator
) -> list[list[int | None]]:
    """Return the unit of each place of each chain; None is for a far side still to be chosen."""
    n_near = sum(unit.n_attachments == 4 for sequence in sequences for unit in sequence)
    places: list[list[int | None]] = []
    n_units = 0
    for number, sequence in enumerate(sequences):
        n_far = n_near // len(sequences) + (number < n_near % len(sequences))
        chain: list[int | None] = list(range(n_units, n_units + len(sequence)))
        for _ in range(n_far):
            chain.insert(int(generator.integers(len(chain) + 1)), None)
        places.append(chain)
        n_units += len(sequence)
    return places


def _spacings(
    kinds: Sequence[int | None], units: Sequence[RepeatUnit], bonds: NDArray[np.int64]
) -> Array:
    """Return the length of each bond between beads: half of either unit."""
    known = {unit: contour_A(unit) for unit in set(units)}
    far = [known[unit] for unit in units if unit.n_attachments == 4]
    length = np.array([far[0] if kind is None else known[units[kind]] for kind in kinds])
    return np.asarray(SLACK * length[bonds].mean(axis=1))


def _walk(
    n_places: Sequence[int], step_A: float, *, edge_A: float, generator: np.random.Generator
) -> Array:
    """Return random walks that never turn by more than a right angle."""
    walks = []
    for number in n_places:
        ahead = generator.normal(size=3)
        steps = [generator.uniform(0, edge_A, 3)]
        for _ in range(number - 1):
            ahead = ahead / np.linalg.norm(ahead)
            aside = generator.normal(size=3)
            aside /= np.linalg.norm(aside)
            ahead = ahead + aside
            steps.append(step_A * ahead / np.linalg.norm(ahead))
        walks.append(np.cumsum(steps, axis=0))
    return np.concatenate(walks)
