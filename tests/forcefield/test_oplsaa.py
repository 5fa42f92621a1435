"""OPLS-AA: tables, typing, charges by type, and what is said where something is missing."""

import tomllib
from dataclasses import replace

import numpy as np
import pytest
from rdkit import Chem

from iemhpc.check.parameters import check_parameters
from iemhpc.errors import ForceFieldError, InputError, UnknownNameError
from iemhpc.forcefield import charges_for, oplsaa, oplsaa_typing
from iemhpc.forcefield.oplsaa import MAX_DRIFT_E, parametrise_chain
from iemhpc.forcefield.oplsaa_tables import opls_table, overlaid, parse_lt
from iemhpc.forcefield.oplsaa_typing import typed_atoms, typing_rules
from iemhpc.lammps.parameter_table import ParameterRow
from iemhpc.polymer.catalog import load_membrane, membrane_names
from iemhpc.polymer.chain import join, link
from iemhpc.polymer.repeat_unit import RepeatUnit
from iemhpc.resources import resource

STYRENE = RepeatUnit("styrene", "[*]CC([*])c1ccccc1")
DVB = RepeatUnit("divinylbenzene", "[*]CC([*])c1ccc(cc1)C([*])C[*]")
SULFONATE = RepeatUnit("styrenesulfonate", "[*]CC([*])c1ccc(cc1)S(=O)(=O)[O-]")
SULFATE = RepeatUnit("vinyl sulfate", "[*]CC([*])OS(=O)(=O)[O-]")
ALCOHOL = RepeatUnit("vinyl alcohol", "[*]CC([*])O")
PYRIDINIUM = RepeatUnit("pyridinium", "[*]CC([*])c1cccc[n+]1C")
TMAEMA = RepeatUnit("TMAEMA", "[*]CC([*])(C)C(=O)OCC[N+](C)(C)C")
NAFION = RepeatUnit(
    "Nafion", "[*]C(F)(F)C([*])(F)OC(F)(F)C(F)(C(F)(F)F)OC(F)(F)C(F)(F)S(=O)(=O)[O-]"
)
AMPS = RepeatUnit("AMPS", "[*]CC([*])C(=O)NC(C)(C)CS(=O)(=O)[O-]")
FURTHER = tuple(
    RepeatUnit(name, smiles)
    for name, smiles in (
        ("methyl methacrylate", "[*]CC([*])(C)C(=O)OC"),
        ("hydroxyethyl methacrylate", "[*]CC([*])(C)C(=O)OCCO"),
        ("acrylamide", "[*]CC([*])C(=O)N"),
        ("N-methylacrylamide", "[*]CC([*])C(=O)NC"),
        ("N-propylacrylamide", "[*]CC([*])C(=O)NCCC"),
        ("N-isopropylacrylamide", "[*]CC([*])C(=O)NC(C)C"),
        ("N-tert-butylacrylamide", "[*]CC([*])C(=O)NC(C)(C)C"),
        ("acrylate", "[*]CC([*])C(=O)[O-]"),
        ("methacrylate", "[*]CC([*])(C)C(=O)[O-]"),
        ("4-methylstyrene", "[*]CC([*])c1ccc(C)cc1"),
        ("2-vinylpyridine", "[*]CC([*])c1ccccn1"),
        ("sulfopropyl methacrylate", "[*]CC([*])(C)C(=O)OCCCS(=O)(=O)[O-]"),
        ("sulfobetaine methacrylate", "[*]CC([*])(C)C(=O)OCC[N+](C)(C)CCCS(=O)(=O)[O-]"),
        ("short side chain", "[*]C(F)(F)C([*])(F)OC(F)(F)C(F)(F)S(=O)(=O)[O-]"),
    )
)
"""Polymers that are not in the catalogue and that the tables and the overlay cover."""


def chains_of(units):
    """Each unit in the middle and at both ends of a chain, and alone."""
    return [[*units, *units[::-1], units[0]], *([unit] * 2 for unit in units)] + [
        [unit] for unit in units
    ]


def type_of_each_atom(parameters):
    return [parameters.atom_types[kind].types[0] for kind in parameters.atom_type]


def charges_of(parameters, type_name):
    here = np.array(type_of_each_atom(parameters)) == type_name
    return set(parameters.charges_e[here].round(9).tolist())


