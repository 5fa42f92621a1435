import shlex
import subprocess
from pathlib import Path

import pytest

from iemhpc.errors import InputError, MissingInputError
from iemhpc.lifecycle.cron import cron_line
from iemhpc.settings.retrain import RetrainSettings, read_retrain, write_retrain
from iemhpc.workspace import Workspace


def last_line(text):
    return text.splitlines()[-1]


def test_the_line_starts_with_the_schedule_and_holds_absolute_paths(workspace):
    write_retrain(workspace)
    line = last_line(cron_line(workspace))
    fields = line.split(maxsplit=5)
    assert fields[:5] == ["17", "3", "*", "*", "*"]
    words = shlex.split(fields[5])
    assert Path(words[0]).is_absolute()
    assert words[words.index("retrain") :][:3] == ["retrain", "--workspace", str(workspace.root)]
    assert str(workspace.root / "retrain.toml") in words
    assert words[-2:] == [str(workspace.root / "retrain.log"), "2>&1"]


def test_the_line_is_valid_bash_also_for_odd_folder_names(tmp_path):
    workspace = Workspace(tmp_path / "Nafion 100% 'new'")
    workspace.root.mkdir()
    write_retrain(workspace)
    command = last_line(cron_line(workspace)).split(maxsplit=5)[5]
    assert "%" not in command.replace(r"\%", "")  # cron ends the command at a bare %
    checked = subprocess.run(["bash", "-n", "-c", command], check=False, capture_output=True)
    assert checked.returncode == 0


def test_all_but_the_last_line_is_comment(workspace):
    write_retrain(workspace)
    lines = cron_line(workspace).splitlines()
    assert all(line.startswith("#") for line in lines[:-1])
    assert len(lines) > 3


def test_a_template_of_the_workspace_wins(workspace):
    write_retrain(workspace)
    (workspace.root / "jobs").mkdir()
    (workspace.root / "jobs" / "retrain.cron").write_text("#SCRON -p long\n$schedule $command\n")
    assert cron_line(workspace).startswith("#SCRON -p long\n17 3")


def test_without_a_retrain_toml_it_is_said_where_one_comes_from(workspace):
    with pytest.raises(MissingInputError, match=r"retrain.toml is not a file.*iemhpc init"):
        cron_line(workspace)


def test_the_commented_file_is_the_default_with_the_small_grid(workspace):
    settings = read_retrain(write_retrain(workspace))
    assert settings == RetrainSettings.model_validate({"tune": {"preset": "demo"}})


def test_every_default_that_the_commented_file_names_is_the_real_one(workspace):
    path = write_retrain(workspace)
    uncommented = [
        line[2:] if line.startswith("# ") and " = " in line else line
        for line in path.read_text().splitlines()
    ]
    path.write_text("\n".join(uncommented))
    settings = read_retrain(path)
    assert settings.schedule == RetrainSettings().schedule
    assert settings.compare == RetrainSettings().compare
    assert settings.tune.levels == ("graph", "graph+conditions", "graph+conditions+md")


def test_a_file_of_the_user_is_left_alone(workspace):
    path = workspace.root / "retrain.toml"
    path.write_text("# mine\n")
    assert write_retrain(workspace) == path
    assert path.read_text() == "# mine\n"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[tune]\nfold = 5\n", r"tune\.fold: unknown key; did you mean 'folds'\?"),
        ('schedule = "nightly"\n', r"schedule: got 'nightly'.*five fields of crontab"),
        ("[compare]\nconfidence = 1.5\n", r"compare\.confidence: got 1\.5"),
        ("tune = ", r"is not TOML"),
    ],
)
def test_settings_that_cannot_be_are_named(workspace, text, message):
    path = workspace.root / "retrain.toml"
    path.write_text(text)
    with pytest.raises(InputError, match=message):
        read_retrain(path)
