"""A block's trainings, done and kept in one file, so that a tuning killed half-way goes on."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor

from iemhpc.model.bundle import FoldModel
from iemhpc.model.learning import Fold, LearningData, folds_of, learning_data
from iemhpc.model.request import Block
from iemhpc.model.scaling import MinMax
from iemhpc.model.training import Training, train_fold
from iemhpc.workspace import publishing


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainedBlock:
    """A block, the rows it was trained on, and one training a fold."""

    block: Block
    """What was asked."""
    data: LearningData
    """The rows of its level."""
    folds: tuple[Fold, ...]
    """How they were divided."""
    trainings: tuple[Training, ...]
    """One a fold, in the same order."""

    @property
    def validation_loss(self) -> float:
        """Mean over the folds of the best validation loss."""
        return float(np.mean([one.best_validation_loss for one in self.trainings]))


def block_path(folder: Path, block: Block) -> Path:
    """Return the file of a block in a tuning's folder."""
    return folder / "blocks" / f"{block.block_id}.safetensors"


def train_block(dataset: pd.DataFrame, block: Block, *, device: str = "cpu") -> TrainedBlock:
    """Train all folds of a block, one after the other."""
    data, folds = _divide(dataset, block)
    trainings = tuple(
        train_fold(data, fold, configuration=block.configuration, seeds=block.seeds, device=device)
        for fold in folds
    )
    return TrainedBlock(block=block, data=data, folds=folds, trainings=trainings)


def write_block(path: Path, trained: TrainedBlock) -> None:
    """Write what the trainings of a block gave, whole or not at all."""
    tensors: dict[str, Tensor] = {}
    for one in trained.trainings:
        values: Mapping[str, Sequence[float] | np.ndarray] = {
            "minimum": one.model.scaler.minimum,
            "maximum": one.model.scaler.maximum,
            "train_loss": one.train_loss,
            "validation_loss": one.validation_loss,
            "gamma": one.gamma,
            "seconds": (one.seconds,),
        }
        for name, value in values.items():
            tensors[f"{one.model.fold}.{name}"] = torch.tensor(np.asarray(value, dtype=np.float64))
        for name, weight in one.model.weights.items():
            tensors[f"{one.model.fold}.weights.{name}"] = weight.contiguous()
    with publishing(path) as temporary:
        save_file(tensors, temporary)


def read_block(
    path: Path, dataset: pd.DataFrame, block: Block, *, with_weights: bool = True
) -> TrainedBlock:
    """Read what :func:`write_block` wrote for a block on the same dataset.

    Parameters
    ----------
    with_weights : bool
        Whether the weights, nearly all of the file, are wanted; without, they are left empty.
    """
    data, folds = _divide(dataset, block)
    with safe_open(path, framework="pt") as file:
        tensors = {
            name: file.get_tensor(name)
            for name in file.keys()  # noqa: SIM118  # not a mapping
            if with_weights or ".weights." not in name
        }
    trainings = tuple(_training(tensors, fold.number) for fold in folds)
    return TrainedBlock(block=block, data=data, folds=folds, trainings=trainings)


def _divide(dataset: pd.DataFrame, block: Block) -> tuple[LearningData, tuple[Fold, ...]]:
    data = learning_data(dataset, block.configuration.level, block.configuration.inputs)
    folds = folds_of(
        data,
        split_seed=block.seeds.split,
        test_fraction=block.test_fraction,
        folds=block.folds,
    )
    return data, folds


def _training(tensors: Mapping[str, Tensor], fold: int) -> Training:
    def values(name: str) -> tuple[float, ...]:
        return tuple(tensors[f"{fold}.{name}"].tolist())

    start = f"{fold}.weights."
    validation_loss = values("validation_loss")
    return Training(
        model=FoldModel(
            fold=fold,
            scaler=MinMax(minimum=values("minimum"), maximum=values("maximum")),
            weights={
                name.removeprefix(start): tensor
                for name, tensor in tensors.items()
                if name.startswith(start)
            },
        ),
        train_loss=values("train_loss"),
        validation_loss=validation_loss,
        best_epoch=int(np.argmin(validation_loss)) + 1,
        gamma=tensors[f"{fold}.gamma"].numpy(),
        seconds=values("seconds")[0],
    )
