"""A molecule as a graph: 69 numbers an atom, two directed edges a bond.

The columns are those of Table 1 of the study: type 43, degree 11, implicit hydrogens 7, formal
charge 1, radical electrons 1, hybridisation 5, aromaticity 1. The SMILES is made canonical first,
because ``[CH3]C`` and ``CC`` are one molecule but count their implicit hydrogens differently.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from rdkit import Chem, rdBase

from iemhpc.errors import ChemistryError

_ELEMENTS = (
    "C N O S F Si P Cl Br Mg Na Ca Fe As Al I B V K Tl Yb Sb Sn Ag Pd Co Se Ti Zn H Li Ge Cu Au "
    "Ni Cd In Mn Zr Cr Pt Hg Pb"
)
ELEMENTS = tuple(_ELEMENTS.split())
"""The 43 types: the set in common use; the 16 names printed in the study cannot fill 43 columns."""

HYBRIDISATIONS = ("SP", "SP2", "SP3", "SP3D", "SP3D2")
MAX_DEGREE = 10
MAX_IMPLICIT_HYDROGENS = 6

FEATURE_NAMES = (
    *(f"type_{element}" for element in ELEMENTS),
    *(f"degree_{n}" for n in range(MAX_DEGREE + 1)),
    *(f"implicit_hydrogens_{n}" for n in range(MAX_IMPLICIT_HYDROGENS + 1)),
    "formal_charge",
    "radical_electrons",
    *(f"hybridisation_{name.lower()}" for name in HYBRIDISATIONS),
    "aromatic",
)
"""What each column says, in the order in which a model sees them."""

N_TYPES = len(ELEMENTS)
"""The first columns, which say the element."""

N_FEATURES = len(FEATURE_NAMES)


@dataclass(frozen=True, slots=True, kw_only=True)
class Graph:
    """One molecule, or one formula unit of a salt, as the network sees it."""

    smiles: str
    """Canonical SMILES; node ``i`` is its atom ``i``."""
    node_features: NDArray[np.float32] = field(repr=False)
    """Shape (n_atoms, 69), columns ``FEATURE_NAMES``."""
    edge_index: NDArray[np.int64] = field(repr=False)
    """Shape (2, 2 n_bonds): each bond both ways, no self-loops."""

    @property
    def n_atoms(self) -> int:
        """Heavy atoms."""
        return len(self.node_features)


def canonical_smiles(smiles: str) -> str:
    """Return the one spelling in which a molecule is featurised.

    Atom maps, isotopes and stereochemistry are dropped: no feature sees them, but brackets
    written for their sake would hide implicit hydrogens.

    Raises
    ------
    ChemistryError
        Where the text is no SMILES.

    Examples
    --------
    >>> canonical_smiles("[CH3][CH2][OH]"), canonical_smiles("C1=CC=CC=C1")
    ('CCO', 'c1ccccc1')
    """
    with rdBase.BlockLogs():
        molecule = Chem.MolFromSmiles(smiles) if smiles.strip() else None
        if molecule is None or molecule.GetNumAtoms() == 0:
            raise ChemistryError(
                f"SMILES {smiles!r} does not parse; check brackets, ring closures and valences"
            )
        for atom in molecule.GetAtoms():
            atom.SetIsotope(0)
            atom.SetAtomMapNum(0)
        Chem.RemoveStereochemistry(molecule)
        return str(Chem.MolToSmiles(Chem.RemoveHs(molecule)))


@lru_cache(maxsize=4096)
def graph_of(smiles: str) -> Graph:
    """Return the graph of a SMILES, whatever its spelling.

    Parameters
    ----------
    smiles : str
        Any spelling; a salt is one formula unit with dots, such as ``[Cl-].[Cl-].[Mg+2]``.

    Raises
    ------
    ChemistryError
        Where it does not parse, or holds an element outside the 43.

    Examples
    --------
    >>> graph = graph_of("[Na+].[Cl-]")
    >>> graph.node_features.shape, graph.edge_index.shape
    ((2, 69), (2, 0))
    """
    canonical = canonical_smiles(smiles)
    molecule = Chem.MolFromSmiles(canonical)
    _refuse_foreign_elements(molecule, smiles)
    features = np.array([_atom_features(atom) for atom in molecule.GetAtoms()], dtype=np.float32)
    bonds = [(b.GetBeginAtomIdx(), b.GetEndAtomIdx()) for b in molecule.GetBonds()]
    directed = sorted([*bonds, *((end, begin) for begin, end in bonds)])
    edges = np.array(directed, dtype=np.int64).reshape(-1, 2).T
    features.setflags(write=False)
    edges.setflags(write=False)
    return Graph(smiles=canonical, node_features=features, edge_index=edges)


def _refuse_foreign_elements(molecule: Chem.Mol, smiles: str) -> None:
    foreign = sorted({a.GetSymbol() for a in molecule.GetAtoms()} - set(ELEMENTS))
    if not foreign:
        return
    hint = (
        "; '*' is an attachment point: give the oligomer, not the repeat unit"
        if "*" in foreign
        else ""
    )
    raise ChemistryError(
        f"SMILES {smiles!r} holds {', '.join(foreign)}, which no feature column stands for; "
        f"the model knows {' '.join(ELEMENTS)}{hint}"
    )


def _atom_features(atom: Chem.Atom) -> list[float]:
    return [
        *_one_hot(atom.GetSymbol(), ELEMENTS),
        *_one_hot(atom.GetDegree(), range(MAX_DEGREE + 1)),
        *_one_hot(atom.GetNumImplicitHs(), range(MAX_IMPLICIT_HYDROGENS + 1)),
        float(atom.GetFormalCharge()),
        float(atom.GetNumRadicalElectrons()),
        # an ion is of hybridisation S: none of the five, so a block of zeros
        *_one_hot(str(atom.GetHybridization()), HYBRIDISATIONS),
        float(atom.GetIsAromatic()),
    ]


def _one_hot(value: object, known: Iterable[object]) -> list[float]:
    return [float(value == one) for one in known]
