"""What the atoms of any trajectory are: read from a LAMMPS data file or a PDB file.

A data file of LAMMPS names no elements, so they follow from the masses
(https://docs.lammps.org/read_data.html). A PDB file names them in columns 77 and 78, and a line
shifted by one column makes nitrogen of sodium without a word: such lines are refused.
"""

import re
import warnings
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

import mdtraj
import numpy as np
from mdtraj.core.element import Element
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from iemhpc.descriptors.lammps_topology import read_lammps_data
from iemhpc.errors import InputError, MissingInputError

MASS_WITHIN_G_MOL = 0.3
"""How far a mass may be from the element's: rounded masses are within, repartitioned ones not."""

_ELEMENTS = {
    element.symbol.upper(): element
    for element in (Element.getByAtomicNumber(number) for number in range(1, 104))
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Topology:
    """The atoms of a trajectory in the order in which it holds them."""

    name: str
    """Where it comes from, for messages."""
    ids: NDArray[np.int64]
    """Identifiers, rising, shape (n,)."""
    elements: NDArray[np.str_]
    """Chemical symbols; empty where a mass belongs to no element, shape (n,)."""
    types: NDArray[np.int64]
    """LAMMPS types; 0 where the file has none, shape (n,)."""
    type_names: NDArray[np.str_]
    """Names of the types, or of the atoms in a PDB file, shape (n,)."""
    charges_e: NDArray[np.float64]
    """Partial charges; 0 where the file has none, shape (n,)."""
    masses_g_mol: NDArray[np.float64]
    """Masses, shape (n,)."""
    molecules: NDArray[np.int64]
    """Number of the molecule, or of the residue in a PDB file; 0: none, shape (n,)."""
    residues: NDArray[np.str_]
    """Names of residues; empty where the file has none, shape (n,)."""
    bonds: NDArray[np.int64]
    """Indices, from 0, of bonded atoms, shape (n_bonds, 2)."""

    @property
    def n_atoms(self) -> int:
        """How many atoms there are."""
        return len(self.ids)

    @property
    def connected(self) -> NDArray[np.int64]:
        """Number, from 1, of the molecule of each atom; 0 where the file does not tell.

        Bonds are believed first: molecule numbers of LAMMPS are often one number for all.
        """
        joined = self.bonds
        if (self.residues != "").any():
            same = np.flatnonzero(np.diff(self.molecules) == 0)
            joined = np.concatenate([joined, np.stack([same, same + 1], axis=1)])
        if len(joined):
            links = coo_array((np.ones(len(joined)), joined.T), shape=2 * (self.n_atoms,))
            return np.asarray(connected_components(links)[1] + 1, dtype=np.int64)
        is_one = len(np.unique(self.molecules)) == 1
        return np.zeros_like(self.molecules) if is_one else self.molecules.copy()

    def only(self, ids: NDArray[np.int64]) -> "Topology":
        """Return the topology of some atoms, those that a dump of a group holds.

        Raises
        ------
        InputError
            Where an id is not that of an atom.
        """
        at = np.searchsorted(self.ids, ids)
        is_known = at < self.n_atoms
        is_known[is_known] = self.ids[at[is_known]] == ids[is_known]
        if not is_known.all():
            raise InputError(
                f"the trajectory holds atom {ids[np.argmin(is_known)]}, which is not in "
                f"{self.name}; the two belong to different boxes"
            )
        place = np.full(self.n_atoms, -1, dtype=np.int64)
        place[at] = np.arange(len(ids))
        bonds = place[self.bonds]
        arrays = ("ids", "elements", "types", "type_names", "charges_e", "masses_g_mol")
        return replace(
            self,
            **{name: getattr(self, name)[at] for name in (*arrays, "molecules", "residues")},
            bonds=bonds[(bonds >= 0).all(axis=1)],
        )


def read_topology(path: Path) -> Topology:
    """Read a LAMMPS data file or a PDB file.

    Raises
    ------
    MissingInputError
        Where there is no file.
    InputError
        Where it is neither, or damaged.
    """
    if not path.is_file():
        raise MissingInputError(
            f"{path} is not a file; wanted the topology: a LAMMPS data file or a PDB file"
        )
    if path.suffix.lower() in {".pdb", ".ent"}:
        return _from_pdb(path)
    return _from_lammps(path)


def elements_of_masses(masses_g_mol: Iterable[float]) -> list[str]:
    """Return the element nearest to each mass; empty where none is near.

    Examples
    --------
    A coarse bead, and a hydrogen that was made heavier:

    >>> elements_of_masses([22.9898, 15.999, 72.0, 3.024])
    ['Na', 'O', '', '']
    """
    known = list(_ELEMENTS.values())
    table = np.array([element.mass for element in known])
    found = []
    for mass in masses_g_mol:
        away = np.abs(table - mass)
        nearest = int(np.argmin(away))
        found.append(known[nearest].symbol if away[nearest] <= MASS_WITHIN_G_MOL else "")
    return found


def _from_lammps(path: Path) -> Topology:
    data = read_lammps_data(path)
    by_type = np.array(elements_of_masses(data.masses_g_mol), dtype=np.str_)
    return Topology(
        name=str(path),
        ids=data.ids,
        elements=by_type[data.types - 1],
        types=data.types,
        type_names=np.array(data.type_names, dtype=np.str_)[data.types - 1],
        charges_e=data.charges_e,
        masses_g_mol=data.masses_g_mol[data.types - 1],
        molecules=data.molecules,
        residues=np.full(len(data.ids), "", dtype=np.str_),
        bonds=np.searchsorted(data.ids, data.bonds),
    )


def _from_pdb(path: Path) -> Topology:
    _check_columns(path)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            found = mdtraj.load_pdb(str(path), standard_names=False, frame=0).topology
    except (ValueError, IndexError, KeyError, OSError) as error:
        raise InputError(f"{path} cannot be read as PDB: {error}; write it again") from error
    atoms = list(found.atoms)
    elements = [_element_of(path, atom) for atom in atoms]
    return Topology(
        name=str(path),
        ids=np.arange(1, len(atoms) + 1),
        elements=np.array([element.symbol for element in elements], dtype=np.str_),
        types=np.zeros(len(atoms), dtype=np.int64),
        type_names=np.array([atom.name for atom in atoms], dtype=np.str_),
        charges_e=np.zeros(len(atoms)),
        masses_g_mol=np.array([element.mass for element in elements]),
        molecules=np.array([atom.residue.index + 1 for atom in atoms], dtype=np.int64),
        residues=np.array([atom.residue.name for atom in atoms], dtype=np.str_),
        bonds=np.array([[a.index, b.index] for a, b in found.bonds], dtype=np.int64).reshape(-1, 2),
    )


_CHARGE = re.compile(r"^(\s*|\d[+-]|[+-]\d)$")


def _check_columns(path: Path) -> None:
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except UnicodeDecodeError as error:
        raise InputError(f"{path} is no PDB file, but binary: {error}") from error
    n_atoms = 0
    for number, line in enumerate(lines, 1):
        if not line.startswith(("ATOM  ", "HETATM")):
            continue
        symbol, charge = line[76:78].strip(), line[78:80].strip()
        if not _CHARGE.match(charge) or (symbol and symbol.upper() not in _ELEMENTS):
            raise InputError(
                f"{path}, line {number}: columns 77 to 80 hold {line[76:80]!r}, which is no "
                "element with its charge; the line is shifted: write the file again"
            )
        n_atoms += 1
        if not all(_is_number(line, at) for at in (30, 38, 46)):
            raise InputError(
                f"{path}, line {number}: columns 31 to 54 hold {line[30:54]!r}, not three "
                "coordinates; the line is shifted: write the file again"
            )
    if not n_atoms:
        raise InputError(f"{path} holds no ATOM or HETATM record; wanted a PDB file")


def _is_number(line: str, at: int) -> bool:
    try:
        return bool(np.isfinite(float(line[at : at + 8])))
    except ValueError:
        return False


def _element_of(path: Path, atom: mdtraj.core.topology.Atom) -> Element:
    """Return the element of an atom of a PDB file, which must be that of its name if an ion."""
    element = atom.element
    letters = re.sub(r"[^A-Za-z]", "", atom.name).upper()
    meant = _ELEMENTS.get(letters) if len(letters) == 2 else None
    if element is None or element.atomic_number == 0:
        raise InputError(
            f"{path}: atom {atom.index + 1} ({atom.name} of {atom.residue.name}) has no element; "
            "write it in columns 77 and 78"
        )
    if meant is not None and atom.residue.n_atoms == 1 and element.symbol != meant.symbol:
        raise InputError(
            f"{path}: atom {atom.index + 1} ({atom.name} of {atom.residue.name}) is alone in its "
            f"residue and named {meant.symbol}, but would be read as {element.symbol}; write the "
            "element in columns 77 and 78"
        )
    return element
