"""Conversion factors and constants, each named after what it converts."""

A_PER_NM = 10.0

A_PER_BOHR = 0.529177210903
"""CODATA 2018."""

FS_PER_PS = 1000.0
PS_PER_NS = 1000.0

AVOGADRO_PER_MOL = 6.02214076e23
"""SI, exact since 2019."""

MOLAR_PER_NUMBER_A3 = 1.0e27 / AVOGADRO_PER_MOL
"""mol/L of one particle in a cubic ångström: 1660.54."""

G_CM3_PER_G_MOL_A3 = 1.0e24 / AVOGADRO_PER_MOL
"""g/cm³ of one g/mol in a cubic ångström: 1.66054."""

KJ_PER_KCAL = 4.184
"""Thermochemical calorie, as in Amber and LAMMPS."""

SIGMA_PER_RMIN_HALF = 2.0 ** (5.0 / 6.0)
"""Lennard-Jones sigma from half the distance of the minimum: sigma = 2 Rmin/2 / 2^(1/6)."""

WATER_MOLAR = 55.34
"""Molarity of liquid water at 25 °C, mol/L (0.99705 g/cm³ over 18.015 g/mol)."""

WATER_G_MOL = 18.01528
"""Molar mass of water."""
