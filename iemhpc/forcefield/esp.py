"""Electrostatic potential around a molecule, and the points where it is wanted.

Merz-Kollman points lie on four nested surfaces: each atom's van der Waals sphere times 1.4, 1.6,
1.8 and 2.0, without the parts inside another atom's sphere of the same layer.
U. C. Singh, P. A. Kollman, J. Comput. Chem. 5, 129 (1984); B. H. Besler, K. M. Merz,
P. A. Kollman, J. Comput. Chem. 11, 431 (1990).
"""

from dataclasses import dataclass
from math import ceil, pi, sqrt

import numpy as np
from numpy.typing import NDArray
from rdkit import Chem

from iemhpc.errors import InputError
from iemhpc.units import A_PER_BOHR

LAYERS = (1.4, 1.6, 1.8, 2.0)
"""Surfaces, in van der Waals radii."""

DENSITY_PER_A2 = 6.0
"""Points per Å² of surface, as Gaussian takes them with iop(6/42=6): the restraint of RESP is not
scaled by the number of points, so both ways to a potential must have as many."""

RADII_A = {1: 1.2, 6: 1.5, 7: 1.5, 8: 1.4, 9: 1.35, 15: 1.8, 16: 1.75, 17: 1.7}
"""Radii of the surfaces by atomic number, as GAMESS has them for Merz-Kollman charges."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Esp:
    """The electrostatic potential of one molecule at points around it."""

    numbers: tuple[int, ...]
    """Atomic numbers."""
    positions_A: NDArray[np.float64]
    """Atoms, shape (n, 3)."""
    points_A: NDArray[np.float64]
    """Where the potential is known, shape (m, 3)."""
    potential_hartree_e: NDArray[np.float64]
    """The potential there, atomic units, shape (m,)."""
    source: str
    """Program, method and basis."""

    def __post_init__(self) -> None:
        n_points, n_atoms = len(self.points_A), len(self.numbers)
        if self.positions_A.shape != (n_atoms, 3) or len(self.potential_hartree_e) != n_points:
            raise InputError(
                f"{self.source}: {n_atoms} atoms at {len(self.positions_A)} positions and "
                f"{len(self.potential_hartree_e)} potentials at {n_points} points do not fit "
                "together; make the potential again"
            )
        if n_points <= n_atoms:
            raise InputError(
                f"{self.source}: {n_points} points cannot fix the charges of {n_atoms} atoms; "
                "ask for more points per square ångström"
            )
        values = (self.positions_A, self.points_A, self.potential_hartree_e)
        if not all(np.isfinite(value).all() for value in values):
            raise InputError(f"{self.source}: a position or potential is not a number")


def merz_kollman_points(
    numbers: tuple[int, ...],
    positions_A: NDArray[np.float64],
    *,
    density_per_A2: float = DENSITY_PER_A2,
) -> NDArray[np.float64]:
    """Return points on the four surfaces around a molecule, shape (m, 3).

    Examples
    --------
    Around one atom each layer is a whole sphere: four of carbon's have 330 Å² in all.

    >>> points = merz_kollman_points((6,), np.zeros((1, 3)), density_per_A2=1.0)
    >>> len(points)
    335
    >>> sorted({float(r) for r in np.linalg.norm(points, axis=1).round(6)})
    [2.1, 2.4, 2.7, 3.0]
    """
    radii_A = np.array([_radius_A(number) for number in numbers])
    layers = []
    for layer in LAYERS:
        scaled_A = layer * radii_A
        for atom, radius_A in enumerate(scaled_A):
            n_points = ceil(4.0 * pi * radius_A**2 * density_per_A2)
            points = positions_A[atom] + radius_A * spiral(n_points)
            away_A = np.linalg.norm(points[:, None] - positions_A[None], axis=2)
            away_A[:, atom] = np.inf
            layers.append(points[(away_A >= scaled_A).all(axis=1)])
    return np.concatenate(layers)


def spiral(n_points: int) -> NDArray[np.float64]:
    """Return points spread evenly over the unit sphere, shape (n_points, 3).

    E. B. Saff, A. B. J. Kuijlaars, Math. Intelligencer 19, 5 (1997): equal steps in height, and
    the golden angle from each to the next.
    """
    place = np.arange(n_points) + 0.5
    height = 1.0 - 2.0 * place / n_points
    angle = pi * (1.0 + sqrt(5.0)) * place
    width = np.sqrt(1.0 - height**2)
    return np.column_stack([width * np.cos(angle), width * np.sin(angle), height])


def inverse_distances_bohr(esp: Esp) -> NDArray[np.float64]:
    """Return 1/r from each point to each atom in atomic units, shape (m, n)."""
    apart_A = np.linalg.norm(esp.points_A[:, None] - esp.positions_A[None], axis=2)
    inverse: NDArray[np.float64] = A_PER_BOHR / apart_A
    return inverse


def _radius_A(number: int) -> float:
    if number not in RADII_A:
        symbol = Chem.GetPeriodicTable().GetElementSymbol(number)
        known = ", ".join(map(Chem.GetPeriodicTable().GetElementSymbol, RADII_A))
        raise InputError(
            f"no Merz-Kollman radius is known for {symbol}; known: {known}. Use am1bcc, or give "
            "the charges in a file"
        )
    return RADII_A[number]
