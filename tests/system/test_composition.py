import re

import pytest

from iemhpc.errors import ChemistryError, CompositionError, InputError
from iemhpc.polymer.catalog import System, load_system, systems
from iemhpc.system.composition import compose
from iemhpc.system.volume import atoms_volume_A3

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
