"""Labels joined with the descriptors of runs: one row a point.

A run serves a label of its system where its polymer is the one of that name, the label's
concentration rounds to the run's box (``salt_molar_low <= salt_molar < salt_molar_high``) and the
box holds the label's water. Only replicas, runs that differ by nothing but the seed, are averaged;
points whose concentrations round to one box share its runs. A descriptor that no run gives stays
null, with the reason; it is never made up.
"""

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from functools import cache

from iemhpc.dataset.labels import Row
from iemhpc.errors import UnknownNameError
from iemhpc.polymer.catalog import load_membrane
from iemhpc.progress import Say, quiet
from iemhpc.tables.averaging import average
from iemhpc.tables.dataset import DATASET_TABLE
from iemhpc.tables.descriptors import DESCRIPTORS, FLAGS, PAIRS
from iemhpc.tables.dynamics import reason_column
from iemhpc.workspace import content_hash

WATER_TOLERANCE = 0.05
"""How far, relatively, a box's water per site may lie from the label's."""


def join(
    labels: Sequence[Row],
    runs: Mapping[str, Sequence[Row]] | None,
    *,
    reference: Mapping[str, Sequence[Row]] | None = None,
    more: Sequence[str] = (),
    warn: Say = quiet,
) -> list[Row]:
    """Return the rows of a dataset.

    Parameters
    ----------
    labels : sequence of rows
        Rows of LABEL_TABLE.
    runs : mapping of str to rows, or None
        Rows of DESCRIPTOR_TABLE by system in lower case; None where no run has been read.
    reference : mapping of str to rows, optional
        Runs, in the same way, for the points that no run serves.
    more : sequence of str
        Further columns of the runs, each with its error, that go into the dataset.
    warn : callable
        Takes a line for each point that has runs which are no replicas of each other.
    """
    rows = [_joined(label, runs, reference, more=more, warn=warn) for label in labels]
    found = (name for row in rows for name in row)
    names = list(dict.fromkeys([*DATASET_TABLE.names, *found, *more]))
    return [{name: row.get(name) for name in names} for row in rows]


def _joined(
    label: Row,
    runs: Mapping[str, Sequence[Row]] | None,
    reference: Mapping[str, Sequence[Row]] | None,
    *,
    more: Sequence[str],
    warn: Say,
) -> Row:
    row: Row = {**label, "descriptor_source": None, "run_ids": None, "realised_salt_molar": None}
    if any(label[name] is not None for name in DESCRIPTORS):
        missing = [name for name in DESCRIPTORS if label[name] is None]
        reason = f"not in the imported table: {', '.join(missing)}" if missing else None
        return {**row, "descriptor_source": "imported", "null_reason": reason}
    system = str(label["system"]).lower()
    serving, reason = list[Row](), "no runs yet"
    if runs is not None:
        serving, reason = _serving(label, runs.get(system, ()))
    source = "runs"
    if not serving and reference is not None:
        serving, _ = _serving(label, reference.get(system, ()))
        source = "reference"
    if not serving:
        return {**row, "null_reason": reason}
    serving = _replicas(serving, point=_point_name(label), warn=warn)
    return {
        **row,
        **_average(serving, (*DESCRIPTORS, *more)),
        "descriptor_source": source,
        "run_ids": ",".join(run["run_id"] for run in serving),
        "realised_salt_molar": sum(run["realised_salt_molar"] for run in serving) / len(serving),
        "null_reason": _null_reason(serving, more),
        "descriptor_doubts": _doubts(serving),
    }


def _serving(label: Row, runs: Sequence[Row]) -> tuple[list[Row], str]:
    """Return the runs whose box is that of the label's point, or why there are none."""
    if not runs:
        return [], "no run of the system"
    runs = [run for run in runs if _is_of_its_polymer(run)]
    if not runs:
        return [], "run of another polymer of that name"
    wet = [run for run in runs if _close(run["water_per_site"], label["water_per_site"])]
    if not wet:
        return [], "no run with so much water per site"
    here = [r for r in wet if r["salt_molar_low"] <= label["salt_molar"] < r["salt_molar_high"]]
    if not here:
        return [], "no run at the concentration"
    return sorted(here, key=lambda run: str(run["run_id"])), ""


def _is_of_its_polymer(run: Row) -> bool:
    """Return whether a run's polymer is the catalogue's of that name, if it has one."""
    wanted = _catalogued_hash(str(run["membrane"]))
    return wanted is None or run["polymer_hash"] == wanted


@cache
def _catalogued_hash(membrane: str) -> str | None:
    if membrane.lower().endswith(".toml"):
        return None
    try:
        return load_membrane(membrane).polymer.hash
    except UnknownNameError:
        return None


def _replicas(runs: Sequence[Row], *, point: str, warn: Say) -> list[Row]:
    """Return the group of replicas that has been sampled longest; say so where there are others."""
    groups: dict[str, list[Row]] = defaultdict(list)
    for run in runs:
        groups[content_hash([run["polymer_hash"], run["conditions_hash"]])].append(run)
    ranked = sorted(groups, key=lambda key: (-_sampled_ps(groups[key]), -len(groups[key]), key))
    best, *others = (groups[key] for key in ranked)
    if others:
        warn(
            f"{point}: runs of {len(groups)} protocols, polymers or boxes, which are not averaged; "
            f"used {_named(best)}; left {'; '.join(map(_named, others))}"
        )
    return best


def _point_name(label: Row) -> str:
    return f"{label['system']} at {label['salt_molar']:g} mol/L"


def _named(runs: Sequence[Row]) -> str:
    return f"{', '.join(run['run_id'] for run in runs)} ({_sampled_ps(runs):g} ps)"


def _sampled_ps(runs: Sequence[Row]) -> float:
    return math.fsum(run["sampled_ps"] for run in runs)


def _close(got: float, wanted: float) -> bool:
    return abs(got - wanted) <= WATER_TOLERANCE * wanted


def _average(runs: Sequence[Row], names: Sequence[str]) -> Row:
    """Return each number's mean over replicas and, where there are several, their spread."""
    row: Row = {}
    for name in names:
        known = [(run[name], run.get(f"{name}_se")) for run in runs if run.get(name) is not None]
        found = average([v for v, _ in known], [e for _, e in known])
        row[name] = found.value if found else None
        if len(runs) > 1:
            row[f"{name}_spread"] = found.spread if found else None
    return row


def _doubts(runs: Sequence[Row]) -> str | None:
    doubts = []
    for pair in PAIRS:
        raised = {flag for run in runs for flag in str(run[f"{pair}_flags"]).split(",")}
        if found := [flag for flag in FLAGS if flag in raised]:
            doubts.append(f"{pair}: {', '.join(found)}")
    return "; ".join(doubts) or None


def _null_reason(runs: Sequence[Row], more: Sequence[str]) -> str | None:
    reasons = []
    for pair in PAIRS:
        names = [name for name in DESCRIPTORS if name.startswith(pair)]
        if any(all(run[name] is None for run in runs) for name in names):
            known = dict.fromkeys(run[f"{pair}_reason"] for run in runs if run[f"{pair}_reason"])
            reasons.append(f"{pair}: {', '.join(known) or 'null in the runs'}")
    for name in more:
        if all(run.get(name) is None for run in runs):
            said = [run.get(reason_column(name)) for run in runs]
            known = dict.fromkeys(str(reason) for reason in said if reason)
            reasons.append(f"{name}: {', '.join(known) or 'not in dynamics.parquet'}")
    return "; ".join(reasons) or None
