"""The catalogue against what is known without it: salts, systems, capacities."""

import pickle

import pytest

from iemhpc.errors import ChemistryError, InputError, MissingInputError, UnknownNameError
from iemhpc.polymer.capacity import (
    PROTON_G_MOL,
    charge_spacing_A,
    equivalent_weight_g_mol,
    ion_exchange_capacity_meq_g,
)
from iemhpc.polymer.catalog import (
    Polymer,
    Salt,
    ion_names,
    load_ion,
    load_membrane,
    load_salt,
    load_system,
    membrane_names,
    salt_names,
    systems,
)
from iemhpc.polymer.repeat_unit import RepeatUnit
from iemhpc.settings.membrane import read_membrane_settings

MEMBRANE_TOML = """
name = "mine"
salts = ["NaCl"]
water_per_site = 10
{more}
[[units]]
name = "acrylate"
smiles = "[*]CC([*])C(=O)[O-]"
fraction = 0.4
[[units]]
name = "methyl acrylate"
smiles = "[*]CC([*])C(=O)OC"
fraction = 0.6
"""

WATER_PER_SITE = {
    "PSbNMP-BCE": 6,
    "PSbNMP-RCE": 6,
    "PVAS": 113,
    "AR103": 16,
    "AR204": 22,
    "CR61": 21,
    "Nafion": 14,
    "CEM1": 34,
    "CEM2": 34,
    "CEM3": 33,
    "XLAPn4-9p": 53,
    "XLAPn4-45p": 24,
}


def test_eighteen_systems_are_catalogued():
    assert {system.name for system in systems()} == {
        "PSbNMP-RCE/KI",
        "PSbNMP-BCE/KI",
        "PVAS/NaCl",
        "AR103/NaCl",
        "AR204/NaCl",
        *(f"CR61/{salt}" for salt in ("LiCl", "NaCl", "KCl", "MgCl2", "CaCl2")),
        *(f"Nafion/{salt}" for salt in ("NaCl", "MgCl2", "Na2SO4")),
        *(f"CEM{i}/NaCl" for i in (1, 2, 3)),
        "XLAPn4-9p/NaCl",
        "XLAPn4-45p/NaCl",
    }


def test_water_contents_are_the_published_ones():
    assert {n: load_membrane(n).water_per_site for n in membrane_names()} == WATER_PER_SITE


@pytest.mark.parametrize("name", membrane_names())
def test_every_figure_has_a_source_or_is_assumed(name):
    membrane = load_membrane(name)
    known = {*membrane.sources, *membrane.assumed}
    wanted = {"water_per_site", "units.fraction", "salts"}
    wanted |= {"c_fix_molar"} if membrane.c_fix_molar else set()
    wanted |= {"xi"} if membrane.xi else set()
    assert wanted <= known
    assert set(membrane.assumed) <= set(membrane.doubts), "an assumption says why it is one"


@pytest.mark.parametrize("name", ["CR61", "cr61", "Cr61"])
def test_membranes_are_found_in_any_case(name):
    assert load_membrane(name).name == "CR61"


def test_unknown_membrane_lists_the_known_ones():
    with pytest.raises(UnknownNameError) as error:
        load_membrane("Naffion")
    assert "unknown membrane 'Naffion'; did you mean 'Nafion'?" in str(error.value)
    assert all(name in str(error.value) for name in membrane_names())


def test_unknown_salt_ion_and_system_list_the_known_ones():
    with pytest.raises(UnknownNameError, match=r"unknown salt 'NaF'.*Na2SO4"):
        load_salt("NaF")
    with pytest.raises(UnknownNameError, match=r"unknown ion 'Zn'.*Ca, Cl, I, K, Li, Mg, Na, SO4"):
        load_ion("Zn")
    with pytest.raises(UnknownNameError, match=r"unknown system 'CR61'.*CR61/NaCl"):
        load_system("CR61")


def test_salts_are_neutral_and_weigh_what_tables_say():
    masses = {
        "KI": 166.00,
        "NaCl": 58.44,
        "LiCl": 42.39,
        "KCl": 74.55,
        "CaCl2": 110.98,
        "MgCl2": 95.21,
        "Na2SO4": 142.04,
    }
    assert set(salt_names()) == set(masses)
    for name, mass in masses.items():
        assert load_salt(name).mass_g_mol == pytest.approx(mass, abs=0.02)
        assert load_salt(name).nu == (2 if name in ("KI", "NaCl", "LiCl", "KCl") else 3)


