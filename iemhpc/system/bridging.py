"""Which far side each near side of a cross-linker gets: slack bridges, of which few are loops.

Each near side is given a far side so that the sum of the squared errors of the bridges is the
least (an assignment problem); then the beads move, drawn by springs along chains and bridges and
spread by a soft repulsion; and so in turns, because beads that have come nearer may be matched
better. A strand that goes round the periodic box with too few units stays taut wherever its beads
move, and its bonds would stay long. So after each turn what is taut is repaired where it is: the
bridges at taut springs become dear, and the rest stays. The first turns match all sides anew, the
others only those around taut springs: a large box has some taut spring for long, and what moves
for its sake far away would make the next.

A *loop* is a cross-link with both sides in the same chain. It is *idle* where it does not go round
the periodic box: it carries no load, while one that does joins a chain to its own image, as another
chain is in a real sample. Beads near a near side are mostly of its own chain, so that distances
alone make a third to a half of all cross-links idle loops. In a real sample, of many more chains,
almost all neighbours are other chains: idle loops are dear from the start, and only at taut strands
they become cheaper turn by turn.
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment
from scipy.spatial import cKDTree

from iemhpc.system.relaxation import incidence, nearest
from iemhpc.system.spearing import wrapped

Array = NDArray[np.float64]
Whole = NDArray[np.int64]

N_TURNS = 80
"""Matchings tried, at most ..."""

N_WIDE = 10
"""... of which the first are of all sides, the others of those around what is taut ..."""

AROUND_A = 15.0
"""... that have an end within this of it."""

N_STEPS = 50
"""Moves of the beads after each matching, and as many where nothing pushes; walks have twice as
many before it."""

STEP = 0.4
"""Share of a spring's excess that a move takes away ..."""

MOMENTUM = 0.8
"""... and of the last move that is made once more."""

CHECK_EVERY = 5
"""Beads that are near are looked for after so many moves."""

EVEN_PUSH = 0.1
"""Strength of the repulsion in springs, where it spreads beads evenly over the box: the walks at
first, and the network at last."""

LITTLE_PUSH = 0.01
"""That between matchings: little, because chains have to come together where they are joined."""

PUSH = 0.03
"""That of the walks before the first: more keeps chains so far apart that bridges are taut."""

TAUT = 1.2
"""What is stretched beyond this, even where nothing pushes, is taut."""

LOOP_A = 10.0
"""An idle loop counts as if its length were off by this much more ..."""

DEAR_A = 6.0
"""... and a bridge that was taut, as if by this much ..."""

FADE = 0.9
"""... less by this factor a turn, a loop only where strands are taut: so strands become slack with
hardly a loop more than needed."""

LEAST_LOOP_A = 3.0
"""An idle loop counts this much in the end."""

LEAST_RING = 14
"""A cross-link within one chain closes a ring of at least so many bonds. Rings of 8 to 13 are
strained across themselves, cyclotetradecane is not (Dunitz, Perspectives in Structural Chemistry
2, 1 (1968)). Where the bridge is a para-phenylene the ring is a paracyclophane, whose strain by
MMFF94 is 38, 27, 17, 13, 8 and 6 kcal/mol for 11 to 16 bonds."""

FORBIDDEN = 1e6
"""The cost of pairs that may not be joined."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Chains:
    """Beads along chains in a periodic cube, and which of them are to be joined in pairs."""

    bonds: Whole
    """Beads that follow each other, shape (n_bonds, 2)."""
    lengths_A: Array
    """How far these are apart, shape (n_bonds,)."""
    chain: Whole
    """The chain of each bead, shape (n,)."""
    near: Whole
    """Beads that are near sides, shape (m,)."""
    far: Whole
    """Beads that are far sides, shape (m,)."""
    bridges_A: Array
    """How far each near side is to be from its far side, shape (m,)."""
    along: Whole
    """Where each bead's chain branches, in bonds from the chain's first atom, shape (n,)."""
    bridge_bonds: Whole
    """Bonds of each near side's bridge, shape (m,)."""
    edge_A: float
    """Edge of the cube."""

    @property
    def is_loop(self) -> NDArray[np.bool_]:
        """Whether a near and a far side are in one chain, shape (m, m)."""
        return np.asarray(self.chain[self.near][:, None] == self.chain[self.far])

    def is_idle(self, beads_A: Array) -> NDArray[np.bool_]:
        """Whether a near and a far side would close a loop that goes round no box, shape (m, m)."""
        along = beads_A[self.far] - beads_A[self.near][:, None]
        return np.asarray(self.is_loop & (np.round(along / self.edge_A) == 0).all(axis=2))

    @property
    def is_short(self) -> NDArray[np.bool_]:
        """Whether the chain between a near and a far side is shorter than the bridge, (m, m)."""
        n_between = np.abs(self.far - self.near[:, None])
        is_nearer = self.lengths_A.mean() * n_between < self.bridges_A[:, None]
        return np.asarray(self.is_loop & is_nearer)

    @property
    def is_strained(self) -> NDArray[np.bool_]:
        """Whether a near and a far side would close a ring below :data:`LEAST_RING`, (m, m)."""
        strand = np.abs(self.along[self.far] - self.along[self.near][:, None])
        ring = self.bridge_bonds[:, None] + strand
        return np.asarray(self.is_loop & (ring < LEAST_RING))

    @property
    def is_forbidden(self) -> NDArray[np.bool_]:
        """Which may not be joined, shape (m, m): small rings only where all else is too."""
        wanted = self.is_short | self.is_strained
        possible = matched(np.zeros(wanted.shape), is_forbidden=wanted)
        return self.is_short if possible is None else wanted


