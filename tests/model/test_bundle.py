import json
import pickletools
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from iemhpc.errors import BundleError, UnknownNameError
from iemhpc.model.blocks import TrainedBlock, read_block, write_block
from iemhpc.model.bundle import (
    Bundle,
    best_per_level,
    current_bundle,
    current_path,
    list_bundles,
    load_bundle,
    set_current,
    write_bundle,
)
from iemhpc.model.results import Best, bundle_of
from iemhpc.tables.dataset import LEVELS
from iemhpc.tables.descriptors import DESCRIPTORS
from iemhpc.workspace import Workspace, content_hash, write_json

Train = Callable[[str], TrainedBlock]


@pytest.fixture
def make(trained: Train, dataset: pd.DataFrame) -> Callable[[str], Bundle]:
    def bundle(level: str) -> Bundle:
        best = Best(trained=trained(level), validation_loss=0.5)
        return bundle_of(best, dataset, dataset_hash="d" * 12, tuning_id="t" * 12)

    return bundle


@pytest.mark.parametrize("level", LEVELS)
def test_bundle_read_back_predicts_the_same_bits(
    level: str, make: Callable[[str], Bundle], tmp_path: Path
) -> None:
    bundle = make(level)
    read = load_bundle(write_bundle(Workspace(tmp_path), bundle))
    assert np.array_equal(read.gamma(read.frame()), bundle.gamma(bundle.frame()))
    assert read.points == bundle.points
    assert [fold.scaler for fold in read.folds] == [fold.scaler for fold in bundle.folds]


def test_bundle_predicts_what_its_trainings_predicted(
    make: Callable[[str], Bundle], trained: Train
) -> None:
    bundle, block = make("graph+conditions+md"), trained("graph+conditions+md")
    expected = np.stack([one.gamma for one in block.trainings])
    np.testing.assert_allclose(bundle.gamma(bundle.frame()), expected, rtol=1e-4, atol=1e-5)


def test_equal_trainings_make_one_bundle(make: Callable[[str], Bundle], tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    one, two = (write_bundle(workspace, make("graph")) for _ in range(2))
    assert one == two
    assert [bundle.hash for bundle in list_bundles(workspace)] == [one.name]
    assert {path.name for path in one.iterdir()} == {"bundle.json", "weights.safetensors"}


def test_bundle_holds_no_pickle(make: Callable[[str], Bundle], tmp_path: Path) -> None:
    folder = write_bundle(Workspace(tmp_path), make("graph"))
    with pytest.raises(ValueError, match="opcode"):
        list(pickletools.genops((folder / "weights.safetensors").read_bytes()))


def test_points_carry_what_saliency_and_comparison_need(make: Callable[[str], Bundle]) -> None:
    frame = make("graph+conditions+md").frame()
    assert set(frame["split"]) == {"train", "test"}
    assert (frame["split"] == "test").sum() == 10
    assert frame["row"].tolist() == list(range(50))
    needed = {"system", "polymer_smiles", "salt_smiles", "salt_molar", "label", *DESCRIPTORS}
    assert needed <= set(frame.columns)
    assert not set(DESCRIPTORS) & set(make("graph").frame().columns)


def test_gradients_reach_the_node_features_of_each_point(make: Callable[[str], Bundle]) -> None:
    bundle = make("graph+conditions")
    points = bundle.frame().head(3)
    for one in bundle.forward_inputs(points):
        assert one.polymers.n_graphs == 3
        one.output().sum().backward()
        assert one.polymers.x.grad is not None
        assert one.polymers.x.grad.shape == one.polymers.x.shape
        assert one.salts.x.grad is not None
        halved = one.output(polymers=one.polymers.x / 2)
        assert halved.shape == (3,)
        assert all(parameter.grad is None for parameter in one.module.parameters())


def test_changed_weights_are_refused(make: Callable[[str], Bundle], tmp_path: Path) -> None:
    folder = write_bundle(Workspace(tmp_path), make("graph"))
    weights = folder / "weights.safetensors"
    changed = bytearray(weights.read_bytes())
    changed[-1] ^= 1
    weights.write_bytes(changed)
    with pytest.raises(BundleError, match=r"weights.safetensors was changed after it was written"):
        load_bundle(folder)


def test_changed_description_is_refused(make: Callable[[str], Bundle], tmp_path: Path) -> None:
    folder = write_bundle(Workspace(tmp_path), make("graph"))
    description = json.loads((folder / "bundle.json").read_text())
    description["metrics"]["test"]["r2"] = 0.999
    write_json(folder / "bundle.json", description)
    with pytest.raises(BundleError, match=r"bundle.json was changed .* iemhpc tune --fresh"):
        load_bundle(folder)


def rewrite(folder: Path, **changes: object) -> None:
    description = json.loads((folder / "bundle.json").read_text())
    description.pop("hash")
    description.update(changes)
    write_json(folder / "bundle.json", {**description, "hash": content_hash(description)})


def test_bundle_of_another_schema_is_refused(make: Callable[[str], Bundle], tmp_path: Path) -> None:
    folder = write_bundle(Workspace(tmp_path), make("graph"))
    rewrite(folder, schema_version=9)
    with pytest.raises(BundleError, match="has schema version 9, this iemhpc reads 1"):
        load_bundle(folder)


def test_bundle_of_other_features_is_refused(make: Callable[[str], Bundle], tmp_path: Path) -> None:
    folder = write_bundle(Workspace(tmp_path), make("graph"))
    rewrite(folder, features=["mass"])
    with pytest.raises(BundleError, match="other atom features than this iemhpc computes"):
        load_bundle(folder)


def test_folder_without_a_bundle_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match=r"bundle.json is missing; make one with: iemhpc tune"):
        load_bundle(tmp_path)
    (tmp_path / "weights.safetensors").write_bytes(b"")
    (tmp_path / "bundle.json").write_text("{half")
    with pytest.raises(BundleError, match="is not JSON"):
        load_bundle(tmp_path)


