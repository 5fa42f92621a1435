"""What a tuning found, read off its tables: per level the chosen configuration and its scores.

The hyper-parameters of a level are those of the lowest mean validation loss over folds and seeds;
the test rows choose nothing, and of the seeds the first asked for is shown, as in the bundles. The
ensemble is the mean over the models of the folds, the spread their standard deviation.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from iemhpc.model.evaluation import Scores, scores, system_mean_baseline
from iemhpc.tables.dataset import LEVELS


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfigurationResult:
    """One configuration with all its folds."""

    configuration_id: str
    level: str
    hidden: int
    batch_size: int
    learning_rate: float
    seed: int
    """Of the weights."""
    n_folds: int
    validation_loss: float
    """Mean over the folds of the best validation loss."""
    folds: tuple[Scores, ...]
    """Scores of each fold's model on the test rows."""
    ensemble: Scores
    """Scores of the mean prediction on the test rows."""

    def over_folds(self, metric: str) -> tuple[float, float] | None:
        """Return mean and standard deviation over the folds; None where a fold has no value."""
        values = [fold[metric] for fold in self.folds]
        known = np.array([value for value in values if value is not None], dtype=float)
        if len(known) < len(values) or not values:
            return None
        return float(known.mean()), float(known.std())

    @property
    def best_fold(self) -> Scores:
        """The fold that happens to do best on the test rows: for comparison with prints only."""
        return min(self.folds, key=lambda fold: fold["mse"] if fold["mse"] is not None else np.inf)


@dataclass(frozen=True, slots=True, kw_only=True)
class LevelResult:
    """The chosen configuration of a level, point by point."""

    level: str
    chosen: ConfigurationResult
    grid: tuple[ConfigurationResult, ...]
    """All configurations of the level, by validation loss over their seeds."""
    points: pd.DataFrame
    """Columns row, split, label, prediction, spread: test rows by the ensemble, others by the
    model that validated on them."""
    trainings: pd.DataFrame
    """The chosen configuration's rows of trainings.parquet."""
    baseline: Scores | None
    """Scores of the system mean on the same test rows; None where the dataset has changed."""
    baseline_points: pd.DataFrame | None
    """Columns label, prediction of that baseline."""
    systems_seen: tuple[int, int] | None
    """Systems of the test rows that are also in the training rows, and all of the test rows."""


def read_results(
    trainings: pd.DataFrame,
    predictions: pd.DataFrame,
    dataset: pd.DataFrame | None,
    *,
    first_seed: int | None = None,
) -> tuple[LevelResult, ...]:
    """Return the result of each level.

    Parameters
    ----------
    trainings, predictions : DataFrame
        Of one tuning.
    dataset : DataFrame, optional
        What it was trained on, for the baseline; ignored where its labels are other ones.
    first_seed : int, optional
        The seed of the weights that is shown; default: the lowest.
    """
    seed = int(trainings["init_seed"].min()) if first_seed is None else first_seed
    test = predictions[predictions["split"] == "test"]
    by_training = {str(name): frame for name, frame in test.groupby("training_id", sort=False)}
    known = dataset if dataset is not None and _is_of(predictions, dataset) else None
    results = []
    for level in (name for name in LEVELS if name in set(trainings["level"])):
        of_level = trainings[trainings["level"] == level]
        grid = [
            _configuration(frame, by_training) for _, frame in of_level.groupby("configuration_id")
        ]
        results.append(_level(level, _ordered(grid, seed), trainings, predictions, known))
    return tuple(results)


def _ordered(
    grid: Sequence[ConfigurationResult], first_seed: int
) -> tuple[ConfigurationResult, ...]:
    """Return configurations by their loss over all seeds, the first seed before the others."""
    losses: dict[tuple[int, int, float], list[float]] = {}
    for one in grid:
        losses.setdefault(_key(one), []).append(one.validation_loss)
    return tuple(
        sorted(
            grid,
            key=lambda one: (float(np.mean(losses[_key(one)])), _key(one), one.seed != first_seed),
        )
    )


