import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from iemhpc.errors import InputError
from iemhpc.resources import resource
from iemhpc.scheduler.base import Resources, Submission
from iemhpc.scheduler.scripts import (
    fill_script,
    production_variables,
    render_runs,
    variable_words,
)
from iemhpc.settings.cluster import ClusterSettings
from iemhpc.workspace import Workspace

PLAN: dict[str, Any] = {
    "run_id": "ab12",
    "physics": {
        "protocol": {"cutoff_A": 10.0, "pppm": 1e-4},
        "temperature_K": 298.15,
        "pressure_atm": 1.0,
        "seed": 1,
    },
    "sampling": {"production_ps": 500.0, "frame_ps": 1.0, "timestep_fs": 2.0},
}


def bash_accepts(text: str) -> bool:
    return subprocess.run(["bash", "-n"], input=text, text=True, check=False).returncode == 0


def render(tmp_path: Path, **values: Any) -> dict[Path, str]:
    given = {"scheduler": "slurm", "setup": ["true"]} | values
    cluster = ClusterSettings.model_validate(given)
    submission = Submission(runs=(tmp_path / "run",), submission_id="0f", plans=(PLAN,))
    return render_runs(
        submission, workspace=Workspace(tmp_path), cluster=cluster, resources=Resources()
    )


@pytest.mark.parametrize("path", sorted(resource("jobs", "local.sh").parent.glob("*.sh")))
def test_a_script_is_bash_before_it_is_filled_in(path: Path) -> None:
    assert bash_accepts(path.read_text())


@pytest.mark.parametrize(
    "values",
    [
        {},
        {"lammps": ["/opt/my lammps/lmp"], "lammps_options": ["-sf", "o'pt"]},
        {"modules": ["lammps/2025"], "setup": ["export FI_PROVIDER=tcp", "ulimit -s unlimited"]},
        {"file_mode": "group", "iemhpc": ["apptainer", "run", "a b.sif"]},
    ],
)
def test_every_rendered_run_script_passes_bash(tmp_path: Path, values: dict[str, Any]) -> None:
    text = render(tmp_path, **values)[tmp_path / "run" / "run.sh"]
    assert bash_accepts(text)
    assert "@@" not in text


def test_words_with_spaces_and_quotes_reach_bash_whole(tmp_path: Path) -> None:
    words = ["/opt/my lammps/lmp", "a'b", "$HOME"]
    text = render(tmp_path, lammps=words)[tmp_path / "run" / "run.sh"]
    line = next(line for line in text.splitlines() if line.startswith("lammps="))
    said = subprocess.run(
        ["bash", "-c", f'{line}; printf "%s\\n" "${{lammps[@]}}"'],
        capture_output=True,
        text=True,
        check=True,
    )
    assert said.stdout.splitlines() == words


def test_a_run_gets_the_templates_beside_its_script(tmp_path: Path) -> None:
    names = sorted(path.name for path in render(tmp_path))
    assert names == ["equilibrate.in", "minimize.in", "production.in", "run.sh"]


def test_a_script_of_the_workspace_wins(tmp_path: Path) -> None:
    (tmp_path / "jobs").mkdir()
    (tmp_path / "jobs" / "local.sh").write_text("echo @@{run_id}\n")
    assert render(tmp_path)[tmp_path / "run" / "run.sh"] == "echo ab12\n"


def test_an_unknown_placeholder_lists_the_known_ones(tmp_path: Path) -> None:
    (tmp_path / "jobs").mkdir()
    shutil.copy(resource("jobs", "local.sh"), tmp_path / "jobs")
    (tmp_path / "jobs" / "local.sh").write_text("@@{runid}\n")
    with pytest.raises(InputError, match=r"unknown placeholder 'runid'; known: list, run_id"):
        fill_script("local.sh", {"run_id": "a", "list": "b"}, workspace=Workspace(tmp_path))


def test_a_name_that_lammps_would_not_take_is_refused() -> None:
    with pytest.raises(InputError, match="'a b' cannot be a LAMMPS variable"):
        variable_words({"a b": 1.0})


@pytest.mark.parametrize(
    ("production_ps", "frame_ps", "restart_ps"),
    [(0.4, 0.02, 0.02), (500.0, 1.0, 25.0), (10_000.0, 1.0, 100.0), (1.0, 0.4, 0.4)],
)
def test_restart_files_come_on_whole_frames(
    production_ps: float, frame_ps: float, restart_ps: float
) -> None:
    sampling = {"production_ps": production_ps, "frame_ps": frame_ps}
    assert production_variables(sampling)["restart_ps"] == pytest.approx(restart_ps)
