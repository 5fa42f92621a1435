"""What a membrane is made of: ions, salts, polymers, membranes and systems, as frozen values."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

from rdkit import Chem

from iemhpc.errors import ChemistryError, InputError, unknown_name
from iemhpc.polymer.repeat_unit import RepeatUnit
from iemhpc.polymer.sequence import ARRANGEMENTS
from iemhpc.settings.membrane import FRACTION_TOLERANCE
from iemhpc.workspace import content_hash


@dataclass(frozen=True, slots=True)
class Ion:
    """One kind of mobile ion."""

    name: str
    """Name without its charge: ``Na``, ``SO4``."""
    smiles: str
    """SMILES with the charge."""
    charge: int
    """Elementary charges."""
    mass_g_mol: float
    """Average mass, g/mol."""


@dataclass(frozen=True, slots=True)
class Salt:
    """A salt of one cation and one anion."""

    name: str
    """Formula: ``MgCl2``."""
    cation: Ion
    """Its cation."""
    anion: Ion
    """Its anion."""
    n_cation: int
    """Cations per formula unit."""
    n_anion: int
    """Anions per formula unit."""

    def __post_init__(self) -> None:
        charge = self.n_cation * self.cation.charge + self.n_anion * self.anion.charge
        if charge:
            raise ChemistryError(
                f"salt {self.name!r}: {self.n_cation} {self.cation.name} and {self.n_anion} "
                f"{self.anion.name} have a net charge of {charge:+d}; wanted 0"
            )

    @property
    def nu(self) -> int:
        """Ions per formula unit: 2 for 1:1, 3 for 2:1 salts."""
        return self.n_cation + self.n_anion

    @property
    def smiles(self) -> str:
        """Canonical SMILES of one formula unit."""
        ions = [self.cation.smiles] * self.n_cation + [self.anion.smiles] * self.n_anion
        return str(Chem.MolToSmiles(Chem.MolFromSmiles(".".join(ions))))

    @property
    def mass_g_mol(self) -> float:
        """Mass of one formula unit, g/mol."""
        return self.n_cation * self.cation.mass_g_mol + self.n_anion * self.anion.mass_g_mol


@dataclass(frozen=True, slots=True)
class Polymer:
    """Repeat units, how many of each, and in which order."""

    name: str
    """Name of the membrane it makes."""
    units: tuple[RepeatUnit, ...]
    """Its repeat units."""
    fractions: tuple[float, ...]
    """Share of each unit, summing to one."""
    arrangement: str = "random"
    """random, block or alternating."""
    blocks: tuple[int, ...] = ()
    """Number of the block that each unit belongs to; empty: each unit its own."""
    oligomer_counts: tuple[int, ...] | None = None
    """How many of each unit the oligomer has, where it is prescribed."""

    def __post_init__(self) -> None:
        if self.arrangement not in ARRANGEMENTS:
            raise unknown_name("arrangement", self.arrangement, ARRANGEMENTS)
        if not self.units or len(self.units) != len(self.fractions):
            raise InputError(
                f"polymer {self.name!r}: {len(self.units)} units and {len(self.fractions)} "
                "fractions; wanted one fraction for each of one or more units"
            )
        total = math.fsum(self.fractions)
        if min(self.fractions) <= 0 or abs(total - 1) > FRACTION_TOLERANCE:
            raise InputError(
                f"polymer {self.name!r}: the unit fractions {self.fractions} sum to {total:.4g}; "
                "wanted positive numbers that sum to 1"
            )
        charges = {unit.name: unit.charge for unit in self.units if unit.charge}
        if min(charges.values(), default=0) < 0 < max(charges.values(), default=0):
            raise ChemistryError(
                f"polymer {self.name!r} has units of both signs ({charges}); wanted tethered "
                "charges of one sign, so that its counter-ion is defined"
            )
        if not self.blocks:
            object.__setattr__(self, "blocks", tuple(range(1, len(self.units) + 1)))

    @property
    def sites_per_unit(self) -> float:
        """Tethered charges per average repeat unit."""
        pairs = zip(self.units, self.fractions, strict=True)
        return math.fsum(abs(unit.charge) * fraction for unit, fraction in pairs)

    @property
    def unit_mass_g_mol(self) -> float:
        """Mass of an average repeat unit without counter-ions, g/mol."""
        pairs = zip(self.units, self.fractions, strict=True)
        return math.fsum(unit.mass_g_mol * fraction for unit, fraction in pairs)

    @property
    def site_charge(self) -> int:
        """Charge of one tethered site, +1 or -1; 0 for a polymer without."""
        charge = sum(unit.charge for unit in self.units)
        return (charge > 0) - (charge < 0)

    @property
    def hash(self) -> str:
        """Hash of the structure: equal for other spellings of the same units."""
        units = [unit.oriented_smiles for unit in self.units]
        shares = [round(fraction, 9) for fraction in self.fractions]
        blocks = list(self.blocks) if self.arrangement == "block" else []
        return content_hash([units, shares, self.arrangement, blocks])


@dataclass(frozen=True, slots=True)
class Membrane:
    """A polymer with its water content, and what is known of it."""

    name: str
    """Short name, as in file names."""
    full_name: str
    """What it is, in words."""
    polymer: Polymer
    """Its polymer."""
    salts: tuple[str, ...]
    """Names of the salts it is studied with."""
    water_per_site: float
    """Water molecules per tethered charge."""
    c_fix_molar: float | None = None
    """Published fixed charge per litre of sorbed water, mol/L."""
    xi: float | None = None
    """Published Manning parameter."""
    crosslinker: str | None = None
    """Name of the unit that joins chains."""
    tacticity: str = "atactic"
    """atactic, isotactic or syndiotactic."""
    assumed: tuple[str, ...] = ()
    """Figures that no source gives."""
    sources: Mapping[str, str] = field(default_factory=dict, hash=False)
    """Figure -> where it is from."""
    doubts: Mapping[str, str] = field(default_factory=dict, hash=False)
    """Figure -> what may be wrong with it."""

    @property
    def site_charge(self) -> int:
        """Charge of one tethered site, +1 or -1."""
        return self.polymer.site_charge

    @property
    def topology(self) -> str:
        """``network`` where a unit joins the chains, else ``linear``."""
        return "network" if self.crosslinker else "linear"


@dataclass(frozen=True, slots=True)
class System:
    """A membrane with a salt.

    Examples
    --------
    >>> from iemhpc.polymer.catalog import load_membrane, load_salt
    >>> nafion = System(load_membrane("nafion"), load_salt("MgCl2"))
    >>> nafion.name, nafion.counterion.name, nafion.coion.name
    ('Nafion/MgCl2', 'Mg', 'Cl')
    """

    membrane: Membrane
    """The membrane."""
    salt: Salt
    """The salt of the outer solution."""

    @property
    def name(self) -> str:
        """Membrane and salt: ``CR61/NaCl``."""
        return f"{self.membrane.name}/{self.salt.name}"

    @property
    def counterion(self) -> Ion:
        """The ion that balances the tethered charges."""
        return self.salt.cation if self.membrane.site_charge < 0 else self.salt.anion

    @property
    def coion(self) -> Ion:
        """The ion of the same sign as the tethered charges."""
        return self.salt.anion if self.membrane.site_charge < 0 else self.salt.cation
