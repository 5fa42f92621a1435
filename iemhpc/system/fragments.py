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
from iemhpc.system.spearing import Ring, unit_rings

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
    rings: tuple[Ring, ...]
    """Rings of the unit's own atoms, as their rows, in order around each."""
    hands_A: tuple[NDArray[np.float64], ...]
    """Conformers of own atoms and caps, shape (k, m + caps, 3), an entry for each configuration."""


_Graph = tuple[tuple[tuple[int, int, int], ...], tuple[tuple[int, int, int], ...]]
Pool = dict[_Graph, tuple[NDArray[np.float64], ...]]
"""Conformers by the graph of a capped unit."""


def cut_units(chain: Chem.Mol, *, pool: Pool, seed: int) -> list[Fragment]:
    """Return the units of a chain or network; those of the same graph share their conformers.

    Only a graph that the pool does not hold is cut out and embedded, so that the cost is linear in
    atoms and little more than that of reading them.

    Parameters
    ----------
    chain : rdkit.Chem.Mol
        Explicit hydrogens, each atom with ``unit_index`` and ``unit_name``.
    pool : dict
        Conformers known so far; grows.
    seed : int
        Of the embedding.

    Raises
    ------
    ChemistryError
        Where a unit cannot be embedded.
    """
    unit_of = [atom.GetIntProp("unit_index") for atom in chain.GetAtoms()]
    members: list[list[int]] = [[] for _ in range(max(unit_of) + 1)]
    for atom, unit in enumerate(unit_of):
        members[unit].append(atom)
    rings: list[list[Ring]] = [[] for _ in members]
    for ring in unit_rings(chain):
        rings[unit_of[ring[0]]].append(ring)
    return [
        _fragment(chain, own, rings=own_rings, pool=pool, seed=seed)
        for own, own_rings in zip(members, rings, strict=True)
    ]


def _fragment(
    chain: Chem.Mol,
    own: list[int],
    *,
    rings: Sequence[Ring],
    pool: Pool,
    seed: int,
) -> Fragment:
    """Return one unit of the given atoms."""
    place = {atom: row for row, atom in enumerate(own)}
    bonds = _bonds_of(chain, own)
    ends = [(bond.GetBeginAtomIdx(), bond.GetEndAtomIdx()) for bond in bonds]
    outward = [pair if pair[0] in place else pair[::-1] for pair in ends]
    # Caps in the order of the atoms they are bonded to: a unit in a network is the same graph
    # whatever the numbers of its neighbours.
    joints = {o: i for i, o in sorted(outward, key=lambda p: place[p[0]]) if o not in place}
    row = place | {outer: len(own) + number for number, outer in enumerate(joints)}
    atoms = tuple(_label(chain.GetAtomWithIdx(atom), is_cap=atom in joints) for atom in row)
    types = [int(bond.GetBondType()) for bond in bonds]
    graph = [(row[a], row[b], kind) for (a, b), kind in zip(ends, types, strict=True)]
    if not any(tag for *_, tag in atoms):  # the sense of a tag hangs on the order of the bonds
        graph = sorted((min(a, b), max(a, b), kind) for a, b, kind in graph)
    key = (atoms, tuple(graph))
    if key not in pool:
        name = chain.GetAtomWithIdx(own[0]).GetProp("unit_name")
        pool[key] = _embed(_cut_out(chain, row, graph, n_own=len(own)), seed=seed, name=name)
    return Fragment(
        atoms=np.array(own),
        rows=np.arange(len(own)),
        caps={outer: row[outer] for outer in joints},
        joints=joints,
        rings=tuple(tuple(place[atom] for atom in ring) for ring in rings),
        hands_A=pool[key],
    )


def _bonds_of(chain: Chem.Mol, atoms: Sequence[int]) -> list[Chem.Bond]:
    """Return every bond that any of the atoms has, in the molecule's order.

    They are asked of the atoms: going through a molecule's list of bonds costs the square of
    their number.
    """
    found = {b.GetIdx(): b for atom in atoms for b in chain.GetAtomWithIdx(atom).GetBonds()}
    return [found[number] for number in sorted(found)]


def _label(atom: Chem.Atom, *, is_cap: bool) -> tuple[int, int, int]:
    if is_cap:
        return -atom.GetAtomicNum(), 0, 0
    return atom.GetAtomicNum(), atom.GetFormalCharge(), int(atom.GetChiralTag())


def _cut_out(
    chain: Chem.Mol,
    row: dict[int, int],
    bonds: Sequence[tuple[int, int, int]],
    *,
    n_own: int,
) -> tuple[Chem.RWMol, list[int]]:
    """Return the atoms of ``row`` as a molecule, and its caps, which are the last of them.

    A cap is an atom of the same element with hydrogens for whatever else it was bonded to.
    """
    molecule = Chem.RWMol()
    for atom in row:
        molecule.AddAtom(Chem.Atom(chain.GetAtomWithIdx(atom)))
    caps = list(range(n_own, len(row)))
    for cap in map(molecule.GetAtomWithIdx, caps):
        cap.SetNoImplicit(False)
        cap.SetNumExplicitHs(0)
        cap.SetFormalCharge(0)
        cap.SetIsAromatic(False)
        cap.SetChiralTag(Chem.ChiralType.CHI_UNSPECIFIED)
    for begin, end, kind in bonds:
        molecule.AddBond(begin, end, Chem.BondType.values[kind])
        molecule.GetBondBetweenAtoms(begin, end).SetIsAromatic(
            Chem.BondType.values[kind] == Chem.BondType.AROMATIC
        )
    return molecule, caps


def _embed(
    cut_out: tuple[Chem.RWMol, list[int]], *, seed: int, name: str
) -> tuple[NDArray[np.float64], ...]:
    """Return conformers of a capped unit, those of each configuration together."""
    molecule, caps = cut_out
    Chem.SanitizeMol(molecule)
    n_atoms = molecule.GetNumAtoms()
    centres = _open_centres(molecule, caps)
    is_open = not any(atom.GetChiralTag() for atom in molecule.GetAtoms())
    capped = Chem.AddHs(molecule.GetMol(), onlyOnAtoms=caps) if caps else molecule.GetMol()
    options: Any = rdDistGeom.ETKDGv3()
    options.randomSeed = seed
    options.timeout = EMBED_TIMEOUT_S
    for random_start in (False, True):
        options.useRandomCoords = random_start
        by_hand: dict[tuple[bool, ...], list[NDArray[np.float64]]] = {}
        for number in rdDistGeom.EmbedMultipleConfs(capped, N_KNOWN, options):
            conformer = capped.GetConformer(number).GetPositions()[:n_atoms]
            # Where no hand is prescribed, the mirror image is a conformer as well.
            for image in (conformer, conformer * (-1.0, 1.0, 1.0))[: 1 + is_open]:
                by_hand.setdefault(_hand(image, centres), []).append(image)
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
