"""The rows of a campaign's table: each run with its state, its size and what it will cost."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from iemhpc.campaign.plans import Planned
from iemhpc.campaign.summary import CampaignRun
from iemhpc.lammps.run_folder import plan_json
from iemhpc.polymer.sites import sites_in_words
from iemhpc.scheduler.cluster import resources_for
from iemhpc.scheduler.estimate import (
    equilibration_steps,
    estimated_bytes,
    estimated_core_hours,
    measured_pace,
)
from iemhpc.scheduler.run_files import read_usable_plan
from iemhpc.scheduler.run_progress import production_steps
from iemhpc.scheduler.runs import RunRow, run_states
from iemhpc.settings.cluster import ClusterSettings
from iemhpc.system.uptake import donnan_salt_molar
from iemhpc.units import PS_PER_NS
from iemhpc.workspace import Workspace

PRODUCTION = "production"
"""The stage that the others come before."""

RUNS_FOR_PACE = 20
"""So many finished runs are enough to know how fast this machine is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Costs:
    """By what the cost of runs is estimated."""

    cluster: ClusterSettings
    """The profile, which may give large boxes more cores."""
    cores_per_run: int | None
    """Cores of every run, where somebody said so."""
    pace: float = 1.0
    """How many times longer runs take here than where the rate was measured."""
    n_measured: int = 0
    """Finished runs that say so."""

    @property
    def source(self) -> str:
        """Where the rate is from, in words."""
        if self.n_measured:
            runs = "1 run" if self.n_measured == 1 else f"{self.n_measured} runs"
            return f"core-hours by the pace of {runs} that finished in this workspace"
        return (
            "core-hours by a rate measured on one core of a 2-core x86-64 virtual machine; yours "
            "may be twice as fast or slow"
        )


def costs_here(
    workspace: Workspace,
    cluster: ClusterSettings,
    *,
    cores_per_run: int | None,
    states: Mapping[str, RunRow],
) -> Costs:
    """Return by what to estimate: the pace of finished runs, where there are some."""
    done = [run_id for run_id, row in states.items() if row.state == "done"]
    folders = [workspace.run(run_id) for run_id in done[-RUNS_FOR_PACE:]]
    plans = {run: plan for run in folders if (plan := read_usable_plan(run)) is not None}
    pace = measured_pace(plans)
    if pace is None:
        return Costs(cluster=cluster, cores_per_run=cores_per_run)
    return Costs(cluster=cluster, cores_per_run=cores_per_run, pace=pace, n_measured=len(plans))


def states_of(workspace: Workspace) -> dict[str, RunRow]:
    """Return what is known of every run of a workspace."""
    return {row.run_id: row for row in run_states(workspace)}


def campaign_rows(
    planned: Sequence[Planned],
    problems: Mapping[str, str],
    *,
    states: Mapping[str, RunRow],
    costs: Costs,
) -> tuple[CampaignRun, ...]:
    """Return a row a run, in the order of the campaign.

    Parameters
    ----------
    planned : sequence of Planned
        The runs.
    problems : mapping of str to str
        Run -> why it was not built.
    states : mapping of str to RunRow
        What is known of the runs that exist.
    costs : Costs
        By what their cost is estimated.
    """
    return tuple(_row(one, problems, states=states, costs=costs) for one in planned)


def _row(
    one: Planned,
    problems: Mapping[str, str],
    *,
    states: Mapping[str, RunRow],
    costs: Costs,
) -> CampaignRun:
    run_id, composition = one.run_id, one.composition
    known = states.get(run_id)
    state = "not built" if run_id in problems else known.state if known else "new"
    polymer, plan = one.system.membrane.polymer, plan_json(one.plan)
    n_atoms = int(one.plan.request["n_atoms"])
    resources = resources_for(costs.cluster, n_atoms=n_atoms, cores_per_run=costs.cores_per_run)
    cores = resources.cores_per_run
    core_hours = estimated_core_hours(plan, cores=cores, pace=costs.pace)
    hours_share, bytes_left = _left(plan, known)
    return CampaignRun(
        run_id=run_id,
        system=one.system.name,
        salt_molar=one.wanted,
        donnan_salt_molar=tuple(_donnan(one)),
        realised_salt_molar=composition.realised_salt_molar,
        water_per_site=composition.water_per_site,
        seed=int(one.plan.physics["seed"]),
        state=state,
        reason=problems.get(run_id) or (known.reason if known else ""),
        composition=composition,
        counterion=one.system.counterion.name,
        chemistry=_chemistry(one),
        units={unit.name: unit.smiles for unit in polymer.units},
        tethered={unit.name: sites for unit in polymer.units if (sites := sites_in_words(unit))},
        n_atoms=n_atoms,
        cores_per_run=cores,
        core_hours=core_hours,
        disk_bytes=estimated_bytes(plan),
        core_hours_left=hours_share * core_hours,
        disk_bytes_left=bytes_left,
    )


def _left(plan: Mapping[str, Any], known: RunRow | None) -> tuple[float, int]:
    """Return the share of a run's steps that is not made, and the bytes that are not written."""
    if known is None or known.stage != PRODUCTION:
        return 1.0, estimated_bytes(plan)
    sampling = plan["sampling"]
    done_ps = min(float(sampling["production_ps"]), known.done_ns * PS_PER_NS)
    so_far = {**plan, "sampling": {**sampling, "production_ps": done_ps}}
    steps = production_steps(sampling)
    steps_left = steps - production_steps(so_far["sampling"])
    n_bytes = estimated_bytes(plan) - estimated_bytes(so_far)
    return steps_left / (equilibration_steps(plan) + steps), n_bytes


def _donnan(one: Planned) -> Iterator[float | None]:
    for molar in one.wanted:
        yield donnan_salt_molar(one.system, molar, water_per_site=one.composition.water_per_site)


def _chemistry(one: Planned) -> dict[str, str | float]:
    names = ("tacticity", "force_field", "charges", "water_model", "ion_set", "charge_scale")
    physics = {name: one.plan.physics[name] for name in names}
    return {"arrangement": one.system.membrane.polymer.arrangement} | physics
