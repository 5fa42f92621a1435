"""Whole numbers of chains, ions and waters that make a neutral box of a wanted concentration.

Sorbed water holds ``n_pairs`` formula units of salt at ``c = 55.34 n_pairs / n_waters`` mol/L. Each
brings ``nu_ct`` counter-ions and ``nu_co`` co-ions, so that
``n_ct = n_sites |z_site| / z_ct + nu_ct n_pairs`` and ``n_co = nu_co n_pairs``. Rounding to whole
pairs moves the concentration: a box of 24 Å holds none at 0.01 mol/L.

``c`` is the concentration of the outer solution, or what Donnan-Manning leaves of it beside the
box's own fixed charge (``salt_inside``). In a network each cross-linker counts once, in the chain
it was drawn with; its far side is a further place in some chain and has no hydrogens of its own to
weigh.
"""

import math
from dataclasses import dataclass

from iemhpc import units
from iemhpc.errors import CompositionError, InputError
from iemhpc.polymer.catalog import System
from iemhpc.system.choosing import (
    BOX_RANGE_A,
    USUAL_UNITS,
    Chains,
    chains_for_box,
    check_network,
    explicit_chains,
    wet_volume_A3,
)
from iemhpc.system.counts import Composition, UnitCount
from iemhpc.system.uptake import inside_salt_molar, outer_salt_molar

__all__ = ["DEFAULT_BOX_A", "Composition", "UnitCount", "compose", "n_salt_pairs"]

DEFAULT_BOX_A = 40.0

GROWTH = 1.01
"""How much the edge grows from try to try where a box must hold so many ion pairs."""


def compose(
    system: System,
    *,
    salt_molar: float,
    water_per_site: float | None = None,
    salt_inside: str = "external",
    box_A: float | None = None,
    n_chains: int | None = None,
    units_per_chain: int | None = None,
    min_pairs: int = 0,
) -> Composition:
    """Return the whole-number composition of a box.

    Parameters
    ----------
    system : System
        Membrane and salt.
    salt_molar : float
        Concentration of the outer solution, mol/L.
    water_per_site : float, optional
        Water molecules per tethered charge; the membrane's own by default.
    salt_inside : {"external", "donnan"}
        Whether the sorbed water holds the outer concentration (no Donnan exclusion), or what
        Donnan-Manning leaves of it.
    box_A : float, optional
        Wanted edge of the box, 40 Å by default. Chains are chosen to come near it.
    n_chains, units_per_chain : int, optional
        Given together, they replace ``box_A``; ``units_per_chain`` may also stand alone.
    min_pairs : int
        The box grows until the wanted concentration, if any, is at least so many formula units.

    Raises
    ------
    CompositionError
        Where no neutral box of the asked kind exists, or none up to 100 Å holds ``min_pairs``.
    InputError
        Where a number is out of its range.

    Examples
    --------
    >>> from iemhpc.polymer.catalog import System, load_membrane, load_salt
    >>> box = compose(System(load_membrane("cr61"), load_salt("NaCl")), salt_molar=1, box_A=24)
    >>> box.net_charge, box.n_counterions - box.n_coions == box.n_sites
    (0, True)
    """
    water = system.membrane.water_per_site if water_per_site is None else water_per_site
    wanted = _Wanted(
        system=system, salt_molar=salt_molar, water_per_site=water, salt_inside=salt_inside
    )
    _check_conditions(wanted, min_pairs=min_pairs)
    if n_chains is None:
        edge_A = DEFAULT_BOX_A if box_A is None else box_A
        return _enlarged(wanted, edge_A, units_per_chain=units_per_chain, min_pairs=min_pairs)
    if box_A is not None:
        raise InputError(
            f"got box_A = {box_A:g} and n_chains = {n_chains}: one follows from the other; give "
            "one of them"
        )
    length = USUAL_UNITS if units_per_chain is None else units_per_chain
    return _of_chains(wanted, n_chains, units_per_chain=length, min_pairs=min_pairs)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Wanted:
    """What a box shall hold, whatever its size."""

    system: System
    salt_molar: float
    water_per_site: float
    salt_inside: str


