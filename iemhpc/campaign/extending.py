"""A longer production for runs that exist: ``md-submit --extend RUN --production-ns 20``."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from iemhpc.campaign.changes import AT_WORK, Changes, adapt_run, in_words, why_it_cannot_go_on
from iemhpc.campaign.following import check_then, follow, would_follow
from iemhpc.campaign.rows import states_of
from iemhpc.campaign.submitting import AS_USUAL, HowToSubmit
from iemhpc.errors import IemhpcError, InputError
from iemhpc.lammps.run_folder import EXTENDED, RunPlan, read_plan
from iemhpc.progress import Say, quiet
from iemhpc.scheduler.cluster import THIS_MACHINE, load_cluster
from iemhpc.scheduler.run_files import read_job
from iemhpc.scheduler.runs import find_run
from iemhpc.scheduler.submission import SubmissionSummary, open_scheduler, submit_runs
from iemhpc.settings.campaign import read_campaign
from iemhpc.workspace import Workspace

CAN_BE_ASKED_AGAIN = ("planned", "interrupted", "failed", *AT_WORK)
"""States in which a run that has the length already may be extended to it once more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Extended:
    """One run that was asked to go on."""

    run_id: str
    """Name of its folder."""
    system: str
    """Membrane and salt."""
    before_ps: float
    """Length of its production until now."""
    production_ps: float
    """Length wanted now."""
    state: str
    """After all that was done, as in ``iemhpc status``."""
    reason: str
    """Why, where something is to be told."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExtendSummary:
    """What ``--extend`` did, or would do."""

    runs: tuple[Extended, ...]
    """The runs."""
    notes: tuple[str, ...] = ()
    """What becomes of those that are at work."""
    job_ids: tuple[str, ...] = ()
    """Jobs of a queue."""
    is_dry: bool = False
    """Whether nothing was done."""
    then: str = ""
    """What follows when the runs have ended."""
    is_followed: bool = True
    """Whether that was handed over, or has run and ended well, where it was asked for."""
    next_command: str = ""
    """What to type next."""

    @property
    def failed(self) -> tuple[str, ...]:
        """Runs that have failed."""
        return tuple(run.run_id for run in self.runs if run.state == "failed")

    def lines(self) -> list[str]:
        """Return a line a run, notes, and what was handed over."""
        lines = []
        for run in self.runs:
            reason = f": {run.reason}" if run.reason else ""
            lines.append(
                f"{run.run_id}  {run.system}  {run.before_ps / 1000:g} -> "
                f"{run.production_ps / 1000:g} ns  {run.state}{reason}"
            )
        lines += [f"note: {note}" for note in self.notes]
        if self.is_dry:
            lines.append("nothing was changed")
        if self.job_ids:
            lines.append(f"handed over: job {', '.join(self.job_ids)}")
        return [*lines, self.then] if self.then else lines


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where the runs go on; what is not said is as when they were submitted."""

    cluster: str | None = None
    """Profile."""
    cores_per_run: int | None = None
    """Cores of a run."""


AS_BEFORE = Place()


def extend_runs(
    workspace: Workspace,
    prefixes: Sequence[str],
    *,
    production_ns: float | None,
    place: Place = AS_BEFORE,
    how: HowToSubmit = AS_USUAL,
    say: Say = quiet,
) -> ExtendSummary:
    """Make the production of runs longer, and hand over those that nobody is at.

    What was asked for stays whatever the campaign says; it can be taken back by a shorter length,
    as far as it is not sampled.

    Parameters
    ----------
    workspace : Workspace
        Where the runs are.
    prefixes : sequence of str
        The runs, by their ids or the first characters of these.
    production_ns : float
        Length of the whole production wanted.
    place : Place
        Where they go on.
    how : HowToSubmit
        What is done with the runs.
    say : callable
        Takes lines of progress.

    Raises
    ------
    UnknownNameError
        Where no run or several begin like a prefix.
    InputError
        Where a run is as long already or cannot go on, or the length is missing; all of it at once.
    """
    states = {run_id: row.state for run_id, row in states_of(workspace).items()}
    folders = _folders(workspace, prefixes, production_ns, how=how, states=states)
    before = {folder: read_plan(folder) for folder in folders}
    wanted = {run: _longer(plan, 1000.0 * (production_ns or 0.0)) for run, plan in before.items()}
    if how.dry_run:
        runs = _rows(workspace, before, wanted)
        return ExtendSummary(
            runs=runs,
            is_dry=True,
            then=would_follow(how.then),
            next_command="the same without --dry-run",
        )
    clusters = {run: place.cluster or _cluster_of(workspace, run) for run in folders}
    for cluster in dict.fromkeys(clusters.values()) if how.submit else ():
        open_scheduler(workspace, cluster, cores_per_run=place.cores_per_run)
    changes = Changes()
    for folder, plan in wanted.items():
        adapt_run(workspace, folder, plan, state=states.get(folder.name, ""), to=changes)
    for note in changes.notes:
        say(note)
    wanted = {folder: read_plan(folder) for folder in folders}
    return _submitted(
        workspace, clusters, (before, wanted), changes.notes, place=place, how=how, say=say
    )