def _key(one: ConfigurationResult) -> tuple[int, int, float]:
    return one.hidden, one.batch_size, one.learning_rate


def _configuration(trainings: pd.DataFrame, test: dict[str, pd.DataFrame]) -> ConfigurationResult:
    first = trainings.iloc[0]
    frames = [test[name] for name in trainings["training_id"] if name in test]
    together = pd.concat(frames) if frames else pd.DataFrame(columns=["row", "label", "prediction"])
    mean = together.groupby("row")[["label", "prediction"]].mean()
    return ConfigurationResult(
        configuration_id=str(first["configuration_id"]),
        level=str(first["level"]),
        hidden=int(first["hidden"]),
        batch_size=int(first["batch_size"]),
        learning_rate=float(first["learning_rate"]),
        seed=int(first["init_seed"]),
        n_folds=len(trainings),
        validation_loss=float(trainings["best_validation_loss"].mean()),
        folds=tuple(_scores(frame) for frame in frames),
        ensemble=_scores(mean),
    )


def _level(
    level: str,
    grid: tuple[ConfigurationResult, ...],
    trainings: pd.DataFrame,
    predictions: pd.DataFrame,
    dataset: pd.DataFrame | None,
) -> LevelResult:
    chosen = grid[0]
    own = trainings[trainings["configuration_id"] == chosen.configuration_id].sort_values("fold")
    of_it = predictions[predictions["training_id"].isin(own["training_id"])]
    points = _points(of_it)
    tested = points[points["split"] == "test"]
    guess = _system_means(of_it, tested, dataset) if dataset is not None else None
    return LevelResult(
        level=level,
        chosen=chosen,
        grid=grid,
        points=points,
        trainings=own,
        baseline=None if guess is None else _scores(guess),
        baseline_points=guess,
        systems_seen=None if dataset is None else _seen(of_it, tested, dataset),
    )


def _points(predictions: pd.DataFrame) -> pd.DataFrame:
    held_out = predictions[predictions["split"].isin(["test", "validation"])]
    grouped = held_out.groupby(["row", "split"], as_index=False)
    return grouped.agg(
        label=("label", "first"),
        prediction=("prediction", "mean"),
        spread=("prediction", lambda values: float(np.std(values))),
    )


def _training_rows(predictions: pd.DataFrame) -> list[int]:
    return sorted({int(row) for row in predictions.loc[predictions["split"] != "test", "row"]})


def _system_means(
    predictions: pd.DataFrame, tested: pd.DataFrame, dataset: pd.DataFrame
) -> pd.DataFrame:
    rows = _training_rows(predictions)
    guessed = system_mean_baseline(
        dataset["label"].to_numpy(dtype=np.float64)[rows],
        dataset["system"].iloc[rows].tolist(),
        asked=dataset["system"].iloc[tested["row"].tolist()].tolist(),
    )
    return pd.DataFrame({"label": tested["label"].to_numpy(), "prediction": guessed})


def _seen(
    predictions: pd.DataFrame, tested: pd.DataFrame, dataset: pd.DataFrame
) -> tuple[int, int]:
    trained = set(dataset["system"].iloc[_training_rows(predictions)])
    asked = set(dataset["system"].iloc[tested["row"].tolist()])
    return len(asked & trained), len(asked)


def _is_of(predictions: pd.DataFrame, dataset: pd.DataFrame) -> bool:
    """Say whether the predictions' labels are those of the dataset, row by row."""
    labels = dataset["label"].to_numpy(dtype=np.float64)
    rows = predictions["row"].to_numpy()
    return bool(rows.max(initial=-1) < len(labels)) and bool(
        np.allclose(labels[rows], predictions["label"].to_numpy(dtype=np.float64), rtol=1e-5)
    )


def _scores(frame: pd.DataFrame) -> Scores:
    return scores(
        frame["label"].to_numpy(dtype=np.float64), frame["prediction"].to_numpy(dtype=np.float64)
    )
