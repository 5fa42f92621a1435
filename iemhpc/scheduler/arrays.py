"""What the arrays of all queues have in common: their folder, list of runs and script.

``runs/.<scheduler>/<submission>/`` holds ``job.sh``, ``runs.list`` and the outputs. A task takes
``runs_per_job`` lines of the list, side by side.
"""

import math
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path

from iemhpc.scheduler.base import Resources, Submission
from iemhpc.scheduler.cluster import setup_lines
from iemhpc.scheduler.file_mode import umask_line
from iemhpc.scheduler.scripts import fill_script, render_runs
from iemhpc.settings.cluster import ClusterSettings
from iemhpc.workspace import Workspace, content_hash


def array_folder(workspace: Workspace, scheduler: str, submission_id: str) -> Path:
    """Return where a submission's script, list and outputs lie."""
    return (workspace.runs / f".{scheduler}" / submission_id).resolve()


def n_tasks(n_runs: int, cluster: ClusterSettings) -> int:
    """Return the number of tasks that so many runs make.

    Examples
    --------
    >>> n_tasks(9, ClusterSettings(scheduler="slurm", runs_per_job=4))
    3
    """
    return math.ceil(n_runs / cluster.runs_per_job)


def wall_minutes(cluster: ClusterSettings, resources: Resources) -> int:
    """Return the time limit, whole minutes."""
    return math.ceil((resources.wall_hours or cluster.wall_hours) * 60)


def render_array(
    submission: Submission,
    header: Sequence[str],
    *,
    workspace: Workspace,
    cluster: ClusterSettings,
    resources: Resources,
    more: Mapping[str, str] | None = None,
) -> dict[Path, str]:
    """Return the array's script and list, and the files of every run."""
    folder = array_folder(workspace, cluster.scheduler, submission.submission_id)
    wall_s = wall_minutes(cluster, resources) * 60
    values = {
        "header": "\n".join(header),
        "folder": shlex.quote(str(folder)),
        "list": shlex.quote(str(folder / "runs.list")),
        "runs_per_job": str(cluster.runs_per_job),
        "wall_s": str(wall_s),
        "warning_s": str(cluster.warning_s),
        "attempts": str(cluster.attempts),
        "umask": umask_line(cluster.file_mode),
        **(more or {}),
    }
    values["task"] = fill_script("task.sh", values, workspace=workspace)
    return {
        folder / "job.sh": fill_script(f"{cluster.scheduler}.sh", values, workspace=workspace),
        folder / "runs.list": "".join(f"{run.resolve()}\n" for run in submission.runs),
    } | render_runs(submission, workspace=workspace, cluster=cluster, resources=resources)


def after_id(job_ids: Sequence[str], words: Sequence[str]) -> str:
    """Return the hash that names a command that waits for jobs."""
    return content_hash(["after", list(job_ids), list(words)])


def render_after(
    folder: Path,
    header: Sequence[str],
    words: Sequence[str],
    *,
    workspace: Workspace,
    cluster: ClusterSettings,
    goes_on: tuple[Path, Sequence[str]] | None = None,
) -> dict[Path, str]:
    """Return the script of a command that waits for jobs.

    Parameters
    ----------
    folder : Path
        Where it lies.
    header, words : sequence of str
        What the queue is told, and the command.
    workspace : Workspace
        Where the command runs.
    cluster : ClusterSettings
        The profile.
    goes_on : tuple of Path and sequence of str, optional
        Where runs may go on in other jobs: the folder that says so, and the numbers of the jobs.
    """
    following, jobs = goes_on or ("", ())
    values = {
        "header": "\n".join(header),
        "output": shlex.quote(str(folder / "after.out")),
        "folder": shlex.quote(str(workspace.root.resolve())),
        "umask": umask_line(cluster.file_mode),
        "setup": "\n".join(setup_lines(cluster)),
        "command": shlex.join(words),
        "next": shlex.quote(str(following)),
        "jobs": " ".join(jobs),
        "script": shlex.quote(str(folder / "job.sh")),
    }
    return {folder / "job.sh": fill_script("after.sh", values, workspace=workspace)}
