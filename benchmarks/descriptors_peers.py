"""The three radial distributions by mdtraj, MDAnalysis and freud, for ``descriptors.py``.

Each in the ways that its own manual shows, as counts where it gives counts.
"""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import freud
import MDAnalysis
import mdtraj
import numpy as np
from descriptors_box import Case
from MDAnalysis.analysis.rdf import InterRDF
from MDAnalysis.lib.distances import capped_distance

CHUNK = 10
Count = Callable[[], list[np.ndarray]]


def by_freud(case: Case, *, n_bins: int, r_max_A: float) -> dict[str, Count]:
    """Return ways of counting by freud: a tree of boxes, or cells; positions are wrapped before."""
    freud.parallel.set_num_threads(1)
    box = freud.box.Box(*case.edges_A)
    groups = {
        name: [box.wrap(frame[at]) for frame in case.positions_A]
        for name, at in case.groups.items()
    }
    pairs = [pair.split("_") for pair in case.pairs()]

    def count(query: Callable[[Any], Any]) -> list[np.ndarray]:
        rdfs = [freud.density.RDF(bins=n_bins, r_max=r_max_A) for _ in pairs]
        for frame in range(len(case.positions_A)):
            found = {name: query(groups[name][frame]) for name in ("water", "counterion")}
            for rdf, (reference, neighbour) in zip(rdfs, pairs, strict=True):
                rdf.compute(found[neighbour], query_points=groups[reference][frame], reset=False)
        return [np.array(rdf.bin_counts, dtype=np.int64) for rdf in rdfs]

    return {
        "freud, AABBQuery": lambda: count(lambda points: freud.locality.AABBQuery(box, points)),
        "freud, LinkCell": lambda: count(
            lambda points: freud.locality.LinkCell(box, points, cell_width=r_max_A)
        ),
    }


def by_mdanalysis(case: Case, *, n_bins: int, r_max_A: float) -> list[np.ndarray]:
    """Count frames in memory by MDAnalysis' capped distances."""
    dimensions = np.array([*case.edges_A, 90.0, 90.0, 90.0], dtype=np.float32)
    return _capped(case, ((f, dimensions) for f in case.positions_A), n_bins, r_max_A)


def _capped(
    case: Case, frames: Iterator[tuple[np.ndarray, np.ndarray]], n_bins: int, r_max_A: float
) -> list[np.ndarray]:
    pairs = list(case.pairs().values())
    counts = [np.zeros(n_bins, dtype=np.int64) for _ in pairs]
    for positions, dimensions in frames:
        for k, pair in enumerate(pairs):
            _, distances = capped_distance(
                positions[pair.reference],
                positions[pair.neighbour],
                max_cutoff=r_max_A,
                box=dimensions,
            )
            counts[k] += np.histogram(distances, bins=n_bins, range=(0.0, r_max_A))[0]
    return counts


def in_double(case: Case, *, n_bins: int, r_max_A: float) -> list[np.ndarray]:
    """Count by all distances in double precision."""
    counts = []
    for pair in case.pairs().values():
        total = np.zeros(n_bins, dtype=np.int64)
        for frame in case.positions_A.astype(np.float64):
            neighbours = frame[pair.neighbour]
            for at in frame[pair.reference]:
                away = neighbours - at
                away -= case.edges_A * np.rint(away / case.edges_A)
                squared = (away**2).sum(axis=1)
                near = np.sqrt(squared[squared < r_max_A**2])
                total += np.bincount((near * (n_bins / r_max_A)).astype(int), minlength=n_bins)
        counts.append(total)
    return counts


def _grids(case: Case) -> list[np.ndarray]:
    return [
        np.stack(np.meshgrid(p.reference, p.neighbour), axis=-1).reshape(-1, 2)
        for p in case.pairs().values()
    ]


def by_mdtraj(case: Case, *, n_bins: int, r_max_A: float) -> list[np.ndarray]:
    """Compute the distributions of frames in memory by mdtraj, some frames at a time."""
    n = len(case.positions_A)
    whole = mdtraj.Trajectory(
        case.positions_A / 10.0,
        case.topology(),
        unitcell_lengths=np.tile(case.edges_A / 10.0, (n, 1)),
        unitcell_angles=np.full((n, 3), 90.0),
    )
    chunks = (whole.slice(slice(k, k + CHUNK), copy=False) for k in range(0, n, CHUNK))
    return _mean_g(chunks, _grids(case), n_bins, r_max_A)


def _mean_g(
    chunks: Iterator[mdtraj.Trajectory], grids: list[np.ndarray], n_bins: int, r_max_A: float
) -> list[np.ndarray]:
    total = [np.zeros(n_bins) for _ in grids]
    for chunk in chunks:
        for k, grid in enumerate(grids):
            r_range = (0.0, r_max_A / 10.0)
            total[k] += mdtraj.compute_rdf(chunk, grid, r_range=r_range, n_bins=n_bins)[1]
    return total


def mdtraj_file(
    case: Case, path: Path, *, n_frames: int, n_bins: int, r_max_A: float
) -> list[np.ndarray]:
    """Compute the distributions from the first frames of a file by mdtraj."""

    def chunks() -> Iterator[mdtraj.Trajectory]:
        every = mdtraj.iterload(str(path), top=topology, chunk=CHUNK)
        for _, chunk in zip(range(n_frames // CHUNK), every, strict=False):
            yield chunk

    topology = case.topology()
    return _mean_g(chunks(), _grids(case), n_bins, r_max_A)


def mdanalysis_file(
    case: Case, folder: Path, *, n_frames: int, n_bins: int, r_max_A: float
) -> dict[str, Count]:
    """Return ways of counting from the first frames of a DCD file by MDAnalysis.

    All pairs in one pass, or its own analysis for each of them.
    """

    def universe() -> Any:
        return MDAnalysis.Universe(str(folder / "top.pdb"), str(folder / "t.dcd"))

    def capped() -> list[np.ndarray]:
        steps = universe().trajectory[:n_frames]
        return _capped(case, ((t.positions, t.dimensions) for t in steps), n_bins, r_max_A)

    def inter_rdf() -> list[np.ndarray]:
        atoms = universe().atoms
        how = {"nbins": n_bins, "range": (0.0, r_max_A), "norm": "none"}
        pairs = [(atoms[p.reference], atoms[p.neighbour]) for p in case.pairs().values()]
        return [InterRDF(*both, **how).run(stop=n_frames).results.count for both in pairs]

    return {"MDAnalysis, capped_distance": capped, "MDAnalysis, InterRDF": inter_rdf}
