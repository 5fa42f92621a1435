"""A dataset as one level learns from it: the rows it can use, what it sees of them, the folds.

The test set and the folds are drawn over the whole dataset, so that all levels are tested on the
same points; a level that cannot use a row leaves it out of whichever part it fell into.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from iemhpc.dataset.splits import Rows, split_rows
from iemhpc.errors import InputError
from iemhpc.model.gcn import scalars_of
from iemhpc.model.inputs import Inputs, inputs_of
from iemhpc.model.scaling import Floats
from iemhpc.tables.dataset import CONDITIONS, DATASET_TABLE
from iemhpc.tables.descriptors import DESCRIPTORS, PAIRS


@dataclass(frozen=True, slots=True, kw_only=True)
class LearningData:
    """The rows that a level can use."""

    level: str
    """What the model sees."""
    inputs: Inputs
    """What it sees of each row."""
    labels: Floats
    """Activity coefficients, shape (n_rows,)."""
    rows: Rows
    """Row of the dataset of each row here, shape (n_rows,)."""
    n_dataset: int
    """Rows of the dataset."""
    left_out: str = ""
    """What is missing in rows that are not here; empty: nothing."""

    def line(self) -> str:
        """Say which rows are used: "71 of 80 rows; 9 without tethered_counterion: low_counts"."""
        said = f"{self.level}: {len(self.rows)} of {self.n_dataset} rows"
        return f"{said}; {self.left_out}" if self.left_out else said


@dataclass(frozen=True, slots=True, kw_only=True)
class Fold:
    """One division of a level's rows; positions in ``LearningData``, from 0."""

    number: int
    """From 0."""
    train: Rows
    """Rows that are fitted."""
    validation: Rows
    """Rows that stop the training and choose the configuration."""
    test: Rows
    """Rows that nothing is chosen by."""


def learning_data(dataset: pd.DataFrame, level: str, inputs: Sequence[str] = ()) -> LearningData:
    """Return the rows of a dataset that a level can use.

    Parameters
    ----------
    dataset : DataFrame
        All rows.
    level : str
        What the model sees.
    inputs : sequence of str
        Further columns that the level with descriptors sees; a row without one is left out.

    Raises
    ------
    InputError
        Where no row has all that the level needs, or a column asked for can be no input; the
        message says what is missing.
    """
    check_inputs(dataset, inputs)
    names = [name for name in scalars_of(level, inputs) if name not in CONDITIONS]
    table = dataset.reindex(columns=[*dataset.columns, *(n for n in names if n not in dataset)])
    usable = table[names].notna().all(axis=1).to_numpy(dtype=bool)
    left_out = _reasons(table[~usable], names)
    if not usable.any():
        raise InputError(f"{level}: 0 of {len(table)} rows; {left_out or 'the dataset is empty'}")
    rows = np.flatnonzero(usable)
    return LearningData(
        level=level,
        inputs=inputs_of(table.iloc[rows], level, more=inputs),
        labels=table["label"].to_numpy(dtype=np.float64)[rows],
        rows=rows,
        n_dataset=len(table),
        left_out=left_out,
    )


def check_inputs(dataset: pd.DataFrame, inputs: Sequence[str]) -> None:
    """Refuse further inputs that are no numbers of the dataset, or are there already.

    Raises
    ------
    InputError
        The message says how a number gets into the dataset.
    """
    for name in inputs:
        if name in DATASET_TABLE.names:
            raise InputError(
                f"{name} can be no further input: it is a label, a name, or seen anyway; give "
                "columns that were added to the dataset"
            )
        if name not in dataset.columns:
            added = [str(one) for one in dataset.columns if one not in DATASET_TABLE.names]
            raise InputError(
                f"the dataset has no column {name!r}; added were {', '.join(added) or 'none'}; "
                f"take a number of dynamics.parquet in with: iemhpc dataset build --with {name}"
            )


def folds_of(
    data: LearningData, *, split_seed: int, test_fraction: float, folds: int
) -> tuple[Fold, ...]:
    """Return the folds of a level's rows.

    Raises
    ------
    InputError
        Where there are fewer rows than folds, or a fold or the test set would be left empty.
    """
    splits = split_rows(
        data.n_dataset, split_seed=split_seed, test_fraction=test_fraction, folds=folds
    )
    here = np.full(data.n_dataset, -1, dtype=np.int64)
    here[data.rows] = np.arange(len(data.rows))

    def kept(rows: Rows) -> Rows:
        return here[rows][here[rows] >= 0]

    divided = tuple(
        Fold(number=number, train=kept(train), validation=kept(held), test=kept(splits.test))
        for number, (train, held) in enumerate(splits.folds)
    )
    for fold in divided:
        for part in ("train", "validation", "test"):
            if len(getattr(fold, part)) == 0:
                raise InputError(
                    f"{data.line()}; with seed {split_seed} that leaves fold {fold.number} of "
                    f"{folds} without a {part} row; add rows or ask for fewer folds (--folds)"
                )
    return divided


def _reasons(rows: pd.DataFrame, names: list[str]) -> str:
    said = rows["null_reason"].tolist() if "null_reason" in rows else [None] * len(rows)
    empty = rows[names].isna().to_numpy(dtype=bool)
    counted = Counter(
        reason if isinstance(reason, str) and reason else _missing_pairs(names, null)
        for reason, null in zip(said, empty, strict=True)
    )
    return ", ".join(
        f"{count} without {_named(what, names)}" for what, count in counted.most_common()
    )


def _named(reason: str, names: list[str]) -> str:
    """Let a reason that names no pair and no number follow the word "without"."""
    is_named = reason.startswith((*PAIRS, "descriptors", *names))
    return reason if is_named else f"descriptors: {reason}"


def _missing_pairs(names: list[str], empty: NDArray[np.bool_]) -> str:
    missing = [name for name, is_empty in zip(names, empty, strict=True) if is_empty]
    if empty.all():
        return "descriptors"
    pair_of = {name: pair for name in DESCRIPTORS for pair in PAIRS if name.startswith(f"{pair}_")}
    return ", ".join(dict.fromkeys(pair_of.get(name, name) for name in missing))
