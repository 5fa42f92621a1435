"""Ions and water placed at random around the chains in a periodic box, without overlaps.

Random sequential insertion (Widom, J. Chem. Phys. 44, 3888 (1966)), many at once: each round offers
every molecule that is not placed yet a place in the room left and a turn, drops those that come
too near to anything placed or to an offer before them, and keeps the rest. Room left is known on a
grid, so that offers are not wasted on the inside of the polymer. Nothing attracts anything: ions
start where chance puts them, not in contact pairs.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree
from scipy.spatial.transform import Rotation

from iemhpc.system.spearing import wrapped

TOLERANCE_A = 2.0
"""Least distance between atoms of different molecules."""

N_ROUNDS = 300
"""Rounds of offers after which a larger box is wanted."""

N_OFFERS = 2
"""Offers of a round for each molecule that is not placed yet ..."""

LEAST_OFFERS = 1000
"""... and how many there are at least: the last molecules are the hardest to place."""

SITE_SPACING_A = 1.0
"""Of the grid on which the room left is known; offers are moved off its points at random."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rigid:
    """A molecule to be placed some number of times, its shape kept."""

    elements: tuple[str, ...]
    """Chemical symbols."""
    positions_A: NDArray[np.float64]
    """Its own coordinates, shape (m, 3); the first atom is put on the places that are free."""
    count: int
    """How many; 0: one that stays where it is."""


def pack(
    fixed: Rigid | None, molecules: Sequence[Rigid], *, edge_A: float, seed: int
) -> NDArray[np.float64] | None:
    """Place molecules in a periodic cube, around atoms that stay where they are.

    Parameters
    ----------
    fixed : Rigid or None
        The chains, as one; atoms outside the cube count by their images inside.
    molecules : sequence of Rigid
        In the order of the answer, and of their placing.
    edge_A : float
        Edge of the cube.
    seed : int
        Of places and turns.

    Returns
    -------
    ndarray, shape (n, 3), or None
        Every copy of the first molecule, then of the second, and so on; None where they do not
        fit. Molecules are whole.

    Examples
    --------
    >>> water = Rigid(elements=("O",), positions_A=np.zeros((1, 3)), count=100)
    >>> placed = pack(None, [water], edge_A=20.0, seed=1)
    >>> placed.shape
    (100, 3)
    """
    generator = np.random.default_rng(seed)
    room = _Room(np.empty((0, 3)) if fixed is None else fixed.positions_A, edge_A=edge_A)
    packed = [np.empty((0, 3))]
    for molecule in molecules:
        copies = _insert(molecule, room, generator=generator)
        if copies is None:
            return None
        packed.append(copies)
    return np.concatenate(packed)


class _Room:
    """What is taken of a periodic cube, and the points of a grid that may still be free."""

    def __init__(self, taken_A: NDArray[np.float64], *, edge_A: float) -> None:
        self.edge_A = edge_A
        n_points = max(1, round(edge_A / SITE_SPACING_A))
        self.spacing_A = edge_A / n_points
        axis = self.spacing_A * np.arange(n_points)
        self.sites = np.stack(np.meshgrid(axis, axis, axis), axis=-1).reshape(-1, 3)
        self._taken = np.empty((0, 3))
        self.take(taken_A)

    def take(self, atoms_A: NDArray[np.float64]) -> None:
        """Let more atoms be in the way."""
        self._taken = np.concatenate([self._taken, atoms_A])
        # An offer is at most half the diagonal of a cell from its site.
        reach = max(TOLERANCE_A - np.sqrt(0.75) * self.spacing_A, 0.0)
        self.sites = self.sites[self._is_clear(self.sites, atoms_A, reach)]

    def fits(self, offers_A: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Say which molecules, shape (n, m, 3), have no atom too near to anything taken."""
        clear = self._is_clear(offers_A.reshape(-1, 3), self._taken, TOLERANCE_A)
        return np.asarray(clear.reshape(offers_A.shape[:2]).all(axis=1))

    def tree(self, atoms_A: NDArray[np.float64]) -> cKDTree:
        """Return atoms in a form that knows their neighbours in every image."""
        inside = wrapped(atoms_A, np.full(3, self.edge_A))
        return cKDTree(inside, boxsize=self.edge_A, balanced_tree=False)

    def _is_clear(
        self, points_A: NDArray[np.float64], atoms_A: NDArray[np.float64], reach_A: float
    ) -> NDArray[np.bool_]:
        if not len(atoms_A) or not len(points_A):
            return np.ones(len(points_A), dtype=np.bool_)
        inside = wrapped(points_A, np.full(3, self.edge_A))
        apart, _ = self.tree(atoms_A).query(inside, distance_upper_bound=reach_A)
        return np.asarray(np.isinf(apart))


def _insert(
    molecule: Rigid, room: _Room, *, generator: np.random.Generator
) -> NDArray[np.float64] | None:
    """Return all copies of one molecule, shape (count * m, 3), and take their room."""
    shape = molecule.positions_A - molecule.positions_A[0]
    copies = np.empty((0, *shape.shape))
    for _ in range(N_ROUNDS):
        missing = molecule.count - len(copies)
        if missing == 0:
            return copies.reshape(-1, 3)
        n_offers = min(max(N_OFFERS * missing, LEAST_OFFERS), len(room.sites))
        if n_offers == 0:
            return None
        places = room.sites[generator.choice(len(room.sites), n_offers, replace=False)]
        places = places + room.spacing_A * generator.uniform(-0.5, 0.5, places.shape)
        turns = Rotation.random(n_offers, random_state=generator).as_matrix()
        offers = np.einsum("nij,mj->nmi", turns, shape) + places[:, None]
        offers = offers[room.fits(offers)]
        offers = offers[_first_come(offers, room)][:missing]
        room.take(offers.reshape(-1, 3))
        copies = np.concatenate([copies, offers])
    return None


def _first_come(offers_A: NDArray[np.float64], room: _Room) -> NDArray[np.bool_]:
    """Say which molecules stay where each must keep clear of those before it that stay."""
    n_offers, n_atoms = offers_A.shape[:2]
    stays = np.ones(n_offers, dtype=np.bool_)
    if n_offers == 0:
        return stays
    pairs = room.tree(offers_A.reshape(-1, 3)).query_pairs(TOLERANCE_A, output_type="ndarray")
    pairs = np.sort(pairs // n_atoms, axis=1)
    pairs = pairs[pairs[:, 0] != pairs[:, 1]]
    is_open = stays.copy()
    while len(pairs):
        # Who is behind nobody stays; who is behind one that stays goes.
        is_open[:] = True
        is_open[pairs[:, 1]] = False
        gone = pairs[is_open[pairs[:, 0]], 1]
        stays[gone] = False
        pairs = pairs[stays[pairs].all(axis=1)]
    return stays
