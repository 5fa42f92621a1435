"""Slurm: one ``sbatch`` for an array of runs, one ``squeue`` for all of their states.

Each command that is built has the parser of its answer beside it; neither runs anything.
https://slurm.schedmd.com/sbatch.html, https://slurm.schedmd.com/squeue.html
"""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from iemhpc.errors import InputError, ProgramError, RefusedError
from iemhpc.programs import need_program
from iemhpc.progress import Say, quiet
from iemhpc.scheduler.arrays import (
    after_id,
    array_folder,
    n_tasks,
    render_after,
    render_array,
    wall_minutes,
)
from iemhpc.scheduler.asking import ask, ask_in_full
from iemhpc.scheduler.base import (
    JobAnswer,
    JobState,
    Resources,
    Submission,
    Waiting,
    count_runs,
)
from iemhpc.scheduler.cluster import lammps_words
from iemhpc.settings.cluster import ClusterSettings
from iemhpc.workspace import Workspace, write_text

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
    **dict.fromkeys(
        ("BF", "CA", "CD", "DL", "F", "LF", "NF", "OOM", "PR", "RV", "TO"), JobState.GONE
    ),
}
"""A state of other versions than these is of a job that squeue lists, so it waits for something."""

_STATUS_LINE = re.compile(r"(\d+(?:[_+]\S+)?) ([A-Z]{1,3})(?: (.*))?")

_HELD = re.compile(r"(?i)held|hold")
"""In a reason of squeue: JobHeldUser, JobHeldAdmin, launch failed requeued held, ..."""

_USUAL = (
    *("None", "Priority", "Resources", "Dependency", "BeginTime", "JobArrayTaskLimit"),
    *("Cleaning", "Prolog"),
)
"""Reasons of squeue that only say that a job's turn has not come."""

# https://slurm.schedmd.com/job_reason_codes.html
_MEANINGS = {
    "PartitionTimeLimit": "wall_hours of the cluster profile is above the partition's limit",
    "PartitionNodeLimit": "more nodes than the partition gives one job",
    "PartitionConfig": "more than the partition has",
    "PartitionDown": "the partition is closed",
    "PartitionInactive": "the partition is closed",
    "BadConstraints": "no node is as constraint, memory or GPUs of the cluster profile ask",
    "NodeDown": "the nodes that it needs are down",
    "ReqNodeNotAvail": "the nodes that it needs are down, or reserved",
    "QOSMaxWallDurationPerJobLimit": "wall_hours of the cluster profile is above the qos's limit",
    "AssocMaxWallDurationPerJobLimit": "wall_hours of the cluster profile is above the account's "
    "limit",
    "AssocMaxJobsLimit": "as many jobs run as the account may have",
    "AssocGrpCPUMinutesLimit": "the account's hours are spent",
    "AccountNotAllowed": "the partition does not take this account",
    "QOSNotAllowed": "the partition does not take this qos",
    "InvalidAccount": "no such account",
    "InvalidQOS": "no such qos",
}

_UNKNOWN_ID = "(?i)invalid job id"
"""What squeue complains of where it is asked for one job, and that has left the queue."""

MOST_IDS = 1000
"""More jobs are not asked for by their numbers: a command has an end."""

_UNWRITABLE = '"\\\n'
"""What cannot stand in the name of an output: Slurm has no way to say it."""


def submit_command(script: Path) -> list[str]:
    """Return the command that submits a script and answers with its job id."""
    return ["sbatch", "--parsable", str(script)]


def parse_submit(answer: str) -> str:
    r"""Read the answer to :func:`submit_command`; a centre's own words may come before the id.

    Raises
    ------
    ProgramError
        Where it is not a job id.

    Examples
    --------
    >>> parse_submit("417;cluster\n")
    '417'
    """
    found = re.findall(r"^(\d+)(?:;\S+)?$", answer.strip(), re.MULTILINE)
    if not found:
        raise ProgramError(
            f"sbatch answered {answer.strip()!r}, wanted a job id; see sbatch --help"
        )
    return str(found[-1])


def status_command(job_ids: Sequence[str]) -> list[str]:
    """Return the command that asks for the states of all tasks of some jobs at once.

    Whose they are is not asked: several people may work in one workspace.

    Examples
    --------
    >>> status_command(["41_0", "41_1", "43_0"])[-1]
    '--jobs=41,43'
    """
    whole = dict.fromkeys(task.partition("_")[0] for task in job_ids)
    chosen = [f"--jobs={','.join(whole)}"] if 0 < len(whole) <= MOST_IDS else []
    return ["squeue", "--noheader", "--array", "--format=%i %t %r", *chosen]


