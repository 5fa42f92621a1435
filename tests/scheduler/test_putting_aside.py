"""What is moved away for a fresh start comes back, and never looks finished in between."""

import json
from pathlib import Path

import pytest

from iemhpc.scheduler.putting_aside import PutAside

NAMES = (
    *("production.0.dcd", "production.500.dcd", "segment.0.txt", "segment.500.txt"),
    *("production.data", "production.steps", "production.a.restart", "segments.json"),
)


@pytest.fixture
def run(tmp_path: Path) -> Path:
    for name in (*NAMES, "production.in", "cancelled.json"):
        (tmp_path / name).write_text(name)
    status = {"state": "done", "stage": "production", "attempt": 3, "rc": 0, "reason": ""}
    (tmp_path / "status.json").write_text(json.dumps(status))
    return tmp_path


def contents(run: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(run)): path.read_bytes() for path in run.rglob("*.*") if path.is_file()
    }


def test_what_was_moved_away_comes_back(run: Path) -> None:
    before = contents(run)
    moved = PutAside(run)
    moved.move(fresh=True)
    assert {path.name for path in run.glob("production.*")} == {"production.in"}
    assert moved.folder == run / "aside.3"
    moved.move_back()
    assert contents(run) == before
    assert not (run / "aside.3").exists()


def test_the_end_of_a_production_goes_first(run: Path) -> None:
    moved = PutAside(run)
    moved.move(fresh=True)
    order = [source.name for source, _ in moved.moves]
    first = ["status.json", "production.steps", "production.data", "production.a.restart"]
    assert order[:4] == first
    assert json.loads((run / "status.json").read_text())["state"] == "interrupted"


def test_a_folder_of_an_earlier_fresh_start_is_not_written_over(run: Path) -> None:
    (run / "aside.3").mkdir()
    (run / "aside.3" / "production.0.dcd").write_text("older")
    moved = PutAside(run)
    moved.move(fresh=True)
    assert moved.folder == run / "aside.3.2"
    assert (run / "aside.3" / "production.0.dcd").read_text() == "older"


def test_a_failure_halfway_is_undone(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = contents(run)
    moved = PutAside(run)
    real = Path.replace

    def fails_at_a_trajectory(path: Path, target: Path) -> Path:
        if path.suffix == ".dcd" and path.parent == run:
            raise OSError("No space left on device")
        return real(path, target)

    with monkeypatch.context() as failing:
        failing.setattr(Path, "replace", fails_at_a_trajectory)
        with pytest.raises(OSError, match="No space left"):
            moved.move(fresh=True)
    assert not moved.is_sent
    moved.move_back()
    assert contents(run) == before
