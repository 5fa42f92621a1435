"""Water and ions for the second engine: the values that OpenMM ships, read from its own files.

``amber14/tip3p.xml`` holds TIP3P with the ions of Joung and Cheatham and of Li and Merz (12-6,
CM), ``charmm36/water.xml`` CHARMM's water and ions with the NBFIX pairs of 2015. The pairs of later
years (LiCl, CaCl2) come from ``charmm36_2024/water.xml``, whose NaCl and KCl are the same rounded.

Åqvist's ions stand in no file of OpenMM: these are read from the OPLS-AA tables of 2024, which
print them among the "old ion parameters" and still use them for Mg and Ca.

The one number that we do not take from there is the oxygen of TIP3P: Amber rounds it to .1520
kcal/mol and 3.15075 Å, where A = 582,000 and C = 595.0 of Jorgensen et al., J. Chem. Phys. 79
(1983) 926, are .1521 and 3.1506, and most programs write 3.1507
(https://docs.lammps.org/Howto_tip3p.html).
"""

import re
from collections.abc import Collection
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from xml.etree import ElementTree as ET

from iemhpc.errors import ForceFieldError, ProgramError, unknown_name
from iemhpc.lammps.second_engine_tables import FieldTables, LennardJones
from iemhpc.resources import resource
from iemhpc.units import A_PER_NM, KJ_PER_KCAL

WATER = "HOH"
"""Residue name of water."""

FILES = {"tip3p": "amber14/tip3p.xml", "tip3p-charmm": "charmm36/water.xml"}
"""Water model -> file of OpenMM that holds it and the ions that belong to it."""

OXYGEN = {"tip3p": LennardJones(epsilon_kcal_mol=0.1521, sigma_A=3.1507)}
"""Water model -> its oxygen, where OpenMM's file rounds it otherwise."""

_WATER_TYPES = {"tip3p": ("tip3p-O", "tip3p-H"), "tip3p-charmm": ("OT", "HT")}

ION_TYPES = {
    "tip3p": {
        name: f"tip3p_standard-{name}{charge}"
        for name, charge in {
            **dict.fromkeys(("Li", "Na", "K"), "+"),
            **dict.fromkeys(("Cl", "I"), "-"),
            **dict.fromkeys(("Mg", "Ca"), "2+"),
        }.items()
    },
    "tip3p-charmm": {"Li": "LIT", "Na": "SOD", "K": "POT", "Mg": "MG", "Ca": "CAL", "Cl": "CLA"},
}
"""Water model -> ion -> its type in OpenMM's file."""

AQVIST = "aqvist"

ION_SETS = ("joung-cheatham", "charmm", AQVIST)
"""What the second engine can compare."""

OPLS_NUMBERS = {
    "Cl": "401",
    "I": "403",
    "Li": "406",
    "Na": "407",
    "K": "408",
    "Mg": "411",
    "Ca": "412",
}
"""Ion -> its number in data/oplsaa/oplsaa2024.lt; below 411 in the remarks on earlier values."""

_NUMBER = r"([-+]?\d*\.\d+)"
_REMARK = re.compile(rf"\s*# (\d+) \d+ \w+ +{_NUMBER} +{_NUMBER} +{_NUMBER} ")
"""Number, atomic number, element, charge, sigma, epsilon."""
_CHARGE = re.compile(rf"\s*set type @atom:(\d+) +charge +{_NUMBER}")
_EPSILON_SIGMA = re.compile(rf"\s*pair_coeff @atom:(\d+)_\S+ \S+ {_NUMBER} {_NUMBER}")

LATER_PAIRS = {"tip3p-charmm": "charmm36_2024/water.xml"}
"""Water model -> file with pairs that the first one lacks; only newer OpenMM has it."""


def aqueous_tables(
    water_model: str, residues: Collection[str], ion_set: str | None = None
) -> FieldTables:
    """Return water and the named ions, their types called ``O``, ``H`` and by the ion's name.

    Raises
    ------
    ForceFieldError
        Where OpenMM ships no such water, or no such ion for it.
    """
    if water_model not in FILES:
        raise unknown_name("water model of the second engine", water_model, FILES)
    ions = sorted(set(residues) - {WATER})
    if ions and ion_set not in (None, *ION_SETS):
        raise ForceFieldError(
            f"the second engine knows no ions of the set {ion_set!r}, only those of "
            f"{', '.join(ION_SETS)}, and has nothing to compare this one with"
        )
    if ion_set == AQVIST:
        return _with_aqvist(aqueous_tables(water_model, ()), ions)
    known = ION_TYPES[water_model]
    if missing := [name for name in ions if name not in known]:
        raise ForceFieldError(
            f"OpenMM's {FILES[water_model]} has no ion {', '.join(missing)}; known: "
            f"{', '.join(known)}. The second engine has nothing to compare it with"
        )
    oxygen, hydrogen = _WATER_TYPES[water_model]
    name_of = {oxygen: "O", hydrogen: "H"} | {known[ion]: ion for ion in ions}
    root = _shipped(FILES[water_model])
    atoms = _lennard_jones(root, name_of)
    if water_model in OXYGEN:
        atoms["O"] = OXYGEN[water_model]
    bond, angle = _of_water(root, oxygen, hydrogen)
    return FieldTables(
        name="aqueous",
        classes={name: name for name in atoms},
        atoms=atoms,
        bonds={("O", "H"): bond},
        angles={("H", "O", "H"): angle},
        propers={},
        impropers={},
        charges_e={
            name_of[atom.attrib["type"]]: float(atom.attrib["charge"])
            for atom in root.findall("./Residues/Residue/Atom")
            if atom.attrib["type"] in name_of
        },
        pairs=_later_pairs(water_model, name_of) | _fixed_pairs(root, name_of),
    )


