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
from statistics import stdev

from iemhpc.dataset.labels import Row
from iemhpc.errors import UnknownNameError
from iemhpc.polymer.catalog import load_membrane
from iemhpc.progress import Say, quiet
from iemhpc.tables.dataset import DATASET_TABLE
from iemhpc.tables.descriptors import DESCRIPTORS, PAIRS
from iemhpc.workspace import content_hash

WATER_TOLERANCE = 0.05
"""How far, relatively, a box's water per site may lie from the label's."""


def join(
    labels: Sequence[Row],
    runs: Mapping[str, Sequence[Row]] | None,
    *,
    reference: Mapping[str, Sequence[Row]] | None = None,
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
    warn : callable
        Takes a line for each point that has runs which are no replicas of each other.
    """
    rows = [_joined(label, runs, reference, warn=warn) for label in labels]
    names = list(dict.fromkeys([*DATASET_TABLE.names, *(name for row in rows for name in row)]))
    return [{name: row.get(name) for name in names} for row in rows]


def _joined(
    label: Row,
    runs: Mapping[str, Sequence[Row]] | None,
    reference: Mapping[str, Sequence[Row]] | None,
    *,
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
        **_average(serving),
        "descriptor_source": source,
        "run_ids": ",".join(run["run_id"] for run in serving),
        "realised_salt_molar": sum(run["realised_salt_molar"] for run in serving) / len(serving),
        "null_reason": _null_reason(serving),
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


def _average(runs: Sequence[Row]) -> Row:
    """Return each descriptor's mean over replicas and, where there are several, their spread."""
    row: Row = {}
    for name in DESCRIPTORS:
        known = [(run[name], run[f"{name}_se"]) for run in runs if run[name] is not None]
        row[name] = weighted_mean([v for v, _ in known], [e for _, e in known]) if known else None
        if len(runs) > 1:
            row[f"{name}_spread"] = stdev(v for v, _ in known) if len(known) > 1 else None
    return row


def weighted_mean(values: Sequence[float], errors: Sequence[float | None]) -> float:
    """Return the mean with weights 1/SE² where the errors explain the spread, else the plain mean.

    They do where chi-square per degree of freedom is at most 1. Builds that differ by more differ
    by what a run's own error does not see, and then the smallest error must not decide; nor can
    errors that are unknown or zero.

    Examples
    --------
    >>> round(weighted_mean([4.0, 4.1], [0.1, 0.2]), 6)
    4.02
    >>> weighted_mean([4.0, 5.0], [0.01, 0.2]), weighted_mean([4.0, 5.0], [0.1, None])
    (4.5, 4.5)
    """
    plain = math.fsum(values) / len(values)
    known = [error for error in errors if error is not None and error > 0.0]
    if len(values) == 1 or len(known) < len(values):
        return plain
    weights = [1.0 / (error * error) for error in known]
    pairs = list(zip(weights, values, strict=True))
    mean = math.fsum(w * v for w, v in pairs) / math.fsum(weights)
    chi_square = math.fsum(w * (v - mean) ** 2 for w, v in pairs)
    return mean if chi_square <= len(values) - 1 else plain


def _null_reason(runs: Sequence[Row]) -> str | None:
    reasons = []
    for pair in PAIRS:
        names = [name for name in DESCRIPTORS if name.startswith(pair)]
        if any(all(run[name] is None for run in runs) for name in names):
            known = dict.fromkeys(run[f"{pair}_reason"] for run in runs if run[f"{pair}_reason"])
            reasons.append(f"{pair}: {', '.join(known) or 'null in the runs'}")
    return "; ".join(reasons) or None
