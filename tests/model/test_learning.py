import numpy as np
import pandas as pd
import pytest
from sklearn.model_selection import KFold, train_test_split

from iemhpc.errors import ChemistryError, InputError
from iemhpc.model.inputs import inputs_of
from iemhpc.model.learning import folds_of, learning_data
from iemhpc.model.scaling import fit_min_max

MD = "graph+conditions+md"


def test_split_is_that_of_sklearn_on_the_order_of_the_rows(dataset: pd.DataFrame) -> None:
    data = learning_data(dataset, "graph")
    folds = folds_of(data, split_seed=28, test_fraction=0.2, folds=11)
    training, test = train_test_split(np.arange(50), test_size=0.2, random_state=28)
    assert set(folds[0].test) == set(test)
    parts = KFold(11, shuffle=True, random_state=28).split(training)
    for fold, (fitted, held) in zip(folds, parts, strict=True):
        assert set(fold.train) == set(training[fitted])
        assert set(fold.validation) == set(training[held])


def test_rows_without_descriptors_are_left_out_counted_and_named(dataset: pd.DataFrame) -> None:
    dataset.loc[[1, 7, 30], "tethered_counterion_peak_height"] = None
    dataset.loc[[1, 7, 30], "null_reason"] = "tethered_counterion: low_counts"
    data = learning_data(dataset, MD)
    assert data.line() == (
        "graph+conditions+md: 47 of 50 rows; 3 without tethered_counterion: low_counts"
    )
    assert not {1, 7, 30} & set(data.rows.tolist())
    assert len(learning_data(dataset, "graph+conditions").rows) == 50


def test_missing_descriptors_are_named_where_the_dataset_says_no_reason(
    dataset: pd.DataFrame,
) -> None:
    dataset.loc[4, "counterion_water_peak_height"] = None
    dataset.loc[5, "null_reason"] = "no runs yet"
    dataset.loc[5, "tethered_water_peak_height"] = None
    said = learning_data(dataset, MD).left_out
    assert said == "1 without counterion_water, 1 without descriptors: no runs yet"


def test_levels_are_tested_on_the_same_rows_where_some_lack_descriptors(
    dataset: pd.DataFrame,
) -> None:
    dataset.loc[[1, 7, 30], "tethered_counterion_peak_height"] = None
    seen = []
    for level in ("graph", MD):
        data = learning_data(dataset, level)
        folds = folds_of(data, split_seed=42, test_fraction=0.2, folds=5)
        seen.append([set(data.rows[fold.test].tolist()) for fold in folds])
        assert all(not set(f.train) & (set(f.test) | set(f.validation)) for f in folds)
    assert seen[1][0] == seen[0][0] - {1, 7, 30}


def test_level_without_any_row_is_refused_with_the_reason(dataset: pd.DataFrame) -> None:
    dataset["tethered_water_peak_height"] = None
    with pytest.raises(InputError, match=r"0 of 50 rows; 50 without tethered_water$"):
        learning_data(dataset, MD)


def test_fold_that_would_be_empty_is_refused_with_a_remedy(dataset: pd.DataFrame) -> None:
    dataset.loc[dataset.index[6:], "tethered_water_peak_height"] = None
    data = learning_data(dataset, MD)
    with pytest.raises(InputError, match=r"6 of 50 rows; .* leaves fold \d+ of 11 without a"):
        folds_of(data, split_seed=42, test_fraction=0.2, folds=11)


def test_fewer_rows_than_folds_are_refused_with_both_numbers(ten_points: pd.DataFrame) -> None:
    data = learning_data(ten_points, "graph")
    with pytest.raises(InputError, match=r"10 .* 8 .* 11 folds; .*fewer"):
        folds_of(data, split_seed=42, test_fraction=0.2, folds=11)


def test_broken_smiles_of_a_dataset_is_refused(dataset: pd.DataFrame) -> None:
    dataset.loc[2, "polymer_smiles"] = "C1CC"
    with pytest.raises(ChemistryError, match="'C1CC' does not parse"):
        learning_data(dataset, "graph")


def test_missing_scalar_is_refused(dataset: pd.DataFrame) -> None:
    with pytest.raises(InputError, match="level graph\\+conditions needs water_per_site"):
        inputs_of(dataset.drop(columns="water_per_site"), "graph+conditions")


def test_constant_column_is_scaled_to_zero() -> None:
    scaler = fit_min_max(np.array([[3.0], [3.0]]))
    assert scaler.scale(np.array([[3.0], [4.0]])).tolist() == [[0.0], [1.0]]


def test_no_scalars_are_scaled_to_no_scalars() -> None:
    assert fit_min_max(np.empty((4, 0))).scale(np.empty((2, 0))).shape == (2, 0)
