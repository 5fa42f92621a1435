"""Text dumps by hand: every form that LAMMPS writes, in numbers, and every refusal, in words."""

import gzip
import pickle
import re
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from iemhpc.descriptors import dump_bytes
from iemhpc.descriptors.lammpstrj import open_dumps
from iemhpc.errors import MissingInputError, TrajectoryError, UnknownNameError

CUBE = 10.0 * np.eye(3)


@pytest.fixture
def write(tmp_path: Path):
    """Return a function that writes text into a dump."""

    def to_file(*parts: str | bytes, name: str = "t.lammpstrj") -> Path:
        path = tmp_path / name
        path.write_bytes(b"".join(p.encode() if isinstance(p, str) else p for p in parts))
        return path

    return to_file


def read(*paths: Path, **options):
    """Return positions, box vectors and steps of all frames that count."""
    source = open_dumps(paths, **options).trajectory
    chunks = list(source.chunks())
    ranks = np.concatenate([chunk.rank for chunk in chunks])
    assert ranks.tolist() == list(range(source.n_frames))
    positions_A = np.concatenate([chunk.positions_A for chunk in chunks])
    assert positions_A.dtype == np.float32
    vectors_A = np.concatenate([chunk.vectors_A for chunk in chunks])
    return positions_A, vectors_A, source.steps.tolist()


def refused(*paths: Path, **options) -> str:
    """Return why a dump is refused, wherever on the way."""
    with pytest.raises(TrajectoryError) as caught:
        read(*paths, **options)
    assert str(paths[0].parent) in str(caught.value)
    return str(caught.value)


def moved(dump_frame, shift: float, step: int, **options) -> str:
    return dump_frame(f"1 1 {shift} 2 3\n2 1 4 5 6", step=step, **options)


# what is read


def test_atoms_come_by_rising_id_in_whatever_order_rows_are(write, dump_frame):
    path = write(dump_frame("2 1 4 5 6\n1 1 1 2 3"), dump_frame("1 1 1.5 2 3\n2 1 4 5 6", step=500))
    positions_A, vectors_A, steps = read(path)
    assert positions_A.tolist() == [[[1, 2, 3], [4, 5, 6]], [[1.5, 2, 3], [4, 5, 6]]]
    assert vectors_A.tolist() == [CUBE.tolist()] * 2
    assert steps == [0, 500]


@pytest.mark.parametrize(
    ("columns", "row", "truth", "is_unwrapped"),
    [
        ("x y z", "1 2 3", [1, 2, 3], False),
        ("xu yu zu", "-11 22 3", [-11, 22, 3], True),
        ("xs ys zs", "0.25 0.5 0.75", [-1 + 2.5, 1 + 10, 15], False),
        ("xsu ysu zsu", "1.25 -0.5 0.75", [-1 + 12.5, 1 - 10, 15], True),
        ("x y z ix iy iz", "1 2 3 1 -2 0", [11, -38, 3], True),
        ("iz iy ix zs ys xs", "-1 0 2 0.5 0.5 0.5", [-1 + 25, 11, -10], True),
        ("x y z xu yu zu", "1 2 3 11 2 3", [11, 2, 3], True),
        ("xs ys zs x y z", "0.1 0.1 0.1 1 2 3", [1, 2, 3], False),
        ("x y xs ys zs", "9 9 0.2 0.2 0.2", [1, 5, 4], False),
        ("vx x fx y mass z element", "7e3 1 -inf 2 nan 3 Na", [1, 2, 3], False),
    ],
)
def test_each_style_of_coordinates_by_hand(write, dump_frame, columns, row, truth, is_unwrapped):
    box = "-1 9\n1 21\n0 20"
    path = write(dump_frame(f"1 {row}", columns=f"id {columns}", box=box))
    positions_A, vectors_A, _ = read(path)
    np.testing.assert_allclose(positions_A[0, 0], truth, rtol=1e-6)
    assert vectors_A[0].tolist() == np.diag([10.0, 20, 20]).tolist()
    assert open_dumps([path]).is_unwrapped is is_unwrapped


