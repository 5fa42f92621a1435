"""What a run will cost, from its plan alone: steps, core-hours, disk.

LAMMPS spends its time on pairs within the cut-off, whose number grows as its cube, and on what each
atom costs anyway (bonds, PPPM, integration). So the core-seconds of one atom's step are
``a + b cutoff_A³``, with ``a`` and ``b`` from a measurement. Many cores on few atoms wait for each
other: ``efficiency = 1 / (1 + k (cores - 1) / n_atoms)``.
"""

import math
import re
from collections.abc import Mapping
from pathlib import Path
from statistics import median
from typing import Any

from iemhpc.units import FS_PER_PS

MEASURED_ATOM_STEPS_PER_S = {8.0: 440_000.0, 10.0: 266_000.0, 12.0: 186_000.0}
"""Cut-off in ångström -> atoms times steps that one core does in a second. Source: measured, LAMMPS
with the OPT package on one core of a 2-core x86-64 virtual machine, Nafion of 1,094 atoms, PPPM at
5e-4 (8 Å) and 1e-4. Other machines are up to twice as fast or slow."""

ANCHOR_S, PER_CUBIC_A_S = 1.10e-6, 2.55e-9
"""``a`` and ``b``: the line through the measurements, within 6 % of each."""

WAITING_ATOMS = 400.0
"""``k``: half of the time is lost at 16 cores with 6,300 atoms, as strong scaling of boxes of this
size goes."""

BYTES_PER_FRAME_AND_ATOM = 12
"""Three single-precision numbers of a DCD frame."""

BYTES_PER_FRAME = 350
"""A frame's marks in the DCD, and its line in the log."""

BYTES_PER_ATOM = 1_550
"""Three restart files (259 each) and the data files of four stages, measured."""

BYTES_PER_RUN = 100_000
"""Scripts, templates, logs, tables of parameters."""

USUAL_DENSITY_BLOCKS = 5.0
"""Blocks until the density is steady, of the many that a protocol allows."""

LARSEN_PS = 1560.0
"""Larsen's 21 steps at larsen_scale 1."""

_LOOP = re.compile(rb"^Loop time of (\S+) on (\d+) procs for (\d+) steps with (\d+) atoms", re.M)


def equilibration_steps(plan: Mapping[str, Any]) -> float:
    """Return about how many steps come before the production, minimisation included.

    Examples
    --------
    >>> protocol = {"anneal_ps": 50.0, "density_ps": 10.0, "density_blocks": 3, "warm_ps": 1.0}
    >>> plan = {"physics": {"protocol": protocol}, "sampling": {"timestep_fs": 2.0}}
    >>> equilibration_steps(plan)
    41000.0
    """
    protocol: Mapping[str, float] = plan["physics"].get("protocol", {})
    ps = {key: float(value) for key, value in protocol.items() if key.endswith("_ps")}
    # steps of 1 fs, while the box is far from equilibrium
    short_ps = ps.pop("warm_ps", 0.0) + ps.pop("push_off_ps", 0.0)
    larsen = float(protocol.get("larsen_scale", 0.0))
    if larsen > 0:
        ps["compress_ps"] = larsen * LARSEN_PS
    blocks = min(USUAL_DENSITY_BLOCKS, float(protocol.get("density_blocks", 0.0)))
    ps["density_ps"] = blocks * ps.get("density_ps", 0.0)
    timestep_fs = float(plan["sampling"]["timestep_fs"])
    return (
        float(protocol.get("minimize_steps", 0.0))
        + short_ps * FS_PER_PS
        + sum(ps.values()) * FS_PER_PS / timestep_fs
    )