def test_charges_of_ions_are_those_of_the_elements():
    charges = {"Li": 1, "Na": 1, "K": 1, "Mg": 2, "Ca": 2, "Cl": -1, "I": -1, "SO4": -2}
    assert {name: load_ion(name).charge for name in ion_names()} == charges


def test_salt_with_a_net_charge_is_refused():
    with pytest.raises(ChemistryError, match=r"salt 'MgCl'.*net charge of \+1; wanted 0"):
        Salt("MgCl", load_ion("Mg"), load_ion("Cl"), 1, 1)


def test_counterion_is_opposite_to_the_sites():
    for system in systems():
        assert system.counterion.charge * system.membrane.site_charge < 0
        assert system.coion.charge * system.membrane.site_charge > 0


def test_systems_can_be_pickled_and_hashed():
    for system in systems():
        assert pickle.loads(pickle.dumps(system)) == system
    assert len(set(systems())) == 18


def test_nafion_has_the_equivalent_weight_1100():
    polymer = load_membrane("Nafion").polymer
    acid = equivalent_weight_g_mol(polymer) + PROTON_G_MOL
    assert acid == pytest.approx(1100, abs=2)
    assert 1000 / acid == pytest.approx(0.91, abs=0.002)


@pytest.mark.parametrize(
    ("system", "mass_per_charge"),
    [
        # counted by hand: (sum of fraction x unit mass) / charged fraction + counter-ion
        ("CR61/NaCl", (0.64 * 183.20 + 0.36 * 130.19) / 0.64 + 22.99),
        ("CR61/MgCl2", (0.64 * 183.20 + 0.36 * 130.19) / 0.64 + 24.305 / 2),
        ("Nafion/NaCl", 443.11 + 0.8677 / 0.1323 * 100.015 + 22.99),
        ("PVAS/NaCl", 123.10 + 44.05 + 22.99),
        ("PSbNMP-BCE/KI", 120.17 + 105.14 + 2 * 104.15 + 126.90),
        ("AR103/NaCl", 176.28 + 130.19 + 35.45),
        ("AR204/NaCl", 172.25 + 198.22 + 35.45),
        ("CEM1/NaCl", 206.24 + 242.27 * 2 / 3 + 22.99),
        ("XLAPn4-9p/NaCl", 206.24 + 302.32 * 0.91 / 0.09 + 22.99),
    ],
)
def test_ion_exchange_capacity_follows_from_masses(system, mass_per_charge):
    known = load_system(system)
    capacity = ion_exchange_capacity_meq_g(known.membrane.polymer, known.counterion)
    assert capacity == pytest.approx(1000 / mass_per_charge, rel=2e-4)


def test_contour_between_charges_counts_the_backbone_only():
    assert charge_spacing_A(load_membrane("Nafion").polymer) == pytest.approx(2.5 / 0.1323)
    assert charge_spacing_A(load_membrane("CR61").polymer) == pytest.approx(7.135 / 1.83, rel=2e-3)
    # the neutral styrene block of the block copolymer separates no charges
    assert charge_spacing_A(load_membrane("PSbNMP-RCE").polymer) == pytest.approx(10.0)
    assert charge_spacing_A(load_membrane("PSbNMP-BCE").polymer) == pytest.approx(5.0)


def test_hash_of_a_polymer_changes_with_what_it_is():
    polymer = load_membrane("PVAS").polymer
    same = Polymer("another name", polymer.units, polymer.fractions)
    other = Polymer("PVAS", polymer.units, (0.4, 0.6))
    assert same.hash == polymer.hash != other.hash


