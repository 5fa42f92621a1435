"""Pairs of atoms by distance, compiled: what is done for each of some 10⁸ pairs a second.

A position becomes its place between the faces of the box, as three 32-bit whole numbers that run
once around from face to face. Their differences overflow to the nearest image by themselves,
however far outside of the box a position was and whatever the tilt: an image closer than half the
smallest height lies less than half a box away along each vector. It is also exact to 2⁻³² of a
box, where positions in single precision are not.

Squared distances are then computed in single precision for runs of neighbours, and those out of
range dropped. The few that come nearer to the edge of a bin than single precision can tell
are computed again in double precision, so that the counts are those of double precision throughout.

Everything that is compiled together lies in this file, as numba's cache knows a function by the
file it stands in.
"""

from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar, cast

import numpy as np
from numba import njit
from numpy.typing import NDArray

from iemhpc.descriptors.selection import Selection

AROUND = 4294967296.0
"""Steps around the box: 2³²."""

_RELATIVE = 1e-6
"""Bound of the relative error of a distance in single precision: a dozen roundings of 6e-8."""

Function = TypeVar("Function", bound=Callable[..., Any])


def compiled(function: Function) -> Function:
    """Compile a function when it is first called, and keep the result on disk where there is room.

    numba keeps it beside the source, or in the user's cache folder where that cannot be written.
    Where neither can, each process compiles for itself.
    """
    options = {"nogil": True, "error_model": "numpy", "fastmath": {"contract"}}
    try:
        return cast(Function, njit(cache=True, **options)(function))
    except RuntimeError:  # "no locator available"
        return cast(Function, njit(**options)(function))


class Ruler(NamedTuple):
    """How to turn differences of whole numbers into bins."""

    step_A: NDArray[np.float64]
    """The box vectors over 2³², lower-triangular rows, shape (3, 3)."""
    is_orthogonal: bool
    reach_A2: np.float32
    """Square of the range, and a little more."""
    bins_per_A: np.float32
    bin_A: float
    doubt: np.float32
    """Distance from the edge of a bin, in bins, that single precision cannot tell from none."""


class Desk(NamedTuple):
    """Room for the run of neighbours at hand."""

    squared_A2: NDArray[np.float32]
    near_A2: NDArray[np.float32]
    near: NDArray[np.int32]
    bins: NDArray[np.int32]
    runs: NDArray[np.int64]


@compiled
def fixed_point(
    positions_A: NDArray[np.float32],
    atoms: NDArray[np.int64],
    inverse: NDArray[np.float64],
    place: NDArray[np.int32],
) -> None:
    """Write the places of some atoms of one frame between the faces of its box.

    ``inverse`` is that of the matrix of box vectors; ``place``, shape (3, n), is filled.
    """
    for k in range(len(atoms)):
        x, y, z = positions_A[atoms[k]]
        for axis in range(3):
            part = x * inverse[0, axis] + y * inverse[1, axis] + z * inverse[2, axis]
            place[axis, k] = np.int32(np.int64((part - np.floor(part)) * AROUND))


@compiled
def _ruler(vectors_A: NDArray[np.float64], n_bins: int, bin_A: float) -> Ruler:
    tilt_A = abs(vectors_A[1, 0]) + abs(vectors_A[2, 0]) + abs(vectors_A[2, 1])
    doubt = _RELATIVE * n_bins
    if tilt_A > 0.0:  # then a distance is the difference of longer ones
        doubt += _RELATIVE / 5.0 * (np.diag(vectors_A).sum() + tilt_A) / bin_A
    return Ruler(
        vectors_A / AROUND,
        tilt_A == 0.0,
        np.float32(((n_bins + doubt) * bin_A) ** 2),
        np.float32(1.0 / bin_A),
        bin_A,
        np.float32(min(doubt, 0.5)),
    )


