r"""PBS Professional and OpenPBS: one ``qsub`` for an array of runs, one ``qstat`` for their states.

Each command that is built has the parser of its answer beside it; neither runs anything. States
are read from the text of ``qstat -f -t``, which is the same in every version; the JSON of ``-F
json`` is not JSON where a variable of the job holds a quote or a number with a leading zero
(openpbs issues 2541, 1255), and ``-x`` is an error where the server keeps no history.
https://github.com/openpbs/openpbs/tree/master/doc/man1: qsub, qstat, qselect, qdel
"""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from iemhpc.errors import ProgramError
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

# qstat(1B), job_state. E is exiting, X a subjob that has ended, F finished, M moved to another
# server; the array itself is B once a subjob has begun.
_STATES = {
    "B": JobState.RUNNING,
    "E": JobState.RUNNING,
    "H": JobState.HELD,  # our arrays wait for no other job
    "M": JobState.QUEUED,
    "Q": JobState.QUEUED,
    "R": JobState.RUNNING,
    "S": JobState.RUNNING,
    "T": JobState.QUEUED,
    "U": JobState.RUNNING,
    "W": JobState.QUEUED,
}

_JOB_ID = r"\d+(\[\])?(\.\S+)?"

_NEVER = "Can Never Run"
"""How the comment of a job begins that asks for what the cluster does not have; "Not Running: ..."
is one that waits for its turn (pbs_sched(8B))."""

_GONE = r"(?i)unknown job id|job has finished|has finished"
"""What PBS complains of where a job has ended, with an exit code as of an error."""


def submit_command(
    script: Path, *, n_tasks: int, at_once: int | None = None, after: Sequence[str] = ()
) -> list[str]:
    """Return the command that submits a script and answers with its job id.

    PBS refuses an array of one; ``%`` needs version 2020.1.

    Examples
    --------
    >>> submit_command(Path("job.sh"), n_tasks=3, at_once=2)
    ['qsub', '-J', '0-2%2', 'job.sh']
    >>> submit_command(Path("job.sh"), n_tasks=1, after=["7[].head", "9.head"])
    ['qsub', '-W', 'depend=afterany:7[].head:9.head', 'job.sh']
    """
    limit = f"%{at_once}" if at_once else ""
    array = ["-J", f"0-{n_tasks - 1}{limit}"] if n_tasks > 1 else []
    wait = ["-W", f"depend=afterany:{':'.join(after)}"] if after else []
    return ["qsub", *array, *wait, str(script)]


def parse_submit(answer: str) -> str:
    r"""Read the answer to :func:`submit_command`; a centre's own words may come before the id.

    Raises
    ------
    ProgramError
        Where it is not a job id.

    Examples
    --------
    >>> parse_submit("Charged to project chem\n417[].head.cluster\n")
    '417[].head.cluster'
    """
    words = answer.split()
    if not words or not re.fullmatch(_JOB_ID, words[-1]):
        raise ProgramError(f"qsub answered {answer.strip()!r}, wanted a job id; see qsub --help")
    return words[-1]


def status_command(job_ids: Sequence[str]) -> list[str]:
    """Return the command that asks for the states of all tasks of some jobs at once.

    Examples
    --------
    >>> status_command(["7[0].head", "7[1].head", "9.head"])
    ['qstat', '-f', '-t', '7[].head', '9.head']
    """
    return ["qstat", "-f", "-t", *dict.fromkeys(_whole(job_id) for job_id in job_ids)]


def parse_status(answer: str) -> dict[str, JobAnswer]:
    r"""Read the answer to :func:`status_command`: number of a task -> state.

    The comment of a job comes with it where it is held, or can never run.

    Raises
    ------
    ProgramError
        Where a job comes without its state.

    Examples
    --------
    >>> parse_status("Job Id: 7[1].head\n    Job_Name = ie-0f\n    job_state = R\n\n")
    {'7[1]': <JobState.RUNNING: 'running'>}
    """
    states = dict[str, JobAnswer]()
    for part in re.split(r"^Job Id:", answer, flags=re.MULTILINE)[1:]:
        code = re.search(r"^\s+job_state = (\w)\s*$", part, re.MULTILINE)
        if not code:
            raise ProgramError(f"qstat answered {part.strip()!r}, wanted a job_state; try again")
        state = _STATES.get(code[1], JobState.GONE)
        states[_number(part.split()[0])] = _with_comment(state, part)
    return {task: _as_its_array(task, state, states) for task, state in states.items()}


