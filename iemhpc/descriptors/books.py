"""The tables of descriptors while they grow: one entry a run, each file whole at any moment.

A run's row of ``descriptors.parquet`` says that the run is done, so that file is written last: who
is killed between two files leaves rows that pass for what they are, older than their trajectory.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from iemhpc.descriptors.dynamics import ESTIMATOR as DYNAMICS_ESTIMATOR
from iemhpc.descriptors.reading import Reading
from iemhpc.descriptors.replicas import write_replicas
from iemhpc.descriptors.shell import ESTIMATOR
from iemhpc.errors import MissingInputError, TableError
from iemhpc.progress import Say, quiet
from iemhpc.tables.descriptors import DESCRIPTOR_TABLE
from iemhpc.tables.dynamics import CURVE_TABLE, DYNAMICS_TABLE
from iemhpc.tables.io import Table, read_frame, write_table
from iemhpc.tables.rdf import RDF_TABLE

COMMAND = "iemhpc descriptors"

SURVIVING = ("run_id", "trajectory_hash", "site_convention", "sampled_ps")
"""What a row of an older schema must say for its stored counts to be used."""

Row = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Files:
    """Where the tables are."""

    descriptors: Path
    rdf: Path | None
    """None: not written."""
    dynamics: Path | None
    curves: Path | None
    replicas: Path | None = None


def lock_of(descriptors: Path) -> Path:
    """Return the lock that whoever writes a table of descriptors, and those beside it, holds."""
    return descriptors.with_name(f".{descriptors.stem}.lock")


@dataclass(slots=True, kw_only=True)
class Books:
    """The tables, by run."""

    rows: dict[str, Row] = field(default_factory=dict)
    counts: dict[str, pd.DataFrame] = field(default_factory=dict)
    dynamics: dict[str, Row] = field(default_factory=dict)
    curves: dict[str, pd.DataFrame] = field(default_factory=dict)

    def enter(self, run_id: str, reading: Reading, more: Mapping[str, Any]) -> Row:
        """Take in what was read of a run, with what else its row is to say; return the row."""
        row = {**reading.row, **more, "run_id": run_id}
        self.rows[run_id], self.counts[run_id] = row, reading.counts
        self.dynamics[run_id] = {
            **reading.dynamics,
            "run_id": run_id,
            "trajectory_hash": row["trajectory_hash"],
        }
        curves = [{"run_id": run_id, **one} for one in reading.curves]
        self.curves[run_id] = pd.DataFrame(curves, columns=list(CURVE_TABLE.names))
        return row

    def strike(self, run_id: str) -> bool:
        """Take a run out; tell whether it was in."""
        was_in = self.rows.pop(run_id, None) is not None
        for table in (self.counts, self.dynamics, self.curves):
            table.pop(run_id, None)
        return was_in

    def is_read(self, run_id: str, *, mark: str, pairs: tuple[str, ...], files: Files) -> bool:
        """Tell whether a run was read in its present state, with these pairs, for these tables."""
        row, counts, moving = (one.get(run_id) for one in (self.rows, self.counts, self.dynamics))
        if row is None or row.get("trajectory_hash") != mark:
            return False
        if files.rdf is not None and (
            counts is None or not set(pairs) <= set(counts["pair"].unique())
        ):
            return False
        if files.dynamics is None:
            return True
        wanted = (mark, DYNAMICS_ESTIMATOR)
        return moving is not None and (moving["trajectory_hash"], moving["estimator"]) == wanted

    def save(self, files: Files, *, site_convention: str) -> None:
        """Write every table whole, that of descriptors last."""
        said = {"site_convention": site_convention, "estimator": ESTIMATOR}
        moving = said | {"estimator": DYNAMICS_ESTIMATOR}
        if files.rdf is not None:
            write_table(files.rdf, RDF_TABLE, _joined(self.counts, RDF_TABLE), said)
        if files.dynamics is not None:
            write_table(files.dynamics, DYNAMICS_TABLE, _sorted(self.dynamics), moving)
        if files.curves is not None:
            write_table(files.curves, CURVE_TABLE, _joined(self.curves, CURVE_TABLE), moving)
        # what is left of a row of an older schema, and was not asked for, is no row
        rows = [row for row in _sorted(self.rows) if "estimator" in row]
        if files.replicas is not None:
            write_replicas(files.replicas, rows, provenance=said)
        write_table(files.descriptors, DESCRIPTOR_TABLE, rows, said)


def read_books(files: Files, *, say: Say = quiet) -> Books:
    """Read the tables that are there; what cannot be used is told, and made anew.

    Rows of descriptors of an older schema are kept as far as they are needed to compute them again
    from the stored counts.
    """
    counts = _old(files.rdf, RDF_TABLE, say=say)
    dynamics = _old(files.dynamics, DYNAMICS_TABLE, say=say)
    curves = _old(files.curves, CURVE_TABLE, say=say)
    return Books(
        rows={str(row["run_id"]): row for row in _old_rows(files.descriptors, say=say)},
        counts={str(run_id): frame for run_id, frame in counts.groupby("run_id")},
        dynamics={str(row["run_id"]): without_nan(row) for row in dynamics.to_dict("records")},
        curves={str(run_id): frame for run_id, frame in curves.groupby("run_id")},
    )


def without_nan(row: Mapping[Any, Any]) -> Row:
    """Return a row of a frame with None where it is empty."""
    return {str(key): None if pd.isna(value) else value for key, value in row.items()}


def _joined(frames: Mapping[str, pd.DataFrame], table: Table) -> pd.DataFrame:
    filled = [frames[run_id] for run_id in sorted(frames) if len(frames[run_id])]
    return pd.concat(filled) if filled else pd.DataFrame(columns=list(table.names))


def _sorted(rows: Mapping[str, Row]) -> list[Row]:
    return [rows[run_id] for run_id in sorted(rows)]


def _old(path: Path | None, table: Table, *, say: Say) -> pd.DataFrame:
    empty = pd.DataFrame(columns=list(table.names))
    if path is None:
        return empty
    try:
        return read_frame(path, table, made_by=COMMAND)
    except MissingInputError:
        return empty
    except TableError as error:
        say(f"reading all runs again: {error}")
        return empty


def _old_rows(path: Path, *, say: Say) -> list[Row]:
    if not path.exists():
        return []
    try:
        frame = read_frame(path, DESCRIPTOR_TABLE, made_by=COMMAND)
    except TableError as error:
        try:
            frame = pq.read_table(path, columns=list(SURVIVING)).to_pandas()
        except (pa.ArrowInvalid, KeyError, OSError):
            say(f"reading all runs again: {error}")
            return []
        say(f"computing from stored counts where they are of use: {error}")
    return [without_nan(row) for row in frame.to_dict("records")]
