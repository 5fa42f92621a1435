"""A cluster profile changed as text: its comments, its order and every other key stay.

A value may span lines, so the end of an assignment is where TOML accepts it. What comes out is read
again and compared: where anything but the wanted keys has changed, nothing is written.
"""

import json
import re
import tomllib
from collections.abc import Mapping, Sequence
from typing import Any

from iemhpc.errors import InputError


def with_values(text: str, values: Mapping[str, Any], *, note: str = "") -> str:
    r"""Return a profile with some of its top-level keys set.

    Parameters
    ----------
    text : str
        The profile.
    values : mapping
        Key -> string, number, or list of strings.
    note : str
        Comment above keys that are new.

    Raises
    ------
    InputError
        Where the text cannot be changed without touching something else.

    Examples
    --------
    >>> print(with_values('suffix = "opt" # measured\n[[sizes]]\nup_to_atoms = 9\n',
    ...                   {"suffix": "omp", "threads_per_process": 2}, note="tuned"))
    suffix = "omp" # measured
    # tuned
    threads_per_process = 2
    <BLANKLINE>
    [[sizes]]
    up_to_atoms = 9
    """
    lines = text.splitlines()
    end = next((i for i, line in enumerate(lines) if line.lstrip().startswith("[")), len(lines))
    head, tail = lines[:end], lines[end:]
    new = []
    for key, value in values.items():
        span = _span(head, key)
        if span is None:
            new.append(f"{key} = {_toml(value)}")
        else:
            head[span[0] : span[1]] = [f"{key} = {_toml(value)}{_comment(head, span)}"]
    if new:
        head = [*_stripped(head), *([f"# {note}"] if note else []), *new]
        head += [""] if tail else []
    return _checked(text, "\n".join([*head, *tail]).rstrip("\n") + "\n", values)


def with_size(text: str, *, n_atoms: int, cores_per_run: int, note: str = "") -> str:
    r"""Return a profile in which boxes of so many atoms get so many cores.

    The entry of ``[[sizes]]`` that holds such boxes is changed; a profile without one gets one.

    Examples
    --------
    >>> print(with_size('scheduler = "slurm"\n', n_atoms=6300, cores_per_run=8, note="tuned"))
    scheduler = "slurm"
    <BLANKLINE>
    # tuned
    [[sizes]]
    up_to_atoms = 6300
    cores_per_run = 8
    """
    sizes = [dict(size) for size in tomllib.loads(text).get("sizes", ())]
    lines = text.splitlines()
    headers = [i for i, line in enumerate(lines) if re.match(r"\s*\[\[\s*sizes\s*\]\]", line)]
    if not sizes:
        entry = ["", *([f"# {note}"] if note else []), "[[sizes]]", f"up_to_atoms = {n_atoms}"]
        changed = [*_stripped(lines), *entry, f"cores_per_run = {cores_per_run}"]
        sizes = [{"up_to_atoms": n_atoms, "cores_per_run": cores_per_run}]
    else:
        fits = [i for i, size in enumerate(sizes) if n_atoms <= size.get("up_to_atoms", 0)]
        index = fits[0] if fits else len(sizes) - 1
        sizes[index]["cores_per_run"] = cores_per_run
        if len(headers) != len(sizes):
            return with_values(text, {"sizes": sizes})
        start = headers[index] + 1
        stops = [i for i, line in enumerate(lines) if i >= start and line.lstrip().startswith("[")]
        part = lines[start : (stops or [len(lines)])[0]]
        span = _span(part, "cores_per_run")
        if span is None:
            raise InputError(
                f"[[sizes]] {index + 1} says no cores_per_run; add it: cores_per_run = "
                f"{cores_per_run}"
            )
        line = f"cores_per_run = {cores_per_run}{_comment(part, span)}"
        changed = [*lines[: start + span[0]], line, *lines[start + span[1] :]]
    return _checked(text, "\n".join(changed).rstrip("\n") + "\n", {"sizes": sizes})


def _span(lines: Sequence[str], key: str) -> tuple[int, int] | None:
    """Return first and last-but-one line of a key's assignment."""
    for first, line in enumerate(lines):
        if not re.match(rf"\s*{re.escape(key)}\s*=", line):
            continue
        for last in range(first + 1, len(lines) + 1):
            try:
                tomllib.loads("\n".join(lines[first:last]))
            except tomllib.TOMLDecodeError:
                continue
            return first, last
    return None


def _comment(lines: Sequence[str], span: tuple[int, int]) -> str:
    """Return the comment behind an assignment, with its space."""
    text = lines[span[1] - 1]
    whole = tomllib.loads("\n".join(lines[span[0] : span[1]]))
    for found in re.finditer(r"\s*#", text):
        before = [*lines[span[0] : span[1] - 1], text[: found.start()]]
        try:
            if tomllib.loads("\n".join(before)) == whole:
                return text[found.start() :]
        except tomllib.TOMLDecodeError:
            continue
    return ""


def _stripped(lines: Sequence[str]) -> list[str]:
    kept = list(lines)
    while kept and not kept[-1].strip():
        kept.pop()
    return kept


def _checked(old: str, new: str, values: Mapping[str, Any]) -> str:
    """Return the new text where it says what it should and nothing else."""
    wanted = tomllib.loads(old) | json.loads(json.dumps(dict(values)))
    try:
        got = tomllib.loads(new)
    except tomllib.TOMLDecodeError:
        got = {}
    if got != wanted:
        said = ", ".join(f"{key} = {_toml(value)}" for key, value in values.items())
        raise InputError(f"the profile cannot be changed as text; write into it by hand: {said}")
    return new


def _toml(value: Any) -> str:
    """Return a value as TOML writes it; JSON's strings and lists of strings are TOML's, too."""
    if isinstance(value, Mapping):
        return f"{{ {', '.join(f'{key} = {_toml(item)}' for key, item in value.items())} }}"
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(_toml, value))}]"
    return json.dumps(value, ensure_ascii=False)