def _as_its_array(task: str, state: JobAnswer, states: Mapping[str, JobAnswer]) -> JobAnswer:
    """Return what holds a subjob back: qhold and the scheduler's comments are its array's."""
    array = states.get(_whole(task), state)
    waits_for_more = array is JobState.HELD or isinstance(array, Waiting)
    return array if state is JobState.QUEUED and waits_for_more else state


def _with_comment(state: JobState, part: str) -> JobAnswer:
    """Return a state, with the job's comment where it says more than that others are first."""
    # long lines of qstat go on after a tab
    said = re.search(r"^    comment = (.+)$", part.replace("\n\t", ""), re.MULTILINE)
    is_telling = state is JobState.HELD or (said and said[1].startswith(_NEVER))
    if not said or not is_telling or state not in (JobState.QUEUED, JobState.HELD):
        return state
    return Waiting(state=state, why=said[1].strip())


def parse_gone(complaint: str) -> set[str]:
    r"""Read what qstat complains of: numbers of the jobs that it says are not there any more.

    Examples
    --------
    >>> sorted(parse_gone("qstat: Unknown Job Id 7[].head\nqstat: 9.head Job has finished, use -x"))
    ['7[]', '9']
    """
    lines = [line for line in complaint.splitlines() if re.search(_GONE, line)]
    return {found for line in lines for found in re.findall(r"\b\d+(?:\[\d*\])?(?=[\s.]|$)", line)}


def _whole(job_id: str) -> str:
    """Return a subjob's array; a job that is no array is its own."""
    return re.sub(r"\[\d+\]", "[]", job_id)


def _number(job_id: str) -> str:
    """Return a job id without its server, which PBS writes now in short, now in full."""
    return job_id.partition(".")[0]


def find_command(job_name: str) -> list[str]:
    """Return the command that asks for everybody's jobs of a name that wait or run."""
    return ["qselect", "-N", job_name]


def parse_find(answer: str) -> str | None:
    r"""Read the answer to :func:`find_command`: the latest job of the name, if any.

    Raises
    ------
    ProgramError
        Where it is something else: that is no word of a job that is not there.

    Examples
    --------
    >>> parse_find("41.head\n107[].head\n")
    '107[].head'
    """
    words = answer.split()
    if strange := [word for word in words if not re.fullmatch(_JOB_ID, word)]:
        raise ProgramError(f"qselect answered {' '.join(strange)!r}, wanted job ids; try again")
    return max(words, key=lambda job_id: int(re.split(r"[\[.]", job_id)[0]), default=None)


def cancel_command(job_ids: Sequence[str]) -> list[str]:
    """Return the command that ends jobs and tasks."""
    return ["qdel", *job_ids]


def header_lines(
    cluster: ClusterSettings, *, submission: Submission, resources: Resources
) -> list[str]:
    """Return the #PBS lines of runs; the array's range is on the command line.

    The script itself writes its output file, so that a job that PBS starts again appends.
    """
    cores, threads = resources.cores_per_run, cluster.threads_per_process
    n_runs = cluster.runs_per_job
    chunk = [
        f"select=1:ncpus={cores * n_runs}",
        f"mpiprocs={cores // threads * n_runs}",
        f"ompthreads={threads}",
    ]
    if resources.gpus_per_run:
        request = cluster.gpu_request or "ngpus={gpus}"
        chunk.append(request.format(gpus=resources.gpus_per_run * n_runs))
    if cluster.memory_MB_per_core:
        chunk.append(f"mem={cluster.memory_MB_per_core * cores * n_runs}mb")
    return _lines(cluster, job_name(submission), chunk, minutes=wall_minutes(cluster, resources))


def after_lines(cluster: ClusterSettings, *, name: str) -> list[str]:
    """Return the #PBS lines of a command that waits for jobs."""
    minutes = wall_minutes(cluster, Resources())
    return _lines(cluster, name, ["select=1:ncpus=1"], minutes=minutes)


def _lines(cluster: ClusterSettings, name: str, chunk: Sequence[str], *, minutes: int) -> list[str]:
    if cluster.constraint:
        chunk = [*chunk, cluster.constraint]
    words = [
        f"-N {name}",
        "-S /bin/bash",
        "-r y",
        "-j oe",
        "-o /dev/null",
        f"-l {':'.join(chunk)}",
        f"-l walltime={minutes // 60:02d}:{minutes % 60:02d}:00",
    ]
    if cluster.account:
        words.append(f"-A {cluster.account}")
    if cluster.queue:
        words.append(f"-q {cluster.queue}")
    return [f"#PBS {word}" for word in (*words, *cluster.extra)]


