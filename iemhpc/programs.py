"""How another program is found, run to its end, and ended with all its children."""

import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from iemhpc.errors import ProgramError


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """How a program ended."""

    code: int | None
    """Exit code; None where it did not end in time and was killed."""
    text: str
    """What it wrote to standard output and standard error."""


def find_program(name: str) -> str | None:
    """Return the path of a program on the PATH or beside the Python that runs this.

    The second makes a virtual environment work that nobody has activated.
    """
    beside = Path(sys.executable).parent
    return shutil.which(name) or shutil.which(name, path=os.fspath(beside))


def need_program(name: str, *, why: str, get: str) -> str:
    """Return the path of a program, or say what it is for and how to get it.

    Raises
    ------
    ProgramError
        Where it is not installed.
    """
    path = find_program(name)
    if path is None:
        raise ProgramError(
            f"{name} is needed to {why}; it is neither on the PATH nor beside {sys.executable}. "
            f"Get it: {get}"
        )
    return path


def run_program(
    command: Sequence[str],
    *,
    limit_s: float,
    folder: Path | None = None,
    environment: Mapping[str, str] | None = None,
    reads: Path | None = None,
) -> Ended:
    r"""Run a program to its end, or to its limit.

    The wheels' programs are launchers and antechamber starts a shell that starts sqm, so the
    program leads a process group of its own, which goes as a whole: at the limit, and where we
    are interrupted.

    Parameters
    ----------
    command : sequence of str
        The program and its words.
    limit_s : float
        Wall time it may take.
    folder : Path, optional
        Where it runs.
    environment : mapping, optional
        Variables that replace ours.
    reads : Path, optional
        File for its standard input; default: nothing.

    Raises
    ------
    OSError
        Where the program cannot be started.

    Examples
    --------
    >>> run_program(["echo", "packed"], limit_s=10.0)
    Ended(code=0, text='packed\n')
    """
    with Path(reads or os.devnull).open("rb") as stream:
        let_through = _hold_back()
        try:
            begun = subprocess.Popen(
                list(command),
                stdin=stream,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                cwd=folder,
                env={**os.environ, **(environment or {})},
                text=True,
                errors="replace",
                start_new_session=True,
            )
        except BaseException:
            let_through()
            raise
    with begun as process:
        try:
            let_through()
            text, _ = process.communicate(timeout=limit_s)
        except subprocess.TimeoutExpired:
            _kill_group(process)
            text, _ = process.communicate()
            return Ended(code=None, text=text or "")
        finally:
            if process.poll() is None:
                _kill_group(process)
    return Ended(code=process.returncode, text=text)


def _hold_back() -> Callable[[], None]:
    """Hold back the signals that end us until the function returned is called.

    Between the start of a program and the ``try`` that ends it, they would leave it behind.
    Handlers are changed, not the mask, which the program would inherit.
    """
    came: list[int] = []
    own = {}
    if threading.current_thread() is threading.main_thread():  # others get no signals
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            handler = signal.getsignal(number)
            if callable(handler):  # the system's own way ends us at once, whatever we do
                own[number] = handler
                signal.signal(number, lambda got, _: came.append(got))

    def let_through() -> None:
        for number, handler in own.items():
            signal.signal(number, handler)
        for late in came:
            signal.raise_signal(late)

    return let_through


def _kill_group(process: subprocess.Popen[str]) -> None:
    os.killpg(process.pid, signal.SIGKILL)
