"""The protocol of a scheduler: render, submit, poll, cancel.

A scheduler brings run folders to where they run. It never decides what a run is worth: the files
that the run writes are the truth, and what a queue says is a hint (``runs.py``).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from iemhpc.progress import Say, quiet
from iemhpc.workspace import Workspace

if TYPE_CHECKING:  # pydantic takes longer to load than a thousand states to find
    from iemhpc.settings.cluster import ClusterSettings


class JobState(StrEnum):
    """What a queue says of a job."""

    QUEUED = "queued"
    HELD = "held"
    """In the queue, and does not start before somebody lets it go."""
    RUNNING = "running"
    GONE = "gone"
    """Not in the queue: ended, or never there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """A job in the queue of which the queue says why it does not start."""

    state: JobState
    """QUEUED or HELD."""
    why: str
    """In the queue's own words, with what they mean where they are short."""

    def __str__(self) -> str:
        """Return both in a few words."""
        return f"{self.state}, {self.why}"


JobAnswer = JobState | Waiting
"""What a queue answers of a job; of one that waits for its turn only, that it is queued."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Resources:
    """What one run asks for."""

    cores_per_run: int = 1
    """Cores: processes of LAMMPS, times the threads of each."""
    gpus_per_run: int = 0
    """GPUs."""
    wall_hours: float | None = None
    """Time limit, hours; None: the profile's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Submission:
    """Runs that are handed over together."""

    runs: tuple[Path, ...]
    """Run folders, in the order of the array."""
    submission_id: str
    """Hash of the runs and their attempts: the same crash is found again under the same name."""
    plans: tuple[Mapping[str, Any], ...] = ()
    """What each ``plan.json`` holds; needed for :meth:`Scheduler.render`."""


class Scheduler(Protocol):
    """How a run reaches a node."""

    name: str
    """As in a cluster profile."""
    foreground: bool
    """Whether :meth:`submit` returns only when the runs have ended."""

    cluster: "ClusterSettings"
    """The profile."""
    resources: Resources
    """What each run asks for."""

    def __init__(
        self, workspace: Workspace, cluster: "ClusterSettings", resources: Resources
    ) -> None:
        """Keep what every submission needs; nothing is started or written."""

    def check(self) -> None:
        """Raise ProgramError where a program is missing, before anything is written."""

    def render(self, submission: Submission) -> Mapping[Path, str]:
        """Return every script that a submission would write, by path."""

    def early_job_id(self) -> str | None:
        """Return the job's id where it is known before the submission, else None."""

    def task_id(self, job_id: str, index: int, *, n_runs: int) -> str:
        """Return what the queue calls the task of a job that takes run ``index`` of ``n_runs``."""

    def find(self, submission: Submission) -> str | None:
        """Return the job of a submission that crashed before its id was saved, if there is one."""

    def submit(self, submission: Submission, *, say: Say = quiet) -> str:
        """Hand the runs over and return the job's id.

        Raises
        ------
        RefusedError
            Where the queue has answered that it will not take them: nothing was submitted.
        ProgramError
            Where the queue did not answer: perhaps the job is there, perhaps not.
        """

    def submit_after(self, job_ids: Sequence[str], words: Sequence[str], *, name: str) -> str:
        """Run a command once all of the jobs have ended, well or not, and return its job's id."""

    def poll(self, job_ids: Sequence[str]) -> Mapping[str, JobAnswer]:
        """Return the state of each task, as :meth:`task_id` calls it.

        Raises
        ------
        ProgramError
            Where the queue does not answer; that says nothing about the jobs.
        """

    def cancel(self, job_ids: Sequence[str]) -> None:
        """End jobs."""


def count_runs(count: int) -> str:
    """Return a number of runs in words.

    Examples
    --------
    >>> count_runs(1), count_runs(6)
    ('1 run', '6 runs')
    """
    return "1 run" if count == 1 else f"{count} runs"