@pytest.mark.parametrize("membrane", membrane_names())
def test_every_unit_of_the_catalogue_has_its_formal_charge_wherever_it_stands(
    membrane, unit_charges
):
    for units in chains_of(load_membrane(membrane).polymer.units):
        chain = link(units)
        parameters = parametrise_chain(chain)
        assert unit_charges(chain, parameters) == pytest.approx(
            [unit.charge for unit in units], abs=1e-9
        )
        assert all(origin.drift_e == 0.0 for origin in parameters.charge_origins)


@pytest.mark.parametrize("unit", FURTHER, ids=lambda unit: unit.name)
def test_polymers_outside_the_catalogue_are_covered(unit, unit_charges):
    chain = link([unit] * 3)
    parameters = parametrise_chain(chain)
    assert unit_charges(chain, parameters) == pytest.approx([unit.charge] * 3, abs=1e-9)


def test_a_network_is_typed_like_chains_and_its_far_sides_have_no_caps(unit_charges):
    units = [STYRENE, DVB, STYRENE, STYRENE]
    joints = [((0, 1), (1, 0)), ((1, 1), (2, 0)), ((1, 2), (3, 1)), ((3, 0), (1, 3))]
    chain = join(units, joints)
    parameters = parametrise_chain(chain)
    assert unit_charges(chain, parameters) == pytest.approx([0.0] * 4, abs=1e-9)
    assert type_of_each_atom(parameters).count("opls_63") == 4


def test_charges_are_those_of_the_published_tables():
    sulfonate = parametrise_chain(link([SULFONATE] * 2))
    assert charges_of(sulfonate, "clp_SO") == {1.18}
    assert charges_of(sulfonate, "clp_OS3") == {-0.68}
    assert charges_of(sulfonate, "aryl_CS3") == {-0.14}
    sulfate = parametrise_chain(link([SULFATE] * 2))
    for name, charge in {"clp_OS4": -0.65, "clp_OC4": -0.45, "clp_CS4": 0.22}.items():
        assert charges_of(sulfate, name) == {charge}
    pyridinium = parametrise_chain(link([PYRIDINIUM] * 2))
    for name, charge in {"clp_NAP": 0.15, "clp_C1": -0.17, "clp_H1": 0.13}.items():
        assert charges_of(pyridinium, name) == {charge}
    assert charges_of(parametrise_chain(link([STYRENE] * 2)), "opls_146") == {0.115}


def test_lennard_jones_terms_of_sulfonate_are_those_of_clp():
    types = opls_table().atom_types
    assert types["clp_SO"].term.values == (0.250, 3.55, 32.066)
    assert types["clp_OS3"].term.values == (0.200, 3.15, 15.999)


def test_the_tables_hold_their_published_values():
    table = opls_table()
    assert len([name for name in table.atom_types if name.startswith("opls_")]) == 990
    assert table.term("bond", ("CT", "CT")).values == (268.0, 1.529)
    assert table.term("angle", ("HC", "CT", "CT")).values == (37.5, 110.7)
    assert table.term("dihedral", ("HC", "CT", "CT", "HC")).values == (0.0, 0.0, 0.3, 0.0)
    assert table.term("dihedral", ("SO", "CA", "CA", "HA")).values == (0.0, 7.25, 0.0, 0.0)
    assert table.term("bond", ("Zn", "F~")) is None
    benzene = table.atom_types["opls_145"]
    assert (benzene.bonded, benzene.charge_e, benzene.sigma_A) == ("CA", -0.115, 3.55)


def test_kilojoules_of_clp_became_kilocalories():
    table = opls_table()
    assert table.term("bond", ("O3", "SO")).values == pytest.approx((5331 / 2 / 4.184, 1.455), 1e-5)
    assert table.term("angle", ("CT", "SO", "O3")).values == pytest.approx(
        (870 / 2 / 4.184, 104.5), 1e-5
    )
    assert table.term("dihedral", ("CT", "CT", "CT", "SO")).values == pytest.approx(
        (-16.1 / 4.184, -2.0046 / 4.184, 0.7674 / 4.184, 0.0), abs=5e-5
    )


