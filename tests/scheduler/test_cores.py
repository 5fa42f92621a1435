"""Submissions of one machine share its cores, and a core is free when its run is gone."""

import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from iemhpc.scheduler.cores import Cores, cores_of_this_machine, take_cores


@pytest.fixture(autouse=True)
def own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))


def test_a_core_is_given_once_until_it_is_given_back() -> None:
    every = len(cores_of_this_machine())
    taken = take_cores(every)
    assert taken
    assert take_cores(1) is None
    taken.give_back()
    taken.give_back()
    again = take_cores(1)
    assert again
    again.give_back()


def test_too_few_free_cores_leave_none_taken() -> None:
    every = len(cores_of_this_machine())
    assert take_cores(every + 1) is None
    taken = take_cores(every)
    assert taken
    taken.give_back()


def test_the_cores_of_a_killed_submission_are_taken_until_its_run_has_ended(tmp_path: Path) -> None:
    every = len(cores_of_this_machine())
    script = (
        "import subprocess, tempfile, sys, time; tempfile.tempdir = sys.argv[1]\n"
        "from iemhpc.scheduler.cores import take_cores\n"
        f"cores = take_cores({every})\n"
        "child = subprocess.Popen(['sleep', '60'], pass_fds=cores.numbers)\n"
        "print(child.pid, flush=True)\n"
        "time.sleep(60)\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script, str(tmp_path)], stdout=subprocess.PIPE
    ) as submission:
        assert submission.stdout
        run = int(submission.stdout.readline())
        submission.kill()
    assert take_cores(1) is None
    os.kill(run, 9)
    until = time.monotonic() + 10
    while (taken := take_cores(every)) is None:
        assert time.monotonic() < until
        time.sleep(0.02)
    taken.give_back()


def test_a_folder_that_is_not_ours_shares_nothing(tmp_path: Path) -> None:
    (tmp_path / f"iemhpc-cores-{os.getuid()}").write_text("in the way")
    assert take_cores(1) == Cores()


def test_the_files_of_taken_cores_are_kept_young(tmp_path: Path) -> None:
    folder = tmp_path / f"iemhpc-cores-{os.getuid()}"
    taken = take_cores(1)
    assert taken
    (file,) = folder.iterdir()
    for path in (folder, file):
        os.utime(path, (1, 1))
    taken.keep_fresh()
    assert all(time.time() - path.stat().st_mtime < 60 for path in (folder, file))
    taken.give_back()


def test_a_file_that_a_cleaner_takes_at_the_very_moment_is_no_core(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import fcntl

    honest = fcntl.flock

    def clean(file: Any, how: int) -> None:
        honest(file, how)
        if how & fcntl.LOCK_EX:
            Path(file.name).unlink()

    monkeypatch.setattr("fcntl.flock", clean)
    assert take_cores(1) is None
    monkeypatch.undo()
