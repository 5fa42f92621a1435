"""Which rows are held out for the test, and which for validation in each fold.

Points are split, not rows: rows of one group (replicas of a point) stay on one side. A fifth of
the points is the test set, the rest goes through k folds. With the 80 rows of the study in their
order and its seeds this gives the study's own split.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.model_selection import KFold, train_test_split

from iemhpc.errors import InputError

Rows = NDArray[np.int64]
"""Row numbers of a dataset, from 0, in rising order."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Splits:
    """The rows of the test set, and of training and validation in each fold."""

    test: Rows
    """Held out from every fold."""
    folds: tuple[tuple[Rows, Rows], ...]
    """Training and validation rows of each fold; validation sets are disjoint and complete."""

    @property
    def training(self) -> Rows:
        """All rows outside the test set."""
        train, validation = self.folds[0]
        return np.sort(np.concatenate([train, validation]))


def split_rows(
    n_rows: int,
    split_seed: int = 42,
    *,
    test_fraction: float = 0.2,
    folds: int = 11,
    groups: Sequence[object] | None = None,
) -> Splits:
    """Hold out a test set and divide the rest into folds.

    Parameters
    ----------
    n_rows : int
        Rows of the dataset.
    split_seed : int
        Decides both the test set and the folds, as in the study.
    test_fraction : float
        Share of the points that is held out.
    folds : int
        Number of validation sets.
    groups : sequence, optional
        One name a row; rows of one name are never divided. By default every row is its own group.

    Raises
    ------
    InputError
        Where there are fewer points to train on than folds, or the groups do not fit the rows.

    Examples
    --------
    >>> splits = split_rows(90)
    >>> len(splits.test), len(splits.folds), len(splits.training)
    (18, 11, 72)
    """
    members = _members(n_rows, groups)
    n_points = len(members)
    n_test = int(np.ceil(test_fraction * n_points))
    if folds < 2 or not 0.0 < test_fraction < 1.0:
        raise InputError(
            f"got {folds} folds and a test fraction of {test_fraction}; wanted at least 2 folds "
            "and a fraction between 0 and 1"
        )
    if n_points - n_test < folds:
        raise InputError(
            f"{n_points} points of {n_rows} rows leave {n_points - n_test} to train on after "
            f"{n_test} test points, fewer than the {folds} folds; add labels or ask for fewer "
            f"folds{_most_folds(n_points - n_test)}"
        )
    training, test = train_test_split(
        np.arange(n_points), test_size=test_fraction, random_state=split_seed
    )
    divided = KFold(folds, shuffle=True, random_state=split_seed).split(training)
    return Splits(
        test=_rows(members, test),
        folds=tuple(
            (_rows(members, training[fitted]), _rows(members, training[validation]))
            for fitted, validation in divided
        ),
    )


def _most_folds(n_training: int) -> str:
    return f" (--folds {n_training} at most)" if n_training > 1 else ""


def _members(n_rows: int, groups: Sequence[object] | None) -> list[list[int]]:
    if groups is None:
        return [[row] for row in range(n_rows)]
    if len(groups) != n_rows:
        raise InputError(f"{len(groups)} group names for {n_rows} rows; give one name a row")
    by_name: dict[object, list[int]] = {}
    for row, name in enumerate(groups):
        by_name.setdefault(name, []).append(row)
    return list(by_name.values())


def _rows(members: list[list[int]], points: NDArray[np.int64]) -> Rows:
    return np.sort(np.array([row for point in points for row in members[point]], dtype=np.int64))
