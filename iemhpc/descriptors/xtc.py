"""What an XTC file says of its frames: steps, times, and whether the last is whole.

mdtraj reads the coordinates, but learns how many frames there are from the size of the file, and
takes a frame cut short for one. Each frame begins with a head of fixed layout that says how long
the rest is (https://manual.gromacs.org/archive/5.0.7/online/xtc.html), so one look at every head
tells where frames are, and where they end.
"""

import mmap
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from mdtraj.formats import XTCTrajectoryFile
from numpy.typing import NDArray

from iemhpc.descriptors.frames import restrict
from iemhpc.errors import TrajectoryError
from iemhpc.units import A_PER_NM

_MAGIC, _MAGIC_LARGE = 1995, 2023
_HEAD = struct.Struct(">iii f 9f i")
"""Magic number, atoms, step, time, box, atoms again."""
_PLAIN_ATOMS = 9
"""Up to so many atoms are stored as they are, without compression."""
_TO_LENGTH = 88
"""Bytes from the start of a compressed frame to the length of its data."""


@dataclass(frozen=True, slots=True, kw_only=True)
class XtcFile:
    """An XTC file whose heads were looked at: a FrameFile."""

    path: Path
    n_atoms: int
    steps: NDArray[np.int64]
    """Step of each whole frame, as the writing program counted, shape (n_frames,)."""
    times_ps: NDArray[np.float64]
    """Time of each whole frame, shape (n_frames,)."""
    tail_bytes: int
    """Bytes after the last whole frame: not zero where the file was cut."""

    @contextmanager
    def open(self) -> Iterator["XtcReader"]:
        """Open the file."""
        with XTCTrajectoryFile(str(self.path)) as stream:
            yield XtcReader(stream, self.path)


class XtcReader:
    """An open XTC file."""

    def __init__(self, stream: Any, path: Path) -> None:
        self._stream = stream
        self._path = path

    def read(self, first: int, n_frames: int) -> tuple[NDArray[np.float32], NDArray[np.float64]]:
        """Return positions and box vectors, in ångström, from frame ``first`` on."""
        if self._stream.tell() != first:
            self._stream.seek(first)
        try:
            xyz, _, _, box = self._stream.read(n_frames=n_frames)
        except RuntimeError as error:
            raise TrajectoryError(
                f"{self._path}: a frame from {first} on cannot be unpacked ({error}); the file is "
                "damaged: copy it again"
            ) from error
        vectors_A = box.astype(np.float64) * A_PER_NM
        return restrict(xyz * np.float32(A_PER_NM), vectors_A)


def read_xtc_heads(path: Path) -> XtcFile:
    """Look at the head of every frame.

    Raises
    ------
    TrajectoryError
        Where the file is empty, no XTC, damaged, or its number of atoms changes.
    """
    if path.stat().st_size == 0:
        raise TrajectoryError(f"{path}: the file is empty (0 bytes); copy it again")
    with path.open("rb") as stream, mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as data:
        n_atoms, steps, times_ps, at = _look(data, path)
        tail_bytes = len(data) - at
    return XtcFile(
        path=path,
        n_atoms=n_atoms,
        steps=np.array(steps, dtype=np.int64),
        times_ps=np.array(times_ps, dtype=np.float64),
        tail_bytes=tail_bytes,
    )


def _look(data: mmap.mmap, path: Path) -> tuple[int, list[int], list[float], int]:
    steps, times_ps, n_atoms, at = list[int](), list[float](), 0, 0
    while at + _HEAD.size <= len(data):
        magic, atoms, step, time_ps, *_, again = _HEAD.unpack_from(data, at)
        if magic not in {_MAGIC, _MAGIC_LARGE}:
            what = "not an XTC trajectory" if at == 0 else f"frame {len(steps)} is damaged"
            raise TrajectoryError(
                f"{path}: {what}: its magic number is {magic}, wanted {_MAGIC}; copy it again"
            )
        n_atoms = n_atoms or atoms
        if atoms != n_atoms or again != n_atoms or atoms <= 0:
            raise TrajectoryError(
                f"{path}: frame {len(steps)} holds {atoms} atoms, frame 0 holds {n_atoms}; a "
                "trajectory has the same atoms throughout"
            )
        end = at + _length(data, at, n_atoms, is_large=magic == _MAGIC_LARGE)
        if end > len(data):
            break
        steps.append(step)
        times_ps.append(time_ps)
        at = end
    return n_atoms, steps, times_ps, at


def _length(data: mmap.mmap, at: int, n_atoms: int, *, is_large: bool) -> int:
    """Return the bytes of a frame; more than there are where its head is cut."""
    if n_atoms <= _PLAIN_ATOMS:
        return _HEAD.size + 12 * n_atoms
    form = ">q" if is_large else ">i"
    begin = _TO_LENGTH + struct.calcsize(form)
    if at + begin > len(data):
        return begin
    n_bytes = int(struct.unpack_from(form, data, at + _TO_LENGTH)[0])
    return begin + -(-max(n_bytes, 0) // 4) * 4
