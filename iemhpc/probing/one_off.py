"""A job that is no run: written into a hidden folder, handed over once, waited for.

It goes the way of a run, through the same scheduler and the same header, so that what it finds
holds for runs. Its folder is a run folder but for ``run.sh``, a script of ours that writes
``end.txt`` when all is over. Files are the truth: a queue is asked only while that one is missing.
"""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from iemhpc.errors import InputError, ProgramError, RefusedError
from iemhpc.progress import Say, quiet
from iemhpc.scheduler import scheduler_class
from iemhpc.scheduler.base import JobAnswer, JobState, Resources, Scheduler, Submission
from iemhpc.scheduler.cluster import setup_lines
from iemhpc.scheduler.file_mode import made_as, umask_line
from iemhpc.scheduler.scripts import fill_script
from iemhpc.settings.cluster import ClusterSettings
from iemhpc.tables.plan import SCHEMA_VERSION
from iemhpc.workspace import Workspace, content_hash, lock, publishing, read_json, write_json

END = "end.txt"

GONE_S = 60.0
"""So long may files come later than the queue's word that a job has ended."""

FIRST_LOOK_S, LONGEST_LOOK_S = 0.5, 15.0
"""Between two questions to the queue: twice as long each time."""

SAY_S = 30.0


class LostJobError(ProgramError):
    """A job has ended and not finished: killed, out of time, or its node is gone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OneOff:
    """What is handed over."""

    folder: Path
    """Hidden folder of ``runs``, replaced where an earlier job of the same kind has ended."""
    what: str
    """For lines and errors, such as ``the probe of my-cluster``."""
    script: str
    """Text of ``run.sh``; it ends by writing :data:`END`."""
    files: Mapping[str, str]
    """Path in the folder -> text."""
    runs_inside: tuple[str, ...]
    """Folders in it that are runs themselves: they get the run.sh and templates of a run."""
    resources: Resources
    """As a run's."""


def one_off_cluster(cluster: ClusterSettings) -> ClusterSettings:
    """Return a profile for a single job: one run a job, nothing built in it."""
    return cluster.model_copy(update={"runs_per_job": 1, "build": "here", "at_once": None})


def one_off_plan(
    protocol: Mapping[str, float], *, production_ps: float, frame_ps: float, seed: int = 1
) -> dict[str, Any]:
    """Return a plan that a scheduler can render, of a box that is no system of the catalogue."""
    physics = {
        "system": "a small box",
        "temperature_K": 298.15,
        "pressure_atm": 1.0,
        "seed": seed,
        "protocol": dict(protocol),
    }
    return {
        "schema_version": SCHEMA_VERSION,
        "iemhpc_version": "0",
        "run_id": content_hash(physics),
        "physics": physics,
        "request": {},
        "sampling": {"production_ps": production_ps, "frame_ps": frame_ps, "timestep_fs": 2.0},
    }


def hand_over(
    workspace: Workspace,
    cluster: ClusterSettings,
    job: OneOff,
    *,
    plan: Mapping[str, Any],
    say: Say = quiet,
) -> Scheduler:
    """Submit a job, but where the same one is on its way; a local one is run to its end.

    Raises
    ------
    ProgramError
        Where a program is missing or the queue refuses.
    LockedError
        Where another process is handing over the same.
    """
    scheduler = _scheduler(workspace, cluster, job.resources)
    with lock(job.folder.with_name(f".{job.folder.name}.lock"), what=f"submitting {job.what}"):
        asked = content_hash([job.script, dict(job.files), cluster.model_dump(mode="json")])
        if _is_unread(job, asked):
            say(f"{job.what} has ended since it was last asked for")
            return scheduler
        if _is_on_its_way(job, scheduler, asked):
            say(f"{job.what} is on its way already")
            return scheduler
        submission = Submission(
            runs=(job.folder,), submission_id=content_hash([asked, time.time()]), plans=(plan,)
        )
        note = {"asked": asked, "submission": submission.submission_id}
        with made_as(cluster.file_mode):
            _write(job, scheduler, submission, plan=plan)
            write_json(job.folder / "job.json", {**note, "task": scheduler.early_job_id()})
        if not scheduler.foreground:
            task = scheduler.task_id(_submit(job, scheduler, submission, say=say), 0, n_runs=1)
            write_json(job.folder / "job.json", {**note, "task": task})
    if scheduler.foreground:
        scheduler.submit(submission)
    return scheduler


def _submit(job: OneOff, scheduler: Scheduler, submission: Submission, *, say: Say) -> str:
    try:
        return scheduler.submit(submission, say=say)
    except RefusedError as error:
        raise RefusedError(
            f"{job.what} was not submitted: {error}; mend the cluster profile and give the command "
            "again"
        ) from error


