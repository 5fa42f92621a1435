import re

import pytest

from iemhpc.errors import ChemistryError, CompositionError, InputError
from iemhpc.polymer.capacity import ion_exchange_capacity_meq_g
from iemhpc.polymer.catalog import Ion, System, as_membrane, load_salt, load_system, systems
from iemhpc.polymer.own import own_membrane
from iemhpc.system.choosing import wet_volume_A3
from iemhpc.system.composition import compose
from iemhpc.system.uptake import donnan_salt_molar
from iemhpc.system.volume import ION_VOLUME_CM3_MOL, atoms_volume_A3, ion_volume_A3

CR61 = "CR61/NaCl"


@pytest.mark.parametrize("system", systems(), ids=lambda system: system.name)
@pytest.mark.parametrize("box_A", [24.0, 40.0])
def test_every_system_makes_a_neutral_box_near_the_wanted_edge(
    system: System, box_A: float
) -> None:
    for salt_molar in (0.01, 0.3, 1.0):
        box = compose(system, salt_molar=salt_molar, box_A=box_A)
        charge = (
            box.n_sites * system.membrane.site_charge
            + box.n_counterions * system.counterion.charge
            + box.n_coions * system.coion.charge
        )
        assert charge == box.net_charge == 0
        assert box.box_A == pytest.approx(box_A, rel=0.08)
        assert box.water_per_site == pytest.approx(system.membrane.water_per_site, abs=0.5)


def test_realised_concentration_is_pairs_over_sorbed_water() -> None:
    box = compose(load_system("CR61/MgCl2"), salt_molar=1.0, box_A=30.0)
    n_pairs = box.n_coions / 2  # two chlorides a formula unit
    assert box.n_counterions == box.n_sites / 2 + n_pairs
    assert box.realised_salt_molar == pytest.approx(55.34 * n_pairs / box.n_waters)
    assert box.realised_salt_molar == pytest.approx(1.0, rel=0.1)


@pytest.mark.parametrize("name", [CR61, "CR61/MgCl2", "Nafion/Na2SO4", "PSbNMP-BCE/KI"])
@pytest.mark.parametrize("salt_molar", [0.0, 0.01, 0.1, 0.3, 1.0, 2.77])
def test_interval_holds_exactly_the_concentrations_of_the_same_box(
    name: str, salt_molar: float
) -> None:
    system = load_system(name)
    box = compose(system, salt_molar=salt_molar, box_A=26.0)
    low, high = box.salt_molar_low, box.salt_molar_high
    assert low <= salt_molar < high

    def counts(molar: float) -> tuple[int, int, int]:
        other = compose(system, salt_molar=molar, box_A=26.0)
        return other.n_counterions, other.n_coions, other.n_waters

    wanted = (box.n_counterions, box.n_coions, box.n_waters)
    for inside in (low, low + 0.37 * (high - low), high * (1 - 1e-15)):
        assert counts(inside) == wanted
    assert counts(high) != wanted
    if low > 0:
        assert counts(low * (1 - 1e-15)) != wanted


def test_odd_sites_cannot_be_balanced_by_a_divalent_ion() -> None:
    with pytest.raises(CompositionError) as caught:
        compose(load_system("Nafion/MgCl2"), salt_molar=0.1, n_chains=1, units_per_chain=8)
    assert str(caught.value) == (
        "Nafion: 1 tethered charges of -1 cannot be balanced by Mg (+2); use an even number of "
        "sites"
    )


def test_a_wanted_box_takes_an_even_number_of_sites_for_a_divalent_ion() -> None:
    for edge in (20.0, 23.0, 24.0, 25.0, 27.0, 31.0):
        assert compose(load_system("CR61/CaCl2"), salt_molar=0.1, box_A=edge).n_sites % 2 == 0


def test_counts_of_chains_may_be_given() -> None:
    box = compose(load_system("PVAS/NaCl"), salt_molar=0.5, n_chains=3, units_per_chain=8)
    assert (box.n_chains, box.units_per_chain) == (3, 8)
    assert box.n_waters == round(113 * box.n_sites)