@pytest.mark.parametrize(
    ("word", "value"),
    [
        ("1e1", 10),
        ("-2.5E-01", -0.25),
        ("+.5", 0.5),
        ("7.", 7),
        ("0.1234567890123456789", 0.12345678901234568),
        ("12345.678901234567890123", 12345.67890123457),
        ("000000000000000000001.5", 1.5),
        ("1e-30", 1e-30),
        ("1e-999", 0.0),
        ("0e999", 0.0),
        ("123456789012345678901e-17", 1234.5678901234567),
        ("-0", 0.0),
    ],
)
def test_numbers_in_every_spelling_are_those_of_python(write, dump_frame, word, value):
    path = write(dump_frame(f"1 {word} 0 0", columns="id x y z"))
    assert read(path)[0][0, 0, 0] == np.float32(value) == np.float32(float(word))


def test_random_numbers_are_the_nearest_single_precision(write, dump_frame):
    rng = np.random.default_rng(5)
    values = rng.normal(size=(300, 3)) * 10.0 ** rng.integers(-8, 4, size=(300, 1))
    for form in ("%g", "%.10f", "%.16e", "%22.17g"):
        rows = "\n".join(f"{k} " + " ".join(form % v for v in row) for k, row in enumerate(values))
        truth = np.array([[np.float32(float(form % v)) for v in row] for row in values])
        got = read(write(dump_frame(rows, columns="id xu yu zu")))[0][0]
        np.testing.assert_array_equal(got, truth)


def test_a_tilted_box_is_found_from_the_bounds_around_it(write, dump_frame):
    path = write(
        dump_frame(
            "1 0.5 0.5 0.5 0 0 0\n2 0.5 0.5 0.5 1 1 -1",
            columns="id xs ys zs ix iy iz",
            kind="xy xz yz pp pp pp",
            box="0 13 2\n-1 8 1\n0 6 -1",
        )
    )
    positions_A, vectors_A, _ = read(path)
    assert vectors_A[0].tolist() == [[10, 0, 0], [2, 8, 0], [1, -1, 6]]
    assert positions_A[0, 0].tolist() == [6.5, 3.5, 3]
    assert (positions_A[0, 1] - positions_A[0, 0]).tolist() == [10 + 2 - 1, 8 + 1, -6]


def test_a_box_turned_in_any_way_is_turned_back(write, dump_frame):
    # a along y, b against x: a quarter turn about z
    path = write(
        dump_frame(
            "1 1 2 3 0 0 0\n2 -3 2 3 0 0 0\n3 1 2 3 0 1 0",
            columns="id x y z ix iy iz",
            kind="abc origin pp pp pp",
            box="0 10 0 1\n-8 0 0 2\n0 0 6 3",
        )
    )
    positions_A, vectors_A, _ = read(path)
    np.testing.assert_allclose(vectors_A[0], np.diag([10, 8, 6]), atol=1e-12)
    away = positions_A[0] - positions_A[0, 0]
    np.testing.assert_allclose(away, [[0, 0, 0], [0, 4, 0], [0, 8, 0]], atol=1e-6)


def test_columns_may_change_between_frames(write, dump_frame):
    path = write(
        dump_frame("1 7 1 2 3\n2 8 4 5 6"),
        dump_frame("0.1 0.2 0.3 5 1\n0.4 0.5 0.6 5 2", columns="xs ys zs q id", step=1),
        dump_frame("2 4 5 6 8\n1 1 2 3 7", columns="id x y z type", step=2),
    )
    positions_A, _, _ = read(path)
    np.testing.assert_allclose(positions_A, [[[1, 2, 3], [4, 5, 6]]] * 3, rtol=1e-6)
    assert any("columns change" in note for note in open_dumps([path]).trajectory.notes)


def test_one_wrapped_frame_makes_a_trajectory_wrapped(write, dump_frame):
    path = write(
        dump_frame(columns="id type xu yu zu"), dump_frame(columns="id type x y z", step=1)
    )
    assert not open_dumps([path]).is_unwrapped


