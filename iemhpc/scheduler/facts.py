"""What the files of a run folder say, read once: plan, status, job, progress, costs.

A table of ten thousand runs is asked for many times and few of them change meanwhile, so facts may
be kept in an index (``runs/.index.json``). An entry counts while the folder and its ``plan.json``
have the times that it was made at: everything else is renamed into the folder, which touches it.
The index may be deleted at any time and written by two at once; where it cannot be written the next
look is as slow as the first. A decision to start a run is never taken from it.
"""

import contextlib
import json
import math
import os
import time
from dataclasses import fields
from pathlib import Path
from types import NoneType
from typing import Any, NamedTuple

from iemhpc import __version__
from iemhpc.scheduler.estimate import estimated_core_hours
from iemhpc.scheduler.run_files import (
    RunStatus,
    copied_from,
    is_cancelled,
    is_job_damaged,
    read_job,
    read_status,
    read_usable_plan,
    unusable_plan,
)
from iemhpc.scheduler.run_progress import (
    Progress,
    Spent,
    production_steps,
    read_progress,
    read_spent,
)
from iemhpc.workspace import Workspace, write_text

INDEX = ".index.json"
LONGEST_WORD = 12
"""Of charges from a file, which are named by its hash."""
SETTLED_S = 2.0
"""A folder that changed so recently may change again without a new time: clocks are coarse."""


_STATUS = tuple(field.name for field in fields(RunStatus))


class JobFacts(NamedTuple):
    """How a run was handed over: ``job.json``."""

    scheduler: str
    """Name of the scheduler."""
    cluster: str
    """Name or path of the profile."""
    task: str
    """The queue's name of it; empty where the submission broke off before it was known."""
    submission: str
    """Which submission it was part of."""
    attempts: int
    """How often it had been started before."""
    submitted_s: float
    """When, seconds since 1970."""
    has_ended: bool
    """Whether the process that ran it in the foreground has noted its end."""
    cores_per_run: int
    """Cores it asked for; 0: not said."""
    runs_per_job: int = 1
    """How many runs its job takes side by side."""


class RunFacts(NamedTuple):
    """What the files of a run say. A NamedTuple, because thousands are made for one table."""

    run_id: str
    """Name of the folder."""
    unusable: str
    """Why its plan cannot be used; empty where it can."""
    system: str
    """Membrane and salt."""
    salt_molar: float
    """Realised concentration, mol/L."""
    water_per_site: float
    """Water molecules a fixed charge, 0 where the plan does not say."""
    force_field: str
    """Force field, charges, water model, ion set and scale of charges, a word each."""
    seed: int | None
    """By which replicas differ; None where the plan does not say."""
    production_ps: float
    """Wanted length."""
    timestep_fs: float
    """Of the production."""
    n_steps: int
    """Wanted steps of the production."""
    estimated_core_h: float
    """Of the whole run, 0 where it is not known."""
    is_job_damaged: bool
    """Whether there is a ``job.json`` that cannot be read."""
    is_cancelled: bool
    """Whether somebody has cancelled it."""
    progress: Progress
    """How far its production is."""
    spent: Spent
    """What it has cost."""
    job: JobFacts | None
    """How it was handed over; None where it was not."""
    status: RunStatus | None
    """What ``run.sh`` last said; None where it has not."""
    copied_from: str = ""
    """Path of the run whose ``job.json`` came here with a copy of its folder."""


def read_facts(run: Path) -> RunFacts:
    """Read the files of one run folder."""
    try:
        return _read_facts(run)
    except (ValueError, TypeError, LookupError, AttributeError, ArithmeticError) as error:
        # one strange file must not hide ten thousand good runs
        return _unusable(run, why=f"a file of runs/{run.name} cannot be understood: {error}")


