"""Repeat units: masses and charges by hand, sites by convention, errors by what was wrong."""

import pytest

from iemhpc.errors import ChemistryError, UnknownNameError
from iemhpc.model.graph import ELEMENTS as FEATURE_ELEMENTS
from iemhpc.polymer.catalog import load_membrane, membrane_names
from iemhpc.polymer.repeat_unit import (
    ELEMENTS,
    RepeatUnit,
    atoms_by_smarts,
    attachments,
    n_sites,
    tethered_atoms,
    with_sites,
)

ATOMIC_WEIGHTS = {
    "H": 1.008,
    "C": 12.011,
    "N": 14.007,
    "O": 15.999,
    "F": 18.998,
    "S": 32.06,
}
"""IUPAC 2021, abridged."""

FORMULAS = {
    "styrenesulfonate": ({"C": 8, "H": 7, "S": 1, "O": 3}, -1),
    "divinylbenzene": ({"C": 10, "H": 10}, 0),
    "vinylbenzyltrimethylammonium": ({"C": 12, "H": 18, "N": 1}, 1),
    "styrene": ({"C": 8, "H": 8}, 0),
    "2-vinylpyridine": ({"C": 7, "H": 7, "N": 1}, 0),
    "N-methyl-2-vinylpyridinium": ({"C": 8, "H": 10, "N": 1}, 1),
    "vinyl alcohol": ({"C": 2, "H": 4, "O": 1}, 0),
    "vinyl sulfate": ({"C": 2, "H": 3, "S": 1, "O": 4}, -1),
    "AMPS": ({"C": 7, "H": 12, "N": 1, "S": 1, "O": 4}, -1),
    "TMAEMA": ({"C": 9, "H": 18, "N": 1, "O": 2}, 1),
    "EGDMA": ({"C": 10, "H": 14, "O": 4}, 0),
    "DEGDMA": ({"C": 12, "H": 18, "O": 5}, 0),
    "PEGDA n=4": ({"C": 14, "H": 22, "O": 7}, 0),
    "perfluoroether sulfonate": ({"C": 7, "F": 13, "S": 1, "O": 5}, -1),
    "tetrafluoroethylene": ({"C": 2, "F": 4}, 0),
}
"""Formula of each monomer, counted by hand, and its charge."""


def catalogued_units() -> list[RepeatUnit]:
    units = {u.name: u for name in membrane_names() for u in load_membrane(name).polymer.units}
    return list(units.values())


def formula_mass(formula: dict[str, int]) -> float:
    return sum(ATOMIC_WEIGHTS[element] * n for element, n in formula.items())


def test_every_catalogued_unit_has_the_mass_and_charge_of_its_formula():
    units = catalogued_units()
    assert {unit.name for unit in units} == set(FORMULAS)
    for unit in units:
        formula, charge = FORMULAS[unit.name]
        assert unit.mass_g_mol == pytest.approx(formula_mass(formula), abs=0.02), unit.name
        assert unit.charge == charge, unit.name


def test_every_charged_unit_has_one_site_a_charge():
    for unit in catalogued_units():
        assert n_sites(unit) == abs(unit.charge), unit.name


@pytest.mark.parametrize(
    ("smiles", "paper", "center"),
    [
        ("[*]CC([*])c1ccc(cc1)S(=O)(=O)[O-]", (9, 10, 11), (8,)),
        ("[*]CC([*])OS(=O)(=O)[O-]", (4, 5, 6), (3,)),  # never the ester O, atom 2
        ("[*]CC([*])C(=O)NC(C)(C)CS(=O)(=O)[O-]", (10, 11, 12), (9,)),  # never the amide O
        ("[*]CC([*])c1ccc(C[N+](C)(C)C)cc1", (7,), (7,)),
        ("[*]CC([*])c1cccc[n+]1C", (7,), (7,)),
        ("[*]CC([*])C(=O)[O-]", (3, 4), (2,)),
        ("[*]CC([*])c1ccccn1", (), ()),  # neutral pyridine
        ("[*]CC([*])c1ccc([N+](=O)[O-])cc1", (), ()),  # nitro groups are no sites
    ],
)
def test_tethered_sites_are_terminal_oxygens_or_nitrogen(smiles, paper, center):
    unit = RepeatUnit("unit", smiles)
    assert tethered_atoms(unit, "paper") == paper
    assert tethered_atoms(unit, "center") == center


def test_unknown_site_convention_lists_the_known_ones():
    with pytest.raises(UnknownNameError, match=r"site convention 'centre'.*center, paper"):
        tethered_atoms(RepeatUnit("vinyl alcohol", "[*]CC([*])O"), "centre")


def test_head_is_the_less_substituted_end_however_the_unit_is_written():
    forward = RepeatUnit("a", "[*]CC([*])c1ccccc1")
    backward = RepeatUnit("b", "c1ccccc1C([*])C[*]")
    assert attachments(forward) == (0, 3)
    assert attachments(backward) == (9, 7)
    assert forward.canonical_smiles == backward.canonical_smiles


def test_numbered_attachment_points_overrule_the_head():
    assert attachments(RepeatUnit("reversed", "[*:2]CC([*:1])c1ccccc1")) == (3, 0)


