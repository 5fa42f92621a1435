"""What cron calls: train again where the data has changed, and let the better model take over.

1. Nothing new: the bytes of labels and descriptors, or at least their content, and the settings
   are those of the last retraining, and the current models are whole. Ends at once, loads no torch.
2. Else the dataset is built, the grid trained, and each level's best model compared with the
   current one on points that neither was trained on; ``models/current/<level>`` is switched in one
   step where the new one is better or the old one cannot be used.
3. The history is written last. A retraining killed anywhere is therefore gone on with by the next:
   trainings that are done are not done again, and judging twice changes nothing.

An input that cannot be read ends the retraining before step 2, so the current models stay.
Exit codes of the command: 0 done or nothing to do (3 with ``--exit-code``), 1 failed or already
running elsewhere, 2 the data or ``retrain.toml`` needs a hand.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path
from typing import Any

from iemhpc.lifecycle.cron import cron_line
from iemhpc.lifecycle.history import (
    Entry,
    append_history,
    damaged_current,
    history_path,
    input_hashes,
    read_history,
)
from iemhpc.lifecycle.registry import set_aside_damaged
from iemhpc.progress import Say, quiet
from iemhpc.settings.retrain import RetrainSettings, read_retrain, retrain_path
from iemhpc.workspace import Workspace, content_hash, lock

__all__ = ["RetrainSummary", "cron_line", "retrain_workspace"]

LOCK = ".retrain.lock"


@dataclass(frozen=True, slots=True, kw_only=True)
class RetrainSummary:
    """What a retraining did."""

    nothing_new: bool
    """Whether there was nothing to do."""
    reason: str
    """Why it trained, or why not."""
    dataset_hash: str
    """Content of the dataset."""
    tuning_id: str = ""
    """The tuning that trained the new models; empty where there was nothing to do."""
    verdicts: tuple[Mapping[str, Any], ...] = ()
    """One a level: see :class:`iemhpc.lifecycle.promotion.Verdict`."""
    said: tuple[str, ...] = ()
    """The verdicts in words."""
    history: str = ""
    """Where all retrainings are listed."""

    def lines(self) -> list[str]:
        """Return what a person reads."""
        if self.nothing_new:
            return [f"nothing to do: {self.reason}"]
        return [f"trained again: {self.reason}", *self.said, f"history: {self.history}"]


def retrain_workspace(
    workspace: Workspace, config: Path | None = None, *, say: Say = quiet
) -> RetrainSummary:
    """Train again if the data has changed, and switch only to a better model.

    Parameters
    ----------
    workspace : Workspace
        Whose models.
    config : Path, optional
        A ``retrain.toml``; by default the workspace's.
    say : callable
        Takes lines of progress.

    Raises
    ------
    MissingInputError
        Where there is no ``retrain.toml``.
    LockedError
        Where another process is retraining this workspace.
    InputError
        Where settings, labels or descriptors cannot be used; the current models stay.
    """
    settings = read_retrain(retrain_path(workspace, config))
    with lock(workspace.root / LOCK, what="retrain"):
        history = read_history(workspace)
        last = history[-1] if history else None
        reason = _why(workspace, settings, last)
        if not reason and last is not None and last["inputs"] == input_hashes(workspace):
            return _nothing(last)
        return _with_dataset(workspace, settings, last=last, reason=reason, say=say)


def _with_dataset(
    workspace: Workspace, settings: RetrainSettings, *, last: Entry | None, reason: str, say: Say
) -> RetrainSummary:
    # Named, not imported, so that a tick with nothing new loads neither pandas nor torch.
    inputs = input_hashes(workspace)
    build_dataset = import_module("iemhpc.dataset.assemble").build_dataset
    dataset = build_dataset(workspace, mix_label_kinds=settings.mix_label_kinds, more=None, say=say)
    if not reason and last is not None and last["dataset_hash"] == dataset.dataset_hash:
        return _nothing(last)
    reason = reason or "labels or descriptors have changed"
    say(f"training again: {reason}")
    for damage in set_aside_damaged(workspace):
        say(f"set aside, to be made again: {damage}")
    challenge = import_module("iemhpc.lifecycle.challenge").challenge
    tuning_id, verdicts = challenge(workspace, settings, say=say)
    entry = {
        "time": datetime.now(UTC).isoformat(timespec="seconds"),
        "reason": reason,
        "inputs": inputs,
        "dataset_hash": dataset.dataset_hash,
        "settings": _settings_hash(settings),
        "tuning_id": tuning_id,
        "verdicts": [asdict(verdict) for verdict in verdicts],
    }
    append_history(workspace, entry)
    return RetrainSummary(
        nothing_new=False,
        reason=reason,
        dataset_hash=dataset.dataset_hash,
        tuning_id=tuning_id,
        verdicts=tuple(entry["verdicts"]),
        said=tuple(verdict.line() for verdict in verdicts),
        history=str(history_path(workspace)),
    )


def _why(workspace: Workspace, settings: RetrainSettings, last: Entry | None) -> str:
    """Return why to train whatever the data; empty: only if the data has changed."""
    if last is None:
        return "there was no retraining yet"
    if last["settings"] != _settings_hash(settings):
        return "retrain.toml has changed"
    damaged = damaged_current(workspace)
    if damaged:
        return "; ".join(f"the current model of {level} is damaged" for level in damaged)
    current = workspace.models / "current"
    judged = [verdict["level"] for verdict in last["verdicts"]]
    missing = [level for level in judged if not (current / level).is_symlink()]
    return f"there is no current model of {', '.join(missing)}" if missing else ""


def _settings_hash(settings: RetrainSettings) -> str:
    left_out = {"gpus", "address", *(() if settings.tune.inputs else ("inputs",))}
    said = settings.model_dump(exclude={"schedule": True, "tune": left_out})
    return content_hash(said)


def _nothing(last: Entry) -> RetrainSummary:
    return RetrainSummary(
        nothing_new=True,
        reason=f"labels, descriptors and settings are those of {last['time']}",
        dataset_hash=last["dataset_hash"],
    )
