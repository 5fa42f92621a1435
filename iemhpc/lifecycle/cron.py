"""The crontab line that trains again: rendered from ``jobs/retrain.cron``, never installed."""

import shlex
import shutil
import sys
from pathlib import Path
from string import Template

from iemhpc.resources import resource
from iemhpc.settings.retrain import read_retrain, retrain_path
from iemhpc.workspace import Workspace


def cron_line(workspace: Workspace, config: Path | None = None) -> str:
    """Return the line for ``crontab -e``, with comments above it and absolute paths in it.

    Parameters
    ----------
    workspace : Workspace
        What is to be trained again. Its own ``jobs/retrain.cron`` wins over the shipped one.
    config : Path, optional
        A ``retrain.toml``; by default the workspace's.

    Raises
    ------
    MissingInputError
        Where there is no ``retrain.toml``.
    """
    path = retrain_path(workspace, config)
    settings = read_retrain(path)
    root = workspace.root.resolve()
    words = [*_program(), "retrain", "--workspace", str(root), "--config", str(path.resolve())]
    own = root / "jobs" / "retrain.cron"
    template = own if own.is_file() else resource("jobs", "retrain.cron")
    return Template(template.read_text(encoding="utf-8")).substitute(
        schedule=settings.schedule,
        command=_for_crontab(words),
        log=_for_crontab([str(root / "retrain.log")]),
        workspace=root,
    )


def _program() -> list[str]:
    """Return the words that start this very installation, whatever cron's PATH is."""
    beside = Path(sys.executable).with_name("iemhpc")
    found = str(beside) if beside.is_file() else shutil.which("iemhpc")
    return [found] if found else [sys.executable, "-c", "from iemhpc.cli.app import main; main()"]


def _for_crontab(words: list[str]) -> str:
    # crontab(5): an unescaped % ends the command, the rest becomes its standard input.
    return shlex.join(words).replace("%", r"\%")
