"""How far a run is and what it has cost: from the ends of its logs and the notes of its attempts.

Nothing is read whole: the last lines of a log say the step, the note of a trajectory's first step
says when it began. ``attempts.log`` and ``ended.log`` say when each attempt began and ended, and on
how many cores.
"""

import math
import os
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

from iemhpc import units

TAIL_BYTES = 4096
S_PER_DAY = 86_400.0
ATTEMPT_WORD = 3
"""Of the note of a trajectory: first step, stride, time step, attempt, restart file."""

# https://docs.lammps.org/Run_output.html: "Performance: 8.36 ns/day, 2.87 hours/ns, ..."
_PERFORMANCE = re.compile(rb"^Performance: +(\S+) ns/day", re.MULTILINE)
_STEP_LINE = re.compile(rb"^ *(\d+)((?: +-?[\d.]+(?:e[+-]?\d+)?){4,}) *\n", re.MULTILINE)
_SEGMENT = re.compile(r"segment\.(\d+)\.txt")


class Progress(NamedTuple):
    """Of the production alone."""

    n_steps: int
    """Steps made."""
    ns_per_day: float
    """How fast, 0 where nobody knows yet."""


class Spent(NamedTuple):
    """Core time of a run."""

    core_s: float
    """Of the attempts that have ended, core-seconds."""
    open_since_s: float
    """When the attempt began that has not ended, seconds since 1970; 0 where there is none."""
    open_cores: int
    """Its cores."""


def production_steps(sampling: Mapping[str, Any]) -> int:
    """Return the number of steps of the whole production, as production.in rounds it.

    Examples
    --------
    >>> production_steps({"production_ps": 500.0, "frame_ps": 1.0, "timestep_fs": 2.0})
    250000
    """
    steps = float(sampling["production_ps"]) * units.FS_PER_PS / float(sampling["timestep_fs"])
    return math.floor(steps + 0.5)


def read_progress(run: Path, *, attempt: int, timestep_fs: float) -> Progress:
    """Read how far the production is: the step of the latest log that has one.

    Parameters
    ----------
    run : Path
        The run folder.
    attempt : int
        The latest attempt; those before it are looked at where it has no step yet.
    timestep_fs : float
        Of the production.
    """
    for number in range(attempt, 0, -1):
        path = run / f"log.production.{number}.lammps"
        tail, written_s = _tail(path)
        step = last_step_of(tail)
        if step is None:
            continue
        found = _PERFORMANCE.search(tail)
        if found:
            return Progress(step, float(found.group(1)))
        first, began_s = _start_of(run, attempt=number)
        if step <= first or written_s <= began_s or not began_s:
            return Progress(step, 0.0)
        made_ns = (step - first) * timestep_fs / units.FS_PER_PS / units.PS_PER_NS
        return Progress(step, made_ns / (written_s - began_s) * S_PER_DAY)
    return Progress(0, 0.0)


def last_step_of(tail: bytes) -> int | None:
    r"""Return the step of the last whole line of numbers.

    Examples
    --------
    >>> last_step_of(b"   500  1.0  298.2  -3.1 -4e4\n   1000  2.0  299.9  2.5 -4e4\n 1500  3.")
    1000
    """
    lines = _STEP_LINE.findall(tail)
    return int(lines[-1][0]) if lines else None


def read_spent(run: Path) -> Spent:
    """Read what the attempts of a run have cost."""
    starts, ends = _lines(run / "attempts.log"), dict[int, float]()
    for words in _lines(run / "ended.log"):
        if len(words) >= 2 and words[0].isdigit():
            ends[int(words[0])] = parse_time(words[1])
    core_s, open_since_s, open_cores = 0.0, 0.0, 1
    for number, words in enumerate(starts, 1):
        start_s, cores = parse_time(words[0]) if words else 0.0, _cores(words)
        if number in ends:
            core_s += max(0.0, ends[number] - start_s) * cores
        elif number == len(starts):
            open_since_s, open_cores = start_s, cores
    return Spent(core_s, open_since_s, open_cores)


def parse_time(text: str) -> float:
    """Return seconds since 1970 of a time as ``run.sh`` writes it; 0 where it is none.

    Examples
    --------
    >>> parse_time("1970-01-02T00:00:01Z"), parse_time("yesterday")
    (86401.0, 0.0)
    """
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return 0.0
    return moment.timestamp() if moment.tzinfo else moment.replace(tzinfo=UTC).timestamp()


def _cores(words: list[str]) -> int:
    for word in words:
        name, _, value = word.partition("=")
        if name == "cores" and value.isdigit():
            return max(1, int(value))
    return 1


def _lines(path: Path) -> list[list[str]]:
    try:
        text = path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return []
    return [line.split() for line in text.splitlines()]


def _tail(path: Path) -> tuple[bytes, float]:
    """Return the end of a file and when it was written; nothing where there is no file."""
    try:
        with path.open("rb") as stream:
            known = os.fstat(stream.fileno())
            stream.seek(max(0, known.st_size - TAIL_BYTES))
            return stream.read(), known.st_mtime
    except OSError:
        return b"", 0.0


def _start_of(run: Path, *, attempt: int) -> tuple[int, float]:
    """Return first step of an attempt's trajectory and when it was begun; 0 where not known.

    The latest attempt is not always the one that begins at the highest step: where the newest
    restart file is torn, it goes on from the one before.
    """
    firsts = [int(found.group(1)) for name in _names(run) if (found := _SEGMENT.fullmatch(name))]
    for first in sorted(firsts, reverse=True):
        path = run / f"segment.{first}.txt"
        try:
            words = path.read_text(encoding="utf-8", errors="replace").split()
            if len(words) > ATTEMPT_WORD and words[ATTEMPT_WORD] == str(attempt):
                return first, path.stat().st_mtime
        except OSError:
            continue
    return 0, 0.0


def _names(folder: Path) -> list[str]:
    try:
        return [path.name for path in folder.iterdir()]
    except OSError:
        return []
