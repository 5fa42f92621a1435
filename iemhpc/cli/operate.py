"""Commands around the pipeline: start a workspace, try all of it, keep it going."""

from pathlib import Path
from typing import Annotated

import typer

from iemhpc.cli.options import HERE, JsonOption, WorkspaceOption, print_json, say, show
from iemhpc.workspace import Workspace


def init(workspace: WorkspaceOption = HERE) -> None:
    """Write a commented campaign.toml and retrain.toml to start from."""
    from iemhpc.settings.first_campaign import write_campaign
    from iemhpc.settings.retrain import write_retrain

    path = write_campaign(Workspace(workspace))
    print(f"{path}: what to simulate; read it and change it")
    print(f"{write_retrain(Workspace(workspace))}: when and how to train again, for later")
    print("next: iemhpc md-submit")


def demo(
    size: Annotated[str, typer.Option(help="demo (10 minutes on 2 cores) or test.")] = "demo",
    workspace: WorkspaceOption = Path("demo"),
) -> None:
    """Run the whole pipeline on small real boxes, and show the page."""
    from iemhpc.demo import run_demo

    for line in run_demo(Workspace(workspace), size=size, say=say).lines():
        print(line)


def doctor(json: JsonOption = False, workspace: WorkspaceOption = HERE) -> None:
    """Say what is installed and usable here, what is missing, and how to get it."""
    from iemhpc.doctor import doctor_lines, examine

    checks = examine(workspace)
    if json:
        print_json(checks)
    else:
        print("\n".join(doctor_lines(checks)))


def systems(
    name: Annotated[
        str | None, typer.Argument(help="A membrane, or a membrane TOML; default: list all.")
    ] = None,
    draw: Annotated[
        Path | None, typer.Option(help="Where to draw it: .png or .svg; default: NAME.png.")
    ] = None,
    json: JsonOption = False,
    workspace: WorkspaceOption = HERE,
) -> None:
    """List the catalogue, or draw and explain one membrane."""
    from iemhpc.polymer.catalog import load_membrane, membrane_names
    from iemhpc.polymer.description import catalogue_lines, describe_membrane, draw_membrane

    if name is None and json:
        print_json([load_membrane(one) for one in membrane_names()])
        return
    if name is None:
        print("\n".join(catalogue_lines()))
        return
    membrane = load_membrane(name)
    if json:
        print_json(membrane)
        return
    print("\n".join(describe_membrane(membrane)))
    print(f"drawn: {draw_membrane(membrane, draw or workspace / f'{membrane.name}.png')}")


def retrain(
    config: Annotated[
        Path | None, typer.Option(help="A retrain.toml; default: the workspace's.")
    ] = None,
    print_cron: Annotated[
        bool, typer.Option("--print-cron", help="Print a crontab line, install nothing.")
    ] = False,
    exit_code: Annotated[
        bool, typer.Option("--exit-code", help="Exit with 3 where there is nothing to do.")
    ] = False,
    json: JsonOption = False,
    workspace: WorkspaceOption = HERE,
) -> None:
    """Train again if there is new data, and switch only to a better model. Made for cron."""
    from iemhpc.lifecycle.retrain import cron_line, retrain_workspace

    if print_cron:
        print(cron_line(Workspace(workspace), config))
        return
    summary = retrain_workspace(Workspace(workspace), config, say=say)
    show(summary, json=json)
    if exit_code and summary.nothing_new:
        raise typer.Exit(3)


def models_list(json: JsonOption = False, workspace: WorkspaceOption = HERE) -> None:
    """List the model bundles and which are current."""
    from iemhpc.lifecycle.registry import list_models

    show(list_models(Workspace(workspace)), json=json)


def models_show(
    bundle: Annotated[str, typer.Argument(help="A bundle's hash, or its first characters.")],
    json: JsonOption = False,
    workspace: WorkspaceOption = HERE,
) -> None:
    """Show what a bundle was trained on and how good it is."""
    from iemhpc.lifecycle.registry import show_model

    show(show_model(Workspace(workspace), bundle), json=json)
