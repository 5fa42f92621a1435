"""Slurm: one ``sbatch`` for an array of runs, one ``squeue`` for all of their states.

Each command that is built has the parser of its answer beside it; neither runs anything.
https://slurm.schedmd.com/sbatch.html, https://slurm.schedmd.com/squeue.html
"""

import getpass
import math
import shlex
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from iemhpc.errors import ProgramError
from iemhpc.programs import need_program
from iemhpc.progress import Say, quiet
from iemhpc.scheduler.base import JobState, Resources, Submission
from iemhpc.scheduler.cluster import lammps_words
from iemhpc.scheduler.scripts import fill_script, render_runs
from iemhpc.settings.cluster import ClusterSettings
from iemhpc.workspace import Workspace

ANSWER_S = 60.0

# https://slurm.schedmd.com/squeue.html#lbAG, JOB STATE CODES. Ended jobs stay in the queue for a
# while; what became of them stands in their run folders.
_STATES = {
    "PD": JobState.QUEUED,
    "RQ": JobState.QUEUED,
    "RH": JobState.QUEUED,
    "RF": JobState.QUEUED,
    "SE": JobState.QUEUED,
    "CF": JobState.RUNNING,
    "R": JobState.RUNNING,
    "CG": JobState.RUNNING,
    "S": JobState.RUNNING,
    "ST": JobState.RUNNING,
    "SO": JobState.RUNNING,
    "RS": JobState.RUNNING,
    "SI": JobState.RUNNING,
}


def submit_command(script: Path) -> list[str]:
    """Return the command that submits a script and answers with its job id."""
    return ["sbatch", "--parsable", str(script)]


def parse_submit(answer: str) -> str:
    r"""Read the answer to :func:`submit_command`.

    Raises
    ------
    ProgramError
        Where it is not a job id.

    Examples
    --------
    >>> parse_submit("417;cluster\n")
    '417'
    """
    job_id = answer.strip().split(";")[0]
    if not job_id.isdigit():
        raise ProgramError(
            f"sbatch answered {answer.strip()!r}, wanted a job id; see sbatch --help"
        )
    return job_id


def status_command(user: str) -> list[str]:
    """Return the command that asks for the states of all tasks of a user at once."""
    return ["squeue", "--noheader", "--array", f"--user={user}", "--format=%i %t"]


def parse_status(answer: str) -> dict[str, JobState]:
    r"""Read the answer to :func:`status_command`.

    Examples
    --------
    >>> parse_status("41_0 R\n41_1 PD\n40_0 CD\n")
    {'41_0': <JobState.RUNNING: 'running'>, '41_1': <JobState.QUEUED: 'queued'>,
     '40_0': <JobState.GONE: 'gone'>}
    """
    pairs = (line.split() for line in answer.splitlines() if line.strip())
    return {job: _STATES.get(code, JobState.GONE) for job, code in pairs}


def find_command(job_name: str, user: str) -> list[str]:
    """Return the command that asks for the jobs of a name, ended ones too."""
    return [
        "squeue",
        "--noheader",
        "--states=all",
        f"--user={user}",
        f"--name={job_name}",
        "--format=%F",
    ]


def parse_find(answer: str) -> str | None:
    r"""Read the answer to :func:`find_command`: the latest job of the name, if any.

    Examples
    --------
    >>> parse_find("41\n41\n")
    '41'
    """
    found = {int(word) for word in answer.split() if word.isdigit()}
    return str(max(found)) if found else None


def cancel_command(job_ids: Sequence[str]) -> list[str]:
    """Return the command that ends jobs; it answers nothing, for unknown ones too."""
    return ["scancel", *job_ids]


