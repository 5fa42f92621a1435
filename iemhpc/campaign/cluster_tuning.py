"""A cluster's best settings for a real box: built here, measured there, kept in its profile."""

import math
import os
from collections.abc import Sequence
from dataclasses import dataclass, replace

from iemhpc.campaign.tuning_choice import NO_SUFFIX, TuneReport, choose
from iemhpc.campaign.tuning_profile import Profile, remember, write_best
from iemhpc.errors import InputError, LockedError, unknown_name
from iemhpc.lammps.data_file import data_text
from iemhpc.lammps.needed_styles import ACCELERATORS
from iemhpc.lammps.styles_file import styles_text
from iemhpc.polymer.catalog import load_system
from iemhpc.probing.one_off import LostJobError, hand_over, mark_read, one_off_plan, wait_for
from iemhpc.probing.probe import last_probe
from iemhpc.probing.profiles import find_profile
from iemhpc.probing.timing import Box, Present, Trial, coulomb_of, suffix_of, timing_job
from iemhpc.probing.timing_answers import FEWEST_ROUNDS, Measurement, read_trial
from iemhpc.progress import Say, quiet
from iemhpc.scheduler.cluster import resources_for
from iemhpc.settings.cluster import ClusterSettings, launcher_problem, read_cluster
from iemhpc.settings.protocol import protocol_variables
from iemhpc.system.assembly import build_box
from iemhpc.system.composition import compose
from iemhpc.workspace import Workspace

EFFICIENCY = 0.7
"""Of the best rate per core; a faster setting below it wastes cores."""

MOST_CORES = 16
"""More are tried where the profile's sizes or the caller say so: 6,300 atoms scale to 8 to 16."""

FROM_LENNARD_JONES_A = (-2.0, 2.0)
"""How far the Coulomb cut-offs that are tried are from that of Lennard-Jones."""

SHORTEST_COULOMB_A = 6.0

THREADS = (1, 2)
"""Tried besides the profile's own number."""

SKIN_A = 2.0
"""Of neighbour lists, as the templates say."""

MOST_NEIGHBOURS = 2000
"""Of one atom: LAMMPS's default for ``neigh_modify one``, which the templates leave."""

DENSEST = 1.1
"""Most neighbours of an atom, relative to those at the mean density."""

