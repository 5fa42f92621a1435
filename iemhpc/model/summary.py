"""What a tuning found, for a person and as ``summary.json``."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from iemhpc.dataset.labels import check_kinds
from iemhpc.workspace import read_json, write_json

SUMMARY_FILE = "summary.json"


FEW_TEST_POINTS = 10
"""With fewer, chance moves R2 by more than any model would."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LevelSummary:
    """The best configuration of one level on the points held out."""

    level: str
    """What the model sees."""
    rows: str
    """Which rows of the dataset it could use."""
    hidden: int
    """Width of the layers."""
    configuration: Mapping[str, Any]
    """The other hyper-parameters, and the seeds."""
    metrics: Mapping[str, Any]
    """As in the bundle: ensemble, folds, best fold, baselines."""
    bundle: str
    """Hash of the bundle."""

    def lines(self) -> list[str]:
        """Return its rows of the table."""
        metrics, said = self.metrics, self.configuration
        best, baselines = metrics["best_fold"], metrics["baselines"]
        return [
            _score_line(f"{self.level}, ensemble of {said['folds']}", metrics["test"]),
            _score_line("  mean over its folds", metrics["folds_mean"]),
            _score_line("  spread over its folds", metrics["folds_sd"]),
            _score_line(f"  its best fold on these points, {best['fold']}", best),
            _score_line("  baseline: mean of each system", baselines["system_mean"]),
            _score_line("  baseline: mean of all", baselines["mean"]),
            f"  hidden {self.hidden}, batch {said['batch_size']}, rate {said['learning_rate']:g}, "
            f"seed {said['init_seed']}; bundle {self.bundle}",
            f"  {metrics['n_test']} test points, {metrics['n_test_of_known_systems']} of them of "
            "systems that are also trained on: interpolation in concentration",
            *(
                [f"  {metrics['n_test']} test points are too few: R2 says little here"]
                if metrics["n_test"] < FEW_TEST_POINTS
                else []
            ),
        ]


@dataclass(frozen=True, slots=True, kw_only=True)
class TuneSummary:
    """What a tuning found."""

    tuning_id: str
    """Name of its folder."""
    folder: str
    """Where its tables are."""
    n_trainings: int
    """Networks in its tables."""
    n_trained: int
    """Networks trained just now; 0 where all was there."""
    levels: tuple[LevelSummary, ...]
    """One a level."""
    left_out: tuple[str, ...]
    """Levels that the data do not allow, with the reason."""
    notes: tuple[str, ...]
    """What must be said beside the numbers."""
    current: Mapping[str, str] = field(default_factory=dict)
    """Level and hash of the bundles that became current just now."""

    def lines(self) -> list[str]:
        """Return what a person reads."""
        done = f"{self.n_trained} of them now" if self.n_trained else "nothing trained anew"
        return [
            f"{'held-out points':<40}{'R2':>8}{'MAE':>9}{'RMSE':>9}",
            *(line for one in self.levels for line in one.lines()),
            *(f"rows: {one.rows}" for one in self.levels),
            *(f"left out: {reason}" for reason in self.left_out),
            *(f"note: {note}" for note in self.notes),
            *(f"current model of {level}: {name}" for level, name in self.current.items()),
            f"{self.n_trainings} trainings ({done}): {self.folder}",
        ]


def write_summary(summary: TuneSummary) -> None:
    """Write ``summary.json`` into the tuning's folder."""
    write_json(Path(summary.folder) / SUMMARY_FILE, {**asdict(summary), "current": {}})


def read_summary(folder: Path) -> TuneSummary | None:
    """Return the summary of a finished tuning, or None where it has not finished."""
    path = folder / SUMMARY_FILE
    if not path.exists():
        return None
    value = read_json(path)
    return TuneSummary(
        tuning_id=value["tuning_id"],
        folder=str(folder),
        n_trainings=value["n_trainings"],
        n_trained=0,
        levels=tuple(LevelSummary(**one) for one in value["levels"]),
        left_out=tuple(value["left_out"]),
        notes=tuple(value["notes"]),
    )


def notes_on(dataset: pd.DataFrame, *, seeds: Sequence[int]) -> tuple[str, ...]:
    """Return what must be said beside any score on this dataset.

    Examples
    --------
    >>> rows = pd.DataFrame({"system": ["CR61/NaCl"], "label_kind": "product",
    ...                      "label_source": "theory"})
    >>> notes_on(rows, seeds=(42,))[0]
    'labels are Donnan-Manning theory, not measurements'
    """
    notes = []
    if "theory" in set(dataset["label_source"]):
        notes.append("labels are Donnan-Manning theory, not measurements")
    notes.extend(check_kinds(dataset["label_kind"], mix_label_kinds=True))
    if len(seeds) > 1:
        others = ", ".join(str(seed) for seed in seeds[1:])
        notes.append(
            f"scores and bundles are of seed {seeds[0]}; those of {others} are in "
            "trainings.parquet and helped to choose the configuration"
        )
    return tuple(notes)


def _score_line(name: str, found: Mapping[str, float | None]) -> str:
    values = [_shown(found["r2"], 8, 3), _shown(found["mae"], 9, 4), _shown(found["rmse"], 9, 4)]
    return f"{name:<40}{''.join(values)}"


def _shown(value: float | None, width: int, digits: int) -> str:
    return f"{'-':>{width}}" if value is None else f"{value:>{width}.{digits}f}"
