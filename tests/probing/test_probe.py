"""A node's LAMMPS is asked by a real job, here and through a real Slurm."""

import json
import os
import shutil
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from iemhpc.cli.app import app
from iemhpc.errors import ProgramError, RefusedError
from iemhpc.probing import one_off, probe
from iemhpc.probing.probe import last_probe, probe_cluster, probe_folder
from iemhpc.probing.probe_report import ProbeReport, read_probe
from iemhpc.scheduler.cluster import THIS_MACHINE, load_cluster
from iemhpc.settings.cluster import ClusterSettings
from iemhpc.workspace import Workspace

Change = Callable[[str, str, str], None]

pytestmark = [pytest.mark.lammps, pytest.mark.usefixtures("lmp")]


@pytest.fixture(scope="module")
def probed(lmp: str, tmp_path_factory: pytest.TempPathFactory) -> tuple[Workspace, ProbeReport]:
    workspace = Workspace(tmp_path_factory.mktemp("campaign"))
    cluster = load_cluster(THIS_MACHINE, workspace)
    return workspace, probe_cluster(workspace, THIS_MACHINE, cluster)


@pytest.fixture
def folder(probed: tuple[Workspace, ProbeReport], tmp_path: Path) -> Path:
    """A copy of a probe's answers, to be changed."""
    copy = tmp_path / "answers"
    shutil.copytree(probe_folder(probed[0], THIS_MACHINE), copy)
    return copy


@pytest.fixture
def change(folder: Path) -> Change:
    def replace(name: str, old: str, new: str) -> None:
        text = (folder / name).read_text()
        assert old in text
        (folder / name).write_text(text.replace(old, new))

    return replace


def test_this_machine_has_all_we_need_and_the_known_energies(
    probed: tuple[Workspace, ProbeReport],
) -> None:
    workspace, report = probed
    assert report.problems == ()
    assert (report.processes, report.threads, report.missing) == (1, 1, ())
    assert "KSPACE" in report.packages
    assert report.accelerated == ("pair lj/cut/coul/long",)
    assert "dihedral fourier" in report.plain
    assert [answer.force_field for answer in report.fields] == ["gaff2", "oplsaa"]
    assert all(answer.agrees and answer.stages == "done" for answer in report.fields)
    assert max(answer.difference_kcal_mol for answer in report.fields) < 1e-6
    assert "runs can go there" in report.lines()[-1]
    assert last_probe(workspace, THIS_MACHINE) == report
    assert last_probe(workspace, "slurm") is None


def test_a_missing_style_is_told_with_its_package(folder: Path, change: Change) -> None:
    change("info.log", "fourier ", "fourth ")
    report = read_probe(folder)
    assert report.missing == ("dihedral fourier (package EXTRA-MOLECULE)",)
    assert (
        "this LAMMPS has no dihedral fourier (package EXTRA-MOLECULE): build it with that "
        "package, or name another one"
    ) in report.problems


def test_an_energy_that_is_not_the_known_one_is_a_problem(folder: Path, change: Change) -> None:
    known = "energy improper 0.5819"
    change("energy.gaff2.log", known, "energy improper 0.6919")
    (problem,) = read_probe(folder).problems
    assert problem.startswith("gaff2: the improper energy is 0.6920 kcal/mol, wanted 0.5820; ")


def test_no_number_is_no_agreement(folder: Path, change: Change) -> None:
    change("energy.gaff2.log", "energy improper 0.5819", "energy improper nan #")
    assert any("gaff2: no energies" in problem for problem in read_probe(folder).problems)


def test_processes_and_threads_that_did_not_start_are_told(folder: Path) -> None:
    asked = json.loads((folder / "asked.json").read_text())
    (folder / "asked.json").write_text(json.dumps(asked | {"processes": 4, "threads": 2}))
    problems = read_probe(folder).problems
    assert problems[0].startswith("asked for 4 MPI processes, LAMMPS has 1: its MPI is not the")
    assert problems[1].startswith("asked for 2 threads of a process, LAMMPS has 1: set threads")


