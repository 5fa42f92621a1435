"""The ends of a run's logs, with what their errors mean."""

from collections.abc import Iterator
from pathlib import Path

from iemhpc.lammps.failures import explain_error
from iemhpc.lammps.log_file import error_lines
from iemhpc.scheduler.run_files import read_job
from iemhpc.scheduler.runs import find_run
from iemhpc.workspace import Workspace

PATTERNS = ("log.*.lammps", "screen.*")
"""What LAMMPS writes itself, and what it, its launcher or the build printed."""


def log_ends(workspace: Workspace, run_id: str, *, lines: int = 20) -> list[str]:
    """Return the last lines of each stage's logs, and what an error in them means.

    A run that has written nothing may have left words in the output of its task in the queue.

    Raises
    ------
    UnknownNameError
        Where no run or several begin like ``run_id``.
    """
    run = find_run(workspace, run_id)
    own = [path for pattern in PATTERNS for path in run.glob(pattern)]
    paths = sorted(own, key=lambda path: path.stat().st_mtime) or _outputs(workspace, run)
    said = [line for path in paths for line in _end(path, lines=lines)]
    return said or [f"{run}: no log yet; iemhpc status says where it is"]


def _end(path: Path, *, lines: int) -> Iterator[str]:
    text = path.read_text(encoding="utf-8", errors="replace")
    last = text.rstrip().splitlines()[-lines:]
    yield from (f"== {path}", *last)
    for error in error_lines(text):
        yield f"   {error}"
        yield f"   meaning: {explain_error(error) or 'see the line itself'}"
    if last and not error_lines(text) and not path.match(PATTERNS[0]):
        meanings = [meaning for line in last if (meaning := explain_error(line))]
        yield from (f"   meaning: {meaning}" for meaning in meanings[-1:])


def _outputs(workspace: Workspace, run: Path) -> list[Path]:
    """Return the output of the run's task in its queue, where it has said something."""
    job = read_job(run)
    if job is None:
        return []
    scheduler, task = str(job["scheduler"]), int(job["index"]) // int(job.get("runs_per_job") or 1)
    folder = workspace.runs / f".{scheduler}" / str(job["submission"])
    path = folder / f"{scheduler}.{task}.out"
    return [path] if path.is_file() and path.stat().st_size else []