def _of_chains(
    wanted: _Wanted, n_chains: int, *, units_per_chain: int, min_pairs: int
) -> Composition:
    """Return the box of that many chains."""
    system = wanted.system
    chains = explicit_chains(system, n_chains, units_per_chain=units_per_chain)
    check_network(system, chains)
    composition = _count(wanted, chains, box_A=None)
    if wanted.salt_molar > 0 and composition.n_pairs < min_pairs:
        raise CompositionError(
            f"{system.name}: {n_chains} chains hold {composition.n_pairs} ion pairs at "
            f"{wanted.salt_molar:g} mol/L, wanted {min_pairs}; use more chains, or give box_A "
            "instead"
        )
    return composition


def _enlarged(
    wanted: _Wanted, edge_A: float, *, units_per_chain: int | None, min_pairs: int
) -> Composition:
    """Return the box of about that edge, or the smallest larger one with so many ion pairs."""
    largest_A = BOX_RANGE_A[1]
    while True:
        chains = chains_for_box(
            wanted.system,
            edge_A,
            water_per_site=wanted.water_per_site,
            units_per_chain=units_per_chain,
        )
        composition = _count(wanted, chains, box_A=edge_A)
        if wanted.salt_molar == 0 or composition.n_pairs >= min_pairs:
            return composition
        if edge_A >= largest_A:
            raise CompositionError(
                f"{wanted.system.name}: a box of {largest_A:g} Å with {composition.n_waters} "
                f"waters holds {composition.n_pairs} ion pairs at "
                f"{composition.inside_salt_molar:.3g} mol/L in its sorbed water, wanted "
                f"{min_pairs} (about {_edge_for(composition, min_pairs):.0f} Å); ask for fewer "
                "pairs or a higher concentration"
            )
        # The first step goes most of the way; the rest is rounding.
        guess_A = 0.97 * _edge_for(composition, min_pairs)
        edge_A = min(max(GROWTH * edge_A, guess_A), largest_A)


def _edge_for(composition: Composition, n_pairs: int) -> float:
    """Return the edge where the wanted concentration would round to so many pairs."""
    if composition.inside_salt_molar <= 0:
        return math.inf
    n_waters = (n_pairs - 0.5) * units.WATER_MOLAR / composition.inside_salt_molar
    return composition.box_A * math.cbrt(n_waters / composition.n_waters)


def n_salt_pairs(salt_molar: float, n_waters: int) -> int:
    """Return the whole number of formula units nearest to a concentration in ``n_waters``.

    Examples
    --------
    >>> n_salt_pairs(1.0, 340), n_salt_pairs(0.01, 340)
    (6, 0)
    """
    n_pairs = math.floor(salt_molar * n_waters / units.WATER_MOLAR + 0.5)
    # The same bounds that are recorded decide, so that the interval holds to the last bit.
    while salt_molar >= _lower_bound_molar(n_pairs + 1, n_waters):
        n_pairs += 1
    while n_pairs > 0 and salt_molar < _lower_bound_molar(n_pairs, n_waters):
        n_pairs -= 1
    return n_pairs


def _lower_bound_molar(n_pairs: int, n_waters: int) -> float:
    return max(n_pairs - 0.5, 0.0) * units.WATER_MOLAR / n_waters


def _check_conditions(wanted: _Wanted, *, min_pairs: int) -> None:
    if not 0 <= wanted.salt_molar <= 10:
        raise InputError(
            f"salt_molar = {wanted.salt_molar:g}: wanted mol/L of salt between 0 and 10; is it in "
            "mmol/L?"
        )
    if not 1 <= wanted.water_per_site <= 1000:
        raise InputError(
            f"water_per_site = {wanted.water_per_site:g}: wanted water molecules per tethered "
            "charge between 1 and 1000"
        )
    if min_pairs < 0:
        raise InputError(f"min_pairs = {min_pairs}: wanted 0 or more ion pairs")


