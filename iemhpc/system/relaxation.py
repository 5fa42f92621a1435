"""Rough coordinates pulled into shape: springs for what is rigid, a soft repulsion for the rest.

Distances of bonded atoms, of their next neighbours and across rigid bonds are springs; any other
two atoms push each other apart. Atoms may pass through each other while the push is weak: a bond
that passes through a ring is then drawn out of it sideways, and a centre that was turned inside
out, which no distance shows, by the signed volume of three of its arms (as in distance geometry:
Crippen, Havel, Distance Geometry and Molecular Conformation (1988)). The minimiser is FIRE (Bitzek
et al., Phys. Rev. Lett. 97, 170201 (2006)); lengths are ångström, forces in springs times ångström.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array
from scipy.spatial import cKDTree

from iemhpc.system.spearing import bonds_through_rings

Array = NDArray[np.float64]
Whole = NDArray[np.int64]

APART_A = {(False, False): 3.0, (False, True): 2.4, (True, True): 2.0}
"""Atoms nearer than this push each other: heavy ones, heavy and hydrogen, hydrogens."""

WEAK, STRONG = 0.03, 0.3
"""The push in springs, while bonds are drawn out of rings, and after."""

N_WEAK, N_STRONG = 150, 150
"""Moves with either."""

DRAW = 1.0
"""Force that draws a bond out of a ring ..."""

HAND = 0.1
"""Stiffness of a signed volume, springs per Å⁴ ..."""

FLAT = 0.5
"""... where less than this is left of it."""

CHECK_EVERY = 10
"""... which is looked for after so many moves."""

SKIN_A = 0.8
"""Pairs are listed this much beyond where they push."""

MOST_A = 0.3
"""The longest move of an atom."""

START_STEP, LONGEST_STEP = 0.1, 0.35


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """What a molecule's coordinates have to be, in a periodic cube."""

    springs: Whole
    """Pairs of atoms that have a distance, shape (n, 2)."""
    lengths_A: Array
    """Their distances, shape (n,)."""
    bonds: Whole
    """Pairs of bonded atoms, shape (m, 2)."""
    rings: Sequence[tuple[int, ...]]
    """Atoms of each ring that no bond may pass through."""
    is_hydrogen: NDArray[np.bool_]
    """Of each atom."""
    edge_A: float
    """Edge of the cube."""
    centres: Whole = field(default_factory=lambda: np.empty((0, 4), dtype=np.int64))
    """Atoms with a hand, each before three that it is bonded to, shape (k, 4)."""
    volumes_A3: Array = field(default_factory=lambda: np.empty(0))
    """Determinants of the three arms of each, shape (k,)."""
    is_held: NDArray[np.bool_] | None = None
    """Atoms that stay where they are, shape (n,); None where all may move."""


def relax(positions_A: Array, shape: Shape, *, strong: float = STRONG) -> Array:
    """Return coordinates whose springs have their lengths, with few overlaps.

    ``strong`` is the last push; with less of it springs are nearer their lengths, and atoms nearer
    each other.

    Examples
    --------
    A bond that is stretched to twice its length gets it back.

    >>> pair = np.array([[0, 1]])
    >>> shape = Shape(
    ...     springs=pair, lengths_A=np.array([1.5]), bonds=pair, rings=[],
    ...     is_hydrogen=np.zeros(2, dtype=bool), edge_A=20.0,
    ... )
    >>> moved = relax(np.array([[0.0, 0.0, 0.0], [3.0, 0.0, 0.0]]), shape)
    >>> round(float(np.linalg.norm(moved[1] - moved[0])), 2)
    1.5
    """
    forces = _Forces(shape)
    weak = _fire(positions_A, forces, push=WEAK, n_steps=N_WEAK)
    return _fire(weak, forces, push=strong, n_steps=N_STRONG)


