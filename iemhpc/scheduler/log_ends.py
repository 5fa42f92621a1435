"""The ends of a run's logs, with what their errors mean."""

from iemhpc.lammps.failures import explain_error
from iemhpc.lammps.log_file import error_lines
from iemhpc.scheduler.runs import find_run
from iemhpc.workspace import Workspace


def log_ends(workspace: Workspace, run_id: str, *, lines: int = 20) -> list[str]:
    """Return the last lines of each stage's latest log, and what an error in them means.

    Raises
    ------
    UnknownNameError
        Where no run or several begin like ``run_id``.
    """
    run = find_run(workspace, run_id)
    said = []
    for path in sorted(run.glob("log.*.lammps"), key=lambda path: path.stat().st_mtime):
        text = path.read_text(encoding="utf-8", errors="replace")
        said += [f"== {path}", *text.splitlines()[-lines:]]
        for error in error_lines(text):
            said.append(f"   {error}")
            said.append(f"   meaning: {explain_error(error) or 'see the line itself'}")
    return said or [f"{run}: no log yet; iemhpc status says where it is"]
