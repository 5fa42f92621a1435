"""End runs on purpose, and start them again on purpose.

``cancelled.json`` in a run's folder is what counts: it is written before any queue is told,
``run.sh`` does not start where it lies and ends well within a minute where it comes, and no
submission starts such a run. Only ``resubmit_runs`` takes it away. Both happen under the lock of
submissions.
"""

import getpass
import os
import shutil
import signal
import socket
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from iemhpc.errors import IemhpcError, InputError
from iemhpc.progress import Say, quiet
from iemhpc.scheduler.base import JobState
from iemhpc.scheduler.damaged_jobs import mend_damaged_jobs
from iemhpc.scheduler.facts import RunFacts, read_facts
from iemhpc.scheduler.places import places_of
from iemhpc.scheduler.polling import ask_queues, scheduler_of
from iemhpc.scheduler.run_files import CANCELLED, is_alive, is_job_damaged, read_job, read_status
from iemhpc.scheduler.runs import find_runs, run_states
from iemhpc.scheduler.submission import submission_lock, submit_runs
from iemhpc.workspace import Workspace, read_json, write_json

CAN_CANCEL = ("planned", "queued", "running", "interrupted", "unknown")
CAN_RESUBMIT = ("planned", "interrupted", "cancelled", "failed")
PRODUCTION_FILES = ("production.*", "segment.*.txt", "segments.json")
"""What a fresh start of the trajectories puts aside."""

_LEFT = {
    "done": "it is done: nothing to do",
    "failed": "it has failed and stays so; iemhpc resubmit starts it again",
    "cancelled": "it was cancelled before",
    "queued": "it is in the queue; iemhpc cancel takes it out",
    "running": "it is running; iemhpc cancel ends it",
    "unknown": "nobody knows whether it is about to start; wait, or iemhpc cancel it first",
}


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


@dataclass(frozen=True, slots=True, kw_only=True)
class ResubmitSummary:
    """What became of runs that were to be started again."""

    started: tuple[str, ...]
    """Runs handed over now."""
    refused: Mapping[str, str]
    """Runs that were not -> why."""
    job_ids: tuple[str, ...]
    """Jobs that were made."""
    aside: Mapping[str, str]
    """Run -> folder with what a fresh start has put aside."""

    def lines(self) -> list[str]:
        """Return what a person should read."""
        said = [f"{run_id}: started again" for run_id in self.started]
        said += [
            f"{run_id}: its trajectories lie in {folder}" for run_id, folder in self.aside.items()
        ]
        return said + [f"{run_id}: not started: {why}" for run_id, why in self.refused.items()]


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
        left={run.name: _LEFT[states[run.name]] for run in runs if run not in chosen},
        problems=tuple(problems),
    )


