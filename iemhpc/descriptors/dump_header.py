"""The lines above the atoms of one frame of a LAMMPS text dump, read strictly.

LAMMPS writes them itself, so any other form is damage or another kind of file. ``ITEM: UNITS``
stands above the first frame of a file, ``ITEM: TIME`` above each frame, both only if asked for
(https://docs.lammps.org/dump_modify.html). A box is given by two bounds an axis; with the tilts xy,
xz, yz where it is triclinic, the bounds then being those of the box around it; or, where it is
turned in any way, by its vectors and its origin (https://docs.lammps.org/Howto_triclinic.html).
"""

import math
import re
from dataclasses import dataclass

from iemhpc.descriptors.dump_units import check_units
from iemhpc.errors import TrajectoryError, UnknownNameError

MARK = b"ITEM: TIMESTEP"
"""Every frame has it once."""

_END = rb"[ \t]*\r?\n"
_HEADER = re.compile(
    rb"(?:ITEM: UNITS" + _END + rb"(?P<units>\S+)" + _END + rb")?"
    rb"(?:ITEM: TIME" + _END + rb"[ \t]*(?P<time>\S+)" + _END + rb")?"
    rb"ITEM: TIMESTEP" + _END + rb"[ \t]*(?P<step>\d{1,18})" + _END +
    rb"ITEM: NUMBER OF ATOMS" + _END + rb"[ \t]*(?P<n_atoms>\d{1,18})" + _END +
    rb"ITEM: BOX BOUNDS(?P<kind>[^\n]*)\n(?P<box>[^\n]*\n[^\n]*\n[^\n]*)\n"
    rb"ITEM: ATOMS(?P<columns>[^\n]*)\n"
)  # fmt: skip
_BEFORE = re.compile(
    rb"(?:ITEM: UNITS" + _END + rb"\S+" + _END + rb")?"
    rb"(?:ITEM: TIME" + _END + rb"[ \t]*\S+" + _END + rb")?\Z"
)
LOOK_BACK_BYTES = 256
"""Within these lie the units and the time of a frame, above its step."""
LOOK_AHEAD_BYTES = 65536
"""Within these lies the rest of a header, however many columns it names."""

_NUMBER = re.compile(rb"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?")
_BOUNDARY = re.compile(rb"pp|[fsm]{2}")
_ORDER = (
    (re.compile(rb"ITEM: TIMESTEP[ \t]*\r?"), "'ITEM: TIMESTEP'"),
    (re.compile(rb"[ \t]*\d{1,18}[ \t]*\r?"), "the step, a whole number"),
    (re.compile(rb"ITEM: NUMBER OF ATOMS[ \t]*\r?"), "'ITEM: NUMBER OF ATOMS'"),
    (re.compile(rb"[ \t]*\d{1,18}[ \t]*\r?"), "the number of atoms"),
    (re.compile(rb"ITEM: BOX BOUNDS.*"), "'ITEM: BOX BOUNDS'"),
    (re.compile(rb".*"), "bounds of the box"),
    (re.compile(rb".*"), "bounds of the box"),
    (re.compile(rb".*"), "bounds of the box"),
    (re.compile(rb"ITEM: ATOMS.*"), "'ITEM: ATOMS' and the names of the columns"),
)


