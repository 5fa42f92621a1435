"""``retrain.toml``: when cron trains again, on which grid, and when a new model takes over."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from iemhpc.settings.reading import read_settings
from iemhpc.workspace import Workspace, write_text

FILE_NAME = "retrain.toml"

COMMENTED_RETRAIN = """\
# What `iemhpc retrain` does; `iemhpc retrain --print-cron` prints the line that lets cron do it.
# Lines with a # in front show the default.

# Minute, hour, day, month, weekday: every night at 3:17. A tick without new data ends at once.
# schedule = "17 3 * * *"

# Labels of kind product and mean are never mixed, unless said here.
# mix_label_kinds = false

[tune]
# paper: the study's grid and its ways. demo: one small configuration. Without: the full grid.
preset = "demo"
# levels = ["graph", "graph+conditions", "graph+conditions+md"]   # default: all the data allow
# folds = 11
# seeds = [42]
# hidden = [128, 256]
# batch_size = [10, 20]
# learning_rate = [0.005, 0.0005]
# max_epochs = 1000
# target = "gamma"                                                # or "ln_gamma"
# inputs = ["water_cluster_mean_size"]                            # columns added to the dataset
# gpus = 0
# address = "auto"                                                # a Ray that runs already

[compare]
# The new model takes over where its absolute errors on rows that neither model was trained on
# are smaller in this share of paired bootstrap samples ...
# confidence = 0.9
# ... of at least so many rows. With fewer the old model stays.
# min_rows = 5
"""

PositiveInt = Annotated[int, Field(gt=0)]
Rate = Annotated[float, Field(gt=0.0, lt=1.0)]
Level = Literal["graph", "graph+conditions", "graph+conditions+md"]


class TuneSettings(BaseModel):
    """The grid, as the options of ``iemhpc tune``; what is left out is the preset's."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    preset: Literal["paper", "demo"] | None = Field(default=None, description="paper or demo")
    levels: tuple[Level, ...] | None = Field(default=None, description="what the models see")
    folds: int | None = Field(default=None, ge=2, description="folds of the cross-validation")
    seeds: tuple[int, ...] | None = Field(default=None, description="seeds of splits and weights")
    hidden: tuple[PositiveInt, ...] | None = Field(default=None, description="widths of layers")
    batch_size: tuple[PositiveInt, ...] | None = Field(default=None, description="rows a step")
    learning_rate: tuple[Rate, ...] | None = Field(default=None, description="rates of Adam")
    max_epochs: PositiveInt | None = Field(default=None, description="epochs at most")
    target: Literal["gamma", "ln_gamma"] | None = Field(default=None, description="what is learnt")
    inputs: tuple[str, ...] | None = Field(
        default=None, description="columns that the level with descriptors sees beside the twelve"
    )
    gpus: int = Field(default=0, ge=0, description="GPUs to use; 0: cores only")
    address: str | None = Field(default=None, description="a running Ray")


class CompareSettings(BaseModel):
    """When a new model takes over."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    confidence: float = Field(
        default=0.9,
        ge=0.5,
        lt=1.0,
        description="share of bootstrap samples in which the new model must be better",
    )
    min_rows: int = Field(default=5, ge=2, description="held-out rows needed for a comparison")


class RetrainSettings(BaseModel):
    """All of ``retrain.toml``."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    schedule: str = Field(
        default="17 3 * * *",
        pattern=r"^[0-9*/,-]+( +[0-9A-Za-z*/,-]+){4}$",
        description="five fields of crontab: minute hour day month weekday",
    )
    mix_label_kinds: bool = Field(default=False, description="let product and mean labels mix")
    tune: TuneSettings = Field(default_factory=TuneSettings, description="the grid")
    compare: CompareSettings = Field(
        default_factory=CompareSettings, description="when a new model takes over"
    )


def retrain_path(workspace: Workspace, config: Path | None) -> Path:
    """Return the file to read: the one asked for, else the workspace's."""
    return config if config is not None else workspace.root / FILE_NAME


def read_retrain(path: Path) -> RetrainSettings:
    """Read a ``retrain.toml``.

    Raises
    ------
    MissingInputError
        Where there is none.
    InputError
        Where it is not TOML, or a key is unknown or of the wrong kind.
    """
    return read_settings(
        path,
        RetrainSettings,
        what="when and how to train again",
        made_by="iemhpc init writes one, or name yours with --config",
    )


def write_retrain(workspace: Workspace) -> Path:
    """Write a commented ``retrain.toml``; one that is there is the user's and stays."""
    path = workspace.root / FILE_NAME
    if not path.exists():
        write_text(path, COMMENTED_RETRAIN)
    return path
