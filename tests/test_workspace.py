import json
import os
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path

import pytest

from iemhpc.errors import InputError, LockedError, MissingInputError
from iemhpc.processes import this_process
from iemhpc.workspace import (
    Workspace,
    content_hash,
    lock,
    publishing,
    read_json,
    write_json,
    write_text,
)


def test_a_file_that_fails_halfway_leaves_the_old_one_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    write_text(path, "old")
    with pytest.raises(RuntimeError), publishing(path) as temporary:
        temporary.write_text("half")
        raise RuntimeError
    assert path.read_text() == "old"
    assert os.listdir(tmp_path) == ["a.txt"]


def test_a_folder_is_replaced_whole(tmp_path: Path) -> None:
    for content in ("one", "two"):
        with publishing(tmp_path / "run") as temporary:
            temporary.mkdir()
            (temporary / content).write_text(content)
    assert os.listdir(tmp_path / "run") == ["two"]
    assert os.listdir(tmp_path) == ["run"]


def test_numbers_hash_by_value_and_order_of_keys_does_not_count() -> None:
    assert content_hash({"a": 1, "b": [2, 3]}) == content_hash({"b": (2.0, 3.0), "a": 1.0})
    assert content_hash({"a": True}) != content_hash({"a": 1})
    assert content_hash({"a": None}) != content_hash({"a": "None"})


def test_a_missing_input_names_the_command_that_makes_it(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    with pytest.raises(MissingInputError, match=r"dataset\.parquet .*make it with: iemhpc dataset"):
        workspace.need(workspace.dataset, made_by="iemhpc dataset build")


def test_damaged_json_says_so(tmp_path: Path) -> None:
    path = tmp_path / "status.json"
    path.write_text('{"state": "run')
    with pytest.raises(InputError, match=r"status\.json is not JSON"):
        read_json(path)


def test_json_round_trip(tmp_path: Path) -> None:
    write_json(tmp_path / "a.json", {"x": [1, 2.5, None]})
    assert read_json(tmp_path / "a.json") == {"x": [1, 2.5, None]}


def test_a_held_lock_names_its_holder(tmp_path: Path) -> None:
    with (
        lock(tmp_path / "lock", what="retrain"),
        pytest.raises(LockedError, match=rf"process {os.getpid()} on .* \(retrain\)"),
        lock(tmp_path / "lock", what="tune"),
    ):
        pass
    assert os.listdir(tmp_path) == []


def test_the_lock_of_a_dead_process_is_taken_over(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    code = (
        "import os, pathlib; from iemhpc.workspace import lock\n"
        f"with lock(pathlib.Path({str(path)!r}), what='dying'): os._exit(9)"
    )
    subprocess.run([sys.executable, "-c", code], check=False, timeout=60)
    assert json.loads(path.read_text())["what"] == "dying"
    with lock(path, what="living"):
        assert json.loads(path.read_text())["what"] == "living"
    assert os.listdir(tmp_path) == []


def test_a_lock_file_without_content_of_another_age_is_waited_for(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    path.write_text("")
    with pytest.raises(LockedError, match="delete"), lock(path, what="tune"):
        pass
    os.utime(path, (1, 1))
    with lock(path, what="tune"):
        pass


def test_a_lock_that_a_full_disk_does_not_take_leaves_nothing(tmp_path: Path) -> None:
    code = (
        "import pathlib, resource; from iemhpc.workspace import lock\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))  # every write fails\n"
        f"with lock(pathlib.Path({str(tmp_path / 'lock')!r}), what='tune'): pass"
    )
    died = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert "OSError: [Errno 27] File too large" in died.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_lock_whose_number_was_given_again_is_taken_over(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    me = asdict(this_process())
    path.write_text(json.dumps({**me, "boot": "0" * 8, "token": "x", "what": "before the boot"}))
    with lock(path, what="after it"):
        assert json.loads(path.read_text())["what"] == "after it"


def test_a_lock_of_another_host_is_left_while_its_heart_beats(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    path.write_text(json.dumps({"host": "elsewhere", "pid": 1, "token": "x", "what": "tune"}))
    with pytest.raises(LockedError, match="process 1 on elsewhere"), lock(path, what="tune"):
        pass
    os.utime(path, (1, 1))
    with lock(path, what="tune"):
        pass


@pytest.mark.parametrize("mode", [0o660, 0o600, 0o644])
def test_a_file_written_anew_is_for_whom_the_old_one_was(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "plan.json"
    write_json(path, 1)
    path.chmod(mode)
    old = os.umask(0o077)
    try:
        write_json(path, 2)
    finally:
        os.umask(old)
    assert path.stat().st_mode & 0o777 == mode


def test_a_lock_can_be_read_by_those_who_share_the_folder(tmp_path: Path) -> None:
    tmp_path.chmod(0o770)
    old = os.umask(0o077)
    try:
        with lock(tmp_path / "lock", what="submit"):
            assert (tmp_path / "lock").stat().st_mode & 0o777 == 0o660
    finally:
        os.umask(old)


@pytest.mark.skipif(os.getuid() != 0, reason="only root can become another user")
def test_a_lock_of_another_user_that_cannot_be_read_is_said() -> None:
    code = (
        "import os, pathlib, sys, tempfile\n"
        "from iemhpc.errors import LockedError\n"
        "from iemhpc.workspace import lock\n"
        "folder = pathlib.Path(tempfile.mkdtemp()); folder.chmod(0o777)\n"
        "(folder / 'lock').write_text('{}'); (folder / 'lock').chmod(0o600)\n"
        "with lock(folder / 'mine', what='submit'): pass\n"  # all is imported
        "os.setuid(65534)\n"
        "try:\n"
        "    with lock(folder / 'lock', what='submit'): pass\n"
        "except LockedError as error: print(error)\n"
        "(folder / 'lock').unlink()\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=60
    )
    assert "is the lock of another user" in done.stdout, done.stderr
