"""Figures of the page as SVG text: one look, colours that the colour-blind can tell apart.

The same numbers give the same text, so that a page is remade byte for byte.
"""

import io
import re
from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from iemhpc.report.results import LevelResult
from iemhpc.tables.descriptors import PAIRS

Floats = NDArray[np.float64]

INK, FAINT = "#1f2933", "#9aa5b1"
BLUE, ORANGE, GREEN = "#0072b2", "#d55e00", "#009e73"
"""After Okabe and Ito (2008)."""

PAIR_COLOURS = dict(zip(PAIRS, (BLUE, GREEN, ORANGE), strict=True))
PAIR_NAMES = {
    "counterion_water": "counter-ion – water O",
    "tethered_water": "tethered site – water O",
    "tethered_counterion": "tethered site – counter-ion",
}

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
    "axes.spines.right": False,
    "axes.titlesize": 10,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "xtick.color": "#52606d",
    "ytick.color": "#52606d",
    "xtick.labelsize": 8,
    "ytick.labelsize": 8,
    "legend.frameon": False,
    "legend.fontsize": 8,
    "figure.constrained_layout.h_pad": 0.09,
    "figure.constrained_layout.w_pad": 0.09,
}


def radial_distribution(rdf: pd.DataFrame) -> tuple[Floats, Floats]:
    """Return r and g(r) of one run and pair, over all blocks.

    Parameters
    ----------
    rdf : DataFrame
        Rows of ``rdf.parquet``.

    Returns
    -------
    r_A, g : ndarray, shape (n_bins,)
    """
    rdf = rdf.assign(
        ideal=rdf["n_frames"]
        * rdf["n_reference"]
        * rdf["n_neighbour"]
        * rdf["mean_inverse_volume_A3"]
    )
    bins = rdf.groupby("bin").agg(
        r_A=("r_A", "first"),
        bin_A=("bin_A", "first"),
        count=("count", "sum"),
        ideal=("ideal", "sum"),
    )
    r, half = bins["r_A"].to_numpy(dtype=float), bins["bin_A"].to_numpy(dtype=float) / 2
    volume = 4 / 3 * np.pi * ((r + half) ** 3 - (r - half) ** 3)
    expected = bins["ideal"].to_numpy(dtype=float) * volume
    count = bins["count"].to_numpy(dtype=float)
    return r, np.divide(count, expected, out=np.zeros_like(count), where=expected > 0)


def rdf_figure(rdf: pd.DataFrame, descriptors: Mapping[str, object], *, name: str) -> str:
    """Draw the three radial distributions of a run with their first shells marked.

    Parameters
    ----------
    rdf : DataFrame
        Rows of one run.
    descriptors : mapping
        The run's row of ``descriptors.parquet``; may be empty.
    name : str
        What the picture shows, for those who cannot see it.
    """
    with mpl.rc_context(_STYLE):
        figure = Figure(figsize=(9.6, 2.7), layout="constrained")
        for axes, pair in zip(figure.subplots(1, 3), PAIRS, strict=True):
            axes.set_title(PAIR_NAMES[pair], color=PAIR_COLOURS[pair])
            axes.set_xlabel("r / Å")
            of_pair = rdf[rdf["pair"] == pair]
            if of_pair.empty:
                axes.text(0.5, 0.5, "no pairs", ha="center", transform=axes.transAxes)
                continue
            r, g = radial_distribution(of_pair)
            axes.axhline(1.0, color=FAINT, linewidth=0.6, linestyle=(0, (4, 3)))
            axes.plot(r, g, color=PAIR_COLOURS[pair], linewidth=1.3)
            axes.set_xlim(0.0, float(r.max()))
            height = _number(descriptors.get(f"{pair}_peak_height")) or 0.0
            axes.set_ylim(0.0, max(1.6, 1.18 * float(g.max()), 1.18 * height))
            _mark_shell(axes, pair, descriptors)
        figure.axes[0].set_ylabel("g(r)")
        return _svg(figure, name)


