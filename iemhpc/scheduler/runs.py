"""The state of every run folder, from the files in it; a queue is asked only about the rest.

============  ==================================================================================
planned       a plan, never started: not submitted, or a local submission ended before its turn
queued        handed over, not started
running       LAMMPS is at it
interrupted   cut short by a limit, a signal or a crash of the machine; goes on from its restart
failed        LAMMPS or our templates refused; not tried again by itself
done          everything that the plan asks for is there
unknown       handed over, not in the queue and silent: perhaps about to start, perhaps lost; or
              its plan or job file is damaged, or its plan of another version
============  ==================================================================================
"""

import socket
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from iemhpc.errors import IemhpcError, ProgramError, UnknownNameError
from iemhpc.lammps.failures import explain_error
from iemhpc.lammps.log_file import error_lines
from iemhpc.scheduler import scheduler_class
from iemhpc.scheduler.base import JobState, Resources
from iemhpc.scheduler.cluster import THIS_MACHINE, load_cluster
from iemhpc.scheduler.run_files import (
    RunStatus,
    is_alive,
    read_job,
    read_status,
    read_usable_plan,
    unusable_plan,
)
from iemhpc.scheduler.scripts import production_steps
from iemhpc.workspace import Workspace

STATES = ("planned", "queued", "running", "interrupted", "failed", "done", "unknown")
CAN_START = ("planned", "interrupted")
"""States from which a submission starts a run by itself."""

