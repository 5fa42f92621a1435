"""Is a run equilibrated? Density block by block, temperature, pressure, drift, relaxation.

Every mean has an error in which correlated values count for less, and every verdict compares with
it, so that a short run is not blamed for its noise, only for what it shows.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from iemhpc.check.thermo import (
    Production,
    RunPart,
    part_of,
    production_of,
    production_tables,
    read_last_log,
    relaxation_ps,
    without_start,
)
from iemhpc.lammps.data_file import read_data
from iemhpc.lammps.equilibration import (
    FEWEST_INDEPENDENT,
    Change,
    SeriesMean,
    compare_blocks,
    mean_with_error,
)
from iemhpc.lammps.log_file import ThermoTable, error_lines, thermo_tables, warning_lines
from iemhpc.units import FS_PER_PS, G_CM3_PER_G_MOL_A3

LARGEST_DRIFT_KT = 0.2
"""kT an atom and nanosecond, a tenth for each degree of freedom (an atom of rigid water has two);
more says that the integration is too coarse."""

LARGEST_PRESSURE_ATM = 200.0
"""Off the wanted one in the production: water's density changes by a per cent so."""

LARGEST_TEMPERATURE = 0.02
"""Relative deviation of the production's mean temperature."""

LARGEST_TOLERANCE = 0.02
"""A density_tolerance above it, as in test and demo, makes "steady" an empty word."""

LARGEST_DENSITY = 0.1
"""Relative deviation of the density from the one aimed at."""

ERRORS = 3.0
"""Standard errors that a deviation must exceed to be a doubt."""

TO_DENSITY, SETTLE = "to density", "settle"
"""How ``equilibrate.in`` begins the labels of its NPT blocks, and of its last two runs."""

_ERRORS_SAID = "  ± standard error, where a run is long enough to say (four independent values)"

STAGES = ("minimize", "equilibrate", "production")


