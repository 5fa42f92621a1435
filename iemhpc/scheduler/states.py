"""What state a run is in, from what its files and its queue say: pure rules, nothing is read.

============  ==================================================================================
planned       a plan, never started: not submitted, or a local submission ended before its turn
queued        handed over, not started
running       LAMMPS is at it
interrupted   cut short by a limit, a signal, a crash or a full disk; goes on from its restart, but
              not while its job goes on with other runs: that may start it again
cancelled     ended on purpose; only ``iemhpc resubmit`` starts it again
failed        LAMMPS or our templates refused; not tried again by itself
done          everything that the plan asks for is there
unknown       handed over, not in the queue and silent: perhaps about to start, perhaps lost; or
              its plan or job file is damaged, or its plan of another version
============  ==================================================================================

The files come first. A queue is asked about runs that have not had the last word themselves, and a
queue that does not answer has said nothing: such a run is unknown, never lost.
"""

import math
import re
from dataclasses import dataclass

from iemhpc.errors import ProgramError
from iemhpc.lammps.failures import explain_error, is_worth_another_attempt
from iemhpc.scheduler.base import JobAnswer, JobState, Waiting
from iemhpc.scheduler.facts import JobFacts, RunFacts
from iemhpc.scheduler.run_files import RunStatus

STATES = (
    *("planned", "queued", "running", "interrupted"),
    *("cancelled", "failed", "done", "unknown"),
)
CAN_START = ("planned", "interrupted")
"""States from which a submission starts a run by itself."""

GRACE_S = 300.0
"""A run that left the queue without a word is unknown for so long, counted from the first look that
did not find it there: files and queues come late."""

SILENT_S = 600.0
"""A run of another host without a heartbeat for so long is gone: the age at which ``run.sh`` takes
over a lock."""

PROCESS_GONE = "its process is gone"
JOB_GOES_ON = "its job goes on with other runs"
DAMAGED_JOB = "job.json is damaged: iemhpc md-submit looks for its job and mends it"

MOST_ATTEMPTS = 20
"""After so many attempts a failure of the machine counts as one of the run."""

_RELEASE = {"slurm": "scontrol release", "pbs": "qrls"}

