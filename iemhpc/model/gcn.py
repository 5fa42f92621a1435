r"""The networks of the study as plain PyTorch Geometric modules.

.. math:: H' = \mathrm{ReLU}(\tilde D^{-1/2} (A + I) \tilde D^{-1/2} H W + b)

Two such layers with the same weights for polymer and salt, the mean over the atoms of each, both
means and the scalars side by side, then H -> H -> H -> 1 with ReLU between and a linear output.
The level of a model says which scalars it sees; the rest is the same.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import torch
from torch import Tensor, nn
from torch_geometric.nn import GCNConv, global_mean_pool

from iemhpc.errors import unknown_name
from iemhpc.model.graph import N_FEATURES, Graph
from iemhpc.tables.dataset import CONDITIONS, LEVELS
from iemhpc.tables.descriptors import DESCRIPTORS

SCALARS: dict[str, tuple[str, ...]] = {
    "graph": (),
    "graph+conditions": CONDITIONS,
    "graph+conditions+md": (*CONDITIONS, *DESCRIPTORS),
}
"""The dataset's columns that a model of each level sees beside the graphs."""


def scalars_of(level: str, inputs: Sequence[str] = ()) -> tuple[str, ...]:
    """Return the scalar columns of a level.

    Parameters
    ----------
    level : str
        One of ``LEVELS``.
    inputs : sequence of str
        Further columns of the dataset, which the level with descriptors sees after the twelve.

    Raises
    ------
    UnknownNameError
        Where there is no such level.

    Examples
    --------
    >>> scalars_of("graph+conditions")
    ('salt_molar', 'water_per_site')
    >>> scalars_of("graph+conditions+md", ["water_cluster_mean_size"])[-1]
    'water_cluster_mean_size'
    """
    if level not in SCALARS:
        raise unknown_name("level", level, LEVELS)
    return (*SCALARS[level], *(inputs if takes_inputs(level) else ()))


def takes_inputs(level: str) -> bool:
    """Whether a level sees what molecular dynamics says: the twelve descriptors, and inputs."""
    return level in SCALARS and DESCRIPTORS[0] in SCALARS[level]


@dataclass(frozen=True, slots=True, kw_only=True)
class GraphBatch:
    """Several graphs as one graph without bonds between them."""

    x: Tensor
    """Node features, shape (n_atoms, 69)."""
    edge_index: Tensor
    """Bonds both ways, shape (2, n_edges)."""
    graph_index: Tensor
    """The graph of each atom, shape (n_atoms,), in rising order."""
    n_graphs: int
    """Graphs in the batch."""

    def to(self, device: torch.device | str) -> "GraphBatch":
        """Return the batch on another device."""
        return GraphBatch(
            x=self.x.to(device),
            edge_index=self.edge_index.to(device),
            graph_index=self.graph_index.to(device),
            n_graphs=self.n_graphs,
        )

    def with_x(self, x: Tensor) -> "GraphBatch":
        """Return the same graphs with other node features, shape (n_atoms, 69)."""
        return GraphBatch(
            x=x, edge_index=self.edge_index, graph_index=self.graph_index, n_graphs=self.n_graphs
        )


def batch_of(graphs: Sequence[Graph]) -> GraphBatch:
    """Put graphs side by side.

    Examples
    --------
    >>> from iemhpc.model.graph import graph_of
    >>> batch_of([graph_of("CCO"), graph_of("[Na+].[Cl-]")]).graph_index.tolist()
    [0, 0, 0, 1, 1]
    """
    sizes = [graph.n_atoms for graph in graphs]
    starts = np.concatenate([[0], np.cumsum(sizes)[:-1]]).astype(np.int64)
    edges = [graph.edge_index + start for graph, start in zip(graphs, starts, strict=True)]
    return GraphBatch(
        x=torch.from_numpy(np.concatenate([graph.node_features for graph in graphs])),
        edge_index=torch.from_numpy(np.concatenate(edges, axis=1)),
        graph_index=torch.repeat_interleave(torch.tensor(sizes)),
        n_graphs=len(graphs),
    )


class ActivityNetwork(nn.Module):
    """One network: polymers, salts and scalars in, one number a row out.

    Parameters
    ----------
    hidden : int
        Width of all layers.
    n_scalars : int
        Scalars beside the graphs: 0, 2, 14 or, with further inputs, more.
    depth : int
        Graph convolutions; the study has two.
    """

    def __init__(self, *, hidden: int, n_scalars: int, depth: int = 2) -> None:
        super().__init__()
        widths = [N_FEATURES, *[hidden] * depth]
        self.convolutions = nn.ModuleList(GCNConv(a, b) for a, b in pairwise(widths))
        self.dense = nn.Sequential(
            nn.Linear(2 * hidden + n_scalars, hidden),
            nn.ReLU(),
            nn.Linear(hidden, hidden),
            nn.ReLU(),
            nn.Linear(hidden, hidden),
            nn.ReLU(),
            nn.Linear(hidden, 1),
        )

    def embed(self, batch: GraphBatch) -> Tensor:
        """Return the mean over the atoms of each graph, shape (n_graphs, hidden)."""
        atoms = batch.x
        for convolution in self.convolutions:
            atoms = torch.relu(convolution(atoms, batch.edge_index))
        pooled: Tensor = global_mean_pool(atoms, batch.graph_index, batch.n_graphs)
        return pooled

    def head(self, polymers: Tensor, salts: Tensor, scalars: Tensor) -> Tensor:
        """Return the output of rows whose graphs are embedded already.

        Parameters
        ----------
        polymers, salts : Tensor, shape (n_rows, hidden)
            Embeddings, one a row.
        scalars : Tensor, shape (n_rows, n_scalars)
            Scaled.

        Returns
        -------
        Tensor, shape (n_rows,)
            In the target's units.
        """
        joined = torch.cat([polymers, salts, scalars], dim=1)
        output: Tensor = self.dense(joined).squeeze(1)
        return output

    def forward(
        self,
        polymers: GraphBatch,
        salts: GraphBatch,
        *,
        polymer_index: Tensor,
        salt_index: Tensor,
        scalars: Tensor,
    ) -> Tensor:
        """Return the output of each row.

        Each distinct graph is embedded once and picked by index, which is the same mathematics
        as one graph a row.

        Parameters
        ----------
        polymers, salts : GraphBatch
            The distinct graphs.
        polymer_index, salt_index : Tensor, shape (n_rows,)
            The graph of each row in its batch.
        scalars : Tensor, shape (n_rows, n_scalars)
            Scaled.
        """
        polymer_rows = self.embed(polymers)[polymer_index]
        salt_rows = self.embed(salts)[salt_index]
        return self.head(polymer_rows, salt_rows, scalars)
