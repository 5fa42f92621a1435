"""What a damaged ``job.json`` said: found again in the lists of submissions and in their queues.

Without it nobody knows whether a run is about to start. Each submission to a queue keeps the list
of its runs (``runs/.<scheduler>/<submission>/runs.list``), and its job has a name made from its id.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from iemhpc.errors import IemhpcError
from iemhpc.scheduler import scheduler_class
from iemhpc.scheduler.base import Resources, Scheduler, Submission
from iemhpc.scheduler.cluster import load_cluster
from iemhpc.scheduler.run_files import (
    identity_of,
    is_job_damaged,
    read_job,
    read_status,
)
from iemhpc.workspace import Workspace, write_json

QUEUES = ("slurm", "pbs")
ASIDE = "job.json.damaged"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Listed:
    """A submission that a run was part of."""

    scheduler: str
    submission: str
    runs: tuple[str, ...]
    """Paths, in the order of the array."""
    listed_s: float
    """When, seconds since 1970."""
    folder: Path


def mend_damaged_jobs(workspace: Workspace, runs: Sequence[Path]) -> list[str]:
    """Write the damaged ones among the runs' job files anew; to be called under the lock.

    Returns
    -------
    list of str
        Which could not be, and why: their queue does not answer.
    """
    problems, asked = list[str](), dict[str, str | None]()
    for run in runs:
        if not is_job_damaged(run):
            continue
        try:
            _mend(workspace, run, asked)
        except IemhpcError as error:
            problems.append(
                f"{run.name}: its job.json is damaged, and its queue cannot be asked: {error}"
            )
    return problems


def _mend(workspace: Workspace, run: Path, asked: dict[str, str | None]) -> None:
    listed = sorted(_listed(workspace, run), key=lambda each: each.listed_s, reverse=True)
    for each in listed:
        scheduler, cluster = _scheduler_of(workspace, each)
        key = f"{each.scheduler} {each.submission}"
        if key not in asked:
            asked[key] = scheduler.find(Submission(runs=(run,), submission_id=each.submission))
        job_id = asked[key]
        if job_id is not None:
            index = each.runs.index(str(run.resolve()))
            task = scheduler.task_id(job_id, index, n_runs=len(each.runs))
            write_json(run / "job.json", _job(run, each, cluster) | {"task": task})
            return
    if listed:  # its queue has forgotten it
        newest = listed[0]
        cluster = _scheduler_of(workspace, newest)[1]
        write_json(run / "job.json", _job(run, newest, cluster) | {"task": None, "ended": True})
    else:  # it was a local one, of which the other files tell everything
        (run / "job.json").replace(run / ASIDE)


def _listed(workspace: Workspace, run: Path) -> Iterator[_Listed]:
    wanted = str(run.resolve())
    for scheduler in QUEUES:
        for path in workspace.runs.glob(f".{scheduler}/*/runs.list"):
            paths = tuple(path.read_text(encoding="utf-8", errors="replace").splitlines())
            if wanted in paths:
                yield _Listed(
                    scheduler=scheduler,
                    submission=path.parent.name,
                    runs=paths,
                    listed_s=path.stat().st_mtime,
                    folder=path.parent,
                )


def _scheduler_of(workspace: Workspace, listed: _Listed) -> tuple[Scheduler, str]:
    """Return a scheduler as the submission had it, and the profile's name.

    Another run of the same submission knows the profile; its script how many runs a job takes.
    """
    cluster, settings = listed.scheduler, load_cluster(listed.scheduler, workspace)
    for path in listed.runs:
        job = read_job(Path(path)) or {}
        if job.get("submission") == listed.submission and job.get("cluster"):
            cluster = str(job["cluster"])
            break
    script = (listed.folder / "job.sh").read_text(encoding="utf-8", errors="replace")
    found = re.search(r"^runs_per_job=(\d+)$", script, re.MULTILINE)
    settings = settings.model_copy(update={"runs_per_job": int(found[1]) if found else 1})
    return scheduler_class(listed.scheduler)(workspace, settings, Resources()), cluster


def _job(run: Path, listed: _Listed, cluster: str) -> dict[str, Any]:
    status = read_status(run)
    attempts = status.attempt if status else 0
    if status and status.written_s > listed.listed_s:
        attempts = max(0, attempts - 1)  # the status is of this very submission
    return {
        "scheduler": listed.scheduler,
        "cluster": cluster,
        "submission": listed.submission,
        "index": listed.runs.index(str(run.resolve())),
        "n_runs": len(listed.runs),
        "attempts": attempts,
        "submitted_s": listed.listed_s,
        "run": identity_of(run),
    }
