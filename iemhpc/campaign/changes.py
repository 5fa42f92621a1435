"""A campaign that has changed under its runs: what they take up, what they keep, and who says so.

A run is its physics, so another box, field or protocol is another run and leaves the old one as it
is. Length, frame spacing and time step are no part of that: a run may be lengthened at any time
(plan.json says how long, ``run.sh`` at its next start too), and shortened to what it has sampled
while it is not at work; by a campaign never below what ``--extend`` has asked for. Frame spacing
and time step are those that it was begun with, because one trajectory has one of each.
"""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

from iemhpc.campaign.plans import Planned
from iemhpc.errors import IemhpcError
from iemhpc.lammps.run_folder import EXTENDED, RunPlan, plan_json, read_plan
from iemhpc.scheduler import scheduler_class
from iemhpc.scheduler.base import Resources, Submission
from iemhpc.scheduler.cluster import load_cluster
from iemhpc.scheduler.restarts import DATA, FINISHED, LOST, RESTARTS, find_start
from iemhpc.scheduler.run_files import read_job, read_status, read_usable_plan, unusable_plan
from iemhpc.scheduler.run_progress import read_progress
from iemhpc.workspace import Workspace, write_json, write_text

AT_WORK = ("queued", "running", "unknown")
"""States of runs that another submission has in its hands."""

STOPPED = ("failed", "cancelled")
"""States that only a person ends."""

AGAIN = "give the same command again when they have ended"


@dataclass(slots=True)
class Changes:
    """What has been found for the runs that exist: sentence -> the runs it is of."""

    said: dict[str, list[str]] = field(default_factory=dict)
    problems: dict[str, str] = field(default_factory=dict)
    """Run -> why its folder cannot be used."""
    is_dry: bool = False
    """Whether nothing is written."""

    def add(self, sentence: str, run_id: str) -> None:
        """Note a sentence for one more run."""
        self.said.setdefault(sentence, []).append(run_id)

    @property
    def notes(self) -> tuple[str, ...]:
        """A line a sentence, with its runs before it."""
        return tuple(f"{in_words(runs)}: {sentence}" for sentence, runs in self.said.items())


def adapt_runs(
    workspace: Workspace,
    planned: Sequence[Planned],
    *,
    states: Mapping[str, str],
    dry_run: bool = False,
) -> Changes:
    """Bring the length that a campaign wants to its runs; say what they keep.

    Parameters
    ----------
    workspace : Workspace
        Where the runs are.
    planned : sequence of Planned
        The campaign's runs; those without a folder are left out.
    states : mapping of str to str
        Run -> its state before, for the runs that existed.
    dry_run : bool
        Whether it is only said.
    """
    changes = Changes(is_dry=dry_run)
    for one in planned:
        folder = workspace.run(one.run_id)
        if not folder.exists():
            continue
        if read_usable_plan(folder) is None:
            changes.problems[one.run_id] = unusable_plan(folder)
            continue
        try:
            adapt_run(workspace, folder, one.plan, state=states.get(one.run_id, ""), to=changes)
        except IemhpcError as error:
            changes.problems[one.run_id] = str(error)
    return changes


def adapt_run(
    workspace: Workspace, folder: Path, wanted: RunPlan, *, state: str, to: Changes
) -> None:
    """Bring the wanted sampling to one run, as far as it has not been begun with another."""
    old = read_plan(folder)
    asked_ps = float(wanted.sampling["production_ps"])
    wanted = replace(wanted, sampling=_not_below_extension(old.sampling, wanted.sampling))
    sampling = dict(old.sampling)
    if float(wanted.sampling["production_ps"]) > asked_ps:
        to.add(_extended(float(wanted.sampling[EXTENDED]), asked_ps), folder.name)
    if _is_untouched(folder, state):
        sampling = dict(wanted.sampling)
    for sentence in _kept(sampling, wanted.sampling, state=state):
        to.add(sentence, folder.name)
    if float(wanted.sampling["production_ps"]) < float(sampling["production_ps"]):
        to.add(_shorten(folder, sampling, wanted.sampling, state=state), folder.name)
    is_longer = float(wanted.sampling["production_ps"]) > float(sampling["production_ps"])
    if is_longer and (why := why_it_cannot_go_on(folder, state)):
        to.add(f"kept at {in_ns(float(sampling['production_ps']))}: {why}", folder.name)
        is_longer = False
    if is_longer:
        sampling["production_ps"] = wanted.sampling["production_ps"]
    if EXTENDED in wanted.sampling:
        sampling[EXTENDED] = wanted.sampling[EXTENDED]
    if sampling == dict(old.sampling):
        return
    new = replace(old, sampling=sampling)
    if not to.is_dry:
        write_json(folder / "plan.json", plan_json(new))
    if is_longer:
        for sentence in _lengthened(workspace, folder, new, state=state, dry_run=to.is_dry):
            to.add(sentence, folder.name)


