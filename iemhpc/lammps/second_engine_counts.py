"""How many terms a run hands to LAMMPS: rows of its data file, by their coefficients.

A torsion counts once for each of its Fourier terms, and a term whose force constant is zero does
not count: so two engines agree whatever each of them writes down.
"""

import re
from collections.abc import Callable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from iemhpc.errors import InputError

COUNTED = ("bond", "angle", "dihedral", "improper")
"""Kinds whose terms are counted and not only summed."""


def count_terms(styles: str, rows: Mapping[str, NDArray[np.int64]]) -> dict[str, int]:
    r"""Count the terms of each kind that may have an energy.

    Parameters
    ----------
    styles : str
        Text of ``styles.in``.
    rows : mapping
        Kind -> rows of the data file: type from 1, then atoms.

    Raises
    ------
    InputError
        Where a type has no coefficients.

    Examples
    --------
    >>> styles = "dihedral_style fourier\ndihedral_coeff 1 2 0.5 1 0.0 0.0 2 180.0 # c3-c3-os-c3"
    >>> count_terms(styles, {"dihedral": np.array([[1, 1, 2, 3, 4]])})["dihedral"]
    1
    """
    found = {}
    for kind in COUNTED:
        table = rows.get(kind, np.zeros((0, 1), dtype=np.int64))
        if not len(table):
            found[kind] = 0
            continue
        weight = _weights(styles, kind)
        if missing := sorted(set(table[:, 0].tolist()) - weight.keys()):
            raise InputError(
                f"styles.in has no {kind}_coeff of type {', '.join(map(str, missing))}, which the "
                "data file uses; they are not of one run"
            )
        found[kind] = sum(weight[number] for number in table[:, 0].tolist())
    return found


def _weights(styles: str, kind: str) -> dict[int, int]:
    style = re.search(rf"^{kind}_style\s+(\S+)", styles, flags=re.MULTILINE)
    name = style[1] if style else "none"
    if name not in _COUNT:
        raise InputError(f"styles.in: {kind}_style {name} is none of {', '.join(_COUNT)}")
    lines = re.findall(rf"^{kind}_coeff\s+(\d+)\s+([^#\n]*)", styles, flags=re.MULTILINE)
    return {int(number): _COUNT[name](words.split()) for number, words in lines}


def _one(words: Sequence[str]) -> int:
    return int(float(words[0]) != 0)


def _fourier(words: Sequence[str]) -> int:
    return sum(float(k) != 0 for k in words[1::3])


def _opls(words: Sequence[str]) -> int:
    return sum(float(k) != 0 for k in words[:4])


_COUNT: dict[str, Callable[[Sequence[str]], int]] = {
    "harmonic": _one,
    "cvff": _one,
    "fourier": _fourier,
    "opls": _opls,
}
