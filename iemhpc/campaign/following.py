"""What follows when the runs have ended: another command of iemhpc, by the same scheduler."""

from collections.abc import Iterator
from dataclasses import dataclass

from iemhpc.errors import IemhpcError, unknown_name
from iemhpc.progress import Say, quiet
from iemhpc.scheduler.cluster import iemhpc_words, load_cluster
from iemhpc.scheduler.run_files import read_job
from iemhpc.scheduler.submission import SubmissionSummary, open_scheduler
from iemhpc.workspace import Workspace

FOLLOWERS = {"descriptors": ("descriptors",)}
"""Name of ``--then`` -> words of the command."""


def check_then(then: str | None, *, submit: bool) -> Iterator[str]:
    """Yield what is wrong with the wish for a follower."""
    if then is None:
        return
    if then not in FOLLOWERS:
        yield f"--then: {unknown_name('command', then, FOLLOWERS)}"
    if not submit:
        yield "--then needs the runs to be submitted; leave out --no-submit"


def would_follow(then: str | None) -> str:
    """Return what a dry run says of a follower; empty where none was asked for.

    Examples
    --------
    >>> would_follow("descriptors")
    'iemhpc descriptors would follow when the runs have ended'
    """
    return f"iemhpc {then} would follow when the runs have ended" if then else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Followed:
    """What has become of a follower."""

    words: str
    """For a person."""
    is_well: bool = True
    """Whether it was handed over, or has run and ended well."""


def follow(
    workspace: Workspace, cluster: str, then: str, done: SubmissionSummary, *, say: Say = quiet
) -> Followed:
    """Hand over what follows runs that were submitted.

    It waits for the jobs of this submission and for those of runs that were in the queue before,
    however they end: a run that failed does not keep the others' descriptors back. The runs are on
    their way already, so that trouble with it is told and stops nothing.
    """
    words = (
        *iemhpc_words(load_cluster(cluster, workspace)),
        *FOLLOWERS[then],
        "--workspace",
        str(workspace.root.resolve()),
    )
    jobs = list(done.job_ids)
    if done.in_queue:
        jobs += _jobs_before(workspace, done)
        if not jobs:
            return Followed(
                words=f"no run is in the queue, so that nothing waits for one: iemhpc {then}"
            )
    else:
        say(f"then: iemhpc {then}")
    try:
        scheduler = open_scheduler(workspace, cluster)
        job = scheduler.submit_after(tuple(dict.fromkeys(jobs)), words, name=then)
    except IemhpcError as error:
        return Followed(words=f"iemhpc {then} did not follow: {error}", is_well=False)
    return Followed(
        words=f"iemhpc {then} follows as job {job}"
        if done.in_queue
        else f"iemhpc {then} has run after them"
    )


def _jobs_before(workspace: Workspace, done: SubmissionSummary) -> Iterator[str]:
    """Yield the tasks of runs that were in the queue already."""
    for run_id, state in done.left.items():
        job = read_job(workspace.run(run_id)) if state in ("queued", "running") else None
        if job and job.get("task") and job["scheduler"] == done.scheduler:
            yield str(job["task"])