def wait_for(job: OneOff, scheduler: Scheduler, *, wait_s: float, say: Say = quiet) -> None:
    """Wait until a job has written its end.

    Raises
    ------
    LostJobError
        Where it has ended without it.
    ProgramError
        Where the time is over.
    """
    begun = said = time.monotonic()
    gone_since, look_s, words = None, FIRST_LOOK_S, ""
    while not (job.folder / END).exists():
        now = time.monotonic()
        state = _ask(job, scheduler)
        gone_since = (gone_since or now) if state is JobState.GONE else None
        if gone_since and now - gone_since > (0.0 if scheduler.foreground else GONE_S):
            raise LostJobError(
                f"{job.what} ended without finishing: killed, or out of time; its last words: "
                f"{last_words(job.folder)}; see {job.folder}"
            )
        words = "the queue does not answer" if state is None else str(state)
        if now - begun > wait_s:
            raise ProgramError(
                f"{job.what} has not ended within {wait_s / 60:g} min of waiting (job "
                f"{_task(job)}, now: {words}); give the same command again to wait on"
            )
        if now - said > SAY_S or look_s == FIRST_LOOK_S:
            said = now
            say(f"{job.what}: {words}")
        _sleep_until_there(job.folder / END, look_s)
        look_s = min(2 * look_s, LONGEST_LOOK_S)


def mark_read(jobs: Sequence[OneOff]) -> None:
    """Note that the answers of jobs have been read: the next one of each kind is a new one."""
    for job in jobs:
        note = read_json(job.folder / "job.json")
        write_json(job.folder / "job.json", {**note, "read": True})


def _sleep_until_there(path: Path, seconds: float) -> None:
    """Sleep, but not longer than until a file is there: files cost the queue nothing."""
    until = time.monotonic() + seconds
    while (left_s := until - time.monotonic()) > 0.0 and not path.exists():
        time.sleep(min(left_s, FIRST_LOOK_S))


def asking(workspace: Workspace, cluster: ClusterSettings, *, limit_s: float) -> str:
    """Return ``jobs/asking.sh`` for a profile; ``limit_s`` is what one question may take."""
    values = {
        "limit_s": f"{limit_s:g}",
        "umask": umask_line(cluster.file_mode),
        "setup": "\n".join(setup_lines(cluster)),
    }
    return fill_script("asking.sh", values, workspace=workspace)


def text_of(path: Path) -> str:
    """Return a file's text; empty where it is not there."""
    return path.read_text(encoding="utf-8", errors="replace") if path.is_file() else ""


def last_words(folder: Path) -> str:
    """Return the last line of what a job printed, whichever file it is in."""
    files = [*folder.glob("*.out"), *folder.glob("*.screen"), *folder.glob("*.log")]
    for path in sorted(files, key=lambda path: path.stat().st_mtime, reverse=True):
        said = [line.strip() for line in text_of(path).split("\n") if line.strip()]
        if said:
            return said[-1]
    return "none"


def _scheduler(workspace: Workspace, cluster: ClusterSettings, resources: Resources) -> Scheduler:
    scheduler = scheduler_class(cluster.scheduler)(workspace, one_off_cluster(cluster), resources)
    scheduler.check()
    return scheduler


def _write(
    job: OneOff, scheduler: Scheduler, submission: Submission, *, plan: Mapping[str, Any]
) -> None:
    """Write the folder whole, and the queue's own files beside it."""
    rendered = scheduler.render(submission)
    inside = {
        str(path.relative_to(job.folder)): text
        for path, text in rendered.items()
        if path.is_relative_to(job.folder)
    }
    runs = {f"{name}/{file}": text for name in job.runs_inside for file, text in inside.items()}
    with publishing(job.folder) as folder:
        for name, text in {**inside, **runs, **job.files, "run.sh": job.script}.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text(text, encoding="utf-8")
        write_json(folder / "plan.json", plan)
    for path, text in rendered.items():
        if not path.is_relative_to(job.folder):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")


def _is_unread(job: OneOff, asked: str) -> bool:
    """Say whether the same job has ended and nobody has read its answers."""
    try:
        note = read_json(job.folder / "job.json")
        return (job.folder / END).exists() and note["asked"] == asked and not note.get("read")
    except (FileNotFoundError, InputError, KeyError, TypeError, AttributeError):
        return False


def _is_on_its_way(job: OneOff, scheduler: Scheduler, asked: str) -> bool:
    """Say whether the same job waits or runs; another one of its name is ended."""
    if scheduler.foreground or (job.folder / END).exists():
        return False
    try:
        note = read_json(job.folder / "job.json")
        task, asked_then = note["task"], str(note["asked"])
        submission = Submission(runs=(job.folder,), submission_id=str(note["submission"]))
    except (FileNotFoundError, InputError, KeyError, TypeError):
        return False
    if not task and (job_id := scheduler.find(submission)):
        task = scheduler.task_id(job_id, 0, n_runs=1)
    if not task or scheduler.poll([task])[task] is JobState.GONE:
        return False
    if asked_then == asked:
        write_json(job.folder / "job.json", {**note, "task": task})
        return True
    scheduler.cancel([task])
    return False


def _ask(job: OneOff, scheduler: Scheduler) -> JobAnswer | None:
    """Return the state of a job; None where the queue does not answer."""
    if scheduler.foreground:
        return JobState.GONE
    task = _task(job)
    try:
        return scheduler.poll([task])[task]
    except ProgramError:
        return None


def _task(job: OneOff) -> str:
    return str(read_json(job.folder / "job.json")["task"])
