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
from uuid import uuid4

from iemhpc.errors import LockedError, RefusedError, ResourceError
from iemhpc.progress import Say, quiet
from iemhpc.scheduler import scheduler_class
from iemhpc.scheduler.base import Resources, Scheduler, Submission
from iemhpc.scheduler.cluster import load_cluster, resources_for
from iemhpc.scheduler.file_mode import apply_file_mode, made_as, open_to
from iemhpc.scheduler.run_files import read_job, read_plan, read_status
from iemhpc.scheduler.runs import CAN_START, run_states
from iemhpc.scheduler.scripts import differing_names
from iemhpc.settings.cluster import ClusterSettings
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


@dataclass(frozen=True, slots=True, kw_only=True)
class _Part:
    """Runs that one array takes."""

    runs: tuple[Path, ...]
    scheduler: Scheduler


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
    scheduler = _scheduler(
        workspace, settings, resources_for(settings, cores_per_run=cores_per_run)
    )
    scheduler.check()
    return scheduler


def _scheduler(workspace: Workspace, settings: ClusterSettings, resources: Resources) -> Scheduler:
    return scheduler_class(settings.scheduler)(workspace, settings, resources)


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
    open_to(workspace.runs, settings.file_mode)
    job_ids = list[str]()
    with made_as(settings.file_mode):
        with submission_lock(workspace):
            _adopt_crashed(workspace, run_ids)
            states = {row.run_id: row.state for row in run_states(workspace)}
            can_start = (*CAN_START, "failed") if retry_failed else CAN_START
            ready = [
                workspace.run(run_id)
                for run_id in dict.fromkeys(run_ids)
                if states[run_id] in can_start or _is_unsent(workspace.run(run_id))
            ]
            parts = _parts(workspace, settings, ready, cores_per_run=cores_per_run)
            for part in parts:
                part.scheduler.check()
            is_foreground = any(part.scheduler.foreground for part in parts)
            submissions = list[Submission]()
            for part in parts:
                if is_foreground:
                    submissions.append(_prepare(part, cluster))
                else:
                    job_ids.append(_hand_over(part, cluster, done=job_ids, say=say))
        if is_foreground:
            job_ids = _run_here(parts, submissions, say=say)
    started = [run.name for run in ready]
    return SubmissionSummary(
        scheduler=settings.scheduler,
        job_ids=tuple(job_ids),
        started=tuple(started),
        left={run_id: states[run_id] for run_id in run_ids if run_id not in started},
        in_queue=not scheduler_class(settings.scheduler).foreground,
    )


def _run_here(parts: Sequence[_Part], submissions: Sequence[Submission], *, say: Say) -> list[str]:
    """Run parts on this machine to their end, one after the other."""
    try:
        return [
            part.scheduler.submit(submission, say=say)
            for part, submission in zip(parts, submissions, strict=True)
        ]
    finally:
        for part in parts:
            _record_end(part.runs, part.scheduler)


def _hand_over(part: _Part, cluster: str, *, done: Sequence[str], say: Say) -> str:
    """Prepare and submit a part; where the queue refuses, all is as it was before."""
    before = {run: _text(run / "job.json") for run in part.runs}
    try:
        submission = _prepare(part, cluster)
        job_id = part.scheduler.submit(submission, say=say)
    except (RefusedError, OSError) as error:
        for run, text in before.items():
            _put_back(run / "job.json", text)
        if not isinstance(error, RefusedError):
            raise
        others = f" (submitted before it: {', '.join(done)})" if done else ""
        raise RefusedError(
            f"{_in_words(part.runs)} not submitted: {error}; mend the cluster profile {cluster} "
            f"and give the command again{others}"
        ) from error
    _record_job(submission, part.scheduler, job_id)
    return job_id


def _in_words(runs: Sequence[Path]) -> str:
    return "1 run was" if len(runs) == 1 else f"{len(runs)} runs were"


def _text(path: Path) -> str | None:
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return None


def _put_back(path: Path, text: str | None) -> None:
    if text is None:
        path.unlink(missing_ok=True)
    else:
        write_text(path, text)


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
    groups = _groups(settings, plans, cores_per_run=cores_per_run)
    for number, (resources, group) in enumerate(groups.items(), 1):
        submission = Submission(
            runs=tuple(group),
            submission_id="dry-run" if len(groups) == 1 else f"dry-run-{number}",
            plans=tuple(plans[run] for run in group),
        )
        files |= _scheduler(workspace, settings, resources).render(submission)
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


