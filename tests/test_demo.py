import os
from pathlib import Path

import pytest

from iemhpc.demo import CAMPAIGN, PROTOCOLS, run_demo
from iemhpc.errors import UnknownNameError
from iemhpc.settings.protocol import PRESETS
from iemhpc.workspace import Workspace


@pytest.mark.lammps
def test_the_whole_pipeline_runs_and_run_again_does_nothing_twice(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path / "demo")
    said: list[str] = []
    demo = run_demo(workspace, size="test", say=said.append)
    assert demo.page.stat().st_size > 100_000
    assert demo.retrain.exists()
    assert len(list(workspace.runs.glob("*/production.*.dcd"))) == 3
    before = _times(workspace.root)
    again = run_demo(workspace, size="test", say=said.append)
    assert sum(again.seconds.values()) < 0.5 * sum(demo.seconds.values())
    changed = {name for name, time in _times(workspace.root).items() if before.get(name) != time}
    assert {name for name in changed if name.endswith((".dcd", ".parquet", ".png"))} == set()
    assert sum(line.startswith("[") for line in said) == 16


def test_every_size_names_a_protocol_that_exists() -> None:
    assert set(PROTOCOLS.values()) <= set(PRESETS)
    assert "{protocol}" in CAMPAIGN


def test_an_unknown_size_lists_the_known_ones(tmp_path: Path) -> None:
    with pytest.raises(UnknownNameError, match="Known: demo, test"):
        run_demo(Workspace(tmp_path / "w"), size="big")
    assert os.listdir(tmp_path) == []


def _times(root: Path) -> dict[str, int]:
    return {
        str(path.relative_to(root)): path.stat().st_mtime_ns
        for path in root.rglob("*")
        if path.is_file()
    }
