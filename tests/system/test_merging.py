import time
from dataclasses import replace

import numpy as np
import pytest

from iemhpc.errors import ForceFieldError
from iemhpc.forcefield.aqueous import ion_parameters, water_parameters
from iemhpc.forcefield.gaff2 import parametrise_chain
from iemhpc.forcefield.parameters import ChargeOrigin, PairTerm, Parameters, Styles, scaled
from iemhpc.polymer.chain import link
from iemhpc.polymer.repeat_unit import RepeatUnit
from iemhpc.system.merging import merge

STYRENE = RepeatUnit("styrene", "[*]CC([*])c1ccccc1")
OPLS_STYLES = Styles(dihedral="opls", mixing="geometric", special_bonds="lj/coul 0 0 0.5")


def opls_like() -> Parameters:
    """Return a chain in the styles of OPLS-AA; the values of its terms do not matter here."""
    chain = parametrise_chain(link([STYRENE] * 2))
    torsions = tuple(
        replace(term, values=(0.0, 0.0, 0.3, 0.0), source=f"a test, {number}")
        for number, term in enumerate(chain.dihedral_types)
    )
    return replace(chain, force_field="opls", styles=OPLS_STYLES, dihedral_types=torsions)


def values_of(box: Parameters) -> dict[tuple[str, str], tuple[float, float]]:
    """Return epsilon and sigma of a box's explicit pairs by the names of their types."""
    return {
        (box.atom_types[pair.first].types[0], box.atom_types[pair.second].types[0]): (
            pair.epsilon_kcal_mol,
            pair.sigma_A,
        )
        for pair in box.pairs
    }


def test_copies_follow_each_other_with_their_terms() -> None:
    water, sodium = water_parameters(), ion_parameters("Na")
    box = merge([(sodium, 2), (water, 3)])
    assert box.elements == ("Na", "Na", *("O", "H", "H") * 3)
    assert box.residues == ("Na", "Na", *("HOH",) * 9)
    assert [term.types for term in box.atom_types] == [("Na+",), ("OW",), ("HW",)]
    assert box.atom_type.tolist() == [0, 0, 1, 2, 2, 1, 2, 2, 1, 2, 2]
    assert box.bonds.tolist() == [[0, k, k + j] for k in (2, 5, 8) for j in (1, 2)]
    assert box.angles.tolist() == [[0, k + 1, k, k + 2] for k in (2, 5, 8)]
    assert box.dihedrals.shape == (0, 5)
    assert box.charges_e.sum() == pytest.approx(2.0, abs=1e-12)


def test_equal_types_of_two_molecules_are_one() -> None:
    short, long = (parametrise_chain(link([STYRENE] * n)) for n in (2, 3))
    box = merge([(short, 1), (long, 2), (water_parameters(), 4)])
    for kind in ("atom_types", "bond_types", "angle_types", "dihedral_types", "improper_types"):
        assert len(set(getattr(box, kind))) == len(getattr(box, kind))
    assert len(box.atom_types) == len(set(short.atom_types) | set(long.atom_types)) + 2
    start = len(short.elements) + len(long.elements)
    second = box.dihedrals[len(short.dihedrals) + len(long.dihedrals) :]
    assert np.array_equal(second[:, 1:] - start, long.dihedrals[:, 1:])
    for got, wanted in zip(second[:, 0], long.dihedrals[:, 0], strict=True):
        assert box.dihedral_types[got] == long.dihedral_types[wanted]


def test_types_of_equal_name_but_other_values_stay_apart() -> None:
    water = water_parameters()
    term = replace(water.atom_types[0], values=(0.2, 3.2, 15.9994))
    other = replace(water, atom_types=(term, water.atom_types[1]))
    assert len(merge([(water, 1), (other, 1)]).atom_types) == 3


def test_polymers_of_other_styles_are_refused() -> None:
    chain = parametrise_chain(link([STYRENE] * 2))
    other = replace(chain, force_field="opls", styles=replace(chain.styles, mixing="geometric"))
    with pytest.raises(
        ForceFieldError, match=r"gaff2 has mixing 'arithmetic', opls has 'geometric'"
    ):
        merge([(chain, 1), (other, 1)])
    other = replace(other, styles=replace(chain.styles, special_bonds="lj/coul 0 0 0.5"))
    with pytest.raises(ForceFieldError, match=r"gaff2 has special_bonds 'lj 0 0 0.5 coul"):
        merge([(chain, 1), (other, 1)])


def test_styles_matter_only_where_a_molecule_has_such_terms() -> None:
    box = merge([(ion_parameters("SO4"), 1), (opls_like(), 1), (water_parameters(), 2)])
    assert box.styles == OPLS_STYLES
    assert box.force_field == "opls"
    morse = replace(water_parameters(), styles=Styles(bond="morse"))
    with pytest.raises(ForceFieldError, match=r"opls has bond 'harmonic', tip3p has 'morse'"):
        merge([(opls_like(), 1), (morse, 1)])


def test_a_mobile_molecule_with_one_four_pairs_must_scale_them_as_the_polymer() -> None:
    chain = parametrise_chain(link([STYRENE] * 2))
    mobile = replace(chain, force_field="solvent", is_aqueous=True, dihedral_types=())
    with pytest.raises(ForceFieldError, match=r"opls has special_bonds .*, solvent has"):
        merge([(opls_like(), 1), (mobile, 1)])


def test_one_rule_for_all_needs_no_pairs() -> None:
    chain = parametrise_chain(link([STYRENE] * 2))
    ions = [(ion_parameters(name), 1) for name in ("Na", "Mg", "Cl", "SO4")]
    assert merge([(chain, 1), *ions, (water_parameters(), 3)]).pairs == ()


