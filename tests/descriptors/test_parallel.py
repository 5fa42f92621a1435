"""Many trajectories at once give what one after the other gives, and survive each other."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import textwrap
import threading
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from iemhpc.descriptors.extract import extract_runs
from iemhpc.descriptors.parallel import Place, work_through
from iemhpc.descriptors.ray_tasks import check_address
from iemhpc.descriptors.reading import Asked, RunFolder, Seen, cut, read_piece, tell
from iemhpc.errors import InputError, LockedError, ProgramError, ResourceError, TrajectoryError
from iemhpc.tables.descriptors import DESCRIPTOR_TABLE
from iemhpc.tables.dynamics import DYNAMICS_TABLE
from iemhpc.tables.io import read_frame
from iemhpc.tables.rdf import RDF_TABLE
from iemhpc.workspace import Workspace, lock


def double(number: int) -> int:
    if number == 3:
        raise TrajectoryError("three cannot be read")
    if number == 4:
        os.kill(os.getpid(), signal.SIGKILL)
    return 2 * number


def tables(root: Path) -> list[pd.DataFrame]:
    workspace = Workspace(root)
    return [
        read_frame(workspace.descriptors, DESCRIPTOR_TABLE, made_by=""),
        read_frame(workspace.rdf, RDF_TABLE, made_by=""),
        read_frame(workspace.dynamics, DYNAMICS_TABLE, made_by=""),
    ]


@pytest.fixture(autouse=True)
def _found_by_other_processes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Other processes find the functions of this file, wherever the package is installed."""
    monkeypatch.syspath_prepend(str(Path(__file__).parents[2]))


def test_one_that_fails_or_is_killed_stops_no_other():
    outcomes = {one.task: one for one in work_through(range(6), double, place=Place(processes=2))}
    assert {task: one.result for task, one in outcomes.items()} == {
        0: 0, 1: 2, 2: 4, 3: None, 4: None, 5: 10
    }  # fmt: skip
    assert str(outcomes[3].error) == "three cannot be read"
    assert isinstance(outcomes[4].error, ProgramError)
    assert "its process was killed, as happens where memory runs out" in str(outcomes[4].error)


def test_an_error_of_ours_is_not_taken_for_one_of_a_trajectory():
    with pytest.raises(TypeError, match="int"):
        list(work_through(["a", 1], len, place=Place(processes=2)))  # type: ignore[list-item]
    with pytest.raises(TypeError, match="int"):
        list(work_through([1], len, place=Place()))  # type: ignore[list-item]


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"processes": 0}, "--processes: got 0, wanted at least 1"),
        ({"processes": 2, "address": "auto"}, "give one of them"),
    ],
)
def test_places_that_cannot_be_are_refused(given, says):
    with pytest.raises(InputError, match=says):
        Place(**given)


def test_two_processes_write_the_tables_of_one(tmp_path, make_run):
    for number, run_id in enumerate(["aaaa", "bbbb", "cccc"]):
        make_run(run_id, seed=number)
    (tmp_path / "runs" / "bbbb" / "production.0.dcd").write_bytes(b"")
    workspace = Workspace(tmp_path)
    one = extract_runs(workspace)
    serial = tables(tmp_path)
    for path in (workspace.descriptors, workspace.rdf, workspace.dynamics):
        path.unlink()
    two = extract_runs(workspace, place=Place(processes=2))
    assert (one.n_done, one.failed) == (two.n_done, two.failed)
    for ours, theirs in zip(serial, tables(tmp_path), strict=True):
        pd.testing.assert_frame_equal(ours, theirs)


