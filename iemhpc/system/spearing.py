"""Bonds that pass through rings: a chain caught so never gets free, and its box is worthless.

A ring is a fan of triangles about its centre; a bond that crosses one of them goes through
(Möller and Trumbore, J. Graphics Tools 2, 21 (1997), with both ends bounded). Only the rings of
the repeat units count: those that cross-links close are as wide as the network's meshes, and
chains do pass through them.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from rdkit import Chem
from scipy.spatial import cKDTree

PIECE_A = 2.5
"""Bonds are looked for by their middle; longer ones (a cross-link not yet pulled tight) by the
middles of pieces no longer than this."""

Ring = tuple[int, ...]


def unit_rings(molecule: Chem.Mol) -> list[Ring]:
    """Return the rings inside the repeat units of a polymer, chain or network.

    Rings are perceived once for each kind of unit, so that the cost is linear in atoms; rings
    through several units, such as the meshes of a network, are not looked for.

    Parameters
    ----------
    molecule : rdkit.Chem.Mol
        Each atom has the properties ``unit_index``, ``unit_name`` and ``unit_atom``.

    Returns
    -------
    list of tuples of int
        Atoms of each ring, in order around it.

    Examples
    --------
    >>> from iemhpc.polymer.chain import link
    >>> from iemhpc.polymer.repeat_unit import RepeatUnit
    >>> unit_rings(link([RepeatUnit("styrene", "[*]CC([*])c1ccccc1")] * 2))
    [(2, 3, 4, 5, 6, 7), (10, 11, 12, 13, 14, 15)]
    """
    units: dict[int, dict[int, int]] = {}
    names: dict[int, str] = {}
    for atom in molecule.GetAtoms():
        if atom.GetAtomicNum() > 1:
            unit = atom.GetIntProp("unit_index")
            units.setdefault(unit, {})[atom.GetIntProp("unit_atom")] = atom.GetIdx()
            names[unit] = atom.GetProp("unit_name")
    known: dict[str, list[Ring]] = {}
    rings = []
    for unit, atoms in units.items():
        name = names[unit]
        if name not in known:
            known[name] = _rings_of_one(molecule, atoms)
        rings += [tuple(atoms[place] for place in ring) for ring in known[name]]
    return rings


def _rings_of_one(molecule: Chem.Mol, atoms: dict[int, int]) -> list[Ring]:
    """Return the rings of one unit, in numbers of its SMILES atoms."""
    alone, places = Chem.RWMol(), list(atoms)
    row = {atom: alone.AddAtom(Chem.Atom(6)) for atom in atoms.values()}
    for atom in atoms.values():
        for near in molecule.GetAtomWithIdx(atom).GetNeighbors():
            if row.get(near.GetIdx(), -1) > row[atom]:
                alone.AddBond(row[atom], row[near.GetIdx()], Chem.BondType.SINGLE)
    return [tuple(places[k] for k in ring) for ring in Chem.GetSSSR(alone)]


def bonds_through_rings(
    positions_A: NDArray[np.float64],
    *,
    bonds: NDArray[np.int64],
    rings: Sequence[Ring],
    box_A: NDArray[np.float64],
) -> list[tuple[int, int]]:
    """Return which bonds pass through which rings.

    Parameters
    ----------
    positions_A : ndarray, shape (n, 3)
        Ångström; bonds and rings go to the nearest image, so that either may cross the faces.
    bonds : ndarray, shape (m, 2)
        The two atoms of each bond.
    rings : sequence of tuples of int
        The atoms of each ring, in order around it.
    box_A : ndarray, shape (3,)
        Edges of the periodic box.

    Returns
    -------
    list of (bond, ring)
        Rows of ``bonds`` and places in ``rings``, in the order of the rings.

    Examples
    --------
    >>> angle = np.arange(6) * np.pi / 3
    >>> hexagon = np.column_stack([1.4 * np.cos(angle), 1.4 * np.sin(angle), np.zeros(6)])
    >>> atoms = np.vstack([hexagon, [[0.2, 0.1, -0.7]], [[0.2, 0.1, 0.7]]])
    >>> bonds_through_rings(
    ...     atoms, bonds=np.array([[6, 7]]), rings=[tuple(range(6))], box_A=np.full(3, 30.0)
    ... )
    [(0, 0)]
    """
    if not rings or not len(bonds):
        return []
    start = positions_A[bonds[:, 0]]
    along = _nearest(positions_A[bonds[:, 1]] - start, box_A)
    pieces, bond_of = _pieces(start, along)
    tree = cKDTree(wrapped(pieces, box_A), boxsize=box_A)
    found = []
    for size in sorted({len(ring) for ring in rings}):
        numbers = np.array([number for number, ring in enumerate(rings) if len(ring) == size])
        atoms = np.array([rings[number] for number in numbers])
        first = positions_A[atoms[:, :1]]
        corners = first + _nearest(positions_A[atoms] - first, box_A)
        centres = corners.mean(axis=1)
        corners -= centres[:, None]
        reach = float(np.linalg.norm(corners, axis=2).max()) + PIECE_A / 2
        near = tree.query_ball_point(wrapped(centres, box_A), reach)
        ring, bond = _pairs(near, bond_of)
        apart = (bonds[bond][:, :, None] != atoms[ring][:, None]).all(axis=(1, 2))
        ring, bond = ring[apart], bond[apart]
        middle = start[bond] + along[bond] / 2 - centres[ring]
        begin = _nearest(middle, box_A) - along[bond] / 2
        through = _cross(begin, along[bond], corners=corners[ring])
        found += list(zip(numbers[ring[through]].tolist(), bond[through].tolist(), strict=True))
    return [(bond, ring) for ring, bond in sorted(found)]


def wrapped(positions_A: NDArray[np.float64], box_A: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return positions inside the box, its lower corner the origin, as cKDTree wants them."""
    inside = np.mod(positions_A, box_A)
    # A number just below zero, taken modulo the edge, may round to the edge itself.
    return np.asarray(np.where(inside >= box_A, 0.0, inside))


