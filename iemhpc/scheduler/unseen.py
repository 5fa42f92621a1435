"""Since when jobs are missing from their queue: noted by whoever looks first.

A job that has waited for a week and ends in a moment has a grace period, too, so it is counted from
the first look that did not find the job (``runs/.unseen.json``). Two may write at once and the file
may be deleted: a grace period then begins anew. Where it cannot be written it does not end.
"""

import json
from collections.abc import Collection, Mapping
from contextlib import suppress

from iemhpc.workspace import Workspace, write_json

UNSEEN = ".unseen.json"


def note_unseen(
    workspace: Workspace, gone: Collection[str], *, unheard: Collection[str], now_s: float
) -> dict[str, float]:
    """Return how long ago each task was first missing, s.

    Parameters
    ----------
    workspace : Workspace
        The campaign's folder.
    gone : collection of str
        Tasks that their queue does not list.
    unheard : collection of str
        Tasks whose queue does not answer; what was noted of them stays.
    now_s : float
        Seconds since 1970.
    """
    old = _read(workspace)
    new = {task: old[task] for task in unheard if task in old}
    new |= {task: min(old.get(task, now_s), now_s) for task in gone}
    if new != old:
        with suppress(OSError):
            write_json(workspace.runs / UNSEEN, new)
    return {task: now_s - new[task] for task in gone}


def _read(workspace: Workspace) -> Mapping[str, float]:
    try:
        noted = json.loads((workspace.runs / UNSEEN).read_bytes())
        return {str(task): float(since_s) for task, since_s in noted.items()}
    except (OSError, ValueError, TypeError, AttributeError, OverflowError):
        return {}
