"""Job scripts: the files of ``jobs/`` with their ``@@{names}`` filled in.

``@@`` instead of ``$``, because the rest of the file is bash. A copy in the workspace's ``jobs/``
wins over the project's.
"""

import math
import re
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from string import Template
from typing import Any

from iemhpc.errors import InputError
from iemhpc.resources import resource
from iemhpc.scheduler.base import Resources, Submission
from iemhpc.scheduler.cluster import iemhpc_words, lammps_words, setup_lines
from iemhpc.scheduler.file_mode import umask_line
from iemhpc.scheduler.run_progress import production_steps
from iemhpc.settings.cluster import ClusterSettings
from iemhpc.workspace import Workspace

STAGES = ("minimize", "equilibrate", "production")
"""A run's stages, in order: each a file of ``lammps_templates/``."""

RESTARTS_PER_PRODUCTION = 20
LONGEST_RESTART_PS = 100.0
"""Restart files come 20 times a production, and at least this often: what a kill may cost."""


class JobTemplate(Template):
    """A job script with ``@@{name}`` where a value goes."""

    delimiter = "@@"


def fill_script(name: str, values: Mapping[str, str], *, workspace: Workspace) -> str:
    """Return a script of ``jobs/`` with its names filled in.

    Raises
    ------
    InputError
        Where the script, perhaps the user's own, names what nobody knows.
    """
    own = workspace.root / "jobs" / name
    path = own if own.exists() else resource("jobs", name)
    try:
        return JobTemplate(path.read_text(encoding="utf-8")).substitute(values)
    except (KeyError, ValueError) as error:
        raise InputError(
            f"{path}: unknown placeholder {error}; known: {', '.join(sorted(values))}"
        ) from error


def render_runs(
    submission: Submission,
    *,
    workspace: Workspace,
    cluster: ClusterSettings,
    resources: Resources,
) -> dict[Path, str]:
    """Return the files that make run folders runnable: ``run.sh`` and the LAMMPS templates.

    Parameters
    ----------
    submission : Submission
        The runs and their plans.
    workspace : Workspace
        Whose own job scripts win.
    cluster : ClusterSettings
        How LAMMPS is called.
    resources : Resources
        Of each run.
    """
    templates = {
        f"{stage}.in": resource("lammps_templates", f"{stage}.in").read_text("utf-8")
        for stage in STAGES
    }
    values = _cluster_values(cluster, resources)
    files = dict[Path, str]()
    for run, plan in zip(submission.runs, submission.plans, strict=True):
        text = fill_script("local.sh", values | _plan_values(plan), workspace=workspace)
        files[run / "run.sh"] = text
        files |= {run / name: template for name, template in templates.items()}
    return files


def _cluster_values(cluster: ClusterSettings, resources: Resources) -> dict[str, str]:
    """Return what a cluster fills into ``run.sh``."""
    cores, gpus = resources.cores_per_run, resources.gpus_per_run
    return {
        "lammps": shlex.join(lammps_words(cluster, cores=cores, gpus=gpus)),
        "cores": str(cores),
        "gpus": str(gpus),
        "umask": umask_line(cluster.file_mode),
        "iemhpc": shlex.join(iemhpc_words(cluster)),
        "setup": "\n".join(setup_lines(cluster)),
    }


def _plan_values(plan: Mapping[str, Any]) -> dict[str, str]:
    """Return what a plan fills into ``run.sh``."""
    sampling = plan["sampling"]
    return {
        "run_id": shlex.quote(str(plan["run_id"])),
        "variables": shlex.join(variable_words(stage_variables(plan))),
        "production": shlex.join(variable_words(production_variables(sampling))),
        "n_steps": str(production_steps(sampling)),
    }


def differing_names(scripts: Sequence[str]) -> list[str]:
    r"""Return what filled-in copies of one script differ in: bash and LAMMPS variables.

    Examples
    --------
    >>> first = "run_id=a1\nvariables=(-var pressure_atm 1 -var seed 1)\n"
    >>> differing_names([first, first.replace("a1", "b2").replace("seed 1", "seed 2")])
    ['run_id', 'seed']
    """
    values = [_assignments(text) for text in scripts]
    names = dict.fromkeys(name for each in values for name in each)
    return [name for name in names if len({each.get(name) for each in values}) > 1]


def _assignments(text: str) -> dict[str, str]:
    """Return the plain assignments of a script; for words of ``-var`` those variables instead."""
    found: dict[str, str] = {}
    for name, value in re.findall(r"^(\w+)=(.*)$", text, re.MULTILINE):
        variables = re.findall(r"-var (\w+) ([^\s)]+)", value)
        found.update(variables or [(name, value)])
    return found


def stage_variables(plan: Mapping[str, Any]) -> dict[str, float]:
    """Return the LAMMPS variables that all stages share."""
    physics = plan["physics"]
    return {
        **physics["protocol"],
        "temperature_K": physics["temperature_K"],
        "pressure_atm": physics["pressure_atm"],
        "timestep_fs": plan["sampling"]["timestep_fs"],
        # LAMMPS wants a positive seed below 9e8
        "seed": int(physics["seed"]) % 899_999_999 + 1,
    }


def production_variables(sampling: Mapping[str, Any]) -> dict[str, float]:
    """Return the LAMMPS variables of the production.

    Examples
    --------
    >>> sampling = {"production_ps": 500.0, "frame_ps": 1.0, "timestep_fs": 2.0}
    >>> production_variables(sampling)["restart_ps"]
    25.0
    """
    production_ps, frame_ps = float(sampling["production_ps"]), float(sampling["frame_ps"])
    wanted_ps = min(production_ps / RESTARTS_PER_PRODUCTION, LONGEST_RESTART_PS)
    return {
        "production_ps": production_ps,
        "frame_ps": frame_ps,
        "restart_ps": frame_ps * max(1, math.floor(wanted_ps / frame_ps)),
    }


def variable_words(variables: Mapping[str, float]) -> list[str]:
    """Return the words that set LAMMPS variables on the command line.

    Examples
    --------
    >>> variable_words({"temperature_K": 298.15, "seed": 3})
    ['-var', 'temperature_K', '298.15', '-var', 'seed', '3']
    """
    words = []
    for name, value in variables.items():
        if not re.fullmatch(r"\w+", name):
            raise InputError(f"{name!r} cannot be a LAMMPS variable: letters, digits and _ only")
        words += ["-var", name, f"{value:.15g}"]
    return words
