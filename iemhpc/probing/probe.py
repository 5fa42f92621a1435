"""A cluster's LAMMPS, asked on a node: its styles, two known energies, and a run of all stages.

A one-minute job goes through the profile's own scheduler and asks three things: which of our styles
this LAMMPS has and which of them the profile's suffix makes faster; whether a tiny box that the
project ships has the energies that two engines agree on, in both force fields; and whether all
stages of a run come to their end with it, which needs every style at work.
"""

import json
import shlex
from collections.abc import Sequence
from pathlib import Path

from iemhpc.probing.one_off import OneOff, asking, hand_over, mark_read, one_off_plan, wait_for
from iemhpc.probing.probe_report import FIELDS, ProbeReport, known_energies, read_probe
from iemhpc.progress import Say, quiet
from iemhpc.resources import resource
from iemhpc.scheduler.base import Resources
from iemhpc.scheduler.cluster import lammps_words, resources_for
from iemhpc.scheduler.scripts import fill_script
from iemhpc.settings.cluster import ClusterSettings
from iemhpc.settings.protocol import protocol_variables
from iemhpc.workspace import Workspace

WALL_S = 300.0
"""Time limit of the job; more where the profile's warning needs it."""

QUESTION_S = 90
"""How long one question may take: a start from a cold file system, but no hanging MPI."""

INFO = "info out log config accelerator styles all\n"


def probe_cluster(
    workspace: Workspace,
    name: str,
    cluster: ClusterSettings,
    *,
    cores_per_run: int | None = None,
    wait_s: float = 1800.0,
    say: Say = quiet,
) -> ProbeReport:
    """Send the probe to a cluster, wait for it and judge its answers.

    Parameters
    ----------
    workspace : Workspace
        On a file system that the nodes see; the probe lies in its ``runs/.probe``.
    name : str
        The profile's name.
    cluster : ClusterSettings
        The profile.
    cores_per_run : int, optional
        Default: as a run of a small box.
    wait_s : float
        How long to wait for the queue. The job goes on; the same call waits on.
    say : callable
        Takes lines of progress.

    Raises
    ------
    ProgramError
        Where a program is missing, the queue refuses, or the job does not end.
    """
    job = _probe_job(workspace, name, cluster, cores_per_run=cores_per_run)
    plan = one_off_plan(_protocol(), production_ps=0.4, frame_ps=0.2)
    scheduler = hand_over(workspace, cluster, job, plan=plan, say=say)
    wait_for(job, scheduler, wait_s=wait_s, say=say)
    mark_read([job])
    return read_probe(job.folder)


def probe_folder(workspace: Workspace, name: str) -> Path:
    """Return where a cluster's latest probe lies."""
    return workspace.runs / ".probe" / name


def last_probe(workspace: Workspace, name: str) -> ProbeReport | None:
    """Return what the latest probe of a cluster found; None where none has ended."""
    folder = probe_folder(workspace, name)
    return read_probe(folder) if (folder / "end.txt").exists() else None


def _probe_job(
    workspace: Workspace, name: str, cluster: ClusterSettings, *, cores_per_run: int | None
) -> OneOff:
    size = resources_for(cluster, cores_per_run=cores_per_run)
    resources = Resources(
        cores_per_run=size.cores_per_run,
        gpus_per_run=size.gpus_per_run,
        wall_hours=max(WALL_S, 2.0 * cluster.warning_s) / 3600.0,
    )
    words = lammps_words(cluster, cores=resources.cores_per_run, gpus=resources.gpus_per_run)
    values = {
        "lammps": shlex.join(words),
        "cutoff_A": f"{known_energies().cutoff_A:g}",
        "fields": shlex.join(FIELDS),
        "asking": asking(workspace, cluster, limit_s=QUESTION_S),
    }
    asked = {
        "cluster": name,
        "suffix": used_suffix(words),
        "processes": resources.cores_per_run // cluster.threads_per_process,
        "threads": cluster.threads_per_process,
    }
    files = {"info.in": INFO, "asked.json": json.dumps(asked)}
    energy = resource("lammps_templates", "energy_box.in").read_text("utf-8")
    for field in FIELDS:
        files[f"{field}/energy_box.in"] = energy
        for shipped, there in (("data", "system.data"), ("styles.in", "styles.in")):
            text = resource("data", "probe", f"{field}.{shipped}").read_text("utf-8")
            files[f"{field}/{there}"] = text
    return OneOff(
        folder=probe_folder(workspace, name),
        what=f"the probe of {name}",
        script=fill_script("probe.sh", values, workspace=workspace),
        files=files,
        runs_inside=FIELDS,
        resources=resources,
    )


def used_suffix(words: Sequence[str]) -> str:
    """Return the suffix that a LAMMPS command turns on; the first of a pair, empty for none.

    Examples
    --------
    >>> used_suffix(["lmp", "-sf", "hybrid", "intel", "omp"]), used_suffix(["lmp"])
    ('intel', '')
    """
    for option in ("-sf", "-suffix"):
        if option in words[:-1]:
            following = [word for word in words[words.index(option) + 1 :] if word != "hybrid"]
            return following[0] if following else ""
    return ""


def _protocol() -> dict[str, float]:
    return protocol_variables("test", {"cutoff_A": known_energies().cutoff_A})
