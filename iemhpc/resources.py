"""Where ``data/``, ``lammps_templates/`` and ``jobs/`` lie, in a checkout and in a wheel."""

from pathlib import Path

from iemhpc.errors import MissingInputError

PACKAGE = Path(__file__).resolve().parent


def resource(*parts: str) -> Path:
    """Return the path of a file or folder that the project ships.

    Examples
    --------
    >>> resource("data", "salts.csv").name
    'salts.csv'
    """
    for root in (PACKAGE / "_resources", PACKAGE.parent):
        path = root.joinpath(*parts)
        if path.exists():
            return path
    raise MissingInputError(
        f"{'/'.join(parts)} is neither in the installed package nor in a checkout at "
        f"{PACKAGE.parent}; reinstall iemhpc"
    )
