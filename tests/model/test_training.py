import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from iemhpc.errors import InputError
from iemhpc.model.evaluation import scores
from iemhpc.model.graph import graph_of
from iemhpc.model.learning import Fold, LearningData, folds_of, learning_data
from iemhpc.model.training import (
    Configuration,
    Seeds,
    Training,
    train_fold,
    training_id,
    training_tensors,
)
from iemhpc.tables.dataset import LEVELS

MD = "graph+conditions+md"
SEEDS = Seeds(split=42, init=42, batch=42)


def quick(level: str, **changes: object) -> Configuration:
    start = Configuration(level=level, hidden=8, learning_rate=0.01, max_epochs=6, patience=6)
    return replace(start, **changes)  # type: ignore[arg-type]


def train(data: LearningData, fold: Fold, configuration: Configuration) -> Training:
    return train_fold(data, fold, configuration=configuration, seeds=SEEDS)


def first_fold(data: LearningData) -> Fold:
    return folds_of(data, split_seed=42, test_fraction=0.2, folds=5)[0]


@pytest.mark.parametrize("level", LEVELS)
def test_network_memorises_ten_points_of_ten_systems(level: str, ten_points: pd.DataFrame) -> None:
    labels = np.random.default_rng(5).uniform(0.1, 1.2, 10)
    data = learning_data(ten_points.assign(label=labels), level)
    rows = np.arange(10)
    fold = Fold(number=0, train=rows, validation=rows, test=rows[:2])
    configuration = Configuration(
        level=level, hidden=48, learning_rate=0.005, max_epochs=600, patience=600
    )
    training = train(data, fold, configuration)
    assert np.abs(training.gamma - labels).max() < 0.01


def test_a_test_row_moved_by_a_million_leaves_the_training_inputs_bit_equal(
    dataset: pd.DataFrame,
) -> None:
    data = learning_data(dataset, MD)
    fold = first_fold(data)
    moved = dataset.copy()
    columns = ["salt_molar", "water_per_site", "tethered_water_peak_height", "label"]
    moved.loc[moved.index[fold.test], columns] += 1e6
    other = learning_data(moved, MD)
    before, scaler = training_tensors(data, fold, target="gamma")
    after, other_scaler = training_tensors(other, fold, target="gamma")
    seen = np.concatenate([fold.train, fold.validation])
    assert scaler == other_scaler
    assert torch.equal(before.scalars[seen], after.scalars[seen])
    assert torch.equal(before.targets[seen], after.targets[seen])
    assert not torch.equal(before.scalars[fold.test], after.scalars[fold.test])
    one, two = train(data, fold, quick(MD)), train(other, fold, quick(MD))
    assert one.validation_loss == two.validation_loss
    assert all(torch.equal(w, two.model.weights[name]) for name, w in one.model.weights.items())


def test_scalars_of_the_training_rows_span_zero_to_one(dataset: pd.DataFrame) -> None:
    data = learning_data(dataset, MD)
    fold = first_fold(data)
    tensors, _ = training_tensors(data, fold, target="gamma")
    scaled = tensors.scalars[fold.train]
    assert torch.equal(scaled.min(dim=0).values, torch.zeros(14))
    assert torch.equal(scaled.max(dim=0).values, torch.ones(14))


def test_the_same_seeds_give_the_same_weights_to_the_last_bit(dataset: pd.DataFrame) -> None:
    data = learning_data(dataset, "graph")
    fold = first_fold(data)
    one = train(data, fold, quick("graph"))
    torch.manual_seed(1)  # what happened before must not matter
    two = train(data, fold, quick("graph"))
    assert one.train_loss == two.train_loss
    assert all(torch.equal(w, two.model.weights[name]) for name, w in one.model.weights.items())


def test_folds_start_from_different_weights(dataset: pd.DataFrame) -> None:
    data = learning_data(dataset, "graph")
    fold = first_fold(data)
    one = train(data, fold, quick("graph"))
    two = train(data, replace(fold, number=1), quick("graph"))
    assert one.train_loss[0] != two.train_loss[0]


def test_weights_are_those_of_the_best_validation_epoch(dataset: pd.DataFrame) -> None:
    data = learning_data(dataset, "graph+conditions")
    fold = first_fold(data)
    training = train(data, fold, quick(data.level, max_epochs=60, learning_rate=0.02))
    found = scores(data.labels[fold.validation], training.gamma[fold.validation])
    assert training.best_validation_loss == min(training.validation_loss)
    assert found["mse"] == pytest.approx(training.best_validation_loss, rel=1e-5)


