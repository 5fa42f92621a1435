"""What the queues say of many jobs: one question a scheduler, and not again too soon."""

import time
from collections.abc import Callable, Mapping, Sequence

from iemhpc.errors import IemhpcError, ProgramError
from iemhpc.scheduler import scheduler_class
from iemhpc.scheduler.base import JobState, Resources, Scheduler
from iemhpc.scheduler.cluster import THIS_MACHINE, load_cluster
from iemhpc.scheduler.facts import JobFacts
from iemhpc.scheduler.states import Answer
from iemhpc.workspace import Workspace

POLL_S = 30.0
"""A queue is asked this often at most: its controller answers everybody of the cluster."""

LONGEST_PAUSE_S = 480.0
"""And no less often than this where it does not answer."""


def ask_queues(workspace: Workspace, jobs: Sequence[JobFacts]) -> dict[str, Answer]:
    """Ask each scheduler once about all of its tasks.

    Returns
    -------
    dict
        Task -> its state, or why the queue did not answer: that says nothing about the jobs.
    """
    answers: dict[str, Answer] = {}
    for name in sorted({job.scheduler for job in jobs}):
        mine = [job for job in jobs if job.scheduler == name and job.task]
        tasks = sorted({job.task for job in mine})
        try:
            scheduler = scheduler_of(workspace, name, [job.cluster for job in mine])
            answers.update(scheduler.poll(tasks))
        except ProgramError as error:
            answers.update(dict.fromkeys(tasks, error))
        except IemhpcError as error:
            answers.update(dict.fromkeys(tasks, ProgramError(str(error))))
    return answers


def scheduler_of(workspace: Workspace, name: str, clusters: Sequence[str]) -> Scheduler:
    """Return a scheduler to ask or to cancel with, by the profile that its jobs were made with.

    A profile that has been renamed or damaged since is no reason not to ask: the scheduler's own
    does as well, because queues are asked alike with every profile.
    """
    for cluster in dict.fromkeys(clusters):
        try:
            settings = load_cluster(cluster, workspace)
        except (IemhpcError, OSError):
            continue
        if settings.scheduler == name:
            return scheduler_class(name)(workspace, settings, Resources())
    usual = load_cluster(THIS_MACHINE if name == "local" else name, workspace)
    return scheduler_class(name)(workspace, usual, Resources())


class PatientAsker:
    """Asks the queues at most every half minute, and less often while they do not answer."""

    def __init__(
        self, *, pause_s: float = POLL_S, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._usual_s = self._pause_s = pause_s
        self._clock = clock
        self._asked_s: float | None = None
        self._answers: Mapping[str, Answer] = {}

    def __call__(self, workspace: Workspace, jobs: Sequence[JobFacts]) -> Mapping[str, Answer]:
        """Return what the queues say, or what they said last."""
        now = self._clock()
        local = ask_queues(workspace, [job for job in jobs if job.scheduler == "local"])
        queued = [job for job in jobs if job.scheduler != "local"]
        if queued and (self._asked_s is None or now - self._asked_s >= self._pause_s):
            self._answers, self._asked_s = ask_queues(workspace, queued), now
            has_failed = any(isinstance(each, ProgramError) for each in self._answers.values())
            longer_s = min(2.0 * self._pause_s, LONGEST_PAUSE_S)
            self._pause_s = longer_s if has_failed else self._usual_s
        # a task that has come since the last question was submitted a moment ago
        new = {job.task: JobState.QUEUED for job in queued if job.task not in self._answers}
        return {**self._answers, **new, **local}
