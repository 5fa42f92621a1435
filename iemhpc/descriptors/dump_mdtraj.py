"""LAMMPS text dumps through mdtraj: ``md.load``, ``md.iterload`` and ``md.open`` by our reader.

mdtraj's own reader of ``.lammpstrj`` takes scaled coordinates as ångström, fills atoms of duplicate
ids with chance, drops a cut last frame and the steps without a word. After :func:`register_dumps`
the same calls give the same ordinary trajectories, in nanometres, or refuse.
"""

from collections.abc import Iterable
from functools import wraps
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import mdtraj
import numpy as np
from mdtraj.core.trajectory import _parse_topology
from mdtraj.formats.registry import FormatRegistry
from numpy.typing import NDArray

from iemhpc.descriptors.frames import Frames
from iemhpc.descriptors.lammpstrj import open_dumps
from iemhpc.errors import InputError, TrajectoryError
from iemhpc.units import A_PER_NM, FS_PER_PS

EXTENSIONS = (".lammpstrj", ".lammpstrj.gz", ".zst")
"""What mdtraj knows a file by; of ``.lammpstrj.zst`` it sees the last part only."""


class LammpsDumpFile:
    """A text dump with the methods that mdtraj's file objects have.

    Frames come in the order of steps, each step once, as :func:`open_dumps` has them.

    Parameters
    ----------
    filename : path-like
        The dump.
    mode : {"r"}
        Reading only; :func:`open_dump_file` hands writing to mdtraj.
    force_overwrite : bool
        For mdtraj's sake; not used.
    units, length_A, timestep_fs : optional
        As in :func:`open_dumps`.
    """

    distance_unit = "angstroms"

    def __init__(
        self,
        filename: str | Path,
        mode: str = "r",
        force_overwrite: bool = True,
        *,
        units: str | None = None,
        length_A: float | None = None,
        timestep_fs: float | None = None,
    ) -> None:
        if mode != "r":
            raise InputError(f"mode {mode!r}: this reads dumps only; wanted 'r'")
        self._dump = open_dumps(
            [Path(filename)],
            units=units,
            length_A=length_A,
            timestep_fs=timestep_fs,
            is_periodic=False,
        )
        file = self._dump.trajectory.segments[0].file
        self._path = file.path
        self._is_boxed = self._check_boundary(file.index.boundary)  # type: ignore[attr-defined]
        self._at = 0

    def _check_boundary(self, boundary: str) -> bool:
        kinds = set(boundary.split()) - {"pp"}
        if kinds and "pp" in boundary:
            raise TrajectoryError(
                f"{self._path}: frame 0: the boundaries are {boundary!r}; a trajectory of mdtraj "
                "is periodic in all directions or in none"
            )
        return not kinds

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self.close()

    def __len__(self) -> int:
        return self._dump.trajectory.n_frames

    @property
    def notes(self) -> tuple[str, ...]:
        """What a person should know of the file."""
        return self._dump.trajectory.notes

    def close(self) -> None:
        """Do nothing: the file is open while it is read only."""

    def tell(self) -> int:
        """Return which frame comes next."""
        return self._at

    def seek(self, offset: int, whence: int = 0) -> None:
        """Go to a frame, at no cost in a plain file.

        Parameters
        ----------
        offset : int
            Number of frames.
        whence : {0, 1, 2}
            From the first frame, the next or the end.
        """
        if whence not in {0, 1, 2}:
            raise InputError(f"whence is {whence}; wanted 0, 1 or 2")
        at = (0, self._at, len(self))[whence] + offset
        if not 0 <= at <= len(self):
            raise InputError(f"{self._path}: frame {at} of {len(self)} was sought")
        self._at = at

    def read(
        self,
        n_frames: int | None = None,
        stride: int | None = None,
        atom_indices: NDArray[np.int64] | None = None,
    ) -> tuple[NDArray[np.float32], NDArray[np.float64] | None, NDArray[np.float64] | None]:
        """Read the next frames.

        Parameters
        ----------
        n_frames : int, optional
            How many to return; all that are left by default.
        stride : int, optional
            Return every so many frames only.
        atom_indices : ndarray of int, optional
            Atoms to return.

        Returns
        -------
        xyz : ndarray of float32, shape (n_frames, n_atoms, 3)
            Ångström.
        cell_lengths, cell_angles : ndarray, shape (n_frames, 3), or None
            Ångström and degrees; None where the box is not periodic.
        """
        xyz_A, vectors_A, _ = self._read(n_frames, stride or 1, atom_indices)
        if not self._is_boxed:
            return xyz_A, None, None
        if not len(vectors_A):
            return xyz_A, np.empty((0, 3)), np.empty((0, 3))
        parts = mdtraj.utils.box_vectors_to_lengths_and_angles(*vectors_A.transpose(1, 0, 2))
        return xyz_A, np.stack(parts[:3], axis=1), np.stack(parts[3:], axis=1)

    def read_as_traj(
        self,
        topology: Any,
        n_frames: int | None = None,
        stride: int | None = None,
        atom_indices: NDArray[np.int64] | None = None,
    ) -> Any:
        """Read the next frames as a trajectory; parameters as of :meth:`read`.

        Times are steps times the timestep, in picoseconds; the steps where it is not known.

        Raises
        ------
        TrajectoryError
            Where the topology has another number of atoms.
        """
        n_atoms = self._dump.trajectory.n_atoms
        if topology.n_atoms != n_atoms:
            raise TrajectoryError(
                f"{self._path}: its frames hold {n_atoms} atoms, the topology {topology.n_atoms}; "
                "the two belong to different boxes"
            )
        if atom_indices is not None:
            topology = topology.subset(atom_indices)
        xyz, vectors_A, time = self._read(n_frames, stride or 1, atom_indices)
        xyz *= np.float32(1.0 / A_PER_NM)
        trajectory = mdtraj.Trajectory(xyz=xyz, topology=topology, time=time)
        if self._is_boxed and len(xyz):
            trajectory.unitcell_vectors = vectors_A / A_PER_NM
        return trajectory

    def _read(
        self, n_frames: int | None, stride: int, atom_indices: NDArray[np.int64] | None
    ) -> tuple[NDArray[np.float32], NDArray[np.float64], NDArray[np.float64]]:
        source = self._dump.trajectory
        first = self._at
        last = len(self) if n_frames is None else min(len(self), first + n_frames * stride)
        ranks = np.arange(first, last, stride)
        chunks = source.chunks(first, last) if last > first else ()
        parts = list(_strided(chunks, first, stride, atom_indices))
        self._at = last
        steps = source.steps[ranks].astype(np.float64)
        is_timed = np.isfinite(source.timestep_fs)
        time = steps * source.timestep_fs / FS_PER_PS if is_timed else steps
        if not parts:
            n_atoms = source.n_atoms if atom_indices is None else len(atom_indices)
            return np.empty((0, n_atoms, 3), dtype=np.float32), np.empty((0, 3, 3)), time
        if len(parts) == 1:
            return *parts[0], time
        xyz, vectors = (np.concatenate(arrays) for arrays in zip(*parts, strict=True))
        return xyz, vectors, time


