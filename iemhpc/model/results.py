"""From trained blocks to tables, the best configuration of each level, and its bundle.

The best configuration is the one of lowest mean validation loss over all folds and seeds; no test
row has a say. A seed is no hyper-parameter: to choose among seeds by their losses would choose
the test set with the easiest rows outside it, so the bundle is made of the first seed asked for.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from iemhpc.model.blocks import TrainedBlock
from iemhpc.model.bundle import Bundle
from iemhpc.model.evaluation import mean_baseline, scores, system_mean_baseline
from iemhpc.model.gcn import scalars_of
from iemhpc.model.learning import Fold
from iemhpc.model.scaling import Floats
from iemhpc.model.training import Training, training_row
from iemhpc.tables.dataset import CONDITIONS
from iemhpc.tables.io import write_table
from iemhpc.tables.tuning import (
    CURVE_TABLE,
    METRICS,
    PREDICTION_TABLE,
    SPLITS,
    TRAINING_TABLE,
)

Row = dict[str, Any]

_POINT_COLUMNS = (
    "system",
    "polymer",
    "polymer_smiles",
    "salt",
    "salt_smiles",
    *CONDITIONS,
    "label",
    "label_kind",
    "label_source",
)


def write_tables(
    folder: Path, blocks: Sequence[TrainedBlock], provenance: Mapping[str, str]
) -> None:
    """Write every training of a tuning, what it predicted, and its curves."""
    trainings = [row for block in blocks for row in training_rows(block)]
    write_table(folder / "trainings.parquet", TRAINING_TABLE, trainings, provenance)
    predictions = pd.concat([predictions_of(block) for block in blocks])
    write_table(folder / "predictions.parquet", PREDICTION_TABLE, predictions, provenance)
    curves = pd.concat([curves_of(block) for block in blocks])
    write_table(folder / "curves.parquet", CURVE_TABLE, curves, provenance)


def training_rows(trained: TrainedBlock) -> list[Row]:
    """Return the rows of ``TRAINING_TABLE`` of one block."""
    return [
        {**_identity(trained, fold, training), **_scores_of(trained, fold, training)}
        for fold, training in _pairs(trained)
    ]


def predictions_of(trained: TrainedBlock) -> pd.DataFrame:
    """Return the rows of ``PREDICTION_TABLE`` of one block."""
    return pd.concat(
        pd.DataFrame(
            {
                "training_id": _identity(trained, fold, training)["training_id"],
                "row": trained.data.rows[getattr(fold, split)],
                "split": split,
                "label": trained.data.labels[getattr(fold, split)],
                "prediction": training.gamma[getattr(fold, split)],
            }
        )
        for fold, training in _pairs(trained)
        for split in SPLITS
    )


def curves_of(trained: TrainedBlock) -> pd.DataFrame:
    """Return the rows of ``CURVE_TABLE`` of one block."""
    return pd.concat(
        pd.DataFrame(
            {
                "training_id": _identity(trained, fold, training)["training_id"],
                "epoch": np.arange(1, len(training.train_loss) + 1),
                "train_loss": training.train_loss,
                "validation_loss": training.validation_loss,
            }
        )
        for fold, training in _pairs(trained)
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Best:
    """The best configuration of one level, trained with the first seed."""

    trained: TrainedBlock
    """Its block."""
    validation_loss: float
    """Mean over all folds and seeds of its hyper-parameters."""


def best_by_level(blocks: Sequence[TrainedBlock], *, first_seed: int) -> dict[str, Best]:
    """Return the best configuration of each level.

    Parameters
    ----------
    blocks : sequence of TrainedBlock
        All blocks of a tuning.
    first_seed : int
        Seed of the weights of the block that becomes the bundle.
    """
    losses: dict[tuple[str, ...], list[float]] = {}
    for one in blocks:
        losses.setdefault(_hyper_parameters(one), []).append(one.validation_loss)
    mean = {key: float(np.mean(values)) for key, values in losses.items()}
    best: dict[str, Best] = {}
    for one in blocks:
        level, loss = one.block.configuration.level, mean[_hyper_parameters(one)]
        if one.block.seeds.init != first_seed:
            continue
        if level not in best or loss < best[level].validation_loss:
            best[level] = Best(trained=one, validation_loss=loss)
    return best


def bundle_of(best: Best, dataset: pd.DataFrame, *, dataset_hash: str, tuning_id: str) -> Bundle:
    """Return the ensemble of a level's best configuration as a bundle, not yet written."""
    trained = best.trained
    configuration, seeds = trained.block.configuration, trained.block.seeds
    kept = asdict(configuration)
    return Bundle(
        level=kept.pop("level"),
        inputs=kept.pop("inputs"),
        hidden=kept.pop("hidden"),
        depth=kept.pop("depth"),
        target=kept.pop("target"),
        configuration={
            **kept,
            "split_seed": seeds.split,
            "init_seed": seeds.init,
            "batch_seed": seeds.batch,
            "folds": trained.block.folds,
            "test_fraction": trained.block.test_fraction,
        },
        folds=tuple(training.model for training in trained.trainings),
        points=_points(trained, dataset),
        metrics={
            "validation_loss": best.validation_loss,
            **evaluate(trained, dataset["system"].tolist()),
        },
        dataset_hash=dataset_hash,
        tuning_id=tuning_id,
    )


