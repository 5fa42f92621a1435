import json
import subprocess
import sys
import textwrap
from pathlib import Path

import mdtraj
import numpy as np
import pytest

from iemhpc.descriptors.dcd import read_dcd_header
from iemhpc.descriptors.trajectory import open_trajectory, trajectory_hash
from iemhpc.errors import TrajectoryError

N_ATOMS = 7


def write_segments(folder: Path, entries) -> None:
    (folder / "segments.json").write_text(json.dumps(entries))


def frames_marked(mark: float, n_frames: int) -> np.ndarray:
    positions = np.zeros((n_frames, N_ATOMS, 3))
    positions[:, :, 0] = mark + np.arange(n_frames)[:, None]
    return positions


def test_one_segment_is_read_in_angstrom_in_step_order(tmp_path, write_dcd, segment):
    positions = np.random.default_rng(1).uniform(-30, 60, size=(11, N_ATOMS, 3))
    write_dcd(tmp_path / "production.0.dcd", positions, 24.0)
    write_segments(tmp_path, [segment(0)])
    trajectory = open_trajectory(tmp_path, n_atoms=N_ATOMS)
    chunks = list(trajectory.chunks())
    np.testing.assert_allclose(
        np.concatenate([c.positions_A for c in chunks]), positions, rtol=1e-6
    )
    assert np.concatenate([c.rank for c in chunks]).tolist() == list(range(11))
    assert chunks[0].edges_A[0].tolist() == [24.0, 24.0, 24.0]
    assert trajectory.steps.tolist() == list(range(0, 5500, 500))
    assert trajectory.sampled_ps == pytest.approx(10.0)
    assert trajectory.notes == ()


def test_memory_is_bounded_by_reading_in_chunks(tmp_path, write_dcd, segment, monkeypatch):
    monkeypatch.setattr("iemhpc.descriptors.segments.CHUNK_BYTES", 3 * 12 * N_ATOMS)
    write_dcd(tmp_path / "production.0.dcd", frames_marked(0, 10))
    write_segments(tmp_path, [segment(0)])
    chunks = list(open_trajectory(tmp_path, n_atoms=N_ATOMS).chunks())
    assert [len(c.rank) for c in chunks] == [3, 3, 3, 1]
    assert np.concatenate([c.positions_A[:, 0, 0] for c in chunks]).tolist() == list(range(10))


def test_of_two_frames_with_one_step_the_later_attempt_wins(tmp_path, write_dcd, segment):
    write_dcd(tmp_path / "production.0.dcd", frames_marked(100, 6))
    write_dcd(tmp_path / "production.2000.dcd", frames_marked(200, 4))
    write_segments(tmp_path, [segment(2000, attempt=2), segment(0, attempt=1)])
    trajectory = open_trajectory(tmp_path, n_atoms=N_ATOMS)
    assert trajectory.steps.tolist() == list(range(0, 4000, 500))
    seen = {}
    for chunk in trajectory.chunks():
        seen.update(zip(chunk.rank.tolist(), chunk.positions_A[:, 0, 0].tolist(), strict=True))
    assert [seen[k] for k in range(8)] == [100, 101, 102, 103, 200, 201, 202, 203]


def test_a_gap_between_attempts_is_noticed(tmp_path, write_dcd, segment):
    write_dcd(tmp_path / "production.0.dcd", frames_marked(0, 3))
    write_dcd(tmp_path / "production.3000.dcd", frames_marked(0, 3))
    write_segments(tmp_path, [segment(0), segment(3000, attempt=2)])
    notes = open_trajectory(tmp_path, n_atoms=N_ATOMS).notes
    assert notes == ("no frames between steps 1000 and 3000",)


def test_half_a_frame_of_a_killed_attempt_is_dropped_and_said(tmp_path, write_dcd, segment):
    first = tmp_path / "production.0.dcd"
    write_dcd(first, frames_marked(0, 5))
    first.write_bytes(first.read_bytes()[:-20])
    write_dcd(tmp_path / "production.2000.dcd", frames_marked(50, 3))
    (tmp_path / "production.2500.dcd").touch()
    write_segments(
        tmp_path,
        [segment(0), segment(2500, attempt=2), segment(2000, attempt=3)],
    )
    trajectory = open_trajectory(tmp_path, n_atoms=N_ATOMS)
    assert trajectory.n_frames == 7
    assert trajectory.notes == (
        "production.0.dcd: half a frame at the end, dropped",
        "production.2500.dcd: attempt 2 left no frames",
    )
    assert sum(len(chunk.rank) for chunk in trajectory.chunks()) == 7