def _groups(
    settings: ClusterSettings,
    plans: Mapping[Path, Mapping[str, Any]],
    *,
    cores_per_run: int | None,
) -> dict[Resources, list[Path]]:
    """Return the runs by what they ask for."""
    groups = dict[Resources, list[Path]]()
    for run, plan in plans.items():
        n_atoms = int(plan.get("request", {}).get("n_atoms") or 0)
        resources = resources_for(settings, n_atoms=n_atoms, cores_per_run=cores_per_run)
        groups.setdefault(resources, []).append(run)
    return groups


def _parts(
    workspace: Workspace,
    settings: ClusterSettings,
    ready: Sequence[Path],
    *,
    cores_per_run: int | None,
) -> list[_Part]:
    plans = {run: read_plan(run) for run in ready}
    parts = list[_Part]()
    for resources, runs in _groups(settings, plans, cores_per_run=cores_per_run).items():
        scheduler = _scheduler(workspace, settings, resources)
        size = len(runs) if scheduler.foreground else settings.array_size * settings.runs_per_job
        parts += [
            _Part(runs=tuple(runs[i : i + size]), scheduler=scheduler)
            for i in range(0, len(runs), size)
        ]
    return parts


def _prepare(part: _Part, cluster: str) -> Submission:
    """Write everything but the job's id."""
    scheduler, settings = part.scheduler, part.scheduler.cluster
    attempts = {run.name: _attempts(run) for run in part.runs}
    submission = Submission(
        runs=part.runs,
        # a copy of a workspace has the same runs, and they are other ones
        submission_id=content_hash(
            [scheduler.name, str(part.runs[0].resolve().parent), sorted(attempts.items())]
        ),
        plans=tuple(read_plan(run) for run in part.runs),
    )
    for path, text in scheduler.render(submission).items():
        write_text(path, text)
    for index, run in enumerate(part.runs):
        write_json(
            run / "job.json",
            {
                "scheduler": scheduler.name,
                "cluster": _lasting_name(cluster),
                "submission": submission.submission_id,
                "index": index,
                "n_runs": len(part.runs),
                "task": scheduler.early_job_id(),
                "attempts": attempts[run.name],
                "submitted": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
                "submitted_s": time.time(),
                "cores_per_run": scheduler.resources.cores_per_run,
                "gpus_per_run": scheduler.resources.gpus_per_run,
                "runs_per_job": settings.runs_per_job,
            },
        )
        apply_file_mode(run, settings.file_mode)
    return submission


def _lasting_name(cluster: str) -> str:
    """Return a profile's name as it is, its path whole: the next command is given elsewhere."""
    return str(Path(cluster).expanduser().resolve()) if cluster.endswith(".toml") else cluster


def _record_job(submission: Submission, scheduler: Scheduler, job_id: str) -> None:
    n_runs = len(submission.runs)
    for index, run in enumerate(submission.runs):
        job = read_job(run) or {}
        task = scheduler.task_id(job_id, index, n_runs=n_runs)
        write_json(run / "job.json", {**job, "task": task})


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


def _adopt_crashed(workspace: Workspace, run_ids: Sequence[str]) -> None:
    """Look in the queues for submissions that crashed before their job's id was saved."""
    unsent: dict[tuple[str, str], list[Path]] = {}
    for run_id in run_ids:
        run = workspace.run(run_id)
        job = read_job(run)
        if job and job.get("task") is None:
            cluster = str(job.get("cluster") or job["scheduler"])
            unsent.setdefault((cluster, str(job["submission"])), []).append(run)
    for (cluster, submission_id), runs in unsent.items():
        settings = load_cluster(cluster, workspace)
        scheduler = _scheduler(workspace, settings, Resources())
        job_id = scheduler.find(Submission(runs=tuple(runs), submission_id=submission_id))
        for run in runs:
            job = read_job(run) or {}
            if job_id is None:
                if not _is_unsent(run):  # it has begun, and its queue has forgotten it
                    write_json(run / "job.json", {**job, "ended": True})
                continue
            task = scheduler.task_id(job_id, int(job["index"]), n_runs=int(job.get("n_runs", 1)))
            write_json(run / "job.json", {**job, "task": task})


def _attempts(run: Path) -> int:
    status = read_status(run)
    return status.attempt if status else 0
