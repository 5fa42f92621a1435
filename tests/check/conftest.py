"""A real run, made once, and copies of it to plant faults in."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from iemhpc.campaign import submit_campaign
from iemhpc.workspace import Workspace


@pytest.fixture(scope="session")
def finished(lmp: str, tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """CR61 in NaCl at 24 Å, through the whole ``test`` protocol."""
    workspace = Workspace(tmp_path_factory.mktemp("finished"))
    settings = {"salt": ["NaCl"], "salt_molar": [0.5], "box_A": 24.0, "replicas": 1}
    submit_campaign(workspace, ["CR61"], overrides=settings | {"protocol": "test"})
    return workspace


@pytest.fixture
def copied(finished: Workspace, tmp_path: Path) -> Callable[[], tuple[Workspace, Path]]:
    """Function that copies the run, to be spoilt."""

    def copy() -> tuple[Workspace, Path]:
        workspace = Workspace(tmp_path / "campaign")
        shutil.copytree(finished.runs, workspace.runs)
        (run,) = workspace.runs.iterdir()
        return workspace, run

    return copy