def test_of_several_lines_of_a_key_the_last_counts():
    text = (
        "dihedral_coeff @dihedral:CT_CT_CT_CT__2 1.1 -0.2 0.2 0.0 # butane only\n"
        "dihedral_coeff @dihedral:CT_CT_CT_CT__1 0.85 -0.2 0.2 0.0 # hydrocarbon\n"
    )
    term = parse_lt(text).term("dihedral", ("CT",) * 4)
    assert term.values[0] == 0.85
    assert term.source == (
        "oplsaa2024: hydrocarbon; one of 2 lines of the table for this key, the others: butane only"
    )


def test_lines_of_a_key_that_say_the_same_are_no_doubt():
    text = "bond_coeff @bond:CT_HC__2 340. 1.09 # a\nbond_coeff @bond:CT_HC__1 340. 1.09 # b\n"
    assert parse_lt(text).term("bond", ("CT", "HC")).source == "oplsaa2024: b"


def torsion(types):
    return opls_table().term("dihedral", tuple(types.split("-")))


def test_the_amide_of_a_side_chain_has_the_torsions_of_small_amides_not_of_a_backbone():
    assert torsion("CT-CT-C~-N~").values == (2.844, -0.361, -0.325, 0.0)
    assert torsion("CT-CT-C~-O~").values == (0.406, 1.304, 0.139, 0.0)
    assert torsion("CT-CT-N~-C~").values == (-1.396, -0.427, 0.0, 0.0)
    source = torsion("N~-C~-CT-CT").source
    assert source.startswith("oplsaa2024: propanamide OPLS-AA/M (")
    assert "; one of 5 lines of the table for this key, the others: Chi-2 Asn OPLS-AA/M, " in source
    used = [term.source for term in parametrise_chain(link([AMPS] * 3)).dihedral_types]
    assert not [
        source for source in used if source.startswith(("oplsaa2024: Psi' ", "oplsaa2024: Phi' "))
    ]


def test_esters_and_carboxylates_have_torsions_of_their_own_and_all_else_of_a_carbonyl():
    assert torsion("CT-CT-Ce-O~").values == (0.0, 0.0, 0.0, 0.0)
    assert torsion("CT-CT-Ce-OS").values == torsion("CT-CT-C~-OS").values == (0.0, 0.0, -0.553, 0.0)
    assert torsion("Ce-CT-CT-CT").values == (-1.697, -0.456, 0.585, 0.0)
    assert torsion("CT-CT-CT-Cc").values == (-3.185, -0.825, 0.493, 0.0)
    assert opls_table().improper("Ce", ("CT", "OS", "O~"))[0].values == (10.5, -1.0, 2.0)
    both = [opls_table().atom_types[name] for name in ("ester_C", "opls_465")]
    assert len({(each.charge_e, each.sigma_A, each.epsilon_kcal_mol) for each in both}) == 1


def test_a_choice_among_the_tables_lines_is_one_of_them():
    overlay = tomllib.loads(resource("data", "oplsaa", "overlay.toml").read_text(encoding="utf-8"))
    published = parse_lt(resource("data", "oplsaa", "oplsaa2024.lt").read_text(encoding="utf-8"))
    likes = {row["bonded"]: row["like"] for row in overlay["types"] if "like" in row}
    lines = {(rule.source, rule.values) for rule in published.rules["dihedral"]}
    chosen = [row for row in overlay["dihedrals"] if row["source"].startswith("oplsaa2024")]
    assert len(chosen) == 9
    assert likes == {"Ce": "C~", "Cc": "C~", "Cq": "CT"}
    for row in chosen:
        assert (row["source"].partition(" (")[0], tuple(row["v"])) in lines


def test_the_arm_of_amps_is_turned_neither_by_cysteine_nor_twice_by_alkylsulfonates():
    used = {term.types: term for term in parametrise_chain(link([AMPS] * 2)).dihedral_types}
    about = [
        term for types, term in used.items() if types[-1] == "SO" and types[1:3] == ("Cq", "CT")
    ]
    assert sorted(term.types[0] for term in about) == ["CT", "N~"]
    for term in about:
        assert term.values == (0.0, 0.0, 0.0, 0.0)
        assert term.source.startswith("set to zero: ")
    assert torsion("CT-CT-CT-SO").values[0] == -3.848