@compiled
def _measure(
    place: NDArray[np.int32],
    start: int,
    stop: int,
    origin: NDArray[np.int32],
    ruler: Ruler,
    squared_A2: NDArray[np.float32],
) -> None:
    x, y, z = place[0, start:stop], place[1, start:stop], place[2, start:stop]
    x0, y0, z0 = origin[0], origin[1], origin[2]
    step = ruler.step_A
    ax, by, cz = np.float32(step[0, 0]), np.float32(step[1, 1]), np.float32(step[2, 2])
    if ruler.is_orthogonal:
        for j in range(stop - start):
            dx = np.float32(np.int32(x[j] - x0)) * ax
            dy = np.float32(np.int32(y[j] - y0)) * by
            dz = np.float32(np.int32(z[j] - z0)) * cz
            squared_A2[j] = dx * dx + dy * dy + dz * dz
    else:
        bx, cx, cy = np.float32(step[1, 0]), np.float32(step[2, 0]), np.float32(step[2, 1])
        for j in range(stop - start):
            a = np.float32(np.int32(x[j] - x0))
            b = np.float32(np.int32(y[j] - y0))
            c = np.float32(np.int32(z[j] - z0))
            dx = a * ax + b * bx + c * cx
            dy = b * by + c * cy
            dz = c * cz
            squared_A2[j] = dx * dx + dy * dy + dz * dz


@compiled
def _exact_bin(
    place: NDArray[np.int32], at: int, origin: NDArray[np.int32], ruler: Ruler
) -> np.int32:
    a = np.float64(np.int32(place[0, at] - origin[0]))
    b = np.float64(np.int32(place[1, at] - origin[1]))
    c = np.float64(np.int32(place[2, at] - origin[2]))
    step = ruler.step_A
    dx = a * step[0, 0] + b * step[1, 0] + c * step[2, 0]
    dy = b * step[1, 1] + c * step[2, 1]
    dz = c * step[2, 2]
    return np.int32(np.sqrt(dx * dx + dy * dy + dz * dz) / ruler.bin_A)


@compiled
def _settle_doubts(
    place: NDArray[np.int32],
    n_runs: int,
    origin: NDArray[np.int32],
    ruler: Ruler,
    desk: Desk,
    n_bins: int,
) -> None:
    high = np.float32(1.0) - ruler.doubt
    at, n_near = 0, 0
    for run in range(n_runs):
        for j in range(desk.runs[run, 0], desk.runs[run, 1]):
            desk.near[n_near] = j
            n_near += desk.squared_A2[at] < ruler.reach_A2
            at += 1
    for k in range(n_near):
        scaled = np.sqrt(desk.near_A2[k]) * ruler.bins_per_A
        rest = scaled - np.float32(desk.bins[k])
        if rest < ruler.doubt or rest > high or desk.bins[k] >= n_bins:
            desk.bins[k] = _exact_bin(place, desk.near[k], origin, ruler)


@compiled
def _count_runs(
    place: NDArray[np.int32],
    n_runs: int,
    origin: NDArray[np.int32],
    ruler: Ruler,
    desk: Desk,
    row: NDArray[np.int64],
) -> None:
    """Add the neighbours of one reference atom in the runs at hand to a row of counts."""
    squared_A2, near_A2, bins, runs = desk.squared_A2, desk.near_A2, desk.bins, desk.runs
    n = 0
    for run in range(n_runs):
        _measure(place, runs[run, 0], runs[run, 1], origin, ruler, squared_A2[n:])
        n += runs[run, 1] - runs[run, 0]
    n_near = 0
    for j in range(n):  # no branch: which neighbour is near cannot be foreseen
        near_A2[n_near] = squared_A2[j]
        n_near += squared_A2[j] < ruler.reach_A2
    is_doubtful = np.int32(0)
    high = np.float32(1.0) - ruler.doubt
    for k in range(n_near):
        scaled = np.sqrt(near_A2[k]) * ruler.bins_per_A
        bins[k] = np.int32(scaled)
        rest = scaled - np.float32(bins[k])
        is_doubtful = np.int32(
            is_doubtful
            | np.int32(rest < ruler.doubt)
            | np.int32(rest > high)
            | np.int32(bins[k] >= len(row))
        )
    if is_doubtful:
        _settle_doubts(place, n_runs, origin, ruler, desk, len(row))
        for k in range(n_near):
            if bins[k] < len(row):
                row[bins[k]] += 1
    else:
        for k in range(n_near):
            row[bins[k]] += 1


