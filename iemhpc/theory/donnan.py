r"""Donnan-Manning: activity coefficients and salt uptake of a charged membrane.

With :math:`X = C_{fix}/C_s`, :math:`C_s` the mobile salt per litre of sorbed water,
:math:`S = \nu_{ct} z_{ct}^2 + \nu_{co} z_{co}^2` and charges without sign,

.. math::

    \xi \le 1/z_{ct}:\quad \ln\gamma_i = -\frac{\xi X}{2}\,\frac{z_i^2}{z_{ct} X + S}

    \xi > 1/z_{ct}:\quad
    \gamma_{ct} = \frac{X/(z_{ct}\xi) + z_{ct}\nu_{ct}}{X + z_{ct}\nu_{ct}}
                  \,e^{-\frac{X/2}{X + \xi S}}, \qquad
    \gamma_{co} = e^{-\frac{(X/2)(z_{co}/z_{ct})^2}{X + \xi S}}

and the mobile salt follows from equal activities inside and outside,

.. math::

    (C_{ct}\gamma_{ct})^{\nu_{ct}} (C_{co}\gamma_{co})^{\nu_{co}}
      = (\nu_{ct} c\gamma)^{\nu_{ct}} (\nu_{co} c\gamma)^{\nu_{co}}, \qquad
    C_{ct} = C_{fix}/z_{ct} + \nu_{ct} C_s, \quad C_{co} = \nu_{co} C_s.

Manning, J. Chem. Phys. 51 (1969) 924; Kamcev, Paul and Freeman, Macromolecules (2015).
"""

import math
from dataclasses import dataclass

from scipy.optimize import brentq

from iemhpc.errors import InputError
from iemhpc.polymer.materials import System

BJERRUM_LENGTH_A = 7.135
"""In water at 298 K, ångström."""


@dataclass(frozen=True, slots=True, kw_only=True)
class IonPair:
    """How many counter-ions and co-ions a salt has, and their charges without sign."""

    nu_ct: int
    """Counter-ions per formula unit."""
    z_ct: int
    """Charge of the counter-ion."""
    nu_co: int
    """Co-ions per formula unit."""
    z_co: int
    """Charge of the co-ion."""

    @property
    def nu(self) -> int:
        """Ions per formula unit."""
        return self.nu_ct + self.nu_co

    @property
    def s(self) -> int:
        """The sum S of nu z² over both ions: twice the ionic strength of a molar solution."""
        return self.nu_ct * self.z_ct**2 + self.nu_co * self.z_co**2


