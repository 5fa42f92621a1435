"""The reference campaign: takes in its finished runs, and writes the tables of its page.

    iemhpc md-submit data/reference/campaign.toml -w reference
    iemhpc descriptors -w reference
    python data/reference/make.py reference    # rows and histograms of reference/ -> this folder
    python data/reference/make.py              # the tables of docs/reference-campaign.md alone

Nothing but the descriptors, the histograms and what ``iemhpc check`` says is taken in; the
trajectories are too large.
"""

import csv
import io
import sys
from collections.abc import Hashable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from iemhpc.check import check_run
from iemhpc.descriptors.dynamics import ESTIMATOR as DYNAMICS_ESTIMATOR
from iemhpc.polymer.catalog import System, load_membrane, load_salt
from iemhpc.tables.descriptors import DESCRIPTOR_TABLE
from iemhpc.tables.dynamics import DYNAMICS_TABLE
from iemhpc.tables.io import read_frame, read_provenance, write_table
from iemhpc.tables.rdf import RDF_TABLE
from iemhpc.workspace import Workspace, file_hash, write_text

HERE = Path(__file__).parent
PAGE = HERE.parents[1] / "docs" / "reference-campaign.md"
DOUBTS = HERE / "doubts.csv"
LARGEST_RDF_MB = 5.0
SHORTEST_PS = 50.0

STUDY = {
    "PSbNMP-BCE/KI": ("PSbNMP-BCE", "I-"),
    "PSbNMP-RCE/KI": ("PSbNMP-RCE", "I-"),
    "AR103/NaCl": ("AR103", "Cl-"),
    "AR204/NaCl": ("AR204", "Cl-"),
    "PVAS/NaCl": ("PVAS", "Na+"),
    "CEM1/NaCl": ("CEM", "Na+"),
    "CEM2/NaCl": ("CEM", "Na+"),
    "CEM3/NaCl": ("CEM", "Na+"),
    "XLAPn4-45p/NaCl": ("XLAMPS", "Na+"),
    "XLAPn4-9p/NaCl": ("XLAMPS", "Na+"),
    "Nafion/NaCl": ("Nafion", "Na+"),
    "Nafion/Na2SO4": ("Nafion", "Na+ (SO4)"),
    "Nafion/MgCl2": ("Nafion", "Mg2+"),
    "CR61/NaCl": ("CR61", "Na+"),
    "CR61/MgCl2": ("CR61", "Mg2+"),
    "CR61/LiCl": ("CR61", "Li+"),
    "CR61/CaCl2": ("CR61", "Ca2+"),
    "CR61/KCl": ("CR61", "K+"),
}
"""System -> polymer and counter-ion of the row of Table 4 that it belongs to."""


def main(arguments: Sequence[str]) -> None:
    """Take in a workspace, where one is named, and write the tables."""
    if arguments:
        take_in(Workspace(Path(arguments[0])))
    write_text(PAGE, filled(PAGE.read_text(encoding="utf-8")))


def filled(page: str) -> str:
    """Return the page with its tables made anew."""
    for name, lines in (("study", beside_the_study()), ("runs", every_run())):
        head = f"<!-- table: {name} -->\n"
        before, rest = page.split(head)
        _, after = rest.split("<!-- end -->", 1)
        page = before + head + "\n".join([*lines, "<!-- end -->"]) + after
    return page


def take_in(workspace: Workspace) -> None:
    """Put a workspace's rows beside those that are here; of one run the longer one stays."""
    rows = read_frame(workspace.descriptors, DESCRIPTOR_TABLE, made_by="iemhpc descriptors")
    rows = rows[rows["sampled_ps"] >= SHORTEST_PS * 0.98]
    counts = read_frame(workspace.rdf, RDF_TABLE, made_by="iemhpc descriptors")
    stored = HERE / "descriptors.parquet"
    if stored.exists():
        rows = pd.concat([read_frame(stored, DESCRIPTOR_TABLE, made_by=__file__), rows])
        before = read_frame(HERE / "rdf.parquet", RDF_TABLE, made_by=__file__)
        counts = pd.concat([before[~before["run_id"].isin(counts["run_id"])], counts])
    rows = rows.sort_values(["system", "salt_molar_low", "seed", "sampled_ps"])
    rows = rows.drop_duplicates("run_id", keep="last").reset_index(drop=True)
    rows = rows[~rows.apply(_ions_of_the_box, axis=1).duplicated(keep="last")].reset_index(
        drop=True
    )
    counts = counts[counts["run_id"].isin(rows["run_id"])].reset_index(drop=True)
    known = read_provenance(stored).get("lammps", "").split("; ") if stored.exists() else []
    lammps = {*known, *(_lammps(workspace, run_id) for run_id in rows["run_id"])} - {""}
    provenance = {
        "site_convention": ", ".join(sorted(rows["site_convention"].unique())),
        "estimator": ", ".join(sorted(rows["estimator"].unique())),
        "campaign": file_hash(HERE / "campaign.toml", 12),
        "lammps": "; ".join(sorted(lammps)),
    }
    write_table(stored, DESCRIPTOR_TABLE, rows, provenance)
    write_table(HERE / "rdf.parquet", RDF_TABLE, counts, provenance)
    _take_in_dynamics(workspace, rows["run_id"].tolist(), provenance)
    _write_doubts(workspace, rows["run_id"].tolist())
    size_MB = (HERE / "rdf.parquet").stat().st_size / 1e6
    if size_MB > LARGEST_RDF_MB:
        raise SystemExit(f"rdf.parquet is {size_MB:.1f} MB, wanted at most {LARGEST_RDF_MB}")


