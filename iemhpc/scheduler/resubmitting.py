"""Start runs again on purpose: failed, cancelled and interrupted ones, and finished ones afresh.

All of it happens under one lock: that a run may start is found out, what keeps it from starting is
moved away, it is handed over, and where that did not come about everything is moved back. Only runs
of this machine run to their end afterwards.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from iemhpc.errors import IemhpcError
from iemhpc.progress import Say, quiet
from iemhpc.scheduler.arrays import array_folder
from iemhpc.scheduler.base import JobState
from iemhpc.scheduler.cancelling import LEFT, shared_tasks
from iemhpc.scheduler.damaged_jobs import mend_damaged_jobs
from iemhpc.scheduler.facts import RunFacts, read_all_facts, read_facts
from iemhpc.scheduler.handing_over import adopt_crashed, is_unsent
from iemhpc.scheduler.places import Place, places_of
from iemhpc.scheduler.polling import ask_queues
from iemhpc.scheduler.putting_aside import PutAside
from iemhpc.scheduler.run_files import CANCELLED, read_job
from iemhpc.scheduler.runs import find_runs, run_states
from iemhpc.scheduler.states import is_newer
from iemhpc.scheduler.submission import (
    HandedOver,
    check_writable,
    hand_over_ready,
    submission_lock,
)
from iemhpc.workspace import Workspace

CAN_RESUBMIT = ("planned", "interrupted", "cancelled", "failed")
IN_COMPANY = (
    "its job goes on with other runs and may start it again; iemhpc cancel takes it out of that "
    "job, then resubmit it"
)
LEFT_OUT = "runs.list.failed"
"""List that a job reads before it starts its runs again, see jobs/task.sh."""
ENDING = "its cancelled job is still ending; try again in a minute"


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


@dataclass(slots=True)
class _Handing:
    """What has come of handing runs over, place by place."""

    started: list[str] = field(default_factory=list)
    refused: dict[str, str] = field(default_factory=dict)
    job_ids: list[str] = field(default_factory=list)
    aside: dict[str, str] = field(default_factory=dict)
    here: list[HandedOver] = field(default_factory=list)
    errors: list[IemhpcError] = field(default_factory=list)


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
        some of the runs go there, these are refused and the others start. Runs that were not handed
        over are as they were before.
    """
    runs = find_runs(workspace, run_ids)
    check_writable(workspace)
    with submission_lock(workspace, what="submitting runs again"):
        for problem in mend_damaged_jobs(workspace, runs):
            say(problem)
        ready, refused = _ready(workspace, runs, fresh=fresh)
        waiting, in_queue = _still_in_queue(workspace, [*ready.values()], fresh=fresh)
        refused |= in_queue
        for run_id in waiting:  # nothing else keeps it from starting when its job does
            (workspace.run(run_id) / CANCELLED).unlink(missing_ok=True)
        places, placeless = places_of(
            workspace,
            {
                run: facts.job
                for run, facts in ready.items()
                if run.name not in in_queue and run.name not in waiting
            },
            cluster=cluster,
            cores_per_run=cores_per_run,
        )
        refused |= placeless
        handing = _Handing(started=waiting, refused=refused)
        for place in dict.fromkeys(places.values()):
            group = [run for run in places if places[run] == place]
            _hand_over(workspace, group, place, handing, fresh=fresh, say=say)
    words = {str(error) for error in handing.errors[:1]}
    if words and len(runs) == len(refused) and {*refused.values()} == words:
        raise handing.errors[0]
    for handed in handing.here:
        handing.job_ids += handed.run_here(say=say)
    return ResubmitSummary(
        started=tuple(handing.started),
        refused=refused,
        job_ids=tuple(handing.job_ids),
        aside=handing.aside,
    )


def _ready(
    workspace: Workspace, runs: Sequence[Path], *, fresh: bool
) -> tuple[dict[Path, RunFacts], dict[str, str]]:
    """Return the runs that may start, and why the others may not."""
    refused = _adopt(workspace, runs)
    rows = {row.run_id: row for row in run_states(workspace)}
    can_start = (*CAN_RESUBMIT, "done") if fresh else CAN_RESUBMIT
    ready = dict[Path, RunFacts]()
    for run in runs:
        if run.name in refused:
            continue
        facts, state = read_facts(run), rows[run.name].state
        if rows[run.name].may_go_on:
            refused[run.name] = IN_COMPANY
        elif state in can_start or (not facts.unusable and state == "unknown" and is_unsent(run)):
            ready[run] = facts
        else:
            refused[run.name] = ENDING if facts.is_cancelled and state == "running" else LEFT[state]
    return ready, refused


