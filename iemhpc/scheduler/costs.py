"""What a run costs: steps of its protocol, atoms of its box, core-hours.

Time grows with atoms times steps: in a box of thousands of atoms neighbours within the cut-off and
PPPM both cost about the same per atom.
"""

from collections.abc import Mapping
from typing import Any

from iemhpc import units

ATOM_STEPS_PER_CORE_S = 220_000.0
"""Measured: 6,300 atoms, 10 Å, PPPM 1e-4, SHAKE at 2 fs: 32 to 37 steps/s on one core of 2024."""

LARSEN_PS = 1560.0
"""Of the 21 steps of ``equilibrate.in`` at ``larsen_scale`` 1."""

FEWEST_DENSITY_BLOCKS = 3
S_PER_H = 3600.0


def equilibration_steps(protocol: Mapping[str, float], timestep_fs: float) -> float:
    """Return the steps before the production, where the density settles in the fewest blocks.

    Examples
    --------
    >>> equilibration_steps({"anneal_ps": 50.0, "cool_ps": 25.0, "minimize_steps": 2000}, 2.0)
    39500.0
    """

    def value(name: str) -> float:
        return float(protocol.get(name, 0.0))

    steps_per_ps = units.FS_PER_PS / timestep_fs
    larsen = value("larsen_scale")
    long_ps = (
        (larsen * LARSEN_PS if larsen > 0.0 else value("compress_ps"))
        + FEWEST_DENSITY_BLOCKS * value("density_ps")
        + sum(value(f"{name}_ps") for name in ("anneal", "cool", "settle_npt", "settle_nvt"))
    )
    # the first two stages take 1 fs; a step of the minimiser costs about as much as one of dynamics
    short_ps = value("push_off_ps") + value("warm_ps")
    return long_ps * steps_per_ps + short_ps * units.FS_PER_PS + value("minimize_steps")


def estimated_core_hours(plan: Mapping[str, Any], n_atoms: float) -> float:
    """Return what a plan costs on cores, from start to end.

    Parameters
    ----------
    plan : mapping
        What ``plan.json`` holds: its protocol and its sampling count.
    n_atoms : float
        Atoms of the box; 0 gives 0: not known.

    Examples
    --------
    >>> plan = {"physics": {"protocol": {}}, "sampling": {"production_ps": 1e4, "timestep_fs": 2}}
    >>> round(estimated_core_hours(plan, 6300))
    40
    """
    sampling = plan["sampling"]
    timestep_fs = float(sampling["timestep_fs"])
    steps = equilibration_steps(plan["physics"].get("protocol", {}), timestep_fs)
    steps += float(sampling["production_ps"]) * units.FS_PER_PS / timestep_fs
    return steps * n_atoms / ATOM_STEPS_PER_CORE_S / S_PER_H
