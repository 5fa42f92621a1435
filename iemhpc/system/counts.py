"""What a box is made of in whole numbers, what was asked for, and what rounding has moved."""

from dataclasses import dataclass

from iemhpc import units

ROUNDING_WARNING = 0.25
"""Relative distance of realised from wanted concentration that a person is told of."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UnitCount:
    """How many of one repeat unit a box holds."""

    name: str
    """The unit."""
    number: int
    """In all chains together."""
    wanted_share: float
    """Its share of the polymer's units."""


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
    """Concentration of the outer solution, mol/L."""
    salt_inside: str
    """``external``: the sorbed water holds it as it is. ``donnan``: what Donnan-Manning leaves."""
    inside_salt_molar: float
    """Concentration wanted in the sorbed water, mol/L."""
    realised_salt_molar: float
    """The same in whole ions of this box, mol/L."""
    salt_molar_low: float
    """Outer concentrations from here ..."""
    salt_molar_high: float
    """... to below here round to this same box, mol/L."""
    water_per_site: float
    """Water molecules per tethered charge in the box."""
    box_A: float
    """Estimated edge of the cubic box at equilibrium, ångström."""
    density_g_cm3: float
    """Estimated density at equilibrium."""
    iec_meq_g: float
    """Tethered charge per gram of dry polymer in the form of its counter-ion."""
    water_uptake_g_g: float
    """Water per gram of dry polymer in the form of its counter-ion, g/g."""
    topology: str
    """``network`` or ``linear``."""
    n_crosslinks: int
    """Cross-linkers; 0 in linear chains."""
    units: tuple[UnitCount, ...]
    """Each repeat unit."""
    wanted_water_per_site: float
    """Before rounding to whole molecules."""
    wanted_box_A: float | None
    """The edge aimed at; None where the number of chains was given."""

    @property
    def rounding_note(self) -> str | None:
        """What to tell the user where rounding has moved the concentration by over 25 %.

        A box that holds no salt at all is called just that.

        Examples
        --------
        >>> from iemhpc.polymer.catalog import System, load_membrane, load_salt
        >>> from iemhpc.system.composition import compose
        >>> system = System(load_membrane("cr61"), load_salt("NaCl"))
        >>> note = compose(system, salt_molar=0.03, box_A=24.0).rounding_note
        >>> print(note.split(" (")[0])
        CR61/NaCl: 0.03 mol/L rounds to no salt at all in this box
        """
        shift = abs(self.realised_salt_molar - self.inside_salt_molar)
        if shift <= ROUNDING_WARNING * self.inside_salt_molar:
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
        inside = (
            f" outside, {self.inside_salt_molar:.3g} inside by Donnan-Manning,"
            if self.salt_inside == "donnan"
            else ""
        )
        return (
            f"{self.system}: {self.salt_molar:g} mol/L{inside} {becomes}: wanted concentrations "
            f"{span} give the same box; a larger box tells them apart (box_A, --box), or one that "
            "holds enough ions (min_pairs, --min-pairs)"
        )

    @property
    def rounded(self) -> tuple[str, ...]:
        """What whole numbers have moved: what was wanted, and what the box has.

        Examples
        --------
        >>> from iemhpc.polymer.catalog import System, load_membrane, load_salt
        >>> from iemhpc.system.composition import compose
        >>> system = System(load_membrane("Nafion"), load_salt("NaCl"))
        >>> for line in compose(system, salt_molar=1, box_A=40).rounded:
        ...     print(line)
        share of perfluoroether sulfonate 0.1323 -> 0.1...
        share of tetrafluoroethylene 0.8677 -> 0.8...
        salt in the sorbed water 1 -> ... mol/L
        box edge 40 -> ... Å
        """
        n_units = self.n_chains * self.units_per_chain
        pairs = [
            (f"share of {unit.name}", unit.wanted_share, unit.number / n_units, "")
            for unit in self.units
        ]
        pairs += [
            ("water per site", self.wanted_water_per_site, self.water_per_site, ""),
            (
                "salt in the sorbed water",
                self.inside_salt_molar,
                self.realised_salt_molar,
                " mol/L",
            ),
            ("box edge", self.wanted_box_A or self.box_A, self.box_A, " Å"),
        ]
        return tuple(
            f"{what} {wanted:.4g} -> {got:.4g}{unit}"
            for what, wanted, got, unit in pairs
            if f"{wanted:.4g}" != f"{got:.4g}"
        )

    @property
    def n_pairs(self) -> int:
        """Formula units of added salt: what the co-ions are from."""
        return round(self.realised_salt_molar * self.n_waters / units.WATER_MOLAR)
