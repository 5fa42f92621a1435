"""What can be simulated: ``data/`` as ions, salts, membranes and systems.

The values themselves (:class:`Ion`, :class:`Salt`, :class:`Polymer`, :class:`Membrane`,
:class:`System`) are those of :mod:`iemhpc.polymer.materials`.
"""

import csv
import math
from dataclasses import replace
from functools import cache
from pathlib import Path

from rdkit import Chem

from iemhpc.errors import ChemistryError, InputError, unknown_name
from iemhpc.polymer.capacity import water_per_site
from iemhpc.polymer.materials import Ion, Membrane, Polymer, Salt, System
from iemhpc.polymer.repeat_unit import (
    RepeatUnit,
    atoms_by_smarts,
    average_mass_g_mol,
    n_sites,
    tethered_atoms,
    with_sites,
)
from iemhpc.resources import resource
from iemhpc.settings.membrane import MembraneSettings, UnitSettings, read_membrane_settings

__all__ = [
    "Ion",
    "Membrane",
    "Polymer",
    "Salt",
    "System",
    "as_membrane",
    "ion_names",
    "load_ion",
    "load_membrane",
    "load_salt",
    "load_system",
    "membrane_names",
    "salt_names",
    "systems",
]


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
        return as_membrane(read_membrane_settings(Path(name_or_path)))
    by_lower = {name.lower(): name for name in membrane_names()}
    if name_or_path.lower() not in by_lower:
        raise unknown_name("membrane", name_or_path, by_lower.values())
    return _catalogued(by_lower[name_or_path.lower()])


@cache
def _catalogued(name: str) -> Membrane:
    return as_membrane(read_membrane_settings(resource("data", "membranes", f"{name}.toml")))


def as_membrane(settings: MembraneSettings) -> Membrane:
    """Return the membrane that settings describe, from a TOML or the command line alike.

    Raises
    ------
    ChemistryError
        Where units cannot be what they claim to be; all of them at once.
    """
    units = _as_units(settings)
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
    salts = tuple(load_salt(name) for name in settings.salts)
    return Membrane(
        name=settings.name,
        full_name=settings.full_name,
        polymer=polymer,
        salts=tuple(salt.name for salt in salts),
        water_per_site=_water_per_site(settings, polymer, salts[0]),
        c_fix_molar=settings.c_fix_molar,
        xi=settings.xi,
        crosslinker=crosslinker,
        tacticity=settings.tacticity,
        assumed=settings.assumed,
        sources=settings.sources,
        doubts=settings.doubts,
    )


def _as_units(settings: MembraneSettings) -> tuple[RepeatUnit, ...]:
    units, problems = [], []
    for unit in settings.units:
        try:
            units.append(_as_unit(unit))
        except ChemistryError as error:
            problems.append(str(error))
    if problems:
        raise ChemistryError("; ".join(problems))
    return tuple(units)


def _as_unit(settings: UnitSettings) -> RepeatUnit:
    unit = RepeatUnit(settings.name, settings.smiles)
    if settings.tethered_smarts:
        return with_sites(unit, atoms_by_smarts(unit, settings.tethered_smarts))
    if settings.tethered_atoms:
        # made first, so that places outside the unit are told before they are looked at
        return with_sites(unit, replace(unit, given_sites=settings.tethered_atoms).given_sites)
    return unit


def _water_per_site(settings: MembraneSettings, polymer: Polymer, salt: Salt) -> float:
    if settings.water_per_site is not None:
        return settings.water_per_site
    counterion = salt.cation if polymer.site_charge < 0 else salt.anion
    return water_per_site(polymer, counterion, settings.water_uptake or 0.0)


def _check_membrane(polymer: Polymer, crosslinker: str | None) -> None:
    if not polymer.site_charge:
        raise ChemistryError(_neutral(polymer))
    problems = [said for unit in polymer.units for said in _unit_problems(unit, crosslinker)]
    if problems:
        raise ChemistryError(f"membrane {polymer.name!r}: " + "; ".join(problems))


def _neutral(polymer: Polymer) -> str:
    """Return what is wrong with a polymer without a net charge, and what would be right."""
    both = [unit for unit in polymer.units if n_sites(unit)]
    if both:
        names = ", ".join(f"{unit.name!r}, {unit.smiles!r}" for unit in both)
        return (
            f"membrane {polymer.name!r} has charges of both signs in one unit ({names}) and none "
            "left over; wanted at least one unit with a net charge, so that its counter-ion is "
            "defined: an uncharged zwitterion holds no counter-ions and is no ion-exchange membrane"
        )
    return (
        f"membrane {polymer.name!r} has no tethered charge; wanted at least one charged unit "
        f"among {', '.join(unit.name for unit in polymer.units)}; write acids and amines as "
        "their ions, as in S(=O)(=O)[O-] and [N+](C)(C)C"
    )


def _unit_problems(unit: RepeatUnit, crosslinker: str | None) -> list[str]:
    problems = []
    if (unit.name == crosslinker) != (unit.n_attachments == 4):
        problems.append(
            f"unit {unit.name!r} has {unit.n_attachments} attachment points; the cross-linker "
            "named in [network] or by --crosslinker has four, any other two"
        )
    n_found, n_wanted = n_sites(unit), abs(unit.charge)
    if n_wanted and not n_found:
        problems.append(
            f"unit {unit.name!r}, {unit.smiles!r}: no known group holds its charge of "
            f"{unit.charge:+d}; known are -SO3-, -OSO3-, phosphonate, carboxylate, ammonium, "
            "phosphonium and aromatic N+; say which atoms do, with tethered_smarts or "
            "tethered_atoms (--tethered)"
        )
    elif n_found != n_wanted:
        atoms = ", ".join(map(str, tethered_atoms(unit)))
        problems.append(
            f"unit {unit.name!r} has {n_found} tethered site{'s' if n_found > 1 else ''} (atoms "
            f"{atoms} of {unit.smiles!r}) and a charge of {unit.charge:+d}; wanted one site an "
            "elementary charge: mend the SMILES, or say which atoms with tethered_smarts or "
            "tethered_atoms (--tethered)"
        )
    return problems


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
    with resource("data", name).open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))
