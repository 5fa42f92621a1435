r"""RESP: atomic charges fitted to the electrostatic potential around a molecule.

C. I. Bayly, P. Cieplak, W. D. Cornell, P. A. Kollman, J. Phys. Chem. 97, 10269 (1993). Charges
minimise the error of the potential under a hyperbolic restraint of all atoms but hydrogens towards
zero,

.. math:: \sum_i \Big(V_i - \sum_j q_j / r_{ij}\Big)^2
          + 2 a \sum_j \Big(\sqrt{q_j^2 + b^2} - b\Big)

in two stages: a = 0.0005 for all atoms, then a = 0.001 for methyl and methylene groups, whose
hydrogens become equal while the rest stays as it is. (Amber's ``resp`` adds a/sqrt(q² + b²) to the
diagonal of the normal equations, as equation 13 of the paper: that is the factor 2 above.)
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from rdkit import Chem

from iemhpc.errors import InputError, ProgramError
from iemhpc.forcefield.charges import Charged
from iemhpc.forcefield.esp import Esp, inverse_distances_bohr

WEAK, STRONG, TIGHTNESS_E = 0.0005, 0.001, 0.1
"""Restraints of the first and the second stage, atomic units, and the width of the hyperbola."""

STEPS = 200
"""Most iterations of a stage; ten are usual."""

TOLERANCE_E = 1e-9
"""A stage ends where no charge moves by more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RespFit:
    """Charges of a molecule, and how well they stand for its potential."""

    charges_e: NDArray[np.float64]
    """One an atom, shape (n,)."""
    rrms: float
    """Root mean square error of the potential over its root mean square."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Atoms whose charges sum to a given value, as those of one repeat unit."""

    atoms: tuple[int, ...]
    charge: int


def fit_resp(molecule: Chem.Mol, esp: Esp, *, groups: Sequence[Group] = ()) -> RespFit:
    """Fit charges to a potential in two stages.

    Parameters
    ----------
    molecule : rdkit.Chem.Mol
        The molecule with explicit hydrogens, its atoms in the order of ``esp``.
    esp : Esp
        The potential.
    groups : sequence of Group
        Atoms that carry a whole charge by themselves; the whole molecule always does.

    Raises
    ------
    InputError
        Where the atoms differ, or the groups contradict each other or the molecule's charge.
    """
    numbers = tuple(atom.GetAtomicNum() for atom in molecule.GetAtoms())
    if numbers != esp.numbers:
        raise InputError(
            f"{esp.source}: its {len(esp.numbers)} atoms are not those of "
            f"{Chem.MolToSmiles(Chem.RemoveHs(molecule))} in the same order; the potential must be "
            "of the molecule that is charged"
        )
    whole = Group(atoms=tuple(range(len(numbers))), charge=Chem.GetFormalCharge(molecule))
    constraints = [whole, *groups]
    labels = equivalent_labels(molecule)
    refitted = methylene_atoms(molecule)
    free = [len(labels) + i if i in refitted else label for i, label in enumerate(labels)]
    first = _stage(esp, labels=free, weight=WEAK, constraints=constraints)
    if not refitted:
        return RespFit(charges_e=first, rrms=relative_error(esp, first))
    frozen = {i: float(q) for i, q in enumerate(first) if i not in refitted}
    charges_e = _stage(esp, labels=labels, weight=STRONG, constraints=constraints, frozen=frozen)
    return RespFit(charges_e=charges_e, rrms=relative_error(esp, charges_e))


def unit_groups(molecule: Chem.Mol) -> list[Group]:
    """Return the atoms of each repeat unit with its formal charge; none where there are no units.

    Examples
    --------
    >>> from iemhpc.polymer.chain import link
    >>> from iemhpc.polymer.repeat_unit import RepeatUnit
    >>> chain = link([RepeatUnit("a", "[*]CC[*]"), RepeatUnit("b", "[*]CC([*])C(=O)[O-]")])
    >>> [(len(group.atoms), group.charge) for group in unit_groups(chain)]
    [(7, 0), (9, -1)]
    """
    units: dict[int, list[Chem.Atom]] = {}
    for atom in molecule.GetAtoms():
        if atom.HasProp("unit_index"):
            units.setdefault(atom.GetIntProp("unit_index"), []).append(atom)
    return [
        Group(
            atoms=tuple(atom.GetIdx() for atom in atoms),
            charge=sum(atom.GetFormalCharge() for atom in atoms),
        )
        for atoms in units.values()
    ]


def charged_by_resp(molecule: Chem.Mol, esp: Esp, *, programs: str) -> Charged:
    """Return RESP charges of an oligomer in which each unit carries its formal charge."""
    fit = fit_resp(molecule, esp, groups=unit_groups(molecule))
    return Charged(
        types=(),
        charges_e=tuple(float(charge) for charge in fit.charges_e),
        frcmod="",
        programs=f"{programs}, RESP by iemhpc (relative error of the potential {fit.rrms:.3f})",
    )