@dataclass(frozen=True, slots=True, kw_only=True)
class Bridged:
    """Chains with bridges."""

    beads_A: Array
    """Where the beads have come to, shape (n, 3)."""
    chosen: Whole
    """The bead that is the far side of each near side, shape (m,)."""
    stretch: float
    """The most stretched spring over its length, where nothing pushes."""


def bridge(walks_A: Array, chains: Chains) -> Bridged | None:
    """Match near with far sides and move the beads, until nothing is taut.

    Parameters
    ----------
    walks_A : ndarray, shape (n, 3)
        Where the beads begin.
    chains : Chains
        What they are.

    Returns
    -------
    Bridged or None
        Of all turns the one that is least stretched; None where some near side could only be
        joined to what it is beside in its own chain.

    Examples
    --------
    Two chains of two beads, 5 Å apart, are joined and not bent back to themselves.

    >>> chains = Chains(
    ...     bonds=np.array([[0, 1], [2, 3]]), lengths_A=np.full(2, 2.5),
    ...     chain=np.array([0, 0, 1, 1]), near=np.array([0, 2]), far=np.array([1, 3]),
    ...     bridges_A=np.full(2, 5.0), along=np.array([0, 2, 0, 2]), bridge_bonds=np.full(2, 5),
    ...     edge_A=20.0,
    ... )
    >>> walks = np.array([[5.0, 5.0, 5.0], [7.5, 5.0, 5.0], [5.0, 5.0, 10.0], [7.5, 5.0, 10.0]])
    >>> bridge(walks, chains).chosen.tolist()
    [3, 1]
    """
    bonds, edge_A = chains.bonds, chains.edge_A
    beads = walks_A
    for push in (EVEN_PUSH, PUSH):
        beads = spread(
            beads, bonds, chains.lengths_A, edge_A=edge_A, push=push, n_steps=2 * N_STEPS
        )
    lengths = np.concatenate([chains.lengths_A, chains.bridges_A])
    is_forbidden = chains.is_forbidden
    loop, dear = np.full(len(chains.near), LOOP_A**2), np.zeros(is_forbidden.shape)
    columns = np.arange(len(chains.near))
    again = columns
    best: Bridged | None = None
    for turn in range(N_TURNS):
        price = costs(beads, chains) + loop[:, None] * chains.is_idle(beads) + dear
        these = np.ix_(again, columns[again])
        chosen = matched(price[these], is_forbidden=is_forbidden[these])
        if chosen is None:
            return None
        columns[again] = columns[again][chosen]
        ends = np.column_stack([chains.near, chains.far[columns]])
        springs = np.concatenate([bonds, ends])
        beads = spread(beads, springs, lengths, edge_A=edge_A, push=LITTLE_PUSH, n_steps=N_STEPS)
        strain = _strain(beads, springs, lengths, edge_A=edge_A)
        if best is None or strain.max() < best.stretch:
            best = Bridged(beads_A=beads, chosen=ends[:, 1], stretch=float(strain.max()))
        # Along a taut strand the force is the same, so that a bridge in it has a taut spring at
        # one of its ends, if it is not taut itself.
        is_taut = strain[ends].max(axis=1) > TAUT
        if not is_taut.any():
            break
        dear *= FADE
        dear[is_taut, columns[is_taut]] += DEAR_A**2
        loop[is_taut] = np.maximum(FADE * loop[is_taut], LEAST_LOOP_A**2)
        if turn + 1 >= N_WIDE:
            again = _around(beads[ends], is_taut, edge_A)
    assert best is not None
    springs = np.concatenate([bonds, np.column_stack([chains.near, best.chosen])])
    even = spread(
        best.beads_A, springs, lengths, edge_A=edge_A, push=EVEN_PUSH, n_steps=2 * N_STEPS
    )
    return replace(best, beads_A=even)


