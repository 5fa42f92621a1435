"""The classic mistakes of a force field, each planted and each caught."""

from dataclasses import replace

import numpy as np
import pytest

from iemhpc.lammps.second_engine import compare

pytestmark = pytest.mark.lammps


def with_styles(parameters, **changes):
    return replace(parameters, styles=replace(parameters.styles, **changes))


def differing(report):
    return {kind.kind for kind in report.kinds if not kind.passes}


@pytest.mark.parametrize(
    ("force_field", "special_bonds", "kind", "at_least"),
    [
        ("gaff2", "lj 0 0 0.5 coul 0 0 0.8333", "coulomb", 1e-3),
        ("gaff2", "lj 0 0 0.5 coul 0 0 0.5", "coulomb", 1.0),
        ("gaff2", "lj 0 0 1.0 coul 0 0 0.8333333333333333", "vdw", 1.0),
        ("oplsaa", "lj 0 0 0.5 coul 0 0 0.8333333333333333", "coulomb", 1.0),
        ("oplsaa", "lj 0 0 1.0 coul 0 0 0.5", "vdw", 1.0),
    ],
)
def test_a_wrong_scaling_of_1_4_pairs(structures, force_field, special_bonds, kind, at_least):
    right, positions_A = structures.parametrised("PVAS", force_field)
    report = compare(with_styles(right, special_bonds=special_bonds), positions_A)
    assert differing(report) == {kind}
    assert abs(report.kind(kind).difference) > at_least


@pytest.mark.parametrize(
    ("force_field", "wrong"), [("gaff2", "geometric"), ("oplsaa", "arithmetic")]
)
def test_the_other_fields_rule_of_mixing(structures, force_field, wrong):
    right, positions_A = structures.parametrised("PVAS", force_field)
    report = compare(with_styles(right, mixing=wrong), positions_A)
    assert differing(report) == {"vdw"}
    assert abs(report.kind("vdw").difference) > 0.01


@pytest.mark.parametrize("force_field", ["gaff2", "oplsaa"])
def test_an_improper_whose_centre_stands_at_another_place(structures, force_field):
    right, positions_A = structures.parametrised("PSbNMP-RCE", force_field)
    swapped = right.impropers.copy()
    swapped[0, [3, 4]] = swapped[0, [4, 3]]
    report = compare(replace(right, impropers=swapped), positions_A)
    assert differing(report) == {"improper"}


def test_an_improper_whose_outer_atoms_are_not_in_the_order_of_their_types(structures):
    right, positions_A = structures.parametrised("PSbNMP-RCE", "gaff2")
    names = [right.atom_types[kind].types[0] for kind in right.atom_type.tolist()]
    place = next(
        row
        for row, (_, first, second, _, _) in enumerate(right.impropers.tolist())
        if names[first] != names[second]
    )
    swapped = right.impropers.copy()
    swapped[place, [1, 2]] = swapped[place, [2, 1]]  # first and last alone change no plane
    report = compare(replace(right, impropers=swapped), positions_A)
    assert differing(report) == {"improper"}


@pytest.mark.parametrize("force_field", ["gaff2", "oplsaa"])
@pytest.mark.parametrize("kind", ["bond", "angle", "dihedral", "improper"])
def test_a_missing_term(structures, force_field, kind):
    right, positions_A = structures.parametrised("PSbNMP-RCE", force_field)
    rows, terms = getattr(right, f"{kind}s"), getattr(right, f"{kind}_types")
    # The row whose loss costs most: some terms are zero by themselves.
    place = int(np.argmax([max(map(abs, terms[row[0]].values[:3])) for row in rows]))
    wrong = replace(right, **{f"{kind}s": np.delete(rows, place, axis=0)})
    report = compare(wrong, positions_A, bonds=structures.bonds_of("PSbNMP-RCE"))
    assert report.kind(kind).n_lammps < report.kind(kind).n_openmm
    assert abs(report.kind(kind).difference) > report.kind(kind).tolerance
    if kind != "bond":  # a lost bond also makes neighbours of its atoms strangers
        assert differing(report) == {kind}


@pytest.mark.parametrize("force_field", ["gaff2", "oplsaa"])
def test_a_mistyped_value_of_one_torsion(structures, force_field):
    right, positions_A = structures.parametrised("PVAS", force_field)
    first, *others = right.dihedral_types
    values = list(first.values)
    first_k = {"gaff2": 1, "oplsaa": 0}[force_field]
    step = {"gaff2": 3, "oplsaa": 1}[force_field]
    place = first_k + step * next(k for k, value in enumerate(values[first_k::step]) if value)
    values[place] += 0.05
    wrong = replace(right, dihedral_types=(replace(first, values=tuple(values)), *others))
    assert differing(compare(wrong, positions_A)) == {"dihedral"}
