"""Coordinates of chains in a periodic box, unit by unit: coils with few overlaps, quickly.

Each unit is embedded alone with its neighbours' first atoms as caps, then joined so that the caps
coincide with the atoms they stand for: bond lengths and angles at the joint are right, its torsion
is drawn. Of several torsions and conformers the one stays that meets the fewest atoms placed
before, this chain's and the others', in every image. The hand of a centre that the structure
leaves open is drawn first: atactic chains. What overlap remains is for the soft push-off. Embedding
a whole chain at once is a hundred times slower, and coils that do not know of each other cannot be
packed densely.
"""

import itertools
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from rdkit import Chem

from iemhpc.progress import Say, quiet
from iemhpc.system.fragments import Fragment, Pool, cut_units
from iemhpc.system.spearing import bonds_through_rings, unit_rings

N_CONFORMERS = 4
"""Conformers tried at each joint ..."""

N_TORSIONS = 18
"""... in as many torsions."""

N_STARTS = 40
"""Places and turns tried for a chain's first unit."""

N_GROWTHS = 2
"""Coils grown of each chain; the one with fewer overlaps stays."""

MOST_GROWTHS = 10
"""Coils grown where all so far have a bond through a ring."""

CLASH_A = 2.2
"""Atoms of different units closer than this count as an overlap, the more the closer."""

CROWD_RADIUS_A = 8.0
"""A walk that looks one step ahead: atoms this near to where the next unit goes count ..."""

CROWDING = 0.1
"""... as this much of an overlap, less with distance."""

_SHIFTS = np.array(list(itertools.product((-1.0, 0.0, 1.0), repeat=3)))


def grow_chains(
    chains: Sequence[Chem.Mol], *, edge_A: float, seed: int, say: Say = quiet
) -> list[NDArray[np.float64]]:
    """Return coordinates for chains that share a periodic cube.

    Parameters
    ----------
    chains : sequence of rdkit.Chem.Mol
        From :func:`iemhpc.polymer.chain.link`: explicit hydrogens, each atom knows its
        ``unit_index``.
    edge_A : float
        Edge of the cube; its lower corner is the origin.
    seed : int
        Of starting points, conformers and torsions.
    say : callable
        Hears that it begins.

    Returns
    -------
    list of ndarray, shape (n, 3)
        Ångström; chains are whole, so that they may reach out of the cube.

    Raises
    ------
    ChemistryError
        Where a unit cannot be embedded.

    Examples
    --------
    >>> from iemhpc.polymer.chain import link
    >>> from iemhpc.polymer.repeat_unit import RepeatUnit
    >>> chain = link([RepeatUnit("vinyl alcohol", "[*]CC([*])O")] * 12)
    >>> coils = grow_chains([chain, chain], edge_A=24.0, seed=1)
    >>> [coil.shape for coil in coils]
    [(86, 3), (86, 3)]
    """
    say(f"growing {len(chains)} chain{'' if len(chains) == 1 else 's'}")
    pool: Pool = {}
    grown: list[NDArray[np.float64]] = []
    for number, chain in enumerate(chains):
        before = np.concatenate(grown) if grown else np.empty((0, 3))
        generator = np.random.default_rng([seed, number])
        fragments = cut_units(chain, pool=pool, seed=1 + seed % (2**31 - 2))
        trials: list[tuple[int, float, NDArray[np.float64]]] = []
        while len(trials) < N_GROWTHS or (trials[0][0] and len(trials) < MOST_GROWTHS):
            overlaps, coil = _grow(
                chain, fragments, before=before, edge_A=edge_A, generator=generator
            )
            together = np.concatenate([before, coil])
            caught = n_speared(chains[: number + 1], together, edge_A=edge_A)
            trials.append((caught, overlaps, coil))
            trials.sort(key=lambda trial: trial[:2])
        grown.append(trials[0][2])
    return grown


