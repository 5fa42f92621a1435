"""The theory set: complete, marked as theory, and equal to what the code makes."""

import csv
import io

import pytest

from iemhpc.polymer.catalog import load_membrane, systems
from iemhpc.resources import resource
from iemhpc.tables.dataset import DATASET_TABLE, LABEL_TABLE
from iemhpc.tables.descriptors import DESCRIPTORS
from iemhpc.tables.io import to_arrow
from iemhpc.theory.labels import (
    SALT_MOLAR,
    as_csv,
    fixed_charge,
    manning_parameter,
    theory_labels,
    write_theory_labels,
)


def split(row: dict[str, str]) -> tuple[dict[str, str], dict[str, float]]:
    """Return the words and the numbers of a row."""
    words, numbers = {}, {}
    for key, text in row.items():
        try:
            numbers[key] = float(text)
        except ValueError:
            words[key] = text
    return words, numbers


def test_shipped_file_is_what_the_code_makes():
    shipped = resource("data", "theory_labels.csv").read_text(encoding="utf-8")
    made = as_csv(theory_labels())
    shipped_rows = list(csv.DictReader(io.StringIO(shipped)))
    made_rows = list(csv.DictReader(io.StringIO(made)))
    assert len(shipped_rows) == len(made_rows) == 90
    assert shipped.splitlines()[0] == made.splitlines()[0]
    for old, new in zip(shipped_rows, made_rows, strict=True):
        # six digits are written; the last may differ between mathematical libraries
        assert split(old)[0] == split(new)[0]
        assert split(old)[1] == pytest.approx(split(new)[1], rel=2e-5)


def test_every_system_has_the_five_concentrations():
    rows = theory_labels()
    points = {(row["system"], row["salt_molar"]) for row in rows}
    assert points == {(system.name, molar) for system in systems() for molar in SALT_MOLAR}


def test_labels_are_products_and_marked_as_theory():
    for row in theory_labels():
        assert (row["label_kind"], row["label_source"]) == ("product", "theory")
        assert row["label"] == pytest.approx(row["gamma_pm"] ** row["nu"])
        assert 0 < row["label"] < 1


def test_labels_fit_the_schema_of_a_dataset():
    names = [c.name for c in LABEL_TABLE.columns if c.name not in DESCRIPTORS]
    rows = [{name: row[name] for name in names} for row in theory_labels()]
    assert to_arrow(LABEL_TABLE, rows, where="labels").num_rows == 90
    assert to_arrow(DATASET_TABLE, rows, where="dataset").num_rows == 90


def test_published_figures_win_and_are_named():
    cr61, nafion = load_membrane("CR61"), load_membrane("Nafion")
    assert (fixed_charge(cr61).value, fixed_charge(cr61).source) == (3.21, "published")
    assert (manning_parameter(cr61).value, manning_parameter(cr61).source) == (1.83, "published")
    assert fixed_charge(nafion).value == pytest.approx(55.34 / 14)
    assert fixed_charge(nafion).source == "55.34/water_per_site"
    assert manning_parameter(nafion).source == "7.135 Å over a contour of 18.90 Å"


def test_random_copolymer_has_larger_coefficients_than_the_block_copolymer():
    # what RSC Advances 11 (2021) 15078 measured, and why: its charges are further apart
    by_system = {(row["system"], row["salt_molar"]): row["label"] for row in theory_labels()}
    for molar in SALT_MOLAR:
        assert by_system["PSbNMP-RCE/KI", molar] > by_system["PSbNMP-BCE/KI", molar]


def test_file_is_written_and_announced(tmp_path):
    said: list[str] = []
    write_theory_labels(tmp_path / "labels.csv", say=said.append)
    assert said == [f"{tmp_path / 'labels.csv'}: 90 labels of Donnan-Manning theory"]
    assert (tmp_path / "labels.csv").read_text(encoding="utf-8") == as_csv(theory_labels())
