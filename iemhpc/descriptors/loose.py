"""Trajectories that were not made here: DCD, XTC or text dumps, a topology and a file of roles.

Several files are segments in the order given; of two frames with one step the later file's counts.
Steps come from text dumps, XTC and the DCD files of LAMMPS. The time in a DCD is never believed:
it is known where somebody says how long a step is.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from iemhpc.descriptors.dcd import DcdFile, DcdHeader, read_dcd_header
from iemhpc.descriptors.frames import Frames, FrameSource
from iemhpc.descriptors.lammpstrj import open_dumps
from iemhpc.descriptors.roles_file import Roles, choose_roles, read_roles_file
from iemhpc.descriptors.segments import join_files
from iemhpc.descriptors.topology import Topology, read_topology
from iemhpc.descriptors.xtc import XtcFile, read_xtc_heads
from iemhpc.errors import InputError, MissingInputError, TrajectoryError
from iemhpc.units import FS_PER_PS

LONGEST_BOND_A = 6.0
"""No bond of atoms is longer, nor is one of most coarse beads ..."""
MOST_LONG_BONDS = 0.01
"""... so where more than this part of them is, the atoms are in another order."""

TIME_WITHIN = 0.01
"""Part of the time between frames by which a time may be off its step: rounding in a file."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Clock:
    """What the user says of time; None: nothing."""

    timestep_fs: float | None = None
    stride_steps: int | None = None
    """Steps between the frames of a DCD, which may not say so itself."""
    units: str | None = None
    """LAMMPS' units of a text dump; ångström without."""

    def __post_init__(self) -> None:
        if self.timestep_fs is not None and not (0 < self.timestep_fs < np.inf):
            raise InputError(f"--timestep: got {self.timestep_fs:g}, wanted femtoseconds above 0")
        if self.stride_steps is not None and self.stride_steps < 1:
            raise InputError(f"--stride: got {self.stride_steps}, wanted at least 1 step")


@dataclass(frozen=True, slots=True, kw_only=True)
class LooseTrajectory:
    """A trajectory and who is who in it."""

    source: FrameSource
    roles: Roles


def open_loose(
    trajectory: Sequence[Path], topology: Path, roles: Path, *, clock: Clock | None = None
) -> LooseTrajectory:
    """Find the frames that count and the atoms of each role.

    Parameters
    ----------
    trajectory : sequence of Path
        Files of one kind, in the order in which they were written.
    topology : Path
        A LAMMPS data file or a PDB file.
    roles : Path
        A TOML file, see :mod:`iemhpc.descriptors.roles_file`.
    clock : Clock, optional
        What files do not say of time.

    Raises
    ------
    MissingInputError
        Where a file is not there.
    TrajectoryError
        Where a trajectory cannot be read without guessing, or is that of another box.
    InputError
        Where the topology or the roles cannot be used.
    """
    asked = read_roles_file(roles)
    atoms = read_topology(topology)
    kinds = {path: kind_of(path) for path in trajectory}
    if len(set(kinds.values())) != 1:
        said = ", ".join(f"{path} ({kind})" for path, kind in kinds.items()) or "none"
        raise InputError(f"segments of one trajectory are of one kind; got {said}")
    kind = next(iter(kinds.values()))
    source, atoms = _OPENERS[kind](trajectory, atoms, clock or Clock())
    if not source.n_frames:
        raise TrajectoryError(f"{', '.join(map(str, trajectory))}: no whole frame in it")
    _check_bonds(source, atoms, where=str(trajectory[0]))
    return LooseTrajectory(source=source, roles=choose_roles(asked, atoms, where=str(roles)))


def kind_of(path: Path) -> str:
    """Return what a file is by its first bytes, whatever its name says: dcd, xtc or dump.

    Raises
    ------
    MissingInputError
        Where there is no file.
    TrajectoryError
        Where it is none of them.
    """
    if not path.is_file():
        raise MissingInputError(f"{path} is not a file; wanted a trajectory: DCD, XTC or text dump")
    with path.open("rb") as stream:
        head = stream.read(64)
    if not head:
        raise TrajectoryError(f"{path}: the file is empty (0 bytes); copy it again")
    if head[4:8] == b"CORD":
        return "dcd"
    if head[:4] in {b"\x00\x00\x07\xcb", b"\x00\x00\x07\xe7"}:  # 1995 and 2023
        return "xtc"
    if head[:2] == b"\x1f\x8b" or head[:4] == b"\x28\xb5\x2f\xfd" or b"ITEM:" in head:
        return "dump"
    suffix = path.suffix.lower().removeprefix(".")
    if suffix in {"dcd", "xtc"}:
        return suffix  # its reader says what is wrong with it
    raise TrajectoryError(
        f"{path}: neither DCD, XTC nor a text dump of LAMMPS; it begins with {head[:16]!r}"
    )


