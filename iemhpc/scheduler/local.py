"""The local machine, without a queue: as many runs at once as there are cores, in the foreground.

A run is ``bash run.sh`` in a session of its own. Ctrl-C, TERM and the death of this process reach
it as TERM: LAMMPS writes a restart file and stops, and the next submission goes on from there.

Submissions at the same time share the cores: each starts further runs only on cores that nobody
has, but always has one run going, so that a short one need not wait for a campaign to end.
"""

import contextlib
import os
import shlex
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import IO

from iemhpc.errors import ProgramError, ResourceError
from iemhpc.lammps.log_file import last_step
from iemhpc.processes import identity_text, is_same_process, parse_identity, this_process
from iemhpc.progress import Say, quiet
from iemhpc.scheduler.base import JobState, Resources, Submission, count_runs
from iemhpc.scheduler.cluster import lammps_words
from iemhpc.scheduler.cores import Cores, cores_of_this_machine, take_cores
from iemhpc.scheduler.run_files import describe_run, read_status
from iemhpc.scheduler.scripts import render_runs
from iemhpc.settings.cluster import ClusterSettings
from iemhpc.workspace import Workspace

LOOK_S = 0.5
BLINK_S = 0.01
"""A core is idle for so long at most between two runs."""

SAY_S = 20.0
FRESH_S = 3600.0
"""How often the files of the cores are touched; cleaners of temporary folders wait for days."""

AGAIN = "give the same command again to go on"
SHARE = "one run at a time here until there are free ones"
PATIENCE_S = 40.0
"""run.sh gives LAMMPS 15 s for its restart file and 5 s to end."""

NOT_BEGUN = (74, 75)
"""How run.sh ends without an attempt: no lock can be made, or another process has it."""


@dataclass(slots=True)
class _Child:
    run: Path
    process: subprocess.Popen[bytes]
    name: str
    cores: Cores
    words: IO[bytes]
    """What run.sh says of itself."""
    starts: int
    """Attempts before."""
    stage: str = ""
    said: float = field(default_factory=time.monotonic)


class LocalScheduler:
    """Runs on the cores of this machine and waits for them."""

    name = "local"
    foreground = True

    def __init__(
        self, workspace: Workspace, cluster: ClusterSettings, resources: Resources
    ) -> None:
        self.workspace, self.cluster, self.resources = workspace, cluster, resources

    @property
    def at_once(self) -> int:
        """How many runs the cores of this machine take."""
        return len(cores_of_this_machine()) // self.resources.cores_per_run

    def check(self) -> None:
        """Raise ProgramError where LAMMPS is missing, ResourceError where cores are."""
        if self.at_once < 1:
            raise ResourceError(
                f"cores_per_run = {self.resources.cores_per_run}, but this machine has "
                f"{len(cores_of_this_machine())}; set cores_per_run to that or less"
            )
        lammps_words(self.cluster, cores=self.resources.cores_per_run)

    def render(self, submission: Submission) -> Mapping[Path, str]:
        """Return ``run.sh`` and the templates of every run."""
        return render_runs(
            submission, workspace=self.workspace, cluster=self.cluster, resources=self.resources
        )

    def task_id(self, job_id: str, index: int, *, n_runs: int) -> str:
        """Return the job's id: all of its runs end with it."""
        return job_id

    def find(self, submission: Submission) -> str | None:
        """Return None: a local job does not outlive the process that started it."""
        return None

    def early_job_id(self) -> str | None:
        """Return the job's id: the identity of this very program's process."""
        return identity_text(this_process())

    def submit(self, submission: Submission, *, say: Say = quiet) -> str:
        """Run everything to its end."""
        waiting, living, is_told = list(submission.runs), list[_Child](), False
        touched = time.monotonic()
        with _orderly_end():
            try:
                while waiting or living:
                    is_full = self._fill(waiting, living)
                    if is_full and not is_told:
                        say(f"other submissions have cores of this machine: {SHARE}")
                        is_told = True
                    _wait(living)
                    if time.monotonic() - touched > FRESH_S:
                        touched = time.monotonic()
                        for child in living:
                            child.cores.keep_fresh()
                    living = [child for child in living if not _watch(child, say)]
            except (KeyboardInterrupt, SystemExit):
                if living:
                    say(f"stopping {count_runs(len(living))}: LAMMPS writes its restart files")
                _end(living)
                left = sum(not _is_done(run) for run in [*waiting, *(c.run for c in living)])
                verb = "is" if left == 1 else "are"
                say(f"interrupted: {count_runs(left)} {verb} not done; {AGAIN}")
                raise
            finally:
                _end(living)
        return str(self.early_job_id())

    def _fill(self, waiting: list[Path], living: list[_Child]) -> bool:
        """Start runs on free cores; return whether others kept some that this would have taken."""
        while waiting and len(living) < self.at_once:
            cores = take_cores(self.resources.cores_per_run)
            if cores is None and living:
                return True
            living.append(_start(waiting.pop(0), cores or Cores()))
        return False

    def submit_after(self, job_ids: Sequence[str], words: Sequence[str], *, name: str) -> str:
        """Run a command to its end now: local jobs have ended when they are handed over."""
        try:
            code = subprocess.run(list(words), check=False).returncode
        except OSError as error:
            raise ProgramError(f"{name}: {words[0]} cannot be started: {error}") from error
        if code:
            raise ProgramError(f"{name}: {shlex.join(words)} ended with {code}; give it again")
        return str(self.early_job_id())

    def poll(self, job_ids: Sequence[str]) -> Mapping[str, JobState]:
        """Say whether the submitting process lives; on another host nobody can know: running."""
        return {job_id: _process_state(job_id) for job_id in job_ids}

    def cancel(self, job_ids: Sequence[str]) -> None:
        """Ask submitting processes to end; they end their runs well."""
        for job_id in job_ids:
            identity = parse_identity(job_id)
            if identity and is_same_process(identity):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(identity.pid, signal.SIGTERM)


