"""Commands about the machines: which profiles there are, what one can do, what it does best."""

from typing import Annotated

import typer

from iemhpc.cli.options import HERE, JsonOption, WorkspaceOption, say, show
from iemhpc.workspace import Workspace

ClusterArgument = Annotated[
    str, typer.Argument(help="Name of a profile (iemhpc cluster list), or a TOML file.")
]
WaitOption = Annotated[
    float,
    typer.Option(min=0.0, help="Minutes to wait for the queue; the job goes on, ask again."),
]


def cluster_list(json: JsonOption = False, workspace: WorkspaceOption = HERE) -> None:
    """List the cluster profiles: the project's, and yours in clusters/ of the workspace."""
    from iemhpc.scheduler.profiles import list_profiles

    show(list_profiles(Workspace(workspace)), json=json, then="iemhpc cluster show NAME")


def cluster_show(
    name: ClusterArgument,
    probe: Annotated[
        bool,
        typer.Option(
            "--probe",
            help="Send a one-minute job: has its LAMMPS every style, the known energies, do all "
            "stages run?",
        ),
    ] = False,
    cores: Annotated[
        int | None, typer.Option(min=1, help="Cores of the probe; default: as a small run.")
    ] = None,
    wait: WaitOption = 30.0,
    json: JsonOption = False,
    workspace: WorkspaceOption = HERE,
) -> None:
    """Show a profile: its keys, the job's header, the programs found, the latest probe."""
    from iemhpc.scheduler.probe import probe_cluster
    from iemhpc.scheduler.profiles import find_profile, view_profile
    from iemhpc.settings.cluster import read_cluster

    here = Workspace(workspace)
    if not probe:
        show(view_profile(here, name), json=json, then=f"iemhpc cluster show {name} --probe")
        return
    stem, path = find_profile(here, name)
    report = probe_cluster(
        here, stem, read_cluster(path), cores_per_run=cores, wait_s=60.0 * wait, say=say
    )
    then = f"iemhpc cluster tune {name}" if report.passes else None
    show(report, json=json, then=then)
    if not report.passes:
        raise typer.Exit(1)
