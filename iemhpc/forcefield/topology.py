"""Bonded terms of a molecule: which atoms make an angle, a torsion or a planar centre, and of what
type each is.

Every force field enumerates them alike: all angles and torsions along bonds, each quadruple once,
and a planar centre where an atom has three bonds.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TypedDict

import numpy as np
from numpy.typing import NDArray
from rdkit import Chem

from iemhpc.forcefield.parameters import Term

Neighbours = Sequence[Sequence[int]]
Typed = tuple[tuple[Term, ...], NDArray[np.int64]]
"""Types of one kind of term, and a row (type, atoms…) for each term."""

Find = Callable[[tuple[str, ...]], Term | None]
"""Looks one kind of term up by the types of its atoms."""


class Bonded(TypedDict):
    """Bonded terms by the names that they have in :class:`Parameters`, which says their shapes."""

    bond_types: tuple[Term, ...]
    bonds: NDArray[np.int64]
    angle_types: tuple[Term, ...]
    angles: NDArray[np.int64]
    dihedral_types: tuple[Term, ...]
    dihedrals: NDArray[np.int64]
    improper_types: tuple[Term, ...]
    impropers: NDArray[np.int64]


_WIDTH = {"atom": 1, "bond": 2, "angle": 3, "dihedral": 4, "improper": 4}


def bonded_pairs(mol: Chem.Mol) -> list[tuple[int, int]]:
    """Return the atoms of each bond, ascending.

    They are read from the atoms: RDKit walks to each bond from the first one, so that going
    through ``mol.GetBonds()`` costs the square of the number of bonds.

    Examples
    --------
    >>> bonded_pairs(Chem.MolFromSmiles("CCO"))
    [(0, 1), (1, 2)]
    """
    return [
        (atom.GetIdx(), other)
        for atom in mol.GetAtoms()
        for other in sorted(each.GetIdx() for each in atom.GetNeighbors())
        if other > atom.GetIdx()
    ]


def neighbours_of(bonds: Sequence[tuple[int, int]], *, n_atoms: int) -> Neighbours:
    """Return the atoms bonded to each atom, ascending.

    Examples
    --------
    >>> neighbours_of([(0, 1), (2, 1)], n_atoms=3)
    [[1], [0, 2], [1]]
    """
    neighbours: list[list[int]] = [[] for _ in range(n_atoms)]
    for first, second in bonds:
        neighbours[first].append(second)
        neighbours[second].append(first)
    return [sorted(atoms) for atoms in neighbours]


def enumerate_angles(neighbours: Neighbours) -> Iterator[tuple[int, ...]]:
    """Yield each angle once, its centre in the middle.

    Examples
    --------
    >>> list(enumerate_angles([[1], [0, 2], [1]]))
    [(0, 1, 2)]
    """
    for centre, around in enumerate(neighbours):
        for place, first in enumerate(around):
            yield from ((first, centre, last) for last in around[place + 1 :])


def enumerate_dihedrals(neighbours: Neighbours) -> Iterator[tuple[int, ...]]:
    """Yield each torsion once, along its chain of bonds; a three-membered ring has none.

    Examples
    --------
    >>> list(enumerate_dihedrals([[1], [0, 2], [1, 3], [2]]))
    [(0, 1, 2, 3)]
    """
    for second, around in enumerate(neighbours):
        for third in around:
            if third < second:
                continue
            for first in around:
                for last in neighbours[third]:
                    if first not in (third, last) and last != second:
                        yield first, second, third, last


def enumerate_planar(neighbours: Neighbours) -> Iterator[tuple[int, tuple[int, ...]]]:
    """Yield each atom with three bonds, and the atoms around it.

    Examples
    --------
    >>> list(enumerate_planar([[1, 2, 3], [0], [0], [0]]))
    [(0, (1, 2, 3))]
    """
    for centre, around in enumerate(neighbours):
        if len(around) == 3:
            yield centre, tuple(around)


def palindrome(types: Sequence[str]) -> tuple[str, ...]:
    """Return the types in the one of both reading directions that sorts first.

    Examples
    --------
    >>> palindrome(("hc", "c3", "c3", "ca"))
    ('ca', 'c3', 'c3', 'hc')
    """
    return min(tuple(types), tuple(reversed(types)))


@dataclass(slots=True)
class TermFinder:
    """Looks terms up by the types of their atoms, and remembers what is missing."""

    types: Sequence[str]
    """Type of each atom in bonded terms."""
    missing: dict[str, None] = field(default_factory=dict)
    """``bond c3-ca`` and the like, in the order they were looked for."""

    def typed(
        self,
        kind: str,
        rows: Iterable[tuple[int, ...]],
        find: Find,
    ) -> Typed:
        """Return the types in use and a row for each term, in the order of ``rows``.

        ``find`` is asked once for each different sequence of types; both reading directions of a
        term are one, except for impropers.
        """
        index: dict[tuple[str, ...], int] = {}
        terms: list[Term] = []
        table: list[tuple[int, ...]] = []
        for row in rows:
            types = tuple([self.types[atom] for atom in row])
            key = types if kind == "improper" or types <= types[::-1] else types[::-1]
            if key not in index:
                term = find(key)
                if term is None:
                    self.missing[f"{kind} {'-'.join(key)}"] = None
                    continue
                index[key] = len(terms)
                terms.append(term)
            table.append((index[key], *row))
        return tuple(terms), np.array(table, dtype=np.int64).reshape(-1, 1 + _WIDTH[kind])

    def bonded(
        self,
        chain: Chem.Mol,
        find: Callable[[str], Find],
        improper_rows: Callable[[Neighbours], Iterable[tuple[int, ...]]],
    ) -> Bonded:
        """Return the bonds, angles, dihedrals and impropers of a molecule.

        Parameters
        ----------
        chain : rdkit.Chem.Mol
            The molecule; only its bonds are read.
        find : callable
            How terms of a kind (bond, angle, dihedral, improper) are looked up.
        improper_rows : callable
            Which impropers there are: each field has its own planar centres and order of atoms.
        """
        pairs = bonded_pairs(chain)
        neighbours = neighbours_of(pairs, n_atoms=len(self.types))
        bonds = self.typed("bond", pairs, find("bond"))
        angles = self.typed("angle", enumerate_angles(neighbours), find("angle"))
        dihedrals = self.typed("dihedral", enumerate_dihedrals(neighbours), find("dihedral"))
        impropers = self.typed("improper", improper_rows(neighbours), find("improper"))
        return {
            "bond_types": bonds[0],
            "bonds": bonds[1],
            "angle_types": angles[0],
            "angles": angles[1],
            "dihedral_types": dihedrals[0],
            "dihedrals": dihedrals[1],
            "improper_types": impropers[0],
            "impropers": impropers[1],
        }

    def atoms(self, find: Find) -> Typed:
        """Return the atom types in use and a row (type, atom) for each atom."""
        return self.typed("atom", ((place,) for place in range(len(self.types))), find)
