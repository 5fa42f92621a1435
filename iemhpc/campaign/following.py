"""What follows when the runs have ended: another command of iemhpc, by the same scheduler."""

from collections.abc import Iterator

from iemhpc.errors import unknown_name
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
        yield "--then needs the runs to be submitted; leave out --no-submit and --dry-run"


def follow(
    workspace: Workspace, cluster: str, then: str, done: SubmissionSummary, *, say: Say = quiet
) -> str:
    """Hand over what follows runs that were submitted, and return that in words.

    It waits for the jobs of this submission and for those of runs that were in the queue before,
    however they end: a run that failed does not keep the others' descriptors back.
    """
    scheduler = open_scheduler(workspace, cluster)
    words = (
        *iemhpc_words(load_cluster(cluster, workspace)),
        *FOLLOWERS[then],
        "--workspace",
        str(workspace.root.resolve()),
    )
    if not done.in_queue:
        say(f"then: iemhpc {then}")
        scheduler.submit_after(done.job_ids, words, name=then)
        return f"iemhpc {then} has run after them"
    jobs = tuple(dict.fromkeys((*done.job_ids, *_jobs_before(workspace, done, scheduler.name))))
    if not jobs:
        return f"no run is in the queue, so that nothing waits for one: iemhpc {then}"
    job = scheduler.submit_after(jobs, words, name=then)
    return f"iemhpc {then} follows as job {job}"


def _jobs_before(workspace: Workspace, done: SubmissionSummary, scheduler: str) -> Iterator[str]:
    """Yield the tasks of runs that were in the queue already."""
    for run_id, state in done.left.items():
        job = read_job(workspace.run(run_id)) if state in ("queued", "running") else None
        if job and job.get("task") and job["scheduler"] == scheduler:
            yield str(job["task"])
