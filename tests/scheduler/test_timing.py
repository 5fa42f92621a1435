import shutil
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest

from iemhpc.resources import resource
from iemhpc.scheduler.cluster import load_cluster
from iemhpc.scheduler.one_off import END, hand_over, mark_read, one_off_plan, wait_for
from iemhpc.scheduler.probe_report import known_energies, parse_energies
from iemhpc.scheduler.timing import (
    Box,
    Measurement,
    Trial,
    coulomb_options,
    force_error,
    parse_energy,
    parse_performance,
    read_trial,
    timing_job,
    with_setting,
)
from iemhpc.settings.cluster import ClusterSettings
from iemhpc.settings.protocol import protocol_variables
from iemhpc.workspace import Workspace

BOX = Box(what="water", n_atoms=2, files={}, cutoff_A=10.0, pppm=1e-4)
TRIAL = Trial(cores=4, threads=2, suffixes=("", "omp"), coulombs_A=(8.0,), seconds=10.0)
CLUSTER = ClusterSettings(
    scheduler="slurm",
    launcher=("srun", "-n", "{processes}"),
    modules=("lammps",),
    lammps_options=("-sf", "opt", "-nocite", "-var", "coulomb_cutoff_A", "12"),
)
LOG = """\
timing: energy -512.250000 coulomb -900.1
Loop time of 1 on 2 procs for 20 steps with 2 atoms
timing: counted
Loop time of 10 on 2 procs for 300 steps with 2 atoms
Performance: 5.184 ns/day, 4.630 hours/ns, 30.000 timesteps/s, 60.000 atom-step/s
"""
DUMP = "ITEM: TIMESTEP\n0\nITEM: NUMBER OF ATOMS\n2\nITEM: BOX BOUNDS pp pp pp\n0 9\n0 9\n0 9\n"


def write_answers(folder: Path, *, push: float = 0.0, log: str = LOG) -> None:
    folder.mkdir()
    (folder / END).write_text("n1 then now\n")
    (folder / "answers.txt").write_text("minimize 0\nreference 0\nplain.10 0\nomp.10 0\nomp.8 0\n")
    for name in ("reference", "plain.10", "omp.10", "omp.8"):
        (folder / f"{name}.log").write_text(log)
        x = push if name == "omp.8" else 0.0
        (folder / f"{name}.forces").write_text(
            f"{DUMP}ITEM: ATOMS id fx fy fz\n2 1 0 0\n1 {x} 0 0\n"
        )


def test_every_setting_of_a_job_is_read_with_speed_forces_and_energy(tmp_path: Path) -> None:
    write_answers(tmp_path / "job")
    rows = read_trial(tmp_path / "job", TRIAL, box=BOX)
    assert [(row.suffix, row.coulomb_A) for row in rows] == [("", 10), ("omp", 10), ("omp", 8)]
    assert all(row.steps_per_s == 30.0 and row.why == "" for row in rows)
    assert rows[0].ns_per_day_per_core == pytest.approx(5.184 / 4)
    assert rows[2].energy_difference_kcal_mol == 0.0


def test_forces_that_changed_are_not_taken(tmp_path: Path) -> None:
    write_answers(tmp_path / "job", push=1.0)
    *same, other = read_trial(tmp_path / "job", TRIAL, box=BOX)
    assert [row.why for row in same] == ["", ""]
    assert other.force_error == pytest.approx(np.sqrt(0.5) / 332.06371)
    assert other.why == "its forces are off by 2.1e-03, wanted 0.0001, at most 2 times that"


def test_what_did_not_run_says_why(tmp_path: Path) -> None:
    folder = tmp_path / "job"
    write_answers(folder)
    (folder / "omp.10.log").write_text("ERROR: Using suffix omp without OPENMP package installed\n")
    rows = read_trial(folder, TRIAL, box=BOX)
    assert rows[1].steps_per_s == 0.0
    assert rows[1].why.startswith("omp.10: ERROR: Using suffix omp without OPENMP package")
    (folder / "answers.txt").write_text("minimize 124\n")
    (folder / "minimize.screen").write_text("still at it\n")
    for name in ("plain.10", "omp.10"):
        (folder / f"{name}.log").unlink()
    rows = read_trial(folder, TRIAL, box=BOX)
    assert [row.why for row in rows] == ["minimize: ended with 124, still at it"] * 2


def test_what_a_killed_job_measured_before_counts(tmp_path: Path) -> None:
    folder = tmp_path / "job"
    write_answers(folder)
    (folder / END).unlink()
    (folder / "answers.txt").write_text("minimize 0\nreference 0\nplain.10 0\n")
    (folder / "job.out").write_text("slurmstepd: error: *** CANCELLED ***\n")
    plain, omp = read_trial(folder, TRIAL, box=BOX)
    assert (plain.steps_per_s, plain.why) == (30.0, "")
    assert omp.steps_per_s == 0.0
    assert omp.why.startswith("the job ended without finishing; its last words: ")


