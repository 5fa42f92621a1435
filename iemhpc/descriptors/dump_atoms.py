"""Which atoms a dump holds, from its first frame: ids, and what else is said of each.

A dump of a group has ids that are not 1 to n, and rows in any order. Atoms are kept in the order
of their ids, whatever the rows.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from iemhpc.descriptors.dump_index import DumpIndex
from iemhpc.descriptors.dump_kernel import Atoms, hash_word
from iemhpc.errors import TrajectoryError

_TABLE_ROOM = 1_000_000
"""Ids as far apart as this, or as 16 times their number, are looked up in a table."""
_DESCRIBED = ("type", "element", "mol")


@dataclass(frozen=True, slots=True, kw_only=True)
class DumpAtoms:
    """The atoms of a dump, sorted by id."""

    ids: NDArray[np.int64]
    """Shape (n_atoms,), rising."""
    words: dict[str, NDArray[np.str_]]
    """What the first frame says of each atom under ``type``, ``element`` and ``mol``; types may be
    numbers or labels. Only the columns that it has."""

    def table(self, *, with_types: bool = True) -> Atoms:
        """Return what the parser looks ids and types up in.

        Parameters
        ----------
        with_types : bool
            Whether a frame that has a column of types is held against them.
        """
        n_ids = int(self.ids[-1] - self.ids[0]) + 1
        places = np.empty(0, dtype=np.int32)
        if n_ids <= 16 * len(self.ids) + _TABLE_ROOM:
            places = np.full(n_ids, -1, dtype=np.int32)
            places[self.ids - self.ids[0]] = np.arange(len(self.ids), dtype=np.int32)
        types = np.empty(0, dtype=np.int64)
        if with_types and "type" in self.words:
            names, which = np.unique(self.words["type"], return_inverse=True)
            coded = [np.array(list(name.encode("latin-1")), dtype=np.uint8) for name in names]
            hashes = np.array([hash_word(name, 0, len(name)) for name in coded], dtype=np.int64)
            types = hashes[which]
        return Atoms(ids=self.ids, places=places, types=types)


def read_atoms(index: DumpIndex, text: NDArray[np.uint8], frame: int) -> DumpAtoms:
    """Read which atoms a frame has.

    Parameters
    ----------
    index : DumpIndex
        The file.
    text : ndarray of uint8
        The rows of the frame.
    frame : int
        Its place in the file.

    Raises
    ------
    TrajectoryError
        Where a row has other columns than the header, an id is no whole number or there twice.
    """
    names = index.plans[index.plan_of[frame]].names
    place = index.place(frame)
    words = text.tobytes().decode("latin-1").split()
    if len(words) != index.n_atoms * len(names):
        raise TrajectoryError(f"{place}{_where_it_differs(text.tobytes(), index.n_atoms, names)}")
    column = {name: words[at :: len(names)] for at, name in enumerate(names)}
    for number, word in enumerate(column["id"], start=1):
        if not (word.isascii() and word.isdigit() and len(word) <= 18):
            raise TrajectoryError(f"{place}, row {number}: the id is {word!r}, no whole number")
    ids = np.array([int(word) for word in column["id"]], dtype=np.int64)
    order = np.argsort(ids, kind="stable")
    ids = ids[order]
    if (np.diff(ids) == 0).any():
        twice = ids[int(np.argmax(np.diff(ids) == 0))]
        raise TrajectoryError(f"{place}: id {twice} is there twice; one atom has one row a frame")
    return DumpAtoms(
        ids=ids,
        words={name: np.array(column[name])[order] for name in _DESCRIBED if name in column},
    )


def _where_it_differs(rows: bytes, n_atoms: int, names: Sequence[str]) -> str:
    """Return which row has other columns than the header says, or that there are more rows."""
    lines = rows.split(b"\n")[:n_atoms]  # past the last newline one without columns
    for number, line in enumerate(lines, start=1):
        if len(line.split()) != len(names):
            return (
                f", row {number}: {len(line.split())} values for the {len(names)} columns "
                f"({' '.join(names)}); the file is damaged or cut short there"
            )
    return f": more stands behind its {n_atoms} rows than a new frame; the file is damaged there"
