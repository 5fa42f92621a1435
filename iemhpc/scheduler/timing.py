r"""What a few settings of LAMMPS are worth on one box: speed, and forces that stay what they are.

Only what cannot change the physics varies: processes and threads, the accelerator, and the Coulomb
cut-off with the Lennard-Jones cut-off and the accuracy of the forces held. PPPM chooses its mesh
for the accuracy that it is asked for, so that a longer Coulomb cut-off moves work from the mesh to
real space (https://docs.lammps.org/kspace_style.html). Whether that held is measured: the forces of
the first step against those of a mesh that is a hundred times finer,

.. math:: \sqrt{\langle |F - F_\mathrm{ref}|^2 \rangle} \,/\, F_0,

where F0 = 332.06 kcal/mol/Å is the force between two unit charges 1 Å apart, to which LAMMPS, too,
relates an accuracy.
"""

import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from iemhpc.lammps.failures import explain_error
from iemhpc.lammps.log_file import error_lines
from iemhpc.resources import resource
from iemhpc.scheduler.base import Resources
from iemhpc.scheduler.cluster import lammps_words
from iemhpc.scheduler.one_off import OneOff, asking, last_words, text_of
from iemhpc.scheduler.scripts import fill_script
from iemhpc.settings.cluster import ClusterSettings
from iemhpc.workspace import Workspace

UNIT_FORCE_KCAL_MOL_A = 332.06371
"""Between two unit charges 1 Å apart, https://docs.lammps.org/kspace_modify.html (force)."""

ALLOWED = 2.0
"""Forces agree where they differ by so many times the accuracy: PPPM's is an estimate."""

START_S = 60.0
"""For one LAMMPS to start, set up and compute its first forces."""

MINIMIZE_S = 900.0

PLAIN = "plain"
"""No accelerator, in names of measurements."""

_COULOMB = "coulomb_cutoff_A"


