import os

import numpy as np
import pytest

from iemhpc.lifecycle.promotion import carry_out, judge
from iemhpc.model.bundle import current_bundle, current_path, load_bundle, set_current
from iemhpc.settings.retrain import CompareSettings
from iemhpc.tables.descriptors import DESCRIPTORS

LEVEL = "graph+conditions"
SETTINGS = CompareSettings()


def judged(workspace, challenger, settings=SETTINGS):
    verdict = judge(workspace, challenger, settings=settings)
    carry_out(workspace, verdict)
    return verdict


def current_hash(workspace):
    return current_bundle(workspace, LEVEL).hash


def test_the_first_model_becomes_current(workspace, write_model):
    model = write_model(0.5)
    verdict = judged(workspace, model)
    assert verdict.is_switched
    assert "there was no current model" in verdict.line()
    assert current_hash(workspace) == model.hash


def test_a_better_challenger_takes_over(workspace, write_model):
    set_current(workspace, LEVEL, write_model(0.9).hash)
    better = write_model(0.51)
    verdict = judged(workspace, better)
    assert verdict.is_switched
    assert verdict.comparison.n_rows == 10
    assert verdict.comparison.challenger_mae < 0.01
    assert verdict.comparison.champion_mae == pytest.approx(0.39, abs=0.005)
    assert current_hash(workspace) == better.hash


def test_a_worse_challenger_is_kept_out_and_it_is_said_why(workspace, write_model):
    champion = write_model(0.51)
    set_current(workspace, LEVEL, champion.hash)
    verdict = judged(workspace, write_model(0.9))
    assert not verdict.is_switched
    assert current_hash(workspace) == champion.hash
    assert "better in 0 % of bootstrap samples, wanted 90 %" in verdict.line()
    assert verdict.line().startswith(f"{LEVEL}: stays {champion.hash}")


def test_judging_twice_changes_nothing(workspace, write_model):
    model = write_model(0.5)
    judged(workspace, model)
    assert judged(workspace, model).reason == "it is the same model"


def test_too_few_common_held_out_points_keep_the_champion(workspace, write_model, make_points):
    everything = [{**point, "split": "train"} for point in make_points()]
    champion = write_model(0.9, tuple(everything))
    set_current(workspace, LEVEL, champion.hash)
    verdict = judged(workspace, write_model(0.51))
    assert "0 points are held out by both, fewer than the 5" in verdict.reason
    assert current_hash(workspace) == champion.hash


def test_a_champion_that_sees_what_the_new_points_lack_stays(workspace, write_model):
    twelve = dict.fromkeys(DESCRIPTORS, 1.0)
    level = "graph+conditions+md"
    points = write_model(0.4).points
    wet = tuple({**point, **twelve, "water_cluster_mean_size": 9.0} for point in points)
    champion = write_model(0.5, wet, level=level, inputs=("water_cluster_mean_size",))
    set_current(workspace, level, champion.hash)
    dry = tuple({**point, **twelve} for point in points)
    verdict = judged(workspace, write_model(0.51, dry, level=level))
    assert not verdict.is_switched
    assert "sees water_cluster_mean_size, the new one's points lack it" in verdict.line()


def test_a_damaged_champion_gives_way(workspace, write_model):
    champion = write_model(0.51)
    set_current(workspace, LEVEL, champion.hash)
    (champion.path / "weights.safetensors").write_bytes(b"gone")
    worse = write_model(0.9)
    verdict = judged(workspace, worse)
    assert verdict.is_switched
    assert "the current model cannot be used" in verdict.reason
    assert current_hash(workspace) == worse.hash


def test_a_champion_of_another_kind_of_label_gives_way(workspace, write_model, make_points):
    set_current(workspace, LEVEL, write_model(0.5, make_points(kind="mean")).hash)
    verdict = judged(workspace, write_model(0.9))
    assert verdict.is_switched
    assert "predicts mean, the data now holds product" in verdict.reason


def test_predictions_that_are_no_numbers_never_take_over(workspace, write_model):
    champion = write_model(0.51)
    set_current(workspace, LEVEL, champion.hash)
    verdict = judged(workspace, write_model(np.nan))
    assert not verdict.is_switched
    assert "are not all numbers" in verdict.reason


def test_the_switch_is_one_rename_of_a_relative_link(workspace, write_model, monkeypatch):
    set_current(workspace, LEVEL, write_model(0.9).hash)
    link = current_path(workspace, LEVEL)
    seen = []
    replace = os.replace

    def watched(source, target):
        seen.append(load_bundle(link).hash)  # still whole just before
        replace(source, target)
        seen.append(load_bundle(link).hash)  # and whole just after

    monkeypatch.setattr("os.replace", watched)
    better = write_model(0.51)
    judged(workspace, better)
    monkeypatch.undo()
    assert seen[-1] == better.hash
    assert link.readlink().parts == ("..", better.hash)
    assert [path.name for path in link.parent.iterdir()] == [LEVEL]
