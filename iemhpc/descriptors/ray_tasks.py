"""Trajectories under Ray, one task each, on whatever nodes a running Ray has.

Joining a Ray that is not there can take minutes, or for ever. So somebody must listen at the
address first, and then a process of its own joins on trial, which can be ended.
"""

import contextlib
import logging
import os
import re
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from importlib import import_module
from typing import Any, TypeVar

from iemhpc.errors import IemhpcError, ProgramError, ResourceError

Task = TypeVar("Task")
Result = TypeVar("Result")

LISTEN_S = 5.0
"""How long an address may take to accept a connection."""
JOIN_S = 60.0
"""How long a Ray may take to let somebody join."""

_HOST_PORT = re.compile(r"^(?:ray://)?\[?(?P<host>[^\[\]/]+?)\]?:(?P<port>\d{1,5})$")
_JOIN = "import ray, sys; ray.init(address=sys.argv[1], log_to_driver=False); ray.shutdown()"
_QUIET = {"RAY_USAGE_STATS_ENABLED": "0", "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0"}


def run_under_ray(
    tasks: Sequence[Task], work: Callable[[Task], Result], *, address: str
) -> Iterator[tuple[Task, Result | None, Exception | None]]:
    """Yield each task with its result or its error, in the order in which they end.

    Parameters
    ----------
    tasks : sequence
        Their files must be on a file system that all nodes share.
    work : callable
        A function of this package, which must be installed on all nodes.
    address : str
        ``auto`` or ``host:6379``.

    Raises
    ------
    ResourceError
        Where no Ray answers at the address within a minute or so.
    """
    if not tasks:
        return
    check_address(address)
    ray = import_module("ray")
    os.environ.update({name: os.environ.get(name, value) for name, value in _QUIET.items()})
    ray.init(address=address, logging_level=logging.ERROR, log_to_driver=False)
    try:
        remote = ray.remote(num_cpus=1, max_retries=1)(work)
        pending = {remote.remote(task): task for task in tasks}
        while pending:
            (done,), _ = ray.wait(list(pending), num_returns=1)
            yield _outcome(ray, done, pending.pop(done))
    finally:
        ray.shutdown()


def _outcome(ray: Any, done: Any, task: Task) -> tuple[Task, Result | None, Exception | None]:
    try:
        return task, ray.get(done), None
    except ray.exceptions.RayTaskError as error:
        cause = error.cause if isinstance(error.cause, Exception) else error
        if isinstance(cause, IemhpcError | OSError | RuntimeError):
            return task, None, cause
        raise
    except ray.exceptions.RayError as error:  # a node or its memory went away
        lines = [line.strip() for line in str(error).splitlines() if line.strip()]
        return task, None, ProgramError(f"Ray lost the task: {lines[0] if lines else error!r}")


def check_address(address: str, *, listen_s: float = LISTEN_S, join_s: float = JOIN_S) -> None:
    """Refuse an address at which no Ray answers, in a known time.

    Raises
    ------
    ResourceError
        Where nobody listens, or who listens is no Ray that can be joined.
    """
    start = "start one with 'ray start --head', or leave --address out to read here"
    if found := _HOST_PORT.match(address):
        try:
            with contextlib.closing(
                socket.create_connection((found["host"], int(found["port"])), timeout=listen_s)
            ):
                pass
        except (OSError, OverflowError) as error:
            raise ResourceError(
                f"--address {address}: nobody listens there ({error}; waited up to {listen_s:g} "
                f"s); {start}"
            ) from error
    try:
        trial = subprocess.run(
            [sys.executable, "-c", _JOIN, address],
            capture_output=True,
            text=True,
            timeout=join_s,
            env={**os.environ, **_QUIET},
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise ResourceError(
            f"--address {address}: no Ray let us join within {join_s:g} s; {start}"
        ) from error
    if trial.returncode:
        raise ResourceError(
            f"--address {address}: no Ray answers there ({_cause(trial.stderr)}); {start}"
        )


def _cause(said: str) -> str:
    r"""Return what Ray itself says went wrong, which stands before what Python makes of it.

    Examples
    --------
    >>> _cause("ray.exceptions.AuthenticationError: RPC error: no token\nConnectionError: failed")
    'ray.exceptions.AuthenticationError: RPC error: no token'
    """
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    own = [line for line in lines if line.startswith("ray.exceptions.")]
    return (own or lines[-1:] or ["no reason"])[0][:300]
