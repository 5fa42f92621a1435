"""Finished runs -> ``rdf.parquet`` and ``descriptors.parquet``, each run read once.

A run is read again only where its trajectory or the site convention changed. Where only the plan's
request or the estimator did, the stored pair counts are enough. A run that cannot be read is named
with its reason and stops no other.
"""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from iemhpc.descriptors.conventions import check_site_convention, fixed_radius_A
from iemhpc.descriptors.from_rdf import descriptors_of_run
from iemhpc.descriptors.pairs import PairAtoms, count_pairs, pair_atoms
from iemhpc.descriptors.plausibility import doubt
from iemhpc.descriptors.rdf import PairRecord, rdf_rows, records_from_rows
from iemhpc.descriptors.runs import MADE_BY, finished_runs, plan_columns
from iemhpc.descriptors.shell import ESTIMATOR
from iemhpc.descriptors.trajectory import open_trajectory, trajectory_hash
from iemhpc.errors import IemhpcError, TableError
from iemhpc.progress import Say, quiet
from iemhpc.tables.descriptors import DESCRIPTOR_TABLE, PAIRS
from iemhpc.tables.io import Table, read_frame, write_table
from iemhpc.tables.rdf import RDF_TABLE
from iemhpc.tables.roles import ROLE_TABLE
from iemhpc.workspace import Workspace, lock

COMMAND = "iemhpc descriptors"
SAVE_EVERY_S = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ExtractSummary:
    """What became of each run."""

    n_done: int
    """Runs whose rows are new."""
    n_skipped: int
    """Runs whose rows were up to date."""
    failed: dict[str, str]
    """Runs that could not be read, or were asked for and are not finished, each with its reason."""
    n_unfinished: int
    """Runs nobody asked for by name that are not finished yet."""
    notes: dict[str, tuple[str, ...]]
    """What a person should know of the new runs: gaps, nulls, flags."""
    path: Path
    """The table of descriptors."""

    @property
    def nothing_new(self) -> bool:
        """Whether nothing was to be done and nothing failed."""
        return self.n_done == 0 and not self.failed

    def lines(self) -> list[str]:
        """Return what a person reads."""
        head = f"{self.n_done} runs read, {self.n_skipped} up to date -> {self.path}"
        later = [f"{self.n_unfinished} runs are not finished yet"] if self.n_unfinished else []
        notes = [f"{run}: {note}" for run, lines in self.notes.items() for note in lines]
        return [head, *later, *notes, *(f"{r}: FAILED: {why}" for r, why in self.failed.items())]


@dataclass(slots=True)
class _Tables:
    """The two tables while they grow; one entry a run."""

    rows: dict[str, dict[str, Any]] = field(default_factory=dict)
    counts: dict[str, pd.DataFrame] = field(default_factory=dict)

    def save(self, workspace: Workspace, *, site_convention: str) -> None:
        provenance = {"site_convention": site_convention, "estimator": ESTIMATOR}
        frames = [self.counts[run_id] for run_id in sorted(self.counts)]
        rdf = pd.concat(frames) if frames else pd.DataFrame(columns=list(RDF_TABLE.names))
        # counts first: a row of descriptors without its counts would pass for up to date
        write_table(workspace.rdf, RDF_TABLE, rdf, provenance)
        rows = [self.rows[run_id] for run_id in sorted(self.rows)]
        write_table(workspace.descriptors, DESCRIPTOR_TABLE, rows, provenance)


def extract_runs(
    workspace: Workspace,
    run_ids: Sequence[str] = (),
    *,
    site_convention: str = "paper",
    fresh: bool = False,
    say: Say = quiet,
) -> ExtractSummary:
    """Turn finished trajectories into pair counts and descriptors.

    Parameters
    ----------
    workspace : Workspace
        Where the runs are and the tables go.
    run_ids : sequence of str, optional
        Runs to look at; all if empty.
    site_convention : {"paper", "center"}
        What a tethered site is.
    fresh : bool
        Read every run again.
    say : callable
        Gets a line a run.

    Raises
    ------
    MissingInputError
        Where no run is finished.
    """
    check_site_convention(site_convention)
    done, not_done = finished_runs(workspace, run_ids)
    with lock(workspace.root / ".descriptors.lock", what=COMMAND):
        tables = _Tables() if fresh and not run_ids else _read_tables(workspace, say=say)
        stale = set(done) if fresh else set()
        extraction = _Extraction(tables=tables, site_convention=site_convention, stale=stale)
        saved = time.monotonic()
        for number, run_id in enumerate(done, start=1):
            began = time.monotonic()
            outcome = extraction.take(workspace.run(run_id))
            say(f"{number}/{len(done)} {run_id}: {outcome} ({time.monotonic() - began:.1f} s)")
            if time.monotonic() - saved > SAVE_EVERY_S:
                tables.save(workspace, site_convention=site_convention)
                saved = time.monotonic()
        if extraction.is_changed or not workspace.descriptors.exists():
            tables.save(workspace, site_convention=site_convention)
    return ExtractSummary(
        n_done=extraction.n_done,
        n_skipped=extraction.n_skipped,
        failed={**extraction.failed, **(not_done if run_ids else {})},
        n_unfinished=0 if run_ids else len(not_done),
        notes=extraction.notes,
        path=workspace.descriptors,
    )