def _adopt(workspace: Workspace, runs: Sequence[Path]) -> dict[str, str]:
    """Look for the jobs of submissions that crashed; return the runs whose queue does not say."""
    unsent = dict[str, list[str]]()
    for run in runs:
        job = read_job(run)
        if job and job.get("task") is None:
            unsent.setdefault(str(job["submission"]), []).append(run.name)
    refused = dict[str, str]()
    for names in unsent.values():
        try:
            adopt_crashed(workspace, names)
        except IemhpcError as error:
            refused |= dict.fromkeys(names, str(error))
    return refused


def _still_in_queue(
    workspace: Workspace, every: Sequence[RunFacts], *, fresh: bool
) -> tuple[list[str], dict[str, str]]:
    """Return the cancelled runs that wait in a job with others, and those that must wait and why.

    A run whose job works for others, too, has left it when it has ended itself: that job is told to
    leave it out.
    """
    asked = [each for each in every if each.is_cancelled and each.job and each.job.task]
    answers = ask_queues(
        workspace, [each.job for each in asked if each.job and each.job.scheduler != "local"]
    )
    shared = set[str]()
    if any(each.job and each.job.runs_per_job > 1 for each in asked):
        shared = shared_tasks(read_all_facts(workspace, indexed=False))
    waiting, refused = list[str](), dict[str, str]()
    for facts in asked:
        task = facts.job.task if facts.job else ""
        answer = answers.get(task, JobState.GONE)
        if isinstance(answer, Exception):
            refused[facts.run_id] = f"its queue does not say whether it has left: {answer}"
        elif answer is JobState.GONE:
            continue
        elif task not in shared:
            refused[facts.run_id] = ENDING
        elif answer is JobState.RUNNING:
            _leave_job(workspace, facts)
        elif fresh:
            refused[facts.run_id] = "it waits in a job with other runs; resubmit without --fresh"
        else:
            waiting.append(facts.run_id)
    return waiting, refused


def _leave_job(workspace: Workspace, facts: RunFacts) -> None:
    """Tell the job that a run was in, and that goes on with others, not to start it again."""
    run = workspace.run(facts.run_id)
    job = read_job(run)
    if job is None or is_newer(facts.job, facts.status):
        return  # it came to nothing there: nobody starts it again but with all of these runs
    folder = array_folder(workspace, str(job["scheduler"]), str(job["submission"]))
    task = int(job["index"]) // int(job.get("runs_per_job") or 1)
    with (folder / f"{LEFT_OUT}.{task}").open("a", encoding="utf-8") as stream:
        stream.write(f"{run.resolve()}\n")


def _hand_over(
    workspace: Workspace,
    group: Sequence[Path],
    place: Place,
    handing: _Handing,
    *,
    fresh: bool,
    say: Say,
) -> None:
    """Hand over the runs that go to one place, and note what became of each."""
    with _out_of_the_way(group, fresh=fresh) as moved:
        try:
            handed = hand_over_ready(
                workspace,
                group,
                cluster=place.cluster,
                cores_per_run=place.cores_per_run,
                say=say,
            )
        except IemhpcError as error:
            handing.errors.append(error)
            sent = [
                run for run in group if moved[run].is_sent and (read_job(run) or {}).get("task")
            ]
            handing.refused |= {run.name: str(error) for run in group if run not in sent}
        else:
            sent = [*group]
            handing.job_ids += handed.job_ids
            handing.here.append(handed)
    handing.started += [run.name for run in sent]
    handing.aside |= {
        run.name: f"{run.name}/{each.folder.name}"
        for run, each in moved.items()
        if each.folder and each.is_sent
    }


@contextmanager
def _out_of_the_way(group: Sequence[Path], *, fresh: bool) -> Iterator[dict[Path, PutAside]]:
    """Move away what keeps runs from starting; of those not handed over it is moved back."""
    moved = dict[Path, PutAside]()
    try:
        for run in group:
            moved[run] = PutAside(run)
            moved[run].move(fresh=fresh)
        yield moved
    except OSError:
        for each in moved.values():
            each.take_back()
        raise
    finally:
        for each in moved.values():
            if each.is_sent:
                each.forget()
            else:
                each.move_back()
