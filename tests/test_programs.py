import os
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest

from iemhpc.errors import ProgramError
from iemhpc.programs import Ended, find_program, need_program, run_program


def test_a_program_at_its_limit_goes_with_its_children(tmp_path: Path) -> None:
    began = time.monotonic()
    ended = run_program(
        ["bash", "-c", "echo begun; sleep 60 & echo $! > child; wait"],
        limit_s=1.0,
        folder=tmp_path,
    )
    assert ended == Ended(code=None, text="begun\n")
    assert time.monotonic() - began < 20.0
    child = int((tmp_path / "child").read_text())
    for _ in range(50):
        if not _lives(child):
            break
        time.sleep(0.1)
    assert not _lives(child)


def test_a_signal_just_after_the_start_leaves_no_program_behind(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pids = []

    class Interrupted(subprocess.Popen[str]):
        def __init__(self, *words: Any, **named: Any) -> None:
            super().__init__(*words, **named)
            pids.append(self.pid)
            os.kill(os.getpid(), signal.SIGTERM)

    def leave(*_: object) -> None:
        raise SystemExit(143)

    monkeypatch.setattr("iemhpc.programs.subprocess.Popen", Interrupted)
    before = signal.signal(signal.SIGTERM, leave)
    try:
        with pytest.raises(SystemExit, match="143"):
            run_program(["sleep", "60"], limit_s=30.0)
        assert signal.getsignal(signal.SIGTERM) is leave
    finally:
        signal.signal(signal.SIGTERM, before)
    assert not _lives(pids[0])


def test_exit_code_output_input_and_environment_pass_through(tmp_path: Path) -> None:
    (tmp_path / "in").write_text("from a file")
    ended = run_program(
        ["bash", "-c", 'cat; echo " $WORD"; echo bad >&2; exit 3'],
        limit_s=10.0,
        environment={"WORD": "and the environment"},
        reads=tmp_path / "in",
    )
    assert ended == Ended(code=3, text="from a file and the environment\nbad\n")


def test_a_program_that_is_nowhere_says_what_for_and_how_to_get_it() -> None:
    assert find_program("no-such-program") is None
    with pytest.raises(ProgramError, match=r"no-such-program is needed to pack; .* Get it: pip"):
        need_program("no-such-program", why="pack", get="pip install it")


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return Path(f"/proc/{pid}/stat").read_text().split()[2] != "Z"
