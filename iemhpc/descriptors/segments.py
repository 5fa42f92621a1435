"""Frames of several files as one trajectory: each step once, in order, checked while it is read.

Of two frames with one step the later file's, or the later in a file, is the one that goes on, so
it wins. Memory does not grow with the trajectory.
"""

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from iemhpc.descriptors.frames import Frames
from iemhpc.errors import TrajectoryError
from iemhpc.units import FS_PER_PS

CHUNK_BYTES = 48_000_000
"""Coordinates held at once."""


class FrameReader(Protocol):
    """An open file of frames."""

    def read(self, first: int, n_frames: int) -> tuple[NDArray[np.float32], NDArray[np.float64]]:
        """Return positions and box vectors, in ångström, from frame ``first`` of the file on."""


class FrameFile(Protocol):
    """A file whose frames are known by their steps before a coordinate is read."""

    @property
    def path(self) -> Path:
        """The file."""

    @property
    def steps(self) -> NDArray[np.int64]:
        """Step of each whole frame, in the order of the file, shape (n_frames,)."""

    def open(self) -> AbstractContextManager[FrameReader]:
        """Open the file."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Segment:
    """One file and those of its frames that count."""

    file: FrameFile
    keep: NDArray[np.bool_]
    """Whether no later frame has the same step, shape (n_frames,)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trajectory:
    """All frames that count, each once: a FrameSource."""

    n_atoms: int
    segments: tuple[Segment, ...]
    steps: NDArray[np.int64]
    """Sorted steps of the frames that count, shape (n_frames,)."""
    timestep_fs: float
    """Not a number where nobody knows it."""
    notes: tuple[str, ...]
    """What a person should know: overlaps, files cut short, gaps."""

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
            with stretch.file.open() as reader:
                for start in range(0, stretch.n_frames, n_at_once):
                    n_wanted = min(n_at_once, stretch.n_frames - start)
                    at = stretch.first_frame + start
                    positions_A, vectors_A = reader.read(at, n_wanted)
                    check_frames(stretch.file.path, at, n_wanted, positions_A, vectors_A)
                    yield Frames(
                        rank=stretch.first_rank + start + np.arange(n_wanted),
                        positions_A=positions_A,
                        vectors_A=vectors_A,
                    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Stretch:
    """Frames that follow each other both in a file and in the order of steps."""

    file: FrameFile
    first_frame: int
    """Place of the first in the file, from 0."""
    first_rank: int
    """Place of the first among all frames that count."""
    n_frames: int


def stretches(segments: Sequence[Segment], first: int, last: int) -> list[Stretch]:
    """Return what to read, in which order, for the frames of rank ``first`` up to before ``last``.

    Rising ranks, although a file's frames may lie between those of an earlier one.
    """
    steps = np.concatenate([s.file.steps[s.keep] for s in segments])
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
            file=segments[which[begin]].file,
            first_frame=int(frame[begin]),
            first_rank=first + int(begin),
            n_frames=int(end - begin),
        )
        for begin, end in zip(begins, ends, strict=True)
    ]


def join_files(
    files: Sequence[FrameFile], *, n_atoms: int, timestep_fs: float, notes: Sequence[str] = ()
) -> Trajectory:
    """Make one trajectory of the frames of several files, in the order in which they were made.

    Parameters
    ----------
    files : sequence of FrameFile
        At least one with a frame; of two frames with one step the later wins.
    n_atoms : int
        Atoms of each frame.
    timestep_fs : float
        Time between steps; not a number where nobody knows it.
    notes : sequence of str
        What is known of the files already.
    """
    every = np.concatenate([file.steps for file in files])
    steps, last = np.unique(every[::-1], return_index=True)
    keep = np.zeros(len(every), dtype=bool)
    keep[len(every) - 1 - last] = True
    parts = np.split(keep, np.cumsum([len(file.steps) for file in files])[:-1])
    replaced = [
        f"{file.path.name}: {int((~part).sum())} of {len(part)} frames have a step that comes "
        "again later; the later ones are counted"
        for file, part in zip(files, parts, strict=True)
        if not part.all()
    ]
    return Trajectory(
        n_atoms=n_atoms,
        segments=tuple(
            Segment(file=file, keep=part) for file, part in zip(files, parts, strict=True)
        ),
        steps=steps,
        timestep_fs=timestep_fs,
        notes=(*notes, *replaced, *gaps(steps)),
    )


def gaps(steps: NDArray[np.int64]) -> list[str]:
    """Return in words where frames are missing: where steps lie further apart than they mostly do.

    Examples
    --------
    >>> gaps(np.array([0, 500, 1000, 3000, 3500]))
    ['no frames between steps 1000 and 3000']
    """
    jumps = np.diff(steps)
    stride = np.median(jumps) if len(jumps) else 0
    return [
        f"no frames between steps {steps[at]} and {steps[at + 1]}"
        for at in np.flatnonzero(jumps > stride)
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
    # a sum is finite where all numbers are, and is made in half the time
    with np.errstate(invalid="ignore", over="ignore"):
        is_finite = np.isfinite(positions_A.reshape(len(positions_A), -1).sum(axis=1))
    volumes_A3 = np.linalg.det(np.where(np.isfinite(vectors_A), vectors_A, 0.0))
    is_box = np.isfinite(vectors_A).all(axis=(1, 2)) & (volumes_A3 > 0.0)
    checks = (
        (is_finite, "a coordinate is NaN or infinite; look at its log and run it again"),
        (is_box, "the box has no volume; dump it from a periodic simulation"),
    )
    for is_good, reason in checks:
        if not is_good.all():
            raise TrajectoryError(f"{path}: frame {start + int(np.argmin(is_good))}: {reason}")
