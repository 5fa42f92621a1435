"""Water and ions for the second engine: the values that OpenMM ships, read from its own files.

``amber14/tip3p.xml`` holds TIP3P with the ions of Joung and Cheatham and of Li and Merz (12-6,
CM), ``charmm36/water.xml`` CHARMM's water and ions with the NBFIX pairs of 2015. The pairs of later
years (LiCl, CaCl2) come from ``charmm36_2024/water.xml``, whose NaCl and KCl are the same rounded.

The one number that we do not take from there is the oxygen of TIP3P: Amber rounds it to .1520
kcal/mol and 3.15075 Å, where A = 582,000 and C = 595.0 of Jorgensen et al., J. Chem. Phys. 79
(1983) 926, are .1521 and 3.1506, and most programs write 3.1507
(https://docs.lammps.org/Howto_tip3p.html).
"""

from collections.abc import Collection
from functools import lru_cache
from pathlib import Path
from xml.etree import ElementTree as ET

from iemhpc.errors import ForceFieldError, ProgramError, unknown_name
from iemhpc.lammps.second_engine_tables import FieldTables, LennardJones
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


ION_SETS = ("joung-cheatham", "charmm")
"""What these files hold."""

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
            f"OpenMM ships no ions of the set {ion_set!r}; the second engine knows "
            f"{', '.join(ION_SETS)} and has nothing to compare this one with"
        )
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