def test_the_carbon_between_amide_and_sulfonate_is_else_that_of_the_tables():
    own, published = (opls_table().atom_types[name] for name in ("amps_C", "opls_230"))
    assert own.term.values == published.term.values
    assert own.charge_e == published.charge_e
    for kind, types in (
        ("bond", ("Cq", "CT")),
        ("angle", ("N~", "Cq", "CT")),
        ("dihedral", ("HC", "CT", "Cq", "N~")),
        ("dihedral", ("C~", "N~", "Cq", "CT")),
    ):
        plain = tuple("CT" if name == "Cq" else name for name in types)
        assert opls_table().term(kind, types).values == opls_table().term(kind, plain).values


def test_no_ammonium_ions_torsion_turns_a_choline_ester_to_anti():
    assert torsion("N3-CT-CT-OS").values == (0.0, 0.0, 0.0, 0.0)
    assert torsion("CT-CT-CT-N3").values == (2.732, -0.229, 0.485, 0.0)


@pytest.mark.parametrize(
    ("unit", "kind", "types"),
    [
        (AMPS, "dihedral", "N~-Cq-CT-SO"),
        (AMPS, "dihedral", "CT-Cq-CT-SO"),
        (TMAEMA, "dihedral", "N3-CT-CT-OS"),
        (TMAEMA, "dihedral", "CT-CT-N3-CT"),
        (TMAEMA, "dihedral", "CT-N3-CT-HC"),
        (TMAEMA, "angle", "CT-N3-CT"),
        (NAFION, "angle", "CF-CF-SB"),
        (NAFION, "dihedral", "F~-CF-CF-SB"),
        (NAFION, "dihedral", "CF-CF-SB-OB"),
        (NAFION, "atom", "clp_C1F"),
    ],
)
def test_what_was_fitted_to_another_group_is_doubtful(unit, kind, types):
    found = getattr(parametrise_chain(link([unit] * 2)), f"{kind}_types")
    wanted = tuple(types.split("-"))
    term = next(each for each in found if each.types in (wanted, wanted[::-1]))
    row = ParameterRow(
        kind=kind,
        number=1,
        atom_types=types,
        n_used=1,
        meaning="",
        values=term.values,
        source=term.source,
    )
    (doubt,) = check_parameters([row]).doubts
    assert doubt.reason in ("by analogy", "set to zero: no published term is for it")


def test_what_clp_has_for_longer_perfluoroalkanesulfonylamides_cites_their_paper():
    overlay = tomllib.loads(resource("data", "oplsaa", "overlay.toml").read_text(encoding="utf-8"))
    rows = [row for kind in overlay.values() for row in kind]
    cited = [row["source"] for row in rows if "CL&P longer perfl" in row["source"]]
    assert len(cited) == 6
    assert all("J. Phys. Chem. B 114 (2010) 3592, used for a sulfonate" in each for each in cited)


def test_a_perfluoro_ether_is_shorter_and_wider_than_an_ether():
    table = opls_table()
    for kind, types, value in (("bond", "CF-OS", 1.363), ("angle", "CF-OS-CF", 112.5)):
        own = table.term(kind, tuple(types.split("-")))
        ether = table.term(kind, tuple(types.replace("CF", "CT").split("-")))
        assert own.values == (ether.values[0], value)
        assert "k by analogy from OPLS CT-OS" in own.source


def test_beside_perfluorinated_carbon_the_oxygen_of_an_ether_stands_for_fluorine():
    for ether, fluorine in (
        ("OS-CF-CF-SB", "F~-CF-CF-SB"),
        ("FB-CF-CF-OS", "FB-CF-CF-F~"),
        ("F~-CF-CF-OS", "F~-CF-CF-F~"),
        ("OS-CF-CF-OS", "F~-CF-CF-F~"),
        ("CF-CF-CF-OS", "CF-CF-CF-F~"),
        ("HC-CF-CF-OS", "HC-CF-CF-F~"),
    ):
        assert torsion(ether).values == torsion(fluorine).values


def test_the_hydroxyl_of_an_alcohol_is_no_trifluoroethanol():
    term = opls_table().term("dihedral", ("HO", "OH", "CT", "CT"))
    assert term.values == (-0.5, 0.2, 0.3, 0.0)


def test_a_wildcard_stands_for_one_character():
    table = parse_lt("dihedral_coeff @dihedral:HC_CT_OS_C€ 0.0 0.0 0.76 0.0 # ethers")
    assert table.term("dihedral", ("HC", "CT", "OS", "CT")) is not None
    assert table.term("dihedral", ("HC", "CT", "OS", "P~")) is None