def evaluate(trained: TrainedBlock, systems: Sequence[str]) -> dict[str, Any]:
    """Return the scores on the test rows: ensemble, folds, best fold and baselines.

    Parameters
    ----------
    trained : TrainedBlock
        One block.
    systems : sequence of str
        The system of each row of the dataset.
    """
    test = trained.folds[0].test
    fitted = np.setdiff1d(np.arange(len(trained.data.rows)), test)
    labels = trained.data.labels
    named = [systems[row] for row in trained.data.rows]
    folds = [scores(labels[test], one.gamma[test]) for one in trained.trainings]
    fitted_systems = [named[i] for i in fitted]
    system_means = system_mean_baseline(
        labels[fitted], fitted_systems, asked=[named[i] for i in test]
    )
    errors = [np.mean((one.gamma[test] - labels[test]) ** 2) for one in trained.trainings]
    best = int(np.argmin(errors))
    return {
        "n_test": len(test),
        "n_test_of_known_systems": sum(named[i] in fitted_systems for i in test),
        "n_training": len(fitted),
        "test": scores(labels[test], ensemble_mean(trained)[test]),
        "folds_mean": _over_folds(folds, np.mean),
        "folds_sd": _over_folds(folds, np.std),
        "best_fold": {"fold": best, **folds[best]},
        "baselines": {
            "mean": scores(labels[test], mean_baseline(labels[fitted], n_rows=len(test))),
            "system_mean": scores(labels[test], system_means),
        },
    }


def ensemble_mean(trained: TrainedBlock) -> Floats:
    """Return the mean over the folds of gamma, shape (n_rows,)."""
    return np.asarray(np.mean([one.gamma for one in trained.trainings], axis=0))


def _over_folds(folds: Sequence[Mapping[str, float | None]], how: Any) -> dict[str, float | None]:
    found: dict[str, float | None] = {}
    for name in METRICS:
        values = [value for one in folds if (value := one[name]) is not None]
        found[name] = float(how(values)) if len(values) == len(folds) else None
    return found


def _points(trained: TrainedBlock, dataset: pd.DataFrame) -> tuple[Row, ...]:
    test = set(trained.folds[0].test.tolist())
    seen = scalars_of(trained.block.configuration.level, trained.block.configuration.inputs)
    names = list(dict.fromkeys([*_POINT_COLUMNS, *seen]))
    records = dataset.iloc[trained.data.rows][names].to_dict("records")
    return tuple(
        {
            **{str(name): value for name, value in record.items()},
            "row": int(row),
            "split": "test" if position in test else "train",
        }
        for position, (row, record) in enumerate(zip(trained.data.rows, records, strict=True))
    )


def _pairs(trained: TrainedBlock) -> list[tuple[Fold, Training]]:
    return list(zip(trained.folds, trained.trainings, strict=True))


def _identity(trained: TrainedBlock, fold: Fold, training: Training) -> Row:
    block = trained.block
    return training_row(
        training, fold, configuration=block.configuration, seeds=block.seeds, folds=block.folds
    )


def _scores_of(trained: TrainedBlock, fold: Fold, training: Training) -> Row:
    found: Row = {}
    for split in SPLITS:
        rows = getattr(fold, split)
        values = scores(trained.data.labels[rows], training.gamma[rows])
        found.update({f"{name}_{split}": value for name, value in values.items()})
    return found


def _hyper_parameters(trained: TrainedBlock) -> tuple[str, ...]:
    return tuple(str(value) for value in asdict(trained.block.configuration).values())
