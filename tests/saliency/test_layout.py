import numpy as np
import pytest
from rdkit import Chem

from iemhpc.saliency.layout import crowding, lay_out, main_chain

STYRENE, SULFONATE = "CC(%)c1ccccc1", "CC(%)c1ccc(S(=O)(=O)[O-])cc1"
PYRIDINIUM = "CC(%)c1cccc[n+]1C"
AMPS = "CC(%)C(=O)NC(C)(C)CS(=O)(=O)[O-]"
DIMETHACRYLATE = "CC(C)(%)C(=O)OCCOCCOC(=O)C(C)C"
SIDE_CHAIN = "C(F)(F)C(%)(F)OC(F)(F)C(F)(C(F)(F)F)OC(F)(F)C(F)(F)S(=O)(=O)[O-]"
SPACER = "C(F)(F)C(F)(F)%"
POLYMERS = {
    "sulfonated polystyrene": [SULFONATE, STYRENE] * 6,
    "block of pyridinium": [STYRENE] * 10 + [PYRIDINIUM] * 10,
    "network of AMPS": [AMPS, AMPS, DIMETHACRYLATE, AMPS, DIMETHACRYLATE] * 2,
    "Nafion": ([SPACER] * 6 + [SIDE_CHAIN, SPACER]) * 3,
}


def polymer(units: list[str]) -> Chem.Mol:
    smiles = ""
    for unit in reversed(units):
        if smiles:
            smiles = unit.replace("(%)", f"({smiles})").replace("%", smiles)
        else:
            smiles = unit.replace("(%)", "").replace("%", "")
    return Chem.MolFromSmiles(Chem.CanonSmiles(smiles))


def bonds(mol: Chem.Mol) -> list[tuple[int, int]]:
    return [(bond.GetBeginAtomIdx(), bond.GetEndAtomIdx()) for bond in mol.GetBonds()]


@pytest.mark.parametrize("name", POLYMERS)
def test_long_oligomers_are_drawn_without_clashes(name):
    mol = polymer(POLYMERS[name])
    assert mol.GetNumAtoms() > 100
    assert crowding(lay_out(mol), bonds(mol)) < 2.0


@pytest.mark.parametrize("name", POLYMERS)
def test_the_main_chain_is_longer_than_it_is_high(name):
    mol = polymer(POLYMERS[name])
    width, height = np.ptp(lay_out(mol)[main_chain(mol)], axis=0)
    assert width > 5 * height


def test_bonds_are_one_long():
    mol = polymer(POLYMERS["block of pyridinium"])
    positions = lay_out(mol)
    lengths = [np.linalg.norm(positions[i] - positions[j]) for i, j in bonds(mol)]
    np.testing.assert_allclose(lengths, 1.0, atol=0.1)


def test_ions_stand_side_by_side():
    positions = lay_out(Chem.MolFromSmiles("[Cl-].[Cl-].[Mg+2]"))
    assert positions[:, 0].tolist() == [0.0, 2.0, 4.0]


def test_a_molecule_without_a_chain_is_drawn_as_usual():
    mol = Chem.MolFromSmiles("O=S(=O)([O-])[O-].[Na+].[Na+]")
    assert crowding(lay_out(mol), bonds(mol)) == 0.0


def test_atoms_on_top_of_each_other_count_as_crowded():
    assert crowding(np.zeros((2, 2)), []) == 4.0
    assert crowding(np.zeros((2, 2)), [(0, 1)]) == 0.0


def test_a_chain_of_all_kinds_of_branches_is_drawn():
    mol = Chem.MolFromSmiles("C(C)(C)(C)CC(C)(C)CCCC")
    assert len(main_chain(mol)) == 8
    assert np.isfinite(lay_out(mol)).all()
