import base64
import io

import numpy as np
import pytest
from PIL import Image

from iemhpc.report import sections
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
