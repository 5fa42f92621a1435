"""Boxes to count in, and the files that hold them: what ``descriptors.py`` measures with.

One box is that of a small membrane: 40 Å, 2,000 waters, 20 counter-ions, 60 oxygens of 20
sulfonates, 260 atoms of chains; each atom in its own room, so that densities are those of a liquid,
and moving a little from frame to frame, unwrapped. The large one is that sixteen times.
"""

from dataclasses import dataclass
from pathlib import Path

import mdtraj
import numpy as np
from numpy.typing import NDArray

from iemhpc.descriptors.frames import Frames, diagonal_vectors_A
from iemhpc.descriptors.pairs import PairAtoms

N_IONS, N_SITES, N_WATERS, N_OTHERS = 20, 60, 2000, 260
EDGE_A = 40.0
COPIES = (4, 2, 2)
STEP_A = 0.1
PDB_LIMIT = 99_999


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A trajectory in memory."""

    positions_A: NDArray[np.float32]
    """Shape (n_frames, n_atoms, 3), unwrapped."""
    edges_A: NDArray[np.float64]
    """Shape (3,)."""
    groups: dict[str, NDArray[np.int64]]
    """Atoms of ``counterion``, ``tethered`` and ``water`` (oxygen)."""

    @property
    def n_atoms(self) -> int:
        """Atoms of a frame."""
        return self.positions_A.shape[1]

    def first(self, n_frames: int) -> "Case":
        """Return the first frames only."""
        return Case(
            positions_A=self.positions_A[:n_frames], edges_A=self.edges_A, groups=self.groups
        )

    def frames(self) -> Frames:
        """Return all frames as readers give them."""
        n = len(self.positions_A)
        boxes = np.tile(self.edges_A, (n, 1))
        return Frames(
            rank=np.arange(n), positions_A=self.positions_A, vectors_A=diagonal_vectors_A(boxes)
        )

    def pairs(self) -> dict[str, PairAtoms]:
        """Return the three pairs."""
        names = (("counterion", "water"), ("tethered", "water"), ("tethered", "counterion"))
        return {
            f"{a}_{b}": PairAtoms(
                reference=self.groups[a], neighbour=self.groups[b], elements=("X", "X")
            )
            for a, b in names
        }

    def topology(self) -> mdtraj.Topology:
        """Return the atoms as mdtraj wants them: names do not matter here."""
        topology = mdtraj.Topology()
        residue = topology.add_residue("ALL", topology.add_chain())
        for _ in range(self.n_atoms):
            topology.add_atom("O", mdtraj.element.oxygen, residue)
        return topology


def small_box(n_frames: int, *, seed: int = 1) -> Case:
    """Return the box of 6,340 atoms."""
    rng = np.random.default_rng(seed)
    n_rooms = 14
    rooms = np.stack(np.meshgrid(*3 * [np.arange(n_rooms)]), axis=-1).reshape(-1, 3)
    n_heavy = N_IONS + N_SITES + N_WATERS + N_OTHERS
    heavy = rng.permutation(rooms)[:n_heavy] + rng.uniform(0.1, 0.9, size=(n_heavy, 3))
    heavy *= EDGE_A / n_rooms
    n_solute = N_IONS + N_SITES + N_OTHERS
    water = heavy[n_solute:, None] + np.array([[0, 0, 0], [0.76, 0.59, 0], [-0.76, 0.59, 0]])
    start = np.concatenate([heavy[:n_solute], water.reshape(-1, 3)])
    steps = rng.normal(0.0, STEP_A, size=(n_frames, *start.shape)).astype(np.float32)
    np.cumsum(steps, axis=0, out=steps)
    steps += start.astype(np.float32)
    return Case(
        positions_A=steps,
        edges_A=np.full(3, EDGE_A),
        groups={
            "counterion": np.arange(N_IONS),
            "tethered": np.arange(N_IONS, N_IONS + N_SITES),
            "water": np.arange(n_solute, len(start), 3),
        },
    )


def large_box(n_frames: int, *, seed: int = 2) -> Case:
    """Return the box of 101,440 atoms: copies side by side."""
    one = small_box(n_frames, seed=seed)
    images = np.stack(np.meshgrid(*map(np.arange, COPIES), indexing="ij"), axis=-1).reshape(-1, 3)
    shifts = (images * EDGE_A).astype(np.float32)
    positions = (one.positions_A[:, None] + shifts[:, None]).reshape(n_frames, -1, 3)
    offsets = np.arange(len(images))[:, None] * one.n_atoms
    return Case(
        positions_A=positions,
        edges_A=EDGE_A * np.array(COPIES),
        groups={name: (offsets + at).ravel() for name, at in one.groups.items()},
    )


def write_files(case: Case, folder: Path, *, n_dump_frames: int) -> None:
    """Write ``top.pdb``, ``t.dcd`` and, of the first frames, ``t.lammpstrj``."""
    n = len(case.positions_A)
    with mdtraj.formats.DCDTrajectoryFile(str(folder / "t.dcd"), "w") as stream:
        stream.write(
            case.positions_A,
            cell_lengths=np.tile(case.edges_A, (n, 1)).astype(np.float32),
            cell_angles=np.full((n, 3), 90.0, dtype=np.float32),
        )
    first = mdtraj.Trajectory(
        case.positions_A[:1] / 10.0,
        case.topology(),
        unitcell_lengths=case.edges_A[None] / 10.0,
        unitcell_angles=np.full((1, 3), 90.0),
    )
    if case.n_atoms <= PDB_LIMIT:
        first.save_pdb(str(folder / "top.pdb"))
    bounds = "\n".join(f"0 {edge:.6f}" for edge in case.edges_A)
    with (folder / "t.lammpstrj").open("w", encoding="utf-8") as file:
        for step, positions in enumerate(case.positions_A[:n_dump_frames]):
            file.write(
                f"ITEM: TIMESTEP\n{step * 500}\nITEM: NUMBER OF ATOMS\n{case.n_atoms}\n"
                f"ITEM: BOX BOUNDS pp pp pp\n{bounds}\nITEM: ATOMS id type xu yu zu\n"
            )
            file.writelines(
                f"{k} 1 {x:.6g} {y:.6g} {z:.6g}\n"
                for k, (x, y, z) in enumerate(positions.tolist(), start=1)
            )