def _mark_shell(axes: Axes, pair: str, descriptors: Mapping[str, object]) -> None:
    peak, height, minimum, neighbours = (
        _number(descriptors.get(f"{pair}_{quantity}"))
        for quantity in ("peak_position_A", "peak_height", "first_minimum_A", "coordination_number")
    )
    if minimum is not None:
        axes.axvspan(0.0, minimum, color=PAIR_COLOURS[pair], alpha=0.08, linewidth=0)
        axes.axvline(minimum, color=INK, linewidth=0.8, linestyle=":")
    if peak is not None and height is not None:
        axes.plot([peak], [height], marker="v", markersize=5, color=INK)
    reason = descriptors.get(f"{pair}_reason")
    lines = [
        f"peak {peak:.2f} Å" if peak is not None else "",
        f"shell to {minimum:.2f} Å" if minimum is not None else "",
        f"{neighbours:.2f} neighbours" if neighbours is not None else "",
        f"null: {reason}" if isinstance(reason, str) and reason else "",
    ]
    text = "\n".join(line for line in lines if line)
    axes.text(0.97, 0.96, text, transform=axes.transAxes, ha="right", va="top", fontsize=8)


def parity_figure(results: Sequence[LevelResult], *, name: str) -> str:
    """Draw predicted against given activity coefficients, one panel a level."""
    with mpl.rc_context(_STYLE):
        figure = Figure(figsize=(3.2 * max(2, len(results)), 3.6), layout="constrained")
        panels = figure.subplots(1, len(results), squeeze=False)[0]
        for axes, result in zip(panels, results, strict=True):
            _parity(axes, result)
        panels[0].set_ylabel("predicted γ")
        handles, labels = panels[0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside lower center", ncols=3)
        return _svg(figure, name)


def _parity(axes: Axes, result: LevelResult) -> None:
    tested = result.points[result.points["split"] == "test"]
    others = result.points[result.points["split"] == "validation"]
    low = min(0.0, float(result.points[["label", "prediction"]].min().min()))
    high = 1.05 * float(result.points[["label", "prediction"]].max().max())
    axes.plot([low, high], [low, high], color=FAINT, linewidth=0.8)
    axes.plot(
        others["label"],
        others["prediction"],
        linestyle="none",
        marker="o",
        markersize=3,
        color="#cbd2d9",
        label="validation, one model each",
    )
    if result.baseline_points is not None:
        axes.plot(
            result.baseline_points["label"],
            result.baseline_points["prediction"],
            linestyle="none",
            marker="x",
            markersize=4.5,
            color=ORANGE,
            label="test, system mean (baseline)",
        )
    axes.errorbar(
        tested["label"],
        tested["prediction"],
        yerr=tested["spread"],
        linestyle="none",
        marker="o",
        markersize=4.5,
        color=BLUE,
        elinewidth=0.9,
        label="test, ensemble ± spread of folds",
    )
    axes.set_title(result.level)
    axes.set_xlabel("γ given")
    axes.set_xlim(low, high)
    axes.set_ylim(low, high)
    axes.set_aspect("equal", adjustable="box")
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_locator(MaxNLocator(5))
    r2, base = result.chosen.ensemble["r2"], (result.baseline or {}).get("r2")
    lines = [f"R² {r2:.3f}" if r2 is not None else "", f"baseline {base:.3f}" if base else ""]
    axes.text(
        0.04, 0.96, "\n".join(x for x in lines if x), transform=axes.transAxes, va="top", fontsize=8
    )


def fold_error_figure(results: Sequence[LevelResult], *, name: str) -> str:
    """Draw the test error of each fold's model, of the ensemble and of the baseline."""
    with mpl.rc_context(_STYLE):
        figure = Figure(figsize=(7.2, 0.75 * len(results) + 1.35), layout="constrained")
        axes = figure.subplots()
        for place, result in enumerate(results):
            errors = [fold["rmse"] for fold in result.chosen.folds if fold["rmse"] is not None]
            shift = np.linspace(-0.14, 0.14, len(errors)) if len(errors) > 1 else np.zeros(1)
            first = place == 0
            axes.plot(
                errors,
                place + shift[: len(errors)],
                linestyle="none",
                marker="o",
                markersize=4.5,
                markerfacecolor="white",
                color=BLUE,
                label="one fold's model" if first else None,
            )
            _mark_error(axes, place, result.chosen.ensemble, BLUE, "ensemble" if first else None)
            if result.baseline is not None:
                label = "system mean (baseline)" if first else None
                _mark_error(axes, place, result.baseline, ORANGE, label)
        axes.set_yticks(range(len(results)), [result.level for result in results])
        axes.set_ylim(len(results) - 0.5, -0.5)
        axes.set_xlim(left=0.0)
        axes.set_xlabel("RMSE of γ on the test rows")
        axes.grid(axis="x", color="#e4e7eb", linewidth=0.7)
        axes.set_axisbelow(True)
        figure.legend(loc="outside lower center", ncols=3)
        return _svg(figure, name)


def _mark_error(
    axes: Axes, place: int, found: Mapping[str, float | None], colour: str, label: str | None
) -> None:
    error = found["rmse"]
    if error is not None:
        axes.plot(
            [error, error], [place - 0.28, place + 0.28], color=colour, linewidth=2.4, label=label
        )


def curve_figure(results: Sequence[LevelResult], curves: pd.DataFrame, *, name: str) -> str:
    """Draw the losses of the chosen configurations: each fold thin, their median thick."""
    with mpl.rc_context(_STYLE):
        figure = Figure(figsize=(3.2 * max(2, len(results)), 2.9), layout="constrained")
        panels = figure.subplots(1, len(results), squeeze=False, sharey=True)[0]
        for axes, result in zip(panels, results, strict=True):
            own = curves[curves["training_id"].isin(result.trainings["training_id"])]
            for column, colour, label in (
                ("train_loss", GREEN, "training"),
                ("validation_loss", BLUE, "validation"),
            ):
                for _, one in own.groupby("training_id", sort=True):
                    epochs, losses = _thinned(one.sort_values("epoch"), column)
                    axes.plot(epochs, losses, color=colour, linewidth=0.5, alpha=0.3)
                middle = own.groupby("epoch")[[column]].median().reset_index()
                epochs, losses = _thinned(middle, column)
                axes.plot(epochs, losses, color=colour, linewidth=1.8, label=label)
            axes.set_yscale("log")
            axes.set_title(result.level)
            axes.set_xlabel("epoch")
        panels[0].set_ylabel("mean squared error")
        panels[-1].legend(loc="upper right")
        return _svg(figure, name)


def _thinned(curve: pd.DataFrame, column: str, n_most: int = 150) -> tuple[Floats, Floats]:
    """Return at most about ``n_most`` points of a curve; a page needs no more."""
    keep = np.unique(np.linspace(0, len(curve) - 1, n_most).round().astype(int))
    kept = curve.iloc[keep] if len(curve) else curve
    return kept["epoch"].to_numpy(dtype=float), kept[column].to_numpy(dtype=float)


def _number(value: object) -> float | None:
    if isinstance(value, int | float | np.floating) and np.isfinite(value):
        return float(value)
    return None


def _svg(figure: Figure, name: str) -> str:
    """Return a figure as SVG for a page: scalable, named, with ids of its own."""
    buffer = io.StringIO()
    figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None}, transparent=True)
    text = buffer.getvalue()
    text = text[text.index("<svg") :]
    prefix = "f" + re.sub(r"\W+", "-", name.lower()).strip("-")
    text = re.sub(r'\bid="', f'id="{prefix}-', text)
    text = re.sub(r'((?:xlink:)?href="|url\()#', rf"\1#{prefix}-", text)
    text = re.sub(r"<metadata>.*?</metadata>", "", text, flags=re.DOTALL)
    text = text.replace("'DejaVu Sans'", "system-ui, 'Helvetica Neue', Arial, 'DejaVu Sans'")
    label = name.replace("&", "&amp;").replace('"', "&quot;").replace("<", "&lt;")
    head, body = text.split(">", 1)
    width = re.search(r'width="([\d.]+)pt"', head)
    head = re.sub(r' (?:width|height)="[^"]*"', "", head)
    size = f'style="max-width:{float(width[1]) * 4 / 3:.0f}px"' if width else ""
    return f'{head} {size} role="img" aria-label="{label}">{body}'
