r"""What a tuning job measured: how fast each setting is, and whether its physics is the same.

Forces, pressure and energy of the first step are compared with those of an accuracy a hundred times
better, forces by

.. math:: \sqrt{\langle |F - F_\mathrm{ref}|^2 \rangle} \,/\, F_0,

where F0 = 332.06 kcal/mol/Å is the force between two unit charges 1 Å apart, to which LAMMPS, too,
relates an accuracy. Pressure is compared by itself, because constant pressure lives on the virial,
which an accelerator computes apart from the forces.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import numpy as np
from numpy.typing import NDArray

from iemhpc.lammps.failures import explain_error
from iemhpc.lammps.log_file import error_lines
from iemhpc.probing.one_off import last_words, text_of
from iemhpc.probing.timing import PLAIN, Box, Trial

UNIT_FORCE_KCAL_MOL_A = 332.06371
"""Between two unit charges 1 Å apart, https://docs.lammps.org/kspace_modify.html (force)."""

ALLOWED = 2.0
"""Forces agree where they differ by so many times the accuracy: PPPM's is an estimate."""

ALLOWED_ATM = 10.0
"""Pressures agree where they differ by less: 10 atm press water by 0.05 %."""

ALLOWED_KCAL_MOL_ATOM = 1e-3
"""Energies agree where they differ by less for each atom: 0.2 % of kT."""

