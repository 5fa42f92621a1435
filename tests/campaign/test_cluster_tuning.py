import json
from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner

from iemhpc.campaign.cluster_tuning import TuneRequest, plan_trials, present_of
from iemhpc.cli.app import app
from iemhpc.errors import InputError
from iemhpc.probing.timing import Box, Present
from iemhpc.scheduler.cluster import load_cluster
from iemhpc.settings.cluster import ClusterSettings
from iemhpc.workspace import Workspace

BOX = Box(
    what="water", n_atoms=6300, files={}, cutoff_A=10.0, pppm=1e-4, edges_A=(40.0, 40.0, 40.0)
)
SMALL = replace(BOX, n_atoms=1400, edges_A=(26.0, 24.0, 25.0))
CLUSTER = ClusterSettings(scheduler="slurm", launcher=("srun", "-n", "{processes}"))


def test_threads_are_tried_with_what_uses_them() -> None:
    trials = plan_trials(
        CLUSTER, TuneRequest(cores=(1, 4), threads=(1, 2)), box=BOX, suffixes=("", "opt", "omp")
    )
    assert [(t.cores, t.threads, t.suffixes) for t in trials] == [
        (1, 1, ("", "opt", "omp")),
        (4, 1, ("", "opt", "omp")),
        (4, 2, ("omp",)),
    ]
    assert trials[0].coulombs_A == (8.0, 12.0)
    assert [t.present for t in trials] == [
        Present(cores=1, threads=1, suffix="", coulomb_A=10),
        None,
        None,
    ]


def test_what_the_profile_says_now_is_measured_too() -> None:
    options = ("-sf", "intel", "-var", "coulomb_cutoff_A", "11")
    cluster = ClusterSettings(
        scheduler="slurm",
        launcher=("srun", "-n", "{processes}"),
        lammps_options=options,
        threads_per_process=3,
        sizes=[{"up_to_atoms": 9000, "cores_per_run": 6}],
    )
    present = present_of(cluster, box=BOX)
    assert present == Present(cores=6, threads=3, suffix="intel", coulomb_A=11.0)
    trials = plan_trials(cluster, TuneRequest(), box=BOX, suffixes=("", "opt"))
    assert sorted({trial.cores for trial in trials}) == [1, 2, 4, 6, 8, 16]
    (its,) = [trial for trial in trials if trial.present]
    assert (its.cores, its.threads, its.suffixes, its.present) == (6, 3, ("intel",), present)
    assert its.coulombs_A == (8.0, 12.0, 11.0)


def test_coulomb_cutoffs_that_a_box_cannot_have_are_not_tried_unasked() -> None:
    tight = replace(SMALL, edges_A=(23.0, 24.0, 24.0))
    (trial,) = plan_trials(CLUSTER, TuneRequest(cores=(1,)), box=tight, suffixes=("",))
    assert trial.coulombs_A == (8.0,)


def test_requests_that_cannot_be_are_said() -> None:
    def plan(cluster: ClusterSettings = CLUSTER, box: Box = BOX, **request) -> None:
        plan_trials(cluster, TuneRequest(**request), box=box, suffixes=("",))

    with pytest.raises(InputError, match="Coulomb cut-off: got 40 Å, wanted 6 to 20 Å"):
        plan(coulombs_A=(40.0,))
    with pytest.raises(
        InputError,
        match="Coulomb cut-off: got 18 Å, wanted at most 12 Å, half the shortest edge of the box",
    ):
        plan(box=SMALL, coulombs_A=(18.0,))
    with pytest.raises(
        InputError,
        match=r"got 18 Å, wanted at most 14.* Å: an atom of this box would have up to 36.. "
        "neighbours, and LAMMPS's lists hold 2000",
    ):
        plan(coulombs_A=(18.0,))
    with pytest.raises(InputError, match="rounds: got 1, wanted at least 2"):
        plan(rounds=1)
    with pytest.raises(InputError, match="a run of 4 cores needs a launcher, and there is none"):
        plan(ClusterSettings(scheduler="slurm"), cores=(4,))
    with pytest.raises(InputError, match="no number of cores is a multiple of a number of threads"):
        plan(cores=(1,), threads=(2,))


@pytest.mark.slow
@pytest.mark.lammps
def test_a_real_box_is_measured_here_and_the_best_is_written(lmp: str, tmp_path: Path) -> None:
    words = ["cluster", "tune", "this-machine", "--box", "25", "--seconds", "2", "--cores", "1"]
    words += ["--threads", "1", "--rounds", "2"]
    words += [
        "--suffix",
        "none,opt,kk",
        "--coulomb",
        "12",
        "--write",
        "--json",
        "-w",
        str(tmp_path),
    ]
    done = CliRunner().invoke(app, words)
    assert done.exit_code == 0, done.output
    report = json.loads(done.stdout)
    rows = {(row["suffix"], row["coulomb_A"]): row for row in report["measurements"]}
    assert "KOKKOS" in rows["kk", 10]["why"]
    fit = [row for row in rows.values() if not row["why"]]
    assert len(fit) == 3
    assert all(row["force_error"] < 1e-4 for row in fit)
    assert all(row["steps_per_s"] > 0 for row in fit)
    # the same forces, with and without the accelerator
    plain, opt = rows["", 10], rows["opt", 10]
    assert opt["energy_difference_kcal_mol"] == pytest.approx(plain["energy_difference_kcal_mol"])
    assert all(row["rounds"] >= 2 and abs(row["pressure_difference_atm"]) < 10 for row in fit)
    assert report["stays"] or report["written"]
    assert load_cluster("this-machine", Workspace(tmp_path)).suffix == report["best"]["suffix"]