def test_a_stage_that_failed_is_told_with_its_meaning(folder: Path, change: Change) -> None:
    change("oplsaa/status.json", '"state": "done"', '"state": "failed"')
    change("oplsaa/status.json", '"reason": ""', '"reason": "ERROR: Lost atoms: original 9"')
    (problem,) = read_probe(folder).problems
    assert problem.startswith("oplsaa: failed in production: ERROR: Lost atoms: original 9; ")


def test_answers_cut_off_are_no_answers(folder: Path) -> None:
    (folder / "asked.json").write_text("{")
    with pytest.raises(ProgramError, match="does not hold the answers of a probe"):
        read_probe(folder)


def test_a_lammps_that_is_not_on_the_node_is_said_with_its_words(tmp_path: Path) -> None:
    cluster = ClusterSettings(scheduler="local", lammps=("no-such-lmp",), setup=("true",))
    report = probe_cluster(Workspace(tmp_path), "far", cluster)
    assert not report.passes
    assert len(report.problems) == 1
    assert "LAMMPS does not start on" in report.problems[0]
    assert "no-such-lmp" in report.problems[0]


def test_a_lammps_that_hangs_is_left_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(probe, "QUESTION_S", 0.3)
    hanging = tmp_path / "lmp"
    hanging.write_text("#!/bin/sh\nexec sleep 50\n")
    hanging.chmod(0o755)
    cluster = ClusterSettings(scheduler="local", lammps=(str(hanging),))
    report = probe_cluster(Workspace(tmp_path), "hanging", cluster)
    assert "it did not end in time" in report.problems[0]


@pytest.mark.slow
def test_two_processes_start_under_mpiexec(tmp_path: Path) -> None:
    cluster = ClusterSettings(scheduler="local", launcher=("mpiexec", "-n", "{processes}"))
    report = probe_cluster(Workspace(tmp_path), "two", cluster, cores_per_run=2)
    assert (report.processes, report.passes) == (2, True)


@pytest.fixture
def queue(slurm: Any, tmp_path: Path) -> Workspace:
    workspace = Workspace(tmp_path)
    (tmp_path / "clusters").mkdir()
    (tmp_path / "clusters" / "test.toml").write_text(
        'scheduler = "slurm"\nmemory_MB_per_core = 50\nsuffix = "omp"\n'
    )
    return workspace


@pytest.mark.slurm
def test_a_real_slurm_brings_the_probe_to_a_node_once(queue: Workspace) -> None:
    cluster = load_cluster("test", queue)
    with pytest.raises(ProgramError, match="has not ended within 0 min of waiting"):
        probe_cluster(queue, "test", cluster, wait_s=0.0)
    # as if the first had been killed between sbatch's answer and the next line
    path = probe_folder(queue, "test") / "job.json"
    job = json.loads(path.read_text())
    path.write_text(json.dumps(job | {"task": None}))
    said: list[str] = []
    report = probe_cluster(queue, "test", cluster, wait_s=120.0, say=said.append)
    assert "the probe of test is on its way already" in said
    assert report.problems == ()
    assert report.suffix == "omp"
    assert {"dihedral fourier", "improper cvff", "kspace pppm"} <= set(report.accelerated)
    assert len(list((queue.runs / ".slurm").iterdir())) == 1
    assert json.loads(path.read_text())["task"] == job["task"]


@pytest.mark.slurm
def test_answers_that_came_while_nobody_waited_are_read_and_not_asked_for_again(
    queue: Workspace,
) -> None:
    cluster = load_cluster("test", queue).model_copy(update={"lammps": ("no-such-lmp",)})
    cluster = cluster.model_copy(update={"setup": ("true",)})
    with pytest.raises(ProgramError, match="has not ended"):
        probe_cluster(queue, "test", cluster, wait_s=0.0)
    until = time.monotonic() + 60.0
    while not (probe_folder(queue, "test") / "end.txt").exists():
        assert time.monotonic() < until
        time.sleep(0.1)
    for jobs, words in ((1, "has ended since it was last asked for"), (2, "Slurm job")):
        said: list[str] = []
        probe_cluster(queue, "test", cluster, say=said.append)
        assert any(words in line for line in said)
        assert len(list((queue.runs / ".slurm").iterdir())) == jobs