def spread(
    beads_A: Array,
    springs: Whole,
    lengths_A: Array,
    *,
    edge_A: float,
    push: float,
    n_steps: int,
) -> Array:
    """Return beads moved until springs are near their lengths, the rest pushed apart.

    Beads nearer than they would be on a cubic lattice push each other. The cost is linear in beads.
    """
    beads, velocity = beads_A.copy(), np.zeros_like(beads_A)
    n_beads = len(beads)
    apart_A = edge_A / np.cbrt(n_beads)
    joined = np.sort(springs, axis=1) @ [n_beads, 1]
    share = STEP / np.maximum(1, np.bincount(springs.ravel(), minlength=n_beads))[:, None]
    spring_sum = incidence(springs, n_beads)
    for number in range(n_steps):
        force = spring_sum @ _excess(beads, springs, lengths_A, edge_A)
        if push and number % CHECK_EVERY == 0:
            pairs = _pairs_within(beads, apart_A, edge_A)
            pairs = pairs[~np.isin(pairs @ [n_beads, 1], joined)]
            pair_sum = incidence(pairs, n_beads)
        if push:
            force += push * (pair_sum @ _excess(beads, pairs, apart_A, edge_A, most=0.0))
        velocity = MOMENTUM * velocity + share * force
        beads += velocity
    return beads


def costs(beads_A: Array, chains: Chains) -> Array:
    """Return how far a bridge between each near and far side is from its length, squared."""
    along = nearest(beads_A[chains.far] - beads_A[chains.near][:, None], chains.edge_A)
    return np.asarray((np.linalg.norm(along, axis=2) - chains.bridges_A[:, None]) ** 2)


def matched(costs_A2: Array, *, is_forbidden: NDArray[np.bool_]) -> Whole | None:
    """Return the far side of each near side, so that the costs are least; None where none can be.

    A side is not joined to one so near in its own chain that the bridge is longer than the chain
    between them.

    Examples
    --------
    >>> matched(np.array([[0.0, 1.0], [0.0, 9.0]]), is_forbidden=np.zeros((2, 2), dtype=bool))
    array([1, 0])
    """
    rows, columns = linear_sum_assignment(np.where(is_forbidden, FORBIDDEN, costs_A2))
    return None if is_forbidden[rows, columns].any() else np.asarray(columns)


def _around(ends_A: Array, is_taut: NDArray[np.bool_], edge_A: float) -> Whole:
    """Return the bridges, with ends of shape (m, 2, 3), that are near a taut one."""
    inside = wrapped(ends_A, np.full(3, edge_A))
    tree = cKDTree(inside[is_taut].reshape(-1, 3), boxsize=edge_A)
    return np.flatnonzero(tree.query(inside)[0].min(axis=1) < AROUND_A)


def _strain(beads_A: Array, springs: Whole, lengths_A: Array, *, edge_A: float) -> Array:
    """Return how stretched springs are at each bead where nothing pushes, in their lengths."""
    slack = spread(beads_A, springs, lengths_A, edge_A=edge_A, push=0.0, n_steps=N_STEPS)
    along = nearest(slack[springs[:, 1]] - slack[springs[:, 0]], edge_A)
    stretch = np.linalg.norm(along, axis=1) / lengths_A
    strain = np.zeros(len(beads_A))
    np.maximum.at(strain, springs.ravel(), np.repeat(stretch, 2))
    return strain


def _excess(
    beads_A: Array,
    pairs: Whole,
    lengths_A: Array | float,
    edge_A: float,
    *,
    most: float = np.inf,
) -> Array:
    """Return how much each pair is too long, along it; too short is below 0."""
    along = nearest(beads_A[pairs[:, 1]] - beads_A[pairs[:, 0]], edge_A)
    distance = np.maximum(np.sqrt((along**2).sum(axis=1)), 0.1)
    return np.asarray(along * np.minimum(most, 1.0 - lengths_A / distance)[:, None])


def _pairs_within(beads_A: Array, reach_A: float, edge_A: float) -> Whole:
    tree = cKDTree(wrapped(beads_A, np.full(3, edge_A)), boxsize=edge_A)
    return np.asarray(tree.query_pairs(reach_A, output_type="ndarray"))