def _take_in_dynamics(
    workspace: Workspace, run_ids: Sequence[str], provenance: Mapping[str, str]
) -> None:
    """Keep of each run what moves and what sticks; the curves are too many."""
    found = [read_frame(workspace.dynamics, DYNAMICS_TABLE, made_by="iemhpc descriptors")]
    stored = HERE / "dynamics.parquet"
    if stored.exists():
        found.append(read_frame(stored, DYNAMICS_TABLE, made_by=__file__))
    rows = pd.concat(found).drop_duplicates("run_id").set_index("run_id", drop=False)
    estimator = {"estimator": DYNAMICS_ESTIMATOR}
    write_table(stored, DYNAMICS_TABLE, rows.loc[list(run_ids)], {**provenance, **estimator})


def _lammps(workspace: Workspace, run_id: str) -> str:
    """Return the LAMMPS that made a run, empty where the run is not in this workspace."""
    logs = sorted(workspace.run(run_id).glob("log.production.*.lammps"))
    return logs[-1].read_text(encoding="utf-8", errors="replace").splitlines()[0] if logs else ""


def _ions_of_the_box(row: "pd.Series[Any]") -> tuple[Any, ...]:
    """Return what a box holds: without a co-ion two salts of one counter-ion are one box."""
    system = System(load_membrane(row["membrane"]), load_salt(row["salt"]))
    coion = system.coion.name if row["n_coions"] else ""
    return (row["polymer_hash"], system.counterion.name, coion, row["n_coions"], row["seed"])


def _write_doubts(workspace: Workspace, run_ids: Sequence[str]) -> None:
    """Write what ``iemhpc check`` doubts in each run that the workspace has."""
    doubts = _doubts()
    for run_id in run_ids:
        if workspace.run(run_id).exists():
            doubts[run_id] = "; ".join(check_run(workspace, run_id).doubts)
    lines = io.StringIO()
    writer = csv.writer(lines, lineterminator="\n")
    writer.writerow(["run_id", "doubts"])
    writer.writerows((run_id, doubts[run_id]) for run_id in run_ids)
    write_text(DOUBTS, lines.getvalue())


def _doubts() -> dict[str, str]:
    """Return what is doubted in each run that was taken in."""
    if not DOUBTS.exists():
        return {}
    with DOUBTS.open(encoding="utf-8") as stream:
        return {row["run_id"]: row["doubts"] for row in csv.DictReader(stream)}


def beside_the_study() -> list[str]:
    """Return the table of F and N, ours beside those that Table 4 prints."""
    frame = read_frame(HERE / "descriptors.parquet", DESCRIPTOR_TABLE, made_by=__file__)
    with (HERE / "table4.csv").open(encoding="utf-8") as stream:
        study = {(row["polymer"], row["counter_ion"]): row for row in csv.DictReader(stream)}
    lines = [
        "| system | mol/L | F, study | ours | N, study | ours | N within a fixed radius |",
        "|---|---|---|---|---|---|---|",
    ]
    for system, key in STUDY.items():
        rows = frame[frame["system"] == system].to_dict("records")
        for row in rows:
            pair = "tethered_counterion"
            fixed, radius_A = (
                row[f"{pair}_{name}"] for name in ("coordination_number_fixed", "fixed_radius_A")
            )
            lines.append(
                f"| {system} | {row['realised_salt_molar']:.2f} | "
                f"{study[key]['cn_counterion_water_F']} | {_number(row, 'counterion_water')} | "
                f"{study[key]['cn_fixed_counterion_N']} | {_number(row, pair)} | "
                f"{fixed:.2f} to {radius_A:.1f} Å |"
            )
        if not rows:
            lines.append(
                f"| {system} | not run | {study[key]['cn_counterion_water_F']} | | "
                f"{study[key]['cn_fixed_counterion_N']} | | |"
            )
    return lines


def every_run() -> list[str]:
    """Return a line a run: its box, the water of its sites, and what is doubted."""
    frame = read_frame(HERE / "descriptors.parquet", DESCRIPTOR_TABLE, made_by=__file__)
    doubts = _doubts()
    lines = [
        "| system | run | sites, ion pairs, water | ps | J | what `iemhpc check` doubts |",
        "|---|---|---|---|---|---|",
    ]
    for row in frame.to_dict("records"):
        lines.append(
            f"| {row['system']} | {row['run_id']} | {row['n_sites']}, {row['n_coions']}, "
            f"{row['n_waters']} | {row['sampled_ps']:.0f} | {_number(row, 'tethered_water')} | "
            f"{doubts.get(row['run_id']) or 'nothing'} |"
        )
    return lines


def _number(row: Mapping[Hashable, Any], pair: str) -> str:
    """Return a coordination number with its error, its radius, and its own doubts."""
    value = row[f"{pair}_coordination_number"]
    if pd.isna(value):
        return f"none: {row[f'{pair}_reason']}"
    flags = row[f"{pair}_flags"].replace("_", " ").replace(",", ", ")
    error = row[f"{pair}_coordination_number_se"]
    known = "" if pd.isna(error) else f" ± {error:.2f}"
    said = f"{value:.2f}{known} to {row[f'{pair}_first_minimum_A']:.1f} Å"
    return f"{said} ({flags})" if flags else said


if __name__ == "__main__":
    main(sys.argv[1:])
