"""Pitzer against published coefficients of bulk solutions."""

import csv
import math

import pytest

from iemhpc.errors import InputError, UnknownNameError
from iemhpc.polymer.catalog import salt_names
from iemhpc.resources import resource
from iemhpc.theory.pitzer import (
    A_PHI,
    load_parameters,
    mean_activity_coefficient,
    molality_from_molar,
)

TOLERANCES = {"NaCl": 0.004, "LiCl": 0.0045, "MgCl2": 0.0175, "CaCl2": 0.0176}
"""How far the equations may be from the published numbers, relative."""


def reference_rows() -> list[dict[str, str]]:
    path = resource("data", "reference", "bulk_gamma_reference.csv")
    with path.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


@pytest.mark.parametrize(
    "row", reference_rows(), ids=lambda row: f"{row['salt']}-{row['molality']}"
)
def test_published_coefficients_are_reproduced(row):
    gamma = mean_activity_coefficient(row["salt"], float(row["molality"]))
    assert gamma == pytest.approx(float(row["gamma_pm_published"]), rel=TOLERANCES[row["salt"]])
    # the same equations in another program
    assert gamma == pytest.approx(float(row["gamma_pm_pitzer_ours"]), abs=6e-5)


@pytest.mark.parametrize(("salt", "charges", "strength"), [("NaCl", 1, 1), ("Na2SO4", 2, 3)])
def test_dilute_solutions_follow_debye_and_huckel(salt, charges, strength):
    molality = 1e-6
    limit = -3 * A_PHI * charges * math.sqrt(strength * molality)
    gamma = mean_activity_coefficient(salt, molality)
    assert math.log(gamma) == pytest.approx(limit, rel=0.01)


def test_water_without_salt_is_ideal():
    assert mean_activity_coefficient("CaCl2", 0.0) == 1.0


def test_every_salt_of_the_catalogue_has_parameters():
    for salt in salt_names():
        assert load_parameters(salt.lower()).source.startswith("May, Rowland, Hefter")
        assert 0 < mean_activity_coefficient(salt, 1.0) < 1


def test_salt_without_parameters_lists_those_with():
    with pytest.raises(UnknownNameError, match=r"salt with Pitzer parameters 'CsF'.*KCl, KI, LiCl"):
        mean_activity_coefficient("CsF", 1.0)


@pytest.mark.parametrize("molality", [-0.1, 7.0, math.nan])
def test_molality_out_of_range_is_refused(molality):
    with pytest.raises(InputError, match=r"NaCl at .*: Pitzer's parameters hold from 0 to 6\.148"):
        mean_activity_coefficient("NaCl", molality)


def test_neglecting_the_salt_s_volume_moves_gamma_by_less_than_a_thousandth():
    # A litre of 1 mol/L NaCl weighs about 1.04 kg, 0.058 kg of it salt.
    by_density = 1.0 / (1.04 - 0.058)
    exact = mean_activity_coefficient("NaCl", by_density)
    assert mean_activity_coefficient("NaCl", molality_from_molar(1.0)) == pytest.approx(
        exact, rel=1e-3
    )
