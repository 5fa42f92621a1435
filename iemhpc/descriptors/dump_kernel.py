"""The rows of a LAMMPS text dump as positions: compiled, one byte after the other, strict.

A row must hold exactly the columns that the header names, each in the grammar of its kind, and a
frame each atom of the first one exactly once; the first thing that is otherwise ends the parse.
Up to 15 digits a number is the nearest double, as from ``float``; further ones change the last bit.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from iemhpc.descriptors.kernel import compiled

OK, SHORT, EXTRA, FEW, MANY, NUMBER, NOT_FINITE, UNKNOWN, TWICE, RETYPED, BYTE, FAR, RAGGED = range(
    13
)
"""How a parse ends."""

FARTHEST_A = 1.0e5
"""Farther from the origin, single precision resolves less than 0.008 Å."""

SKIP, ID, TYPE, X, IMAGE = 0, 1, 2, 3, 6
"""What becomes of a column: X, X + 1, X + 2 are coordinates, IMAGE to IMAGE + 2 box counts."""

_SPACE, _TAB, _NEWLINE, _RETURN = 32, 9, 10, 13
_MINUS, _PLUS, _POINT, _ZERO = 45, 43, 46, 48
_LOWER, _E, _I, _N = 32, 101, 105, 110
"""The bit of lower case and three letters."""
_POWERS = np.array([float(f"1e{k}") for k in range(23)])
"""Exact in double precision, so that one division rounds once."""
_ROOM = 10**16
"""A mantissa below takes one more digit."""
_LONGEST_WHOLE = 18
_HASH_SEED, _HASH_FACTOR = 0x4BF29CE484222325, 0x100000001B3
"""Those of Fowler, Noll and Vo, kept in 63 bits."""


class Atoms(NamedTuple):
    """The atoms that each frame must hold, as arrays."""

    ids: NDArray[np.int64]
    """Sorted ids, shape (n_atoms,)."""
    places: NDArray[np.int32]
    """Place among them of each id from the first to the last, -1 for none; empty where ids are too
    far apart for a table."""
    types: NDArray[np.int64]
    """Hash of each atom's type, shape (n_atoms,); empty where none is known."""


class Rows(NamedTuple):
    """Where the rows of some frames stand, and what their columns are."""

    text: NDArray[np.uint8]
    starts: NDArray[np.int64]
    """First byte of the rows of each frame, shape (n_frames,)."""
    ends: NDArray[np.int64]
    """The byte after each frame, whose last byte is a newline, shape (n_frames,)."""
    actions: NDArray[np.int64]
    """What becomes of each column, shape (n_columns,)."""
    is_scaled: bool
    """Whether coordinates are parts of the box vectors."""


class Boxes(NamedTuple):
    """The boxes of some frames in the file's unit of length, and that unit."""

    origins: NDArray[np.float64]
    """Shape (n_frames, 3)."""
    vectors: NDArray[np.float64]
    """Shape (n_frames, 3, 3)."""
    scale_A: float
    """The unit in ångström."""


class Box(NamedTuple):
    """The box of one frame, as of :class:`Boxes`."""

    origin: NDArray[np.float64]
    vectors: NDArray[np.float64]
    scale_A: float


@compiled
def hash_word(text: NDArray[np.uint8], start: int, end: int) -> int:
    """Return a whole number for a word."""
    value = np.int64(_HASH_SEED)
    for at in range(start, end):
        value = (value ^ np.int64(text[at])) * np.int64(_HASH_FACTOR)
    return int(value)


@compiled
def _digits(text: NDArray[np.uint8], at: int, mantissa: int) -> tuple[int, int, int]:
    """Append digits; return the mantissa, how many did not fit, and where they end."""
    n_lost = 0
    while True:  # a place without a sign is not looked at for counting from the end: 10 % faster
        digit = np.int64(text[np.uint64(at)]) - _ZERO
        if digit < 0 or digit > 9:
            return mantissa, n_lost, at
        if mantissa < _ROOM:
            mantissa = int(mantissa * 10 + digit)
        else:
            n_lost += 1
        at += 1


@compiled
def _whole(text: NDArray[np.uint8], at: int) -> tuple[int, int, int]:
    """Return the whole number that begins at a byte, where it ends, and a code."""
    is_negative = text[at] == _MINUS
    if is_negative or text[at] == _PLUS:
        at += 1
    first = at
    value, _, at = _digits(text, at, 0)
    is_good = 0 < at - first < _LONGEST_WHOLE
    return (-value if is_negative else value), at, OK if is_good else NUMBER


@compiled
def _scaled(mantissa: int, power: int) -> float:
    """Return a mantissa times a power of ten."""
    value = float(mantissa)
    if power == 0:
        return value
    if 0 > power >= -22:
        return float(value / _POWERS[-power])
    if 0 < power <= 22:
        return float(value * _POWERS[power])
    return value * 10.0**power if mantissa else 0.0


@compiled
def _number(text: NDArray[np.uint8], at: int) -> tuple[float, int, int]:
    """Return the number that begins at a byte, where it ends, and a code."""
    is_negative = text[at] == _MINUS
    if is_negative or text[at] == _PLUS:
        at += 1
    first = at
    mantissa, power, at = _digits(text, at, 0)
    n_digits = at - first
    if text[at] == _POINT:
        first = at + 1
        mantissa, n_lost, at = _digits(text, first, mantissa)
        n_digits += at - first
        power -= at - first - n_lost
    if n_digits == 0:
        letter = text[at] | _LOWER
        return 0.0, at, NOT_FINITE if letter in (_I, _N) else NUMBER
    if text[at] | _LOWER == _E:
        exponent, at, code = _whole(text, at + 1)
        if code != OK:
            return 0.0, at, code
        power += max(min(exponent, 400), -400)
    value = _scaled(mantissa, power)
    return (-value if is_negative else value), at, OK


