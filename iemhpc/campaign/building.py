"""The boxes of a campaign: built here, or left to the jobs; each once, whoever else is at it.

A run is claimed by a lock while its box is being built, so that two commands at once share the
work: what the other has claimed is passed over, and waited for at the end.
"""

import shutil
import time
from collections.abc import Sequence
from contextlib import ExitStack

from iemhpc.campaign.plans import Planned
from iemhpc.campaign.unbuilt import FOLDER, build_planned, building_lock, write_unbuilt
from iemhpc.errors import IemhpcError, LockedError
from iemhpc.lammps.run_folder import is_built, write_run
from iemhpc.progress import Say, quiet
from iemhpc.workspace import Workspace

LOOK_S = 1.0
"""Between two looks at what another process builds."""


def write_folders(
    workspace: Workspace, planned: Sequence[Planned], *, in_job: bool = False, say: Say = quiet
) -> dict[str, str]:
    """Write the run folders that are not there.

    Parameters
    ----------
    workspace : Workspace
        Where ``runs/`` is.
    planned : sequence of Planned
        The runs, in the order to build them.
    in_job : bool
        Whether the boxes are left to the jobs: folders then hold what is needed for it.
    say : callable
        Takes lines of progress.

    Returns
    -------
    dict
        Run -> why it could not be built.
    """
    if in_job:
        return _write_unbuilt(workspace, planned, say=say)
    new = [one for one in planned if not is_built(workspace.run(one.run_id))]
    fields = {(one.chemistry.force_field, one.chemistry.charges_wanted) for one in planned}
    return _Builder(workspace, n_boxes=len(new), n_fields=len(fields), say=say).build(new)


def _write_unbuilt(workspace: Workspace, planned: Sequence[Planned], *, say: Say) -> dict[str, str]:
    problems: dict[str, str] = {}
    new = [one for one in planned if not workspace.run(one.run_id).exists()]
    for one in new:
        try:
            write_unbuilt(workspace, one)
        except (IemhpcError, OSError) as error:
            problems[one.run_id] = str(error)
            say(f"{one.system.name}: not written: {error}")
    if new:
        boxes = "1 box is" if len(new) == 1 else f"{len(new)} boxes are"
        say(f"{boxes} built by the jobs")
    return problems


class _Builder:
    """Builds boxes one after the other and keeps what could not be built."""

    def __init__(self, workspace: Workspace, *, n_boxes: int, n_fields: int, say: Say) -> None:
        self.workspace, self.n_boxes, self.n_fields, self.say = workspace, n_boxes, n_fields, say
        self.n_tried = 0
        self.problems: dict[str, str] = {}

    def build(self, new: Sequence[Planned]) -> dict[str, str]:
        """Build all; what others have claimed last, unless they build it."""
        waiting = list(new)
        is_told = False
        while waiting:
            claimed = [one for one in waiting if not self._try(one)]
            if len(claimed) == len(waiting):
                if not is_told:
                    runs = ", ".join(one.run_id for one in claimed)
                    self.say(f"waiting for another process, which is building {runs}")
                is_told = True
                time.sleep(LOOK_S)
            waiting = claimed
        return self.problems

    def _try(self, one: Planned) -> bool:
        """Build a box unless it is there; return False where another process has claimed it."""
        folder = self.workspace.run(one.run_id)
        with ExitStack() as claim:
            try:
                claim.enter_context(building_lock(folder))
            except LockedError:
                return False
            if not is_built(folder):
                self._build(one)
        return True

    def _build(self, one: Planned) -> None:
        self.n_tried += 1
        name = one.system.name
        # of several force fields, boxes of one concentration and seed look alike
        field = f"{one.chemistry.force_field} {one.chemistry.charges_wanted}, "
        self.say(
            f"box {self.n_tried} of {self.n_boxes}: {name}, {field if self.n_fields > 1 else ''}"
            f"{one.composition.realised_salt_molar:.3g} mol/L, seed {one.plan.physics['seed']}"
        )
        try:
            folder = write_run(self.workspace, one.plan, build_planned(one, say=_once(self.say)))
            shutil.rmtree(folder / FOLDER, ignore_errors=True)
        except IemhpcError as error:
            is_known = str(error) in self.problems.values()
            self.problems[one.run_id] = str(error)
            self.say(f"{name}: not built: {'for the same reason' if is_known else error}")


def _once(say: Say) -> Say:
    """Return how a box says its lines: those that each of its chains repeats, once."""
    told: set[str] = set()

    def say_new(line: str) -> None:
        if line not in told:
            told.add(line)
            say(f"  {line}")

    return say_new