@compiled
def _desk(n: int, n_runs: int) -> Desk:
    return Desk(
        np.empty(n, np.float32),
        np.empty(n + 1, np.float32),
        np.empty(n + 1, np.int32),
        np.empty(n, np.int32),
        np.empty((n_runs, 2), np.int64),
    )


@compiled
def count_all(
    positions_A: NDArray[np.float32],
    vectors_A: NDArray[np.float64],
    inverse: NDArray[np.float64],
    block: NDArray[np.int64],
    selection: Selection,
    bin_A: float,
    counts: NDArray[np.int64],
) -> None:
    """Count by looking at every reference and every neighbour.

    Parameters
    ----------
    positions_A : ndarray, shape (n_frames, n_atoms, 3)
        Positions, wrapped or not.
    vectors_A : ndarray, shape (n_frames, 3, 3)
        Box vectors, lower-triangular rows.
    inverse : ndarray, shape (n_frames, 3, 3)
        Their inverses.
    block : ndarray of int64, shape (n_frames,)
        Block of each frame.
    selection : Selection
        Atoms and pairs.
    bin_A : float
        Width of a bin.
    counts : ndarray of int64, shape (n_rows, n_bins)
        Added to. An atom that is its own neighbour counts in bin 0.
    """
    place = np.empty((3, len(selection.atoms)), np.int32)
    desk = _desk(len(selection.atoms), 1)
    for frame in range(len(positions_A)):
        fixed_point(positions_A[frame], selection.atoms, inverse[frame], place)
        ruler = _ruler(vectors_A[frame], counts.shape[1], bin_A)
        for pair in range(len(selection.pairs)):
            reference, neighbour = selection.pairs[pair]
            desk.runs[0] = selection.starts[neighbour : neighbour + 2]
            row = selection.first_row[pair] + block[frame] * selection.n_parts[pair]
            part = selection.part[selection.part_starts[pair] :]
            first = selection.starts[reference]
            for k in range(selection.starts[reference + 1] - first):
                origin = place[:, first + k]
                _count_runs(place, 1, origin, ruler, desk, counts[row + part[k]])


@compiled
def _sort(
    place: NDArray[np.int32],
    start: int,
    stop: int,
    grid: NDArray[np.int64],
    sorted_place: NDArray[np.int32],
    first: NDArray[np.int64],
) -> None:
    """Write a group's places cell by cell, and where each cell begins."""
    cell = np.empty(stop - start, np.int64)
    first[:] = 0
    for k in range(stop - start):
        a = np.int64(np.uint32(place[0, start + k])) * grid[0] >> 32
        b = np.int64(np.uint32(place[1, start + k])) * grid[1] >> 32
        c = np.int64(np.uint32(place[2, start + k])) * grid[2] >> 32
        cell[k] = (a * grid[1] + b) * grid[2] + c
        first[cell[k] + 1] += 1
    for at in range(1, len(first)):
        first[at] += first[at - 1]
    for k in range(stop - start):
        to = start + first[cell[k]]
        first[cell[k]] += 1
        for axis in range(3):
            sorted_place[axis, to] = place[axis, start + k]
    for at in range(len(first) - 1, 0, -1):
        first[at] = first[at - 1]
    first[0] = 0


@compiled
def _span(at: float, reach: float, n: int) -> tuple[int, int]:
    low, high = int(np.floor(at - reach)), int(np.floor(at + reach))
    return (low, high) if high - low + 1 < n else (0, n - 1)


