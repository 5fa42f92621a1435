"""A cluster's best settings for a real box: built here, measured there, kept in its profile.

The best is the fastest setting that uses its cores at 70 % or more of the best rate per core: twice
the cores for a tenth more speed would take them from other runs.
"""

import os
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from iemhpc.errors import InputError, ProgramError, unknown_name
from iemhpc.lammps.data_file import data_text
from iemhpc.lammps.needed_styles import ACCELERATORS
from iemhpc.lammps.styles_file import styles_text
from iemhpc.polymer.catalog import load_system
from iemhpc.progress import Say, quiet
from iemhpc.resources import resource
from iemhpc.scheduler.cluster import resources_for
from iemhpc.scheduler.one_off import LostJobError, hand_over, mark_read, one_off_plan, wait_for
from iemhpc.scheduler.probe import last_probe
from iemhpc.scheduler.profiles import find_profile
from iemhpc.scheduler.timing import (
    Box,
    Measurement,
    Trial,
    coulomb_options,
    plain_options,
    read_trial,
    timing_job,
)
from iemhpc.settings.cluster import ClusterSettings, launcher_problem, read_cluster
from iemhpc.settings.profile_text import with_size, with_values
from iemhpc.settings.protocol import protocol_variables
from iemhpc.settings.reading import validate_settings
from iemhpc.system.assembly import build_box
from iemhpc.system.composition import compose
from iemhpc.workspace import Workspace, write_text

EFFICIENCY = 0.7
"""Of the best rate per core; a faster setting below it wastes cores."""

MOST_CORES = 16
"""More are tried where the profile's sizes or the caller say so: 6,300 atoms scale to 8 to 16."""

NO_SUFFIX = "none"
"""No accelerator, on the command line and in the table."""

FROM_LENNARD_JONES_A = (-2.0, 2.0)
"""How far the Coulomb cut-offs that are tried are from that of Lennard-Jones."""

SHORTEST_COULOMB_A = 6.0


@dataclass(frozen=True, slots=True, kw_only=True)
class TuneRequest:
    """What to measure; what is None follows from the profile."""

    system: str = "CR61/NaCl"
    """Of the catalogue."""
    box_A: float = 40.0
    salt_molar: float = 1.0
    force_field: str = "gaff2"
    cores: tuple[int, ...] | None = None
    threads: tuple[int, ...] = (1, 2)
    suffixes: tuple[str, ...] | None = None
    """``none`` stands for no accelerator."""
    coulombs_A: tuple[float, ...] | None = None
    seconds: float = 10.0
    """Of each measurement."""
    efficiency: float = EFFICIENCY
    write: bool = False
    """Whether the best goes into the profile."""


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
    efficiency: float
    written: str = ""
    """Profile that has the best now; empty where none was written."""

    def lines(self) -> list[str]:
        """Return the table that a person reads."""
        head = (
            f"{'cores':>5} {'threads':>7} {'suffix':<6} {'Coulomb Å':>9} {'steps/s':>8} "
            f"{'ns/day':>7} {'per core':>8} {'force error':>11} {'ΔE kcal/mol':>11}"
        )
        lines = [
            f"{self.cluster}: {self.what}, {self.n_atoms} atoms; held: Lennard-Jones cut-off "
            f"{self.cutoff_A:g} Å, accuracy of the forces {self.pppm:g}",
            head,
        ]
        for row in self.measurements:
            mark = "  <- best" if row == self.best else ""
            lines.append(f"{_row(row)}{f'  NOT TAKEN: {row.why}' if row.why else mark}")
        if self.best is None:
            lines.append("no setting could be measured")
        else:
            lines.append(
                f"best: {_in_words(self.best)}: the fastest at {100 * self.efficiency:g} % or more "
                "of the best rate per core"
            )
        if self.written:
            lines.append(f"written into {self.written}")
        return lines


