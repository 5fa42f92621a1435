"""Which columns of a LAMMPS text dump say where an atom is, and how.

``x`` is wrapped into the box, ``xu`` is not; ``xs`` and ``xsu`` are the same in parts of the box
vectors; ``ix iy iz`` count the boxes that a wrapped atom has left behind
(https://docs.lammps.org/dump.html). Unwrapped columns are taken where there are any, since
displacements need them and distances do not mind.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from iemhpc.descriptors.dump_kernel import ID, IMAGE, SKIP, TYPE, X
from iemhpc.errors import TrajectoryError

_IMAGES = ("ix", "iy", "iz")


@dataclass(frozen=True, slots=True, kw_only=True)
class ColumnPlan:
    """What to do with each column of a frame."""

    names: tuple[str, ...]
    actions: NDArray[np.int64]
    """One of the constants above for each column, shape (n_columns,)."""
    is_scaled: bool
    """Whether coordinates are parts of the box vectors."""
    is_unwrapped: bool
    """Whether positions are the same whichever faces an atom has crossed."""


def plan_columns(line: bytes) -> ColumnPlan:
    """Choose the columns to read.

    Parameters
    ----------
    line : bytes
        What stands after ``ITEM: ATOMS``.

    Raises
    ------
    TrajectoryError
        Where atoms cannot be told apart or have no position; with the reason only.

    Examples
    --------
    >>> plan = plan_columns(b" id type xs ys zs ix iy iz")
    >>> plan.actions.tolist(), plan.is_scaled, plan.is_unwrapped
    ([1, 2, 3, 4, 5, 6, 7, 8], True, True)
    """
    names = tuple(word.decode("ascii", "backslashreplace") for word in line.split())
    shown = " ".join(names) or "none"
    if "id" not in names:
        raise TrajectoryError(
            f"its columns ({shown}) have no id; LAMMPS writes atoms in any order, so nobody can "
            "tell which is which: dump with the column id"
        )
    style = _style(names)
    if style is None:
        raise TrajectoryError(
            f"its columns ({shown}) hold no position; wanted x y z, xu yu zu, xs ys zs or "
            "xsu ysu zsu, all three"
        )
    has_images = "u" not in style and set(_IMAGES) <= set(names)
    wanted = {"id": ID, "type": TYPE}
    wanted |= {axis + style: X + k for k, axis in enumerate("xyz")}
    if has_images:
        wanted |= {name: IMAGE + k for k, name in enumerate(_IMAGES)}
    twice = sorted(name for name in wanted if names.count(name) > 1)
    if twice:
        raise TrajectoryError(f"its columns ({shown}) name {', '.join(twice)} twice")
    return ColumnPlan(
        names=names,
        actions=np.array([wanted.get(name, SKIP) for name in names], dtype=np.int64),
        is_scaled="s" in style,
        is_unwrapped="u" in style or has_images,
    )


def _style(names: tuple[str, ...]) -> str | None:
    have_images = set(_IMAGES) <= set(names)
    # scaled columns lose a digit or two in the default format, so the others go first
    order = ("u", "su", "", "s") if not have_images else ("u", "", "su", "s")
    complete = [s for s in order if {axis + s for axis in "xyz"} <= set(names)]
    return complete[0] if complete else None
