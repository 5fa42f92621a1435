"""What to train: the grid, cut into blocks that can be trained anywhere in any order.

A block is one configuration, one level and one seed with all folds: what Ray schedules as one
trial, because starting a trial costs seconds and one training may cost no more.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from itertools import product
from typing import Any

from iemhpc.errors import InputError, unknown_name
from iemhpc.model.gcn import takes_inputs
from iemhpc.model.inputs import TARGETS
from iemhpc.model.training import Configuration, Seeds
from iemhpc.tables.dataset import LEVELS
from iemhpc.workspace import content_hash

HIGHEST_SEED = 2**32 - 1
"""What numpy's random states take."""

PRESETS: dict[str, dict[str, Any]] = {
    # Grid, folds and seeds as printed; one seed for split, folds and weights, as published.
    "paper": {
        "hidden": (128, 256),
        "batch_size": (10, 20),
        "learning_rate": (0.01, 0.005, 0.001, 0.0005),
        "seeds": (28, 42, 48),
        "folds": 11,
        "max_epochs": 1000,
    },
    # Small enough for a minute on two cores with 90 rows.
    "demo": {
        "hidden": (64,),
        "batch_size": (20,),
        "learning_rate": (0.005, 0.001),
        "seeds": (42,),
        "folds": 11,
        "max_epochs": 300,
        "patience": 60,
    },
}


@dataclass(frozen=True, slots=True, kw_only=True)
class TuneRequest:
    """A grid in cross-validation; the defaults are the study's.

    Examples
    --------
    >>> request = TuneRequest.of("demo", levels=("graph",), hidden=(32, 64))
    >>> len(request.blocks(request.levels)), request.folds
    (4, 11)
    """

    levels: tuple[str, ...] | None = None
    """What the models see; None: every level that the data allow."""
    hidden: tuple[int, ...] = (128, 256)
    """Widths of the layers."""
    batch_size: tuple[int, ...] = (10, 20)
    """Rows a step."""
    learning_rate: tuple[float, ...] = (0.01, 0.005, 0.001, 0.0005)
    """Of Adam."""
    seeds: tuple[int, ...] = (28, 42, 48)
    """Each is the seed of the split, the weights and the batches of its trainings."""
    split_seed: int | None = None
    """One test set and one set of folds for all seeds; None: each seed draws its own."""
    folds: int = 11
    """Validation sets in the part that is not held out."""
    test_fraction: float = 0.2
    """Share of the points that is held out from everything."""
    target: str = "gamma"
    """gamma or ln_gamma."""
    depth: int = 2
    """Graph convolutions."""
    max_epochs: int = 1000
    """Epochs at most."""
    patience: int = 100
    """Epochs without a better validation loss after which a training stops."""
    inputs: tuple[str, ...] = ()
    """Columns of the dataset that the level with descriptors sees after the twelve."""

    def __post_init__(self) -> None:
        for level in self.levels or ():
            if level not in LEVELS:
                raise unknown_name("level", level, LEVELS)
        if self.inputs and not any(map(takes_inputs, self.levels or LEVELS)):
            raise InputError(
                f"--inputs {','.join(self.inputs)}: no level asked for sees them; add --level "
                f"{LEVELS[-1]}"
            )
        if self.target not in TARGETS:
            raise unknown_name("target", self.target, TARGETS)
        for name in ("hidden", "batch_size", "learning_rate", "seeds"):
            _check_values(name, getattr(self, name), lowest=0 if name == "seeds" else None)
        for name in ("depth", "max_epochs", "patience"):
            _check_values(name, (getattr(self, name),), lowest=None)

    @classmethod
    def of(cls, preset: str | None = None, **changes: Any) -> "TuneRequest":
        """Return the request of a preset, or the default one, with changes; None changes nothing.

        Raises
        ------
        UnknownNameError
            Where there is no such preset.
        """
        if preset is not None and preset not in PRESETS:
            raise unknown_name("preset", preset, PRESETS)
        start = PRESETS[preset] if preset else {}
        given = {name: value for name, value in changes.items() if value is not None}
        return cls(**{**start, **given})

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> "TuneRequest":
        """Return the request that ``asdict`` and JSON have made a mapping of lists of."""
        known = {field.name for field in fields(cls)}
        plain: dict[str, Any] = {
            name: tuple(one) if isinstance(one, list) else one
            for name, one in value.items()
            if name in known
        }
        return cls(**plain)

    @property
    def said(self) -> dict[str, Any]:
        """All of it by name, for the hash; without further inputs as before there were any."""
        said = asdict(self)
        if not self.inputs:
            del said["inputs"]
        return said

    @property
    def split_seeds(self) -> tuple[int, ...]:
        """The seeds of all test sets that are drawn."""
        return self.seeds if self.split_seed is None else (self.split_seed,)

    def blocks(self, levels: Sequence[str] | None = None) -> "tuple[Block, ...]":
        """Return all blocks of some levels, those that take longest first."""
        grid = product(
            levels or self.levels or LEVELS,
            self.hidden,
            self.batch_size,
            self.learning_rate,
            self.seeds,
        )
        blocks = [
            Block(
                configuration=Configuration(
                    level=level,
                    hidden=hidden,
                    batch_size=batch_size,
                    learning_rate=learning_rate,
                    target=self.target,
                    depth=self.depth,
                    max_epochs=self.max_epochs,
                    patience=self.patience,
                    inputs=self.inputs if takes_inputs(level) else (),
                ),
                seeds=Seeds(
                    split=seed if self.split_seed is None else self.split_seed,
                    init=seed,
                    batch=seed,
                ),
                folds=self.folds,
                test_fraction=self.test_fraction,
            )
            for level, hidden, batch_size, learning_rate, seed in grid
        ]
        return tuple(sorted(blocks, key=_cost, reverse=True))


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """One configuration and its seeds, with all folds."""

    configuration: Configuration
    """Hyper-parameters."""
    seeds: Seeds
    """Every random choice."""
    folds: int
    """Validation sets."""
    test_fraction: float
    """Share of the points that is held out."""

    @property
    def block_id(self) -> str:
        """Hash of all of it."""
        return content_hash({**asdict(self), "configuration": self.configuration.said})

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> "Block":
        """Return the block that ``asdict`` has made a mapping of."""
        return cls(
            configuration=Configuration(
                **{**value["configuration"], "inputs": tuple(value["configuration"]["inputs"])}
            ),
            seeds=Seeds(**value["seeds"]),
            folds=value["folds"],
            test_fraction=value["test_fraction"],
        )


def _cost(block: Block) -> float:
    return block.configuration.hidden / block.configuration.batch_size


def _check_values(name: str, values: Sequence[float], *, lowest: float | None) -> None:
    option = "--" + name.removeprefix("max_").replace("seeds", "seed").replace("_", "-")
    if not values:
        raise InputError(f"{name} is empty; give at least one value ({option})")
    for value in values:
        if name == "seeds" and value > HIGHEST_SEED:
            raise InputError(f"{option} {value:g}; wanted {HIGHEST_SEED} or less")
        if value <= 0 if lowest is None else value < lowest:
            wanted = "a number above 0" if lowest is None else f"{lowest:g} or more"
            raise InputError(f"{option} {value:g}; wanted {wanted}")
