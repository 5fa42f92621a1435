"""The text of a dump, plain or compressed, by place: read in portions, never all at once.

Plain files are read, not mapped: a file that somebody shortens under a mapping kills the process,
and mapped pages count as memory of the reader. Compressed text can be read forwards only, so to go
back means to begin again.
"""

from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from iemhpc.errors import MissingInputError, TrajectoryError

BLOCK_BYTES = 4_000_000
_MAGIC = {b"\x1f\x8b": "gzip", b"\x28\xb5\x2f\xfd": "zstd"}


def compression_of(path: Path) -> str | None:
    """Return ``gzip`` or ``zstd`` where a file begins as these do, else None.

    Raises
    ------
    MissingInputError
        Where there is no such file.
    TrajectoryError
        Where it may not be read.
    """
    if not path.is_file():
        raise MissingInputError(f"{path}: there is no such file")
    try:
        with path.open("rb") as stream:
            head = stream.read(4)
    except OSError as error:
        raise TrajectoryError(f"{path}: cannot be opened ({error})") from error
    return next((name for magic, name in _MAGIC.items() if head.startswith(magic)), None)


class DumpBytes:
    """A dump opened for reading.

    Parameters
    ----------
    path : Path
        Where it is.
    compression : str, optional
        As :func:`compression_of` says.
    """

    def __init__(self, path: Path, compression: str | None) -> None:
        self.path = path
        self._compression = compression
        self._stream: Any = None
        self._at = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        if self._stream is not None:
            self._stream.close()
            self._stream = None

    def read(self, start: int, end: int) -> NDArray[np.uint8]:
        """Return the bytes of the text from ``start`` up to before ``end``.

        Raises
        ------
        TrajectoryError
            Where the text has become shorter, or a compressed file is damaged.
        """
        self._go_to(start)
        text = np.empty(end - start, dtype=np.uint8)
        view = text.data
        got = 0
        while got < len(view):
            n_bytes = self._into(view[got : got + BLOCK_BYTES])
            if n_bytes == 0:
                raise TrajectoryError(
                    f"{self.path}: the file ends at byte {start + got}, it was longer when it was "
                    "opened; do not write to it while it is read"
                )
            got += n_bytes
        return text

    def read_on(self, view: memoryview) -> int:
        """Fill room with what comes next, from the beginning on; return how much, 0 at the end."""
        if self._stream is None:
            self._open()
        return self._into(view)

    def _into(self, view: memoryview) -> int:
        try:
            if self._compression is None:
                n_bytes = int(self._stream.readinto(view))
            else:
                data = self._stream.read(len(view))
                n_bytes = len(data)
                view[:n_bytes] = data
        except (OSError, pa.ArrowException) as error:
            raise TrajectoryError(
                f"{self.path}: cannot be read past byte {self._at} of its text ({error}); the "
                "file is cut short or damaged: copy it again"
            ) from error
        self._at += n_bytes
        return n_bytes

    def _go_to(self, place: int) -> None:
        if self._stream is None or (self._compression is not None and place < self._at):
            self._open()
        if self._compression is None:
            self._stream.seek(place)
            self._at = place
        waste = memoryview(bytearray(min(BLOCK_BYTES, max(place - self._at, 1))))
        while self._at < place:
            if not self._into(waste[: place - self._at]):
                break

    def _open(self) -> None:
        if self._stream is not None:
            self._stream.close()
        try:
            if self._compression is None:
                self._stream = self.path.open("rb", buffering=0)
            else:
                file = pa.OSFile(str(self.path))
                self._stream = pa.CompressedInputStream(file, self._compression)
        except OSError as error:
            raise TrajectoryError(f"{self.path}: cannot be opened ({error})") from error
        self._at = 0