def tune_cluster(
    workspace: Workspace,
    name_or_path: str,
    request: TuneRequest,
    *,
    wait_s: float = 7200.0,
    say: Say = quiet,
) -> TuneReport:
    """Measure a few settings on a real box by jobs of a cluster.

    Parameters
    ----------
    workspace : Workspace
        On a file system that the nodes see.
    name_or_path : str
        The profile.
    request : TuneRequest
        What to measure, and whether to write the best into the profile.
    wait_s : float
        How long to wait for the queue. The jobs go on; the same call waits on.
    say : callable
        Takes lines of progress.

    Raises
    ------
    InputError
        Where the profile or the request cannot be used.
    ProgramError
        Where a program is missing, the queue refuses, or a job does not end in time.
    """
    name, path = find_profile(workspace, name_or_path)
    cluster = read_cluster(path)
    box = _build(request, say=say)
    trials = plan_trials(
        cluster, request, box=box, suffixes=_suffixes(workspace, name, cluster, request)
    )
    rows = _measure(workspace, name, cluster, box=box, trials=trials, wait_s=wait_s, say=say)
    report = TuneReport(
        cluster=name,
        what=box.what,
        n_atoms=box.n_atoms,
        cutoff_A=box.cutoff_A,
        pppm=box.pppm,
        measurements=rows,
        best=best_of(rows, efficiency=request.efficiency),
        efficiency=request.efficiency,
    )
    if not request.write or report.best is None:
        return report
    return replace(report, written=str(write_best(workspace, name, path, report)))


