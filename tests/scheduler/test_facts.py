"""The index must never be seen: neither in what is said nor when it is damaged, old or gone."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from iemhpc.scheduler import facts as facts_module
from iemhpc.scheduler.facts import INDEX, RunFacts, read_all_facts
from iemhpc.workspace import Workspace, write_json

WriteBox = Callable[..., Path]


@pytest.fixture
def workspace(tmp_path: Path, write_water_box: WriteBox) -> Workspace:
    workspace = Workspace(tmp_path)
    for name in ("a1", "b2"):
        write_water_box(workspace.run(name))
        write_json(workspace.run(name) / "status.json", done())
        settle(workspace.run(name))
    return workspace


def done(**values: Any) -> dict[str, Any]:
    said = {"state": "done", "stage": "production", "attempt": 1, "rc": 0, "reason": ""}
    return {**said, "host": "n1", "pid": 1, "n_steps": 200, **values}


def settle(folder: Path) -> None:
    """Make a folder as old as those that the index keeps."""
    old = time.time() - 60
    for path in (folder / "plan.json", folder):
        os.utime(path, (old, old))


def look(workspace: Workspace) -> list[RunFacts]:
    return read_all_facts(workspace, indexed=True)


def test_what_the_index_says_is_what_the_files_say(workspace: Workspace) -> None:
    plain = read_all_facts(workspace, indexed=False)
    assert not (workspace.runs / INDEX).exists()
    assert look(workspace) == plain
    assert (workspace.runs / INDEX).exists()
    assert look(workspace) == plain


def test_unchanged_folders_are_not_read_again(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    look(workspace)
    read = list[str]()
    plain = facts_module.read_facts
    monkeypatch.setattr(facts_module, "read_facts", lambda run: read.append(run.name) or plain(run))
    write_json(workspace.run("b2") / "status.json", done(state="failed"))
    assert [each.status and each.status.state for each in look(workspace)] == ["done", "failed"]
    assert read == ["b2"]


def test_a_folder_that_changed_a_moment_ago_is_not_kept(workspace: Workspace) -> None:
    write_json(workspace.run("a1") / "status.json", done(state="failed"))
    look(workspace)
    assert list(json.loads((workspace.runs / INDEX).read_text())["runs"]) == ["b2"]


def test_a_plan_changed_in_place_is_seen(workspace: Workspace) -> None:
    look(workspace)
    path = workspace.run("a1") / "plan.json"
    folder_ns = workspace.run("a1").stat().st_mtime_ns
    path.write_text(path.read_text() + " ")
    assert workspace.run("a1").stat().st_mtime_ns == folder_ns
    values = json.loads(path.read_text())
    values["sampling"]["production_ps"] = 0.8
    path.write_text(json.dumps(values))
    assert look(workspace)[0].production_ps == 0.8


@pytest.mark.parametrize("text", ["", "{", "[]", '{"version": 1}', '{"version": "x", "runs": {}}'])
def test_a_damaged_index_or_one_of_another_version_is_made_anew(
    workspace: Workspace, text: str
) -> None:
    plain = look(workspace)
    (workspace.runs / INDEX).write_text(text)
    assert look(workspace) == plain
    assert json.loads((workspace.runs / INDEX).read_text())["runs"].keys() == {"a1", "b2"}


def test_entries_of_a_strange_shape_are_read_from_the_files(workspace: Workspace) -> None:
    plain = look(workspace)
    index = json.loads((workspace.runs / INDEX).read_text())
    index["runs"]["a1"][1] = ["nonsense"]
    index["runs"]["b2"] = None
    (workspace.runs / INDEX).write_text(json.dumps(index))
    assert look(workspace) == plain


@pytest.mark.parametrize(
    ("place", "value"),
    [(3, "much"), (3, None), (9, 1.5), (13, [0, "fast"]), (16, ["done"]), (3, 1e400)],
)
def test_entries_with_a_value_of_another_type_are_read_from_the_files(
    workspace: Workspace, place: int, value: Any
) -> None:
    plain = look(workspace)
    index = json.loads((workspace.runs / INDEX).read_text())
    index["runs"]["a1"][1][place] = value
    (workspace.runs / INDEX).write_text(json.dumps(index))
    assert look(workspace) == plain


def test_runs_that_were_deleted_leave_the_index(workspace: Workspace) -> None:
    look(workspace)
    workspace.run("a1").rename(workspace.root / "elsewhere")
    assert [each.run_id for each in look(workspace)] == ["b2"]
    assert list(json.loads((workspace.runs / INDEX).read_text())["runs"]) == ["b2"]


def test_an_index_that_cannot_be_written_is_done_without(workspace: Workspace) -> None:
    (workspace.runs / INDEX).mkdir()
    (workspace.runs / INDEX / "full").write_text("")
    assert [each.run_id for each in look(workspace)] == ["a1", "b2"]


def test_two_that_look_at_once_both_see_everything(workspace: Workspace) -> None:
    code = (
        "import sys; from pathlib import Path\n"
        "from iemhpc.scheduler.facts import INDEX, read_all_facts\n"
        "from iemhpc.workspace import Workspace\n"
        "workspace = Workspace(Path(sys.argv[1]))\n"
        "for _ in range(40):\n"
        "    (workspace.runs / INDEX).unlink(missing_ok=True)\n"
        "    assert len(read_all_facts(workspace, indexed=True)) == 2\n"
    )
    both = [subprocess.Popen([sys.executable, "-c", code, str(workspace.root)]) for _ in range(2)]
    assert [process.wait(60) for process in both] == [0, 0]
    assert len(look(workspace)) == 2


def test_files_beside_the_runs_are_no_runs(workspace: Workspace) -> None:
    (workspace.runs / "notes.txt").write_text("mine")
    assert [each.run_id for each in look(workspace)] == ["a1", "b2"]
