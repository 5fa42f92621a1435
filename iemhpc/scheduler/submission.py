"""Submit run folders, each once: under a lock, found again after a crash.

Before a scheduler is called, ``job.json`` of every run names the submission, whose id is a hash of
its runs and their attempts; afterwards it names the job. A crash in between leaves runs with a
submission and no job, which the next submission looks for in the queue before it tries again.
"""

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from iemhpc.errors import LockedError
from iemhpc.progress import Say, quiet
from iemhpc.scheduler import scheduler_class
from iemhpc.scheduler.base import Resources, Scheduler, Submission
from iemhpc.scheduler.cluster import load_cluster
from iemhpc.scheduler.run_files import read_job, read_plan, read_status
from iemhpc.scheduler.runs import CAN_START, run_states
from iemhpc.scheduler.scripts import differing_names
from iemhpc.workspace import Workspace, content_hash, lock, write_json, write_text

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


def open_scheduler(workspace: Workspace, cluster: str, *, cores_per_run: int = 1) -> Scheduler:
    """Return the checked scheduler of a cluster profile; nothing is written.

    Raises
    ------
    ProgramError
        Where LAMMPS or the scheduler's programs are missing.
    """
    scheduler = _scheduler(workspace, cluster, cores_per_run=cores_per_run)
    scheduler.check()
    return scheduler


def _scheduler(workspace: Workspace, cluster: str, *, cores_per_run: int) -> Scheduler:
    settings = load_cluster(cluster, workspace)
    resources = Resources(cores_per_run=cores_per_run)
    return scheduler_class(settings.scheduler)(workspace, settings, resources)


def submit_runs(
    workspace: Workspace,
    run_ids: Sequence[str],
    *,
    cluster: str,
    cores_per_run: int = 1,
    retry_failed: bool = False,
    say: Say = quiet,
) -> SubmissionSummary:
    """Hand over those of the runs that are planned or were cut short.

    Parameters
    ----------
    workspace : Workspace
        Where the runs are.
    run_ids : sequence of str
        Names of run folders.
    cluster : str
        Name or path of a profile. ``this-machine`` runs them to their end; a queue returns at once.
    cores_per_run : int
        Processes of each LAMMPS.
    retry_failed : bool
        Whether failed runs start again too.
    say : callable
        Takes lines of progress.

    Raises
    ------
    ProgramError
        Where a program is missing or the queue refuses.
    LockedError
        Where another submission to this workspace takes too long.
    """
    scheduler = open_scheduler(workspace, cluster, cores_per_run=cores_per_run)
    job_ids = list[str]()
    with _submission_lock(workspace):
        _adopt_crashed(workspace, scheduler, run_ids)
        states = {row.run_id: row.state for row in run_states(workspace)}
        can_start = (*CAN_START, "failed") if retry_failed else CAN_START
        ready = [
            workspace.run(run_id)
            for run_id in dict.fromkeys(run_ids)
            if states[run_id] in can_start or _is_unsent(workspace.run(run_id))
        ]
        started = [run.name for run in ready]
        submissions = [_prepare(part, scheduler) for part in _parts(ready, scheduler)]
        if not scheduler.foreground:
            for submission in submissions:
                job_ids.append(scheduler.submit(submission, say=say))
                _record_job(submission, scheduler, job_ids[-1])
    if scheduler.foreground:
        try:
            job_ids = [scheduler.submit(submission, say=say) for submission in submissions]
        finally:
            _record_end(ready, scheduler)
    return SubmissionSummary(
        scheduler=scheduler.name,
        job_ids=tuple(job_ids),
        started=tuple(started),
        left={run_id: states[run_id] for run_id in run_ids if run_id not in started},
        in_queue=not scheduler.foreground,
    )