def test_training_stops_when_validation_has_not_improved_for_patience_epochs(
    dataset: pd.DataFrame,
) -> None:
    data = learning_data(dataset, "graph")
    training = train(data, first_fold(data), quick("graph", max_epochs=500, patience=5))
    assert len(training.validation_loss) < 500
    assert len(training.validation_loss) - training.best_epoch == 5


def test_ln_gamma_is_learnt_but_gamma_is_given_back(dataset: pd.DataFrame) -> None:
    data = learning_data(dataset, "graph+conditions")
    fold = first_fold(data)
    training = train(data, fold, quick(data.level, target="ln_gamma", max_epochs=30))
    assert (training.gamma > 0.0).all()
    outputs = np.log(training.gamma[fold.validation])
    mse = np.mean((outputs - np.log(data.labels[fold.validation])) ** 2)
    assert mse == pytest.approx(training.best_validation_loss, rel=1e-4)


def test_label_without_a_logarithm_is_refused(dataset: pd.DataFrame) -> None:
    dataset.loc[3, "label"] = 0.0
    data = learning_data(dataset, "graph")
    with pytest.raises(InputError, match=r"target ln_gamma: the label of row 3 is 0, .* --target"):
        train(data, first_fold(data), quick("graph", target="ln_gamma"))


def test_diverged_training_says_so(dataset: pd.DataFrame) -> None:
    data = learning_data(dataset, "graph")
    with pytest.raises(InputError, match=r"loss is no number .* rate 1e\+30; use a smaller one"):
        train(data, first_fold(data), quick("graph", learning_rate=1e30))


def test_another_spelling_of_the_polymers_changes_nothing(dataset: pd.DataFrame) -> None:
    from rdkit import Chem

    def respelt(smiles: str) -> str:
        molecule = Chem.MolFromSmiles(smiles)
        order = np.random.default_rng(1).permutation(molecule.GetNumAtoms()).tolist()
        return str(Chem.MolToSmiles(Chem.RenumberAtoms(molecule, order), canonical=False))

    other = dataset.assign(polymer_smiles=dataset["polymer_smiles"].map(respelt))
    assert not set(other["polymer_smiles"]) & set(dataset["polymer_smiles"])
    one, two = (learning_data(table, "graph+conditions") for table in (dataset, other))
    fold = first_fold(one)
    assert np.array_equal(
        train(one, fold, quick(one.level)).gamma, train(two, fold, quick(two.level)).gamma
    )
    assert graph_of(other["polymer_smiles"][0]).smiles == dataset["polymer_smiles"][0]


def test_the_name_of_a_training_holds_all_that_decides_it() -> None:
    names = {
        training_id(quick("graph"), SEEDS, fold=0, folds=5),
        training_id(quick("graph"), SEEDS, fold=1, folds=5),
        training_id(quick("graph"), SEEDS, fold=0, folds=6),
        training_id(quick("graph"), replace(SEEDS, batch=1), fold=0, folds=5),
        training_id(quick("graph", patience=7), SEEDS, fold=0, folds=5),
    }
    assert len(names) == 5


@pytest.mark.slow
def test_the_study_s_configuration_reaches_the_study_s_score(tmp_path: Path) -> None:
    from iemhpc.dataset.assemble import build_dataset, read_dataset
    from iemhpc.dataset.importing import import_table
    from iemhpc.model.blocks import train_block
    from iemhpc.model.request import TuneRequest
    from iemhpc.model.results import ensemble_mean
    from iemhpc.workspace import Workspace

    table = os.environ.get("IEMHPC_TABLE_S1")
    if not table:
        pytest.skip("IEMHPC_TABLE_S1 does not name the study's Table S1")
    workspace = Workspace(tmp_path)
    import_table(workspace, Path(table))
    build_dataset(workspace)
    request = TuneRequest.of(
        "paper", seeds=(42,), batch_size=(10,), hidden=(128,), learning_rate=(0.0005,)
    )
    (block,) = request.blocks((MD,))
    trained = train_block(read_dataset(workspace), block)
    test = trained.folds[0].test
    found = scores(trained.data.labels[test], ensemble_mean(trained)[test])
    print(found)
    assert len(trained.trainings) == 11
    assert found["r2"] is not None
    assert found["r2"] >= 0.94
