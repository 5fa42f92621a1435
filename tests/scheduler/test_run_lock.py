"""One writer a run folder: which locks run.sh respects, and which it takes over."""

import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from iemhpc.processes import ProcessIdentity, boot_of_this_machine, this_process
from iemhpc.scheduler.base import Resources, Submission
from iemhpc.scheduler.local import LocalScheduler
from iemhpc.scheduler.run_files import read_plan
from iemhpc.scheduler.scripts import render_runs
from iemhpc.settings.cluster import ClusterSettings
from iemhpc.workspace import Workspace

WriteBox = Callable[..., Path]
STOLEN = "another process is at it"


@pytest.fixture
def run(tmp_path: Path, write_water_box: WriteBox) -> Path:
    """A run whose LAMMPS only notes that it was started, and ends after half a second."""
    run = write_water_box(tmp_path / "runs" / "a1")
    program = tmp_path / "notes.sh"
    program.write_text("#!/bin/sh\necho started >>notes\nsleep 0.5\nexit 7\n")
    program.chmod(0o755)
    cluster = ClusterSettings.model_validate({"scheduler": "local", "lammps": [str(program)]})
    files = render_runs(
        Submission(runs=(run,), submission_id="0f", plans=(read_plan(run),)),
        workspace=Workspace(tmp_path),
        cluster=cluster,
        resources=Resources(),
    )
    for path, text in files.items():
        path.write_text(text)
    return run


def begin(run: Path, **environment: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        ["bash", run / "run.sh"],
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, **environment},
    )


def end(process: subprocess.Popen[str]) -> tuple[int, str]:
    _, words = process.communicate(timeout=60)
    return process.returncode, words


def starts(run: Path) -> int:
    notes = run / "notes"
    return len(notes.read_text().splitlines()) if notes.exists() else 0


def hold(run: Path, words: str, *, name: str = "owner.x", age_s: float = 0.0) -> None:
    """Leave a lock with these words in it."""
    (run / "run.lock").mkdir()
    (run / "run.lock" / name).write_text(f"{words}\n")
    then = time.time() - age_s
    os.utime(run / "run.lock" / name, (then, then))
    os.utime(run / "run.lock", (then, then))


def owner(identity: ProcessIdentity) -> str:
    return f"{identity.host} {identity.pid} none {identity.start} {identity.boot}"


def init() -> ProcessIdentity:
    """The first process: it lives, and it is another user's unless we are root."""
    try:
        stat = Path("/proc/1/stat").read_text()
    except OSError:
        pytest.skip("/proc does not show the processes of others here")
    start = stat[stat.rfind(")") + 1 :].split()[19]
    return ProcessIdentity(
        host=socket.gethostname(), pid=1, start=start, boot=boot_of_this_machine()
    )


def test_a_lock_says_whose_it_is_and_leaves_nothing_behind(run: Path) -> None:
    process = begin(run)
    while not starts(run):
        time.sleep(0.02)
    (mark,) = (run / "run.lock").iterdir()
    host, pid, _job, start, boot = mark.read_text().split()
    assert (host, int(pid), boot) == (socket.gethostname(), process.pid, boot_of_this_machine())
    assert start.isdigit()
    assert end(process)[0] == 7
    assert not list(run.glob("run.lock*"))


def test_a_living_process_of_another_user_keeps_its_lock(run: Path) -> None:
    hold(run, owner(init()))
    code, words = end(begin(run))
    assert code == 75
    assert f"{STOLEN}: number 1 on {socket.gethostname()} (run.lock)" in words
    assert starts(run) == 0
    assert [path.name for path in run.glob("run.lock*")] == ["run.lock"]


