import pandas as pd
import pytest
import torch

from iemhpc.errors import UnknownNameError
from iemhpc.model.compression import compress, embed_compressed
from iemhpc.model.gcn import ActivityNetwork, batch_of, scalars_of
from iemhpc.model.graph import graph_of
from iemhpc.model.inputs import inputs_of
from iemhpc.tables.dataset import LEVELS


def network(level: str, *, hidden: int = 16, depth: int = 2) -> ActivityNetwork:
    torch.manual_seed(3)
    return ActivityNetwork(hidden=hidden, n_scalars=len(scalars_of(level)), depth=depth).double()


def test_widths_are_those_of_the_study() -> None:
    made = ActivityNetwork(hidden=128, n_scalars=14)
    shapes = [tuple(one.shape) for name, one in made.named_parameters() if name.endswith("weight")]
    assert shapes == [(128, 69), (128, 128), (128, 270), (128, 128), (128, 128), (1, 128)]
    assert all(name.endswith(("weight", "bias")) for name, _ in made.named_parameters())


def test_convolution_is_equation_2_of_the_study() -> None:
    graph = graph_of("CC(O)C")
    made = network("graph")
    batch = batch_of([graph])
    adjacency = torch.eye(4, dtype=torch.float64)
    adjacency[batch.edge_index[0], batch.edge_index[1]] = 1.0
    scale = torch.diag(adjacency.sum(dim=1) ** -0.5)
    propagate = scale @ adjacency @ scale
    atoms = batch.x.double()
    for convolution in made.convolutions:
        weight, bias = convolution.get_parameter("lin.weight"), convolution.get_parameter("bias")
        atoms = torch.relu(propagate @ atoms @ weight.T + bias)
    embedded = made.embed(batch.with_x(batch.x.double()))
    torch.testing.assert_close(embedded[0], atoms.mean(dim=0))


@pytest.mark.parametrize("level", LEVELS)
def test_distinct_graphs_by_index_equal_one_graph_a_row(level: str, dataset: pd.DataFrame) -> None:
    made = network(level).float()
    results = []
    for share in (True, False):
        inputs = inputs_of(dataset, level, share_graphs=share)
        assert inputs.polymers.n_graphs == (len(set(dataset["polymer"])) if share else 50)
        outputs = made(
            inputs.polymers,
            inputs.salts,
            polymer_index=inputs.polymer_index,
            salt_index=inputs.salt_index,
            scalars=torch.from_numpy(inputs.scalars).float(),
        )
        results.append(outputs)
    torch.testing.assert_close(results[0], results[1])


@pytest.mark.parametrize("depth", [1, 2, 3])
def test_compressed_embedding_and_its_gradient_equal_those_of_the_graphs(depth: int) -> None:
    smiles = ["CC(O)CCOS(=O)(=O)[O-]", "CC(CC(C)c1ccccn1)c1ccccc1", "[Cl-].[Cl-].[Mg+2]"]
    graphs = [graph_of(one) for one in smiles]
    made = network("graph", depth=depth)
    batch = batch_of(graphs)
    small = compress(graphs, depth=depth)
    doubled = type(small)(
        layers=tuple(layer.double() for layer in small.layers), readout=small.readout.double()
    )
    gradients = []
    for embedded in (made.embed(batch.with_x(batch.x.double())), embed_compressed(made, doubled)):
        made.zero_grad()
        (embedded**2).sum().backward()
        gradients.append([p.grad.clone() for p in made.convolutions.parameters()])
    plain = made.embed(batch.with_x(batch.x.double()))
    # the constant matrices are kept in single precision
    torch.testing.assert_close(plain, embed_compressed(made, doubled), rtol=1e-5, atol=1e-6)
    for one, other in zip(*gradients, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-5, atol=1e-6)


def test_compression_does_not_grow_with_the_chain() -> None:
    short, long = (compress([graph_of("CC(O)" * n)]) for n in (10, 100))
    assert [layer.shape for layer in short.layers] == [layer.shape for layer in long.layers]


def test_unknown_level_lists_the_known_ones() -> None:
    with pytest.raises(UnknownNameError, match=r"unknown level 'grpah'; did you mean 'graph'\?"):
        scalars_of("grpah")
