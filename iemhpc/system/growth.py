"""Coordinates of chains in a periodic box, unit by unit: coils with few overlaps, quickly.

Each unit is embedded alone with its neighbours' first atoms as caps, then joined so that the caps
coincide with the atoms they stand for: bond lengths and angles at the joint are right, its torsion
is drawn. Of several torsions and conformers the one stays that meets the fewest atoms placed
before, this chain's and the others', in every image: a look-up on a grid, so that the cost is
linear in atoms. Centres of rings count as atoms, which keeps bonds out of them. The hands along
the backbone are drawn first, as the tacticity wants them. What overlap remains is for the soft
push-off. Embedding a whole chain at once is a hundred times slower, and coils that do not know of
each other cannot be packed densely.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from rdkit import Chem
from scipy.spatial.transform import Rotation

from iemhpc.forcefield.topology import bonded_pairs
from iemhpc.progress import Say, quiet
from iemhpc.system.fragments import Fragment, Pool, cut_units
from iemhpc.system.occupancy import Occupancy, overlap_of
from iemhpc.system.spearing import bonds_through_rings, unit_rings
from iemhpc.system.tacticity import Centre, backbone_centres, drawn_hands, fitting

N_CONFORMERS = 6
"""Conformers tried at each joint ..."""

N_TORSIONS = 36
"""... in as many torsions."""

N_STARTS = 40
"""Places and turns tried for a chain's first unit."""

N_GROWTHS = 2
"""Coils grown of each chain; the one with fewer overlaps stays."""

N_MENDINGS = 10
"""Times that chains with a bond through a ring are grown again."""

CROWDING = 0.3
"""A walk that looks one step ahead: atoms around the place of the next unit count as this much of
an overlap, less with distance."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Chain:
    """What growing a chain needs of it, whatever the coil."""

    fragments: Sequence[Fragment]
    centres: Mapping[int, Centre]
    hands: Mapping[int, bool]
    neighbours: Sequence[Sequence[int]]


def grow_chains(
    chains: Sequence[Chem.Mol],
    *,
    edge_A: float,
    seed: int,
    tacticity: str = "atactic",
    say: Say = quiet,
) -> list[NDArray[np.float64]]:
    """Return coordinates for chains that share a periodic cube.

    Parameters
    ----------
    chains : sequence of rdkit.Chem.Mol
        From :func:`iemhpc.polymer.chain.link`: explicit hydrogens, each atom knows its
        ``unit_index``, ``unit_name`` and ``unit_atom``.
    edge_A : float
        Edge of the cube; its lower corner is the origin.
    seed : int
        Of starting points, hands, conformers and torsions.
    tacticity : str
        One of :data:`iemhpc.system.tacticity.TACTICITIES`. A hand that a unit's SMILES prescribes
        stays what it is, and side groups are of either hand.
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
    UnknownNameError
        Where the tacticity is another word.

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
    ready = [
        _ready(chain, pool=pool, tacticity=tacticity, seed=seed, number=number)
        for number, chain in enumerate(chains)
    ]
    occupancy = Occupancy(edge_A)
    coils = [
        _best_coil(each, occupancy, edge_A=edge_A, generator=np.random.default_rng([seed, n, 1]))
        for n, each in enumerate(ready)
    ]
    for mending in range(N_MENDINGS):
        caught = _caught(chains, np.concatenate(coils), edge_A=edge_A)
        for n in caught:
            occupancy.remove(_counted(ready[n], coils[n]))
        for n in caught:
            generator = np.random.default_rng([seed, n, 2 + mending])
            coils[n] = _best_coil(ready[n], occupancy, edge_A=edge_A, generator=generator)
        if not caught:
            break
    return coils


def n_speared(chains: Sequence[Chem.Mol], coils_A: NDArray[np.float64], *, edge_A: float) -> int:
    """Return how many bonds of the chains pass through rings of their units, in any image.

    Parameters
    ----------
    chains : sequence of rdkit.Chem.Mol
        Chains or networks.
    coils_A : ndarray, shape (n, 3)
        Their coordinates, one chain after the other.
    edge_A : float
        Edge of the cube.
    """
    return len(_speared_atoms(chains, coils_A, edge_A=edge_A))