class _Forces:
    """Forces of one shape; it keeps the list of pairs that are near."""

    def __init__(self, shape: Shape) -> None:
        self.shape = shape
        n_atoms = len(shape.is_hydrogen)
        self.n_atoms = n_atoms
        self.spring_sum = incidence(shape.springs, n_atoms)
        arms = np.concatenate([shape.centres[:, [k, 0]] for k in (1, 2, 3)])
        self.arm_sum = incidence(arms, n_atoms)
        self.known = np.unique(self._keys(np.sort(shape.springs, axis=1)))
        self.listed_at: Array | None = None
        self.caught: list[tuple[int, int]] = []

    def _keys(self, pairs: Whole) -> Whole:
        return np.asarray(pairs[:, 0] * self.n_atoms + pairs[:, 1])

    def at(self, positions_A: Array, push: float) -> Array:
        """Return the force on each atom."""
        shape = self.shape
        force = self.spring_sum @ _pulls(
            positions_A, shape.springs, shape.lengths_A, edge_A=shape.edge_A
        )
        if len(shape.centres):
            force = force + self.arm_sum @ _turns(positions_A, shape)
        self._list_pairs(positions_A)
        pushes = _pulls(positions_A, self.pairs, self.apart_A, edge_A=shape.edge_A, only_push=True)
        force = force + push * (self.pair_sum @ pushes)
        for bond, ring in self.caught:
            self._draw_out(force, positions_A, shape.bonds[bond], list(shape.rings[ring]))
        if shape.is_held is not None:
            force[shape.is_held] = 0.0
        return np.asarray(force)

    def find_caught(self, positions_A: Array) -> None:
        """Find the bonds that pass through rings."""
        shape = self.shape
        self.caught = bonds_through_rings(
            positions_A, bonds=shape.bonds, rings=shape.rings, box_A=np.full(3, shape.edge_A)
        )

    def _draw_out(self, force: Array, positions_A: Array, bond: Whole, ring: list[int]) -> None:
        """Push a bond and the ring around it apart, sideways in the plane of the ring."""
        edge_A = self.shape.edge_A
        first = positions_A[ring[0]]
        corners = nearest(positions_A[ring] - first, edge_A)
        middle = nearest(positions_A[bond] - first, edge_A).mean(axis=0) - corners.mean(axis=0)
        normal = np.linalg.svd(corners - corners.mean(axis=0))[2][2]
        aside = middle - normal * (middle @ normal)
        if np.linalg.norm(aside) < 1e-3:
            aside = corners[0] - corners.mean(axis=0)
        aside *= DRAW / np.linalg.norm(aside)
        force[bond] += aside
        force[ring] -= aside * len(bond) / len(ring)

    def _list_pairs(self, positions_A: Array) -> None:
        if self.listed_at is not None:
            moved = ((positions_A - self.listed_at) ** 2).sum(axis=1).max()
            if moved < (SKIN_A / 2) ** 2:
                return
        self.listed_at = positions_A.copy()
        edge_A, light = self.shape.edge_A, self.shape.is_hydrogen
        inside = np.mod(positions_A, edge_A)
        tree = cKDTree(np.where(inside >= edge_A, 0.0, inside), boxsize=edge_A)
        reach_A = APART_A[False, False] + SKIN_A
        pairs: Whole = tree.query_pairs(reach_A, output_type="ndarray")
        self.pairs = pairs[~_is_in(self._keys(pairs), self.known)]
        n_light = light[self.pairs].sum(axis=1)
        self.apart_A = np.array(list(APART_A.values()))[n_light]
        self.pair_sum = incidence(self.pairs, self.n_atoms)


def _fire(positions_A: Array, forces: _Forces, *, push: float, n_steps: int) -> Array:
    positions, velocity = positions_A.copy(), np.zeros_like(positions_A)
    step, mixing, n_downhill = START_STEP, 0.1, 0
    for number in range(n_steps):
        if number % CHECK_EVERY == 0:
            forces.find_caught(positions)
        force = forces.at(positions, push)
        power = float((force * velocity).sum())
        if power > 0:
            n_downhill += 1
            ratio = np.linalg.norm(velocity) / max(float(np.linalg.norm(force)), 1e-12)
            velocity = (1 - mixing) * velocity + mixing * ratio * force
            if n_downhill > 5:
                step, mixing = min(1.1 * step, LONGEST_STEP), 0.99 * mixing
        else:
            velocity[:] = 0.0
            step, mixing, n_downhill = max(0.5 * step, 0.02), 0.1, 0
        velocity += step * force
        move = step * velocity
        length = np.linalg.norm(move, axis=1, keepdims=True)
        positions += move * np.minimum(1.0, MOST_A / np.maximum(length, 1e-12))
    return positions


def _pulls(
    positions_A: Array, pairs: Whole, lengths_A: Array, *, edge_A: float, only_push: bool = False
) -> Array:
    """Return the force on the first atom of each pair."""
    along = nearest(positions_A[pairs[:, 1]] - positions_A[pairs[:, 0]], edge_A)
    distance = np.maximum(np.sqrt((along**2).sum(axis=1)), 0.05)
    excess = 1.0 - lengths_A / distance
    if only_push:
        excess = np.minimum(excess, 0.0)
    return np.asarray(along * excess[:, None])


def _turns(positions_A: Array, shape: Shape) -> Array:
    """Return the force on each arm of each centre, first arms first, that restores its hand."""
    first, second, third = (
        nearest(positions_A[shape.centres[:, k]] - positions_A[shape.centres[:, 0]], shape.edge_A)
        for k in (1, 2, 3)
    )
    slopes = np.stack([np.cross(second, third), np.cross(third, first), np.cross(first, second)])
    volumes = (first * slopes[0]).sum(axis=1)
    is_flat = volumes * np.sign(shape.volumes_A3) < FLAT * np.abs(shape.volumes_A3)
    lacking = np.where(is_flat, shape.volumes_A3 - volumes, 0.0)
    return np.asarray((HAND * lacking[:, None] * slopes).reshape(-1, 3))


def incidence(pairs: Whole, n_atoms: int) -> csr_array:
    """Return the matrix that sums forces on pairs to forces on atoms."""
    n_pairs = len(pairs)
    values = np.repeat([1.0, -1.0], n_pairs)
    places = (pairs.T.ravel(), np.tile(np.arange(n_pairs), 2))
    return csr_array((values, places), shape=(n_atoms, n_pairs))


def _is_in(keys: Whole, known: Whole) -> NDArray[np.bool_]:
    """Return which keys are among sorted ones."""
    if not len(known):
        return np.zeros(len(keys), dtype=bool)
    place = np.minimum(np.searchsorted(known, keys), len(known) - 1)
    return np.asarray(known[place] == keys)


def nearest(vector_A: Array, edge_A: float) -> Array:
    """Return vectors to the nearest image in a periodic cube."""
    return np.asarray(vector_A - edge_A * np.round(vector_A / edge_A))
