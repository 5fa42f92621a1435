"""Boxes, run folders and submission of what was planned.

Doing it again does nothing twice: a run is named by the hash of its physics, a box that exists is
not built again, and a finished run is not run again.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from iemhpc.campaign.building import write_folders
from iemhpc.campaign.changes import adapt_runs, in_ns, strangers
from iemhpc.campaign.connectedness import network_notes
from iemhpc.campaign.following import check_then, follow, would_follow
from iemhpc.campaign.planning import costs_of, name_problems, try_plan
from iemhpc.campaign.plans import Planned
from iemhpc.campaign.rows import campaign_rows, costs_here, states_of
from iemhpc.campaign.summary import CANCELLED, CampaignRun, CampaignSummary, in_brief
from iemhpc.errors import IemhpcError, InputError, ProgramError
from iemhpc.lammps.run_folder import is_built, plan_json
from iemhpc.progress import Say, quiet
from iemhpc.scheduler.cluster import load_cluster
from iemhpc.scheduler.file_mode import made_as
from iemhpc.scheduler.submission import (
    SubmissionSummary,
    check_writable,
    open_scheduler,
    render_scripts,
    submit_runs,
)
from iemhpc.settings.campaign import CampaignSettings
from iemhpc.settings.cluster import ClusterSettings
from iemhpc.settings.reading import said_of
from iemhpc.settings.targets import Asked, Targets, ask_campaign
from iemhpc.workspace import Workspace

UNFINISHED = "ended without finishing; give the same command again to go on"
RETRY_FAILED = "start failed runs again with: iemhpc md-submit --retry-failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class HowToSubmit:
    """What is done with the runs of a campaign; the defaults build, submit and wait for nothing."""

    submit: bool = True
    """Whether the runs are handed over; without it boxes are built only."""
    dry_run: bool = False
    """Whether nothing at all is written."""
    retry_failed: bool = False
    """Whether failed runs start again too."""
    build: str | None = None
    """``here`` or ``job``: where boxes are built; None: as the profile says."""
    then: str | None = None
    """A command of iemhpc that follows when the runs have ended; one of ``FOLLOWERS``."""


AS_USUAL = HowToSubmit()

BUILD = ("here", "job")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Work:
    """A campaign that is whole, planned, and knows where it runs."""

    workspace: Workspace
    campaign: CampaignSettings
    cluster: ClusterSettings
    planned: tuple[Planned, ...]
    notes: tuple[str, ...]
    is_of_file: bool
    how: HowToSubmit

    def rows(self, problems: Mapping[str, str]) -> tuple[CampaignRun, ...]:
        """Return the table of its runs as they are now."""
        states = states_of(self.workspace)
        costs = costs_here(
            self.workspace, self.cluster, cores_per_run=self.campaign.cores_per_run, states=states
        )
        return campaign_rows(self.planned, problems, states=states, costs=costs)


def submit_campaign(
    workspace: Workspace,
    targets: Targets = (),
    *,
    overrides: Mapping[str, Any] | None = None,
    cluster: str | None = None,
    how: HowToSubmit = AS_USUAL,
    say: Say = quiet,
) -> CampaignSummary:
    """Build the runs of a campaign and hand them over.

    Parameters
    ----------
    workspace : Workspace
        Where ``campaign.toml`` is and ``runs/`` will be.
    targets : sequence of str, or MembraneSettings
        Catalogue names, membrane TOMLs, one campaign TOML, or a membrane of one's own; default:
        ``campaign.toml``. Membranes are simulated with the other settings of ``campaign.toml``,
        where there is one.
    overrides : mapping, optional
        Settings that win over the campaign's; ``salt``, ``salt_molar``, ``water_per_site`` and
        ``water_uptake`` for every system.
    cluster : str, optional
        Profile to use instead of the campaign's.
    how : HowToSubmit
        What is done with the runs.
    say : callable
        Takes lines of progress.

    Raises
    ------
    InputError
        Where the campaign cannot be used; all bad entries at once, before anything is written.
    ResourceError
        Where nothing can be written.
    ProgramError
        Where a program is missing, or every run has failed.
    """
    work = _work(
        workspace,
        ask_campaign(workspace, targets, overrides=overrides or {}, cluster=cluster),
        how,
    )
    say(_in_short(work))
    costs = costs_of(work.planned)
    if work.how.dry_run:
        return _dry_summary(work, costs)
    if work.how.submit:
        open_scheduler(workspace, work.campaign.cluster, cores_per_run=work.campaign.cores_per_run)
    check_writable(workspace)
    for note in (*costs, *work.notes):
        say(note)
    problems, notes = _folders(work, say=say)
    return _handed_over(work, problems, (*work.notes, *notes), say=say)


def _work(workspace: Workspace, asked: Asked, how: HowToSubmit) -> _Work:
    """Return what is to be done, or say everything that is wrong with it."""
    problems, campaign = list(asked.problems), asked.campaign
    # names and numbers may be those of the file beside the targets
    origin = asked.where if asked.file in ("", asked.where) else f"{asked.where} in {asked.file}"
    planned: tuple[Planned, ...] = ()
    notes: tuple[str, ...] = ()
    settings: ClusterSettings | None = None
    if campaign is not None:
        try:
            settings = load_cluster(campaign.cluster, workspace)
        except IemhpcError as error:
            problems += said_of(asked.where_of("cluster"), [str(error)])
        if asked.problems:
            wrong = name_problems(campaign)
        else:
            planned, notes, wrong = try_plan(campaign)
        problems += said_of(origin, wrong)
    if how.build not in (None, *BUILD):
        problems.append(f"--build: got {how.build!r}, wanted {' or '.join(BUILD)}")
    problems += check_then(how.then, submit=how.submit)
    if campaign is None or settings is None or problems:
        raise InputError("\n".join(dict.fromkeys(problems)))
    return _Work(
        workspace=workspace,
        campaign=campaign,
        cluster=settings,
        planned=planned,
        notes=notes,
        is_of_file=asked.is_of_file,
        how=how,
    )


def _dry_summary(work: _Work, costs: tuple[str, ...]) -> CampaignSummary:
    """Return what would be done, with the scripts that would be written."""
    plans = {work.workspace.run(one.run_id): plan_json(one.plan) for one in work.planned}
    scripts = render_scripts(
        work.workspace,
        plans,
        cluster=work.campaign.cluster,
        cores_per_run=work.campaign.cores_per_run,
    )
    states = states_of(work.workspace)
    rates = costs_here(
        work.workspace, work.cluster, cores_per_run=work.campaign.cores_per_run, states=states
    )
    by_id = {run_id: row.state for run_id, row in states.items()}
    changes = adapt_runs(work.workspace, work.planned, states=by_id, dry_run=True)
    return CampaignSummary(
        runs=campaign_rows(work.planned, changes.problems, states=states, costs=rates),
        notes=(rates.source, *costs, *work.notes, *changes.notes, *_others(work, by_id)),
        started=(),
        is_dry=True,
        retry_failed=work.how.retry_failed,
        scripts={str(path): text for path, text in scripts.texts.items()},
        like_it={str(path): text for path, text in scripts.like_it.items()},
        cluster=work.campaign.cluster,
        then=would_follow(work.how.then),
        next_command="the same without --dry-run",
    )


def _folders(work: _Work, *, say: Say) -> tuple[dict[str, str], tuple[str, ...]]:
    """Write the folders that are not there, bring changes to the others.

    Returns
    -------
    dict
        Run -> why it cannot be used.
    tuple of str
        What to tell of the folders.
    """
    workspace, planned = work.workspace, work.planned
    states = {run_id: row.state for run_id, row in states_of(workspace).items()}
    in_job = (work.how.build or work.cluster.build) == "job"
    changes = adapt_runs(workspace, planned, states=states)
    with made_as(work.cluster.file_mode):
        problems = write_folders(
            workspace,
            [one for one in planned if one.run_id not in changes.problems],
            in_job=in_job,
            say=say,
        )
    problems |= changes.problems
    built = [
        (one.system.name, workspace.run(one.run_id))
        for one in planned
        if one.run_id not in problems and is_built(workspace.run(one.run_id))
    ]
    return problems, (*changes.notes, *network_notes(built), *_others(work, states))


def _others(work: _Work, states: Mapping[str, str]) -> tuple[str, ...]:
    """Return a note on other runs of the workspace, where its file is what was submitted."""
    note = strangers(work.workspace, work.planned, states) if work.is_of_file else ""
    return (note,) if note else ()


def _handed_over(
    work: _Work, problems: Mapping[str, str], notes: tuple[str, ...], *, say: Say
) -> CampaignSummary:
    """Submit what was built, and return what has become of everything."""
    cluster = work.campaign.cluster
    built = [one.run_id for one in work.planned if one.run_id not in problems]
    done: SubmissionSummary | None = None
    if work.how.submit and built:
        done = submit_runs(
            work.workspace,
            built,
            cluster=cluster,
            cores_per_run=work.campaign.cores_per_run,
            retry_failed=work.how.retry_failed,
            say=say,
        )
    summary = CampaignSummary(
        runs=work.rows(problems),
        notes=notes,
        started=(),
        cluster=cluster,
        next_command="the same without --no-submit",
    )
    if done is not None:
        summary = _submitted(summary, done)
    _check_any(summary)
    if done is not None and work.how.then:
        then = follow(work.workspace, cluster, work.how.then, done, say=say)
        summary = replace(summary, then=then.words, is_followed=then.is_well)
    return replace(summary, notes=(*summary.notes, *_left_behind(summary.runs)))


def _left_behind(rows: Sequence[CampaignRun]) -> Iterator[str]:
    """Yield what starts the runs again that only a person starts."""
    if n_cancelled := sum(row.state == "cancelled" for row in rows):
        yield f"{n_cancelled} {CANCELLED}"
    if any(row.state == "failed" for row in rows):
        yield RETRY_FAILED


def _submitted(summary: CampaignSummary, done: SubmissionSummary) -> CampaignSummary:
    """Return the summary after a submission; what was waited for and is not done says so."""
    summary = replace(summary, is_submitted=True, started=done.started)
    if done.in_queue:
        watch = "iemhpc status (iemhpc logs RUN for one), and when runs are done iemhpc descriptors"
        is_done = all(row.state == "done" for row in summary.runs)
        after = "iemhpc descriptors" if is_done else watch
        return replace(summary, job_ids=done.job_ids, next_command=after)
    unfinished = _unfinished(summary.runs, done.started)
    told = tuple(
        replace(row, reason=row.reason or UNFINISHED) if row.run_id in unfinished else row
        for row in summary.runs
    )
    elsewhere = any(row.state in ("queued", "running") for row in summary.runs)
    look = "iemhpc status, and when all runs are done " if elsewhere else ""
    return replace(
        summary,
        runs=told,
        unfinished=unfinished,
        next_command=f"{look}iemhpc descriptors",
    )


def _unfinished(rows: Sequence[CampaignRun], started: Sequence[str]) -> tuple[str, ...]:
    """Return the runs that are not done now that a foreground submission has ended.

    What another process or a queue is at is not among them, nor what was cancelled before.
    """
    not_here = ("queued", "running", "cancelled")
    return tuple(
        row.run_id
        for row in rows
        if row.state != "done" and (row.run_id in started or row.state not in not_here)
    )


def _check_any(summary: CampaignSummary) -> None:
    """Raise where nothing has come of any run."""
    if len(summary.failed) < len(summary.runs):
        return
    has_failed = any(row.state == "failed" for row in summary.runs)
    raise ProgramError(_why_none(summary.runs) + (f"; {RETRY_FAILED}" if has_failed else ""))


def _why_none(rows: Sequence[CampaignRun]) -> str:
    alike: dict[tuple[str, str], list[str]] = {}
    for row in rows:
        # why a box was not built has just been said in full
        reason = in_brief(row.reason) if row.state == "not built" else row.reason
        alike.setdefault((row.system, reason), []).append(row.run_id)
    said = "; ".join(f"{system} {' '.join(ids)}: {why}" for (system, why), ids in alike.items())
    failed = any(row.state in ("failed", "not built") for row in rows)
    return f"{'every run failed' if failed else 'no run has finished'}: {said}"


def _in_short(work: _Work) -> str:
    """Return in a line what is planned."""
    campaign, n_runs = work.campaign, len(work.planned)
    runs = "1 run" if n_runs == 1 else f"{n_runs} runs"
    own = {campaign.of_system(entry).replicas for entry in campaign.systems}
    n = f"{min(own)}" if len(own) == 1 else f"{min(own)} to {max(own)}"
    replicas = "1 replica" if own == {1} else f"{n} replicas"
    is_default = not work.is_of_file and not work.workspace.campaign.exists()
    defaults = " (no campaign.toml here: defaults)" if is_default else ""
    size = (
        f"boxes of about {campaign.box_A:g} Å"
        if campaign.n_chains is None
        else f"boxes of {campaign.n_chains} chains"
    )
    return (
        f"{runs}: {size}, protocol {campaign.protocol}, "
        f"{in_ns(campaign.production_ps)} of production each, {replicas}, on {campaign.cluster}"
        f"{defaults}"
    )
