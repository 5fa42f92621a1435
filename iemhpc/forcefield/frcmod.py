"""frcmod files of several molecules become one: each section once, each key once.

Format: https://ambermd.org/FileFormats.php#frcmod
"""

from collections.abc import Iterable, Sequence

_SECTIONS = {"MASS": 1, "BOND": 2, "ANGLE": 3, "DIHE": 4, "IMPROPER": 4, "NONBON": 1}
"""Heading -> types in a key."""


def united(frcmods: Iterable[Sequence[str]]) -> tuple[str, ...]:
    """Return the lines of one frcmod file for several; equal ones, and none, are left as they are.

    As where Amber loads one file after the other, a later entry replaces an earlier one with the
    same types.

    Parameters
    ----------
    frcmods : iterable of sequences of str
        Lines with the title first; a file may have a section more than once.

    Examples
    --------
    >>> one = ["title", "BOND", "c3-sy 244.2 1.807", "", "MASS", "sy 32.06", ""]
    >>> united([one, ["other", "BOND", "sy-c3 250.0 1.800", ""]])[:6]
    ('title', 'MASS', 'sy 32.06', '', 'BOND', 'sy-c3 250.0 1.800')
    """
    distinct = list(dict.fromkeys(tuple(lines) for lines in frcmods if lines))
    if len(distinct) <= 1:
        return distinct[0] if distinct else ()
    entries: dict[str, dict[tuple[str, ...], list[str]]] = {name: {} for name in _SECTIONS}
    for lines in distinct:
        _add(entries, lines[1:])
    united_lines = [distinct[0][0]]
    for name, found in entries.items():
        united_lines += [name, *(line for rows in found.values() for line in rows), ""]
    return tuple(united_lines)


def _add(entries: dict[str, dict[tuple[str, ...], list[str]]], lines: Iterable[str]) -> None:
    heading, is_continued = "", False
    for line in lines:
        name = next((name for name in _SECTIONS if _is_heading(line, name)), "")
        if name or not line.strip():
            heading, is_continued = name, False
        elif heading:
            key = _key(line, heading)
            entries[heading][key] = (
                [*entries[heading].get(key, []), line] if is_continued else [line]
            )
            is_continued = heading == "DIHE" and _goes_on(line)


def _is_heading(line: str, name: str) -> bool:
    word = line.strip().upper()
    return len(line.split()) == 1 and word[:4] == name[:4]


def _key(line: str, heading: str) -> tuple[str, ...]:
    """Return the types of a line, so that their order does not matter where it has no meaning."""
    n_types = _SECTIONS[heading]
    if n_types == 1:
        return (line.split(maxsplit=1)[0],)
    types = tuple(line[3 * place : 3 * place + 2].strip() for place in range(n_types))
    if heading == "IMPROPER":
        first, second, centre, last = types
        return (*sorted((first, second, last)), centre)
    return min(types, types[::-1])


def _goes_on(line: str) -> bool:
    """Return whether a torsion has more lines: its periodicity is negative."""
    return float(line[11:].split()[3]) < 0
