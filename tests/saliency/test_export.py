import numpy as np
import pytest

from iemhpc.errors import MissingInputError, UnknownNameError
from iemhpc.model.bundle import list_bundles
from iemhpc.saliency.drawing import picture_path
from iemhpc.saliency.export import export_saliency
from iemhpc.tables.io import read_frame
from iemhpc.tables.saliency import SALIENCY_TABLE
from iemhpc.workspace import Workspace


def table(workspace: Workspace):
    path = workspace.saliency / "saliency.parquet"
    return read_frame(path, SALIENCY_TABLE, made_by="iemhpc saliency")


def test_every_molecule_has_rows_and_every_system_a_picture(trained_workspace):
    said: list[str] = []
    summary = export_saliency(trained_workspace, say=said.append)
    rows = table(trained_workspace)
    assert rows.groupby(["system", "molecule"]).ngroups == 8
    assert (rows.groupby(["system", "molecule"])["saliency_scaled"].agg(np.ptp) >= 0).all()
    assert summary.n_molecules == 4
    for system in rows["system"].unique():
        stem = picture_path(trained_workspace, "graph+conditions", system)
        assert stem.with_name(stem.name + ".png").read_bytes().startswith(b"\x89PNG")
        assert (
            "Donnan-Manning" in system or "<svg" in stem.with_name(stem.name + ".svg").read_text()
        )
    assert said[-1] == "graph+conditions: drawing PVAS/MgCl2 (4 of 4)"
    assert "4 molecules, 4 pictures" in summary.lines()[-1]


def test_a_second_export_does_nothing(trained_workspace):
    export_saliency(trained_workspace)
    path = trained_workspace.saliency / "saliency.parquet"
    before = path.stat().st_mtime_ns
    summary = export_saliency(trained_workspace)
    assert summary.drawn == ()
    assert summary.unchanged == ("graph+conditions",)
    assert summary.lines()[-1].startswith("nothing to do")
    assert path.stat().st_mtime_ns == before


def test_a_lost_picture_is_drawn_again(trained_workspace):
    export_saliency(trained_workspace)
    stem = picture_path(trained_workspace, "graph+conditions", "PVAS/NaCl")
    stem.with_name(stem.name + ".png").unlink()
    export_saliency(trained_workspace)
    assert stem.with_name(stem.name + ".png").exists()


def test_another_choice_of_columns_replaces_the_level(trained_workspace):
    export_saliency(trained_workspace)
    export_saliency(trained_workspace, columns="all")
    assert set(table(trained_workspace)["columns"]) == {"all"}


def test_a_second_level_keeps_the_first(trained_workspace, train):
    train("graph")
    export_saliency(trained_workspace, level="graph+conditions")
    export_saliency(trained_workspace, level="graph")
    assert set(table(trained_workspace)["level"]) == {"graph", "graph+conditions"}


def test_one_bundle_can_be_named(trained_workspace):
    (one,) = list_bundles(trained_workspace)
    assert export_saliency(trained_workspace, bundle=one.hash).bundles == {one.level: one.hash}


def test_a_workspace_without_models_names_the_command(tmp_path):
    with pytest.raises(MissingInputError, match=r"no model bundle in .*; .* iemhpc tune"):
        export_saliency(Workspace(tmp_path))


def test_a_level_without_a_model_names_the_command(trained_workspace):
    with pytest.raises(MissingInputError, match=r"level graph in .*iemhpc tune --level graph"):
        export_saliency(trained_workspace, level="graph")


def test_an_unknown_bundle_lists_the_known_ones(trained_workspace):
    (one,) = list_bundles(trained_workspace)
    with pytest.raises(UnknownNameError, match=f"unknown bundle 'abc'.*{one.hash}"):
        export_saliency(trained_workspace, bundle="abc")


def test_an_unknown_level_lists_the_known_ones(trained_workspace):
    with pytest.raises(UnknownNameError, match=r"unknown level 'graphs'; did you mean 'graph'"):
        export_saliency(trained_workspace, level="graphs")


def test_unknown_columns_are_refused_before_anything_is_read(tmp_path):
    with pytest.raises(UnknownNameError, match="unknown choice of columns"):
        export_saliency(Workspace(tmp_path), columns="none")