def test_a_last_frame_cut_short_is_an_error_though_mdtraj_hides_it(tmp_path, write_dcd, segment):
    path = tmp_path / "production.0.dcd"
    write_dcd(path, frames_marked(0, 5))
    path.write_bytes(path.read_bytes()[:-20])
    write_segments(tmp_path, [segment(0)])
    with pytest.raises(TrajectoryError, match=r"production.0.dcd: frame 4 is cut short.*resume"):
        open_trajectory(tmp_path, n_atoms=N_ATOMS)


@pytest.mark.parametrize(
    ("break_it", "message"),
    [
        (lambda p: p[3, 2].fill(np.nan), r"frame 3: a coordinate is NaN.*look at its log"),
        (lambda p: p[4, 0].fill(np.inf), r"frame 4: a coordinate is NaN or infinite"),
    ],
)
def test_a_coordinate_that_is_no_number_names_file_and_frame(
    tmp_path, write_dcd, segment, break_it, message
):
    positions = frames_marked(0, 6)
    break_it(positions)
    write_dcd(tmp_path / "production.0.dcd", positions)
    write_segments(tmp_path, [segment(0)])
    with pytest.raises(TrajectoryError, match="production.0.dcd: " + message):
        list(open_trajectory(tmp_path, n_atoms=N_ATOMS).chunks())


def test_a_box_without_volume_is_refused(tmp_path, write_dcd, segment):
    write_dcd(tmp_path / "production.0.dcd", frames_marked(0, 6), 0.0)
    write_segments(tmp_path, [segment(0)])
    with pytest.raises(TrajectoryError, match=r"frame 0: the box has no volume; dump it from a"):
        list(open_trajectory(tmp_path, n_atoms=N_ATOMS).chunks())


def test_a_tilted_box_is_read_with_its_vectors(tmp_path, segment):
    with mdtraj.formats.DCDTrajectoryFile(str(tmp_path / "production.0.dcd"), "w") as stream:
        stream.write(
            frames_marked(0, 2).astype(np.float32),
            cell_lengths=np.full((2, 3), 20, dtype=np.float32),
            cell_angles=np.array([[90, 90, 90], [90, 90, 60]], dtype=np.float32),
        )
    write_segments(tmp_path, [segment(0)])
    chunk = next(iter(open_trajectory(tmp_path, n_atoms=N_ATOMS).chunks()))
    wanted = [[20, 0, 0], [10, 20 * np.sqrt(0.75), 0], [0, 0, 20]]
    np.testing.assert_allclose(chunk.vectors_A[1], wanted, atol=1e-4)
    np.testing.assert_array_equal(chunk.vectors_A[0], 20 * np.eye(3))


def test_frames_come_in_step_order_though_an_earlier_attempt_went_further(
    tmp_path, write_dcd, segment
):
    write_dcd(tmp_path / "production.0.dcd", frames_marked(100, 10))
    write_dcd(tmp_path / "production.2000.dcd", frames_marked(200, 3))
    write_segments(tmp_path, [segment(0), segment(2000, attempt=2)])
    trajectory = open_trajectory(tmp_path, n_atoms=N_ATOMS)
    chunks = list(trajectory.chunks())
    wanted = [100, 101, 102, 103, 200, 201, 202, 107, 108, 109]
    assert np.concatenate([c.positions_A[:, 0, 0] for c in chunks]).tolist() == wanted
    assert np.concatenate([c.rank for c in chunks]).tolist() == list(range(10))
    some = list(trajectory.chunks(3, 8))
    assert np.concatenate([c.positions_A[:, 0, 0] for c in some]).tolist() == wanted[3:8]
    assert np.concatenate([c.rank for c in some]).tolist() == [3, 4, 5, 6, 7]