def _nearest(vector_A: NDArray[np.float64], box_A: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(vector_A - box_A * np.round(vector_A / box_A))


def _pieces(
    start: NDArray[np.float64], along: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Return the middles of the bonds' pieces, and the bond of each."""
    n_pieces = np.maximum(1, np.ceil(np.linalg.norm(along, axis=1) / PIECE_A)).astype(np.int64)
    bond_of = np.repeat(np.arange(len(start)), n_pieces)
    number = np.arange(len(bond_of)) - np.repeat(np.cumsum(n_pieces) - n_pieces, n_pieces)
    share = (number + 0.5) / n_pieces[bond_of]
    return start[bond_of] + share[:, None] * along[bond_of], bond_of


def _pairs(
    near: Sequence[Sequence[int]], bond_of: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the pairs of a ring and a bond near it, each once."""
    counts = [len(pieces) for pieces in near]
    if not sum(counts):
        return np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int64)
    bond = bond_of[np.concatenate([np.asarray(pieces, dtype=np.int64) for pieces in near])]
    pairs = np.unique(np.column_stack([np.repeat(np.arange(len(near)), counts), bond]), axis=0)
    return pairs[:, 0], pairs[:, 1]


def _cross(
    begin: NDArray[np.float64], along: NDArray[np.float64], *, corners: NDArray[np.float64]
) -> NDArray[np.bool_]:
    """Say which segments cross one of their ring's triangles (centre at 0, corner, next corner)."""
    first, second = corners, np.roll(corners, -1, axis=1)
    normal = np.cross(along[:, None], second)
    determinant = np.einsum("nij,nij->ni", first, normal)
    flat = np.abs(determinant) < 1e-12
    inverse = 1.0 / np.where(flat, 1.0, determinant)
    u = np.einsum("nij,nj->ni", normal, begin) * inverse
    across = np.cross(begin[:, None], first)
    v = np.einsum("nij,nj->ni", across, along) * inverse
    t = np.einsum("nij,nij->ni", across, second) * inverse
    inside = (u >= 0) & (v >= 0) & (u + v <= 1) & (t >= 0) & (t <= 1)
    return np.asarray((inside & ~flat).any(axis=1))
