"""What all force fields share: charges that are scaled."""

from dataclasses import replace

import numpy as np
import pytest

from iemhpc.errors import ForceFieldError, InputError
from iemhpc.forcefield.aqueous import ion_parameters, water_parameters
from iemhpc.forcefield.parameters import scaled


def test_an_ion_is_scaled_and_remembers_it():
    magnesium = scaled(ion_parameters("Mg"), 0.75)
    assert magnesium.charges_e.tolist() == [1.5]
    assert [(o.formal_charge, o.scale) for o in magnesium.charge_origins] == [(2, 0.75)]
    sulfate = scaled(ion_parameters("SO4"), 0.75)
    assert sulfate.charges_e.sum() == pytest.approx(-1.5, abs=1e-12)


def test_water_and_other_neutral_residues_keep_their_charges():
    water = water_parameters()
    assert np.array_equal(scaled(water, 0.75).charges_e, water.charges_e)
    assert scaled(water, 0.75).charge_origins == water.charge_origins


def test_a_factor_of_one_changes_nothing():
    sodium = ion_parameters("Na")
    assert scaled(sodium, 1.0) is sodium


@pytest.mark.parametrize("factor", [0.0, -0.5, 1.2, float("nan")])
def test_a_factor_that_is_none_is_refused(factor):
    with pytest.raises(InputError, match=r"charge_scale is .*; wanted a number above 0, up to 1"):
        scaled(ion_parameters("Na"), factor)


def test_charges_of_unknown_origin_are_not_scaled():
    sodium = replace(ion_parameters("Na"), charge_origins=())
    with pytest.raises(ForceFieldError, match="formal charge of Na is not known"):
        scaled(sodium, 0.75)
