import pytest

from iemhpc.dataset.importing import import_table
from iemhpc.dataset.labels import check_kinds, read_labels
from iemhpc.errors import InputError, TableError


def test_without_imported_labels_the_theory_set_is_used(workspace):
    labels = read_labels(workspace)
    assert len(labels) == 90
    assert len({row["system"] for row in labels}) == 18
    assert {row["label_kind"] for row in labels} == {"product"}
    assert all(0 < row["label"] < 2 for row in labels)
    assert sorted({row["salt_molar"] for row in labels}) == [0.01, 0.03, 0.1, 0.3, 1.0]


def test_imported_labels_take_the_place_of_the_theory_set(workspace, own_rows, write_csv):
    import_table(workspace, write_csv(own_rows))
    assert {row["label_source"] for row in read_labels(workspace)} == {"lab.csv"}


def test_damaged_labels_are_named(workspace):
    workspace.labels.write_bytes(b"PAR1 not really")
    with pytest.raises(TableError, match=r"labels.parquet cannot be read .*dataset import FILE"):
        read_labels(workspace)


def test_products_and_means_are_refused_unless_said():
    kinds = ["product", "mean", "mean"]
    with pytest.raises(InputError, match=r"product labels \(1 row\) are mixed with mean labels"):
        check_kinds(kinds)
    assert "(2 rows)" in check_kinds(kinds, mix_label_kinds=True)[0]


def test_one_kind_alone_needs_no_warning():
    assert check_kinds(["unknown", "unknown"]) == ()


def test_an_unheard_kind_is_refused():
    with pytest.raises(InputError, match="label_kind 'log'; wanted one of product, mean, unknown"):
        check_kinds(["log"])
