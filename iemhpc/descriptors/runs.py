"""What descriptors need to know of a run folder besides its trajectory: is it done, what is it.

Only files are read: ``status.json``, ``plan.json`` and ``roles.parquet``.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from iemhpc.errors import InputError, MissingInputError, unknown_name
from iemhpc.tables.plan import read_plan_file
from iemhpc.workspace import Workspace, content_hash, read_json

MADE_BY = "iemhpc md-submit"

_PHYSICS = {
    "system": str,
    "membrane": str,
    "salt": str,
    "polymer_hash": str,
    "n_sites": int,
    "n_waters": int,
    "n_counterions": int,
    "n_coions": int,
    "seed": int,
    "temperature_K": float,
}
_REQUEST = {
    "salt_molar": float,
    "realised_salt_molar": float,
    "salt_molar_low": float,
    "salt_molar_high": float,
    "water_per_site": float,
}


def finished_runs(
    workspace: Workspace, run_ids: Sequence[str] = ()
) -> tuple[list[str], dict[str, str]]:
    """Return the finished runs, and why the others that were asked for are none.

    Parameters
    ----------
    workspace : Workspace
        Where the runs are.
    run_ids : sequence of str, optional
        The runs asked for; all if empty.

    Raises
    ------
    MissingInputError
        Where no run is finished.
    UnknownNameError
        Where a run asked for has no folder.
    """
    folders = sorted(p.parent.name for p in workspace.runs.glob("*/plan.json"))
    for run_id in run_ids:
        if run_id not in folders:
            raise unknown_name("run", run_id, folders)
    wanted = list(dict.fromkeys(run_ids)) or folders
    states = {run_id: run_state(workspace.run(run_id)) for run_id in wanted}
    done = [run_id for run_id, state in states.items() if state == "done"]
    if not done:
        counts = ", ".join(f"{run_id} is {state}" for run_id, state in list(states.items())[:3])
        raise MissingInputError(
            f"no finished run in {workspace.runs.resolve()} ({counts or 'it holds no run'}"
            f"{', ...' if len(states) > 3 else ''}); make some with: {MADE_BY}; watch them with: "
            "iemhpc status"
        )
    return done, {r: f"not finished: {s}" for r, s in states.items() if s != "done"}


def run_state(folder: Path) -> str:
    """Return what ``status.json`` says of a run; ``planned`` without it, ``unknown`` if damaged."""
    path = folder / "status.json"
    if not path.is_file():
        return "planned"
    try:
        status = read_json(path)
    except InputError:
        return "unknown"
    return str(status.get("state", "unknown")) if isinstance(status, dict) else "unknown"


def plan_columns(folder: Path) -> dict[str, Any]:
    """Return the columns of ``descriptors.parquet`` that come from a run's plan.

    Raises
    ------
    InputError
        Where the plan lacks one of them, is of another schema version or was changed by hand.
    """
    plan = read_plan_file(folder)
    columns: dict[str, Any] = {"run_id": folder.name}
    for part, wanted in (("physics", _PHYSICS), ("request", _REQUEST)):
        values = plan.get(part)
        values = values if isinstance(values, Mapping) else {}
        missing = [key for key in wanted if values.get(key) is None]
        if missing:
            raise InputError(
                f"{folder}: {part} of its plan.json lacks {', '.join(missing)}; plan the run "
                f"again with: {MADE_BY}"
            )
        columns |= {key: kind(values[key]) for key, kind in wanted.items()}
    inside = plan["request"].get("donnan_salt_molar")  # null where theory does not know the system
    return columns | {
        "donnan_salt_molar": None if inside is None else float(inside),
        "conditions_hash": conditions_hash(plan["physics"]),
    }


def conditions_hash(physics: Mapping[str, Any]) -> str:
    """Return the hash of what is equal in replicas: all physics but the seed of the build.

    Examples
    --------
    >>> first, second = {"temperature_K": 298.15, "seed": 1}, {"temperature_K": 298.15, "seed": 2}
    >>> conditions_hash(first) == conditions_hash(second)
    True
    """
    return content_hash({key: value for key, value in physics.items() if key != "seed"})
