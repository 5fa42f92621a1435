"""What keeps a run from starting is moved away, so that it can be moved back.

Files are renamed, which needs no room on the disk. The order is such that a process killed in
between leaves nothing that looks finished: the end of a production goes first and comes back last.
"""

import itertools
import shutil
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from iemhpc.scheduler.restarts import DATA, FINISHED, RESTARTS
from iemhpc.scheduler.run_files import CANCELLED, read_job, read_status
from iemhpc.workspace import read_json, write_json

PRODUCTION_FILES = ("production.*", "segment.*.txt", "segments.json")
"""What a fresh start of the trajectories puts aside."""

JOB = "job.json"
BEFORE = ".before"
"""At the end of the name of a note that counts no more."""

_FIRST = (FINISHED, DATA, *RESTARTS)
"""Without these ``run.sh`` neither takes a production for finished nor goes on with one."""


@dataclass(slots=True)
class PutAside:
    """What was moved in one run's folder."""

    run: Path
    folder: Path | None = None
    """Where its trajectories are; None where none were moved."""
    moves: list[tuple[Path, Path]] = field(default_factory=list)
    """From, to."""

    is_away: bool = False
    """Whether all is moved that is to be."""

    @property
    def is_sent(self) -> bool:
        """Whether the run has been handed over since, or perhaps has."""
        return self.is_away and (self.run / JOB).exists()

    def move(self, *, fresh: bool) -> None:
        """Move away the notes of what was before; for a fresh start all that production wrote."""
        if fresh:
            self._move_production()
        for name in (CANCELLED, JOB):
            if (self.run / name).exists():
                self._move(self.run / name, self.run / f"{name}{BEFORE}")
        self.is_away = True

    def move_back(self) -> None:
        """Make all as it was."""
        for source, target in reversed(self.moves):
            target.replace(source)
        self.moves.clear()
        if self.folder:
            with suppress(OSError):  # what others put there stays
                self.folder.rmdir()
            self.folder = None

    def take_back(self) -> None:
        """Undo that a run was handed over to this very process, which does not come to start it."""
        job = read_job(self.run)
        if self.is_away and job and job["scheduler"] == "local":
            (self.run / JOB).unlink()

    def forget(self) -> None:
        """Remove the notes of what was before."""
        for name in (CANCELLED, JOB):
            (self.run / f"{name}{BEFORE}").unlink(missing_ok=True)

    def _move(self, source: Path, target: Path) -> None:
        source.replace(target)
        self.moves.append((source, target))

    def _move_production(self) -> None:
        found = {path for pattern in PRODUCTION_FILES for path in self.run.glob(pattern)}
        found = {path for path in found if path.suffix != ".in"}  # the template stays
        if not found:
            return
        self.folder = folder = self._new_folder()
        self._unfinish(folder)
        first = [path for name in _FIRST if (path := self.run / name) in found]
        for path in [*first, *sorted(found.difference(first))]:
            self._move(path, folder / path.name)

    def _new_folder(self) -> Path:
        status = read_status(self.run)
        name = f"aside.{status.attempt if status else 0}"
        names = itertools.chain([name], (f"{name}.{number}" for number in itertools.count(2)))
        folder = next(path for each in names if not (path := self.run / each).exists())
        folder.mkdir()
        return folder

    def _unfinish(self, folder: Path) -> None:
        """Let the status of a finished run say that it is to start anew."""
        path, status = self.run / "status.json", read_status(self.run)
        if status is None or status.state != "done":
            return
        shutil.copy2(path, folder / path.name)
        self.moves.append((path, folder / path.name))
        said = {"state": "interrupted", "reason": f"put into {folder.name}, to start anew"}
        write_json(path, read_json(path) | said)
