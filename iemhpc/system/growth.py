"""Coordinates of one chain, unit by unit: a compact coil with few overlaps, in milliseconds a unit.

Each unit is embedded alone with its neighbours' first atoms as caps (ETKDG, Wang et al., J. Chem.
Inf. Model. 60, 2044 (2020)), then joined so that the caps coincide with the atoms they stand for:
bond lengths and angles at the joint are right, its torsion is drawn. Of several torsions and
conformers the one with the fewest overlaps inside the allowed sphere stays. Centres whose
configuration the structure leaves open come out at random: atactic chains. What overlap remains is
for the soft push-off; embedding a whole chain at once is two hundred times slower.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rdkit import Chem
from rdkit.Chem import rdDistGeom

from iemhpc.errors import ChemistryError

N_CONFORMERS = 4
N_TORSIONS = 18
EMBED_TIMEOUT_S = 20
"""For one repeat unit; it takes milliseconds."""

CLASH_A = 2.2
"""Atoms of different units closer than this count as an overlap, the more the closer."""

OUTSIDE_PER_A = 0.1
"""Overlaps that an ångström outside the sphere is worth, for each atom."""

CROWD_RADIUS_A = 8.0
CROWDING = 0.1
"""Weight of the atoms within that radius of the next joint: a walk that looks one step ahead."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Fragment:
    """One unit with caps, in several conformers."""

    atoms: NDArray[np.int64]
    """Atoms of the chain, the unit's own, shape (m,)."""
    caps: dict[int, int]
    """Atom of the chain that a cap stands for -> its row in ``conformers_A``."""
    joints: dict[int, int]
    """That atom -> the unit's own atom (of the chain) it is bonded to."""
    conformers_A: NDArray[np.float64]
    """Own atoms first, then caps, shape (k, m + caps, 3)."""


def grow_chain(chain: Chem.Mol, *, seed: int, radius_A: float) -> NDArray[np.float64]:
    """Return coordinates for a chain with explicit hydrogens.

    Parameters
    ----------
    chain : rdkit.Chem.Mol
        From :func:`iemhpc.polymer.chain.link`: each atom knows its ``unit_index``.
    seed : int
        Of conformers and torsions.
    radius_A : float
        Radius of the sphere about the first unit that the chain should stay in.

    Returns
    -------
    ndarray, shape (n, 3)
        Ångström, centred on the origin.

    Raises
    ------
    ChemistryError
        Where a unit cannot be embedded.

    Examples
    --------
    >>> from iemhpc.polymer.chain import link
    >>> from iemhpc.polymer.repeat_unit import RepeatUnit
    >>> chain = link([RepeatUnit("vinyl alcohol", "[*]CC([*])O")] * 12)
    >>> coil = grow_chain(chain, seed=1, radius_A=8.0)
    >>> bool(np.linalg.norm(coil, axis=1).max() < 12.0)
    True
    """
    generator = np.random.default_rng([seed, chain.GetNumAtoms()])
    unit_of = np.array([atom.GetIntProp("unit_index") for atom in chain.GetAtoms()])
    positions = np.full((chain.GetNumAtoms(), 3), np.nan)
    for unit in range(int(unit_of.max()) + 1):
        fragment = _fragment(chain, unit_of, unit, seed=int(generator.integers(1, 2**31 - 1)))
        if unit == 0:
            own = fragment.conformers_A[0][: len(fragment.atoms)]
            positions[fragment.atoms] = own - own.mean(axis=0)
        else:
            positions[fragment.atoms] = _best_placement(
                fragment, chain, positions=positions, radius_A=radius_A, generator=generator
            )
    centred: NDArray[np.float64] = positions - (positions.max(axis=0) + positions.min(axis=0)) / 2
    return centred


def _fragment(chain: Chem.Mol, unit_of: NDArray[np.int64], unit: int, *, seed: int) -> _Fragment:
    atoms = np.flatnonzero(unit_of == unit)
    row = {int(atom): place for place, atom in enumerate(atoms)}
    molecule = Chem.RWMol()
    for atom in atoms:
        molecule.AddAtom(_bare(chain.GetAtomWithIdx(int(atom))))
    joints: dict[int, int] = {}
    for bond in chain.GetBonds():
        first, second = bond.GetBeginAtomIdx(), bond.GetEndAtomIdx()
        if first in row and second in row:
            molecule.AddBond(row[first], row[second], bond.GetBondType())
        elif first in row or second in row:
            inner, outer = (first, second) if first in row else (second, first)
            joints[outer] = inner
    caps: dict[int, int] = {}
    for outer, inner in joints.items():
        cap = Chem.Atom(chain.GetAtomWithIdx(outer).GetAtomicNum())
        caps[outer] = molecule.AddAtom(cap)
        molecule.AddBond(row[inner], caps[outer], Chem.BondType.SINGLE)
    name = chain.GetAtomWithIdx(int(atoms[0])).GetProp("unit_name")
    conformers = _embed(molecule, list(caps.values()), seed=seed, name=name)
    return _Fragment(atoms=atoms, caps=caps, joints=joints, conformers_A=conformers)


def _bare(atom: Chem.Atom) -> Chem.Atom:
    copy = Chem.Atom(atom.GetAtomicNum())
    copy.SetFormalCharge(atom.GetFormalCharge())
    copy.SetIsAromatic(atom.GetIsAromatic())
    copy.SetNoImplicit(True)
    return copy


