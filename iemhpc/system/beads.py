"""Which sites of a network's chains meet: beads walk in the periodic box, and near ones are joined.

A random graph joins sites that are far apart, and no coordinates without stretched bonds exist for
it. So the topology comes from space: one bead for each place of a chain walks in a box of the size
wanted, beads spread evenly by a soft repulsion between springs, each near side of a cross-linker is
given a far side so that the sum of distances is the least (an assignment problem), and the beads
spread again with the bridges in place.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from rdkit import Chem
from scipy.optimize import linear_sum_assignment
from scipy.spatial import cKDTree

from iemhpc.errors import CompositionError
from iemhpc.polymer.capacity import contour_A
from iemhpc.polymer.network import Network, Slot, check_gel
from iemhpc.polymer.repeat_unit import RepeatUnit, attachments, unit_mol

Array = NDArray[np.float64]

STRETCHED_A = 1.15
"""A short cross-linker joins chains that are this far apart per bond between them ..."""

COILED_A = 3.0
"""... and a long one at this times the root of the number of bonds, as a coil."""

N_STEPS = 200
"""Moves of the beads in each of the two relaxations."""

STEP = 0.4
"""Share of a spring's excess that a move takes away."""

PUSH = 0.03
"""Strength of the repulsion that spreads the beads, in springs: more would stretch the chains, and
strands that cross the box would stay taut for ever."""

EVEN_PUSH = 0.1
"""Before there are bridges, the push that spreads the walks: more takes chains so far apart that
bridges are loops, or taut."""

SLACK = 0.9
"""Beads are this much nearer along a chain than its contour: it is no stretched zig-zag."""

LOOP_A = 4.0
"""A bridge between places of one chain counts as if it were off by this much more: neighbours in
space are mostly neighbours along the chain, and loops carry no load."""

TAUT = 1.25
"""A network whose strands are stretched beyond this, even where nothing pushes, goes round the box
with too few units: its bonds would stay long. It is drawn again ..."""

N_DRAWS = 20
"""... so many times at most; the least stretched stays."""

FORBIDDEN = 1e6
"""The cost of pairs that may not be joined."""


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
    drawn: list[tuple[float, BeadNetwork]] = []
    while len(drawn) < N_DRAWS and min((taut for taut, _ in drawn), default=np.inf) > TAUT:
        generator = np.random.default_rng([seed, len(units), len(drawn)])
        drawn.append(_drawn(sequences, near, edge_A=edge_A, generator=generator, name=name))
    return min(drawn, key=lambda pair: pair[0])[1]


def _drawn(
    sequences: Sequence[Sequence[RepeatUnit]],
    near: Sequence[int],
    *,
    edge_A: float,
    generator: np.random.Generator,
    name: str,
) -> tuple[float, BeadNetwork]:
    """Return one network, and its most stretched spring over its length where nothing pushes."""
    units = [unit for sequence in sequences for unit in sequence]
    # Far sides are places first; which cross-linker stands there is decided by distance.
    places = _with_far_places(sequences, generator=generator)
    kinds = [kind for each in places for kind in each]
    sizes = [len(each) for each in places]
    chain = np.repeat(np.arange(len(places)), sizes)
    first = np.flatnonzero(chain[1:] == chain[:-1])
    bonds = np.column_stack([first, first + 1])
    lengths = _spacings(kinds, units, bonds)
    step_A = float(lengths.mean())
    beads = _walk(sizes, step_A, edge_A=edge_A, generator=generator)
    beads = _spread(beads, bonds, lengths, edge_A=edge_A, push=EVEN_PUSH)
    beads = _spread(beads, bonds, lengths, edge_A=edge_A)
    near_bead = np.array([bead for bead, kind in enumerate(kinds) if kind in set(near)])
    far_bead = np.array([bead for bead, kind in enumerate(kinds) if kind is None])
    bridge_A = np.array([bridge_length_A(units[unit]) for unit in near])
    chosen = _matched(
        _costs(beads, near_bead, far_bead, bridge_A=bridge_A, edge_A=edge_A),
        is_same=chain[far_bead][None] == chain[near_bead][:, None],
        is_short=step_A * np.abs(far_bead[None] - near_bead[:, None]) < bridge_A[:, None],
        name=f"{name} of {len(sequences)} chains",
    )
    chosen = far_bead[chosen]
    springs = np.concatenate([bonds, np.column_stack([near_bead, chosen])])
    lengths = np.concatenate([lengths, bridge_A])
    beads = _spread(beads, springs, lengths, edge_A=edge_A)
    slack = _spread(beads, springs, lengths, edge_A=edge_A, push=0.0)
    along = _nearest(slack[springs[:, 1]] - slack[springs[:, 0]], edge_A)
    taut = float((np.linalg.norm(along, axis=1) / lengths).max())
    far_of = dict(zip(chosen.tolist(), near, strict=True))
    slots = [
        Slot(far_of[bead], True) if kind is None else Slot(kind) for bead, kind in enumerate(kinds)
    ]
    ends = np.cumsum([0, *sizes])
    chains = tuple(tuple(slots[first:last]) for first, last in pairwise(ends.tolist()))
    return taut, BeadNetwork(network=Network(tuple(units), chains), beads=beads / edge_A)


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


