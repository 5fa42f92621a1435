"""Whole numbers of chains, ions and waters that make a neutral box of a wanted concentration.

Sorbed water holds ``n_pairs`` formula units of salt at ``c = 55.34 n_pairs / n_waters`` mol/L. Each
brings ``nu_ct`` counter-ions and ``nu_co`` co-ions, so that
``n_ct = n_sites |z_site| / z_ct + nu_ct n_pairs`` and ``n_co = nu_co n_pairs``. Rounding to whole
pairs moves the concentration: a box of 24 Å holds none at 0.01 mol/L.
"""

import math
from dataclasses import dataclass

from iemhpc import units
from iemhpc.errors import CompositionError, InputError
from iemhpc.polymer.catalog import Ion, System
from iemhpc.polymer.sequence import unit_counts
from iemhpc.system.volume import atoms_volume_A3, unit_volume_A3

BOX_RANGE_A = (20.0, 100.0)
"""Below, the cut-off of 10 Å meets its own image; above, nobody has waited for it."""

DEFAULT_BOX_A = 40.0

UNITS_RANGE = (8, 26)
"""Lengths of chain tried: shorter is an oligomer's chemistry, longer does not fit small boxes."""

USUAL_UNITS = 10
"""The length of chain preferred in a box of 24 Å, and in proportion to its edge in others."""