def test_current_is_a_relative_link_that_is_switched(
    make: Callable[[str], Bundle], tmp_path: Path
) -> None:
    workspace = Workspace(tmp_path / "here")
    assert current_bundle(workspace, "graph") is None
    one = write_bundle(workspace, make("graph"))
    set_current(workspace, "graph", one.name)
    link = current_path(workspace, "graph")
    assert link.readlink() == Path("..") / one.name
    (tmp_path / "here").rename(tmp_path / "there")
    moved = Workspace(tmp_path / "there")
    found = current_bundle(moved, "graph")
    assert found is not None
    assert found.hash == one.name
    set_current(moved, "graph", one.name)
    assert [path.name for path in (moved.models / "current").iterdir()] == ["graph"]


def test_current_refuses_a_bundle_of_another_level(
    make: Callable[[str], Bundle], tmp_path: Path
) -> None:
    workspace = Workspace(tmp_path)
    name = write_bundle(workspace, make("graph")).name
    with pytest.raises(
        BundleError, match=r"is of level graph, so it cannot be current for graph\+c"
    ):
        set_current(workspace, "graph+conditions", name)
    with pytest.raises(UnknownNameError, match="unknown level 'md'"):
        current_path(workspace, "md")


def test_best_per_level_has_the_lowest_validation_loss(
    trained: Train, dataset: pd.DataFrame
) -> None:
    bundles = [
        bundle_of(
            Best(trained=trained("graph"), validation_loss=loss),
            dataset,
            dataset_hash="",
            tuning_id="",
        )
        for loss in (0.5, 0.3, 0.4)
    ]
    assert best_per_level(bundles)["graph"].validation_loss == 0.3


def test_block_read_back_is_the_block(
    trained: Train, dataset: pd.DataFrame, tmp_path: Path
) -> None:
    block = trained("graph+conditions+md")
    path = tmp_path / "block.safetensors"
    write_block(path, block)
    read = read_block(path, dataset, block.block)
    assert read.validation_loss == block.validation_loss
    for one, two in zip(block.trainings, read.trainings, strict=True):
        assert (one.train_loss, one.validation_loss) == (two.train_loss, two.validation_loss)
        assert (one.best_epoch, one.model.scaler) == (two.best_epoch, two.model.scaler)
        assert np.array_equal(one.gamma, two.gamma)
        assert all(torch.equal(w, two.model.weights[name]) for name, w in one.model.weights.items())