def _spread(
    beads: Array,
    springs: NDArray[np.int64],
    lengths: Array,
    *,
    edge_A: float,
    push: float = PUSH,
) -> Array:
    """Return beads moved until they fill the box evenly, springs near their lengths."""
    beads = beads.copy()
    apart_A = edge_A / np.cbrt(len(beads))
    joined = np.sort(springs, axis=1) @ [len(beads), 1]
    share = STEP / np.maximum(1, np.bincount(springs.ravel(), minlength=len(beads)))[:, None]
    for _ in range(N_STEPS):
        pairs = _pairs_within(beads, apart_A, edge_A)
        pairs = pairs[~np.isin(pairs @ [len(beads), 1], joined)]
        move = np.zeros_like(beads)
        for ends, wanted, strength in ((springs, lengths, 1.0), (pairs, apart_A, push)):
            along = _nearest(beads[ends[:, 1]] - beads[ends[:, 0]], edge_A)
            distance = np.linalg.norm(along, axis=1)
            excess = along * (strength * (1.0 - wanted / np.maximum(distance, 0.1)))[:, None]
            np.add.at(move, ends[:, 0], excess)
            np.add.at(move, ends[:, 1], -excess)
        beads += share * move
    return beads


def _costs(
    beads: Array,
    near: NDArray[np.int64],
    far: NDArray[np.int64],
    *,
    bridge_A: Array,
    edge_A: float,
) -> Array:
    """Return how far a bridge between each near and each far side is from its length, squared."""
    along = _nearest(beads[far][None] - beads[near][:, None], edge_A)
    return np.asarray((np.linalg.norm(along, axis=2) - bridge_A[:, None]) ** 2)


def _matched(
    costs: Array, *, is_same: NDArray[np.bool_], is_short: NDArray[np.bool_], name: str
) -> NDArray[np.int64]:
    """Return which far side each near side gets.

    A side is not joined to one so near in its own chain that the bridge is longer than the chain
    between them.
    """
    is_forbidden = is_same & is_short
    rows, columns = linear_sum_assignment(
        np.where(is_forbidden, FORBIDDEN, costs + LOOP_A**2 * is_same)
    )
    if is_forbidden[rows, columns].any():
        raise CompositionError(
            f"{name}: the far sides of {len(costs)} cross-linkers cannot be placed away from their "
            "near sides; use longer chains, more of them, or less cross-linker"
        )
    return np.asarray(columns)


def _pairs_within(beads: Array, reach_A: float, edge_A: float) -> NDArray[np.int64]:
    inside = np.mod(beads, edge_A)
    tree = cKDTree(np.where(inside >= edge_A, 0.0, inside), boxsize=edge_A)
    return np.asarray(tree.query_pairs(reach_A, output_type="ndarray"))


def _nearest(vector_A: Array, edge_A: float) -> Array:
    return np.asarray(vector_A - edge_A * np.round(vector_A / edge_A))
