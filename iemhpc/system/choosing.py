"""How many chains of which length: those that come near a wanted box, or those that were asked for.

A choice is passed over where its sites cannot be balanced (a divalent counter-ion needs an even
number), and, with a cross-linker, where its chains would make no network.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from iemhpc import units
from iemhpc.errors import CompositionError, InputError
from iemhpc.polymer.catalog import Ion, System
from iemhpc.polymer.network import check_gel
from iemhpc.polymer.sequence import unit_counts
from iemhpc.system.volume import ion_volume_A3, unit_volume_A3

BOX_RANGE_A = (20.0, 100.0)
"""Below, the cut-off of 10 Å meets its own image; above, nobody has waited for it."""

UNITS_RANGE = (8, 26)
"""Lengths of chain tried: shorter is an oligomer's chemistry, longer does not fit small boxes."""

LONGEST_CHAIN = 100
"""Tried where a sparing cross-linker joins only longer chains, or charges are rare."""

USUAL_UNITS = 10
"""The length of chain preferred in a box of 24 Å, and in proportion to its edge in others."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Chains:
    """A choice of chains and what it amounts to."""

    n_chains: int
    """How many."""
    units_per_chain: int
    """Repeat units of each; a cross-linker counts in the chain that it was drawn with."""
    n_sites: int
    """Tethered charges."""
    n_crosslinks: int
    """Cross-linkers, each with its far side in some chain."""
    counts: tuple[int, ...]
    """How many of each repeat unit, in the polymer's order."""
    volume_A3: float
    """Room of the dry polymer."""
    mass_g_mol: float
    """Mass without counter-ions and ends."""


def explicit_chains(system: System, n_chains: int, *, units_per_chain: int) -> Chains:
    """Return what so many chains of such a length amount to.

    Raises
    ------
    CompositionError
        Where they hold no tethered charge.
    """
    for name, value in (("n_chains", n_chains), ("units_per_chain", units_per_chain)):
        if value < 1:
            raise InputError(f"{name} = {value}: wanted 1 or more")
    chains = _amount(system, n_chains, units_per_chain)
    if chains.n_sites == 0:
        polymer = system.membrane.polymer
        raise CompositionError(
            f"{polymer.name}: {n_chains} chains of {units_per_chain} units hold no tethered charge "
            f"({polymer.sites_per_unit:.3g} a unit); use longer chains"
        )
    return chains


def check_network(system: System, chains: Chains) -> None:
    """Raise where a membrane has a cross-linker, but too few of them for a network."""
    if system.membrane.crosslinker is None:
        return
    check_gel(
        chains.n_chains,
        chains.n_chains * chains.units_per_chain + chains.n_crosslinks,
        chains.n_crosslinks,
        name=system.membrane.name,
    )


def chains_for_box(
    system: System, box_A: float, *, water_per_site: float, units_per_chain: int | None
) -> Chains:
    """Return the chains that come nearest to a wanted edge and to the polymer's composition.

    Raises
    ------
    CompositionError
        Where the edge is out of range, or no choice makes a network or can be balanced.
    """
    if not BOX_RANGE_A[0] <= box_A <= BOX_RANGE_A[1]:
        raise CompositionError(
            f"box_A = {box_A:g}: wanted an edge from {BOX_RANGE_A[0]:g} to {BOX_RANGE_A[1]:g} Å"
        )
    found: list[tuple[float, Chains]] = []
    refused: CompositionError | None = None
    for length in _lengths(system, units_per_chain):
        one = explicit_chains(system, 1, units_per_chain=length)
        wet_A3 = one.volume_A3 + one.n_sites * _site_volume_A3(system, water_per_site)
        wanted = max(1, round(box_A**3 / wet_A3))
        for n_chains in sorted({max(1, wanted - 1), wanted, wanted + 1}):
            chains = explicit_chains(system, n_chains, units_per_chain=length)
            if chains.n_sites % system.counterion.charge:
                continue
            try:
                check_network(system, chains)
            except CompositionError as error:
                refused = error
                continue
            cost = _cost(system, chains, box_A=box_A, water_per_site=water_per_site)
            found.append((cost, chains))
    if not found:
        raise refused or CompositionError(
            f"{system.name}: no chains of {units_per_chain} units in a box of about {box_A:g} Å "
            f"have a number of sites that {system.counterion.name} "
            f"({system.counterion.charge:+d}) balances; use another length of chain"
        )
    return min(found, key=lambda pair: pair[0])[1]


def wet_volume_A3(n_waters: float, ions: Sequence[tuple[Ion, float]]) -> float:
    """Return the room of water and of ions in it."""
    return n_waters / units.WATER_MOLAR * units.MOLAR_PER_NUMBER_A3 + sum(
        n * ion_volume_A3(ion) for ion, n in ions
    )


def _amount(system: System, n_chains: int, length: int) -> Chains:
    membrane = system.membrane
    counts = unit_counts(membrane.polymer.fractions, length)
    numbers = tuple(n_chains * n for n in counts)
    every = list(zip(membrane.polymer.units, numbers, strict=True))
    return Chains(
        n_chains=n_chains,
        units_per_chain=length,
        n_sites=sum(n * abs(unit.charge) for unit, n in every),
        n_crosslinks=sum(n for unit, n in every if unit.name == membrane.crosslinker),
        counts=numbers,
        volume_A3=sum(n * unit_volume_A3(unit) for unit, n in every),
        mass_g_mol=sum(n * unit.mass_g_mol for unit, n in every),
    )


def _lengths(system: System, units_per_chain: int | None) -> list[int]:
    """Return the lengths of chain worth trying: those that hold a charge and, if any, cross-links.

    Usual lengths first; where none of them does, longer ones.
    """
    if units_per_chain is not None:
        return [units_per_chain]
    usual = range(UNITS_RANGE[0], UNITS_RANGE[1] + 1)
    longer = range(UNITS_RANGE[1] + 1, LONGEST_CHAIN + 1)
    for lengths in (usual, longer):
        fitting = [length for length in lengths if _is_whole(system, length)]
        if fitting:
            return fitting
    return [max(LONGEST_CHAIN, math.ceil(1.0 / system.membrane.polymer.sites_per_unit))]


def _is_whole(system: System, length: int) -> bool:
    one = _amount(system, 1, length)
    return one.n_sites > 0 and (system.membrane.crosslinker is None or one.n_crosslinks > 0)


def _cost(system: System, chains: Chains, *, box_A: float, water_per_site: float) -> float:
    """Weigh the error of the edge, of the unit fractions, and the unusual length of chain."""
    volume = chains.volume_A3 + chains.n_sites * _site_volume_A3(system, water_per_site)
    polymer, n_units = system.membrane.polymer, chains.n_chains * chains.units_per_chain
    shares = [(chains.n_sites, polymer.sites_per_unit)]
    shares += [
        (chains.n_crosslinks, fraction)
        for unit, fraction in zip(polymer.units, polymer.fractions, strict=True)
        if unit.name == system.membrane.crosslinker
    ]
    return (
        20.0 * abs(math.cbrt(volume) / box_A - 1.0)
        + sum(10.0 * abs(got / n_units / wanted - 1.0) for got, wanted in shares)
        + abs(math.log(chains.units_per_chain / (USUAL_UNITS * box_A / 24.0)))
    )


def _site_volume_A3(system: System, water_per_site: float) -> float:
    n_ct = abs(system.membrane.site_charge / system.counterion.charge)
    return wet_volume_A3(water_per_site, ((system.counterion, n_ct),))