def test_length_of_chain_may_be_given_with_a_box() -> None:
    box = compose(load_system(CR61), salt_molar=0.5, box_A=30.0, units_per_chain=12)
    assert box.units_per_chain == 12
    assert box.box_A == pytest.approx(30.0, rel=0.1)


def test_default_box_has_forty_angstrom_and_about_six_thousand_atoms() -> None:
    box = compose(load_system(CR61), salt_molar=0.3)
    assert box.box_A == pytest.approx(40.0, rel=0.03)
    assert 3 * box.n_waters > 2500


def test_ion_exchange_capacities_are_those_of_the_materials() -> None:
    nafion = compose(load_system("Nafion/NaCl"), salt_molar=0.1)
    assert nafion.iec_meq_g == pytest.approx(0.91, rel=0.03)  # equivalent weight 1100
    assert nafion.density_g_cm3 == pytest.approx(1.7, rel=0.1)


@pytest.mark.parametrize("salt", ["NaCl", "MgCl2", "Na2SO4"])
def test_the_nafion_of_a_box_has_its_true_equivalent_weight(salt: str) -> None:
    system = load_system(f"Nafion/{salt}")
    box = compose(system, salt_molar=0.1)
    charge = abs(system.counterion.charge)
    acid_g_mol = 1000 / box.iec_meq_g - system.counterion.mass_g_mol / charge + 1.008
    assert acid_g_mol == pytest.approx(1100, rel=0.03)


def test_rounding_is_told_past_a_quarter() -> None:
    small = compose(load_system(CR61), salt_molar=0.03, box_A=24.0)
    assert small.n_coions == 0
    assert small.rounding_note is not None
    assert "0.03 mol/L rounds to no salt at all in this box (no co-ion" in small.rounding_note
    assert f"below {small.salt_molar_high:.3g} give the same box" in small.rounding_note
    wanted = 1.02 * small.salt_molar_high  # one pair is twice that
    coarse = compose(load_system(CR61), salt_molar=wanted, box_A=24.0)
    assert coarse.rounding_note is not None
    assert re.search(r"wanted concentrations from [\d.]+ to [\d.]+ give", coarse.rounding_note)
    assert compose(load_system(CR61), salt_molar=1.0, box_A=40.0).rounding_note is None


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"salt_molar": -0.1}, "salt_molar = -0.1: wanted mol/L of salt between 0 and 10"),
        ({"salt_molar": float("nan")}, "salt_molar = nan"),
        ({"salt_molar": 1, "water_per_site": 0}, "water_per_site = 0: wanted water molecules"),
        ({"salt_molar": 1, "box_A": 30.0, "n_chains": 2}, "one follows from the other"),
        ({"salt_molar": 1, "n_chains": 0}, "n_chains = 0: wanted 1 or more"),
        ({"salt_molar": 1, "min_pairs": -1}, "min_pairs = -1: wanted 0 or more ion pairs"),
        ({"salt_molar": 1, "salt_inside": "donan"}, "unknown way to fill the sorbed water 'donan'"),
        ({"salt_molar": 1, "n_chains": 1, "units_per_chain": 0}, "units_per_chain = 0"),
    ],
)
def test_numbers_out_of_range_are_named(arguments: dict[str, float], message: str) -> None:
    with pytest.raises(InputError, match=re.escape(message)):
        compose(load_system(CR61), **arguments)  # type: ignore[arg-type]


@pytest.mark.parametrize("box_A", [19.9, 100.1])
def test_boxes_too_small_or_too_large_are_refused(box_A: float) -> None:
    with pytest.raises(CompositionError, match="wanted an edge from 20 to 100 Å"):
        compose(load_system(CR61), salt_molar=0.1, box_A=box_A)


def test_chains_without_a_site_are_refused() -> None:
    with pytest.raises(CompositionError, match=r"hold no tethered charge .* use longer chains"):
        compose(load_system("Nafion/NaCl"), salt_molar=0.1, n_chains=4, units_per_chain=2)


