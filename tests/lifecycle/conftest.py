"""Small bundles with made-up weights, and workspaces that hold them."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from iemhpc.workspace import Workspace

SMILES = "CCC(CC)S(=O)(=O)[O-]"


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    root = tmp_path / "ws"
    root.mkdir()
    return Workspace(root)


@pytest.fixture
def make_points() -> Callable[..., tuple[dict[str, Any], ...]]:
    """Return a maker of points at 0.1, 0.2 ... mol/L; every second one is held out."""

    def make(n: int = 20, *, label: float = 0.5, kind: str = "product") -> Any:
        return tuple(
            {
                "system": "X/NaCl",
                "polymer": "X",
                "polymer_smiles": SMILES,
                "salt": "NaCl",
                "salt_smiles": "[Cl-].[Na+]",
                "salt_molar": round(0.1 * (i + 1), 1),
                "water_per_site": 20.0,
                "label": label + 0.001 * i,
                "label_kind": kind,
                "label_source": "lab",
                "split": "test" if i % 2 else "train",
            }
            for i in range(n)
        )

    return make


@pytest.fixture
def write_model(workspace, make_points) -> Callable[..., Any]:
    """Return a maker of written bundles whose every prediction is one number."""
    import torch

    from iemhpc.model.bundle import Bundle, FoldModel, load_bundle, write_bundle
    from iemhpc.model.gcn import ActivityNetwork, scalars_of
    from iemhpc.model.scaling import MinMax

    def write(
        says: float, points: Any = None, *, level: str = "graph+conditions", inputs: Any = ()
    ) -> Any:
        n_scalars = len(scalars_of(level, inputs))
        network = ActivityNetwork(hidden=4, n_scalars=n_scalars, depth=2)
        weights = {name: torch.zeros_like(value) for name, value in network.state_dict().items()}
        last_bias = [name for name in weights if name.endswith("bias")][-1]
        weights[last_bias] += says
        scaler = MinMax(minimum=(0.0,) * n_scalars, maximum=(1.0,) * n_scalars)
        bundle = Bundle(
            level=level,
            inputs=inputs,
            hidden=4,
            target="gamma",
            configuration={"learning_rate": 0.001},
            folds=tuple(
                FoldModel(
                    fold=fold,
                    scaler=scaler,
                    weights={name: tensor.clone() for name, tensor in weights.items()},
                )
                for fold in range(2)
            ),
            points=make_points() if points is None else points,
            metrics={"validation_loss": 0.1, "test": {"mae": 0.02}},
            dataset_hash="d0",
            tuning_id="t0",
        )
        return load_bundle(write_bundle(workspace, bundle))

    return write
