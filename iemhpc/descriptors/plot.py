"""Pictures of what was counted: g(r), n(r), and the marked first shell with its errors.

Everything is drawn from the stored pair counts, so a picture shows what the table says.
"""

import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from iemhpc.descriptors.from_rdf import describe_record
from iemhpc.descriptors.rdf import PairRecord, Radial, radial, records_from_rows
from iemhpc.descriptors.uncertainty import PairDescription
from iemhpc.errors import InputError, unknown_name
from iemhpc.progress import Say, quiet
from iemhpc.tables.io import read_frame
from iemhpc.tables.rdf import RDF_TABLE
from iemhpc.workspace import publishing

INK, FAINT = "#1f2933", "#9aa5b1"
COLOURS = ("#0072b2", "#009e73", "#d55e00", "#cc79a7", "#56b4e9", "#e69f00")
"""After Okabe and Ito (2008)."""
COLUMNS = 3
FORMATS = ("svg", "png")

_STYLE: Any = {
    "svg.fonttype": "none",
    "svg.hashsalt": "iemhpc",
    "font.family": "DejaVu Sans",
    "font.size": 9,
    "text.color": INK,
    "axes.edgecolor": "#7b8794",
    "axes.labelcolor": INK,
    "axes.linewidth": 0.7,
    "axes.spines.top": False,
    "axes.titlesize": 10,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "xtick.color": "#52606d",
    "ytick.color": "#52606d",
    "xtick.labelsize": 8,
    "ytick.labelsize": 8,
}

_GROUPS = {
    "counterion": "counter-ion",
    "coion": "co-ion",
    "water": "water O",
    "tethered": "tethered site",
}


def draw_tables(
    rdf: Path, folder: Path, *, run_ids: Sequence[str] = (), say: Say = quiet
) -> list[Path]:
    """Draw the runs of a table of pair counts: an SVG and a PNG each.

    Parameters
    ----------
    rdf : Path
        The pair counts.
    folder : Path
        Where the pictures go.
    run_ids : sequence of str, optional
        Which runs; all if empty.
    say : callable
        Gets a line a picture.

    Returns
    -------
    list of Path
        What was written.
    """
    counts = read_frame(rdf, RDF_TABLE, made_by="iemhpc descriptors")
    runs = {str(run_id): rows for run_id, rows in counts.groupby("run_id", sort=True)}
    for run_id in run_ids:
        if run_id not in runs:
            raise unknown_name("run", run_id, runs)
    written = []
    for run_id in run_ids or runs:
        figure = run_figure(run_id, records_from_rows(runs[run_id]))
        for kind in FORMATS:
            path = folder / f"{run_id}.{kind}"
            with publishing(path) as temporary:
                temporary.write_bytes(picture(figure, kind))
            written.append(path)
        say(f"{run_id}: drawn -> {folder / run_id}.svg")
    return written


def picture(figure: Figure, kind: str) -> bytes:
    """Return a figure as the bytes of a file; the same numbers give the same bytes."""
    if kind not in FORMATS:
        raise InputError(f"got a picture of kind {kind!r}, wanted one of {', '.join(FORMATS)}")
    stream = io.BytesIO()
    metadata = {"Date": None} if kind == "svg" else {"Software": None}
    with mpl.rc_context(_STYLE):
        figure.savefig(stream, format=kind, dpi=160, metadata=metadata)
    return stream.getvalue()