@dataclass(frozen=True, slots=True, kw_only=True)
class Coefficients:
    """Activity coefficients of the mobile ions in a membrane, molar scale of sorbed water."""

    gamma_ct: float
    """Of the counter-ion."""
    gamma_co: float
    """Of the co-ion."""
    product: float
    """gamma_ct^nu_ct gamma_co^nu_co, which is gamma_pm^nu."""
    gamma_pm: float
    """The mean coefficient."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DonnanManning:
    """A membrane in equilibrium with a salt solution."""

    coefficients: Coefficients
    """Activity coefficients in the membrane."""
    mobile_salt_molar: float
    """Salt taken up, mol per litre of sorbed water."""


def ion_pair(system: System) -> IonPair:
    """Return the counter-ion and co-ion of a system.

    Examples
    --------
    >>> from iemhpc.polymer.catalog import load_system
    >>> ion_pair(load_system("CR61/MgCl2"))
    IonPair(nu_ct=1, z_ct=2, nu_co=2, z_co=1)
    """
    salt = system.salt
    cation = (salt.n_cation, salt.cation.charge)
    anion = (salt.n_anion, abs(salt.anion.charge))
    counterion, coion = (cation, anion) if system.membrane.site_charge < 0 else (anion, cation)
    return IonPair(nu_ct=counterion[0], z_ct=counterion[1], nu_co=coion[0], z_co=coion[1])


def manning_coefficients(
    ions: IonPair, mobile_salt_molar: float, *, c_fix_molar: float, xi: float
) -> Coefficients:
    """Return Manning's activity coefficients for a given mobile salt.

    Parameters
    ----------
    ions : IonPair
        The salt as the membrane sees it.
    mobile_salt_molar : float
        Mobile salt, mol per litre of sorbed water.
    c_fix_molar : float
        Tethered charges, mol per litre of sorbed water.
    xi : float
        Bjerrum length over charge spacing.

    Examples
    --------
    CR61 in dilute NaCl.

    >>> nacl = IonPair(nu_ct=1, z_ct=1, nu_co=1, z_co=1)
    >>> cr61 = manning_coefficients(nacl, 3e-4, c_fix_molar=3.21, xi=1.83)
    >>> round(cr61.product, 3)
    0.201
    """
    if not (c_fix_molar > 0 and xi > 0 and mobile_salt_molar >= 0):
        raise InputError(
            f"Manning's theory needs a positive fixed charge and xi and no negative salt; got "
            f"{c_fix_molar:g} mol/L, xi {xi:g} and {mobile_salt_molar:g} mol/L"
        )
    # Divided through by X, so that no salt at all (X infinite) is no special case.
    salt_ratio = mobile_salt_molar / c_fix_molar
    z_ct, z_co = ions.z_ct, ions.z_co
    if xi <= 1 / z_ct:
        common = -(xi / 2) / (z_ct + ions.s * salt_ratio)
        ln_ct, ln_co = common * z_ct**2, common * z_co**2
    else:
        common = -0.5 / (1 + xi * ions.s * salt_ratio)
        free = z_ct * ions.nu_ct * salt_ratio
        ln_ct = math.log((1 / (z_ct * xi) + free) / (1 + free)) + common
        ln_co = common * (z_co / z_ct) ** 2
    ln_product = ions.nu_ct * ln_ct + ions.nu_co * ln_co
    return Coefficients(
        gamma_ct=math.exp(ln_ct),
        gamma_co=math.exp(ln_co),
        product=math.exp(ln_product),
        gamma_pm=math.exp(ln_product / ions.nu),
    )


def donnan_manning(
    ions: IonPair, salt_molar: float, *, c_fix_molar: float, xi: float, bulk_gamma: float
) -> DonnanManning:
    """Return the membrane's coefficients and salt uptake in equilibrium with a solution.

    Parameters
    ----------
    ions : IonPair
        The salt as the membrane sees it.
    salt_molar : float
        Concentration of the outer solution, mol/L.
    c_fix_molar : float
        Tethered charges, mol per litre of sorbed water.
    xi : float
        Bjerrum length over charge spacing.
    bulk_gamma : float
        Mean activity coefficient of the outer solution.

    Examples
    --------
    >>> nacl = IonPair(nu_ct=1, z_ct=1, nu_co=1, z_co=1)
    >>> cr61 = donnan_manning(nacl, 1.0, c_fix_molar=3.21, xi=1.83, bulk_gamma=0.658)
    >>> round(cr61.mobile_salt_molar, 2), round(cr61.coefficients.product, 2)
    (0.4, 0.3)
    """
    if not (salt_molar > 0 and bulk_gamma > 0):
        raise InputError(
            f"Donnan's equilibrium needs salt outside and a positive activity coefficient; got "
            f"{salt_molar:g} mol/L and {bulk_gamma:g}"
        )
    mobile = _mobile_salt_molar(ions, salt_molar * bulk_gamma, c_fix_molar=c_fix_molar, xi=xi)
    coefficients = manning_coefficients(ions, mobile, c_fix_molar=c_fix_molar, xi=xi)
    return DonnanManning(coefficients=coefficients, mobile_salt_molar=mobile)


def _mobile_salt_molar(
    ions: IonPair, activity_molar: float, *, c_fix_molar: float, xi: float
) -> float:
    outside = ions.nu_ct * math.log(ions.nu_ct * activity_molar)
    outside += ions.nu_co * math.log(ions.nu_co * activity_molar)

    def excess(ln_mobile: float) -> float:
        # Every factor grows with the mobile salt, so there is exactly one root.
        mobile = math.exp(ln_mobile)
        inside = manning_coefficients(ions, mobile, c_fix_molar=c_fix_molar, xi=xi)
        counterions = c_fix_molar / ions.z_ct + ions.nu_ct * mobile
        ln_inside = ions.nu_ct * math.log(counterions) + ions.nu_co * math.log(ions.nu_co * mobile)
        return ln_inside + math.log(inside.product) - outside

    low = math.log(activity_molar) - 5.0
    high = low + 10.0
    while excess(low) > 0:
        low -= 5.0
    while excess(high) < 0:
        high += 5.0
    return math.exp(brentq(excess, low, high, xtol=1e-13, rtol=1e-14))