@pytest.mark.parametrize("ids", [(5, 9, 700), (3, 10**9, 10**15), (0, 1, 2)])
def test_a_group_has_any_ids(write, dump_frame, ids):
    rows = [f"{atom} {k} {k}.5 0 0" for k, atom in enumerate(ids)]
    path = write(dump_frame("\n".join(rows)), dump_frame("\n".join(rows[::-1]), step=1))
    positions_A, _, _ = read(path)
    assert positions_A[:, :, 0].tolist() == [[0.5, 1.5, 2.5]] * 2
    atoms = open_dumps([path]).atoms
    assert atoms.ids.tolist() == list(ids)
    assert atoms.words["type"].tolist() == ["0", "1", "2"]


def test_types_may_be_labels_and_elements_are_told(write, dump_frame):
    path = write(dump_frame("2 OW O 0 0 0\n1 Na+ Na 1 1 1", columns="id type element x y z"))
    words = open_dumps([path]).atoms.words
    assert words["type"].tolist() == ["Na+", "OW"]
    assert words["element"].tolist() == ["Na", "O"]


@pytest.mark.parametrize(
    ("units", "factor"), [("real", 1), ("metal", 1), ("nano", 10), ("electron", 0.529177210903)]
)
def test_units_of_the_header_or_of_the_caller_become_angstroms(write, dump_frame, units, factor):
    said = write(dump_frame(before=f"ITEM: UNITS\n{units}\n"), dump_frame(step=1), name="said")
    silent = write(dump_frame(), dump_frame(step=1), name="silent")
    for got in (read(said), read(silent, units=units), read(said, units=units)):
        np.testing.assert_allclose(got[0][:, 1], factor * np.array([[4.0, 5, 6]] * 2), rtol=1e-6)
        np.testing.assert_allclose(got[1], [factor * CUBE] * 2)
    assert any("ångström" in note for note in open_dumps([silent]).trajectory.notes)
    assert not open_dumps([said]).trajectory.notes


def test_lennard_jones_needs_a_length(write, dump_frame):
    path = write(dump_frame(before="ITEM: UNITS\nlj\n"))
    assert "Lennard-Jones units" in refused(path)
    assert "Lennard-Jones units" in refused(path, length_A=-1.0)
    assert read(path, length_A=3.4)[0][0, 0, 0] == np.float32(3.4)
    assert "for units lj only" in refused(write(dump_frame(), name="b"), length_A=3.4)


def test_units_that_contradict_are_refused(write, dump_frame):
    path = write(dump_frame(before="ITEM: UNITS\nreal\n"))
    other = write(dump_frame(step=1, before="ITEM: UNITS\nnano\n"), name="other")
    assert "units nano were asked for" in refused(path, units="nano")
    assert "in units nano, others in" in refused(path, other)
    both = write(path.read_bytes(), other.read_bytes(), name="both")
    assert "frame 1 (after step 0): step 1 is in units nano, what stands before" in refused(both)
    with pytest.raises(UnknownNameError, match="did you mean 'metal'"):
        open_dumps([path], units="metall")
    assert "ITEM: UNITS: unknown LAMMPS units 'reel'" in refused(
        write(dump_frame(before="ITEM: UNITS\nreel\n"))
    )


def timed(dump_frame, *times: float, units: str = "metal") -> str:
    head = f"ITEM: UNITS\n{units}\n"
    return "".join(
        moved(dump_frame, k, 500 * k, before=f"{head if k == 0 else ''}ITEM: TIME\n{time}\n")
        for k, time in enumerate(times)
    )


def test_the_length_of_a_step_follows_from_times(write, dump_frame):
    path = write(timed(dump_frame, 0.0, 1.0, 2.0))  # 1 ps in 500 steps
    source = open_dumps([path]).trajectory
    assert source.timestep_fs == pytest.approx(2.0)
    assert source.sampled_ps == pytest.approx(2.0)
    assert open_dumps([path], timestep_fs=2.0).trajectory.timestep_fs == 2.0
    assert "say 2 fs a step, 1 fs were asked for" in refused(path, timestep_fs=1.0)
    real = open_dumps([write(timed(dump_frame, 5.0, 1005.0, units="real"))]).trajectory
    assert real.timestep_fs == pytest.approx(2.0)


