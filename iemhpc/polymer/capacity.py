"""Ion-exchange capacity, equivalent weight and contour length: what a polymer's formula implies."""

import math

from rdkit import Chem

from iemhpc.polymer.materials import Ion, Polymer
from iemhpc.polymer.repeat_unit import RepeatUnit, attachments, unit_mol
from iemhpc.units import WATER_G_MOL

PROTON_G_MOL = 1.00728
"""Mass of H+, for the acid form in which equivalent weights are given."""

CONTOUR_PER_BACKBONE_ATOM_A = 1.25
"""A stretched vinyl unit, two backbone atoms, is taken as 2.5 Å long."""


def equivalent_weight_g_mol(polymer: Polymer, counterion: Ion | None = None) -> float:
    """Return the mass of dry polymer per tethered charge.

    Parameters
    ----------
    polymer : Polymer
        The polymer.
    counterion : Ion, optional
        The ion that balances it; default: none, the bare polymer ion.

    Examples
    --------
    >>> from iemhpc.polymer.catalog import load_membrane
    >>> nafion = load_membrane("Nafion").polymer
    >>> round(equivalent_weight_g_mol(nafion) + PROTON_G_MOL, -1)
    1100.0
    """
    bare = polymer.unit_mass_g_mol / polymer.sites_per_unit
    return bare + (counterion.mass_g_mol / abs(counterion.charge) if counterion else 0.0)


def ion_exchange_capacity_meq_g(polymer: Polymer, counterion: Ion) -> float:
    """Return tethered charges per mass of dry polymer in the form of a counter-ion, meq/g."""
    return 1000.0 / equivalent_weight_g_mol(polymer, counterion)


def water_uptake_g_g(polymer: Polymer, counterion: Ion, water_per_site: float) -> float:
    """Return the mass of water per mass of dry polymer in the form of a counter-ion, g/g.

    Examples
    --------
    >>> from iemhpc.polymer.catalog import load_ion, load_membrane
    >>> round(water_uptake_g_g(load_membrane("CR61").polymer, load_ion("Na"), 21.0), 2)
    1.35
    """
    return water_per_site * WATER_G_MOL / equivalent_weight_g_mol(polymer, counterion)


def water_per_site(polymer: Polymer, counterion: Ion, uptake_g_g: float) -> float:
    """Return the water molecules per tethered charge of an uptake in g/g.

    The mass of the dry polymer is that in the form of the counter-ion: 1000 over its ion-exchange
    capacity in meq/g, per mole of tethered charge.

    Examples
    --------
    >>> from iemhpc.polymer.catalog import load_ion, load_membrane
    >>> round(water_per_site(load_membrane("CR61").polymer, load_ion("Na"), 1.35))
    21
    """
    return uptake_g_g * equivalent_weight_g_mol(polymer, counterion) / WATER_G_MOL


def charge_spacing_A(polymer: Polymer) -> float:
    """Return the mean contour distance between tethered charges along the chain.

    Every backbone atom between head and tail counts 1.25 Å, so a vinyl unit 2.5 Å; side chains
    (Nafion's) do not count, and a cross-linker counts in the one chain that it is a unit of. In a
    block copolymer only the blocks that hold charges count.

    Examples
    --------
    >>> from iemhpc.polymer.catalog import load_membrane
    >>> charge_spacing_A(load_membrane("PVAS").polymer)
    5.0
    >>> charge_spacing_A(load_membrane("PSbNMP-BCE").polymer)
    5.0
    """
    shares = list(zip(polymer.units, polymer.fractions, polymer.blocks, strict=True))
    if polymer.arrangement == "block":
        charged = {block for unit, _, block in shares if unit.charge}
        shares = [share for share in shares if share[2] in charged]
    unit_A = math.fsum(contour_A(unit) * fraction for unit, fraction, _ in shares)
    return unit_A / polymer.sites_per_unit


def contour_A(unit: RepeatUnit) -> float:
    """Return the contour length of one unit along its chain."""
    head, tail = attachments(unit)[:2]
    path = Chem.GetShortestPath(unit_mol(unit), head, tail)
    return CONTOUR_PER_BACKBONE_ATOM_A * (len(path) - 2)
