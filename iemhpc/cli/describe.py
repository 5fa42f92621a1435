"""The command that turns trajectories into descriptors, ours or anybody's."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from iemhpc.cli.bar import progress_bar
from iemhpc.cli.options import HERE, FreshOption, JsonOption, WorkspaceOption, names, show
from iemhpc.cli.options import say as plain_say
from iemhpc.errors import InputError
from iemhpc.workspace import Workspace

if TYPE_CHECKING:
    from iemhpc.descriptors.extract import ExtractSummary
    from iemhpc.descriptors.reading import Asked

Where = tuple[int, str | None]
"""Processes on this machine, and the address of a running Ray."""

COUNTING, ANY, WHERE, SEEN = "Counting", "Any trajectory", "Where", "Seen"

RunArgument = Annotated[list[str] | None, typer.Argument(help="Runs, default: all finished.")]
SitesOption = Annotated[
    str, typer.Option(help="Tethered sites: paper or center.", rich_help_panel=COUNTING)
]
PairOption = Annotated[
    list[str] | None,
    typer.Option(
        help="A further pair, such as coion_water; repeat for more.", rich_help_panel=COUNTING
    ),
]
BinOption = Annotated[
    float | None, typer.Option("--bin", help="Width of a bin, Å.", rich_help_panel=COUNTING)
]
RMaxOption = Annotated[
    float | None,
    typer.Option(
        help="End of the histograms, Å; default: 12, or half the box.", rich_help_panel=COUNTING
    ),
]
FromRdfOption = Annotated[
    bool,
    typer.Option(
        "--from-rdf",
        help="From stored pair counts, no trajectory; RUN may be another rdf.parquet.",
        rich_help_panel=COUNTING,
    ),
]
TrajectoryOption = Annotated[
    list[Path] | None,
    typer.Option(
        help="DCD, XTC or text dump (also .gz, .zst); several: segments in order.",
        rich_help_panel=ANY,
    ),
]
TopologyOption = Annotated[
    Path | None, typer.Option(help="LAMMPS data file or PDB.", rich_help_panel=ANY)
]
RolesOption = Annotated[
    Path | None, typer.Option(help="Who is who: a TOML file.", rich_help_panel=ANY)
]
OutOption = Annotated[
    Path | None, typer.Option(help="Table of descriptors to write.", rich_help_panel=ANY)
]
RdfOutOption = Annotated[
    Path | None, typer.Option(help="Table of pair counts to write.", rich_help_panel=ANY)
]
DynamicsOutOption = Annotated[
    Path | None,
    typer.Option(help="Table of clusters, ion pairs, times to write.", rich_help_panel=ANY),
]
NameOption = Annotated[
    str | None, typer.Option(help="Its name in the tables.", rich_help_panel=ANY)
]
TimestepOption = Annotated[
    float | None,
    typer.Option(help="Time between steps, fs, where no file says it.", rich_help_panel=ANY),
]
StrideOption = Annotated[
    int | None, typer.Option(help="Steps between the frames of a DCD.", rich_help_panel=ANY)
]
UnitsOption = Annotated[
    str | None, typer.Option(help="LAMMPS' units of a text dump.", rich_help_panel=ANY)
]
ProcessesOption = Annotated[
    int, typer.Option(min=1, help="Processes on this machine.", rich_help_panel=WHERE)
]
AddressOption = Annotated[
    str | None,
    typer.Option(
        help="A running Ray, e.g. auto or host:6379; a task a run.", rich_help_panel=WHERE
    ),
]
PlotOption = Annotated[
    bool,
    typer.Option("--plot", help="Draw g(r) and n(r), peaks and minima.", rich_help_panel=SEEN),
]
PlotDirOption = Annotated[
    Path | None, typer.Option(help="Where to; default: rdf/.", rich_help_panel=SEEN)
]


def descriptors(
    run: RunArgument = None,
    sites: SitesOption = "paper",
    pair: PairOption = None,
    bin_width: BinOption = None,
    r_max: RMaxOption = None,
    from_rdf: FromRdfOption = False,
    trajectory: TrajectoryOption = None,
    topology: TopologyOption = None,
    roles: RolesOption = None,
    out: OutOption = None,
    rdf_out: RdfOutOption = None,
    dynamics_out: DynamicsOutOption = None,
    name: NameOption = None,
    timestep: TimestepOption = None,
    stride: StrideOption = None,
    units: UnitsOption = None,
    processes: ProcessesOption = 1,
    address: AddressOption = None,
    plot: PlotOption = False,
    plot_dir: PlotDirOption = None,
    fresh: FreshOption = False,
    json: JsonOption = False,
    workspace: WorkspaceOption = HERE,
) -> None:
    """Turn trajectories into RDFs and twelve solvation descriptors.

    Finished runs of the workspace, or with --trajectory, --topology and --roles any trajectory.
    """
    here = Workspace(workspace)
    outs = {"--out": out, "--rdf-out": rdf_out, "--dynamics-out": dynamics_out}
    files = {"--trajectory": trajectory, "--topology": topology, "--roles": roles}
    said = {"--name": name, "--timestep": timestep, "--stride": stride, "--units": units}
    given = [option for option, value in (files | said).items() if value is not None]
    drawn = plot_dir if plot_dir is not None else (Path("rdf") if plot else None)
    if from_rdf:
        _refuse(given, "has no place beside --from-rdf, which needs no trajectory")
        _recompute(here, run or [], out=out, drawn=drawn, json=json)
        return
    if drawn is not None and given and rdf_out is None:
        raise InputError("--plot draws from stored pair counts; give --rdf-out, too")
    asked = _asked(sites, names(pair), bin_A=bin_width, r_max_A=r_max)
    if given:
        # --trajectory a.dcd b.dcd c.dcd: the shell's * gives them so
        strangers = [one for one in run or [] if trajectory is None or not Path(one).is_file()]
        if strangers:
            raise InputError(
                f"got {' '.join(strangers)} with {given[0]}: give runs of the workspace, or the "
                "files of one trajectory"
            )
        files["--trajectory"] = [*(trajectory or []), *map(Path, run or [])]
        summary, rdf = _read_any(
            files, said, outs, asked=asked, place=(processes, address), fresh=fresh
        )
    else:
        written = [option for option, path in outs.items() if path is not None]
        _refuse(written, "is for --trajectory or --from-rdf; runs have their tables")
        summary, rdf = _read_runs(
            here, run or [], asked=asked, place=(processes, address), fresh=fresh
        )
    is_any_read = summary.n_done + summary.n_skipped > 0
    if rdf is not None and drawn is not None and is_any_read:
        _draw(rdf, drawn, [] if given else [r for r in run or [] if r not in summary.failed])
    show(summary, json=json, then="iemhpc tune" if is_any_read and not given else None)
    if summary.failed:
        raise typer.Exit(4 if is_any_read else 1)


def _asked(
    sites: str, pairs: tuple[str, ...], *, bin_A: float | None, r_max_A: float | None
) -> "Asked":
    from iemhpc.descriptors.conventions import BIN_A
    from iemhpc.descriptors.reading import Asked

    return Asked(
        site_convention=sites,
        pairs=pairs,
        bin_A=BIN_A if bin_A is None else bin_A,
        r_max_A=r_max_A,
    )


def _read_runs(
    here: Workspace, runs: list[str], *, asked: "Asked", place: Where, fresh: bool
) -> "tuple[ExtractSummary, Path | None]":
    from iemhpc.descriptors.extract import extract_runs
    from iemhpc.descriptors.parallel import Place

    with progress_bar("reading runs") as (say, track):
        summary = extract_runs(
            here,
            tuple(runs),
            asked=asked,
            fresh=fresh,
            place=Place(processes=place[0], address=place[1]),
            say=say,
            track=track,
        )
    return summary, here.rdf


def _read_any(
    files: Mapping[str, Any],
    said: Mapping[str, Any],
    outs: Mapping[str, Path | None],
    *,
    asked: "Asked",
    place: Where,
    fresh: bool,
) -> "tuple[ExtractSummary, Path | None]":
    from iemhpc.descriptors.books import Files
    from iemhpc.descriptors.loose import Clock
    from iemhpc.descriptors.loose_run import LooseFiles, extract_loose
    from iemhpc.descriptors.parallel import Place

    needed = {**files, "--out": outs["--out"]}
    missing = [option for option, value in needed.items() if not value]
    if missing or outs["--out"] is None:
        raise InputError(
            "a trajectory that is no run of the workspace needs --trajectory, --topology, --roles "
            f"and --out; missing: {', '.join(missing)}"
        )
    trajectory = tuple(files["--trajectory"])
    material = LooseFiles(
        name=said["--name"] or trajectory[0].name.split(".")[0],
        trajectory=trajectory,
        topology=files["--topology"],
        roles=files["--roles"],
        clock=Clock(
            timestep_fs=said["--timestep"],
            stride_steps=said["--stride"],
            units=said["--units"],
        ),
    )
    written = Files(
        descriptors=outs["--out"],
        rdf=outs["--rdf-out"],
        dynamics=outs["--dynamics-out"],
        curves=None,
    )
    with progress_bar("reading frames") as (say, track):
        summary = extract_loose(
            material,
            written,
            asked=asked,
            fresh=fresh,
            place=Place(processes=place[0], address=place[1]),
            say=say,
            track=track,
        )
    return summary, written.rdf


def _recompute(
    here: Workspace, given: list[str], *, out: Path | None, drawn: Path | None, json: bool
) -> None:
    from iemhpc.descriptors.recompute import recompute

    other = [Path(one) for one in given if one.endswith(".parquet")]
    if len(other) > 1 or len(other) != len(given):
        raise InputError(
            f"--from-rdf computes all runs of one table; got {' '.join(given)}, wanted nothing or "
            "the path of an rdf.parquet"
        )
    if other and out is None:
        raise InputError(f"--from-rdf {other[0]}: give --out, the table of descriptors to write")
    rdf = other[0] if other else here.rdf
    summary = recompute(rdf, out or here.descriptors, workspace=None if other else here)
    if drawn is not None:
        _draw(rdf, drawn, [])
    show(summary, json=json)


def _refuse(options: list[str], why: str) -> None:
    if options:
        raise InputError(f"{', '.join(options)} {why}; leave it out")


def _draw(rdf: Path, folder: Path, runs: list[str]) -> None:
    from iemhpc.descriptors.plot import draw_tables

    draw_tables(rdf, folder, run_ids=runs, say=plain_say)
