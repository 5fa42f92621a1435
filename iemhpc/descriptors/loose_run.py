"""Descriptors of trajectories that were not made here, into tables of the user's choice."""

import hashlib
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from iemhpc.descriptors.books import COMMAND, Files, lock_of, read_books
from iemhpc.descriptors.conventions import check_site_convention
from iemhpc.descriptors.extract import Extraction, ExtractSummary
from iemhpc.descriptors.loose import Clock, open_loose
from iemhpc.descriptors.pairs import pair_atoms
from iemhpc.descriptors.parallel import Place
from iemhpc.descriptors.reading import Asked, Opened
from iemhpc.descriptors.roles_file import check_not_bonded, choose_roles, read_roles_file
from iemhpc.descriptors.topology import read_topology
from iemhpc.descriptors.trajectory import update_with_ends
from iemhpc.errors import InputError, MissingInputError
from iemhpc.progress import Say, Track, quiet, untracked
from iemhpc.tables.descriptors import DESCRIPTOR_TABLE
from iemhpc.tables.io import read_provenance
from iemhpc.workspace import content_hash, file_hash, lock


@dataclass(frozen=True, slots=True, kw_only=True)
class LooseFiles:
    """A trajectory by its files: something to be read, as a run's folder is."""

    name: str
    """What it is called in the tables."""
    trajectory: tuple[Path, ...]
    """Segments, in order."""
    topology: Path
    roles: Path
    clock: Clock = field(default_factory=Clock)

    def known(self) -> dict[str, Any]:
        """Return what the file of roles says of the box, and how many there are of each."""
        chosen = choose_roles(
            read_roles_file(self.roles), read_topology(self.topology), where=str(self.roles)
        )
        counted = {
            column: len(chosen.groups[role])
            for column, role in (
                ("n_waters", "water_oxygen"),
                ("n_counterions", "counterion"),
                ("n_coions", "coion"),
            )
            if role in chosen.groups
        }
        return {**counted, **chosen.conditions}

    def fingerprint(self) -> str:
        """Return the hash of all files and of what was said of time."""
        digest = hashlib.sha256()
        said = {key: value for key, value in asdict(self.clock).items() if value is not None}
        digest.update(content_hash(said).encode())
        for path in (self.topology, self.roles):
            _need(path)
            digest.update(file_hash(path).encode())
        for path in self.trajectory:
            _need(path)
            digest.update(path.name.encode())
            update_with_ends(digest, path)
        return digest.hexdigest()[:16]

    def open(self, asked: Asked) -> Opened:
        """Look at the files, and refuse pairs of atoms that are bonded to each other."""
        found = open_loose(self.trajectory, self.topology, self.roles, clock=self.clock)
        roles = found.roles.frame
        atoms = pair_atoms(roles, site_convention=asked.site_convention, pairs=asked.all_pairs)
        for pair, one in atoms.items():
            check_not_bonded(one, found.roles.topology, pair=pair)
        return Opened(source=found.source, roles=roles, atoms=atoms)


def _need(path: Path) -> None:
    if not path.is_file():
        raise MissingInputError(f"{path} is not a file; give the path of one that is there")


def extract_loose(
    loose: LooseFiles,
    files: Files,
    *,
    asked: Asked | None = None,
    fresh: bool = False,
    place: Place | None = None,
    say: Say = quiet,
    track: Track = untracked,
) -> ExtractSummary:
    """Turn one trajectory into rows of tables of the user's choice; rows of other names stay.

    Parameters
    ----------
    loose : LooseFiles
        The trajectory.
    files : Files
        Where the rows go.
    asked : Asked, optional
        What is counted and how.
    fresh : bool
        Read the trajectory again, though its row is up to date.
    place : Place, optional
        How many processes, or which Ray; by default this process.
    say, track : callable
        Get lines and how far it is.

    Raises
    ------
    IemhpcError
        Where the trajectory cannot be read; there is no other that could go on.
    """
    asked, place = asked or Asked(), place or Place()
    check_site_convention(asked.site_convention)
    _check_out(files)
    with lock(lock_of(files.descriptors), what=COMMAND):
        extraction = Extraction(
            books=read_books(files, say=say),
            files=files,
            asked=asked,
            n_runs=1,
            say=say,
            track=track,
            is_alone=True,
        )
        extraction.go([loose], place, fresh=fresh)
    return ExtractSummary(
        n_done=extraction.n_done,
        n_skipped=extraction.n_skipped,
        failed={},
        n_unfinished=0,
        notes=extraction.notes,
        path=files.descriptors,
    )


def _check_out(files: Files) -> None:
    """Refuse to write over what is no table of descriptors."""
    path = files.descriptors
    if not path.exists():
        return
    try:
        table = read_provenance(path).get("table")
    except (OSError, ValueError) as error:
        raise InputError(f"--out {path} is there and no Parquet ({error}); name another") from error
    if table != DESCRIPTOR_TABLE.name:
        raise InputError(
            f"--out {path} is there and holds {table or 'another table'}; name another"
        )
