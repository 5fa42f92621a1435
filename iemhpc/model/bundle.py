"""A trained ensemble as a folder: ``bundle.json`` and ``weights.safetensors``, nothing executable.

The folder's name is the hash of what is inside, and every file's checksum is verified before a
number of it is used. The dataset's points lie in the bundle, so that its predictions can be
explained without the dataset.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd
import torch
from safetensors.torch import load, save
from torch import Tensor

from iemhpc import __version__
from iemhpc.errors import BundleError, InputError, unknown_name
from iemhpc.model.gcn import ActivityNetwork, GraphBatch, scalars_of
from iemhpc.model.graph import FEATURE_NAMES
from iemhpc.model.inputs import gamma_of, inputs_of
from iemhpc.model.scaling import Floats, MinMax
from iemhpc.tables.dataset import LEVELS
from iemhpc.workspace import Workspace, content_hash, publishing, read_json, write_json

SCHEMA_VERSION = 1
DESCRIPTION_FILE = "bundle.json"
WEIGHTS_FILE = "weights.safetensors"


@dataclass(frozen=True, slots=True, kw_only=True)
class FoldModel:
    """One trained network of the ensemble."""

    fold: int
    """Its validation fold, from 0."""
    scaler: MinMax
    """Fitted on its training rows."""
    weights: Mapping[str, Tensor] = field(repr=False)
    """State of the network, at its best validation epoch."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FoldInputs:
    """One network with some points as the tensors it takes: what a gradient is taken through."""

    fold: int
    """Fold of the network."""
    module: ActivityNetwork
    """In evaluation mode."""
    polymers: GraphBatch
    """``polymers.x`` is a leaf that requires a gradient."""
    salts: GraphBatch
    """``salts.x`` is a leaf that requires a gradient."""
    polymer_smiles: tuple[str, ...]
    """Canonical SMILES of each graph in ``polymers``."""
    salt_smiles: tuple[str, ...]
    """Canonical SMILES of each graph in ``salts``."""
    polymer_index: Tensor
    """Graph of each point, shape (n_points,)."""
    salt_index: Tensor
    """Graph of each point, shape (n_points,)."""
    scalars: Tensor
    """Scaled by this fold's scaler, shape (n_points, n_scalars)."""

    def output(self, polymers: Tensor | None = None, salts: Tensor | None = None) -> Tensor:
        """Return the network's outputs, shape (n_points,), in the target's units.

        Parameters
        ----------
        polymers, salts : Tensor, optional
            Node features to use instead of the graphs' own, for instance on a path between two.
        """
        outputs: Tensor = self.module(
            self.polymers if polymers is None else self.polymers.with_x(polymers),
            self.salts if salts is None else self.salts.with_x(salts),
            polymer_index=self.polymer_index,
            salt_index=self.salt_index,
            scalars=self.scalars,
        )
        return outputs


