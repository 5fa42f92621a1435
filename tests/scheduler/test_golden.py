"""What each shipped profile makes of the job scripts, remembered; see golden/make.py."""

import importlib.util
import subprocess
from pathlib import Path
from types import ModuleType

import pytest

from iemhpc.resources import resource

HERE = Path(__file__).parent / "golden"
NAMES = sorted(path.stem for path in resource("jobs", "clusters").glob("*.toml"))


@pytest.fixture(scope="module")
def make() -> ModuleType:
    """The script that makes the files."""
    spec = importlib.util.spec_from_file_location("golden_make", HERE / "make.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("name", NAMES)
def test_every_script_of_every_shipped_profile_passes_bash(make: ModuleType, name: str) -> None:
    texts = make.scripts(name)
    assert len(texts) >= 3
    for text in texts.values():
        assert "@@" not in text
        done = subprocess.run(["bash", "-n"], input=text, text=True, check=False)
        assert done.returncode == 0


@pytest.mark.parametrize("name", NAMES)
def test_a_profile_fills_in_what_it_did(make: ModuleType, name: str) -> None:
    assert make.filled_in(name) == (HERE / f"{name}.txt").read_text(), (
        "if it is meant: python tests/scheduler/golden/make.py"
    )


def test_every_golden_file_has_its_profile() -> None:
    assert sorted(path.stem for path in HERE.glob("*.txt")) == NAMES
