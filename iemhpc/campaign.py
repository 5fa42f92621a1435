"""From ``campaign.toml`` to submitted runs: plans, boxes, run folders, submission.

Everything is checked before anything is written. Points that round to the same box share one run;
replicas differ by seed. Doing it again does nothing twice: a run is named by the hash of its
physics, a folder that exists is not built again, and a finished run is not run again.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import product
from pathlib import Path
from typing import Any

from iemhpc.errors import IemhpcError, InputError, ProgramError, unknown_name
from iemhpc.forcefield import CHARGE_METHODS, FORCE_FIELDS
from iemhpc.forcefield.aqueous import WATER_MODELS
from iemhpc.lammps.run_folder import RunPlan, plan_json, read_plan, write_run
from iemhpc.polymer.catalog import System, load_membrane, load_salt
from iemhpc.polymer.description import crosslink_note
from iemhpc.progress import Say, quiet
from iemhpc.scheduler.run_files import read_usable_plan
from iemhpc.scheduler.runs import damaged_plan, run_states
from iemhpc.scheduler.submission import open_scheduler, render_scripts, submit_runs
from iemhpc.settings.campaign import CampaignSettings, SystemSettings, load_campaign
from iemhpc.system.assembly import build_box
from iemhpc.system.composition import Composition, compose
from iemhpc.system.uptake import donnan_salt_molar
from iemhpc.workspace import Workspace, write_json

UNFINISHED = "ended without finishing; give the same command again to go on"
RETRY_FAILED = "start failed runs again with: iemhpc md-submit --retry-failed"

TOPOLOGY = "linear"
"""How the chains are joined in every box that can be built so far."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CampaignRun:
    """One run of a campaign, and what has become of it."""

    run_id: str
    """Name of its folder."""
    system: str
    """Membrane and salt."""
    salt_molar: tuple[float, ...]
    """Concentrations of the outer solution that it stands for, mol/L. The box holds them in its
    sorbed water: no Donnan exclusion."""
    donnan_salt_molar: tuple[float | None, ...]
    """What the sorbed water would hold by Donnan-Manning, mol/L; None where theory cannot say."""
    realised_salt_molar: float
    """Concentration that its whole ions make, mol/L."""
    water_per_site: float
    """Water molecules per tethered charge."""
    seed: int
    """Which replica."""
    state: str
    """As in ``iemhpc status``; ``new`` where nothing was built, ``not built`` where that failed."""
    reason: str
    """Why, where it failed or did not finish."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CampaignSummary:
    """What ``iemhpc md-submit`` did, or would do."""

    runs: tuple[CampaignRun, ...]
    """Every run of the campaign."""
    notes: tuple[str, ...]
    """Where rounding to whole ions has moved a concentration; what is not simulated."""
    started: tuple[str, ...]
    """Runs handed over now."""
    job_ids: tuple[str, ...] = ()
    """Jobs of a queue."""
    scripts: Mapping[str, str] = field(default_factory=dict)
    """Of a dry run: path -> text of the scripts that would be written, equal ones once."""
    like_it: Mapping[str, str] = field(default_factory=dict)
    """Path of a script that stands for others -> how many, and what they differ in."""
    cluster: str = ""
    """Where to."""
    unfinished: tuple[str, ...] = ()
    """Runs that are not done though they were waited for."""

    @property
    def failed(self) -> tuple[str, ...]:
        """Runs that failed, could not be built, or did not finish though they were waited for."""
        return tuple(
            run.run_id
            for run in self.runs
            if run.state in ("failed", "not built") or run.run_id in self.unfinished
        )

    def lines(self) -> list[str]:
        """Return the scripts of a dry run, the table of runs, notes, and what was done."""
        lines = []
        for path, text in self.scripts.items():
            lines += [f"== {path}", *text.rstrip().splitlines()]
            if path in self.like_it:
                lines.append(f"… and {self.like_it[path]}")
            lines.append("")
        width = max([len(run.system) for run in self.runs], default=6)
        lines.append(
            f"{'run':<12}  {'system':<{width}}  {'wanted mol/L':<14}  {'realised':>8}  "
            f"{'by theory inside':<16}  {'water/site':>10}  seed  state"
        )
        for run in self.runs:
            wanted = " ".join(f"{value:g}" for value in run.salt_molar)
            inside = " ".join(_number(value) for value in run.donnan_salt_molar)
            reason = f": {run.reason}" if run.reason else ""
            lines.append(
                f"{run.run_id:<12}  {run.system:<{width}}  {wanted:<14}  "
                f"{run.realised_salt_molar:>8.3g}  {inside:<16}  "
                f"{run.water_per_site:>10.4g}  {run.seed:>4}  {run.state}{reason}"
            )
        lines += [f"note: {note}" for note in self.notes]
        if self.job_ids:
            lines.append(f"handed over to {self.cluster}: job {', '.join(self.job_ids)}")
        return lines


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.2g}"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Planned:
    """A run before it is built."""

    plan: RunPlan
    system: System
    composition: Composition
    wanted: tuple[float, ...]


def submit_campaign(
    workspace: Workspace,
    targets: Sequence[str] = (),
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
    targets : sequence of str
        Catalogue names, membrane TOMLs, or one campaign TOML; default: ``campaign.toml``. Named
        membranes are simulated with the other settings of ``campaign.toml``, where there is one.
    overrides : mapping, optional
        Settings that win over the campaign's; ``salt``, ``salt_molar`` and ``water_per_site`` for
        every system.
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
    cores = campaign.cores_per_run
    if dry_run:
        plans = {workspace.run(p.plan.run_id): plan_json(p.plan) for p in planned}
        scripts = render_scripts(workspace, plans, cluster=campaign.cluster, cores_per_run=cores)
        return CampaignSummary(
            runs=_rows(workspace, planned, {}),
            notes=notes,
            started=(),
            scripts={str(path): text for path, text in scripts.texts.items()},
            like_it={str(path): text for path, text in scripts.like_it.items()},
            cluster=campaign.cluster,
        )
    if submit:
        open_scheduler(workspace, campaign.cluster, cores_per_run=cores)
    for note in notes:
        say(note)
    problems = _build(workspace, planned, campaign, say=say)
    built = [p.plan.run_id for p in planned if p.plan.run_id not in problems]
    started: tuple[str, ...] = ()
    job_ids: tuple[str, ...] = ()
    rows = _rows(workspace, planned, problems)
    unfinished: tuple[str, ...] = ()
    if submit and built:
        done = submit_runs(
            workspace,
            built,
            cluster=campaign.cluster,
            cores_per_run=cores,
            retry_failed=retry_failed,
            say=say,
        )
        started, job_ids = done.started, done.job_ids if done.in_queue else ()
        rows = _rows(workspace, planned, problems)
        if not done.in_queue:
            unfinished = _unfinished(rows, started)
            rows = tuple(
                replace(row, reason=row.reason or UNFINISHED) if row.run_id in unfinished else row
                for row in rows
            )
    has_failed = any(row.state == "failed" for row in rows)
    summary = CampaignSummary(
        runs=rows,
        notes=(*notes, RETRY_FAILED) if has_failed else notes,
        started=started,
        job_ids=job_ids,
        cluster=campaign.cluster,
        unfinished=unfinished,
    )
    if len(summary.failed) == len(summary.runs):
        raise ProgramError(_why_none(rows) + (f"; {RETRY_FAILED}" if has_failed else ""))
    return summary


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
    said = "; ".join(f"{row.system} {row.run_id}: {row.reason}" for row in rows)
    failed = any(row.state in ("failed", "not built") for row in rows)
    return f"{'every run failed' if failed else 'no run has finished'}: {said}"


def plan_campaign(campaign: CampaignSettings) -> tuple[tuple[_Planned, ...], tuple[str, ...]]:
    """Return every run of a campaign, each once, and notes on rounded concentrations.

    Raises
    ------
    InputError
        Naming everything that is wrong with it.
    """
    problems = _names_that_are_unknown(campaign)
    planned: dict[str, _Planned] = {}
    notes: list[str] = []
    for entry in campaign.systems:
        for system in _systems_of(entry, problems):
            if system.membrane.crosslinker:
                notes.append(crosslink_note(system.membrane.name))
            waters: tuple[float | None, ...] = entry.water_per_site or (None,)
            for molar, water in product(entry.salt_molar, waters):
                try:
                    composition = compose(
                        system, salt_molar=molar, water_per_site=water, box_A=campaign.box_A
                    )
                except IemhpcError as error:
                    problems.append(str(error))
                    continue
                if composition.rounding_note:
                    notes.append(composition.rounding_note)
                for replica in range(campaign.replicas):
                    _add(planned, _plan(campaign, system, composition, replica=replica))
    if problems:
        raise InputError("; ".join(dict.fromkeys(problems)))
    return tuple(planned.values()), tuple(dict.fromkeys(notes))


def _is_default(workspace: Workspace, targets: Sequence[str], campaign: CampaignSettings) -> bool:
    """Say whether membranes were named where there is no ``campaign.toml``."""
    named = [entry.membrane for entry in campaign.systems] == list(targets)
    return named and not workspace.campaign.exists()


def _in_short(campaign: CampaignSettings, n_runs: int, *, is_default: bool) -> str:
    """Return in a line what is planned."""
    runs = "1 run" if n_runs == 1 else f"{n_runs} runs"
    replicas = "1 replica" if campaign.replicas == 1 else f"{campaign.replicas} replicas"
    defaults = " (no campaign.toml here: defaults)" if is_default else ""
    return (
        f"{runs}: boxes of about {campaign.box_A:g} Å, protocol {campaign.protocol}, "
        f"{campaign.production_ps:g} ps of production each, {replicas}, on {campaign.cluster}"
        f"{defaults}"
    )


def _names_that_are_unknown(campaign: CampaignSettings) -> list[str]:
    named = (
        ("force field", campaign.force_field, FORCE_FIELDS),
        ("charge method", campaign.charges, CHARGE_METHODS),
        ("water model", campaign.water_model, WATER_MODELS),
    )
    return [
        str(unknown_name(kind, name, known)) for kind, name, known in named if name not in known
    ]


def _systems_of(entry: SystemSettings, problems: list[str]) -> list[System]:
    """Return the systems of an entry; what is wrong with it is added to ``problems``."""
    try:
        membrane = load_membrane(entry.membrane)
    except IemhpcError as error:
        problems.append(str(error))
        return []
    found = []
    for name in entry.salts or membrane.salts:
        try:
            found.append(System(membrane, load_salt(name)))
        except IemhpcError as error:
            problems.append(f"{entry.membrane}: {error}")
    return found


def _plan(
    campaign: CampaignSettings, system: System, composition: Composition, *, replica: int
) -> _Planned:
    physics = {
        "membrane": system.membrane.name,
        "polymer_hash": system.membrane.polymer.hash,
        "system": system.name,
        "salt": system.salt.name,
        "counterion": system.counterion.name,
        "coion": system.coion.name,
        "n_chains": composition.n_chains,
        "units_per_chain": composition.units_per_chain,
        "n_sites": composition.n_sites,
        "n_counterions": composition.n_counterions,
        "n_coions": composition.n_coions,
        "n_waters": composition.n_waters,
        "force_field": campaign.force_field,
        "charges": campaign.charges,
        "water_model": campaign.water_model,
        "topology": TOPOLOGY,
        "protocol": campaign.protocol_variables(),
        "temperature_K": campaign.temperature_K,
        "pressure_atm": campaign.pressure_atm,
        "seed": campaign.seed + replica,
    }
    request = {
        "salt_molar": composition.salt_molar,
        "realised_salt_molar": composition.realised_salt_molar,
        "salt_molar_low": composition.salt_molar_low,
        "salt_molar_high": composition.salt_molar_high,
        "donnan_salt_molar": donnan_salt_molar(
            system, composition.salt_molar, water_per_site=composition.water_per_site
        ),
        "water_per_site": composition.water_per_site,
        "box_A": composition.box_A,
        "crosslinker": system.membrane.crosslinker,
    }
    sampling = {
        "production_ps": campaign.production_ps,
        "frame_ps": campaign.frame_length_ps,
        "timestep_fs": campaign.timestep_fs,
    }
    plan = RunPlan(physics=physics, request=request, sampling=sampling)
    return _Planned(
        plan=plan, system=system, composition=composition, wanted=(composition.salt_molar,)
    )


def _add(planned: dict[str, _Planned], new: _Planned) -> None:
    """Add a run; where its box is there already, only the wanted concentration."""
    old = planned.get(new.plan.run_id)
    if old is None:
        planned[new.plan.run_id] = new
    else:
        wanted = tuple(dict.fromkeys((*old.wanted, *new.wanted)))
        planned[new.plan.run_id] = replace(old, wanted=wanted)


def _build(
    workspace: Workspace,
    planned: Sequence[_Planned],
    campaign: CampaignSettings,
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
                force_field=campaign.force_field,
                charges=campaign.charges,
                water_model=campaign.water_model,
                seed=seed,
                say=lambda line: say(f"  {line}"),
            )
            write_run(workspace, one.plan, box)
        except IemhpcError as error:
            problems[one.plan.run_id] = str(error)
            say(f"{one.system.name}: not built: {error}")
    for one in planned:
        folder = workspace.run(one.plan.run_id)
        if one.plan.run_id in problems:
            continue
        if read_usable_plan(folder) is None:
            problems[one.plan.run_id] = damaged_plan(folder)
            continue
        try:
            _lengthen(folder, one.plan)
        except IemhpcError as error:
            problems[one.plan.run_id] = str(error)
    return problems


def _lengthen(folder: Path, plan: RunPlan) -> None:
    """Ask an existing run for the longer production that the campaign wants now."""
    old = read_plan(folder)
    wanted = float(plan.sampling["production_ps"])
    if wanted > float(old.sampling["production_ps"]):
        sampling = {**old.sampling, "production_ps": wanted}
        write_json(folder / "plan.json", plan_json(replace(old, sampling=sampling)))


def _rows(
    workspace: Workspace, planned: Sequence[_Planned], problems: Mapping[str, str]
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
            )
        )
    return tuple(rows)
