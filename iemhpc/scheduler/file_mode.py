"""Who may read and write the runs: ``file_mode`` of a cluster profile."""

import contextlib
import os
import stat
from collections.abc import Iterator
from pathlib import Path

UMASKS = {"private": 0o077, "group": 0o007}
"""What the file modes of a cluster profile take away."""


def umask_line(file_mode: str) -> str:
    """Return the line of bash that makes new files private or the group's; empty for neither.

    Examples
    --------
    >>> umask_line("group")
    'umask 0007'
    """
    mask = UMASKS.get(file_mode)
    return "" if mask is None else f"umask {mask:04o}"


@contextlib.contextmanager
def made_as(file_mode: str) -> Iterator[None]:
    """Make what the block writes private or the group's; the umask is the whole process's."""
    mask = UMASKS.get(file_mode)
    if mask is None:
        yield
        return
    old = os.umask(mask)
    try:
        yield
    finally:
        os.umask(old)


def apply_file_mode(folder: Path, file_mode: str) -> None:
    """Give a folder and all that is in it the modes of ``file_mode``; nothing where it is empty.

    A folder of the group is set-gid: what anybody makes in it is the group's again. What belongs
    to another member of the group stays as that member has it.
    """
    if file_mode not in UMASKS:
        return
    open_to(folder, file_mode)
    for path in folder.rglob("*"):
        if not path.is_symlink():
            open_to(path, file_mode)


def open_to(path: Path, file_mode: str) -> None:
    """Give one file or folder the mode of ``file_mode``; nothing where that is empty."""
    if file_mode not in UMASKS:
        return
    with contextlib.suppress(PermissionError, FileNotFoundError):
        path.chmod(new_mode(path.stat().st_mode, file_mode))


def new_mode(mode: int, file_mode: str) -> int:
    """Return the permissions that a file or folder gets.

    Examples
    --------
    >>> oct(new_mode(0o100644, "group")), oct(new_mode(0o040755, "group"))
    ('0o660', '0o2770')
    >>> oct(new_mode(0o100644, "private")), oct(new_mode(0o040755, "private"))
    ('0o600', '0o700')
    """
    bits = stat.S_IMODE(mode) & ~UMASKS[file_mode]
    if file_mode == "private":
        return bits & ~stat.S_ISGID
    bits |= (bits & stat.S_IRWXU) >> 3
    return bits | stat.S_ISGID if stat.S_ISDIR(mode) else bits
