"""Where labels come from: the user's own, imported into the workspace, else the shipped theory set.

A label is an activity coefficient of a salt in a membrane, of one of three kinds: ``product``,
gamma_ct^nu_ct gamma_co^nu_co; ``mean``, its nu-th root; ``unknown``, where the source does not
say. At 1 mol/L NaCl in CR61 product and mean are 0.30 and 0.55, so they are never mixed silently.
"""

import csv
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

import pyarrow as pa

from iemhpc.errors import InputError, TableError
from iemhpc.resources import resource
from iemhpc.tables.dataset import LABEL_KINDS, LABEL_TABLE
from iemhpc.tables.io import Column, read_table
from iemhpc.workspace import Workspace

Row = dict[str, Any]
"""One row of a table, by column name."""

THEORY_FILE = "theory_labels.csv"


def read_labels(workspace: Workspace) -> list[Row]:
    """Return the imported labels of a workspace, or the theory set where there are none.

    Raises
    ------
    TableError
        Where ``labels.parquet`` or the shipped set is damaged.
    """
    if workspace.labels.exists():
        return read_imported_labels(workspace)
    return read_theory_labels()


def read_imported_labels(workspace: Workspace) -> list[Row]:
    """Return the rows of ``labels.parquet``."""
    table = read_table(workspace.labels, LABEL_TABLE, made_by="iemhpc dataset import FILE")
    rows: list[Row] = table.to_pylist()
    return rows


def read_theory_labels() -> list[Row]:
    """Return the Donnan-Manning labels that the project ships, without their explanations.

    Examples
    --------
    >>> rows = read_theory_labels()
    >>> len(rows), {row["label_source"] for row in rows}
    (90, {'theory'})
    """
    path = resource("data", THEORY_FILE)
    with path.open(newline="", encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    return [
        {column.name: _value(row, column, line) for column in LABEL_TABLE.columns}
        for line, row in enumerate(rows, start=2)
    ]


def _value(row: Mapping[str, str | None], column: Column, line: int) -> str | float | int | None:
    text = row.get(column.name)
    if not text:
        if column.nullable:
            return None
        raise TableError(f"{THEORY_FILE}, line {line}: no {column.name}; reinstall iemhpc")
    if pa.types.is_integer(column.type):
        return int(text)
    return float(text) if pa.types.is_floating(column.type) else text


def check_kinds(kinds: Iterable[str], *, mix_label_kinds: bool = False) -> tuple[str, ...]:
    """Return warnings about mixed kinds of labels, or refuse the mixture.

    Parameters
    ----------
    kinds : iterable of str
        The ``label_kind`` of each row.
    mix_label_kinds : bool
        Whether ``product`` may be mixed with ``mean`` all the same.

    Raises
    ------
    InputError
        Where there are products and means, or an unknown kind.

    Examples
    --------
    >>> check_kinds(["product", "product", "unknown"])
    ('unknown labels (1 row) are mixed with product labels (2 rows)',)
    """
    counts = Counter(kinds)
    for kind in counts:
        if kind not in LABEL_KINDS:
            raise InputError(f"label_kind {kind!r}; wanted one of {', '.join(LABEL_KINDS)}")
    said = {kind: f"{kind} labels ({_rows(counts[kind])})" for kind in LABEL_KINDS if counts[kind]}
    if "product" in said and "mean" in said:
        mixture = f"{said['product']} are mixed with {said['mean']}"
        if not mix_label_kinds:
            raise InputError(
                f"{mixture}: the first is the second to the power nu; convert one of them "
                "(mean = product^(1/nu)), or allow the mixture with --mix-label-kinds"
            )
        return (mixture,)
    if "unknown" in said and len(said) > 1:
        return (f"{said['unknown']} are mixed with {said.get('product') or said['mean']}",)
    return ()


def _rows(count: int) -> str:
    return f"{count} row" if count == 1 else f"{count} rows"