def _caught(
    chains: Sequence[Chem.Mol], coils_A: NDArray[np.float64], *, edge_A: float
) -> list[int]:
    """Return the chains that have a bond through a ring, their own or another's."""
    ends = np.cumsum([chain.GetNumAtoms() for chain in chains])
    atoms = _speared_atoms(chains, coils_A, edge_A=edge_A)
    return sorted(set(np.searchsorted(ends, atoms, side="right").tolist()))


def _speared_atoms(
    chains: Sequence[Chem.Mol], coils_A: NDArray[np.float64], *, edge_A: float
) -> list[int]:
    """Return an atom of each bond that passes through a ring."""
    bonds: list[tuple[int, int]] = []
    rings: list[tuple[int, ...]] = []
    n_before = 0
    for chain in chains:
        bonds += [(n_before + first, n_before + last) for first, last in bonded_pairs(chain)]
        rings += [tuple(n_before + atom for atom in ring) for ring in unit_rings(chain)]
        n_before += chain.GetNumAtoms()
    found = bonds_through_rings(
        coils_A, bonds=np.array(bonds), rings=rings, box_A=np.full(3, edge_A)
    )
    return [bonds[bond][0] for bond, _ in found]


def _ready(chain: Chem.Mol, *, pool: Pool, tacticity: str, seed: int, number: int) -> _Chain:
    backbones = backbone_centres(chain)
    generator = np.random.default_rng([seed, number, 0])
    return _Chain(
        fragments=cut_units(chain, pool=pool, seed=1 + seed % (2**31 - 2)),
        centres={centre.atom: centre for centres in backbones for centre in centres},
        hands=drawn_hands(backbones, tacticity, generator),
        neighbours=[[n.GetIdx() for n in atom.GetNeighbors()] for atom in chain.GetAtoms()],
    )


def _best_coil(
    chain: _Chain, occupancy: Occupancy, *, edge_A: float, generator: np.random.Generator
) -> NDArray[np.float64]:
    """Return the better of some coils, which from now on counts in the occupancy."""
    best: tuple[float, NDArray[np.float64]] | None = None
    for _ in range(N_GROWTHS):
        overlaps, coil = _grow(chain, occupancy, edge_A=edge_A, generator=generator)
        occupancy.remove(_counted(chain, coil))
        if best is None or overlaps < best[0]:
            best = overlaps, coil
    assert best is not None
    occupancy.add(_counted(chain, best[1]))
    return best[1]