def render_scripts(
    workspace: Workspace,
    plans: Mapping[Path, Mapping[str, Any]],
    *,
    cluster: str,
    cores_per_run: int = 1,
) -> RenderedScripts:
    """Return the job scripts that a submission of these plans would write, templates left out."""
    scheduler = open_scheduler(workspace, cluster, cores_per_run=cores_per_run)
    submission = Submission(runs=tuple(plans), submission_id="dry-run", plans=tuple(plans.values()))
    files = scheduler.render(submission)
    own = [run / "run.sh" for run in submission.runs]
    texts = {
        path: text for path, text in files.items() if path.suffix != ".in" and path not in own[1:]
    }
    if len(own) < 2:
        return RenderedScripts(texts=texts, like_it={})
    names = ", ".join(differing_names([files[path] for path in own])) or "nothing"
    like_it = {own[0]: f"{len(own) - 1} more like it, differing in {names}"}
    return RenderedScripts(texts=texts, like_it=like_it)


@contextmanager
def _submission_lock(workspace: Workspace) -> Iterator[None]:
    until = time.monotonic() + LOCK_PATIENCE_S
    while True:
        try:
            with lock(workspace.runs / ".submit.lock", what="submitting runs"):
                yield
            return
        except LockedError:
            if time.monotonic() > until:
                raise
            time.sleep(0.2)


def _parts(ready: Sequence[Path], scheduler: Scheduler) -> list[tuple[Path, ...]]:
    size = len(ready) if scheduler.foreground else scheduler.cluster.array_size
    return [tuple(ready[i : i + size]) for i in range(0, len(ready), max(size, 1))]


def _prepare(runs: tuple[Path, ...], scheduler: Scheduler) -> Submission:
    """Write everything but the job's id."""
    attempts = {run.name: _attempts(run) for run in runs}
    submission = Submission(
        runs=runs,
        submission_id=content_hash([scheduler.name, sorted(attempts.items())]),
        plans=tuple(read_plan(run) for run in runs),
    )
    for path, text in scheduler.render(submission).items():
        write_text(path, text)
    for index, run in enumerate(runs):
        write_json(
            run / "job.json",
            {
                "scheduler": scheduler.name,
                "submission": submission.submission_id,
                "index": index,
                "task": scheduler.early_job_id(),
                "attempts": attempts[run.name],
                "submitted": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
                "submitted_s": time.time(),
            },
        )
    return submission


def _record_job(submission: Submission, scheduler: Scheduler, job_id: str) -> None:
    for index, run in enumerate(submission.runs):
        job = read_job(run) or {}
        write_json(run / "job.json", {**job, "task": f"{job_id}_{index}"})


def _record_end(runs: Sequence[Path], scheduler: Scheduler) -> None:
    """Note that a foreground job is over, though the process whose number is its id goes on."""
    for run in runs:
        job = read_job(run)
        if job and job.get("task") == scheduler.early_job_id():
            write_json(run / "job.json", {**job, "ended": True})


def _is_unsent(run: Path) -> bool:
    """Say whether a submission of this run crashed before a job was made."""
    job = read_job(run)
    return job is not None and job.get("task") is None and _attempts(run) <= job["attempts"]


def _adopt_crashed(workspace: Workspace, scheduler: Scheduler, run_ids: Sequence[str]) -> None:
    """Look in the queue for submissions that crashed before their job's id was saved."""
    unsent: dict[str, list[Path]] = {}
    for run_id in run_ids:
        run = workspace.run(run_id)
        job = read_job(run)
        if job and _is_unsent(run) and job.get("scheduler") == scheduler.name:
            unsent.setdefault(str(job["submission"]), []).append(run)
    for submission_id, runs in unsent.items():
        job_id = scheduler.find(Submission(runs=tuple(runs), submission_id=submission_id))
        for run in runs if job_id else ():
            job = read_job(run) or {}
            write_json(run / "job.json", {**job, "task": f"{job_id}_{job['index']}"})


def _attempts(run: Path) -> int:
    status = read_status(run)
    return status.attempt if status else 0
