"""How LAMMPS is called, and what a run asks for."""

import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from iemhpc.errors import InputError, ProgramError
from iemhpc.scheduler.base import Resources
from iemhpc.scheduler.cluster import iemhpc_words, lammps_words, resources_for, setup_lines
from iemhpc.settings.cluster import ClusterSettings


def cluster(**values: Any) -> ClusterSettings:
    """Return a profile whose programs appear only on the node."""
    return ClusterSettings.model_validate({"scheduler": "slurm", "modules": ["lammps"]} | values)


@pytest.mark.parametrize(
    ("values", "cores", "gpus", "words"),
    [
        ({}, 1, 0, "lmp"),
        ({"suffix": "opt"}, 1, 0, "lmp -sf opt"),
        ({"suffix": "omp", "threads_per_process": 4}, 4, 0, "lmp -sf omp -pk omp 4"),
        ({"suffix": "intel"}, 1, 0, "lmp -sf intel -pk intel 0 omp 1"),
        ({"suffix": "gpu", "gpus_per_run": 1}, 1, 1, "lmp -sf gpu -pk gpu 1"),
        ({"suffix": "kk", "gpus_per_run": 2}, 1, 2, "lmp -k on g 2 t 1 -sf kk"),
        ({"suffix": "kk"}, 1, 0, "lmp -k on t 1 -sf kk"),
        ({"suffix": "gpu", "gpus_per_run": 1}, 1, 0, "lmp"),
        (
            {
                "launcher": ["srun", "-n{processes}", "-c{threads}", "--gpus={gpus}"],
                "container": ["apptainer", "exec", "a b.sif"],
                "suffix": "kk",
                "gpus_per_run": 1,
                "threads_per_process": 2,
                "lammps_options": ["-pk", "kokkos", "newton", "on"],
            },
            8,
            1,
            "srun -n4 -c2 --gpus=1 apptainer exec a b.sif lmp -k on g 1 t 2 -sf kk -pk kokkos "
            "newton on",
        ),
    ],
)
def test_lammps_is_called_as_the_manual_says(
    values: dict[str, Any], cores: int, gpus: int, words: str
) -> None:
    assert " ".join(lammps_words(cluster(**values), cores=cores, gpus=gpus)) == words


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({}, "a run of 4 cores needs a launcher, and there is none"),
        ({"launcher": ["srun"]}, r"launcher = \['srun'\] does not say \{processes\}"),
        (
            {"suffix": "omp", "threads_per_process": 3},
            "cores_per_run = 4 is no multiple of threads_per_process = 3",
        ),
    ],
)
def test_a_run_that_no_launcher_can_start_is_refused(values: dict[str, Any], said: str) -> None:
    with pytest.raises(InputError, match=said):
        lammps_words(cluster(**values), cores=4)


def test_a_program_that_is_not_there_says_how_to_get_it(tmp_path: Path) -> None:
    here = {"modules": [], "container": ["apptainerx", "exec"]}
    with pytest.raises(ProgramError, match="apptainerx is needed to run LAMMPS in its container"):
        lammps_words(cluster(**here), cores=1)
    here = {"modules": [], "lammps": ["bash"], "launcher": ["srunx", "{processes}"]}
    with pytest.raises(ProgramError, match="srunx is needed to run LAMMPS on 2 cores"):
        lammps_words(cluster(**here), cores=2)


def test_lammps_in_a_container_need_not_be_here() -> None:
    here = {"modules": [], "container": ["bash", "-c"], "lammps": ["nowhere-but-inside"]}
    words = lammps_words(cluster(**here), cores=1)
    assert words == (shutil.which("bash"), "-c", "nowhere-but-inside")


SIZES = [
    {"up_to_atoms": 3000, "cores_per_run": 2, "wall_hours": 6.0},
    {"up_to_atoms": 9000, "cores_per_run": 8, "gpus_per_run": 1},
]


