"""LAMMPS text dumps as a trajectory: fast, and either right or refused.

A dump says less than it seems to. Rows come in any order; coordinates are wrapped, unwrapped or
parts of the box; a restarted simulation writes some steps twice; a full disk leaves half a frame.
Each frame is therefore held against its header and against the first frame: the same atoms, each
once, each number whole and finite. What differs is refused with the file, frame, step and row.

Two kinds of damage cannot be seen in a text: a digit that became another one or went missing, and
the loss of whole frames, which shows as a gap between steps (a note), at the end not at all.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from iemhpc.descriptors.dump_atoms import DumpAtoms, read_atoms
from iemhpc.descriptors.dump_bytes import DumpBytes
from iemhpc.descriptors.dump_file import DumpFile
from iemhpc.descriptors.dump_header import CutShortError
from iemhpc.descriptors.dump_index import DumpIndex, index_dump
from iemhpc.descriptors.dump_steps import check_order, timestep_of
from iemhpc.descriptors.dump_units import check_units, length_factor_A
from iemhpc.descriptors.segments import Trajectory, join_files
from iemhpc.errors import MissingInputError, TrajectoryError


@dataclass(frozen=True, slots=True, kw_only=True)
class Dump:
    """One trajectory of one or several text dumps."""

    trajectory: Trajectory
    """The FrameSource; other processes may have it and read their own ranges of frames."""
    atoms: DumpAtoms
    """Ids of the atoms in the order of positions, and types, elements, molecules where given."""
    units: str | None
    """The unit style, where somebody said it."""
    is_unwrapped: bool
    """Whether positions of all frames are unwrapped, so that displacements can be taken."""


def open_dumps(
    paths: Sequence[Path],
    *,
    units: str | None = None,
    length_A: float | None = None,
    timestep_fs: float | None = None,
    is_periodic: bool = True,
) -> Dump:
    """Find the frames of text dumps that count, and check all that can be before reading them.

    Parameters
    ----------
    paths : sequence of Path
        The files in the order in which they were written, plain or compressed by gzip or zstd. Of
        two frames with one step the later wins.
    units : str, optional
        The ``units`` of the simulation, where the files do not say; ångström if nobody does.
    length_A : float, optional
        Sigma, where the units are ``lj``.
    timestep_fs : float, optional
        Time between steps; from ``ITEM: TIME`` where it is there, else not a number.
    is_periodic : bool
        Whether boxes that are not periodic in all directions are refused.

    Raises
    ------
    TrajectoryError
        Where a file is empty, no dump, damaged or cut short, or files do not belong together.
    UnknownNameError
        Where LAMMPS has no such units.
    """
    if not paths:
        raise MissingInputError("no dump is named; wanted at least one file")
    indices, notes = _index_all(paths)
    units = _units_of(indices, units)
    _check_together(indices, is_periodic=is_periodic)
    try:
        scale_A = length_factor_A(units, length_A)
    except TrajectoryError as error:
        raise TrajectoryError(f"{indices[0].path}: {error}") from error
    atoms = _first_atoms(indices)
    files = [DumpFile(index=index, atoms=atoms, scale_A=scale_A) for index in indices]
    files, dropped = _without_cut_ends(files)
    every = _columns_used(files)
    said = [] if units else ["no ITEM: UNITS and no units given; lengths are taken as ångström"]
    if not files[0].index.boundary:
        said.append("no boundary flags in the box lines; taken as periodic")
    if len(every) > 1:
        said.append(f"columns change between frames: {'; '.join(' '.join(p.names) for p in every)}")
    for file in files:
        notes.extend(check_order(file.index))
    trajectory = join_files(
        files,
        n_atoms=len(atoms.ids),
        timestep_fs=timestep_of([file.index for file in files], units, timestep_fs),
        notes=(*notes, *dropped, *said),
    )
    replaced = _check_replaced(trajectory)
    return Dump(
        trajectory=replace(trajectory, notes=(*trajectory.notes, *replaced)),
        atoms=atoms,
        units=units,
        is_unwrapped=all(plan.is_unwrapped for plan in every),
    )


def _index_all(paths: Sequence[Path]) -> tuple[list[DumpIndex], list[str]]:
    indices, notes = list[DumpIndex](), list[str]()
    for number, path in enumerate(paths, start=1):
        try:
            indices.append(index_dump(path, is_continued=number < len(paths)))
        except CutShortError as error:
            if number == len(paths):
                raise
            notes.append(f"left out, as a later file goes on: {error}")
            continue
        if indices[-1].has_cut_header:
            notes.append(f"{path.name}: a header cut short at the end; left out")
    return indices, notes


def _units_of(indices: Sequence[DumpIndex], units: str | None) -> str | None:
    said = {index.units: index.path for index in indices if index.units is not None}
    if units is not None:
        check_units(units)
    others = [name for name in said if name != (units or next(iter(said)))]
    if others:
        wanted = f"units {units} were asked for" if units else f"others in {next(iter(said))}"
        raise TrajectoryError(f"{said[others[0]]}: it is in units {others[0]}, {wanted}")
    return units or next(iter(said), None)


def _check_together(indices: Sequence[DumpIndex], *, is_periodic: bool) -> None:
    first = indices[0]
    for index in indices:
        if (index.n_atoms, index.boundary) != (first.n_atoms, first.boundary):
            raise TrajectoryError(
                f"{index.path}: {index.n_atoms} atoms, boundaries {index.boundary!r}; "
                f"{first.path.name} has {first.n_atoms}, {first.boundary!r}: the two do not "
                "belong to one trajectory"
            )
    if is_periodic and first.boundary not in {"", "pp pp pp"}:
        raise TrajectoryError(
            f"{first.path}: frame 0: the boundaries are {first.boundary!r}; nearest images and "
            "densities need a box that is periodic in all directions (pp pp pp)"
        )


def _first_atoms(indices: Sequence[DumpIndex]) -> DumpAtoms:
    """Read the atoms of the first frame that is not the half of one, all that an attempt left."""
    for index in indices:
        try:
            with DumpBytes(index.path, index.compression) as text:
                return read_atoms(index, text.read(int(index.rows[0]), int(index.ends[0])), 0)
        except TrajectoryError:
            if index is indices[-1] or index.n_frames > 1 or not _is_cut(index, 0):
                raise
    raise TrajectoryError("no dump has a frame")


def _without_cut_ends(files: Sequence[DumpFile]) -> tuple[list[DumpFile], list[str]]:
    """Read the last frame of each file: one cut short is left out where a later file goes on."""
    whole, notes = list[DumpFile](), list[str]()
    for file in files:
        index = file.index
        at = index.n_frames - 1
        try:
            with file.open() as reader:
                reader.read(at, 1)
        except TrajectoryError as error:
            if file is files[-1] or not _is_cut(index, at):
                raise
            notes.append(f"{file.path.name}: the last frame left out: {error}")
            if at == 0:
                continue
            names = ("starts", "rows", "ends", "steps", "times", "origins", "vectors", "plan_of")
            cut: dict[str, Any] = {name: getattr(index, name)[:-1] for name in names}
            whole.append(replace(file, index=replace(index, **cut)))
        else:
            whole.append(file)
    return whole, notes


def _check_replaced(trajectory: Trajectory) -> list[str]:
    """Read the frames that do not count too: one without its own end may hide the next."""
    notes = []
    for segment in trajectory.segments:
        assert isinstance(segment.file, DumpFile)
        places = np.flatnonzero(~segment.keep)
        if not len(places):
            continue
        with segment.file.open() as reader:
            for at in map(int, places):
                try:
                    reader.read(at, 1)
                except TrajectoryError as error:
                    if not _is_cut(segment.file.index, at):
                        raise
                    notes.append(f"a frame that is not counted, as its step comes again: {error}")
    return notes


def _is_cut(index: DumpIndex, frame: int) -> bool:
    """Whether a frame has too few rows and nothing else in them."""
    with DumpBytes(index.path, index.compression) as stream:
        text = stream.read(int(index.rows[frame]), int(index.ends[frame])).tobytes()
    return b"ITEM" not in text and text.count(b"\n") < index.n_atoms


def _columns_used(files: Sequence[DumpFile]) -> list[Any]:
    used = {plan.names: plan for file in files for plan in file.index.plans}
    return list(used.values())