@pytest.mark.skipif(os.getuid() != 0, reason="only root starts a process of another user")
@pytest.mark.parametrize(("age_s", "is_held"), [(0.0, True), (700.0, False)])
def test_a_lock_without_a_start_of_another_user_counts_while_it_is_touched(
    run: Path, age_s: float, is_held: bool
) -> None:
    with tempfile.TemporaryDirectory() as open_to_all:
        folder = shutil.copytree(run, Path(open_to_all) / "a1")
        with subprocess.Popen(["sleep", "60"], cwd=folder) as living:
            hold(folder, f"{socket.gethostname()} {living.pid} none", name="owner", age_s=age_s)
            for path in [Path(open_to_all), folder, *folder.rglob("*")]:
                path.chmod(0o777)
            as_nobody = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
            done = subprocess.run([*as_nobody, "bash", folder / "run.sh"], check=False, timeout=60)
            living.kill()
    assert (done.returncode == 75) == is_held


@pytest.mark.parametrize(
    "words",
    [
        f"{socket.gethostname()} 4194305 none 1 {boot_of_this_machine()}",
        f"{socket.gethostname()} 1 none 999999999999 {boot_of_this_machine()}",
        f"{socket.gethostname()} 1 none 1 00000000",
        f"{socket.gethostname()} 4194305 none",
    ],
    ids=["gone", "number given again", "before the boot", "gone, without its start"],
)
def test_the_lock_of_the_dead_is_taken_over(run: Path, words: str) -> None:
    hold(run, words)
    assert end(begin(run))[0] == 7
    assert starts(run) == 1


def test_a_lock_of_another_host_counts_while_it_is_touched(run: Path) -> None:
    hold(run, "elsewhere 17 none 1 00000000")
    code, words = end(begin(run))
    assert code == 75
    assert f"{STOLEN}: number 17 on elsewhere" in words
    os.utime(run / "run.lock", (1, 1))
    os.utime(run / "run.lock" / "owner.x", (1, 1))
    assert end(begin(run))[0] == 7


def test_a_lock_whose_owner_was_killed_before_it_wrote_its_name_blocks_nobody(run: Path) -> None:
    (run / "run.lock").mkdir()
    assert end(begin(run))[0] == 7


def test_of_many_that_take_over_a_stale_lock_one_runs(run: Path, tmp_path: Path) -> None:
    """As on a slow file system: whatever takes or removes a lock needs up to half a second."""
    slow = tmp_path / "slow"
    slow.mkdir()
    for name in ("mv", "rm", "ls"):
        (slow / name).write_text(
            f'#!/bin/bash\ncase "$*" in *run.lock*) sleep 0.$((RANDOM % 5)) ;; esac\n'
            f'exec /bin/{name} "$@"\n'
        )
        (slow / name).chmod(0o755)
    hold(run, owner(this_process()).replace(str(os.getpid()), "4194305"))
    several = [begin(run, PATH=f"{slow}:{os.environ['PATH']}") for _ in range(6)]
    ends = [end(process) for process in several]
    # one after the other may do it, two at once must not
    assert starts(run) == sum(code == 7 for code, _ in ends) >= 1
    status = [line.split() for line in (run / "attempts.log").read_text().splitlines()]
    assert len(status) == starts(run)
    assert all(code == 7 or STOLEN in words for code, words in ends)


def test_a_folder_that_cannot_be_written_is_said(run: Path) -> None:
    (run / "bin").mkdir()
    (run / "bin" / "mkdir").write_text("#!/bin/sh\necho 'mkdir: no space left' >&2\nexit 1\n")
    (run / "bin" / "mkdir").chmod(0o755)
    code, words = end(begin(run, PATH=f"{run / 'bin'}:{os.environ['PATH']}"))
    assert code == 74
    assert "no lock can be made in" in words


def test_a_run_that_another_process_has_is_told_by_the_local_scheduler(run: Path) -> None:
    hold(run, "elsewhere 17 none 1 00000000")
    profile = ClusterSettings.model_validate({"scheduler": "local"})
    scheduler = LocalScheduler(Workspace(run.parents[1]), profile, Resources())
    said: list[str] = []
    submission = Submission(runs=(run,), submission_id="0f", plans=(read_plan(run),))
    scheduler.submit(submission, say=said.append)
    (line,) = said
    assert "not started: " in line
    assert f"{STOLEN}: number 17 on elsewhere (run.lock); if it is not, delete run.lock" in line
    assert not (run / "attempts.log").exists()
