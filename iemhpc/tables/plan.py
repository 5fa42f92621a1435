"""``plan.json`` as every reader takes it: of the version that this iemhpc reads, and unchanged."""

from pathlib import Path
from typing import Any

from iemhpc.errors import InputError, MissingInputError
from iemhpc.workspace import content_hash, read_json

SCHEMA_VERSION = 4
"""Of plan.json; raised when a reader of the old one would go wrong."""

PARTS = ("physics", "request", "sampling")
"""What a plan says, besides its version and its run's id."""


def read_plan_file(run: Path) -> dict[str, Any]:
    """Return what the ``plan.json`` of a run's folder holds.

    Raises
    ------
    MissingInputError
        Where the folder holds none.
    InputError
        Where it is damaged, of another schema version, or was changed after it was written.
    """
    path = run / "plan.json"
    if not path.is_file():
        raise MissingInputError(
            f"{run} is not a run folder: it has no plan.json; make one with: iemhpc md-submit"
        )
    try:
        plan = read_json(path)
    except InputError:
        raise InputError(damaged_plan(run)) from None
    version = plan.get("schema_version") if isinstance(plan, dict) else None
    if version is None or not all(isinstance(plan.get(part, {}), dict) for part in PARTS):
        raise InputError(damaged_plan(run))
    if version != SCHEMA_VERSION:
        raise InputError(
            f"plan.json of schema {version}, this iemhpc reads {SCHEMA_VERSION}: {_again(run)}"
        )
    try:
        found = content_hash(plan["physics"])
    except (KeyError, TypeError, ValueError):
        raise InputError(damaged_plan(run)) from None
    if found != plan.get("run_id"):
        raise InputError(
            f"plan.json was changed by hand: its physics hashes to {found}, but it says "
            f"{plan.get('run_id')}: {_again(run)}"
        )
    return dict(plan)


def damaged_plan(run: Path) -> str:
    """Return what is said of a run's folder whose plan is none.

    Examples
    --------
    >>> damaged_plan(Path("runs/3fa1c2"))
    'plan.json is damaged or missing: delete runs/3fa1c2 and run md-submit again'
    """
    return f"plan.json is damaged or missing: {_again(run)}"


def _again(run: Path) -> str:
    return f"delete runs/{run.name} and run md-submit again"