def _counted(chain: _Chain, coil_A: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return what takes up room: the atoms of a coil and the centres of its rings."""
    own = [_with_rings(each, coil_A[each.atoms]) for each in chain.fragments]
    return np.concatenate(own)


def _with_rings(fragment: Fragment, own_A: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return a unit's own atoms, shape (..., m, 3), and behind them the centres of its rings."""
    centres = [own_A[..., list(ring), :].mean(axis=-2, keepdims=True) for ring in fragment.rings]
    return np.concatenate([own_A, *centres], axis=-2)


def _grow(
    chain: _Chain, occupancy: Occupancy, *, edge_A: float, generator: np.random.Generator
) -> tuple[float, NDArray[np.float64]]:
    """Return the overlaps of one coil, and the coil, which counts in the occupancy."""
    positions = np.full((len(chain.neighbours), 3), np.nan)
    total = 0.0
    for fragment in chain.fragments:
        outer = next((atom for atom in fragment.caps if not np.isnan(positions[atom, 0])), None)
        conformers = _conformers(fragment, chain, generator)
        if outer is None:
            trials = _start_trials(conformers, edge_A=edge_A, generator=generator)
        else:
            bonded = [atom for atom in chain.neighbours[outer] if not np.isnan(positions[atom, 0])]
            direction = _free_direction(positions[outer], positions[bonded])
            trials = _joint_trials(fragment, conformers, outer, direction, generator=generator)
            trials += positions[outer]
        costs = _overlaps(fragment, trials, occupancy, outer=outer)
        caps = trials[:, list(fragment.caps.values())]
        crowding = occupancy.crowding(caps).sum(axis=1)
        best = int(np.argmin(costs + CROWDING * crowding))
        chosen = trials[best, fragment.rows]
        positions[fragment.atoms] = chosen
        occupancy.add(_with_rings(fragment, chosen))
        total += float(costs[best])
    return total, positions


def _overlaps(
    fragment: Fragment,
    trials: NDArray[np.float64],
    occupancy: Occupancy,
    *,
    outer: int | None,
) -> NDArray[np.float64]:
    """Return the overlap of each trial; the joint itself is none."""
    own = trials[:, fragment.rows]
    if outer is None:
        return np.asarray(occupancy.overlap(_with_rings(fragment, own)).sum(axis=1))
    counts = _with_rings(fragment, own)
    counts = np.delete(counts, np.flatnonzero(fragment.atoms == fragment.joints[outer]), axis=1)
    joined = trials[:, fragment.caps[outer], None]
    at_joint = overlap_of(np.linalg.norm(counts - joined, axis=2))
    return np.asarray((occupancy.overlap(counts) - at_joint).sum(axis=1))


def _conformers(
    fragment: Fragment, chain: _Chain, generator: np.random.Generator
) -> NDArray[np.float64]:
    """Return the conformers of one configuration, shape (k, m, 3).

    Of those that have the wanted hands along the backbone one is drawn, before the torsion: the
    least crowded place alone would make isotactic helices.
    """
    possible = fitting(fragment, chain.centres, chain.hands)
    return possible[generator.integers(len(possible))]


def _start_trials(
    conformers: NDArray[np.float64], *, edge_A: float, generator: np.random.Generator
) -> NDArray[np.float64]:
    conformer = generator.choice(conformers)
    conformer = conformer - conformer.mean(axis=0)
    turns = Rotation.random(N_STARTS, random_state=generator).as_matrix()
    places = generator.uniform(0.0, edge_A, (N_STARTS, 1, 3))
    return np.asarray(np.einsum("tij,mj->tmi", turns, conformer) + places)


def _joint_trials(
    fragment: Fragment,
    conformers: NDArray[np.float64],
    outer: int,
    direction: NDArray[np.float64],
    *,
    generator: np.random.Generator,
) -> NDArray[np.float64]:
    """Return the unit in all torsions and conformers, the atom it is joined to at the origin."""
    inner = int(fragment.rows[fragment.atoms == fragment.joints[outer]][0])
    trials = []
    for conformer in generator.permutation(conformers)[:N_CONFORMERS]:
        from_cap = conformer - conformer[fragment.caps[outer]]
        turned = from_cap @ _turning(from_cap[inner], direction).T
        angles = generator.uniform(0, 2 * np.pi, N_TORSIONS)
        turns = Rotation.from_rotvec(angles[:, None] * direction).as_matrix()
        trials.append(np.einsum("tij,mj->tmi", turns, turned))
    return np.concatenate(trials)


def _free_direction(
    atom_A: NDArray[np.float64], bonded_A: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return where an atom's next bond goes: away from its others, the free corner of an sp3."""
    bonds = bonded_A - atom_A
    away = -(bonds / np.linalg.norm(bonds, axis=1, keepdims=True)).sum(axis=0)
    return np.asarray(away / np.linalg.norm(away))


def _turning(start: NDArray[np.float64], end: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return a matrix that turns one direction into another."""
    start, end = start / np.linalg.norm(start), end / np.linalg.norm(end)
    axis = np.cross(start, end)
    if np.linalg.norm(axis) < 1e-8:
        axis = np.cross(start, np.eye(3)[np.argmin(np.abs(start))])
    angle = np.arctan2(np.linalg.norm(np.cross(start, end)), start @ end)
    return np.asarray(Rotation.from_rotvec(angle * axis / np.linalg.norm(axis)).as_matrix())
