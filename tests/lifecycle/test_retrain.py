import json
import os
import shutil
import subprocess
import sys
import time

import pytest

from iemhpc.dataset.labels import read_theory_labels
from iemhpc.errors import InputError, LockedError, MissingInputError, TableError
from iemhpc.lifecycle.history import history_path, input_hashes, read_history
from iemhpc.lifecycle.retrain import LOCK, retrain_workspace
from iemhpc.tables.dataset import LABEL_TABLE
from iemhpc.tables.io import write_table
from iemhpc.workspace import Workspace, lock, write_json

TINY = """
[tune]
levels = ["graph+conditions"]
folds = 2
seeds = [42]
hidden = [8]
batch_size = [20]
learning_rate = [{rate}]
max_epochs = {epochs}
"""
LEVEL = "graph+conditions"
LINK = f"models/current/{LEVEL}"


def write_settings(workspace, *, epochs=25, rate=0.005):
    (workspace.root / "retrain.toml").write_text(TINY.format(epochs=epochs, rate=rate))


@pytest.fixture(scope="module")
def trained_once(tmp_path_factory):
    workspace = Workspace(tmp_path_factory.mktemp("trained") / "ws")
    workspace.root.mkdir()
    write_settings(workspace)
    return workspace, retrain_workspace(workspace)


@pytest.fixture
def trained(trained_once, tmp_path):
    copy = tmp_path / "copy"
    shutil.copytree(trained_once[0].root, copy, symlinks=True)
    return Workspace(copy)


def current(workspace):
    return (workspace.root / LINK).readlink().name


def run_retrain(workspace, *words):
    """Run the command; return its exit code, what it printed, and the heavy modules it loaded."""
    heavy = "{'torch','ray','pandas','pyarrow','rdkit','sklearn','scipy','mdtraj'}"
    code = (
        "import sys, time; start = time.monotonic()\n"
        "from iemhpc.cli.app import main\n"
        f"sys.argv = ['iemhpc', 'retrain', '-w', {str(workspace.root)!r}, *{list(words)!r}]\n"
        "try:\n    main(); code = 0\n"
        "except SystemExit as end:\n    code = end.code or 0\n"
        f"print(sorted({heavy} & set(sys.modules)), time.monotonic() - start, file=sys.stderr)\n"
        "sys.exit(code)"
    )
    return subprocess.run(
        [sys.executable, "-c", code], check=False, capture_output=True, text=True, timeout=120
    )


def test_the_first_retraining_trains_and_makes_its_model_current(trained_once):
    workspace, summary = trained_once
    (verdict,) = summary.verdicts
    assert not summary.nothing_new
    assert verdict["is_switched"]
    assert current(workspace) == verdict["challenger"]
    (entry,) = read_history(workspace)
    assert entry["dataset_hash"] == summary.dataset_hash
    assert entry["inputs"] == input_hashes(workspace)
    assert "there was no current model" in "\n".join(summary.lines())


def test_nothing_new_ends_at_once_and_loads_nothing_heavy(trained):
    done = run_retrain(trained, "--exit-code")
    loaded, seconds = done.stderr.splitlines()[-1].rsplit(maxsplit=1)
    assert done.returncode == 3
    assert done.stdout.startswith("nothing to do: labels, descriptors and settings are those of")
    assert loaded == "[]"
    assert float(seconds) < 2.0
    assert run_retrain(trained).returncode == 0
    assert len(read_history(trained)) == 1


def test_a_second_retraining_at_the_same_time_is_told_who_is_at_it(trained):
    with (
        lock(trained.root / LOCK, what="retrain"),
        pytest.raises(LockedError, match=rf"retrain: process {os.getpid()} on .* is at it"),
    ):
        retrain_workspace(trained)
    assert retrain_workspace(trained).nothing_new