def _open_dcd(
    paths: Sequence[Path], topology: Topology, clock: Clock
) -> tuple[FrameSource, Topology]:
    files, notes, next_step = list[DcdFile](), list[str](), 0
    is_known = True
    for path in paths:
        header = read_dcd_header(path)
        _check_atoms(path, header.n_atoms, topology)
        notes += _cut(path, header.tail_bytes, header.n_frames, is_last=path is paths[-1])
        steps = _dcd_steps(header, clock, next_step=next_step)
        is_known = is_known and (header.is_by_lammps or clock.stride_steps is not None)
        if not header.is_by_lammps and path is not paths[0]:
            notes.append(f"{path.name} says no steps; taken to follow the file before it")
        files.append(DcdFile(path=path, steps=steps))
        if len(steps):
            next_step = int(steps[-1]) + (clock.stride_steps or 1)
    if clock.timestep_fs is not None and not is_known:
        raise InputError(
            f"{paths[0]} does not say how many steps lie between frames; give --stride besides "
            "--timestep"
        )
    timestep_fs = clock.timestep_fs or float("nan")
    if clock.timestep_fs is None:
        notes.append("a DCD tells no time; with --timestep (and --stride) it is known")
    _need_frames(paths, [file.steps for file in files])
    source = join_files(files, n_atoms=topology.n_atoms, timestep_fs=timestep_fs, notes=notes)
    return source, topology


def _dcd_steps(header: DcdHeader, clock: Clock, *, next_step: int) -> NDArray[np.int64]:
    count = np.arange(header.n_frames, dtype=np.int64)
    stride = clock.stride_steps or (max(header.stride_steps, 1) if header.is_by_lammps else 1)
    return (header.first_step if header.is_by_lammps else next_step) + stride * count


def _open_xtc(
    paths: Sequence[Path], topology: Topology, clock: Clock
) -> tuple[FrameSource, Topology]:
    _refuse_stride(paths, clock)
    files, notes = list[XtcFile](), list[str]()
    for path in paths:
        file = read_xtc_heads(path)
        _check_atoms(path, file.n_atoms, topology)
        notes += _cut(path, file.tail_bytes, len(file.steps), is_last=path is paths[-1])
        files.append(file)
    steps = np.concatenate([file.steps for file in files])
    times_ps = np.concatenate([file.times_ps for file in files])
    _need_frames(paths, [steps])
    timestep_fs, said = _timestep(steps, times_ps)
    if clock.timestep_fs is not None:
        timestep_fs, said = clock.timestep_fs, []
    source = join_files(
        files, n_atoms=topology.n_atoms, timestep_fs=timestep_fs, notes=(*notes, *said)
    )
    return source, topology


def _timestep(steps: NDArray[np.int64], times_ps: NDArray[np.float64]) -> tuple[float, list[str]]:
    """Return the time between two steps; not a number where steps and times do not tell.

    Examples
    --------
    >>> _timestep(np.array([0, 500, 1000]), np.array([0.0, 1.0, 2.0]))
    (2.0, [])
    """
    order = np.argsort(steps, kind="stable")
    steps, times_ps = steps[order], times_ps[order]
    n_steps, span_ps = int(steps[-1] - steps[0]), float(times_ps[-1] - times_ps[0])
    if n_steps == 0 or not (0.0 < span_ps < np.inf):
        return float("nan"), ["the times in the file say nothing; --timestep does"]
    slope_ps = span_ps / n_steps
    off_ps = np.abs(times_ps - times_ps[0] - (steps - steps[0]) * slope_ps).max()
    rounding_ps = 4.0 * float(np.finfo(np.float32).eps) * float(np.abs(times_ps).max())
    if off_ps > TIME_WITHIN * span_ps / (len(steps) - 1) + rounding_ps:
        return float("nan"), ["times do not grow as steps do, so they are not used; --timestep is"]
    return round(slope_ps * FS_PER_PS, 6), []


