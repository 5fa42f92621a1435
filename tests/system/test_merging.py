from dataclasses import replace

import numpy as np
import pytest

from iemhpc.errors import ForceFieldError
from iemhpc.forcefield.aqueous import ion_parameters, water_parameters
from iemhpc.forcefield.gaff2 import parametrise_chain
from iemhpc.polymer.chain import link
from iemhpc.polymer.repeat_unit import RepeatUnit
from iemhpc.system.merging import merge

STYRENE = RepeatUnit("styrene", "[*]CC([*])c1ccccc1")


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


def test_molecules_of_other_styles_are_refused() -> None:
    water = water_parameters()
    other = replace(water, force_field="opls", styles=replace(water.styles, mixing="geometric"))
    with pytest.raises(
        ForceFieldError, match=r"tip3p has mixing 'arithmetic', opls has 'geometric'"
    ):
        merge([(water, 1), (other, 1)])


def test_an_empty_box_is_refused() -> None:
    with pytest.raises(ForceFieldError, match="a box needs at least one molecule"):
        merge([(water_parameters(), 0)])
