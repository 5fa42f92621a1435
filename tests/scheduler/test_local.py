"""Runs on this machine with LAMMPS itself: once, resumed after anything, never twice."""

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from iemhpc.errors import InputError, ProgramError, ResourceError, UnknownNameError
from iemhpc.scheduler import scheduler_class
from iemhpc.scheduler.cluster import load_cluster
from iemhpc.scheduler.cores import cores_of_this_machine, take_cores
from iemhpc.scheduler.runs import run_states
from iemhpc.scheduler.submission import submit_runs
from iemhpc.workspace import Workspace

pytestmark = pytest.mark.usefixtures("lmp")
WriteBox = Callable[..., Path]
SUBMIT = """
import signal, sys
from pathlib import Path
signal.signal(signal.SIGINT, signal.default_int_handler)
from iemhpc.scheduler.submission import submit_runs
from iemhpc.workspace import Workspace
submit_runs(Workspace(Path(sys.argv[1])), sys.argv[2:], cluster="this-machine", say=print)
"""
LONG_PS = 12.0
LAST_STEP = 6000


@pytest.fixture(scope="module")
def equilibrated(
    lmp: str, write_water_box: WriteBox, tmp_path_factory: pytest.TempPathFactory
) -> Workspace:
    """A workspace with one finished, very short run."""
    workspace = Workspace(tmp_path_factory.mktemp("local"))
    write_water_box(workspace.run("a1"))
    submit_runs(workspace, ["a1"], cluster="this-machine")
    return workspace


@pytest.fixture
def producing(equilibrated: Workspace, tmp_path: Path) -> Workspace:
    """A workspace with a run that has everything but its production, a long one."""
    source, workspace = equilibrated.run("a1"), Workspace(tmp_path)
    folder = workspace.run("a1")
    folder.mkdir(parents=True)
    for name in ("system.data", "styles.in", "minimized.data", "equilibrated.data"):
        (folder / name).write_bytes((source / name).read_bytes())
    plan = json.loads((source / "plan.json").read_text())
    plan["sampling"] |= {"production_ps": LONG_PS, "frame_ps": 0.02}
    (folder / "plan.json").write_text(json.dumps(plan))
    return workspace


def state(workspace: Workspace) -> str:
    return run_states(workspace)[0].state


def attempts(workspace: Workspace) -> int:
    return len((workspace.run("a1") / "attempts.log").read_text().splitlines())


