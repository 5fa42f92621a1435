"""Steps and times of a dump's frames: their order, and how long a step is."""

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from iemhpc.descriptors.dump_index import DumpIndex
from iemhpc.descriptors.dump_units import TIME_FS
from iemhpc.errors import TrajectoryError

_UNEVEN = 1e-6
"""Relative difference between two lengths of a step that is no rounding."""


def check_order(index: DumpIndex) -> list[str]:
    """Return in words where steps go back, as after a restart; refuse one that stands alone.

    Raises
    ------
    TrajectoryError
        Where the step of a single frame does not lie between those before and behind it, which
        do: that is no restart.
    """
    steps = index.steps
    odd = _out_of_place(steps)
    if len(odd):
        at = int(odd[0])
        raise TrajectoryError(
            f"{index.place(at)}: its step stands between {steps[at - 1]} and {steps[at + 1]}; it "
            "is damaged, or the frame belongs elsewhere: put it right or take the frame out"
        )
    back = np.flatnonzero(np.diff(steps) <= 0) + 1
    return [
        f"{index.path.name}: frame {at} goes back from step {steps[at - 1]} to {steps[at]}, as "
        "after a restart; frames are taken in the order of steps"
        for at in back
    ]


def _out_of_place(steps: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the places of steps without which the ones beside would rise.

    >>> _out_of_place(np.array([0, 100, 900, 300, 400])).tolist()
    [2]
    >>> _out_of_place(np.array([0, 100, 200, 300, 100, 200, 300, 400])).tolist()
    []
    """
    if len(steps) < 3:
        return np.empty(0, dtype=np.int64)
    before, here, behind = steps[:-2], steps[1:-1], steps[2:]
    rises = np.diff(steps)
    stride = np.median(rises[rises > 0]) if (rises > 0).any() else 0
    names, counts = np.unique(steps, return_counts=True)
    is_once = counts[np.searchsorted(names, here)] == 1
    # a restart between two dumps may go back to a step that is none of a dump's
    is_high = (here > behind) & (is_once | (behind - before == 2 * stride))
    is_odd = (before < behind) & (is_high | (here < before))
    return np.flatnonzero(is_odd) + 1


def timestep_of(
    indices: Sequence[DumpIndex], units: str | None, timestep_fs: float | None
) -> float:
    """Return the length of a step in femtoseconds; not a number where nobody knows it.

    Parameters
    ----------
    indices : sequence of DumpIndex
        The files, whose frames may carry times.
    units : str or None
        Name of the unit style.
    timestep_fs : float or None
        What the user says.

    Raises
    ------
    TrajectoryError
        Where times do not grow evenly with the steps, or not as the user says.
    """
    if timestep_fs is not None and not (timestep_fs > 0.0 and math.isfinite(timestep_fs)):
        raise TrajectoryError(f"a timestep of {timestep_fs} fs is none; wanted a positive number")
    times = np.concatenate([index.times for index in indices])
    steps = np.concatenate([index.steps for index in indices])
    if units not in TIME_FS or not np.isfinite(times).all() or np.ptp(steps) == 0:
        return math.nan if timestep_fs is None else timestep_fs
    first, last = int(np.argmin(steps)), int(np.argmax(steps))
    length = (times[last] - times[first]) / float(steps[last] - steps[first])
    away = np.abs(times - times[first] - length * (steps - steps[first]))
    tolerance = _UNEVEN * max(abs(times[last]), abs(times[first])) + 1e-300
    if length <= 0.0 or (away > tolerance).any():
        at = int(np.argmax(away))
        raise TrajectoryError(
            f"{indices[0].path}: ITEM: TIME does not grow evenly with the steps: {times[at]:g} at "
            f"step {steps[at]}, {times[first]:g} at step {steps[first]}, {times[last]:g} at step "
            f"{steps[last]}; the timestep was changed, or a file belongs to another run"
        )
    found_fs = length * TIME_FS[units]
    if timestep_fs is not None and abs(found_fs - timestep_fs) > _UNEVEN * 10.0 * timestep_fs:
        raise TrajectoryError(
            f"{indices[0].path}: its times say {found_fs:g} fs a step, {timestep_fs:g} fs were "
            "asked for; leave the timestep out, or look which is right"
        )
    return found_fs if timestep_fs is None else timestep_fs
