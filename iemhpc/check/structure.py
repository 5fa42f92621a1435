"""Is the box sound after it has moved: wide enough, no bond too long, none through a ring."""

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from iemhpc.lammps.data_file import DataFile, read_data
from iemhpc.system.spearing import bonds_through_rings

NEWEST = ("production.data", "equilibrated.data", "minimized.data")
"""What LAMMPS leaves, the latest first. Packed coordinates are not judged: they still overlap."""

LARGEST_RING = 8
"""Atoms; the meshes of a network are wider, and chains may pass through them."""

LARGEST_STRETCH_A = 0.6
"""A bond longer than its rest length by more is caught somewhere; heat does a tenth of that."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StructureSection:
    """What the newest data file of a run shows."""

    file: str
    """Its name."""
    box_A: tuple[float, ...]
    """Edges."""
    needed_A: float
    """Twice the cut-off."""
    longest_bond_A: float
    """Length."""
    longest_bond: tuple[int, ...]
    """Its atom ids; empty where there are no bonds."""
    largest_stretch_A: float | None
    """Furthest above a rest length; None where those are not known."""
    stretched: tuple[int, ...]
    """Atom ids of that bond."""
    n_rings: int
    """Small rings."""
    speared: tuple[tuple[int, ...], ...]
    """Each bond through a ring: its two atom ids, then the ring's."""

    @property
    def failures(self) -> tuple[str, ...]:
        """Return what makes the run worthless, with what to do."""
        said = []
        if min(self.box_A) < self.needed_A:
            said.append(
                f"{self.file}: the box is {min(self.box_A):.2f} Å wide, wanted at least twice the "
                f"cut-off, {self.needed_A:g} Å; use a larger box_A or a smaller cutoff_A"
            )
        for first, second, *ring in self.speared:
            said.append(
                f"{self.file}: the bond of atoms {first} and {second} passes through the ring of "
                f"atoms {' '.join(map(str, ring))}; build again with another seed"
            )
        if self.largest_stretch_A is not None and self.largest_stretch_A > LARGEST_STRETCH_A:
            said.append(
                f"{self.file}: the bond of atoms {' and '.join(map(str, self.stretched))} is "
                f"{self.largest_stretch_A:.2f} Å longer than at rest, wanted at most "
                f"{LARGEST_STRETCH_A:g}; it is caught: build again with another seed"
            )
        return tuple(said)

    def lines(self) -> list[str]:
        """Return the box, the longest bond and the count of speared rings."""
        edges = " x ".join(f"{edge:.2f}" for edge in self.box_A)
        stretch = (
            ""
            if self.largest_stretch_A is None
            else f", furthest from rest {self.largest_stretch_A:+.2f} Å"
        )
        return [
            f"  {self.file}: box {edges} Å, twice the cut-off {self.needed_A:g} Å; longest bond "
            f"{self.longest_bond_A:.2f} Å{stretch}; {len(self.speared)} bonds through "
            f"{self.n_rings} rings"
        ]


def check_structure(
    run: Path, *, cutoff_A: float, rest_lengths_A: Mapping[int, float] | None = None
) -> StructureSection | None:
    """Look at the newest data file of a run; None where it has not been minimised.

    Parameters
    ----------
    run : Path
        Its folder.
    cutoff_A : float
        Of the protocol.
    rest_lengths_A : mapping, optional
        Bond type -> length at rest.
    """
    for name in NEWEST:
        if (run / name).exists():
            return structure_of(
                read_data(run / name),
                file=name,
                cutoff_A=cutoff_A,
                rest_lengths_A=rest_lengths_A or {},
            )
    return None


def structure_of(
    data: DataFile, *, file: str, cutoff_A: float, rest_lengths_A: Mapping[int, float]
) -> StructureSection:
    """Measure a box and its bonds."""
    bonds = np.searchsorted(data.ids, data.bonds[:, 1:])
    along = data.positions_A[bonds[:, 1]] - data.positions_A[bonds[:, 0]]
    lengths_A = np.linalg.norm(along - data.box_A * np.round(along / data.box_A), axis=1)
    rest_A = np.array([rest_lengths_A.get(int(kind), np.nan) for kind in data.bonds[:, 0]])
    stretch_A = np.nan_to_num(lengths_A - rest_A, nan=-np.inf)
    longest = int(lengths_A.argmax()) if len(bonds) else None
    worst = int(stretch_A.argmax()) if len(bonds) and np.isfinite(stretch_A).any() else None
    rings = small_rings(bonds)
    crossed = bonds_through_rings(data.positions_A, bonds=bonds, rings=rings, box_A=data.box_A)
    return StructureSection(
        file=file,
        box_A=tuple(float(edge) for edge in data.box_A),
        needed_A=2.0 * cutoff_A,
        longest_bond_A=0.0 if longest is None else float(lengths_A[longest]),
        longest_bond=() if longest is None else _ids(data, longest),
        largest_stretch_A=None if worst is None else float(stretch_A[worst]),
        stretched=() if worst is None else _ids(data, worst),
        n_rings=len(rings),
        speared=tuple(
            (*_ids(data, bond), *(int(data.ids[atom]) for atom in rings[ring]))
            for bond, ring in crossed
        ),
    )


def _ids(data: DataFile, bond: int) -> tuple[int, ...]:
    return tuple(int(atom) for atom in data.bonds[bond, 1:])


def small_rings(bonds: NDArray[np.int64], *, largest: int = LARGEST_RING) -> list[tuple[int, ...]]:
    """Return the rings of a bond graph: of each bond the shortest, where it is short enough.

    Parameters
    ----------
    bonds : ndarray, shape (m, 2)
        Atoms of each bond.
    largest : int
        Atoms of the largest ring looked for; the cost is linear in bonds.

    Returns
    -------
    list of tuples of int
        Atoms of each ring once, in order around it.

    Examples
    --------
    A hexagon with a tail.

    >>> small_rings(np.array([[0, 1], [1, 2], [2, 3], [3, 4], [4, 5], [5, 0], [5, 6]]))
    [(0, 5, 4, 3, 2, 1)]
    """
    near: dict[int, set[int]] = {}
    for first, second in bonds.tolist():
        near.setdefault(first, set()).add(second)
        near.setdefault(second, set()).add(first)
    _trim(near)
    found: dict[frozenset[int], tuple[int, ...]] = {}
    for first, second in bonds.tolist():
        if first in near and second in near:
            ring = _way_around(near, first, second, longest=largest)
            if ring:
                found.setdefault(frozenset(ring), ring)
    return list(found.values())


def _trim(near: dict[int, set[int]]) -> None:
    """Take away what hangs at one bond, again and again: no ring passes there."""
    loose = [atom for atom, others in near.items() if len(others) < 2]
    while loose:
        atom = loose.pop()
        for other in near.pop(atom, ()):
            near[other].discard(atom)
            if len(near[other]) == 1:
                loose.append(other)


def _way_around(
    near: Mapping[int, set[int]], first: int, second: int, *, longest: int
) -> tuple[int, ...]:
    """Return the shortest path between two bonded atoms without their bond; empty if too long."""
    came_from = {first: first}
    queue = deque([(first, 1)])
    while queue:
        atom, n_atoms = queue.popleft()
        for other in sorted(near[atom]):
            if other in came_from or (atom == first and other == second):
                continue
            came_from[other] = atom
            if other == second:
                path = [second]
                while path[-1] != first:
                    path.append(came_from[path[-1]])
                return tuple(reversed(path))
            if n_atoms + 1 < longest:
                queue.append((other, n_atoms + 1))
    return ()
