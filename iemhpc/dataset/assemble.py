"""Labels joined with the descriptors of runs: one row a point.

A run serves a label of its system where the label's concentration rounds to the run's box
(``salt_molar_low <= salt_molar < salt_molar_high``) and the box holds the label's water. Replicas
are averaged with weights 1/SE²; points whose concentrations round to one box share its runs. A
descriptor that no run gives stays null, with the reason; it is never made up.
"""

import math
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import stdev

import pandas as pd

from iemhpc.dataset.labels import Row, check_kinds, read_labels
from iemhpc.errors import TableError
from iemhpc.progress import Say, quiet
from iemhpc.tables.dataset import DATASET_TABLE
from iemhpc.tables.descriptors import DESCRIPTOR_TABLE, DESCRIPTORS, PAIRS
from iemhpc.tables.io import read_frame, read_provenance, read_table, write_table
from iemhpc.workspace import Workspace, content_hash

WATER_TOLERANCE = 0.05
"""How far, relatively, a box's water per site may lie from the label's."""

MADE_BY = "iemhpc dataset build"

_PROVENANCE = ("descriptor_source", "run_ids", "realised_salt_molar", "null_reason")


@dataclass(frozen=True, slots=True, kw_only=True)
class SystemCount:
    """The points of one system."""

    system: str
    """polymer/salt."""
    n_rows: int
    """Points."""
    n_complete: int
    """Points with all twelve descriptors."""
    salt_molar: tuple[float, float]
    """Lowest and highest concentration, mol/L."""
    label: tuple[float, float]
    """Lowest and highest activity coefficient."""
    label_kind: str
    """Kinds of its labels."""

    def line(self) -> str:
        """Return its row of the table that a person reads."""
        salt = f"{self.salt_molar[0]:g}-{self.salt_molar[1]:g}"
        label = f"{self.label[0]:.3g}-{self.label[1]:.3g}"
        return (
            f"{self.system:<22}{self.n_rows:>6}{self.n_complete:>9}   {salt:<14}{label:<17}"
            f"{self.label_kind}"
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class DatasetSummary:
    """What a dataset holds."""

    n_rows: int
    """Points."""
    n_complete: int
    """Points with all twelve descriptors."""
    systems: tuple[SystemCount, ...]
    """Counts by system."""
    label_sources: tuple[str, ...]
    """Where the labels are from."""
    null_reasons: Mapping[str, int]
    """Why descriptors are missing, and on how many points."""
    dataset_hash: str
    """Hash of the content."""
    warnings: tuple[str, ...] = ()
    """What a person should look at."""
    nothing_new: bool = False
    """Whether the file held just this already."""

    def lines(self) -> list[str]:
        """Return what a person reads."""
        head = f"{'system':<22}{'points':>6}{'with md':>9}   {'salt mol/L':<14}{'label':<17}kind"
        state = "nothing new" if self.nothing_new else self.dataset_hash
        lines = [
            head,
            *(count.line() for count in self.systems),
            f"dataset.parquet: {self.n_rows} points of {len(self.systems)} systems, "
            f"{self.n_complete} with all twelve descriptors ({state})",
            f"labels: {', '.join(self.label_sources)}",
        ]
        if "theory" in self.label_sources:
            lines.append("theory labels are Donnan-Manning's, not measurements")
        lines += [f"  {count} without: {reason}" for reason, count in self.null_reasons.items()]
        return [*lines, *(f"look at this: {warning}" for warning in self.warnings)]


def build_dataset(
    workspace: Workspace, *, mix_label_kinds: bool = False, say: Say = quiet
) -> DatasetSummary:
    """Join the labels with the descriptors and write ``dataset.parquet``.

    Without imported labels the theory set is used; without ``descriptors.parquet`` the
    descriptors stay null. Where the content has not changed, the file is left alone.

    Raises
    ------
    InputError
        Where labels of kind product and mean are mixed, unless that is allowed.
    TableError
        Where an input is damaged, or its runs follow different site conventions.
    """
    labels = read_labels(workspace)
    kinds = [str(label["label_kind"]) for label in labels]
    warnings = check_kinds(kinds, mix_label_kinds=mix_label_kinds)
    runs = _read_runs(workspace)
    n_runs = 0 if runs is None else sum(map(len, runs.values()))
    say(f"{len(labels)} labels, {n_runs} runs with descriptors")
    frame = pd.DataFrame(join(labels, runs))
    nothing_new = _is_stored(workspace, frame)
    if not nothing_new:
        provenance = {
            "dataset_hash": dataset_hash(frame),
            "mix_label_kinds": str(mix_label_kinds),
        }
        write_table(workspace.dataset, DATASET_TABLE, frame, provenance)
    return _summary(frame, warnings=warnings, nothing_new=nothing_new)


def refresh_dataset(workspace: Workspace, *, say: Say = quiet) -> None:
    """Build the dataset if there is none, or again, as it was built, if its inputs are here.

    A ``dataset.parquet`` that was brought here alone, to a GPU node say, is left as it is.
    """
    is_here = workspace.dataset.exists()
    if is_here and not (workspace.labels.exists() or workspace.descriptors.exists()):
        return
    try:
        stored = read_provenance(workspace.dataset) if is_here else {}
    except OSError:  # damaged: it is made again
        stored = {}
    mixed = stored.get("mix_label_kinds") == "True"
    summary = build_dataset(workspace, mix_label_kinds=mixed, say=say)
    for warning in summary.warnings:
        say(f"look at this: {warning}")


def describe_dataset(workspace: Workspace) -> DatasetSummary:
    """Return what the dataset of a workspace holds.

    Raises
    ------
    MissingInputError
        Where there is none yet.
    """
    frame = read_dataset(workspace)
    return _summary(frame, warnings=check_kinds(frame["label_kind"], mix_label_kinds=True))


def show_dataset(workspace: Workspace) -> list[str]:
    """Return what the dataset of a workspace holds, line by line."""
    return describe_dataset(workspace).lines()


def read_dataset(workspace: Workspace) -> pd.DataFrame:
    """Return the dataset of a workspace."""
    return read_frame(
        workspace.need(workspace.dataset, made_by=MADE_BY), DATASET_TABLE, made_by=MADE_BY
    )


def dataset_hash(frame: pd.DataFrame) -> str:
    """Return a hash of what can be learnt from a dataset, row by row.

    How the file was written, the order of its columns, and the columns that say where descriptors
    are from or why they are missing do not count.

    Examples
    --------
    >>> one = pd.DataFrame({"label": [0.3], "salt": ["NaCl"], "cluster_size": [float("nan")]})
    >>> dataset_hash(one) == dataset_hash(one[["salt", "label", "cluster_size"]])
    True
    """
    return content_hash(_content(frame.drop(columns=list(_PROVENANCE), errors="ignore")))


def _content(frame: pd.DataFrame) -> dict[str, list[object]]:
    return {str(name): [_plain(value) for value in frame[name].tolist()] for name in frame.columns}


def _plain(value: object) -> object:
    return None if value is None or value is pd.NA or value != value else value  # noqa: PLR0124  # NaN


def _is_stored(workspace: Workspace, frame: pd.DataFrame) -> bool:
    if not workspace.dataset.exists():
        return False
    try:
        stored = read_frame(workspace.dataset, DATASET_TABLE, made_by=MADE_BY)
    except TableError:  # damaged or of an older schema: it is made again
        return False
    return content_hash(_content(stored)) == content_hash(_content(frame))


def _read_runs(workspace: Workspace) -> dict[str, list[Row]] | None:
    if not workspace.descriptors.exists():
        return None
    rows = read_table(workspace.descriptors, DESCRIPTOR_TABLE, made_by="iemhpc descriptors")
    by_system: dict[str, list[Row]] = defaultdict(list)
    conventions = set()
    for row in rows.to_pylist():
        by_system[row["system"].lower()].append(row)
        conventions.add(row["site_convention"])
    if len(conventions) > 1:
        raise TableError(
            f"descriptors.parquet mixes the site conventions {', '.join(sorted(conventions))}; "
            "their numbers cannot be compared: make all of them with one (iemhpc descriptors)"
        )
    return dict(by_system)


def join(labels: Sequence[Row], runs: Mapping[str, Sequence[Row]] | None) -> list[Row]:
    """Return the rows of a dataset.

    Parameters
    ----------
    labels : sequence of rows
        Rows of LABEL_TABLE.
    runs : mapping of str to rows, or None
        Rows of DESCRIPTOR_TABLE by system in lower case; None where no run has been read.
    """
    rows = [_joined(label, runs) for label in labels]
    names = list(dict.fromkeys([*DATASET_TABLE.names, *(name for row in rows for name in row)]))
    return [{name: row.get(name) for name in names} for row in rows]


def _joined(label: Row, runs: Mapping[str, Sequence[Row]] | None) -> Row:
    row: Row = {**label, "descriptor_source": None, "run_ids": None, "realised_salt_molar": None}
    if any(label[name] is not None for name in DESCRIPTORS):
        missing = [name for name in DESCRIPTORS if label[name] is None]
        reason = f"not in the imported table: {', '.join(missing)}" if missing else None
        return {**row, "descriptor_source": "imported", "null_reason": reason}
    if runs is None:
        return {**row, "null_reason": "no runs yet"}
    serving, reason = _serving(label, runs.get(str(label["system"]).lower(), ()))
    if not serving:
        return {**row, "null_reason": reason}
    return {
        **row,
        **_average(serving),
        "descriptor_source": "runs",
        "run_ids": ",".join(run["run_id"] for run in serving),
        "realised_salt_molar": sum(run["realised_salt_molar"] for run in serving) / len(serving),
        "null_reason": _null_reason(serving),
    }


def _serving(label: Row, runs: Sequence[Row]) -> tuple[list[Row], str]:
    """Return the runs whose box is that of the label's point, or why there are none."""
    if not runs:
        return [], "no run of the system"
    wet = [run for run in runs if _close(run["water_per_site"], label["water_per_site"])]
    if not wet:
        return [], "no run with so much water per site"
    here = [r for r in wet if r["salt_molar_low"] <= label["salt_molar"] < r["salt_molar_high"]]
    if not here:
        return [], "no run at the concentration"
    return sorted(here, key=lambda run: str(run["run_id"])), ""


def _close(got: float, wanted: float) -> bool:
    return abs(got - wanted) <= WATER_TOLERANCE * wanted


def _average(runs: Sequence[Row]) -> Row:
    """Return each descriptor's mean over replicas and, where there are several, their spread."""
    row: Row = {}
    for name in DESCRIPTORS:
        known = [(run[name], run[f"{name}_se"]) for run in runs if run[name] is not None]
        row[name] = weighted_mean([v for v, _ in known], [e for _, e in known]) if known else None
        if len(runs) > 1:
            row[f"{name}_spread"] = stdev(v for v, _ in known) if len(known) > 1 else None
    return row


def weighted_mean(values: Sequence[float], errors: Sequence[float | None]) -> float:
    """Return the mean with weights 1/SE², or the plain mean where an error is unknown or zero.

    Examples
    --------
    >>> round(weighted_mean([4.0, 5.0], [0.1, 0.2]), 6)
    4.2
    >>> weighted_mean([4.0, 5.0], [0.1, None])
    4.5
    """
    if len(values) == 1 or not all(errors):
        return math.fsum(values) / len(values)
    weights = [1.0 / (error * error) for error in errors if error]
    return math.fsum(w * v for w, v in zip(weights, values, strict=True)) / math.fsum(weights)


def _null_reason(runs: Sequence[Row]) -> str | None:
    reasons = []
    for pair in PAIRS:
        names = [name for name in DESCRIPTORS if name.startswith(pair)]
        if any(all(run[name] is None for run in runs) for name in names):
            known = dict.fromkeys(run[f"{pair}_reason"] for run in runs if run[f"{pair}_reason"])
            reasons.append(f"{pair}: {', '.join(known) or 'null in the runs'}")
    return "; ".join(reasons) or None


def _summary(
    frame: pd.DataFrame, *, warnings: tuple[str, ...], nothing_new: bool = False
) -> DatasetSummary:
    complete = frame[list(DESCRIPTORS)].notna().all(axis=1)
    systems = []
    for system, rows in frame.assign(is_complete=complete).groupby("system", sort=True):
        systems.append(
            SystemCount(
                system=str(system),
                n_rows=len(rows),
                n_complete=int(rows["is_complete"].sum()),
                salt_molar=(float(rows["salt_molar"].min()), float(rows["salt_molar"].max())),
                label=(float(rows["label"].min()), float(rows["label"].max())),
                label_kind=", ".join(dict.fromkeys(rows["label_kind"])),
            )
        )
    return DatasetSummary(
        n_rows=len(frame),
        n_complete=int(complete.sum()),
        systems=tuple(systems),
        label_sources=tuple(dict.fromkeys(frame["label_source"])),
        null_reasons=dict(Counter(frame.loc[~complete, "null_reason"].fillna("not said"))),
        dataset_hash=dataset_hash(frame),
        warnings=warnings,
        nothing_new=nothing_new,
    )
