import json
import tomllib
from pathlib import Path

import pytest
from typer.testing import CliRunner

from iemhpc.campaign.cluster_tuning import (
    TuneReport,
    TuneRequest,
    best_of,
    plan_trials,
    write_best,
)
from iemhpc.cli.app import app
from iemhpc.errors import InputError, ProgramError
from iemhpc.resources import resource
from iemhpc.scheduler.cluster import load_cluster
from iemhpc.scheduler.timing import Box, Measurement
from iemhpc.settings.cluster import ClusterSettings
from iemhpc.workspace import Workspace

BOX = Box(what="water", n_atoms=6300, files={}, cutoff_A=10.0, pppm=1e-4)
CLUSTER = ClusterSettings(scheduler="slurm", launcher=("srun", "-n", "{processes}"))


def measured(cores: int, ns_per_day: float, *, why: str = "", **changes) -> Measurement:
    values = {
        "cores": cores,
        "threads": 1,
        "suffix": "omp",
        "coulomb_A": 10.0,
        "steps_per_s": 1.0,
        "ns_per_day": ns_per_day,
        "ns_per_day_per_core": ns_per_day / cores,
        "force_error": 1e-5,
        "energy_difference_kcal_mol": 0.0,
        "why": why,
    }
    return Measurement(**(values | changes))


def report_of(*rows: Measurement) -> TuneReport:
    return TuneReport(
        cluster="mine",
        what="water",
        n_atoms=6300,
        cutoff_A=10.0,
        pppm=1e-4,
        measurements=rows,
        best=best_of(rows, efficiency=0.7),
        efficiency=0.7,
    )


def test_the_best_is_the_fastest_that_does_not_waste_cores() -> None:
    rows = [measured(1, 2.0), measured(4, 6.4), measured(8, 9.0), measured(8, 99.0, why="forces")]
    assert best_of(rows, efficiency=0.7) == rows[1]
    assert best_of(rows, efficiency=0.5) == rows[2]
    assert best_of(rows[3:], efficiency=0.5) is None
    assert "NOT TAKEN: forces" in "\n".join(report_of(*rows).lines())


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


def test_requests_that_cannot_be_are_said() -> None:
    def plan(cluster: ClusterSettings = CLUSTER, **request) -> None:
        plan_trials(cluster, TuneRequest(**request), box=BOX, suffixes=("",))

    with pytest.raises(InputError, match="Coulomb cut-off: got 40 Å, wanted 6 to 20 Å"):
        plan(coulombs_A=(40.0,))
    with pytest.raises(InputError, match="a run of 4 cores needs a launcher, and there is none"):
        plan(ClusterSettings(scheduler="slurm"), cores=(4,))
    with pytest.raises(InputError, match="no number of cores is a multiple of a number of threads"):
        plan(cores=(1,), threads=(2,))


def test_the_best_goes_into_a_copy_of_a_shipped_profile_and_comments_stay(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    shipped = resource("jobs", "clusters", "slurm.toml")
    before = shipped.read_text()
    best = measured(4, 6.0, threads=2, coulomb_A=12.0)
    written = write_best(workspace, "slurm", shipped, report_of(best))
    assert written == tmp_path / "clusters" / "slurm.toml"
    assert shipped.read_text() == before
    cluster = load_cluster("slurm", workspace)
    assert (cluster.suffix, cluster.threads_per_process) == ("omp", 2)
    assert cluster.lammps_options == ("-var", "coulomb_cutoff_A", "12")
    assert cluster.sizes[-1].cores_per_run == 4
    comments = [line for line in before.splitlines() if line.startswith("#")]
    assert set(comments) <= set(written.read_text().splitlines())
    # another best, at the common cut-off, replaces the first
    again = report_of(measured(2, 6.0, suffix=""))
    assert write_best(workspace, "slurm", written, again) == written
    cluster = load_cluster("slurm", workspace)
    assert (cluster.suffix, cluster.lammps_options) == ("", ())
    assert tomllib.loads(written.read_text())["sizes"][-1]["cores_per_run"] == 2


def test_nothing_is_written_where_nothing_was_measured(tmp_path: Path) -> None:
    with pytest.raises(ProgramError, match="no setting could be measured: nothing is written"):
        write_best(Workspace(tmp_path), "mine", tmp_path, report_of(measured(1, 0.0, why="no")))


def test_a_best_that_the_profile_cannot_say_is_not_written(tmp_path: Path) -> None:
    path = tmp_path / "clusters" / "mine.toml"
    path.parent.mkdir()
    path.write_text('scheduler = "local"\n')
    with pytest.raises(InputError, match="needs a launcher"):
        write_best(Workspace(tmp_path), "mine", path, report_of(measured(4, 6.0)))
    assert path.read_text() == 'scheduler = "local"\n'


@pytest.mark.slow
@pytest.mark.lammps
def test_a_real_box_is_measured_here_and_the_best_is_written(lmp: str, tmp_path: Path) -> None:
    words = ["cluster", "tune", "this-machine", "--box", "24", "--seconds", "1", "--cores", "1"]
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
    assert load_cluster("this-machine", Workspace(tmp_path)).suffix == report["best"]["suffix"]
