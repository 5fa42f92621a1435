"""Rows of a dataset as what a network takes: distinct graphs, an index a row, scalars.

A dataset has few distinct polymers and salts and many rows, so each distinct graph is kept, and
embedded, once.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from iemhpc.errors import InputError
from iemhpc.model.gcn import GraphBatch, batch_of, scalars_of
from iemhpc.model.graph import graph_of
from iemhpc.model.scaling import Floats

TARGETS = ("gamma", "ln_gamma")
"""What a network is trained on: the label, or its natural logarithm."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Inputs:
    """What a network of one level sees of some rows; scalars as they are, not yet scaled."""

    polymers: GraphBatch
    """The distinct polymers."""
    salts: GraphBatch
    """The distinct salts."""
    polymer_smiles: tuple[str, ...]
    """Canonical SMILES of each graph in ``polymers``."""
    salt_smiles: tuple[str, ...]
    """Canonical SMILES of each graph in ``salts``."""
    polymer_index: Tensor
    """The polymer of each row, shape (n_rows,)."""
    salt_index: Tensor
    """The salt of each row, shape (n_rows,)."""
    scalars: Floats
    """Shape (n_rows, n_scalars), columns as :func:`iemhpc.model.gcn.scalars_of` says."""


def inputs_of(
    rows: pd.DataFrame, level: str, *, more: Sequence[str] = (), share_graphs: bool = True
) -> Inputs:
    """Return what a network of a level sees of the rows.

    Parameters
    ----------
    rows : DataFrame
        With ``polymer_smiles``, ``salt_smiles`` and the level's scalars, none of them null.
    level : str
        One of ``LEVELS``.
    more : sequence of str
        Further scalars of the level with descriptors.
    share_graphs : bool
        Whether rows of one polymer share one graph. Without, every row has its own copy, so that
        the gradient by node features is the row's own.

    Raises
    ------
    InputError
        Where a scalar is missing or not finite.
    """
    scalars = _scalars(rows, level, more)
    polymer_smiles, polymer_index = _distinct(rows["polymer_smiles"].tolist(), share=share_graphs)
    salt_smiles, salt_index = _distinct(rows["salt_smiles"].tolist(), share=share_graphs)
    return Inputs(
        polymers=batch_of([graph_of(smiles) for smiles in polymer_smiles]),
        salts=batch_of([graph_of(smiles) for smiles in salt_smiles]),
        polymer_smiles=polymer_smiles,
        salt_smiles=salt_smiles,
        polymer_index=polymer_index,
        salt_index=salt_index,
        scalars=scalars,
    )


def targets_of(labels: Floats, target: str) -> Floats:
    """Return what the network is trained on.

    Raises
    ------
    InputError
        Where the logarithm of a label that is not positive is asked for.
    """
    if target == "gamma":
        return labels
    if np.any(labels <= 0.0):
        row = int(np.argmax(labels <= 0.0))
        raise InputError(
            f"target ln_gamma: the label of row {row} is {labels[row]:g}, which has no logarithm; "
            "use --target gamma or mend the label"
        )
    return np.asarray(np.log(labels))


def gamma_of(outputs: Floats, target: str) -> Floats:
    """Return activity coefficients from a network's outputs: the inverse of the target."""
    return outputs if target == "gamma" else np.asarray(np.exp(outputs))


def _scalars(rows: pd.DataFrame, level: str, more: Sequence[str]) -> Floats:
    names = scalars_of(level, more)
    missing = [name for name in names if name not in rows.columns or rows[name].isna().any()]
    if missing:
        raise InputError(
            f"a model of level {level} needs {', '.join(missing)} in every row; give them or use "
            "a level without"
        )
    return rows[list(names)].to_numpy(dtype=np.float64, copy=True).reshape(len(rows), len(names))


def _distinct(spellings: Sequence[str], *, share: bool) -> tuple[tuple[str, ...], Tensor]:
    smiles = [graph_of(spelling).smiles for spelling in spellings]
    if not share:
        return tuple(smiles), torch.arange(len(smiles))
    # sorted, so that the order of rows decides nothing
    distinct = sorted(set(smiles))
    place = {one: index for index, one in enumerate(distinct)}
    return tuple(distinct), torch.tensor([place[one] for one in smiles])
