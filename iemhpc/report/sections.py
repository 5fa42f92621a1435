"""The tables of a workspace as what the page shows, one function a section.

Each section says from which file its numbers are; one whose input is missing says which command
makes it.
"""

import base64
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
from PIL import Image

from iemhpc.errors import InputError
from iemhpc.polymer.description import crosslink_note
from iemhpc.report import figures
from iemhpc.report.results import ConfigurationResult, LevelResult, read_results
from iemhpc.saliency.drawing import picture_path
from iemhpc.tables.dataset import DATASET_TABLE
from iemhpc.tables.descriptors import DESCRIPTOR_TABLE, DESCRIPTORS, PAIRS, QUANTITIES
from iemhpc.tables.io import read_frame
from iemhpc.tables.plan import read_plan_file
from iemhpc.tables.rdf import RDF_TABLE
from iemhpc.tables.saliency import SALIENCY_TABLE
from iemhpc.tables.tuning import CURVE_TABLE, PREDICTION_TABLE, TRAINING_TABLE
from iemhpc.workspace import Workspace, read_json

PICTURE_WIDTH = 1300
"""Pixels: what a wide screen shows of a saliency picture; the folder holds larger ones."""

USUAL_CUTOFF_A, USUAL_PRODUCTION_PS = 10.0, 500.0
"""A run with less of one of them is called a short demonstration run."""

CHEMISTRY = (
    ("force_field", ""),
    ("charges", "charges "),
    ("water_model", "water "),
    ("ion_set", "ions "),
    ("topology", ""),
)
"""What of a plan says how a box was modelled, and the words before it."""

QUANTITY_NAMES = {
    "peak_position_A": "peak / Å",
    "peak_height": "height",
    "first_minimum_A": "minimum / Å",
    "coordination_number": "neighbours",
}

