"""The files by which a run is known: ``plan.json``, ``job.json``, ``status.json`` and others.

``job.json`` is written when a run is handed over, ``status.json`` by ``run.sh`` on the node, and
``cancelled.json`` when somebody cancels the run: ``run.sh`` stops where it finds it.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from iemhpc.errors import InputError, MissingInputError
from iemhpc.processes import ProcessIdentity, is_same_process
from iemhpc.tables.plan import damaged_plan, read_plan_file
from iemhpc.workspace import read_json

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
        for key in ("production_ps", "timestep_fs"):
            float(plan["sampling"][key])
    except (KeyError, TypeError, ValueError, AttributeError):
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
    """Return what ``run.sh`` last wrote; None where it has not, or the file is damaged."""
    path = run / "status.json"
    try:
        values = read_json(path)
        return RunStatus(
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
    except (FileNotFoundError, InputError, KeyError, TypeError, ValueError):
        return None


def read_job(run: Path) -> dict[str, Any] | None:
    """Return ``job.json``: how the run was handed over; None where it was not, or is damaged."""
    try:
        values = read_json(run / "job.json")
        int(values["attempts"]), int(values["index"]), float(values["submitted_s"])
        str(values["scheduler"]), str(values["submission"])
    except (FileNotFoundError, InputError, KeyError, TypeError, ValueError):
        return None
    return dict(values)


def is_cancelled(run: Path) -> bool:
    """Say whether somebody has cancelled the run and nobody has submitted it again since."""
    return (run / CANCELLED).exists()


def is_alive(status: RunStatus, run: Path) -> bool:
    """Say whether the ``run.sh`` of this host that wrote a status lives.

    Where the status does not say when it started, it must work in the run's folder.
    """
    identity = ProcessIdentity(
        host=status.host, pid=status.pid, start=status.start, boot=status.boot
    )
    if is_same_process(identity) is not True:
        return False
    if status.start:
        return True
    try:
        return Path(f"/proc/{status.pid}/cwd").resolve(strict=True) == run.resolve()
    except OSError:
        return not Path("/proc/self").exists()
