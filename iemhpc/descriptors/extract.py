"""Finished runs -> descriptors and the tables beside them, each run read once.

A run is read again only where its trajectory, the site convention or what is counted changed.
Where only the plan's request or the estimator did, the stored pair counts are enough. A run that
cannot be read is named with its reason and stops no other.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from iemhpc.descriptors.books import COMMAND, Books, Files, lock_of, read_books
from iemhpc.descriptors.conventions import check_site_convention
from iemhpc.descriptors.from_rdf import descriptors_of_run
from iemhpc.descriptors.parallel import Outcome, Place, work_through
from iemhpc.descriptors.plausibility import doubt
from iemhpc.descriptors.rdf import records_from_rows
from iemhpc.descriptors.reading import (
    Asked,
    Material,
    Piece,
    Reading,
    RunFolder,
    Seen,
    cut,
    read_piece,
    tell,
)
from iemhpc.descriptors.runs import finished_runs
from iemhpc.descriptors.shell import ESTIMATOR
from iemhpc.errors import IemhpcError
from iemhpc.progress import Say, Track, quiet, untracked
from iemhpc.tables.descriptors import PAIRS
from iemhpc.workspace import Workspace, lock

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


def files_of(workspace: Workspace) -> Files:
    """Return where a workspace keeps the tables of descriptors."""
    return Files(
        descriptors=workspace.descriptors,
        rdf=workspace.rdf,
        dynamics=workspace.dynamics,
        curves=workspace.root / "dynamics_curves.parquet",
        replicas=workspace.replicas,
    )


def extract_runs(
    workspace: Workspace,
    run_ids: Sequence[str] = (),
    *,
    asked: Asked | None = None,
    fresh: bool = False,
    place: Place | None = None,
    say: Say = quiet,
    track: Track = untracked,
) -> ExtractSummary:
    """Turn finished trajectories into pair counts, descriptors, and what moves and sticks.

    Parameters
    ----------
    workspace : Workspace
        Where the runs are and the tables go.
    run_ids : sequence of str, optional
        Runs to look at; all if empty.
    asked : Asked, optional
        What is counted and how; the three pairs to 12 Å, the convention of the paper.
    fresh : bool
        Read every run again.
    place : Place, optional
        How many processes, or which Ray; by default this process.
    say : callable
        Gets a line a run.
    track : callable
        Gets how many runs are done, of how many.

    Raises
    ------
    MissingInputError
        Where no run is finished.
    """
    asked, place = asked or Asked(), place or Place()
    check_site_convention(asked.site_convention)
    done, not_done = finished_runs(workspace, run_ids)
    files = files_of(workspace)
    with lock(lock_of(files.descriptors), what=COMMAND):
        books = Books() if fresh and not run_ids else read_books(files, say=say)
        extraction = Extraction(
            books=books, files=files, asked=asked, n_runs=len(done), say=say, track=track
        )
        extraction.go([RunFolder(workspace.run(run_id)) for run_id in done], place, fresh=fresh)
    return ExtractSummary(
        n_done=extraction.n_done,
        n_skipped=extraction.n_skipped,
        failed={**extraction.failed, **(not_done if run_ids else {})},
        n_unfinished=0 if run_ids else len(not_done),
        notes=extraction.notes,
        path=files.descriptors,
    )


@dataclass(slots=True, kw_only=True)
class Extraction:
    """One go over the runs."""

    books: Books
    files: Files
    asked: Asked
    n_runs: int
    say: Say
    track: Track
    is_alone: bool = False
    """Whether an error is raised, as there is no other run that could go on."""
    n_done: int = 0
    n_skipped: int = 0
    is_changed: bool = False
    failed: dict[str, str] = field(default_factory=dict)
    notes: dict[str, tuple[str, ...]] = field(default_factory=dict)
    _saved: float = field(default_factory=time.monotonic)
    _more: dict[str, dict[str, Any]] = field(default_factory=dict)
    """What is known of a run besides its trajectory: the columns of its plan, its mark."""

    def go(self, materials: Sequence[Material], place: Place, *, fresh: bool = False) -> None:
        """Bring the tables up to date and write them."""
        stale = [one for one in materials if not self.reuse(one, fresh=fresh)]
        self.read(stale, place)
        if self.is_changed or not self.files.descriptors.exists():
            self.save()

    def reuse(self, material: Material, *, fresh: bool) -> bool:
        """Bring a run's row up to date without its trajectory, where that is possible."""
        run_id = material.name
        try:
            plan = material.known()
            mark = self.asked.mark(material.fingerprint())
            self._more[run_id] = plan | {"trajectory_hash": mark}
            old = self.books.rows.get(run_id)
            is_read = self.books.is_read(
                run_id, mark=mark, pairs=self.asked.all_pairs, files=self.files
            )
            if fresh or old is None or not is_read:
                return False
            if old["site_convention"] != self.asked.site_convention:
                return False
            if old.get("estimator") == ESTIMATOR and all(old.get(key) == plan[key] for key in plan):
                self.n_skipped += 1
                self._end(run_id, "up to date")
                return True
            if run_id not in self.books.counts:
                return False
            records = records_from_rows(self.books.counts[run_id])
            row = {"sampled_ps": old["sampled_ps"], **descriptors_of_run(records)}
            self.books.rows[run_id] = row | self._more[run_id]
        except (IemhpcError, OSError, RuntimeError) as error:
            self.fail(run_id, error)
            return True
        self._accept(run_id, self.books.rows[run_id], ())
        self._end(run_id, "counts reused")
        return True

    def read(self, materials: Sequence[Material], place: Place) -> None:
        """Read trajectories, wherever that is done, and take in what each comes to."""
        seen: dict[str, list[Outcome[Piece, Seen | Reading]]] = {}
        began = {material.name: time.monotonic() for material in materials}
        pieces = self._pieces(materials, place)
        wanted = {name: sum(p.material.name == name for p in pieces) for name in began}
        work: Callable[[Piece], Seen | Reading] = read_piece
        if place.is_here:
            work = partial(read_piece, tick=self._tick)
        for outcome in work_through(pieces, work, place=place):
            name = outcome.task.material.name
            seen.setdefault(name, []).append(outcome)
            if len(seen[name]) == wanted[name]:
                took_s = time.monotonic() - began[name]
                self._finish(seen.pop(name), took_s=took_s)
                if place.is_here:
                    began = dict.fromkeys(began, time.monotonic())

    def _tick(self, part: float) -> None:
        self.track(self.n_ended + part, self.n_runs)

    @property
    def n_ended(self) -> int:
        """Runs with which all is done."""
        return self.n_done + self.n_skipped + len(self.failed)

    def _pieces(self, materials: Sequence[Material], place: Place) -> list[Piece]:
        each = max(1, place.processes // max(len(materials), 1))
        pieces = []
        for material in materials:
            try:
                pieces += cut(material, self.asked, n_pieces=each)
            except (IemhpcError, OSError, RuntimeError) as error:
                self.fail(material.name, error)
        return pieces

    def _finish(self, ended: Sequence[Outcome[Piece, Seen | Reading]], *, took_s: float) -> None:
        piece = ended[0].task
        material = piece.material
        error = next((one.error for one in ended if one.error is not None), None)
        try:
            if error is not None:
                raise error
            results = [one.result for one in sorted(ended, key=lambda one: one.task.number)]
            reading = (
                results[0]
                if isinstance(results[0], Reading)
                else tell(piece, piece.open(), [one for one in results if isinstance(one, Seen)])
            )
        except (IemhpcError, OSError, RuntimeError) as failure:
            self.fail(material.name, failure)
            return
        row = self.books.enter(material.name, reading, self._more[material.name])
        self._accept(material.name, row, reading.notes)
        length = "" if row["sampled_ps"] is None else f", {row['sampled_ps']:g} ps"
        self._end(material.name, f"{row['n_frames']} frames{length} ({took_s:.1f} s)")

    def fail(self, run_id: str, error: Exception) -> None:
        """Note why a run has no row; an old one is dropped, as nothing is there to check it."""
        if self.is_alone:
            raise error
        self.failed[run_id] = str(error)
        self.is_changed |= self.books.strike(run_id)
        self._end(run_id, f"FAILED: {error}")

    def _accept(self, run_id: str, row: Mapping[str, Any], notes: Sequence[str]) -> None:
        self.n_done += 1
        self.is_changed = True
        self.notes[run_id] = (*notes, *doubts(row))

    def _end(self, run_id: str, outcome: str) -> None:
        self.say(f"{self.n_ended}/{self.n_runs} {run_id}: {outcome}")
        self.track(self.n_ended, self.n_runs)
        if self.is_changed and time.monotonic() - self._saved > SAVE_EVERY_S:
            self.save()

    def save(self) -> None:
        """Write the tables."""
        self.books.save(self.files, site_convention=self.asked.site_convention)
        self._saved = time.monotonic()


def doubts(row: Mapping[str, Any]) -> list[str]:
    """Return what a person should know of a row: why numbers are missing, and what they suffer."""
    reasons = [f"{p}: {row[f'{p}_reason']}" for p in PAIRS if row[f"{p}_reason"]]
    flags = [f"{p}: {row[f'{p}_flags']}" for p in PAIRS if row[f"{p}_flags"]]
    implausible = doubt(row["oxygens_per_counterion"], row["oxygens_per_counterion_expected"])
    return [*reasons, *flags, *([implausible] if implausible else [])]
