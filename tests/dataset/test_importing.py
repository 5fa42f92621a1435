import os
from pathlib import Path

import pytest
from openpyxl import Workbook

from iemhpc.dataset.importing import import_table
from iemhpc.dataset.labels import read_imported_labels
from iemhpc.errors import ChemistryError, InputError, MissingInputError, UnknownNameError
from iemhpc.tables.descriptors import DESCRIPTORS


def test_own_table_becomes_labels_and_names_of_the_catalogue_bring_their_smiles(
    workspace, own_rows, write_csv
):
    rows = [*own_rows, {**own_rows[0], "polymer": "cr61", "polymer_smiles": ""}]
    summary = import_table(workspace, write_csv(rows))
    labels = read_imported_labels(workspace)
    assert summary.n_rows == len(labels) == 4
    assert [row["system"] for row in labels] == [
        "MyPSS/NaCl",
        "MyPSS/NaCl",
        "MyPSS/LiCl",
        "CR61/NaCl",
    ]
    assert labels[3]["polymer_smiles"].count("[O-]") > 0
    assert {row["nu"] for row in labels} == {2}
    assert labels[0]["label_source"] == "lab.csv"


def test_smiles_of_an_own_table_are_made_canonical(workspace, own_rows, write_csv):
    other = {**own_rows[0], "polymer_smiles": "[O-]S(=O)(=O)C1=CC=C(C=C1)C(C)CC"}
    import_table(workspace, write_csv([own_rows[0]]))
    first = read_imported_labels(workspace)
    import_table(workspace, write_csv([other]))
    assert read_imported_labels(workspace) == first


def test_importing_a_file_again_changes_nothing_and_a_changed_one_replaces_its_rows(
    workspace, own_rows, write_csv
):
    assert not import_table(workspace, write_csv(own_rows)).nothing_new
    before = workspace.labels.read_bytes()
    assert import_table(workspace, write_csv(own_rows)).nothing_new
    assert workspace.labels.read_bytes() == before
    summary = import_table(workspace, write_csv(own_rows[:2]))
    assert summary.n_total == 2


def test_the_same_point_from_another_source_is_refused(workspace, own_rows, write_csv):
    import_table(workspace, write_csv(own_rows))
    before = workspace.labels.read_bytes()
    with pytest.raises(InputError, match=r"other\.csv: MyPSS/NaCl .* already, from 'lab\.csv'"):
        import_table(workspace, write_csv(own_rows[:1], "other.csv"))
    assert workspace.labels.read_bytes() == before


def test_two_tables_join_and_mixed_kinds_are_warned_of(workspace, own_rows, write_csv):
    import_table(workspace, write_csv(own_rows[:1]))
    more = [{**own_rows[1], "label_kind": "unknown", "cluster_size": 3}]
    summary = import_table(workspace, write_csv(more, "more.csv"))
    assert summary.n_total == 2
    assert summary.more == ("cluster_size",)
    assert [row["cluster_size"] for row in read_imported_labels(workspace)] == [None, 3.0]
    assert summary.warnings == ("unknown labels (1 row) are mixed with mean labels (1 row)",)
    assert any("look at this" in line for line in summary.lines())


def test_excel_and_csv_give_the_same_labels(workspace, own_rows, write_csv, tmp_path):
    import_table(workspace, write_csv(own_rows), label_source="lab")
    from_csv = read_imported_labels(workspace)
    book = Workbook()
    book.active.append(list(own_rows[2]))
    for row in own_rows:
        book.active.append([row.get(name) for name in own_rows[2]])
    book.save(tmp_path / "lab.xlsx")
    assert import_table(workspace, tmp_path / "lab.xlsx", label_source="lab").nothing_new
    assert read_imported_labels(workspace) == from_csv


def test_the_study_s_layout_maps_to_the_twelve_descriptors(workspace, study_rows, write_csv):
    summary = import_table(workspace, write_csv(study_rows, "supplement.csv"))
    labels = read_imported_labels(workspace)
    assert summary.layout == "study"
    assert summary.n_with_descriptors == 4
    # first minimum 1, peak position 2, peak height 3, coordination number 4; ten more a pair
    assert [labels[0][name] for name in DESCRIPTORS] == [2, 3, 1, 4, 12, 13, 11, 14, 22, 23, 21, 24]
    assert labels[0]["polymer_smiles"] == "CS(=O)(=O)[O-]"  # as given
    assert [row["system"] for row in labels] == [
        "CR61/NaCl",
        "CR61/MgCl2",
        "Nafion/NaCl",
        "PVAS/NaCl",
    ]
    assert [row["label_kind"] for row in labels] == ["product", "product", "product", "unknown"]
    assert [row["nu"] for row in labels] == [2, 3, 2, 2]
    assert any("inferred" in line for line in summary.lines())
    assert not summary.left_out
    assert not summary.more


def test_table_s1_itself_imports_when_its_path_is_given(workspace):
    table = os.environ.get("IEMHPC_TABLE_S1")
    if not table:
        pytest.skip("IEMHPC_TABLE_S1 is unset: the study's table is not part of the project")
    summary = import_table(workspace, Path(table))
    assert (summary.n_rows, len(summary.systems), summary.n_with_descriptors) == (80, 18, 80)
    assert summary.kinds == {"product": 68, "unknown": 12}


