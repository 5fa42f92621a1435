"""``models/history.json``: what each retraining saw and decided, and whether there is anything new.

Imports nothing that takes long, so that a tick of cron without new data ends at once.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from iemhpc.errors import InputError
from iemhpc.resources import resource
from iemhpc.workspace import Workspace, content_hash, file_hash, read_json, write_json

Entry = dict[str, Any]
"""One retraining: time, inputs, dataset_hash, settings, tuning_id, verdicts."""


def history_path(workspace: Workspace) -> Path:
    """Return where the history is kept."""
    return workspace.models / "history.json"


def read_history(workspace: Workspace) -> list[Entry]:
    """Return all finished retrainings, oldest first.

    Raises
    ------
    InputError
        Where the file is damaged.
    """
    path = history_path(workspace)
    if not path.exists():
        return []
    history = read_json(path)
    if not isinstance(history, list) or not all(isinstance(entry, dict) for entry in history):
        raise InputError(f"{path} is not a list of retrainings; restore it or delete it")
    return history


def append_history(workspace: Workspace, entry: Mapping[str, Any]) -> None:
    """Add a retraining; the file changes whole or not at all."""
    write_json(history_path(workspace), [*read_history(workspace), dict(entry)])


def input_hashes(workspace: Workspace) -> dict[str, str | None]:
    """Return a hash of the bytes of each file that a dataset is made of, null where it is absent.

    Without labels of its own a workspace takes the theory set.
    """
    labels = (
        workspace.labels if workspace.labels.exists() else resource("data", "theory_labels.csv")
    )
    descriptors = workspace.descriptors
    return {
        "labels": file_hash(labels),
        "descriptors": file_hash(descriptors) if descriptors.exists() else None,
    }


def damaged_current(workspace: Workspace) -> dict[str, str]:
    """Return the levels whose current bundle cannot be used, with what is wrong."""
    current = workspace.models / "current"
    if not current.is_dir():
        return {}
    found = {
        link.name: damage_of(workspace.models / link.readlink().name)
        for link in sorted(current.iterdir())
        if link.is_symlink()
    }
    return {level: damage for level, damage in found.items() if damage}


def damage_of(folder: Path) -> str | None:
    """Return what is wrong with the files of a bundle, or None; checksums only."""
    try:
        description = read_json(folder / "bundle.json")
        checksums = dict(description["checksums"])
        said = description.pop("hash")
    except FileNotFoundError:
        return f"{folder.name} holds no bundle.json"
    except (InputError, KeyError, TypeError, ValueError):
        return f"{folder.name}: bundle.json is damaged"
    if content_hash(description) != said:
        return f"{folder.name}: bundle.json was changed after it was written"
    for name, checksum in checksums.items():
        if not (folder / name).is_file() or file_hash(folder / name) != checksum:
            return f"{folder.name}: {name} is missing or was changed after it was written"
    return None
