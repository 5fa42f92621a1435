"""Energy of a molecule in vacuum or of a box, term by term, by LAMMPS, for a second engine."""

import re
import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from iemhpc.errors import InputError, ProgramError
from iemhpc.forcefield.parameters import Parameters
from iemhpc.lammps.data_file import data_text
from iemhpc.lammps.styles_file import styles_text
from iemhpc.programs import need_program, run_program
from iemhpc.resources import resource

MARGIN_A = 10.0
"""Empty space around the molecule, which a fixed boundary must not cut."""

LIMIT_S = 120.0

BOX_LIMIT_S = 900.0

PPPM = 1e-6
"""Relative accuracy of the forces of the sum over images, tighter than a simulation's."""

RELAXING = {"push_off_ps": 0.2, "minimize_steps": 100, "pppm": 1e-3}
"""Variables of ``minimize.in`` where only the overlaps of a packed box have to go."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Energies:
    """Energy of one configuration by kind of term, kcal/mol."""

    bond: float
    angle: float
    dihedral: float
    improper: float
    vdw: float
    """Lennard-Jones, 1-4 pairs included."""
    coulomb: float
    """1-4 pairs included."""

    @property
    def total(self) -> float:
        """Sum of all terms, kcal/mol."""
        return sum(float(getattr(self, item.name)) for item in fields(self))


def vacuum_energies(
    parameters: Parameters,
    positions_A: NDArray[np.float64],
    *,
    lmp: Sequence[str] = ("lmp",),
    limit_s: float = LIMIT_S,
) -> Energies:
    """Compute the energy of a molecule or cluster in vacuum with LAMMPS.

    Parameters
    ----------
    parameters : Parameters
        All atoms and terms.
    positions_A : ndarray, shape (n, 3)
        Ångström.
    lmp : sequence of str
        Words of the LAMMPS command.
    limit_s : float
        Seconds that LAMMPS may take.

    Returns
    -------
    Energies
        By kind of term, kcal/mol, without cut-off.

    Raises
    ------
    ProgramError
        Where LAMMPS is missing, fails or takes too long.
    """
    with tempfile.TemporaryDirectory(prefix="iemhpc-energy-") as name:
        folder = Path(name)
        cutoff_A = write_energy_input(folder, parameters, positions_A)
        return run_vacuum(folder, lmp=lmp, cutoff_A=cutoff_A, limit_s=limit_s)


def run_vacuum(
    folder: Path, *, lmp: Sequence[str], cutoff_A: float, limit_s: float = LIMIT_S
) -> Energies:
    """Run ``energy.in`` of a folder and read its answer."""
    command = energy_command(lmp, cutoff_A=cutoff_A)
    return parse_energies(_run(command, folder=folder, limit_s=limit_s))


def write_box_input(
    folder: Path,
    parameters: Parameters,
    positions_A: NDArray[np.float64],
    box_A: NDArray[np.float64],
) -> None:
    """Write ``system.data`` and ``styles.in`` of a periodic box."""
    _check_positions(parameters, positions_A)
    _write_input(folder, parameters, positions_A, box_A=box_A, styles=styles_text(parameters))


def run_box(
    folder: Path,
    *,
    data: str = "system.data",
    lmp: Sequence[str] = ("lmp",),
    cutoff_A: float = 10.0,
    limit_s: float = BOX_LIMIT_S,
) -> Energies:
    """Run ``energy_box.in`` on a data file and ``styles.in`` of a folder, and read its answer."""
    shutil.copy(resource("lammps_templates", "energy_box.in"), folder / "energy_box.in")
    command = box_command(lmp, data=data, cutoff_A=cutoff_A)
    return parse_energies(_run(command, folder=folder, limit_s=limit_s))


def box_command(lmp: Sequence[str], *, data: str, cutoff_A: float) -> list[str]:
    """Return the command that runs ``energy_box.in``.

    Examples
    --------
    >>> " ".join(box_command(["lmp"], data="system.data", cutoff_A=10))
    'lmp -in energy_box.in -var data system.data -var cutoff_A 10 -var pppm 1e-06 -log none'
    """
    variables = {"data": data, "cutoff_A": f"{cutoff_A:.10g}", "pppm": f"{PPPM:g}"}
    words = [word for name, value in variables.items() for word in ("-var", name, value)]
    return [*lmp, "-in", "energy_box.in", *words, "-log", "none"]


def run_relaxation(
    folder: Path,
    *,
    cutoff_A: float,
    lmp: Sequence[str] = ("lmp",),
    limit_s: float = BOX_LIMIT_S,
) -> str:
    """Push the atoms of a folder's ``system.data`` apart; return the name of the new data file.

    A box as it was packed holds overlaps, whose energies no two engines print to a thousandth.
    """
    shutil.copy(resource("lammps_templates", "minimize.in"), folder / "minimize.in")
    variables = {"cutoff_A": f"{cutoff_A:.10g}"} | {k: f"{v:g}" for k, v in RELAXING.items()}
    words = [word for name, value in variables.items() for word in ("-var", name, value)]
    _run([*lmp, "-in", "minimize.in", *words, "-log", "none"], folder=folder, limit_s=limit_s)
    return "minimized.data"


def write_energy_input(
    folder: Path, parameters: Parameters, positions_A: NDArray[np.float64]
) -> float:
    """Write ``system.data``, ``styles.in`` and ``energy.in``; return the cut-off they need, Å."""
    _check_positions(parameters, positions_A)
    low_A = positions_A.min(axis=0) - MARGIN_A
    box_A = positions_A.max(axis=0) + MARGIN_A - low_A
    styles = vacuum_styles(parameters)
    _write_input(folder, parameters, positions_A - low_A, box_A=box_A, styles=styles)
    shutil.copy(resource("lammps_templates", "energy.in"), folder / "energy.in")
    return float(np.ceil(np.linalg.norm(box_A)))


def _write_input(
    folder: Path,
    parameters: Parameters,
    positions_A: NDArray[np.float64],
    *,
    box_A: NDArray[np.float64],
    styles: str,
) -> None:
    text = data_text(
        parameters,
        positions_A=positions_A,
        box_A=box_A,
        molecule=np.ones(len(parameters.elements), dtype=np.int64),
        title="one configuration, for its energy",
    )
    (folder / "system.data").write_text(text, encoding="utf-8")
    (folder / "styles.in").write_text(styles, encoding="utf-8")


def vacuum_styles(parameters: Parameters) -> str:
    """Return ``styles.in`` with plain, not Ewald-summed, Coulomb."""
    return styles_text(parameters).replace("lj/cut/coul/long", "lj/cut/coul/cut")


def energy_command(lmp: Sequence[str], *, cutoff_A: float) -> list[str]:
    """Return the command that runs ``energy.in``.

    Examples
    --------
    >>> " ".join(energy_command(["lmp"], cutoff_A=60))
    'lmp -in energy.in -var cutoff_A 60 -log none'
    """
    return [*lmp, "-in", "energy.in", "-var", "cutoff_A", f"{cutoff_A:g}", "-log", "none"]


def parse_energies(text: str) -> Energies:
    """Read what ``energy.in`` prints.

    Raises
    ------
    ProgramError
        Where a term is missing.
    """
    found = dict(re.findall(r"^energy (\w+) (\S+)$", text, flags=re.MULTILINE))
    names = [item.name for item in fields(Energies)]
    if missing := [name for name in names if name not in found]:
        raise ProgramError(f"LAMMPS ended without printing {', '.join(missing)}; {_last(text)}")
    return Energies(**{name: float(found[name]) for name in names})


def _check_positions(parameters: Parameters, positions_A: NDArray[np.float64]) -> None:
    n_atoms = len(parameters.elements)
    if positions_A.shape != (n_atoms, 3) or not np.isfinite(positions_A).all():
        raise InputError(
            f"got positions of shape {positions_A.shape}, wanted finite numbers of shape "
            f"({n_atoms}, 3), one row an atom"
        )


def _run(command: Sequence[str], *, folder: Path, limit_s: float) -> str:
    program = need_program(
        command[0], why="compute energies", get="pip install 'iemhpc[md]', or load its module"
    )
    ended = run_program(
        [program, *command[1:]],
        limit_s=limit_s,
        folder=folder,
        environment={"OMP_NUM_THREADS": "1"},
    )
    if ended.code is None:
        raise ProgramError(f"LAMMPS did not end within {limit_s:g} s; allow it more")
    if ended.code != 0:
        raise ProgramError(f"LAMMPS failed with exit code {ended.code}; {_last(ended.text)}")
    return ended.text


def _last(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    errors = [line for line in lines if line.startswith("ERROR")]
    return f"it said: {' / '.join(errors or lines[-5:]) or 'nothing'}"
