import base64
import html
import io
import shutil

import numpy as np
import pytest
from PIL import Image

from iemhpc.report import sections
from iemhpc.report.page import write_report
from iemhpc.tables.plan import SCHEMA_VERSION
from iemhpc.workspace import Workspace


@pytest.mark.parametrize(
    ("value", "error", "text"),
    [
        (4.8412, 0.0301, "4.841 ± 0.030"),
        (12.3, 1.4, "12.3 ± 1.4"),
        (123.4, 27.0, "123 ± 27"),
        (2.35, None, "2.35"),
        (2.35, 0.0, "2.35"),
        (0.31, 0.096, "0.31 ± 0.10"),
        (float("nan"), None, "–"),
        (None, 0.1, "–"),
    ],
)
def test_errors_decide_how_many_digits_are_shown(value, error, text):
    assert sections.with_error(value, error) == text


def test_a_run_without_a_status_is_planned(full_workspace, tmp_path):
    source = next(full_workspace.runs.glob("*/plan.json"))
    target = Workspace(tmp_path).run("abc") / "plan.json"
    target.parent.mkdir(parents=True)
    target.write_bytes(source.read_bytes())
    (run,) = sections.read_runs(Workspace(tmp_path))
    assert (run["run_id"], run["state"]) == ("abc", "planned")


@pytest.mark.parametrize(
    ("name", "change", "told"),
    [
        ("plan.json", lambda text: text[: len(text) // 2], "plan.json is damaged or missing: del"),
        (
            "plan.json",
            lambda text: text.replace('"schema_version": ', '"schema_version": 1'),
            f"plan.json of schema 1{SCHEMA_VERSION}, this iemhpc reads {SCHEMA_VERSION}",
        ),
        ("plan.json", lambda text: text.replace("gaff2", "gaff"), "plan.json was changed by hand"),
        ("status.json", lambda text: text[1:], "status.json"),
    ],
)
def test_a_run_that_cannot_be_read_is_told_in_the_table(
    full_workspace, tmp_path, name, change, told
):
    workspace = Workspace(tmp_path)
    shutil.copytree(full_workspace.runs, workspace.runs)
    path = next(workspace.runs.iterdir()) / name
    path.write_text(change(path.read_text()))
    runs = sections.read_runs(workspace)
    assert len(runs) == 3
    (spoilt,) = [run for run in runs if run["state"] == "unknown"]
    assert told in spoilt["reason"]
    assert spoilt["run_id"] == path.parent.name
    write_report(workspace)
    assert html.escape(told, quote=False) in workspace.report.read_text()


def test_a_run_says_how_its_box_was_modelled(full_workspace):
    run = sections.read_runs(full_workspace)[0]
    assert run["chemistry"] == [
        "gaff2",
        "charges am1bcc",
        "water tip3p",
        "ions joung-cheatham",
        "linear",
    ]


def test_runs_stand_by_system_and_concentration(full_workspace):
    runs = sections.read_runs(full_workspace)
    assert [run["system"] for run in runs] == ["CR61/NaCl", "Nafion/NaCl", "PVAS/NaCl"]
    assert sections.count_states(runs) == {"done": 2, "failed": 1}


def test_the_newest_tuning_is_shown(full_workspace):
    tuning = sections.read_tuning(full_workspace, None)
    assert tuning is not None
    assert tuning.name == "77aa02c1d3e4"
    assert [result.level for result in tuning.results] == [
        "graph",
        "graph+conditions",
        "graph+conditions+md",
    ]


def test_large_pictures_are_shrunk(tmp_path):
    pixels = np.full((300, 3000, 3), 200, dtype=np.uint8)
    Image.fromarray(pixels).save(tmp_path / "one.png")
    address, width, height = sections.shrunk(tmp_path / "one.png", width=1000)
    assert (width, height) == (1000, 100)
    kind, data = address.split(",")
    assert kind == "data:image/webp;base64"
    assert Image.open(io.BytesIO(base64.b64decode(data))).size == (1000, 100)
