"""Which oligomers a new unit is charged in."""

from iemhpc.forcefield.recipes import default_oligomers
from iemhpc.polymer.repeat_unit import RepeatUnit


def names(unit, **how):
    return [[part.name for part in parts] for parts in default_oligomers(unit, **how)]


def test_a_small_unit_is_charged_as_a_dimer_also_where_it_is_an_ion():
    unit = RepeatUnit("sulfonate", "[*]CC([*])S(=O)(=O)[O-]")
    assert names(unit) == [["sulfonate", "sulfonate"]]


def test_a_large_unit_is_charged_once_between_ethylenes():
    unit = RepeatUnit("comb", "[*]CC([*])C(=O)O" + "CCO" * 8 + "C")
    assert names(unit) == [["neighbouring ethylene", "comb", "neighbouring ethylene"]]


def test_a_fluorinated_unit_has_fluorinated_neighbours_and_shows_its_caps_alone():
    unit = RepeatUnit("ether", "[*]C(F)(F)C([*])(F)OC(F)(F)F")
    neighbour = "neighbouring tetrafluoroethylene"
    assert names(unit, method="resp") == [[neighbour, "ether", neighbour], ["ether"]]


def test_a_quaternary_carbon_shows_its_cap_in_a_molecule_of_its_own():
    unit = RepeatUnit("isobutylene", "[*]CC([*])(C)C")
    assert names(unit, method="resp-gaussian")[1] == ["isobutylene"]
