from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from iemhpc.errors import MissingInputError, TableError
from iemhpc.tables.descriptors import DESCRIPTOR_TABLE, DESCRIPTORS
from iemhpc.tables.io import Column, Table, read_frame, read_provenance, read_table, write_table

POINTS = Table(
    name="points",
    version=3,
    columns=(
        Column("system", pa.string(), "membrane/salt"),
        Column("salt_molar", pa.float64(), "outer concentration", "mol/L"),
        Column("peak_A", pa.float64(), "peak", "angstrom", nullable=True),
    ),
)
ROWS = [{"system": "CR61/NaCl", "salt_molar": 1, "peak_A": None}]


def test_units_and_descriptions_are_in_the_file(tmp_path: Path) -> None:
    write_table(tmp_path / "p.parquet", POINTS, ROWS, {"dataset": "ab12"})
    field = pq.read_schema(tmp_path / "p.parquet").field("salt_molar")
    assert field.metadata == {b"unit": b"mol/L", b"description": b"outer concentration"}
    assert not field.nullable
    assert read_provenance(tmp_path / "p.parquet")["dataset"] == "ab12"


def test_null_stays_null_and_pandas_nan_becomes_null(tmp_path: Path) -> None:
    frame = pd.DataFrame({"system": ["a"], "salt_molar": [0.5], "peak_A": [float("nan")]})
    write_table(tmp_path / "p.parquet", POINTS, frame)
    assert read_table(tmp_path / "p.parquet", POINTS, made_by="x")["peak_A"].null_count == 1


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"salt_molar": None}, "column 'salt_molar', row 0: empty"),
        ({"salt_molar": float("nan")}, "column 'salt_molar', row 0: nan"),
        ({"salt_molar": "0.5"}, "got '0.5', wanted a number in mol/L"),
        ({"salt_molar": True}, "got True, wanted a number"),
        ({"system": 5}, "column 'system' should hold string"),
        ({"peak_A": float("inf")}, "column 'peak_A', row 0: inf"),
        ({"colour": 1}, "knows no column 'colour'; it holds system, salt_molar, peak_A"),
    ],
)
def test_a_row_that_does_not_fit_is_refused_and_nothing_is_written(
    tmp_path: Path, change: dict[str, object], message: str
) -> None:
    with pytest.raises(TableError, match=message):
        write_table(tmp_path / "p.parquet", POINTS, [{**ROWS[0], **change}])
    assert list(tmp_path.iterdir()) == []


def test_a_missing_column_is_named(tmp_path: Path) -> None:
    with pytest.raises(TableError, match="needs the columns salt_molar; it has system"):
        write_table(tmp_path / "p.parquet", POINTS, [{"system": "a"}])


def test_a_missing_file_names_its_maker(tmp_path: Path) -> None:
    with pytest.raises(MissingInputError, match="make it with: iemhpc points"):
        read_frame(tmp_path / "p.parquet", POINTS, made_by="iemhpc points")


def test_another_schema_version_and_a_damaged_file_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "p.parquet"
    write_table(path, Table(name="points", version=2, columns=POINTS.columns), ROWS)
    with pytest.raises(TableError, match="holds table 'points' version 2, wanted 'points' version"):
        read_table(path, POINTS, made_by="x")
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(TableError, match="cannot be read as Parquet"):
        read_table(path, POINTS, made_by="x")


def test_an_empty_table_keeps_its_schema(tmp_path: Path) -> None:
    write_table(tmp_path / "p.parquet", POINTS, [])
    assert read_frame(tmp_path / "p.parquet", POINTS, made_by="x").columns.tolist() == list(
        POINTS.names
    )


def test_there_are_twelve_descriptors_each_with_an_error() -> None:
    assert len(DESCRIPTORS) == 12
    assert {f"{name}_se" for name in DESCRIPTORS} <= set(DESCRIPTOR_TABLE.names)
