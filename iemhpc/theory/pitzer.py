r"""Mean activity coefficients of salts in water at 25 °C, by Pitzer's equations.

.. math::

    \ln\gamma_\pm = |z_+ z_-| f + m\,\frac{2\nu_+\nu_-}{\nu} B
                    + m^2\,\frac{2(\nu_+\nu_-)^{3/2}}{\nu} C, \qquad
    f = -A_\phi\left[\frac{\sqrt I}{1 + b\sqrt I} + \frac 2b \ln(1 + b\sqrt I)\right],

    B = 2\beta_0 + \frac{2\beta_1}{\alpha^2 I}
        \left[1 - (1 + \alpha\sqrt I - \tfrac12\alpha^2 I)\,e^{-\alpha\sqrt I}\right], \qquad
    C = \tfrac32 C_\phi

Pitzer, J. Phys. Chem. 77 (1973) 268; parameters of May, Rowland, Hefter and Königsberger,
J. Chem. Eng. Data (2011), doi 10.1021/je2009329, in ``data/pitzer.csv``.
"""

import csv
import math
from dataclasses import dataclass
from functools import cache

from iemhpc.errors import InputError, unknown_name
from iemhpc.polymer.catalog import load_salt
from iemhpc.resources import resource

A_PHI = 0.3915
"""Debye-Hückel slope of the osmotic coefficient at 25 °C, (kg/mol)^1/2."""

B = 1.2
"""Pitzer's constant of the Debye-Hückel term, (kg/mol)^1/2."""

ALPHA = 2.0
"""Pitzer's constant of the second virial coefficient for salts with a univalent ion."""

WATER_KG_L = 0.997
"""Density of water at 25 °C: molality = molarity / 0.997, the salt's own volume neglected."""

_SOURCE = "May, "
"""How the source of the used rows begins; the file also holds PHREEQC's, for comparison."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PitzerParameters:
    """The parameters of one salt at 25 °C."""

    salt: str
    """Name of the salt."""
    beta_0: float
    """kg/mol."""
    beta_1: float
    """kg/mol."""
    c_phi: float
    """(kg/mol)²."""
    max_molality: float
    """Largest molality of the fit, mol/kg."""
    source: str
    """Paper and file."""


def load_parameters(salt: str) -> PitzerParameters:
    """Return the Pitzer parameters of a salt of the catalogue.

    Examples
    --------
    >>> load_parameters("NaCl").beta_0
    0.07831
    """
    parameters = {name.lower(): row for name, row in _parameters().items()}
    if salt.lower() not in parameters:
        raise unknown_name("salt with Pitzer parameters", salt, _parameters())
    return parameters[salt.lower()]


@cache
def _parameters() -> dict[str, PitzerParameters]:
    with resource("data", "pitzer.csv").open(encoding="utf-8", newline="") as stream:
        return {
            row["salt"]: PitzerParameters(
                salt=row["salt"],
                beta_0=float(row["beta0"]),
                beta_1=float(row["beta1"]),
                c_phi=float(row["C_phi"]),
                max_molality=float(row["max_molality"]),
                source=row["source"],
            )
            for row in csv.DictReader(stream)
            if row["source"].startswith(_SOURCE)
        }


def molality_from_molar(molar: float) -> float:
    """Return mol/kg of water for mol/L of solution, as molar / 0.997.

    The volume of the salt is neglected: at 1 mol/L NaCl this gives 1.003 instead of 1.022 mol/kg.
    The activity ``c gamma`` of the outer solution is then too small by 1.9 % for NaCl, 2.9 % for
    KCl, 3.2 % for MgCl2 and 4.9 % for KI at 1 mol/L, and by a tenth of that at 0.1 mol/L; a
    Donnan-Manning label moves by less (CR61 at 1 mol/L: NaCl 0.8 %, MgCl2 1.7 %).

    Examples
    --------
    >>> round(molality_from_molar(1.0), 4)
    1.003
    """
    return molar / WATER_KG_L


def mean_activity_coefficient(salt: str, molality: float) -> float:
    """Return the mean activity coefficient of a salt in water at 25 °C, molal scale.

    Parameters
    ----------
    salt : str
        A salt with a row in ``data/pitzer.csv``.
    molality : float
        mol/kg of water, 0 up to the range of the fit.

    Raises
    ------
    UnknownNameError
        Where the salt has no parameters.
    InputError
        Where the molality is negative or above the range of the fit.

    Examples
    --------
    >>> round(mean_activity_coefficient("NaCl", 1.0), 3)
    0.658
    """
    parameters = load_parameters(salt)
    if not 0.0 <= molality <= parameters.max_molality:
        raise InputError(
            f"{parameters.salt} at {molality:g} mol/kg: Pitzer's parameters hold from 0 to "
            f"{parameters.max_molality:g} mol/kg; use a concentration in that range"
        )
    if molality == 0.0:
        return 1.0
    return math.exp(_ln_gamma(parameters, molality))


def _ln_gamma(parameters: PitzerParameters, molality: float) -> float:
    salt = load_salt(parameters.salt)
    z_cation, z_anion = salt.cation.charge, abs(salt.anion.charge)
    ionic_strength = 0.5 * molality * (salt.n_cation * z_cation**2 + salt.n_anion * z_anion**2)
    root = math.sqrt(ionic_strength)
    debye_huckel = -A_PHI * (root / (1 + B * root) + 2 / B * math.log(1 + B * root))
    x = ALPHA * root
    second = 2 * parameters.beta_0
    second += 2 * parameters.beta_1 / x**2 * (1 - (1 + x - x**2 / 2) * math.exp(-x))
    third = 1.5 * parameters.c_phi
    product = float(salt.n_cation * salt.n_anion)
    return (
        z_cation * z_anion * debye_huckel
        + molality * 2 * product / salt.nu * second
        + molality**2 * 2 * product * math.sqrt(product) / salt.nu * third
    )
