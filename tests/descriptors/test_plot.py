import pytest

from iemhpc.descriptors.extract import extract_runs
from iemhpc.descriptors.plot import draw_tables, picture, run_figure
from iemhpc.descriptors.rdf import records_from_rows
from iemhpc.descriptors.reading import Asked
from iemhpc.descriptors.recompute import recompute
from iemhpc.errors import InputError, MissingInputError, UnknownNameError
from iemhpc.tables.descriptors import DESCRIPTOR_TABLE, DESCRIPTORS
from iemhpc.tables.io import read_frame
from iemhpc.tables.rdf import RDF_TABLE
from iemhpc.workspace import Workspace


@pytest.fixture
def workspace(tmp_path, make_run):
    make_run("0f3a")
    extract_runs(Workspace(tmp_path), asked=Asked(pairs=("coion_water",)))
    return Workspace(tmp_path)


def test_a_picture_shows_curves_marks_and_numbers(workspace):
    records = records_from_rows(read_frame(workspace.rdf, RDF_TABLE, made_by=""))
    figure = run_figure("0f3a", records)
    titles = [axes.get_title(loc="left") for axes in figure.axes if axes.get_title(loc="left")]
    assert titles[0] == "counter-ion – water O (Na–O)"
    assert titles[3] == "co-ion – water O (Cl–O)"
    words = [text.get_text() for axes in figure.axes for text in axes.texts]
    assert words[0].startswith("peak 2.4")
    assert "±" in words[0]
    svg = picture(figure, "svg")
    assert svg == picture(run_figure("0f3a", records), "svg")
    assert b"neighbours" in svg
    assert picture(figure, "png").startswith(b"\x89PNG")
    with pytest.raises(InputError, match="kind 'gif', wanted one of svg, png"):
        picture(figure, "gif")


def test_an_empty_pair_says_why_there_is_nothing_to_see(tmp_path, make_run):
    make_run("none", counts=(6, 0, 0, 60))
    workspace = Workspace(tmp_path)
    extract_runs(workspace)
    figure = run_figure("x", records_from_rows(read_frame(workspace.rdf, RDF_TABLE, made_by="")))
    assert "null: no pairs" in [text.get_text() for axes in figure.axes for text in axes.texts]


def test_pictures_are_files_by_run(workspace, tmp_path):
    written = draw_tables(workspace.rdf, tmp_path / "rdf")
    assert sorted(path.name for path in written) == ["0f3a.png", "0f3a.svg"]
    assert all(path.stat().st_size > 10_000 for path in written)
    with pytest.raises(UnknownNameError, match="unknown run '0f3b'; did you mean '0f3a'"):
        draw_tables(workspace.rdf, tmp_path / "rdf", run_ids=["0f3b"])


def test_stored_counts_give_the_same_table_without_a_trajectory(workspace, tmp_path):
    before = read_frame(workspace.descriptors, DESCRIPTOR_TABLE, made_by="")
    (tmp_path / "runs" / "0f3a" / "production.0.dcd").unlink()
    assert recompute(workspace.rdf, workspace.descriptors, workspace=workspace).n_runs == 1
    after = read_frame(workspace.descriptors, DESCRIPTOR_TABLE, made_by="")
    assert after.equals(before)
    lonely = tmp_path / "d.parquet"
    lines = recompute(workspace.rdf, lonely).lines()
    assert lines[0].startswith("1 runs computed from the counts in ")
    row = read_frame(lonely, DESCRIPTOR_TABLE, made_by="").iloc[0]
    assert row[list(DESCRIPTORS)].equals(before.iloc[0][list(DESCRIPTORS)])
    assert row["trajectory_hash"] == "unknown"
    with pytest.raises(MissingInputError, match="make it with: iemhpc descriptors"):
        recompute(tmp_path / "none.parquet", lonely)


def test_rows_of_an_older_schema_are_computed_from_stored_counts(workspace, monkeypatch):
    import pyarrow.parquet as pq

    arrow = pq.read_table(workspace.descriptors)
    metadata = {**arrow.schema.metadata, b"iemhpc.schema_version": b"2"}
    before = arrow.to_pandas()
    pq.write_table(
        arrow.drop_columns(["temperature_K"]).replace_schema_metadata(metadata),
        workspace.descriptors,
    )
    lines: list[str] = []
    summary = extract_runs(workspace, say=lines.append)
    assert (summary.n_done, summary.n_skipped) == (1, 0)
    assert lines[0].startswith("computing from stored counts where they are of use")
    assert "0f3a: counts reused" in lines[1]
    assert read_frame(workspace.descriptors, DESCRIPTOR_TABLE, made_by="").equals(before)


def test_what_was_counted_otherwise_is_counted_again(workspace):
    assert extract_runs(workspace).n_skipped == 1  # fewer pairs: all there
    assert extract_runs(workspace, asked=Asked(pairs=("coion_water",))).n_skipped == 1
    assert extract_runs(workspace, asked=Asked(pairs=("water_water",))).n_done == 1
    assert extract_runs(workspace, asked=Asked(r_max_A=8.0)).n_done == 1
    assert extract_runs(workspace, asked=Asked(r_max_A=8.0)).n_skipped == 1
    row = read_frame(workspace.descriptors, DESCRIPTOR_TABLE, made_by="").iloc[0]
    assert row["r_max_A"] == 8.0
    assert extract_runs(workspace).n_done == 1
