"""How well the networks of a campaign are connected, in a note a system."""

from collections.abc import Iterable
from pathlib import Path

from iemhpc.errors import InputError
from iemhpc.lammps.run_folder import read_network
from iemhpc.polymer.network import NetworkShape


def network_notes(folders: Iterable[tuple[str, Path]]) -> tuple[str, ...]:
    """Return what to tell of networks that were built, and of those that are no good model.

    Parameters
    ----------
    folders : iterable of (str, Path)
        The system of each run, and its folder.
    """
    shapes: dict[str, dict[str, NetworkShape]] = {}
    notes = []
    for system, folder in folders:
        try:
            shape = read_network(folder)
        except InputError as error:
            # nothing hangs on it: the run itself may be sound
            notes.append(str(error))
            continue
        if shape is not None:
            shapes.setdefault(system, {})[folder.name] = shape
    for system, runs in shapes.items():
        notes.append(f"{system}: {in_short(list(runs.values()))}")
        notes += [
            f"{system}, run {run_id}: {doubt}"
            for run_id, shape in runs.items()
            for doubt in shape.doubts
        ]
    return tuple(notes)


def in_short(shapes: list[NetworkShape]) -> str:
    """Return a line on networks of one system.

    Examples
    --------
    >>> shape = NetworkShape(
    ...     n_units=200, n_chains=5, n_crosslinks=20, n_components=1, largest_share=1.0, n_loops=1,
    ...     n_dangling_ends=9, n_free_chains=0, percolates_in=3,
    ... )
    >>> in_short([shape])
    'the network of 1 box is connected through it in 3 of 3 directions; 5 % of the cross-links are
    idle loops (both sides in one chain, not round the box) that carry no load'
    """
    directions = sorted({n for shape in shapes if (n := shape.percolates_in) is not None})
    loops = sum(shape.n_idle for shape in shapes)
    crosslinks = sum(shape.n_crosslinks for shape in shapes)
    through = " or ".join(str(number) for number in directions) or "an unknown number"
    one = (
        "the network of 1 box is"
        if len(shapes) == 1
        else f"the networks of {len(shapes)} boxes are each"
    )
    return (
        f"{one} connected through {'it' if len(shapes) == 1 else 'their box'} in {through} of 3 "
        f"directions; {100 * loops / max(1, crosslinks):.0f} % of the cross-links are idle "
        "loops (both sides in one chain, not round the box) that carry no load"
    )
