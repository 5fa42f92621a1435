import numpy as np
import pytest

from iemhpc.model.evaluation import mean_baseline, scores, system_mean_baseline


def test_perfect_predictions_have_no_error_and_r2_of_one() -> None:
    labels = np.array([0.2, 0.4, 0.9])
    assert scores(labels, labels) == {"mse": 0, "rmse": 0, "mae": 0, "r2": 1, "mape": 0}


def test_mean_of_the_labels_has_r2_of_zero() -> None:
    labels = np.array([0.2, 0.4, 0.9])
    assert scores(labels, mean_baseline(labels, n_rows=3))["r2"] == pytest.approx(0.0)


def test_score_that_is_not_defined_is_none() -> None:
    one = scores(np.array([0.5]), np.array([0.4]))
    assert one["r2"] is None
    assert one["mae"] == pytest.approx(0.1)
    assert scores(np.array([0.0, 1.0]), np.array([0.1, 1.0]))["mape"] is None
    assert set(scores(np.array([]), np.array([])).values()) == {None}


def test_system_mean_falls_back_on_the_mean_of_all() -> None:
    found = system_mean_baseline(np.array([0.1, 0.3, 0.8]), ["a", "a", "b"], asked=["b", "c"])
    assert found.tolist() == pytest.approx([0.8, 0.4])