def test_a_damaged_data_file_leaves_the_current_model_alone(trained):
    before = current(trained)
    trained.descriptors.write_bytes(b"PAR1 cut off")
    with pytest.raises(TableError, match=r"descriptors.parquet cannot be read"):
        retrain_workspace(trained)
    assert current(trained) == before
    assert len(read_history(trained)) == 1
    trained.descriptors.unlink()
    assert retrain_workspace(trained).nothing_new


def test_files_written_anew_with_the_same_content_are_nothing_new(trained):
    write_table(trained.labels, LABEL_TABLE, read_theory_labels(), {"by": "hand"})
    assert read_history(trained)[-1]["inputs"] != input_hashes(trained)
    assert retrain_workspace(trained).nothing_new
    assert len(read_history(trained)) == 1


@pytest.mark.slow
def test_new_labels_are_trained_on(trained):
    labels = read_theory_labels()
    write_table(trained.labels, LABEL_TABLE, [*labels, {**labels[0], "salt_molar": 0.5}])
    summary = retrain_workspace(trained)
    assert summary.reason == "labels or descriptors have changed"
    assert summary.dataset_hash == read_history(trained)[-1]["dataset_hash"]
    assert retrain_workspace(trained).nothing_new


@pytest.mark.faults
def test_a_worse_challenger_is_kept_out_also_by_a_retraining_killed_halfway(trained, monkeypatch):
    def killed(*_):
        raise KeyboardInterrupt

    before = current(trained)
    write_settings(trained, epochs=1, rate=0.00001)
    monkeypatch.setattr("iemhpc.lifecycle.retrain.append_history", killed)
    with pytest.raises(KeyboardInterrupt):
        retrain_workspace(trained)
    monkeypatch.undo()
    assert current(trained) == before
    assert not (trained.root / LOCK).exists()

    start = time.monotonic()
    summary = retrain_workspace(trained)
    assert time.monotonic() - start < 3.0  # nothing is trained twice
    (verdict,) = summary.verdicts
    assert summary.reason == "retrain.toml has changed"
    assert not verdict["is_switched"]
    assert current(trained) == before != verdict["challenger"]
    assert read_history(trained)[-1]["verdicts"][0]["comparison"]["n_rows"] == 18
    assert "stays" in "\n".join(summary.lines())
    assert retrain_workspace(trained).nothing_new


@pytest.mark.slow
def test_a_damaged_current_model_is_set_aside_and_made_again(trained):
    before = current(trained)
    weights = trained.root / LINK / "weights.safetensors"
    good = weights.read_bytes()
    weights.write_bytes(good[:-1])
    said = []
    summary = retrain_workspace(trained, say=said.append)
    assert summary.reason == f"the current model of {LEVEL} is damaged"
    assert any("set aside" in line and before in line for line in said)
    assert (trained.root / LINK / "weights.safetensors").stat().st_size == len(good)
    assert retrain_workspace(trained).nothing_new


def test_a_current_model_that_was_taken_away_is_put_back(trained):
    before = current(trained)
    (trained.root / LINK).unlink()
    summary = retrain_workspace(trained)
    assert summary.reason == f"there is no current model of {LEVEL}"
    assert current(trained) == before


def test_another_config_can_be_named_and_a_missing_one_is_said(workspace, tmp_path):
    with pytest.raises(MissingInputError, match=r"retrain.toml is not a file"):
        retrain_workspace(workspace)
    with pytest.raises(MissingInputError, match=r"night.toml is not a file"):
        retrain_workspace(workspace, tmp_path / "night.toml")


def test_a_damaged_history_is_named(trained):
    write_json(history_path(trained), {"not": "a list"})
    with pytest.raises(InputError, match=r"history.json is not a list of retrainings; restore it"):
        retrain_workspace(trained)
    history_path(trained).write_text("{")
    with pytest.raises(InputError, match=r"history.json is not JSON"):
        retrain_workspace(trained)


def test_the_history_is_json_that_a_person_can_read(trained_once):
    (entry,) = json.loads(history_path(trained_once[0]).read_text())
    assert set(entry) >= {"time", "reason", "inputs", "dataset_hash", "tuning_id", "verdicts"}