def test_uneven_times_are_refused_and_no_times_are_unknown(write, dump_frame):
    assert "does not grow evenly" in refused(write(timed(dump_frame, 0.0, 1.0, 3.0)))
    assert "does not grow evenly" in refused(write(timed(dump_frame, 1.0, 0.0)))
    path = write(dump_frame(), dump_frame(step=10))
    assert np.isnan(open_dumps([path]).trajectory.timestep_fs)
    assert open_dumps([path], timestep_fs=2.0).trajectory.sampled_ps == pytest.approx(0.02)
    with pytest.raises(TrajectoryError, match="wanted a positive number"):
        open_dumps([path], timestep_fs=-1.0)


def test_windows_line_ends_and_dumps_without_boundary_flags_are_read(write, dump_frame):
    text = dump_frame(kind="").replace("\n", "\r\n")
    path = write(text)
    assert read(path)[0][0, 1].tolist() == [4, 5, 6]
    assert any("periodic" in note for note in open_dumps([path]).trajectory.notes)


# boxes


@pytest.mark.parametrize("kind", ["pp pp ff", "ff ff ff", "pp ss pp", "pp pp fm"])
def test_a_box_that_is_not_periodic_is_refused(write, dump_frame, kind):
    path = write(dump_frame(kind=kind))
    assert f"frame 0: the boundaries are {kind!r}" in refused(path)
    assert read(path, is_periodic=False)[2] == [0]


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"kind": "pp pp"}, "the kind of box 'pp pp' is none"),
        ({"kind": "pp pq pp"}, "the kind of box"),
        ({"kind": "xy xz pp pp pp"}, "the kind of box"),
        ({"box": "0 10\n0 10\n10 10"}, "no volume: its edges are 10, 10, 0"),
        ({"box": "0 10\n9 1\n0 10"}, "no volume"),
        ({"box": "0 10\n0 nan\n0 10"}, "'0 nan' in its header is not 2 finite"),
        ({"box": "0 10\n0 1_0\n0 10"}, "not 2 finite"),
        ({"box": "0 10 0\n0 10\n0 10"}, "not 2 finite"),
        ({"kind": "xy xz yz pp pp pp"}, "not 3 finite"),
        (
            {"kind": "abc origin pp pp pp", "box": "1 0 0 0\n0 1 0 0\n0 0 -1 0"},
            "span a volume of -1; wanted right-handed",
        ),
    ],
)
def test_a_box_that_is_none_is_refused(write, dump_frame, options, reason):
    message = refused(write(dump_frame(), dump_frame(step=5, **options)))
    assert reason in message
    assert "frame 1 (after step 0)" in message


def test_boundaries_that_change_are_refused(write, dump_frame):
    path = write(dump_frame(), dump_frame(step=5, kind="pp pp ff"))
    assert "has the boundaries 'pp pp ff', frame 0 'pp pp pp'" in refused(path)


# atoms


@pytest.mark.parametrize(
    ("rows", "reason"),
    [
        ("1 1 1 2 3\n1 1 4 5 6", "row 2: atom '1' is there twice, so another one is missing"),
        ("1 1 1 2 3\n3 1 4 5 6", "row 2: atom '3' is not in the first frame"),
        ("0 1 1 2 3\n2 1 4 5 6", "row 1: atom '0' is not in the first frame"),
        ("1 1 1 2 3", "has 1 atoms, frame 0 has 2"),
        ("1 1 1 2 3\n2 1 4 5 6\n3 1 0 0 0", "has 3 atoms, frame 0 has 2"),
        ("1 1 1 2 3\n2 2 4 5 6", "row 2: atom '2' has type '2', another one than"),
        ("1 1 1 nan 3\n2 1 4 5 6", "row 1: y is 'nan', not finite"),
        ("1 1 1 2 3\n2 1 4 5 -inf", "row 2: z is '-inf', not finite"),
        ("1 1 1 2 3\n2 1 4 5 1e999", "row 2: a coordinate of atom '2' is 100000 Å or more"),
        ("1 1 1 2 3\n2 1 4 5 123456", "row 2: a coordinate of atom '2' is 100000 Å or more"),
        ("1 1 1 2 3\n2 1 4 5.5.5 6", "row 2: y is '5.5.5', no number"),
        ("1 1 1 2 3\n2 1 4 - 6", "row 2: y is '-', no number"),
        ("1 1 1 2 3\n2 1 4 1e 6", "row 2: y is '1e', no number"),
        ("1 1 1 2 3\n2.0 1 4 5 6", "row 2: id is '2.0', no number of its kind"),
        ("1 1 1 2 3\n2 1 4 5", "row 2: 4 values for 5 columns (id type x y z)"),
        ("1 1 1 2 3\n2 1 4 5 6 7", "row 2: 6 values for 5 columns"),
        ("1 1 1 2 3\n2 1 4 5\x006 6", "row 2"),
        ("1 1 1 2 3\n2 1\x00 4 5 6", "row 2: a byte at type belongs to no text"),
    ],
)
def test_a_frame_with_other_or_damaged_atoms_is_refused(write, dump_frame, rows, reason):
    message = refused(write(dump_frame(), dump_frame(rows, step=500)))
    assert reason in message
    assert "frame 1 (step 500)" in message or "frame 1 (after step 0)" in message