def test_divalent_ion_with_one_short_chain_says_what_to_do() -> None:
    with pytest.raises(CompositionError, match="use an even number of sites"):
        compose(load_system("Nafion/MgCl2"), salt_molar=0.1, n_chains=3, units_per_chain=8)


def test_an_element_without_volume_is_named() -> None:
    with pytest.raises(ChemistryError, match="element Au: no volume to guess a box from"):
        atoms_volume_A3("[Au]")


def test_capacity_and_uptake_are_of_the_dry_polymer_in_the_form_of_its_counter_ion() -> None:
    for name in (CR61, "CR61/MgCl2", "Nafion/NaCl", "AR103/NaCl"):
        system = load_system(name)
        box = compose(system, salt_molar=1.0)
        wanted = ion_exchange_capacity_meq_g(system.membrane.polymer, system.counterion)
        assert box.iec_meq_g == pytest.approx(wanted, rel=0.05)  # the chains' own rounding
        # water per site over mass per site
        g_g = box.water_per_site * 18.015 * box.iec_meq_g / 1000
        assert box.water_uptake_g_g == pytest.approx(g_g, rel=1e-4)


@pytest.mark.parametrize("name", [CR61, "CR61/MgCl2", "AR103/NaCl"])
def test_donnan_fills_the_water_with_what_theory_leaves(name: str) -> None:
    system = load_system(name)
    outside = compose(system, salt_molar=1.0)
    inside = compose(system, salt_molar=1.0, salt_inside="donnan")
    theory = donnan_salt_molar(system, 1.0, water_per_site=inside.water_per_site)
    assert inside.inside_salt_molar == theory
    assert theory is not None
    assert theory < 0.7 < outside.realised_salt_molar
    assert abs(inside.realised_salt_molar - theory) < 55.34 / inside.n_waters
    assert (inside.salt_molar, inside.net_charge, inside.salt_inside) == (1.0, 0, "donnan")


def test_the_interval_of_a_donnan_box_is_of_the_outer_solution() -> None:
    system = load_system(CR61)
    box = compose(system, salt_molar=0.6, salt_inside="donnan")
    low, high = box.salt_molar_low, box.salt_molar_high
    assert low <= 0.6 < high
    for molar, is_same in ((1.001 * low, True), (0.999 * high, True), (1.001 * high, False)):
        other = compose(system, salt_molar=molar, salt_inside="donnan")
        assert (other.n_coions == box.n_coions) is is_same
    note = compose(system, salt_molar=0.03, salt_inside="donnan").rounding_note
    assert note is not None
    assert re.search(r"0\.03 mol/L outside, [\d.]+ inside by Donnan-Manning, rounds to no s", note)


def test_donnan_where_theory_has_no_range_is_refused() -> None:
    with pytest.raises(CompositionError, match="at 9 mol/L: Donnan-Manning cannot say how much"):
        compose(load_system(CR61), salt_molar=9.0, salt_inside="donnan")