def test_a_line_with_too_few_numbers_is_refused():
    with pytest.raises(InputError, match="has 1 numbers, a bond has 2"):
        parse_lt("bond_coeff @bond:CT_HC 340. # CHARMM 22")


def test_an_overlay_entry_without_a_field_is_refused(tmp_path):
    path = tmp_path / "overlay.toml"
    path.write_text("types = []\nangles = []\ndihedrals = []\nimpropers = []\n[[bonds]]\nk = 1\n")
    with pytest.raises(InputError, match="an entry lacks 'r0'"):
        overlaid(opls_table(), path)


def test_the_centre_of_an_improper_is_third_and_the_oxygen_of_a_carbonyl_last():
    parameters = parametrise_chain(link([AMPS] * 2))
    bonded = {frozenset(row[1:]) for row in parameters.bonds.tolist()}
    elements = parameters.elements
    for kind, first, second, centre, last in parameters.impropers.tolist():
        assert all(frozenset((atom, centre)) in bonded for atom in (first, second, last))
        if parameters.improper_types[kind].values[0] == 10.5:
            assert (elements[centre], elements[last]) == ("C", "O")
    assert len(parameters.impropers) == 4


def test_no_typing_rule_is_dead(monkeypatch):
    used = set()

    def watched(fragment, rules):
        found = typed_atoms(fragment, rules)
        used.update(rule.smarts for rule in found if rule)
        return found

    monkeypatch.setattr(oplsaa_typing, "typed_atoms", watched)
    catalogue = [load_membrane(name).polymer.units for name in membrane_names()]
    for units in (*catalogue, *([unit] for unit in FURTHER)):
        for chain_units in chains_of(units):
            parametrise_chain(link(chain_units))
    assert [rule.smarts for rule in typing_rules() if rule.smarts not in used] == []


def test_every_rule_names_a_type_of_the_tables():
    assert {rule.type_name for rule in typing_rules()} <= set(opls_table().atom_types)


def test_equivalent_atoms_have_equal_types():
    parameters = parametrise_chain(link([SULFONATE, AMPS, SULFATE]))
    bonded: dict[int, list[int]] = {}
    for _, first, second in parameters.bonds.tolist():
        bonded.setdefault(first, []).append(second)
        bonded.setdefault(second, []).append(first)
    types = type_of_each_atom(parameters)
    terminal = [
        {types[o] for o in bonded[s] if len(bonded[o]) == 1}
        for s, element in enumerate(parameters.elements)
        if element == "S"
    ]
    assert terminal == [{"clp_OS3"}, {"clp_OS3"}, {"clp_OS4"}]


def test_another_spelling_of_a_unit_gives_the_same_chain():
    other = RepeatUnit("other", "C([*])C(c1ccc(S([O-])(=O)=O)cc1)[*]")
    first, second = (parametrise_chain(link([unit] * 2)) for unit in (SULFONATE, other))
    assert sorted(type_of_each_atom(first)) == sorted(type_of_each_atom(second))
    assert len(first.dihedrals) == len(second.dihedrals)


def test_tethered_sites_are_oxygens_or_their_sulfur_and_nitrogens():
    parameters = parametrise_chain(link([SULFONATE, PYRIDINIUM, STYRENE]))
    elements = np.array(parameters.elements)
    assert sorted(elements[parameters.is_tethered_paper]) == ["N", "O", "O", "O"]
    assert sorted(elements[parameters.is_tethered_center]) == ["N", "S"]


def test_the_styles_are_those_of_the_field():
    styles = parametrise_chain(link([ALCOHOL] * 2)).styles
    assert (styles.dihedral, styles.mixing) == ("opls", "geometric")
    assert styles.special_bonds == "lj/coul 0.0 0.0 0.5"


def test_every_term_says_where_it_comes_from():
    parameters = parametrise_chain(link([PYRIDINIUM, SULFONATE, AMPS]))
    for kind in ("atom", "bond", "angle", "dihedral", "improper"):
        for term in getattr(parameters, f"{kind}_types"):
            assert term.source.startswith(
                ("oplsaa2024", "CL&P", "OPLS", "by analogy from", "set to zero", "Lennard-Jones of")
            )