@dataclass(slots=True, kw_only=True)
class _Extraction:
    """One pass over the runs."""

    tables: _Tables
    site_convention: str
    stale: set[str]
    n_done: int = 0
    n_skipped: int = 0
    is_changed: bool = False
    failed: dict[str, str] = field(default_factory=dict)
    notes: dict[str, tuple[str, ...]] = field(default_factory=dict)

    def take(self, folder: Path) -> str:
        """Bring one run's rows up to date; return what was done, in words."""
        run_id = folder.name
        try:
            return self._take(folder)
        except (IemhpcError, OSError, RuntimeError) as error:
            self.failed[run_id] = str(error)
            # numbers of a trajectory that is no longer there to check them are dropped
            self.is_changed |= self.tables.rows.pop(run_id, None) is not None
            self.tables.counts.pop(run_id, None)
            return f"FAILED: {error}"

    def _take(self, folder: Path) -> str:
        run_id = folder.name
        plan = plan_columns(folder)
        fingerprint = trajectory_hash(folder)
        old = self.tables.rows.get(run_id)
        is_read = (
            old is not None
            and run_id in self.tables.counts
            and run_id not in self.stale
            and (old["trajectory_hash"], old["site_convention"])
            == (fingerprint, self.site_convention)
        )
        if old is not None and is_read:
            if old["estimator"] == ESTIMATOR and all(old[key] == plan[key] for key in plan):
                self.n_skipped += 1
                return "up to date"
            records = records_from_rows(self.tables.counts[run_id])
            row = {**old, **plan, **descriptors_of_run(records)}
            outcome, notes = "counts reused", list[str]()
        else:
            row, frames, notes = read_run(folder, site_convention=self.site_convention)
            row |= {**plan, "trajectory_hash": fingerprint}
            self.tables.counts[run_id] = frames
            outcome = f"{row['n_frames']} frames, {row['sampled_ps']:g} ps"
        self.tables.rows[run_id] = row
        self.n_done += 1
        self.is_changed = True
        self.notes[run_id] = (*notes, *_doubts(row))
        return outcome


def read_run(folder: Path, *, site_convention: str) -> tuple[dict[str, Any], Any, list[str]]:
    """Read one run's trajectory.

    Returns
    -------
    row : dict
        The columns of ``descriptors.parquet`` that come from the trajectory.
    counts : DataFrame
        The run's rows of ``rdf.parquet``.
    notes : list of str
        What was odd about the trajectory.
    """
    atoms, n_atoms = _atoms_of(folder, site_convention)
    trajectory = open_trajectory(folder, n_atoms=n_atoms)
    counts = count_pairs(trajectory.chunks(), atoms, n_frames=trajectory.n_frames)
    records = {
        pair: PairRecord(
            counts=counts[pair],
            elements=atoms[pair].elements,
            fixed_radius_A=fixed_radius_A(*atoms[pair].elements),
            site_convention=site_convention,
        )
        for pair in PAIRS
    }
    row = {**descriptors_of_run(records), "sampled_ps": trajectory.sampled_ps}
    frames = pd.concat([rdf_rows(folder.name, pair, records[pair]) for pair in PAIRS])
    return row, frames, list(trajectory.notes)


def _atoms_of(folder: Path, site_convention: str) -> tuple[dict[str, PairAtoms], int]:
    path = folder / "roles.parquet"
    roles = read_frame(path, ROLE_TABLE, made_by=MADE_BY).sort_values("atom_id")
    if roles["atom_id"].tolist() != list(range(1, len(roles) + 1)):
        raise TableError(
            f"{path}: atom_id must run from 1 to {len(roles)} without gaps, as the trajectory is "
            f"sorted by it; plan the run again with: {MADE_BY}"
        )
    return pair_atoms(roles, site_convention=site_convention), len(roles)


def _doubts(row: Mapping[str, Any]) -> list[str]:
    reasons = [f"{p}: {row[f'{p}_reason']}" for p in PAIRS if row[f"{p}_reason"]]
    flags = [f"{p}: {row[f'{p}_flags']}" for p in PAIRS if row[f"{p}_flags"]]
    implausible = doubt(row["oxygens_per_counterion"], row["oxygens_per_counterion_expected"])
    return [*reasons, *flags, *([implausible] if implausible else [])]


def _read_tables(workspace: Workspace, *, say: Say) -> _Tables:
    def old(path: Path, table: Table) -> pd.DataFrame:
        if not path.exists():
            return pd.DataFrame(columns=list(table.names))
        return read_frame(path, table, made_by=COMMAND)

    try:
        rows = old(workspace.descriptors, DESCRIPTOR_TABLE)
        counts = old(workspace.rdf, RDF_TABLE)
    except TableError as error:
        say(f"reading all runs again: {error}")
        return _Tables()
    return _Tables(
        rows={str(row["run_id"]): _without_nan(row) for row in rows.to_dict("records")},
        counts={str(run_id): frame for run_id, frame in counts.groupby("run_id")},
    )


def _without_nan(row: Mapping[Any, Any]) -> dict[str, Any]:
    return {str(key): None if pd.isna(value) else value for key, value in row.items()}
