"""End runs on purpose.

``cancelled.json`` in a run's folder is what counts: it is written before any queue is told,
``run.sh`` does not start where it lies and ends well within a minute where it comes, and no
submission starts such a run. Only ``resubmitting.py`` takes it away. Both happen under the lock of
submissions.
"""

import getpass
import os
import signal
import socket
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from iemhpc.errors import IemhpcError
from iemhpc.scheduler.damaged_jobs import mend_damaged_jobs
from iemhpc.scheduler.facts import RunFacts, read_facts
from iemhpc.scheduler.polling import scheduler_of
from iemhpc.scheduler.run_files import CANCELLED, is_alive, is_job_damaged, read_status
from iemhpc.scheduler.runs import find_runs, run_states
from iemhpc.scheduler.submission import submission_lock
from iemhpc.workspace import Workspace, write_json

CAN_CANCEL = ("planned", "queued", "running", "interrupted", "unknown")

LEFT = {
    "done": "it is done: nothing to do",
    "failed": "it has failed and stays so; iemhpc resubmit starts it again",
    "cancelled": "it was cancelled before",
    "queued": "it is in the queue; iemhpc cancel takes it out",
    "running": "it is running; iemhpc cancel ends it",
    "unknown": "nobody knows whether it is about to start; wait, or iemhpc cancel it first",
}
"""State -> why a run in it is left as it is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CancelSummary:
    """What became of runs that were to be cancelled."""

    cancelled: tuple[str, ...]
    """Runs that only a resubmission starts again."""
    left: Mapping[str, str]
    """Runs left as they were -> why."""
    problems: tuple[str, ...]
    """Queues that did not take it; the runs end by themselves all the same."""

    def lines(self) -> list[str]:
        """Return what a person should read."""
        said = [f"{run_id}: cancelled" for run_id in self.cancelled]
        said += [f"{run_id}: left as it is: {why}" for run_id, why in self.left.items()]
        said += [
            f"{problem}; the runs end within a minute by themselves, and do not start"
            for problem in self.problems
        ]
        return said


def cancel_runs(workspace: Workspace, run_ids: Sequence[str]) -> CancelSummary:
    """End queued and running runs, and keep others from being started.

    Parameters
    ----------
    workspace : Workspace
        Where the runs are.
    run_ids : sequence of str
        Beginnings of their ids, each of one run.

    Raises
    ------
    UnknownNameError
        Where a beginning is nobody's or several runs'; nothing is cancelled then.
    LockedError
        Where a submission to this workspace takes too long.
    """
    runs = find_runs(workspace, run_ids)
    with submission_lock(workspace, what="cancelling runs"):
        problems = mend_damaged_jobs(workspace, runs)
        states = {row.run_id: row.state for row in run_states(workspace)}
        chosen = [run for run in runs if states[run.name] in (*CAN_CANCEL, "cancelled")]
        for run in chosen:
            if states[run.name] != "cancelled":
                _note_cancelled(run, states[run.name])
        problems += _end_jobs(workspace, chosen)
    return CancelSummary(
        # of a job that nobody knows only its problem is said
        cancelled=tuple(run.name for run in chosen if not is_job_damaged(run)),
        left={run.name: LEFT[states[run.name]] for run in runs if run not in chosen},
        problems=tuple(problems),
    )


def shared_tasks(others: Iterable[RunFacts]) -> set[str]:
    """Return the tasks of runs that nobody has cancelled."""
    return {each.job.task for each in others if each.job and not each.is_cancelled} - {""}


def _note_cancelled(run: Path, state: str) -> None:
    write_json(
        run / CANCELLED,
        {
            "by": getpass.getuser(),
            "host": socket.gethostname(),
            "cancelled": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "was": state,
        },
    )


def _end_jobs(workspace: Workspace, runs: Sequence[Path]) -> list[str]:
    """Tell queues and processes of this host to end runs; return what went wrong."""
    for run in runs:
        status = read_status(run)
        if status and status.state == "running" and is_alive(status, run):
            # LAMMPS writes its restart file and stops
            with suppress(ProcessLookupError, PermissionError):
                os.kill(status.pid, signal.SIGTERM)
    chosen = {run.name for run in runs}
    every = [read_facts(run) for run in workspace.runs.glob("[!.]*") if run.is_dir()]
    jobs = [facts.job for facts in every if facts.run_id in chosen and facts.job]
    # a task that other runs live in, too, goes on: run.sh sees the file
    shared = shared_tasks([facts for facts in every if facts.run_id not in chosen])
    problems = []
    for name in sorted({job.scheduler for job in jobs} - {"local"}):
        mine = [job for job in jobs if job.scheduler == name and job.task not in ("", *shared)]
        if not mine:
            continue
        try:
            scheduler = scheduler_of(workspace, name, [job.cluster for job in mine])
            scheduler.cancel(sorted({job.task for job in mine}))
        except IemhpcError as error:
            problems.append(str(error))
    return problems