def start(workspace: Workspace, *runs: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-c", SUBMIT, str(workspace.root), *(runs or ("a1",))],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )


def wait_for(what: Callable[[], Any], *, seconds: float = 60.0) -> None:
    until = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < until, "it did not come"
        time.sleep(0.02)


def has_both_restarts(folder: Path) -> bool:
    return all((folder / f"production.{name}.restart").exists() for name in "ab")


def lammps_in(folder: Path) -> list[int]:
    """Processes of this machine that work in a folder."""
    found = []
    for entry in Path("/proc").iterdir():
        try:
            if entry.name.isdigit() and (entry / "cwd").resolve(strict=True) == folder.resolve():
                found.append(int(entry.name))
        except OSError:
            continue
    return found


def kill_everything_in(folder: Path) -> None:
    while found := lammps_in(folder):
        for pid in found:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        time.sleep(0.05)


def segments(folder: Path) -> list[dict[str, Any]]:
    return json.loads((folder / "segments.json").read_text())


def steps_of_latest_frames(folder: Path) -> list[int]:
    """Steps of all frames, each once, as a reader takes them: the later attempt wins."""
    import mdtraj

    by_step: dict[int, int] = {}
    for segment in sorted(segments(folder), key=lambda segment: segment["attempt"]):
        with mdtraj.formats.DCDTrajectoryFile(str(folder / segment["file"])) as stream:
            n_frames = len(stream)
        for k in range(n_frames):
            by_step[segment["first_step"] + k * segment["stride_steps"]] = segment["attempt"]
    return sorted(by_step)


@pytest.mark.lammps
def test_a_run_is_done_once(equilibrated: Workspace) -> None:
    folder = equilibrated.run("a1")
    assert state(equilibrated) == "done"
    assert segments(folder) == [
        {
            "file": "production.0.dcd",
            "first_step": 0,
            "stride_steps": 10,
            "timestep_fs": 2.0,
            "attempt": 1,
            "restart": None,
        }
    ]
    before = (folder / "production.0.dcd").stat().st_mtime_ns
    summary = submit_runs(equilibrated, ["a1"], cluster="this-machine")
    assert summary.started == ()
    assert summary.left == {"a1": "done"}
    # nor does the script itself start anything
    assert subprocess.run(["bash", str(folder / "run.sh")], check=False).returncode == 0
    assert attempts(equilibrated) == 1
    (folder / "status.json").write_text('{"state": "done", "sta')
    assert subprocess.run(["bash", str(folder / "run.sh")], check=False).returncode == 0
    assert state(equilibrated) == "done"
    assert (folder / "production.0.dcd").stat().st_mtime_ns == before


@pytest.mark.lammps
@pytest.mark.faults
def test_a_script_killed_after_the_last_step_leaves_nothing_to_run_again(
    equilibrated: Workspace, tmp_path: Path
) -> None:
    workspace = Workspace(tmp_path)
    folder = workspace.run("a1")
    shutil.copytree(equilibrated.run("a1"), folder)
    before = segments(folder), (folder / "production.0.dcd").stat().st_mtime_ns
    for name in ("production.steps", "segments.json", "status.json"):
        (folder / name).unlink()
    assert submit_runs(workspace, ["a1"], cluster="this-machine").started == ("a1",)
    assert state(workspace) == "done"
    assert (segments(folder), (folder / "production.0.dcd").stat().st_mtime_ns) == before
    assert [path.name for path in folder.glob("log.*.2.lammps")] == []


@pytest.mark.lammps
@pytest.mark.faults
def test_a_run_killed_with_everything_resumes_without_a_gap(producing: Workspace) -> None:
    folder = producing.run("a1")
    with start(producing) as process:
        wait_for(lambda: has_both_restarts(folder))
        process.kill()
        kill_everything_in(folder)
    assert state(producing) == "interrupted"
    submit_runs(producing, ["a1"], cluster="this-machine")
    assert state(producing) == "done"
    assert attempts(producing) == 2
    first, second = segments(folder)
    assert (first["attempt"], second["attempt"]) == (1, 2)
    assert second["first_step"] > 0
    assert second["restart"] in ("production.a.restart", "production.b.restart")
    assert steps_of_latest_frames(folder) == list(range(0, LAST_STEP + 1, 10))


@pytest.mark.lammps
@pytest.mark.faults
def test_a_run_told_to_end_writes_a_restart_and_goes_on_from_there(producing: Workspace) -> None:
    folder = producing.run("a1")
    with start(producing) as process:
        wait_for(lambda: has_both_restarts(folder))
        process.terminate()
        process.wait(30)
    assert not lammps_in(folder)
    status = json.loads((folder / "status.json").read_text())
    assert (status["state"], status["rc"]) == ("interrupted", 75)
    assert status["reason"] == "stopped by the signal TERM"
    assert state(producing) == "interrupted"
    submit_runs(producing, ["a1"], cluster="this-machine")
    assert state(producing) == "done"
    assert segments(folder)[-1]["restart"] == "production.restart"
    assert steps_of_latest_frames(folder) == list(range(0, LAST_STEP + 1, 10))


@pytest.mark.lammps
@pytest.mark.faults
def test_ctrl_c_ends_lammps_and_says_how_to_go_on(producing: Workspace) -> None:
    folder = producing.run("a1")
    with start(producing) as process:
        wait_for(lambda: has_both_restarts(folder))
        process.send_signal(signal.SIGINT)
        said = process.communicate(timeout=30)[0].decode()
    assert not lammps_in(folder)
    assert "interrupted: 1 run is not done; give the same command again to go on" in said
    assert "KeyboardInterrupt" in said
    assert state(producing) == "interrupted"


@pytest.mark.lammps
@pytest.mark.faults
def test_lammps_ends_when_the_submitting_process_is_killed(producing: Workspace) -> None:
    folder = producing.run("a1")
    with start(producing) as process:
        wait_for(lambda: has_both_restarts(folder))
        process.kill()
    wait_for(lambda: not lammps_in(folder), seconds=30)
    assert json.loads((folder / "status.json").read_text())["state"] == "interrupted"


@pytest.mark.lammps
@pytest.mark.faults
def test_lammps_does_not_outlive_its_killed_script(producing: Workspace) -> None:
    folder = producing.run("a1")
    with start(producing) as process:
        wait_for(lambda: has_both_restarts(folder))
        os.kill(int((folder / "lammps.pid").read_text().split()[1]), signal.SIGKILL)
        process.wait(30)
        wait_for(lambda: not lammps_in(folder), seconds=5)
    assert state(producing) == "interrupted"


@pytest.mark.lammps
@pytest.mark.faults
def test_lammps_killed_from_outside_is_interrupted_not_failed(producing: Workspace) -> None:
    folder = producing.run("a1")
    with start(producing) as process:
        wait_for(lambda: has_both_restarts(folder))
        os.killpg(int((folder / "lammps.pid").read_text().split()[0]), signal.SIGKILL)
        process.wait(30)
    (row,) = run_states(producing)
    assert row.state == "interrupted"
    assert "LAMMPS was killed" in row.reason


@pytest.mark.lammps
@pytest.mark.faults
def test_a_truncated_restart_file_falls_back_to_the_one_before(producing: Workspace) -> None:
    folder = producing.run("a1")
    with start(producing) as process:
        wait_for(lambda: has_both_restarts(folder))
        process.kill()
        kill_everything_in(folder)
    files = [folder / f"production.{name}.restart" for name in "ab"]
    newest, older = sorted(files, key=lambda path: -path.stat().st_mtime_ns)
    content = newest.read_bytes()
    newest.write_bytes(content[: len(content) // 2])
    submit_runs(producing, ["a1"], cluster="this-machine")
    assert state(producing) == "done"
    assert segments(folder)[-1]["restart"] == older.name
    assert steps_of_latest_frames(folder) == list(range(0, LAST_STEP + 1, 10))


FULL_DISK = """
mount -t tmpfs -o size=10m none "$1" && cp -r "$2"/. "$1"
used=$(du -sk "$1" | cut -f 1)
mount -o remount,size=$((used + $3))k "$1"
submit() { "$4" -c "$5" "$(dirname "$(dirname "$1")")" a1; }
submit "$@" >"$2/first"
mount -o remount,size=20m "$1"
submit "$@" >"$2/second"
cp -r "$1"/. "$2"
"""


@pytest.mark.lammps
@pytest.mark.faults
@pytest.mark.parametrize(
    ("room_KiB", "has_box", "said"),
    [
        (400, True, "ERROR on proc 0: Error writing dump frames: No space left on device"),
        (100, False, "equilibrated.data could not be written whole: is the disk or a quota full?"),
        (760, True, "production.data could not be written whole: is the disk or a quota full?"),
    ],
    ids=["trajectory", "equilibrated box", "last file"],
)
def test_a_full_disk_costs_an_attempt_and_no_frame(
    producing: Workspace,
    tmp_path_factory: pytest.TempPathFactory,
    room_KiB: int,
    has_box: bool,
    said: str,
) -> None:
    probe = ["unshare", "--user", "--map-root-user", "--mount", "true"]
    if not shutil.which("unshare") or subprocess.run(probe, check=False).returncode:
        pytest.skip("no file system of one's own can be mounted here to be filled")
    folder, kept = producing.run("a1"), tmp_path_factory.mktemp("kept")
    plan = json.loads((folder / "plan.json").read_text())
    plan["sampling"]["production_ps"] = 2.0
    (folder / "plan.json").write_text(json.dumps(plan))
    if not has_box:
        (folder / "equilibrated.data").unlink()
    shutil.copytree(folder, kept, dirs_exist_ok=True)
    words = [*probe[:-1], "bash", "-c", FULL_DISK, "bash"]
    arguments = (folder, kept, str(room_KiB), sys.executable, SUBMIT)
    subprocess.run([*words, *arguments], check=True, timeout=120)
    assert said in (kept / "first").read_text()
    assert json.loads((kept / "status.json").read_text())["state"] == "done"
    assert steps_of_latest_frames(kept) == list(range(0, 1001, 10))


@pytest.mark.lammps
def test_a_longer_production_goes_on_where_the_first_ended(
    producing: Workspace,
) -> None:
    folder = producing.run("a1")
    plan = json.loads((folder / "plan.json").read_text())
    for production_ps in (0.2, 0.4):
        plan["sampling"]["production_ps"] = production_ps
        (folder / "plan.json").write_text(json.dumps(plan))
        submit_runs(producing, ["a1"], cluster="this-machine")
        assert state(producing) == "done"
    assert [segment["first_step"] for segment in segments(folder)] == [0, 100]
    assert steps_of_latest_frames(folder) == list(range(0, 201, 10))


@pytest.mark.lammps
def test_a_longer_production_without_restart_files_loses_no_frame(producing: Workspace) -> None:
    folder = producing.run("a1")
    plan = json.loads((folder / "plan.json").read_text())

    def lengthen(production_ps: float) -> str:
        plan["sampling"]["production_ps"] = production_ps
        (folder / "plan.json").write_text(json.dumps(plan))
        for path in folder.glob("production*.restart"):
            path.unlink()
        submit_runs(producing, ["a1"], cluster="this-machine")
        return state(producing)

    assert [lengthen(0.2), lengthen(0.4)] == ["done", "done"]
    assert [segment["restart"] for segment in segments(folder)] == [None, "production.data"]
    assert steps_of_latest_frames(folder) == list(range(0, 201, 10))
    kept = {path: path.read_bytes() for path in folder.glob("production.*.dcd")}
    (folder / "production.data").unlink()
    assert lengthen(0.6) == "failed"
    assert {path: path.read_bytes() for path in kept} == kept
    assert "--fresh keeps the old trajectory aside" in run_states(producing)[0].reason
    # it is not tried again by itself
    assert submit_runs(producing, ["a1"], cluster="this-machine").left == {"a1": "failed"}
    assert attempts(producing) == 3


@pytest.mark.lammps
def test_a_failing_input_is_failed_with_a_reason_and_not_tried_again(
    write_water_box: WriteBox, tmp_path: Path
) -> None:
    workspace = Workspace(tmp_path)
    folder = write_water_box(workspace.run("a1"))
    (folder / "styles.in").write_text("pair_style nonsense\n")
    said: list[str] = []
    submit_runs(workspace, ["a1"], cluster="this-machine", say=said.append)
    (row,) = run_states(workspace)
    assert row.state == "failed"
    assert "Unrecognized pair style 'nonsense'" in row.reason
    assert "without a style that the templates need" in row.reason
    assert "failed in minimize" in said[-1]
    assert submit_runs(workspace, ["a1"], cluster="this-machine").left == {"a1": "failed"}
    assert attempts(workspace) == 1


@pytest.mark.lammps
@pytest.mark.faults
def test_two_submitters_at_once_start_a_run_once(producing: Workspace) -> None:
    with start(producing) as one, start(producing) as two:
        assert one.wait(120) == 0
        assert two.wait(120) == 0
    wait_for(lambda: not lammps_in(producing.run("a1")))
    assert attempts(producing) == 1
    assert state(producing) == "done"


@pytest.mark.lammps
def test_a_second_submission_runs_beside_the_first_one_run_at_a_time(
    producing: Workspace, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    taken = take_cores(len(cores_of_this_machine()))
    assert taken
    source, folder = producing.run("a1"), producing.run("b2")
    shutil.copytree(source, folder)
    for run in (source, folder):
        plan = json.loads((run / "plan.json").read_text())
        plan["sampling"]["production_ps"] = 0.1
        (run / "plan.json").write_text(json.dumps(plan))
    said: list[str] = []
    submit_runs(producing, ["a1", "b2"], cluster="this-machine", say=said.append)
    taken.give_back()
    assert [row.state for row in run_states(producing)] == ["done", "done"]
    assert [line for line in said if "other submissions" in line] == [
        "other submissions have cores of this machine: one run at a time here until there are "
        "free ones"
    ]
    # one after the other: the second began when the first had ended
    (begun,) = (folder / "attempts.log").read_text().splitlines()
    assert begun.split()[0] >= json.loads((source / "status.json").read_text())["ended"]


@pytest.mark.lammps
@pytest.mark.faults
def test_a_second_script_in_the_same_folder_steps_back(producing: Workspace) -> None:
    folder = producing.run("a1")
    with start(producing) as process:
        wait_for(lambda: has_both_restarts(folder))
        second = subprocess.run(
            ["bash", str(folder / "run.sh")], capture_output=True, text=True, check=False
        )
        assert second.returncode == 75
        assert "another process is at it" in second.stderr
        process.terminate()
        process.wait(30)
    assert attempts(producing) == 1


def test_missing_lammps_is_said_before_anything_is_written(
    write_water_box: WriteBox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace = Workspace(tmp_path / "workspace")
    folder = write_water_box(workspace.run("a1"))
    before = sorted(path.name for path in folder.iterdir())
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    with pytest.raises(ProgramError, match=r"lmp is needed to run molecular dynamics; .* Get it:"):
        submit_runs(workspace, ["a1"], cluster="this-machine")
    assert sorted(path.name for path in folder.iterdir()) == before


def test_more_cores_than_there_are_is_said_before_anything_is_written(
    write_water_box: WriteBox, tmp_path: Path
) -> None:
    (tmp_path / "clusters").mkdir()
    (tmp_path / "clusters" / "mine.toml").write_text('scheduler = "local"\n')
    workspace = Workspace(tmp_path)
    write_water_box(workspace.run("a1"))
    with pytest.raises(ResourceError, match="cores_per_run = 5000, but this machine has"):
        submit_runs(workspace, ["a1"], cluster="mine", cores_per_run=5000)
    assert not (workspace.run("a1") / "run.sh").exists()


def test_an_unknown_cluster_lists_the_profiles(tmp_path: Path) -> None:
    with pytest.raises(UnknownNameError, match="unknown cluster 'this-machin'; did you mean"):
        load_cluster("this-machin", Workspace(tmp_path))


def test_a_profile_with_an_unknown_key_names_the_nearest(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text('scheduler = "slurm"\npartitions = "cpu"\n')
    with pytest.raises(InputError, match="partitions: unknown key; did you mean 'partition'"):
        load_cluster(str(path), Workspace(tmp_path))


def test_an_unknown_scheduler_lists_the_known_ones() -> None:
    with pytest.raises(UnknownNameError, match="unknown scheduler 'slrm'; did you mean 'slurm'"):
        scheduler_class("slrm")
