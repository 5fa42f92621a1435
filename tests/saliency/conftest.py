"""A small ensemble with random weights, written as a bundle like a trained one."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from iemhpc.model.bundle import Bundle, FoldModel, load_bundle, write_bundle
from iemhpc.model.gcn import ActivityNetwork, scalars_of
from iemhpc.model.scaling import MinMax
from iemhpc.workspace import Workspace

POLYMERS = {
    "CR61": "CC(CC(CC(C)c1ccc(S(=O)(=O)[O-])cc1)c1ccccc1)c1ccc(S(=O)(=O)[O-])cc1",
    "PVAS": "CC(O)CC(O)CC(OS(=O)(=O)[O-])CC(C)O",
}
SALTS = {"NaCl": "[Na+].[Cl-]", "MgCl2": "[Mg+2].[Cl-].[Cl-]"}


def points() -> list[dict[str, object]]:
    return [
        {
            "row": n,
            "system": f"{polymer}/{salt}",
            "polymer": polymer,
            "polymer_smiles": polymer_smiles,
            "salt": salt,
            "salt_smiles": salt_smiles,
            "salt_molar": molar,
            "water_per_site": 20.0,
            "label": 0.3,
            "label_kind": "product",
            "nu": 2,
            "label_source": "theory",
            "split": "train",
        }
        for n, (polymer, polymer_smiles, salt, salt_smiles, molar) in enumerate(
            (p, ps, s, ss, m)
            for p, ps in POLYMERS.items()
            for s, ss in SALTS.items()
            for m in (0.01, 0.1, 1.0)
        )
    ]


def bundle(level: str = "graph+conditions", n_folds: int = 3) -> Bundle:
    n_scalars = len(scalars_of(level))
    folds = []
    for fold in range(n_folds):
        torch.manual_seed(fold)
        network = ActivityNetwork(hidden=8, n_scalars=n_scalars)
        scaler = MinMax(minimum=(0.0,) * n_scalars, maximum=(20.0,) * n_scalars)
        folds.append(FoldModel(fold=fold, scaler=scaler, weights=network.state_dict()))
    return Bundle(
        level=level,
        hidden=8,
        target="gamma",
        configuration={"batch_size": 10},
        folds=tuple(folds),
        points=tuple(points()),
        metrics={"validation_loss": 0.1},
        dataset_hash="0" * 12,
    )


@pytest.fixture
def random_bundle(tmp_path: Path) -> Bundle:
    return load_bundle(write_bundle(Workspace(tmp_path), bundle()))


@pytest.fixture
def train(tmp_path: Path) -> Callable[[str], Path]:
    """Write a bundle of the given level."""
    return lambda level: write_bundle(Workspace(tmp_path), bundle(level))


@pytest.fixture
def trained_workspace(tmp_path: Path, train: Callable[[str], Path]) -> Workspace:
    train("graph+conditions")
    return Workspace(tmp_path)