FEWEST_ROUNDS = 2
"""A setting measured less often has no spread."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Measurement:
    """One setting, measured."""

    cores: int
    threads: int
    suffix: str
    """Empty for none."""
    coulomb_A: float
    steps_per_s: float
    """Median of its rounds; 0 where it did not run."""
    spread: float
    """Fastest less slowest round, relative to the median."""
    rounds: int
    """How often it was measured."""
    ns_per_day: float
    ns_per_day_per_core: float
    """What many runs side by side would do with a core each."""
    force_error: float | None
    """Relative to two unit charges 1 Å apart; None where there are no forces."""
    energy_difference_kcal_mol: float | None
    """Of the first step, from the reference."""
    pressure_difference_atm: float | None
    """Of the first step, from the reference."""
    why: str
    """Why it may not be taken; empty where it may."""


def read_trial(folder: Path, trial: Trial, *, box: Box) -> tuple[Measurement, ...]:
    """Return what a job measured, in the order in which it did.

    What was not measured, because the box could not be minimised or the job was killed, is there
    with its reason.
    """
    codes = dict(line.split() for line in text_of(folder / "answers.txt").splitlines())
    rounds: dict[str, list[str]] = {
        f"{suffix or PLAIN}.{box.cutoff_A:g}": [] for suffix in trial.suffixes
    }
    for name in codes:
        setting, mark, _ = name.partition("@")
        if mark:
            rounds.setdefault(setting, []).append(name)
    reference = _first_step(folder, "reference", ["reference"])
    return tuple(
        _measurement(folder, setting, names, codes, trial=trial, box=box, reference=reference)
        for setting, names in rounds.items()
    )


@dataclass(frozen=True, slots=True)
class _FirstStep:
    forces: NDArray[np.float64] | None
    energy_kcal_mol: float | None
    pressure_atm: float | None


def _first_step(folder: Path, setting: str, names: Sequence[str]) -> _FirstStep:
    logs = [text_of(folder / f"{name}.log") for name in names]
    said = [log for log in logs if parse_first(log, "energy") is not None]
    log = said[0] if said else ""
    forces = _forces(folder / f"{setting}.forces")
    return _FirstStep(forces, parse_first(log, "energy"), parse_first(log, "pressure"))


def _measurement(
    folder: Path,
    setting: str,
    names: Sequence[str],
    codes: Mapping[str, str],
    *,
    trial: Trial,
    box: Box,
    reference: _FirstStep,
) -> Measurement:
    suffix, _, coulomb = setting.partition(".")
    speeds = [parse_performance(text_of(folder / f"{name}.log")) for name in names]
    failed = [name for name, speed in zip(names, speeds, strict=True) if not speed[0] > 0.0]
    rates = [speed[0] for speed in speeds if speed[0] > 0.0]
    ns_per_day = median(speed[1] for speed in speeds if speed[0] > 0.0) if rates else 0.0
    first = _first_step(folder, setting, names)
    error = force_error(first.forces, reference.forces)
    energy = _difference(first.energy_kcal_mol, reference.energy_kcal_mol)
    pressure = _difference(first.pressure_atm, reference.pressure_atm)
    if failed or not rates:
        why = _why_not(folder, (*failed, setting)[0], codes)
    elif len(rates) < FEWEST_ROUNDS:
        why = f"measured {len(rates)} time, wanted at least {FEWEST_ROUNDS}: the job was cut short"
    else:
        why = _other_physics(error, energy, pressure, box=box)
    return Measurement(
        cores=trial.cores,
        threads=trial.threads,
        suffix="" if suffix == PLAIN else suffix,
        coulomb_A=float(coulomb),
        steps_per_s=median(rates) if rates else 0.0,
        spread=(max(rates) - min(rates)) / median(rates) if rates else 0.0,
        rounds=len(rates),
        ns_per_day=ns_per_day,
        ns_per_day_per_core=ns_per_day / trial.cores,
        force_error=error,
        energy_difference_kcal_mol=energy,
        pressure_difference_atm=pressure,
        why=why,
    )


def _difference(value: float | None, reference: float | None) -> float | None:
    return None if value is None or reference is None else value - reference


def _other_physics(
    force: float | None, energy_kcal_mol: float | None, pressure_atm: float | None, *, box: Box
) -> str:
    """Return what of the first step is not what the reference has; empty where all is."""
    allowed = (
        ("forces", force, ALLOWED * box.pppm, ""),
        ("pressure", pressure_atm, ALLOWED_ATM, " atm"),
        ("energy", energy_kcal_mol, ALLOWED_KCAL_MOL_ATOM * box.n_atoms, " kcal/mol"),
    )
    for name, value, most, unit in allowed:
        if value is None:
            return f"the {name} of its first step cannot be compared with the reference"
        if not abs(value) <= most:
            return (
                f"the {name} of its first step: off by {value:.2g}{unit} from the reference, "
                f"wanted at most {most:.2g}{unit}"
            )
    return ""


def parse_performance(log: str) -> tuple[float, float]:
    r"""Return steps a second and ns a day of the last run of a log; 0 without one.

    Examples
    --------
    >>> parse_performance("Performance: 5.184 ns/day, 4.630 hours/ns, 30.0 timesteps/s, 1 Matom\n")
    (30.0, 5.184)
    """
    found = re.findall(r"^Performance: ([\d.]+) ns/day, .*?([\d.]+) timesteps/s", log, re.MULTILINE)
    counted = log.partition("timing: counted")[2]
    if not found or ("timing: counted" in log and "Performance" not in counted):
        return 0.0, 0.0
    return float(found[-1][1]), float(found[-1][0])


def parse_first(log: str, what: str) -> float | None:
    r"""Return ``energy`` (kcal/mol) or ``pressure`` (atm) of the first step; None without one.

    Examples
    --------
    >>> parse_first("timing: energy -512.25\ntiming: pressure -80.5\n", "pressure")
    -80.5
    """
    found = re.search(rf"^timing: {what} (\S+)", log, re.MULTILINE)
    return float(found[1]) if found else None


def force_error(
    forces: NDArray[np.float64] | None, reference: NDArray[np.float64] | None
) -> float | None:
    """Return the root mean square difference of forces, relative to two unit charges at 1 Å.

    Parameters
    ----------
    forces, reference : ndarray, shape (n_atoms, 3)
        kcal/mol/Å; None for none, which cannot be compared.

    Examples
    --------
    >>> reference = np.zeros((10, 3))
    >>> round(force_error(reference + [0.0332, 0.0, 0.0], reference), 6)
    0.0001
    """
    if forces is None or reference is None or forces.shape != reference.shape:
        return None
    square = np.sum((forces - reference) ** 2, axis=1).mean()
    return float(np.sqrt(square) / UNIT_FORCE_KCAL_MOL_A)


def _forces(path: Path) -> NDArray[np.float64] | None:
    """Return the forces of a LAMMPS dump of one frame, sorted by id."""
    try:
        table = np.loadtxt(path, skiprows=9, ndmin=2)
    except (OSError, ValueError):
        return None
    return np.asarray(table[np.argsort(table[:, 0]), 1:4]) if table.shape[1:] == (4,) else None


def _why_not(folder: Path, name: str, codes: Mapping[str, str]) -> str:
    """Return why a round of a setting was not measured."""
    has_failed = codes.get("minimize", "0") != "0"
    if name not in codes and not has_failed:
        return f"the job ended without finishing; its last words: {last_words(folder)}"
    stage = name if name in codes else "minimize"
    errors = error_lines(text_of(folder / f"{stage}.log"))
    if errors:
        meaning = explain_error(errors[0])
        return f"{stage}: {errors[0]}" + (f"; {meaning}" if meaning else "")
    words = text_of(folder / f"{stage}.screen").split("\n")
    said = next((line.strip() for line in reversed(words) if line.strip()), "without a word")
    return f"{stage}: ended with {codes.get(stage, 'nothing')}, {said}"