@compiled
def _word_end(text: NDArray[np.uint8], at: int) -> int:
    while text[np.uint64(at)] > _SPACE:
        at += 1
    return at


@compiled
def _blanks_end(text: NDArray[np.uint8], at: int) -> int:
    while text[np.uint64(at)] in (_SPACE, _TAB, _RETURN):
        at += 1
    return at


@compiled
def _is_blank(byte: int) -> bool:
    return byte in (_SPACE, _TAB, _NEWLINE, _RETURN)


@compiled
def _row(
    text: NDArray[np.uint8],
    at: int,
    actions: NDArray[np.int64],
    whole: NDArray[np.int64],
    real: NDArray[np.float64],
) -> tuple[int, int, int]:
    """Read one row; return where the next begins, whether blanks end it, and a code.

    Where the code is not ``OK``, the second is the column.
    """
    for column in range(len(actions)):
        at = _blanks_end(text, at)
        if text[at] == _NEWLINE:
            return at, column, FEW
        action = actions[column]
        code = OK
        if action == SKIP:
            at = _word_end(text, at)
        elif action == TYPE:
            start, at = at, _word_end(text, at)
            whole[TYPE] = hash_word(text, start, at)
        elif X <= action < IMAGE:
            real[action - X], at, code = _number(text, at)
        else:
            whole[action], at, code = _whole(text, at)
        if code != OK or text[at] > _SPACE:
            return at, column, max(code, NUMBER)
        if not _is_blank(text[at]):
            return at, column, BYTE
    last, at = at, _blanks_end(text, at)
    if text[at] != _NEWLINE:
        return at, len(actions), BYTE if text[at] < _SPACE else MANY
    return at + 1, int(at > last), OK


@compiled
def _place(atoms: Atoms, atom_id: int) -> int:
    """Return the place of an id among those of the first frame, -1 for none."""
    if len(atoms.places):
        at = atom_id - atoms.ids[0]
        return int(atoms.places[at]) if 0 <= at < len(atoms.places) else -1
    at = np.searchsorted(atoms.ids, atom_id)
    return int(at) if at < len(atoms.ids) and atoms.ids[at] == atom_id else -1


@compiled
def _coordinate(
    axis: int, real: NDArray[np.float64], whole: NDArray[np.int64], box: Box, is_scaled: bool
) -> float:
    """Return one coordinate of an atom, moved by whole boxes or parts of one."""
    i, j, k = float(whole[IMAGE]), float(whole[IMAGE + 1]), float(whole[IMAGE + 2])
    value = real[axis]
    if is_scaled:
        i, j, k = i + real[0], j + real[1], k + real[2]
        value = box.origin[axis]
    along = i * box.vectors[0, axis] + j * box.vectors[1, axis] + k * box.vectors[2, axis]
    return float(value + along)


@compiled
def _frame(
    rows: Rows,
    frame: int,
    box: Box,
    atoms: Atoms,
    last_seen: NDArray[np.int64],
    positions_A: NDArray[np.float32],
) -> tuple[int, int, int]:
    """Read one frame; return a code, the row and the column that ended it."""
    text, actions, is_scaled = rows.text, rows.actions, rows.is_scaled
    at, end = rows.starts[frame], rows.ends[frame]
    whole = np.zeros(9, dtype=np.int64)
    real = np.zeros(3)
    first_ending = 0
    is_plain = not is_scaled and actions.max() < IMAGE
    for row in range(len(atoms.ids)):
        if at >= end:
            return SHORT, row, 0
        at, column, code = _row(text, at, actions, whole, real)
        if code != OK:
            return code, row, column
        if row == 0:
            first_ending = column
        place = _place(atoms, whole[ID])
        if column != first_ending:
            code = RAGGED
        elif place < 0:
            code = UNKNOWN
        elif last_seen[place] == frame:
            code = TWICE
        elif len(atoms.types) and atoms.types[place] != whole[TYPE]:
            code = RETYPED
        if code != OK:
            return code, row, 0
        last_seen[place] = frame
        for axis in range(3):
            value = real[axis] if is_plain else _coordinate(axis, real, whole, box, is_scaled)
            value *= box.scale_A
            if not abs(value) < FARTHEST_A:  # nor what overflows
                return FAR, row, 0
            positions_A[frame, place, axis] = value
    while at < end and _is_blank(text[at]):
        at += 1
    return (OK if at >= end else EXTRA), len(atoms.ids), 0


@compiled
def parse_frames(
    rows: Rows, boxes: Boxes, atoms: Atoms, positions_A: NDArray[np.float32]
) -> tuple[int, int, int, int]:
    """Read the rows of frames with the same columns.

    Parameters
    ----------
    rows : Rows
        Where they stand.
    boxes : Boxes
        The box of each frame.
    atoms : Atoms
        The atoms each frame must have.
    positions_A : ndarray of float32, shape (n_frames, n_atoms, 3)
        Filled, in the order of the sorted ids.

    Returns
    -------
    code, frame, row, column : int
        ``OK``, or what ended the parse, and where.
    """
    last_seen = np.full(len(atoms.ids), -1, dtype=np.int64)
    for frame in range(len(rows.starts)):
        box = Box(boxes.origins[frame], boxes.vectors[frame], boxes.scale_A)
        code, row, column = _frame(rows, frame, box, atoms, last_seen, positions_A)
        if code != OK:
            return code, frame, row, column
    return OK, 0, 0, 0
