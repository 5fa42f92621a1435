"""Who a process is: host, number, time of start and boot, because numbers are given again.

On Linux field 22 of ``/proc/PID/stat`` is the start in clock ticks since the boot, and
``/proc/sys/kernel/random/boot_id`` names the boot (proc(5)); number and start together never come
back within one boot. Elsewhere host and number must do.
"""

import os
import socket
from dataclasses import dataclass
from pathlib import Path

_SEPARATOR = ":"


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessIdentity:
    """One process, and no other that was ever given its number."""

    host: str
    """Name of the machine."""
    pid: int
    """Number of the process there."""
    start: str = ""
    """Clock ticks from the boot to its start; empty where the system does not say."""
    boot: str = ""
    """Which boot of the machine; empty where the system does not say."""


def this_process() -> ProcessIdentity:
    """Return who we are."""
    return ProcessIdentity(
        host=socket.gethostname(),
        pid=os.getpid(),
        start=_start_of(os.getpid()) or "",
        boot=boot_of_this_machine(),
    )


def is_same_process(identity: ProcessIdentity) -> bool | None:
    """Say whether the very process that was given this identity still lives.

    Returns
    -------
    bool or None
        None for a process of another host, of which nobody here can know.

    Examples
    --------
    >>> is_same_process(this_process())
    True
    >>> is_same_process(ProcessIdentity(host="some-other-machine", pid=1)) is None
    True
    """
    if identity.host != socket.gethostname():
        return None
    boot = boot_of_this_machine()
    if identity.boot and boot and identity.boot != boot:
        return False
    if not Path("/proc/self/stat").exists():
        return _takes_signals(identity.pid)
    start = _start_of(identity.pid)
    return start is not None and identity.start in ("", start)


def identity_text(identity: ProcessIdentity) -> str:
    """Return an identity as one word, such as a job id.

    Examples
    --------
    >>> identity_text(ProcessIdentity(host="login1", pid=417, start="9021", boot="c0ffee"))
    'login1:417:9021:c0ffee'
    """
    return _SEPARATOR.join((identity.host, str(identity.pid), identity.start, identity.boot))


def parse_identity(text: str) -> ProcessIdentity | None:
    """Read what :func:`identity_text` wrote; None where it is no identity.

    Examples
    --------
    >>> parse_identity("login1:417").pid
    417
    >>> parse_identity("41_0") is None
    True
    """
    host, _, rest = text.partition(_SEPARATOR)
    pid, _, rest = rest.partition(_SEPARATOR)
    start, _, boot = rest.partition(_SEPARATOR)
    if not host or not pid.isdigit():
        return None
    return ProcessIdentity(host=host, pid=int(pid), start=start, boot=boot)


def boot_of_this_machine() -> str:
    """Return the boot's first eight hexadecimal digits; empty where the system does not say."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii")[:8]
    except OSError:
        return ""


def _start_of(pid: int) -> str | None:
    """Return when a process of this host started; None where it is gone, a zombie included."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    # the command's name stands in brackets and may hold anything, brackets and spaces too
    fields = stat[stat.rfind(")") + 1 :].split()
    return None if fields[0] in ("Z", "X") else fields[19]


def _takes_signals(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return True
