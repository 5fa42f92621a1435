"""``iemhpc check RUN``: parameters, equilibration, and energies by a second engine, one report."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from iemhpc.check.equilibration import (
    ERRORS,
    LARGEST_DENSITY,
    LARGEST_DRIFT_KT,
    LARGEST_PRESSURE_ATM,
    LARGEST_TEMPERATURE,
    EquilibrationSection,
    check_equilibration,
)
from iemhpc.check.files import lost_logs, read_built
from iemhpc.check.parameters import (
    DEEPEST_KCAL_MOL,
    HIGHEST_PENALTY,
    LARGEST_DRIFT_E,
    ParameterSection,
    check_parameters,
)
from iemhpc.check.structure import StructureSection, check_structure
from iemhpc.lammps.parameter_table import ParameterRow
from iemhpc.progress import Say, quiet
from iemhpc.scheduler.run_files import read_plan
from iemhpc.scheduler.runs import find_run
from iemhpc.settings.protocol import preset_of
from iemhpc.workspace import Workspace

if TYPE_CHECKING:
    from iemhpc.lammps.second_engine import EnergyComparison


PURPOSELY_SHORT = ("test", "demo")
"""Protocols whose numbers are examples."""

_LEGEND = (
    "doubtful parameter: a parmchk2 penalty above "
    f"{HIGHEST_PENALTY:g} or its default value; by analogy, set to zero or assumed;",
    f"  charges corrected by more than {LARGEST_DRIFT_E:g} e; a well deeper than "
    f"{DEEPEST_KCAL_MOL:g} kcal/mol.",
    f"doubt about the run: beyond {ERRORS:g} errors, a pressure off by {LARGEST_PRESSURE_ATM:g} "
    f"atm, a temperature by {100 * LARGEST_TEMPERATURE:g} %,",
    f"  a drift above {LARGEST_DRIFT_KT:g} kT an atom and ns; a density {100 * LARGEST_DENSITY:g} "
    "% off the aimed one, or not steady. Too short to say is no doubt.",
)
"""What counts, in four lines."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckReport:
    """What there is to say about a run."""

    run_id: str
    """Name of its folder."""
    system: str
    """Membrane and salt."""
    protocol: str
    """Name of the preset whose variables it has; ``own`` where some differ."""
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
        lines = [f"run {self.run_id}, {self.system}"]
        if self.protocol in PURPOSELY_SHORT:
            lines.append(
                f"protocol {self.protocol}: short by design; density, pressure and drift are "
                "examples"
            )
        lines += ["", *self.parameters.lines(), ""]
        unread = "no logs to read" if self.doubts else "not run yet"
        lines.append("EQUILIBRATION" if self.equilibration else f"EQUILIBRATION: {unread}")
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
            *_LEGEND,
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
    MissingInputError
        Where a file is missing that every run is built with.
    ProgramError
        Where LAMMPS or OpenMM is needed and missing.
    """
    folder = find_run(workspace, run)
    plan = read_plan(folder)
    physics = plan["physics"]
    rows = read_built(folder)
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
        protocol=preset_of(physics["protocol"]),
        parameters=check_parameters(rows),
        equilibration=equilibration,
        structure=structure,
        energies=compared,
        doubts=(*lost_logs(folder), *(equilibration.doubts(physics) if equilibration else ())),
        failures=failures,
    )


def _rest_lengths_A(rows: Sequence[ParameterRow]) -> dict[int, float]:
    """Return bond type -> equilibrium length."""
    return {row.number: row.values[1] for row in rows if row.kind == "bond"}
