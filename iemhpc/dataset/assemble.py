"""``labels.parquet`` and ``descriptors.parquet`` -> ``dataset.parquet``, and what it holds."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd

from iemhpc.dataset.joining import join
from iemhpc.dataset.labels import Row, check_kinds, read_labels
from iemhpc.errors import TableError, unknown_name
from iemhpc.progress import Say, quiet
from iemhpc.resources import resource
from iemhpc.tables.dataset import DATASET_TABLE
from iemhpc.tables.descriptors import DESCRIPTOR_TABLE, DESCRIPTORS
from iemhpc.tables.dynamics import DYNAMICS_TABLE, INPUTS, reason_column
from iemhpc.tables.io import read_frame, read_provenance, read_table, write_table
from iemhpc.workspace import Workspace, content_hash

MADE_BY = "iemhpc dataset build"

REFERENCE = "reference"
"""``descriptor_source`` of descriptors that the package ships."""

DOUBTS = {
    "shallow_minimum": "rest on a shallow minimum",
    "estimators_disagree": "on a minimum where estimators disagree",
    "not_converged": "on a run that is not converged",
}
"""Flags that say how far a descriptor can be believed."""

_PROVENANCE = (
    "descriptor_source",
    "run_ids",
    "realised_salt_molar",
    "null_reason",
    "descriptor_doubts",
)


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
    n_reference: int
    """Points whose descriptors are the reference campaign's."""
    null_reasons: Mapping[str, int]
    """Why descriptors are missing, and on how many points."""
    dataset_hash: str
    """Hash of the content."""
    doubts: Mapping[str, int] = field(default_factory=dict)
    """What is doubted of the points with all twelve, and on how many."""
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
        if self.n_reference:
            lines.append(
                f"descriptors of {self.n_reference} points are of the reference campaign, short "
                "runs of 24 Å, to try the levels with (docs/reference-campaign.md); your own runs "
                "take their place"
            )
        lines += [f"  {count} without: {reason}" for reason, count in self.null_reasons.items()]
        if self.doubts:
            counts = ", ".join(f"{n} {DOUBTS[flag]}" for flag, n in self.doubts.items())
            lines.append(f"  of those with: {counts} (column descriptor_doubts)")
        if self.label_sources == ("theory",) and self.n_complete == 0:
            lines.append("to try the level with descriptors: iemhpc dataset build --reference")
        return [*lines, *(f"look at this: {warning}" for warning in self.warnings)]


