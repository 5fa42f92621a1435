"""Lengths and times of LAMMPS' unit styles, in ångström and femtoseconds.

The table is that of the manual's page of the ``units`` command
(https://docs.lammps.org/units.html). Lennard-Jones units have no length of their own.
"""

import math

from iemhpc.errors import TrajectoryError, unknown_name
from iemhpc.units import A_PER_BOHR, A_PER_NM, FS_PER_PS

LENGTH_A = {
    "real": 1.0,
    "metal": 1.0,
    "electron": A_PER_BOHR,
    "nano": A_PER_NM,
    "micro": 1.0e4,
    "cgs": 1.0e8,
    "si": 1.0e10,
}
"""Ångström in one unit of length."""

TIME_FS = {
    "real": 1.0,
    "metal": FS_PER_PS,
    "electron": 1.0,
    "nano": 1.0e6,
    "micro": 1.0e9,
    "cgs": 1.0e15,
    "si": 1.0e15,
}
"""Femtoseconds in one unit of time."""


def length_factor_A(units: str | None, length_A: float | None = None) -> float:
    """Return what turns a dump's lengths into ångström.

    Parameters
    ----------
    units : str or None
        Name of the unit style; None where nobody said, which is taken as ångström.
    length_A : float, optional
        The length unit of a simulation in Lennard-Jones units: sigma, in ångström.

    Raises
    ------
    TrajectoryError
        Where the style is ``lj`` and no length is given, or the other way round.

    Examples
    --------
    >>> length_factor_A("nano"), length_factor_A("lj", 3.4), length_factor_A(None)
    (10.0, 3.4, 1.0)
    """
    if units == "lj":
        if length_A is None or not (length_A > 0.0 and math.isfinite(length_A)):
            raise TrajectoryError(
                f"the dump is in Lennard-Jones units, whose length is {length_A}; say how many "
                "ångström one sigma is (length_A)"
            )
        return length_A
    if length_A is not None:
        raise TrajectoryError(
            f"a length unit of {length_A:g} Å is for units lj only, these are {units or 'unnamed'}"
        )
    return 1.0 if units is None else LENGTH_A[units]


def check_units(units: str) -> str:
    """Return the name of a unit style, or say which there are.

    Examples
    --------
    >>> check_units("mtal")
    Traceback (most recent call last):
    iemhpc.errors.UnknownNameError: unknown LAMMPS units 'mtal'; did you mean 'metal'? ...
    """
    if units != "lj" and units not in LENGTH_A:
        raise unknown_name("LAMMPS units", units, (*LENGTH_A, "lj"))
    return units
