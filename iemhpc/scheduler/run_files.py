"""The files by which a run is known: ``plan.json``, ``job.json``, ``status.json`` and others.

``job.json`` is written when a run is handed over, ``status.json`` by ``run.sh`` on the node, and
``cancelled.json`` when somebody cancels the run: ``run.sh`` stops where it finds it.
"""

import math
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from iemhpc.errors import InputError, MissingInputError
from iemhpc.processes import ProcessIdentity, is_same_process
from iemhpc.scheduler.run_progress import production_steps
from iemhpc.tables.plan import damaged_plan, read_plan_file
from iemhpc.workspace import read_json

_DAMAGED = (InputError, OSError, LookupError, TypeError, ValueError, ArithmeticError)
"""How JSON that somebody else wrote can be wrong; 1e400 is a number that no integer holds."""

STATUS_STATES = ("running", "interrupted", "failed", "done")
"""Words of ``run.sh``."""

_NO_FAILURE = (0, 74, 75, 76, 129, 137, 143, 241, 247, 255)
"""Exit codes of ``run.sh`` that are no word of the run's: done, cut short, cancelled, killed."""

CANCELLED = "cancelled.json"
"""Who cancelled a run and when; taken away when it is submitted again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunStatus:
    """``status.json``, as ``run.sh`` wrote it."""

    state: str
    """running, interrupted, failed or done."""
    stage: str
    """minimize, equilibrate or production."""
    attempt: int
    """How often the run was started."""
    rc: int | None
    """Exit code, None while running."""
    reason: str
    """Why it ended; empty where it did not or all is well."""
    host: str
    """Where run.sh runs."""
    pid: int
    """Process of run.sh on that host."""
    start: str
    """When that process started, in ticks since the boot; empty where the system did not say."""
    boot: str
    """Which boot that was; empty where the system did not say."""
    n_steps: int
    """Steps of the production that this attempt was asked for."""
    written_s: float
    """When, seconds since 1970."""


def read_plan(run: Path) -> dict[str, Any]:
    """Return the plan of a run folder.

    Raises
    ------
    MissingInputError
        Where the folder holds none.
    InputError
        Where it is damaged, of another schema version, or was changed by hand.
    """
    plan = read_plan_file(run)
    try:
        str(plan["physics"]["system"])
        for key in ("realised_salt_molar", "water_per_site"):
            float(plan["request"].get(key, 0.0))
        int(plan["physics"].get("seed", 0))
        production_steps(plan["sampling"])
        float(plan["sampling"].get("extended_ps", 0.0))
        float(plan["request"].get("n_atoms") or 0)
    except (*_DAMAGED, AttributeError):
        raise InputError(damaged_plan(run)) from None
    return plan


def read_usable_plan(run: Path) -> dict[str, Any] | None:
    """Return the plan of a run folder; None where :func:`unusable_plan` says why not."""
    try:
        return read_plan(run)
    except (OSError, InputError):
        return None


def unusable_plan(run: Path) -> str:
    """Return why the plan of a run folder cannot be used, and what to do; empty where it can."""
    try:
        read_plan(run)
    except MissingInputError:
        return damaged_plan(run)
    except (OSError, InputError) as error:
        return str(error)
    return ""


def describe_run(run: Path) -> str:
    """Return a run's name for a line of progress: ``CR61/NaCl 1 mol/L (3fa1c2)``."""
    plan = read_plan(run)
    molar = plan["request"].get("realised_salt_molar", 0.0)
    return f"{plan['physics']['system']} {molar:.3g} mol/L ({run.name[:6]})"