def _count(wanted: _Wanted, chains: Chains, *, box_A: float | None) -> Composition:
    system, polymer = wanted.system, wanted.system.membrane.polymer
    site_charge = system.membrane.site_charge
    ct_per_unit, co_per_unit = _stoichiometry(system)
    _check_balance(system, chains.n_sites)
    n_waters = max(1, round(wanted.water_per_site * chains.n_sites))
    water, inside = n_waters / chains.n_sites, wanted.salt_inside
    inside_molar = inside_salt_molar(
        system, wanted.salt_molar, water_per_site=water, salt_inside=inside
    )
    n_pairs = n_salt_pairs(inside_molar, n_waters)
    low, high = (
        outer_salt_molar(
            system, _lower_bound_molar(n, n_waters), water_per_site=water, salt_inside=inside
        )
        for n in (n_pairs, n_pairs + 1)
    )
    n_own = abs(site_charge) * chains.n_sites // abs(system.counterion.charge)
    n_ct, n_co = n_own + ct_per_unit * n_pairs, co_per_unit * n_pairs
    ions = ((system.counterion, n_ct), (system.coion, n_co))
    volume = chains.volume_A3 + wet_volume_A3(n_waters, ions)
    water_g_mol = n_waters * units.WATER_G_MOL
    dry_g_mol = chains.mass_g_mol + n_own * system.counterion.mass_g_mol
    mass = chains.mass_g_mol + water_g_mol + sum(n * ion.mass_g_mol for ion, n in ions)
    return Composition(
        system=system.name,
        n_chains=chains.n_chains,
        units_per_chain=chains.units_per_chain,
        n_sites=chains.n_sites,
        n_counterions=n_ct,
        n_coions=n_co,
        n_waters=n_waters,
        net_charge=chains.n_sites * site_charge + sum(n * ion.charge for ion, n in ions),
        salt_molar=float(wanted.salt_molar),
        salt_inside=wanted.salt_inside,
        inside_salt_molar=inside_molar,
        realised_salt_molar=units.WATER_MOLAR * n_pairs / n_waters,
        # by Donnan-Manning the bounds are solved for, to a rounding error
        salt_molar_low=min(low, float(wanted.salt_molar)),
        salt_molar_high=high,
        water_per_site=water,
        box_A=math.cbrt(volume),
        density_g_cm3=units.G_CM3_PER_G_MOL_A3 * mass / volume,
        iec_meq_g=1000.0 * chains.n_sites * abs(site_charge) / dry_g_mol,
        water_uptake_g_g=water_g_mol / dry_g_mol,
        topology=system.membrane.topology,
        n_crosslinks=chains.n_crosslinks,
        units=tuple(
            UnitCount(name=unit.name, number=number, wanted_share=share)
            for unit, number, share in zip(
                polymer.units, chains.counts, polymer.fractions, strict=True
            )
        ),
        wanted_water_per_site=float(wanted.water_per_site),
        wanted_box_A=box_A,
    )


def _stoichiometry(system: System) -> tuple[int, int]:
    salt = system.salt
    if system.counterion == salt.cation:
        return salt.n_cation, salt.n_anion
    return salt.n_anion, salt.n_cation


def _check_balance(system: System, n_sites: int) -> None:
    charge, ion = system.membrane.site_charge, system.counterion
    if charge * ion.charge >= 0:
        raise CompositionError(
            f"{system.name}: tethered charges of {charge:+d} and the counter-ion {ion.name} "
            f"({ion.charge:+d}) have the same sign; choose another salt"
        )
    if (n_sites * charge) % ion.charge:
        raise CompositionError(
            f"{system.membrane.polymer.name}: {n_sites} tethered charges of {charge:+d} cannot be "
            f"balanced by {ion.name} ({ion.charge:+d}); use an even number of sites"
        )
