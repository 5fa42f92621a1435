"""Handing runs over: grouped by what they ask for, prepared, submitted, recorded, found again.

Before a scheduler is called, ``job.json`` of every run names the submission, whose id is a hash of
its runs and their attempts; afterwards it names the job. A crash in between leaves runs with a
submission and no job, which the next submission looks for in the queue before it tries again.
"""

import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from iemhpc.errors import ProgramError, RefusedError, ResourceError
from iemhpc.progress import Say
from iemhpc.scheduler import scheduler_class
from iemhpc.scheduler.base import Resources, Scheduler, Submission, count_runs
from iemhpc.scheduler.cluster import resources_for
from iemhpc.scheduler.file_mode import apply_file_mode
from iemhpc.scheduler.polling import scheduler_of
from iemhpc.scheduler.run_files import identity_of, read_job, read_plan, read_status
from iemhpc.settings.cluster import ClusterSettings
from iemhpc.workspace import Workspace, content_hash, write_json, write_text


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """Runs that one array takes."""

    runs: tuple[Path, ...]
    scheduler: Scheduler


def make_scheduler(
    workspace: Workspace, settings: ClusterSettings, resources: Resources
) -> Scheduler:
    """Return the scheduler of a profile, for runs that ask for the same."""
    return scheduler_class(settings.scheduler)(workspace, settings, resources)


def by_resources(
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


def parts_of(
    workspace: Workspace,
    settings: ClusterSettings,
    ready: Sequence[Path],
    *,
    cores_per_run: int | None,
) -> list[Part]:
    """Return the runs in as few arrays as what they ask for and ``array_size`` allow."""
    plans = {run: read_plan(run) for run in ready}
    parts = list[Part]()
    for resources, runs in by_resources(settings, plans, cores_per_run=cores_per_run).items():
        scheduler = make_scheduler(workspace, settings, resources)
        size = len(runs) if scheduler.foreground else settings.array_size * settings.runs_per_job
        parts += [
            Part(runs=tuple(runs[i : i + size]), scheduler=scheduler)
            for i in range(0, len(runs), size)
        ]
    return parts


def prepare(part: Part, cluster: str) -> Submission:
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
                "run": identity_of(run),
            },
        )
        apply_file_mode(run, settings.file_mode)
    return submission


def _lasting_name(cluster: str) -> str:
    """Return a profile's name as it is, its path whole: the next command is given elsewhere."""
    return str(Path(cluster).expanduser().resolve()) if cluster.endswith(".toml") else cluster


def run_here(parts: Sequence[Part], submissions: Sequence[Submission], *, say: Say) -> list[str]:
    """Run parts on this machine to their end, one after the other."""
    try:
        return [
            part.scheduler.submit(submission, say=say)
            for part, submission in zip(parts, submissions, strict=True)
        ]
    finally:
        for part in parts:
            _record_end(part.runs, part.scheduler)


def hand_over(part: Part, cluster: str, *, done: Sequence[str], say: Say) -> str:
    """Prepare and submit a part; where the queue refuses, all is as it was before."""
    before = {run: _text(run / "job.json") for run in part.runs}
    try:
        submission = prepare(part, cluster)
    except OSError:
        _put_all_back(before)
        raise
    try:
        job_id = part.scheduler.submit(submission, say=say)
    except RefusedError as error:
        _put_all_back(before)
        others = f" (submitted before it: {', '.join(done)})" if done else ""
        raise RefusedError(
            f"{_in_words(part.runs)} not submitted: {error}; mend the cluster profile {cluster} "
            f"and give the command again{others}"
        ) from error
    except (ProgramError, OSError) as error:  # no pipe takes our words any more, the job is there
        raise ProgramError(
            f"{error}; nobody knows whether the job was made: give the command again, it is looked "
            "for first"
        ) from error
    try:
        _record_job(submission, part.scheduler, job_id)
    except OSError as error:
        raise ResourceError(
            f"job {job_id} was made of {count_runs(len(part.runs))}, but that could not be noted "
            f"in their folders: {error}; make room or mend that and give the same command again: "
            "the job is found in the queue, and none is made a second time"
        ) from error
    return job_id


def _in_words(runs: Sequence[Path]) -> str:
    return f"{count_runs(len(runs))} {'was' if len(runs) == 1 else 'were'}"


def _text(path: Path) -> str | None:
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return None


def _put_all_back(before: Mapping[Path, str | None]) -> None:
    """Put the job files back as they were; those that a full disk does not take stay unsent."""
    for run, text in before.items():
        path = run / "job.json"
        if text is None:
            path.unlink(missing_ok=True)
        elif _text(path) != text:
            with suppress(OSError):
                write_text(path, text)


def _record_job(submission: Submission, scheduler: Scheduler, job_id: str) -> None:
    n_runs = len(submission.runs)
    for index, run in enumerate(submission.runs):
        job = read_job(run) or {}
        if job.get("task"):  # cut short already, and it has noted the job that it goes on in
            continue
        task = scheduler.task_id(job_id, index, n_runs=n_runs)
        write_json(run / "job.json", {**job, "task": task})


def _record_end(runs: Sequence[Path], scheduler: Scheduler) -> None:
    """Note that a foreground job is over, though the process whose number is its id goes on."""
    for run in runs:
        job = read_job(run)
        if job and job.get("task") == scheduler.early_job_id():
            write_json(run / "job.json", {**job, "ended": True})


def is_unsent(run: Path) -> bool:
    """Say whether a submission of this run crashed before a job was made."""
    job = read_job(run)
    return job is not None and job.get("task") is None and _attempts(run) <= job["attempts"]


def adopt_crashed(workspace: Workspace, run_ids: Sequence[str]) -> None:
    """Look in the queues for submissions that crashed before their job's id was saved."""
    unsent: dict[tuple[str, str], dict[Path, dict[str, Any]]] = {}
    for run_id in run_ids:
        run = workspace.run(run_id)
        job = read_job(run)
        if job and job.get("task") is None:
            which = str(job["scheduler"]), str(job["submission"])
            unsent.setdefault(which, {})[run] = job
    for (name, submission_id), jobs in unsent.items():
        scheduler = _as_submitted(workspace, name, list(jobs.values()))
        job_id = scheduler.find(Submission(runs=tuple(jobs), submission_id=submission_id))
        for run, job in jobs.items():
            if job_id is None:
                if not is_unsent(run):  # it has begun, and its queue has forgotten it
                    write_json(run / "job.json", {**job, "ended": True})
                continue
            task = scheduler.task_id(job_id, int(job["index"]), n_runs=int(job.get("n_runs", 1)))
            write_json(run / "job.json", {**job, "task": task})


def _as_submitted(workspace: Workspace, name: str, jobs: Sequence[Mapping[str, Any]]) -> Scheduler:
    """Return a submission's scheduler, with as many runs a job as it was made with.

    Its profile may have been changed, renamed or deleted since.
    """
    clusters = [str(job.get("cluster") or name) for job in jobs]
    scheduler = scheduler_of(workspace, name, clusters)
    runs_per_job = int(jobs[0].get("runs_per_job") or scheduler.cluster.runs_per_job)
    settings = scheduler.cluster.model_copy(update={"runs_per_job": runs_per_job})
    return make_scheduler(workspace, settings, Resources())


def _attempts(run: Path) -> int:
    status = read_status(run)
    return status.attempt if status else 0