def read_status(run: Path) -> RunStatus | None:
    """Return what ``run.sh`` last wrote; None where it has not, or its notes are damaged, too."""
    path = run / "status.json"
    try:
        values = read_json(path)
        status = RunStatus(
            state=str(values["state"]),
            stage=str(values["stage"]),
            attempt=int(values["attempt"]),
            rc=None if values["rc"] is None else int(values["rc"]),
            reason=str(values["reason"]),
            host=str(values.get("host", "")),
            pid=int(values.get("pid", 0)),
            start=str(values.get("start", "")),
            boot=str(values.get("boot", "")),
            n_steps=int(values.get("n_steps", 0)),
            written_s=path.stat().st_mtime,
        )
    except FileNotFoundError:
        return None
    except (*_DAMAGED, AttributeError):
        return _status_by_notes(run)
    return status if status.state in STATUS_STATES else _status_by_notes(run)


def _status_by_notes(run: Path) -> RunStatus | None:
    """Return what ``attempts.log`` and ``ended.log`` say of the last attempt, if it has ended."""
    try:
        attempt = len((run / "attempts.log").read_bytes().splitlines())
        ended = (run / "ended.log").read_text(encoding="utf-8", errors="replace")
        words = ended.splitlines()[-1].split()
        if int(words[0]) != attempt:
            return None
        said = words[-1].removeprefix("rc=")
        rc = None if said == "lost" else int(said)
        written_s = (run / "ended.log").stat().st_mtime
    except (OSError, LookupError, ValueError):
        return None
    has_failed = rc is not None and rc not in _NO_FAILURE
    return RunStatus(
        state="failed" if has_failed else "interrupted",
        stage="",
        attempt=attempt,
        rc=rc,
        reason=f"status.json is damaged; ended.log says rc={said} of attempt {attempt}",
        host="",
        pid=0,
        start="",
        boot="",
        n_steps=0,
        written_s=written_s,
    )


def read_job(run: Path) -> dict[str, Any] | None:
    """Return ``job.json``: how this very run was handed over.

    None where it was not, where the file is damaged, and where it came with a copy of another run.
    """
    values = _job_values(run)
    return None if values is None or _other_run(values, run) else values


def is_job_damaged(run: Path) -> bool:
    """Say whether there is a ``job.json`` that nobody can read."""
    return _job_values(run) is None and (run / "job.json").exists()


def copied_from(run: Path) -> str:
    """Return the path of the run whose ``job.json`` came here with a copy; empty where none did."""
    return _other_run(_job_values(run) or {}, run)


def identity_of(run: Path) -> dict[str, Any]:
    """Return what ``job.json`` says of whose it is.

    A folder that was moved keeps its number, and one that is reached by another path has it, too.
    """
    return {"path": str(run.resolve()), "number": run.stat().st_ino}


def _job_values(run: Path) -> dict[str, Any] | None:
    try:
        values = read_json(run / "job.json")
        int(values["attempts"]), int(values["index"]), math.floor(float(values["submitted_s"]))
        str(values["scheduler"]), str(values["submission"])
        int(values.get("cores_per_run") or 1), int(values.get("n_runs") or 1)
        return dict(values)
    except (*_DAMAGED, AttributeError):
        return None


def _other_run(values: Mapping[str, Any], run: Path) -> str:
    whose = values.get("run")
    if not isinstance(whose, dict) or whose.get("number") == run.stat().st_ino:
        return ""
    path = str(whose.get("path"))
    return "" if path == str(run.resolve()) else path


def is_cancelled(run: Path) -> bool:
    """Say whether somebody has cancelled the run and nobody has submitted it again since."""
    return (run / CANCELLED).exists()


def is_alive(status: RunStatus, run: Path) -> bool:
    """Say whether the ``run.sh`` of this host that wrote a status lives.

    It must work in the run's folder: a copy of the folder has the same status.
    """
    identity = ProcessIdentity(
        host=status.host, pid=status.pid, start=status.start, boot=status.boot
    )
    if is_same_process(identity) is not True:
        return False
    try:
        return os.path.samefile(f"/proc/{status.pid}/cwd", run)  # noqa: PTH121  # a link of /proc
    except PermissionError:
        return bool(status.start)  # another user's: the process is this one all the same
    except OSError:
        return not Path("/proc/self").exists()
