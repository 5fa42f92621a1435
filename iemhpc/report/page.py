"""The report: one HTML file with everything inside, readable without a network in ten years."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import jinja2
import pandas as pd

from iemhpc import __version__
from iemhpc.errors import MissingInputError
from iemhpc.progress import Say, quiet
from iemhpc.report import figures, sections
from iemhpc.report.sections import Tuning
from iemhpc.tables.descriptors import DESCRIPTORS, QUANTITIES
from iemhpc.tables.io import read_provenance
from iemhpc.workspace import Workspace, file_hash, read_json, write_text

TEMPLATE = "page.html.j2"


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportSummary:
    """The page that was written."""

    path: str
    """Where it is."""
    size_bytes: int
    """How large it is."""
    shown: tuple[str, ...]
    """Sections with content."""
    missing: dict[str, str]
    """Sections without, each with the command that makes its input."""

    def lines(self) -> list[str]:
        """Return what a person reads."""
        return [
            f"{self.path} ({self.size_bytes / 1e6:.1f} MB): {', '.join(self.shown)}",
            *(f"without {name}; make it with: {made_by}" for name, made_by in self.missing.items()),
        ]


def write_report(workspace: Workspace, *, say: Say = quiet) -> ReportSummary:
    """Write ``report/index.html`` from all tables that the workspace has.

    Raises
    ------
    MissingInputError
        Where the workspace does not exist or holds nothing yet.
    """
    if not workspace.root.is_dir():
        raise MissingInputError(
            f"{workspace.root} is no workspace; make one with: iemhpc init -w {workspace.root}"
        )
    contents = gather(workspace, say=say)
    if not any(contents[name] for name in _MADE_BY):
        raise MissingInputError(
            f"{workspace.root.resolve()} holds nothing to show: no runs, descriptors, dataset, "
            f"tuning or saliency; start with: iemhpc init -w {workspace.root}"
        )
    text = render(contents)
    write_text(workspace.report, text)
    missing = {name: made_by for name, made_by in _MADE_BY.items() if not contents[name]}
    return ReportSummary(
        path=str(workspace.report),
        size_bytes=len(text.encode()),
        shown=tuple(name for name in _MADE_BY if contents[name]),
        missing=missing,
    )


_MADE_BY = {
    "runs": "iemhpc md-submit",
    "descriptors": "iemhpc descriptors",
    "dataset": "iemhpc dataset build",
    "results": "iemhpc tune",
    "gallery": "iemhpc saliency",
}


def gather(workspace: Workspace, *, say: Say = quiet) -> dict[str, Any]:
    """Return what the template shows."""
    say("runs and descriptors")
    runs = sections.read_runs(workspace)
    descriptors = sections.read_descriptors(workspace)
    dataset = sections.read_dataset(workspace)
    say("dataset, tuning and models")
    tuning = sections.read_tuning(workspace, dataset)
    say("saliency pictures")
    gallery = sections.read_gallery(workspace)
    return {
        "version": __version__,
        "made_by": _MADE_BY,
        "workspace": workspace.root.resolve().name,
        "newest": _newest(workspace),
        "provenance": _provenance(workspace, tuning),
        "bundles": _bundles(workspace),
        "runs": runs,
        "run_states": sections.count_states(runs),
        "run_notes": list(dict.fromkeys(run["note"] for run in runs if run["note"])),
        "n_short": sections.count_short(runs),
        "usual": (sections.USUAL_CUTOFF_A, sections.USUAL_PRODUCTION_PS),
        "descriptors": descriptors,
        "n_descriptors": len(DESCRIPTORS),
        "quantities": [sections.QUANTITY_NAMES[q] for q in QUANTITIES],
        "flag_meanings": sections.FLAG_MEANINGS,
        "flags_seen": sorted({f for d in descriptors for p in d["pairs"] for f in p["flags"]}),
        "dataset": None if dataset is None else _describe_dataset(dataset),
        "results": [] if tuning is None else sections.result_rows(tuning),
        "tuning": tuning,
        "grids": []
        if tuning is None
        else [(result.level, sections.grid_rows(result)) for result in tuning.results],
        "figures": {} if tuning is None else _figures(tuning),
        "gallery": gallery,
        "gallery_levels": list(dict.fromkeys(card["level"] for card in gallery)),
    }


def render(contents: Mapping[str, Any]) -> str:
    """Return the page; all but the SVG that figures.py has made is escaped."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["number"] = _number
    environment.filters["plain"] = _plain
    return environment.get_template(TEMPLATE).render(contents)