@pytest.fixture
def water(tmp_path: Path, write_water_box: Callable[..., Path]) -> Box:
    folder = write_water_box(tmp_path / "water", per_edge=5)
    two = "coul/long ${cutoff_A} ${coulomb_cutoff_A}"
    styles = (folder / "styles.in").read_text().replace("coul/long ${cutoff_A}", two)
    files = {
        "system.data": (folder / "system.data").read_text(),
        "styles.in": f"variable coulomb_cutoff_A index ${{cutoff_A}}\n{styles}",
    }
    return Box(what="water", n_atoms=365, files=files, cutoff_A=6.0, pppm=1e-4)


def measure(
    workspace: Workspace, cluster: ClusterSettings, box: Box, trials: Sequence[Trial]
) -> list[tuple[Measurement, ...]]:
    plan = one_off_plan(protocol_variables("test"), production_ps=1.0, frame_ps=1.0)
    jobs = [timing_job(workspace, "mine", cluster, box=box, trial=trial) for trial in trials]
    handed = [hand_over(workspace, cluster, job, plan=plan) for job in jobs]
    for job, scheduler in zip(jobs, handed, strict=True):
        wait_for(job, scheduler, wait_s=240.0)
    mark_read(jobs)
    return [read_trial(j.folder, t, box=box) for j, t in zip(jobs, trials, strict=True)]


@pytest.mark.lammps
def test_a_box_of_water_is_measured_by_a_real_job(lmp: str, tmp_path: Path, water: Box) -> None:
    trial = Trial(cores=1, threads=1, suffixes=("", "opt"), coulombs_A=(7.0,), seconds=1.0)
    workspace = Workspace(tmp_path)
    (rows,) = measure(workspace, load_cluster("this-machine", workspace), water, [trial])
    assert [(row.suffix, row.coulomb_A) for row in rows[:2]] == [("", 6), ("opt", 6)]
    assert rows[2].coulomb_A == 7
    for row in rows:
        assert row.why == ""
        assert row.steps_per_s > 1.0
        # 2 fs a step
        assert row.ns_per_day == pytest.approx(row.steps_per_s * 86400 * 2e-6, rel=0.01)
        assert row.force_error is not None
        assert 0.0 < row.force_error < 1e-4


@pytest.mark.lammps
@pytest.mark.parametrize("field", ["gaff2", "oplsaa"])
def test_another_coulomb_cutoff_leaves_every_energy_as_it_is(
    lmp: str, tmp_path: Path, field: str
) -> None:
    for shipped, name in (("data", "system.data"), ("styles.in", "styles.in")):
        shutil.copy(resource("data", "probe", f"{field}.{shipped}"), tmp_path / name)
    shutil.copy(resource("lammps_templates", "energy_box.in"), tmp_path)
    known = known_energies()
    for coulomb_A in (5.0, 7.0):
        words = [lmp, *coulomb_options(coulomb_A), "-var", "cutoff_A", f"{known.cutoff_A:g}"]
        done = subprocess.run(
            [*words, "-in", "energy_box.in", "-log", "none"],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=True,
        )
        got = parse_energies(done.stdout)
        for kind, value in known.kcal_mol[field].items():
            allowed = 2e-2 if kind == "coulomb" else 1e-9
            assert got[kind] == pytest.approx(value, abs=allowed), kind


@pytest.mark.slow
@pytest.mark.lammps
@pytest.mark.slurm
@pytest.mark.usefixtures("slurm")
def test_a_real_slurm_measures_threads_in_a_job_of_their_own(
    lmp: str, tmp_path: Path, water: Box
) -> None:
    trials = [
        Trial(cores=threads, threads=threads, suffixes=("omp",), coulombs_A=(), seconds=1.0)
        for threads in (1, 2)
    ]
    cluster = ClusterSettings(
        scheduler="slurm", memory_MB_per_core=50, launcher=("srun", "-n", "{processes}")
    )
    for (row,), threads in zip(
        measure(Workspace(tmp_path), cluster, water, trials), (1, 2), strict=True
    ):
        assert (row.why, row.threads, row.cores) == ("", threads, threads)
        assert row.steps_per_s > 0.0
    assert len(list((tmp_path / "runs" / ".slurm").iterdir())) == 2


def test_the_job_varies_what_a_trial_says_and_nothing_else(tmp_path: Path) -> None:
    job = timing_job(Workspace(tmp_path), "c", CLUSTER, box=BOX, trial=TRIAL)
    assert "command_plain=(srun -n 2 lmp -nocite)" in job.script
    assert "command_omp=(srun -n 2 lmp -sf omp -pk omp 2 -nocite)" in job.script
    assert "cutoff_A=10\ncoulombs=(8)\npppm=0.0001\ntime_limit=00:00:10\n" in job.script
    assert "export OMP_NUM_THREADS=2" in job.script
    assert "@@" not in job.script
    assert job.resources.cores_per_run == 4
    assert with_setting(CLUSTER, suffix="kk", threads=4).lammps_options == ("-nocite",)


def test_a_log_cut_short_has_no_speed_of_the_steps_before() -> None:
    warm = "Performance: 9.9 ns/day, 2 hours/ns, 99.0 timesteps/s\ntiming: counted\n"
    assert parse_performance(warm) == (0.0, 0.0)
    assert parse_energy(warm) is None
    assert force_error(None, np.zeros((2, 3))) is None
    assert force_error(np.zeros((3, 3)), np.zeros((2, 3))) is None
