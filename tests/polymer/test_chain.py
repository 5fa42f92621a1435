"""Chains: valences, charges, masses, and the memory of where each atom came from."""

import sys

import pytest
from rdkit import Chem

from iemhpc.errors import ChemistryError
from iemhpc.polymer.catalog import load_membrane, membrane_names
from iemhpc.polymer.chain import link
from iemhpc.polymer.repeat_unit import RepeatUnit, average_mass_g_mol, tethered_atoms
from iemhpc.polymer.sequence import chain_sequence

HYDROGEN_G_MOL = 1.008
VALENCES = {"C": 4, "O": 2, "F": 1, "H": 1}


@pytest.fixture(params=membrane_names())
def units(request) -> tuple[RepeatUnit, ...]:
    return chain_sequence(load_membrane(request.param).polymer, 12, seed=3)


def test_chain_has_the_mass_and_charge_of_its_units(units):
    chain = link(units)
    # Two end caps, and two on the far side of each cross-linker.
    caps = 2 + 2 * sum(unit.n_attachments == 4 for unit in units)
    mass = sum(unit.mass_g_mol for unit in units) + caps * HYDROGEN_G_MOL
    assert average_mass_g_mol(chain) == pytest.approx(mass, abs=1e-6)
    assert Chem.GetFormalCharge(chain) == sum(unit.charge for unit in units)


def test_every_atom_of_a_chain_has_its_valence(units):
    chain = link(units)
    Chem.Kekulize(chain, clearAromaticFlags=True)
    for atom in chain.GetAtoms():
        bonds = sum(bond.GetBondTypeAsDouble() for bond in atom.GetBonds())
        if atom.GetSymbol() in VALENCES:
            charge = atom.GetFormalCharge()
            assert bonds == VALENCES[atom.GetSymbol()] + charge, atom.GetSymbol()
        if atom.GetSymbol() == "N":
            assert bonds == 3 + atom.GetFormalCharge()
        assert atom.GetTotalNumHs() == 0
        assert atom.GetNumRadicalElectrons() == 0


def test_chain_is_one_molecule_with_hydrogens_last(units):
    chain = link(units)
    numbers = [atom.GetAtomicNum() for atom in chain.GetAtoms()]
    n_heavy = sum(number > 1 for number in numbers)
    assert len(Chem.GetMolFrags(chain)) == 1
    assert set(numbers[n_heavy:]) == {1}
    assert n_heavy == sum(unit.n_atoms for unit in units)


def test_atoms_remember_their_unit_and_their_place_in_its_smiles(units):
    chain = link(units)
    seen = []
    for atom in chain.GetAtoms():
        unit = units[atom.GetIntProp("unit_index")]
        place = atom.GetIntProp("unit_atom")
        assert atom.GetProp("unit_name") == unit.name
        mol = Chem.MolFromSmiles(unit.smiles)
        kept = [a for a in mol.GetAtoms() if a.GetAtomicNum()]
        if atom.GetAtomicNum() > 1:
            assert kept[place].GetSymbol() == atom.GetSymbol()
            assert kept[place].GetFormalCharge() == atom.GetFormalCharge()
            seen.append((atom.GetIntProp("unit_index"), place))
        else:
            heavy = atom.GetNeighbors()[0]
            assert heavy.GetIntProp("unit_index") == atom.GetIntProp("unit_index")
            assert heavy.GetIntProp("unit_atom") == place
    assert len(set(seen)) == len(seen)


def test_tethered_atoms_of_a_chain_are_oxygens_of_the_sulfonates():
    unit = RepeatUnit("styrenesulfonate", "[*]CC([*])c1ccc(cc1)S(=O)(=O)[O-]")
    chain = link([unit] * 3)
    sites = [a for a in chain.GetAtoms() if a.GetIntProp("unit_atom") in tethered_atoms(unit)]
    assert [a.GetSymbol() for a in sites] == ["O"] * 9


def test_units_are_linked_head_to_tail():
    chain = link([RepeatUnit("vinyl alcohol", "[*]CC([*])O")] * 3)
    assert Chem.MolToSmiles(Chem.RemoveHs(chain)) == "CC(O)CC(O)CCO"


def calls_of_linking(units):
    """Return how many calls Python makes to link units whose templates are known."""
    link(units)
    count = 0

    def see(_frame, event, _argument):
        nonlocal count
        count += event in ("call", "c_call")

    before = sys.getprofile()
    sys.setprofile(see)
    try:
        link(units)
    finally:
        sys.setprofile(before)
    return count


def test_the_work_of_linking_grows_linearly_with_the_units():
    units = chain_sequence(load_membrane("Nafion").polymer, 100, seed=1)
    assert sum(a.GetSymbol() == "S" for a in link(units).GetAtoms()) == 13
    once, twice, fourfold = (calls_of_linking(units * times) for times in (1, 2, 4))
    assert fourfold - twice == pytest.approx(2 * (twice - once), rel=0.02)
    assert fourfold < 4.2 * once


def test_chain_of_no_units_is_refused():
    with pytest.raises(ChemistryError, match="at least one repeat unit; got none"):
        link([])