def _read_facts(run: Path) -> RunFacts:
    plan = read_usable_plan(run)
    if plan is None:
        return _unusable(run)
    job, status = read_job(run), read_status(run)
    cores = int((job or {}).get("cores_per_run") or 1)
    sampling, timestep_fs = plan["sampling"], float(plan["sampling"]["timestep_fs"])
    return RunFacts(
        run_id=run.name,
        unusable="",
        system=str(plan["physics"]["system"]),
        salt_molar=float(plan["request"].get("realised_salt_molar", 0.0)),
        water_per_site=float(plan["request"].get("water_per_site") or 0.0),
        force_field=_force_field(plan["physics"]),
        seed=_whole(plan["physics"].get("seed")),
        production_ps=float(sampling["production_ps"]),
        timestep_fs=timestep_fs,
        n_steps=production_steps(sampling),
        estimated_core_h=float(estimated_core_hours(plan, cores=cores)),
        is_job_damaged=job is None and is_job_damaged(run),
        is_cancelled=is_cancelled(run),
        progress=read_progress(
            run, attempt=status.attempt if status else 0, timestep_fs=timestep_fs
        ),
        spent=read_spent(run),
        job=_job_facts(job) if job else None,
        status=status,
        copied_from="" if job else copied_from(run),
    )


def read_all_facts(workspace: Workspace, *, indexed: bool) -> list[RunFacts]:
    """Read the files of every run folder of a workspace, by name.

    Parameters
    ----------
    workspace : Workspace
        The campaign's folder.
    indexed : bool
        Whether what the index has of unchanged folders will do, and whether to bring it up to date.
    """
    try:
        with os.scandir(workspace.runs) as entries:
            folders = [entry for entry in entries if entry.name[0] != "." and entry.is_dir()]
    except OSError:
        return []
    if not indexed:
        return [read_facts(Path(entry)) for entry in sorted(folders, key=_name)]
    old, new, found = _read_index(workspace), dict[str, Any](), list[RunFacts]()
    settled_ns, n_read = time.time_ns() - int(SETTLED_S * 1e9), 0
    for entry in sorted(folders, key=_name):
        key = _key(entry)
        known = _unpack(old.get(entry.name), key)
        if known is not None:
            new[entry.name] = old[entry.name]
            found.append(known)
            continue
        found.append(read_facts(Path(entry)))
        n_read += 1
        if max(key[:2]) < settled_ns:
            new[entry.name] = [key, _pack(found[-1])]
    if n_read or len(new) != len(old):
        _write_index(workspace, new)
    return found


def _name(entry: os.DirEntry[str]) -> str:
    return entry.name


def _key(folder: os.DirEntry[str]) -> list[int]:
    """Return the times of a folder and its plan, the plan's size and the folder's number.

    A copy that keeps the times has another number.
    """
    changed_ns, number = folder.stat().st_mtime_ns, folder.inode()
    try:
        plan = os.stat(f"{folder.path}/plan.json")  # noqa: PTH116  # a Path costs more than this
    except OSError:
        return [changed_ns, 0, 0, number]
    return [changed_ns, plan.st_mtime_ns, plan.st_size, number]


def _read_index(workspace: Workspace) -> dict[str, Any]:
    try:
        index = json.loads((workspace.runs / INDEX).read_bytes())
        entries = index["runs"] if index["version"] == _version() else {}
        return dict(entries)
    except (OSError, ValueError, KeyError, TypeError):
        return {}


def _write_index(workspace: Workspace, entries: dict[str, Any]) -> None:
    text = json.dumps({"version": _version(), "runs": entries}, separators=(",", ":"))
    with contextlib.suppress(OSError):
        write_text(workspace.runs / INDEX, text)


def _version() -> str:
    return f"{__version__} {','.join((*RunFacts._fields, *JobFacts._fields, *_STATUS))}"


def _pack(facts: RunFacts) -> list[Any]:
    status = facts.status
    values = [getattr(status, name) for name in _STATUS] if status else None
    return [*facts[:-2], values, facts.copied_from]


