"""status, cancel and resubmit as they are typed."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from iemhpc.workspace import Workspace, write_json

WriteBox = Callable[..., Path]
# what runs the tests may ignore Ctrl-C, as a shell's background jobs do
WITH_CTRL_C = ("env", "--default-signal=INT")
CALL = "from iemhpc.cli.app import main; main()"


@pytest.fixture
def workspace(tmp_path: Path, write_water_box: WriteBox) -> Workspace:
    workspace = Workspace(tmp_path)
    for name in ("a1", "b2"):
        write_water_box(workspace.run(name))
    said = {"state": "failed", "stage": "production", "attempt": 1, "rc": 1, "host": "n1"}
    said |= {"reason": "ERROR: Lost atoms: original 3 current 2", "pid": 1, "n_steps": 200}
    write_json(workspace.run("b2") / "status.json", said)
    return workspace


def iemhpc(workspace: Workspace, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", CALL, *words],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env={**os.environ, "IEMHPC_WORKSPACE": str(workspace.root)},
    )


def rows(answer: subprocess.CompletedProcess[str]) -> list[dict[str, Any]]:
    assert answer.returncode == 0, answer.stderr
    found: list[dict[str, Any]] = json.loads(answer.stdout)
    return found


def test_status_filters_and_speaks_json(workspace: Workspace) -> None:
    (failed,) = rows(iemhpc(workspace, "status", "--state", "failed", "--json"))
    assert failed["run_id"] == "b2"
    assert "Lost atoms: original 3" in failed["reason"]
    assert {"done_ns", "ns_per_day", "hours_left", "core_hours", "estimated_core_hours"} <= set(
        failed
    )
    assert (failed["seed"], failed["water_per_site"], failed["force_field"]) == (1, 0.0, "")
    assert [row["run_id"] for row in rows(iemhpc(workspace, "status", "a", "--json"))] == ["a1"]
    assert iemhpc(workspace, "status", "--system", "water").stdout.count("water/NaCl") == 2


def test_status_says_what_it_does_not_know(workspace: Workspace) -> None:
    answer = iemhpc(workspace, "status", "--state", "dnoe")
    assert (answer.returncode, answer.stdout) == (2, "")
    assert "unknown state 'dnoe'; did you mean 'done'?" in answer.stderr
    answer = iemhpc(workspace, "status", "--state", "done")
    assert (answer.returncode, answer.stdout) == (0, "none of 2 runs is done\n")
    answer = iemhpc(workspace, "status", "--watch", "--json")
    assert "give one of them" in answer.stderr


def test_status_loads_no_more_than_a_table_needs(workspace: Workspace) -> None:
    code = (
        "import sys; sys.argv = ['iemhpc', 'status']; from iemhpc.cli.app import main\n"
        "try:\n main()\nexcept SystemExit: pass\n"
        "heavy = ('numpy', 'pandas', 'pyarrow', 'iemhpc.settings.cluster')\n"
        "print([name for name in heavy if name in sys.modules])"
    )
    answer = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
        env={**os.environ, "IEMHPC_WORKSPACE": str(workspace.root)},
    )
    assert answer.stdout.splitlines()[-1] == "[]"


def test_watching_draws_again_and_ends_well_on_ctrl_c(workspace: Workspace) -> None:
    with subprocess.Popen(
        [*WITH_CTRL_C, sys.executable, "-u", "-c", CALL, "status", "--watch", "--every", "0.5"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "IEMHPC_WORKSPACE": str(workspace.root)},
    ) as process:
        assert process.stdout
        seen = [process.stdout.readline() for _ in range(6)]
        assert "Ctrl-C to end" in seen[0]
        (workspace.run("a1") / "cancelled.json").write_text("{}")
        until = time.monotonic() + 20.0
        while "1 cancelled, 1 failed" not in seen[-1]:
            assert time.monotonic() < until
            seen.append(process.stdout.readline())
        process.send_signal(signal.SIGINT)
        _, complaint = process.communicate(timeout=20)
    assert process.returncode == 0
    assert complaint == ""
    assert "\x1b" not in "".join(seen)  # no terminal: nothing to clear


def test_cancel_and_resubmit_tell_what_they_did_by_words_and_code(workspace: Workspace) -> None:
    answer = iemhpc(workspace, "cancel", "a", "b2")
    assert answer.returncode == 4
    assert answer.stdout.splitlines()[:2] == [
        "a1: cancelled",
        "b2: left as it is: it has failed and stays so; iemhpc resubmit starts it again",
    ]
    assert iemhpc(workspace, "status", "a").stdout.splitlines()[-1] == "1 cancelled"
    answer = iemhpc(workspace, "resubmit", "a1")
    assert answer.returncode == 2
    assert "a1 was never submitted" in answer.stderr
    assert iemhpc(workspace, "cancel", "z").returncode == 2


def test_what_is_over_is_not_said_to_start_again(workspace: Workspace) -> None:
    answer = iemhpc(workspace, "cancel", "b2")
    assert answer.returncode == 1
    assert answer.stdout == (
        "b2: left as it is: it has failed and stays so; iemhpc resubmit starts it again\n"
    )


def test_cancel_and_resubmit_take_the_filters_of_status(workspace: Workspace) -> None:
    answer = iemhpc(workspace, "cancel", "--state", "planned", "--system", "water")
    assert answer.stdout.splitlines() == [
        "a1: cancelled",
        "next: iemhpc status; iemhpc resubmit starts them again",
    ]
    answer = iemhpc(workspace, "resubmit", "--state", "done")
    assert (answer.returncode, answer.stdout) == (0, "")
    assert answer.stderr == "none of 2 runs is done\n"
    for command in ("cancel", "resubmit"):
        answer = iemhpc(workspace, command)
        assert answer.returncode == 2
        assert "which runs? give their ids, --state or --system" in answer.stderr