def test_another_number_of_atoms_is_refused(tmp_path, write_dcd, segment):
    write_dcd(tmp_path / "production.0.dcd", frames_marked(0, 2))
    write_segments(tmp_path, [segment(0)])
    with pytest.raises(TrajectoryError, match=r"hold 7 atoms, roles.parquet has 9; the two belong"):
        open_trajectory(tmp_path, n_atoms=9)


def test_an_empty_trajectory_is_refused(tmp_path, write_dcd, segment):
    path = tmp_path / "production.0.dcd"
    path.touch()
    write_segments(tmp_path, [segment(0)])
    with pytest.raises(TrajectoryError, match=r"the file is empty \(0 bytes\); run the production"):
        open_trajectory(tmp_path, n_atoms=N_ATOMS)
    write_dcd(path, frames_marked(0, 1))
    head = len(path.read_bytes()) - (56 + 3 * (4 * N_ATOMS + 8))
    path.write_bytes(path.read_bytes()[:head])
    with pytest.raises(TrajectoryError, match=r"no frame in production.0.dcd; run the production"):
        open_trajectory(tmp_path, n_atoms=N_ATOMS)


@pytest.mark.parametrize(
    ("entries", "message"),
    [
        (None, "segments.json is missing.*no production yet"),
        ([], "names no trajectory; the production of this run never began"),
        ([{"file": "production.0.dcd"}], "lacks first_step, stride_steps, timestep_fs, attempt"),
        ([{"file": "a.lammpstrj", "first_step": 0}], "lacks stride_steps"),
    ],
)
def test_segments_that_cannot_be_used_are_explained(tmp_path, entries, message):
    if entries is not None:
        write_segments(tmp_path, entries)
    with pytest.raises(TrajectoryError, match=message):
        open_trajectory(tmp_path, n_atoms=N_ATOMS)


def test_text_dumps_missing_files_and_other_files_are_refused(tmp_path, segment):
    write_segments(tmp_path, [segment(0, file="production.lammpstrj")])
    with pytest.raises(TrajectoryError, match=r"is not a DCD file; this release reads"):
        open_trajectory(tmp_path, n_atoms=N_ATOMS)
    write_segments(tmp_path, [segment(0)])
    with pytest.raises(TrajectoryError, match=r"named in segments.json but does not exist; copy"):
        open_trajectory(tmp_path, n_atoms=N_ATOMS)
    (tmp_path / "production.0.dcd").write_text("ITEM: TIMESTEP\n0\n")
    with pytest.raises(TrajectoryError, match=r"not a DCD trajectory.*does not begin with CORD"):
        open_trajectory(tmp_path, n_atoms=N_ATOMS)


def test_a_dcd_without_a_box_is_refused(tmp_path):
    path = tmp_path / "production.0.dcd"
    with mdtraj.formats.DCDTrajectoryFile(str(path), "w") as stream:
        stream.write(frames_marked(0, 2).astype(np.float32))
    raw = bytearray(path.read_bytes())
    raw[8 + 4 * 10 : 8 + 4 * 11] = b"\0\0\0\0"
    path.write_bytes(bytes(raw))
    with pytest.raises(TrajectoryError, match="its frames carry no box"):
        read_dcd_header(path)


def test_the_hash_follows_the_content(tmp_path, write_dcd, segment):
    (tmp_path / "roles.parquet").write_bytes(b"roles")
    write_dcd(tmp_path / "production.0.dcd", frames_marked(0, 4))
    write_segments(tmp_path, [segment(0)])
    first = trajectory_hash(tmp_path)
    assert first == trajectory_hash(tmp_path)
    write_dcd(tmp_path / "production.0.dcd", frames_marked(1, 4))
    assert trajectory_hash(tmp_path) != first


def test_nothing_is_printed_by_the_reader(tmp_path, write_dcd, segment):
    write_dcd(tmp_path / "production.0.dcd", frames_marked(0, 4))
    write_segments(tmp_path, [segment(0)])
    script = textwrap.dedent(
        f"""
        from pathlib import Path
        from iemhpc.descriptors.trajectory import open_trajectory
        print("before")
        list(open_trajectory(Path({str(tmp_path)!r}), n_atoms={N_ATOMS}).chunks())
        print("after")
        """
    )
    answer = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=True
    )
    assert answer.stdout == "before\nafter\n"
