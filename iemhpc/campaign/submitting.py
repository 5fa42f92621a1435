"""Boxes, run folders and submission of what was planned.

Doing it again does nothing twice: a run is named by the hash of its physics, a folder that exists
is not built again, and a finished run is not run again.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from iemhpc.campaign.connectedness import network_notes
from iemhpc.campaign.planning import costs_of, plan_campaign
from iemhpc.campaign.plans import Planned
from iemhpc.campaign.summary import CampaignRun, CampaignSummary, in_brief
from iemhpc.errors import IemhpcError, ProgramError
from iemhpc.lammps.run_folder import RunPlan, plan_json, read_plan, write_run
from iemhpc.polymer.sites import sites_in_words
from iemhpc.progress import Say, quiet
from iemhpc.scheduler.run_files import read_usable_plan, unusable_plan
from iemhpc.scheduler.runs import run_states
from iemhpc.scheduler.submission import (
    SubmissionSummary,
    open_scheduler,
    render_scripts,
    submit_runs,
)
from iemhpc.settings.campaign import CampaignSettings
from iemhpc.settings.membrane import MembraneSettings
from iemhpc.settings.targets import Targets, load_campaign
from iemhpc.system.assembly import build_box
from iemhpc.system.uptake import donnan_salt_molar
from iemhpc.workspace import Workspace, write_json

UNFINISHED = "ended without finishing; give the same command again to go on"
RETRY_FAILED = "start failed runs again with: iemhpc md-submit --retry-failed"


def submit_campaign(
    workspace: Workspace,
    targets: Targets = (),
    *,
    overrides: Mapping[str, Any] | None = None,
    cluster: str | None = None,
    submit: bool = True,
    dry_run: bool = False,
    retry_failed: bool = False,
    say: Say = quiet,
) -> CampaignSummary:
    """Build the runs of a campaign and hand them over.

    Parameters
    ----------
    workspace : Workspace
        Where ``campaign.toml`` is and ``runs/`` will be.
    targets : sequence of str, or MembraneSettings
        Catalogue names, membrane TOMLs, one campaign TOML, or a membrane of one's own; default:
        ``campaign.toml``. Membranes are simulated with the other settings of ``campaign.toml``,
        where there is one.
    overrides : mapping, optional
        Settings that win over the campaign's; ``salt``, ``salt_molar``, ``water_per_site`` and
        ``water_uptake`` for every system.
    cluster : str, optional
        Profile to use instead of the campaign's.
    submit, dry_run : bool
        ``submit=False`` builds only; ``dry_run`` writes nothing at all.
    retry_failed : bool
        Whether failed runs start again too.
    say : callable
        Takes lines of progress.

    Raises
    ------
    InputError
        Where the campaign cannot be used; all bad entries at once, before anything is written.
    ProgramError
        Where a program is missing, or every run has failed.
    """
    campaign = load_campaign(workspace, targets, overrides=overrides or {}, cluster=cluster)
    planned, notes = plan_campaign(campaign)
    say(_in_short(campaign, len(planned), is_default=_is_default(workspace, targets, campaign)))
    if dry_run:
        costs = costs_of(planned)
        return _dry_summary(workspace, campaign, planned, notes=(*costs, *notes))
    if submit:
        open_scheduler(workspace, campaign.cluster, cores_per_run=campaign.cores_per_run)
    for note in (*costs_of(planned), *notes):
        say(note)
    problems = _build(workspace, planned, say=say)
    built = [p.plan.run_id for p in planned if p.plan.run_id not in problems]
    notes = (
        *notes,
        *network_notes(
            (p.system.name, workspace.run(p.plan.run_id))
            for p in planned
            if p.plan.run_id not in problems
        ),
    )
    summary = CampaignSummary(
        runs=_rows(workspace, planned, problems),
        notes=notes,
        started=(),
        cluster=campaign.cluster,
    )
    if submit and built:
        done = submit_runs(
            workspace,
            built,
            cluster=campaign.cluster,
            cores_per_run=campaign.cores_per_run,
            retry_failed=retry_failed,
            say=say,
        )
        summary = _submitted(summary, done, _rows(workspace, planned, problems))
    has_failed = any(row.state == "failed" for row in summary.runs)
    if len(summary.failed) == len(summary.runs):
        raise ProgramError(_why_none(summary.runs) + (f"; {RETRY_FAILED}" if has_failed else ""))
    return replace(summary, notes=(*notes, RETRY_FAILED)) if has_failed else summary


def _dry_summary(
    workspace: Workspace,
    campaign: CampaignSettings,
    planned: Sequence[Planned],
    *,
    notes: tuple[str, ...],
) -> CampaignSummary:
    """Return what would be done, with the scripts that would be written."""
    plans = {workspace.run(p.plan.run_id): plan_json(p.plan) for p in planned}
    scripts = render_scripts(
        workspace, plans, cluster=campaign.cluster, cores_per_run=campaign.cores_per_run
    )
    return CampaignSummary(
        runs=_rows(workspace, planned, {}),
        notes=notes,
        started=(),
        is_dry=True,
        scripts={str(path): text for path, text in scripts.texts.items()},
        like_it={str(path): text for path, text in scripts.like_it.items()},
        cluster=campaign.cluster,
    )


def _submitted(
    summary: CampaignSummary, done: SubmissionSummary, rows: tuple[CampaignRun, ...]
) -> CampaignSummary:
    """Return the summary after a submission; what was waited for and is not done says so."""
    if done.in_queue:
        return replace(summary, runs=rows, started=done.started, job_ids=done.job_ids)
    unfinished = _unfinished(rows, done.started)
    told = tuple(
        replace(row, reason=row.reason or UNFINISHED) if row.run_id in unfinished else row
        for row in rows
    )
    return replace(summary, runs=told, started=done.started, unfinished=unfinished)


def _unfinished(rows: Sequence[CampaignRun], started: Sequence[str]) -> tuple[str, ...]:
    """Return the runs that are not done now that a foreground submission has ended.

    What another process or a queue is at is not among them.
    """
    return tuple(
        row.run_id
        for row in rows
        if row.state != "done" and (row.run_id in started or row.state not in ("queued", "running"))
    )


def _why_none(rows: Sequence[CampaignRun]) -> str:
    alike: dict[tuple[str, str], list[str]] = {}
    for row in rows:
        # why a box was not built has just been said in full
        reason = in_brief(row.reason) if row.state == "not built" else row.reason
        alike.setdefault((row.system, reason), []).append(row.run_id)
    said = "; ".join(f"{system} {' '.join(ids)}: {why}" for (system, why), ids in alike.items())
    failed = any(row.state in ("failed", "not built") for row in rows)
    return f"{'every run failed' if failed else 'no run has finished'}: {said}"


def _is_default(workspace: Workspace, targets: Targets, campaign: CampaignSettings) -> bool:
    """Say whether membranes were named where there is no ``campaign.toml``."""
    is_named = isinstance(targets, MembraneSettings) or (
        [entry.membrane for entry in campaign.systems] == list(targets)
    )
    return is_named and not workspace.campaign.exists()


def _in_short(campaign: CampaignSettings, n_runs: int, *, is_default: bool) -> str:
    """Return in a line what is planned."""
    runs = "1 run" if n_runs == 1 else f"{n_runs} runs"
    replicas = "1 replica" if campaign.replicas == 1 else f"{campaign.replicas} replicas"
    defaults = " (no campaign.toml here: defaults)" if is_default else ""
    size = (
        f"boxes of about {campaign.box_A:g} Å"
        if campaign.n_chains is None
        else f"boxes of {campaign.n_chains} chains"
    )
    return (
        f"{runs}: {size}, protocol {campaign.protocol}, "
        f"{campaign.production_ps:g} ps of production each, {replicas}, on {campaign.cluster}"
        f"{defaults}"
    )


def _build(
    workspace: Workspace,
    planned: Sequence[Planned],
    *,
    say: Say,
) -> dict[str, str]:
    """Write the folders that are not there; return run id -> why it could not be built."""
    problems: dict[str, str] = {}
    new = [p for p in planned if not workspace.run(p.plan.run_id).exists()]
    for number, one in enumerate(new, 1):
        seed = one.plan.physics["seed"]
        say(
            f"box {number} of {len(new)}: {one.system.name}, "
            f"{one.composition.realised_salt_molar:.3g} mol/L, seed {seed}"
        )
        try:
            box = build_box(
                system=one.system,
                composition=one.composition,
                force_field=one.chemistry.force_field,
                charges=one.chemistry.charges_wanted,
                water_model=one.chemistry.water_model,
                ion_set=one.chemistry.ion_set,
                tacticity=one.plan.physics["tacticity"],
                charge_scale=one.chemistry.charge_scale,
                seed=seed,
                say=_once(say),
            )
            write_run(workspace, one.plan, box)
        except IemhpcError as error:
            is_known = str(error) in problems.values()
            problems[one.plan.run_id] = str(error)
            said = "for the same reason" if is_known else error
            say(f"{one.system.name}: not built: {said}")
    for one in planned:
        folder = workspace.run(one.plan.run_id)
        if one.plan.run_id in problems:
            continue
        if read_usable_plan(folder) is None:
            problems[one.plan.run_id] = unusable_plan(folder)
            continue
        try:
            _lengthen(folder, one.plan)
        except IemhpcError as error:
            problems[one.plan.run_id] = str(error)
    return problems


def _once(say: Say) -> Say:
    """Return how a box says its lines: those that each of its chains repeats, once."""
    told: set[str] = set()

    def say_new(line: str) -> None:
        if line not in told:
            told.add(line)
            say(f"  {line}")

    return say_new


def _lengthen(folder: Path, plan: RunPlan) -> None:
    """Ask an existing run for the longer production that the campaign wants now."""
    old = read_plan(folder)
    wanted = float(plan.sampling["production_ps"])
    if wanted > float(old.sampling["production_ps"]):
        sampling = {**old.sampling, "production_ps": wanted}
        write_json(folder / "plan.json", plan_json(replace(old, sampling=sampling)))


def _rows(
    workspace: Workspace, planned: Sequence[Planned], problems: Mapping[str, str]
) -> tuple[CampaignRun, ...]:
    known = {row.run_id: row for row in run_states(workspace)}
    rows = []
    for one in planned:
        run_id = one.plan.run_id
        row = known.get(run_id)
        state = "not built" if run_id in problems else row.state if row else "new"
        rows.append(
            CampaignRun(
                run_id=run_id,
                system=one.system.name,
                salt_molar=one.wanted,
                donnan_salt_molar=tuple(
                    donnan_salt_molar(
                        one.system, molar, water_per_site=one.composition.water_per_site
                    )
                    for molar in one.wanted
                ),
                realised_salt_molar=one.composition.realised_salt_molar,
                water_per_site=one.composition.water_per_site,
                seed=int(one.plan.physics["seed"]),
                state=state,
                reason=problems.get(run_id) or (row.reason if row else ""),
                composition=one.composition,
                counterion=one.system.counterion.name,
                chemistry=_chemistry(one),
                units={unit.name: unit.smiles for unit in one.system.membrane.polymer.units},
                tethered={
                    unit.name: sites
                    for unit in one.system.membrane.polymer.units
                    if (sites := sites_in_words(unit))
                },
            )
        )
    return tuple(rows)


def _chemistry(one: Planned) -> dict[str, str | float]:
    names = ("tacticity", "force_field", "charges", "water_model", "ion_set", "charge_scale")
    physics = {name: one.plan.physics[name] for name in names}
    return {"arrangement": one.system.membrane.polymer.arrangement} | physics