def job_name(submission: Submission) -> str:
    """Return the name under which a submission is found again after a crash.

    Old versions cut names at 15 characters; an id has 12.
    """
    return f"ie-{submission.submission_id}"


def next_name(submission: Submission) -> str:
    """Return the name of the jobs in which runs of a submission go on that were cut short."""
    return f"in-{submission.submission_id}"


class PbsScheduler:
    """Runs as subjobs of an array; one alone as a job."""

    name = "pbs"
    foreground = False

    def __init__(
        self, workspace: Workspace, cluster: ClusterSettings, resources: Resources
    ) -> None:
        self.workspace, self.cluster, self.resources = workspace, cluster, resources

    def check(self) -> None:
        """Raise ProgramError where LAMMPS or PBS's commands are missing."""
        lammps_words(self.cluster, cores=self.resources.cores_per_run)
        for name in ("qsub", "qstat", "qselect"):
            need_program(
                name,
                why="submit to PBS",
                get="log in to the cluster, or use --cluster this-machine",
            )

    def folder(self, submission: Submission) -> Path:
        """Return where a submission's script, list and outputs lie."""
        return array_folder(self.workspace, self.name, submission.submission_id)

    def render(self, submission: Submission) -> Mapping[Path, str]:
        """Return the array's script and list, and the files of every run."""
        return render_array(
            submission,
            header_lines(self.cluster, submission=submission, resources=self.resources),
            workspace=self.workspace,
            cluster=self.cluster,
            resources=self.resources,
            # another name: it has other tasks, and is not what a crash left behind
            more={"next": next_name(submission)},
        )

    def early_job_id(self) -> str | None:
        """Return None: qsub gives the id."""
        return None

    def task_id(self, job_id: str, index: int, *, n_runs: int) -> str:
        """Return ``7[task].head``, as qstat does; a job that is no array has one task."""
        return job_id.replace("[]", f"[{index // self.cluster.runs_per_job}]")

    def find(self, submission: Submission) -> str | None:
        """Ask the queue for a job of this submission, else for one in which its runs go on."""
        return self._find(job_name(submission)) or self._find(next_name(submission))

    def _find(self, name: str) -> str | None:
        return parse_find(ask(find_command(name)))

    def submit(self, submission: Submission, *, say: Say = quiet) -> str:
        """Submit the array and return its job id."""
        command = submit_command(
            self.folder(submission) / "job.sh",
            n_tasks=n_tasks(len(submission.runs), self.cluster),
            at_once=self.cluster.at_once,
        )
        job_id = parse_submit(ask(command))
        say(f"PBS job {job_id}: {count_runs(len(submission.runs))}")
        return job_id

    def submit_after(self, job_ids: Sequence[str], words: Sequence[str], *, name: str) -> str:
        """Submit a command that waits for jobs, once."""
        submission_id = after_id(job_ids, words)
        folder = array_folder(self.workspace, self.name, submission_id)
        known_as = f"ia-{submission_id}"
        found = self._find(known_as)
        if found:
            return found
        for path, text in render_after(
            folder,
            after_lines(self.cluster, name=known_as),
            words,
            workspace=self.workspace,
            cluster=self.cluster,
            goes_on=(folder.parent / "next", [re.split(r"[\[.]", job)[0] for job in job_ids]),
        ).items():
            write_text(path, text)
        return parse_submit(ask(submit_command(folder / "job.sh", n_tasks=1, after=job_ids)))

    def poll(self, job_ids: Sequence[str]) -> Mapping[str, JobAnswer]:
        """Ask once for all tasks."""
        if not job_ids:
            return {}
        command = status_command(job_ids)
        said = ask_in_full(command, forgives=_GONE)
        states = parse_status(said.answer)
        known = {*states, *parse_gone(said.complaint)}
        if silent := [job_id for job_id in command[3:] if _number(job_id) not in known]:
            raise ProgramError(
                f"qstat said nothing about {', '.join(silent)}, not even that it is gone; try again"
            )
        return {job_id: states.get(_number(job_id), JobState.GONE) for job_id in job_ids}

    def cancel(self, job_ids: Sequence[str]) -> None:
        """End jobs."""
        if job_ids:
            ask(cancel_command(job_ids), forgives=_GONE)