def _with_aqvist(water: FieldTables, ions: Collection[str]) -> FieldTables:
    """Add ions as the OPLS-AA tables print them, which mix geometrically with water, too."""
    published = _old_ions()
    atoms = {ion: published[ion][1] for ion in ions}
    return replace(
        water,
        classes={**water.classes, **{ion: ion for ion in ions}},
        atoms={**water.atoms, **atoms},
        charges_e={**water.charges_e, **{ion: published[ion][0] for ion in ions}},
        geometric=frozenset(ions),
    )


@lru_cache(maxsize=1)
def _old_ions() -> dict[str, tuple[float, LennardJones]]:
    """Return charge (e) and Lennard-Jones of each ion of the set."""
    charges_e: dict[str, float] = {}
    atoms: dict[str, LennardJones] = {}
    text = resource("data", "oplsaa", "oplsaa2024.lt").read_text(encoding="utf-8")
    for line in text.splitlines():
        if found := _CHARGE.match(line):
            charges_e[found[1]] = float(found[2])
        elif found := _EPSILON_SIGMA.match(line):
            epsilon, sigma_A = float(found[2]), float(found[3])
            atoms[found[1]] = LennardJones(epsilon_kcal_mol=epsilon, sigma_A=sigma_A)
    # the remarks stand above the pairs, but count more
    for number, charge_e, sigma, depth in _REMARK.findall(text):
        charges_e[number] = float(charge_e)
        atoms[number] = LennardJones(epsilon_kcal_mol=float(depth), sigma_A=float(sigma))
    return {ion: (charges_e[number], atoms[number]) for ion, number in OPLS_NUMBERS.items()}


@lru_cache(maxsize=4)
def _shipped(name: str) -> ET.Element:
    return ET.parse(_data() / name).getroot()


def _data() -> Path:
    """Return OpenMM's folder of force fields."""
    try:
        from openmm import app  # noqa: PLC0415  an optional extra
    except ImportError:
        raise ProgramError(
            "OpenMM is needed to compute energies a second time; get it: "
            "pip install 'iemhpc[check]'"
        ) from None
    return Path(app.__file__).parent / "data"


def _lennard_jones(root: ET.Element, name_of: dict[str, str]) -> dict[str, LennardJones]:
    """Return the values by our names; CHARMM keeps them apart from its charges."""
    section = root.find("LennardJonesForce")
    section = root.find("NonbondedForce") if section is None else section
    rows = [] if section is None else section.findall("Atom")
    return {
        name_of[row.attrib["type"]]: _pair(row) for row in rows if row.attrib["type"] in name_of
    }


def _fixed_pairs(root: ET.Element, name_of: dict[str, str]) -> dict[tuple[str, str], LennardJones]:
    found = {}
    for row in root.findall("./LennardJonesForce/NBFixPair"):
        ends = [row.get(f"type{end}", row.get(f"class{end}", "")) for end in (1, 2)]
        if all(end in name_of for end in ends):
            first, second = sorted(name_of[end] for end in ends)
            found[first, second] = _pair(row)
    return found


def _later_pairs(water_model: str, name_of: dict[str, str]) -> dict[tuple[str, str], LennardJones]:
    file = LATER_PAIRS.get(water_model)
    if file is None or not (_data() / file).exists():
        return {}
    return _fixed_pairs(_shipped(file), name_of)


def _pair(row: ET.Element) -> LennardJones:
    return LennardJones(
        epsilon_kcal_mol=float(row.attrib["epsilon"]) / KJ_PER_KCAL,
        sigma_A=float(row.attrib["sigma"]) * A_PER_NM,
    )


def _of_water(
    root: ET.Element, oxygen: str, hydrogen: str
) -> tuple[tuple[float, float], tuple[float, float]]:
    """Return K and equilibrium of O-H and H-O-H; OpenMM's K has no factor 1/2 in it."""
    bonds = {
        frozenset((row.attrib["type1"], row.attrib["type2"])): row
        for row in root.findall("./HarmonicBondForce/Bond")
    }
    bond = bonds[frozenset((oxygen, hydrogen))]
    wanted = (hydrogen, oxygen, hydrogen)
    angle = next(
        row
        for row in root.findall("./HarmonicAngleForce/Angle")
        if tuple(row.attrib[f"type{place}"] for place in (1, 2, 3)) == wanted
    )
    return (
        (
            float(bond.attrib["k"]) / KJ_PER_KCAL / (2 * A_PER_NM**2),
            float(bond.attrib["length"]) * A_PER_NM,
        ),
        (float(angle.attrib["k"]) / KJ_PER_KCAL / 2, _degrees(float(angle.attrib["angle"]))),
    )


def _degrees(radians: float) -> float:
    """Return the angle as it was published: OpenMM's files keep twelve digits of radians."""
    return round(radians * 57.29577951308232, 6)