GRACE_S = 300.0
"""A run that left the queue without a word is unknown for so long: files and queues come late."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRow:
    """One run in the table of ``iemhpc status``."""

    run_id: str
    """Name of the folder."""
    system: str
    """Membrane and salt."""
    salt_molar: float
    """Realised concentration, mol/L."""
    state: str
    """One of STATES."""
    stage: str
    """Where it is or ended."""
    attempt: int
    """How often it was started."""
    reason: str
    """Why it is in this state, in words; empty where nothing is wrong."""
    production_ps: float
    """Wanted length."""


def run_states(workspace: Workspace) -> tuple[RunRow, ...]:
    """Return the state of every run of a workspace, by system and concentration."""
    every = [p for p in sorted(workspace.runs.glob("[!.]*")) if p.is_dir()]
    usable = {run: read_usable_plan(run) for run in every}
    plans = {run: plan for run, plan in usable.items() if plan is not None}
    folders = list(plans)
    jobs = {run: read_job(run) for run in folders}
    first = {run: _state_by_files(run, plans[run], jobs[run]) for run in folders}
    asked = [run for run in folders if first[run][0] == "ask"]
    answers = _ask_queues(workspace, [job for run in asked if (job := jobs[run])])
    rows = [_unusable_row(run) for run in every if run not in plans]
    for run in folders:
        state, reason = first[run]
        if state == "ask":
            state, reason = _state_by_queue(run, jobs[run] or {}, answers)
        rows.append(_row(run, plans[run], state=state, reason=reason))
    return tuple(sorted(rows, key=lambda row: (row.system, row.salt_molar, row.run_id)))


def state_lines(rows: Sequence[RunRow]) -> list[str]:
    """Return the table that a person reads, and a line of counts.

    Examples
    --------
    >>> print(state_lines([])[0])
    no runs yet: iemhpc md-submit
    """
    if not rows:
        return ["no runs yet: iemhpc md-submit"]
    width = max(len(row.system) for row in rows)
    head = f"{'run':<12}  {'system':<{width}}  {'mol/L':>6}  {'state':<11}  stage"
    lines = [head]
    for row in rows:
        stage = f"{row.stage}, attempt {row.attempt}" if row.attempt > 1 else row.stage
        words = ": ".join(part for part in (stage, row.reason) if part)
        lines.append(
            f"{row.run_id:<12}  {row.system:<{width}}  {row.salt_molar:>6.3g}  {row.state:<11}  "
            f"{words}".rstrip()
        )
    counts = Counter(row.state for row in rows)
    lines.append(", ".join(f"{counts[state]} {state}" for state in STATES if counts[state]))
    return lines


def log_ends(workspace: Workspace, run_id: str, *, lines: int = 20) -> list[str]:
    """Return the last lines of each stage's latest log, and what an error in them means.

    Raises
    ------
    UnknownNameError
        Where no run or several begin like ``run_id``.
    """
    run = find_run(workspace, run_id)
    said = []
    for path in sorted(run.glob("log.*.lammps"), key=lambda path: path.stat().st_mtime):
        text = path.read_text(encoding="utf-8", errors="replace")
        said += [f"== {path}", *text.splitlines()[-lines:]]
        for error in error_lines(text):
            said.append(f"   {error}")
            said.append(f"   meaning: {explain_error(error) or 'see the line itself'}")
    return said or [f"{run}: no log yet; iemhpc status says where it is"]


def find_run(workspace: Workspace, run_id: str) -> Path:
    """Return the folder of the run whose id begins with ``run_id``."""
    known = [p.parent for p in sorted(workspace.runs.glob("*/plan.json"))]
    found = [run for run in known if run.name.startswith(run_id)]
    if len(found) != 1:
        names = ", ".join(run.name for run in found or known) or "none yet"
        kind = "several runs begin" if found else "no run begins"
        raise UnknownNameError(f"{kind} with {run_id!r}; runs: {names}")
    return found[0]


def _state_by_files(
    run: Path, plan: Mapping[str, Any], job: Mapping[str, Any] | None
) -> tuple[str, str]:
    """Return state and reason, or ``ask`` where only the queue knows more."""
    if job is None and (run / "job.json").exists():
        return "unknown", f"job.json is damaged; delete runs/{run.name}/job.json and submit again"
    status = read_status(run)
    if status is None:
        return ("ask" if job else "planned"), ""
    if status.state == "done" and status.n_steps >= production_steps(plan["sampling"]):
        return "done", ""
    if _is_newer(job, status):
        return "ask", ""
    if status.state == "running":
        return _state_of_running(run, status, job)
    return _state_of_ended(status, job)


def _state_of_ended(status: RunStatus, job: Mapping[str, Any] | None) -> tuple[str, str]:
    if status.state == "done":
        return "interrupted", "the wanted production has become longer"
    # a task that Slurm queued again is in the queue without a new submission
    if status.state == "interrupted" and job and job.get("scheduler") in ("slurm", "pbs"):
        return "ask", ""
    return status.state, _in_words(status)


def _state_of_running(
    run: Path, status: RunStatus, job: Mapping[str, Any] | None
) -> tuple[str, str]:
    if status.host == socket.gethostname():
        if is_alive(status.pid, run):
            return "running", ""
        return "interrupted", "its process is gone"
    return ("ask" if job else "running"), ""


def _is_newer(job: Mapping[str, Any] | None, status: RunStatus | None) -> bool:
    """Say whether a submission has come after the last word of the run."""
    return job is not None and (status is None or int(job["attempts"]) >= status.attempt)


def _state_by_queue(
    run: Path, job: Mapping[str, Any], answers: Mapping[str, JobState | ProgramError]
) -> tuple[str, str]:
    """Return state and reason of a run that has not had the last word itself."""
    task = str(job.get("task") or "")
    if not task:
        return "unknown", "the submission was cut short: submit again, it is looked for first"
    status = read_status(run)
    has_begun = status is not None and not _is_newer(job, status)
    cut_short = _in_words(status) if status and status.state == "interrupted" else ""
    answer = JobState.GONE if job.get("ended") else answers.get(task, JobState.GONE)
    if isinstance(answer, ProgramError):
        return "unknown", f"the queue does not answer: {answer}"
    if answer is JobState.QUEUED:
        return "queued", cut_short
    if answer is JobState.RUNNING:
        # a local job is the submitting process, which has runs waiting for a core
        return ("running" if has_begun or job["scheduler"] != "local" else "queued"), ""
    return _state_of_gone(status, job, cut_short=cut_short, has_begun=has_begun)


def _state_of_gone(
    status: RunStatus | None, job: Mapping[str, Any], *, cut_short: str, has_begun: bool
) -> tuple[str, str]:
    """Return state and reason of a run that is not in the queue and has not said that it ended."""
    last_word_s = max(float(job["submitted_s"]), status.written_s if status else 0.0)
    if job["scheduler"] == "local":
        # one that waited for a core when its submission ended is as it was before
        lost = ("interrupted", cut_short or "it ended without a word")
        return lost if status else ("planned", "")
    if not (has_begun and cut_short) and time.time() - last_word_s < GRACE_S:
        return "unknown", "not in the queue, and no word from the run yet"
    return "interrupted", (has_begun and cut_short) or "it ended without a word"


def _ask_queues(
    workspace: Workspace, jobs: Sequence[Mapping[str, Any]]
) -> dict[str, JobState | ProgramError]:
    """Ask each scheduler once about all of its tasks."""
    answers: dict[str, JobState | ProgramError] = {}
    for name in sorted({str(job["scheduler"]) for job in jobs}):
        tasks = [str(job["task"]) for job in jobs if job["scheduler"] == name and job.get("task")]
        try:
            cluster = load_cluster(THIS_MACHINE if name == "local" else name, workspace)
            scheduler = scheduler_class(name)(workspace, cluster, Resources())
            answers.update(scheduler.poll(tasks))
        except ProgramError as error:
            answers.update(dict.fromkeys(tasks, error))
        except IemhpcError as error:
            answers.update(dict.fromkeys(tasks, ProgramError(str(error))))
    return answers


def _in_words(status: RunStatus) -> str:
    """Return the reason of a status, with what LAMMPS meant by it."""
    meaning = explain_error(status.reason)
    reason = status.reason.removeprefix("ERROR: iemhpc: ")
    return f"{reason}; {meaning}" if meaning else reason


def _unusable_row(run: Path) -> RunRow:
    return RunRow(
        run_id=run.name,
        system="?",
        salt_molar=0.0,
        state="unknown",
        stage="",
        attempt=0,
        reason=unusable_plan(run),
        production_ps=0.0,
    )


def _row(run: Path, plan: Mapping[str, Any], *, state: str, reason: str) -> RunRow:
    status, request = read_status(run), plan["request"]
    return RunRow(
        run_id=run.name,
        system=str(plan["physics"]["system"]),
        salt_molar=float(request.get("realised_salt_molar", 0.0)),
        state=state,
        stage=status.stage if status else "",
        attempt=status.attempt if status else 0,
        reason=reason,
        production_ps=float(plan["sampling"]["production_ps"]),
    )
