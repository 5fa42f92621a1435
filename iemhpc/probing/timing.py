"""What a few settings of LAMMPS are worth on one box: speed, and forces that stay what they are.

Only what cannot change the physics varies: processes and threads, the accelerator, and the Coulomb
cut-off with the Lennard-Jones cut-off and the accuracy of the forces held. PPPM chooses its mesh
for the accuracy that it is asked for, so that a longer Coulomb cut-off moves work from the mesh to
real space (https://docs.lammps.org/kspace_style.html). Whether that held is
measured, see :mod:`iemhpc.probing.timing_answers`.

One measurement of a few seconds says little on a machine that others use. So each setting of a job
is measured in rounds, one setting after another and again, and the spread of its rounds told.
"""

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from iemhpc.lammps.needed_styles import ACCELERATORS
from iemhpc.probing.one_off import OneOff, asking
from iemhpc.resources import resource
from iemhpc.scheduler.base import Resources
from iemhpc.scheduler.cluster import lammps_words
from iemhpc.scheduler.scripts import fill_script
from iemhpc.settings.cluster import ClusterSettings
from iemhpc.workspace import Workspace

START_S = 60.0
"""For one LAMMPS to start, set up and compute its first forces."""

MINIMIZE_S = 900.0

PLAIN = "plain"
"""No accelerator, in names of measurements."""

_COULOMB = "coulomb_cutoff_A"


