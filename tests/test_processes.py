import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from iemhpc.processes import (
    identity_text,
    is_same_process,
    parse_identity,
    this_process,
)

needs_proc = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="no /proc here")


def test_this_process_lives_and_survives_its_text() -> None:
    me = this_process()
    assert me.pid == os.getpid()
    assert is_same_process(me) is True
    assert parse_identity(identity_text(me)) == me


def test_a_process_of_another_host_is_not_judged() -> None:
    assert is_same_process(replace(this_process(), host="elsewhere")) is None


@needs_proc
def test_a_number_that_was_given_again_is_another_process() -> None:
    me = this_process()
    assert is_same_process(replace(me, start=str(int(me.start) - 1))) is False


@needs_proc
def test_a_process_of_the_boot_before_is_gone() -> None:
    assert is_same_process(replace(this_process(), boot="0" * 8)) is False


def test_an_identity_without_start_goes_by_its_number() -> None:
    assert is_same_process(replace(this_process(), start="", boot="")) is True


@needs_proc
def test_a_zombie_is_gone() -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as child:
        identity = replace(this_process(), pid=child.pid, start="")
        assert is_same_process(identity) is True
        child.kill()
        os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)  # dead, but not yet reaped
        assert is_same_process(identity) is False
    assert is_same_process(identity) is False


@pytest.mark.parametrize("text", ["", "41_0", "host", "host:", ":41", "host:x"])
def test_what_is_no_identity_is_none(text: str) -> None:
    assert parse_identity(text) is None
