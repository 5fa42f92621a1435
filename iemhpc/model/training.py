"""One training: a configuration, a fold and its seeds become the weights of one network.

Mean squared error, Adam, at most 1000 epochs; the loss on the validation rows stops the training
and picks the epoch whose weights are kept. Batches depend on their seed, the fold and the epoch
only, so a training gives the same weights wherever and beside whatever it runs.
"""

import time
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor

from iemhpc.errors import InputError
from iemhpc.model.bundle import FoldModel
from iemhpc.model.compression import CompressedGraphs, compress, embed_compressed
from iemhpc.model.gcn import ActivityNetwork, scalars_of
from iemhpc.model.graph import graph_of
from iemhpc.model.inputs import gamma_of, targets_of
from iemhpc.model.learning import Fold, LearningData
from iemhpc.model.scaling import Floats, MinMax, fit_min_max
from iemhpc.workspace import content_hash

_INIT, _BATCH = 0, 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Configuration:
    """One set of hyper-parameters."""

    level: str
    """What the model sees."""
    hidden: int = 128
    """Width of the layers."""
    batch_size: int = 10
    """Rows a step."""
    learning_rate: float = 0.0005
    """Of Adam."""
    target: str = "gamma"
    """gamma or ln_gamma."""
    depth: int = 2
    """Graph convolutions."""
    max_epochs: int = 1000
    """Epochs at most."""
    patience: int = 100
    """Epochs without a better validation loss after which a training stops."""
    inputs: tuple[str, ...] = ()
    """Columns that the level with descriptors sees after the twelve."""

    @property
    def said(self) -> dict[str, Any]:
        """All of it by name, for hashes and JSON; without further inputs as before there were."""
        said = asdict(self)
        if not self.inputs:
            del said["inputs"]
        return said


@dataclass(frozen=True, slots=True, kw_only=True)
class Seeds:
    """Every random choice of a training."""

    split: int
    """Test set and folds."""
    init: int
    """Weights before the first step."""
    batch: int
    """Order of the rows in each epoch."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Training:
    """What came out of one training."""

    model: FoldModel
    """Weights of the best validation epoch, and the scaler."""
    train_loss: tuple[float, ...] = field(repr=False)
    """Mean squared error over the batches of each epoch, in the target."""
    validation_loss: tuple[float, ...] = field(repr=False)
    """Mean squared error after each epoch, in the target."""
    best_epoch: int
    """The epoch whose weights are kept, from 1."""
    gamma: Floats = field(repr=False)
    """Activity coefficients of all rows of the data, shape (n_rows,)."""
    seconds: float
    """Wall time."""

    @property
    def best_validation_loss(self) -> float:
        """The loss at the epoch whose weights are kept."""
        return self.validation_loss[self.best_epoch - 1]


def configuration_id(configuration: Configuration, seeds: Seeds) -> str:
    """Return the name that the folds of one configuration and its seeds share."""
    return content_hash({**configuration.said, "seeds": asdict(seeds)})


def training_id(configuration: Configuration, seeds: Seeds, *, fold: int, folds: int) -> str:
    """Return the name of one training."""
    return content_hash([configuration_id(configuration, seeds), fold, folds])


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingTensors:
    """A level's rows on the device, ready for steps; scalars scaled for one fold."""

    graphs: CompressedGraphs
    """Polymers first, then salts."""
    polymer_index: Tensor
    """Row of the polymer in the embeddings, shape (n_rows,)."""
    salt_index: Tensor
    """Row of the salt in the embeddings, shape (n_rows,)."""
    scalars: Tensor
    """Shape (n_rows, n_scalars)."""
    targets: Tensor
    """Shape (n_rows,)."""

    def outputs(self, network: ActivityNetwork, rows: Tensor) -> Tensor:
        """Return the network's outputs for some rows."""
        embedded = embed_compressed(network, self.graphs)
        return network.head(
            embedded[self.polymer_index[rows]], embedded[self.salt_index[rows]], self.scalars[rows]
        )

    def loss(self, network: ActivityNetwork, rows: Tensor) -> Tensor:
        """Return the mean squared error over some rows."""
        return torch.mean((self.outputs(network, rows) - self.targets[rows]) ** 2)


def training_tensors(
    data: LearningData,
    fold: Fold,
    *,
    target: str,
    depth: int = 2,
    device: torch.device | str = "cpu",
) -> tuple[TrainingTensors, MinMax]:
    """Return the tensors of a training and the scaler, which has seen the training rows only."""
    inputs = data.inputs
    scaler = fit_min_max(inputs.scalars[fold.train])
    smiles = (*inputs.polymer_smiles, *inputs.salt_smiles)
    graphs = compress([graph_of(one) for one in smiles], depth=depth)
    targets = targets_of(data.labels, target)
    tensors = TrainingTensors(
        graphs=graphs.to(device),
        polymer_index=inputs.polymer_index.to(device),
        salt_index=(inputs.salt_index + len(inputs.polymer_smiles)).to(device),
        scalars=torch.from_numpy(scaler.scale(inputs.scalars)).to(device),
        targets=torch.from_numpy(targets.astype(np.float32)).to(device),
    )
    return tensors, scaler


