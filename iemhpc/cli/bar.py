"""A bar in a terminal, plain lines anywhere else."""

import contextlib
import sys
from collections.abc import Iterator

from iemhpc.cli.options import say
from iemhpc.progress import Say, Track, untracked


@contextlib.contextmanager
def progress_bar(title: str) -> Iterator[tuple[Say, Track]]:
    """Yield a function for lines and one for how far it is; the bar goes when the block ends.

    Parameters
    ----------
    title : str
        What is under way.
    """
    if not sys.stderr.isatty():
        yield say, untracked
        return
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
    )

    console = Console(stderr=True)
    columns = (TextColumn(title), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task(title, total=None)

        def say_above(line: str) -> None:
            console.print(line, markup=False, highlight=False, soft_wrap=True)

        def track(done: float, total: int) -> None:
            progress.update(task, completed=done, total=total)

        yield say_above, track