@dataclass(frozen=True, slots=True, kw_only=True)
class Bundle:
    """A trained ensemble with everything needed to use and to trace it."""

    level: str
    """What the models see."""
    inputs: tuple[str, ...] = ()
    """Columns that the models see after the twelve descriptors."""
    hidden: int
    """Width of the layers."""
    depth: int = 2
    """Graph convolutions."""
    target: str
    """gamma or ln_gamma."""
    configuration: Mapping[str, Any]
    """Batch size, learning rate, epochs, patience, seeds."""
    folds: tuple[FoldModel, ...] = field(repr=False)
    """One network a fold."""
    points: tuple[Mapping[str, Any], ...] = field(repr=False)
    """The dataset's rows: names, SMILES, conditions, descriptors where used, label, split."""
    metrics: Mapping[str, Any] = field(repr=False)
    """Scores on the held-out rows, of the ensemble, the folds and the baselines."""
    dataset_hash: str
    """Content of the dataset it was trained on."""
    tuning_id: str = ""
    """The tuning that made it."""
    path: Path | None = None
    """Its folder, once written or read."""
    hash: str = ""
    """Hash of its content, once written or read."""

    @property
    def scalars(self) -> tuple[str, ...]:
        """The numbers that the models see beside the graphs."""
        return scalars_of(self.level, self.inputs)

    @property
    def label_kinds(self) -> tuple[str, ...]:
        """The kinds of label it was trained on, most often one."""
        return tuple(sorted({str(point["label_kind"]) for point in self.points}))

    @property
    def label_sources(self) -> tuple[str, ...]:
        """Where its labels come from."""
        return tuple(sorted({str(point["label_source"]) for point in self.points}))

    @property
    def validation_loss(self) -> float:
        """Mean of the folds' best validation losses, in the target."""
        return float(self.metrics["validation_loss"])

    def frame(self) -> pd.DataFrame:
        """Return the dataset's points as a frame, one row a point."""
        return pd.DataFrame(list(self.points))

    def models(self) -> tuple[ActivityNetwork, ...]:
        """Return the networks of the ensemble, in evaluation mode, without gradients of weights."""
        return tuple(self._network(fold) for fold in self.folds)

    def forward_inputs(
        self, points: pd.DataFrame, *, share_graphs: bool = False
    ) -> tuple[FoldInputs, ...]:
        """Return every network with the points as tensors whose node features carry gradients.

        Parameters
        ----------
        points : DataFrame
            With ``polymer_smiles``, ``salt_smiles`` and the level's scalars.
        share_graphs : bool
            Whether points of one polymer share one graph; without, the gradient by a graph's
            node features belongs to one point.
        """
        inputs = inputs_of(points, self.level, more=self.inputs, share_graphs=share_graphs)
        return tuple(
            FoldInputs(
                fold=fold.fold,
                module=module,
                polymers=inputs.polymers.with_x(inputs.polymers.x.clone().requires_grad_()),
                salts=inputs.salts.with_x(inputs.salts.x.clone().requires_grad_()),
                polymer_smiles=inputs.polymer_smiles,
                salt_smiles=inputs.salt_smiles,
                polymer_index=inputs.polymer_index,
                salt_index=inputs.salt_index,
                scalars=torch.from_numpy(fold.scaler.scale(inputs.scalars)),
            )
            for fold, module in zip(self.folds, self.models(), strict=True)
        )

    def gamma(self, points: pd.DataFrame) -> Floats:
        """Return every network's activity coefficients, shape (n_models, n_points)."""
        with torch.no_grad():
            outputs = torch.stack(
                [one.output() for one in self.forward_inputs(points, share_graphs=True)]
            )
        return gamma_of(outputs.double().numpy(), self.target)

    def _network(self, fold: FoldModel) -> ActivityNetwork:
        network = ActivityNetwork(hidden=self.hidden, n_scalars=len(self.scalars), depth=self.depth)
        network.load_state_dict(dict(fold.weights))
        network.requires_grad_(False)
        return network.eval()


def write_bundle(workspace: Workspace, bundle: Bundle) -> Path:
    """Write a bundle into ``models/<hash>`` and return its folder; an equal one is left alone."""
    weights = save(
        {f"{f.fold}.{name}": t.contiguous() for f in bundle.folds for name, t in f.weights.items()}
    )
    description = _describe(bundle, weights)
    folder = workspace.models / str(description["hash"])
    if not folder.exists():
        with publishing(folder) as temporary:
            temporary.mkdir()
            (temporary / WEIGHTS_FILE).write_bytes(weights)
            write_json(temporary / DESCRIPTION_FILE, description)
    return folder


def _describe(bundle: Bundle, weights: bytes) -> dict[str, Any]:
    description: dict[str, Any] = {
        "schema_version": SCHEMA_VERSION,
        "iemhpc_version": __version__,
        "level": bundle.level,
        "hidden": bundle.hidden,
        "depth": bundle.depth,
        "target": bundle.target,
        "configuration": dict(bundle.configuration),
        "scalars": list(bundle.scalars),
        "features": list(FEATURE_NAMES),
        "folds": [
            {"fold": f.fold, "minimum": list(f.scaler.minimum), "maximum": list(f.scaler.maximum)}
            for f in bundle.folds
        ],
        "points": [dict(point) for point in bundle.points],
        "metrics": dict(bundle.metrics),
        "dataset_hash": bundle.dataset_hash,
        "tuning_id": bundle.tuning_id,
        "checksums": {WEIGHTS_FILE: hashlib.sha256(weights).hexdigest()},
    }
    return {**description, "hash": content_hash(description)}


