import re
from dataclasses import replace

import pytest

from iemhpc.errors import ForceFieldError
from iemhpc.forcefield.aqueous import ion_parameters, water_parameters
from iemhpc.forcefield.gaff2 import parametrise_chain
from iemhpc.forcefield.parameters import Parameters, Term
from iemhpc.lammps.styles_file import styles_text, water_angle_type
from iemhpc.polymer.chain import link
from iemhpc.polymer.repeat_unit import RepeatUnit
from iemhpc.system.merging import merge


@pytest.fixture(scope="module")
def wet_styrene() -> Parameters:
    chain = parametrise_chain(link([RepeatUnit("styrene", "[*]CC([*])c1ccccc1")] * 3))
    return merge([(chain, 1), (ion_parameters("Na"), 1), (water_parameters(), 2)])


def test_every_type_has_its_line_with_every_digit(wet_styrene: Parameters) -> None:
    text = styles_text(wet_styrene)
    for kind, terms in (
        ("bond", wet_styrene.bond_types),
        ("angle", wet_styrene.angle_types),
    ):
        for number, term in enumerate(terms, 1):
            found = re.search(rf"^{kind}_coeff {number} (\S+) (\S+) #", text, re.M)
            assert found
            assert tuple(map(float, found.groups())) == term.values
    for number, term in enumerate(wet_styrene.atom_types, 1):
        found = re.search(rf"^pair_coeff {number} {number} (\S+) (\S+) #", text, re.M)
        assert found
        assert tuple(map(float, found.groups())) == term.values[:2]
    assert "pair_modify mix arithmetic tail yes" in text
    assert "special_bonds lj 0 0 0.5 coul 0 0 0.8333333333333333" in text


def test_periodicities_and_signs_are_whole_numbers(wet_styrene: Parameters) -> None:
    text = styles_text(wet_styrene)
    for line in re.findall(r"^dihedral_coeff \d+ (.*) #", text, re.M):
        words = line.split()
        assert len(words) == 1 + 3 * int(words[0])
        assert all(word.isdigit() for word in words[2::3])
    impropers = re.findall(r"^improper_coeff \d+ (.*) #", text, re.M)
    assert len(impropers) == len(wet_styrene.improper_types) > 0
    assert all(re.fullmatch(r"\S+ -1 2", line) for line in impropers)


def test_all_fourier_terms_of_a_quadruple_are_one_entry() -> None:
    term = Term(types=("a", "b", "c", "d"), values=(2, 0.5, 1, 0.0, 0.25, 3, 180.0), source="x")
    chain = parametrise_chain(link([RepeatUnit("styrene", "[*]CC([*])c1ccccc1")] * 2))
    one = replace(chain, dihedral_types=(term, *chain.dihedral_types[1:]))
    assert "dihedral_coeff 1 2 0.5 1 0.0 0.25 3 180.0 # a-b-c-d\n" in styles_text(one)


def test_water_angle_is_named_for_shake(wet_styrene: Parameters) -> None:
    number = water_angle_type(wet_styrene)
    assert wet_styrene.angle_types[number - 1].types == ("HW", "OW", "HW")
    assert f"variable water_angle_type equal {number}\n" in styles_text(wet_styrene)


def test_a_box_without_water_has_angle_type_zero() -> None:
    assert water_angle_type(ion_parameters("Na")) == 0
    assert "bond_style" not in styles_text(ion_parameters("Na"))


def test_two_water_angles_are_refused() -> None:
    water = water_parameters()
    other = replace(water.angle_types[0], values=(100.0, 109.47))
    with pytest.raises(ForceFieldError, match="water has 2 angle types; wanted one for fix shake"):
        water_angle_type(merge([(water, 1), (replace(water, angle_types=(other,)), 1)]))


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ((1.0,), "wanted K and the equilibrium value"),
        ((1.0, 2.0, 3.0), "wanted K and the equilibrium value"),
    ],
)
def test_values_that_are_not_the_styles_are_refused(
    values: tuple[float, ...], message: str
) -> None:
    water = water_parameters()
    wrong = Term(types=("HW", "OW"), values=values, source="a test")
    with pytest.raises(ForceFieldError, match=rf"HW-OW \(a test\): got the values .*{message}"):
        styles_text(replace(water, bond_types=(wrong,)))


@pytest.mark.parametrize("values", [(), (1, 0.5, 1), (2, 0.5, 1, 0.0), (1, 0.5, 1.5, 0.0)])
def test_broken_torsions_are_refused(values: tuple[float, ...]) -> None:
    chain = parametrise_chain(link([RepeatUnit("styrene", "[*]CC([*])c1ccccc1")] * 2))
    wrong = Term(types=("a", "b", "c", "d"), values=values, source="a test")
    with pytest.raises(ForceFieldError, match=r"a-b-c-d \(a test\): got the values"):
        styles_text(replace(chain, dihedral_types=(wrong, *chain.dihedral_types[1:])))


def test_unknown_style_lists_the_known_ones() -> None:
    water = water_parameters()
    other = replace(water, styles=replace(water.styles, bond="morse"))
    with pytest.raises(ForceFieldError, match=r"bond_style morse is not known.*harmonic, fourier"):
        styles_text(other)