CASES = {
    "a needed column is missing": (
        {"label": None, "Labels": 0.3},
        r"no column 'label'; is it 'Labels'\? .*Needed: polymer, salt, salt_molar",
    ),
    "text in a number column": (
        {"salt_molar": "about 1"},
        r"lab\.csv, row 2, column 'salt_molar': got 'about 1', wanted a number",
    ),
    "a decimal comma": ({"label": "0,31"}, r"row 2, column 'label': got '0,31'.*decimal point"),
    "a NaN label": ({"label": "nan"}, r"row 2, column 'label': got nan, wanted a number"),
    "an empty label": ({"label": ""}, r"row 2, column 'label': got nothing, wanted a number"),
    "a negative label": ({"label": -0.2}, r"row 2, column 'label': got -0.2; .* be negative"),
    "a label of zero": ({"label": 0}, r"row 2, column 'label': got 0; a label cannot be zero"),
    "a negative concentration": ({"salt_molar": -1}, r"'salt_molar': got -1; .* negative"),
    "text in a descriptor": (
        {"tethered_water_peak_height": "high"},
        r"row 2, column 'tethered_water_peak_height': got 'high', wanted a number",
    ),
    "an unknown kind": ({"label_kind": "activity"}, r"row 2: label_kind 'activity'; .* product"),
    "no kind": ({"label_kind": ""}, r"row 2: it is not said what the label is; .*--label-kind"),
    "no polymer": ({"polymer": ""}, r"row 2: the column of the polymer is empty"),
}


@pytest.mark.parametrize("case", CASES)
def test_bad_cells_are_named_and_nothing_is_written(workspace, own_rows, write_csv, case):
    changes, message = CASES[case]
    row = {name: value for name, value in {**own_rows[0], **changes}.items() if value is not None}
    with pytest.raises(InputError, match=message):
        import_table(workspace, write_csv([row]))
    assert not list(workspace.root.iterdir())


def test_smiles_that_does_not_parse_is_named_with_its_row(workspace, own_rows, write_csv, capfd):
    rows = [own_rows[0], {**own_rows[1], "polymer_smiles": "CC(C"}]
    with pytest.raises(ChemistryError, match=r"row 3: polymer_smiles 'CC\(C' does not parse"):
        import_table(workspace, write_csv(rows))
    assert capfd.readouterr().err == ""


def test_a_salt_that_is_not_neutral_is_refused(workspace, own_rows, write_csv):
    row = {**own_rows[2], "salt_smiles": "[Mg+2].[Cl-]"}
    with pytest.raises(ChemistryError, match=r"salt_smiles .* charges \[2, -1\]; wanted the ions"):
        import_table(workspace, write_csv([row]))


def test_unknown_polymer_without_smiles_lists_the_known_ones(workspace, own_rows, write_csv):
    row = {**own_rows[0], "polymer": "CR62", "polymer_smiles": ""}
    with pytest.raises(UnknownNameError, match=r"row 2: unknown polymer 'CR62'; did you .*'CR61'"):
        import_table(workspace, write_csv([row]))


def test_duplicate_points_are_named(workspace, own_rows, write_csv):
    rows = [*own_rows, {**own_rows[1], "label": 0.46}]
    with pytest.raises(InputError, match=r"rows 3 and 5 are the same point \(MyPSS/NaCl, 1 mol/L"):
        import_table(workspace, write_csv(rows))


def test_one_polymer_name_with_two_smiles_is_refused(workspace, own_rows, write_csv):
    rows = [own_rows[0], {**own_rows[1], "polymer_smiles": "CCS(=O)(=O)[O-]"}]
    with pytest.raises(InputError, match="rows 2 and 3 give the polymer 'MyPSS' two"):
        import_table(workspace, write_csv(rows))


def test_a_nearly_right_column_raises_a_doubt_and_text_columns_are_left_out(
    workspace, own_rows, write_csv
):
    row = {**own_rows[0], "tethered_water_peak_hight": 2.0, "comment": "wet"}
    summary = import_table(workspace, write_csv([row]))
    assert "is 'tethered_water_peak_height' meant?" in summary.warnings[0]
    assert summary.left_out == ("comment",)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("empty.csv", b"", "holds nothing"),
        ("header.csv", b"polymer,salt\n", "holds no row under its header"),
        ("lab.ods", b"x", r"read from \.csv and \.xlsx, got '\.ods'"),
        ("broken.xlsx", b"not a zip", r"cannot be read as \.xlsx"),
        ("latin.csv", "polymer\nNäf\n".encode("latin-1"), "is not UTF-8 text"),
        ("twice.csv", b"polymer,polymer\na,b\n", "the column 'polymer' is there twice"),
        ("wide.csv", b"polymer,salt\na,b,c\n", "row 2: 3 cells under 2 columns"),
    ],
)
def test_files_that_are_no_table_are_refused(workspace, tmp_path, name, content, message):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError, match=message):
        import_table(workspace, tmp_path / name)


def test_missing_file_and_unknown_label_kind_are_refused(workspace, tmp_path):
    with pytest.raises(MissingInputError, match="does not exist"):
        import_table(workspace, tmp_path / "none.csv")
    with pytest.raises(InputError, match="label kind 'gamma'; wanted one of product"):
        import_table(workspace, tmp_path / "none.csv", label_kind="gamma")


def test_semicolons_from_a_spreadsheet_are_understood(workspace, own_rows, tmp_path):
    names = list(own_rows[0])
    lines = [";".join(names), ";".join(str(own_rows[0][name]) for name in names)]
    (tmp_path / "lab.csv").write_text("\n".join(lines) + "\n", encoding="utf-8-sig")
    assert import_table(workspace, tmp_path / "lab.csv").n_rows == 1