def n_speared(chains: Sequence[Chem.Mol], coils_A: NDArray[np.float64], *, edge_A: float) -> int:
    """Return how many bonds of the chains pass through rings, in any image.

    Parameters
    ----------
    chains : sequence of rdkit.Chem.Mol
        The chains.
    coils_A : ndarray, shape (n, 3)
        Their coordinates, one chain after the other.
    edge_A : float
        Edge of the cube.
    """
    bonds: list[tuple[int, int]] = []
    rings: list[tuple[int, ...]] = []
    n_before = 0
    for chain in chains:
        bonds += [
            (n_before + bond.GetBeginAtomIdx(), n_before + bond.GetEndAtomIdx())
            for bond in chain.GetBonds()
        ]
        rings += [tuple(n_before + atom for atom in ring) for ring in unit_rings(chain)]
        n_before += chain.GetNumAtoms()
    box_A = np.full(3, edge_A)
    return len(bonds_through_rings(coils_A, bonds=np.array(bonds), rings=rings, box_A=box_A))


def _grow(
    chain: Chem.Mol,
    fragments: Sequence[Fragment],
    *,
    before: NDArray[np.float64],
    edge_A: float,
    generator: np.random.Generator,
) -> tuple[float, NDArray[np.float64]]:
    """Return one coil and the overlaps it has."""
    positions = np.full((chain.GetNumAtoms(), 3), np.nan)
    total = 0.0
    for number, fragment in enumerate(fragments):
        if number == 0:
            trials, outer = _start_trials(fragment, edge_A=edge_A, generator=generator), None
        else:
            trials, outer = _joint_trials(fragment, chain, positions, generator=generator)
        placed = ~np.isnan(positions[:, 0])
        if outer is not None:
            placed[outer] = False
        others = np.concatenate([before, positions[placed]])
        cost, chosen = _best(fragment, trials, others=others, outer=outer, edge_A=edge_A)
        positions[fragment.atoms] = chosen
        total += cost
    return total, positions


def _start_trials(
    fragment: Fragment, *, edge_A: float, generator: np.random.Generator
) -> NDArray[np.float64]:
    conformer = generator.choice(_one_hand(fragment, generator))
    conformer -= conformer.mean(axis=0)
    trials = []
    for _ in range(N_STARTS):
        direction = generator.normal(size=3)
        turned = conformer @ _turning(np.array([0.0, 0.0, 1.0]), direction).T
        trials.append(turned + generator.uniform(0.0, edge_A, 3))
    return np.array(trials)


def _one_hand(fragment: Fragment, generator: np.random.Generator) -> NDArray[np.float64]:
    # Drawn before the torsion: the least crowded place alone would make isotactic helices.
    return fragment.hands_A[generator.integers(len(fragment.hands_A))]


def _joint_trials(
    fragment: Fragment,
    chain: Chem.Mol,
    positions: NDArray[np.float64],
    *,
    generator: np.random.Generator,
) -> tuple[NDArray[np.float64], int]:
    """Return the unit in all torsions and conformers, and the placed atom it is joined to."""
    outer = next(atom for atom in fragment.caps if not np.isnan(positions[atom, 0]))
    inner = int(fragment.rows[fragment.atoms == fragment.joints[outer]][0])
    around = [atom.GetIdx() for atom in chain.GetAtomWithIdx(outer).GetNeighbors()]
    bonded = [atom for atom in around if not np.isnan(positions[atom, 0])]
    direction = _free_direction(positions[outer], positions[bonded])
    known = _one_hand(fragment, generator)
    trials = []
    for conformer in generator.permutation(known)[:N_CONFORMERS]:
        from_cap = conformer - conformer[fragment.caps[outer]]
        turned = from_cap @ _turning(from_cap[inner], direction).T
        for angle in generator.uniform(0, 2 * np.pi, N_TORSIONS):
            trials.append(turned @ _about(direction, angle).T + positions[outer])
    return np.array(trials), outer


