"""Commands of the MD half: build and submit, read."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from iemhpc.cli import submit_options as md
from iemhpc.cli.options import (
    HERE,
    DryRunOption,
    JsonOption,
    WorkspaceOption,
    say,
    show,
)
from iemhpc.errors import InputError
from iemhpc.workspace import Workspace

if TYPE_CHECKING:
    from iemhpc.campaign import CampaignSummary, HowToSubmit
    from iemhpc.campaign.extending import ExtendSummary


def md_submit(
    target: md.TargetArgument = None,
    unit: md.UnitOption = None,
    crosslinker: md.CrosslinkerOption = None,
    arrangement: md.ArrangementOption = None,
    tethered: md.TetheredOption = None,
    name: md.NameOption = None,
    tacticity: md.TacticityOption = None,
    salt: md.SaltOption = None,
    salt_molar: md.SaltMolarOption = None,
    salt_inside: md.SaltInsideOption = None,
    water_per_site: md.WaterPerSiteOption = None,
    water_uptake: md.WaterUptakeOption = None,
    box: md.BoxOption = None,
    chains: md.ChainsOption = None,
    chain_length: md.ChainLengthOption = None,
    min_pairs: md.MinPairsOption = None,
    force_field: md.ForceFieldOption = None,
    charges: md.ChargesOption = None,
    water_model: md.WaterModelOption = None,
    ion_set: md.IonSetOption = None,
    charge_scale: md.ChargeScaleOption = None,
    replicas: md.ReplicasOption = None,
    protocol: md.ProtocolOption = None,
    production_ns: md.ProductionOption = None,
    extend: md.ExtendOption = None,
    cluster: md.ClusterOption = None,
    cores: md.CoresOption = None,
    build: md.BuildOption = None,
    then: md.ThenOption = None,
    retry_failed: md.RetryFailedOption = False,
    no_submit: md.NoSubmitOption = False,
    dry_run: DryRunOption = False,
    scripts: md.ScriptsOption = False,
    json: JsonOption = False,
    workspace: WorkspaceOption = HERE,
) -> None:
    """Build hydrated membranes and run LAMMPS on them, here or on a cluster.

    Options win over campaign.toml; where neither says anything, the defaults below hold.
    """
    from iemhpc.campaign import HowToSubmit, submit_campaign
    from iemhpc.polymer.own import own_targets

    if scripts and not dry_run:
        raise InputError("--scripts shows what a dry run would write; give --dry-run with it")
    how = HowToSubmit(
        submit=not no_submit, dry_run=dry_run, retry_failed=retry_failed, build=build, then=then
    )
    overrides = {
        "salt": salt,
        "salt_molar": salt_molar,
        "salt_inside": salt_inside,
        "water_per_site": water_per_site,
        "water_uptake": water_uptake,
        "box_A": box,
        "n_chains": chains,
        "units_per_chain": chain_length,
        "min_pairs": min_pairs,
        "tacticity": tacticity,
        "force_field": force_field,
        "charges": charges,
        "water_model": water_model,
        "ion_set": ion_set,
        "charge_scale": charge_scale,
        "replicas": replicas,
        "protocol": protocol,
        "production_ns": production_ns,
        "cores_per_run": cores,
    }
    given = {key: value for key, value in overrides.items() if value is not None}
    if extend:
        words = {"TARGET": target, "--unit": unit, "--build": build} | given
        _extend(words, extend, how=how, cluster=cluster, json=json, workspace=workspace)
        return
    targets = own_targets(
        target or (),
        units=unit or (),
        crosslinker=crosslinker,
        arrangement=arrangement,
        tethered=tethered,
        name=name,
        water_and_salts=(salt or (), water_per_site, water_uptake),
    )
    summary = submit_campaign(
        Workspace(workspace), targets, overrides=given, cluster=cluster, how=how, say=say
    )
    is_own = bool(unit) or any(one.lower().endswith(".toml") for one in target or ())
    check = f"iemhpc check {summary.runs[0].run_id} (what its parameters are worth), then "
    look = check if is_own and summary.started else ""
    show(replace(summary, show_scripts=scripts), json=json, then=f"{look}{summary.next_command}")
    _end(summary)


def _end(summary: "CampaignSummary | ExtendSummary") -> None:
    """End with the code that says how much of it came to nothing."""
    if summary.failed or not summary.is_followed:
        raise typer.Exit(1 if len(summary.failed) == len(summary.runs) else 4)


def _extend(
    given: Mapping[str, Any],
    runs: Sequence[str],
    *,
    how: "HowToSubmit",
    cluster: str | None,
    json: bool,
    workspace: Path,
) -> None:
    """Continue runs; a campaign's settings have no place beside it."""
    from iemhpc.campaign.extending import Place, extend_runs

    own = ("production_ns", "cores_per_run")
    others = [key for key, value in given.items() if value and key not in own]
    if others:
        raise InputError(
            f"got --extend with {', '.join(others)}: it continues runs as they are; give "
            "--production-ns, and --cluster or --cores where they go on elsewhere"
        )
    summary = extend_runs(
        Workspace(workspace),
        runs,
        production_ns=given.get("production_ns"),
        place=Place(cluster=cluster, cores_per_run=given.get("cores_per_run")),
        how=how,
        say=say,
    )
    show(summary, json=json, then=summary.next_command)
    _end(summary)


def build_run(
    folder: Annotated[Path, typer.Argument(help="A run's folder.", file_okay=False)],
) -> None:
    """Build the box of a run in its folder: what a job does where --build job was said."""
    from iemhpc.campaign.unbuilt import build_run as build

    build(folder, say=say)
