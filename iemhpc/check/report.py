"""``iemhpc check RUN``: parameters, equilibration, and energies by a second engine, one report."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from iemhpc.check.equilibration import EquilibrationSection, check_equilibration
from iemhpc.check.parameters import ParameterSection, check_parameters
from iemhpc.check.structure import StructureSection, check_structure
from iemhpc.errors import InputError
from iemhpc.lammps.parameter_table import ParameterRow, read_parameters
from iemhpc.progress import Say, quiet
from iemhpc.scheduler.run_files import read_usable_plan
from iemhpc.scheduler.runs import damaged_plan, find_run
from iemhpc.workspace import Workspace

if TYPE_CHECKING:
    from iemhpc.lammps.second_engine import EnergyComparison


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckReport:
    """What there is to say about a run."""

    run_id: str
    """Name of its folder."""
    system: str
    """Membrane and salt."""
    parameters: ParameterSection
    """Where they come from."""
    equilibration: EquilibrationSection | None
    """None where it has not run."""
    structure: StructureSection | None
    """Of the newest coordinates; None where it has not been minimised."""
    energies: "EnergyComparison | None"
    """In two engines; None where that was not asked for."""
    doubts: tuple[str, ...]
    """What is not as it should be, parameters aside."""
    failures: tuple[str, ...]
    """What makes the run worthless."""

    def lines(self) -> list[str]:
        """Return the three sections and the verdict."""
        lines = [f"run {self.run_id}, {self.system}", "", *self.parameters.lines(), ""]
        lines.append("EQUILIBRATION" if self.equilibration else "EQUILIBRATION: not run yet")
        if self.equilibration:
            lines += self.equilibration.lines()
        if self.structure:
            lines += self.structure.lines()
        if self.energies:
            lines += ["", "ENERGIES", *(f"  {line}" for line in self.energies.lines())]
        lines += ["", *(f"doubt: {doubt}" for doubt in self.doubts)]
        lines += [f"FAILS: {failure}" for failure in self.failures]
        return [
            *lines,
            f"{len(self.failures)} failures, {len(self.doubts)} doubts about the run, "
            f"{len(self.parameters.doubts)} doubtful parameters",
        ]


def check_run(
    workspace: Workspace, run: str, *, energies: bool = False, say: Say = quiet
) -> CheckReport:
    """Report on a run's parameters, its equilibration and, if asked, its energies.

    Parameters
    ----------
    workspace : Workspace
        The campaign's folder.
    run : str
        A run's id, or its first characters.
    energies : bool
        Whether to compute the energy of its box in LAMMPS and in OpenMM, term by term.
    say : callable
        Takes lines of progress.

    Raises
    ------
    UnknownNameError
        Where no run or several begin so.
    InputError
        Where the folder's plan or tables are damaged.
    ProgramError
        Where LAMMPS or OpenMM is needed and missing.
    """
    folder = find_run(workspace, run)
    plan = read_usable_plan(folder)
    if plan is None:
        raise InputError(damaged_plan(folder))
    physics = plan["physics"]
    rows = read_parameters(folder / "parameters.csv")
    structure = check_structure(
        folder,
        cutoff_A=float(physics["protocol"]["cutoff_A"]),
        rest_lengths_A=_rest_lengths_A(rows),
    )
    equilibration = check_equilibration(
        folder, physics=physics, aimed_box_A=float(plan["request"]["box_A"])
    )
    compared = None
    if energies:
        from iemhpc.lammps.second_engine import compare_run  # noqa: PLC0415  # OpenMM: an extra

        compared = compare_run(folder, say=say)
    failures = structure.failures if structure else ()
    if compared and not compared.passes:
        failures = (*failures, "LAMMPS and OpenMM disagree on the energy of this box")
    return CheckReport(
        run_id=folder.name,
        system=str(physics["system"]),
        parameters=check_parameters(rows),
        equilibration=equilibration,
        structure=structure,
        energies=compared,
        doubts=equilibration.doubts(physics) if equilibration else (),
        failures=failures,
    )


def _rest_lengths_A(rows: Sequence[ParameterRow]) -> dict[int, float]:
    """Return bond type -> equilibrium length."""
    return {row.number: row.values[1] for row in rows if row.kind == "bond"}
