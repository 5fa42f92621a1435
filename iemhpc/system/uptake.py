"""What theory leaves of the salt that a box holds.

By default a box holds the concentration of the outer solution in its sorbed water. A membrane
excludes salt: in equilibrium with that solution it holds less. How much, Donnan-Manning says, for
the fixed charge that the box has: one charge in so many molecules of water. A published fixed
charge, which the theory labels keep, would leave a box of other water out of equilibrium.
"""

from math import isclose

from iemhpc.errors import CompositionError, IemhpcError, unknown_name
from iemhpc.polymer.catalog import System
from iemhpc.theory.donnan import donnan_manning, ion_pair
from iemhpc.theory.labels import manning_parameter
from iemhpc.theory.pitzer import mean_activity_coefficient, molality_from_molar
from iemhpc.units import WATER_MOLAR

SALT_INSIDE = ("external", "donnan")
"""How the sorbed water may be filled: as the outer solution, or by Donnan-Manning."""

MAX_OUTER_MOLAR = 10.0
"""Highest concentration of an outer solution, mol/L."""

N_HALVINGS = 60
"""Enough for 10 mol/L to the last bit."""

SAME_CHARGE = 0.05
"""How far, relatively, a published fixed charge may lie from a box's own before it is told."""


def box_charge_molar(water_per_site: float) -> float:
    """Return the fixed charge of a box, mol per litre of its sorbed water.

    Examples
    --------
    >>> round(box_charge_molar(21.0), 2)
    2.64
    """
    return WATER_MOLAR / water_per_site


def donnan_salt_molar(system: System, salt_molar: float, *, water_per_site: float) -> float | None:
    """Return the salt that a box would hold in its sorbed water by Donnan-Manning, mol/L.

    None where theory has no parameters for the system.

    Examples
    --------
    >>> from iemhpc.polymer.catalog import load_membrane, load_salt
    >>> cr61 = System(load_membrane("CR61"), load_salt("NaCl"))
    >>> round(donnan_salt_molar(cr61, 1.0, water_per_site=21.0), 2)
    0.43
    """
    if salt_molar == 0:
        return 0.0
    try:
        gamma = mean_activity_coefficient(system.salt.name, molality_from_molar(salt_molar))
        return donnan_manning(
            ion_pair(system),
            salt_molar,
            c_fix_molar=box_charge_molar(water_per_site),
            xi=manning_parameter(system.membrane).value,
            bulk_gamma=gamma,
        ).mobile_salt_molar
    except IemhpcError:
        return None


def fixed_charge_note(system: System, *, water_per_site: float, salt_inside: str) -> str | None:
    """Return what to tell where a box is filled by theory and a published fixed charge is another.

    Examples
    --------
    >>> from iemhpc.polymer.catalog import load_system
    >>> print(fixed_charge_note(load_system("CR61/KCl"), water_per_site=21, salt_inside="donnan"))
    CR61: the salt inside is that of the box's own fixed charge, 2.64 mol/L of sorbed water ...
    """
    published, own = system.membrane.c_fix_molar, box_charge_molar(water_per_site)
    if salt_inside != "donnan" or not published or isclose(published, own, rel_tol=SAME_CHARGE):
        return None
    return (
        f"{system.membrane.name}: the salt inside is that of the box's own fixed charge, {own:.2f} "
        f"mol/L of sorbed water ({water_per_site:g} waters a site); published is "
        f"{published:g}, which only the theory labels use"
    )


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