def parse_status(answer: str) -> dict[str, JobAnswer]:
    r"""Read the answer to :func:`status_command`; with a reason that is not the usual one.

    Raises
    ------
    ProgramError
        Where a line is none of squeue's: what it does not say is not known then.

    Examples
    --------
    >>> parse_status("41_0 R None\n41_1 PD Priority\n41_2 PD JobHeldUser\n40_0 CD None\n")
    {'41_0': <JobState.RUNNING: 'running'>, '41_1': <JobState.QUEUED: 'queued'>,
     '41_2': Waiting(state=<JobState.HELD: 'held'>, why='JobHeldUser'),
     '40_0': <JobState.GONE: 'gone'>}
    """
    states = dict[str, JobAnswer]()
    for line in filter(None, map(str.strip, answer.splitlines())):
        found = _STATUS_LINE.fullmatch(line)
        if not found:
            raise ProgramError(f"squeue answered {line!r}, wanted a job and its state; try again")
        state, why = _STATES.get(found[2], JobState.QUEUED), found[3] or ""
        states[found[1]] = _waiting(why) if state is JobState.QUEUED else state
    return states


def _waiting(why: str) -> JobAnswer:
    state = JobState.HELD if _HELD.search(why) else JobState.QUEUED
    code = why.partition(",")[0].strip("()")
    if code in ("", "null", *_USUAL):
        return state
    meaning = _MEANINGS.get(code)
    return Waiting(state=state, why=f"{why}: {meaning}" if meaning else why)


def find_command(job_name: str) -> list[str]:
    """Return the command that asks for the jobs of a name, ended ones and everybody's, too."""
    return ["squeue", "--noheader", "--states=all", f"--name={job_name}", "--format=%F"]


def parse_find(answer: str) -> str | None:
    r"""Read the answer to :func:`find_command`: the latest job of the name, if any.

    Raises
    ------
    ProgramError
        Where it is something else: that is no word of a job that is not there.

    Examples
    --------
    >>> parse_find("41\n41\n")
    '41'
    """
    words = answer.split()
    if strange := [word for word in words if not word.isdigit()]:
        raise ProgramError(f"squeue answered {' '.join(strange)!r}, wanted job ids; try again")
    return max(words, key=int, default=None)


def cancel_command(job_ids: Sequence[str]) -> list[str]:
    """Return the command that ends jobs; it answers nothing, for unknown ones too."""
    return ["scancel", *job_ids]


def submit_after_command(script: Path, job_ids: Sequence[str]) -> list[str]:
    """Return the command that submits a script that waits until jobs have ended, well or not."""
    return ["sbatch", "--parsable", f"--dependency=afterany:{':'.join(job_ids)}", str(script)]


def header_lines(
    cluster: ClusterSettings, *, submission: Submission, resources: Resources, output: Path
) -> list[str]:
    """Return the #SBATCH lines of an array of runs.

    Without ``kill-on-invalid-dep`` a job that waits for a failed one would wait for ever.
    """
    at_once = f"%{cluster.at_once}" if cluster.at_once else ""
    threads, n_runs = cluster.threads_per_process, cluster.runs_per_job
    words = [
        f"--job-name={job_name(submission)}",
        f"--array=0-{n_tasks(len(submission.runs), cluster) - 1}{at_once}",
        f'--output="{output}"',
        "--open-mode=append",
        "--requeue",
        "--kill-on-invalid-dep=yes",
        f"--signal=B:USR1@{cluster.warning_s}",
        f"--time={wall_minutes(cluster, resources)}",
        "--nodes=1",
        f"--ntasks={resources.cores_per_run // threads * n_runs}",
    ]
    if threads > 1:
        words.append(f"--cpus-per-task={threads}")
    if resources.gpus_per_run:
        request = cluster.gpu_request or "--gres=gpu:{gpus}"
        words.append(request.format(gpus=resources.gpus_per_run * n_runs))
    return _sbatch_lines([*words, *_place_words(cluster)])


def after_lines(cluster: ClusterSettings, *, name: str, output: Path) -> list[str]:
    """Return the #SBATCH lines of a command that waits for jobs."""
    words = [
        f"--job-name={name}",
        f'--output="{output}"',
        "--kill-on-invalid-dep=yes",
        f"--time={wall_minutes(cluster, Resources())}",
        "--ntasks=1",
    ]
    return _sbatch_lines([*words, *_place_words(cluster)])


