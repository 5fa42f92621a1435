"""What a LAMMPS log says: thermodynamic tables by column name, warnings, notes.

What its errors mean stands in ``failures.py``.

A log holds one table a ``run``; a killed LAMMPS leaves the last one cut short, which is read as far
as it goes. Columns are found by name, never by position.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from iemhpc.errors import InputError

LABEL = "iemhpc: "
"""Our templates print a line that begins so before each ``run``."""

NOTE = "iemhpc: note: "
"""What they print beside that."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ThermoTable:
    """The output of one ``run`` or ``minimize``."""

    columns: Mapping[str, NDArray[np.float64]]
    """Name as in the log (``Step``, ``Temp``, ``Lx``) -> values, shape (n_rows,)."""
    complete: bool
    """Whether LAMMPS reached the end of it."""
    label: str = ""
    """What our templates printed before it, without ``iemhpc:``; empty where they did not."""

    def __getitem__(self, name: str) -> NDArray[np.float64]:
        """Return one column.

        Raises
        ------
        InputError
            Where the log has no such column.
        """
        if name not in self.columns:
            raise InputError(
                f"the log has no column {name!r}; it has {', '.join(self.columns)}: add it to "
                "thermo_style"
            )
        return self.columns[name]


def thermo_tables(log: str) -> tuple[ThermoTable, ...]:
    r"""Return the tables of a log, in order.

    Examples
    --------
    >>> log = "   Step          Temp\n 0   300.0\n 10   298.5\nLoop time of 1 on 1 procs\n"
    >>> thermo_tables(log)[0]["Temp"].tolist()
    [300.0, 298.5]
    """
    tables: list[ThermoTable] = []
    names: list[str] | None = None
    rows: list[list[float]] = []
    label = ""
    # a line without its end was cut while it was written
    for line in log[: log.rfind("\n") + 1].splitlines():
        words = line.split()
        if line.startswith(LABEL) and not line.startswith(NOTE):
            label = line.removeprefix(LABEL).strip()
        if words[:1] == ["Step"] and all(re.match(r"^[A-Za-z]\w*", word) for word in words):
            if names is not None:
                tables.append(_table(names, rows, complete=False, label=label))
            names, rows = words, []
        elif names is not None and line.startswith("Loop time of"):
            tables.append(_table(names, rows, complete=True, label=label))
            names, rows = None, []
        elif names is not None:
            numbers = _numbers(words, len(names))
            if numbers is not None:
                rows.append(numbers)
    if names is not None:
        tables.append(_table(names, rows, complete=False, label=label))
    return tuple(tables)


def read_thermo(path: Path) -> tuple[ThermoTable, ...]:
    """Return the tables of a log file.

    Raises
    ------
    InputError
        Where there is no such file.
    """
    try:
        return thermo_tables(path.read_text(encoding="utf-8", errors="replace"))
    except (FileNotFoundError, IsADirectoryError) as error:
        raise InputError(f"{path} is not a LAMMPS log: there is no such file") from error


def last_step(log: str) -> int | None:
    r"""Return the last time step that the end of a log tells of.

    Examples
    --------
    >>> last_step("   Step   Temp\n  0 300\n  500 298\n")
    500
    """
    tables = thermo_tables(log)
    steps = [table.columns["Step"] for table in tables if len(table.columns["Step"])]
    return int(steps[-1][-1]) if steps else None


def _table(names: list[str], rows: list[list[float]], *, complete: bool, label: str) -> ThermoTable:
    values = np.array(rows, dtype=np.float64).reshape(len(rows), len(names))
    return ThermoTable(
        columns={name: values[:, index] for index, name in enumerate(names)},
        complete=complete,
        label=label,
    )


def _numbers(words: list[str], n_columns: int) -> list[float] | None:
    if len(words) != n_columns:
        return None
    try:
        return [float(word) for word in words]
    except ValueError:
        return None


def error_lines(log: str) -> tuple[str, ...]:
    """Return the lines in which LAMMPS says what went wrong.

    Examples
    --------
    >>> error_lines("ERROR: Lost atoms: original 30 current 29 (thermo.cpp:481)")
    ('ERROR: Lost atoms: original 30 current 29 (thermo.cpp:481)',)
    """
    return tuple(line.strip() for line in log.splitlines() if line.startswith("ERROR"))


HARMLESS_WARNINGS: tuple[tuple[str, str], ...] = (
    (
        "No fixes with time integration, atoms won't move",
        "the last run of minimize.in takes no step: it only measures the bonds",
    ),
)
"""What a warning contains -> why it means nothing here."""


HARMLESS_IN_NETWORKS: tuple[tuple[str, str], ...] = (
    (
        "Inconsistent image flags",
        "a network that meets its own images has no consistent ones; forces, SHAKE and the "
        "analysis take the nearest image",
    ),
)
"""The same, of networks only: in chains it says that a bond is torn."""


def warning_lines(log: str, *, is_network: bool = False) -> tuple[str, ...]:
    r"""Return the warnings of a log, each once, but for those known to be harmless.

    Examples
    --------
    >>> log = "WARNING: Inconsistent image flags\nWARNING: Inconsistent image flags\n"
    >>> warning_lines(log), warning_lines(log, is_network=True)
    (('WARNING: Inconsistent image flags',), ())
    """
    found = dict.fromkeys(line.strip() for line in log.splitlines() if line.startswith("WARNING"))
    known = HARMLESS_WARNINGS + (HARMLESS_IN_NETWORKS if is_network else ())
    return tuple(line for line in found if not any(harmless in line for harmless, _ in known))


def note_lines(log: str) -> tuple[str, ...]:
    r"""Return what our templates noted, without ``iemhpc: note:``.

    Examples
    --------
    >>> note_lines("iemhpc: cool, 1 ps\niemhpc: note: the density is steady\n")
    ('the density is steady',)
    """
    return tuple(
        line.removeprefix(NOTE).strip() for line in log.splitlines() if line.startswith(NOTE)
    )
