"""Which files a run must have: those it was built with, and the logs of what has ended."""

from pathlib import Path

from iemhpc.check.thermo import read_last_log
from iemhpc.errors import MissingInputError
from iemhpc.lammps.log_file import thermo_tables
from iemhpc.lammps.parameter_table import ParameterRow, read_parameters
from iemhpc.scheduler.run_files import read_status

BUILT = ("parameters.csv", "system.data", "styles.in", "roles.parquet")
"""What every run is built with, beside its plan."""

FRCMOD = "gaff2.frcmod"
"""Present where parmchk2 has estimated terms."""

_LEAVES = {
    "minimize": ("minimized.data", "whether LAMMPS warned"),
    "equilibrate": ("equilibrated.data", "how it found its density"),
    "production": ("production.data", "its temperature, pressure and drift"),
}
"""Stage -> the data file that it ends with, and what its log tells."""


def read_built(run: Path) -> tuple[ParameterRow, ...]:
    """Return the parameters of a run after a look at the files that it was built with.

    Raises
    ------
    MissingInputError
        Where one is missing or empty.
    """
    for name in BUILT:
        _need(run, name)
    rows = read_parameters(run / "parameters.csv")
    if any(_is_estimated(row) for row in rows):
        _need(run, FRCMOD)
    return rows


def lost_logs(run: Path) -> tuple[str, ...]:
    """Return a doubt for each stage that has ended and whose log is missing or says nothing."""
    status = read_status(run)
    is_done = status is not None and status.state == "done"
    return tuple(
        f"{stage} has ended, but log.{stage}.*.lammps is missing or empty: {what} cannot be judged"
        for stage, (left, what) in _LEAVES.items()
        if (is_done or (run / left).exists()) and not thermo_tables(read_last_log(run, stage))
    )


def _is_estimated(row: ParameterRow) -> bool:
    is_term = row.kind not in ("charge", "atom charge", "setting")
    return is_term and row.source.startswith("parmchk2")


def _need(run: Path, name: str) -> None:
    path = run / name
    if not path.is_file() or path.stat().st_size == 0:
        raise MissingInputError(
            f"{name} is missing or empty in runs/{run.name}, which was built with it: delete "
            f"runs/{run.name}, then: iemhpc md-submit"
        )
