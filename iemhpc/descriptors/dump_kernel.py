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
_EXPONENT = 101  # e; E with the bit of lower case set
_I, _N = 105, 110
_LOWER = 32
_POWERS = np.array([float(f"1e{k}") for k in range(23)])
_MOST_DIGITS = 17
_LONGEST_WHOLE = 18
_HASH_SEED, _HASH_FACTOR = 0x4BF29CE484222325, 0x100000001B3
"""Fowler, Noll and Vo's hash in 63 bits."""


class Atoms(NamedTuple):
    """The atoms that each frame must hold, as arrays."""

    ids: NDArray[np.int64]
    """Sorted ids, shape (n_atoms,)."""
    places: NDArray[np.int32]
    """Place among them of each id from the first to the last, -1 for none; empty where ids are too
    far apart for a table."""
    types: NDArray[np.int64]
    """Hash of each atom's type, shape (n_atoms,); empty where none is known."""


@compiled
def hash_word(text, start, end):  # type: ignore[no-untyped-def]
    """Return a whole number for a word."""
    value = np.int64(_HASH_SEED)
    for at in range(start, end):
        value = (value ^ np.int64(text[at])) * np.int64(_HASH_FACTOR)
    return value


@compiled
def _number(text, at):  # type: ignore[no-untyped-def]
    """Return the number that begins at a byte, where it ends, and a code."""
    is_negative = text[at] == _MINUS
    if is_negative or text[at] == _PLUS:
        at += 1
    mantissa = np.int64(0)
    n_digits = 0
    power = 0
    first = at
    while True:
        digit = np.int64(text[at]) - _ZERO
        if digit < 0 or digit > 9:
            break
        if n_digits < _MOST_DIGITS:
            mantissa = mantissa * 10 + digit
            n_digits += mantissa != 0
        else:
            power += 1
        at += 1
    n_seen = at - first
    if text[at] == _POINT:
        at += 1
        first = at
        while True:
            digit = np.int64(text[at]) - _ZERO
            if digit < 0 or digit > 9:
                break
            if n_digits < _MOST_DIGITS:
                mantissa = mantissa * 10 + digit
                n_digits += mantissa != 0
                power -= 1
            at += 1
        n_seen += at - first
    if n_seen == 0:
        letter = text[at] | _LOWER
        return 0.0, at, NOT_FINITE if letter in (_I, _N) else NUMBER
    if text[at] | _LOWER == _EXPONENT:
        exponent, at, code = _whole(text, at + 1)
        if code != OK:
            return 0.0, at, code
        power += max(min(exponent, 400), -400)
    value = float(mantissa)
    if 0 > power >= -22:
        value /= _POWERS[-power]
    elif 0 < power <= 22:
        value *= _POWERS[power]
    elif power != 0:
        value *= 10.0**power
    return (-value if is_negative else value), at, OK


@compiled
def _whole(text, at):  # type: ignore[no-untyped-def]
    """Return the whole number that begins at a byte, where it ends, and a code."""
    is_negative = text[at] == _MINUS
    if is_negative or text[at] == _PLUS:
        at += 1
    value = np.int64(0)
    first = at
    while True:
        digit = np.int64(text[at]) - _ZERO
        if digit < 0 or digit > 9:
            break
        value = value * 10 + digit
        at += 1
    is_good = 0 < at - first <= _LONGEST_WHOLE
    return (-value if is_negative else value), at, OK if is_good else NUMBER


@compiled
def _place(atoms, atom_id):  # type: ignore[no-untyped-def]
    """Return the place of an id among those of the first frame, -1 for none."""
    if len(atoms.places):
        at = atom_id - atoms.ids[0]
        return np.int64(atoms.places[at]) if 0 <= at < len(atoms.places) else np.int64(-1)
    at = np.searchsorted(atoms.ids, atom_id)
    return at if at < len(atoms.ids) and atoms.ids[at] == atom_id else np.int64(-1)