@dataclass(frozen=True, slots=True, kw_only=True)
class Box:
    """What is measured on."""

    what: str
    """Such as ``CR61/NaCl``."""
    n_atoms: int
    files: Mapping[str, str]
    """``system.data`` and ``styles.in``."""
    cutoff_A: float
    """Of Lennard-Jones."""
    pppm: float
    """Relative accuracy of the forces."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """One job: processes and threads, and what is tried with them."""

    cores: int
    """Of the run."""
    threads: int
    """Of each process."""
    suffixes: tuple[str, ...]
    """Accelerators; empty for none."""
    coulombs_A: tuple[float, ...]
    """Coulomb cut-offs besides the common one."""
    seconds: float
    """Of each measurement."""

    @property
    def n_measurements(self) -> int:
        """How many there are."""
        return len(self.suffixes) + len(self.coulombs_A)


@dataclass(frozen=True, slots=True, kw_only=True)
class Measurement:
    """One setting, measured."""

    cores: int
    threads: int
    suffix: str
    """Empty for none."""
    coulomb_A: float
    steps_per_s: float
    """0 where it did not run."""
    ns_per_day: float
    ns_per_day_per_core: float
    """What many runs side by side would do with a core each."""
    force_error: float | None
    """Relative to two unit charges 1 Å apart; None where there are no forces."""
    energy_difference_kcal_mol: float | None
    """Of the first step, from the reference."""
    why: str
    """Why it may not be taken; empty where it may."""


def timing_job(
    workspace: Workspace, name: str, cluster: ClusterSettings, *, box: Box, trial: Trial
) -> OneOff:
    """Return the job that measures a trial."""
    limit_s = START_S + trial.seconds
    wall_s = MINIMIZE_S + (trial.n_measurements + 1) * limit_s
    gpus = cluster.gpus_per_run
    resources = Resources(
        cores_per_run=trial.cores,
        gpus_per_run=gpus,
        wall_hours=max(wall_s, 2.0 * cluster.warning_s) / 3600.0,
    )
    words = {
        suffix: shlex.join(
            lammps_words(
                with_setting(cluster, suffix=suffix, threads=trial.threads),
                cores=trial.cores,
                gpus=gpus,
            )
        )
        for suffix in ("", *trial.suffixes)
    }
    commands = (f"command_{suffix or PLAIN}=({words[suffix]})" for suffix in trial.suffixes)
    values = {
        "commands": "\n".join(commands),
        "suffixes": shlex.join(suffix or PLAIN for suffix in trial.suffixes),
        "reference": words[""],
        "cutoff_A": f"{box.cutoff_A:g}",
        "coulombs": shlex.join(f"{cutoff_A:g}" for cutoff_A in trial.coulombs_A),
        "pppm": f"{box.pppm:g}",
        "time_limit": _clock(trial.seconds),
        "asking": asking(
            workspace,
            with_setting(cluster, suffix="", threads=trial.threads),
            limit_s=max(limit_s, MINIMIZE_S),
        ),
    }
    timing = resource("lammps_templates", "timing.in").read_text(encoding="utf-8")
    return OneOff(
        folder=workspace.runs / ".tune" / name / f"{trial.cores}x{trial.threads}",
        what=f"tuning {name} with {trial.cores // trial.threads} x {trial.threads} cores",
        script=fill_script("tune.sh", values, workspace=workspace),
        files={**box.files, "timing.in": timing},
        runs_inside=(),
        resources=resources,
    )


def with_setting(cluster: ClusterSettings, *, suffix: str, threads: int) -> ClusterSettings:
    """Return a profile with another accelerator and number of threads."""
    options = plain_options(cluster.lammps_options)
    update = {"suffix": suffix, "threads_per_process": threads, "lammps_options": options}
    return cluster.model_copy(update=update)


def plain_options(options: Sequence[str]) -> tuple[str, ...]:
    """Return LAMMPS options without those that a tuning sets itself.

    Examples
    --------
    >>> plain_options(["-sf", "opt", "-nocite", "-var", "coulomb_cutoff_A", "12"])
    ('-nocite',)
    """
    kept, words = list[str](), list(options)
    while words:
        word = words.pop(0)
        if word == "-var" and words[:1] == [_COULOMB]:
            del words[:2]
        elif word in ("-sf", "-suffix", "-pk", "-package", "-k", "-kokkos"):
            while words and not words[0].startswith("-"):
                words.pop(0)
        else:
            kept.append(word)
    return tuple(kept)


def coulomb_options(cutoff_A: float) -> tuple[str, ...]:
    """Return the LAMMPS options that set the Coulomb cut-off of ``styles.in``.

    Examples
    --------
    >>> " ".join(coulomb_options(12.0))
    '-var coulomb_cutoff_A 12'
    """
    return ("-var", _COULOMB, f"{cutoff_A:g}")


def read_trial(folder: Path, trial: Trial, *, box: Box) -> tuple[Measurement, ...]:
    """Return what a job measured, in the order in which it did.

    What was not measured, because the box could not be minimised or the job was killed, is there
    with its reason.
    """
    codes = dict(line.split() for line in text_of(folder / "answers.txt").splitlines())
    reference = _forces(folder / "reference.forces")
    wanted = [f"{suffix or PLAIN}.{box.cutoff_A:g}" for suffix in trial.suffixes]
    wanted += [name for name in codes if "." in name and name not in wanted]
    return tuple(
        _measurement(folder, name, codes, trial=trial, box=box, reference=reference)
        for name in wanted
    )


def _measurement(
    folder: Path,
    name: str,
    codes: Mapping[str, str],
    *,
    trial: Trial,
    box: Box,
    reference: NDArray[np.float64] | None,
) -> Measurement:
    suffix, _, coulomb = name.partition(".")
    log = text_of(folder / f"{name}.log")
    steps_per_s, ns_per_day = parse_performance(log) if name in codes else (0.0, 0.0)
    error = force_error(_forces(folder / f"{name}.forces"), reference)
    energies = [parse_energy(log), parse_energy(text_of(folder / "reference.log"))]
    why = _why_not(folder, name, codes) if not steps_per_s > 0.0 else ""
    if not why and (error is None or not error <= ALLOWED * box.pppm):
        off = "cannot be compared" if error is None else f"are off by {error:.1e}"
        why = f"its forces {off}, wanted {box.pppm:g}, at most {ALLOWED:g} times that"
    return Measurement(
        cores=trial.cores,
        threads=trial.threads,
        suffix="" if suffix == PLAIN else suffix,
        coulomb_A=float(coulomb),
        steps_per_s=steps_per_s,
        ns_per_day=ns_per_day,
        ns_per_day_per_core=ns_per_day / trial.cores,
        force_error=error,
        energy_difference_kcal_mol=None
        if energies[0] is None or energies[1] is None
        else energies[0] - energies[1],
        why=why,
    )


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


def parse_energy(log: str) -> float | None:
    """Return the potential energy of the first step, kcal/mol; None without one."""
    found = re.search(r"^timing: energy (\S+)", log, re.MULTILINE)
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
    """Return why something was not measured."""
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


def _clock(seconds: float) -> str:
    """Return a duration as LAMMPS's timer wants it.

    Examples
    --------
    >>> _clock(75)
    '00:01:15'
    """
    whole = max(1, round(seconds))
    return f"{whole // 3600:02d}:{whole % 3600 // 60:02d}:{whole % 60:02d}"