def build_dataset(
    workspace: Workspace,
    *,
    mix_label_kinds: bool = False,
    with_reference: bool = False,
    more: Sequence[str] | None = (),
    say: Say = quiet,
) -> DatasetSummary:
    """Join the labels with the descriptors and write ``dataset.parquet``.

    Without imported labels the theory set is used; with ``with_reference``, its points that no run
    serves have the descriptors of the shipped reference campaign. A label of one's own never has
    them: without a run its descriptors stay null. Where the content has not changed, the file is
    left alone.

    Parameters
    ----------
    more : sequence of str, or None
        Numbers of ``dynamics.parquet`` that go into the dataset beside the twelve descriptors.
        None: those that the dataset has now.

    Raises
    ------
    UnknownNameError
        Where a number asked for is none of ``dynamics.parquet``.
    MissingInputError
        Where numbers of ``dynamics.parquet`` are asked for and there is none.
    InputError
        Where labels of kind product and mean are mixed, unless that is allowed.
    TableError
        Where an input is damaged, or its runs follow different site conventions.
    """
    labels = read_labels(workspace)
    kinds = [str(label["label_kind"]) for label in labels]
    warnings = check_kinds(kinds, mix_label_kinds=mix_label_kinds)
    names = _stored_more(workspace) if more is None else tuple(dict.fromkeys(more))
    runs = _with_dynamics(_read_runs(workspace.descriptors), names, workspace=workspace)
    n_runs = 0 if runs is None else sum(map(len, runs.values()))
    say(f"{len(labels)} labels, {n_runs} runs with descriptors")
    reference = None
    if with_reference and not workspace.labels.exists():
        shipped = _with_dynamics(_read_runs(reference_path()), names, workspace=None)
        reference = _comparable(shipped, runs)
    found: list[str] = []
    frame = pd.DataFrame(join(labels, runs, reference=reference, more=names, warn=found.append))
    warnings = (*warnings, *dict.fromkeys(found))
    nothing_new = _is_stored(workspace, frame)
    if not nothing_new:
        provenance = {
            "dataset_hash": dataset_hash(frame),
            "mix_label_kinds": str(mix_label_kinds),
            "with_reference": str(with_reference),
            "more": ",".join(names),
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
    stored = _stored(workspace)
    mixed = stored.get("mix_label_kinds") == "True"
    summary = build_dataset(
        workspace,
        mix_label_kinds=mixed,
        with_reference=stored.get("with_reference") == "True",
        more=None,
        say=say,
    )
    for warning in summary.warnings:
        say(f"look at this: {warning}")


def _stored(workspace: Workspace) -> dict[str, str]:
    """Return how the dataset was built; nothing where there is none."""
    try:
        return read_provenance(workspace.dataset) if workspace.dataset.exists() else {}
    except (OSError, ValueError):  # damaged, which Arrow calls either: it is made again
        return {}


def _stored_more(workspace: Workspace) -> tuple[str, ...]:
    return tuple(name for name in _stored(workspace).get("more", "").split(",") if name)


def _with_dynamics(
    runs: dict[str, list[Row]] | None, names: Sequence[str], *, workspace: Workspace | None
) -> dict[str, list[Row]] | None:
    """Return the runs with further numbers, their errors and the reasons where they are null.

    The numbers are those of the workspace, or, without one, of the reference campaign.
    """
    for name in names:
        if name not in INPUTS:
            raise unknown_name("number of dynamics.parquet", name, INPUTS)
    if not names or runs is None:
        return runs
    path = reference_path().with_name("dynamics.parquet")
    if workspace is not None:
        path = workspace.need(workspace.dynamics, made_by="iemhpc descriptors")
    table = read_table(path, DYNAMICS_TABLE, made_by="iemhpc descriptors").to_pylist()
    wanted = {n for name in names for n in (name, f"{name}_se", reason_column(name))}
    found = {row["run_id"]: {name: row[name] for name in wanted} for row in table}
    return {
        system: [{**row, **found.get(row["run_id"], {})} for row in rows]
        for system, rows in runs.items()
    }


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


def reference_path() -> Path:
    """Return the descriptors of the reference campaign, which the package ships."""
    return resource("data", "reference", "descriptors.parquet")


def _comparable(
    reference: dict[str, list[Row]] | None, runs: dict[str, list[Row]] | None
) -> dict[str, list[Row]] | None:
    """Return reference runs only where they follow the site convention of the runs."""
    conventions = {
        row["site_convention"]
        for table in (reference, runs)
        for rows in (table or {}).values()
        for row in rows
    }
    return reference if len(conventions) < 2 else None


def _read_runs(path: Path) -> dict[str, list[Row]] | None:
    if not path.exists():
        return None
    rows = read_table(path, DESCRIPTOR_TABLE, made_by="iemhpc descriptors")
    by_system: dict[str, list[Row]] = defaultdict(list)
    conventions = set()
    for row in rows.to_pylist():
        if row["system"] is None:  # a trajectory that no plan describes serves no point
            continue
        by_system[row["system"].lower()].append(row)
        conventions.add(row["site_convention"])
    if len(conventions) > 1:
        raise TableError(
            f"{path.name} mixes the site conventions {', '.join(sorted(conventions))}; "
            "their numbers cannot be compared: make all of them with one (iemhpc descriptors)"
        )
    return dict(by_system)


def _doubts(frame: pd.DataFrame) -> dict[str, int]:
    """Return on how many points which flag is raised for any pair."""
    if "descriptor_doubts" not in frame:  # a dataset from before there was that column
        return {}
    said = frame["descriptor_doubts"].fillna("")
    found = {flag: int(said.str.contains(flag, regex=False).sum()) for flag in DOUBTS}
    return {flag: n for flag, n in found.items() if n}


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
        n_reference=int((frame["descriptor_source"] == REFERENCE).sum()),
        null_reasons=dict(Counter(frame.loc[~complete, "null_reason"].fillna("not said"))),
        doubts=_doubts(frame[complete]),
        dataset_hash=dataset_hash(frame),
        warnings=warnings,
        nothing_new=nothing_new,
    )
