"""Donnan-Manning against published readings, limits, and its own equations."""

import math

import pytest

from iemhpc.errors import InputError
from iemhpc.polymer.catalog import load_system, systems
from iemhpc.theory.donnan import IonPair, donnan_manning, ion_pair, manning_coefficients

ONE_ONE = IonPair(nu_ct=1, z_ct=1, nu_co=1, z_co=1)
DIVALENT_COUNTERION = IonPair(nu_ct=1, z_ct=2, nu_co=2, z_co=1)
DIVALENT_COION = IonPair(nu_ct=2, z_ct=1, nu_co=1, z_co=2)
PAIRS = [ONE_ONE, DIVALENT_COUNTERION, DIVALENT_COION]


@pytest.mark.parametrize(
    ("ions", "mobile", "c_fix", "xi", "quantity", "value", "published"),
    [
        (ONE_ONE, 3e-4, 3.21, 1.83, "product", 0.2011, 0.20),
        (ONE_ONE, 0.4, 3.21, 1.83, "product", 0.3003, 0.29),
        (DIVALENT_COUNTERION, 0.035, 3.21, 1.83, "product", 0.1478, 0.15),
        (ONE_ONE, 7e-4, 2.66, 1.00, "gamma_pm", 0.6067, 0.590),
    ],
    ids=["CR61 dilute", "CR61 concentrated", "CR61 2:1", "CA267"],
)
def test_published_membranes_are_reproduced(ions, mobile, c_fix, xi, quantity, value, published):
    coefficients = manning_coefficients(ions, mobile, c_fix_molar=c_fix, xi=xi)
    assert getattr(coefficients, quantity) == pytest.approx(value, rel=1e-3)
    assert getattr(coefficients, quantity) == pytest.approx(published, rel=0.04)


@pytest.mark.parametrize(
    ("salt", "product", "mean"), [("NaCl", 0.300, 0.548), ("KCl", 0.290, 0.539)]
)
def test_cr61_in_one_molar_salt_is_reproduced(salt, product, mean):
    from iemhpc.theory.labels import theory_label

    row = theory_label(load_system(f"CR61/{salt}"), 1.0)
    assert row["label"] == pytest.approx(product, abs=6e-4)
    assert row["gamma_pm"] == pytest.approx(mean, abs=6e-4)


@pytest.mark.parametrize("ions", PAIRS)
@pytest.mark.parametrize("mobile", [0.0, 1e-3, 0.5])
def test_branches_meet_where_condensation_begins(ions, mobile):
    xi = 1 / ions.z_ct
    below = manning_coefficients(ions, mobile, c_fix_molar=2.0, xi=xi)
    above = manning_coefficients(ions, mobile, c_fix_molar=2.0, xi=xi * (1 + 1e-9))
    assert above.gamma_ct == pytest.approx(below.gamma_ct, rel=1e-8)
    assert above.gamma_co == pytest.approx(below.gamma_co, rel=1e-8)


def test_salt_free_limit_is_manning_s():
    # Manning 1969, eqs. for X -> infinity: gamma_ct = exp(-1/2) / xi above xi = 1.
    coefficients = manning_coefficients(ONE_ONE, 0.0, c_fix_molar=1.0, xi=2.0)
    assert coefficients.gamma_ct == pytest.approx(math.exp(-0.5) / 2)
    assert coefficients.gamma_co == pytest.approx(math.exp(-0.5))


@pytest.mark.parametrize("ions", PAIRS)
@pytest.mark.parametrize("xi", [0.3, 3.0])
def test_much_salt_drowns_the_polymer(ions, xi):
    coefficients = manning_coefficients(ions, 1e6, c_fix_molar=1.0, xi=xi)
    assert coefficients.gamma_ct == pytest.approx(1, abs=1e-5)
    assert coefficients.gamma_co == pytest.approx(1, abs=1e-5)


@pytest.mark.parametrize("ions", PAIRS)
@pytest.mark.parametrize("xi", [0.1, 0.9, 1.83, 5.0])
@pytest.mark.parametrize("salt_molar", [1e-6, 0.01, 1.0, 5.0])
@pytest.mark.parametrize("c_fix_molar", [1e-4, 0.5, 10.0])
def test_ions_have_the_same_activity_on_both_sides(ions, xi, salt_molar, c_fix_molar):
    found = donnan_manning(ions, salt_molar, c_fix_molar=c_fix_molar, xi=xi, bulk_gamma=0.7)
    mobile, gammas = found.mobile_salt_molar, found.coefficients
    counterions = c_fix_molar / ions.z_ct + ions.nu_ct * mobile
    inside = (counterions * gammas.gamma_ct) ** ions.nu_ct
    inside *= (ions.nu_co * mobile * gammas.gamma_co) ** ions.nu_co
    outside = (ions.nu_ct * salt_molar * 0.7) ** ions.nu_ct
    outside *= (ions.nu_co * salt_molar * 0.7) ** ions.nu_co
    assert inside == pytest.approx(outside, rel=1e-9)
    assert gammas.gamma_pm**ions.nu == pytest.approx(gammas.product)


def test_ideal_donnan_is_the_limit_of_sparse_charges():
    # xi -> 0 makes both coefficients one, so C_s (C_s + C_fix) = c².
    found = donnan_manning(ONE_ONE, 0.5, c_fix_molar=1.0, xi=1e-9, bulk_gamma=1.0)
    assert found.mobile_salt_molar == pytest.approx((math.sqrt(1 + 4 * 0.25) - 1) / 2)


def test_more_salt_outside_is_more_salt_inside():
    uptake = [
        donnan_manning(ONE_ONE, c, c_fix_molar=3.21, xi=1.83, bulk_gamma=0.7).mobile_salt_molar
        for c in (0.01, 0.03, 0.1, 0.3, 1.0)
    ]
    assert uptake == sorted(uptake)


def test_ions_of_a_system_take_the_side_of_its_sites():
    assert ion_pair(load_system("CR61/MgCl2")) == DIVALENT_COUNTERION
    assert ion_pair(load_system("Nafion/Na2SO4")) == DIVALENT_COION
    assert ion_pair(load_system("AR103/NaCl")) == ONE_ONE
    assert all(ion_pair(system).nu == system.salt.nu for system in systems())


def test_impossible_membranes_and_solutions_are_refused():
    with pytest.raises(InputError, match=r"positive fixed charge and xi .* got 0 mol/L, xi 1"):
        manning_coefficients(ONE_ONE, 0.1, c_fix_molar=0.0, xi=1.0)
    with pytest.raises(InputError, match=r"no negative salt; got 1 mol/L, xi 1 and -0\.1 mol/L"):
        manning_coefficients(ONE_ONE, -0.1, c_fix_molar=1.0, xi=1.0)
    with pytest.raises(InputError, match=r"needs salt outside .* got 0 mol/L and 0\.7"):
        donnan_manning(ONE_ONE, 0.0, c_fix_molar=1.0, xi=1.0, bulk_gamma=0.7)
