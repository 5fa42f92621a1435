import json
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest


@pytest.fixture(scope="module")
def build(load_benchmark: Callable[[str], ModuleType]) -> ModuleType:
    return load_benchmark("build")


def test_the_exponent_of_a_power_is_found(build: ModuleType) -> None:
    assert build.exponent([10, 100, 1000], [2.0, 2000.0, 2.0e6]) == pytest.approx(3.0)


def test_a_process_is_measured_and_ended_at_its_limit(build: ModuleType) -> None:
    done = build.measure([sys.executable, "-c", "print(7)"], limit_s=30)
    assert (done.failure, done.output.strip()) == ("", "7")
    assert done.peak_MiB > 1
    slow = build.measure([sys.executable, "-c", "import time; time.sleep(60)"], limit_s=0.5)
    assert slow.failure == "not done after 0 s"
    failed = build.measure([sys.executable, "-c", "raise SystemExit('no ion')"], limit_s=30)
    assert failed.failure == "no ion"


def test_a_missing_peer_is_a_reason_not_an_error(build: ModuleType) -> None:
    (line,) = build.beside_peer("/nowhere/python", limit_s=1)
    assert line.startswith("Skipped: /nowhere/python: No such file")
    assert "has no radonpy" in build.beside_peer(sys.executable, limit_s=1)[0]


def test_our_side_of_the_comparison_writes_a_box(
    build: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "chains.data"
    _, smiles, ion = build.SULFONATE
    build.our_chains(smiles, ion, 3, 2, str(path))
    atoms = json.loads(capsys.readouterr().out)["atoms"]
    assert build._n_atoms(path) == atoms == 2 * (3 * 19 + 2) + 6