def load_bundle(path: Path) -> Bundle:
    """Read a bundle after verifying all of it.

    Parameters
    ----------
    path : Path
        Its folder, or a link to it such as ``models/current/graph``.

    Raises
    ------
    BundleError
        Where a file is missing, changed since it was written, or of another schema.
    """
    description_path, weights_path = path / DESCRIPTION_FILE, path / WEIGHTS_FILE
    for needed in (description_path, weights_path):
        if not needed.is_file():
            raise BundleError(
                f"{path} is no model bundle: {needed.name} is missing; make one with: iemhpc tune"
            )
    description = _verified_description(description_path)
    weights = weights_path.read_bytes()
    checksum = hashlib.sha256(weights).hexdigest()
    if checksum != description["checksums"][WEIGHTS_FILE]:
        raise BundleError(
            f"{weights_path} was changed after it was written: its SHA-256 is {checksum[:12]}…, "
            f"bundle.json says {description['checksums'][WEIGHTS_FILE][:12]}…; do not use it, "
            "train again with: iemhpc tune --fresh"
        )
    return _bundle(path.resolve(), description, load(weights))


def _verified_description(path: Path) -> dict[str, Any]:
    try:
        description = read_json(path)
    except InputError as error:
        raise BundleError(str(error)) from error
    version = description.get("schema_version") if isinstance(description, dict) else None
    if version != SCHEMA_VERSION:
        raise BundleError(
            f"{path} has schema version {version}, this iemhpc reads {SCHEMA_VERSION}; "
            "train again with: iemhpc tune --fresh"
        )
    said = description.get("hash")
    found = content_hash({key: value for key, value in description.items() if key != "hash"})
    if said != found:
        raise BundleError(
            f"{path} was changed after it was written: its content hashes to {found}, it says "
            f"{said}; do not use it, train again with: iemhpc tune --fresh"
        )
    if tuple(description["features"]) != FEATURE_NAMES:
        raise BundleError(
            f"{path} was trained on other atom features than this iemhpc computes; "
            "train again with: iemhpc tune --fresh"
        )
    return dict(description)


def _bundle(path: Path, description: Mapping[str, Any], weights: Mapping[str, Tensor]) -> Bundle:
    folds = tuple(
        FoldModel(
            fold=one["fold"],
            scaler=MinMax(minimum=tuple(one["minimum"]), maximum=tuple(one["maximum"])),
            weights={
                name.split(".", 1)[1]: tensor
                for name, tensor in weights.items()
                if name.split(".", 1)[0] == str(one["fold"])
            },
        )
        for one in description["folds"]
    )
    same = ("level", "hidden", "depth", "target", "configuration", "metrics", "dataset_hash")
    return Bundle(
        **{name: description[name] for name in (*same, "tuning_id", "hash")},
        # a level's own numbers come first
        inputs=tuple(description["scalars"][len(scalars_of(description["level"])) :]),
        folds=folds,
        points=tuple(description["points"]),
        path=path,
    )


def set_current(workspace: Workspace, level: str, bundle_hash: str) -> None:
    """Let ``models/current/<level>`` point to a bundle, in one step that nobody sees half done.

    Raises
    ------
    BundleError
        Where the bundle is damaged or of another level.
    """
    bundle = load_bundle(workspace.models / bundle_hash)
    if bundle.level != level:
        raise BundleError(
            f"bundle {bundle_hash} is of level {bundle.level}, so it cannot be current for {level}"
        )
    with publishing(current_path(workspace, level)) as temporary:
        temporary.symlink_to(Path("..") / bundle_hash)


def current_path(workspace: Workspace, level: str) -> Path:
    """Return the link to the current bundle of a level; it need not exist."""
    if level not in LEVELS:
        raise unknown_name("level", level, LEVELS)
    return workspace.models / "current" / level


def current_bundle(workspace: Workspace, level: str) -> Bundle | None:
    """Return the current bundle of a level, or None where there is none yet."""
    path = current_path(workspace, level)
    return load_bundle(path) if path.exists() else None


def list_bundles(workspace: Workspace) -> tuple[Bundle, ...]:
    """Return all bundles of a workspace, by level and hash."""
    if not workspace.models.is_dir():
        return ()
    found = [load_bundle(p.parent) for p in workspace.models.glob(f"[!.]*/{DESCRIPTION_FILE}")]
    return tuple(sorted(found, key=lambda one: (LEVELS.index(one.level), one.hash)))


def best_per_level(bundles: Sequence[Bundle]) -> dict[str, Bundle]:
    """Return the bundle of lowest mean validation loss of each level."""
    best: dict[str, Bundle] = {}
    for bundle in sorted(bundles, key=lambda one: one.validation_loss):
        best.setdefault(bundle.level, bundle)
    return best
