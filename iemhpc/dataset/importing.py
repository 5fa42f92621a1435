"""A lab's own table, or the study's Table S1, becomes labels of the workspace.

The layouts are described in :mod:`iemhpc.dataset.layouts`. Names in the catalogue bring their
SMILES along; SMILES in the file are used as given (the study's) or made canonical (ours). A file
imported again replaces what came from it before. ``labels.parquet`` changes whole or not at all.
"""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from iemhpc.dataset.labels import Row, check_kinds, read_imported_labels
from iemhpc.dataset.layouts import Layout, find_layout, study_label_kind
from iemhpc.dataset.molecules import Molecules
from iemhpc.dataset.spreadsheet import Cell, read_sheet
from iemhpc.errors import InputError
from iemhpc.progress import Say, quiet
from iemhpc.tables.dataset import LABEL_KINDS, LABEL_TABLE
from iemhpc.tables.descriptors import DESCRIPTORS
from iemhpc.tables.io import write_table
from iemhpc.workspace import Workspace, lock

_MAY_BE_ZERO = ("salt_molar", "coordination_number")


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportSummary:
    """What an import found and where it is now."""

    file: str
    """The table that was read."""
    layout: str
    """``own`` or ``study``."""
    label_sources: tuple[str, ...]
    """Under which names its rows are kept."""
    n_rows: int
    """Points in the file."""
    n_with_descriptors: int
    """Points that bring all twelve descriptors."""
    systems: tuple[str, ...]
    """Systems in the file."""
    kinds: Mapping[str, int]
    """Rows of each kind of label."""
    more: tuple[str, ...]
    """Further columns of numbers that are kept."""
    left_out: tuple[str, ...]
    """Columns of text that are not."""
    warnings: tuple[str, ...]
    """What a person should look at."""
    n_total: int
    """Labels in the workspace now."""
    nothing_new: bool
    """Whether the workspace held just these rows already."""

    def lines(self) -> list[str]:
        """Return what a person reads."""
        kinds = ", ".join(f"{count} {kind}" for kind, count in self.kinds.items())
        found = (
            f"{self.file}: {self.n_rows} points of {len(self.systems)} systems ({kinds}), "
            f"{self.n_with_descriptors} with all twelve descriptors"
        )
        lines = [found]
        if self.layout == "study":
            lines.append("laid out as the study's Table S1: CR61's labels are products; of the")
            lines.append("other systems that is inferred, of PSbNMP and PVAS it is unknown")
        if self.more:
            lines.append(f"further numbers kept: {', '.join(self.more)}")
        if self.left_out:
            lines.append(f"columns left out: {', '.join(self.left_out)}")
        lines.extend(f"look at this: {warning}" for warning in self.warnings)
        state = "nothing new" if self.nothing_new else "written"
        return [*lines, f"labels.parquet: {self.n_total} points ({state})"]


def import_table(
    workspace: Workspace,
    file: Path,
    *,
    label_kind: str | None = None,
    label_source: str | None = None,
    say: Say = quiet,
) -> ImportSummary:
    """Read a table of labels and add its rows to the workspace's ``labels.parquet``.

    Parameters
    ----------
    workspace : Workspace
        Where the labels go.
    file : Path
        A .csv or .xlsx file in one of the two layouts.
    label_kind : str, optional
        ``product``, ``mean`` or ``unknown`` for every row; needed where a table in our layout has
        no column of that name. The study's layout knows its own.
    label_source : str, optional
        Where the labels are from; by default the column of that name, else the file's name.

    Raises
    ------
    InputError
        Where the table cannot be used as it is; the row is named, and nothing is written.
    """
    if label_kind is not None and label_kind not in LABEL_KINDS:
        raise InputError(f"label kind {label_kind!r}; wanted one of {', '.join(LABEL_KINDS)}")
    sheet = read_sheet(file)
    layout = find_layout(sheet, where=file.name)
    say(f"{file.name}: {len(sheet.rows)} rows in {_layout_name(layout)} layout")
    reader = _RowReader(
        where=file.name,
        layout=layout,
        label_kind=label_kind,
        label_source=label_source,
        molecules=Molecules(canonical=not layout.is_study),
    )
    numbered = [(n, reader.row(n, cells)) for n, cells in sheet.rows]
    _refuse_duplicates(numbered, where=file.name)
    rows = [row for _, row in numbered]
    with lock(workspace.root / ".labels.lock", what="importing labels"):
        before = read_imported_labels(workspace) if workspace.labels.exists() else []
        merged = _merge(before, rows, where=file.name)
        nothing_new = merged == before
        if not nothing_new:
            write_table(workspace.labels, LABEL_TABLE, merged)
    return ImportSummary(
        file=str(file),
        layout=_layout_name(layout),
        label_sources=tuple(dict.fromkeys(row["label_source"] for row in rows)),
        n_rows=len(rows),
        n_with_descriptors=sum(all(row[name] is not None for name in DESCRIPTORS) for row in rows),
        systems=tuple(dict.fromkeys(row["system"] for row in rows)),
        kinds=dict(Counter(row["label_kind"] for row in rows)),
        more=layout.more,
        left_out=layout.left_out,
        warnings=(
            *layout.doubts,
            *check_kinds((row["label_kind"] for row in merged), mix_label_kinds=True),
        ),
        n_total=len(merged),
        nothing_new=nothing_new,
    )


def _layout_name(layout: Layout) -> str:
    return "study" if layout.is_study else "own"


