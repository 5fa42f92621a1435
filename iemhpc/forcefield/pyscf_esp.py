"""The electrostatic potential of a molecule by PySCF, at HF/6-31G*.

RESP wants this level: its charges are as much too polar for the gas as water would make them
(C. I. Bayly et al., J. Phys. Chem. 97, 10269 (1993)). The geometry is RDKit's conformer relaxed
with MMFF94, not one optimised at HF/6-31G*, which would take an hour where the potential takes
minutes. PySCF: Q. Sun et al., J. Chem. Phys. 153, 024109 (2020).
"""

import importlib
import importlib.util
import time
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rdkit import Chem

from iemhpc.errors import ProgramError
from iemhpc.forcefield.charges import LIMIT_S, Charged, embedded
from iemhpc.forcefield.esp import Esp, merz_kollman_points
from iemhpc.forcefield.resp import charged_by_resp
from iemhpc.progress import Say, quiet
from iemhpc.units import A_PER_BOHR

METHOD, BASIS = "HF", "6-31G*"

AUXILIARY = "def2-universal-jkfit"
"""Basis of the density fitting, which is eight times faster (a minute for 33 atoms on one core) and
moves charges by less than 0.0005 e (measured: methanol, methanesulfonate)."""

BLOCK_BYTES = 200e6
"""Memory for the integrals of one block of points."""


def pyscf_esp(molecule: Chem.Mol, *, limit_s: float = LIMIT_S, say: Say = quiet) -> Esp:
    """Compute the potential of a closed-shell molecule on its Merz-Kollman points.

    Threads are as OpenMP has them (``OMP_NUM_THREADS``).

    Parameters
    ----------
    molecule : rdkit.Chem.Mol
        With explicit hydrogens; coordinates are made if it has none.
    limit_s : float
        Seconds that the wave function may take.
    say : callable
        Told what is running.

    Raises
    ------
    ProgramError
        Where PySCF is missing, does not converge or takes too long.
    """
    if importlib.util.find_spec("pyscf") is None:
        raise ProgramError(
            "charge method resp needs PySCF, which is not installed; install it with: "
            "pip install 'iemhpc[qm]', or choose another charge method"
        )
    molecule = embedded(molecule)
    positions_A = np.array(molecule.GetConformer().GetPositions())
    numbers = tuple(atom.GetAtomicNum() for atom in molecule.GetAtoms())
    points_A = merz_kollman_points(numbers, positions_A)
    wave = _wave_function(molecule, positions_A, limit_s=limit_s, say=say)
    say(f"PySCF: potential at {len(points_A)} points")
    return Esp(
        numbers=numbers,
        positions_A=positions_A,
        points_A=points_A,
        potential_hartree_e=_potential(wave, points_A / A_PER_BOHR),
        source=(
            f"PySCF {importlib.import_module('pyscf').__version__} {METHOD}/{BASIS} "
            f"(density fitting, {AUXILIARY})"
        ),
    )


def resp_charges(molecule: Chem.Mol, *, limit_s: float = LIMIT_S, say: Say = quiet) -> Charged:
    """Charge an oligomer by a RESP fit to PySCF's potential; each unit has its formal charge.

    Raises
    ------
    ProgramError
        Where PySCF is missing, does not converge or takes too long.
    """
    esp = pyscf_esp(molecule, limit_s=limit_s, say=say)
    return charged_by_resp(molecule, esp, programs=f"{esp.source} at RDKit's MMFF94 geometry")


def _wave_function(
    molecule: Chem.Mol, positions_A: NDArray[np.float64], *, limit_s: float, say: Say
) -> Any:
    gto = importlib.import_module("pyscf.gto")
    scf = importlib.import_module("pyscf.scf")
    symbols = [atom.GetSymbol() for atom in molecule.GetAtoms()]
    mole = gto.M(
        atom=list(zip(symbols, positions_A.tolist(), strict=True)),
        basis=BASIS,
        charge=Chem.GetFormalCharge(molecule),
        unit="Angstrom",
        cart=True,  # six d functions, as Gaussian and the force fields' charges have them
        verbose=0,
    )
    say(f"PySCF: {METHOD}/{BASIS} of {len(symbols)} atoms, {mole.nao} basis functions")
    wave = scf.RHF(mole).density_fit(auxbasis=AUXILIARY)
    wave.callback = _Deadline(limit_s, n_atoms=len(symbols))
    wave.kernel()
    if not wave.converged:
        raise ProgramError(
            f"PySCF: {METHOD}/{BASIS} of {Chem.MolToSmiles(Chem.RemoveHs(molecule))} did not "
            f"converge in {wave.max_cycle} cycles; is its charge right? Else use am1bcc"
        )
    return wave


class _Deadline:
    """Ends PySCF's cycles, which know no limit of time."""

    def __init__(self, limit_s: float, *, n_atoms: int) -> None:
        self.limit_s, self.n_atoms = limit_s, n_atoms
        self.start_s = time.monotonic()

    def __call__(self, _cycle: object) -> None:
        if time.monotonic() - self.start_s > self.limit_s:
            raise ProgramError(
                f"PySCF did not end within {self.limit_s:g} s for {self.n_atoms} atoms; charge a "
                "smaller molecule, allow more, or use am1bcc"
            )


def _potential(wave: Any, points_bohr: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the potential of nuclei and electrons, atomic units."""
    mole, density = wave.mol, wave.make_rdm1()
    apart = np.linalg.norm(points_bohr[:, None] - mole.atom_coords()[None], axis=2)
    potential: NDArray[np.float64] = (mole.atom_charges() / apart).sum(axis=1)
    block = max(1, int(BLOCK_BYTES / (8 * mole.nao**2)))
    for start in range(0, len(points_bohr), block):
        integrals = mole.intor("int1e_grids", grids=points_bohr[start : start + block])
        potential[start : start + block] -= np.einsum("pij,ij->p", integrals, density)
    return potential
