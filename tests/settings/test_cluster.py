"""Cluster profiles: what cannot be said, and what is said about it."""

from pathlib import Path
from typing import Any

import pytest

from iemhpc.errors import InputError, MissingInputError
from iemhpc.resources import resource
from iemhpc.settings.cluster import ClusterSettings, read_cluster
from iemhpc.settings.reading import validate_settings

SHIPPED = sorted(resource("jobs", "clusters").glob("*.toml"))


def problem(**values: Any) -> str:
    """Return what is said about a profile that cannot be."""
    with pytest.raises(InputError) as caught:
        validate_settings({"scheduler": "slurm"} | values, ClusterSettings, where="mine.toml")
    return str(caught.value)


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_every_shipped_profile_can_be_read_and_says_what_it_is(path: Path) -> None:
    assert read_cluster(path).description


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_every_shipped_profile_can_be_read_with_its_comments_as_lines(
    path: Path, tmp_path: Path
) -> None:
    lines = path.read_text().splitlines()
    given = {line.split(" = ")[0] for line in lines if not line.startswith("#")}
    for line in lines:
        name, _, value = line.removeprefix("# ").partition(" = ")
        if line.startswith("# ") and name in ClusterSettings.model_fields and name not in given:
            with_it = tmp_path / f"{name}.toml"
            # the top of a file: behind [[sizes]] it would belong to a size
            more = "gpus_per_run = 1\n" if name == "gpu_request" else ""
            more += 'suffix = "omp"\n' if name == "threads_per_process" else ""
            with_it.write_text(f"{name} = {value}\n{more}{path.read_text()}")
            assert read_cluster(with_it)


def test_every_key_has_a_description() -> None:
    fields = ClusterSettings.model_fields
    assert [name for name, field in fields.items() if not field.description] == []


def test_a_misspelt_key_names_the_nearest_here_and_in_sizes() -> None:
    assert "sufix: unknown key; did you mean 'suffix'?" in problem(sufix="kk")
    said = problem(sizes=[{"upto_atoms": 5000, "cores_per_run": 2}])
    assert "[[sizes]] block 1: upto_atoms: unknown key; did you mean 'up_to_atoms'?" in said
    assert "[[sizes]] block 1: up_to_atoms: missing" in said


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"suffix": "gpu"}, "suffix = 'gpu' needs gpus_per_run, which is 0; write gpus_per_run"),
        ({"suffix": "omp", "gpus_per_run": 2}, "gpus_per_run = 2 with suffix = 'omp', whose"),
        ({"gpu_request": "--gpus={gpus}"}, "gpu_request without gpus_per_run asks for nothing"),
        ({"gpu_request": "--gpus={gpu}", "gpus_per_run": 1}, "gpu_request: unknown {gpu} in"),
        ({"suffix": "opt", "lammps_options": ["-sf", "omp"]}, "say the same thing twice"),
        ({"threads_per_process": 4}, "threads_per_process = 4 with suffix = '', whose styles use"),
        ({"launcher": ["srun", "-n", "{coers}"]}, "launcher: unknown {coers} in '{coers}'; known"),
        ({"launcher": ["srun", "{"]}, "write {{ and }} for braces themselves"),
        ({"queue": "workq"}, "queue = 'workq' is PBS's word; Slurm's is partition"),
        ({"scheduler": "pbs", "partition": "a"}, "partition = 'a' is Slurm's word; PBS's is queue"),
        ({"scheduler": "pbs", "qos": "a"}, "qos = 'a' is Slurm's; PBS has none: put"),
        (
            {"scheduler": "local", "at_once": 2},
            "at_once = 2 needs a queue, but scheduler is 'local'",
        ),
        ({"scheduler": "local", "account": "a"}, "account = 'a' needs a queue"),
        ({"scheduler": "local", "runs_per_job": 2}, "runs_per_job = 2 needs a queue"),
        ({"wall_hours": 0.05}, "wall_hours = 0.05 leaves no time beside the warning of 180 s"),
        ({"scheduler": "lsf"}, "scheduler: got 'lsf'; Input should be 'local', 'slurm' or 'pbs'"),
        ({"file_mode": "public"}, "file_mode: got 'public'; Input should be '', 'private' or"),
    ],
)
def test_an_impossible_combination_says_what_to_write(values: dict[str, Any], said: str) -> None:
    assert said in problem(**values)


