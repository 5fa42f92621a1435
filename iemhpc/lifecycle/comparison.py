"""Is the new model better than the current one, on points that neither was trained on?

The absolute errors of both are compared point by point; a paired bootstrap says how often the
mean difference would favour the new one had other points been held out. A handful of points moves
any score by chance, so a better mean alone is not enough.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from iemhpc.errors import InputError

Floats = NDArray[np.float64]
Point = Mapping[str, Any]
"""A row of a bundle's dataset, with its label and its split."""

N_RESAMPLES = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """Two models on the same held-out points."""

    n_rows: int
    """Points compared."""
    champion_mae: float
    """Mean absolute error of the current model."""
    challenger_mae: float
    """Mean absolute error of the new model."""
    share_better: float
    """Share of paired bootstrap samples in which the new model's mean error is smaller."""

    def line(self) -> str:
        """Return what a person reads."""
        return (
            f"mean absolute error {self.challenger_mae:.4f} against {self.champion_mae:.4f} on "
            f"{self.n_rows} points that neither was trained on; better in "
            f"{100 * self.share_better:.0f} % of bootstrap samples"
        )


def held_out_by_both(challenger: Sequence[Point], champion: Sequence[Point]) -> list[Point]:
    """Return the challenger's test points that the champion was not trained on either.

    Points the champion never saw count as held out. Labels are those of the challenger, whose
    data is the newer.

    Examples
    --------
    >>> def point(molar, split):
    ...     return {"polymer_smiles": "C", "salt_smiles": "[Na+].[Cl-]", "water_per_site": 20.0,
    ...             "salt_molar": molar, "split": split}
    >>> old = [point(0.1, "test"), point(0.3, "train")]
    >>> new = [point(0.1, "test"), point(0.3, "test"), point(1.0, "test"), point(2.0, "train")]
    >>> [p["salt_molar"] for p in held_out_by_both(new, old)]
    [0.1, 1.0]
    """
    fitted = {_identity(point) for point in champion if point["split"] != "test"}
    return [p for p in challenger if p["split"] == "test" and _identity(p) not in fitted]


def _identity(point: Point) -> tuple[object, ...]:
    names = ("polymer_smiles", "salt_smiles", "salt_molar", "water_per_site")
    return tuple(point[name] for name in names)


def compare_errors(champion: Floats, challenger: Floats, *, seed: int = 42) -> Comparison:
    """Compare the absolute errors of two models on the same points.

    Parameters
    ----------
    champion, challenger : ndarray, shape (n_points,)
        Absolute errors, point by point.
    seed : int
        Seed of the bootstrap.

    Raises
    ------
    InputError
        Where the shapes differ, or there is no point.

    Examples
    --------
    >>> old = np.array([0.2, 0.3, 0.25, 0.2, 0.4])
    >>> compare_errors(old, old / 2).share_better
    1.0
    """
    if champion.shape != challenger.shape or champion.ndim != 1 or champion.size == 0:
        raise InputError(
            f"errors of {champion.shape} and {challenger.shape} points; wanted those of both "
            "models on the same points, at least one"
        )
    gain = champion - challenger
    picked = np.random.default_rng(seed).integers(0, gain.size, (N_RESAMPLES, gain.size))
    return Comparison(
        n_rows=gain.size,
        champion_mae=float(champion.mean()),
        challenger_mae=float(challenger.mean()),
        share_better=float((gain[picked].mean(axis=1) > 0.0).mean()),
    )
