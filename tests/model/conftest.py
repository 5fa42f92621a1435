"""A made-up dataset of catalogued systems, with labels that all inputs decide."""

from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from iemhpc.model.blocks import TrainedBlock, train_block
from iemhpc.model.request import Block, TuneRequest
from iemhpc.polymer.catalog import systems
from iemhpc.polymer.oligomer import oligomer
from iemhpc.tables.dataset import DATASET_TABLE
from iemhpc.tables.descriptors import DESCRIPTORS
from iemhpc.tables.io import write_table
from iemhpc.workspace import Workspace

SALT_MOLAR = (0.01, 0.03, 0.1, 0.3, 1.0)


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)


def _dataset(n_systems: int, salt_molar: Iterable[float]) -> pd.DataFrame:
    random = np.random.default_rng(7)
    rows = []
    for place, system in enumerate(systems()[:n_systems]):
        for molar in salt_molar:
            described = {name: float(random.uniform(1, 9)) for name in DESCRIPTORS}
            rows.append(
                {
                    "system": system.name,
                    "polymer": system.membrane.name,
                    "polymer_smiles": oligomer(system.membrane.polymer).smiles,
                    "salt": system.salt.name,
                    "salt_smiles": system.salt.smiles,
                    "salt_molar": molar,
                    "water_per_site": system.membrane.water_per_site,
                    "label": 0.1 + 0.05 * place + 0.2 * molar,
                    "label_kind": "product",
                    "nu": system.salt.nu,
                    "label_source": "made up",
                    **described,
                    "descriptor_source": "imported",
                    "run_ids": None,
                    "realised_salt_molar": None,
                    "null_reason": None,
                }
            )
    return pd.DataFrame(rows)


@pytest.fixture
def dataset() -> pd.DataFrame:
    """Ten systems at five concentrations, all with descriptors."""
    return _dataset(10, SALT_MOLAR)


@pytest.fixture
def ten_points() -> pd.DataFrame:
    """Ten systems at one concentration."""
    return _dataset(10, (0.1,))


@pytest.fixture
def workspace(tmp_path: Path, dataset: pd.DataFrame) -> Workspace:
    """A workspace that holds the made-up dataset."""
    made = Workspace(tmp_path / "campaign")
    write_table(made.dataset, DATASET_TABLE, dataset)
    return made


@pytest.fixture
def tiny() -> TuneRequest:
    """Two levels, one configuration each, three folds, four epochs."""
    return TuneRequest(
        levels=("graph", "graph+conditions"),
        hidden=(8,),
        batch_size=(10,),
        learning_rate=(0.01,),
        seeds=(42,),
        folds=3,
        max_epochs=4,
        patience=4,
    )


@pytest.fixture
def trained(dataset: pd.DataFrame, tiny: TuneRequest) -> Callable[[str], TrainedBlock]:
    """Train the tiny block of a level, without Ray."""

    def train(level: str) -> TrainedBlock:
        (block,) = tiny.blocks((level,))
        assert isinstance(block, Block)
        return train_block(dataset, block)

    return train
