import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import ray
import torch

from iemhpc.errors import InputError, MissingInputError, ProgramError, ResourceError
from iemhpc.model import tuning
from iemhpc.model.blocks import block_path, train_block, write_block
from iemhpc.model.bundle import current_bundle, list_bundles, load_bundle
from iemhpc.model.request import TuneRequest
from iemhpc.model.results import best_by_level
from iemhpc.model.summary import TuneSummary, read_summary
from iemhpc.model.trials import Machines, _ray
from iemhpc.model.tuning import tune
from iemhpc.tables.dataset import DATASET_TABLE
from iemhpc.tables.descriptors import DESCRIPTORS
from iemhpc.tables.io import read_frame, read_provenance, write_table
from iemhpc.tables.tuning import CURVE_TABLE, PREDICTION_TABLE, TRAINING_TABLE
from iemhpc.workspace import Workspace


@pytest.fixture(scope="module")
def running_ray() -> Iterator[None]:
    """One Ray for the module, as it takes ten seconds to start."""
    with _ray(Machines(cpus=1)):
        yield
    assert not ray.is_initialized()


@pytest.fixture
def no_training(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fail where anything would be trained."""

    def refuse(*_: object, **__: object) -> int:
        raise AssertionError("something was trained")

    monkeypatch.setattr(tuning, "run_blocks", refuse)


def table(summary: TuneSummary, name: str) -> pd.DataFrame:
    schemas = {t.name: t for t in (TRAINING_TABLE, PREDICTION_TABLE, CURVE_TABLE)}
    return read_frame(Path(summary.folder) / f"{name}.parquet", schemas[name], made_by="tune")


@pytest.mark.usefixtures("running_ray")
def test_tuning_under_ray_goes_on_where_it_was_and_gives_tables_bundles_and_a_summary(
    workspace: Workspace, tiny: TuneRequest, dataset: pd.DataFrame
) -> None:
    request = replace(tiny, learning_rate=(0.01, 0.001))
    done, other, *_ = request.blocks(tiny.levels)
    folder = workspace.tuning / tuning._prepare(workspace, request).tuning_id
    write_block(block_path(folder, done), train_block(dataset, done))  # left by a killed tuning
    said: list[str] = []
    summary = tune(workspace, request, say=said.append)
    assert (summary.n_trainings, summary.n_trained) == (12, 9)
    assert Path(summary.folder) == folder
    assert {path.name for path in folder.iterdir()} == {
        "request.json",
        "trainings.parquet",
        "predictions.parquet",
        "curves.parquet",
        "summary.json",
        "ray",
    }
    assert "4 of 4 blocks" in " ".join(said)

    trainings = table(summary, "trainings")
    assert trainings["training_id"].is_unique
    assert sorted(trainings["fold"].value_counts()) == [4, 4, 4]
    assert (trainings["n_test"] == 10).all()
    predictions = table(summary, "predictions")
    assert set(predictions["training_id"]) == set(trainings["training_id"])
    assert len(predictions) == 12 * 50
    assert len(table(summary, "curves")) == trainings["epochs"].sum()
    assert read_provenance(folder / "trainings.parquet")["tuning_id"] == summary.tuning_id

    alone = train_block(dataset, other)  # what Ray trained equals what is trained without
    rows = trainings[trainings["level"] == other.configuration.level]
    rows = rows[rows["learning_rate"] == other.configuration.learning_rate]
    expected = [one.best_validation_loss for one in alone.trainings]
    assert rows["best_validation_loss"].tolist() == expected

    for one in summary.levels:
        loss = trainings[trainings["level"] == one.level].groupby("learning_rate")
        means = loss["best_validation_loss"].mean()
        assert one.configuration["learning_rate"] == means.idxmin()
        bundle = load_bundle(workspace.models / one.bundle)
        assert current_bundle(workspace, one.level) is not None
        mean = bundle.gamma(dataset).mean(axis=0)
        held_out = bundle.frame()["split"] == "test"
        error = np.abs(mean - dataset["label"])[held_out].mean()
        assert error == pytest.approx(one.metrics["test"]["mae"], rel=1e-4)

    # asked again: nothing is trained, the answer is the same
    again = tune(workspace, request)
    assert again.n_trained == 0
    assert again.levels == read_summary(folder).levels  # type: ignore[union-attr]
    text = "\n".join(again.lines())
    assert "interpolation in concentration" in text
    assert "nothing trained anew" in text
    assert "baseline: mean of each system" in text


@pytest.mark.usefixtures("running_ray")
def test_failed_trials_are_reported_and_the_others_kept(
    workspace: Workspace, tiny: TuneRequest
) -> None:
    request = replace(tiny, levels=("graph",), learning_rate=(0.01, 1e30))
    with pytest.raises(ProgramError, match=r"1 of 2 blocks are not trained; .*loss is no number"):
        tune(workspace, request)
    (folder,) = [path for path in workspace.tuning.iterdir() if path.is_dir()]
    assert len(list((folder / "blocks").iterdir())) == 1
    assert not (folder / "summary.json").exists()
    assert list_bundles(workspace) == ()


@pytest.mark.parametrize(("present", "there"), [(0, "no GPU"), (1, "1 GPU"), (4, "4 GPUs")])
@pytest.mark.usefixtures("no_training")
def test_gpus_that_are_not_there_are_refused_with_the_line_to_type(
    present: int,
    there: str,
    workspace: Workspace,
    tiny: TuneRequest,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(torch.cuda, "device_count", lambda: present)
    monkeypatch.setattr(ray, "is_initialized", lambda: False)
    with pytest.raises(ResourceError, match=f"--gpus 8: this machine has {there} that") as caught:
        tune(workspace, tiny, gpus=8)
    assert str(caught.value).endswith(f"use: iemhpc tune --gpus {present}")
    assert caught.value.exit_code == 2
    assert not workspace.tuning.exists()


def test_address_where_no_ray_answers_is_refused(
    workspace: Workspace, tiny: TuneRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ray, "is_initialized", lambda: False)

    def unreachable(**_: object) -> None:
        raise ConnectionError("could not connect")

    monkeypatch.setattr(ray, "init", unreachable)
    with pytest.raises(ResourceError, match=r"--address there:1: no Ray .*'ray start --head'"):
        tune(workspace, tiny, address="there:1")


def test_missing_dataset_names_the_command_that_makes_it(tmp_path: Path, tiny: TuneRequest) -> None:
    with pytest.raises(MissingInputError, match="make it with: iemhpc dataset build"):
        tune(Workspace(tmp_path), tiny)


@pytest.mark.usefixtures("no_training")
def test_fewer_rows_than_folds_are_refused_before_anything_is_written(
    tmp_path: Path, ten_points: pd.DataFrame, tiny: TuneRequest
) -> None:
    workspace = Workspace(tmp_path)
    write_table(workspace.dataset, DATASET_TABLE, ten_points)
    with pytest.raises(InputError, match=r"fewer than the 11 folds; .*--folds 8 at most"):
        tune(workspace, replace(tiny, levels=None, folds=11))
    assert not workspace.tuning.exists()


def test_level_that_the_data_do_not_allow_is_left_out_or_refused_where_asked_for(
    tmp_path: Path, dataset: pd.DataFrame, tiny: TuneRequest
) -> None:
    workspace = Workspace(tmp_path)
    dataset[list(DESCRIPTORS)] = None
    dataset["null_reason"] = "no runs yet"
    write_table(workspace.dataset, DATASET_TABLE, dataset)
    prepared = tuning._prepare(workspace, replace(tiny, levels=None))
    assert list(prepared.rows) == ["graph", "graph+conditions"]
    reason = "graph+conditions+md: 0 of 50 rows; 50 without descriptors: no runs yet"
    assert prepared.left_out == (reason,)
    with pytest.raises(InputError, match="0 of 50 rows"):
        tuning._prepare(workspace, replace(tiny, levels=("graph+conditions+md",)))


def test_tuning_is_named_by_request_and_data_but_not_by_where_it_ran(
    workspace: Workspace, tiny: TuneRequest, dataset: pd.DataFrame
) -> None:
    name = tuning._prepare(workspace, tiny).tuning_id
    assert tuning._prepare(workspace, replace(tiny, folds=4)).tuning_id != name
    write_table(workspace.dataset, DATASET_TABLE, dataset, {"made": "later"})
    assert tuning._prepare(workspace, tiny).tuning_id == name
    write_table(workspace.dataset, DATASET_TABLE, dataset.assign(label=dataset["label"] + 0.1))
    assert tuning._prepare(workspace, tiny).tuning_id != name


def test_best_configuration_is_chosen_over_all_seeds_and_made_with_the_first(
    dataset: pd.DataFrame, tiny: TuneRequest
) -> None:
    request = replace(tiny, levels=("graph",), seeds=(42, 28), learning_rate=(0.01, 0.001))
    blocks = [train_block(dataset, block) for block in request.blocks()]
    best = best_by_level(blocks, first_seed=42)["graph"]
    rates = {}
    for rate in request.learning_rate:
        losses = [b.validation_loss for b in blocks if b.block.configuration.learning_rate == rate]
        rates[rate] = float(np.mean(losses))
    assert best.trained.block.seeds.init == 42
    assert best.trained.block.configuration.learning_rate == min(rates, key=lambda r: rates[r])
    assert best.validation_loss == min(rates.values())


def test_theory_labels_are_called_theory(dataset: pd.DataFrame) -> None:
    from iemhpc.model.summary import notes_on

    text = " ".join(notes_on(dataset.assign(label_source="theory"), seeds=(28, 42)))
    assert "labels are Donnan-Manning theory" in text
    assert "scores and bundles are of seed 28" in text


DRIVER = """
import sys
from pathlib import Path
from iemhpc.model.tuning import TuneRequest, tune
from iemhpc.workspace import Workspace

request = TuneRequest(
    levels=("graph",), hidden=(16,), batch_size=(10,), learning_rate=(0.01, 0.005, 0.001),
    seeds=(42,), folds=11, max_epochs=150, patience=150,
)
summary = tune(Workspace(Path(sys.argv[1])), request, cpus=1)
print(summary.n_trainings, summary.n_trained)
"""


@pytest.mark.slow
@pytest.mark.faults
def test_tuning_whose_driver_was_killed_goes_on(workspace: Workspace) -> None:
    command = [sys.executable, "-c", DRIVER, str(workspace.root)]
    driver = subprocess.Popen(command, start_new_session=True)
    deadline = time.monotonic() + 180
    while not list(workspace.tuning.glob("*/blocks/*.safetensors")):
        assert driver.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.2)
    os.kill(driver.pid, signal.SIGKILL)
    driver.wait()
    for left_behind in Path("/tmp").glob(f"iemray{driver.pid}.*"):
        shutil.rmtree(left_behind, ignore_errors=True)
    done = len(list(workspace.tuning.glob("*/blocks/[!.]*.safetensors")))
    assert 1 <= done < 3
    result = subprocess.run(command, capture_output=True, text=True, timeout=300, check=True)
    assert result.stdout.split() == ["33", str(33 - 11 * done)]