@pytest.mark.parametrize(
    ("option", "instead"),
    [
        ("--job-name=mine", "a job is found again by its name after a crash"),
        ("--job-name mine", "a job is found again by its name"),
        ("-J mine", "a job is found again by its name"),
        ("-Jmine", "a job is found again by its name"),
        ("-HJmine", "a job is found again by its name"),
        ("--array=0-0", "array_size and at_once say how it is cut"),
        ("--arr=0-0", "array_size and at_once say how it is cut"),
        ("-a0", "array_size and at_once say how it is cut"),
        ("--output=x", "it lies beside the job's script in runs/"),
        ("--open-mode=truncate", "it lies beside the job's script in runs/"),
        ("--no-requeue", "attempts says how often"),
        ("--requeue", "attempts says how often"),
        ("--signal=B:USR1@40", "write warning_s"),
        ("--time=1", "write wall_hours"),
        ("--mail-type=FAIL -t 10", "write wall_hours"),
        ("--mail-type=FAIL\n#SBATCH --time=1", "write wall_hours"),
        ("--dependency=afterok:7", "--then of md-submit"),
        ("-W", "iemhpc does not wait for jobs"),
        ("-M other", "submit on a node of it"),
    ],
)
def test_extra_does_not_undo_that_jobs_of_slurm_are_made_once(option: str, instead: str) -> None:
    said = problem(extra=["--mail-type=FAIL", option])
    assert f"extra: {option!r} would undo what iemhpc says itself" in said
    assert instead in said


@pytest.mark.parametrize(
    ("option", "instead"),
    [
        ("-N mine", "a job is found again by its name after a crash"),
        ("-Nmine", "a job is found again by its name after a crash"),
        ("-J 0-3", "array_size and at_once say how it is cut"),
        ("-o out", "it lies beside the job's script in runs/"),
        ("-j n", "it lies beside the job's script in runs/"),
        ("-r n", "attempts says how often"),
        ("-S /bin/tcsh", "the job's script is one for bash"),
        ("-W umask=022,depend=afterok:7", "--then of md-submit"),
        ("-Wblock=true", "iemhpc does not wait for jobs"),
        ("-l walltime=1:00:00", "write wall_hours"),
    ],
)
def test_extra_does_not_undo_that_jobs_of_pbs_are_made_once(option: str, instead: str) -> None:
    said = problem(scheduler="pbs", extra=[option])
    assert f"extra: {option!r} would undo what iemhpc says itself" in said
    assert instead in said


def test_other_options_of_the_centre_may_stand_in_extra() -> None:
    slurm = ["--mail-type=FAIL", "--exclusive", "-x n1", "--time-min=10", "--comment='-J --time=1'"]
    pbs = ["-l place=excl", "-W group_list=chem", "-m a", "-M me@x"]
    for scheduler, extra in {"slurm": slurm, "pbs": pbs}.items():
        values = {"scheduler": scheduler, "extra": extra}
        assert validate_settings(values, ClusterSettings, where="mine.toml").extra == tuple(extra)
    assert 'extra: "--comment=\'a": No closing quotation' in problem(extra=["--comment='a"])


@pytest.mark.parametrize(
    ("sizes", "more", "said"),
    [
        (
            [(9000, 4), (3000, 2)],
            {},
            "sizes: up_to_atoms are [9000, 3000]; wanted each once, small",
        ),
        ([(9000, 4)], {"launcher": []}, "a run of 4 cores needs a launcher, and there is none"),
        ([(9000, 4)], {"launcher": ["srun"]}, "launcher = ['srun'] does not say {processes}"),
        (
            [(9000, 4)],
            {"threads_per_process": 2, "suffix": "omp", "launcher": ["srun", "-n", "{cores}"]},
            "with threads_per_process = 2 these are fewer than the cores",
        ),
        (
            [(9000, 3)],
            {"threads_per_process": 2, "suffix": "omp"},
            "sizes.0.cores_per_run = 3 is no multiple of threads_per_process = 2",
        ),
    ],
)
def test_sizes_that_cannot_run_are_said(
    sizes: list[tuple[int, int]], more: dict[str, Any], said: str
) -> None:
    rows = [{"up_to_atoms": atoms, "cores_per_run": cores} for atoms, cores in sizes]
    values: dict[str, Any] = {"launcher": ["srun", "-n", "{processes}"], "sizes": rows}
    assert said in problem(**values | more)


def test_everything_wrong_is_said_at_once() -> None:
    said = problem(suffix="gpu", queue="a", threads_per_process=2, wall_hours=0.01)
    for part in ("needs gpus_per_run", "Slurm's is partition", "leaves no time"):
        assert part in said


def test_a_profile_that_is_not_there_says_what_to_copy(tmp_path: Path) -> None:
    with pytest.raises(MissingInputError, match=r"copy jobs/clusters/slurm.toml"):
        read_cluster(tmp_path / "none.toml")