def test_oriented_smiles_tells_a_reversed_unit_from_the_usual_one():
    usual = RepeatUnit("a", "[*]CC([*])c1ccccc1")
    same = RepeatUnit("b", "[1*]C(C[2*])c1ccccc1")
    reversed_unit = RepeatUnit("c", "[*:2]CC([*:1])c1ccccc1")
    assert usual.oriented_smiles == same.oriented_smiles != reversed_unit.oriented_smiles
    assert usual.canonical_smiles == same.canonical_smiles == reversed_unit.canonical_smiles


def test_cross_linker_has_near_and_far_chain_apart():
    unit = RepeatUnit("divinylbenzene", "[*]CC([*])c1ccc(cc1)C([*])C[*]")
    points = attachments(unit)
    assert {frozenset(points[:2]), frozenset(points[2:])} == {
        frozenset({0, 3}),
        frozenset({11, 13}),
    }


@pytest.mark.parametrize(
    ("smiles", "message"),
    [
        ("[*]CC([*", r"repeat unit 'x': '\[\*\]CC\(\[\*' is not a SMILES that RDKit can read"),
        ("[*]C(C)(C)(C)(C)[*]", "not a SMILES that RDKit can read; check brackets"),
        ("", "not a SMILES"),
        ("[*]CC", r"has 1 attachment points \[\*\]; a chain unit has two, a cross-linker four"),
        ("[*]CC([*])C[*]", "has 3 attachment points"),
        ("CC", "has 0 attachment points"),
        ("[*]CC([*])[Te]C", "has Te, which has no atom feature; known elements: C N O S F"),
        ("[*]CC([*])S(=O)(=O)[O-].[Na+]", "more than one molecule; leave the counter-ion out"),
        ("[*]=CC[*]", "must hang on one atom by a single bond"),
        ("[*][*]", "must hang on one atom by a single bond"),
    ],
)
def test_bad_unit_says_what_is_wrong_with_it(smiles, message):
    with pytest.raises(ChemistryError, match=message):
        RepeatUnit("x", smiles)


def test_elements_are_those_that_atom_features_know():
    assert ELEMENTS == FEATURE_ELEMENTS


def test_a_radical_is_no_repeat_unit() -> None:
    with pytest.raises(ChemistryError, match="an atom has an unpaired electron"):
        RepeatUnit("radical", "[*]CC([*])C[CH]S(=O)(=O)[O-]")


SULFONIMIDE = "[*]CC([*])c1ccc(cc1)S(=O)(=O)[N-]S(=O)(=O)C(F)(F)F"


def test_given_sites_are_those_of_both_conventions() -> None:
    unit = with_sites(RepeatUnit("imide", SULFONIMIDE), [11])
    assert tethered_atoms(unit, "paper") == tethered_atoms(unit, "center") == (11,)
    assert n_sites(unit) == 1


def test_given_oxygens_of_one_group_are_one_site_and_of_two_groups_two() -> None:
    two = RepeatUnit("two", "[*]CC([*])c1ccc(S(=O)(=O)[O-])cc1CCCS(=O)(=O)[O-]")
    oxygens = atoms_by_smarts(two, "[O;X1]~S")
    assert len(oxygens) == 6
    assert n_sites(RepeatUnit("two", two.smiles, oxygens)) == n_sites(two) == 2
    assert n_sites(RepeatUnit("two", two.smiles, oxygens[:3])) == 1


def test_sites_that_are_found_anyway_make_no_other_unit_and_other_sites_do() -> None:
    unit = RepeatUnit("acrylate", "[*]CC([*])C(=O)[O-]")
    assert with_sites(unit, [4, 3]) == unit
    carbon = with_sites(unit, [2])
    assert carbon.oriented_smiles != unit.oriented_smiles
    assert carbon.canonical_smiles == unit.canonical_smiles
    # the same atom of another spelling
    other = with_sites(RepeatUnit("acrylate", "[O-]C(=O)C([*])C[*]"), [1])
    assert other.oriented_smiles == carbon.oriented_smiles


def test_a_smarts_finds_sites_by_its_first_atom() -> None:
    unit = RepeatUnit("imide", SULFONIMIDE)
    assert atoms_by_smarts(unit, "[N-](S)S") == (11,)


@pytest.mark.parametrize(
    ("smarts", "message"),
    [
        ("[O;X1", r"repeat unit 'x': '\[O;X1' is not a SMARTS that RDKit can read"),
        ("P", r"no atom of .* is matched by the SMARTS 'P' of its tethered sites; its first atom"),
        ("[#0]", "no atom of"),
    ],
)
def test_a_smarts_that_finds_nothing_is_told(smarts: str, message: str) -> None:
    with pytest.raises(ChemistryError, match=message):
        atoms_by_smarts(RepeatUnit("x", "[*]CC([*])C(=O)[O-]"), smarts)


def test_sites_outside_the_unit_are_told() -> None:
    with pytest.raises(
        ChemistryError, match=r"tethered atoms 5, 9 are not among its 5 atoms; they"
    ):
        RepeatUnit("x", "[*]CC([*])C(=O)[O-]", (1, 5, 9))