Answer = JobAnswer | ProgramError
"""What a queue said of a job, or why it did not answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Signs:
    """Signs of life that are looked for at the moment of asking."""

    lives: bool | None = None
    """Whether the process of this host that runs it lives; None where it is not on this host."""
    silent_s: float = 0.0
    """How long ago the run, its log or its lock was last touched."""
    unseen_s: float = math.inf
    """How long ago its queue was first found without it; at once where it never was in one."""
    submission_lives: bool = True
    """Of a local submission on another host: whether any of its runs shows signs of life."""


def state_by_files(facts: RunFacts, signs: Signs) -> tuple[str, str] | None:
    """Return state and reason of a run, None where only the queue knows more."""
    status, job = facts.status, facts.job
    is_done = bool(status and status.state == "done" and status.n_steps >= facts.n_steps)
    if facts.unusable or (facts.is_job_damaged and not is_done):
        return "unknown", facts.unusable or DAMAGED_JOB
    if is_done:
        return "done", ""
    if facts.is_cancelled:
        return _state_of_cancelled(status, signs)
    if status is None or is_newer(job, status):
        return None if job else ("planned", _of_copy(facts))
    if status.state == "running":
        return _state_of_running(status, job, signs)
    return _state_of_ended(status, job)


def _of_copy(facts: RunFacts) -> str:
    if not facts.copied_from:
        return ""
    return f"a copy of {facts.copied_from}, whose job is not this run's"


def _state_of_cancelled(status: RunStatus | None, signs: Signs) -> tuple[str, str]:
    if status is None or status.state != "running":
        return "cancelled", ""
    if signs.lives or (signs.lives is None and signs.silent_s < SILENT_S):
        return "running", "cancelled: it ends when its restart file is written"
    return "cancelled", ""


def _state_of_ended(status: RunStatus, job: JobFacts | None) -> tuple[str, str] | None:
    if status.state == "done":
        return "interrupted", "the wanted production has become longer"
    if status.state == "failed":
        if is_worth_another_attempt(status.reason) and status.attempt < MOST_ATTEMPTS:
            return "interrupted", in_words(status)
        return "failed", in_words(status)
    # a task that a queue starts again is in the queue without a new submission
    if status.state == "interrupted" and job and job.scheduler != "local":
        return None
    return status.state, in_words(status)


def _state_of_running(
    status: RunStatus, job: JobFacts | None, signs: Signs
) -> tuple[str, str] | None:
    if signs.lives:
        return "running", ""
    if job is not None and job.scheduler != "local":
        return None  # a queue may start it again without a new submission
    if signs.lives is False:
        return "interrupted", PROCESS_GONE
    if signs.silent_s < SILENT_S:
        return "running", ""
    return "interrupted", f"no sign of life from {status.host} for {_minutes(signs.silent_s)}"


def state_by_queue(facts: RunFacts, answer: Answer | None, signs: Signs) -> tuple[str, str]:
    """Return state and reason of a run that has not had the last word itself.

    Parameters
    ----------
    facts : RunFacts
        What its files say.
    answer : JobState, Waiting or ProgramError, optional
        What the queue says of its job; None where it has no number yet.
    signs : Signs
        Of life.
    """
    status, job = facts.status, facts.job
    if job is None or not (job.task or job.has_ended):
        return "unknown", "the submission was cut short: submit again, it is looked for first"
    has_begun = status is not None and not is_newer(job, status)
    cut_short = _cut_short(status, signs) if status and has_begun else ""
    if job.has_ended:
        answer = JobState.GONE
    if isinstance(answer, ProgramError):
        return "unknown", f"the queue does not answer: {answer}"
    why = ""
    if isinstance(answer, Waiting):
        why = answer.why
        answer = answer.state
    if answer is JobState.HELD:
        held = f"held there ({why})" if why else "held there, perhaps after a failed launch"
        # qrls(1B) takes an array, but none of its subjobs
        task = re.sub(r"\[\d+\]", "[]", job.task)
        return "queued", f"{held}: {_RELEASE[job.scheduler]} {task}"
    if answer is JobState.QUEUED:
        if has_begun and status and status.state == "running":
            cut_short = f"it was running on {status.host}, which failed or was taken away"
        waits = f"its queue says why it waits: {why}" if why else ""
        return "queued", "; ".join(filter(None, (cut_short, waits)))
    if answer is JobState.RUNNING and (job.scheduler != "local" or signs.submission_lives):
        return _state_in_job(job, has_begun=has_begun, cut_short=cut_short)
    return _state_of_gone(facts, signs, cut_short=cut_short)


def _state_in_job(job: JobFacts, *, has_begun: bool, cut_short: str) -> tuple[str, str]:
    """Return state and reason of a run whose job is at work."""
    if job.runs_per_job > 1 and cut_short:
        return "interrupted", f"{cut_short}; {JOB_GOES_ON}"
    # a local job is the submitting process, which has runs waiting for a core
    return ("running" if has_begun or job.scheduler != "local" else "queued"), ""


def may_go_on(facts: RunFacts, state: str, answer: Answer | None) -> bool:
    """Say whether a run that was cut short has a job that works for others and may start it again.

    Parameters
    ----------
    facts : RunFacts
        What its files say.
    state : str
        Its state.
    answer : JobState, Waiting or ProgramError, optional
        What the queue says of its job; None where it was not asked.
    """
    shares = facts.job is not None and facts.job.runs_per_job > 1
    return shares and state == "interrupted" and answer is JobState.RUNNING


def _cut_short(status: RunStatus, signs: Signs) -> str:
    """Return why the last attempt is known to be over; empty where it may go on."""
    if status.state == "interrupted":
        return in_words(status)
    return PROCESS_GONE if signs.lives is False and status.state == "running" else ""


def _state_of_gone(facts: RunFacts, signs: Signs, *, cut_short: str) -> tuple[str, str]:
    """Return state and reason of a run that is not in the queue and has not said that it ended."""
    status, job = facts.status, facts.job
    if job is not None and job.scheduler == "local":
        # one that waited for a core when its submission ended is as it was before
        if status is None:
            return "planned", ""
        if status.state == "running":
            return "interrupted", in_words(status)
        return _state_of_ended(status, job) or ("interrupted", in_words(status))
    if not cut_short and min(signs.silent_s, signs.unseen_s) < GRACE_S:
        return "unknown", "not in the queue, and no word from the run yet"
    return "interrupted", cut_short or "it ended without a word"


def is_newer(job: JobFacts | None, status: RunStatus | None) -> bool:
    """Say whether a submission has come after the last word of the run."""
    return job is not None and (status is None or job.attempts >= status.attempt)


def in_words(status: RunStatus) -> str:
    """Return the reason of a status, with what LAMMPS meant by it."""
    if status.state == "running":
        return "it ended without a word"
    meaning = explain_error(status.reason)
    reason = status.reason.removeprefix("ERROR: iemhpc: ")
    return f"{reason}; {meaning}" if meaning else reason


def _minutes(seconds: float) -> str:
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.0f} h"
