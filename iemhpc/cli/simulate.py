"""Commands of the MD half: build, submit, watch, read."""

from dataclasses import replace
from typing import Annotated

import typer

from iemhpc.cli.options import (
    HERE,
    DryRunOption,
    FreshOption,
    JsonOption,
    WorkspaceOption,
    say,
    show,
)
from iemhpc.errors import InputError
from iemhpc.workspace import Workspace

POLYMER = "A polymer of your own"
CONTENT = "What the box holds"
FIELD = "Force field"


def md_submit(
    target: Annotated[
        list[str] | None,
        typer.Argument(
            help="Catalogue names or membrane TOMLs (docs/molecules.md), or a campaign TOML; "
            "default: campaign.toml."
        ),
    ] = None,
    unit: Annotated[
        list[str] | None,
        typer.Option(
            help="A repeat unit of your own polymer, SMILES:fraction or name=SMILES:fraction, as "
            "in 'acrylate=[*]CC([*])C(=O)[O-]:0.4'; once a unit, instead of TARGET.",
            rich_help_panel=POLYMER,
        ),
    ] = None,
    crosslinker: Annotated[
        str | None,
        typer.Option(
            help="Its cross-linker, in the same way, with four [*].", rich_help_panel=POLYMER
        ),
    ] = None,
    arrangement: Annotated[
        str | None,
        typer.Option(help="random (default), block or alternating.", rich_help_panel=POLYMER),
    ] = None,
    tethered: Annotated[
        str | None,
        typer.Option(
            help="SMARTS whose first atom is a tethered site; default: O of anionic groups, N of "
            "cationic ones.",
            rich_help_panel=POLYMER,
        ),
    ] = None,
    name: Annotated[
        str | None,
        typer.Option(help="What to call it; default: own- and a hash.", rich_help_panel=POLYMER),
    ] = None,
    tacticity: Annotated[
        str | None,
        typer.Option(
            help="atactic, isotactic or syndiotactic; default: the membrane's, else atactic.",
            rich_help_panel=POLYMER,
        ),
    ] = None,
    salt: Annotated[
        list[str] | None,
        typer.Option(
            help="A salt; repeat for each; default: the membrane's.", rich_help_panel=CONTENT
        ),
    ] = None,
    salt_molar: Annotated[
        list[float] | None,
        typer.Option(
            help="Outer salt concentration, mol/L; repeat for each; default: 0.1 and 1.",
            rich_help_panel=CONTENT,
        ),
    ] = None,
    salt_inside: Annotated[
        str | None,
        typer.Option(
            help="external: the sorbed water holds the outer concentration (default); donnan: what "
            "Donnan-Manning leaves of it.",
            rich_help_panel=CONTENT,
        ),
    ] = None,
    water_per_site: Annotated[
        float | None,
        typer.Option(
            help="Water molecules per tethered charge; default: the membrane's.",
            rich_help_panel=CONTENT,
        ),
    ] = None,
    water_uptake: Annotated[
        float | None,
        typer.Option(
            help="Or g of water per g of dry polymer in its counter-ion's form.",
            rich_help_panel=CONTENT,
        ),
    ] = None,
    box: Annotated[
        float | None,
        typer.Option(help="Box edge aimed at, 20 to 100 Å; default: 40.", rich_help_panel=CONTENT),
    ] = None,
    chains: Annotated[
        int | None, typer.Option(help="Or the number of chains.", rich_help_panel=CONTENT)
    ] = None,
    chain_length: Annotated[
        int | None,
        typer.Option(
            help="Repeat units of a chain; default: what comes nearest to box and composition.",
            rich_help_panel=CONTENT,
        ),
    ] = None,
    min_pairs: Annotated[
        int | None,
        typer.Option(
            help="Enlarge the box until it holds so many ion pairs; default: 0.",
            rich_help_panel=CONTENT,
        ),
    ] = None,
    force_field: Annotated[
        str | None, typer.Option(help="gaff2 (default) or oplsaa.", rich_help_panel=FIELD)
    ] = None,
    charges: Annotated[
        str | None,
        typer.Option(
            help="am1bcc (default of gaff2), resp, resp-gaussian; opls (default of oplsaa); or a "
            "file of your own, as docs/molecules.md says.",
            rich_help_panel=FIELD,
        ),
    ] = None,
    water_model: Annotated[
        str | None, typer.Option(help="tip3p (default) or tip3p-charmm.", rich_help_panel=FIELD)
    ] = None,
    ion_set: Annotated[
        str | None,
        typer.Option(
            help="Ion parameters; default: those of the water model.", rich_help_panel=FIELD
        ),
    ] = None,
    charge_scale: Annotated[
        float | None,
        typer.Option(
            help="Factor on the charges of ions and charged units; default: 1.",
            rich_help_panel=FIELD,
        ),
    ] = None,
    replicas: Annotated[
        int | None, typer.Option(help="Independent builds a point; default: 3.")
    ] = None,
    protocol: Annotated[
        str | None,
        typer.Option(
            help="How long: test (seconds, shows that it works), demo (20 ps, numbers are "
            "examples), quick (default; 0.5 ns, about an hour a run on one core) or full (10 ns, "
            "for a cluster)."
        ),
    ] = None,
    cluster: Annotated[
        str | None, typer.Option(help="Cluster profile (jobs/clusters/), default: this machine.")
    ] = None,
    retry_failed: Annotated[
        bool, typer.Option("--retry-failed", help="Start failed runs again, too.")
    ] = False,
    no_submit: Annotated[
        bool, typer.Option("--no-submit", help="Write the run folders, start nothing.")
    ] = False,
    dry_run: DryRunOption = False,
    scripts: Annotated[
        bool, typer.Option("--scripts", help="With --dry-run: show the job scripts, too.")
    ] = False,
    json: JsonOption = False,
    workspace: WorkspaceOption = HERE,
) -> None:
    """Build hydrated membranes and run LAMMPS on them, here or on a cluster.

    Options win over campaign.toml; where neither says anything, the defaults below hold.
    """
    from iemhpc.campaign import submit_campaign
    from iemhpc.polymer.own import own_targets

    if scripts and not dry_run:
        raise InputError("--scripts shows what a dry run would write; give --dry-run with it")
    submit_now = not (no_submit or dry_run)
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
    }
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
        Workspace(workspace),
        targets,
        overrides={key: value for key, value in overrides.items() if value is not None},
        cluster=cluster,
        submit=submit_now,
        dry_run=dry_run,
        retry_failed=retry_failed,
        say=say,
    )
    then = "the same without --dry-run or --no-submit"
    if submit_now:
        is_own = bool(unit) or any(one.lower().endswith(".toml") for one in target or ())
        look = f"iemhpc check {summary.runs[0].run_id} (what its parameters are worth), then "
        then = f"{look if is_own else ''}iemhpc descriptors"
    show(replace(summary, show_scripts=scripts), json=json, then=then)
    if summary.failed:
        raise typer.Exit(1 if len(summary.failed) == len(summary.runs) else 4)


def descriptors(
    run: Annotated[list[str] | None, typer.Argument(help="Runs, default: all finished.")] = None,
    sites: Annotated[str, typer.Option(help="Tethered sites: paper or center.")] = "paper",
    fresh: FreshOption = False,
    json: JsonOption = False,
    workspace: WorkspaceOption = HERE,
) -> None:
    """Turn finished trajectories into three RDFs and twelve solvation descriptors."""
    from iemhpc.descriptors.extract import extract_runs

    summary = extract_runs(
        Workspace(workspace), tuple(run or ()), site_convention=sites, fresh=fresh, say=say
    )
    is_any_read = summary.n_done + summary.n_skipped > 0
    show(summary, json=json, then="iemhpc tune" if is_any_read else None)
    if summary.failed:
        raise typer.Exit(4 if is_any_read else 1)