def _measure(
    workspace: Workspace,
    name: str,
    cluster: ClusterSettings,
    *,
    box: Box,
    trials: Sequence[Trial],
    wait_s: float,
    say: Say,
) -> tuple[Measurement, ...]:
    """Hand over a job for each trial, wait for all of them and read what they measured."""
    plan = one_off_plan(protocol_variables("quick"), production_ps=1.0, frame_ps=1.0)
    jobs = [timing_job(workspace, name, cluster, box=box, trial=trial) for trial in trials]
    n = sum(trial.n_measurements for trial in trials)
    in_jobs = "1 job" if len(jobs) == 1 else f"{len(jobs)} jobs"
    say(f"{n} measurements in {in_jobs}")
    handed = [hand_over(workspace, cluster, job, plan=plan, say=say) for job in jobs]
    for job, scheduler in zip(jobs, handed, strict=True):
        try:
            wait_for(job, scheduler, wait_s=wait_s, say=say)
        except LostJobError as error:  # what it measured before counts
            say(str(error))
    mark_read(jobs)
    return tuple(
        row
        for job, trial in zip(jobs, trials, strict=True)
        for row in read_trial(job.folder, trial, box=box)
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


def plan_trials(
    cluster: ClusterSettings, request: TuneRequest, *, box: Box, suffixes: Sequence[str]
) -> tuple[Trial, ...]:
    """Return the jobs: one for each number of cores and of threads.

    Threads are tried with the accelerators that use them.

    Raises
    ------
    InputError
        Where nothing is left to measure, or a number cannot be.
    """
    coulombs_A = request.coulombs_A or tuple(box.cutoff_A + off_A for off_A in FROM_LENNARD_JONES_A)
    longest_A = 2.0 * box.cutoff_A
    wrong = [value for value in coulombs_A if not SHORTEST_COULOMB_A <= value <= longest_A]
    if wrong:
        raise InputError(
            f"Coulomb cut-off: got {wrong[0]:g} Å, wanted {SHORTEST_COULOMB_A:g} to {longest_A:g} Å"
        )
    trials = []
    for cores in request.cores or _cores(cluster, n_atoms=box.n_atoms):
        problem = launcher_problem(cluster, cores=cores)
        if problem:
            raise InputError(f"cluster profile: {problem}")
        for threads in request.threads:
            able = [s for s in suffixes if threads == 1 or s in ("omp", "intel", "kk", "gpu")]
            if cores % threads == 0 and able:
                trials.append(
                    Trial(
                        cores=cores,
                        threads=threads,
                        suffixes=tuple(able),
                        coulombs_A=tuple(c for c in coulombs_A if c != box.cutoff_A),
                        seconds=request.seconds,
                    )
                )
    if not trials:
        raise InputError("no number of cores is a multiple of a number of threads: nothing to try")
    return tuple(trials)


def write_best(workspace: Workspace, name: str, path: Path, report: TuneReport) -> Path:
    """Write the best setting into a profile; a shipped one is copied to the workspace first.

    Comments, order and all other keys stay. The file is replaced whole.

    Raises
    ------
    ProgramError
        Where nothing could be measured.
    InputError
        Where the profile cannot be changed as text.
    """
    best = report.best
    if best is None:
        raise ProgramError(f"{name}: no setting could be measured: nothing is written")
    text = path.read_text(encoding="utf-8")
    old = read_cluster(path)
    options = plain_options(old.lammps_options)
    if best.coulomb_A != report.cutoff_A:
        options += coulomb_options(best.coulomb_A)
    values: dict[str, Any] = {
        "suffix": best.suffix,
        "threads_per_process": best.threads,
        "lammps_options": list(options),
    }
    changed = {key: value for key, value in values.items() if _of(old, key) != value}
    note = (
        f"iemhpc cluster tune, {datetime.now(UTC):%Y-%m-%d}: {report.what}, {report.n_atoms} atoms"
    )
    new = with_values(text, changed, note=note)
    new = with_size(new, n_atoms=report.n_atoms, cores_per_run=best.cores, note=note)
    is_shipped = path.parent == resource("jobs", "clusters")
    target = workspace.root / "clusters" / f"{name}.toml" if is_shipped else path
    validate_settings(tomllib.loads(new), ClusterSettings, where=f"the best for {target}")
    write_text(target, new)
    return target


def _of(cluster: ClusterSettings, key: str) -> Any:
    value = getattr(cluster, key)
    return list(value) if isinstance(value, tuple) else value


def _build(request: TuneRequest, *, say: Say) -> Box:
    """Return a real box, as md-submit would build it."""
    system = load_system(request.system)
    composition = compose(system, salt_molar=request.salt_molar, box_A=request.box_A)
    say(f"building {system.name}, {request.salt_molar:g} mol/L, about {request.box_A:g} Å")
    box = build_box(system=system, composition=composition, force_field=request.force_field, seed=1)
    data = data_text(
        box.parameters,
        positions_A=box.positions_A,
        box_A=box.box_A,
        molecule=box.molecule,
        title=system.name,
    )
    protocol = protocol_variables("quick")
    if box.box_A.min() < 2.0 * protocol["cutoff_A"]:
        raise InputError(
            f"the box is {box.box_A.min():.1f} Å wide, wanted at least twice the cut-off, "
            f"{2.0 * protocol['cutoff_A']:g} Å; ask for a larger --box"
        )
    return Box(
        what=f"{system.name} {request.salt_molar:g} mol/L in {request.force_field}",
        n_atoms=len(box.positions_A),
        files={"system.data": data, "styles.in": styles_text(box.parameters)},
        cutoff_A=protocol["cutoff_A"],
        pppm=protocol["pppm"],
    )


def _suffixes(
    workspace: Workspace, name: str, cluster: ClusterSettings, request: TuneRequest
) -> tuple[str, ...]:
    """Return the accelerators to try: those that the latest probe has found, where there is one."""
    if request.suffixes is not None:
        wanted = tuple("" if suffix == NO_SUFFIX else suffix for suffix in request.suffixes)
        for suffix in wanted:
            if suffix and suffix not in ACCELERATORS:
                raise unknown_name("suffix", suffix, [NO_SUFFIX, *ACCELERATORS])
        return wanted
    able: tuple[str, ...] = ("gpu", "kk") if cluster.gpus_per_run else ("opt", "omp", "intel")
    probe = last_probe(workspace, name)
    if probe is not None and probe.packages:
        able = tuple(suffix for suffix in able if ACCELERATORS[suffix] in probe.packages)
    return ("", *able)


def _cores(cluster: ClusterSettings, *, n_atoms: int) -> tuple[int, ...]:
    """Return the numbers of cores to try: powers of two."""
    most = max(MOST_CORES, resources_for(cluster, n_atoms=n_atoms).cores_per_run)
    if cluster.scheduler == "local":
        most = len(os.sched_getaffinity(0))
    if not cluster.launcher:
        most = 1
    return tuple(2**power for power in range(most.bit_length()) if 2**power <= most)


def _row(row: Measurement) -> str:
    error = "-" if row.force_error is None else f"{row.force_error:.1e}"
    difference = row.energy_difference_kcal_mol
    return (
        f"{row.cores:>5} {row.threads:>7} {row.suffix or NO_SUFFIX:<6} {row.coulomb_A:>9g} "
        f"{row.steps_per_s:>8.1f} {row.ns_per_day:>7.2f} {row.ns_per_day_per_core:>8.2f} "
        f"{error:>11} {'-' if difference is None else f'{difference:.3f}':>11}"
    )


def _in_words(row: Measurement) -> str:
    threads = f" ({row.threads} threads a process)" if row.threads > 1 else ""
    cores = "1 core" if row.cores == 1 else f"{row.cores} cores"
    suffix = f"suffix {row.suffix}" if row.suffix else "no suffix"
    return f"{cores}{threads}, {suffix}, Coulomb cut-off {row.coulomb_A:g} Å"