def test_pieces_of_one_trajectory_give_its_counts_to_the_last_bit(make_run, monkeypatch):
    material, asked = RunFolder(make_run(n_frames=61)), Asked()
    monkeypatch.setattr("iemhpc.descriptors.reading.WORTH_SHARING", 0)
    monkeypatch.setattr("iemhpc.descriptors.segments.CHUNK_BYTES", 7 * 12 * 211)
    whole = read_piece(cut(material, asked, n_pieces=1)[0])
    pieces = cut(material, asked, n_pieces=3)
    assert [piece.first for piece in pieces] == [0, 22, 40]
    assert pieces[-1].last == 61
    done = [read_piece(piece) for piece in pieces]
    assert all(isinstance(one, Seen) for one in done)
    joined = tell(pieces[0], pieces[0].open(), done)
    pd.testing.assert_frame_equal(joined.counts, whole.counts)
    assert joined.row == whole.row
    assert joined.notes[-1].startswith("read in 3 pieces at once; displacements over their seams")
    for name, value in whole.dynamics.items():
        if "diffusi" not in name and not name.endswith(("fit_from_ps", "fit_to_ps")):
            other = joined.dynamics[name]
            assert other == pytest.approx(value) if isinstance(value, float) else other == value


def test_a_short_trajectory_is_not_cut(make_run):
    assert len(cut(RunFolder(make_run()), Asked(), n_pieces=4)) == 1


def test_one_long_run_is_shared_by_the_processes_that_have_nothing_else(
    tmp_path, make_run, monkeypatch
):
    make_run()
    workspace = Workspace(tmp_path)
    extract_runs(workspace)
    serial = tables(tmp_path)
    monkeypatch.setattr("iemhpc.descriptors.reading.WORTH_SHARING", 0)
    summary = extract_runs(workspace, fresh=True, place=Place(processes=2))
    assert any("read in 2 pieces" in note for note in summary.notes["0f3a"])
    pd.testing.assert_frame_equal(serial[0], tables(tmp_path)[0])
    pd.testing.assert_frame_equal(serial[1], tables(tmp_path)[1])


def test_a_dead_address_fails_within_a_stated_time():
    began = time.monotonic()
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        port = nobody.getsockname()[1]
        with pytest.raises(ResourceError, match=rf"127.0.0.1:{port}: nobody listens .* up to 5 s"):
            list(work_through([1], double, place=Place(address=f"127.0.0.1:{port}")))
    assert time.monotonic() - began < 6.0
    assert list(work_through([], double, place=Place(address="127.0.0.1:1"))) == []


def test_who_listens_but_is_no_ray_is_given_up():
    with socket.socket() as mute:
        mute.bind(("127.0.0.1", 0))
        mute.listen()
        address = f"127.0.0.1:{mute.getsockname()[1]}"
        with pytest.raises(ResourceError, match=r"no Ray (let us join within 3 s|answers there)"):
            check_address(address, join_s=3.0)