def estimated_core_hours(plan: Mapping[str, Any], *, cores: int = 1, pace: float = 1.0) -> float:
    """Return the core-hours of a whole run; 0 where its plan does not say how many atoms it has.

    Parameters
    ----------
    plan : mapping
        What ``plan.json`` holds.
    cores : int
        Of the run; they wait for each other, so that more cores cost more.
    pace : float
        How many times longer this machine takes than the one that was measured, from
        :func:`measured_pace`.

    Examples
    --------
    Half a nanosecond of 1,400 atoms, with 10 Å, takes about twenty minutes of a core.

    >>> plan = {
    ...     "physics": {"protocol": {"cutoff_A": 10.0}},
    ...     "request": {"n_atoms": 1400},
    ...     "sampling": {"production_ps": 500.0, "timestep_fs": 2.0},
    ... }
    >>> round(estimated_core_hours(plan), 2)
    0.35
    """
    n_atoms = float(plan["request"].get("n_atoms", 0))
    if n_atoms <= 0:
        return 0.0
    sampling = plan["sampling"]
    production = float(sampling["production_ps"]) * FS_PER_PS / float(sampling["timestep_fs"])
    steps = equilibration_steps(plan) + production
    each_s = pace * atom_step_s(_cutoff_A(plan)) / efficiency(cores, n_atoms)
    return steps * n_atoms * each_s / 3600.0


def _cutoff_A(plan: Mapping[str, Any]) -> float:
    return float(plan["physics"].get("protocol", {}).get("cutoff_A", 10.0))


def atom_step_s(cutoff_A: float) -> float:
    """Return the core-seconds of one atom's step on the machine that was measured.

    Examples
    --------
    >>> for cutoff_A, measured in MEASURED_ATOM_STEPS_PER_S.items():
    ...     assert 0.93 < atom_step_s(cutoff_A) * measured < 1.07
    """
    return ANCHOR_S + PER_CUBIC_A_S * cutoff_A**3


def efficiency(cores: int, n_atoms: float) -> float:
    """Return the share of the cores' time that is not spent waiting for each other.

    Examples
    --------
    >>> efficiency(1, 1400), round(efficiency(16, 6300), 1)
    (1.0, 0.5)
    """
    return 1.0 / (1.0 + WAITING_ATOMS * (cores - 1) / n_atoms)


def measured_pace(finished: Mapping[Path, Mapping[str, Any]]) -> float | None:
    """Return how many times longer runs took here than on the machine that was measured.

    Parameters
    ----------
    finished : mapping of Path to mapping
        Folders of finished runs -> what their ``plan.json`` holds.

    Returns
    -------
    float or None
        The median; None where no run has a log that says it.
    """
    paces = [pace for run, plan in finished.items() if (pace := _pace_of(run, plan)) is not None]
    return median(paces) if paces else None


def _pace_of(run: Path, plan: Mapping[str, Any]) -> float | None:
    """Return the pace of the longest production of a run."""
    loops: list[list[float]] = []
    for path in run.glob("log.production.*.lammps"):
        try:
            text = path.read_bytes()
        except OSError:
            continue
        loops += [[float(word) for word in match.groups()] for match in _LOOP.finditer(text)]
    if not loops:
        return None
    seconds, cores, steps, atoms = max(loops, key=lambda loop: loop[2])
    if steps * atoms <= 0:
        return None
    spent_s = seconds * cores * efficiency(int(cores), atoms) / (steps * atoms)
    return spent_s / atom_step_s(_cutoff_A(plan))


def estimated_bytes(plan: Mapping[str, Any]) -> int:
    """Return about how much disk a finished run takes.

    Examples
    --------
    >>> plan = {
    ...     "request": {"n_atoms": 1000},
    ...     "sampling": {"production_ps": 500.0, "frame_ps": 1.0},
    ... }
    >>> estimated_bytes(plan)
    7837350
    """
    n_atoms = int(plan["request"].get("n_atoms", 0))
    sampling = plan["sampling"]
    n_frames = 1 + math.floor(float(sampling["production_ps"]) / float(sampling["frame_ps"]))
    per_frame = BYTES_PER_FRAME_AND_ATOM * n_atoms + BYTES_PER_FRAME
    return n_frames * per_frame + BYTES_PER_ATOM * n_atoms + BYTES_PER_RUN
