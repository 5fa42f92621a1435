"""The only reader and writer of Parquet: schemas are checked, files appear whole or not at all.

Units and descriptions are Arrow field metadata, which a pandas round trip loses, and
``nullable=False`` is refused by Arrow only when it feels like it. So pandas is a view here, and
every table passes through :func:`write_table`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from iemhpc import __version__
from iemhpc.errors import MissingInputError, TableError
from iemhpc.workspace import publishing


@dataclass(frozen=True, slots=True)
class Column:
    """One column: what it holds, in which unit, and whether it may be empty."""

    name: str
    """As in the file."""
    type: pa.DataType
    """Arrow type."""
    description: str
    """One sentence for a person."""
    unit: str = ""
    """Empty where the column is a name or a plain number."""
    nullable: bool = False
    """Whether null is allowed; NaN never is."""


@dataclass(frozen=True, slots=True)
class Table:
    """The schema of one file."""

    name: str
    """The file's name without suffix."""
    version: int
    """Raised when a reader of the old file would go wrong."""
    columns: tuple[Column, ...]
    """In the order of the file."""
    more_numbers: bool = False
    """Whether further numeric columns may follow, under the user's own names."""

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the columns."""
        return tuple(column.name for column in self.columns)

    @property
    def schema(self) -> pa.Schema:
        """The Arrow schema, with units and descriptions as field metadata."""
        return pa.schema(
            [
                pa.field(
                    column.name,
                    column.type,
                    nullable=column.nullable,
                    metadata={"unit": column.unit, "description": column.description},
                )
                for column in self.columns
            ]
        )


def write_table(
    path: Path,
    table: Table,
    rows: pd.DataFrame | Sequence[Mapping[str, Any]],
    provenance: Mapping[str, str] | None = None,
) -> None:
    """Write rows as Parquet, whole or not at all.

    Parameters
    ----------
    path : Path
        The file; an old one is replaced.
    table : Table
        The schema that the rows must fit.
    rows : DataFrame or sequence of mappings
        One entry a row. Columns may come in any order.
    provenance : mapping of str to str, optional
        What made the rows; stored in the file's metadata beside the schema version.

    Raises
    ------
    TableError
        Where a column is missing, unknown, of the wrong type, empty where it must not be, or NaN.
    """
    arrow = to_arrow(table, rows, where=path.name)
    metadata = {
        "iemhpc.table": table.name,
        "iemhpc.schema_version": str(table.version),
        "iemhpc.version": __version__,
        **{f"iemhpc.{key}": value for key, value in (provenance or {}).items()},
    }
    with publishing(path) as temporary:
        pq.write_table(arrow.replace_schema_metadata(metadata), temporary, compression="zstd")


def to_arrow(
    table: Table, rows: pd.DataFrame | Sequence[Mapping[str, Any]], *, where: str
) -> pa.Table:
    """Return the rows as an Arrow table of exactly the schema, or say what does not fit."""
    columns = _by_column(table, rows)
    missing = [c.name for c in table.columns if c.name not in columns and not c.nullable]
    extra = [name for name in columns if name not in table.names]
    if missing:
        raise TableError(
            f"{where}: the table {table.name!r} needs the columns {', '.join(missing)}; "
            f"it has {', '.join(columns) or 'none'}"
        )
    if extra and not table.more_numbers:
        raise TableError(
            f"{where}: the table {table.name!r} knows no column {', '.join(map(repr, extra))}; "
            f"it holds {', '.join(table.names)}"
        )
    n_rows = len(next(iter(columns.values()))) if columns else 0
    fields = list(table.schema)
    arrays = [_array(where, c, columns.get(c.name, [None] * n_rows)) for c in table.columns]
    for name in extra:
        column = Column(name, pa.float64(), "added by the user", nullable=True)
        arrays.append(_array(where, column, columns[name]))
        fields.append(pa.field(name, pa.float64(), metadata={"unit": "", "description": "added"}))
    return pa.Table.from_arrays(arrays, schema=pa.schema(fields))


def _by_column(table: Table, rows: pd.DataFrame | Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    if isinstance(rows, pd.DataFrame):
        return {str(name): _column_values(rows[name]) for name in rows.columns}
    if not rows:
        return {name: [] for name in table.names}
    names = list(dict.fromkeys(name for row in rows for name in row))
    return {name: [row.get(name) for row in rows] for name in names}


def _column_values(values: pd.Series) -> Any:
    # plain finite numbers stay an array, which is checked at once: millions of pair counts are so
    is_plain = isinstance(values.dtype, np.dtype) and values.dtype.kind in "if"
    return values.to_numpy() if is_plain and np.isfinite(values).all() else values.tolist()


def _array(where: str, column: Column, values: Any) -> pa.Array:
    if isinstance(values, np.ndarray):
        if column.type.equals(pa.from_numpy_dtype(values.dtype)):
            return pa.array(values)
        values = values.tolist()
    is_number = pa.types.is_floating(column.type) or pa.types.is_integer(column.type)
    cleaned = [_none_if_missing(value) for value in values] if column.nullable else list(values)
    for row, value in enumerate(cleaned):
        if value is None and not column.nullable:
            raise TableError(f"{where}: column {column.name!r}, row {row}: empty; it needs a value")
        if isinstance(value, float | np.floating) and not np.isfinite(value):
            raise TableError(f"{where}: column {column.name!r}, row {row}: {value}; needs a number")
        if is_number and isinstance(value, str | bool):
            raise TableError(
                f"{where}: column {column.name!r}, row {row}: got {value!r}, wanted a number"
                + (f" in {column.unit}" if column.unit else "")
            )
    try:
        return pa.array(cleaned, type=column.type)
    except (pa.ArrowInvalid, pa.ArrowTypeError, OverflowError) as error:
        raise TableError(
            f"{where}: column {column.name!r} should hold {column.type}: {error}"
        ) from error


def _none_if_missing(value: Any) -> Any:
    if value is None or value is pd.NA or value is pd.NaT:
        return None
    return None if isinstance(value, float) and np.isnan(value) else value


def read_table(path: Path, table: Table, *, made_by: str) -> pa.Table:
    """Read a file of the given schema.

    Raises
    ------
    MissingInputError
        Where there is no file; the message names the command that makes it.
    TableError
        Where the file is another table, of another schema version, or damaged.
    """
    if not path.exists():
        raise MissingInputError(f"{path} does not exist; make it with: {made_by}")
    try:
        arrow = pq.read_table(path)
    except (pa.ArrowInvalid, OSError) as error:
        raise TableError(
            f"{path} cannot be read as Parquet ({error}); remake it: {made_by}"
        ) from error
    metadata = {k.decode(): v.decode() for k, v in (arrow.schema.metadata or {}).items()}
    got = (metadata.get("iemhpc.table"), metadata.get("iemhpc.schema_version"))
    if got != (table.name, str(table.version)):
        raise TableError(
            f"{path} holds table {got[0]!r} version {got[1]}, wanted {table.name!r} version "
            f"{table.version}; remake it: {made_by}"
        )
    return arrow


def read_frame(path: Path, table: Table, *, made_by: str) -> pd.DataFrame:
    """Read a file of the given schema as a pandas frame: a view, never to be written back."""
    frame: pd.DataFrame = read_table(path, table, made_by=made_by).to_pandas()
    return frame


def read_provenance(path: Path) -> dict[str, str]:
    """Return what :func:`write_table` stored of the file's making."""
    metadata = pq.read_schema(path).metadata or {}
    return {k.decode().removeprefix("iemhpc."): v.decode() for k, v in metadata.items()}
