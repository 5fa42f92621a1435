"""Water and ions, against the figures of the papers."""

import pytest

from iemhpc.errors import ForceFieldError, UnknownNameError
from iemhpc.forcefield.aqueous import ION_MODELS, ion_parameters, water_parameters
from iemhpc.polymer.catalog import load_ion


def test_water_is_the_original_tip3p():
    water = water_parameters("tip3p")
    assert water.charges_e.tolist() == [-0.834, 0.417, 0.417]
    assert [term.values[:2] for term in water.atom_types] == [(0.1521, 3.1507), (0.0, 0.0)]
    assert water.bond_types[0].values[1] == 0.9572
    assert water.angle_types[0].values[1] == 104.52
    assert set(water.residues) == {"HOH"}
    assert water.angles.tolist() == [[0, 1, 0, 2]]


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
def test_ions_have_the_published_size_and_depth(name, sigma_A, epsilon_kcal_mol):
    ion = ion_parameters(name)
    epsilon, sigma, _ = ion.atom_types[0].values
    assert sigma == pytest.approx(sigma_A, abs=1e-4)
    assert epsilon == epsilon_kcal_mol
    assert "TIP3P" in ion.atom_types[0].source


@pytest.mark.parametrize("name", [*ION_MODELS["tip3p"], "SO4"])
def test_an_ion_has_the_charge_and_mass_of_the_catalogue(name):
    ion, known = ion_parameters(name), load_ion(name)
    mass = sum(ion.atom_types[kind].values[2] for kind in ion.atom_type)
    assert ion.charges_e.sum() == pytest.approx(known.charge, abs=1e-12)
    assert mass == pytest.approx(known.mass_g_mol, abs=0.05)


def test_sulfate_is_symmetric_and_bonded():
    sulfate = ion_parameters("SO4")
    assert sulfate.elements == ("S", "O", "O", "O", "O")
    assert len(set(sulfate.charges_e[1:].tolist())) == 1
    assert [term.types[0] for term in sulfate.atom_types] == ["s6", "o"]
    assert len(sulfate.bonds) == 4
    assert len(sulfate.angles) == 6
    assert not sulfate.is_tethered_paper.any()


def test_an_ion_without_parameters_for_the_water_lists_those_that_have_some():
    with pytest.raises(ForceFieldError, match=r"'Cs' has no parameters for .*'tip3p'; known: Ca"):
        ion_parameters("Cs")


def test_an_unknown_water_lists_the_known_ones():
    with pytest.raises(UnknownNameError, match="unknown water model 'spce'"):
        water_parameters("spce")
    with pytest.raises(UnknownNameError, match="unknown water model 'tip4p'"):
        ion_parameters("Na", "tip4p")