def header_lines(
    cluster: ClusterSettings, *, submission: Submission, cores_per_run: int, output: Path
) -> list[str]:
    """Return the #SBATCH lines of an array of runs.

    Without ``kill-on-invalid-dep`` a job that waits for a failed one would wait for ever.
    """
    at_once = f"%{cluster.at_once}" if cluster.at_once else ""
    words = [
        f"--job-name={job_name(submission)}",
        f"--array=0-{len(submission.runs) - 1}{at_once}",
        f'--output="{output}"',
        "--open-mode=append",
        "--requeue",
        "--kill-on-invalid-dep=yes",
        f"--signal=B:USR1@{cluster.warning_s}",
        f"--time={math.ceil(cluster.wall_hours * 60)}",
        "--nodes=1",
        f"--ntasks={cores_per_run}",
    ]
    if cluster.memory_MB_per_core:
        words.append(f"--mem-per-cpu={cluster.memory_MB_per_core}M")
    for option in ("account", "partition", "qos", "constraint"):
        if getattr(cluster, option):
            words.append(f"--{option}={getattr(cluster, option)}")
    return [f"#SBATCH {word}" for word in (*words, *cluster.extra)]


def job_name(submission: Submission) -> str:
    """Return the name under which a submission is found again after a crash."""
    return f"iemhpc-{submission.submission_id}"


class SlurmScheduler:
    """Runs as tasks of an array."""

    name = "slurm"
    foreground = False

    def __init__(
        self, workspace: Workspace, cluster: ClusterSettings, resources: Resources
    ) -> None:
        self.workspace, self.cluster, self.resources = workspace, cluster, resources

    def check(self) -> None:
        """Raise ProgramError where LAMMPS or Slurm's commands are missing."""
        lammps_words(self.cluster, cores=self.resources.cores_per_run)
        for name in ("sbatch", "squeue", "scontrol"):
            need_program(
                name,
                why="submit to Slurm",
                get="log in to the cluster, or use --cluster this-machine",
            )

    def folder(self, submission: Submission) -> Path:
        """Return where a submission's script, list and outputs lie."""
        return (self.workspace.runs / ".slurm" / submission.submission_id).resolve()

    def render(self, submission: Submission) -> Mapping[Path, str]:
        """Return the array's script and list, and the files of every run."""
        folder = self.folder(submission)
        header = header_lines(
            self.cluster,
            submission=submission,
            cores_per_run=self.resources.cores_per_run,
            output=folder / "slurm.%a.out",
        )
        values = {
            "header": "\n".join(header),
            "list": shlex.quote(str(folder / "runs.list")),
            "wall_s": str(math.ceil(self.cluster.wall_hours * 60) * 60),
            "warning_s": str(self.cluster.warning_s),
            "attempts": str(self.cluster.attempts),
        }
        files = {
            folder / "job.sh": fill_script("slurm.sh", values, workspace=self.workspace),
            folder / "runs.list": "".join(f"{run.resolve()}\n" for run in submission.runs),
        }
        return files | render_runs(
            submission, workspace=self.workspace, cluster=self.cluster, resources=self.resources
        )

    def early_job_id(self) -> str | None:
        """Return None: sbatch gives the id."""
        return None

    def find(self, submission: Submission) -> str | None:
        """Ask the queue for a job of this submission's name."""
        return parse_find(_answer(find_command(job_name(submission), getpass.getuser())))

    def submit(self, submission: Submission, *, say: Say = quiet) -> str:
        """Submit the array and return its job id."""
        job_id = parse_submit(_answer(submit_command(self.folder(submission) / "job.sh")))
        say(f"Slurm job {job_id}: {len(submission.runs)} runs")
        return job_id

    def poll(self, job_ids: Sequence[str]) -> Mapping[str, JobState]:
        """Ask once for all tasks."""
        if not job_ids:
            return {}
        states = parse_status(_answer(status_command(getpass.getuser())))
        return {job_id: states.get(job_id, JobState.GONE) for job_id in job_ids}

    def cancel(self, job_ids: Sequence[str]) -> None:
        """End jobs."""
        if job_ids:
            _answer(cancel_command(job_ids))


def _answer(command: Sequence[str]) -> str:
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=ANSWER_S, check=False
        )
    except FileNotFoundError as error:
        raise ProgramError(f"{command[0]} is not on the PATH; log in to the cluster") from error
    except subprocess.TimeoutExpired as error:
        raise ProgramError(
            f"{command[0]} did not answer within {ANSWER_S:g} s; try again"
        ) from error
    if done.returncode != 0:
        said = (done.stderr or done.stdout).strip() or "nothing"
        raise ProgramError(f"{shlex.join(command)} ended with {done.returncode} and said: {said}")
    return done.stdout