def equivalent_labels(molecule: Chem.Mol) -> tuple[int, ...]:
    """Return a label for each atom, the same for atoms that symmetry or resonance equate.

    Examples
    --------
    >>> equivalent_labels(Chem.AddHs(Chem.MolFromSmiles("CS(=O)(=O)[O-]")))
    (6, 7, 3, 3, 3, 0, 0, 0)
    """
    mol = Chem.RWMol(molecule)
    for atom in mol.GetAtoms():
        atom.SetFormalCharge(0)
        atom.SetNoImplicit(True)
        atom.SetIsAromatic(False)
    for bond in mol.GetBonds():
        bond.SetBondType(Chem.BondType.SINGLE)
        bond.SetIsAromatic(False)
    mol.UpdatePropertyCache(strict=False)
    return tuple(Chem.CanonicalRankAtoms(mol, breakTies=False, includeChirality=False))


def methylene_atoms(molecule: Chem.Mol) -> frozenset[int]:
    """Return the saturated carbons with two hydrogens or more, and these hydrogens.

    Examples
    --------
    >>> sorted(methylene_atoms(Chem.AddHs(Chem.MolFromSmiles("CO"))))
    [0, 2, 3, 4]
    """
    found: set[int] = set()
    for atom in molecule.GetAtoms():
        hydrogens = [n.GetIdx() for n in atom.GetNeighbors() if n.GetAtomicNum() == 1]
        if atom.GetAtomicNum() == 6 and atom.GetDegree() == 4 and len(hydrogens) >= 2:
            found |= {atom.GetIdx(), *hydrogens}
    return frozenset(found)


def relative_error(esp: Esp, charges_e: NDArray[np.float64]) -> float:
    """Return the relative root mean square error of the potential of point charges."""
    error = esp.potential_hartree_e - inverse_distances_bohr(esp) @ charges_e
    return float(np.sqrt((error**2).sum() / (esp.potential_hartree_e**2).sum()))


def _stage(
    esp: Esp,
    *,
    labels: Sequence[int],
    weight: float,
    constraints: Sequence[Group],
    frozen: dict[int, float] | None = None,
) -> NDArray[np.float64]:
    """Fit one charge a label; ``frozen`` atoms keep theirs."""
    frozen = frozen or {}
    kept = np.array([frozen.get(i, 0.0) for i in range(len(labels))])
    names = list(dict.fromkeys(label for i, label in enumerate(labels) if i not in frozen))
    spread = np.zeros((len(labels), len(names)))
    for atom, label in enumerate(labels):
        if atom not in frozen:
            spread[atom, names.index(label)] = 1.0
    inverse = inverse_distances_bohr(esp)
    normal = inverse.T @ inverse
    target = inverse.T @ esp.potential_hartree_e - normal @ kept
    rows, sums = _constraint_rows(constraints, spread=spread, kept=kept)
    restrained = np.array([number != 1 for number in esp.numbers], dtype=float)
    charges_e = kept + spread @ _solve(spread.T @ normal @ spread, spread.T @ target, rows, sums)
    for _ in range(STEPS):
        pull = weight * restrained / np.sqrt(charges_e**2 + TIGHTNESS_E**2)
        matrix = spread.T @ (normal + np.diag(pull)) @ spread
        moved = kept + spread @ _solve(matrix, spread.T @ target, rows, sums)
        step_e = np.abs(moved - charges_e).max()
        charges_e = moved
        if step_e < TOLERANCE_E:
            return charges_e
    raise ProgramError(
        f"{esp.source}: the RESP fit still moves by {step_e:.1e} e after {STEPS} steps; the "
        "potential does not fix the charges, so give it more points"
    )


def _constraint_rows(
    constraints: Sequence[Group], *, spread: NDArray[np.float64], kept: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return independent sums over the free charges, and what they must be."""
    inside = np.zeros((len(constraints), len(kept)))
    for row, group in zip(inside, constraints, strict=True):
        row[list(group.atoms)] = 1.0
    rows = inside @ spread
    sums = np.array([float(group.charge) for group in constraints]) - inside @ kept
    # Units that fill the molecule make its own sum redundant: reduce to independent rows.
    left, size, right = np.linalg.svd(rows, full_matrices=False)
    rank = size > 1e-9
    projected = left.T @ sums
    if np.abs(sums - left[:, rank] @ projected[rank]).max() > 1e-6:
        raise InputError(
            "the charges of the groups contradict each other or the molecule's charge; give groups "
            "whose formal charges sum to the whole"
        )
    return right[rank], projected[rank] / size[rank]


def _solve(
    matrix: NDArray[np.float64],
    target: NDArray[np.float64],
    rows: NDArray[np.float64],
    sums: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Minimise a quadratic form under linear constraints by Lagrange multipliers."""
    n_rows = len(rows)
    full = np.block([[matrix, rows.T], [rows, np.zeros((n_rows, n_rows))]])
    answer: NDArray[np.float64] = np.linalg.solve(full, np.concatenate([target, sums]))
    return answer[: len(target)]
