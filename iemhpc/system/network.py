"""Coordinates of a network in its periodic cube, where its beads say.

Each unit is a fragment laid on its bead, or a cross-linker on its two, so that its caps look at
the beads of its neighbours; then the joints are closed and everything is relaxed at once, and what
is still wrong is mended where it is. The distances that the relaxation keeps are those of the
fragments.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray
from rdkit import Chem

from iemhpc.errors import CompositionError
from iemhpc.forcefield.topology import bonded_pairs
from iemhpc.polymer.network import Slot
from iemhpc.progress import Say, quiet
from iemhpc.system.beads import BeadNetwork
from iemhpc.system.fragments import Fragment, Pool, cut_units
from iemhpc.system.mending import find_fault, mended
from iemhpc.system.relaxation import Shape, relax
from iemhpc.system.spearing import unit_rings
from iemhpc.system.tacticity import backbone_centres, drawn_hands, fitting

Array = NDArray[np.float64]
Whole = NDArray[np.int64]

LOOK_AHEAD = 0.6
"""A cap, the first atom of the next unit, belongs this far on the way to that unit's bead."""

LOOK_ASIDE = 0.2
"""The atom that it hangs on, this far."""

N_ATTEMPTS = 4
"""Placements tried for one without long bonds and without a bond through a ring."""


def place_network(
    molecule: Chem.Mol,
    laid: BeadNetwork,
    *,
    edge_A: float,
    seed: int,
    tacticity: str = "atactic",
    say: Say = quiet,
) -> Array:
    """Return coordinates of a network in a periodic cube.

    Parameters
    ----------
    molecule : rdkit.Chem.Mol
        Of :func:`iemhpc.polymer.network.link_network` for ``laid.network``.
    laid : BeadNetwork
        Where its units are.
    edge_A : float
        Edge of the cube; its lower corner is the origin.
    seed : int
        Of hands and conformers.
    tacticity : str
        One of :data:`iemhpc.system.tacticity.TACTICITIES`.
    say : callable
        Hears that it begins, and of attempts that failed.

    Returns
    -------
    ndarray, shape (n, 3)
        Ångström. Units are whole; bonds between them may cross a face of the cube.

    Raises
    ------
    ChemistryError
        Where a unit cannot be embedded.
    CompositionError
        Where no attempt gives sound coordinates.
    """
    say(f"placing a network of {molecule.GetNumAtoms()} atoms")
    pool: Pool = {}
    fragments = cut_units(molecule, pool=pool, seed=1 + seed % (2**31 - 2))
    views = _views(laid, edge_A)
    homes_A = laid.homes * edge_A
    told = ""
    for attempt in range(N_ATTEMPTS):
        generator = np.random.default_rng([seed, attempt])
        hands = _handed(molecule, fragments, tacticity, generator=generator)
        rough, conformers = _laid_down(
            molecule, fragments, hands, views=views, homes_A=homes_A, generator=generator
        )
        shape = shape_of_molecule(molecule, fragments, conformers, edge_A=edge_A)
        positions = mended(relax(rough, shape), shape, generator=generator)
        fault = find_fault(positions, shape)
        if fault is None:
            return positions
        told = fault.text
        say(f"{told}: placing the network again")
    raise CompositionError(
        f"no sound coordinates for the network in {N_ATTEMPTS} attempts, in the last {told}; "
        "use another seed or a larger box"
    )


@dataclass(frozen=True, slots=True)
class _View:
    """A neighbour of a unit, as seen from where the two are joined."""

    unit: int
    here_A: Array
    """The bead of the unit's own side, in the image that the unit is in."""
    there_A: Array
    """The neighbour's bead."""


def _views(laid: BeadNetwork, edge_A: float) -> list[list[_View]]:
    """Return what each unit is joined to, near side first."""
    bead_of = dict(
        zip((s for c in laid.network.chains for s in c), laid.beads * edge_A, strict=True)
    )
    views: list[list[_View]] = [[] for _ in laid.network.units]
    for chain in laid.network.chains:
        for place, slot in enumerate(chain):
            here = bead_of[slot]
            home = bead_of[Slot(slot.unit)]
            shift = here - home
            moved = home + shift - edge_A * np.round(shift / edge_A)
            for other in (*chain[max(0, place - 1) : place], *chain[place + 1 : place + 2]):
                there = moved + bead_of[other] - here
                views[slot.unit].append(_View(other.unit, moved, there))
    return views


def _handed(
    molecule: Chem.Mol,
    fragments: Sequence[Fragment],
    tacticity: str,
    *,
    generator: np.random.Generator,
) -> list[Array]:
    """Return conformers of one configuration for each unit, with the hands of the tacticity."""
    backbones = backbone_centres(molecule)
    hands = drawn_hands(backbones, tacticity, generator)
    centres = {centre.atom: centre for backbone in backbones for centre in backbone}
    possible = [fitting(fragment, centres, hands) for fragment in fragments]
    return [each[generator.integers(len(each))] for each in possible]


def _laid_down(
    molecule: Chem.Mol,
    fragments: Sequence[Fragment],
    hands: Sequence[Array],
    *,
    views: Sequence[Sequence[_View]],
    homes_A: Array,
    generator: np.random.Generator,
) -> tuple[Array, list[Array]]:
    """Return each unit on its bead, and the conformer that was laid there."""
    positions = np.empty((molecule.GetNumAtoms(), 3))
    chosen = []
    for fragment, hand, seen, home in zip(fragments, hands, views, homes_A, strict=True):
        rows, targets = _targets(molecule, fragment, seen)
        if rows:
            placed, k = _fitted(hand, rows, np.array(targets))
        else:
            k = 0
            placed = hand[0] - hand[0].mean(axis=0) + home
        positions[fragment.atoms] = placed[fragment.rows]
        chosen.append(hand[k])
    return positions, chosen


