from dataclasses import replace

import pytest

from iemhpc.polymer.catalog import System, load_ion, load_membrane, load_salt, load_system
from iemhpc.polymer.materials import Salt
from iemhpc.system.composition import compose
from iemhpc.system.uptake import box_charge_molar, donnan_salt_molar, fixed_charge_note
from iemhpc.theory.donnan import donnan_manning, ion_pair
from iemhpc.theory.labels import theory_label
from iemhpc.theory.pitzer import mean_activity_coefficient, molality_from_molar

CR61 = System(load_membrane("CR61"), load_salt("NaCl"))


@pytest.mark.parametrize("salt_molar", [0.01, 0.3, 1.0])
@pytest.mark.parametrize("water_per_site", [12.0, 20.95])
def test_a_box_is_in_equilibrium_with_its_own_fixed_charge(
    salt_molar: float, water_per_site: float
) -> None:
    inside = donnan_salt_molar(CR61, salt_molar, water_per_site=water_per_site)
    theory = donnan_manning(
        ion_pair(CR61),
        salt_molar,
        c_fix_molar=55.34 / water_per_site,
        xi=1.83,
        bulk_gamma=mean_activity_coefficient("NaCl", molality_from_molar(salt_molar)),
    )
    assert inside == theory.mobile_salt_molar
    assert 0 < inside < salt_molar


def test_a_box_has_the_charge_that_its_counts_say() -> None:
    box = compose(CR61, salt_molar=1.0, salt_inside="donnan", box_A=30.0)
    litres_of_water = box.n_waters / 55.34
    assert box_charge_molar(box.water_per_site) == pytest.approx(box.n_sites / litres_of_water)
    assert box.n_coions == round(box.inside_salt_molar * litres_of_water)


@pytest.mark.parametrize("system", ["Nafion/NaCl", "PSbNMP-RCE/KI"])
def test_where_no_charge_is_published_theory_and_box_agree(system: str) -> None:
    found = load_system(system)
    inside = donnan_salt_molar(found, 0.3, water_per_site=found.membrane.water_per_site)
    assert inside == pytest.approx(theory_label(found, 0.3)["mobile_salt_molar"], rel=1e-12)


def test_a_published_charge_that_is_not_the_boxs_is_told() -> None:
    note = fixed_charge_note(CR61, water_per_site=21.0, salt_inside="donnan")
    assert note is not None
    assert "own fixed charge, 2.64 mol/L of sorbed water (21 waters a site); published is" in note
    for system, water, inside in (
        (CR61, 21.0, "external"),
        (CR61, 17.2, "donnan"),
        (load_system("Nafion/NaCl"), 14.0, "donnan"),
    ):
        assert fixed_charge_note(system, water_per_site=water, salt_inside=inside) is None


def test_without_salt_outside_there_is_none_inside() -> None:
    assert donnan_salt_molar(CR61, 0.0, water_per_site=21.0) == 0.0


def test_less_water_means_a_denser_charge_and_less_salt() -> None:
    dry, wet = (donnan_salt_molar(CR61, 1.0, water_per_site=water) for water in (8.0, 40.0))
    assert dry is not None
    assert wet is not None
    assert dry < wet


def test_a_salt_without_parameters_gives_none() -> None:
    salt = Salt("RbCl", replace(load_ion("Na"), name="Rb"), load_ion("Cl"), 1, 1)
    system = System(CR61.membrane, salt)
    assert donnan_salt_molar(system, 1.0, water_per_site=21.0) is None
