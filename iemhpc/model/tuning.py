"""The grid in cross-validation: dataset in, tables, summary and one bundle a level out.

A tuning is named by the hash of what was asked and of the dataset. Asked again, it trains
nothing; killed, it goes on with the blocks that are missing.
"""

import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from iemhpc.dataset.assemble import dataset_hash, read_dataset
from iemhpc.errors import InputError
from iemhpc.model.blocks import block_path, read_block
from iemhpc.model.bundle import current_path, set_current, write_bundle
from iemhpc.model.inputs import targets_of
from iemhpc.model.learning import folds_of, learning_data
from iemhpc.model.request import PRESETS, Block, TuneRequest
from iemhpc.model.results import Best, best_by_level, bundle_of, write_tables
from iemhpc.model.summary import (
    LevelSummary,
    TuneSummary,
    notes_on,
    read_summary,
    write_summary,
)
from iemhpc.model.trials import Machines, check_machines, run_blocks
from iemhpc.progress import Say, quiet
from iemhpc.tables.dataset import LEVELS
from iemhpc.workspace import Workspace, content_hash, lock, write_json

__all__ = ["PRESETS", "TuneRequest", "TuneSummary", "tune"]

SCHEMA_VERSION = 1
"""Raised where the same request would give other numbers."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Tuning:
    """One request on one dataset."""

    workspace: Workspace
    request: TuneRequest
    dataset: pd.DataFrame = field(repr=False)
    dataset_hash: str
    rows: Mapping[str, str]
    """The levels that are trained, each with the sentence on its rows."""
    left_out: tuple[str, ...]
    """Levels that the data do not allow, with the reason."""

    @property
    def asked(self) -> dict[str, Any]:
        """What names the tuning: all that decides its numbers."""
        return {
            "schema_version": SCHEMA_VERSION,
            "request": {**self.request.said, "levels": list(self.rows)},
            "dataset_hash": self.dataset_hash,
        }

    @property
    def tuning_id(self) -> str:
        return content_hash(self.asked)

    @property
    def folder(self) -> Path:
        return self.workspace.tuning / self.tuning_id

    @property
    def blocks(self) -> tuple[Block, ...]:
        return self.request.blocks(tuple(self.rows))


def tune(
    workspace: Workspace,
    request: TuneRequest,
    *,
    gpus: int = 0,
    cpus: int | None = None,
    address: str | None = None,
    fresh: bool = False,
    make_current: bool = False,
    say: Say = quiet,
) -> TuneSummary:
    """Train a grid on the workspace's dataset.

    Parameters
    ----------
    workspace : Workspace
        ``dataset.parquet`` is read; ``tuning/<id>`` and ``models`` are written.
    request : TuneRequest
        What to train.
    gpus, cpus, address
        Where, see :class:`iemhpc.model.trials.Machines`.
    fresh : bool
        Whether to train again what is there already.
    make_current : bool
        Whether the new bundles become current also where there are current ones.

    Raises
    ------
    MissingInputError
        Where there is no dataset.
    ResourceError
        Where there are fewer GPUs than asked.
    InputError
        Where the data do not allow what was asked.
    """
    machines = Machines(gpus=gpus, cpus=cpus, address=address)
    check_machines(machines)
    tuning = _prepare(workspace, request)
    with lock(workspace.tuning / f".{tuning.tuning_id}.lock", what=f"tuning {tuning.tuning_id}"):
        if fresh and tuning.folder.exists():
            shutil.rmtree(tuning.folder)
        summary = read_summary(tuning.folder)
        if summary is None or not _bundles_are_there(workspace, summary):
            summary = _train(tuning, machines, say)
    return replace(summary, current=_make_current(workspace, summary, always=make_current))


def _prepare(workspace: Workspace, request: TuneRequest) -> _Tuning:
    dataset = read_dataset(workspace)
    targets_of(dataset["label"].to_numpy(dtype=np.float64), request.target)
    rows: dict[str, str] = {}
    left_out = []
    for level in request.levels or LEVELS:
        try:
            rows[level] = _rows_of(dataset, level, request)
        except InputError as error:
            # structure alone needs nothing but labels: where that fails, all levels fail
            if request.levels is not None or level == LEVELS[0]:
                raise
            left_out.append(str(error))
    return _Tuning(
        workspace=workspace,
        request=request,
        dataset=dataset,
        dataset_hash=dataset_hash(dataset),
        rows=rows,
        left_out=tuple(left_out),
    )


def _rows_of(dataset: pd.DataFrame, level: str, request: TuneRequest) -> str:
    """Return the sentence on a level's rows, or refuse the level."""
    data = learning_data(dataset, level, request.inputs)
    for seed in request.split_seeds:
        folds_of(data, split_seed=seed, test_fraction=request.test_fraction, folds=request.folds)
    return data.line()


def _train(tuning: _Tuning, machines: Machines, say: Say) -> TuneSummary:
    write_json(tuning.folder / "request.json", tuning.asked)
    for line in (*tuning.rows.values(), *(f"left out: {reason}" for reason in tuning.left_out)):
        say(line)
    n_blocks = run_blocks(tuning.folder, tuning.dataset, tuning.blocks, machines=machines, say=say)
    say("writing tables and bundles")
    summary = _publish(tuning, n_trained=n_blocks * tuning.request.folds)
    # what the blocks hold is in the tables now, and of the best ones in the bundles
    shutil.rmtree(tuning.folder / "blocks")
    return summary


def _publish(tuning: _Tuning, *, n_trained: int) -> TuneSummary:
    trained = [
        read_block(block_path(tuning.folder, block), tuning.dataset, block, with_weights=False)
        for block in tuning.blocks
    ]
    provenance = {"tuning_id": tuning.tuning_id, "dataset_hash": tuning.dataset_hash}
    write_tables(tuning.folder, trained, provenance)
    best = best_by_level(trained, first_seed=tuning.request.seeds[0])
    summary = TuneSummary(
        tuning_id=tuning.tuning_id,
        folder=str(tuning.folder),
        n_trainings=sum(len(one.trainings) for one in trained),
        n_trained=n_trained,
        levels=tuple(_publish_level(tuning, best[level]) for level in tuning.rows),
        left_out=tuning.left_out,
        notes=notes_on(tuning.dataset, seeds=tuning.request.seeds),
    )
    write_summary(summary)
    return summary


def _publish_level(tuning: _Tuning, found: Best) -> LevelSummary:
    block = found.trained.block
    trained = read_block(block_path(tuning.folder, block), tuning.dataset, block)
    best = replace(found, trained=trained)
    bundle = bundle_of(
        best, tuning.dataset, dataset_hash=tuning.dataset_hash, tuning_id=tuning.tuning_id
    )
    path = write_bundle(tuning.workspace, bundle)
    return LevelSummary(
        level=bundle.level,
        rows=tuning.rows[bundle.level],
        hidden=bundle.hidden,
        configuration=bundle.configuration,
        metrics=bundle.metrics,
        bundle=path.name,
    )


def _bundles_are_there(workspace: Workspace, summary: TuneSummary) -> bool:
    return all((workspace.models / one.bundle).is_dir() for one in summary.levels)


def _make_current(workspace: Workspace, summary: TuneSummary, *, always: bool) -> dict[str, str]:
    """Make bundles current where there is none yet, or all where asked; return what changed."""
    changed = {}
    for one in summary.levels:
        link = current_path(workspace, one.level)
        if link.exists() and (not always or link.resolve().name == one.bundle):
            continue
        set_current(workspace, one.level, one.bundle)
        changed[one.level] = one.bundle
    return changed