def _open_dump(
    paths: Sequence[Path], topology: Topology, clock: Clock
) -> tuple[FrameSource, Topology]:
    _refuse_stride(paths, clock)
    dump = open_dumps(list(paths), units=clock.units, timestep_fs=clock.timestep_fs)
    ids = dump.atoms.ids
    if len(ids) > topology.n_atoms:
        _check_atoms(paths[0], len(ids), topology)
    topology = topology.only(ids)
    _check_words(dump.atoms.words, topology, where=str(paths[0]))
    return dump.trajectory, topology


def _check_words(words: Mapping[str, NDArray[np.str_]], topology: Topology, *, where: str) -> None:
    """Refuse a dump whose types or elements are not those of the topology."""
    known = {
        "type": [topology.types.astype(str), topology.type_names] if topology.types.any() else [],
        "element": [topology.elements] if (topology.elements != "").all() else [],
    }
    for column, names in known.items():
        if column not in words or not names:
            continue
        is_same = np.any([words[column] == one for one in names], axis=0)
        if not is_same.all():
            at = int(np.argmin(is_same))
            raise TrajectoryError(
                f"{where}: atom {topology.ids[at]} has {column} {words[column][at]}, in "
                f"{topology.name} {column} {names[0][at]}; the two belong to different boxes"
            )


_OPENERS: dict[str, Callable[[Sequence[Path], Topology, Clock], tuple[FrameSource, Topology]]] = {
    "dcd": _open_dcd,
    "xtc": _open_xtc,
    "dump": _open_dump,
}


def _refuse_stride(paths: Sequence[Path], clock: Clock) -> None:
    if clock.stride_steps is not None:
        raise InputError(
            f"--stride is for DCD files, which may not say it; {paths[0]} holds the step of each "
            "frame: leave it out"
        )


def _check_atoms(path: Path, n_atoms: int, topology: Topology) -> None:
    if n_atoms != topology.n_atoms:
        raise TrajectoryError(
            f"{path}: its frames hold {n_atoms} atoms, {topology.name} has {topology.n_atoms}; "
            "the two belong to different boxes, or the trajectory is that of a group"
        )


def _cut(path: Path, tail_bytes: int, n_frames: int, *, is_last: bool) -> list[str]:
    """Refuse a last file that was cut short; its frames are written again after any other."""
    if not tail_bytes:
        return []
    if is_last:
        raise TrajectoryError(
            f"{path}: frame {n_frames} is cut short ({tail_bytes} bytes of it); the disk was full "
            "or the copy stopped: copy it again"
        )
    return [f"{path.name}: half a frame at the end, dropped"]


def _need_frames(paths: Sequence[Path], steps: Sequence[NDArray[np.int64]]) -> None:
    if not any(len(one) for one in steps):
        raise TrajectoryError(f"{', '.join(map(str, paths))}: no whole frame in it")


def _check_bonds(source: FrameSource, topology: Topology, *, where: str) -> None:
    """Refuse a trajectory in whose first frame bonded atoms are far from each other."""
    if not len(topology.bonds):
        return
    frame: Frames = next(iter(source.chunks(0, 1)))
    first, second = topology.bonds.T
    along_A = frame.positions_A[0, first].astype(np.float64) - frame.positions_A[0, second]
    vectors_A = frame.vectors_A[0]
    for axis in (2, 1, 0):  # the rows are lower-triangular: one box vector after the other
        turns = np.rint(along_A[:, axis] / vectors_A[axis, axis])
        along_A -= turns[:, None] * vectors_A[axis]
    lengths_A = np.linalg.norm(along_A, axis=1)
    is_long = lengths_A > LONGEST_BOND_A
    if is_long.mean() > MOST_LONG_BONDS:
        at = int(np.argmax(lengths_A))
        raise TrajectoryError(
            f"{where}: {int(is_long.sum())} of {len(is_long)} bonds of {topology.name} are longer "
            f"than {LONGEST_BOND_A:g} Å in its first frame, as {lengths_A[at]:.1f} Å from atom "
            f"{topology.ids[first[at]]} to {topology.ids[second[at]]}; the atoms are in another "
            "order, or the two belong to different boxes"
        )