def _is_done(run: Path) -> bool:
    status = read_status(run)
    return status is not None and status.state == "done"


def _process_state(job_id: str) -> JobState:
    identity = parse_identity(job_id)
    if identity is not None and is_same_process(identity) is False:
        return JobState.GONE
    return JobState.RUNNING


def _wait(children: Sequence[_Child]) -> None:
    """Return as soon as a child has ended, or when it is time to look what they do."""
    until = time.monotonic() + LOOK_S
    while time.monotonic() < until and all(child.process.poll() is None for child in children):
        time.sleep(BLINK_S)


def _start(run: Path, cores: Cores) -> _Child:
    words, starts = tempfile.TemporaryFile(), _starts_of(run)  # noqa: SIM115  # closed by _watch
    process = subprocess.Popen(
        ["bash", str(run.resolve() / "run.sh")],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=words,
        # run.sh ends well if the process of this number, we, should be killed
        env={"OMP_NUM_THREADS": "1", **os.environ, "IEMHPC_PARENT": str(os.getpid())},
        start_new_session=True,
        pass_fds=cores.numbers,
    )
    return _Child(
        run=run, process=process, name=describe_run(run), cores=cores, words=words, starts=starts
    )


def _watch(child: _Child, say: Say) -> bool:
    """Tell of a child's progress; return whether it has ended."""
    ended = child.process.poll() is not None
    if ended:
        child.cores.give_back()
        if why := _why_not_begun(child):
            say(f"{child.name}: not started: {why}")
            return True
    status = read_status(child.run)
    if status is None:
        return ended
    if ended:
        if status.state == "done":
            say(f"{child.name}: done")
        else:
            say(f"{child.name}: {status.state} in {status.stage}: {status.reason}")
        return True
    if status.state != "running":
        return False
    is_new, is_due = status.stage != child.stage, time.monotonic() - child.said > SAY_S
    if is_new or is_due:
        percent = "" if is_new else _percent(child.run, status.attempt, n_steps=status.n_steps)
        if is_new or percent:
            say(f"{child.name}: {status.stage}{percent}")
        child.stage, child.said = status.stage, time.monotonic()
    return False


def _starts_of(run: Path) -> int:
    """Return how many attempts a run has had."""
    try:
        return (run / "attempts.log").read_bytes().count(b"\n")
    except FileNotFoundError:
        return 0


def _why_not_begun(child: _Child) -> str:
    """Return the last words of a run.sh that ended without an attempt, empty where it made one."""
    with child.words:
        if child.process.returncode not in NOT_BEGUN or _starts_of(child.run) > child.starts:
            return ""
        child.words.seek(0)
        lines = child.words.read().decode(errors="replace").split("\n")
    return next((line.strip() for line in reversed(lines) if line.strip()), "it did not say why")


def _percent(run: Path, attempt: int, *, n_steps: int) -> str:
    path = run / f"log.production.{attempt}.lammps"
    if not path.is_file() or n_steps < 1:
        return ""
    step = last_step(path.read_text(encoding="utf-8", errors="replace"))
    return "" if step is None else f", {100 * step // n_steps} %"


@contextlib.contextmanager
def _orderly_end() -> Iterator[None]:
    """Make TERM and HUP of this process an exception, so that children are ended."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def leave(number: int, _frame: FrameType | None) -> None:
        raise SystemExit(128 + number)

    old = {number: signal.signal(number, leave) for number in (signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for number, handler in old.items():
            signal.signal(number, handler)


def _end(children: Sequence[_Child]) -> None:
    """End children well: TERM, then patience, then KILL to the whole group."""
    for child in children:
        child.process.terminate()
    until = time.monotonic() + PATIENCE_S
    for child in children:
        try:
            child.process.wait(max(0.0, until - time.monotonic()))
        except subprocess.TimeoutExpired:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(child.process.pid, signal.SIGKILL)
        child.cores.give_back()
        child.words.close()
