"""The same frames counted by mdtraj, MDAnalysis and freud, each by its own distances."""

import mdtraj
import numpy as np
import pytest

from iemhpc.descriptors.frames import Frames
from iemhpc.descriptors.pairs import PairAtoms, count_pairs

N_FRAMES = 5
N_IONS, N_SITES, N_WATERS = 12, 36, 800
BIN_A = 0.05
MOST_DIFFERENT = 2
"""Counts a frame that single precision may put into the next bin."""

ORTHOGONAL = np.diag([29.0, 31.5, 27.25])
TRICLINIC = np.array([[30.0, 0, 0], [9.25, 28.5, 0], [-7.5, 11.0, 31.0]])


@pytest.fixture(scope="module", params=[ORTHOGONAL, TRICLINIC], ids=["orthogonal", "triclinic"])
def frames(request) -> Frames:
    """Atoms at random in one box: NVT."""
    rng = np.random.default_rng(21)
    n_atoms = N_IONS + N_SITES + N_WATERS
    positions = rng.uniform(size=(N_FRAMES, n_atoms, 3)) @ request.param
    return Frames(
        rank=np.arange(N_FRAMES),
        positions_A=positions.astype(np.float32),
        vectors_A=np.repeat(request.param[None], N_FRAMES, axis=0),
    )


@pytest.fixture(scope="module")
def pairs() -> dict[str, PairAtoms]:
    ions = np.arange(N_IONS)
    sites = np.arange(N_IONS, N_IONS + N_SITES)
    water = np.arange(N_IONS + N_SITES, N_IONS + N_SITES + N_WATERS)
    return {
        "counterion_water": PairAtoms(reference=ions, neighbour=water, elements=("Na", "O")),
        "tethered_water": PairAtoms(reference=sites, neighbour=water, elements=("O", "O")),
        "tethered_counterion": PairAtoms(reference=sites, neighbour=ions, elements=("O", "Na")),
        "water_water": PairAtoms(reference=water, neighbour=water, elements=("O", "O")),
    }


def binned(distances_A: np.ndarray, n_bins: int) -> np.ndarray:
    near = distances_A[distances_A < n_bins * BIN_A]
    return np.bincount((near / BIN_A).astype(int), minlength=n_bins)[:n_bins]


def by_mdtraj(frames: Frames, atoms: PairAtoms, n_bins: int) -> list[np.ndarray]:
    trajectory = mdtraj.Trajectory(frames.positions_A / 10.0, topology=None)
    trajectory.unitcell_vectors = (frames.vectors_A / 10.0).astype(np.float32)
    grid = np.stack(np.meshgrid(atoms.reference, atoms.neighbour), axis=-1).reshape(-1, 2)
    grid = grid[grid[:, 0] != grid[:, 1]]
    distances_A = 10.0 * mdtraj.compute_distances(trajectory, grid).astype(np.float64)
    return [binned(one, n_bins) for one in distances_A]


def by_mdanalysis(frames: Frames, atoms: PairAtoms, n_bins: int) -> list[np.ndarray]:
    from MDAnalysis.lib.distances import capped_distance
    from MDAnalysis.lib.mdamath import triclinic_box

    counts = []
    for positions, vectors in zip(frames.positions_A, frames.vectors_A, strict=True):
        near, distances_A = capped_distance(
            positions[atoms.reference],
            positions[atoms.neighbour],
            max_cutoff=n_bins * BIN_A,
            box=triclinic_box(*vectors),
        )
        is_other = atoms.reference[near[:, 0]] != atoms.neighbour[near[:, 1]]
        counts.append(binned(distances_A[is_other], n_bins))
    return counts


def by_freud(frames: Frames, atoms: PairAtoms, n_bins: int) -> list[np.ndarray]:
    import freud

    freud.parallel.set_num_threads(1)
    rdf = freud.density.RDF(bins=n_bins, r_max=n_bins * BIN_A)
    is_same = np.array_equal(atoms.reference, atoms.neighbour)
    counts = []
    for positions, vectors in zip(frames.positions_A, frames.vectors_A, strict=True):
        box = freud.box.Box.from_matrix(vectors.T)
        wrapped = box.wrap(positions)
        query = None if is_same else wrapped[atoms.reference]
        rdf.compute((box, wrapped[atoms.neighbour]), query_points=query)
        counts.append(np.array(rdf.bin_counts, dtype=int))
    return counts


@pytest.mark.parametrize("peer", [by_mdtraj, by_mdanalysis, by_freud])
def test_counts_are_those_of_the_peer(frames, pairs, peer):
    found = count_pairs([frames], pairs, n_frames=N_FRAMES)
    for pair, atoms in pairs.items():
        counts = found[pair].counts  # as many blocks as frames
        theirs = peer(frames, atoms, counts.shape[1])
        n_pairs = counts.sum(axis=1)
        # a pair in the next bin changes two counts; the many pairs of water meet more edges
        n_different = np.abs(counts - theirs).sum(axis=1) / 2
        most = 1e-4 * n_pairs if pair == "water_water" else MOST_DIFFERENT
        assert (n_different <= most).all(), (pair, n_different)
        assert (n_pairs > 30).all()
