"""Submit run folders, each once: under a lock, in as few arrays as their resources allow."""

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

from iemhpc.errors import LockedError, ResourceError
from iemhpc.progress import Say, quiet
from iemhpc.scheduler import scheduler_class
from iemhpc.scheduler.base import Scheduler, Submission
from iemhpc.scheduler.cluster import load_cluster, resources_for
from iemhpc.scheduler.damaged_jobs import mend_damaged_jobs
from iemhpc.scheduler.file_mode import made_as, open_to
from iemhpc.scheduler.handing_over import (
    Part,
    adopt_crashed,
    by_resources,
    hand_over,
    is_unsent,
    make_scheduler,
    parts_of,
    prepare,
    run_here,
)
from iemhpc.scheduler.runs import CAN_START, run_states
from iemhpc.scheduler.scripts import differing_names
from iemhpc.workspace import Workspace, lock

LOCK_PATIENCE_S = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class RenderedScripts:
    """What a submission would write, equal scripts once."""

    texts: Mapping[Path, str]
    """Path -> script; of the runs' own scripts only the first."""
    like_it: Mapping[Path, str]
    """Path of a script that stands for others too -> how many, and what they differ in."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SubmissionSummary:
    """What a submission did."""

    scheduler: str
    """Name of the scheduler."""
    job_ids: tuple[str, ...]
    """Jobs that were made."""
    started: tuple[str, ...]
    """Runs handed over now."""
    left: Mapping[str, str]
    """Runs left as they were -> their state."""
    in_queue: bool
    """Whether the runs go on after this, or have ended."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HandedOver:
    """What was handed over under the lock, and what is to run here when it is given back."""

    job_ids: tuple[str, ...]
    """Jobs that were made in a queue."""
    file_mode: str
    """Of the profile."""
    parts: tuple[Part, ...]
    """Runs of this machine, prepared."""
    submissions: tuple[Submission, ...]
    """One of each of these parts."""

    def run_here(self, *, say: Say = quiet) -> list[str]:
        """Run what this machine takes to its end; return its jobs."""
        if not self.parts:
            return []
        with made_as(self.file_mode):
            return run_here(self.parts, self.submissions, say=say)


def open_scheduler(
    workspace: Workspace, cluster: str, *, cores_per_run: int | None = None
) -> Scheduler:
    """Return the checked scheduler of a cluster profile; nothing is written.

    Raises
    ------
    ProgramError
        Where LAMMPS or the scheduler's programs are missing.
    """
    settings = load_cluster(cluster, workspace)
    scheduler = make_scheduler(
        workspace, settings, resources_for(settings, cores_per_run=cores_per_run)
    )
    scheduler.check()
    return scheduler


def check_writable(workspace: Workspace) -> None:
    """Raise ResourceError where the folder of the runs cannot be made or written.

    Called before anything is built: a box takes minutes.
    """
    probe = workspace.runs / f".writable.{uuid4().hex[:8]}"
    try:
        workspace.runs.mkdir(parents=True, exist_ok=True)
        probe.write_text("", encoding="utf-8")
        probe.unlink()
    except OSError as error:
        raise ResourceError(
            f"{workspace.runs.resolve()} cannot be written: {error.strerror}; choose another "
            "folder with --workspace, or mend its permissions"
        ) from error


