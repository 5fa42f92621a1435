import os
import time
from pathlib import Path

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