FLAG_MEANINGS = {
    "plateau": "the minimum is a zero plateau; its midpoint is given",
    "split_peak": "the first peak is split, as of bidentate contacts",
    "shallow_minimum": "the minimum is shallow, so the count depends on where the shell ends",
    "not_converged": "the run drifts, its first contacts last it, or errors are large",
    "estimators_disagree": "a second estimator gives another number",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Tuning:
    """The tuning that the page shows."""

    name: str
    """Its folder."""
    results: tuple[LevelResult, ...]
    """One a level."""
    curves: pd.DataFrame | None
    """curves.parquet, where it is there."""
    target: str
    """gamma or ln_gamma."""


def read_runs(workspace: Workspace) -> list[dict[str, Any]]:
    """Return a row for each run folder: what was asked and how far it is.

    A run whose plan or status cannot be read is ``unknown``, with the reason.
    """
    rows = [_run_row(path.parent) for path in workspace.runs.glob("*/plan.json")]
    return sorted(rows, key=lambda row: (row["system"], row["salt_molar"] or 0.0, row["run_id"]))


def _run_row(folder: Path) -> dict[str, Any]:
    plan: Mapping[str, Any] = {}
    path = folder / "status.json"
    try:
        plan = read_plan_file(folder)
        status = read_json(path) if path.exists() else {"state": "planned"}
    except InputError as error:
        status = {"state": "unknown", "reason": str(error)}
    physics, request = plan.get("physics", {}), plan.get("request", {})
    protocol, sampling = physics.get("protocol", {}), plan.get("sampling", {})
    return {
        "run_id": folder.name,
        "system": physics.get("system", ""),
        "salt_molar": request.get("salt_molar"),
        "realised": request.get("realised_salt_molar"),
        "inside": request.get("donnan_salt_molar"),
        "water_per_site": request.get("water_per_site"),
        "ions": f"{physics.get('n_counterions', '')} / {physics.get('n_coions', '')}",
        "chemistry": [f"{said}{physics[name]}" for name, said in CHEMISTRY if name in physics],
        "anneal_ps": protocol.get("anneal_ps"),
        "production_ps": sampling.get("production_ps"),
        "cutoff_A": protocol.get("cutoff_A"),
        "pppm": protocol.get("pppm"),
        "note": _run_note(physics, request),
        "state": status.get("state", "unknown"),
        "stage": status.get("stage", ""),
        "attempt": status.get("attempt", ""),
        "reason": status.get("reason", ""),
    }


def _run_note(physics: Mapping[str, Any], request: Mapping[str, Any]) -> str:
    notes = []
    if physics.get("topology") == "linear" and request.get("crosslinker"):
        notes.append(crosslink_note(str(physics.get("membrane", ""))))
    if physics.get("salt_inside") == "donnan":
        system = physics.get("system", "")
        notes.append(
            f"{system}: the sorbed water holds what Donnan-Manning leaves of that outside beside "
            "the box's own fixed charge"
        )
    return "; ".join(notes)


def count_short(runs: Sequence[Mapping[str, Any]]) -> int:
    """Return how many runs have a shorter cut-off or production than numbers are taken from.

    Examples
    --------
    >>> count_short([{"cutoff_A": 8.0, "production_ps": 900.0}])
    1
    >>> count_short([{"cutoff_A": 10.0, "production_ps": 500.0}])
    0
    """
    usual = {"cutoff_A": USUAL_CUTOFF_A, "production_ps": USUAL_PRODUCTION_PS}
    return sum(
        any(run[name] is not None and run[name] < least for name, least in usual.items())
        for run in runs
    )


def read_descriptors(workspace: Workspace) -> list[dict[str, Any]]:
    """Return the runs with their twelve numbers, errors, flags and reasons, and their figure."""
    if not workspace.descriptors.exists():
        return []
    made_by = "iemhpc descriptors"
    frame = read_frame(workspace.descriptors, DESCRIPTOR_TABLE, made_by=made_by)
    rdf = read_frame(workspace.rdf, RDF_TABLE, made_by=made_by) if workspace.rdf.exists() else None
    rows = []
    for row in frame.sort_values(["system", "salt_molar", "seed"]).to_dict("records"):
        title = f"{row['system']} at {row['realised_salt_molar']:.3g} mol/L"
        own = None if rdf is None else rdf[rdf["run_id"] == row["run_id"]]
        rows.append(
            {
                "run_id": row["run_id"],
                "title": title,
                "wanted": row["salt_molar"],
                "sampled_ps": row["sampled_ps"],
                "n_frames": row["n_frames"],
                "convention": row["site_convention"],
                "n_known": sum(bool(pd.notna(row[name])) for name in DESCRIPTORS),
                "pairs": [_pair_row(row, pair) for pair in PAIRS],
                "figure": None
                if own is None or own.empty
                else figures.rdf_figure(
                    own,
                    {str(key): value for key, value in row.items()},
                    name=f"Radial distributions of {title}, run {row['run_id']}",
                ),
            }
        )
    return rows


def _pair_row(row: Mapping[Any, Any], pair: str) -> dict[str, Any]:
    reason = row[f"{pair}_reason"]
    return {
        "name": figures.PAIR_NAMES[pair],
        "values": [
            with_error(row[f"{pair}_{quantity}"], row[f"{pair}_{quantity}_se"])
            for quantity in QUANTITIES
        ],
        "flags": [flag for flag in str(row[f"{pair}_flags"] or "").split(",") if flag],
        "reason": reason if isinstance(reason, str) else "",
    }


def with_error(value: float | None, error: float | None) -> str:
    """Return a number with its error, both to the digits that the error allows.

    Examples
    --------
    >>> with_error(4.8412, 0.0301), with_error(2.35, None), with_error(None, None)
    ('4.841 ± 0.030', '2.35', '–')
    """
    if value is None or pd.isna(value):
        return "–"
    if error is None or pd.isna(error) or error <= 0.0:
        return f"{value:.3g}"
    digits = next((d for d in range(4) if error >= 0.95 * 10.0 ** (1 - d)), 4)
    return f"{value:.{digits}f} ± {error:.{digits}f}"


def read_tuning(workspace: Workspace, dataset: pd.DataFrame | None) -> Tuning | None:
    """Return the newest finished tuning, or None where there is none."""
    finished = sorted(
        workspace.tuning.glob("*/trainings.parquet"), key=lambda path: path.stat().st_mtime
    )
    finished = [path for path in finished if path.with_name("predictions.parquet").exists()]
    if not finished:
        return None
    folder = finished[-1].parent
    made_by = "iemhpc tune"
    trainings = read_frame(folder / "trainings.parquet", TRAINING_TABLE, made_by=made_by)
    if trainings.empty:
        return None
    predictions = read_frame(folder / "predictions.parquet", PREDICTION_TABLE, made_by=made_by)
    curves = folder / "curves.parquet"
    return Tuning(
        name=folder.name,
        results=read_results(
            trainings, predictions, dataset, first_seed=_first_seed(folder / "request.json")
        ),
        curves=read_frame(curves, CURVE_TABLE, made_by=made_by) if curves.exists() else None,
        target=str(trainings["target"].iloc[0]),
    )


def _first_seed(path: Path) -> int | None:
    """Return the first seed that was asked for, where the request is there."""
    request = read_json(path).get("request", {}) if path.exists() else {}
    seeds = request.get("seeds") or [None]
    return None if seeds[0] is None else int(seeds[0])


def read_dataset(workspace: Workspace) -> pd.DataFrame | None:
    """Return the dataset, or None where there is none."""
    if not workspace.dataset.exists():
        return None
    return read_frame(workspace.dataset, DATASET_TABLE, made_by="iemhpc dataset build")


def result_rows(tuning: Tuning) -> list[dict[str, Any]]:
    """Return a row for each level: chosen configuration, ensemble, folds, baseline."""
    rows = []
    for result in tuning.results:
        chosen = result.chosen
        rows.append(
            {
                "level": result.level,
                "ensemble": chosen.ensemble,
                "r2": _mean_and_spread(chosen.over_folds("r2")),
                "rmse": _mean_and_spread(chosen.over_folds("rmse")),
                "best": chosen.best_fold,
                "baseline": result.baseline,
                "n_test": int((result.points["split"] == "test").sum()),
                "seen": result.systems_seen,
                "configuration": _configuration_text(chosen),
            }
        )
    return rows


def grid_rows(result: LevelResult) -> list[dict[str, Any]]:
    """Return a row for each configuration of a level, the chosen one first."""
    return [
        {
            "hidden": one.hidden,
            "batch_size": one.batch_size,
            "learning_rate": f"{one.learning_rate:g}",
            "seed": one.seed,
            "n_folds": one.n_folds,
            "validation_loss": f"{one.validation_loss:.3g}",
            "r2": _mean_and_spread(one.over_folds("r2")),
            "rmse": _mean_and_spread(one.over_folds("rmse")),
            "ensemble_r2": one.ensemble["r2"],
            "ensemble_rmse": one.ensemble["rmse"],
            "best_r2": one.best_fold["r2"] if one.folds else None,
        }
        for one in result.grid
    ]


def _configuration_text(one: ConfigurationResult) -> str:
    return (
        f"width {one.hidden}, batch {one.batch_size}, rate {one.learning_rate:g}, "
        f"seed {one.seed}, {one.n_folds} folds"
    )


def _mean_and_spread(found: tuple[float, float] | None) -> str:
    return "–" if found is None else f"{found[0]:.3f} ± {found[1]:.3f}"


def read_gallery(workspace: Workspace) -> list[dict[str, Any]]:
    """Return the saliency pictures, small enough for a page."""
    table = workspace.saliency / "saliency.parquet"
    if not table.exists():
        return []
    frame = read_frame(table, SALIENCY_TABLE, made_by="iemhpc saliency")
    cards = []
    for (level, system), rows in frame.groupby(["level", "system"], sort=False):
        stem = picture_path(workspace, str(level), str(system))
        picture = stem.with_name(f"{stem.name}.png")
        if picture.exists():
            address, width, height = shrunk(picture)
            cards.append(
                {
                    "level": level,
                    "system": system,
                    "image": address,
                    "width": width,
                    "height": height,
                    "is_wide": width > 2.4 * height,
                    "alternative": _in_words(str(system), rows),
                    "file": stem.relative_to(workspace.root).as_posix() + ".svg",
                }
            )
    return cards


def _in_words(system: str, rows: pd.DataFrame) -> str:
    """Say what a picture shows to those who cannot see it."""
    polymer = rows[rows["molecule"] == "polymer"]
    means = polymer.groupby("element")["saliency_scaled"].mean().sort_values()
    said = ", ".join(f"{element} {value:+.2f}" for element, value in means.items())
    return f"Saliency map of {system}. Mean over the polymer's atoms of each element: {said}."


def shrunk(picture: Path, width: int = PICTURE_WIDTH) -> tuple[str, int, int]:
    """Return a picture as a data address, at most ``width`` pixels wide, its width and height."""
    with Image.open(picture) as opened:
        image = opened.convert("RGB")
    if image.width > width:
        image = image.resize((width, round(image.height * width / image.width)))
    buffer = io.BytesIO()
    image.save(buffer, format="WEBP", quality=82, method=4)
    address = "data:image/webp;base64," + base64.b64encode(buffer.getvalue()).decode()
    return address, image.width, image.height


def count_states(runs: Sequence[Mapping[str, Any]]) -> dict[str, int]:
    """Return how many runs are in each state.

    Examples
    --------
    >>> count_states([{"state": "done"}, {"state": "failed"}, {"state": "done"}])
    {'done': 2, 'failed': 1}
    """
    states = [str(run["state"]) for run in runs]
    return {state: states.count(state) for state in sorted(set(states))}
