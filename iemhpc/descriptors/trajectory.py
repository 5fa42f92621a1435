"""A finished run's trajectory: the DCD files of its attempts, with the steps of their frames.

A run that was killed and resumed leaves one DCD an attempt, which ``segments.json`` lists. A
frame's step is the segment's first step plus k strides. Positions are unwrapped, in ångström.
"""

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from iemhpc.descriptors.dcd import DcdFile, DcdHeader, read_dcd_header
from iemhpc.descriptors.segments import Trajectory, join_files
from iemhpc.errors import TrajectoryError
from iemhpc.workspace import file_hash, read_json

SEGMENTS = "segments.json"
HEAD_BYTES = 1_000_000
"""How much of each segment its hash covers, at either end."""


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
    files, notes = list[DcdFile](), list[str]()
    for entry in entries:
        path = folder / entry["file"]
        file, said = _open_segment(path, entry, n_atoms=n_atoms, is_last=entry is entries[-1])
        notes.extend(said)
        if file is not None:
            files.append(file)
    if not any(len(file.steps) for file in files):
        names = ", ".join(entry["file"] for entry in entries)
        raise TrajectoryError(
            f"{folder}: no frame in {names}; run the production for longer than one frame interval"
        )
    timestep_fs = float(entries[0]["timestep_fs"])
    return join_files(files, n_atoms=n_atoms, timestep_fs=timestep_fs, notes=notes)


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
            update_with_ends(digest, path)
    return digest.hexdigest()[:16]


def update_with_ends(digest: "hashlib._Hash", path: Path) -> None:
    """Take the size and both ends of a file into a hash: reading all of it would take too long."""
    size = path.stat().st_size
    digest.update(str(size).encode())
    with path.open("rb") as stream:
        digest.update(stream.read(HEAD_BYTES))
        stream.seek(max(0, size - HEAD_BYTES))
        digest.update(stream.read(HEAD_BYTES))


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
) -> tuple[DcdFile | None, list[str]]:
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
    return DcdFile(path=path, steps=_steps(header, entry)), notes


def _steps(header: DcdHeader, entry: dict[str, Any]) -> NDArray[np.int64]:
    # LAMMPS dumps on multiples of the stride, so after a restart from a step between two of them
    # the first frame comes later than the first step; LAMMPS' own header knows, others write 0, 1.
    stride = int(entry["stride_steps"])
    first = header.first_step if header.stride_steps == stride else int(entry["first_step"])
    return first + stride * np.arange(header.n_frames, dtype=np.int64)