@pytest.mark.parametrize("name", [CR61, "Nafion/MgCl2", "PVAS/NaCl"])
@pytest.mark.parametrize("salt_inside", ["external", "donnan"])
def test_a_box_grows_until_it_holds_the_wanted_pairs(name: str, salt_inside: str) -> None:
    system = load_system(name)
    wanted = {"salt_molar": 0.3, "salt_inside": salt_inside, "box_A": 24.0}
    small = compose(system, **wanted)  # type: ignore[arg-type]
    large = compose(system, **wanted, min_pairs=5)  # type: ignore[arg-type]
    assert small.n_pairs < 5 <= large.n_pairs <= 7
    assert large.n_coions == large.n_pairs * (large.n_coions // large.n_pairs)
    assert small.box_A < large.box_A < 100


def test_a_box_that_holds_enough_stays_as_it_is() -> None:
    system = load_system(CR61)
    assert compose(system, salt_molar=1.0, min_pairs=5) == compose(system, salt_molar=1.0)
    assert compose(system, salt_molar=0.0, min_pairs=5) == compose(system, salt_molar=0.0)


def test_pairs_that_no_box_holds_are_refused_with_the_numbers() -> None:
    message = (
        r"CR61/NaCl: a box of 100 Å with \d+ waters holds [34] ion pairs at 0.01 mol/L in its "
        r"sorbed water, wanted 20 \(about 1\d\d Å\); ask for fewer pairs or a higher"
    )
    with pytest.raises(CompositionError, match=message):
        compose(load_system(CR61), salt_molar=0.01, min_pairs=20)
    with pytest.raises(
        CompositionError, match=r"2 chains hold 0 ion pairs at 0\.01 mol/L, wanted 3"
    ):
        compose(load_system(CR61), salt_molar=0.01, n_chains=2, min_pairs=3)


def membrane_of(fraction: float) -> System:
    settings = own_membrane(
        [f"[*]CC([*])c1ccc(cc1)S(=O)(=O)[O-]:{1 - fraction}"],
        crosslinker=f"[*]CC([*])c1ccc(cc1)C([*])C[*]:{fraction}",
        name="mine",
        salts=["NaCl"],
        water_per_site=20.0,
    )
    return System(as_membrane(settings), load_salt("NaCl"))


def test_networks_and_chains_say_which_they_are() -> None:
    network, chains = (
        compose(load_system(CR61), salt_molar=1),
        compose(load_system("PVAS/NaCl"), salt_molar=1),
    )
    assert (network.topology, chains.topology, chains.n_crosslinks) == ("network", "linear", 0)
    n_units = network.n_chains * network.units_per_chain
    assert network.n_crosslinks == n_units - network.n_sites


def test_a_cross_linker_fraction_that_makes_no_network_is_refused() -> None:
    with pytest.raises(CompositionError, match=r"mine: a cross-linker fraction that makes no netw"):
        compose(membrane_of(0.001), salt_molar=1.0)
    with pytest.raises(CompositionError, match="makes no network: 0 cross-linkers on 8 chains"):
        compose(membrane_of(0.02), salt_molar=1.0, n_chains=8, units_per_chain=10)


def test_a_sparing_cross_linker_takes_longer_chains() -> None:
    box = compose(membrane_of(0.015), salt_molar=1.0)
    assert box.units_per_chain > 26
    assert box.n_crosslinks >= box.n_chains


def test_the_volume_of_ions_gives_the_densities_of_salt_solutions() -> None:
    # 1 mol/kg at 25 °C, measured: NaCl 1.0362, KCl 1.0437 g/cm³
    for name, mass_g_mol, density in (("NaCl", 58.44, 1.0362), ("KCl", 74.55, 1.0437)):
        salt = load_salt(name)
        n_waters = 1000 / 18.01528
        volume_A3 = wet_volume_A3(n_waters, ((salt.cation, 1.0), (salt.anion, 1.0)))
        estimate = (1000 + mass_g_mol) * 1.66054 / volume_A3
        assert estimate == pytest.approx(density, abs=0.003)


def test_the_volumes_of_ions_are_those_of_a_second_compilation() -> None:
    # cm³/mol, H+ taken as 0: Shock and Helgeson, Geochim. Cosmochim. Acta 52, 2009 (1988)
    other = {
        "Li": -0.87,
        "Na": -1.11,
        "K": 9.06,
        "Mg": -21.55,
        "Ca": -18.06,
        "Cl": 17.79,
        "I": 36.31,
        "SO4": 13.88,
    }
    assert other == pytest.approx(ION_VOLUME_CM3_MOL, abs=0.4)


def test_an_ion_without_a_measured_volume_takes_that_of_its_atoms() -> None:
    bromide = Ion("Br", "[Br-]", -1, 79.9)
    assert ion_volume_A3(bromide) == atoms_volume_A3("[Br-]") == 32.7
