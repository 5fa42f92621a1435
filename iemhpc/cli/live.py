"""A table of runs that draws itself again and again in a terminal."""

import shutil
import sys
import time
from collections.abc import Callable, Mapping, Sequence

from iemhpc.errors import IemhpcError
from iemhpc.scheduler.polling import PatientAsker
from iemhpc.scheduler.run_table import choose_rows, none_of, state_lines
from iemhpc.scheduler.runs import run_states
from iemhpc.workspace import Workspace

HOME_AND_CLEAR = "\x1b[H\x1b[2J"
FRAME_LINES = 6
"""Head, totals, the line that says how to end, and one to spare."""

ORDER = ("running", "failed", "unknown", "interrupted", "queued", "cancelled", "planned", "done")
"""What a terminal without room for all shows first."""


def watch_runs(
    workspace: Workspace,
    wanted: Mapping[str, Sequence[str]],
    *,
    every_s: float,
    sleep: Callable[[float], None] = time.sleep,
) -> None:
    """Draw the table every few seconds until Ctrl-C, which ends it well.

    Queues are asked less often than the table is drawn; files are looked at each time.
    """
    asker = PatientAsker()
    try:
        while True:
            print("\n".join(_frame(workspace, wanted, asker)), flush=True)
            sleep(every_s)
    except KeyboardInterrupt:
        print()


def _frame(
    workspace: Workspace, wanted: Mapping[str, Sequence[str]], asker: PatientAsker
) -> list[str]:
    is_terminal = sys.stdout.isatty()
    height = shutil.get_terminal_size().lines if is_terminal else None
    moment = time.strftime("%H:%M:%S")
    try:
        every = run_states(workspace, indexed=True, ask=asker)
        rows = sorted(choose_rows(every, **wanted), key=lambda row: ORDER.index(row.state))
        at_most = None if height is None else max(1, height - FRAME_LINES)
        none = "" if rows else none_of(every, **wanted)
        lines = state_lines(rows, at_most=at_most, none=none)
    except (IemhpcError, OSError) as error:
        lines = [f"{error}"]  # somebody may be writing: look again
    head = f"{HOME_AND_CLEAR if is_terminal else ''}{moment}, Ctrl-C to end"
    return [head, *lines]