def test_user_s_own_membrane_is_read_by_path(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text(MEMBRANE_TOML.format(more=""))
    for given in (path, str(path)):
        membrane = load_membrane(given)
        assert (membrane.name, membrane.site_charge, membrane.xi) == ("mine", -1, None)
        assert membrane.polymer.sites_per_unit == pytest.approx(0.4)


def test_path_that_is_not_there_is_said(tmp_path):
    with pytest.raises(MissingInputError, match=r"gone\.toml is not a file; wanted a membrane's"):
        load_membrane(tmp_path / "gone.toml")


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('"NaCl"', '"NaF"', "unknown salt 'NaF'"),
        ("[*]CC([*])C(=O)[O-]", "[*]CC([*])C(=O)O", "has no tethered charge"),
        ("[*]CC([*])C(=O)OC", "[*]CC([*])C[N+](C)(C)C", "units of both signs"),
        ("[*]CC([*])C(=O)OC", "[*]CC([*])C([*])C[*]", "has 4 attachment points; the cross-linker"),
        ("[*]CC([*])C(=O)OC", "[*]CC([*])C[*]", "unit 'methyl acrylate'.* has 3 attachment points"),
        ("[*]CC([*])C(=O)OC", "CC([*])C", "unit 'methyl acrylate'.* has 1 attachment points"),
        ("[*]CC([*])C(=O)[O-]", "[*]CC([*])[O-]", "no known group holds its charge of -1; known"),
        (
            "[*]CC([*])C(=O)[O-]",
            "[*]CC([*])(C(=O)[O-])CC[N+](C)(C)CCS(=O)(=O)[O-]",
            r"has 3 tethered sites \(atoms 3, 4, 7, 13, 14, 15 .* and a charge of -1; wanted one",
        ),
        ("fraction = 0.4", "fraction = 0.4\ntethered_atoms = [0, 4]", "has 2 tethered sites"),
        ("fraction = 0.4", 'fraction = 0.4\ntethered_smarts = "N"', "no atom of .* is matched by"),
        ("fraction = 0.6", "fraction = 0.6\ntethered_atoms = [1]", r"has 1 tethered site \(atoms"),
        ("[*]CC([*])C(=O)OC", "[*]CC(", "repeat unit 'methyl acrylate'"),
        ("[*]CC([*])C(=O)OC", "[*]CC([*])[At]", "has At, which has no atom feature"),
    ],
)
def test_impossible_membrane_is_refused(tmp_path, old, new, message):
    path = tmp_path / "mine.toml"
    path.write_text(MEMBRANE_TOML.format(more="").replace(old, new))
    with pytest.raises(InputError, match=message):
        load_membrane(path)


def test_all_units_that_cannot_be_are_told_at_once(tmp_path):
    path = tmp_path / "mine.toml"
    text = MEMBRANE_TOML.format(more="").replace("[*]CC([*])C(=O)[O-]", "[*]CC([*])[O-]")
    path.write_text(text.replace("[*]CC([*])C(=O)OC", "[*]CC([*])C([*])C[*]"))
    with pytest.raises(ChemistryError) as error:
        load_membrane(path)
    for said in ("no known group holds", "'methyl acrylate' has 4 attachment points"):
        assert said in str(error.value)
    path.write_text(text.replace("[*]CC([*])[O-]", "[*]CO").replace("C(=O)OC", "C[*]"))
    with pytest.raises(ChemistryError) as error:
        load_membrane(path)
    for said in ("has 1 attachment points", "has 3 attachment points"):
        assert said in str(error.value)


def test_given_tethered_atoms_make_another_polymer(tmp_path):
    path = tmp_path / "mine.toml"
    hashes = []
    for given in (
        "",
        "tethered_atoms = [3, 4]",
        'tethered_smarts = "[O;X1]"',
        "tethered_atoms=[2]",
    ):
        path.write_text(MEMBRANE_TOML.format(more="").replace("= 0.4", f"= 0.4\n{given}"))
        hashes.append(load_membrane(path).polymer.hash)
    assert hashes[0] == hashes[1] == hashes[2] != hashes[3]


def test_water_uptake_is_of_the_dry_polymer_in_the_form_of_the_counter_ion(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text(
        MEMBRANE_TOML.format(more="").replace("water_per_site = 10", "water_uptake = 1")
    )
    membrane = load_membrane(path)
    # acrylate 71.05, methyl acrylate 86.09 g/mol, Na 22.99: counted by hand
    dry_g_mol = 71.05 + 86.09 * 0.6 / 0.4 + 22.99
    assert membrane.water_per_site == pytest.approx(dry_g_mol / 18.015, rel=1e-3)


def test_polymer_checks_its_fractions():
    unit = RepeatUnit("acrylate", "[*]CC([*])C(=O)[O-]")
    with pytest.raises(InputError, match="1 units and 2 fractions; wanted one fraction for each"):
        Polymer("p", (unit,), (0.5, 0.5))
    with pytest.raises(InputError, match=r"sum to 0\.5; wanted positive numbers that sum to 1"):
        Polymer("p", (unit,), (0.5,))


def test_file_names_are_the_names_inside():
    for name in membrane_names():
        assert load_membrane(name).name == name


def test_unit_fractions_are_made_to_sum_to_one_exactly(tmp_path):
    path = tmp_path / "mine.toml"
    text = MEMBRANE_TOML.format(more="").replace("0.4", "0.333").replace("0.6", "0.666")
    path.write_text(text)
    assert sum(read_membrane_settings(path).units[i].fraction for i in (0, 1)) != 1
    assert sum(load_membrane(path).polymer.fractions) == pytest.approx(1, abs=1e-15)
