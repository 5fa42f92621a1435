"""Blocks as Ray Tune trials: on the cores here, on GPUs, or on a Ray that is already running.

A trial is a whole block, because a trial costs up to seconds of start-up. Its result is a file of
the tuning's folder, so what counts as done does not depend on Ray, and a tuning whose driver was
killed goes on with the blocks that are missing. Actors are reused; a worker or node that dies is
retried twice. Ray Tune's fit() does not raise where trials fail, so errors are asked for.
"""

import contextlib
import logging
import os
import shutil
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import ray
import torch
from ray import tune

from iemhpc.errors import IemhpcError, ProgramError, ResourceError
from iemhpc.model.blocks import block_path, train_block, write_block
from iemhpc.model.request import Block
from iemhpc.progress import Say, quiet

_QUIET = {
    # no telemetry, no second progress table, no loggers beside our own tables
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
    "TUNE_DISABLE_AUTO_CALLBACK_LOGGERS": "1",
    "RAY_AIR_NEW_OUTPUT": "0",
}
_OBJECT_STORE_BYTES = 128 * 1024**2
_MOST_TRIALS_A_GPU = 16
_PREFIX = "iemray"


MANY_BLOCKS = 20
"""From here on a tuning takes long enough on cores for a person to be told of the quick one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Machines:
    """Where trials run."""

    gpus: int = 0
    """GPUs to use; 0: cores only."""
    cpus: int | None = None
    """Cores to use where Ray is started here; None: all that this process may use."""
    address: str | None = None
    """A running Ray, such as ``auto`` or ``host:6379``; None: start one and end it again."""


def check_gpus(gpus: int, *, present: int, where: str = "this machine") -> None:
    """Refuse more GPUs than there are.

    Raises
    ------
    ResourceError
        The message holds the line to type instead.
    """
    if gpus <= present:
        return
    there = {0: "no GPU", 1: "1 GPU"}.get(present, f"{present} GPUs")
    raise ResourceError(
        f"--gpus {gpus}: {where} has {there} that torch {torch.__version__} can use; "
        f"use: iemhpc tune --gpus {present}"
    )


def check_machines(machines: Machines) -> None:
    """Refuse GPUs that are not here; those of a running Ray are counted once it is joined."""
    if machines.address is None and not ray.is_initialized():
        check_gpus(machines.gpus, present=torch.cuda.device_count())


def run_blocks(
    folder: Path,
    dataset: pd.DataFrame,
    blocks: Sequence[Block],
    *,
    machines: Machines,
    say: Say = quiet,
) -> int:
    """Train the blocks that have no result file yet and return how many those were.

    Parameters
    ----------
    folder : Path
        The tuning's folder; on several nodes it must be on a shared file system.
    dataset : DataFrame
        The whole dataset.
    blocks : sequence of Block
        In the order in which they should start.

    Raises
    ------
    ResourceError
        Where there are fewer GPUs than asked.
    ProgramError
        Where blocks are still missing in the end; those that are done are kept.
    """
    folder = folder.resolve()
    missing = [block for block in blocks if not block_path(folder, block).exists()]
    if not missing:
        return 0
    check_machines(machines)
    done = len(blocks) - len(missing)
    n_folds = blocks[0].folds
    say(
        f"starting Ray; {len(missing)} of {len(blocks)} blocks to train, {n_folds} networks each"
        + ("; a quick look first: --preset demo" if len(missing) > MANY_BLOCKS else "")
    )
    with _ray(machines):
        errors = _fit(folder, dataset, missing, machines=machines, say=_counting(say, done, blocks))
    still = [block for block in missing if not block_path(folder, block).exists()]
    if still:
        raise ProgramError(
            f"{len(still)} of {len(blocks)} blocks are not trained"
            + (f"; the first error: {errors[0]}" if errors else " (interrupted)")
            + "; the others are kept: give the same command again to go on"
        )
    return len(missing)


def _counting(say: Say, done: int, blocks: Sequence[Block]) -> Say:
    count, began = done, time.monotonic()

    def say_count(line: str) -> None:
        nonlocal count
        count += 1
        # blocks that take longest come first, so this is rather too long than too short
        left_min = (time.monotonic() - began) / (count - done) * (len(blocks) - count) / 60.0
        left = f"; about {left_min:.0f} min left" if left_min >= 1.0 else ""
        say(f"{count} of {len(blocks)} blocks: {line}{left}")

    return say_count


def _fit(
    folder: Path,
    dataset: pd.DataFrame,
    blocks: Sequence[Block],
    *,
    machines: Machines,
    say: Say,
) -> list[str]:
    """Run one trial a block and return the errors of those that failed."""
    storage = folder / "ray"
    attempt = sum(1 for _ in storage.iterdir()) if storage.is_dir() else 0
    trainable = tune.with_parameters(
        _trial, dataset=dataset, folder=str(folder), device="cuda" if machines.gpus else "cpu"
    )
    tuner = tune.Tuner(
        tune.with_resources(trainable, _resources(len(blocks), machines)),
        param_space={"block": tune.grid_search([asdict(block) for block in blocks])},
        tune_config=tune.TuneConfig(
            metric="validation_loss", mode="min", reuse_actors=True, num_samples=1
        ),
        run_config=tune.RunConfig(
            name=f"attempt{attempt}",
            storage_path=str(storage),
            failure_config=tune.FailureConfig(max_failures=2),
            callbacks=[_Progress(say)],
            verbose=0,
        ),
    )
    results = tuner.fit()
    told = [result.metrics["error"] for result in results if "error" in (result.metrics or {})]
    return [*told, *(_last_line(error) for error in results.errors if results.num_errors)]


def _trial(config: Mapping[str, Any], *, dataset: pd.DataFrame, folder: str, device: str) -> None:
    torch.set_num_threads(1)
    block = Block.from_json(config["block"])
    try:
        trained = train_block(dataset, block, device=device)
    except IemhpcError as error:
        # would be the same at every attempt: told, not retried
        tune.report({"validation_loss": float("inf"), "error": str(error)})
        return
    write_block(block_path(Path(folder), block), trained)
    tune.report({"validation_loss": trained.validation_loss})


class _Progress(tune.Callback):  # type: ignore[misc]  # ray is not typed
    """Says a line a block."""

    def __init__(self, say: Say) -> None:
        self._say = say

    def on_trial_complete(self, iteration: int, trials: list[Any], trial: Any, **_: Any) -> None:
        configuration = trial.config["block"]["configuration"]
        loss = trial.last_result.get("validation_loss", float("nan"))
        self._say(
            f"{configuration['level']}, hidden {configuration['hidden']}, batch "
            f"{configuration['batch_size']}, rate {configuration['learning_rate']:g}: "
            f"{'failed' if 'error' in trial.last_result else f'validation loss {loss:.3g}'}"
        )

    def __getstate__(self) -> dict[str, Any]:
        # Tune saves its callbacks; who listens does not belong there
        return {"_say": quiet}


def _resources(n_blocks: int, machines: Machines) -> dict[str, float]:
    if not machines.gpus:
        return {"cpu": 1}
    cpus = max(1, int(ray.cluster_resources().get("CPU", 1)))
    together = -(-min(n_blocks, cpus) // machines.gpus)
    return {"cpu": 1, "gpu": 1.0 / min(max(together, 1), _MOST_TRIALS_A_GPU)}


@contextlib.contextmanager
def _ray(machines: Machines) -> Iterator[None]:
    """Join a running Ray, or start one here and end it afterwards."""
    os.environ.update({name: os.environ.get(name, value) for name, value in _QUIET.items()})
    if ray.is_initialized():
        check_gpus(machines.gpus, present=_gpus_of_ray(), where="the running Ray")
        yield
        return
    quiet_options = {"logging_level": logging.ERROR, "log_to_driver": False}
    temporary: Path | None = None
    if machines.address is None:
        # a short folder: paths of sockets may have 107 bytes
        temporary = Path(tempfile.mkdtemp(prefix=f"{_PREFIX}{os.getpid()}.", dir=_short_folder()))
        ray.init(
            address="local",
            num_cpus=machines.cpus or len(os.sched_getaffinity(0)),
            num_gpus=machines.gpus,
            include_dashboard=False,
            object_store_memory=_OBJECT_STORE_BYTES,
            _temp_dir=str(temporary),
            **quiet_options,
        )
    else:
        _join(machines.address, quiet_options)
    try:
        check_gpus(machines.gpus, present=_gpus_of_ray(), where="the running Ray")
        yield
    finally:
        ray.shutdown()
        if temporary is not None:
            shutil.rmtree(temporary, ignore_errors=True)


def _join(address: str, options: Mapping[str, Any]) -> None:
    try:
        ray.init(address=address, **options)
    except (ConnectionError, RuntimeError, ValueError) as error:
        raise ResourceError(
            f"--address {address}: no Ray answers there ({_last_line(error)}); start one with "
            "'ray start --head', or leave --address out to start one here"
        ) from error


def _gpus_of_ray() -> int:
    return int(ray.cluster_resources().get("GPU", 0))


def _short_folder() -> str:
    return "/tmp" if os.access("/tmp", os.W_OK) else tempfile.gettempdir()


def _last_line(error: object) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[-1] if lines else repr(error)
