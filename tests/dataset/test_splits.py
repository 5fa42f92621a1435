import csv
import os
from pathlib import Path

import numpy as np
import pytest

from iemhpc.dataset.splits import split_rows
from iemhpc.errors import InputError


def test_folds_and_test_set_are_disjoint_and_complete():
    splits = split_rows(83, 28)
    validation = np.concatenate([validation for _, validation in splits.folds])
    assert sorted([*splits.test, *validation]) == list(range(83))
    for train, held_out in splits.folds:
        assert not set(train) & set(held_out)
        assert set(train) | set(held_out) == set(splits.training)


def test_same_seed_gives_the_same_split_and_another_seed_another():
    first, again, other = split_rows(90, 42), split_rows(90, 42), split_rows(90, 48)
    assert np.array_equal(first.test, again.test)
    assert np.array_equal(first.folds[3][1], again.folds[3][1])
    assert not np.array_equal(first.test, other.test)


def test_replicas_of_a_point_stay_on_one_side():
    groups = [row // 3 for row in range(90)]
    splits = split_rows(90, 42, folds=5, groups=groups)
    for train, validation in splits.folds:
        sides = [{row // 3 for row in rows} for rows in (train, validation, splits.test)]
        assert sum(len(side) for side in sides) == 30


def test_the_study_s_own_split_is_reproduced():
    table = os.environ.get("IEMHPC_TABLE_S1")
    if not table or not (file := Path(table).with_name("table_s1_splits.csv")).exists():
        pytest.skip("IEMHPC_TABLE_S1 is unset, or table_s1_splits.csv does not lie beside it")
    with file.open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    for seed in (28, 42, 48):
        wanted = [int(row["row"]) for row in rows if row[f"split_seed{seed}"] == "test"]
        assert split_rows(len(rows), seed).test.tolist() == wanted


def test_fewer_rows_than_folds_is_refused_with_the_most_that_works():
    with pytest.raises(InputError, match=r"12 points of 12 rows leave 9 .* 11 folds.*--folds 9"):
        split_rows(12)


def test_groups_must_fit_the_rows():
    with pytest.raises(InputError, match="2 group names for 3 rows"):
        split_rows(3, groups=["a", "b"])


def test_a_single_fold_is_refused():
    with pytest.raises(InputError, match=r"got 1 folds .* at least 2 folds"):
        split_rows(90, folds=1)
