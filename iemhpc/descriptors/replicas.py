"""Independent builds of one box -> one row, with their spread as the error.

Replicas are runs that differ by nothing but the seed of their build. Runs of other trajectories,
which no plan describes, have none.
"""

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from iemhpc.tables.averaging import average
from iemhpc.tables.descriptors import FLAGS, PAIRS
from iemhpc.tables.io import write_table
from iemhpc.tables.replicas import NUMBERS, REPLICA_TABLE

Row = Mapping[str, Any]


def combine_replicas(rows: Sequence[Row]) -> list[dict[str, Any]]:
    """Combine the runs of each box.

    Parameters
    ----------
    rows : sequence of mappings
        Rows of ``descriptors.parquet``.

    Returns
    -------
    list of dict
        Rows of ``replicas.parquet``, by system and salt; a box of one build is one of them.
    """
    groups: dict[tuple[str, ...], list[Row]] = defaultdict(list)
    for row in rows:
        names = ("polymer_hash", "conditions_hash", "site_convention")
        key = tuple(str(row.get(name) or "") for name in names)
        if all(key):
            groups[key].append(row)
    combined = [
        _combined(sorted(runs, key=lambda run: str(run["run_id"]))) for runs in groups.values()
    ]
    return sorted(
        combined, key=lambda row: (row["system"], row["realised_salt_molar"], row["run_ids"])
    )


def _combined(runs: Sequence[Row]) -> dict[str, Any]:
    first = runs[0]
    same = ("system", "polymer_hash", "conditions_hash", "temperature_K", "site_convention")
    row: dict[str, Any] = {
        **{name: first[name] for name in same},
        "estimator": ",".join(dict.fromkeys(str(run["estimator"]) for run in runs)),
        "realised_salt_molar": math.fsum(run["realised_salt_molar"] for run in runs) / len(runs),
        "run_ids": ",".join(str(run["run_id"]) for run in runs),
        "n_builds": len(runs),
        "sampled_ps": math.fsum(run["sampled_ps"] for run in runs),
    }
    for name in NUMBERS:
        known = [(run[name], run[f"{name}_se"]) for run in runs if run[name] is not None]
        found = average([value for value, _ in known], [error for _, error in known])
        row[name] = found.value if found else None
        row[f"{name}_se"] = found.error if found else None
        row[f"{name}_spread"] = found.spread if found else None
        row[f"{name}_n_builds"] = len(known)
    for pair in PAIRS:
        raised = {flag for run in runs for flag in str(run[f"{pair}_flags"]).split(",")}
        row[f"{pair}_flags"] = ",".join(flag for flag in FLAGS if flag in raised)
    return row


def write_replicas(path: Path, rows: Sequence[Row], *, provenance: Mapping[str, str]) -> None:
    """Write ``replicas.parquet`` from rows of descriptors, where any of them is of a plan."""
    combined = combine_replicas(rows)
    if combined or path.exists():
        write_table(path, REPLICA_TABLE, combined, provenance)