@pytest.mark.parametrize(
    ("n_atoms", "expected"),
    [
        (0, Resources(cores_per_run=2, gpus_per_run=0, wall_hours=6.0)),
        (3000, Resources(cores_per_run=2, gpus_per_run=0, wall_hours=6.0)),
        (3001, Resources(cores_per_run=8, gpus_per_run=1, wall_hours=24.0)),
        (10**7, Resources(cores_per_run=8, gpus_per_run=1, wall_hours=24.0)),
    ],
)
def test_a_run_asks_for_what_its_size_needs(n_atoms: int, expected: Resources) -> None:
    profile = cluster(sizes=SIZES, launcher=["srun", "-n", "{processes}"])
    assert resources_for(profile, n_atoms=n_atoms) == expected


def test_the_campaigns_own_cores_win() -> None:
    profile = cluster(sizes=SIZES, launcher=["srun", "-n", "{processes}"])
    assert resources_for(profile, n_atoms=5000, cores_per_run=4).cores_per_run == 4


def test_without_sizes_a_run_has_one_process_and_its_threads() -> None:
    assert resources_for(cluster()).cores_per_run == 1
    threaded = cluster(suffix="omp", threads_per_process=4)
    assert resources_for(threaded).cores_per_run == 4


def test_the_number_of_threads_is_said_before_the_modules() -> None:
    lines = setup_lines(cluster(suffix="omp", threads_per_process=2, setup=["ulimit -s unlimited"]))
    assert lines[0] == "export OMP_NUM_THREADS=2"
    assert lines[-2:] == ("load_module lammps", "ulimit -s unlimited")


LOADS = "export LOADED=$LOADED:$2"


@pytest.mark.parametrize(
    ("module", "fault"),
    [
        (f"module() {{ {LOADS}; echo 'was reloaded'; }}", ""),
        (
            "module() { printf 'Lmod error:\\n  unknown: \"%s\"\\n' $2 >&2; return 1; }",
            'module lammps did not load on HOST: Lmod error: unknown: "lammps"',
        ),
        ("module() { return 3; }", "module lammps did not load on HOST: exit code 3"),
        (
            "module() { echo \"ModuleCmd_Load.c(213):ERROR:105: Unable to locate '$2'\" >&2; }",
            "module lammps did not load on HOST: ModuleCmd_Load.c(213):ERROR:105: Unable to locate "
            "'lammps'",
        ),
    ],
)
def test_the_first_module_that_does_not_load_is_a_fault(module: str, fault: str) -> None:
    lines = setup_lines(cluster(modules=["lammps", "cuda/12"]))
    words = bash("\n".join([module, *lines, 'echo "$setup_fault"; echo "$LOADED"']))
    assert words == [fault.replace("HOST", os.uname().nodename), "" if fault else ":lammps:cuda/12"]


def test_module_is_defined_first_where_a_jobs_shell_has_none(tmp_path: Path) -> None:
    lines = setup_lines(cluster(modules=["lammps"]))
    script = "\n".join([*lines, 'echo "$setup_fault"; echo "$LOADED"'])
    if not any(Path("/etc/profile.d").glob("*mod*.sh")):
        assert "lammps did not load" in bash(script)[0]
        assert "there is no command module, and no file that defines it" in bash(script)[0]
    (tmp_path / "init").mkdir()
    (tmp_path / "init" / "bash").write_text(f"module() {{ {LOADS}; }}\n")
    assert bash(f"MODULESHOME={tmp_path}\n{script}") == ["", ":lammps"]


def bash(script: str) -> list[str]:
    """Run a script as a job does; return its lines."""
    words = ["bash", "--noprofile", "--norc", "-c", script]
    return subprocess.run(words, capture_output=True, text=True, check=True).stdout.splitlines()


def test_iemhpc_is_called_as_the_profile_says_or_as_here() -> None:
    assert iemhpc_words(cluster(iemhpc=["apptainer", "run", "iemhpc.sif"])) == (
        "apptainer",
        "run",
        "iemhpc.sif",
    )
    assert Path(iemhpc_words(cluster())[0]).is_absolute()