@dataclass(frozen=True, slots=True, kw_only=True)
class Box:
    """What is measured on."""

    what: str
    """Such as ``CR61/NaCl``."""
    n_atoms: int
    files: Mapping[str, str]
    """``system.data`` and ``styles.in``."""
    cutoff_A: float
    """Of Lennard-Jones."""
    pppm: float
    """Relative accuracy of the forces."""
    edges_A: tuple[float, float, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Present:
    """What the profile says now."""

    cores: int
    threads: int
    suffix: str
    """Empty for none."""
    coulomb_A: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """One job: processes and threads, and what is tried with them."""

    cores: int
    """Of the run."""
    threads: int
    """Of each process."""
    suffixes: tuple[str, ...]
    """Accelerators; empty for none."""
    coulombs_A: tuple[float, ...]
    """Coulomb cut-offs besides the common one."""
    seconds: float
    """Of each setting, in all rounds of a stage."""
    rounds: int = 1
    present: Present | None = None
    """Measured again beside the Coulomb cut-offs, where it is of this job."""

    @property
    def n_settings(self) -> int:
        """How many there are at most."""
        return len(self.suffixes) + len(self.coulombs_A) + (self.present is not None)

    @property
    def n_measurements(self) -> int:
        """How many there are at most: the fastest accelerator stands in both stages."""
        return self.rounds * (self.n_settings + 1)


def timing_job(
    workspace: Workspace, name: str, cluster: ClusterSettings, *, box: Box, trial: Trial
) -> OneOff:
    """Return the job that measures a trial."""
    limit_s = START_S + trial.seconds / trial.rounds
    wall_s = MINIMIZE_S + (trial.n_measurements + 1) * limit_s
    gpus = cluster.gpus_per_run
    resources = Resources(
        cores_per_run=trial.cores,
        gpus_per_run=gpus,
        wall_hours=max(wall_s, 2.0 * cluster.warning_s) / 3600.0,
    )
    values = _values(workspace, cluster, box=box, trial=trial, limit_s=limit_s)
    timing = resource("lammps_templates", "timing.in").read_text(encoding="utf-8")
    return OneOff(
        folder=workspace.runs / ".tune" / name / f"{trial.cores}x{trial.threads}",
        what=f"tuning {name} with {trial.cores // trial.threads} x {trial.threads} cores",
        script=fill_script("tune.sh", values, workspace=workspace),
        files={**box.files, "timing.in": timing},
        runs_inside=(),
        resources=resources,
    )


def _values(
    workspace: Workspace, cluster: ClusterSettings, *, box: Box, trial: Trial, limit_s: float
) -> dict[str, str]:
    """Return what ``tune.sh`` is filled with."""
    tried = dict.fromkeys((*trial.suffixes, *([trial.present.suffix] if trial.present else [])))
    words = {
        suffix: shlex.join(
            lammps_words(
                with_setting(cluster, suffix=suffix, threads=trial.threads),
                cores=trial.cores,
                gpus=cluster.gpus_per_run,
            )
        )
        for suffix in ("", *tried)
    }
    present = trial.present
    return {
        "commands": "\n".join(f"command_{suffix or PLAIN}=({words[suffix]})" for suffix in tried),
        "suffixes": shlex.join(suffix or PLAIN for suffix in trial.suffixes),
        "reference": words[""],
        "cutoff_A": f"{box.cutoff_A:g}",
        "coulombs": shlex.join(f"{cutoff_A:g}" for cutoff_A in trial.coulombs_A),
        "present": f"{present.suffix or PLAIN}.{present.coulomb_A:g}" if present else "",
        "rounds": f"{trial.rounds}",
        "pppm": f"{box.pppm:g}",
        "time_limit": _clock(trial.seconds / trial.rounds),
        "asking": asking(
            workspace,
            with_setting(cluster, suffix="", threads=trial.threads),
            limit_s=max(limit_s, MINIMIZE_S),
        ),
    }


def with_setting(cluster: ClusterSettings, *, suffix: str, threads: int) -> ClusterSettings:
    """Return a profile with another accelerator and number of threads."""
    options = plain_options(cluster.lammps_options)
    update = {"suffix": suffix, "threads_per_process": threads, "lammps_options": options}
    return cluster.model_copy(update=update)


def plain_options(options: Sequence[str]) -> tuple[str, ...]:
    """Return LAMMPS options without those that a tuning sets itself.

    Examples
    --------
    >>> plain_options(["-sf", "opt", "-nocite", "-var", "coulomb_cutoff_A", "12"])
    ('-nocite',)
    """
    kept, words = list[str](), list(options)
    while words:
        word = words.pop(0)
        if word == "-var" and words[:1] == [_COULOMB]:
            del words[:2]
        elif word in ("-sf", "-suffix", "-pk", "-package", "-k", "-kokkos"):
            while words and not words[0].startswith("-"):
                words.pop(0)
        else:
            kept.append(word)
    return tuple(kept)


def coulomb_of(options: Sequence[str]) -> float | None:
    """Return the Coulomb cut-off that LAMMPS options set, Å; None where they set none.

    Examples
    --------
    >>> coulomb_of(["-nocite", *coulomb_options(12.0)])
    12.0
    """
    for before, name, value in zip(options, options[1:], options[2:], strict=False):
        if (before, name) == ("-var", _COULOMB):
            return float(value)
    return None


def suffix_of(options: Sequence[str]) -> str:
    """Return the accelerator that LAMMPS options name; empty for none.

    Examples
    --------
    >>> suffix_of(["-nocite", "-sf", "opt"])
    'opt'
    """
    for before, name in pairwise(options):
        if before in ("-sf", "-suffix") and name in ACCELERATORS:
            return name
    return ""


def coulomb_options(cutoff_A: float) -> tuple[str, ...]:
    """Return the LAMMPS options that set the Coulomb cut-off of ``styles.in``.

    Examples
    --------
    >>> " ".join(coulomb_options(12.0))
    '-var coulomb_cutoff_A 12'
    """
    return ("-var", _COULOMB, f"{cutoff_A:g}")


def _clock(seconds: float) -> str:
    """Return a duration as LAMMPS's timer wants it.

    Examples
    --------
    >>> _clock(75)
    '00:01:15'
    """
    whole = max(1, round(seconds))
    return f"{whole // 3600:02d}:{whole % 3600 // 60:02d}:{whole % 60:02d}"