@dataclass(frozen=True, slots=True, kw_only=True)
class Density:
    """How the box found its density."""

    aimed_g_cm3: float
    """Of the composition's estimate."""
    realised_g_cm3: SeriesMean | None
    """Of the second half of the last NPT, whose mean box production has; None before it."""
    relaxation_ps: float | None
    """Its correlation time; None where that NPT is too short to say."""
    blocks_g_cm3: tuple[float, ...]
    """Means of the blocks of NPT that looked for it."""
    block_n: int
    """Lines of the shorter one of the two that are compared."""
    change: Change | None
    """From the last but two block to the last; None where there are not three."""
    after_annealing: Change | None
    """From the last block to the second half of the last NPT; None before it."""
    tolerance: float
    """Relative change that the protocol takes for none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EquilibrationSection:
    """Second section of ``iemhpc check``."""

    parts: tuple[RunPart, ...]
    """Every run of LAMMPS in the last attempt at equilibration, in order."""
    density: Density
    """Aimed at, and found."""
    production: Production | None
    """None before it."""
    warnings: tuple[str, ...]
    """Of LAMMPS, but for those known to mean nothing."""
    errors: tuple[str, ...]
    """Of the last attempt at each stage."""

    def doubts(self, physics: Mapping[str, Any]) -> tuple[str, ...]:
        """Return what is not as the plan wants it."""
        said = [*self.warnings, *self.errors, *_density_doubts(self.density)]
        if self.production:
            said += production_doubts(self.production, physics)
        return tuple(said)

    def lines(self) -> list[str]:
        """Return the table of runs, the densities, and the production."""
        head = f"  {'run':<36}{'ps':>9}{'K':>16}{'atm':>18}{'g/cm³':>19}"
        lines = [head, *map(_part_line, self.parts), _ERRORS_SAID, *_density_lines(self.density)]
        if self.production:
            lines += [_part_line(self.production.part), *_production_lines(self.production)]
        return lines + [f"  {line}" for line in (*self.warnings, *self.errors)]


def check_equilibration(
    run: Path, *, physics: Mapping[str, Any], aimed_box_A: float
) -> EquilibrationSection | None:
    """Read a run's logs; None where there are none.

    Parameters
    ----------
    run : Path
        Its folder.
    physics : mapping
        Of its plan: ``protocol``, ``temperature_K`` and ``topology`` are used.
    aimed_box_A : float
        Edge of the box at the density aimed at.
    """
    logs = [text for stage in STAGES if (text := read_last_log(run, stage))]
    if not logs:
        return None
    is_network = physics.get("topology") == "network"
    tables = thermo_tables(read_last_log(run, "equilibrate"))
    packed = read_data(run / "system.data")
    mass_g_mol = float(packed.masses_g_mol[packed.types - 1].sum())
    return EquilibrationSection(
        parts=tuple(part for table in tables if (part := part_of("equilibrate", table))),
        density=density_of(
            tables,
            protocol=physics["protocol"],
            aimed_g_cm3=mass_g_mol / aimed_box_A**3 * G_CM3_PER_G_MOL_A3,
        ),
        production=production_of(
            production_tables(run),
            n_atoms=len(packed.ids),
            temperature_K=float(physics["temperature_K"]),
        ),
        warnings=tuple(
            dict.fromkeys(
                line for log in logs for line in warning_lines(log, is_network=is_network)
            )
        ),
        errors=tuple(dict.fromkeys(line for log in logs for line in error_lines(log))),
    )


def density_of(
    tables: Sequence[ThermoTable], *, protocol: Mapping[str, float], aimed_g_cm3: float
) -> Density:
    """Return how the density came about, from the tables of ``equilibrate.in``."""
    blocks = [table for table in tables if table.label.startswith(TO_DENSITY)]
    settled = next((table for table in tables if table.label.startswith(SETTLE)), None)
    series = None if settled is None else without_start(settled, "Density")
    change = after = None
    tolerance = float(protocol.get("density_tolerance", 0.0))
    apart = blocks[-3::2]
    last = [without_start(block, "Density") for block in apart]
    if len(blocks) > 2 and all(block.complete for block in apart):
        change = compare_blocks(*last, tolerance=tolerance, block_ps=_length_ps(blocks[-1]))
    second_half = None if series is None else series[len(series) // 2 :]
    if blocks and settled and settled.complete and second_half is not None:
        half_ps = min(_length_ps(blocks[-1]), _length_ps(settled) / 2.0)
        after = compare_blocks(last[-1], second_half, tolerance=tolerance, block_ps=half_ps)
    return Density(
        aimed_g_cm3=aimed_g_cm3,
        realised_g_cm3=None if second_half is None else mean_with_error(second_half),
        relaxation_ps=None
        if settled is None or series is None
        else relaxation_ps(without_start(settled, "Time") / FS_PER_PS, series),
        blocks_g_cm3=tuple(float(without_start(block, "Density").mean()) for block in blocks),
        block_n=min(map(len, last), default=0),
        change=change,
        after_annealing=after,
        tolerance=tolerance,
    )


def _length_ps(table: ThermoTable) -> float:
    return float(np.ptp(table["Time"])) / FS_PER_PS


def _density_doubts(density: Density) -> list[str]:
    said = []
    if density.change and not density.change.is_steady:
        said.append(
            f"the density still changed by {100 * density.change.relative:+.2f} % over the last "
            "two blocks of NPT; lengthen density_ps"
        )
    if density.after_annealing and not density.after_annealing.is_steady:
        said.append(
            f"annealing changed the density by {100 * density.after_annealing.relative:+.2f} %: it "
            "was not at rest before, or is not after it; lengthen anneal_ps and settle_npt_ps"
        )
    if density.realised_g_cm3:
        realised = density.realised_g_cm3.mean
        if abs(realised / density.aimed_g_cm3 - 1.0) > LARGEST_DENSITY:
            said.append(
                f"the density is {realised:.3f} g/cm³, and {density.aimed_g_cm3:.3f} was aimed "
                "at: it is not at rest, or the estimate does not hold for this membrane"
            )
    return said


def production_doubts(production: Production, physics: Mapping[str, Any]) -> list[str]:
    """Return what a production shows that a canonical ensemble at rest would not."""
    said = []
    wanted_K, wanted_atm = float(physics["temperature_K"]), float(physics["pressure_atm"])
    temperature, pressure = production.part.temperature_K, production.part.pressure_atm
    apart_K = abs(temperature.mean - wanted_K)
    if apart_K > max(LARGEST_TEMPERATURE * wanted_K, ERRORS * temperature.error):
        said.append(f"production is at {temperature.mean:.1f} K, wanted {wanted_K:g} K")
    if abs(pressure.mean - wanted_atm) > max(LARGEST_PRESSURE_ATM, ERRORS * pressure.error):
        said.append(
            f"production is at {pressure.mean:.0f} ± {pressure.error:.0f} atm, wanted "
            f"{wanted_atm:g}: its box is not that of the wanted pressure; lengthen settle_npt_ps"
        )
    if production.potential_kcal_mol.is_steady is False:
        said.append(
            "the potential energy of the production's halves differs by more than its error: it "
            "still relaxes; lengthen anneal_ps or the production"
        )
    drift_kt = production.drift_kt_atom_ns
    if drift_kt is not None and abs(drift_kt) > _allowed_drift_kt(production):
        said.append(
            f"{production.drift_of} drifts by {drift_kt:+.2f} kT an atom and ns, wanted at most "
            f"{LARGEST_DRIFT_KT:g}; shorten timestep_fs or tighten pppm"
        )
    return said


def _allowed_drift_kt(production: Production) -> float:
    """Return the drift above which there is a doubt: the limit, or its own errors if larger."""
    return max(LARGEST_DRIFT_KT, ERRORS * production.drift_kt_error)


def _part_line(part: RunPart) -> str:
    cut = "" if part.is_complete else " (cut short)"
    return (
        f"  {part.label + cut:<36}{part.length_ps:>9.5g}{_with_error(part.temperature_K, 1):>16}"
        f"{_with_error(part.pressure_atm, 0):>18}{_with_error(part.density_g_cm3, 4):>19}"
    )


def _with_error(mean: SeriesMean, digits: int) -> str:
    error = f" ± {mean.error:.{digits}f}" if mean.n_independent >= FEWEST_INDEPENDENT else ""
    return f"{mean.mean:.{digits}f}{error}"


def _density_lines(density: Density) -> list[str]:
    lines = []
    if density.change:
        blocks = " ".join(f"{value:.4f}" for value in density.blocks_g_cm3)
        lines += [f"  density by block of NPT: {blocks} g/cm³", f"    {_steadiness(density)}"]
    line = f"  density aimed at {density.aimed_g_cm3:.4f} g/cm³"
    if density.realised_g_cm3:
        line += f", realised {_with_error(density.realised_g_cm3, 4)}"
        line += f"; it relaxes in {_time(density.relaxation_ps)}"
    return [*lines, line]


def _steadiness(density: Density) -> str:
    """Return how far the density moved in two blocks, what was allowed, and the verdict."""
    change = density.change
    if change is None:
        return ""
    error = f"{100 * change.error / change.second:.2f} %"
    if density.block_n < FEWEST_INDEPENDENT:
        error = "too short to say"
    said = (
        f"over the last two it changed by {100 * change.relative:+.2f} %, error: {error}; the "
        f"protocol takes up to {100 * density.tolerance:g} %, or twice the error, for none: "
    )
    if not change.is_steady:
        return f"{said}NOT steady"
    if density.tolerance > LARGEST_TOLERANCE:
        return f"{said}within it, which shows little"
    return f"{said}steady"


def _time(relaxation_ps: float | None) -> str:
    """Return a correlation time in words; 0 is less than the 0.2 ps or so between two lines."""
    if relaxation_ps is None:
        return "a time that the run is too short to say"
    return f"{relaxation_ps:.2g} ps" if relaxation_ps > 0 else "less than the log's step"


def _production_lines(production: Production) -> list[str]:
    halves = production.potential_kcal_mol
    verdict = {True: "stationary", False: "NOT stationary", None: "too short to say"}
    error = "" if halves.is_steady is None else f" ± {halves.error:.1f}"
    lines = [
        f"  potential energy: halves {halves.first:.1f} and {halves.second:.1f}{error} kcal/mol: "
        f"{verdict[halves.is_steady]}; it relaxes in {_time(production.relaxation_ps)}"
    ]
    drift_kt = production.drift_kt_atom_ns
    if production.drift_kcal_mol_atom_ns is None or drift_kt is None:
        return lines
    own_kt = ERRORS * production.drift_kt_error
    if abs(drift_kt) > _allowed_drift_kt(production):
        said = "TOO LARGE"
    elif abs(drift_kt) > LARGEST_DRIFT_KT:
        said = "too short to say, for it is within its errors"
    else:
        said = (
            "small" if own_kt <= LARGEST_DRIFT_KT else "small, but the errors could hide a larger"
        )
    return [
        *lines,
        f"  drift of {production.drift_of}: {drift_kt:+.3g} ± {production.drift_kt_error:.2g} "
        f"kT an atom and ns ({production.drift_kcal_mol_atom_ns:+.3g} kcal/mol an atom and ns)",
        f"    counts above {LARGEST_DRIFT_KT:g} (a tenth for each of an atom's two or three "
        f"degrees of freedom) and above {ERRORS:g} of its errors, {own_kt:.2g}: {said}",
    ]
