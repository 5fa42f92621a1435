"""A task of an array whose runs were cut short, and a queue that is away when it is told so."""

import os
import subprocess
import time
from pathlib import Path

import pytest

from iemhpc.scheduler.scripts import fill_script
from iemhpc.workspace import Workspace

AWAY = "Unable to contact slurm controller (connect failure)"
CUT_SHORT = "echo x >>attempts.log; exit 75"


def write_task(tmp_path: Path, script: str, *, wall_s: int = 600) -> Path:
    """Write the script of a task with one run, which is cut short at once."""
    run = tmp_path / "run"
    for folder in (run, tmp_path / "of"):
        folder.mkdir()
    (run / "run.sh").write_text(f'cd "$(dirname "$0")"; {CUT_SHORT}\n')
    (run / "job.json").write_text('{"task": "1", "attempts": 0}\n')
    (tmp_path / "list").write_text(f"{run}\n")
    given = {
        "list": str(tmp_path / "list"),
        "runs_per_job": "1",
        "wall_s": str(wall_s),
        "warning_s": "120",
        "attempts": "3",
        "umask": "",
    }
    task = fill_script("task.sh", given, workspace=Workspace(tmp_path))
    names = {"header": "", "task": task, "folder": str(tmp_path / "of"), "next": "next"}
    path = tmp_path / "job.sh"
    path.write_text(fill_script(script, names | given, workspace=Workspace(tmp_path)))
    return path


def write_programs(tmp_path: Path, name: str, *, fails: int, words: str, says: str = "") -> str:
    """Write a program of the queue that fails so often before it works; return the PATH to it."""
    programs = tmp_path / "bin"
    programs.mkdir()
    (programs / name).write_text(
        f'#!/bin/bash\necho "$@" >>"{tmp_path}/asked"\n'
        f'[ "$(wc -l <"{tmp_path}/asked")" -le {fails} ] && {{ echo "{words}" >&2; exit 1; }}\n'
        f'echo "a warning of the centre" >&2\necho "{says}"\n'
    )
    # the pauses are for a queue that is busy, not for us; the warning before the limit stays
    (programs / "sleep").write_text(
        '#!/bin/sh\n[ "$1" -le 60 ] && exec /bin/sleep 0.01\nexec /bin/sleep "$1"\n'
    )
    for path in programs.iterdir():
        path.chmod(0o755)
    return f"{programs}:{os.environ['PATH']}"


def run_task(script: Path, path: str) -> tuple[int, str]:
    done = subprocess.run(
        ["bash", script],
        env={
            **os.environ,
            "PATH": path,
            "SLURM_ARRAY_TASK_ID": "0",
            "SLURM_JOB_ID": "41",
            "PBS_JOBID": "7.head",
        },
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )
    return done.returncode, done.stderr


def asked(tmp_path: Path) -> list[str]:
    return (tmp_path / "asked").read_text().splitlines()


def test_a_controller_that_is_away_at_the_limit_is_asked_until_it_hears(tmp_path: Path) -> None:
    script = write_task(tmp_path, "slurm.sh")
    path = write_programs(tmp_path, "scontrol", fails=4, words=AWAY)
    code, words = run_task(script, path)
    assert code == 75
    assert asked(tmp_path) == ["requeue 41"] * 5
    assert words.count(AWAY) == 4
    assert "not queued again" not in words


@pytest.mark.parametrize(
    ("words", "wall_s"),
    [
        ("Requested operation is presently disabled", 600),
        (AWAY, 10),  # no time is left
    ],
)
def test_a_task_that_cannot_be_queued_again_says_what_to_do(
    tmp_path: Path, words: str, wall_s: int
) -> None:
    script = write_task(tmp_path, "slurm.sh", wall_s=wall_s)
    code, said = run_task(script, write_programs(tmp_path, "scontrol", fails=99, words=words))
    assert code == 75
    assert asked(tmp_path) == ["requeue 41"]
    assert f"{words}\nnot queued again; submit again: iemhpc md-submit\n" in said


def test_the_end_of_the_time_ends_the_asking(tmp_path: Path) -> None:
    script = write_task(tmp_path, "slurm.sh", wall_s=17)
    begun = time.monotonic()
    code, _ = run_task(script, write_programs(tmp_path, "scontrol", fails=9999, words=AWAY))
    assert code == 75
    assert len(asked(tmp_path)) > 2
    assert time.monotonic() - begun < 5.0


def test_a_pbs_server_that_is_away_is_asked_until_it_hears(tmp_path: Path) -> None:
    script = write_task(tmp_path, "pbs.sh", wall_s=240)
    words = "qsub: cannot connect to server head (errno=15010)"
    code, _ = run_task(
        script, write_programs(tmp_path, "qsub", fails=2, words=words, says="8.head")
    )
    assert code == 75
    assert len(asked(tmp_path)) == 3
    assert '"task": "8.head", "attempts": 1' in (tmp_path / "run" / "job.json").read_text()
    assert (tmp_path / "next" / "7.head").read_text() == "8.head\n"
