"""The state of every run folder, from the files in it; a queue is asked only about the rest.

The rules stand in ``states.py``; here they are given what they need: facts, signs of life, answers.
"""

import socket
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from importlib import import_module
from pathlib import Path

from iemhpc import units
from iemhpc.errors import UnknownNameError
from iemhpc.scheduler.base import JobState, Waiting
from iemhpc.scheduler.facts import JobFacts, RunFacts, read_all_facts
from iemhpc.scheduler.run_files import is_alive
from iemhpc.scheduler.run_progress import Progress, read_progress
from iemhpc.scheduler.states import (
    CAN_START,
    SILENT_S,
    STATES,
    Answer,
    Signs,
    may_go_on,
    state_by_files,
    state_by_queue,
)
from iemhpc.scheduler.unseen import note_unseen
from iemhpc.workspace import Workspace

__all__ = [
    "CAN_START",
    "STATES",
    "Ask",
    "RunRow",
    "find_run",
    "find_runs",
    "run_states",
]

S_PER_H = 3600.0

Ask = Callable[[Workspace, Sequence[JobFacts]], Mapping[str, Answer]]
"""Asks queues about jobs: task -> answer."""


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
    done_ns: float = 0.0
    """Production so far."""
    ns_per_day: float = 0.0
    """How fast it is, or was; 0 where nobody knows."""
    hours_left: float | None = None
    """Until it is done, at that rate; None where nobody knows."""
    core_hours: float = 0.0
    """Spent so far."""
    estimated_core_hours: float = 0.0
    """What it was foreseen to cost in all; 0 where that is not known."""
    water_per_site: float = 0.0
    """Water molecules a fixed charge; 0 where the plan does not say."""
    force_field: str = ""
    """Force field, charges, water model, ion set and scale of charges, a word each."""
    seed: int | None = None
    """By which replicas differ; None where the plan does not say."""
    host: str = ""
    """Where it ran last."""
    job: str = ""
    """What its queue calls it."""
    cluster: str = ""
    """Profile it was submitted with."""
    may_go_on: bool = False
    """Whether its job, which goes on with other runs, may start it again: nobody else should."""


def run_states(
    workspace: Workspace, *, indexed: bool = False, ask: Ask | None = None
) -> tuple[RunRow, ...]:
    """Return the state of every run of a workspace: by system, concentration, content, replica.

    Parameters
    ----------
    workspace : Workspace
        The campaign's folder.
    indexed : bool
        Whether the index will do for runs whose folders have not changed: right for a table that
        a person reads, not for a decision.
    ask : callable, optional
        Asks the queues; default: now, once each.
    """
    every = read_all_facts(workspace, indexed=indexed)
    now_s = time.time()
    signs = _all_signs(workspace, every, now_s)
    first = [state_by_files(facts, signs[facts.run_id]) for facts in every]
    jobs = [facts.job for facts, state in zip(every, first, strict=True) if not state and facts.job]
    answers = (ask or _ask_now)(workspace, jobs) if jobs else {}
    unseen = _unseen(workspace, jobs, answers, now_s)
    rows = []
    for facts, found in zip(every, first, strict=True):
        answer = answers.get(facts.job.task) if facts.job else None
        sign = signs[facts.run_id]
        if facts.job and facts.job.task in unseen:
            sign = replace(sign, unseen_s=unseen[facts.job.task])
        state, reason = found or state_by_queue(facts, answer, sign)
        row = _row(workspace, facts, state=state, reason=reason, now_s=now_s)
        rows.append(replace(row, may_go_on=found is None and may_go_on(facts, state, answer)))
    return tuple(sorted(rows, key=_place))


def _place(row: RunRow) -> tuple[str, float, str, float, int, str]:
    point = row.system, row.salt_molar, row.force_field, row.water_per_site
    return *point, row.seed or 0, row.run_id


def find_run(workspace: Workspace, run_id: str) -> Path:
    """Return the folder of the run whose id begins with ``run_id``."""
    known = [p.parent for p in sorted(workspace.runs.glob("*/plan.json"))]
    return _find(known, run_id)


def find_runs(workspace: Workspace, run_ids: Sequence[str]) -> tuple[Path, ...]:
    """Return the folders of the runs whose ids begin with these, each once.

    Raises
    ------
    UnknownNameError
        Where one of them begins no id, or several.
    """
    known = [p.parent for p in sorted(workspace.runs.glob("*/plan.json"))]
    return tuple(dict.fromkeys(_find(known, run_id) for run_id in run_ids))


def _find(known: Sequence[Path], run_id: str) -> Path:
    found = [run for run in known if run.name.startswith(run_id)]
    exact = [run for run in found if run.name == run_id]
    if exact:
        return exact[0]
    if len(found) != 1:
        names = [run.name for run in found or known]
        shown = ", ".join(names[:20]) or "none yet"
        more = f" and {len(names) - 20} more" if len(names) > 20 else ""
        kind = "several runs begin" if found else "no run begins"
        raise UnknownNameError(f"{kind} with {run_id!r}; runs: {shown}{more}")
    return found[0]


