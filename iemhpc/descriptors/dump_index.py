"""Where the frames of a LAMMPS text dump begin, found in one pass without reading an atom.

Frames follow each other without a gap: a frame ends where the next one's header begins, so nothing
between two frames goes unread, and a frame whose mark is damaged makes the one before it too long.
The index holds some 150 bytes a frame and can be handed to other processes, which then read any
stretch of the file.
"""

from array import array
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from iemhpc.descriptors.dump_bytes import BLOCK_BYTES, DumpBytes, compression_of
from iemhpc.descriptors.dump_columns import ColumnPlan, plan_columns
from iemhpc.descriptors.dump_header import (
    LOOK_AHEAD_BYTES,
    LOOK_BACK_BYTES,
    MARK,
    CutShortError,
    DumpHeader,
    header_start,
    parse_header,
)
from iemhpc.errors import TrajectoryError


@dataclass(frozen=True, slots=True, kw_only=True)
class DumpIndex:
    """The frames of one file in the order in which they stand there."""

    path: Path
    compression: str | None
    """``gzip``, ``zstd`` or None; places are those in the text."""
    size: int
    """Bytes of the file when it was indexed."""
    changed_ns: int
    """When it had last been changed."""
    has_cut_header: bool
    """Whether a frame was left out whose header is cut short."""
    n_atoms: int
    units: str | None
    """Name of the unit style, where the file says it."""
    boundary: str
    """Two letters an axis, as ``pp pp pp``; empty where it is not said."""
    starts: NDArray[np.int64]
    """First byte of each frame, shape (n_frames,)."""
    rows: NDArray[np.int64]
    """First byte of each frame's atoms."""
    ends: NDArray[np.int64]
    """The byte after each frame."""
    steps: NDArray[np.int64]
    times: NDArray[np.float64]
    """Time of each frame in the file's unit; NaN where it is not said."""
    origins: NDArray[np.float64]
    """Shape (n_frames, 3), in the file's unit of length."""
    vectors: NDArray[np.float64]
    """Box vectors as rows, shape (n_frames, 3, 3), in the file's unit of length."""
    plan_of: NDArray[np.int64]
    """Which of the plans each frame follows."""
    plans: tuple[ColumnPlan, ...]

    @property
    def n_frames(self) -> int:
        """How many frames the file has, whole or not."""
        return len(self.steps)

    def check_unchanged(self) -> None:
        """Refuse a file that was written to since it was indexed.

        Raises
        ------
        TrajectoryError
            Where it is gone, or its size or its date is another one.
        """
        try:
            now = self.path.stat()
        except OSError as error:
            raise TrajectoryError(f"{self.path}: it can no longer be read ({error})") from error
        if (now.st_size, now.st_mtime_ns) != (self.size, self.changed_ns):
            raise TrajectoryError(
                f"{self.path}: the file was changed since it was opened ({self.size} bytes then, "
                f"{now.st_size} now); open it again when nobody writes to it"
            )

    def place(self, frame: int) -> str:
        """Return how a message names a frame."""
        return f"{self.path}: frame {frame} (step {self.steps[frame]})"


def index_dump(path: Path, *, is_continued: bool = False) -> DumpIndex:
    """Find the frames of a dump and read their headers.

    Parameters
    ----------
    path : Path
        A text dump, plain, or compressed by gzip or zstd whatever its name.
    is_continued : bool
        Whether a later file goes on, so that a last header may be cut short: it is left out.

    Raises
    ------
    CutShortError
        Where the file holds nothing, or nothing but a part of a header.
    TrajectoryError
        Where it is no dump, or a header is damaged, contradicts an earlier one or is cut short.
    """
    compression = compression_of(path)
    state = path.stat()
    found = _Found(path=path, is_continued=is_continued)
    with DumpBytes(path, compression) as text:
        try:
            for window in _windows(text, state.st_size if compression is None else BLOCK_BYTES):
                found.search(window)
        except TrajectoryError as error:
            if str(error).startswith(f"{path}: frame"):
                raise
            found_so_far = f"{len(found.steps) - 1}" if found.steps else "none"
            raise TrajectoryError(f"{error} (last frame begun: {found_so_far})") from error
    if not found.steps:
        raise found.why_none()
    return found.index(compression=compression, size=state.st_size, changed_ns=state.st_mtime_ns)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Window:
    """A piece of the text, and between which of its bytes to look for marks.

    Around these lie enough bytes for a whole header, and nothing is copied but what overlaps.
    """

    text: bytearray
    length: int
    """How much of it is filled."""
    place: int
    """Place of its first byte in the whole text."""
    first: int
    last: int

    def marks(self) -> Iterator[int]:
        """Yield where marks begin."""
        end = min(self.length, self.last + len(MARK) - 1)
        at = self.text.find(MARK, self.first, end)
        while at >= 0:
            yield at
            at = self.text.find(MARK, at + 1, end)

    def cut(self, first: int, last: int) -> bytes:
        """Return some of its bytes."""
        return bytes(self.text[max(0, first) : min(last, self.length)])


def _windows(text: DumpBytes, size: int) -> Iterator[_Window]:
    room = LOOK_BACK_BYTES + LOOK_AHEAD_BYTES + min(BLOCK_BYTES, size + 1)
    buffer = bytearray(room)
    length = place = first = 0
    while n_bytes := text.read_on(memoryview(buffer)[length:]):
        length += n_bytes
        last = length - LOOK_AHEAD_BYTES
        if last > first:
            yield _Window(text=buffer, length=length, place=place, first=first, last=last)
            gone = max(0, last - LOOK_BACK_BYTES)
            buffer[: length - gone] = buffer[gone:length]
            length, place, first = length - gone, place + gone, last - gone
    yield _Window(text=buffer, length=length, place=place, first=first, last=length)


