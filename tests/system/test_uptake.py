from dataclasses import replace

import pytest

from iemhpc.polymer.catalog import System, load_ion, load_membrane, load_salt
from iemhpc.polymer.materials import Salt
from iemhpc.system.uptake import donnan_salt_molar
from iemhpc.theory.labels import theory_label

CR61 = System(load_membrane("CR61"), load_salt("NaCl"))


@pytest.mark.parametrize("salt_molar", [0.01, 0.3, 1.0])
def test_the_salt_inside_is_that_of_the_theory_labels(salt_molar: float) -> None:
    inside = donnan_salt_molar(CR61, salt_molar, water_per_site=20.95)
    assert inside == theory_label(CR61, salt_molar)["mobile_salt_molar"]
    assert inside is not None
    assert 0 < inside < salt_molar


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