def test_all_that_is_missing_is_named_at_once():
    unit = RepeatUnit("odd", "[*]CC([*])P(=O)([O-])OC(F)C#N")
    with pytest.raises(ForceFieldError) as caught:
        parametrise_chain(link([unit, PYRIDINIUM, RepeatUnit("vdf", "[*]CC([*])(F)F")]))
    message = str(caught.value)
    for part in (
        "does not cover a polymer of odd, pyridinium, vdf",
        "no type for odd atom 2 (P bonded to COOO); odd atom 3",
        "no term for bond CF-CT; ",
        "What you can do: --force-field gaff2, which estimates what its tables lack. ",
        "can be added: data/oplsaa/SOURCES.md",
    ):
        assert part in message


def test_types_that_do_not_add_up_to_the_formal_charge_are_refused():
    with pytest.raises(ForceFieldError, match=r"4VP sums to -0\.0650, formal charge \+0") as caught:
        parametrise_chain(link([RepeatUnit("4VP", "[*]CC([*])c1ccncc1")] * 2))
    assert "your own charges in a file (--charges, docs/molecules.md); or --f" in str(caught.value)


def test_a_small_drift_is_spread_evenly_recorded_and_told(monkeypatch):
    table = opls_table()
    types = dict(table.atom_types)
    types["opls_154"] = replace(types["opls_154"], charge_e=-0.683 + MAX_DRIFT_E / 2)
    monkeypatch.setattr(oplsaa, "opls_table", lambda: replace(table, atom_types=types))
    said: list[str] = []
    parameters = parametrise_chain(link([ALCOHOL] * 3), say=said.append)
    assert parameters.charges_e.sum() == pytest.approx(0.0, abs=1e-12)
    (origin,) = parameters.charge_origins
    assert (origin.residue, origin.drift_e) == ("vinyl alcohol", MAX_DRIFT_E / 2)
    assert said == ["vinyl alcohol: +0.0100 e spread over its atoms"]


def test_a_user_gives_the_charges_of_a_unit(tmp_path, unit_charges):
    path = tmp_path / "mine.toml"
    path.write_text(
        '[[unit]]\nsmiles = "OC([*])C[*]"\ncharges = [-0.6, 0.1, -0.1]\n'
        "hydrogens = [0.4, 0.06, 0.07]\n"
    )
    chain = link([ALCOHOL] * 3)
    parameters = parametrise_chain(chain, str(path))
    assert charges_of(parameters, "opls_154") == {-0.6}
    assert charges_of(parameters, "opls_155") == {0.4}
    assert unit_charges(chain, parameters) == pytest.approx([0.0] * 3, abs=1e-9)
    (origin,) = parameters.charge_origins
    assert origin.method == "user"
    assert origin.source.startswith("mine.toml (SHA-256 ")
    with pytest.raises(InputError, match="has no charges for styrene"):
        parametrise_chain(link([ALCOHOL, STYRENE]), str(path))


def test_a_users_charges_do_where_those_of_the_types_do_not_add_up(tmp_path):
    path = tmp_path / "mine.csv"
    smiles = "[*]CC([*])c1ccncc1"
    rows = "\n".join(f"{smiles},{atom},0.0,0.0" for atom in range(8))
    path.write_text(f"smiles,atom,charge_e,hydrogen_charge_e\n{rows}\n")
    parameters = parametrise_chain(link([RepeatUnit("4VP", smiles)] * 3), str(path))
    assert not parameters.charges_e.any()


def test_charges_of_another_force_field_are_refused():
    with pytest.raises(InputError, match="'am1bcc' do not belong to oplsaa: gaff2 takes am1bcc"):
        parametrise_chain(link([ALCOHOL] * 2), "am1bcc")
    with pytest.raises(InputError, match="'opls' do not belong to gaff2"):
        charges_for("gaff2", "opls")
    with pytest.raises(UnknownNameError, match="unknown charge method 'gasteiger'"):
        charges_for("oplsaa", "gasteiger")
    with pytest.raises(UnknownNameError, match="unknown force field 'amber'"):
        charges_for("amber")


def test_a_molecule_that_was_not_linked_is_refused():
    with pytest.raises(InputError, match=r"belongs to no repeat unit; .*polymer.chain.link"):
        parametrise_chain(Chem.AddHs(Chem.MolFromSmiles("CCO")))
