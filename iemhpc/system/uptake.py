"""What theory leaves of the salt that a box holds.

A box holds the concentration of the outer solution in its sorbed water. A membrane excludes salt:
in equilibrium with that solution it holds less. How much, Donnan-Manning says.
"""

from dataclasses import replace
from math import isclose

from iemhpc.errors import IemhpcError
from iemhpc.polymer.catalog import System
from iemhpc.theory.donnan import donnan_manning, ion_pair
from iemhpc.theory.labels import fixed_charge, manning_parameter
from iemhpc.theory.pitzer import mean_activity_coefficient, molality_from_molar

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
