"""One text dump as a file of frames: any of them, by place, read and held against the first.

Text is taken in portions of bounded size, whatever number of frames is asked for.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from iemhpc.descriptors.dump_atoms import DumpAtoms
from iemhpc.descriptors.dump_bytes import DumpBytes
from iemhpc.descriptors.dump_index import DumpIndex
from iemhpc.descriptors.dump_kernel import OK, Atoms, Boxes, Rows, parse_frames
from iemhpc.descriptors.dump_words import complaint
from iemhpc.descriptors.frames import restrict
from iemhpc.errors import TrajectoryError

TEXT_BYTES = 16_000_000
"""Text held at once."""
_NEWLINE = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class DumpFile:
    """A dump whose frames are known by their steps: a FrameFile, to be handed to any process."""

    index: DumpIndex
    atoms: DumpAtoms
    """Those of the first frame of the trajectory, which every frame must have."""
    scale_A: float
    """Ångström in one of its units of length."""

    @property
    def path(self) -> Path:
        """The file."""
        return self.index.path

    @property
    def steps(self) -> NDArray[np.int64]:
        """Step of each frame, in the order of the file, shape (n_frames,)."""
        return self.index.steps

    @contextmanager
    def open(self) -> Iterator["DumpReader"]:
        """Open the file.

        Raises
        ------
        TrajectoryError
            Where it was changed since its frames were looked for.
        """
        self.index.check_unchanged()
        with DumpBytes(self.path, self.index.compression) as text:
            yield DumpReader(self, text)


class DumpReader:
    """An open dump."""

    def __init__(self, file: DumpFile, text: DumpBytes) -> None:
        self._file = file
        self._text = text
        self._atoms: Atoms = file.atoms.table()
        self._untyped: Atoms = file.atoms.table(with_types=False)

    def read(self, first: int, n_frames: int) -> tuple[NDArray[np.float32], NDArray[np.float64]]:
        """Return positions and box vectors, in ångström, from frame ``first`` of the file on.

        Parameters
        ----------
        first : int
            Place of the first frame in the file, from 0.
        n_frames : int
            How many.

        Returns
        -------
        positions_A : ndarray of float32, shape (n_frames, n_atoms, 3)
            Atoms by rising id; unwrapped where the columns tell.
        vectors_A : ndarray, shape (n_frames, 3, 3)
            Box vectors as rows, zero above the diagonal.

        Raises
        ------
        TrajectoryError
            At the first frame that cannot be read without guessing.
        """
        index = self._file.index
        positions_A = np.empty((n_frames, len(self._atoms.ids), 3), dtype=np.float32)
        for begin, end in _portions(index, first, first + n_frames):
            self._fill(begin, end, positions_A[begin - first : end - first])
        vectors_A = index.vectors[first : first + n_frames] * self._file.scale_A
        try:
            return restrict(positions_A, vectors_A)
        except TrajectoryError as error:
            raise TrajectoryError(f"{index.path}: frames from {first} on: {error}") from error

    def _fill(self, begin: int, end: int, positions_A: NDArray[np.float32]) -> None:
        """Read the rows of frames of one plan."""
        index = self._file.index
        place = int(index.rows[begin])
        try:
            text = self._text.read(place, int(index.ends[end - 1]))
        except TrajectoryError as error:
            raise TrajectoryError(f"{error}; reading from frame {begin} on") from error
        starts, ends = index.rows[begin:end] - place, index.ends[begin:end] - place
        is_ended = ends > starts
        is_ended[is_ended] = text[ends[is_ended] - 1] == _NEWLINE
        if not is_ended.all():
            at = int(np.argmin(is_ended))
            rows = text[starts[at] : ends[at]].tobytes()
            raise TrajectoryError(
                f"{index.place(begin + at)}: it is cut short in row {rows.count(10) + 1} of "
                f"{index.n_atoms}, which ends in {rows[-30:]!r} and no new line"
            )
        plan = index.plans[index.plan_of[begin]]
        code, frame, row, column = parse_frames(
            Rows(text, starts, ends, plan.actions, plan.is_scaled),
            Boxes(index.origins[begin:end], index.vectors[begin:end], self._file.scale_A),
            self._atoms if "type" in plan.names else self._untyped,
            positions_A,
        )
        if code != OK:
            rows = text[starts[frame] : ends[frame]].tobytes()
            reason = complaint(code, rows, row=row, column=column, names=plan.names)
            raise TrajectoryError(f"{index.place(begin + frame)}{reason}")


def _portions(index: DumpIndex, first: int, last: int) -> Iterator[tuple[int, int]]:
    """Yield ranges of frames of one plan each, of bounded size."""
    begin = first
    for frame in range(first, last):
        is_full = index.ends[frame] - index.rows[begin] > TEXT_BYTES
        if frame > begin and (is_full or index.plan_of[frame] != index.plan_of[begin]):
            yield begin, frame
            begin = frame
    if begin < last:
        yield begin, last