WITH_THREADS = ("omp", "intel", "kk", "gpu")
"""Accelerators that use threads."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TuneRequest:
    """What to measure; what is None follows from the profile."""

    system: str = "CR61/NaCl"
    """Of the catalogue."""
    box_A: float = 40.0
    salt_molar: float = 1.0
    force_field: str = "gaff2"
    cores: tuple[int, ...] | None = None
    threads: tuple[int, ...] | None = None
    suffixes: tuple[str, ...] | None = None
    """``none`` stands for no accelerator."""
    coulombs_A: tuple[float, ...] | None = None
    seconds: float = 10.0
    """Of each setting, in all rounds of a stage."""
    rounds: int = 3
    """How often each setting is measured, taking turns."""
    efficiency: float = EFFICIENCY
    write: bool = False
    """Whether the best goes into the profile."""


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
    profile = remember(name, path)
    box = _build(request, say=say)
    present = present_of(cluster, box=box)
    suffixes = _suffixes(workspace, name, cluster, request)
    trials = plan_trials(cluster, request, box=box, suffixes=suffixes)
    rows = _measure(workspace, name, cluster, box=box, trials=trials, wait_s=wait_s, say=say)
    choice = choose(rows, present, efficiency=request.efficiency)
    report = TuneReport(
        cluster=name,
        what=box.what,
        n_atoms=box.n_atoms,
        cutoff_A=box.cutoff_A,
        pppm=box.pppm,
        measurements=rows,
        best=choice.best,
        reason=choice.reason,
        stays=choice.stays,
    )
    is_new = report.best is not None and not report.stays
    return _written(workspace, profile, report) if request.write and is_new else report


def _written(workspace: Workspace, profile: Profile, report: TuneReport) -> TuneReport:
    """Write the best; where that cannot be, the measurements are told all the same."""
    try:
        return replace(report, written=str(write_best(workspace, profile, report)))
    except (InputError, LockedError) as error:
        return replace(report, refused=str(error))


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
    say(f"up to {n} measurements in {in_jobs}")
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


def present_of(cluster: ClusterSettings, *, box: Box) -> Present:
    """Return what a profile says now for a box."""
    coulomb_A = coulomb_of(cluster.lammps_options)
    return Present(
        cores=resources_for(cluster, n_atoms=box.n_atoms).cores_per_run,
        threads=cluster.threads_per_process,
        suffix=cluster.suffix or suffix_of(cluster.lammps_options),
        coulomb_A=box.cutoff_A if coulomb_A is None else coulomb_A,
    )


def plan_trials(
    cluster: ClusterSettings, request: TuneRequest, *, box: Box, suffixes: Sequence[str]
) -> tuple[Trial, ...]:
    """Return the jobs: one for each number of cores and of threads.

    Threads are tried with the accelerators that use them. What the profile says now is measured,
    too, in the job of its cores and threads.

    Raises
    ------
    InputError
        Where nothing is left to measure, or a number cannot be.
    """
    if request.rounds < FEWEST_ROUNDS:
        raise InputError(f"rounds: got {request.rounds}, wanted at least {FEWEST_ROUNDS}")
    present = present_of(cluster, box=box)
    coulombs_A = _coulombs(request, present, box=box)
    trials = []
    for cores in request.cores or _cores(cluster, present):
        problem = launcher_problem(cluster, cores=cores)
        if problem:
            raise InputError(f"cluster profile: {problem}")
        for threads in request.threads or dict.fromkeys((*THREADS, present.threads)):
            able = [s for s in suffixes if threads == 1 or s in WITH_THREADS]
            is_here = (cores, threads) == (present.cores, present.threads)
            if is_here and not able:
                able = [present.suffix]
            if cores % threads == 0 and able:
                fits = not coulomb_problem(present.coulomb_A, box=box)
                trials.append(
                    Trial(
                        cores=cores,
                        threads=threads,
                        suffixes=tuple(able),
                        coulombs_A=coulombs_A,
                        seconds=request.seconds,
                        rounds=request.rounds,
                        present=present if is_here and fits else None,
                    )
                )
    if not trials:
        raise InputError("no number of cores is a multiple of a number of threads: nothing to try")
    return tuple(trials)


def coulomb_problem(cutoff_A: float, *, box: Box) -> str:
    """Return why a Coulomb cut-off cannot be used in a box; empty where it can.

    Examples
    --------
    >>> box = Box(what="water", n_atoms=1400, files={}, cutoff_A=10.0, pppm=1e-4,
    ...           edges_A=(24.0, 24.0, 24.0))
    >>> coulomb_problem(12.0, box=box)
    ''
    >>> coulomb_problem(18.0, box=box)
    'wanted at most 12 Å, half the shortest edge of the box'
    """
    longest_A, half_A = 2.0 * box.cutoff_A, min(box.edges_A) / 2.0
    if not SHORTEST_COULOMB_A <= cutoff_A <= longest_A:
        return f"wanted {SHORTEST_COULOMB_A:g} to {longest_A:g} Å"
    if cutoff_A > half_A:
        return f"wanted at most {half_A:.3g} Å, half the shortest edge of the box"
    per_A3 = DENSEST * box.n_atoms / math.prod(box.edges_A)
    around = per_A3 * 4.0 / 3.0 * math.pi * (cutoff_A + SKIN_A) ** 3
    if around > MOST_NEIGHBOURS:
        most_A = (MOST_NEIGHBOURS / per_A3 * 3.0 / 4.0 / math.pi) ** (1.0 / 3.0) - SKIN_A
        return (
            f"wanted at most {math.floor(10 * most_A) / 10:g} Å: an atom of this box would have up "
            f"to {around:.0f} neighbours, and LAMMPS's lists hold {MOST_NEIGHBOURS}"
        )
    return ""


def _coulombs(request: TuneRequest, present: Present, *, box: Box) -> tuple[float, ...]:
    """Return the Coulomb cut-offs besides the common one; only what was asked for may be wrong."""
    for cutoff_A in request.coulombs_A or ():
        problem = coulomb_problem(cutoff_A, box=box)
        if problem:
            raise InputError(f"Coulomb cut-off: got {cutoff_A:g} Å, {problem}")
    usual = (*(box.cutoff_A + off_A for off_A in FROM_LENNARD_JONES_A), present.coulomb_A)
    return tuple(
        cutoff_A
        for cutoff_A in dict.fromkeys(request.coulombs_A or usual)
        if cutoff_A != box.cutoff_A and not coulomb_problem(cutoff_A, box=box)
    )


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
        edges_A=(float(box.box_A[0]), float(box.box_A[1]), float(box.box_A[2])),
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
    present = cluster.suffix or suffix_of(cluster.lammps_options)
    return tuple(dict.fromkeys(("", *able, present)))


def _cores(cluster: ClusterSettings, present: Present) -> tuple[int, ...]:
    """Return the numbers of cores to try: powers of two, and the profile's own."""
    most = max(MOST_CORES, present.cores)
    if cluster.scheduler == "local":
        most = len(os.sched_getaffinity(0))
    if not cluster.launcher:
        most = 1
    tried = {2**power for power in range(most.bit_length())} | {present.cores}
    return tuple(cores for cores in sorted(tried) if cores <= most)