def _embed(molecule: Chem.RWMol, caps: list[int], *, seed: int, name: str) -> NDArray[np.float64]:
    Chem.SanitizeMol(molecule)
    capped = Chem.AddHs(molecule.GetMol(), onlyOnAtoms=caps) if caps else molecule.GetMol()
    options: Any = rdDistGeom.ETKDGv3()
    options.randomSeed = seed
    options.timeout = EMBED_TIMEOUT_S
    for random_start in (False, True):
        options.useRandomCoords = random_start
        found = list(rdDistGeom.EmbedMultipleConfs(capped, N_CONFORMERS, options))
        if found:
            n_atoms = molecule.GetNumAtoms()
            return np.array(
                [capped.GetConformer(number).GetPositions()[:n_atoms] for number in found]
            )
    raise ChemistryError(
        f"repeat unit {name!r}: RDKit found no coordinates within {EMBED_TIMEOUT_S} s; check "
        "its SMILES for strained rings or impossible stereo centres"
    )


def _best_placement(
    fragment: _Fragment,
    chain: Chem.Mol,
    *,
    positions: NDArray[np.float64],
    radius_A: float,
    generator: np.random.Generator,
) -> NDArray[np.float64]:
    """Return the unit's coordinates in the chain, of all torsions and conformers the best."""
    outer = next(atom for atom in fragment.caps if not np.isnan(positions[atom, 0]))
    inner = int(np.flatnonzero(fragment.atoms == fragment.joints[outer])[0])
    placed = np.flatnonzero(~np.isnan(positions[:, 0]))
    others = positions[placed[placed != outer]]
    bonded = [atom.GetIdx() for atom in chain.GetAtomWithIdx(outer).GetNeighbors()]
    target = positions[outer]
    direction = _free_direction(target, positions[np.intersect1d(bonded, placed)])
    trials = []
    for conformer in fragment.conformers_A:
        bond = conformer[fragment.caps[outer]] - conformer[inner]
        turned = (conformer - conformer[fragment.caps[outer]]) @ _turning(-bond, direction).T
        for angle in generator.uniform(0, 2 * np.pi, N_TORSIONS):
            trials.append(turned @ _about(direction, angle).T + target)
    stack = np.array(trials)
    n_own = len(fragment.atoms)
    cost = _overlap(np.delete(stack[:, :n_own], inner, axis=1), others, radius_A=radius_A)
    cost += CROWDING * _crowding(stack[:, n_own:], others)
    return np.asarray(stack[np.argmin(cost), :n_own])


def _free_direction(
    atom_A: NDArray[np.float64], bonded_A: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return where an atom's next bond goes: away from its others, the free corner of an sp3."""
    bonds = bonded_A - atom_A
    away = -(bonds / np.linalg.norm(bonds, axis=1, keepdims=True)).sum(axis=0)
    return np.asarray(away / np.linalg.norm(away))


def _about(axis: NDArray[np.float64], angle: float) -> NDArray[np.float64]:
    """Return the matrix that turns by ``angle`` about a unit vector (Rodrigues)."""
    x, y, z = axis
    cross = np.array([[0.0, -z, y], [z, 0.0, -x], [-y, x, 0.0]])
    return np.asarray(np.eye(3) + np.sin(angle) * cross + (1.0 - np.cos(angle)) * cross @ cross)


def _turning(start: NDArray[np.float64], end: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return a matrix that turns one direction into another."""
    start, end = start / np.linalg.norm(start), end / np.linalg.norm(end)
    axis = np.cross(start, end)
    if np.linalg.norm(axis) < 1e-8:
        axis = np.cross(start, np.eye(3)[np.argmin(np.abs(start))])
    angle = np.arctan2(np.linalg.norm(np.cross(start, end)), start @ end)
    return _about(axis / np.linalg.norm(axis), float(angle))


def _overlap(
    stack_A: NDArray[np.float64], others_A: NDArray[np.float64], *, radius_A: float
) -> NDArray[np.float64]:
    """Return how bad each trial is: overlaps with what is placed, and atoms outside the sphere."""
    clashes = (np.clip(CLASH_A - _distances(stack_A, others_A), 0.0, None) ** 2).sum(axis=(1, 2))
    outside = np.clip(np.linalg.norm(stack_A, axis=-1) - radius_A, 0.0, None).sum(axis=1)
    return np.asarray(clashes + OUTSIDE_PER_A * outside)


def _crowding(caps_A: NDArray[np.float64], others_A: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return how crowded it is where the next unit will go."""
    near = np.clip(1.0 - _distances(caps_A, others_A) / CROWD_RADIUS_A, 0.0, None)
    return np.asarray(near.sum(axis=(1, 2)))


def _distances(stack_A: NDArray[np.float64], others_A: NDArray[np.float64]) -> NDArray[np.float64]:
    # |a - b|^2 by a matrix product: ten times faster than the differences.
    flat = stack_A.reshape(-1, 3)
    squared = (flat**2).sum(axis=1)[:, None] + (others_A**2).sum(axis=1) - 2.0 * flat @ others_A.T
    return np.asarray(np.sqrt(np.clip(squared, 0.0, None)).reshape(len(stack_A), -1, len(others_A)))