@contextlib.contextmanager
def a_ray():
    """Start a Ray in a process of its own, which this one can join and leave."""
    script = (
        "import ray, sys; c = ray.init(num_cpus=1, include_dashboard=False, "
        "object_store_memory=10**8); print(c.address_info['address'], flush=True); sys.stdin.read()"
    )
    running = subprocess.Popen(
        [sys.executable, "-c", script],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        yield running.stdout.readline().strip()
    finally:
        running.communicate("", timeout=60)


@pytest.mark.slow
def test_ray_gives_the_tables_of_one_process(tmp_path, make_run, monkeypatch):
    monkeypatch.setenv("RAY_AUTH_MODE", "disabled")
    for number, run_id in enumerate(["aaaa", "bbbb"]):
        make_run(run_id, seed=number)
    (tmp_path / "runs" / "bbbb" / "production.0.dcd").write_bytes(b"")
    workspace = Workspace(tmp_path)
    one = extract_runs(workspace)
    serial = tables(tmp_path)
    workspace.descriptors.unlink()
    with a_ray() as address:
        two = extract_runs(workspace, fresh=True, place=Place(address=address))
    assert one.failed == two.failed
    for ours, theirs in zip(serial, tables(tmp_path), strict=True):
        pd.testing.assert_frame_equal(ours, theirs)


def test_who_comes_second_is_locked_out(tmp_path, make_run):
    make_run()
    with (
        lock(tmp_path / ".descriptors.lock", what="iemhpc descriptors"),
        pytest.raises(LockedError, match="is at it"),
    ):
        extract_runs(Workspace(tmp_path))


@pytest.mark.parametrize("processes", ["1", pytest.param("2", marks=pytest.mark.slow)])
def test_kill_9_in_the_middle_leaves_the_old_tables_whole(tmp_path, make_run, processes):
    make_run("aaaa")
    workspace = Workspace(tmp_path)
    extract_runs(workspace)
    for number in range(3):
        make_run(f"bbb{number}", seed=number + 2)
    before = tables(tmp_path)
    script = textwrap.dedent(
        f"""
        import sys
        from pathlib import Path
        from iemhpc.descriptors import extract
        from iemhpc.descriptors.parallel import Place
        from iemhpc.workspace import Workspace
        extract.SAVE_EVERY_S = 0.0
        extract.extract_runs(
            Workspace(Path({str(tmp_path)!r})),
            place=Place(processes=int(sys.argv[1])),
            say=lambda line: print(line, flush=True),
        )
        """
    )
    running = subprocess.Popen(
        [sys.executable, "-c", script, processes], stdout=subprocess.PIPE, text=True
    )
    assert running.stdout is not None
    while " frames" not in running.stdout.readline():
        assert running.poll() is None
    running.kill()
    running.wait()
    running.stdout.close()
    found = tables(tmp_path)  # every file is whole ...
    runs = set(found[0]["run_id"])
    assert "aaaa" in runs  # ... and no run that was done is lost
    row = found[0][found[0]["run_id"] == "aaaa"].reset_index(drop=True)
    pd.testing.assert_frame_equal(row, before[0], check_dtype=False)
    assert runs <= set(found[1]["run_id"])
    summary = extract_runs(workspace)
    assert summary.failed == {}
    assert summary.n_done + summary.n_skipped == 4
    assert len(tables(tmp_path)[0]) == 4
    assert not list(tmp_path.glob(".*.tmp"))


def test_processes_end_when_the_one_that_started_them_was_killed(tmp_path):
    script = textwrap.dedent(
        f"""
        import os, sys, time
        sys.path.insert(0, {str(tmp_path)!r})
        from waiting import wait
        from iemhpc.descriptors.parallel import Place, work_through
        if __name__ == "__main__":
            list(work_through(range(2), wait, place=Place(processes=2)))
        """
    )
    (tmp_path / "waiting.py").write_text(
        "import os, pathlib, time\n"
        "def wait(number):\n"
        f"    pathlib.Path({str(tmp_path)!r}, f'pid{{number}}').write_text(str(os.getpid()))\n"
        "    time.sleep(60)\n"
    )
    (tmp_path / "main.py").write_text(script)
    running = subprocess.Popen([sys.executable, str(tmp_path / "main.py")])
    files = [tmp_path / "pid0", tmp_path / "pid1"]
    wait_for(lambda: all(path.exists() and path.read_text() for path in files), 60.0)
    running.kill()
    running.wait()
    pids = [int(path.read_text()) for path in files]
    wait_for(lambda: not any(lives(pid) for pid in pids), 10.0)


def wait_for(holds, longest_s: float) -> None:
    end = time.monotonic() + longest_s
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.05)


def lives(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


def test_an_interruption_ends_the_processes_and_comes_through(tmp_path, make_run):
    make_run("aaaa")
    make_run("bbbb", seed=2)

    def stop(line: str) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        extract_runs(Workspace(tmp_path), place=Place(processes=2), say=stop)
    assert not (tmp_path / ".descriptors.lock").exists()
    assert not [one for one in threading.enumerate() if one.name.startswith("ExecutorManager")]


def test_how_far_it_is_grows_to_the_number_of_runs(tmp_path, make_run):
    make_run("aaaa", n_frames=30)
    make_run("bbbb", seed=2)
    seen: list[tuple[float, int]] = []
    extract_runs(Workspace(tmp_path), track=lambda done, total: seen.append((done, total)))
    done = [one for one, _ in seen]
    assert done == sorted(done)
    assert done[-1] == 2.0
    assert {total for _, total in seen} == {2}
    assert np.isclose(done, 1.0).any()
