"""Many trajectories at once: in this process, in several of this machine, or under Ray on many.

A task that fails is told by its error and stops no other; so is one whose process was killed, as
the kernel does where memory runs out.
"""

import contextlib
import multiprocessing
import os
import queue
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from typing import Generic, TypeVar

from iemhpc.descriptors.ray_tasks import run_under_ray
from iemhpc.errors import IemhpcError, InputError, ProgramError

Task = TypeVar("Task")
Result = TypeVar("Result")

EXPECTED = (IemhpcError, OSError, RuntimeError)
"""What can go wrong with one trajectory; anything else is an error of ours and is not hidden."""

PRELOADED = "iemhpc.descriptors.reading"
"""What every process needs, imported once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where trajectories are read."""

    processes: int = 1
    """On this machine."""
    address: str | None = None
    """A running Ray, such as ``auto`` or ``host:6379``; then one task a trajectory there."""

    @property
    def is_here(self) -> bool:
        """Whether it is this process."""
        return self.processes == 1 and self.address is None

    def __post_init__(self) -> None:
        if self.processes < 1:
            raise InputError(f"--processes: got {self.processes}, wanted at least 1")
        if self.address is not None and self.processes > 1:
            raise InputError(
                "--processes is for this machine and --address for a running Ray; give one of them"
            )


@dataclass(frozen=True, slots=True)
class Outcome(Generic[Task, Result]):
    """What became of a task."""

    task: Task
    result: Result | None
    error: Exception | None
    """Why there is no result."""


def work_through(
    tasks: Sequence[Task], work: Callable[[Task], Result], *, place: Place
) -> Iterator[Outcome[Task, Result]]:
    """Yield what becomes of each task, in the order in which they end.

    Parameters
    ----------
    tasks : sequence
        Each can be pickled.
    work : callable
        A function of a module, which every process can import.
    place : Place
        Where it is done. Nothing is started for a single task on this machine.
    """
    if place.address is not None:
        for task, result, error in run_under_ray(tasks, work, address=place.address):
            yield Outcome(task, result, error)
        return
    n_processes = min(place.processes, len(tasks))
    if n_processes <= 1:
        for task in tasks:
            yield _here(task, work)
        return
    yield from _in_processes(tasks, work, n_processes=n_processes)


def _here(task: Task, work: Callable[[Task], Result]) -> Outcome[Task, Result]:
    try:
        return Outcome(task, work(task), None)
    except EXPECTED as error:
        return Outcome(task, None, error)


def _in_processes(
    tasks: Sequence[Task], work: Callable[[Task], Result], *, n_processes: int
) -> Iterator[Outcome[Task, Result]]:
    waiting: queue.SimpleQueue[Task] = queue.SimpleQueue()
    for task in tasks:
        waiting.put(task)
    ended: queue.SimpleQueue[Outcome[Task, Result]] = queue.SimpleQueue()
    stop = threading.Event()
    # a pool of one for each, as the death of one process is the end of its whole pool
    slots = [
        threading.Thread(target=_slot, args=(waiting, ended, work, stop), daemon=True)
        for _ in range(n_processes)
    ]
    for slot in slots:
        slot.start()
    try:
        for _ in tasks:
            outcome = ended.get()
            if outcome.error is not None and not isinstance(outcome.error, EXPECTED):
                raise outcome.error
            yield outcome
    finally:
        stop.set()
        for slot in slots:
            slot.join()


def _slot(
    waiting: "queue.SimpleQueue[Task]",
    ended: "queue.SimpleQueue[Outcome[Task, Result]]",
    work: Callable[[Task], Result],
    stop: threading.Event,
) -> None:
    """Hand task after task to one process; give it another where it dies."""
    pool = _one_process()
    while not stop.is_set():
        try:
            task = waiting.get_nowait()
        except queue.Empty:
            break
        try:
            future = pool.submit(work, task)
            while not future.done() and not stop.wait(0.02):
                pass
            if stop.is_set():
                _end(pool)
                return
            ended.put(Outcome(task, future.result(), None))
        except BrokenProcessPool:
            dead = ProgramError(
                "its process was killed, as happens where memory runs out; try fewer --processes"
            )
            ended.put(Outcome(task, None, dead))
            pool = _one_process()
        except Exception as error:  # told by whoever listens
            ended.put(Outcome(task, None, error))
    pool.shutdown()


def _one_process() -> ProcessPoolExecutor:
    # fork copies locks of other threads; a server that imported all once forks cheaply
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([PRELOADED])
    return ProcessPoolExecutor(max_workers=1, mp_context=context, initializer=_end_with_parent)


def _end(pool: ProcessPoolExecutor) -> None:
    for process in list((pool._processes or {}).values()):
        with contextlib.suppress(OSError):
            process.terminate()
    pool.shutdown(wait=True, cancel_futures=True)


def _end_with_parent() -> None:
    """End this process when the one that it works for has gone, even by kill -9."""
    parent = multiprocessing.parent_process()

    def watch() -> None:
        if parent is not None:
            parent.join()
            os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