@dataclass(slots=True, kw_only=True)
class _Found:
    """The index while it grows."""

    path: Path
    is_continued: bool
    starts: "array[int]" = field(default_factory=lambda: array("q"))
    rows: "array[int]" = field(default_factory=lambda: array("q"))
    steps: "array[int]" = field(default_factory=lambda: array("q"))
    plan_of: "array[int]" = field(default_factory=lambda: array("q"))
    times: "array[float]" = field(default_factory=lambda: array("d"))
    boxes: "array[float]" = field(default_factory=lambda: array("d"))
    plans: dict[bytes, ColumnPlan] = field(default_factory=dict)
    first: DumpHeader | None = None
    units: str | None = None
    n_bytes: int = 0
    cut_at: int | None = None
    """Where a header begins that is cut short and may be."""
    beginning: bytes = b""

    def search(self, window: _Window) -> None:
        """Take in the frames whose marks lie in a piece of the text."""
        self.n_bytes = window.place + window.length
        self.beginning = self.beginning or window.cut(0, 80)
        for at in window.marks():
            start = at - header_start(window.cut(at - LOOK_BACK_BYTES, at))
            if not self.steps and window.place + start > 0:
                raise TrajectoryError(self._before_the_first(window.place + start))
            self._take(window.cut(start, at + LOOK_AHEAD_BYTES), window.place + start)

    def _take(self, head: bytes, start: int) -> None:
        number = len(self.steps)
        try:
            header = parse_header(head)
            if header.columns not in self.plans:
                self.plans[header.columns] = plan_columns(header.columns)
            self._check_same(header)
        except CutShortError as error:
            if not self.is_continued:
                raise TrajectoryError(f"{self.path}: frame {number}: {error}") from error
            self.cut_at = start
            return
        except TrajectoryError as error:
            step = f" (after step {self.steps[-1]})" if self.steps else ""
            raise TrajectoryError(f"{self.path}: frame {number}{step}: {error}") from error
        if self.rows and start < self.rows[-1]:
            raise TrajectoryError(
                f"{self.path}: frame {number - 1} (step {self.steps[-1]}): it is cut short in its "
                "header, and another frame begins there"
            )
        self.starts.append(start)
        self.rows.append(start + header.length)
        self.steps.append(header.step)
        self.times.append(header.time)
        self.boxes.extend((*header.origin, *header.vectors))
        self.plan_of.append(list(self.plans).index(header.columns))

    def _check_same(self, header: DumpHeader) -> None:
        self.first = first = self.first or header
        self.units = self.units or header.units
        if header.n_atoms == 0:
            raise TrajectoryError(f"step {header.step} has no atoms; is the dumped group empty?")
        if header.n_atoms != first.n_atoms:
            raise TrajectoryError(
                f"step {header.step} has {header.n_atoms} atoms, frame 0 has {first.n_atoms}; "
                "atoms were lost, or the dumped group changes: dump a group of fixed atoms"
            )
        if header.boundary != first.boundary:
            raise TrajectoryError(
                f"step {header.step} has the boundaries {header.boundary!r}, frame 0 "
                f"{first.boundary!r}; read the two parts apart"
            )
        if header.units not in {None, self.units}:
            raise TrajectoryError(
                f"step {header.step} is in units {header.units}, what stands before it in "
                f"{self.units}; read the two parts apart"
            )

    def _before_the_first(self, n_bytes: int) -> str:
        return (
            f"{self.path}: frame 0: {n_bytes} bytes stand before it, beginning with "
            f"{self.beginning[:40]!r}; a dump begins with 'ITEM: TIMESTEP' (or UNITS, or TIME)"
        )

    def why_none(self) -> TrajectoryError:
        """Return the error for a file without a frame."""
        if self.n_bytes == 0:
            return CutShortError(f"{self.path}: the file is empty (0 bytes); run it again")
        if self.cut_at is not None:
            return CutShortError(f"{self.path}: frame 0: it is cut short in its header")
        return TrajectoryError(
            f"{self.path}: no frame: 'ITEM: TIMESTEP' is nowhere in it, it begins with "
            f"{self.beginning[:40]!r}; wanted a text dump of LAMMPS (dump atom, dump custom)"
        )

    def index(self, *, compression: str | None, size: int, changed_ns: int) -> DumpIndex:
        """Return what was found, as arrays."""
        assert self.first is not None  # there is a frame
        boxes = np.array(self.boxes).reshape(-1, 12)
        starts = np.array(self.starts, dtype=np.int64)
        return DumpIndex(
            path=self.path,
            compression=compression,
            size=size,
            changed_ns=changed_ns,
            has_cut_header=self.cut_at is not None,
            n_atoms=self.first.n_atoms,
            units=self.units,
            boundary=self.first.boundary,
            starts=starts,
            rows=np.array(self.rows, dtype=np.int64),
            ends=np.append(starts[1:], self.n_bytes if self.cut_at is None else self.cut_at),
            steps=np.array(self.steps, dtype=np.int64),
            times=np.array(self.times),
            origins=boxes[:, :3].copy(),
            vectors=boxes[:, 3:].reshape(-1, 3, 3).copy(),
            plan_of=np.array(self.plan_of, dtype=np.int64),
            plans=tuple(self.plans.values()),
        )
