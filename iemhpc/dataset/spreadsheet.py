"""A lab's own table as it lies on disk: the cells of a .csv or .xlsx file, row by row.

Rows are counted as a spreadsheet counts them: the header is row 1.
"""

import csv
import zipfile
from dataclasses import dataclass
from pathlib import Path

from openpyxl import load_workbook
from openpyxl.utils.exceptions import InvalidFileException

from iemhpc.errors import InputError, MissingInputError

Cell = str | float | int | bool | None
"""What a spreadsheet's cell may hold for us; empty text is None."""

SUFFIXES = (".csv", ".xlsx")


@dataclass(frozen=True, slots=True, kw_only=True)
class Sheet:
    """A header and the rows under it."""

    columns: tuple[str, ...]
    """Names in the header, stripped of blanks."""
    rows: tuple[tuple[int, dict[str, Cell]], ...]
    """Row number in the spreadsheet, and its cells by column."""


def read_sheet(file: Path) -> Sheet:
    """Read a .csv file (comma or semicolon) or the first sheet of an .xlsx file.

    Raises
    ------
    MissingInputError
        Where there is no such file.
    InputError
        Where it is empty, damaged, has another suffix, or names a column twice.
    """
    if file.suffix.lower() not in SUFFIXES:
        raise InputError(
            f"{file}: tables are read from {' and '.join(SUFFIXES)}, got "
            f"{file.suffix or 'no suffix'!r}; save it as one of them"
        )
    if not file.is_file():
        raise MissingInputError(f"{file} does not exist; give the path of a .csv or .xlsx file")
    lines = _csv_lines(file) if file.suffix.lower() == ".csv" else _xlsx_lines(file)
    filled = [(n, line) for n, line in lines if any(cell is not None for cell in line)]
    if len(filled) < 2:
        raise InputError(
            f"{file} holds {'no row under its header' if filled else 'nothing'}; "
            "wanted a header and one row a point"
        )
    columns = _header(file, filled[0][1])
    return Sheet(
        columns=tuple(name for name in columns if name),
        rows=tuple((n, _by_column(file, n, columns, line)) for n, line in filled[1:]),
    )


def _csv_lines(file: Path) -> list[tuple[int, list[Cell]]]:
    try:
        text = file.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(f"{file} is not UTF-8 text ({error}); save it as 'CSV UTF-8'") from error
    header = text.partition("\n")[0]
    delimiter = max(",;\t", key=header.count)
    reader = csv.reader(text.splitlines(keepends=True), delimiter=delimiter)
    return [(n, [cell.strip() or None for cell in line]) for n, line in enumerate(reader, start=1)]


def _xlsx_lines(file: Path) -> list[tuple[int, list[Cell]]]:
    try:
        book = load_workbook(file, read_only=True, data_only=True)
        cells = list(book.worksheets[0].iter_rows(values_only=True))
        book.close()
    except (InvalidFileException, zipfile.BadZipFile, KeyError, OSError, IndexError) as error:
        raise InputError(f"{file} cannot be read as .xlsx ({error}); save it again") from error
    return [(n, [_plain(cell) for cell in line]) for n, line in enumerate(cells, start=1)]


def _plain(cell: object) -> Cell:
    if isinstance(cell, bool | int | float):
        return cell
    return str(cell).strip() or None if cell is not None else None


def _header(file: Path, line: list[Cell]) -> list[str]:
    names = ["" if cell is None else str(cell).strip() for cell in line]
    twice = sorted({name for name in names if name and names.count(name) > 1})
    if twice:
        raise InputError(f"{file}: the column {twice[0]!r} is there twice; remove or rename one")
    return names


def _by_column(file: Path, n: int, columns: list[str], line: list[Cell]) -> dict[str, Cell]:
    if any(cell is not None for cell in line[len(columns) :]):
        raise InputError(
            f"{file}, row {n}: {len(line)} cells under {len(columns)} columns; "
            "put text that holds the delimiter into quotes"
        )
    padded = [*line, *[None] * (len(columns) - len(line))]
    return {name: cell for name, cell in zip(columns, padded, strict=False) if name}
