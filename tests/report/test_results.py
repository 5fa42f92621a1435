import numpy as np
import pandas as pd
import pytest

from iemhpc.report.results import read_results

LABELS = np.array([0.2, 0.4, 0.6, 0.3, 0.5])
ERRORS = {"a": {0: 0.1, 1: -0.1}, "b": {0: 0.2, 1: 0.2}}


def tables() -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    trainings, predictions = [], []
    for configuration, errors in ERRORS.items():
        for fold, error in errors.items():
            training = f"{configuration}{fold}"
            trainings.append(
                {
                    "training_id": training,
                    "configuration_id": configuration,
                    "level": "graph",
                    "hidden": 64,
                    "batch_size": 20,
                    "learning_rate": {"a": 0.001, "b": 0.01}[configuration],
                    "init_seed": 42,
                    "fold": fold,
                    "best_validation_loss": error**2,
                }
            )
            held, trained = (1, 2) if fold == 0 else (2, 1)
            splits = {0: "test", 3: "test", held: "validation", trained: "train", 4: "train"}
            predictions += [
                {
                    "training_id": training,
                    "row": row,
                    "split": split,
                    "label": LABELS[row],
                    "prediction": LABELS[row] + error,
                }
                for row, split in splits.items()
            ]
    dataset = pd.DataFrame({"label": LABELS, "system": ["x", "x", "x", "y", "z"]})
    return pd.DataFrame(trainings), pd.DataFrame(predictions), dataset


def test_the_lowest_validation_loss_is_chosen():
    (result,) = read_results(*tables())
    assert [one.configuration_id for one in result.grid] == ["a", "b"]
    assert result.chosen.validation_loss == pytest.approx(0.01)


def test_errors_of_opposite_sign_cancel_in_the_ensemble_only():
    (result,) = read_results(*tables())
    assert result.chosen.ensemble["rmse"] == pytest.approx(0.0, abs=1e-12)
    assert result.chosen.over_folds("rmse") == pytest.approx((0.1, 0.0))
    assert result.chosen.best_fold["rmse"] == pytest.approx(0.1)


def test_test_points_carry_the_spread_of_the_folds():
    (result,) = read_results(*tables())
    tested = result.points[result.points["split"] == "test"]
    assert tested["row"].tolist() == [0, 3]
    assert tested["spread"].tolist() == pytest.approx([0.1, 0.1])


def test_the_baseline_is_the_mean_of_the_training_rows_of_the_system():
    (result,) = read_results(*tables())
    assert result.baseline_points is not None
    # x: mean of rows 1 and 2; y is in no training row: mean of all training rows
    assert result.baseline_points["prediction"].tolist() == pytest.approx([0.5, 0.5])
    assert result.systems_seen == (1, 2)


def test_a_dataset_that_has_changed_gives_no_baseline():
    trainings, predictions, dataset = tables()
    dataset["label"] += 1.0
    (result,) = read_results(trainings, predictions, dataset)
    assert result.baseline is None
    assert result.systems_seen is None


def test_a_dataset_with_fewer_rows_gives_no_baseline():
    trainings, predictions, dataset = tables()
    (result,) = read_results(trainings, predictions, dataset.iloc[:2])
    assert result.baseline is None


def test_without_a_dataset_there_is_no_baseline():
    trainings, predictions, _ = tables()
    assert read_results(trainings, predictions, None)[0].baseline is None


def test_one_test_row_has_no_r2():
    trainings, predictions, dataset = tables()
    predictions.loc[predictions["row"] == 3, "split"] = "train"
    (result,) = read_results(trainings, predictions, dataset)
    assert result.chosen.ensemble["r2"] is None
    assert result.chosen.over_folds("r2") is None


def test_seeds_are_averaged_and_the_first_one_is_shown():
    trainings, predictions, dataset = tables()
    other = trainings.assign(
        training_id=trainings["training_id"] + "s",
        configuration_id=trainings["configuration_id"] + "s",
        init_seed=28,
        # by this seed alone the second configuration would win, on average the first does
        best_validation_loss=[0.02, 0.02, 0.001, 0.001],
    )
    guesses = predictions.assign(training_id=predictions["training_id"] + "s")
    both = pd.concat([trainings, other]), pd.concat([predictions, guesses])
    (result,) = read_results(*both, dataset, first_seed=42)
    assert [one.configuration_id for one in result.grid] == ["a", "as", "b", "bs"]
    (result,) = read_results(*both, dataset, first_seed=28)
    assert result.chosen.configuration_id == "as"
    assert read_results(*both, dataset)[0].chosen.configuration_id == "as"
