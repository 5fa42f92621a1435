"""Water and ions, against the figures of the papers and two published force-field files."""

import re
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from iemhpc.errors import ForceFieldError, UnknownNameError
from iemhpc.forcefield.aqueous import (
    ION_SETS,
    fitted_pair,
    ion_parameters,
    water_parameters,
)
from iemhpc.polymer.catalog import load_ion
from iemhpc.units import KJ_PER_KCAL

CHARMM_NAMES = {"Li": "LIT", "Na": "SOD", "K": "POT", "Mg": "MG", "Ca": "CAL", "Cl": "CLA"}


def published(*parts: str) -> ET.Element:
    """Return a force-field file that OpenMM ships."""
    app = pytest.importorskip("openmm.app")
    return ET.parse(Path(app.__file__).parent.joinpath("data", *parts)).getroot()


def lennard_jones(atom: ET.Element) -> tuple[float, float]:
    """Return epsilon (kcal/mol) and sigma (Å) of an entry of OpenMM's."""
    return float(atom.attrib["epsilon"]) / KJ_PER_KCAL, float(atom.attrib["sigma"]) * 10


def test_water_is_the_original_tip3p():
    water = water_parameters("tip3p")
    assert water.charges_e.tolist() == [-0.834, 0.417, 0.417]
    assert [term.values[:2] for term in water.atom_types] == [(0.1521, 3.1507), (0.0, 0.0)]
    assert water.bond_types[0].values[1] == 0.9572
    assert water.angle_types[0].values[1] == 104.52
    assert set(water.residues) == {"HOH"}
    assert water.angles.tolist() == [[0, 1, 0, 2]]


def test_charmm_water_and_ions_are_those_of_its_published_file():
    root = published("charmm36", "water.xml")
    theirs = {atom.get("type"): lennard_jones(atom) for atom in root.find("LennardJonesForce")}
    water = water_parameters("tip3p-charmm")
    for term, name in zip(water.atom_types, ("OT", "HT"), strict=True):
        assert term.values[:2] == pytest.approx(theirs[name], rel=1e-9)
    for name, their_name in CHARMM_NAMES.items():
        ion = ion_parameters(name, "tip3p-charmm").atom_types[0]
        assert ion.values[:2] == pytest.approx(theirs[their_name], rel=1e-9)
    residue = next(each for each in root.iter("Residue") if each.get("name") == "TIP3")
    charges_e = [float(atom.get("charge")) for atom in residue.iter("Atom")]
    assert water.charges_e.tolist() == charges_e
    bond = next(b for b in root.iter("Bond") if (b.get("type1"), b.get("type2")) == ("HT", "OT"))
    k_kcal_mol_A2 = float(bond.get("k")) / KJ_PER_KCAL / 100 / 2
    wanted = (k_kcal_mol_A2, float(bond.get("length")) * 10)
    assert water.bond_types[0].values == pytest.approx(wanted)


@pytest.mark.parametrize("name", ["Li", "Na", "K", "Ca", "Mg"])
def test_charmm_cations_have_their_own_pair_with_chloride(name):
    # The release of July 2024 rounds two values to 1e-4 and has two pairs that 2015 had not.
    theirs = {
        frozenset((pair.get("class1"), pair.get("class2"))): lennard_jones(pair)
        for pair in published("charmm36_2024", "water.xml").iter("NBFixPair")
    }
    cation, chloride = (ion_parameters(ion, "tip3p-charmm").atom_types[0] for ion in (name, "Cl"))
    pair = fitted_pair(chloride, cation)
    wanted = theirs.get(frozenset((CHARMM_NAMES[name], "CLA")))
    if wanted is None:
        assert (name, pair) == ("Mg", None)
    else:
        assert (pair.epsilon_kcal_mol, pair.sigma_A) == pytest.approx(wanted, abs=4e-5)


@pytest.mark.parametrize(
    ("name", "sigma_A", "epsilon_kcal_mol"),
    [
        ("Li", 1.8263, 0.0279896),
        ("Na", 2.4393, 0.0874393),
        ("K", 3.0380, 0.1936829),
        ("Cl", 4.4777, 0.0355910),
        ("I", 5.0959, 0.0536816),
        ("Mg", 2.4232, 0.01020237),
        ("Ca", 2.9382, 0.10592870),
    ],
)
def test_ions_of_tip3p_have_the_published_size_and_depth(name, sigma_A, epsilon_kcal_mol):
    ion = ion_parameters(name)
    epsilon, sigma, _ = ion.atom_types[0].values
    assert sigma == pytest.approx(sigma_A, abs=1e-4)
    assert epsilon == epsilon_kcal_mol
    assert "TIP3P" in ion.atom_types[0].source


def test_ions_of_tip3p_are_those_of_ambers_published_file():
    atoms = published("amber14", "tip3p.xml").find("NonbondedForce").findall("Atom")
    theirs = {
        atom.get("type").removeprefix("tip3p_standard-").rstrip("234+-"): lennard_jones(atom)
        for atom in atoms
    }
    for name in ION_SETS["joung-cheatham"].ions:
        assert ion_parameters(name).atom_types[0].values[:2] == pytest.approx(
            theirs[name], rel=1e-9
        )


