r"""Atoms with the same surroundings have the same embedding, so it is computed once.

Two atoms that agree in their own features and in those of their neighbours leave the first
convolution with equal vectors, in whichever polymer they sit; and so on, layer by layer (colour
refinement; Weisfeiler and Leman 1968). With one representative a class, the network of
:mod:`iemhpc.model.gcn` is a few products with constant matrices,

.. math:: H_1 = \mathrm{ReLU}(U_1 W_1 + b_1), \quad H_2 = \mathrm{ReLU}(U_2 H_1 W_2 + b_2),
          \quad Z = R H_2,

where the rows of :math:`U_1` are the distinct rows of :math:`\hat A X`. It is the same
mathematics, and its cost does not grow with the length of an oligomer.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import sparse
from torch import Tensor, nn

from iemhpc.model.gcn import ActivityNetwork, batch_of
from iemhpc.model.graph import Graph

_DIGITS = 10
"""Rows that agree to so many decimals are one class; a class too many would only cost time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CompressedGraphs:
    """Several graphs as the constant matrices of their embedding."""

    layers: tuple[Tensor, ...]
    """U of each convolution, shape (n_classes of this layer, n_classes of the layer before)."""
    readout: Tensor
    """R, the mean over the atoms of a graph, shape (n_graphs, n_classes of the last layer)."""

    def to(self, device: torch.device | str) -> "CompressedGraphs":
        """Return the matrices on another device."""
        return CompressedGraphs(
            layers=tuple(layer.to(device) for layer in self.layers),
            readout=self.readout.to(device),
        )


def compress(graphs: Sequence[Graph], *, depth: int = 2) -> CompressedGraphs:
    """Return the constant matrices of some graphs for a network of ``depth`` convolutions.

    Examples
    --------
    A chain has atoms at the end, next to it, next but one, and inside: four kinds, however long.

    >>> from iemhpc.model.graph import graph_of
    >>> small = compress([graph_of("C" * 6), graph_of("C" * 60)])
    >>> small.readout.shape
    torch.Size([2, 4])
    """
    batch = batch_of(graphs)
    n_atoms = len(batch.x)
    adjacency = _normalised_adjacency(batch.edge_index.numpy(), n_atoms)
    below = sparse.csr_array(batch.x.double().numpy())
    layers, place = [], np.arange(n_atoms)
    for _ in range(depth):
        distinct, place = _distinct_rows(sparse.csr_array(adjacency @ below))
        layers.append(torch.from_numpy(distinct.toarray()).float())
        below = _membership(place, distinct.shape[0])
    graph_index = batch.graph_index.numpy()
    of_graph = _membership(graph_index, batch.n_graphs).T
    counts = (of_graph @ below).toarray()
    readout = counts / counts.sum(axis=1, keepdims=True)
    return CompressedGraphs(layers=tuple(layers), readout=torch.from_numpy(readout).float())


def embed_compressed(network: ActivityNetwork, graphs: CompressedGraphs) -> Tensor:
    """Return what ``network.embed`` returns for the same graphs, shape (n_graphs, hidden)."""
    first, *others = zip(network.convolutions, graphs.layers, strict=True)
    atoms = _convolve(first[0], first[1])
    for convolution, layer in others:
        atoms = _convolve(convolution, layer @ atoms)
    return graphs.readout @ atoms


def _convolve(convolution: nn.Module, arrived: Tensor) -> Tensor:
    """Return what the convolution makes of features that its neighbours have sent already."""
    return torch.relu(convolution.get_submodule("lin")(arrived) + convolution.get_parameter("bias"))


def _normalised_adjacency(edge_index: NDArray[np.int64], n_atoms: int) -> sparse.csr_array:
    ends, begins = edge_index
    ones = np.ones(len(ends))
    with_loops = sparse.csr_array((ones, (ends, begins)), shape=(n_atoms, n_atoms))
    with_loops = with_loops + sparse.eye_array(n_atoms, format="csr")
    scale = sparse.diags_array(1.0 / np.sqrt(np.asarray(with_loops.sum(axis=1)).ravel()))
    return sparse.csr_array(scale @ with_loops @ scale)


def _distinct_rows(matrix: sparse.csr_array) -> tuple[sparse.csr_array, NDArray[np.int64]]:
    """Return the distinct rows in order of appearance, and which of them each row is."""
    matrix.sum_duplicates()
    known: dict[tuple[bytes, bytes], int] = {}
    first, place = [], np.empty(matrix.shape[0], dtype=np.int64)
    for row in range(matrix.shape[0]):
        span = slice(matrix.indptr[row], matrix.indptr[row + 1])
        values = np.round(matrix.data[span], _DIGITS) + 0.0  # -0.0 becomes 0.0
        key = (matrix.indices[span].tobytes(), values.tobytes())
        if key not in known:
            known[key] = len(known)
            first.append(row)
        place[row] = known[key]
    return sparse.csr_array(matrix[first]), place


def _membership(place: NDArray[np.int64], n_classes: int) -> sparse.csr_array:
    shape = (len(place), n_classes)
    return sparse.csr_array((np.ones(len(place)), (np.arange(len(place)), place)), shape=shape)
