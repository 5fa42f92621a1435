"""Chains from residues: charges, terms, and what is said where something is missing."""

from dataclasses import replace

import numpy as np
import pytest
from rdkit import Chem

from iemhpc.errors import ForceFieldError, InputError, UnknownNameError
from iemhpc.forcefield import gaff2
from iemhpc.forcefield.gaff2 import parametrise_chain
from iemhpc.forcefield.parameters import scaled
from iemhpc.polymer.catalog import load_membrane, membrane_names
from iemhpc.polymer.chain import link
from iemhpc.polymer.repeat_unit import RepeatUnit

STYRENE = RepeatUnit("styrene", "[*]CC([*])c1ccccc1")
SULFONATE = RepeatUnit("styrenesulfonate", "[*]CC([*])c1ccc(cc1)S(=O)(=O)[O-]")
PYRIDINIUM = RepeatUnit("N-methyl-2-vinylpyridinium", "[*]CC([*])c1cccc[n+]1C")
ALCOHOL = RepeatUnit("vinyl alcohol", "[*]CC([*])O")
SIDE_CHAIN = load_membrane("Nafion").polymer.units[0]


def types_of(parameters):
    return [parameters.atom_types[kind].types[0] for kind in parameters.atom_type]


@pytest.mark.parametrize("membrane", membrane_names())
def test_every_unit_of_a_chain_has_its_formal_charge_wherever_it_stands(membrane, unit_charges):
    units = load_membrane(membrane).polymer.units
    for chain_units in ([*units, *units[::-1], units[0]], [units[0]], [units[-1]]):
        chain = link(chain_units)
        parameters = parametrise_chain(chain)
        assert unit_charges(chain, parameters) == pytest.approx(
            [unit.charge for unit in chain_units], abs=1e-9
        )
        assert parameters.charges_e.sum() == pytest.approx(Chem.GetFormalCharge(chain), abs=1e-9)


def test_the_cap_of_a_chain_is_charged_like_the_hydrogens_beside_it():
    chain = link([STYRENE] * 3)
    parameters = parametrise_chain(chain)
    methyl = next(a for a in chain.GetAtoms() if a.GetSymbol() == "C" and _n_hydrogens(a) == 3)
    hydrogens = [n.GetIdx() for n in methyl.GetNeighbors() if n.GetSymbol() == "H"]
    assert len(set(parameters.charges_e[hydrogens].tolist())) == 1
    assert {types_of(parameters)[place] for place in hydrogens} == {"hc"}


def test_the_cap_of_a_perfluorinated_end_has_its_own_type():
    chain = link([RepeatUnit("tfe", "[*]C(F)(F)C([*])(F)F"), SIDE_CHAIN])
    parameters = parametrise_chain(chain)
    types = types_of(parameters)
    caps = [types[atom.GetIdx()] for atom in chain.GetAtoms() if atom.GetSymbol() == "H"]
    assert caps == ["h2", "h2"]
    positive = [q for q, t in zip(parameters.charges_e, types, strict=True) if t == "h2"]
    assert all(0.0 < charge < 0.3 for charge in positive)


def test_polystyrene_has_as_many_terms_as_its_formula_says():
    parameters = parametrise_chain(link([STYRENE] * 3))
    # C24H26: 50 atoms, three rings; per four-bonded C six angles, per three-bonded C three.
    assert len(parameters.bonds) == 50 - 1 + 3
    assert len(parameters.angles) == 6 * 6 + 18 * 3
    assert len(parameters.impropers) == 18
    quadruples = {min(tuple(r), tuple(r[::-1])) for r in parameters.dihedrals[:, 1:].tolist()}
    assert len(quadruples) == len(parameters.dihedrals)


def test_tethered_sites_are_oxygens_or_their_sulfur_and_nitrogens():
    parameters = parametrise_chain(link([SULFONATE, PYRIDINIUM, STYRENE]))
    elements = np.array(parameters.elements)
    assert sorted(elements[parameters.is_tethered_paper]) == ["N", "O", "O", "O"]
    assert sorted(elements[parameters.is_tethered_center]) == ["N", "S"]


def test_another_spelling_of_a_unit_gives_the_same_chain():
    other = RepeatUnit("other", "C([*])C(c1ccc(S([O-])(=O)=O)cc1)[*]")
    first, second = (parametrise_chain(link([unit] * 2)) for unit in (SULFONATE, other))
    assert sorted(zip(types_of(first), first.charges_e.tolist(), strict=True)) == sorted(
        zip(types_of(second), second.charges_e.tolist(), strict=True)
    )
    assert len(first.dihedrals) == len(second.dihedrals)


