"""One trajectory, read once: pair counts, and what moves and sticks, from the same pass.

What is to be read is a small value that another process or another node can open for itself; what
was seen of a range of frames can be joined to what was seen of the frames before.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import pandas as pd

from iemhpc.descriptors import dynamics as moving
from iemhpc.descriptors.conventions import BIN_A, fixed_radius_A
from iemhpc.descriptors.frames import Frames, FrameSource, one_pass
from iemhpc.descriptors.from_rdf import descriptors_of_run
from iemhpc.descriptors.pairs import PairAtoms, PairCounter, block_number, pair_atoms
from iemhpc.descriptors.rdf import PairRecord, radial, rdf_rows
from iemhpc.descriptors.runs import MADE_BY, plan_columns
from iemhpc.descriptors.shell import find_shell
from iemhpc.descriptors.trajectory import open_trajectory, trajectory_hash
from iemhpc.errors import TableError
from iemhpc.tables.descriptors import PAIRS
from iemhpc.tables.io import read_frame
from iemhpc.tables.roles import ROLE_TABLE
from iemhpc.workspace import content_hash

WORTH_SHARING = 200_000_000
"""Frames times atoms from which one trajectory is read by several processes: some 5 s."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What is to be counted, and how."""

    site_convention: str = "paper"
    pairs: tuple[str, ...] = ()
    """Pairs besides the three."""
    bin_A: float = BIN_A
    r_max_A: float | None = None
    """None: 12 Å, or half the smallest height of the box."""

    @property
    def all_pairs(self) -> tuple[str, ...]:
        """The three pairs and the others, each once."""
        return tuple(dict.fromkeys((*PAIRS, *self.pairs)))

    def mark(self, fingerprint: str) -> str:
        """Return the hash of a trajectory and of how it was counted; as it is by default."""
        if (self.bin_A, self.r_max_A) == (BIN_A, None):
            return fingerprint
        return content_hash([fingerprint, self.bin_A, self.r_max_A], length=16)


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """A trajectory of which no coordinate is read yet, and what its atoms are."""

    source: FrameSource
    roles: pd.DataFrame
    """The columns of ``roles.parquet``, in the order of the trajectory."""
    atoms: Mapping[str, PairAtoms]
    """By pair, all that are asked for."""


class Material(Protocol):
    """What is to be read; small, and it can be sent to another process."""

    @property
    def name(self) -> str:
        """The run's name."""

    def known(self) -> dict[str, Any]:
        """Return the columns of ``descriptors.parquet`` that need no trajectory."""

    def fingerprint(self) -> str:
        """Return a hash of the files' names, sizes and ends."""

    def open(self, asked: Asked) -> Opened:
        """Look at the files."""