def _targets(
    molecule: Chem.Mol, fragment: Fragment, seen: Sequence[_View]
) -> tuple[list[int], list[Array]]:
    """Return rows of a fragment, and where they belong."""
    row_of = dict(zip(fragment.atoms.tolist(), fragment.rows.tolist(), strict=True))
    free = list(fragment.caps)
    rows, targets = [], []
    for view in seen:
        outer = next(
            atom
            for atom in free
            if molecule.GetAtomWithIdx(atom).GetIntProp("unit_index") == view.unit
        )
        free.remove(outer)
        rows += [fragment.caps[outer], row_of[fragment.joints[outer]]]
        along = view.there_A - view.here_A
        targets += [view.here_A + LOOK_AHEAD * along, view.here_A + LOOK_ASIDE * along]
    return rows, targets


def _fitted(conformers_A: Array, rows: list[int], targets_A: Array) -> tuple[Array, int]:
    """Return the conformer that fits best, turned onto its targets, and its number.

    Kabsch, Acta Cryst. A 32, 922 (1976), for all conformers at once.
    """
    own = conformers_A[:, rows]
    centre, goal = own.mean(axis=1, keepdims=True), targets_A.mean(axis=0)
    u, _, v = np.linalg.svd(np.swapaxes(own - centre, 1, 2) @ (targets_A - goal))
    mirror = np.sign(np.linalg.det(u @ v))
    v[:, 2] *= mirror[:, None]
    turned = (conformers_A - centre) @ (u @ v) + goal
    best = int(((turned[:, rows] - targets_A) ** 2).sum(axis=(1, 2)).argmin())
    return turned[best], best


def shape_of_molecule(
    molecule: Chem.Mol, fragments: Sequence[Fragment], conformers: Sequence[Array], *, edge_A: float
) -> Shape:
    """Return what holds a molecule together: the distances in its fragments that are rigid."""
    springs, lengths, centres, volumes = [], [], [], []
    known: dict[int, tuple[Whole, Whole]] = {}
    for fragment, conformer in zip(fragments, conformers, strict=True):
        atom_at = np.empty(len(conformer), dtype=np.int64)
        atom_at[fragment.rows] = fragment.atoms
        atom_at[list(fragment.caps.values())] = list(fragment.caps)
        key = id(fragment.hands_A)
        if key not in known:
            known[key] = (
                _rigid_pairs(molecule, fragment, atom_at),
                _handed_rows(molecule, fragment, atom_at),
            )
        pairs, handed = known[key]
        springs.append(atom_at[pairs])
        lengths.append(np.linalg.norm(conformer[pairs[:, 0]] - conformer[pairs[:, 1]], axis=1))
        centres.append(atom_at[handed])
        volumes.append(np.linalg.det(conformer[handed[:, 1:]] - conformer[handed[:, :1]]))
    return Shape(
        springs=np.concatenate(springs),
        lengths_A=np.concatenate(lengths),
        bonds=np.array(bonded_pairs(molecule)),
        rings=unit_rings(molecule),
        is_hydrogen=np.array([atom.GetAtomicNum() == 1 for atom in molecule.GetAtoms()]),
        edge_A=edge_A,
        centres=np.concatenate(centres),
        volumes_A3=np.concatenate(volumes),
    )


def _handed_rows(molecule: Chem.Mol, fragment: Fragment, atom_at: Whole) -> Whole:
    """Return rows of atoms that may have a hand, each before any three that it is bonded to."""
    row_at = {int(atom): row for row, atom in enumerate(atom_at)}
    rows = []
    for atom in map(molecule.GetAtomWithIdx, fragment.atoms.tolist()):
        around = sorted(atom.GetNeighbors(), key=lambda each: each.GetAtomicNum() == 1)
        if len(around) == 4 and around[2].GetAtomicNum() > 1:
            rows += [
                [row_at[each.GetIdx()] for each in (atom, *arms)]
                for arms in combinations(around, 3)
            ]
    return np.array(rows, dtype=np.int64).reshape(-1, 4)


def _rigid_pairs(molecule: Chem.Mol, fragment: Fragment, atom_at: Whole) -> Whole:
    """Return rows at a fixed distance: bonded, bonded to the same atom, or across a stiff bond."""
    row_at = {int(atom): row for row, atom in enumerate(atom_at)}
    pairs: set[tuple[int, int]] = set()
    for atom in fragment.atoms.tolist():
        bonds = molecule.GetAtomWithIdx(atom).GetBonds()
        around = [bond.GetOtherAtomIdx(atom) for bond in bonds]
        pairs |= {(atom, other) for other in around}
        pairs |= set(combinations(around, 2))
        for bond, other in zip(bonds, around, strict=True):
            if other in fragment.caps or not (bond.GetIsConjugated() or bond.GetIsAromatic()):
                continue
            beyond = [n.GetIdx() for n in molecule.GetAtomWithIdx(other).GetNeighbors()]
            pairs |= {(a, b) for a in around for b in beyond if len({a, b, atom, other}) == 4}
    rows = {tuple(sorted((row_at[a], row_at[b]))) for a, b in pairs}
    return np.array(sorted(rows), dtype=np.int64)
