"""Cores of this machine, shared by everything that is submitted on it: one locked file a core.

The kernel gives a lock of flock(2) back when the last process that holds the file open has ended,
whatever ended it. A run inherits its locks from us, so a core is free again only when its LAMMPS
is gone, even if we are killed. The files lie in the local temporary folder, where flock is honest;
who holds them touches them, so that a cleaner of old files leaves them there.
"""

import contextlib
import fcntl
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import IO


@dataclass(frozen=True, slots=True, kw_only=True)
class Cores:
    """Cores that are ours until they are given back."""

    files: tuple[IO[bytes], ...] = ()
    """Open files, one a core; empty where nothing was claimed."""

    @property
    def numbers(self) -> tuple[int, ...]:
        """File descriptors, for a child to inherit."""
        return tuple(file.fileno() for file in self.files)

    def keep_fresh(self) -> None:
        """Touch the files and their folder, so that no cleaner takes them for forgotten."""
        for file in self.files:
            with contextlib.suppress(OSError):
                os.utime(file.fileno())
                os.utime(Path(file.name).parent)

    def give_back(self) -> None:
        """Let others have them, though a forgotten child may still hold the files open."""
        for file in self.files:
            if not file.closed:
                fcntl.flock(file, fcntl.LOCK_UN)
                file.close()


def cores_of_this_machine() -> tuple[int, ...]:
    """Return the numbers of the cores that this process may use."""
    return tuple(sorted(os.sched_getaffinity(0)))


def take_cores(count: int) -> Cores | None:
    """Claim so many cores; None where others have too many of them.

    Examples
    --------
    >>> take_cores(len(cores_of_this_machine()) + 1) is None
    True
    """
    folder = Path(tempfile.gettempdir()) / f"iemhpc-cores-{os.getuid()}"
    files = list[IO[bytes]]()
    for core in cores_of_this_machine():
        if len(files) == count:
            break
        try:
            folder.mkdir(mode=0o700, exist_ok=True)
            file = (folder / str(core)).open("ab")
        except OSError:  # somebody else's folder: nothing to share by
            return Cores()
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            file.close()
            continue
        if _is_there(file):
            files.append(file)
        else:  # deleted in this moment: others would lock another file of this name
            file.close()
    taken = Cores(files=tuple(files))
    if len(files) == count:
        return taken
    taken.give_back()
    return None


def _is_there(file: IO[bytes]) -> bool:
    """Say whether an open file is still the one that its name leads to."""
    try:
        return os.path.samestat(os.fstat(file.fileno()), Path(file.name).stat())
    except OSError:
        return False
