"""Repeat units cut out of a chain and embedded, with caps for what they are bonded to.

Conformers come from ETKDG (Wang et al., J. Chem. Inf. Model. 60, 2044 (2020)), sorted by the hands
of the centres whose configuration the structure leaves open.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rdkit import Chem
from rdkit.Chem import rdDistGeom

from iemhpc.errors import ChemistryError

N_KNOWN = 16
"""Conformers embedded of each kind of unit, all hands together."""

EMBED_TIMEOUT_S = 20
"""For one repeat unit; it takes milliseconds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fragment:
    """One unit with caps, in several conformers."""

    atoms: NDArray[np.int64]
    """Atoms of the chain, the unit's own, shape (m,)."""
    rows: NDArray[np.int64]
    """Their rows in ``hands_A``, shape (m,)."""
    caps: dict[int, int]
    """Atom of the chain that a cap stands for -> its row in ``hands_A``."""
    joints: dict[int, int]
    """That atom -> the unit's own atom (of the chain) it is bonded to."""
    hands_A: tuple[NDArray[np.float64], ...]
    """Conformers of own atoms and caps, shape (k, m + caps, 3), an entry for each configuration."""


_Graph = tuple[tuple[tuple[int, int, int], ...], tuple[tuple[int, int, int], ...]]
Pool = dict[_Graph, tuple[NDArray[np.float64], ...]]
"""Conformers by the graph of a capped unit."""


def cut_units(chain: Chem.Mol, *, pool: Pool, seed: int) -> list[Fragment]:
    """Return the units of a chain; those of the same graph share their conformers."""
    unit_of = np.array([atom.GetIntProp("unit_index") for atom in chain.GetAtoms()])
    fragments = []
    for unit in range(int(unit_of.max()) + 1):
        atoms = np.flatnonzero(unit_of == unit)
        joints = {
            bond.GetOtherAtomIdx(atom): atom
            for atom in map(int, atoms)
            for bond in chain.GetAtomWithIdx(atom).GetBonds()
            if unit_of[bond.GetOtherAtomIdx(atom)] != unit
        }
        kept = sorted([*map(int, atoms), *joints])
        row = {atom: place for place, atom in enumerate(kept)}
        caps = {atom: row[atom] for atom in joints}
        molecule = _cut_out(chain, kept, caps=list(caps.values()))
        key = _graph(molecule)
        if key not in pool:
            name = chain.GetAtomWithIdx(int(atoms[0])).GetProp("unit_name")
            pool[key] = _embed(molecule, list(caps.values()), seed=seed, name=name)
        fragments.append(
            Fragment(
                atoms=atoms,
                rows=np.array([row[int(atom)] for atom in atoms]),
                caps=caps,
                joints=joints,
                hands_A=pool[key],
            )
        )
    return fragments


def _cut_out(chain: Chem.Mol, kept: Sequence[int], *, caps: Sequence[int]) -> Chem.RWMol:
    """Return the kept atoms; caps lose what else they had, so that hydrogens may fill them."""
    molecule = Chem.RWMol(chain)
    molecule.BeginBatchEdit()
    for atom in set(range(chain.GetNumAtoms())) - set(kept):
        molecule.RemoveAtom(atom)
    molecule.CommitBatchEdit()
    for cap in map(molecule.GetAtomWithIdx, caps):
        cap.SetNoImplicit(False)
        cap.SetFormalCharge(0)
        cap.SetChiralTag(Chem.ChiralType.CHI_UNSPECIFIED)
    return molecule


def _graph(molecule: Chem.RWMol) -> _Graph:
    atoms = tuple(
        (atom.GetAtomicNum(), atom.GetFormalCharge(), int(atom.GetChiralTag()))
        for atom in molecule.GetAtoms()
    )
    bonds = tuple(
        (bond.GetBeginAtomIdx(), bond.GetEndAtomIdx(), int(bond.GetBondType()))
        for bond in molecule.GetBonds()
    )
    return atoms, bonds


def _embed(
    molecule: Chem.RWMol, caps: list[int], *, seed: int, name: str
) -> tuple[NDArray[np.float64], ...]:
    """Return conformers of a capped unit, those of each configuration together."""
    Chem.SanitizeMol(molecule)
    n_atoms = molecule.GetNumAtoms()
    centres = _open_centres(molecule, caps)
    capped = Chem.AddHs(molecule.GetMol(), onlyOnAtoms=caps) if caps else molecule.GetMol()
    options: Any = rdDistGeom.ETKDGv3()
    options.randomSeed = seed
    options.timeout = EMBED_TIMEOUT_S
    for random_start in (False, True):
        options.useRandomCoords = random_start
        by_hand: dict[tuple[bool, ...], list[NDArray[np.float64]]] = {}
        for number in rdDistGeom.EmbedMultipleConfs(capped, N_KNOWN, options):
            conformer = capped.GetConformer(number).GetPositions()[:n_atoms]
            by_hand.setdefault(_hand(conformer, centres), []).append(conformer)
        if by_hand:
            return tuple(np.array(by_hand[hand]) for hand in sorted(by_hand))
    raise ChemistryError(
        f"repeat unit {name!r}: RDKit found no coordinates within {EMBED_TIMEOUT_S} s; check "
        "its SMILES for strained rings or impossible stereo centres"
    )


def _open_centres(molecule: Chem.RWMol, caps: Sequence[int]) -> list[tuple[int, ...]]:
    """Return the stereo centres, each with three of its neighbours."""
    marked = Chem.RWMol(molecule)
    for number, cap in enumerate(caps, 1):
        # The chain goes on differently behind every cap, a methyl beside it does not.
        marked.GetAtomWithIdx(cap).SetIsotope(100 + number)
    Chem.SanitizeMol(marked)
    centres = [
        stereo.centeredOn
        for stereo in Chem.FindPotentialStereo(marked)
        if stereo.type == Chem.StereoType.Atom_Tetrahedral
    ]
    return [
        (centre, *sorted(n.GetIdx() for n in molecule.GetAtomWithIdx(centre).GetNeighbors())[:3])
        for centre in centres
    ]


def _hand(conformer: NDArray[np.float64], centres: list[tuple[int, ...]]) -> tuple[bool, ...]:
    return tuple(
        bool(np.linalg.det(conformer[list(arms)] - conformer[centre]) > 0)
        for centre, *arms in centres
    )