def _submitted(
    workspace: Workspace,
    clusters: dict[Path, str],
    plans: tuple[dict[Path, RunPlan], dict[Path, RunPlan]],
    notes: tuple[str, ...],
    *,
    place: Place,
    how: HowToSubmit,
    say: Say,
) -> ExtendSummary:
    """Hand the runs over, by cluster, and return what has become of them."""
    done: dict[str, SubmissionSummary] = {}
    for cluster in dict.fromkeys(clusters.values()) if how.submit else ():
        done[cluster] = submit_runs(
            workspace,
            [run.name for run, name in clusters.items() if name == cluster],
            cluster=cluster,
            cores_per_run=place.cores_per_run,
            retry_failed=how.retry_failed,
            say=say,
        )
    then = [
        follow(workspace, cluster, how.then, summary, say=say)
        for cluster, summary in done.items()
        if how.then
    ]
    rows = _rows(workspace, *plans)
    if failed := [row.run_id for row in rows if row.state == "failed"]:
        notes = (*notes, f"{in_words(failed)} failed before: start again with --retry-failed too")
    return ExtendSummary(
        runs=rows,
        notes=notes,
        job_ids=tuple(job for one in done.values() if one.in_queue for job in one.job_ids),
        then="; ".join(one.words for one in then),
        is_followed=all(one.is_well for one in then),
        next_command=next_command(rows, how=how),
    )


def next_command(rows: Sequence[Extended], *, how: HowToSubmit) -> str:
    """Return what to type next: descriptors where all is done, the same where some broke off."""
    states = {row.state for row in rows}
    if not how.submit:
        return "the same without --no-submit"
    if states == {"done"}:
        return "iemhpc descriptors"
    return "the same again, to go on" if "interrupted" in states else "iemhpc status"


def _folders(
    workspace: Workspace,
    prefixes: Sequence[str],
    production_ns: float | None,
    *,
    how: HowToSubmit,
    states: Mapping[str, str],
) -> list[Path]:
    """Return the folders of the runs, or say everything that is wrong."""
    problems = list(check_then(how.then, submit=how.submit))
    if production_ns is None:
        problems.append("--extend needs the length wanted: add --production-ns 20")
    elif not 0.0 < production_ns <= 10_000.0:
        problems.append(f"--production-ns: got {production_ns:g}, wanted ns, up to 10,000")
    folders = []
    for prefix in prefixes:
        try:
            folder = find_run(workspace, prefix)
            sampling = read_plan(folder).sampling
        except IemhpcError as error:
            problems.append(str(error))
            continue
        state, has_ns = states.get(folder.name, ""), float(sampling["production_ps"]) / 1000.0
        # one that was lengthened and broke off goes on by the same command
        is_asked_again = has_ns == production_ns and state in CAN_BE_ASKED_AGAIN
        is_taken_back = has_ns > (production_ns or math.inf) and EXTENDED in sampling
        if (
            production_ns is not None
            and has_ns >= production_ns
            and not (is_asked_again or is_taken_back)
        ):
            problems.append(
                f"run {folder.name} has {has_ns:g} ns already or is to have them; got "
                f"--production-ns {production_ns:g}, wanted more"
            )
        elif not is_taken_back and (why := why_it_cannot_go_on(folder, state)):
            problems.append(f"run {folder.name}: {why}")
        folders.append(folder)
    if problems:
        raise InputError("; ".join(dict.fromkeys(problems)))
    return list(dict.fromkeys(folders))


def _longer(plan: RunPlan, production_ps: float) -> RunPlan:
    """Return a plan of another length, which no campaign makes shorter."""
    length = {"production_ps": production_ps, EXTENDED: production_ps}
    return replace(plan, sampling={**plan.sampling, **length})


def _cluster_of(workspace: Workspace, run: Path) -> str:
    """Return where a run was submitted to, else where the campaign is, else this machine."""
    job = read_job(run) or {}
    name = str(job.get("cluster") or job.get("scheduler") or "")
    if name:
        try:
            load_cluster(name, workspace)
            return name
        except IemhpcError:
            pass  # the profile is gone
    if workspace.campaign.exists():
        return read_campaign(workspace.campaign).cluster
    return THIS_MACHINE


def _rows(
    workspace: Workspace, before: dict[Path, RunPlan], wanted: dict[Path, RunPlan]
) -> tuple[Extended, ...]:
    states = states_of(workspace)
    return tuple(
        Extended(
            run_id=run.name,
            system=str(plan.physics["system"]),
            before_ps=float(plan.sampling["production_ps"]),
            production_ps=float(wanted[run].sampling["production_ps"]),
            state=states[run.name].state,
            reason=states[run.name].reason,
        )
        for run, plan in before.items()
    )
