import numpy as np
import pytest
from rdkit import Chem

from iemhpc.errors import ChemistryError
from iemhpc.model.graph import FEATURE_NAMES, N_FEATURES, N_TYPES, Graph, graph_of
from iemhpc.polymer.catalog import load_membrane, membrane_names
from iemhpc.polymer.oligomer import oligomer

NVP = "CC(c1cccc[n+]1C)CC(C)c1ccc(S(=O)(=O)[O-])cc1"


def are_equal(one: Graph, other: Graph) -> bool:
    return (
        one.smiles == other.smiles
        and np.array_equal(one.node_features, other.node_features)
        and np.array_equal(one.edge_index, other.edge_index)
    )


def column(graph: Graph, name: str) -> list[float]:
    return [float(value) for value in graph.node_features[:, FEATURE_NAMES.index(name)]]


def test_features_are_the_69_columns_of_the_study() -> None:
    assert (N_FEATURES, N_TYPES) == (69, 43)
    blocks = ("type_", "degree_", "implicit_hydrogens_", "hybridisation_")
    counts = [sum(name.startswith(block) for name in FEATURE_NAMES) for block in blocks]
    assert counts == [43, 11, 7, 5]
    assert len(set(FEATURE_NAMES)) == 69


@pytest.mark.parametrize(
    "spelling",
    [
        "[CH3][CH](c1cccc[n+]1C)CC(C)c1ccc(S(=O)(=O)[O-])cc1",
        "CC(C1=CC=CC=[N+]1C)CC(C)C1=CC=C(S(=O)(=O)[O-])C=C1",
        "C[n+]1ccccc1C(C)CC(C)c1ccc(cc1)S([O-])(=O)=O",
        "[CH3:7]C(c1cccc[n+]1C)CC(C)c1ccc(S(=O)(=O)[O-])cc1",
        "C[C@H](c1cccc[n+]1C)C[C@@H](C)c1ccc(S(=O)(=O)[O-])cc1",
    ],
    ids=["bracketed", "kekulised", "reordered", "atom map", "stereo"],
)
def test_another_spelling_gives_the_same_graph(spelling: str) -> None:
    assert are_equal(graph_of(spelling), graph_of(NVP))


def test_explicit_hydrogens_give_the_same_graph() -> None:
    spelling = Chem.MolToSmiles(Chem.AddHs(Chem.MolFromSmiles(NVP)))
    assert "[H]" in spelling
    assert are_equal(graph_of(spelling), graph_of(NVP))


@pytest.mark.parametrize("name", membrane_names())
def test_relabelled_atoms_of_every_catalogued_oligomer_give_the_same_graph(name: str) -> None:
    smiles = oligomer(load_membrane(name).polymer).smiles
    molecule = Chem.MolFromSmiles(smiles)
    order = np.random.default_rng(1).permutation(molecule.GetNumAtoms()).tolist()
    spelling = Chem.MolToSmiles(Chem.RenumberAtoms(molecule, order), canonical=False)
    assert spelling != smiles
    assert are_equal(graph_of(spelling), graph_of(smiles))


def test_benzene_sulfonate_has_the_features_that_a_chemist_expects() -> None:
    graph = graph_of("c1ccccc1S(=O)(=O)[O-]")
    assert graph.smiles == "O=S(=O)([O-])c1ccccc1"
    assert column(graph, "type_S") == [0, 1, 0, 0, 0, 0, 0, 0, 0, 0]
    assert column(graph, "formal_charge") == [0, 0, 0, -1, 0, 0, 0, 0, 0, 0]
    assert sum(column(graph, "aromatic")) == 6
    assert sum(column(graph, "implicit_hydrogens_1")) == 5
    assert column(graph, "degree_4")[1] == 1
    one_hot = graph.node_features[:, : N_TYPES + 11 + 7]
    assert np.array_equal(one_hot.sum(axis=1), np.full(10, 3.0))


def test_an_ion_has_no_hybridisation_and_no_bonds() -> None:
    graph = graph_of("[Na+].[Cl-]")
    start = FEATURE_NAMES.index("hybridisation_sp")
    assert graph.smiles == "[Cl-].[Na+]"
    assert not graph.node_features[1, start : start + 5].any()
    assert graph.edge_index.shape == (2, 0)


def test_every_bond_is_there_both_ways() -> None:
    edges = graph_of(NVP).edge_index
    pairs = {tuple(pair) for pair in edges.T.tolist()}
    assert len(pairs) == edges.shape[1] == 2 * Chem.MolFromSmiles(NVP).GetNumBonds()
    assert pairs == {(end, begin) for begin, end in pairs}


@pytest.mark.parametrize("text", ["C1CC", "", "  ", "not a molecule"])
def test_smiles_that_does_not_parse_is_refused_with_its_text(text: str) -> None:
    with pytest.raises(ChemistryError, match=r"does not parse; check brackets") as caught:
        graph_of(text)
    assert repr(text) in str(caught.value)


@pytest.mark.parametrize("element", ["Te", "At"])
def test_element_outside_the_set_is_refused_with_the_set(element: str) -> None:
    with pytest.raises(ChemistryError, match=rf"holds {element}, .* the model knows C N O S F Si"):
        graph_of(f"C[{element}]C")


def test_attachment_point_is_refused_with_advice() -> None:
    with pytest.raises(ChemistryError, match="give the oligomer, not the repeat unit"):
        graph_of("[*]CC([*])O")