@compiled
def _row(text, at, actions, whole, real):  # type: ignore[no-untyped-def]
    """Read one row; return where the next begins, whether blanks end it, and a code.

    Where the code is not ``OK``, the second is the column.
    """
    n_columns = len(actions)
    for column in range(n_columns):
        while text[at] in (_SPACE, _TAB):
            at += 1
        if text[at] in (_NEWLINE, _RETURN):
            return at, column, FEW
        action = actions[column]
        code = OK
        if action == SKIP:
            while text[at] > _SPACE:
                at += 1
        elif action == TYPE:
            start = at
            while text[at] > _SPACE:
                at += 1
            whole[TYPE] = hash_word(text, start, at)
        elif X <= action < IMAGE:
            real[action - X], at, code = _number(text, at)
        else:
            whole[action], at, code = _whole(text, at)
        if code != OK:
            return at, column, code
        if text[at] > _SPACE:
            return at, column, NUMBER
        if text[at] not in (_SPACE, _TAB, _NEWLINE, _RETURN):
            return at, column, BYTE
    while text[at] in (_SPACE, _TAB, _RETURN):
        at += 1
    if text[at] != _NEWLINE:
        return at, n_columns, BYTE if text[at] < _SPACE else MANY
    return at + 1, np.int64(text[at - 1] <= _SPACE), OK


@compiled
def _position(real, whole, origin, vectors, scale, is_scaled):  # type: ignore[no-untyped-def]
    """Turn one atom's columns into a position, in place; return whether it is near enough."""
    x, y, z = real[0], real[1], real[2]
    i, j, k = float(whole[IMAGE]), float(whole[IMAGE + 1]), float(whole[IMAGE + 2])
    if is_scaled:
        i, j, k = i + x, j + y, k + z
        x, y, z = origin[0], origin[1], origin[2]
    is_near = True
    for axis in range(3):
        start = x if axis == 0 else y if axis == 1 else z
        value = start + i * vectors[0, axis] + j * vectors[1, axis] + k * vectors[2, axis]
        real[axis] = value * scale
        is_near &= abs(real[axis]) < FARTHEST_A  # not so for what overflows
    return is_near


@compiled
def parse_frames(  # type: ignore[no-untyped-def]
    text, starts, ends, actions, is_scaled, origins, vectors, scale, atoms, positions_A
):
    """Read the rows of frames with the same columns.

    Parameters
    ----------
    text : ndarray of uint8
        What holds them. The last byte of each frame is a newline.
    starts, ends : ndarray of int64, shape (n,)
        First byte of the rows of each frame, and the one after the last.
    actions : ndarray of int64, shape (n_columns,)
        What becomes of each column.
    is_scaled : bool
        Whether coordinates are parts of the box vectors.
    origins, vectors : ndarray, shapes (n, 3) and (n, 3, 3)
        Boxes in the units of the file.
    scale : float
        Those units in ångström.
    atoms : Atoms
        The atoms each frame must have.
    positions_A : ndarray of float32, shape (n, n_atoms, 3)
        Filled, in the order of the sorted ids.

    Returns
    -------
    code, frame, row, column : int
        ``OK``, or what ended the parse, and where.
    """
    n_atoms = len(atoms.ids)
    last_seen = np.full(n_atoms, -1, dtype=np.int64)
    whole = np.zeros(9, dtype=np.int64)
    real = np.zeros(3)
    for frame in range(len(starts)):
        at, end = starts[frame], ends[frame]
        first_ending = np.int64(0)
        for row in range(n_atoms):
            if at >= end:
                return SHORT, frame, row, 0
            at, column, code = _row(text, at, actions, whole, real)
            if code != OK:
                return code, frame, row, column
            if row == 0:
                first_ending = column
            if column != first_ending:
                return RAGGED, frame, row, 0
            place = _place(atoms, whole[ID])
            if place < 0:
                return UNKNOWN, frame, row, 0
            if last_seen[place] == frame:
                return TWICE, frame, row, 0
            last_seen[place] = frame
            if len(atoms.types) and atoms.types[place] != whole[TYPE]:
                return RETYPED, frame, row, 0
            if not _position(real, whole, origins[frame], vectors[frame], scale, is_scaled):
                return FAR, frame, row, 0
            for axis in range(3):
                positions_A[frame, place, axis] = real[axis]
        while at < end and text[at] in (_SPACE, _TAB, _NEWLINE, _RETURN):
            at += 1
        if at < end:
            return EXTRA, frame, n_atoms, 0
    return OK, 0, 0, 0
