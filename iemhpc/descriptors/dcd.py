"""What a DCD file says of itself: atoms, first step, stride, and how many frames are whole.

mdtraj reads the coordinates, but a last frame that was cut short vanishes in it without a word,
and it keeps the steps to itself; both follow from the header and the size of the file.
The layout is that of CHARMM and of LAMMPS' ``dump dcd``: Fortran records, each between two copies
of its length (https://www.ks.uiuc.edu/Research/vmd/plugins/molfile/dcdplugin.html).
"""

import ctypes
import os
import struct
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import mdtraj
import numpy as np
from numpy.typing import NDArray

from iemhpc.descriptors.frames import vectors_from_angles_A
from iemhpc.errors import TrajectoryError

_CONTROL_BYTES = 84
"""The first record: the letters CORD and twenty integers."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DcdHeader:
    """The head of a DCD file and what its size implies."""

    n_atoms: int
    first_step: int
    """Step of the first frame, as the writing program counted."""
    stride_steps: int
    """Steps from frame to frame."""
    n_frames: int
    """Frames that are whole."""
    tail_bytes: int
    """Bytes after the last whole frame: not zero where the file was cut."""
    is_by_lammps: bool
    """Whether LAMMPS wrote it, whose first step and stride are steps of the simulation."""


def read_dcd_header(path: Path) -> DcdHeader:
    """Read the head of a DCD file.

    Raises
    ------
    TrajectoryError
        Where the file is empty, no DCD, or one without a periodic box.
    """
    size = path.stat().st_size
    with path.open("rb") as stream:
        head = stream.read(65536)
    if not head:
        raise TrajectoryError(f"{path}: the file is empty (0 bytes); run the production again")
    try:
        return _parse(head, size)
    except (struct.error, ValueError) as error:
        raise TrajectoryError(
            f"{path}: not a DCD trajectory with a periodic box ({error}); this release reads the "
            "files of LAMMPS' dump dcd only"
        ) from error


def _parse(head: bytes, size: int) -> DcdHeader:
    order = next((o for o in "<>" if struct.unpack_from(f"{o}i", head)[0] == _CONTROL_BYTES), None)
    if order is None or head[4:8] != b"CORD":
        raise ValueError("it does not begin with CORD")
    control = struct.unpack_from(f"{order}20i", head, 8)
    n_fixed, has_box, has_fourth = control[8], control[10], control[11]
    if n_fixed or has_fourth:
        raise ValueError("fixed atoms or a fourth dimension are switched on")
    if not has_box:
        raise ValueError("its frames carry no box")
    title_at = _CONTROL_BYTES + 8
    title_bytes = struct.unpack_from(f"{order}i", head, title_at)[0]
    atoms_at = title_at + title_bytes + 8
    n_atoms = struct.unpack_from(f"{order}i", head, atoms_at + 4)[0]
    if n_atoms <= 0:
        raise ValueError(f"it claims {n_atoms} atoms")
    frame_bytes = (48 + 8) + 3 * (4 * n_atoms + 8)
    n_frames, tail_bytes = divmod(size - (atoms_at + 12), frame_bytes)
    return DcdHeader(
        n_atoms=n_atoms,
        first_step=control[1],
        stride_steps=control[2],
        n_frames=n_frames,
        tail_bytes=tail_bytes,
        is_by_lammps=b"LAMMPS" in head[title_at : title_at + title_bytes],
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class DcdFile:
    """A DCD file whose steps are known: a FrameFile."""

    path: Path
    steps: NDArray[np.int64]
    """Step of each whole frame, shape (n_frames,)."""

    @contextmanager
    def open(self) -> Iterator["DcdReader"]:
        """Open the file."""
        with _open_quietly(self.path) as stream:
            yield DcdReader(stream)


class DcdReader:
    """An open DCD file."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream

    def read(self, first: int, n_frames: int) -> tuple[NDArray[np.float32], NDArray[np.float64]]:
        """Return positions and box vectors, in ångström, from frame ``first`` on."""
        if self._stream.tell() != first:
            self._stream.seek(first)
        xyz, lengths, angles = self._stream.read(n_frames=n_frames)
        if lengths is None:  # how mdtraj says that all are zero
            lengths, angles = np.zeros((len(xyz), 3)), np.full((len(xyz), 3), 90.0)
        return xyz, vectors_from_angles_A(lengths, angles)


def _open_quietly(path: Path) -> Any:
    # mdtraj's C reader prints two lines to the standard output, where a query's JSON may be going.
    flush = ctypes.CDLL(None).fflush
    sys.stdout.flush()
    flush(None)
    terminal = os.dup(1)
    with Path(os.devnull).open("w", encoding="utf-8") as nowhere:
        os.dup2(nowhere.fileno(), 1)
        try:
            return mdtraj.formats.DCDTrajectoryFile(str(path))
        finally:
            flush(None)
            os.dup2(terminal, 1)
            os.close(terminal)
