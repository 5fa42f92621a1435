"""How good predictions are, and what one must do better than: scores and baselines.

All scores are of gamma, also where ln gamma was trained. The baselines know the same training
labels as the network: their mean, and the mean of the system that a point belongs to. On points
of systems that sit in the training set, the system mean is hard to beat, because a test of this
kind asks for interpolation in concentration only.
"""

from collections.abc import Mapping, Sequence

import numpy as np

from iemhpc.model.scaling import Floats
from iemhpc.tables.tuning import METRICS

Scores = Mapping[str, float | None]
"""One number a name of ``METRICS``; None where it is not defined."""


def scores(labels: Floats, predictions: Floats) -> dict[str, float | None]:
    """Return mse, rmse, mae, r2 and mape (percent).

    R2 is None for a single row or labels that are all equal; MAPE where a label is zero.

    Examples
    --------
    >>> found = scores(np.array([0.2, 0.4]), np.array([0.2, 0.5]))
    >>> {name: round(value, 3) for name, value in found.items()}
    {'mse': 0.005, 'rmse': 0.071, 'mae': 0.05, 'r2': 0.5, 'mape': 12.5}
    """
    if len(labels) == 0:
        return dict.fromkeys(METRICS)
    errors = predictions - labels
    mse = float(np.mean(errors**2))
    variance = float(np.mean((labels - labels.mean()) ** 2))
    has_zero = bool(np.any(labels == 0.0))
    return {
        "mse": mse,
        "rmse": float(np.sqrt(mse)),
        "mae": float(np.mean(np.abs(errors))),
        "r2": 1.0 - mse / variance if variance > 0.0 else None,
        "mape": None if has_zero else float(100.0 * np.mean(np.abs(errors / labels))),
    }


def mean_baseline(labels: Floats, *, n_rows: int) -> Floats:
    """Return the mean of the training labels for every row."""
    return np.full(n_rows, float(labels.mean()))


def system_mean_baseline(labels: Floats, systems: Sequence[str], *, asked: Sequence[str]) -> Floats:
    """Return the mean label of each row's system; of a system never seen, the mean of all.

    Parameters
    ----------
    labels : ndarray, shape (n_training,)
        Labels of the training rows.
    systems : sequence of str
        Their systems.
    asked : sequence of str
        The systems of the rows to predict.

    Examples
    --------
    >>> system_mean_baseline(np.array([0.2, 0.4, 0.9]), ["a", "a", "b"], asked=["a", "c"])
    array([0.3, 0.5])
    """
    named = np.array(systems)
    means = {name: float(labels[named == name].mean()) for name in set(systems)}
    overall = float(labels.mean())
    return np.array([means.get(name, overall) for name in asked])