@dataclass(frozen=True, slots=True, kw_only=True)
class _RowReader:
    """Turns the cells of one row into a row of LABEL_TABLE, or says what is wrong with it."""

    where: str
    """Name of the file."""
    layout: Layout
    """Which of its columns is what."""
    label_kind: str | None
    """The kind of every label, where the user said it."""
    label_source: str | None
    """The source of every label, where the user said it."""
    molecules: Molecules
    """Resolves names and SMILES."""

    def row(self, n: int, cells: Mapping[str, Cell]) -> Row:
        """Return the row of LABEL_TABLE."""
        ours = {our: cells[name] for name, our in self.layout.columns.items()}
        at = f"{self.where}, row {n}"
        theirs = {our: name for name, our in self.layout.columns.items()}
        polymer, polymer_smiles = self.molecules.polymer(
            _text(ours, "polymer", at), _optional(ours, "polymer_smiles"), at=at
        )
        salt, salt_smiles, nu = self.molecules.salt(
            _text(ours, "salt", at), _optional(ours, "salt_smiles"), at=at
        )
        row: Row = {
            "system": f"{polymer}/{salt}",
            "polymer": polymer,
            "polymer_smiles": polymer_smiles,
            "salt": salt,
            "salt_smiles": salt_smiles,
            "nu": nu,
            "label_kind": self._label_kind(_text(ours, "polymer", at), ours, at),
            "label_source": self.label_source or _optional(ours, "label_source") or self.where,
        }
        for name in ("salt_molar", "water_per_site", "label"):
            row[name] = _number(ours[name], at=f"{at}, column {theirs[name]!r}", name=name)
        for name in DESCRIPTORS:
            cell = ours.get(name)
            at_cell = f"{at}, column {theirs.get(name)!r}"
            row[name] = None if cell is None else _number(cell, at=at_cell, name=name)
        for name in self.layout.more:
            row[name] = None if (cell := cells[name]) is None else float(cell)
        return row

    def _label_kind(self, polymer: str, ours: Mapping[str, Cell], at: str) -> str:
        kind = self.label_kind or _optional(ours, "label_kind")
        if kind is None and self.layout.is_study:
            kind = study_label_kind(polymer)
        if kind is None:
            raise InputError(
                f"{at}: it is not said what the label is; give --label-kind or a column "
                f"label_kind: product (gamma_ct^nu_ct gamma_co^nu_co), mean (gamma_pm) or unknown"
            )
        if kind not in LABEL_KINDS:
            raise InputError(f"{at}: label_kind {kind!r}; wanted one of {', '.join(LABEL_KINDS)}")
        return kind


def _text(ours: Mapping[str, Cell], name: str, at: str) -> str:
    text = _optional(ours, name)
    if text is None:
        raise InputError(f"{at}: the column of the {name} is empty; write its name")
    return text


def _optional(ours: Mapping[str, Cell], name: str) -> str | None:
    cell = ours.get(name)
    return None if cell is None else str(cell)


def _number(cell: Cell, *, at: str, name: str) -> float:
    try:
        number = float(cell) if cell is not None and not isinstance(cell, bool) else None
    except ValueError:
        number = None
        if isinstance(cell, str) and cell.count(",") == 1 and "." not in cell:
            raise InputError(f"{at}: got {cell!r}, wanted a number; use a decimal point") from None
    if number is None:
        got = "nothing" if cell is None else repr(cell)
        raise InputError(f"{at}: got {got}, wanted a number")
    if not math.isfinite(number):
        raise InputError(f"{at}: got {number}, wanted a number; leave the row out if unknown")
    if number < 0 or (number == 0 and not name.endswith(_MAY_BE_ZERO)):
        raise InputError(f"{at}: got {number:g}; a {name} cannot be {_sign(number)}")
    return number


def _sign(number: float) -> str:
    return "negative" if number < 0 else "zero"


def _point(row: Mapping[str, Any]) -> tuple[Any, ...]:
    return tuple(
        row[name] for name in ("polymer_smiles", "salt_smiles", "salt_molar", "water_per_site")
    )


def _refuse_duplicates(numbered: Sequence[tuple[int, Row]], *, where: str) -> None:
    seen: dict[tuple[Any, ...], int] = {}
    smiles: dict[str, tuple[str, int]] = {}
    for n, row in numbered:
        first = seen.setdefault(_point(row), n)
        if first != n:
            raise InputError(
                f"{where}: rows {first} and {n} are the same point ({row['system']}, "
                f"{row['salt_molar']:g} mol/L, {row['water_per_site']:g} water per site); "
                "average them or remove one"
            )
        known, known_n = smiles.setdefault(row["polymer"], (row["polymer_smiles"], n))
        if known != row["polymer_smiles"]:
            raise InputError(
                f"{where}: rows {known_n} and {n} give the polymer {row['polymer']!r} two "
                "different SMILES; use two names"
            )


def _merge(before: Sequence[Row], rows: Sequence[Row], *, where: str) -> list[Row]:
    """Return all rows with the same columns; rows of the same source give way to the new ones."""
    sources = {row["label_source"] for row in rows}
    kept = [row for row in before if row["label_source"] not in sources]
    points = {_point(row): row for row in kept}
    for row in rows:
        if (other := points.get(_point(row))) is not None:
            raise InputError(
                f"{where}: {row['system']} at {row['salt_molar']:g} mol/L is in the workspace "
                f"already, from {other['label_source']!r}; import with --label-source "
                f"{other['label_source']!r} to replace that table, or remove the row"
            )
    names = list(dict.fromkeys([*LABEL_TABLE.names, *(n for r in (*kept, *rows) for n in r)]))
    return [{name: row.get(name) for name in names} for row in (*kept, *rows)]
