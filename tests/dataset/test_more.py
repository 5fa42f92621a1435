"""Numbers of dynamics.parquet in a dataset, by name."""

from typing import Any

import pandas as pd
import pyarrow as pa
import pytest

from iemhpc.dataset.assemble import build_dataset, read_dataset, refresh_dataset
from iemhpc.errors import MissingInputError, UnknownNameError
from iemhpc.tables.descriptors import DESCRIPTOR_TABLE
from iemhpc.tables.dynamics import DYNAMICS_TABLE, INPUTS
from iemhpc.tables.io import write_table
from iemhpc.workspace import Workspace

SIZE = "water_cluster_mean_size"
DIFFUSION = "counterion_diffusion_A2_ps"


def dynamics_row(run_id: str, **changes: Any) -> dict[str, Any]:
    plain = {pa.string(): "", pa.int64(): 1, pa.float64(): 1.0}
    row = {c.name: None if c.nullable else plain[c.type] for c in DYNAMICS_TABLE.columns}
    return {**row, "run_id": run_id, **changes}


def write(workspace: Workspace, runs: list[dict[str, Any]], dynamics: list[dict[str, Any]]) -> None:
    write_table(workspace.descriptors, DESCRIPTOR_TABLE, runs)
    write_table(workspace.dynamics, DYNAMICS_TABLE, dynamics)


def point(workspace: Workspace, molar: float) -> pd.Series:
    frame = read_dataset(workspace)
    return frame[(frame["system"] == "CR61/NaCl") & (frame["salt_molar"] == molar)].iloc[0]


def test_a_number_asked_for_stands_at_the_points_of_its_runs(workspace, run_row):
    write(workspace, [run_row("a")], [dynamics_row("a", **{SIZE: 12.5, f"{SIZE}_se": 0.5})])
    build_dataset(workspace, more=[SIZE])
    assert point(workspace, 0.1)[SIZE] == 12.5
    assert pd.isna(point(workspace, 1.0)[SIZE])  # a point without a run


def test_nothing_comes_in_unasked(workspace, run_row):
    write(workspace, [run_row("a")], [dynamics_row("a", **{SIZE: 12.5})])
    build_dataset(workspace)
    assert SIZE not in read_dataset(workspace).columns


def test_replicas_are_averaged_and_their_spread_is_kept(workspace, run_row):
    write(
        workspace,
        [run_row("a", seed=1), run_row("b", seed=2)],
        [dynamics_row("a", **{SIZE: 10.0}), dynamics_row("b", **{SIZE: 14.0})],
    )
    build_dataset(workspace, more=[SIZE])
    row = point(workspace, 0.1)
    assert row[SIZE] == pytest.approx(12.0)
    assert row[f"{SIZE}_spread"] == pytest.approx(8.0**0.5)


def test_a_null_number_says_why(workspace, run_row):
    reason = {"counterion_diffusion_reason": "not_diffusive"}
    write(workspace, [run_row("a")], [dynamics_row("a", **{SIZE: 12.5, **reason})])
    build_dataset(workspace, more=[SIZE, DIFFUSION])
    row = point(workspace, 0.1)
    assert pd.isna(row[DIFFUSION])
    assert row["null_reason"] == f"{DIFFUSION}: not_diffusive"


def test_a_run_that_the_table_lacks_says_so(workspace, run_row):
    write(workspace, [run_row("a")], [])
    build_dataset(workspace, more=[SIZE])
    assert point(workspace, 0.1)["null_reason"] == f"{SIZE}: not in dynamics.parquet"


def test_building_again_as_before_keeps_the_numbers(workspace, run_row):
    write(workspace, [run_row("a")], [dynamics_row("a", **{SIZE: 12.5})])
    build_dataset(workspace, more=[SIZE])
    write(workspace, [run_row("a")], [dynamics_row("a", **{SIZE: 13.5})])
    refresh_dataset(workspace)
    assert point(workspace, 0.1)[SIZE] == 13.5


def test_the_reference_campaign_has_the_numbers_too(workspace):
    build_dataset(workspace, with_reference=True, more=[SIZE])
    frame = read_dataset(workspace)
    served = frame[frame["descriptor_source"] == "reference"]
    assert len(served) > 0
    assert served[SIZE].notna().all()
    dry = served[served["polymer"].str.startswith("PSbNMP")]
    assert dry[SIZE].max() < served.drop(dry.index)[SIZE].min()


def test_unknown_numbers_list_the_known_ones(workspace):
    with pytest.raises(UnknownNameError, match=r"unknown number of dynamics\.parquet 'water_size'"):
        build_dataset(workspace, more=["water_size"])


def test_a_missing_table_names_the_command_that_makes_it(workspace, run_row):
    write_table(workspace.descriptors, DESCRIPTOR_TABLE, [run_row("a")])
    with pytest.raises(MissingInputError, match=r"dynamics.parquet .* iemhpc descriptors"):
        build_dataset(workspace, more=[SIZE])


def test_every_input_has_an_error_and_none_is_a_radius():
    assert SIZE in INPUTS
    assert DIFFUSION in INPUTS
    assert "tethered_counterion_residence_ps" in INPUTS
    assert not [name for name in INPUTS if name.endswith(("_radius_A", "_se"))]