def test_beside_a_polymer_of_another_rule_water_and_ions_mix_as_they_were_fitted() -> None:
    box = merge(
        [
            (opls_like(), 1),
            (ion_parameters("Na"), 1),
            (ion_parameters("SO4"), 1),
            (water_parameters(), 3),
        ]
    )
    assert box.styles.mixing == "geometric"
    found = values_of(box)
    assert found.keys() == {
        ("Na+", "OW"),
        ("Na+", "s6"),
        ("Na+", "o"),
        ("s6", "o"),
        ("s6", "OW"),
        ("o", "OW"),
    }
    epsilon, sigma_A = found["Na+", "OW"]
    assert sigma_A == pytest.approx(2.795, abs=5e-4)  # 2.772 by the geometric rule
    assert epsilon == pytest.approx((0.0874393 * 0.1521) ** 0.5, rel=1e-12)
    sources = {pair.source for pair in box.pairs}
    assert sources == {
        "Lorentz-Berthelot, with which water and ions were fitted; the rest of the box has "
        "geometric mixing"
    }
    assert all(pair.first < pair.second for pair in box.pairs)


def test_hydrogens_of_charmms_water_mix_by_its_rule_too() -> None:
    water = water_parameters("tip3p-charmm")
    box = merge([(opls_like(), 1), (ion_parameters("K", "tip3p-charmm"), 1), (water, 3)])
    found = values_of(box)
    assert found.keys() == {("K+", "OW"), ("K+", "HW"), ("OW", "HW")}
    sigma_A = [term.values[1] for term in water.atom_types]
    assert found["OW", "HW"][1] == pytest.approx(sum(sigma_A) / 2, rel=1e-12)


def test_a_pair_of_ions_with_values_of_its_own_has_them_beside_any_polymer() -> None:
    ions = [(ion_parameters(name, "tip3p-charmm"), 1) for name in ("Cl", "Na")]
    for polymer in (parametrise_chain(link([STYRENE] * 2)), opls_like()):
        box = merge([(polymer, 1), *ions])
        assert values_of(box)["Cl-", "Na+"] == pytest.approx((0.083875, 3.731 / 2 ** (1 / 6)))
        assert len(box.pairs) == 1
        assert "NBFIX" in box.pairs[0].source


def test_aqvists_ions_mix_geometrically_beside_gaff2() -> None:
    chain = parametrise_chain(link([STYRENE] * 2))
    sodium = ion_parameters("Na", "tip3p", "aqvist")
    found = values_of(merge([(chain, 1), (sodium, 1), (water_parameters(), 1)]))
    assert found.keys() == {("Na+", "OW")}
    assert found["Na+", "OW"][1] == pytest.approx((3.330445 * 3.1507) ** 0.5, rel=1e-12)


def test_a_polymers_and_an_ions_equal_types_stay_apart() -> None:
    sulfate = ion_parameters("SO4")
    polymer = replace(sulfate, is_aqueous=False, styles=replace(sulfate.styles, mixing="geometric"))
    box = merge([(polymer, 1), (sulfate, 1)])
    assert [term.types for term in box.atom_types] == [("s6",), ("o",)] * 2
    assert [(pair.first, pair.second) for pair in box.pairs] == [(2, 3)]


def test_pairs_of_a_force_field_move_with_their_types() -> None:
    pair = PairTerm(first=0, second=1, epsilon_kcal_mol=0.1, sigma_A=3.3, source="a paper")
    chain = opls_like()
    special = replace(chain, pairs=(pair,))
    box = merge([(water_parameters(), 2), (special, 1), (special, 1)])
    assert box.pairs == (replace(pair, first=2, second=3),)
    other = replace(chain, pairs=(replace(pair, sigma_A=3.4, source="another"),))
    with pytest.raises(
        ForceFieldError, match=r"two molecules give the pair .* different values: a paper; another"
    ):
        merge([(special, 1), (other, 1)])


def test_origins_of_charges_and_estimated_terms_are_united() -> None:
    chain = parametrise_chain(link([STYRENE] * 2))
    origin = ChargeOrigin(
        residue="styrene", method="am1bcc", formal_charge=0, drift_e=0.001, source="sqm"
    )
    first = replace(chain, charge_origins=(origin,), frcmod=("title", "MASS", "sy 32.06", ""))
    other = replace(first, frcmod=("title", "BOND", "c3-sy 244.2 1.807", ""))
    box = merge([(first, 2), (other, 1), (ion_parameters("Na"), 2), (water_parameters(), 5)])
    assert [each.residue for each in box.charge_origins] == ["styrene", "Na", "HOH"]
    assert box.frcmod[:7] == ("title", "MASS", "sy 32.06", "", "BOND", "c3-sy 244.2 1.807", "")


def test_scaled_charges_keep_a_neutral_box_neutral() -> None:
    ions = [(ion_parameters("Mg"), 2), (ion_parameters("SO4"), 2)]
    box = merge([*ions, (water_parameters(), 3)])
    reduced = scaled(box, 0.75)
    assert reduced.charges_e[:2].tolist() == [1.5, 1.5]
    assert reduced.charges_e[-3:].tolist() == [-0.834, 0.417, 0.417]
    assert reduced.charges_e.sum() == pytest.approx(0, abs=1e-12)


def test_a_large_box_is_merged_in_linear_time() -> None:
    water = water_parameters()
    seconds = []
    for count in (4000, 16000):
        start = time.perf_counter()
        merge([(ion_parameters("Na"), 100), (water, count)])
        seconds.append(time.perf_counter() - start)
    assert seconds[1] < 8 * seconds[0] + 0.1


def test_an_empty_box_is_refused() -> None:
    with pytest.raises(ForceFieldError, match="a box needs at least one molecule"):
        merge([(water_parameters(), 0)])