def _figures(tuning: Tuning) -> dict[str, str]:
    drawn = {
        "parity": figures.parity_figure(
            tuning.results, name="Predicted against given activity coefficients"
        ),
        "folds": figures.fold_error_figure(tuning.results, name="Test error of each fold"),
    }
    if tuning.curves is not None:
        drawn["curves"] = figures.curve_figure(
            tuning.results, tuning.curves, name="Losses during training"
        )
    return drawn


def _describe_dataset(dataset: pd.DataFrame) -> dict[str, Any]:
    known = dataset[list(DESCRIPTORS)].notna()
    complete = known.all(axis=1)
    dataset = dataset.assign(is_complete=complete, is_partial=known.any(axis=1) & ~complete)
    return {
        "n_rows": len(dataset),
        "n_systems": dataset["system"].nunique(),
        "n_polymers": dataset["polymer"].nunique(),
        "n_complete": int(complete.sum()),
        "n_partial": int(dataset["is_partial"].sum()),
        "kinds": dataset["label_kind"].value_counts().to_dict(),
        "sources": dataset["label_source"].value_counts().to_dict(),
        "n_theory": int((dataset["label_source"] == "theory").sum()),
        "label_low": float(dataset["label"].min()),
        "label_high": float(dataset["label"].max()),
        "null_reasons": dataset.loc[~complete, "null_reason"].value_counts().to_dict(),
        "systems": [
            {
                "system": system,
                "n": len(rows),
                "salt_low": float(rows["salt_molar"].min()),
                "salt_high": float(rows["salt_molar"].max()),
                "label_low": float(rows["label"].min()),
                "label_high": float(rows["label"].max()),
                "n_complete": int(rows["is_complete"].sum()),
                "n_partial": int(rows["is_partial"].sum()),
            }
            for system, rows in dataset.groupby("system", sort=True)
        ],
    }


def _tables(workspace: Workspace, tuning: Tuning | None) -> list[Path]:
    paths = [workspace.rdf, workspace.descriptors, workspace.labels, workspace.dataset]
    if tuning is not None:
        folder = workspace.tuning / tuning.name
        paths += [folder / f"{n}.parquet" for n in ("trainings", "predictions", "curves")]
    paths.append(workspace.saliency / "saliency.parquet")
    return [path for path in paths if path.exists()]


def _provenance(workspace: Workspace, tuning: Tuning | None) -> list[dict[str, str]]:
    rows = []
    for path in _tables(workspace, tuning):
        stored = read_provenance(path)
        rows.append(
            {
                "file": path.relative_to(workspace.root).as_posix(),
                "hash": file_hash(path, length=12),
                "schema": stored.get("schema_version", ""),
                "version": stored.get("version", ""),
                "written": _when(path.stat().st_mtime),
            }
        )
    return rows


def _bundles(workspace: Workspace) -> list[dict[str, Any]]:
    rows = []
    for path in sorted(workspace.models.glob("[!.]*/bundle.json")):
        if path.parent.name == "current":
            continue
        bundle = read_json(path)
        level = str(bundle.get("level", ""))
        current = workspace.models / "current" / level
        rows.append(
            {
                "hash": path.parent.name,
                "level": level,
                "dataset_hash": bundle.get("dataset_hash", ""),
                "tuning": bundle.get("tuning_id", ""),
                "n_models": len(bundle.get("folds", ())),
                "is_current": current.exists() and current.resolve() == path.parent.resolve(),
            }
        )
    return rows


def _newest(workspace: Workspace) -> str:
    paths = [*_tables(workspace, None), *workspace.tuning.glob("*/trainings.parquet")]
    return _when(max(path.stat().st_mtime for path in paths)) if paths else "never"


def _when(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, tz=UTC).strftime("%Y-%m-%d %H:%M UTC")


def _number(value: float | None, digits: int = 3) -> str:
    """Return a number to so many decimals, or a dash where there is none."""
    return "–" if value is None or pd.isna(value) else f"{value:.{digits}f}"


def _plain(value: float | None) -> str:
    """Return a number as it was set, or a dash where there is none."""
    return "–" if value is None else f"{value:g}"