@compiled
def _find_runs(
    start: int,
    first: NDArray[np.int64],
    origin: NDArray[np.int32],
    grid: NDArray[np.int64],
    heights_A: NDArray[np.float64],
    ruler: Ruler,
    runs: NDArray[np.int64],
) -> int:
    """Note which runs of a sorted group lie in cells within reach of a reference; return how many.

    Cells along the last box vector follow each other, so that a run goes through several.
    """
    x = np.float64(np.uint32(origin[0])) / AROUND * grid[0]
    y = np.float64(np.uint32(origin[1])) / AROUND * grid[1]
    z = np.float64(np.uint32(origin[2])) / AROUND * grid[2]
    width_x_A, width_y_A = heights_A[0] / grid[0], heights_A[1] / grid[1]
    width_z_A = heights_A[2] / grid[2]
    reach_A2 = np.float64(ruler.reach_A2)
    n = 0
    low_x, high_x = _span(x, np.sqrt(reach_A2) / width_x_A, grid[0])
    for i in range(low_x, high_x + 1):
        left_A2 = reach_A2
        if ruler.is_orthogonal and high_x - low_x + 1 < grid[0]:
            left_A2 = max(0.0, reach_A2 - (max(0.0, i - x, x - i - 1) * width_x_A) ** 2)
        low_y, high_y = _span(y, np.sqrt(left_A2) / width_y_A, grid[1])
        for j in range(low_y, high_y + 1):
            rest_A2 = left_A2
            if ruler.is_orthogonal and high_y - low_y + 1 < grid[1]:
                rest_A2 = max(0.0, left_A2 - (max(0.0, j - y, y - j - 1) * width_y_A) ** 2)
            low_z, high_z = _span(z, np.sqrt(rest_A2) / width_z_A, grid[2])
            at = (i % grid[0] * grid[1] + j % grid[1]) * grid[2]
            if low_z < 0:  # around the corner
                runs[n, 0] = start + first[at + low_z + grid[2]]
                runs[n, 1] = start + first[at + grid[2]]
                low_z, n = 0, n + 1
            elif high_z >= grid[2]:
                runs[n, 0] = start + first[at]
                runs[n, 1] = start + first[at + high_z - grid[2] + 1]
                high_z, n = grid[2] - 1, n + 1
            runs[n, 0] = start + first[at + low_z]
            runs[n, 1] = start + first[at + high_z + 1]
            n += 1
    return n


@compiled
def count_in_cells(
    positions_A: NDArray[np.float32],
    vectors_A: NDArray[np.float64],
    inverse: NDArray[np.float64],
    block: NDArray[np.int64],
    selection: Selection,
    bin_A: float,
    grid: NDArray[np.int64],
    counts: NDArray[np.int64],
) -> None:
    """Count what :func:`count_all` counts, looking at the cells near each reference only.

    ``grid`` says how many cells there are along each box vector.
    """
    n = len(selection.atoms)
    place, sorted_place = np.empty((3, n), np.int32), np.empty((3, n), np.int32)
    n_groups = len(selection.starts) - 1
    first = np.empty((n_groups, grid[0] * grid[1] * grid[2] + 1), np.int64)
    is_neighbour = np.zeros(n_groups, np.bool_)
    is_neighbour[selection.pairs[:, 1]] = True
    desk = _desk(n, 2 * grid[0] * grid[1])
    for frame in range(len(positions_A)):
        fixed_point(positions_A[frame], selection.atoms, inverse[frame], place)
        ruler = _ruler(vectors_A[frame], counts.shape[1], bin_A)
        heights_A = 1.0 / np.sqrt((inverse[frame] ** 2).sum(axis=0))
        for group in range(n_groups):
            if is_neighbour[group]:
                start, stop = selection.starts[group], selection.starts[group + 1]
                _sort(place, start, stop, grid, sorted_place, first[group])
        for pair in range(len(selection.pairs)):
            reference, neighbour = selection.pairs[pair]
            row = selection.first_row[pair] + block[frame] * selection.n_parts[pair]
            part = selection.part[selection.part_starts[pair] :]
            at = selection.starts[reference]
            for k in range(selection.starts[reference + 1] - at):
                origin = place[:, at + k]
                n_runs = _find_runs(
                    selection.starts[neighbour],
                    first[neighbour],
                    origin,
                    grid,
                    heights_A,
                    ruler,
                    desk.runs,
                )
                _count_runs(sorted_place, n_runs, origin, ruler, desk, counts[row + part[k]])
