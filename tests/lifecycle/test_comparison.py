import numpy as np
import pytest

from iemhpc.errors import InputError
from iemhpc.lifecycle.comparison import compare_errors, held_out_by_both


def test_equal_errors_never_count_as_better():
    errors = np.array([0.1, 0.2, 0.3])
    assert compare_errors(errors, errors).share_better == 0.0


def test_a_small_gain_on_few_points_is_not_clear():
    champion = np.array([0.1, 0.3, 0.2, 0.4, 0.1])
    challenger = champion + np.array([-0.05, 0.04, -0.03, 0.02, 0.01])
    found = compare_errors(champion, challenger)
    assert found.challenger_mae < found.champion_mae
    assert 0.5 < found.share_better < 0.9
    assert "on 5 points that neither was trained on" in found.line()


def test_the_bootstrap_agrees_with_the_normal_approximation():
    rng = np.random.default_rng(1)
    champion = rng.normal(0.5, 0.1, 400)
    challenger = champion - rng.normal(0.005, 0.1, 400)
    gain = champion - challenger
    z = gain.mean() / (gain.std() / 20.0)
    from scipy.stats import norm

    assert compare_errors(champion, challenger).share_better == pytest.approx(norm.cdf(z), abs=0.02)


def test_points_that_one_model_was_trained_on_are_left_out(make_points):
    points = make_points(6)
    champion = [{**point, "split": "train" if i < 2 else "test"} for i, point in enumerate(points)]
    both = held_out_by_both(points, champion)
    assert [point["salt_molar"] for point in both] == [0.4, 0.6]


def test_points_the_champion_validated_on_count_as_trained_on(make_points):
    points = make_points(4)
    champion = [{**point, "split": "validation"} for point in points]
    assert held_out_by_both(points, champion) == []


def test_errors_of_different_points_are_refused():
    with pytest.raises(InputError, match=r"errors of \(2,\) and \(3,\) points; wanted"):
        compare_errors(np.zeros(2), np.zeros(3))
