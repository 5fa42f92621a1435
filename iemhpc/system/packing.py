"""Ions and water placed around the chains in a periodic box without overlaps, by packmol.

Martínez et al., J. Comput. Chem. 30, 2157 (2009); https://m3g.github.io/packmol/userguide.shtml.
"""

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from iemhpc.errors import ProgramError
from iemhpc.programs import need_program, run_program

TOLERANCE_A = 2.0
"""Least distance between atoms of different molecules."""

TIMEOUT_S = 120
N_LOOPS = 20
"""packmol's own rounds: what does not fit in these wants a larger box."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rigid:
    """A molecule to be placed some number of times, its shape kept."""

    elements: tuple[str, ...]
    """Chemical symbols."""
    positions_A: NDArray[np.float64]
    """Its own coordinates, shape (m, 3)."""
    count: int
    """How many; 0: one that stays where it is."""


def pack(
    fixed: Rigid | None, molecules: Sequence[Rigid], *, edge_A: float, seed: int
) -> NDArray[np.float64] | None:
    """Place molecules in a periodic cube, around atoms that stay where they are.

    Parameters
    ----------
    fixed : Rigid or None
        The chains, as one; atoms outside the cube count by their images inside.
    molecules : sequence of Rigid
        In the order of the answer.
    edge_A : float
        Edge of the cube.
    seed : int
        Of packmol's random numbers.

    Returns
    -------
    ndarray, shape (n, 3), or None
        Every copy of the first molecule, then of the second, and so on; None where they do not fit.

    Raises
    ------
    ProgramError
        Where packmol is missing or fails.
    """
    wanted = [molecule for molecule in molecules if molecule.count]
    n_atoms = sum(molecule.count * len(molecule.elements) for molecule in wanted)
    if not n_atoms:
        return np.empty((0, 3))
    n_fixed = 0
    if fixed is not None:
        n_fixed = len(fixed.elements)
        inside = np.mod(fixed.positions_A, edge_A)
        wanted = [Rigid(elements=fixed.elements, positions_A=inside, count=0), *wanted]
    with tempfile.TemporaryDirectory(prefix="iemhpc-packmol-") as folder:
        answer = run_packmol(wanted, edge_A=edge_A, seed=seed, folder=Path(folder))
        if not is_success(answer):
            return None
        return read_xyz(Path(folder) / "packed.xyz", n_atoms=n_fixed + n_atoms)[n_fixed:]


def packmol_input(molecules: Sequence[Rigid], *, edge_A: float, seed: int) -> str:
    """Return packmol's input for the files ``molecule0.xyz``, ``molecule1.xyz``, ...

    A molecule whose count is 0 is there once and stays where it is.

    Examples
    --------
    >>> ion = Rigid(elements=("Na",), positions_A=np.zeros((1, 3)), count=4)
    >>> print(packmol_input([ion], edge_A=24.0, seed=7))
    tolerance 2.0
    filetype xyz
    output packed.xyz
    seed 8
    nloop 20
    pbc 24.0000 24.0000 24.0000
    structure molecule0.xyz
      number 4
    end structure
    <BLANKLINE>
    """
    edge = f"{edge_A:.4f}"
    lines = [
        f"tolerance {TOLERANCE_A}",
        "filetype xyz",
        "output packed.xyz",
        # From 1 on: packmol takes a negative seed for the clock, and its integers have four bytes.
        f"seed {1 + seed % 2_000_000}",
        f"nloop {N_LOOPS}",
        f"pbc {edge} {edge} {edge}",
    ]
    for number, molecule in enumerate(molecules):
        lines += [f"structure molecule{number}.xyz", f"  number {max(1, molecule.count)}"]
        if molecule.count == 0:
            lines.append("  fixed 0. 0. 0. 0. 0. 0.")
        lines.append("end structure")
    return "\n".join(lines) + "\n"


def is_success(answer: str) -> bool:
    """Say whether packmol's output claims that every distance is kept.

    Examples
    --------
    >>> is_success("ENDED WITHOUT PERFECT PACKING")
    False
    """
    return "Success!" in answer and "ENDED WITHOUT PERFECT PACKING" not in answer


def run_packmol(molecules: Sequence[Rigid], *, edge_A: float, seed: int, folder: Path) -> str:
    """Run packmol in ``folder`` and return what it printed.

    Raises
    ------
    ProgramError
        Where packmol is missing or stops with an error of its own.
    """
    for number, molecule in enumerate(molecules):
        (folder / f"molecule{number}.xyz").write_text(_xyz(molecule), encoding="utf-8")
    script = folder / "packmol.inp"
    script.write_text(packmol_input(molecules, edge_A=edge_A, seed=seed), encoding="utf-8")
    # It reads its input twice, so a pipe will not do.
    ended = run_program([packmol_path()], limit_s=TIMEOUT_S, folder=folder, reads=script)
    if ended.code is None:
        return f"ended after {TIMEOUT_S} s"
    check_answer(ended.text, exit_code=ended.code)
    return ended.text


def check_answer(answer: str, *, exit_code: int) -> None:
    """Raise where packmol did not get to the packing itself; a bad packing is no error here.

    Raises
    ------
    ProgramError
        Where its input was refused, or the program crashed or is not packmol.

    Examples
    --------
    >>> check_answer("PACKMOL ... ENDED WITHOUT PERFECT PACKING", exit_code=173)
    """
    for mark in ("ERROR:", "Fortran runtime error"):
        if mark in answer:
            first = " ".join(answer[answer.index(mark) :].split())
            raise ProgramError(f"packmol failed (exit code {exit_code}): {first[:300]}")
    if "PACKMOL" not in answer:
        raise ProgramError(
            f"packmol ended with exit code {exit_code} before it began ({_tail(answer)}); "
            "install it again: pip install --force-reinstall packmol"
        )


def packmol_path() -> str:
    """Return where the packmol program is.

    Raises
    ------
    ProgramError
        Where it is neither beside this Python nor on the path.
    """
    return need_program("packmol", why="pack ions and water", get="pip install 'iemhpc[md]'")


def read_xyz(path: Path, *, n_atoms: int) -> NDArray[np.float64]:
    """Read the coordinates that packmol wrote.

    Raises
    ------
    ProgramError
        Where the file is missing or holds another number of atoms.
    """
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    rows = [line.split()[1:4] for line in lines[2:]]
    if len(rows) != n_atoms or any(len(row) != 3 for row in rows):
        raise ProgramError(
            f"packmol wrote {len(rows)} atoms to {path.name}, wanted {n_atoms}; is the disk of "
            f"{tempfile.gettempdir()} full?"
        )
    return np.array(rows, dtype=np.float64)


def _xyz(molecule: Rigid) -> str:
    rows = zip(molecule.elements, molecule.positions_A.tolist(), strict=True)
    lines = [f"{symbol} {x:.6f} {y:.6f} {z:.6f}" for symbol, (x, y, z) in rows]
    return "\n".join([str(len(lines)), "", *lines]) + "\n"


def _tail(answer: str) -> str:
    lines = [line.strip(" #-") for line in answer.splitlines()]
    return " / ".join([line for line in lines if line][-4:])
