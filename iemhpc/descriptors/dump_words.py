"""What a row of a dump that cannot be read is said to have, for a person to find it."""

from collections.abc import Sequence

from iemhpc.descriptors import dump_kernel as kernel


def complaint(code: int, rows: bytes, *, row: int, column: int, names: Sequence[str]) -> str:
    r"""Return why the rows of a frame were refused, beginning behind the name of the frame.

    Parameters
    ----------
    code : int
        How the parse ended.
    rows : bytes
        The rows of the frame.
    row, column : int
        Where it ended, from 0.
    names : sequence of str
        The columns.

    Examples
    --------
    >>> from iemhpc.descriptors.dump_kernel import NOT_FINITE
    >>> complaint(
    ...     NOT_FINITE, b"7 0.5 0 0\n9 nan 0 0\n", row=1, column=1, names=("id", "x", "y", "z")
    ... )
    ", row 2: x is 'nan', not finite; look at the simulation's log; the row is '9 nan 0 0'"
    """
    lines = rows.split(b"\n")
    line = lines[row] if row < len(lines) else b""
    words = line.split()
    word = _shown(words[column]) if column < len(words) else "missing"
    name = names[column] if column < len(names) else "a column too many"
    first = _shown(words[names.index("id")]) if len(words) == len(names) else "?"
    kind = _shown(words[names.index("type")]) if first != "?" and "type" in names else "?"
    n_columns = f"{len(words)} values for {len(names)} columns ({' '.join(names)})"
    reason = {
        kernel.SHORT: f"it is cut short: there are {row} rows, its header says more",
        kernel.EXTRA: f"more stands behind its {row} rows than a new frame",
        kernel.FEW: n_columns,
        kernel.MANY: n_columns,
        kernel.NUMBER: f"{name} is {word}, no number of its kind",
        kernel.NOT_FINITE: f"{name} is {word}, not finite; look at the simulation's log",
        kernel.UNKNOWN: f"atom {first} is not in the first frame: another group, or damage",
        kernel.TWICE: f"atom {first} is there twice, so another one is missing",
        kernel.RETYPED: f"atom {first} has type {kind}, another one than in the first frame",
        kernel.BYTE: f"a byte at {name} belongs to no text; the file is damaged",
        kernel.FAR: (
            f"a coordinate of atom {first} is {kernel.FARTHEST_A:g} Å or more from the origin, "
            "where single precision is too coarse; it is damage, or dump wrapped coordinates"
        ),
        kernel.RAGGED: "it ends in blanks and the first row does not, or the other way round; a "
        "number may be cut",
    }[code]
    shown = f"; the row is {_shown(line)}" if line.strip() else ""
    return f", row {row + 1}: {reason}{shown}" if code != kernel.SHORT else f": {reason}"


def _shown(text: bytes, longest: int = 80) -> str:
    words = text.strip().decode("ascii", "backslashreplace")
    return repr(words if len(words) <= longest else words[:longest] + " ...")