@pytest.mark.parametrize(
    ("rows", "columns", "reason"),
    [
        ("1 1 2 3\n1 4 5 6", "id x y z", "frame 0 (step 0): id 1 is there twice"),
        ("-1 1 2 3", "id x y z", "row 1: the id is '-1', no whole number"),
        ("1 1 2", "id x y z", "row 1: 3 values for the 4 columns"),
        ("1 1 2 3", "type x y z", "have no id"),
        ("1 1 2 3", "id x y zs", "hold no position; wanted x y z"),
        ("1 1 2 3 4", "id x y z z", "name z twice"),
    ],
)
def test_a_first_frame_without_a_sense_is_refused(write, dump_frame, rows, columns, reason):
    assert reason in refused(write(dump_frame(rows, columns=columns)))


def test_a_frame_without_atoms_is_refused(write, dump_frame):
    assert "is the dumped group empty?" in refused(write(dump_frame("")))


def test_images_must_be_whole_numbers(write, dump_frame):
    path = write(dump_frame("1 1 2 3 0 0.5 0", columns="id x y z ix iy iz"))
    assert "iy is '0.5', no number of its kind" in refused(path)


# what is cut or damaged


def test_a_file_cut_anywhere_is_refused_but_between_frames(write, dump_frame):
    frames = [moved(dump_frame, k, k, before="ITEM: TIME\n5\n") for k in range(3)]
    text, borders = "".join(frames), np.cumsum([0, *map(len, frames)])
    for length in range(len(text)):
        path = write(text[:length])
        if length in borders[1:]:
            assert read(path)[2] == list(range(int(np.searchsorted(borders, length))))
        else:
            message = refused(path)
            assert "frame" in message or "empty" in message


def test_what_stands_between_frames_or_in_the_wrong_place_is_refused(write, dump_frame):
    first, second = dump_frame(), dump_frame(step=9)
    junk = {
        "more stands behind its 2 rows": (first, "3 1 0 0 0 \n", second),
        "frame 0: 4 bytes stand before it": ("abc\n", first),
        "which ends in": (first.rstrip("\n"), second),
        "no frame: 'ITEM: TIMESTEP' is nowhere": ("x,y,z\n1,2,3\n",),
        "ITEM: NUMBER OF ENTRIES": (
            "ITEM: TIMESTEP\n0\nITEM: NUMBER OF ENTRIES\n1\nITEM: BOX BOUNDS pp pp pp\n",
        ),
        "wanted the step, a whole number": (first.replace("\n0\n", "\n-5\n", 1),),
        "empty (0 bytes)": ("",),
        "step 9): more stands behind": (second, first.replace("TIMESTEP", "TIMESTEQ")),
        "step 9): it is cut short: there are 1 rows": (first, second[: second.rfind("2 1 4")]),
    }
    for reason, parts in junk.items():
        assert reason in refused(write(*parts))


def test_a_row_that_ends_otherwise_than_the_first_is_refused(write, dump_frame):
    assert "it ends in blanks and the first row does not" in refused(
        write(dump_frame(), dump_frame(step=1)[:-2] + "\n")
    )


def test_blank_lines_between_frames_do_no_harm(write, dump_frame):
    assert read(write(dump_frame(), "\n", dump_frame(step=1), " \n\n"))[2] == [0, 1]