@pytest.mark.parametrize(
    ("name", "repulsion", "attraction"),
    [
        ("Li", 25.0, 2.60),
        ("Na", 143.7, 3.89),
        ("K", 522.7, 4.35),
        ("Mg", 37.0, 8.32),
        ("Ca", 264.1, 18.82),
    ],
)
def test_aqvists_cations_have_the_published_repulsion_and_attraction(name, repulsion, attraction):
    # The paper prints A and B of A²/r¹² - B²/r⁶ with geometric mixing, in kcal/mol and Å.
    ion = ion_parameters(name, "tip3p", "aqvist")
    epsilon, sigma, _ = ion.atom_types[0].values
    assert ion.styles.mixing == "geometric"
    assert 2 * epsilon**0.5 * sigma**6 == pytest.approx(repulsion, rel=2e-3)
    assert 2 * epsilon**0.5 * sigma**3 == pytest.approx(attraction, rel=2e-3)


@pytest.mark.parametrize(
    ("name", "ion_set", "author"),
    [("Na", None, "Joung"), ("Mg", None, "Li, Roberts"), ("Cl", "aqvist", "Chandrasekhar")],
)
def test_the_charge_of_an_ion_is_from_where_its_size_is(name, ion_set, author):
    ion = ion_parameters(name, "tip3p", ion_set)
    (origin,) = ion.charge_origins
    assert origin.method == "formal charge"
    assert origin.source == ion.atom_types[0].source
    assert origin.source.startswith(author)


def test_aqvists_ions_come_with_a_warning_and_only_by_name():
    heard: list[str] = []
    ion_parameters("Na", "tip3p", say=heard.append)
    assert not heard
    assert "Joung" in ion_parameters("Na", "tip3p").atom_types[0].source
    ion_parameters("Na", "tip3p", "aqvist", say=heard.append)
    assert heard[0].startswith("ion set aqvist: Åqvist's cations were fitted to SPC water")


@pytest.mark.parametrize(
    ("ion_set", "name"),
    [(each.name, ion) for each in ION_SETS.values() for ion in (*each.ions, "SO4")],
)
def test_an_ion_has_the_charge_and_mass_of_the_catalogue_in_every_set(ion_set, name):
    water = ION_SETS[ion_set].water_models[0]
    ion, known = ion_parameters(name, water, ion_set), load_ion(name)
    mass = sum(ion.atom_types[kind].values[2] for kind in ion.atom_type)
    assert ion.charges_e.sum() == pytest.approx(known.charge, abs=1e-12)
    assert mass == pytest.approx(known.mass_g_mol, abs=0.05)
    assert [origin.formal_charge for origin in ion.charge_origins] == [known.charge]
    assert ion.is_aqueous


def test_sulfate_is_symmetric_and_bonded_and_the_same_in_every_water():
    sulfate = ion_parameters("SO4")
    assert sulfate.elements == ("S", "O", "O", "O", "O")
    assert len(set(sulfate.charges_e[1:].tolist())) == 1
    assert [term.types[0] for term in sulfate.atom_types] == ["s6", "o"]
    assert len(sulfate.bonds) == 4
    assert len(sulfate.angles) == 6
    assert not sulfate.is_tethered_paper.any()
    other = ion_parameters("SO4", "tip3p-charmm")
    assert other.atom_types == sulfate.atom_types
    assert other.charge_origins == sulfate.charge_origins


def test_an_ion_that_its_set_lacks_says_which_sets_have_it():
    with pytest.raises(
        ForceFieldError,
        match=r"ion 'I' has no parameters in the ion set 'charmm' of the water model "
        r"'tip3p-charmm', which has Ca, Cl, K, Li, Mg, Na, SO4; 'I' is in 'joung-cheatham' "
        r"\(water tip3p\), 'aqvist' \(water tip3p\): take one of these",
    ):
        ion_parameters("I", "tip3p-charmm")
    with pytest.raises(
        ForceFieldError,
        match=r"'Cs' has no parameters in the ion set 'joung-cheatham' .*; no ion set has it: add",
    ):
        ion_parameters("Cs")


@pytest.mark.parametrize(
    ("water", "ion_set", "message"),
    [
        (
            "tip3p-charmm",
            "joung-cheatham",
            "'joung-cheatham' belongs to the water model tip3p, got 'tip3p-charmm'; take that "
            "water, or with 'tip3p-charmm' the ion set charmm",
        ),
        ("tip3p", "charmm", "with 'tip3p' the ion set joung-cheatham or aqvist"),
        ("tip3p-charmm", "aqvist", "belongs to the water model tip3p, got 'tip3p-charmm'"),
    ],
)
def test_an_ion_set_of_another_water_is_refused_with_what_would_fit(water, ion_set, message):
    for ion in ("Na", "SO4"):
        with pytest.raises(ForceFieldError, match=re.escape(message)):
            ion_parameters(ion, water, ion_set)


def test_an_unknown_water_or_ion_set_lists_the_known_ones():
    with pytest.raises(UnknownNameError, match="unknown water model 'spce'"):
        water_parameters("spce")
    with pytest.raises(UnknownNameError, match="unknown water model 'tip4p'"):
        ion_parameters("Na", "tip4p")
    with pytest.raises(
        UnknownNameError, match=r"unknown ion set 'amber'.* Known: aqvist, charmm, joung-cheatham"
    ):
        ion_parameters("Na", "tip3p", "amber")
