"""Min-max scaling: a column's training range becomes 0 to 1.

It is fitted on the training rows of one fold and then never again: a scaler that sees validation
or test rows tells the model about them.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class MinMax:
    """The ranges of the scalar columns over some rows."""

    minimum: tuple[float, ...]
    """Smallest value of each column."""
    maximum: tuple[float, ...]
    """Largest value of each column."""

    def scale(self, values: Floats) -> NDArray[np.float32]:
        """Return the columns in units of their fitted range, shape (n_rows, n_columns).

        Rows outside the fitted range leave 0 to 1. A column that was constant becomes the
        distance from that constant in its own unit: 0 wherever the model was fitted.
        """
        low = np.array(self.minimum)
        width = np.array(self.maximum) - low
        scaled = (values - low) / np.where(width > 0.0, width, 1.0)
        return np.asarray(scaled, dtype=np.float32)


def fit_min_max(values: Floats) -> MinMax:
    """Return the scaler of the given rows, shape (n_rows, n_columns).

    Examples
    --------
    >>> scaler = fit_min_max(np.array([[0.1, 6.0], [1.1, 26.0]]))
    >>> scaler.scale(np.array([[0.6, 31.0]])).tolist()
    [[0.5, 1.25]]
    """
    return MinMax(
        minimum=tuple(float(value) for value in values.min(axis=0)),
        maximum=tuple(float(value) for value in values.max(axis=0)),
    )
