import shutil
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from iemhpc.probing.one_off import hand_over, mark_read, one_off_plan, wait_for
from iemhpc.probing.probe_report import known_energies, parse_energies
from iemhpc.probing.timing import (
    Box,
    Present,
    Trial,
    coulomb_options,
    timing_job,
    with_setting,
)
from iemhpc.probing.timing_answers import Measurement, read_trial
from iemhpc.resources import resource
from iemhpc.scheduler.cluster import load_cluster
from iemhpc.settings.cluster import ClusterSettings
from iemhpc.settings.protocol import protocol_variables
from iemhpc.workspace import Workspace

BOX = Box(what="water", n_atoms=2, files={}, cutoff_A=10.0, pppm=1e-4, edges_A=(24.0, 24.0, 24.0))
TRIAL = Trial(
    cores=4,
    threads=2,
    suffixes=("", "omp"),
    coulombs_A=(8.0,),
    seconds=9.0,
    rounds=3,
    present=Present(cores=4, threads=2, suffix="kk", coulomb_A=12.0),
)
CLUSTER = ClusterSettings(
    scheduler="slurm",
    launcher=("srun", "-n", "{processes}"),
    modules=("lammps",),
    lammps_options=("-sf", "opt", "-nocite", "-var", "coulomb_cutoff_A", "12"),
)


@pytest.fixture
def water(tmp_path: Path, write_water_box: Callable[..., Path]) -> Box:
    folder = write_water_box(tmp_path / "water", per_edge=7)
    two = "coul/long ${cutoff_A} ${coulomb_cutoff_A}"
    styles = (folder / "styles.in").read_text().replace("coul/long ${cutoff_A}", two)
    files = {
        "system.data": (folder / "system.data").read_text(),
        "styles.in": f"variable coulomb_cutoff_A index ${{cutoff_A}}\n{styles}",
    }
    edges_A = (21.7, 21.7, 21.7)
    return Box(what="water", n_atoms=1021, files=files, cutoff_A=7.0, pppm=1e-4, edges_A=edges_A)


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
    trial = Trial(
        cores=1,
        threads=1,
        suffixes=("opt", "kk"),
        coulombs_A=(7.5,),
        seconds=2.0,
        rounds=2,
        present=Present(cores=1, threads=1, suffix="", coulomb_A=7.8),
    )
    workspace = Workspace(tmp_path)
    (rows,) = measure(workspace, load_cluster("this-machine", workspace), water, [trial])
    assert [(row.suffix, row.coulomb_A) for row in rows] == [
        ("opt", 7),
        ("kk", 7),
        ("opt", 7.5),
        ("", 7.8),
    ]
    # the fastest of the first stage is measured in both, what fails is not tried again
    assert [row.rounds for row in rows] == [4, 0, 2, 2]
    assert "KOKKOS" in rows[1].why
    answers = workspace.runs / ".tune" / "mine" / "1x1" / "answers.txt"
    names = [line.split()[0] for line in answers.read_text().splitlines()]
    assert names[2:5] == ["opt.7@1", "kk.7@1", "opt.7@2"]
    assert names[5:] == [
        f"{name}@{n}" for n in (3, 4) for name in ("opt.7", "opt.7.5", "plain.7.8")
    ]
    rows = (rows[0], *rows[2:])
    for row in rows:
        assert row.why == ""
        assert row.steps_per_s > 1.0
        # 2 fs a step
        assert row.ns_per_day == pytest.approx(row.steps_per_s * 86400 * 2e-6, rel=0.01)
        assert row.force_error is not None
        assert 0.0 < row.force_error < 1e-4
        assert row.pressure_difference_atm is not None
        assert 0.0 < abs(row.pressure_difference_atm) < 10.0


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
        Trial(
            cores=threads, threads=threads, suffixes=("omp",), coulombs_A=(), seconds=2.0, rounds=2
        )
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
    assert "command_kk=(srun -n 2 lmp " in job.script
    assert "cutoff_A=10\ncoulombs=(8)\npresent=kk.12\nrounds=3\npppm=0.0001\n" in job.script
    assert "\ntime_limit=00:00:03\n" in job.script
    assert "export OMP_NUM_THREADS=2" in job.script
    assert "@@" not in job.script
    assert job.resources.cores_per_run == 4
    assert with_setting(CLUSTER, suffix="kk", threads=4).lammps_options == ("-nocite",)