ROUNDING_WARNING = 0.25
"""Relative distance of realised from wanted concentration that a person is told of."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Composition:
    """A neutral box in whole numbers, and the concentrations it stands for."""

    system: str
    """Membrane and salt, as in the catalogue: ``CR61/NaCl``."""
    n_chains: int
    """Polymer chains."""
    units_per_chain: int
    """Repeat units of each chain."""
    n_sites: int
    """Tethered charges."""
    n_counterions: int
    """Ions that balance the sites, with those that the added salt brings."""
    n_coions: int
    """Ions of the sites' sign."""
    n_waters: int
    """Water molecules."""
    net_charge: int
    """In elementary charges: always 0."""
    salt_molar: float
    """Concentration of the outer solution, which the box holds in its sorbed water, mol/L (no
    Donnan exclusion)."""
    realised_salt_molar: float
    """The same in whole ions of this box, mol/L."""
    salt_molar_low: float
    """Wanted concentrations from here ..."""
    salt_molar_high: float
    """... to below here round to this same box, mol/L."""
    water_per_site: float
    """Water molecules per tethered charge in the box."""
    box_A: float
    """Estimated edge of the cubic box at equilibrium, ångström."""
    density_g_cm3: float
    """Estimated density at equilibrium."""
    iec_meq_g: float
    """Tethered charge per gram of dry polymer without its counter-ions."""

    @property
    def rounding_note(self) -> str | None:
        """What to tell the user where rounding has moved the concentration by over 25 %.

        A box that holds no salt at all is called just that.

        Examples
        --------
        >>> from iemhpc.polymer.catalog import System, load_membrane, load_salt
        >>> system = System(load_membrane("cr61"), load_salt("NaCl"))
        >>> note = compose(system, salt_molar=0.03, box_A=24.0).rounding_note
        >>> print(note.split(" (")[0])
        CR61/NaCl: 0.03 mol/L rounds to no salt at all in this box
        """
        shift = abs(self.realised_salt_molar - self.salt_molar)
        if shift <= ROUNDING_WARNING * self.salt_molar:
            return None
        becomes = (
            "rounds to no salt at all in this box (no co-ion, only counter-ions)"
            if self.n_coions == 0
            else f"becomes {self.realised_salt_molar:.3g} in this box"
        )
        span = (
            f"from {self.salt_molar_low:.3g} to {self.salt_molar_high:.3g}"
            if self.salt_molar_low > 0
            else f"below {self.salt_molar_high:.3g}"
        )
        return (
            f"{self.system}: {self.salt_molar:g} mol/L {becomes}: wanted concentrations {span} "
            f"give the same box; a larger box tells them apart"
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Chains:
    """A choice of chains and what it amounts to."""

    n_chains: int
    units_per_chain: int
    n_sites: int
    volume_A3: float
    mass_g_mol: float


def compose(
    system: System,
    *,
    salt_molar: float,
    water_per_site: float | None = None,
    box_A: float | None = None,
    n_chains: int | None = None,
    units_per_chain: int | None = None,
) -> Composition:
    """Return the whole-number composition of a box.

    Parameters
    ----------
    system : System
        Membrane and salt.
    salt_molar : float
        Concentration of the outer solution, which the box holds in its sorbed water, mol/L: no
        Donnan exclusion. What would be left of it is recorded beside it, by Donnan-Manning.
    water_per_site : float, optional
        Water molecules per tethered charge; the membrane's own by default.
    box_A : float, optional
        Wanted edge of the box, 40 Å by default. Chains are chosen to come near it.
    n_chains, units_per_chain : int, optional
        Given together, they replace ``box_A``; ``units_per_chain`` may also stand alone.

    Raises
    ------
    CompositionError
        Where no neutral box of the asked kind exists.
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
    _check_conditions(salt_molar=salt_molar, water_per_site=water)
    if n_chains is not None and box_A is not None:
        raise InputError(
            f"got box_A = {box_A:g} and n_chains = {n_chains}: one follows from the other; "
            "give one of them"
        )
    if n_chains is not None:
        length = USUAL_UNITS if units_per_chain is None else units_per_chain
        chains = _explicit_chains(system, n_chains, units_per_chain=length)
    else:
        edge = DEFAULT_BOX_A if box_A is None else box_A
        chains = _chains_for_box(
            system, edge, water_per_site=water, units_per_chain=units_per_chain
        )
    return _count(system, chains, salt_molar=salt_molar, water_per_site=water)


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


def _check_conditions(*, salt_molar: float, water_per_site: float) -> None:
    if not 0 <= salt_molar <= 10:
        raise InputError(
            f"salt_molar = {salt_molar:g}: wanted mol/L of salt between 0 and 10; is it in mmol/L?"
        )
    if not 1 <= water_per_site <= 1000:
        raise InputError(
            f"water_per_site = {water_per_site:g}: wanted water molecules per tethered charge "
            "between 1 and 1000"
        )


def _count(
    system: System, chains: _Chains, *, salt_molar: float, water_per_site: float
) -> Composition:
    site_charge = system.membrane.site_charge
    ct_per_unit, co_per_unit = _stoichiometry(system)
    _check_balance(system, chains.n_sites)
    n_waters = max(1, round(water_per_site * chains.n_sites))
    n_pairs = n_salt_pairs(salt_molar, n_waters)
    n_ct = abs(site_charge) * chains.n_sites // abs(system.counterion.charge)
    n_ct, n_co = n_ct + ct_per_unit * n_pairs, co_per_unit * n_pairs
    ions = ((system.counterion, n_ct), (system.coion, n_co))
    volume = chains.volume_A3 + _wet_volume_A3(n_waters, ions)
    mass = chains.mass_g_mol + n_waters * units.WATER_G_MOL
    mass += sum(n * ion.mass_g_mol for ion, n in ions)
    return Composition(
        system=system.name,
        n_chains=chains.n_chains,
        units_per_chain=chains.units_per_chain,
        n_sites=chains.n_sites,
        n_counterions=n_ct,
        n_coions=n_co,
        n_waters=n_waters,
        net_charge=chains.n_sites * site_charge + sum(n * ion.charge for ion, n in ions),
        salt_molar=float(salt_molar),
        realised_salt_molar=units.WATER_MOLAR * n_pairs / n_waters,
        salt_molar_low=_lower_bound_molar(n_pairs, n_waters),
        salt_molar_high=_lower_bound_molar(n_pairs + 1, n_waters),
        water_per_site=n_waters / chains.n_sites,
        box_A=math.cbrt(volume),
        density_g_cm3=units.G_CM3_PER_G_MOL_A3 * mass / volume,
        iec_meq_g=1000.0 * chains.n_sites * abs(site_charge) / chains.mass_g_mol,
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


def _explicit_chains(system: System, n_chains: int, *, units_per_chain: int) -> _Chains:
    for name, value in (("n_chains", n_chains), ("units_per_chain", units_per_chain)):
        if value < 1:
            raise InputError(f"{name} = {value}: wanted 1 or more")
    polymer = system.membrane.polymer
    counts = unit_counts(polymer.fractions, units_per_chain)
    every = list(zip(polymer.units, (n_chains * n for n in counts), strict=True))
    chains = _Chains(
        n_chains=n_chains,
        units_per_chain=units_per_chain,
        n_sites=sum(n * abs(unit.charge) for unit, n in every),
        volume_A3=sum(n * unit_volume_A3(unit) for unit, n in every),
        mass_g_mol=sum(n * unit.mass_g_mol for unit, n in every),
    )
    if chains.n_sites == 0:
        raise CompositionError(
            f"{polymer.name}: {n_chains} chains of {units_per_chain} units hold no tethered charge "
            f"({polymer.sites_per_unit:.3g} a unit); use longer chains"
        )
    return chains


def _chains_for_box(
    system: System, box_A: float, *, water_per_site: float, units_per_chain: int | None
) -> _Chains:
    if not BOX_RANGE_A[0] <= box_A <= BOX_RANGE_A[1]:
        raise CompositionError(
            f"box_A = {box_A:g}: wanted an edge from {BOX_RANGE_A[0]:g} to {BOX_RANGE_A[1]:g} Å"
        )
    found: list[tuple[float, _Chains]] = []
    for length in _lengths(system, units_per_chain):
        one = _explicit_chains(system, 1, units_per_chain=length)
        wet_A3 = one.volume_A3 + one.n_sites * _site_volume_A3(system, water_per_site)
        wanted = max(1, round(box_A**3 / wet_A3))
        for n_chains in sorted({max(1, wanted - 1), wanted, wanted + 1}):
            chains = _explicit_chains(system, n_chains, units_per_chain=length)
            # A divalent counter-ion needs an even number of sites: other choices are passed over.
            if chains.n_sites % system.counterion.charge == 0:
                cost = _cost(system, chains, box_A=box_A, water_per_site=water_per_site)
                found.append((cost, chains))
    return min(found, key=lambda pair: pair[0])[1]


def _lengths(system: System, units_per_chain: int | None) -> list[int]:
    """Return the lengths of chain worth trying: those that hold a tethered charge."""
    if units_per_chain is not None:
        return [units_per_chain]
    polymer = system.membrane.polymer
    lengths = range(UNITS_RANGE[0], UNITS_RANGE[1] + 1)
    charged = [
        length
        for length in lengths
        if any(
            n and unit.charge
            for unit, n in zip(polymer.units, unit_counts(polymer.fractions, length), strict=True)
        )
    ]
    return charged or [math.ceil(1.0 / polymer.sites_per_unit)]


def _cost(system: System, chains: _Chains, *, box_A: float, water_per_site: float) -> float:
    """Weigh the error of the edge, of the unit fractions, and the unusual length of chain."""
    volume = chains.volume_A3 + chains.n_sites * _site_volume_A3(system, water_per_site)
    wanted = system.membrane.polymer.sites_per_unit
    got = chains.n_sites / (chains.n_chains * chains.units_per_chain)
    return (
        20.0 * abs(math.cbrt(volume) / box_A - 1.0)
        + 10.0 * abs(got / wanted - 1.0)
        + abs(math.log(chains.units_per_chain / (USUAL_UNITS * box_A / 24.0)))
    )


def _site_volume_A3(system: System, water_per_site: float) -> float:
    n_ct = abs(system.membrane.site_charge / system.counterion.charge)
    return _wet_volume_A3(water_per_site, ((system.counterion, n_ct),))


def _wet_volume_A3(n_waters: float, ions: tuple[tuple[Ion, float], ...]) -> float:
    return n_waters / units.WATER_MOLAR * units.MOLAR_PER_NUMBER_A3 + sum(
        n * atoms_volume_A3(ion.smiles) for ion, n in ions
    )