def _strided(
    chunks: Iterable[Frames], first: int, stride: int, atoms: NDArray[np.int64] | None
) -> Iterable[tuple[NDArray[np.float32], NDArray[np.float64]]]:
    for frames in chunks:
        xyz, vectors = frames.positions_A, frames.vectors_A
        if stride > 1:
            keep = (frames.rank - first) % stride == 0
            xyz, vectors = xyz[keep], vectors[keep]
        yield (xyz if atoms is None else xyz[:, atoms]), vectors


def open_dump_file(
    filename: str | Path, mode: str = "r", force_overwrite: bool = True, **options: Any
) -> Any:
    """Open a dump: for reading by us, for writing by mdtraj.

    Parameters
    ----------
    filename : path-like
        The dump.
    mode : {"r", "w"}
        Reading or writing.
    force_overwrite : bool
        Whether writing may replace a file.
    **options
        Those of :class:`LammpsDumpFile`.
    """
    if mode == "w" and Path(filename).suffix == ".lammpstrj":
        return mdtraj.formats.LAMMPSTrajectoryFile(filename, mode, force_overwrite)
    return LammpsDumpFile(filename, mode, force_overwrite, **options)


def load_dump(
    filename: str | Path,
    top: Any = None,
    stride: int | None = None,
    atom_indices: Any = None,
    frame: int | None = None,
    **options: Any,
) -> Any:
    """Load a dump as a trajectory: what ``md.load`` and ``md.load_frame`` call.

    Parameters
    ----------
    filename : path-like
        The dump.
    top : Topology, Trajectory or path
        Atoms, by rising id.
    stride : int, optional
        Load every so many frames only.
    atom_indices : array_like, optional
        Atoms to load.
    frame : int, optional
        Load this frame only.
    **options
        Those of :class:`LammpsDumpFile`.
    """
    if top is None:
        raise InputError(f"{filename}: a dump holds no topology; give one (top=)")
    atoms = None if atom_indices is None else np.asarray(atom_indices, dtype=np.int64)
    with LammpsDumpFile(filename, **options) as file:
        if frame is not None:
            file.seek(frame)
        n_frames = None if frame is None else 1
        return file.read_as_traj(_parse_topology(top), n_frames, stride, atoms)


def register_dumps(
    *, units: str | None = None, length_A: float | None = None, timestep_fs: float | None = None
) -> None:
    """Make mdtraj read ``.lammpstrj``, ``.lammpstrj.gz`` and ``.zst`` files by us, from now on.

    Parameters
    ----------
    units, length_A, timestep_fs : optional
        As in :func:`open_dumps`, for files that do not say; ``md.iterload`` hands nothing on.

    Examples
    --------
    >>> register_dumps()
    >>> mdtraj.FormatRegistry.loaders[".lammpstrj"].__name__
    'load_dump'
    """
    defaults = {"units": units, "length_A": length_A, "timestep_fs": timestep_fs}

    @wraps(load_dump)  # mdtraj asks loaders for their names
    def load(*args: Any, **options: Any) -> Any:
        return load_dump(*args, **{**defaults, **options})

    @wraps(open_dump_file)
    def open_file(*args: Any, **options: Any) -> Any:
        return open_dump_file(*args, **{**defaults, **options})

    for extension in EXTENSIONS:
        FormatRegistry.loaders[extension] = load
        FormatRegistry.fileobjects[extension] = open_file
