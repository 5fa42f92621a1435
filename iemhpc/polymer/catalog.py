"""What can be simulated: ``data/`` as ions, salts, polymers, membranes and systems."""

import csv
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from rdkit import Chem

from iemhpc.errors import ChemistryError, InputError, MissingInputError, unknown_name
from iemhpc.polymer.repeat_unit import RepeatUnit, average_mass_g_mol, n_sites
from iemhpc.polymer.sequence import ARRANGEMENTS
from iemhpc.resources import resource
from iemhpc.settings.membrane import (
    FRACTION_TOLERANCE,
    MembraneSettings,
    read_membrane_settings,
)
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
        units = [unit.canonical_smiles for unit in self.units]
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


@dataclass(frozen=True, slots=True)
class System:
    """A membrane with a salt.

    Examples
    --------
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


def membrane_names() -> tuple[str, ...]:
    """Return the names of the catalogued membranes.

    Examples
    --------
    >>> len(membrane_names())
    12
    """
    return tuple(sorted(path.stem for path in resource("data", "membranes").glob("*.toml")))


def load_membrane(name_or_path: str | Path) -> Membrane:
    """Return a membrane of the catalogue, or of a TOML file of the user's.

    Parameters
    ----------
    name_or_path : str or Path
        A catalogue name in any case, or a path that ends in ``.toml``.

    Raises
    ------
    UnknownNameError
        Where it is neither; the message lists the catalogue.

    Examples
    --------
    >>> load_membrane("cr61").site_charge
    -1
    """
    if isinstance(name_or_path, Path) or name_or_path.lower().endswith(".toml"):
        return _as_membrane(read_membrane_settings(Path(name_or_path)))
    by_lower = {name.lower(): name for name in membrane_names()}
    if name_or_path.lower() not in by_lower:
        raise unknown_name("membrane", name_or_path, by_lower.values())
    return _catalogued(by_lower[name_or_path.lower()])


@cache
def _catalogued(name: str) -> Membrane:
    return _as_membrane(read_membrane_settings(resource("data", "membranes", f"{name}.toml")))


def _as_membrane(settings: MembraneSettings) -> Membrane:
    units = tuple(RepeatUnit(unit.name, unit.smiles) for unit in settings.units)
    total = math.fsum(unit.fraction for unit in settings.units)
    counts = tuple(u.oligomer_count for u in settings.units if u.oligomer_count is not None)
    polymer = Polymer(
        name=settings.name,
        units=units,
        fractions=tuple(unit.fraction / total for unit in settings.units),
        arrangement=settings.arrangement,
        blocks=tuple(unit.block or place for place, unit in enumerate(settings.units, start=1)),
        oligomer_counts=counts or None,
    )
    crosslinker = settings.network.crosslinker if settings.network else None
    _check_membrane(polymer, crosslinker)
    return Membrane(
        name=settings.name,
        full_name=settings.full_name,
        polymer=polymer,
        salts=tuple(load_salt(name).name for name in settings.salts),
        water_per_site=settings.water_per_site,
        c_fix_molar=settings.c_fix_molar,
        xi=settings.xi,
        crosslinker=crosslinker,
        assumed=settings.assumed,
        sources=settings.sources,
        doubts=settings.doubts,
    )


def _check_membrane(polymer: Polymer, crosslinker: str | None) -> None:
    if not polymer.site_charge:
        raise ChemistryError(
            f"membrane {polymer.name!r} has no tethered charge; wanted at least one charged unit "
            "among " + ", ".join(unit.name for unit in polymer.units)
        )
    for unit in polymer.units:
        if (unit.name == crosslinker) != (unit.n_attachments == 4):
            raise ChemistryError(
                f"membrane {polymer.name!r}: unit {unit.name!r} has {unit.n_attachments} "
                "attachment points; the cross-linker named in [network] has four, any other two"
            )
        if n_sites(unit) != abs(unit.charge):
            raise ChemistryError(
                f"membrane {polymer.name!r}: unit {unit.name!r} has {n_sites(unit)} charged "
                f"groups but a charge of {unit.charge:+d}; wanted one elementary charge a group"
            )


def ion_names() -> tuple[str, ...]:
    """Return the names of the ions in ``data/ions.csv``."""
    return tuple(_ions())


def load_ion(name: str) -> Ion:
    """Return an ion by name, in any case.

    Examples
    --------
    >>> load_ion("Mg").charge
    2
    """
    ions = {known.lower(): ion for known, ion in _ions().items()}
    if name.lower() not in ions:
        raise unknown_name("ion", name, _ions())
    return ions[name.lower()]


def salt_names() -> tuple[str, ...]:
    """Return the names of the salts in ``data/salts.csv``.

    Examples
    --------
    >>> salt_names()
    ('KI', 'NaCl', 'LiCl', 'KCl', 'CaCl2', 'MgCl2', 'Na2SO4')
    """
    return tuple(_salts())


def load_salt(name: str) -> Salt:
    """Return a salt by its formula, in any case.

    Examples
    --------
    >>> load_salt("Na2SO4").smiles, load_salt("Na2SO4").nu
    ('O=S(=O)([O-])[O-].[Na+].[Na+]', 3)
    """
    salts = {known.lower(): salt for known, salt in _salts().items()}
    if name.lower() not in salts:
        raise unknown_name("salt", name, _salts())
    return salts[name.lower()]


def systems() -> tuple[System, ...]:
    """Return every catalogued membrane with each of its salts.

    Examples
    --------
    >>> len(systems())
    18
    """
    membranes = [load_membrane(name) for name in membrane_names()]
    return tuple(System(m, load_salt(salt)) for m in membranes for salt in m.salts)


def load_system(name: str) -> System:
    """Return a system by its name: ``CR61/NaCl``.

    Examples
    --------
    >>> load_system("nafion/nacl").name
    'Nafion/NaCl'
    """
    membrane, slash, salt = name.rpartition("/")
    if not slash:
        raise unknown_name("system", name, (system.name for system in systems()))
    return System(load_membrane(membrane), load_salt(salt))


@cache
def _ions() -> dict[str, Ion]:
    ions = {}
    for row in _rows("ions.csv"):
        mol = Chem.MolFromSmiles(row["smiles"])
        if mol is None or Chem.GetFormalCharge(mol) == 0:
            raise InputError(
                f"data/ions.csv, {row['name']}: {row['smiles']!r} is not the SMILES of an ion"
            )
        charge, mass = int(Chem.GetFormalCharge(mol)), average_mass_g_mol(mol)
        ions[row["name"]] = Ion(row["name"], row["smiles"], charge, mass)
    return ions


@cache
def _salts() -> dict[str, Salt]:
    return {
        row["name"]: Salt(
            row["name"],
            load_ion(row["cation"]),
            load_ion(row["anion"]),
            int(row["n_cation"]),
            int(row["n_anion"]),
        )
        for row in _rows("salts.csv")
    }


def _rows(name: str) -> list[dict[str, str]]:
    path = resource("data", name)
    if not path.is_file():
        raise MissingInputError(f"{path} is not a file; reinstall iemhpc")
    with path.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))