class CutShortError(TrajectoryError):
    """A header that the file ends within."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DumpHeader:
    """What a frame says of itself above its atoms, in the units of the file."""

    step: int
    n_atoms: int
    units: str | None
    time: float
    """NaN where it is not said."""
    boundary: str
    """Two letters an axis, as ``pp pp pp``; empty in dumps from before 2010."""
    origin: tuple[float, float, float]
    vectors: tuple[float, ...]
    """Components of a, then b, then c: nine numbers."""
    columns: bytes
    """The line that names them, as it stands there."""
    length: int
    """Bytes up to the first atom."""


def header_start(before: bytes) -> int:
    r"""Return how many of the bytes just before the mark of a frame belong to its header.

    Examples
    --------
    >>> header_start(b"1 1 0.5 0.5 0.5 \nITEM: UNITS\nreal\nITEM: TIME\n0.5\n")
    32
    >>> header_start(b"1 1 0.5 0.5 0.5 \n")
    0
    """
    if b"ITEM: " not in before:
        return 0
    found = _BEFORE.search(before)
    return len(before) - found.start() if found else 0


def parse_header(head: bytes) -> DumpHeader:
    r"""Read the header at the start of a frame.

    Parameters
    ----------
    head : bytes
        The frame from its first header line on, as many bytes as are at hand.

    Raises
    ------
    TrajectoryError
        With the reason only: the caller knows the file and the frame.

    Examples
    --------
    >>> head = parse_header(
    ...     b"ITEM: TIMESTEP\n500\nITEM: NUMBER OF ATOMS\n2\nITEM: BOX BOUNDS pp pp pp\n"
    ...     b"0 10\n-1 10\n0 12\nITEM: ATOMS id type x y z\n1 1 0 0 0\n"
    ... )
    >>> head.step, head.boundary, head.origin, head.vectors[4]
    (500, 'pp pp pp', (0.0, -1.0, 0.0), 11.0)
    """
    found = _HEADER.match(head)
    if found is None:
        raise _complaint(head)
    words = found["kind"].split()
    is_tilted, is_general = words[:3] == [b"xy", b"xz", b"yz"], words[:2] == [b"abc", b"origin"]
    boundary = words[3:] if is_tilted else words[2:] if is_general else words
    if len(boundary) not in {0, 3} or not all(_BOUNDARY.fullmatch(word) for word in boundary):
        raise TrajectoryError(
            f"the kind of box {_shown(found['kind'])} is none that LAMMPS writes; wanted three "
            "pairs of the letters p, f, s, m, after nothing, 'xy xz yz' or 'abc origin'"
        )
    n_numbers = 3 if is_tilted else 4 if is_general else 2
    rows = [_numbers(line, n_numbers) for line in found["box"].split(b"\n")]
    origin, vectors = _general(rows) if is_general else _restricted(rows)
    units = None if found["units"] is None else _units(found["units"])
    return DumpHeader(
        step=int(found["step"]),
        n_atoms=int(found["n_atoms"]),
        units=units,
        time=math.nan if found["time"] is None else _numbers(found["time"], 1)[0],
        boundary=b" ".join(boundary).decode(),
        origin=origin,
        vectors=vectors,
        columns=found["columns"],
        length=found.end(),
    )


def _units(word: bytes) -> str:
    try:
        return check_units(word.decode("ascii", "replace"))
    except UnknownNameError as error:
        raise TrajectoryError(f"ITEM: UNITS: {error}") from error


def _restricted(rows: list[list[float]]) -> tuple[tuple[float, float, float], tuple[float, ...]]:
    xy, xz, yz = (row[2] for row in rows) if len(rows[0]) == 3 else (0.0, 0.0, 0.0)
    (xlo, xhi), (ylo, yhi), (zlo, zhi) = (row[:2] for row in rows)
    # tilted boxes are given by the bounds of the box around them (Howto_triclinic)
    xlo, xhi = xlo - min(0.0, xy, xz, xy + xz), xhi - max(0.0, xy, xz, xy + xz)
    ylo, yhi = ylo - min(0.0, yz), yhi - max(0.0, yz)
    if min(xhi - xlo, yhi - ylo, zhi - zlo) <= 0.0:
        raise TrajectoryError(
            f"the box has no volume: its edges are {xhi - xlo:g}, {yhi - ylo:g}, {zhi - zlo:g}"
        )
    vectors = (xhi - xlo, 0.0, 0.0, xy, yhi - ylo, 0.0, xz, yz, zhi - zlo)
    return (xlo, ylo, zlo), vectors


def _general(rows: list[list[float]]) -> tuple[tuple[float, float, float], tuple[float, ...]]:
    a, b, c = (row[:3] for row in rows)
    volume = (
        a[0] * (b[1] * c[2] - b[2] * c[1])
        - a[1] * (b[0] * c[2] - b[2] * c[0])
        + a[2] * (b[0] * c[1] - b[1] * c[0])
    )
    if volume <= 0.0:
        raise TrajectoryError(
            f"the box vectors span a volume of {volume:g}; wanted right-handed a, b, c"
        )
    return (rows[0][3], rows[1][3], rows[2][3]), (*a, *b, *c)


def _numbers(line: bytes, n_wanted: int) -> list[float]:
    words = line.split()
    values = [float(word) if _NUMBER.fullmatch(word) else math.nan for word in words]
    if len(words) != n_wanted or not all(map(math.isfinite, values)):
        raise TrajectoryError(f"{_shown(line)} in its header is not {n_wanted} finite number(s)")
    return values


def _complaint(head: bytes) -> TrajectoryError:
    lines = head.split(b"\n")
    first = next(k for k, line in enumerate(lines) if line.startswith(MARK))
    for number, (form, wanted) in enumerate(_ORDER, start=1):
        at = first + number - 1
        if at >= len(lines) - 1:
            return CutShortError(
                "it is cut short in its header; the disk was full, the copy stopped, or the "
                "simulation still writes"
            )
        if not form.fullmatch(lines[at]):
            return TrajectoryError(
                f"line {number} of its header is {_shown(lines[at])}; wanted {wanted}"
            )
    return TrajectoryError(
        f"its header begins with {_shown(lines[0])}, which LAMMPS does not write"
    )


def _shown(text: bytes, longest: int = 60) -> str:
    words = text.strip().decode("ascii", "backslashreplace")
    return repr(words if len(words) <= longest else words[:longest] + " ...")
