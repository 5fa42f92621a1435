"""Which of the measured settings a profile should have, and the table that tells it.

The best is the fastest setting that uses its cores at 70 % or more of the best rate per core: twice
the cores for a tenth more speed would take them from other runs. What the profile says now stays
where nothing is faster by more than the rounds of one setting differ among themselves.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from iemhpc.probing.timing import Present
from iemhpc.probing.timing_answers import (
    ALLOWED,
    ALLOWED_ATM,
    ALLOWED_KCAL_MOL_ATOM,
    Measurement,
)

NO_SUFFIX = "none"
"""No accelerator, on the command line and in the table."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """The best setting, and why it is."""

    best: Measurement | None
    """None where nothing may be taken."""
    reason: str
    stays: bool = False
    """Whether it is what the profile says now."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TuneReport:
    """What was measured, and what is best."""

    cluster: str
    what: str
    """The box."""
    n_atoms: int
    cutoff_A: float
    pppm: float
    measurements: tuple[Measurement, ...]
    best: Measurement | None
    """None where nothing may be taken."""
    reason: str
    """Why it is the best, or why the present setting stays."""
    stays: bool = False
    """Whether the best is what the profile says now."""
    written: str = ""
    """Profile that has the best now; empty where none was written."""
    refused: str = ""
    """Why nothing was written although it was asked for."""

    def lines(self) -> list[str]:
        """Return the table that a person reads."""
        lines = [
            f"{self.cluster}: {self.what}, {self.n_atoms} atoms; held: Lennard-Jones cut-off "
            f"{self.cutoff_A:g} Å, accuracy of the forces {self.pppm:g}",
            f"first step against an accuracy of 1e-6: forces within {ALLOWED * self.pppm:g}, "
            f"pressure within {ALLOWED_ATM:g} atm, energy within "
            f"{ALLOWED_KCAL_MOL_ATOM * self.n_atoms:.2g} kcal/mol",
            f"{'cores':>5} {'threads':>7} {'suffix':<6} {'Coulomb Å':>9} {'steps/s':>8} "
            f"{'spread':>6} {'ns/day':>7} {'per core':>8} {'force error':>11} {'Δp atm':>7} "
            f"{'ΔE kcal/mol':>11}",
        ]
        for row in self.measurements:
            mark = "  <- best" if row == self.best else ""
            lines.append(f"{_row(row)}{f'  NOT TAKEN: {row.why}' if row.why else mark}")
        lines.append(self.reason)
        if self.written:
            lines.append(f"written into {self.written}")
        if self.refused:
            lines.append(f"NOT WRITTEN: {self.refused}")
        return lines


def choose(rows: Sequence[Measurement], present: Present, *, efficiency: float) -> Choice:
    """Return the best setting: what the profile says now, unless another is faster beyond doubt.

    Parameters
    ----------
    rows : sequence of Measurement
        All that was measured.
    present : Present
        What the profile says now.
    efficiency : float
        Share of the best rate per core that a setting must have, 0 to 1.
    """
    fastest = best_of(rows, efficiency=efficiency)
    if fastest is None:
        return Choice(best=None, reason="no setting could be measured")
    now = next((row for row in rows if _is(row, present)), None)
    spread = max(fastest.spread, now.spread if now else 0.0)
    differ = f"and rounds differ by {100 * spread:.0f} %"
    wanted = efficiency * max(row.ns_per_day_per_core for row in rows if not row.why)
    stays = now is fastest
    if now is None:
        why = "the present setting was not measured"
    elif now is fastest:
        why = "as the profile says now"
    elif now.why:
        why = "the present setting cannot be taken"
    elif now.ns_per_day_per_core * (1.0 + spread) < wanted:
        why = f"the present setting has less of it, {differ}"
    else:
        gain = fastest.ns_per_day / now.ns_per_day - 1.0
        why = f"{100 * gain:.0f} % faster than now, {differ}"
        if gain <= spread:
            reason = f"the present setting stays: {in_words(fastest)} is {why}"
            return Choice(best=now, reason=f"best: {in_words(now)}: {reason}", stays=True)
    first = f"best: {in_words(fastest)}: the fastest at {100 * efficiency:g} % or more of the best "
    return Choice(best=fastest, reason=f"{first}rate per core; {why}", stays=stays)


def _is(row: Measurement, present: Present) -> bool:
    return row.coulomb_A == present.coulomb_A and (row.cores, row.threads, row.suffix) == (
        present.cores,
        present.threads,
        present.suffix,
    )


def best_of(rows: Sequence[Measurement], *, efficiency: float) -> Measurement | None:
    """Return the fastest setting that does not waste its cores; None where none may be taken."""
    fit = [row for row in rows if not row.why]
    if not fit:
        return None
    wanted = efficiency * max(row.ns_per_day_per_core for row in fit)
    return max(
        (row for row in fit if row.ns_per_day_per_core >= wanted), key=lambda row: row.ns_per_day
    )


def _row(row: Measurement) -> str:
    error = "-" if row.force_error is None else f"{row.force_error:.1e}"
    energy, pressure = row.energy_difference_kcal_mol, row.pressure_difference_atm
    spread = f"{100 * row.spread:.0f} %" if row.rounds > 1 else "-"
    return (
        f"{row.cores:>5} {row.threads:>7} {row.suffix or NO_SUFFIX:<6} {row.coulomb_A:>9g} "
        f"{row.steps_per_s:>8.1f} {spread:>6} {row.ns_per_day:>7.2f} "
        f"{row.ns_per_day_per_core:>8.2f} {error:>11} "
        f"{'-' if pressure is None else f'{pressure:.2f}':>7} "
        f"{'-' if energy is None else f'{energy:.3f}':>11}"
    )


def in_words(row: Measurement) -> str:
    """Return a setting as a person says it."""
    threads = f" ({row.threads} threads a process)" if row.threads > 1 else ""
    cores = "1 core" if row.cores == 1 else f"{row.cores} cores"
    suffix = f"suffix {row.suffix}" if row.suffix else "no suffix"
    return f"{cores}{threads}, {suffix}, Coulomb cut-off {row.coulomb_A:g} Å"