def _not_below_extension(
    old: Mapping[str, float], wanted: Mapping[str, float]
) -> Mapping[str, float]:
    """Return the sampling wanted; a campaign knows nothing of what ``--extend`` has asked for."""
    if EXTENDED in wanted or EXTENDED not in old:
        return wanted
    extended_ps = float(old[EXTENDED])
    production_ps = max(float(wanted["production_ps"]), extended_ps)
    return {**wanted, "production_ps": production_ps, EXTENDED: extended_ps}


def _extended(extended_ps: float, asked_ps: float) -> str:
    return (
        f"a production of {in_ns(extended_ps)}, longer than the {in_ns(asked_ps)} asked for now, "
        "is kept: --extend asked for it; iemhpc md-submit --extend RUN --production-ns "
        f"{asked_ps / 1000.0:g} takes that back"
    )


def why_it_cannot_go_on(folder: Path, state: str) -> str:
    """Return why a run cannot be made longer and what to do, empty where it can.

    Parameters
    ----------
    folder : Path
        The run folder.
    state : str
        Of the run; one at work has restart files yet to write, one never begun needs none.
    """
    if state in ("", "planned", *AT_WORK) or find_start(folder) is not None:
        return ""
    return LOST.replace("RUN", folder.name)


def strangers(workspace: Workspace, planned: Iterable[Planned], states: Mapping[str, str]) -> str:
    """Return a note on runs of the workspace that are none of the campaign's; empty where none is.

    Parameters
    ----------
    workspace : Workspace
        Where the runs are.
    planned : iterable of Planned
        The campaign's runs.
    states : mapping of str to str
        Run -> its state, of every run of the workspace.
    """
    own = {one.run_id for one in planned}
    others = [run_id for run_id in states if run_id not in own]
    if not others:
        return ""
    at_work = [run_id for run_id in others if states[run_id] in AT_WORK]
    ending = f"; iemhpc cancel RUN ends one of the {len(at_work)} at work" if at_work else ""
    are = "is" if len(others) == 1 else "are"
    return (
        f"{in_words(others)} of this workspace {are} not of this campaign: earlier settings are "
        "other runs, which stay as they are and whose descriptors count; delete the folders in "
        f"runs/ of those that you do not want{ending}"
    )


def in_words(runs: Sequence[str]) -> str:
    """Return how many runs, and their names where they are few.

    Examples
    --------
    >>> in_words(["3fa1c2"]), in_words(list("abcd"))
    ('1 run (3fa1c2)', '4 runs (a, b, c, ...)')
    """
    some = ", ".join(runs[:3]) + (", ..." if len(runs) > 3 else "")
    return f"{len(runs)} run{'' if len(runs) == 1 else 's'} ({some})"


def _is_untouched(folder: Path, state: str) -> bool:
    """Say whether a run was never begun and waits in no queue, so that it may be sampled otherwise.

    Its script is written anew when it is submitted.
    """
    if (folder / "status.json").exists():
        return False
    return state not in AT_WORK or not (folder / "job.json").exists()


def _kept(old: Mapping[str, float], wanted: Mapping[str, float], *, state: str) -> Iterator[str]:
    """Yield what a run keeps though the campaign says otherwise now."""
    for name, unit in (("frame_ps", "ps"), ("timestep_fs", "fs")):
        got, asked = float(old[name]), float(wanted[name])
        if got != asked:
            yield (
                f"{'submitted' if state == 'queued' else 'begun'} with {name} = {got:g} {unit} and "
                f"kept so, though the campaign says {asked:g} {unit} now: one trajectory has one; "
                f"{_anew(state)}"
            )


def _anew(state: str) -> str:
    """Return how a run is begun again from nothing."""
    ended = "end it (iemhpc cancel RUN), " if state in AT_WORK else ""
    return f"to run it anew, {ended}delete its folder in runs/ and submit again"


