"""From which file the production of a run would go on: the rules of ``run.sh``, asked beforehand.

It goes on from its newest whole restart file; where none is left, from the data file of an earlier
end; and it begins at the beginning only where no trajectory has come farther than to its second
restart file, so that there need not have been a whole one.
"""

import re
import struct
from contextlib import suppress
from pathlib import Path

RESTARTS = ("production.restart", "production.a.restart", "production.b.restart")
DATA = "production.data"
FINISHED = "production.steps"
"""Written when the production was done."""

HEAD_BYTES = 24
"""Of a DCD, as far as the step of its last frame, which LAMMPS keeps there."""

LOST = (
    "its restart files are gone or damaged, and beginning again would write over its trajectory; "
    "put them back, or, to begin anew with the old trajectory kept aside: iemhpc resubmit RUN "
    "--fresh"
)

_MARK = b"LammpS RestartT"  # the end of a whole restart file
_TRAJECTORY = re.compile(r"production\.(\d+)\.dcd")
_COUNT = re.compile(rb"\s*(\d+)\s+(atoms|bonds|angles|dihedrals|impropers|atom\s+types)\s*")
_ROW = re.compile(rb"\s*\d+(\s|$)")


def find_start(run: Path) -> str | None:
    """Return the file that a run goes on from, empty where it begins, None where it cannot.

    Parameters
    ----------
    run : Path
        The run folder.
    """
    whole = [path for name in RESTARTS if _is_whole_restart(path := run / name)]
    if whole:
        return max(whole, key=lambda path: path.stat().st_mtime_ns).name
    if (step := _step_of_data(run / DATA)) and _may_begin_at(run, step):
        return DATA
    return "" if _may_begin_at(run, 0) else None


def _is_whole_restart(path: Path) -> bool:
    with suppress(OSError), path.open("rb") as stream:
        stream.seek(max(0, path.stat().st_size - 64))
        return _MARK in stream.read()
    return False


def _step_of_data(path: Path) -> int:
    """Return the step at which a whole data file was written, 0 where it does not say or is not."""
    try:
        content = path.read_bytes()
    except OSError:
        return 0
    lines = content.split(b"\n")
    step = re.search(rb"timestep = (\d+)", lines[0])
    if not step or lines.pop():
        return 0
    begin = next((k for k, line in enumerate(lines) if line.lstrip().startswith(b"Masses")), 0)
    counts = [found.groups() for line in lines[:begin] if (found := _COUNT.fullmatch(line))]
    # a line each, and for each atom its velocity
    wanted = sum(int(number) * (2 if what == b"atoms" else 1) for number, what in counts)
    found_rows = sum(_ROW.match(line) is not None for line in lines[begin:])
    return int(step[1]) if found_rows == wanted else 0


def _may_begin_at(run: Path, step: int) -> bool:
    """Say whether no frame behind a step is lost but those until a second restart file."""
    if step == 0 and _size(run / FINISHED):
        return False
    for path in run.glob("production.*.dcd"):
        found = _TRAJECTORY.fullmatch(path.name)
        if not found or int(found[1]) < step:
            continue
        first, header = int(found[1]), _head(path)
        if len(header) < HEAD_BYTES:
            continue
        (last,) = struct.unpack("=i", header[20:])
        if last > step + 2 * _restart_stride(run, first):
            return False
    return True


def _head(path: Path) -> bytes:
    """Return the first bytes of a DCD."""
    with path.open("rb") as stream:
        return stream.read(HEAD_BYTES)


def _restart_stride(run: Path, first: int) -> int:
    """Return the steps between restart files of the attempt that wrote a trajectory; 0 unknown."""
    try:
        attempt = (run / f"segment.{first}.txt").read_text(encoding="utf-8").split()[3]
        log = (run / f"log.production.{attempt}.lammps").read_text("utf-8", errors="replace")
    except (OSError, IndexError):
        return 0
    found = re.findall(r"^restart +(\d+) ", log, re.MULTILINE)
    return int(found[-1]) if found else 0


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0
