"""The descriptors again from stored pair counts: no trajectory is needed for it.

What a row says besides, as its plan and the hash of its trajectory, is kept where there is a row.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from iemhpc.descriptors.books import COMMAND, Files, lock_of, read_books
from iemhpc.descriptors.from_rdf import descriptors_from_rdf
from iemhpc.descriptors.reading import RunFolder
from iemhpc.descriptors.replicas import write_replicas
from iemhpc.descriptors.shell import ESTIMATOR
from iemhpc.errors import IemhpcError
from iemhpc.tables.descriptors import DESCRIPTOR_TABLE
from iemhpc.tables.io import read_frame, write_table
from iemhpc.tables.rdf import RDF_TABLE
from iemhpc.workspace import Workspace, lock

UNKNOWN = "unknown"
"""Stands for the hash of a trajectory that nobody has seen: the next reading looks at it again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RecomputeSummary:
    """What was computed."""

    n_runs: int
    rdf: Path
    path: Path

    def lines(self) -> list[str]:
        """Return what a person reads."""
        return [f"{self.n_runs} runs computed from the counts in {self.rdf} -> {self.path}"]


def recompute(rdf: Path, out: Path, *, workspace: Workspace | None = None) -> RecomputeSummary:
    """Compute the descriptors of all runs of a table of pair counts.

    Parameters
    ----------
    rdf : Path
        The pair counts.
    out : Path
        The table of descriptors, whose rows of these runs are replaced.
    workspace : Workspace, optional
        Where the plans of the runs are.

    Raises
    ------
    MissingInputError, TableError
        Where there are no pair counts, or none that can be used.
    """
    counts = read_frame(rdf, RDF_TABLE, made_by=COMMAND)
    with lock(lock_of(out), what=COMMAND):
        books = read_books(Files(descriptors=out, rdf=None, dynamics=None, curves=None))
        rows = {run_id: row for run_id, row in books.rows.items() if "estimator" in row}
        found = descriptors_from_rdf(counts)
        for one in found:
            run_id = str(one["run_id"])
            old = books.rows.get(run_id, {"sampled_ps": None, "trajectory_hash": UNKNOWN})
            rows[run_id] = {**old, **_planned(workspace, run_id), **one}
        said = {"estimator": ESTIMATOR, "rdf": str(rdf)}
        found_rows = [rows[run_id] for run_id in sorted(rows)]
        if workspace is not None:
            write_replicas(workspace.replicas, found_rows, provenance=said)
        write_table(out, DESCRIPTOR_TABLE, found_rows, said)
    return RecomputeSummary(n_runs=len(found), rdf=rdf, path=out)


def _planned(workspace: Workspace | None, run_id: str) -> dict[str, Any]:
    if workspace is None:
        return {}
    try:
        return RunFolder(workspace.run(run_id)).known()
    except (IemhpcError, OSError):
        return {}
