"""Where the atoms of a polymer go on paper: the main chain straight, the side groups beside it.

A depiction made for drugs folds a chain of twenty units on itself. Here the longest chain of
sp3 carbons is laid out first, either as the plain zig-zag or as the wave (two turns to the left,
two to the right) that puts neighbouring side groups of a vinyl polymer on opposite sides. Side
groups are then hung on it one by one, each turned to where it is least in the way. General
depictions compete, and the picture with the fewest clashes wins. The unit is the bond length.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from rdkit import Chem
from rdkit.Chem import rdCoordGen, rdDepictor

Floats = NDArray[np.float64]

TURNS = ((1, -1), (1, 1, -1, -1), (1, -1, -1, 1))
"""Ways to draw a chain: at each atom a turn of 60 degrees to the left (1) or right (-1)."""

TILTS_DEGREES = (0.0, -15.0, 15.0, -30.0, 30.0, -45.0, 45.0)
"""Ways to turn a side group from the direction that its angle wants."""

ROOMY = 1.1
"""Side groups of several atoms keep this distance where they can."""

SWEEPS = 2
"""How often each side group is turned again to make room for the others."""

PLAIN_HANDICAP = 5.0
"""A depiction without a straight chain must be clearer by this much to be taken."""

SHORTEST_CHAIN = 6
"""Fewer carbons in a row are no main chain."""

CROWDED = 0.72
"""Atoms without a bond nearer than this, in bond lengths, are hard to tell apart."""


@dataclass(frozen=True, slots=True)
class _Branch:
    root: int
    """Atom of the main chain."""
    atoms: tuple[int, ...]
    """Atoms of the side group."""
    shape: Floats
    """Their positions, shape (n_atoms, 2), the root at the origin, the bond from it along x."""


def lay_out(mol: Chem.Mol) -> Floats:
    """Return positions of the atoms in bond lengths, shape (n_atoms, 2).

    Fragments stand side by side.

    Examples
    --------
    >>> mol = Chem.MolFromSmiles("CC(C)CC(C)CC(C)C")
    >>> positions = lay_out(mol)
    >>> bond = mol.GetBondWithIdx(0)
    >>> ends = positions[[bond.GetBeginAtomIdx(), bond.GetEndAtomIdx()]]
    >>> float(round(np.linalg.norm(ends[0] - ends[1]), 3))
    1.0
    """
    positions = np.zeros((mol.GetNumAtoms(), 2))
    left = 0.0
    for atoms in Chem.GetMolFrags(mol):
        part = _without(mol, set(range(mol.GetNumAtoms())) - set(atoms))
        placed = _best(part)
        placed = placed - [placed[:, 0].min(), np.ptp(placed[:, 1]) / 2 + placed[:, 1].min()]
        positions[sorted(atoms)] = placed + np.array([left, 0.0])
        left += float(np.ptp(placed[:, 0])) + 2.0
    return positions


def crowding(positions: Floats, bonds: Sequence[tuple[int, int]]) -> float:
    """Return how badly a depiction overlaps: crowded pairs of atoms and crossing bonds.

    Parameters
    ----------
    positions : ndarray, shape (n_atoms, 2)
        In bond lengths.
    bonds : sequence of (int, int)
        Atoms joined.

    Examples
    --------
    >>> square = np.array([[0.0, 0.0], [1.0, 1.0], [1.0, 0.0], [0.0, 1.0]])
    >>> crowding(square, [(0, 2), (1, 3)]), crowding(square, [(0, 1), (2, 3)])
    (0.0, 2.0)
    """
    first, second = np.triu_indices(len(positions), k=1)
    distance = np.linalg.norm(positions[first] - positions[second], axis=1)
    overlap = np.clip((CROWDED - distance) / CROWDED, 0.0, 1.0)
    joined = {(min(pair), max(pair)) for pair in bonds}
    free = np.array([(int(i), int(j)) not in joined for i, j in zip(first, second, strict=True)])
    crowded = 4.0 * float((overlap * free).sum()) if len(free) else 0.0
    return crowded + 2.0 * _crossings(positions, bonds)


def main_chain(mol: Chem.Mol) -> list[int]:
    """Return the atoms of the longest chain of sp3 carbons outside rings.

    Examples
    --------
    >>> len(main_chain(Chem.MolFromSmiles("CC(c1ccccc1)CC(OCCO)C")))
    5
    """
    carbons = {
        atom.GetIdx()
        for atom in mol.GetAtoms()
        if atom.GetSymbol() == "C"
        and not atom.IsInRing()
        and atom.GetHybridization() == Chem.HybridizationType.SP3
    }
    best: list[int] = []
    seen: set[int] = set()
    for start in sorted(carbons):
        if start not in seen:
            to_an_end, reached = _farthest(mol, start, carbons)
            seen |= reached
            path, _ = _farthest(mol, to_an_end[0], carbons)
            best = max(best, path, key=len)
    return best


def _farthest(mol: Chem.Mol, start: int, allowed: set[int]) -> tuple[list[int], set[int]]:
    """Return the path from the farthest atom back to ``start``, and all atoms reached."""
    came_from: dict[int, int | None] = {start: None}
    queue = [start]
    for atom in queue:
        for neighbour in mol.GetAtomWithIdx(atom).GetNeighbors():
            index = neighbour.GetIdx()
            if index in allowed and index not in came_from:
                came_from[index] = atom
                queue.append(index)
    path = [queue[-1]]
    while (previous := came_from[path[-1]]) is not None:
        path.append(previous)
    return path, set(queue)


def _best(mol: Chem.Mol) -> Floats:
    bonds = _bonds(mol)
    if mol.GetNumAtoms() == 1:
        return np.zeros((1, 2))
    return min(_candidates(mol), key=lambda one: round(crowding(one[0], bonds) + one[1], 3))[0]


def _candidates(mol: Chem.Mol) -> Iterator[tuple[Floats, float]]:
    chain = main_chain(mol)
    if len(chain) >= SHORTEST_CHAIN:
        branches = _branches(mol, chain)
        for direction in (chain, chain[::-1]):
            for turns in TURNS:
                yield _comb(branches, direction, turns), 0.0
    for positions in _depictions(mol):
        yield _level(positions), PLAIN_HANDICAP


def _depictions(mol: Chem.Mol) -> Iterator[Floats]:
    """Yield what the two general depiction programs of RDKit make of a molecule."""
    copy = Chem.Mol(mol)
    rdDepictor.Compute2DCoords(copy, canonOrient=True)
    yield _positions(copy)
    rdCoordGen.AddCoords(copy)
    yield _positions(copy)


def _comb(branches: Sequence[_Branch], chain: Sequence[int], turns: Sequence[int]) -> Floats:
    """Lay out the chain with the given turns, hang the side groups on it, and make room."""
    positions = np.zeros((len(chain) + sum(len(branch.atoms) for branch in branches), 2))
    positions[list(chain)] = _walk(len(chain), turns)
    hangers = _hangers(branches, chain, positions)
    for branch, wanted in hangers:
        positions[list(branch.atoms)] = positions[branch.root] + _turned(branch.shape, wanted)
    for _ in range(SWEEPS):
        for branch, wanted in hangers:
            positions[list(branch.atoms)] = _roomiest(branch, wanted, positions)
    return positions


def _roomiest(branch: _Branch, wanted: float, positions: Floats) -> Floats:
    """Return the tilt of a side group that is least in the way of all other atoms."""
    others = np.delete(positions, [*branch.atoms, branch.root], axis=0)
    tilts = np.repeat(np.radians(TILTS_DEGREES), 2)
    mirrored = np.stack([branch.shape, branch.shape * [1.0, -1.0]] * len(TILTS_DEGREES))
    options = positions[branch.root] + np.stack(
        [_turned(shape, wanted + tilt) for shape, tilt in zip(mirrored, tilts, strict=True)]
    )
    costs = _in_the_way(options, others) + 0.3 * np.abs(tilts)
    return np.asarray(options[int(np.argmin(np.round(costs, 6)))])


def _walk(n_atoms: int, turns: Sequence[int]) -> Floats:
    """Return a level chain of unit bonds with turns of 60 degrees."""
    signs = np.array([turns[i % len(turns)] for i in range(1, n_atoms + 3)], dtype=float)
    headings = np.concatenate([[0.0], np.cumsum(signs) * np.pi / 3])
    steps = np.column_stack([np.cos(headings), np.sin(headings)])
    points = np.vstack([np.zeros((1, 2)), np.cumsum(steps, axis=0)])
    period = points[4]  # four bonds are a whole number of periods of each pattern
    return _turned(points[:n_atoms], -float(np.arctan2(period[1], period[0])))


def _hangers(
    branches: Sequence[_Branch], chain: Sequence[int], positions: Floats
) -> list[tuple[_Branch, float]]:
    """Return the side groups with the directions of their bonds, the largest first."""
    hangers: list[tuple[_Branch, float]] = []
    for place, root in enumerate(chain):
        here = [branch for branch in branches if branch.root == root]
        back = [
            positions[chain[i]] - positions[root]
            for i in (place - 1, place + 1)
            if 0 <= i < len(chain)
        ]
        for branch, wanted in zip(here, _directions(back, len(here)), strict=True):
            upright = float(np.copysign(np.pi / 2, np.sin(wanted)))
            hangers.append((branch, wanted if len(branch.atoms) < 3 else upright))
    # A fluorine finds a place beside a side chain more easily than a side chain beside it.
    return sorted(hangers, key=lambda hanger: -len(hanger[0].atoms))


def _directions(back: Sequence[Floats], n: int) -> list[float]:
    """Return the directions of ``n`` bonds opposite to the bonds of the chain at an atom."""
    outward = -np.sum(back, axis=0)
    middle = float(np.arctan2(outward[1], outward[0]))
    spread = {1: [0.0], 2: [30.0, -30.0], 3: [0.0, 75.0, -75.0]}
    if len(back) == 1:
        spread = {1: [60.0], 2: [60.0, -60.0], 3: [0.0, 80.0, -80.0]}
    return [middle + float(np.radians(degrees)) for degrees in spread.get(n, [0.0] * n)]


def _branches(mol: Chem.Mol, chain: Sequence[int]) -> list[_Branch]:
    on_chain = set(chain)
    return [
        _branch(mol, root, neighbour.GetIdx(), on_chain)
        for root in chain
        for neighbour in mol.GetAtomWithIdx(root).GetNeighbors()
        if neighbour.GetIdx() not in on_chain
    ]


def _branch(mol: Chem.Mol, root: int, start: int, on_chain: set[int]) -> _Branch:
    allowed = set(range(mol.GetNumAtoms())) - on_chain
    _, atoms = _farthest(mol, start, allowed)
    if len(atoms) == 1:
        return _Branch(root, (start,), np.array([[1.0, 0.0]]))
    part = _without(mol, set(range(mol.GetNumAtoms())) - atoms - {root})
    kept = sorted(atoms | {root})
    shape = min(_depictions(part), key=lambda shape: round(crowding(shape, _bonds(part)), 3))
    shape = shape - shape[kept.index(root)]
    bond = shape[kept.index(start)]
    shape = _turned(shape, -float(np.arctan2(bond[1], bond[0])))
    order = sorted(atoms)
    return _Branch(root, tuple(order), shape[[kept.index(atom) for atom in order]])


def _without(mol: Chem.Mol, atoms: set[int]) -> Chem.Mol:
    """Return the molecule without some atoms, the others in their order."""
    part = Chem.RWMol(mol)
    for atom in sorted(atoms, reverse=True):
        part.RemoveAtom(atom)
    part = part.GetMol()
    Chem.SanitizeMol(part, catchErrors=True)
    return part


def _in_the_way(options: Floats, others: Floats) -> Floats:
    """Return how near ways to draw a side group, (n, n_atoms, 2), come to what is drawn."""
    distance = np.linalg.norm(options[:, :, None, :] - others, axis=3)
    crowded = np.clip(CROWDED - distance, 0.0, None).sum(axis=(1, 2))
    if options.shape[1] > 1:
        crowded += 0.03 * np.clip(ROOMY - distance, 0.0, None).sum(axis=(1, 2))
    reach = np.abs(options[:, :, 1]).mean(axis=1) / (1.0 + np.ptp(options, axis=1).sum(axis=1))
    return np.asarray(4.0 * crowded - 0.1 * reach)


def _turned(points: Floats, angle: float) -> Floats:
    cosine, sine = np.cos(angle), np.sin(angle)
    return np.asarray(points @ np.array([[cosine, sine], [-sine, cosine]]))


def _level(positions: Floats) -> Floats:
    """Turn the longest extent of a depiction into the horizontal."""
    centred: Floats = positions - positions.mean(axis=0)
    if len(centred) < 3:
        return centred
    _, _, axes = np.linalg.svd(centred, full_matrices=False)
    return _turned(centred, -float(np.arctan2(axes[0][1], axes[0][0])))


def _positions(mol: Chem.Mol) -> Floats:
    """Return the coordinates of a depiction in bond lengths."""
    positions = np.asarray(mol.GetConformer().GetPositions()[:, :2], dtype=float)
    bonds = _bonds(mol)
    if not bonds:
        return positions
    lengths = [np.linalg.norm(positions[i] - positions[j]) for i, j in bonds]
    return np.asarray(positions / float(np.median(lengths)))


def _bonds(mol: Chem.Mol) -> list[tuple[int, int]]:
    return [(bond.GetBeginAtomIdx(), bond.GetEndAtomIdx()) for bond in mol.GetBonds()]


def _crossings(positions: Floats, bonds: Sequence[tuple[int, int]]) -> int:
    """Count pairs of bonds that cross without sharing an atom."""
    if len(bonds) < 2:
        return 0
    pairs = np.asarray(bonds)
    start, end = positions[pairs[:, 0]], positions[pairs[:, 1]]
    i, j = np.triu_indices(len(pairs), k=1)
    apart = ~(pairs[i][:, :, None] == pairs[j][:, None, :]).any(axis=(1, 2))
    i, j = i[apart], j[apart]
    one = _side(start[i], end[i], start[j]) * _side(start[i], end[i], end[j])
    two = _side(start[j], end[j], start[i]) * _side(start[j], end[j], end[i])
    return int(((one < 0) & (two < 0)).sum())


def _side(origin: Floats, end: Floats, point: Floats) -> Floats:
    along, to = end - origin, point - origin
    return np.asarray(along[:, 0] * to[:, 1] - along[:, 1] * to[:, 0])
