"""How a run reaches a node: schedulers by name."""

from importlib import import_module

from iemhpc.errors import unknown_name
from iemhpc.scheduler.base import Scheduler

SCHEDULERS = {
    "local": "iemhpc.scheduler.local:LocalScheduler",
    "slurm": "iemhpc.scheduler.slurm:SlurmScheduler",
    "pbs": "iemhpc.scheduler.pbs:PbsScheduler",
}
"""Name -> module:attribute. A new one is a module, its ``jobs/<name>.sh`` and a line here."""


def scheduler_class(name: str) -> type[Scheduler]:
    """Return a scheduler by name.

    Raises
    ------
    UnknownNameError
        Where there is none; the error lists the known ones.

    Examples
    --------
    >>> scheduler_class("local").__name__
    'LocalScheduler'
    """
    if name not in SCHEDULERS:
        raise unknown_name("scheduler", name, SCHEDULERS)
    module, attribute = SCHEDULERS[name].split(":")
    found: type[Scheduler] = getattr(import_module(module), attribute)
    return found