def test_missing_files_are_said(tmp_path):
    with pytest.raises(MissingInputError, match="there is no such file"):
        open_dumps([tmp_path / "gone"])
    with pytest.raises(MissingInputError, match="there is no such file"):
        open_dumps([tmp_path])
    with pytest.raises(MissingInputError, match="wanted at least one"):
        open_dumps([])


# steps


def test_the_later_of_two_frames_with_one_step_counts(write, dump_frame):
    before = [moved(dump_frame, k, 100 * k) for k in range(4)]
    after = [moved(dump_frame, k + 0.5, 100 * k) for k in range(2, 6)]
    one = write(*before, *after, name="one")
    two = (write(*before, name="a"), write(*after, name="b"))
    for paths in ((one,), two):
        positions_A, _, steps = read(*paths)
        assert steps == [0, 100, 200, 300, 400, 500]
        assert positions_A[:, 0, 0].tolist() == [0, 1, 2.5, 3.5, 4.5, 5.5]
        notes = " ".join(open_dumps(paths).trajectory.notes)
        assert re.search(r"2 of \d frames have a step that comes again later", notes)
    assert "goes back from step 300 to 200" in " ".join(open_dumps([one]).trajectory.notes)


def test_files_in_the_wrong_order_come_in_the_order_of_steps(write, dump_frame):
    late = write(*(moved(dump_frame, k, k) for k in range(3, 6)), name="late")
    early = write(*(moved(dump_frame, k, k) for k in range(3)), name="early")
    positions_A, _, steps = read(late, early)
    assert steps == positions_A[:, 0, 0].tolist() == [0, 1, 2, 3, 4, 5]


@pytest.mark.parametrize(
    "steps", [(0, 100, 900, 300, 400), (0, 100, 20, 300), (0, 9, 2, 3, 4, 5, 6, 7, 8, 9)]
)
def test_a_single_step_out_of_place_is_refused(write, dump_frame, steps):
    path = write(*(moved(dump_frame, k, step) for k, step in enumerate(steps)))
    message = refused(path)
    assert "its step stands between" in message
    assert re.search(r"frame [12] \(step (900|100|9)\)", message)


def test_a_frame_cut_by_a_crash_counts_not_where_the_restart_writes_it_again(write, dump_frame):
    frames = [moved(dump_frame, k, 100 * k) for k in range(3)]
    again = [moved(dump_frame, k + 0.5, 100 * k) for k in range(1, 4)]
    for cut in (5, 14, 20):
        glued = write(*frames[:2], frames[2][:-cut], *again, name="glued")
        positions_A, _, steps = read(glued)
        assert steps == [0, 100, 200, 300]
        assert positions_A[:, 0, 0].tolist() == [0, 1.5, 2.5, 3.5]
        notes = " ".join(open_dumps([glued]).trajectory.notes)
        assert "a frame that is not counted, as its step comes again" in notes
        parts = (write(*frames[:2], frames[2][:-cut], name="a"), write(*again, name="b"))
        assert read(*parts)[0][:, 0, 0].tolist() == [0, 1.5, 2.5, 3.5]
        assert "the last frame left out" in " ".join(open_dumps(parts).trajectory.notes)
    never_again = write(frames[0], frames[1][:-5], frames[2], name="never")
    assert "frame 1 (step 100): it is cut short in row 2 of 2" in refused(never_again)


def test_an_attempt_that_left_nothing_or_half_a_frame_is_left_out(write, dump_frame):
    whole = write(dump_frame(), dump_frame(step=1), name="whole")
    for text in ("", dump_frame()[:40], dump_frame()[:-8]):
        half = write(text, name="half")
        assert "cut short" in refused(half) or "empty" in refused(half)
        for begun in ("", dump_frame()):
            source = open_dumps([write(begun, text, name="half"), whole]).trajectory
            assert source.steps.tolist() == [0, 1]
            assert len(list(source.chunks())) >= 1
            assert not text or any("left out" in note for note in source.notes)


def test_a_frame_that_does_not_count_must_not_hide_one_that_does(write, dump_frame):
    frames = [moved(dump_frame, k, 100 * k) for k in range(4)]
    hidden = frames[1].replace("TIMESTEP", "TIMESTEQ")
    path = write(frames[0], hidden, frames[0], frames[2], frames[3])
    assert "more stands behind its 2 rows" in refused(path)


