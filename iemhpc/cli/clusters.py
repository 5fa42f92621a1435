"""Commands about the machines: which profiles there are, what one can do, what it does best."""

from typing import Annotated

import typer

from iemhpc.cli.options import (
    HERE,
    JsonOption,
    WorkspaceOption,
    integers,
    names,
    numbers,
    say,
    show,
)
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
    from iemhpc.probing.profiles import list_profiles

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
    from iemhpc.probing.probe import probe_cluster
    from iemhpc.probing.profiles import find_profile, view_profile
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


AND_WRITE = "the same command with --write: it measures again and writes what it then finds"


def cluster_tune(
    name: ClusterArgument,
    system: Annotated[
        str, typer.Option(help="What the box holds, of iemhpc systems.")
    ] = "CR61/NaCl",
    box: Annotated[float, typer.Option(help="Box edge aimed at, 20 to 100 Å.")] = 40.0,
    force_field: Annotated[str, typer.Option(help="gaff2 or oplsaa.")] = "gaff2",
    cores: Annotated[
        str | None,
        typer.Option(
            help="Cores of a run, as 1,2,4,8; default: powers of two up to 16, or as "
            "the profile's sizes say; here: as this machine has."
        ),
    ] = None,
    threads: Annotated[
        str | None,
        typer.Option(help="Threads of a process; default: 1,2 and the profile's own."),
    ] = None,
    suffix: Annotated[
        list[str] | None,
        typer.Option(help="none, opt, omp, intel, gpu, kk; default: what the probe has found."),
    ] = None,
    coulomb: Annotated[
        str | None,
        typer.Option(help="Coulomb cut-offs, Å, besides that of Lennard-Jones; default: 8,12."),
    ] = None,
    seconds: Annotated[
        float, typer.Option(min=1.0, max=600.0, help="Of each setting, in all rounds.")
    ] = 10.0,
    rounds: Annotated[
        int, typer.Option(min=2, max=20, help="How often each setting is measured, taking turns.")
    ] = 3,
    efficiency: Annotated[
        float,
        typer.Option(min=0.0, max=1.0, help="Share of the best rate per core that the best has."),
    ] = 0.7,
    write: Annotated[
        bool,
        typer.Option("--write", help="Write the best into the profile (a shipped one is copied)."),
    ] = False,
    wait: WaitOption = 120.0,
    json: JsonOption = False,
    workspace: WorkspaceOption = HERE,
) -> None:
    """Measure cores, threads, suffix and the Coulomb cut-off on a real box, by jobs there.

    The Lennard-Jones cut-off and the accuracy of the forces are held, and forces, pressure and
    energy compared. What the profile says now stays where nothing is faster beyond the noise.
    """
    from iemhpc.campaign.cluster_tuning import TuneRequest, tune_cluster

    request = TuneRequest(
        system=system,
        box_A=box,
        force_field=force_field,
        cores=integers(cores, option="--cores"),
        threads=integers(threads, option="--threads") or None,
        suffixes=names(suffix) or None,
        coulombs_A=numbers(coulomb, option="--coulomb"),
        seconds=seconds,
        rounds=rounds,
        efficiency=efficiency,
        write=write,
    )
    report = tune_cluster(Workspace(workspace), name, request, wait_s=60.0 * wait, say=say)
    is_open = report.best is not None and not report.stays and not write
    show(report, json=json, then=AND_WRITE if is_open else None)
    if report.best is None or report.refused:
        raise typer.Exit(1)