def train_fold(
    data: LearningData,
    fold: Fold,
    *,
    configuration: Configuration,
    seeds: Seeds,
    device: torch.device | str = "cpu",
) -> Training:
    """Train one network on one fold.

    On a CPU the same arguments give the same weights to the last bit.

    Parameters
    ----------
    data : LearningData
        The rows of the configuration's level.
    fold : Fold
        Which of them to fit, to stop by, and to keep away from.
    configuration : Configuration
        Hyper-parameters.
    seeds : Seeds
        Those of the weights and the batches are used here.
    device : str
        Where torch computes.
    """
    started = time.perf_counter()
    tensors, scaler = training_tensors(
        data, fold, target=configuration.target, depth=configuration.depth, device=device
    )
    network = _new_network(configuration, seed=_seed(seeds.init, fold.number, _INIT)).to(device)
    train_loss, validation_loss, weights = _fit(
        network, tensors, fold, configuration=configuration, batch_seed=seeds.batch
    )
    if not validation_loss:
        raise InputError(
            f"training of level {data.level}, fold {fold.number}: the loss is no number after the "
            f"first epoch at learning rate {configuration.learning_rate:g}; use a smaller one "
            "(--learning-rate)"
        )
    network.load_state_dict(weights)
    with torch.no_grad():
        outputs = tensors.outputs(network, torch.arange(len(data.labels), device=device))
    return Training(
        model=FoldModel(
            fold=fold.number,
            scaler=scaler,
            weights={name: tensor.cpu() for name, tensor in weights.items()},
        ),
        train_loss=tuple(train_loss),
        validation_loss=tuple(validation_loss),
        best_epoch=int(np.argmin(validation_loss)) + 1,
        gamma=gamma_of(outputs.double().cpu().numpy(), configuration.target),
        seconds=time.perf_counter() - started,
    )


def _fit(
    network: ActivityNetwork,
    tensors: TrainingTensors,
    fold: Fold,
    *,
    configuration: Configuration,
    batch_seed: int,
) -> tuple[list[float], list[float], dict[str, Tensor]]:
    device = tensors.targets.device
    optimiser = torch.optim.Adam(network.parameters(), lr=configuration.learning_rate, fused=True)
    held = torch.from_numpy(fold.validation).to(device)
    train_loss: list[float] = []
    validation_loss: list[float] = []
    best, best_epoch, weights = np.inf, 0, _copy(network)
    for epoch in range(1, configuration.max_epochs + 1):
        order = np.random.default_rng([batch_seed, fold.number, epoch]).permutation(fold.train)
        rows = torch.from_numpy(order).to(device)
        fitted = _epoch(network, tensors, optimiser, torch.split(rows, configuration.batch_size))
        with torch.no_grad():
            loss = float(tensors.loss(network, held))
        if not np.isfinite([fitted, loss]).all():
            break
        train_loss.append(fitted)
        validation_loss.append(loss)
        if loss < best:
            best, best_epoch, weights = loss, epoch, _copy(network)
        if epoch - best_epoch >= configuration.patience:
            break
    return train_loss, validation_loss, weights


def _epoch(
    network: ActivityNetwork,
    tensors: TrainingTensors,
    optimiser: torch.optim.Optimizer,
    batches: tuple[Tensor, ...],
) -> float:
    """Take one step a batch and return the mean squared error over all rows seen."""
    total = torch.zeros((), device=tensors.targets.device)
    for batch in batches:
        optimiser.zero_grad()
        loss = tensors.loss(network, batch)
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
        total += loss.detach() * len(batch)
    return float(total) / sum(len(batch) for batch in batches)


def _new_network(configuration: Configuration, *, seed: int) -> ActivityNetwork:
    # made on the CPU under a seed of its own, so that every device starts from the same weights
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return ActivityNetwork(
            hidden=configuration.hidden,
            n_scalars=len(scalars_of(configuration.level, configuration.inputs)),
            depth=configuration.depth,
        )


def _seed(seed: int, fold: int, purpose: int) -> int:
    return int(np.random.SeedSequence([seed, fold, purpose]).generate_state(1)[0])


def _copy(network: ActivityNetwork) -> dict[str, Tensor]:
    return {name: tensor.detach().clone() for name, tensor in network.state_dict().items()}


def training_row(
    training: Training,
    fold: Fold,
    *,
    configuration: Configuration,
    seeds: Seeds,
    folds: int,
) -> dict[str, Any]:
    """Return the columns of ``TRAINING_TABLE`` that are no scores."""
    return {
        "training_id": training_id(configuration, seeds, fold=fold.number, folds=folds),
        "configuration_id": configuration_id(configuration, seeds),
        "level": configuration.level,
        "hidden": configuration.hidden,
        "batch_size": configuration.batch_size,
        "learning_rate": configuration.learning_rate,
        "target": configuration.target,
        "split_seed": seeds.split,
        "init_seed": seeds.init,
        "batch_seed": seeds.batch,
        "fold": fold.number,
        "n_train": len(fold.train),
        "n_validation": len(fold.validation),
        "n_test": len(fold.test),
        "epochs": len(training.validation_loss),
        "best_epoch": training.best_epoch,
        "best_validation_loss": training.best_validation_loss,
        "seconds": training.seconds,
    }
