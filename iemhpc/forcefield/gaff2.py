"""GAFF2: a polymer chain from residues, the shipped gaff2.dat and parmchk2's additions.

Bonds, angles and torsions follow from the bonds of the chain; each quadruple of atoms is one
torsion with all its Fourier terms. A planar centre is an atom with three bonds for whose types the
field holds an improper, as in Amber's LEaP.
"""

from collections.abc import Callable, Iterator, Sequence
from functools import reduce

import numpy as np
from numpy.typing import NDArray
from rdkit import Chem

from iemhpc.errors import ForceFieldError
from iemhpc.forcefield.amber import AmberTable, gaff2_table, palindrome, parse_frcmod
from iemhpc.forcefield.assignment import assign
from iemhpc.forcefield.parameters import Parameters, Styles, Term
from iemhpc.forcefield.residues import Residue
from iemhpc.progress import Say, quiet

Neighbours = Sequence[Sequence[int]]

ROUGH_PENALTY = 10.0
"""Terms that parmchk2 estimated with a higher penalty score than this are told to the user."""


def parametrise_chain(chain: Chem.Mol, charges: str = "am1bcc", *, say: Say = quiet) -> Parameters:
    """Give a chain its GAFF2 parameters.

    Parameters
    ----------
    chain : rdkit.Chem.Mol
        A chain of ``iemhpc.polymer.chain.link``: explicit hydrogens, H-capped ends.
    charges : str
        Charge method of the residues.
    say : callable
        Told where a residue has to be made, and which terms are rough estimates.

    Returns
    -------
    iemhpc.forcefield.parameters.Parameters
        Types, charges and terms; atoms in the order of the chain.

    Raises
    ------
    ForceFieldError
        Where terms are missing: all of them are named at once.

    Examples
    --------
    >>> from iemhpc.polymer.chain import link
    >>> from iemhpc.polymer.repeat_unit import RepeatUnit
    >>> chain = link([RepeatUnit("styrene", "[*]CC([*])c1ccccc1")] * 3)
    >>> parameters = parametrise_chain(chain)
    >>> len(parameters.elements), len(parameters.impropers)
    (50, 18)
    """
    assignment = assign(chain, method=charges, say=say)
    table = reduce(AmberTable.overridden_by, map(_additions, assignment.residues), gaff2_table())
    terms = _Terms(table, assignment.types)
    bonded = [(bond.GetBeginAtomIdx(), bond.GetEndAtomIdx()) for bond in chain.GetBonds()]
    neighbours = neighbours_of(bonded, n_atoms=chain.GetNumAtoms())
    planar = {
        atom.GetIdx()
        for atom in chain.GetAtoms()
        if atom.GetHybridization() == Chem.HybridizationType.SP2
    }
    atom_types, atoms = terms.atoms()
    bond_types, bonds = terms.rows("bond", map(tuple, map(sorted, bonded)))
    angle_types, angles = terms.rows("angle", enumerate_angles(neighbours))
    dihedral_types, dihedrals = terms.rows("dihedral", enumerate_dihedrals(neighbours))
    improper_types, impropers = terms.impropers(neighbours, planar)
    terms.complain_of_missing([residue.unit for residue in assignment.residues])
    for term in (*bond_types, *angle_types, *dihedral_types, *improper_types):
        if term.penalty is not None and term.penalty > ROUGH_PENALTY:
            say(f"{'-'.join(term.types)} is a rough estimate ({term.source})")
    return Parameters(
        force_field="gaff2",
        elements=tuple(atom.GetSymbol() for atom in chain.GetAtoms()),
        charges_e=assignment.charges_e,
        residues=assignment.units,
        is_tethered_paper=assignment.is_tethered_paper,
        is_tethered_center=assignment.is_tethered_center,
        atom_types=atom_types,
        atom_type=atoms[:, 0],
        bond_types=bond_types,
        bonds=bonds,
        angle_types=angle_types,
        angles=angles,
        dihedral_types=dihedral_types,
        dihedrals=dihedrals,
        improper_types=improper_types,
        impropers=impropers,
        styles=Styles(),
    )


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
    """Yield each atom with three bonds, and the atoms around it."""
    for centre, around in enumerate(neighbours):
        if len(around) == 3:
            yield centre, tuple(around)


class _Terms:
    """Looks terms up by the types of atoms, gives each an index, and remembers what is missing."""

    def __init__(self, table: AmberTable, types: Sequence[str]) -> None:
        self.table = table
        self.types = types
        self.missing: dict[str, None] = {}

    def atoms(self) -> tuple[tuple[Term, ...], NDArray[np.int64]]:
        """Return the atom types in use, and the type of each atom as a column."""
        rows = [(place,) for place in range(len(self.types))]
        return self._indexed("atom", rows, lambda row: self.table.atom(self.types[row[0]]))

    def rows(
        self, kind: str, rows: Iterator[tuple[int, ...]]
    ) -> tuple[tuple[Term, ...], NDArray[np.int64]]:
        """Return the types of bonds, angles or dihedrals, and a row (type, atoms…) for each."""
        find = getattr(self.table, kind)
        return self._indexed(kind, list(rows), lambda row: find(*self._canonical(row)))

    def impropers(
        self, neighbours: Neighbours, planar: set[int]
    ) -> tuple[tuple[Term, ...], NDArray[np.int64]]:
        """Return impropers with their centre third; the outer atoms by type, then by index.

        The field does not fix that order; this is LEaP's in nearly all cases.
        """
        rows = []
        for centre, around in enumerate_planar(neighbours):
            first, second, last = sorted(around, key=lambda atom: (self.types[atom], atom))
            row = (first, second, centre, last)
            if self._improper(row) is not None or centre in planar:
                rows.append(row)
        return self._indexed("improper", rows, self._improper)

    def complain_of_missing(self, units: Sequence[str]) -> None:
        """Raise one error that names everything that is missing, if anything is."""
        if not self.missing:
            return
        raise ForceFieldError(
            f"GAFF2 lacks {len(self.missing)} of the terms of a chain of {', '.join(units)}: "
            f"{'; '.join(self.missing)}. Neither gaff2.dat nor the residues hold them; make the "
            "residue from an oligomer that contains them, so that parmchk2 estimates them"
        )

    def _improper(self, row: tuple[int, ...]) -> Term | None:
        first, second, centre, last = (self.types[atom] for atom in row)
        return self.table.improper((first, second, last), centre)

    def _canonical(self, row: tuple[int, ...]) -> tuple[str, ...]:
        return palindrome([self.types[atom] for atom in row])

    def _indexed(
        self,
        kind: str,
        rows: Sequence[tuple[int, ...]],
        find: Callable[[tuple[int, ...]], Term | None],
    ) -> tuple[tuple[Term, ...], NDArray[np.int64]]:
        index: dict[tuple[str, ...], int] = {}
        terms: list[Term] = []
        table = np.zeros((len(rows), 1 + (len(rows[0]) if rows else _WIDTH[kind])), dtype=np.int64)
        for line, row in enumerate(rows):
            types = tuple(self.types[atom] for atom in row)
            key = types if kind == "improper" else palindrome(types)
            if key not in index:
                term = find(row)
                if term is None:
                    self.missing[f"{kind} {'-'.join(key)}"] = None
                    continue
                index[key] = len(terms)
                terms.append(term)
            table[line] = (index[key], *row)
        return tuple(terms), table


_WIDTH = {"atom": 1, "bond": 2, "angle": 3, "dihedral": 4, "improper": 4}


def _additions(residue: Residue) -> AmberTable:
    return parse_frcmod(residue.frcmod, name=f"parmchk2 for {residue.unit}")
