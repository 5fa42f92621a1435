import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from iemhpc.cli.app import app
from iemhpc.errors import InputError, UnknownNameError
from iemhpc.probing.profiles import list_profiles, view_profile
from iemhpc.scheduler.cluster import cluster_paths
from iemhpc.settings.cluster import ClusterSettings
from iemhpc.workspace import Workspace


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    (tmp_path / "clusters").mkdir()
    (tmp_path / "clusters" / "mine.toml").write_text(
        'scheduler = "slurm"\ndescription = "ours"\naccount = "chem"\nwall_hours = 2\n'
        'launcher = ["srun", "-n", "{processes}"]\nmodules = ["lammps/2025"]\n'
        "[[sizes]]\nup_to_atoms = 9000\ncores_per_run = 8\n"
    )
    return Workspace(tmp_path)


def test_the_list_has_shipped_and_own_profiles_and_names_a_damaged_one(
    workspace: Workspace,
) -> None:
    (workspace.root / "clusters" / "bad.toml").write_text("scheduler = 'slurm'\nwal_hours = 3\n")
    rows = {row.name: row for row in list_profiles(workspace).profiles}
    assert rows.keys() == cluster_paths(workspace).keys()
    assert (rows["mine"].is_own, rows["this-machine"].is_own) == (True, False)
    assert rows["bad"].scheduler == ""
    assert "did you mean 'wall_hours'?" in rows["bad"].description
    assert any(
        line.startswith("bad") and "DAMAGED" in line for line in list_profiles(workspace).lines()
    )


def test_show_tells_every_key_what_is_default_and_the_header(workspace: Workspace) -> None:
    view = view_profile(workspace, "mine")
    assert view.values.keys() == ClusterSettings.model_fields.keys()
    assert "account" in view.given
    assert "qos" not in view.given
    assert view.cores_per_run == 8
    assert view.lammps == "srun -n 8 lmp"
    assert "#SBATCH --account=chem" in view.header
    assert "#SBATCH --time=120" in view.header
    text = "\n".join(view.lines())
    assert '  account             = "chem"\n' in text
    assert "lmp: after its modules on the node" in text or "lmp: /" in text
    assert "never probed from this workspace" in text
    assert not workspace.runs.exists()


def test_a_local_profile_has_no_header(workspace: Workspace) -> None:
    view = view_profile(workspace, "this-machine")
    assert view.header == ()
    assert "no job script: runs are started here and waited for" in view.lines()


def test_a_pbs_profile_names_every_program_that_the_queue_is_spoken_to_with(
    tmp_path: Path,
) -> None:
    programs = view_profile(Workspace(tmp_path), "pbs").programs
    assert {"qsub", "qstat", "qselect", "qdel"} <= programs.keys()


@pytest.mark.parametrize("name", sorted(cluster_paths(Workspace(Path("nowhere")))))
def test_every_shipped_profile_can_be_shown(name: str, tmp_path: Path) -> None:
    view = view_profile(Workspace(tmp_path), name)
    assert view.lines()
    assert bool(view.header) == (view.values["scheduler"] != "local")


def test_an_unknown_cluster_names_the_one_that_was_meant(workspace: Workspace) -> None:
    with pytest.raises(UnknownNameError, match=r"unknown cluster 'mime'; did you mean 'mine'\?"):
        view_profile(workspace, "mime")


def test_a_damaged_profile_is_said_by_its_line(workspace: Workspace) -> None:
    (workspace.root / "clusters" / "bad.toml").write_text("scheduler = \n")
    with pytest.raises(InputError, match=r"bad\.toml is not TOML"):
        view_profile(workspace, "bad")


def test_a_profile_is_found_by_its_path_too(workspace: Workspace) -> None:
    view = view_profile(workspace, str(workspace.root / "clusters" / "mine.toml"))
    assert view.name == "mine"


def test_the_commands_speak_json(workspace: Workspace) -> None:
    for words, key in ((["list"], "profiles"), (["show", "mine"], "header")):
        done = CliRunner().invoke(app, ["cluster", *words, "--json", "-w", str(workspace.root)])
        assert done.exit_code == 0, done.output
        assert key in json.loads(done.stdout)