@pytest.mark.slurm
def test_a_probe_that_is_cancelled_says_that_it_ended_without_finishing(
    queue: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(one_off, "GONE_S", 0.5)
    cluster = load_cluster("test", queue).model_copy(update={"setup": ("sleep 60",)})
    with pytest.raises(ProgramError, match="has not ended"):
        probe_cluster(queue, "test", cluster, wait_s=0.0)
    job = json.loads((probe_folder(queue, "test") / "job.json").read_text())
    subprocess.run(["scancel", job["task"]], check=True)
    with pytest.raises(ProgramError, match="the probe of test ended without finishing: killed, or"):
        one_off.wait_for(
            probe._probe_job(queue, "test", cluster, cores_per_run=None),
            one_off._scheduler(queue, cluster, one_off.Resources()),
            wait_s=60.0,
        )


def test_a_queue_that_speaks_pbs_brings_it_to_a_node_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The fake queue really runs the scripts, see ``tests/pbs/fake_pbs.py``."""
    spool, programs = tmp_path / "spool", tmp_path / "bin"
    for made in (spool, programs):
        made.mkdir()
    settings = {"server": "head", "history": False, "cores": 2}
    (spool / "settings.json").write_text(json.dumps(settings))
    for name in ("qsub", "qstat", "qselect", "qdel"):
        shutil.copy(Path(__file__).parents[1] / "pbs" / "fake_pbs.py", programs / name)
        (programs / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}:{os.environ['PATH']}")
    monkeypatch.setenv("FAKE_PBS_SPOOL", str(spool))
    cluster = ClusterSettings(scheduler="pbs", suffix="opt")
    report = probe_cluster(Workspace(tmp_path / "workspace"), "pbs", cluster, wait_s=120.0)
    assert report.problems == ()
    assert report.suffix == "opt"


@pytest.mark.slow
@pytest.mark.slurm
def test_a_launcher_of_another_mpi_is_found_out(queue: Workspace) -> None:
    """This Slurm knows no MPI, so that srun starts copies that know nothing of each other."""
    cluster = load_cluster("test", queue).model_copy(
        update={"launcher": ("srun", "--ntasks={processes}")}
    )
    report = probe_cluster(queue, "test", cluster, cores_per_run=2, wait_s=240.0)
    assert not report.passes
    assert report.problems[0].startswith("asked for 2 MPI processes, LAMMPS has 1: its MPI is not")


def test_the_command_ends_with_1_where_runs_cannot_go_there(tmp_path: Path) -> None:
    profile = tmp_path / "far.toml"
    profile.write_text('scheduler = "local"\nlammps = ["no-such-lmp"]\nsetup = ["true"]\n')
    words = ["cluster", "show", str(profile), "--probe", "--json", "-w", str(tmp_path)]
    done = CliRunner().invoke(app, words)
    assert done.exit_code == 1
    assert "LAMMPS does not start on" in json.loads(done.stdout)["problems"][0]


def test_a_module_that_does_not_load_is_the_probes_answer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    body = '() { echo "unknown module $2" >&2; return 1; }'
    monkeypatch.setenv("BASH_FUNC_module%%", body)
    workspace = Workspace(tmp_path)
    cluster = load_cluster(THIS_MACHINE, workspace)
    report = probe_cluster(workspace, "x", cluster.model_copy(update={"modules": ("lammps/9",)}))
    host = os.uname().nodename
    assert report.problems == (
        f"LAMMPS does not start on {host}: exit code 78, module lammps/9 did not load on {host}: "
        "unknown module lammps/9",
    )


def test_a_queue_that_refuses_the_probe_says_what_to_mend(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("sbatch", "squeue", "scontrol", "scancel", "sacct"):
        program = tmp_path / name
        program.write_text("#!/bin/sh\necho 'error: invalid partition specified: gpu'; exit 1\n")
        program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    cluster = ClusterSettings(scheduler="slurm", partition="gpu")
    said = (
        r"the probe of x was not submitted: .*invalid partition .*; mend the cluster profile and "
        "give the command again"
    )
    with pytest.raises(RefusedError, match=said):
        probe_cluster(Workspace(tmp_path / "w"), "x", cluster)