def _unpack(entry: Any, key: list[int]) -> RunFacts | None:
    """Return the facts of an entry; None where it is of another time, or damaged."""
    try:
        if entry is None or entry[0] != key:
            return None
        *others, progress, spent, job, status, origin = entry[1]
        if not _has_types(others, progress, spent, job, status):
            return None
        return RunFacts._make(
            (
                *others,
                Progress._make(progress),
                Spent._make(spent),
                JobFacts._make(job) if job else None,
                RunStatus(**dict(zip(_STATUS, status, strict=True))) if status else None,
                str(origin),
            )
        )
    except (TypeError, ValueError, LookupError):
        return None


_PLAN_TYPES = (
    *(str, str, str, float, float, str, int),
    *(float, float, int, float, bool, bool),
)
_SEED, _RC = RunFacts._fields.index("seed"), _STATUS.index("rc")
_NO_SEED_TYPES = (*_PLAN_TYPES[:_SEED], NoneType, *_PLAN_TYPES[_SEED + 1 :])
_PROGRESS_TYPES, _SPENT_TYPES = (int, float), (float, float, int)
_JOB_TYPES = (str, str, str, str, int, float, bool, int, int)
_STATUS_TYPES = (str, str, int, int, str, str, int, str, str, int, float)
_OPEN_TYPES = (*_STATUS_TYPES[:_RC], NoneType, *_STATUS_TYPES[_RC + 1 :])


def _has_types(others: Any, progress: Any, spent: Any, job: Any, status: Any) -> bool:
    """Say whether an entry holds what was written: somebody may have changed it."""
    seed, rc = others[_SEED], status and status[_RC]
    return (
        _types(others) == (_PLAN_TYPES if seed is not None else _NO_SEED_TYPES)
        and _types(progress) == _PROGRESS_TYPES
        and _types(spent) == _SPENT_TYPES
        and (job is None or _types(job) == _JOB_TYPES)
        # a process that runs has no exit code
        and (status is None or _types(status) == (_STATUS_TYPES if rc is not None else _OPEN_TYPES))
        and math.isfinite(
            others[3] + others[4] + others[7] + others[8] + others[10]
            + (progress[1] + spent[0] + spent[1])
            + (job[5] if job else 0.0) + (status[-1] if status else 0.0)
        )
    )  # fmt: skip


def _types(values: Any) -> tuple[type, ...]:
    return tuple(map(type, values))


def _job_facts(job: dict[str, Any]) -> JobFacts:
    return JobFacts(
        scheduler=str(job["scheduler"]),
        cluster=str(job.get("cluster") or ""),
        task=str(job.get("task") or ""),
        submission=str(job["submission"]),
        attempts=int(job["attempts"]),
        submitted_s=float(job["submitted_s"]),
        has_ended=bool(job.get("ended")),
        cores_per_run=int(job.get("cores_per_run") or 0),
        runs_per_job=int(job.get("runs_per_job") or 1),
    )


def _whole(value: Any) -> int | None:
    return None if value is None else int(value)


def _force_field(physics: dict[str, Any]) -> str:
    """Return a force field in words, each in its place.

    Examples
    --------
    >>> _force_field({"force_field": "gaff2", "charges": "gasteiger", "charge_scale": 0.8})
    'gaff2 gasteiger - - 0.8'
    >>> _force_field({})
    ''
    """
    if "force_field" not in physics:
        return ""
    names = ("force_field", "charges", "water_model", "ion_set", "charge_scale")
    return " ".join("".join(str(physics.get(name) or "-").split())[:LONGEST_WORD] for name in names)


def _unusable(run: Path, *, why: str = "") -> RunFacts:
    return RunFacts(
        run_id=run.name,
        unusable=why or unusable_plan(run),
        system="?",
        salt_molar=0.0,
        water_per_site=0.0,
        force_field="",
        seed=None,
        production_ps=0.0,
        timestep_fs=1.0,
        n_steps=0,
        estimated_core_h=0.0,
        is_job_damaged=False,
        is_cancelled=False,
        progress=Progress(0, 0.0),
        spent=Spent(0.0, 0.0, 1),
        job=None,
        status=None,
    )