def run_figure(run_id: str, records: Mapping[str, PairRecord]) -> Figure:
    """Draw the pairs of one run, three in a row or two.

    Parameters
    ----------
    run_id : str
        The title.
    records : mapping of str to PairRecord
        What is stored of each pair.
    """
    n_columns = 2 if len(records) == 4 else COLUMNS
    n_rows = -(-len(records) // n_columns)
    with mpl.rc_context(_STYLE):
        figure = Figure(figsize=(3.7 * n_columns, 3.4 * n_rows), layout="constrained")
        figure.suptitle(run_id, x=0.01, ha="left", fontsize=11)
        panels = figure.subplots(n_rows, n_columns, squeeze=False).ravel()
        for number, (pair, record) in enumerate(records.items()):
            colour = COLOURS[number % len(COLOURS)]
            _draw_pair(panels[number], pair, record, colour=colour)
        for empty in panels[len(records) :]:
            empty.set_visible(False)
    return figure


def _title(pair: str, record: PairRecord) -> str:
    cuts = [(pair[:k], pair[k + 1 :]) for k, letter in enumerate(pair) if letter == "_"]
    known = [cut for cut in cuts if cut[0] in _GROUPS and cut[1] in _GROUPS]
    words = " – ".join(_GROUPS[name] for name in known[0]) if known else pair.replace("_", " ")
    return f"{words} ({'–'.join(record.elements)})" if all(record.elements) else words


def _draw_pair(axes: Axes, pair: str, record: PairRecord, *, colour: str) -> None:
    axes.set_title(_title(pair, record), color=colour)
    axes.set_xlabel("r / Å")
    axes.set_ylabel("g(r)")
    found = describe_record(record)
    if not record.counts.n_reference or not record.counts.n_neighbour:
        axes.spines["right"].set_visible(False)
        axes.set(xticks=[], yticks=[])
        axes.text(0.5, 0.5, _verdict(found), ha="center", va="center", transform=axes.transAxes)
        return
    rdf = radial(record.counts)
    top = _draw_curve(axes, rdf, found, colour=colour)
    right = axes.twinx()
    right.set_ylabel("n(r), neighbours", color=FAINT)
    _draw_neighbours(right, rdf, found)
    _mark_shell(axes, rdf, found, colour=colour)
    axes.set_ylim(0.0, top)
    words = right.text(
        0.97, 0.97, _verdict(found), transform=axes.transAxes, ha="right", va="top", fontsize=8
    )
    words.set_bbox({"facecolor": "white", "alpha": 0.85, "edgecolor": "none", "pad": 1.5})


def _draw_curve(axes: Axes, rdf: Radial, found: PairDescription, *, colour: str) -> float:
    """Draw g(r); return where the panel ends."""
    axes.axhline(1.0, color=FAINT, linewidth=0.6, linestyle=(0, (4, 3)))
    noise = np.sqrt(rdf.dispersion * rdf.counts) / rdf.ideal
    axes.fill_between(
        rdf.r_A,
        np.maximum(rdf.g - noise, 0.0),
        rdf.g + noise,
        color=colour,
        alpha=0.18,
        linewidth=0,
    )
    axes.plot(rdf.r_A, rdf.g, color=colour, linewidth=1.3)
    axes.set_xlim(0.0, float(rdf.edges_A[-1]))
    highest = max(float(rdf.g.max()), found.shell.peak_height or 0.0)
    return max(1.8, 1.35 * highest)  # room for words above the peak


def _draw_neighbours(axes: Axes, rdf: Radial, found: PairDescription) -> None:
    n = np.concatenate([[0.0], np.cumsum(rdf.counts) / rdf.n_observed])
    axes.plot(rdf.edges_A, n, color=FAINT, linewidth=1.0)
    shell = found.shell
    number = shell.coordination_number
    # the shell in the lower third, what lies beyond it may leave the panel
    axes.set_ylim(0.0, 3.0 * number if number else max(float(n[-1]), 1e-9))
    if number is not None and shell.first_minimum_A is not None:
        axes.errorbar(
            shell.first_minimum_A,
            number,
            yerr=found.errors["coordination_number"],
            fmt="s",
            markersize=4,
            color=FAINT,
            ecolor=INK,
            capsize=2.5,
            zorder=4,
        )
    axes.tick_params(axis="y", colors=FAINT)
    axes.spines["right"].set_color(FAINT)


def _mark_shell(axes: Axes, rdf: Radial, found: PairDescription, *, colour: str) -> None:
    shell, errors = found.shell, found.errors
    if shell.peak_position_A is not None and shell.peak_height is not None:
        axes.errorbar(
            shell.peak_position_A,
            shell.peak_height,
            xerr=errors["peak_position_A"],
            yerr=errors["peak_height"],
            fmt="v",
            markersize=5,
            color=INK,
            capsize=2.5,
            zorder=5,
        )
    if shell.first_minimum_A is not None:
        axes.axvspan(0.0, shell.first_minimum_A, color=colour, alpha=0.06, linewidth=0)
        axes.axvline(shell.first_minimum_A, color=INK, linewidth=0.8, linestyle=":")
        axes.errorbar(
            shell.first_minimum_A,
            float(np.interp(shell.first_minimum_A, rdf.r_A, rdf.g)),
            xerr=errors["first_minimum_A"],
            fmt="^",
            markersize=5,
            color=INK,
            capsize=2.5,
            zorder=5,
            clip_on=False,
        )


def _verdict(found: PairDescription) -> str:
    shell, errors = found.shell, found.errors

    def said(what: str, value: float | None, error: float | None, unit: str) -> str:
        if value is None:
            return ""
        return f"{what} {value:.2f}" + (f" ± {error:.2f}" if error is not None else "") + unit

    lines = [
        said("peak", shell.peak_position_A, errors["peak_position_A"], " Å"),
        said("height", shell.peak_height, errors["peak_height"], ""),
        said("minimum", shell.first_minimum_A, errors["first_minimum_A"], " Å"),
        said("neighbours", shell.coordination_number, errors["coordination_number"], ""),
        f"null: {shell.reason}" if shell.reason else "",
        *shell.flags,
    ]
    return "\n".join(line.replace("_", " ") for line in lines if line)
