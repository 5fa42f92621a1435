r"""How much each atom raises or lowers a prediction: gradient times input, equation 3 of the study.

.. math:: s_a = \sum_{c} x_{ac} \, \frac{\partial S}{\partial x_{ac}}

with x the features of atom a and S the output of the network. The sum runs over the 43 columns of
the atom type (``type``) or over all 69 (``all``); the two rank atoms quite differently, so a
figure says which it shows. The map belongs to a point: it is averaged over the points of a
system, and its spread over them and the agreement of sign over the ensemble are kept beside it.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import Tensor

from iemhpc.errors import unknown_name
from iemhpc.model.bundle import Bundle
from iemhpc.model.graph import N_FEATURES, N_TYPES

Floats = NDArray[np.float64]

METHOD = "gradient_times_input"

COLUMN_CHOICES = {"type": N_TYPES, "all": N_FEATURES}
"""How many of the first feature columns are summed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MoleculeMap:
    """What the atoms of one molecule do in one system, over all points and models."""

    system: str
    """polymer/salt."""
    polymer: str
    """Name of the polymer."""
    salt: str
    """Name of the salt."""
    molecule: str
    """``polymer`` or ``salt``: which of the two this is."""
    smiles: str
    """Canonical SMILES whose atoms are counted."""
    saliency: Floats
    """Mean over points and models, shape (n_atoms,)."""
    scaled: Floats
    """The same over its largest magnitude, shape (n_atoms,)."""
    spread_conditions: Floats
    """Standard deviation over the points, of the mean over models, shape (n_atoms,)."""
    sign_agreement: Floats
    """Share of models whose sign is that of the mean, shape (n_atoms,)."""
    n_models: int
    """Models of the ensemble."""
    n_points: int
    """Points averaged."""


def gradient_times_input(
    score: Callable[[Tensor], Tensor], features: Tensor, *, n_columns: int = N_FEATURES
) -> Tensor:
    """Return how much each row of the features contributes to the sum of the scores.

    Parameters
    ----------
    score : callable
        From node features, shape (n_atoms, n_features), to scores of any shape.
    features : Tensor, shape (n_atoms, n_features)
        Where the gradient is taken.
    n_columns : int
        How many of the first columns are summed.

    Returns
    -------
    Tensor, shape (n_atoms,)

    Examples
    --------
    The contributions to a linear score add up to it.

    >>> weights = torch.tensor([1.0, -2.0, 0.5])
    >>> x = torch.tensor([[1.0, 0.0, 2.0], [0.0, 1.0, 0.0]])
    >>> gradient_times_input(lambda x: x @ weights, x, n_columns=3)
    tensor([ 2., -2.])
    """
    leaf = features.detach().clone().requires_grad_()
    (gradient,) = torch.autograd.grad(score(leaf).sum(), leaf)
    return (leaf * gradient)[:, :n_columns].sum(dim=1).detach()


def attribute(bundle: Bundle, *, columns: str = "type") -> tuple[MoleculeMap, ...]:
    """Return the maps of the polymer and the salt of every system of the bundle's dataset.

    All points pass each model in one batch, each with its own copy of its graphs, so that a
    gradient belongs to one point.

    Raises
    ------
    UnknownNameError
        Where ``columns`` is neither ``type`` nor ``all``.
    """
    if columns not in COLUMN_CHOICES:
        raise unknown_name("choice of columns", columns, COLUMN_CHOICES)
    points = bundle.frame()
    polymers, salts, smiles = _per_point(bundle, points, COLUMN_CHOICES[columns])
    maps: list[MoleculeMap] = []
    for system in dict.fromkeys(points["system"]):
        rows = np.flatnonzero(points["system"].to_numpy() == system)
        for name, values, spelled in (("polymer", polymers, smiles[0]), ("salt", salts, smiles[1])):
            # a system whose points are spelled differently has more than one graph
            for one in dict.fromkeys(spelled[row] for row in rows):
                of_it = [row for row in rows if spelled[row] == one]
                maps.append(_summary(points.iloc[of_it[0]], name, one, [values[r] for r in of_it]))
    return tuple(maps)


def scale(saliency: Floats) -> Floats:
    """Divide by the largest magnitude, which keeps signs; a map of zeros stays.

    Examples
    --------
    >>> scale(np.array([0.2, -0.4])).tolist()
    [0.5, -1.0]
    """
    largest = float(np.abs(saliency).max(initial=0.0))
    return saliency / largest if largest > 0.0 else np.zeros_like(saliency)


def _per_point(
    bundle: Bundle, points: pd.DataFrame, n_columns: int
) -> tuple[list[Floats], list[Floats], tuple[tuple[str, ...], tuple[str, ...]]]:
    """Return maps of each point, shape (n_models, n_atoms), and the SMILES they belong to."""
    models = bundle.forward_inputs(points, share_graphs=False)
    polymers = torch.stack(
        [gradient_times_input(m.output, m.polymers.x, n_columns=n_columns) for m in models]
    )
    salts = torch.stack(
        [
            gradient_times_input(partial(m.output, None), m.salts.x, n_columns=n_columns)
            for m in models
        ]
    )
    first = models[0]
    return (
        _split(polymers, first.polymers.graph_index),
        _split(salts, first.salts.graph_index),
        (first.polymer_smiles, first.salt_smiles),
    )


def _split(values: Tensor, graph_index: Tensor) -> list[Floats]:
    sizes = torch.bincount(graph_index).tolist()
    return [part.double().numpy() for part in torch.split(values, sizes, dim=1)]


def _summary(point: pd.Series, molecule: str, smiles: str, values: Sequence[Floats]) -> MoleculeMap:
    """Average maps of shape (n_models, n_atoms), one a point."""
    stacked = np.stack(values)
    saliency = stacked.mean(axis=(0, 1))
    per_model = stacked.mean(axis=0)
    return MoleculeMap(
        system=str(point["system"]),
        polymer=str(point["polymer"]),
        salt=str(point["salt"]),
        molecule=molecule,
        smiles=smiles,
        saliency=saliency,
        scaled=scale(saliency),
        spread_conditions=stacked.mean(axis=1).std(axis=0),
        sign_agreement=(np.sign(per_model) == np.sign(saliency)).mean(axis=0),
        n_models=stacked.shape[1],
        n_points=stacked.shape[0],
    )