def submit_runs(
    workspace: Workspace,
    run_ids: Sequence[str],
    *,
    cluster: str,
    cores_per_run: int | None = None,
    retry_failed: bool = False,
    say: Say = quiet,
) -> SubmissionSummary:
    """Hand over those of the runs that are planned or were cut short.

    Runs that ask for the same go together, in as few arrays as the profile's ``array_size`` allows.

    Parameters
    ----------
    workspace : Workspace
        Where the runs are.
    run_ids : sequence of str
        Names of run folders.
    cluster : str
        Name or path of a profile. ``this-machine`` runs them to their end; a queue returns at once.
    cores_per_run : int, optional
        Cores of each run; default: what the profile says for its size.
    retry_failed : bool
        Whether failed runs start again too.
    say : callable
        Takes lines of progress.

    Raises
    ------
    ProgramError
        Where a program is missing or the queue refuses, with its words; what it refused is as it
        was before.
    LockedError
        Where another submission to this workspace takes too long.
    """
    settings = load_cluster(cluster, workspace)
    open_scheduler(workspace, cluster, cores_per_run=cores_per_run)
    check_writable(workspace)
    with made_as(settings.file_mode), submission_lock(workspace):
        for problem in mend_damaged_jobs(workspace, [workspace.run(each) for each in run_ids]):
            say(problem)
        adopt_crashed(workspace, run_ids)
        rows = {row.run_id: row for row in run_states(workspace)}
        states = {run_id: row.state for run_id, row in rows.items()}
        can_start = (*CAN_START, "failed") if retry_failed else CAN_START
        ready = [
            workspace.run(run_id)
            for run_id in dict.fromkeys(run_ids)
            if (states[run_id] in can_start and not rows[run_id].may_go_on)
            or (states[run_id] != "cancelled" and is_unsent(workspace.run(run_id)))
        ]
        handed = hand_over_ready(
            workspace, ready, cluster=cluster, cores_per_run=cores_per_run, say=say
        )
    job_ids = [*handed.job_ids, *handed.run_here(say=say)]
    started = [run.name for run in ready]
    return SubmissionSummary(
        scheduler=settings.scheduler,
        job_ids=tuple(job_ids),
        started=tuple(started),
        left={run_id: states[run_id] for run_id in run_ids if run_id not in started},
        in_queue=not scheduler_class(settings.scheduler).foreground,
    )


def hand_over_ready(
    workspace: Workspace,
    ready: Sequence[Path],
    *,
    cluster: str,
    cores_per_run: int | None = None,
    say: Say = quiet,
) -> HandedOver:
    """Hand over runs of which it is known that they may start; to be called under the lock.

    Parameters
    ----------
    workspace : Workspace
        Where the runs are.
    ready : sequence of Path
        Run folders.
    cluster : str
        Name or path of a profile.
    cores_per_run : int, optional
        Cores of each run; default: what the profile says for its size.
    say : callable
        Takes lines of progress.

    Raises
    ------
    ProgramError
        As :func:`submit_runs`.
    """
    settings = load_cluster(cluster, workspace)
    open_to(workspace.runs, settings.file_mode)
    job_ids, submissions = list[str](), list[Submission]()
    with made_as(settings.file_mode):
        parts = parts_of(workspace, settings, ready, cores_per_run=cores_per_run)
        for part in parts:
            part.scheduler.check()
        is_foreground = any(part.scheduler.foreground for part in parts)
        for part in parts:
            if is_foreground:
                submissions.append(prepare(part, cluster))
            else:
                job_ids.append(hand_over(part, cluster, done=job_ids, say=say))
    return HandedOver(
        job_ids=tuple(job_ids),
        file_mode=settings.file_mode,
        parts=tuple(parts) if is_foreground else (),
        submissions=tuple(submissions),
    )


def render_scripts(
    workspace: Workspace,
    plans: Mapping[Path, Mapping[str, Any]],
    *,
    cluster: str,
    cores_per_run: int | None = None,
) -> RenderedScripts:
    """Return the job scripts that a submission of these plans would write, templates left out."""
    settings = load_cluster(cluster, workspace)
    open_scheduler(workspace, cluster, cores_per_run=cores_per_run)
    files, own = dict[Path, str](), list[Path]()
    groups = by_resources(settings, plans, cores_per_run=cores_per_run)
    for number, (resources, group) in enumerate(groups.items(), 1):
        submission = Submission(
            runs=tuple(group),
            submission_id="dry-run" if len(groups) == 1 else f"dry-run-{number}",
            plans=tuple(plans[run] for run in group),
        )
        files |= make_scheduler(workspace, settings, resources).render(submission)
        own += [run / "run.sh" for run in group]
    texts = {
        path: text for path, text in files.items() if path.suffix != ".in" and path not in own[1:]
    }
    if len(own) < 2:
        return RenderedScripts(texts=texts, like_it={})
    names = ", ".join(differing_names([files[path] for path in own])) or "nothing"
    like_it = {own[0]: f"{len(own) - 1} more like it, differing in {names}"}
    return RenderedScripts(texts=texts, like_it=like_it)


@contextmanager
def submission_lock(workspace: Workspace, *, what: str = "submitting runs") -> Iterator[None]:
    """Hold the lock under which runs are submitted and cancelled, waiting a minute for it."""
    until = time.monotonic() + LOCK_PATIENCE_S
    while True:
        try:
            with lock(workspace.runs / ".submit.lock", what=what):
                yield
            return
        except LockedError:
            if time.monotonic() > until:
                raise
            time.sleep(0.2)
