"""Dumps damaged at random: exactly the numbers that were there, or refused, and nothing else.

Promised is: whatever bytes a file holds, a reader gets frames or a TrajectoryError. What cannot be
seen in a text is left out of the stronger promises, each of which says of which damage it speaks:
a digit that became another digit or a blank, digits that went missing from within one number, and
whole frames that are gone.
"""

import gzip
import re
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from iemhpc.descriptors.lammpstrj import open_dumps
from iemhpc.errors import TrajectoryError

N_FRAMES, N_ATOMS = 5, 6
QUICKLY = settings(max_examples=120, deadline=None, derandomize=True)
IN_NUMBERS = b"0123456789+-.eE"
BLANKS = b" \t\r\n"


def make_text() -> bytes:
    """Return a dump as LAMMPS writes it, with a column that nobody reads."""
    rng = np.random.default_rng(3)
    text = ""
    for k in range(N_FRAMES):
        text += (
            f"ITEM: TIME\n{k}.5\nITEM: TIMESTEP\n{k * 100}\nITEM: NUMBER OF ATOMS\n{N_ATOMS}\n"
            "ITEM: BOX BOUNDS pp pp pp\n0.0000e+00 1.000e+01\n-1 9\n0 1.2e1\n"
            "ITEM: ATOMS id type element xu yu zu ix \n"
        )
        for atom in rng.permutation(N_ATOMS) + 1:
            x, y, z = rng.uniform(-20, 20, size=3)
            text += f"{atom} {atom % 3} {'NaClOw'[atom - 1]} {x:g} {y:.4f} {z:.3e} 0 \n"
    return text.encode()


TEXT = make_text()
BORDERS = {m.start() for m in re.finditer(rb"ITEM: TIME\n", TEXT)} | {len(TEXT)}
SHORTER_THAN_A_FRAME = 300
"""What is gone from a place in one frame to the same in the next is a whole frame."""


@pytest.fixture(scope="module")
def path(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("damage") / "t.lammpstrj"


def read(path: Path, data: bytes):
    """Return steps, positions and boxes, or None where the dump is refused."""
    path.write_bytes(data)
    try:
        source = open_dumps([path], units="real", timestep_fs=None).trajectory
        chunks = list(source.chunks())
    except TrajectoryError as error:
        reason = str(error)
    else:
        reason = ""
    if reason:
        assert str(path) in reason
        assert "frame" in reason or "empty" in reason or "TIME" in reason
        return None
    positions_A = np.concatenate([chunk.positions_A for chunk in chunks])
    vectors_A = np.concatenate([chunk.vectors_A for chunk in chunks])
    assert np.isfinite(positions_A).all()
    assert positions_A.shape == (source.n_frames, source.n_atoms, 3)
    return source.steps.tolist(), positions_A, vectors_A, source.notes


@pytest.fixture(scope="module")
def truth(path):
    found = read(path, TEXT)
    assert found is not None
    assert found[0] == [0, 100, 200, 300, 400]
    assert found[3] == ()
    return found


def assert_right_or_refused(found, truth, n_frames: int = N_FRAMES) -> None:
    if found is None:
        return
    assert found[0] == truth[0][:n_frames]
    np.testing.assert_array_equal(found[1], truth[1][:n_frames])
    np.testing.assert_array_equal(found[2], truth[2][:n_frames])


places = st.integers(0, len(TEXT) - 1)
bytes_not_in_numbers = st.integers(0, 255).filter(lambda b: b not in IN_NUMBERS + BLANKS)


@QUICKLY
@given(place=places, byte=bytes_not_in_numbers)
def test_a_byte_that_became_one_of_no_number(path, truth, place, byte):
    data = TEXT[:place] + bytes([byte]) + TEXT[place + 1 :]
    assert_right_or_refused(read(path, data), truth)


@QUICKLY
@given(place=places, byte=st.integers(0, 255))
def test_a_byte_outside_of_numbers_that_became_any(path, truth, place, byte):
    if TEXT[place] in IN_NUMBERS:
        return
    data = TEXT[:place] + bytes([byte]) + TEXT[place + 1 :]
    assert_right_or_refused(read(path, data), truth)


@QUICKLY
@given(place=places, word=st.lists(bytes_not_in_numbers, min_size=1, max_size=20).map(bytes))
def test_bytes_of_no_number_put_in(path, truth, place, word):
    assert_right_or_refused(read(path, TEXT[:place] + word + TEXT[place:]), truth)


@QUICKLY
@given(place=places, length=st.integers(1, SHORTER_THAN_A_FRAME))
def test_a_stretch_with_more_than_one_number_taken_out(path, truth, place, length):
    gone = TEXT[place : place + length]
    if not any(byte in gone for byte in BLANKS) or _is_optional(gone):
        return
    assert_right_or_refused(read(path, TEXT[:place] + TEXT[place + length :]), truth)


def _is_optional(gone: bytes) -> bool:
    """Whether what is gone is the time of a frame, which need not be there."""
    return b"ITEM: TIME\n" in gone + gone and len(gone) == len(b"ITEM: TIME\n0.5\n")


@QUICKLY
@given(length=st.integers(0, len(TEXT)))
def test_a_file_cut_at_its_end(path, truth, length):
    found = read(path, TEXT[:length])
    if length in BORDERS and length:
        n_frames = sum(border < length for border in BORDERS)
        assert found is not None
        assert_right_or_refused(found, truth, n_frames)
    else:
        assert found is None


@QUICKLY
@given(place=places, length=st.integers(1, SHORTER_THAN_A_FRAME // 2), again=places)
def test_a_stretch_that_stands_elsewhere_too(path, truth, place, length, again):
    stretch = TEXT[place : place + length]
    found = read(path, TEXT[:again] + stretch + TEXT[again:])
    if stretch.strip(IN_NUMBERS + BLANKS):
        assert_right_or_refused(found, truth)


@QUICKLY
@given(
    edits=st.lists(
        st.tuples(st.integers(0, len(TEXT)), st.integers(0, 60), st.binary(max_size=30)),
        min_size=1,
        max_size=6,
    ),
    is_packed=st.booleans(),
)
def test_anything_at_all_gives_frames_or_a_reason(path, edits, is_packed):
    data = gzip.compress(TEXT, mtime=0) if is_packed else TEXT
    for place, n_gone, word in edits:
        at = min(place, len(data))
        data = data[:at] + word + data[at + n_gone :]
    found = read(path, data)
    if found is not None:
        assert len(found[0]) + sum("again" in note for note in found[3]) >= 1


@QUICKLY
@given(data=st.binary(max_size=400))
def test_any_bytes_are_no_dump(path, data):
    assert read(path, data) is None


@pytest.mark.slow
@pytest.mark.parametrize("byte", b"x~ \n\x00\xff7")
def test_every_byte_that_becomes_another(path, truth, byte):
    for place in range(len(TEXT)):
        if byte in IN_NUMBERS + BLANKS and TEXT[place] in IN_NUMBERS:
            continue
        data = TEXT[:place] + bytes([byte]) + TEXT[place + 1 :]
        assert_right_or_refused(read(path, data), truth)


@pytest.mark.slow
@pytest.mark.parametrize("length", [2, 3, 7, 20, 60, 150])
def test_every_stretch_taken_out(path, truth, length):
    for place in range(len(TEXT) - length):
        gone = TEXT[place : place + length]
        if any(byte in gone for byte in BLANKS) and not _is_optional(gone):
            assert_right_or_refused(read(path, TEXT[:place] + TEXT[place + length :]), truth)
