"""Commands that look at runs and take hold of them: status, logs, check, cancel, resubmit."""

import gc
from typing import Annotated

import typer

from iemhpc.cli.options import HERE, JsonOption, WorkspaceOption, print_json, say, show
from iemhpc.errors import InputError
from iemhpc.workspace import Workspace

RunsArgument = Annotated[
    list[str] | None,
    typer.Argument(help="Ids of runs, or their first characters.", show_default=False),
]
StateOption = Annotated[
    list[str] | None, typer.Option(help="Only runs in this state; repeat for several.")
]
SystemOption = Annotated[
    list[str] | None, typer.Option(help="Only systems with this in their name; repeat.")
]


def status(
    run: Annotated[
        list[str] | None, typer.Argument(help="Runs whose ids begin so; default: all.")
    ] = None,
    state: StateOption = None,
    system: SystemOption = None,
    watch: Annotated[
        bool, typer.Option("--watch", help="Show it again and again until Ctrl-C.")
    ] = False,
    every: Annotated[
        float, typer.Option(min=0.5, help="With --watch: seconds between two looks.")
    ] = 5.0,
    json: JsonOption = False,
    workspace: WorkspaceOption = HERE,
) -> None:
    """Show the state of every run: how far, how fast, how long, what it cost, why it failed."""
    from iemhpc.scheduler.run_table import choose_rows, none_of, state_lines
    from iemhpc.scheduler.runs import run_states

    wanted = {"states": state or (), "systems": system or (), "run_ids": run or ()}
    if watch and json:
        raise InputError("--watch draws a table and --json prints once; give one of them")
    if watch:
        from iemhpc.cli.live import watch_runs

        watch_runs(Workspace(workspace), wanted, every_s=every)
        return
    gc.disable()  # nothing here becomes garbage that is worth looking for
    known = run_states(Workspace(workspace), indexed=True)
    rows = choose_rows(known, **wanted)
    if json:
        print_json(rows)
    else:
        print("\n".join(state_lines(rows, none="" if rows else none_of(known, **wanted))))


def logs(
    run: Annotated[str, typer.Argument(help="A run's id, or its first characters.")],
    lines: Annotated[int, typer.Option(help="Lines of each log's end.")] = 20,
    workspace: WorkspaceOption = HERE,
) -> None:
    """Print the ends of a run's logs."""
    from iemhpc.scheduler.log_ends import log_ends

    print("\n".join(log_ends(Workspace(workspace), run, lines=lines)))


def check(
    run: Annotated[str, typer.Argument(help="A run's id, or its first characters.")],
    energies: Annotated[
        bool, typer.Option("--energies", help="Compare LAMMPS with OpenMM, term by term.")
    ] = False,
    json: JsonOption = False,
    workspace: WorkspaceOption = HERE,
) -> None:
    """Report on a run: doubtful parameters, equilibration, energies by a second engine."""
    from iemhpc.check import check_run

    report = check_run(Workspace(workspace), run, energies=energies, say=say)
    show(report, json=json)
    if report.failures:
        raise typer.Exit(1)


def cancel(
    run: RunsArgument = None,
    state: StateOption = None,
    system: SystemOption = None,
    json: JsonOption = False,
    workspace: WorkspaceOption = HERE,
) -> None:
    """End runs, and keep them from being started until you resubmit them."""
    from iemhpc.scheduler.cancelling import cancel_runs

    space = Workspace(workspace)
    summary = cancel_runs(space, _chosen(space, run, state, system))
    again = "iemhpc status; iemhpc resubmit starts them again" if summary.cancelled else None
    show(summary, json=json, then=again)
    if summary.left:
        raise typer.Exit(4 if summary.cancelled else 1)


def resubmit(
    run: RunsArgument = None,
    state: StateOption = None,
    system: SystemOption = None,
    cluster: Annotated[
        str | None,
        typer.Option(help="Cluster profile; default: that of before, else of campaign.toml."),
    ] = None,
    cores: Annotated[
        int | None, typer.Option(min=1, help="Cores of each run; default: as the profile says.")
    ] = None,
    fresh: Annotated[
        bool,
        typer.Option(
            "--fresh", help="Start their trajectories anew; the old ones are kept in aside.N."
        ),
    ] = False,
    json: JsonOption = False,
    workspace: WorkspaceOption = HERE,
) -> None:
    """Start failed, cancelled or interrupted runs again, on purpose."""
    from iemhpc.scheduler.resubmitting import resubmit_runs

    space = Workspace(workspace)
    chosen = _chosen(space, run, state, system)
    summary = resubmit_runs(
        space, chosen, cluster=cluster, cores_per_run=cores, fresh=fresh, say=say
    )
    show(summary, json=json, then="iemhpc status" if summary.started else None)
    if summary.refused:
        raise typer.Exit(4 if summary.started else 1)


def _chosen(
    workspace: Workspace,
    run: list[str] | None,
    state: list[str] | None,
    system: list[str] | None,
) -> list[str]:
    """Return the ids that are meant: those that are typed, or all that the filters of status leave.

    Raises
    ------
    InputError
        Where nothing says which runs.
    """
    if not (run or state or system):
        raise InputError("which runs? give their ids, --state or --system, see iemhpc status")
    if run and not (state or system):
        return run
    from iemhpc.scheduler.run_table import choose_rows, none_of
    from iemhpc.scheduler.runs import run_states

    wanted = {"states": state or (), "systems": system or (), "run_ids": run or ()}
    every = run_states(workspace)
    rows = choose_rows(every, **wanted)
    if not rows:
        say(none_of(every, **wanted))
    return [row.run_id for row in rows]
