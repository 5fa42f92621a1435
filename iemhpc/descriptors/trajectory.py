"""A finished run's trajectory, frame by frame in step order, checked while it is read.

A run that was killed and resumed leaves one DCD an attempt. A frame's step is the segment's first
step plus k strides; of two frames with one step the later attempt's is the one that goes on, so it
wins. Positions are unwrapped, in ångström; memory does not grow with the trajectory.
"""

import ctypes
import hashlib
import os
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import mdtraj
import numpy as np
from numpy.typing import NDArray

from iemhpc.descriptors.dcd import DcdHeader, read_dcd_header
from iemhpc.descriptors.frames import Frames, vectors_from_angles_A
from iemhpc.errors import TrajectoryError
from iemhpc.units import FS_PER_PS
from iemhpc.workspace import file_hash, read_json

SEGMENTS = "segments.json"
CHUNK_BYTES = 48_000_000
"""Coordinates held at once."""
HEAD_BYTES = 1_000_000
"""How much of each segment its hash covers, at either end."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Segment:
    """One attempt's DCD and those of its frames that count."""

    path: Path
    steps: NDArray[np.int64]
    """Step of each whole frame, shape (n_frames,)."""
    keep: NDArray[np.bool_]
    """Whether no later attempt has a frame with this step, shape (n_frames,)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trajectory:
    """All frames of a run that count, each once."""

    n_atoms: int
    segments: tuple[Segment, ...]
    steps: NDArray[np.int64]
    """Sorted steps of the frames that count, shape (n_frames,)."""
    timestep_fs: float
    notes: tuple[str, ...]
    """What a person should know: attempts cut short, gaps."""

    @property
    def n_frames(self) -> int:
        """How many frames count."""
        return len(self.steps)

    @property
    def sampled_ps(self) -> float:
        """Simulated time from the first frame to the last."""
        return float(self.steps[-1] - self.steps[0]) * self.timestep_fs / FS_PER_PS

    def chunks(self, first: int = 0, last: int | None = None) -> Iterator[Frames]:
        """Yield the frames of rank ``first`` up to before ``last`` in portions of bounded size.

        Raises
        ------
        TrajectoryError
            At the first frame with a coordinate or a box that cannot be used.
        """
        n_at_once = max(1, CHUNK_BYTES // (12 * self.n_atoms))
        last = self.n_frames if last is None else min(last, self.n_frames)
        for stretch in stretches(self.segments, first, last):
            with _open_dcd(stretch.path) as stream:
                stream.seek(stretch.first_frame)
                for start in range(0, stretch.n_frames, n_at_once):
                    n_wanted = min(n_at_once, stretch.n_frames - start)
                    yield _read(
                        stream,
                        stretch.path,
                        start=stretch.first_frame + start,
                        rank=stretch.first_rank + start + np.arange(n_wanted),
                    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Stretch:
    """Frames that follow each other both in a file and in the order of steps."""

    path: Path
    first_frame: int
    """Place of the first in the file, from 0."""
    first_rank: int
    """Place of the first among all frames that count."""
    n_frames: int


def stretches(segments: Sequence[Segment], first: int, last: int) -> list[Stretch]:
    """Return what to read, in which order, for the frames of rank ``first`` up to before ``last``.

    Rising ranks, although an attempt's frames may lie between those of an earlier one.
    """
    steps = np.concatenate([s.steps[s.keep] for s in segments])
    which = np.concatenate([np.full(int(s.keep.sum()), k) for k, s in enumerate(segments)])
    frame = np.concatenate([np.flatnonzero(s.keep) for s in segments])
    order = np.argsort(steps, kind="stable")[first:last]
    which, frame = which[order], frame[order]
    is_new = np.ones(len(order), dtype=bool)
    is_new[1:] = (np.diff(which) != 0) | (np.diff(frame) != 1)
    begins = np.flatnonzero(is_new)
    ends = np.append(begins[1:], len(order))
    return [
        Stretch(
            path=segments[which[begin]].path,
            first_frame=int(frame[begin]),
            first_rank=first + int(begin),
            n_frames=int(end - begin),
        )
        for begin, end in zip(begins, ends, strict=True)
    ]


def _read(stream: Any, path: Path, *, start: int, rank: NDArray[np.int64]) -> Frames:
    xyz, lengths, angles = stream.read(n_frames=len(rank))
    if lengths is None:  # how mdtraj says that all are zero
        lengths, angles = np.zeros((len(xyz), 3)), np.full((len(xyz), 3), 90.0)
    vectors_A = vectors_from_angles_A(lengths, angles)
    check_frames(path, start, len(rank), xyz, vectors_A)
    return Frames(rank=rank, positions_A=xyz, vectors_A=vectors_A)


def _open_dcd(path: Path) -> Any:
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


def open_trajectory(folder: Path, *, n_atoms: int) -> Trajectory:
    """Find the frames of a run folder that count, without reading coordinates.

    Parameters
    ----------
    folder : Path
        The run folder, with ``segments.json`` and the DCD files it names.
    n_atoms : int
        Atoms that each frame must have: the rows of ``roles.parquet``.

    Raises
    ------
    TrajectoryError
        Where a segment is missing, no DCD, of another box, or cut short with nothing to mend it.
    """
    entries = _read_segments(folder)
    opened, notes = [], list[str]()
    for entry in entries:
        path = folder / entry["file"]
        segment = _open_segment(path, entry, n_atoms=n_atoms, is_last=entry is entries[-1])
        notes.extend(segment[1])
        if segment[0] is not None:
            opened.append((path, segment[0]))
    if not any(len(steps) for _, steps in opened):
        names = ", ".join(entry["file"] for entry in entries)
        raise TrajectoryError(
            f"{folder}: no frame in {names}; run the production for longer than one frame interval"
        )
    segments = _keep_latest(opened)
    steps = np.sort(np.concatenate([s.steps[s.keep] for s in segments]))
    notes.extend(_gaps(steps, stride_steps=max(int(e["stride_steps"]) for e in entries)))
    return Trajectory(
        n_atoms=n_atoms,
        segments=segments,
        steps=steps,
        timestep_fs=float(entries[0]["timestep_fs"]),
        notes=tuple(notes),
    )


def trajectory_hash(folder: Path) -> str:
    """Return a hash of the roles and of the names, sizes and both ends of the segments.

    Raises
    ------
    TrajectoryError
        Where the folder has no usable ``segments.json``.
    """
    digest = hashlib.sha256()
    digest.update(file_hash(folder / "roles.parquet").encode())
    for entry in _read_segments(folder):
        path = folder / entry["file"]
        digest.update(f"{entry['file']} {entry['first_step']} {entry['stride_steps']} ".encode())
        if path.is_file():
            size = path.stat().st_size
            digest.update(str(size).encode())
            with path.open("rb") as stream:
                digest.update(stream.read(HEAD_BYTES))
                stream.seek(max(0, size - HEAD_BYTES))
                digest.update(stream.read(HEAD_BYTES))
    return digest.hexdigest()[:16]


def _read_segments(folder: Path) -> list[dict[str, Any]]:
    path = folder / SEGMENTS
    if not path.is_file():
        raise TrajectoryError(
            f"{path} is missing: it says which DCD begins at which step; the run has no production "
            "yet, or was copied without it"
        )
    entries = read_json(path)
    wanted = ("file", "first_step", "stride_steps", "timestep_fs", "attempt")
    if not isinstance(entries, list) or not entries:
        raise TrajectoryError(f"{path} names no trajectory; the production of this run never began")
    for entry in entries:
        missing = [key for key in wanted if not isinstance(entry, dict) or key not in entry]
        if missing:
            raise TrajectoryError(f"{path}: an entry lacks {', '.join(missing)}; it holds {entry}")
        if not str(entry["file"]).endswith(".dcd"):
            raise TrajectoryError(
                f"{path}: {entry['file']} is not a DCD file; this release reads LAMMPS' dump dcd "
                "only, and text dumps are for a later one"
            )
    return sorted(entries, key=lambda entry: int(entry["attempt"]))


def _open_segment(
    path: Path, entry: dict[str, Any], *, n_atoms: int, is_last: bool
) -> tuple[NDArray[np.int64] | None, list[str]]:
    # An attempt that was killed may leave no file, an empty one or half a frame. Its successor
    # starts from an earlier restart and writes those frames again; nobody does so for the last.
    if not is_last and (not path.is_file() or path.stat().st_size == 0):
        return None, [f"{path.name}: attempt {entry['attempt']} left no frames"]
    if not path.is_file():
        raise TrajectoryError(
            f"{path} is named in {SEGMENTS} but does not exist; copy it back or run it again"
        )
    header = read_dcd_header(path)
    if header.n_atoms != n_atoms:
        raise TrajectoryError(
            f"{path}: its frames hold {header.n_atoms} atoms, roles.parquet has {n_atoms}; the "
            "two belong to different boxes"
        )
    if header.tail_bytes and is_last:
        raise TrajectoryError(
            f"{path}: frame {header.n_frames} is cut short ({header.tail_bytes} bytes of it); the "
            "disk was full or the copy stopped: copy it again or resume the run"
        )
    notes = [f"{path.name}: half a frame at the end, dropped"] if header.tail_bytes else []
    return _steps(header, entry), notes


def _steps(header: DcdHeader, entry: dict[str, Any]) -> NDArray[np.int64]:
    # LAMMPS dumps on multiples of the stride, so after a restart from a step between two of them
    # the first frame comes later than the first step; LAMMPS' own header knows, others write 0, 1.
    stride = int(entry["stride_steps"])
    first = header.first_step if header.stride_steps == stride else int(entry["first_step"])
    return first + stride * np.arange(header.n_frames, dtype=np.int64)


def _keep_latest(opened: list[tuple[Path, NDArray[np.int64]]]) -> tuple[Segment, ...]:
    taken = np.empty(0, dtype=np.int64)
    segments = []
    for path, steps in reversed(opened):
        segments.append(Segment(path=path, steps=steps, keep=~np.isin(steps, taken)))
        taken = np.union1d(taken, steps)
    return tuple(reversed(segments))


def _gaps(steps: NDArray[np.int64], *, stride_steps: int) -> list[str]:
    jumps = np.diff(steps)
    return [
        f"no frames between steps {steps[at]} and {steps[at + 1]}"
        for at in np.flatnonzero(jumps > stride_steps)
    ]


def check_frames(
    path: Path,
    start: int,
    n_wanted: int,
    positions_A: NDArray[np.float32],
    vectors_A: NDArray[np.float64],
) -> None:
    """Refuse frames that lack, or whose coordinates or boxes cannot be used.

    Parameters
    ----------
    path : Path
        The file, for the message.
    start : int
        Place in the file of the first of these frames, for the message.
    n_wanted : int
        How many frames there should be.
    positions_A : ndarray, shape (n, n_atoms, 3)
        Positions.
    vectors_A : ndarray, shape (n, 3, 3)
        Box vectors.
    """
    if len(positions_A) != n_wanted:
        raise TrajectoryError(
            f"{path}: frame {start + len(positions_A)} cannot be read though the file is long "
            "enough; it is damaged: copy it again or run it again"
        )
    is_finite = np.isfinite(positions_A).all(axis=(1, 2))
    volumes_A3 = np.linalg.det(np.where(np.isfinite(vectors_A), vectors_A, 0.0))
    is_box = np.isfinite(vectors_A).all(axis=(1, 2)) & (volumes_A3 > 0.0)
    checks = (
        (is_finite, "a coordinate is NaN or infinite; look at its log and run it again"),
        (is_box, "the box has no volume; dump it from a periodic simulation"),
    )
    for is_good, reason in checks:
        if not is_good.all():
            raise TrajectoryError(f"{path}: frame {start + int(np.argmin(is_good))}: {reason}")
