"""What theory leaves of the salt that a box holds.

By default a box holds the concentration of the outer solution in its sorbed water. A membrane
excludes salt: in equilibrium with that solution it holds less. How much, Donnan-Manning says.
"""

from dataclasses import replace
from math import isclose

from iemhpc.errors import CompositionError, IemhpcError, unknown_name
from iemhpc.polymer.catalog import System
from iemhpc.theory.donnan import donnan_manning, ion_pair
from iemhpc.theory.labels import fixed_charge, manning_parameter
from iemhpc.theory.pitzer import mean_activity_coefficient, molality_from_molar

SALT_INSIDE = ("external", "donnan")
"""How the sorbed water may be filled: as the outer solution, or by Donnan-Manning."""

MAX_OUTER_MOLAR = 10.0
"""Highest concentration of an outer solution, mol/L."""

N_HALVINGS = 60
"""Enough for 10 mol/L to the last bit."""

SAME_WATER = 0.05
"""How far, relatively, water may lie from the membrane's own for its published fixed charge."""


def donnan_salt_molar(system: System, salt_molar: float, *, water_per_site: float) -> float | None:
    """Return the salt that a membrane would hold in its sorbed water by Donnan-Manning, mol/L.

    A published fixed charge is that of the membrane's own water; for other water it follows from
    the water. None where theory has no parameters for the system.

    Examples
    --------
    >>> from iemhpc.polymer.catalog import load_membrane, load_salt
    >>> cr61 = System(load_membrane("CR61"), load_salt("NaCl"))
    >>> round(donnan_salt_molar(cr61, 1.0, water_per_site=21.0), 2)
    0.4
    """
    if salt_molar == 0:
        return 0.0
    membrane = system.membrane
    if not isclose(water_per_site, membrane.water_per_site, rel_tol=SAME_WATER):
        membrane = replace(membrane, water_per_site=water_per_site, c_fix_molar=None)
    try:
        gamma = mean_activity_coefficient(system.salt.name, molality_from_molar(salt_molar))
        return donnan_manning(
            ion_pair(system),
            salt_molar,
            c_fix_molar=fixed_charge(membrane).value,
            xi=manning_parameter(membrane).value,
            bulk_gamma=gamma,
        ).mobile_salt_molar
    except IemhpcError:
        return None


def inside_salt_molar(
    system: System, salt_molar: float, *, water_per_site: float, salt_inside: str
) -> float:
    """Return the salt that a box shall hold in its sorbed water, mol/L.

    Parameters
    ----------
    system : System
        Membrane and salt.
    salt_molar : float
        Concentration of the outer solution, mol/L.
    water_per_site : float
        Water molecules per tethered charge.
    salt_inside : str
        ``external``: as outside. ``donnan``: what Donnan-Manning leaves of it.

    Raises
    ------
    CompositionError
        Where theory has no parameters for the system.

    Examples
    --------
    >>> from iemhpc.polymer.catalog import load_membrane, load_salt
    >>> cr61 = System(load_membrane("CR61"), load_salt("NaCl"))
    >>> conditions = {"water_per_site": 21.0, "salt_inside": "external"}
    >>> inside_salt_molar(cr61, 1.0, **conditions)
    1.0
    """
    if salt_inside not in SALT_INSIDE:
        raise unknown_name("way to fill the sorbed water", salt_inside, SALT_INSIDE)
    if salt_inside == "external":
        return float(salt_molar)
    inside = donnan_salt_molar(system, salt_molar, water_per_site=water_per_site)
    if inside is None:
        raise CompositionError(
            f"{system.name} at {salt_molar:g} mol/L: Donnan-Manning cannot say how much salt the "
            "membrane holds (no Pitzer parameters here); use salt_inside = external"
        )
    return inside


def outer_salt_molar(
    system: System, inside_molar: float, *, water_per_site: float, salt_inside: str
) -> float:
    """Return the outer concentration for which a membrane holds ``inside_molar``.

    Where that lies beyond the range of theory, the end of the range.

    Examples
    --------
    >>> from iemhpc.polymer.catalog import load_membrane, load_salt
    >>> cr61 = System(load_membrane("CR61"), load_salt("NaCl"))
    >>> conditions = {"water_per_site": 21.0, "salt_inside": "donnan"}
    >>> inside = inside_salt_molar(cr61, 1.0, **conditions)
    >>> round(outer_salt_molar(cr61, inside, **conditions), 6)
    1.0
    """
    if salt_inside == "external" or inside_molar == 0:
        return inside_molar
    low, high = 0.0, MAX_OUTER_MOLAR
    for _ in range(N_HALVINGS):
        middle = (low + high) / 2
        inside = donnan_salt_molar(system, middle, water_per_site=water_per_site)
        if inside is not None and inside < inside_molar:
            low = middle
        else:
            high = middle
    return high
