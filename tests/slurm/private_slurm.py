"""A Slurm of one's own: two nodes on the loopback interface, to be killed and started again.

What ended is told by slurmctld itself (``JobCompType=jobcomp/filetxt``), not by our status files.
"""

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
NEEDED = ("slurmctld", "slurmd", "munged", "mungekey", "sbatch", "squeue", "scontrol")
SBIN = "/usr/sbin:/sbin"


@dataclass(frozen=True, slots=True, kw_only=True)
class EndedJob:
    """One line of slurmctld's own record; a task that was queued again has several."""

    task: str
    """``array job_index``, or the job's id."""
    name: str
    """Name of the job."""
    state: str
    """COMPLETED, FAILED, CANCELLED, TIMEOUT, NODE_FAIL, PREEMPTED, REQUEUED, ..."""
    exit_code: int
    """Of the script."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PrivateSlurm:
    """A running slurmctld with the nodes n1 and n2."""

    folder: Path
    """Configuration, state and logs."""

    @property
    def conf(self) -> Path:
        """What SLURM_CONF must name."""
        return self.folder / "slurm.conf"

    def ask(self, *command: str) -> str:
        """Return the answer of one of Slurm's programs."""
        return subprocess.run(
            command,
            capture_output=True,
            text=True,
            check=True,
            timeout=60,
            env={**os.environ, "SLURM_CONF": str(self.conf), "PATH": _path()},
        ).stdout

    def ended(self) -> list[EndedJob]:
        """Return every end of a job, in order."""
        log = self.folder / "log" / "jobs"
        return [_ended(line) for line in log.read_text().splitlines()] if log.exists() else []

    def codes(self, job: str) -> dict[str, str]:
        """Return task -> Slurm's letters for its state, ended ones too."""
        answer = self.ask("squeue", "--noheader", "--array", "--states=all", "--format=%i %t")
        pairs = (line.split() for line in answer.splitlines())
        return {task: code for task, code in pairs if task.partition("_")[0] == job}

    def jobs_named(self, name: str) -> set[str]:
        """Return the array jobs of a name, queued, running or ended."""
        answer = self.ask("squeue", "--noheader", "--states=all", f"--name={name}", "--format=%F")
        return set(answer.split())

    def kill_controller(self) -> None:
        """Kill slurmctld with -9; what it had saved is what is left."""
        self._kill("slurmctld")

    def start_controller(self) -> None:
        """Start slurmctld again and wait for it."""
        self.ask("slurmctld", "-f", str(self.conf))
        wait_for(self._answers, seconds=60)

    def has_saved_name(self, name: str) -> bool:
        """Say whether a killed slurmctld would still know a job: it saves every few seconds."""
        saved = self.folder / "state" / "job_state"
        return saved.exists() and name.encode() in saved.read_bytes()

    def _answers(self) -> bool:
        with contextlib.suppress(subprocess.SubprocessError):
            return bool(self.ask("squeue", "--noheader") is not None)
        return False

    def kill_node(self, name: str) -> None:
        """Kill a node as a power cut would: its slurmd and every process of its jobs, with -9."""
        self._kill(f"slurmd.{name}")
        for _ in range(3):  # a process may just be starting another
            for pid in _processes_of(name, self.conf):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            time.sleep(0.05)

    def start_node(self, name: str) -> None:
        """Start a node again and wait until it takes jobs."""
        self.ask("slurmd", "-f", str(self.conf), "-N", name)
        wait_for(lambda: self.node_state(name) in ("idle", "mixed", "allocated", "drained"))

    def node_state(self, name: str) -> str:
        """Return idle, allocated, down, ..."""
        answer = self.ask("sinfo", "--noheader", f"--nodes={name}", "--format=%T")
        return (answer.split() or [""])[0].rstrip("*")

    def _kill(self, daemon: str) -> None:
        pid = int((self.folder / "run" / f"{daemon}.pid").read_text())
        command = Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()
        if str(self.folder) not in command:
            raise ProcessLookupError(f"{pid} is not {daemon}: {command}")
        os.kill(pid, signal.SIGKILL)
        # it may stay as a zombie that nobody reaps: one without a command
        wait_for(lambda: not _command_of(pid), seconds=20)


def missing_programs() -> list[str]:
    """Return which of Slurm's programs are not installed."""
    return [name for name in NEEDED if not shutil.which(name, path=_path())]


@contextlib.contextmanager
def private_slurm() -> Iterator[PrivateSlurm]:
    """Start a Slurm, and end every daemon of it."""
    folder = Path(tempfile.mkdtemp(prefix="iemslurm."))
    try:
        up = subprocess.run(
            [HERE / "slurm-up.sh", folder, str(_free_port())],
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
        if up.returncode:
            raise OSError(f"slurm-up.sh: {up.stderr}")
        yield PrivateSlurm(folder=folder)
    finally:
        subprocess.run([HERE / "slurm-down.sh", folder], check=False, timeout=120)


def wait_for(what: Callable[[], object], *, seconds: float = 60.0) -> None:
    """Wait until ``what`` is true."""
    until = time.monotonic() + seconds
    while not what():
        if time.monotonic() > until:
            raise TimeoutError(f"it did not come within {seconds:g} s")
        time.sleep(0.1)


def _path() -> str:
    return f"{os.environ['PATH']}:{SBIN}"


def _free_port() -> int:
    """Return the first of three ports that nobody has."""
    for start in range(20_000 + os.getpid() % 5_000, 65_000, 7):
        with contextlib.suppress(OSError), contextlib.ExitStack() as stack:
            for port in range(start, start + 3):
                taken = stack.enter_context(socket.socket())
                taken.bind(("127.0.0.1", port))
            return start
    raise OSError("no three free ports")


def _ended(line: str) -> EndedJob:
    values = dict(word.split("=", 1) for word in line.split() if "=" in word)
    array = "ArrayJobId" in values
    return EndedJob(
        task=f"{values['ArrayJobId']}_{values['ArrayTaskId']}" if array else values["JobId"],
        name=values["Name"],
        state=values["JobState"],
        exit_code=int(values["ExitCode"].split(":")[0]),
    )


def _command_of(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()
    except OSError:
        return ""


def _processes_of(node: str, conf: Path) -> list[int]:
    """Return the processes of a node's jobs and the step managers above them."""
    wanted = {f"SLURMD_NODENAME={node}".encode(), f"SLURM_CONF={conf}".encode()}
    found, log = set[int](), conf.parent / "log" / f"slurmd.{node}"
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        with contextlib.suppress(OSError, ValueError):
            if _command_of(int(entry.name)).startswith("slurmstepd") and any(
                (entry / "fd" / fd.name).readlink() == log for fd in (entry / "fd").iterdir()
            ):
                found.add(int(entry.name))
                continue
            if not wanted <= set((entry / "environ").read_bytes().split(b"\0")):
                continue
            found.add(int(entry.name))
    return sorted(found - {os.getpid()}, reverse=True)