def _place_words(cluster: ClusterSettings) -> list[str]:
    words = []
    if cluster.memory_MB_per_core:
        words.append(f"--mem-per-cpu={cluster.memory_MB_per_core}M")
    for option in ("account", "partition", "qos", "constraint"):
        if getattr(cluster, option):
            words.append(f"--{option}={getattr(cluster, option)}")
    return [*words, *cluster.extra]


def _sbatch_lines(words: Sequence[str]) -> list[str]:
    return [f"#SBATCH {word}" for word in words]


def _as_it_is(folder: Path) -> Path:
    """Return a folder as ``--output`` must have it: Slurm puts other words for ``%a``."""
    return Path(str(folder).replace("%", "%%"))


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
        root = str(self.workspace.root.resolve())
        if any(character in root for character in _UNWRITABLE):
            raise InputError(
                f"Slurm cannot write into a folder with a quote, a backslash or a line break in "
                f"its name, got {root!r}; rename it, or use another --workspace"
            )
        lammps_words(self.cluster, cores=self.resources.cores_per_run)
        for name in ("sbatch", "squeue", "scontrol"):
            need_program(
                name,
                why="submit to Slurm",
                get="log in to the cluster, or use --cluster this-machine",
            )

    def folder(self, submission: Submission) -> Path:
        """Return where a submission's script, list and outputs lie."""
        return array_folder(self.workspace, self.name, submission.submission_id)

    def render(self, submission: Submission) -> Mapping[Path, str]:
        """Return the array's script and list, and the files of every run."""
        header = header_lines(
            self.cluster,
            submission=submission,
            resources=self.resources,
            output=_as_it_is(self.folder(submission)) / "slurm.%a.out",
        )
        return render_array(
            submission,
            header,
            workspace=self.workspace,
            cluster=self.cluster,
            resources=self.resources,
        )

    def early_job_id(self) -> str | None:
        """Return None: sbatch gives the id."""
        return None

    def task_id(self, job_id: str, index: int, *, n_runs: int) -> str:
        """Return ``job id_task``, as squeue does."""
        return f"{job_id}_{index // self.cluster.runs_per_job}"

    def find(self, submission: Submission) -> str | None:
        """Ask the queue for a job of this submission's name."""
        return self._find(job_name(submission))

    def _find(self, name: str) -> str | None:
        return parse_find(ask(find_command(name)))

    def submit(self, submission: Submission, *, say: Say = quiet) -> str:
        """Submit the array and return its job id."""
        try:
            answer = ask(submit_command(self.folder(submission) / "job.sh"))
        except RefusedError as error:
            if "invalid job array" not in str(error).lower():
                raise
            raise RefusedError(
                f"{error}; this Slurm takes smaller arrays than array_size = "
                f"{self.cluster.array_size} of the profile: scontrol show config says its "
                "MaxArraySize, array_size must not be above it"
            ) from error
        job_id = parse_submit(answer)
        say(f"Slurm job {job_id}: {count_runs(len(submission.runs))}")
        return job_id

    def submit_after(self, job_ids: Sequence[str], words: Sequence[str], *, name: str) -> str:
        """Submit a command that waits for jobs, once."""
        submission_id = after_id(job_ids, words)
        folder = array_folder(self.workspace, self.name, submission_id)
        known_as = f"iemhpc-{name}-{submission_id}"
        found = self._find(known_as)
        if found:
            return found
        header = after_lines(self.cluster, name=known_as, output=_as_it_is(folder) / "slurm.out")
        for path, text in render_after(
            folder, header, words, workspace=self.workspace, cluster=self.cluster
        ).items():
            write_text(path, text)
        return parse_submit(ask(submit_after_command(folder / "job.sh", job_ids)))

    def poll(self, job_ids: Sequence[str]) -> Mapping[str, JobAnswer]:
        """Ask once for all tasks."""
        if not job_ids:
            return {}
        said = ask_in_full(status_command(job_ids), forgives=_UNKNOWN_ID)
        if said.complaint and len({task.partition("_")[0] for task in job_ids}) > 1:
            # some versions say nothing of all of them then
            said = ask_in_full(status_command([]))
        states = parse_status(said.answer)
        return {job_id: states.get(job_id, JobState.GONE) for job_id in job_ids}

    def cancel(self, job_ids: Sequence[str]) -> None:
        """End jobs."""
        if job_ids:
            ask(cancel_command(job_ids))
