"""What the logs of a run say, part by part: means with errors, relaxation, drift.

The drift is that of ``Econserve``, the energy with the thermostat's own, which exact integration
keeps; logs that lack it are judged by the total energy.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from iemhpc.lammps.equilibration import (
    FEWEST_INDEPENDENT,
    Change,
    SeriesMean,
    compare_halves,
    drift,
    mean_with_error,
)
from iemhpc.lammps.log_file import ThermoTable, thermo_tables
from iemhpc.units import FS_PER_PS, PS_PER_NS

BOLTZMANN_KCAL_MOL_K = 0.0019872041
"""As LAMMPS has it in real units: https://docs.lammps.org/units.html."""

CONSERVED, TOTAL = "Econserve", "TotEng"


@dataclass(frozen=True, slots=True, kw_only=True)
class RunPart:
    """One ``run`` of LAMMPS."""

    stage: str
    """equilibrate or production."""
    label: str
    """What it was for."""
    length_ps: float
    """By its log."""
    is_complete: bool
    """Whether it reached its end."""
    temperature_K: SeriesMean
    """Mean and error."""
    pressure_atm: SeriesMean
    """Mean and error."""
    density_g_cm3: SeriesMean
    """Mean and error."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Production:
    """What the trajectory's logs say, all attempts together."""

    part: RunPart
    """Length, temperature, pressure, density."""
    potential_kcal_mol: Change
    """Potential energy, first half against second."""
    relaxation_ps: float | None
    """Correlation time of the potential energy; None where it is too short to say."""
    drift_of: str
    """Econserve, or TotEng in older logs."""
    drift_kcal_mol_atom_ns: float | None
    """Of the longest attempt; None where it is too short."""
    drift_error_kcal_mol_atom_ns: float | None
    """Standard error."""
    drift_kt_atom_ns: float | None
    """The drift in units of kT."""
    drift_kt_error: float
    """Its error; 0 without a drift."""


def read_last_log(run: Path, stage: str) -> str:
    """Return the log of the last attempt at a stage; empty where there is none."""
    logs = _logs(run, stage)
    return logs[-1].read_text(encoding="utf-8", errors="replace") if logs else ""


def _logs(run: Path, stage: str) -> list[Path]:
    """Return the logs of a stage, by attempt."""
    logs = [path for path in run.glob(f"log.{stage}.*.lammps") if path.suffixes[-2][1:].isdigit()]
    return sorted(logs, key=lambda path: int(path.suffixes[-2][1:]))


def production_tables(run: Path) -> tuple[ThermoTable, ...]:
    """Return the tables of all attempts at the production, by attempt."""
    return tuple(
        table
        for path in _logs(run, "production")
        for table in thermo_tables(path.read_text(encoding="utf-8", errors="replace"))
        if len(table.columns["Step"]) > 1
    )


def part_of(stage: str, table: ThermoTable) -> RunPart | None:
    """Return what one run of LAMMPS says; None of runs without time, and of empty ones."""
    if "Time" not in table.columns or not len(table.columns["Step"]):
        return None
    return RunPart(
        stage=stage,
        label=table.label or stage,
        length_ps=float(np.ptp(table["Time"])) / FS_PER_PS,
        is_complete=table.complete,
        temperature_K=mean_with_error(without_start(table, "Temp")),
        pressure_atm=mean_with_error(without_start(table, "Press")),
        density_g_cm3=mean_with_error(without_start(table, "Density")),
    )


def without_start(table: ThermoTable, column: str) -> NDArray[np.float64]:
    """Return a column but for its first line, which is the end of the run before."""
    values = table[column]
    return values[1:] if len(values) > 1 else values


def relaxation_ps(times_ps: NDArray[np.float64], values: NDArray[np.float64]) -> float | None:
    """Return the correlation time of a series, ps: (g - 1)/2 of its steps.

    None where the series is worth less than eight independent values (two halves of four each):
    its correlations cannot be told from its length. Values further apart than they remember give
    0, which means less than the time between two.
    """
    mean = mean_with_error(values)
    if mean.n_independent < 2 * FEWEST_INDEPENDENT:
        return None
    step_ps = float(np.ptp(times_ps)) / (len(values) - 1)
    return (mean.inefficiency - 1.0) / 2.0 * step_ps


def production_of(
    tables: Sequence[ThermoTable], *, n_atoms: int, temperature_K: float
) -> Production | None:
    """Return what the production's logs say; None where they have no two lines.

    Parameters
    ----------
    tables : sequence of ThermoTable
        By attempt: where two tell of the same step, the later is right.
    n_atoms : int
        Of the box.
    temperature_K : float
        For kT.
    """
    if not tables:
        return None
    whole = _joined(tables)
    part = part_of("production", whole)
    if part is None:
        return None
    longest = max(tables, key=lambda table: len(table.columns["Step"]))
    name = CONSERVED if CONSERVED in longest.columns else TOTAL
    slope = drift(longest["Time"] / FS_PER_PS, longest[name])
    per_atom_ns = PS_PER_NS / n_atoms
    in_kt = per_atom_ns / (BOLTZMANN_KCAL_MOL_K * temperature_K)
    potential = without_start(whole, "PotEng")
    return Production(
        part=part,
        potential_kcal_mol=compare_halves(potential),
        relaxation_ps=relaxation_ps(without_start(whole, "Time") / FS_PER_PS, potential),
        drift_of=name,
        drift_kcal_mol_atom_ns=None if slope is None else slope.per_ps * per_atom_ns,
        drift_error_kcal_mol_atom_ns=None if slope is None else slope.error_per_ps * per_atom_ns,
        drift_kt_atom_ns=None if slope is None else slope.per_ps * in_kt,
        drift_kt_error=0.0 if slope is None else slope.error_per_ps * in_kt,
    )


def _joined(tables: Sequence[ThermoTable]) -> ThermoTable:
    """Join tables that go on from one another, each step once."""
    names = [name for name in tables[0].columns if all(name in t.columns for t in tables)]
    rows = {
        step: row
        for table in tables
        for step, row in zip(
            table["Step"].tolist(), np.column_stack([table[n] for n in names]), strict=True
        )
    }
    values = np.array([rows[step] for step in sorted(rows)])
    return ThermoTable(
        columns={name: values[:, index] for index, name in enumerate(names)},
        complete=tables[-1].complete,
        label=tables[-1].label,
    )
