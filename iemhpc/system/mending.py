"""What a relaxation leaves wrong at a few places is mended there; all the rest is held.

A large network has some place that one relaxation does not solve, two strands that hook into each
other or a bond still in a ring; that it has any is the more likely the larger it is, so that a
whole new placement would seldom be better, and its cost would grow faster than the atoms. So only
the atoms around what is wrong are shaken and relaxed again, in ever wider surroundings.
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from iemhpc.system.relaxation import STRONG, Shape, nearest, relax
from iemhpc.system.spearing import bonds_through_rings, wrapped

Array = NDArray[np.float64]
Whole = NDArray[np.int64]

LONG_A = 0.3
"""A bond further than this from its length is not relaxed."""

N_MENDINGS = 12
"""Times that what is wrong is mended ..."""

FREE_A, WIDER_A = 7.0, 1.0
"""... moving what is within this of it, and each time this much further around ..."""

SHAKE_A = 0.4
"""... after a random move of this in each direction ..."""

YIELD = 0.8
"""... and each time with this times the push: what is bent around others may come nearer them."""

SEEN_A = 6.0
"""Held atoms within this of those that move push or pull them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """What is wrong with coordinates."""

    text: str
    """In words."""
    atoms: Whole
    """Where: an end of each bond that is wrong, shape (n,)."""


def find_fault(positions_A: Array, shape: Shape) -> Fault | None:
    """Return what is wrong with relaxed coordinates: bonds through rings, and stretched ones."""
    box_A = np.full(3, shape.edge_A)
    caught = bonds_through_rings(positions_A, bonds=shape.bonds, rings=shape.rings, box_A=box_A)
    is_bond = np.isin(_keys(shape.springs, shape), _keys(shape.bonds, shape))
    springs, lengths_A = shape.springs[is_bond], shape.lengths_A[is_bond]
    along = nearest(positions_A[springs[:, 1]] - positions_A[springs[:, 0]], shape.edge_A)
    excess = np.abs(np.linalg.norm(along, axis=1) - lengths_A)
    is_long = excess > LONG_A
    texts = []
    if caught:
        texts.append(f"{len(caught)} bonds pass through rings")
    if is_long.any():
        texts.append(
            f"{is_long.sum()} bonds are more than {LONG_A} Å off, the worst {excess.max():.2f} Å"
        )
    if not texts:
        return None
    through = shape.bonds[[bond for bond, _ in caught], 0]
    return Fault(text=" and ".join(texts), atoms=np.union1d(through, springs[is_long, 0]))


def mended(positions_A: Array, shape: Shape, *, generator: np.random.Generator) -> Array:
    """Return coordinates relaxed again where something is wrong, the same where nothing is.

    The cost is that of the atoms around what is wrong. What cannot be mended is returned as it is
    after the last try.

    Examples
    --------
    A bond is twice as long as it should be; the one far from it stays where it is.

    >>> pairs = np.array([[0, 1], [2, 3]])
    >>> shape = Shape(
    ...     springs=pairs, lengths_A=np.array([1.5, 1.5]), bonds=pairs, rings=[],
    ...     is_hydrogen=np.zeros(4, dtype=bool), edge_A=40.0,
    ... )
    >>> atoms = np.array([[0.0, 0, 0], [3, 0, 0], [20, 0, 0], [21.5, 0, 0]])
    >>> after = mended(atoms, shape, generator=np.random.default_rng(1))
    >>> np.linalg.norm(after[1::2] - after[::2], axis=1).round(2).tolist()
    [1.5, 1.5]
    >>> bool((after[2:] == atoms[2:]).all())
    True
    """
    positions = positions_A
    for number in range(N_MENDINGS):
        fault = find_fault(positions, shape)
        if fault is None:
            break
        positions = _relaxed_around(positions, shape, fault.atoms, number, generator=generator)
    return positions


def _relaxed_around(
    positions_A: Array,
    shape: Shape,
    atoms: Whole,
    number: int,
    *,
    generator: np.random.Generator,
) -> Array:
    """Return coordinates where only what is within some distance of given atoms has moved."""
    free_A = FREE_A + number * WIDER_A
    inside = wrapped(positions_A, np.full(3, shape.edge_A))
    tree = cKDTree(inside[atoms], boxsize=shape.edge_A)
    apart_A, _ = tree.query(inside, distance_upper_bound=free_A + SEEN_A)
    kept = np.flatnonzero(np.isfinite(apart_A))
    is_held = apart_A[kept] > free_A
    own = positions_A[kept]
    shaken = own + np.where(is_held[:, None], 0.0, generator.normal(0.0, SHAKE_A, own.shape))
    moved = positions_A.copy()
    moved[kept] = relax(shaken, _part(shape, kept, is_held=is_held), strong=STRONG * YIELD**number)
    return moved


def _part(shape: Shape, kept: Whole, *, is_held: NDArray[np.bool_]) -> Shape:
    """Return the shape of some of the atoms, in their numbers, with what acts on free ones."""
    number = np.full(len(shape.is_hydrogen), -1)
    number[kept] = np.arange(len(kept))
    held = np.append(is_held, True)  # the last is for atoms that are not kept

    def acting(groups: Whole) -> NDArray[np.bool_]:
        own = number[groups]
        return np.asarray((own >= 0).all(axis=1) & ~held[own].all(axis=1))

    springs, centres = acting(shape.springs), acting(shape.centres)
    return replace(
        shape,
        springs=number[shape.springs[springs]],
        lengths_A=shape.lengths_A[springs],
        bonds=number[shape.bonds[(number[shape.bonds] >= 0).all(axis=1)]],
        rings=[
            tuple(number[list(ring)].tolist())
            for ring in shape.rings
            if (number[list(ring)] >= 0).all()
        ],
        is_hydrogen=shape.is_hydrogen[kept],
        centres=number[shape.centres[centres]],
        volumes_A3=shape.volumes_A3[centres],
        is_held=is_held,
    )


def _keys(pairs: Whole, shape: Shape) -> Whole:
    return np.asarray(np.sort(pairs, axis=1) @ [len(shape.is_hydrogen), 1])