def _shorten(
    folder: Path, sampling: dict[str, float], wanted: Mapping[str, float], *, state: str
) -> str:
    """Shorten a production as far as it is not sampled; return what has become of it."""
    old_ps, wanted_ps = float(sampling["production_ps"]), float(wanted["production_ps"])
    old, asked = in_ns(old_ps), in_ns(wanted_ps)
    kept = f"a production of {old}, longer than the {asked} asked for now, is kept"
    if state in AT_WORK:
        return (
            f"{kept} while it is {'in the queue' if state == 'queued' else 'at work'}: iemhpc "
            "cancel RUN, the same command again, which shortens it, then iemhpc resubmit RUN"
        )
    done_ps = _done_ps(folder, sampling)
    new_ps = max(wanted_ps, min(old_ps, done_ps))
    if new_ps == old_ps:
        return f"{kept}: what is sampled is not thrown away; {_anew(state)}"
    sampling["production_ps"] = new_ps
    again = f"; it is {state}: iemhpc resubmit RUN starts it again" if state in STOPPED else ""
    if new_ps == wanted_ps:
        return f"shortened from {old} to {in_ns(new_ps)}{again}"
    return (
        f"shortened from {old} to {in_ns(new_ps)}, not to the {asked} asked for now: what "
        f"is sampled is not thrown away; {_anew(state)}{again}"
    )


def _done_ps(folder: Path, sampling: Mapping[str, float]) -> float:
    """Return how much of a production is sampled, to the end of the frame that was being made."""
    timestep_ps, frame_ps = float(sampling["timestep_fs"]) / 1000.0, float(sampling["frame_ps"])
    status = read_status(folder)
    finished = status.n_steps if status and status.state == "done" else 0
    with suppress(OSError, ValueError):  # it was never finished
        finished = max(finished, int((folder / FINISHED).read_text(encoding="utf-8")))
    steps = [
        read_progress(folder, attempt=attempt, timestep_fs=1000.0 * timestep_ps).n_steps
        for attempt in range(1, (status.attempt if status else 0) + 1)
    ]
    newest = max(steps, default=0)
    if newest <= finished:
        is_unknown = not finished and any((folder / name).exists() for name in RESTARTS)
        return math.inf if is_unknown else finished * timestep_ps
    # a restart file may lie behind the last line of the log, and a run cannot end before it
    return (math.floor(newest * timestep_ps / frame_ps + 1e-6) + 1) * frame_ps


def _lengthened(
    workspace: Workspace, folder: Path, plan: RunPlan, *, state: str, dry_run: bool
) -> Iterator[str]:
    """Yield what becomes of a run that was made longer; bring its script to that length."""
    length = in_ns(float(plan.sampling["production_ps"]))
    if state in STOPPED:
        yield f"lengthened to {length}, but {state}: iemhpc resubmit RUN starts it again"
        return
    if state not in AT_WORK:
        if state not in ("", "planned"):
            yield f"lengthened to {length}: {_how_it_goes_on(folder)}"
        return
    try:
        if not dry_run:
            renew_script(workspace, folder, plan)
    except IemhpcError as error:
        yield f"lengthened to {length}, but its script was not renewed ({error}); {AGAIN}"
        return
    if state == "running":
        yield (
            f"running: {length} are wanted from its next start on; if it ends at its old length, "
            f"{AGAIN}"
        )
    else:
        yield f"waiting in the queue: lengthened to {length} when it starts"


def _how_it_goes_on(folder: Path) -> str:
    start = find_start(folder)
    if start == DATA:
        return f"its restart files are gone, so it goes on from {DATA}"
    return "it goes on from its newest restart file" if start else "its production is yet to begin"


def renew_script(workspace: Workspace, folder: Path, plan: RunPlan) -> None:
    """Write a run's ``run.sh`` anew, as its own submission did; what runs is not touched by it."""
    job = read_job(folder)
    if job is None:
        return
    cluster = load_cluster(str(job.get("cluster") or job["scheduler"]), workspace)
    resources = Resources(
        cores_per_run=int(job.get("cores_per_run", 1)), gpus_per_run=int(job.get("gpus_per_run", 0))
    )
    scheduler = scheduler_class(cluster.scheduler)(workspace, cluster, resources)
    submission = Submission(
        runs=(folder,), submission_id=str(job["submission"]), plans=(plan_json(plan),)
    )
    path = folder / "run.sh"
    write_text(path, scheduler.render(submission)[path])


def in_ns(ps: float) -> str:
    """Return a length of time in ns from 1 ns on, in ps below.

    Examples
    --------
    >>> in_ns(500_000.0), in_ns(500.0)
    ('500 ns', '500 ps')
    """
    return f"{ps / 1000.0:g} ns" if ps >= 1000.0 else f"{ps:g} ps"