def test_files_of_two_boxes_are_refused(write, dump_frame):
    one, other = write(dump_frame(), name="one"), write(dump_frame("1 1 0 0 0"), name="other")
    assert "other: 1 atoms, boundaries 'pp pp pp'; one has 2" in refused(one, other)
    swapped = write(dump_frame("7 1 1 2 3\n2 1 4 5 6", step=1), name="swapped")
    assert "atom '7' is not in the first frame" in refused(one, swapped)


# ranges, processes, compression


def many(dump_frame, n_frames: int = 30) -> str:
    rng = np.random.default_rng(2)
    rows = rng.uniform(0, 10, size=(n_frames, 40, 3)).round(3)
    return "".join(
        dump_frame("\n".join(f"{k} 1 {x} {y} {z}" for k, (x, y, z) in enumerate(frame)), step=step)
        for step, frame in enumerate(rows)
    )


def test_ranges_of_frames_by_another_process_are_the_same(write, dump_frame):
    source = open_dumps([write(many(dump_frame))]).trajectory
    whole = np.concatenate([chunk.positions_A for chunk in source.chunks()])
    other = pickle.loads(pickle.dumps(source))
    for first, last in ((0, 7), (7, 29), (29, 30)):
        chunks = list(other.chunks(first, last))
        ranks = np.concatenate([chunk.rank for chunk in chunks])
        assert ranks.tolist() == list(range(first, last))
        np.testing.assert_array_equal(
            np.concatenate([chunk.positions_A for chunk in chunks]), whole[first:last]
        )


def test_marks_are_found_wherever_a_block_ends(write, dump_frame, monkeypatch):
    path = write(many(dump_frame, 90))
    truth = read(path)
    assert len(truth[2]) == 90
    for n_bytes in (997, 4096):
        monkeypatch.setattr(dump_bytes, "BLOCK_BYTES", n_bytes)
        monkeypatch.setattr("iemhpc.descriptors.dump_index.BLOCK_BYTES", n_bytes)
        monkeypatch.setattr("iemhpc.descriptors.dump_index.LOOK_AHEAD_BYTES", 500)
        monkeypatch.setattr("iemhpc.descriptors.dump_file.TEXT_BYTES", 3 * n_bytes)
        for name, packed in (("b.gz", gzip.compress), ("b", bytes)):
            got = read(write(packed(path.read_bytes()), name=name))
            np.testing.assert_array_equal(got[0], truth[0])


def zstd(data: bytes) -> bytes:
    return bytes(pa.compress(data, "zstd", asbytes=True))


@pytest.mark.parametrize("packed", [gzip.compress, zstd])
def test_compressed_dumps_are_read_whatever_their_name(write, dump_frame, packed):
    text = many(dump_frame).encode()
    truth = read(write(text, name="plain"))
    got = read(write(packed(text), name="packed"))
    np.testing.assert_array_equal(got[0], truth[0])
    # several members one after the other, and steps that go back
    again = text[: len(text) // 30 * 7]
    twice = write(packed(text), packed(again[: again.rfind(b"ITEM: TIMESTEP")]), name="twice")
    np.testing.assert_array_equal(read(twice)[0], truth[0])


@pytest.mark.parametrize("packed", [gzip.compress, zstd])
def test_a_compressed_dump_that_is_cut_is_refused(write, dump_frame, packed):
    data = packed(many(dump_frame).encode())
    for length in (5, 20, len(data) // 2, len(data) - 3):
        message = refused(write(data[:length]))
        assert "cut short or damaged" in message
    flipped = bytearray(gzip.compress(many(dump_frame).encode()))
    flipped[len(flipped) // 2] ^= 0x10
    assert "damaged" in refused(write(bytes(flipped))) or "row" in refused(write(bytes(flipped)))


def test_a_file_that_changes_while_it_is_read_is_refused(write, dump_frame):
    path = write(dump_frame(), dump_frame(step=1))
    source = open_dumps([path]).trajectory
    path.write_text(path.read_text() + dump_frame(step=2))
    with pytest.raises(TrajectoryError, match="was changed since it was opened"):
        list(source.chunks())
    path.unlink()
    with pytest.raises(TrajectoryError, match="can no longer be read"):
        list(source.chunks())