def _best(
    fragment: Fragment,
    trials: NDArray[np.float64],
    *,
    others: NDArray[np.float64],
    outer: int | None,
    edge_A: float,
) -> tuple[float, NDArray[np.float64]]:
    """Return the overlaps of the best trial, and its own atoms' coordinates."""
    own, caps = trials[:, fragment.rows], trials[:, list(fragment.caps.values())]
    if outer is not None:  # the joint itself is no overlap
        own = own[:, fragment.atoms != fragment.joints[outer]]
    overlaps, crowding = np.zeros(len(trials)), np.zeros(len(trials))
    batches = [slice(None)] if outer is not None else [slice(k, k + 1) for k in range(len(trials))]
    for batch in batches:
        near = _images_near(others, trials[batch], edge_A=edge_A)
        overlap = np.clip(CLASH_A - _distances(own[batch], near), 0.0, None)
        crowd = np.clip(1.0 - _distances(caps[batch], near) / CROWD_RADIUS_A, 0.0, None)
        overlaps[batch] = (overlap**2).sum(axis=(1, 2))
        crowding[batch] = crowd.sum(axis=(1, 2))
    best = int(np.argmin(overlaps + CROWDING * crowding))
    return float(overlaps[best]), np.asarray(trials[best, fragment.rows])


def _images_near(
    others: NDArray[np.float64], trials: NDArray[np.float64], *, edge_A: float
) -> NDArray[np.float64]:
    """Return every image of the other atoms that may matter to any of the trials."""
    atoms = trials.reshape(-1, 3)
    centre = (atoms.min(axis=0) + atoms.max(axis=0)) / 2
    reach = float(np.linalg.norm(atoms - centre, axis=1).max()) + CROWD_RADIUS_A
    nearest = others - centre
    nearest -= edge_A * np.round(nearest / edge_A)
    images = (nearest + edge_A * _SHIFTS[:, None]).reshape(-1, 3)
    return np.asarray(images[(images**2).sum(axis=1) < reach**2] + centre)


def _free_direction(
    atom_A: NDArray[np.float64], bonded_A: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return where an atom's next bond goes: away from its others, the free corner of an sp3."""
    bonds = bonded_A - atom_A
    away = -(bonds / np.linalg.norm(bonds, axis=1, keepdims=True)).sum(axis=0)
    return np.asarray(away / np.linalg.norm(away))


def _about(axis: NDArray[np.float64], angle: float) -> NDArray[np.float64]:
    """Return the matrix that turns by ``angle`` about a unit vector (Rodrigues)."""
    x, y, z = axis
    cross = np.array([[0.0, -z, y], [z, 0.0, -x], [-y, x, 0.0]])
    return np.asarray(np.eye(3) + np.sin(angle) * cross + (1.0 - np.cos(angle)) * cross @ cross)


def _turning(start: NDArray[np.float64], end: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return a matrix that turns one direction into another."""
    start, end = start / np.linalg.norm(start), end / np.linalg.norm(end)
    axis = np.cross(start, end)
    if np.linalg.norm(axis) < 1e-8:
        axis = np.cross(start, np.eye(3)[np.argmin(np.abs(start))])
    angle = np.arctan2(np.linalg.norm(np.cross(start, end)), start @ end)
    return _about(axis / np.linalg.norm(axis), float(angle))


def _distances(stack_A: NDArray[np.float64], others_A: NDArray[np.float64]) -> NDArray[np.float64]:
    # |a - b|^2 by a matrix product: ten times faster than the differences.
    flat = stack_A.reshape(-1, 3)
    squared = (flat**2).sum(axis=1)[:, None] + (others_A**2).sum(axis=1) - 2.0 * flat @ others_A.T
    shape = (*stack_A.shape[:2], len(others_A))
    return np.asarray(np.sqrt(np.clip(squared, 0.0, None)).reshape(shape))