def _ask_now(workspace: Workspace, jobs: Sequence[JobFacts]) -> Mapping[str, Answer]:
    # profiles need pydantic, which takes longer to load than ten thousand states to find
    answers: Mapping[str, Answer] = import_module("iemhpc.scheduler.polling").ask_queues(
        workspace, jobs
    )
    return answers


def _unseen(
    workspace: Workspace, jobs: Sequence[JobFacts], answers: Mapping[str, Answer], now_s: float
) -> dict[str, float]:
    """Return how long ago each task of a queue was first missing from it."""
    tasks = {job.task for job in jobs if job.scheduler != "local" and job.task}
    gone = {task for task in tasks if answers.get(task) is JobState.GONE}
    unheard = {task for task in tasks if not isinstance(answers.get(task), JobState | Waiting)}
    return note_unseen(workspace, gone, unheard=unheard, now_s=now_s)


def _all_signs(workspace: Workspace, every: Sequence[RunFacts], now_s: float) -> dict[str, Signs]:
    """Return the signs of life of all runs; looked for only where a state hangs on them."""
    nothing = Signs()
    signs = {
        facts.run_id: _signs(workspace.run(facts.run_id), facts, now_s)
        if _needs_signs(facts)
        else nothing
        for facts in every
    }
    alive = {
        facts.job.submission
        for facts in every
        if facts.job and facts.job.scheduler == "local" and _shows_life(signs[facts.run_id])
    }
    for facts in every:
        job = facts.job
        if job and job.scheduler == "local" and signs[facts.run_id] is not nothing:
            old = signs[facts.run_id]
            signs[facts.run_id] = Signs(
                lives=old.lives,
                silent_s=old.silent_s,
                submission_lives=job.submission in alive or now_s - job.submitted_s < SILENT_S,
            )
    return signs


def _needs_signs(facts: RunFacts) -> bool:
    status = facts.status
    return not facts.unusable and (
        (status is None and facts.job is not None)
        or (status is not None and (status.state != "done" or status.n_steps < facts.n_steps))
    )


def _shows_life(signs: Signs) -> bool:
    return signs.lives is True or (signs.lives is None and signs.silent_s < SILENT_S)


def _signs(run: Path, facts: RunFacts, now_s: float) -> Signs:
    status = facts.status
    last_s = facts.job.submitted_s if facts.job else 0.0
    lives: bool | None = None
    if status is not None:
        last_s = max(last_s, status.written_s)
        if status.state == "running":
            log = f"log.{status.stage}.{status.attempt}.lammps"
            last_s = max(last_s, _touched_s(run, "run.lock"), _touched_s(run, log))
            if status.host == socket.gethostname():
                lives = is_alive(status, run)
    return Signs(lives=lives, silent_s=now_s - last_s)


def _touched_s(run: Path, name: str) -> float:
    try:
        return (run / name).stat().st_mtime
    except OSError:
        return 0.0


def _row(workspace: Workspace, facts: RunFacts, *, state: str, reason: str, now_s: float) -> RunRow:
    status, job = facts.status, facts.job
    progress = facts.progress
    if state == "running" and status is not None:
        progress = read_progress(
            workspace.run(facts.run_id), attempt=status.attempt, timestep_fs=facts.timestep_fs
        )
    done = min(progress.n_steps, facts.n_steps) if state != "done" else facts.n_steps
    done_ns = done * facts.timestep_fs / units.FS_PER_PS / units.PS_PER_NS
    return RunRow(
        run_id=facts.run_id,
        system=facts.system,
        salt_molar=facts.salt_molar,
        state=state,
        stage=status.stage if status else "",
        attempt=status.attempt if status else 0,
        reason=reason,
        production_ps=facts.production_ps,
        done_ns=done_ns,
        ns_per_day=progress.ns_per_day,
        hours_left=_hours_left(facts, progress, done_ns=done_ns, state=state),
        core_hours=_core_hours(facts, is_running=state == "running", now_s=now_s),
        estimated_core_hours=facts.estimated_core_h,
        water_per_site=facts.water_per_site,
        force_field=facts.force_field,
        seed=facts.seed,
        host=status.host if status else "",
        job=job.task if job else "",
        cluster=(job.cluster or job.scheduler) if job else "",
    )


def _hours_left(facts: RunFacts, progress: Progress, *, done_ns: float, state: str) -> float | None:
    if state == "done":
        return 0.0
    if progress.ns_per_day <= 0.0:
        return None
    left_ns = facts.production_ps / units.PS_PER_NS - done_ns
    return max(0.0, left_ns) / progress.ns_per_day * 24.0


def _core_hours(facts: RunFacts, *, is_running: bool, now_s: float) -> float:
    spent = facts.spent
    core_s = spent.core_s
    if spent.open_since_s:
        # one that was killed has ended, for all we know, at its last word
        end_s = now_s if is_running else facts.status.written_s if facts.status else 0.0
        core_s += max(0.0, end_s - spent.open_since_s) * spent.open_cores
    return core_s / S_PER_H
