"""Which models a workspace has, which of them are current, and what each was made of.

Listing reads ``bundle.json`` and checksums only, so that it needs no torch.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

from iemhpc.errors import BundleError, InputError, MissingInputError, unknown_name
from iemhpc.lifecycle.history import damage_of
from iemhpc.workspace import Workspace, read_json

MADE_BY = "iemhpc tune"


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelEntry:
    """One bundle in the list."""

    hash: str
    """Name of its folder."""
    level: str
    """What its models see; empty where the bundle is damaged."""
    is_current: bool
    """Whether predictions take it."""
    n_models: int
    """Networks of the ensemble."""
    n_points: int
    """Points of its dataset."""
    label_sources: tuple[str, ...]
    """Where its labels come from."""
    damage: str | None
    """Why it cannot be used."""

    def line(self) -> str:
        """Return its row of the table that a person reads."""
        mark = "current" if self.is_current else ""
        if self.damage:
            return f"{self.hash:<14}{mark:<9}damaged: {self.damage}"
        return (
            f"{self.hash:<14}{mark:<9}{self.level:<22}{self.n_models:>6}{self.n_points:>8}  "
            f"{', '.join(self.label_sources)}"
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelList:
    """All bundles of a workspace."""

    models: tuple[ModelEntry, ...]
    """By level, the current one first."""

    def lines(self) -> list[str]:
        """Return what a person reads."""
        if not self.models:
            return [f"no models yet; make some with: {MADE_BY}"]
        head = f"{'bundle':<14}{'':<9}{'level':<22}{'models':>6}{'points':>8}  labels"
        return [head, *(model.line() for model in self.models)]


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelDescription:
    """All about one bundle."""

    entry: ModelEntry
    """Its row in the list."""
    architecture: Mapping[str, Any]
    """Width, depth and target."""
    configuration: Mapping[str, Any]
    """Hyper-parameters and seeds."""
    metrics: Mapping[str, Any]
    """Scores."""
    dataset_hash: str
    """Content of the dataset it was trained on."""
    tuning_id: str
    """The tuning that made it."""
    iemhpc_version: str
    """What trained it."""
    n_test: int
    """Points held out."""

    def lines(self) -> list[str]:
        """Return what a person reads."""
        entry = self.entry
        current = f", current for {entry.level}" if entry.is_current else ""
        return [
            f"bundle {entry.hash}: {entry.level}, {entry.n_models} models{current}",
            f"  trained by iemhpc {self.iemhpc_version} in tuning {self.tuning_id}",
            f"  dataset {self.dataset_hash}: {entry.n_points} points, {self.n_test} held out, "
            f"labels: {', '.join(entry.label_sources)}",
            *_indented("architecture", self.architecture),
            *_indented("configuration", self.configuration),
            *_indented("metrics", self.metrics),
        ]


def list_models(workspace: Workspace) -> ModelList:
    """List the bundles of a workspace; damaged ones are listed as such."""
    current = _current_hashes(workspace)
    entries = [_entry(folder, is_current=folder.name in current) for folder in _folders(workspace)]
    return ModelList(
        models=tuple(sorted(entries, key=lambda e: (e.level, not e.is_current, e.hash)))
    )


def show_model(workspace: Workspace, name: str) -> ModelDescription:
    """Describe one bundle.

    Parameters
    ----------
    workspace : Workspace
        Where it lies.
    name : str
        Its hash, the first characters of it, or a level: then the current bundle of that level.

    Raises
    ------
    MissingInputError
        Where the workspace has no bundle.
    InputError
        Where the name fits no bundle, or several.
    BundleError
        Where the bundle is damaged.
    """
    folder = _find(workspace, name)
    damage = damage_of(folder)
    if damage:
        raise BundleError(f"{damage}; train again with: {MADE_BY} --fresh")
    said = read_json(folder / "bundle.json")
    return ModelDescription(
        entry=_entry(folder, is_current=folder.name in _current_hashes(workspace)),
        architecture={key: said[key] for key in ("hidden", "depth", "target")},
        configuration=said["configuration"],
        metrics=said["metrics"],
        dataset_hash=said["dataset_hash"],
        tuning_id=said["tuning_id"],
        iemhpc_version=said["iemhpc_version"],
        n_test=sum(point["split"] == "test" for point in said["points"]),
    )


def set_aside_damaged(workspace: Workspace) -> list[str]:
    """Rename damaged bundles out of the way, so that a tuning makes them again; return what for."""
    found = []
    for folder in _folders(workspace):
        damage = damage_of(folder)
        if damage:
            folder.rename(folder.with_name(f".{folder.name}.{uuid4().hex[:8]}.damaged"))
            found.append(damage)
    return found


def _folders(workspace: Workspace) -> list[Path]:
    if not workspace.models.is_dir():
        return []
    found = sorted(workspace.models.glob("[!.]*"))
    return [path for path in found if path.is_dir() and path.name != "current"]


def _current_hashes(workspace: Workspace) -> set[str]:
    current = workspace.models / "current"
    links = current.iterdir() if current.is_dir() else ()
    return {link.readlink().name for link in links if link.is_symlink()}


def _entry(folder: Path, *, is_current: bool) -> ModelEntry:
    damage = damage_of(folder)
    said = {} if damage else read_json(folder / "bundle.json")
    points = said.get("points", [])
    return ModelEntry(
        hash=folder.name,
        level=said.get("level", ""),
        is_current=is_current,
        n_models=len(said.get("folds", [])),
        n_points=len(points),
        label_sources=tuple(dict.fromkeys(str(point["label_source"]) for point in points)),
        damage=damage,
    )


def _find(workspace: Workspace, name: str) -> Path:
    folders = _folders(workspace)
    if not folders:
        raise MissingInputError(f"{workspace.models} holds no model; make some with: {MADE_BY}")
    link = workspace.models / "current" / name
    if link.is_symlink():
        return workspace.models / link.readlink().name
    fitting = [folder for folder in folders if folder.name.startswith(name)]
    if not fitting:
        raise unknown_name("bundle", name, [folder.name for folder in folders])
    if len(fitting) > 1:
        raise InputError(
            f"{name!r} is the start of {len(fitting)} bundles: "
            f"{', '.join(folder.name for folder in fitting)}; give more of the hash"
        )
    return fitting[0]


def _indented(title: str, values: Mapping[str, Any], depth: int = 1) -> list[str]:
    lines = [f"{'  ' * depth}{title}:"]
    for key, value in values.items():
        if isinstance(value, Mapping):
            lines += _indented(str(key), value, depth + 1)
        else:
            shown = f"{value:.4g}" if isinstance(value, float) else value
            lines.append(f"{'  ' * (depth + 1)}{key}: {shown}")
    return lines