@dataclass(frozen=True, slots=True)
class RunFolder:
    """A run of the workspace."""

    folder: Path

    @property
    def name(self) -> str:
        """The run's name: that of its folder."""
        return self.folder.name

    def known(self) -> dict[str, Any]:
        """Return what its plan says."""
        return plan_columns(self.folder)

    def fingerprint(self) -> str:
        """Return the hash of roles and segments."""
        return trajectory_hash(self.folder)

    def open(self, asked: Asked) -> Opened:
        """Look at the roles and the segments."""
        path = self.folder / "roles.parquet"
        roles = read_frame(path, ROLE_TABLE, made_by=MADE_BY).sort_values("atom_id")
        if roles["atom_id"].tolist() != list(range(1, len(roles) + 1)):
            raise TableError(
                f"{path}: atom_id must run from 1 to {len(roles)} without gaps, as the trajectory "
                f"is sorted by it; plan the run again with: {MADE_BY}"
            )
        return Opened(
            source=open_trajectory(self.folder, n_atoms=len(roles)),
            roles=roles,
            atoms=pair_atoms(roles, site_convention=asked.site_convention, pairs=asked.all_pairs),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """Some frames of one trajectory."""

    material: Material
    asked: Asked
    first: int = 0
    last: int | None = None
    """None: to the end."""
    number: int = 0
    """Which piece of the trajectory it is, from 0."""
    opened: Opened | None = None
    """What is known of the trajectory already, where one is shared: its index is made once."""

    def open(self) -> Opened:
        """Look at the files, unless that was done."""
        return self.opened or self.material.open(self.asked)


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What was seen of a piece, ready to be joined to the pieces before."""

    counter: PairCounter
    dynamics: moving.Dynamics


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What one trajectory came to: rows of the tables, without what its plan says."""

    row: dict[str, Any]
    """Columns of ``descriptors.parquet``."""
    counts: pd.DataFrame
    """Rows of ``rdf.parquet``."""
    dynamics: dict[str, Any]
    """A row of ``dynamics.parquet``."""
    curves: list[dict[str, Any]]
    """Rows of ``dynamics_curves.parquet``."""
    notes: tuple[str, ...]
    """What was odd about the trajectory."""


def cut(material: Material, asked: Asked, *, n_pieces: int) -> list[Piece]:
    """Cut a trajectory between blocks of frames, where it is long enough to be worth it.

    Parameters
    ----------
    material : Material
        The trajectory.
    asked : Asked
        What is to be counted.
    n_pieces : int
        How many pieces are wanted.
    """
    if n_pieces > 1:
        opened = material.open(asked)
        source = opened.source
        n_blocks = block_number(source.n_frames)
        if source.n_frames >= n_blocks and source.n_frames * source.n_atoms >= WORTH_SHARING:
            # a block b begins with the first frame k for which k n_blocks // n_frames is b
            blocks = np.linspace(0, n_blocks, min(n_pieces, n_blocks) + 1).round().astype(int)
            at = [-(-int(block) * source.n_frames // n_blocks) for block in blocks]
            return [
                Piece(
                    material=material,
                    asked=asked,
                    first=first,
                    last=last,
                    number=number,
                    opened=opened,
                )
                for number, (first, last) in enumerate(pairwise(at))
            ]
    return [Piece(material=material, asked=asked)]


@dataclass(frozen=True, slots=True)
class Ticker:
    """An observer that only says how far it is."""

    n_frames: int
    say: Callable[[float], None]
    """Gets the part that is done, up to 1."""

    def add(self, frames: Frames) -> None:
        """Tell that these frames are done."""
        self.say(float(frames.rank[-1] + 1) / self.n_frames)


def read_piece(piece: Piece, tick: Callable[[float], None] | None = None) -> Seen | Reading:
    """Read a piece; where it is the whole trajectory, turn it into rows, too."""
    opened = piece.open()
    seen = look(piece, opened, tick)
    is_whole = piece.first == 0 and piece.last is None
    return tell(piece, opened, [seen]) if is_whole else seen


def look(piece: Piece, opened: Opened, tick: Callable[[float], None] | None = None) -> Seen:
    """Read the frames of a piece: the long part, done by whichever process."""
    seen = _watch(opened, piece.asked)
    one_pass(
        opened.source,
        [
            seen.counter,
            *seen.dynamics.observers,
            *([Ticker(opened.source.n_frames, tick)] if tick else []),
        ],
        first=piece.first,
        last=piece.last,
    )
    return seen


def _watch(opened: Opened, asked: Asked) -> Seen:
    source = opened.source
    dynamics = moving.observe(opened.roles, source, site_convention=asked.site_convention)
    if not np.isfinite(source.timestep_fs):
        dynamics = replace(dynamics, frame_ps=None)
    return Seen(
        counter=PairCounter(
            opened.atoms, n_frames=source.n_frames, bin_A=asked.bin_A, r_max_A=asked.r_max_A
        ),
        dynamics=dynamics,
    )


def tell(piece: Piece, opened: Opened, pieces: Sequence[Seen]) -> Reading:
    """Join what was seen of the pieces, in their order, and turn it into rows.

    Parameters
    ----------
    piece : Piece
        Any piece of the trajectory.
    opened : Opened
        The trajectory.
    pieces : sequence of Seen
        In the order of the frames; the first takes in the others.
    """
    seen, convention = pieces[0], piece.asked.site_convention
    for later in pieces[1:]:
        seen.counter.join(later.counter)
        moving.join(seen.dynamics, later.dynamics)
    counts = seen.counter.result()
    minimum_A = find_shell(radial(counts["tethered_counterion"])).first_minimum_A
    row = moving.dynamics_row(
        seen.dynamics, counts=counts["tethered_counterion"], first_minimum_A=minimum_A
    )
    records = {
        pair: PairRecord(
            counts=counts[pair],
            elements=atoms.elements,
            fixed_radius_A=fixed_radius_A(*atoms.elements),
            site_convention=convention,
            contact_survival=row.get(f"{pair}_lived_through"),
        )
        for pair, atoms in opened.atoms.items()
    }
    source = opened.source
    sampled_ps = source.sampled_ps if np.isfinite(source.sampled_ps) else None
    return Reading(
        row={**descriptors_of_run(records), "sampled_ps": sampled_ps},
        counts=pd.concat(
            [rdf_rows(piece.material.name, p, record) for p, record in records.items()]
        ),
        dynamics={**row, "sampled_ps": sampled_ps, "site_convention": convention},
        curves=moving.curve_rows(seen.dynamics),
        notes=(*source.notes, *_seams(len(pieces))),
    )


def _seams(n_pieces: int) -> list[str]:
    if n_pieces == 1:
        return []
    return [f"read in {n_pieces} pieces at once; displacements over their seams are left out"]