def resubmit_runs(
    workspace: Workspace,
    run_ids: Sequence[str],
    *,
    cluster: str | None = None,
    cores_per_run: int | None = None,
    fresh: bool = False,
    say: Say = quiet,
) -> ResubmitSummary:
    """Start failed, cancelled, interrupted and planned runs on purpose; finished ones only afresh.

    Parameters
    ----------
    workspace : Workspace
        Where the runs are.
    run_ids : sequence of str
        Beginnings of their ids, each of one run.
    cluster : str, optional
        Profile to submit with; default: the one that each was submitted with before, and that of
        ``campaign.toml`` for those that never were.
    cores_per_run : int, optional
        Cores of each; default: what the profile says, or ``campaign.toml`` where it is taken.
    fresh : bool
        Whether trajectories start anew; what is there goes into a folder ``aside.<attempt>``.
    say : callable
        Takes lines of progress.

    Raises
    ------
    UnknownNameError
        Where a beginning is nobody's or several runs', or no profile has the name that is given.
    InputError, ProgramError
        Where the profile cannot be used, a program is missing, or the queue refuses; but where only
        some of the runs go there, these are refused and the others start.
    """
    runs = find_runs(workspace, run_ids)
    facts = {run: read_facts(run) for run in runs}
    with submission_lock(workspace, what="submitting runs again"):
        states = {row.run_id: row.state for row in run_states(workspace)}
        can_start = (*CAN_RESUBMIT, "done") if fresh else CAN_RESUBMIT
        refused = {
            run.name: _LEFT[states[run.name]] for run in runs if states[run.name] not in can_start
        }
        refused |= _still_in_queue(
            workspace, [facts[run] for run in runs if run.name not in refused]
        )
        ready = [run for run in runs if run.name not in refused]
        places, placeless = places_of(
            workspace,
            {run: facts[run].job for run in ready},
            cluster=cluster,
            cores_per_run=cores_per_run,
        )
        refused |= placeless
        aside = {run.name: _put_aside(run) for run in places} if fresh else {}
        before = {run: _Before.take(run) for run in places}
    started, job_ids, errors = list[str](), list[str](), list[IemhpcError]()
    for place in dict.fromkeys(places.values()):
        group = [run for run in places if places[run] == place]
        try:
            summary = submit_runs(
                workspace,
                [run.name for run in group],
                cluster=place.cluster,
                cores_per_run=place.cores_per_run,
                retry_failed=True,
                say=say,
            )
        except IemhpcError as error:
            errors.append(error)
            gone = [run.name for run in group if before[run].has_gone(run)]
            started += gone
            refused |= {run.name: str(error) for run in group if run.name not in gone}
            continue
        started += summary.started
        job_ids += summary.job_ids
        # somebody else was faster between our two locks: it is on its way, once
        refused |= {run_id: _LEFT.get(state, state) for run_id, state in summary.left.items()}
    if errors and len(runs) == len(refused) and {*refused.values()} == {str(errors[0])}:
        raise errors[0]
    return ResubmitSummary(
        started=tuple(started),
        refused=refused,
        job_ids=tuple(job_ids),
        aside={run_id: folder for run_id, folder in aside.items() if folder},
    )


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
    shared = {facts.job.task for facts in every if facts.job and facts.run_id not in chosen} - {""}
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


def _still_in_queue(workspace: Workspace, every: Sequence[RunFacts]) -> dict[str, str]:
    """Return those cancelled runs whose job has not left its queue, and why they must wait."""
    waiting = [each for each in every if each.is_cancelled and each.job and each.job.task]
    answers = ask_queues(
        workspace, [each.job for each in waiting if each.job and each.job.scheduler != "local"]
    )
    found = {}
    for facts in waiting:
        answer = answers.get(facts.job.task if facts.job else "", JobState.GONE)
        if isinstance(answer, Exception):
            found[facts.run_id] = f"its queue does not say whether it has left: {answer}"
        elif answer is not JobState.GONE:
            found[facts.run_id] = "its cancelled job is still ending; try again in a minute"
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class _Before:
    """What lay in a run's folder before it was handed over again."""

    cancelled: Any
    """``cancelled.json``; None where there was none."""
    job: dict[str, Any] | None

    @classmethod
    def take(cls, run: Path) -> "_Before":
        """Take ``cancelled.json`` away, without which a submission starts the run."""
        path = run / CANCELLED
        try:
            cancelled = read_json(path) if path.exists() else None
        except InputError:
            cancelled = {}
        before = cls(cancelled=cancelled, job=read_job(run))
        path.unlink(missing_ok=True)
        return before

    def has_gone(self, run: Path) -> bool:
        """Say whether a run is in a queue though its submission failed; else it is as it was."""
        job = read_job(run)
        if job == self.job and self.cancelled is not None:
            write_json(run / CANCELLED, self.cancelled)
        return job != self.job and bool(job and job.get("task"))


def _put_aside(run: Path) -> str:
    """Move trajectories and restart files into a folder of their own; return its name."""
    found = [path for pattern in PRODUCTION_FILES for path in run.glob(pattern)]
    found = [path for path in found if path.suffix != ".in"]  # the template stays
    if not found:
        return ""
    status = read_status(run)
    folder = run / f"aside.{status.attempt if status else 0}"
    folder.mkdir(exist_ok=True)
    if status and status.state == "done":
        said = {"state": "interrupted", "reason": f"put into {folder.name}, to start anew"}
        write_json(run / "status.json", read_json(run / "status.json") | said)
    for path in found:
        shutil.move(path, folder / path.name)
    return f"{run.name}/{folder.name}"