def test_the_centre_of_an_improper_is_third_and_outer_atoms_are_sorted():
    parameters = parametrise_chain(link([PYRIDINIUM, STYRENE]))
    bonded = {frozenset(row[1:]) for row in parameters.bonds.tolist()}
    types = types_of(parameters)
    for _, first, second, centre, last in parameters.impropers.tolist():
        outer = (first, second, last)
        assert all(frozenset((atom, centre)) in bonded for atom in outer)
        assert list(outer) == sorted(outer, key=lambda atom: (types[atom], atom))


def test_every_term_says_where_it_comes_from_and_rough_ones_are_told():
    said: list[str] = []
    parameters = parametrise_chain(link([PYRIDINIUM] * 2), say=said.append)
    terms = [
        term
        for kind in ("atom", "bond", "angle", "dihedral", "improper")
        for term in getattr(parameters, f"{kind}_types")
    ]
    assert all(term.source.startswith(("gaff2.dat 2.2.20", "parmchk2 for")) for term in terms)
    assert len(said) == sum(term.penalty is not None and term.penalty > 10 for term in terms)
    assert any("ca-h4-ca-na is a rough estimate (parmchk2 for" in line for line in said)


def test_all_missing_terms_are_named_at_once(monkeypatch):
    table = gaff2.gaff2_table()
    bonds = {key: entry for key, entry in table.bonds.items() if key != ("c3", "ca")}
    angles = {key: entry for key, entry in table.angles.items() if key != ("c3", "c3", "ca")}
    dihedrals = {
        key: entry for key, entry in table.dihedrals.items() if key[1:3] not in {("c3", "ca")}
    }
    lacking = replace(table, bonds=bonds, angles=angles, dihedrals=dihedrals, impropers={})
    monkeypatch.setattr(gaff2, "gaff2_table", lambda: lacking)
    with pytest.raises(ForceFieldError) as caught:
        parametrise_chain(link([ALCOHOL, STYRENE]))
    message = str(caught.value)
    for missing in ("bond c3-ca", "angle c3-c3-ca", "improper c3-ca-ca-ca"):
        assert missing in message
    assert "a chain of vinyl_alcohol, styrene" in message
    assert "parmchk2 estimates them" in message


def test_a_molecule_that_was_not_linked_is_refused():
    with pytest.raises(InputError, match=r"belongs to no repeat unit; .*polymer.chain.link"):
        parametrise_chain(Chem.AddHs(Chem.MolFromSmiles("CCO")))


def test_implicit_hydrogens_are_refused():
    with pytest.raises(InputError, match="has hydrogens that are not atoms"):
        parametrise_chain(Chem.RemoveHs(link([ALCOHOL] * 2)))


def test_an_empty_molecule_is_refused():
    with pytest.raises(InputError, match="no atoms"):
        parametrise_chain(Chem.Mol())


def test_an_unknown_charge_method_is_refused():
    with pytest.raises(UnknownNameError, match="unknown charge method 'gasteiger'"):
        parametrise_chain(link([ALCOHOL] * 2), charges="gasteiger")


def test_a_lone_unknown_unit_does_not_show_where_its_neighbours_hang():
    with pytest.raises(InputError, match="does not show where the neighbours of 'x' hang"):
        parametrise_chain(link([RepeatUnit("x", "[*]CC([*])CCCF")]))


def _n_hydrogens(atom):
    return sum(other.GetSymbol() == "H" for other in atom.GetNeighbors())


def test_charges_come_from_a_residue_of_another_name_and_scale() -> None:
    pegda = RepeatUnit("PEGDA n=4", "[*]CC([*])C(=O)OCCOCCOCCOCCOC(=O)C([*])C[*]")
    amps = RepeatUnit("my AMPS", "[*]CC([*])C(=O)NC(C)(C)CS(=O)(=O)[O-]")
    parameters = parametrise_chain(link([pegda, amps]))
    origins = {origin.residue: origin for origin in parameters.charge_origins}
    assert set(origins) == set(parameters.residues) == {"PEGDA n=4", "my AMPS"}
    assert origins["PEGDA n=4"].source.startswith("residue PEGDA_4: ")
    assert origins["my AMPS"].source.startswith("residue AMPS: ")
    half = scaled(parameters, 0.5)
    of_amps = np.array(half.residues) == "my AMPS"
    assert half.charges_e[of_amps].sum() == pytest.approx(-0.5)
    assert half.charges_e[~of_amps] == pytest.approx(parameters.charges_e[~of_amps])
