import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest

from iemhpc.campaign.tuning_choice import TuneReport
from iemhpc.campaign.tuning_profile import Profile, remember, write_best
from iemhpc.errors import InputError, LockedError, ProgramError
from iemhpc.probing.timing_answers import Measurement
from iemhpc.resources import resource
from iemhpc.scheduler.cluster import load_cluster
from iemhpc.workspace import Workspace, lock


def test_the_best_goes_into_a_copy_of_a_shipped_profile_and_comments_stay(
    tmp_path: Path, measured: Callable[..., Measurement], report_of: Callable[..., TuneReport]
) -> None:
    workspace = Workspace(tmp_path)
    shipped = resource("jobs", "clusters", "slurm.toml")
    before = shipped.read_text()
    best = measured(4, 6.0, threads=2, coulomb_A=12.0)
    written = write_best(workspace, remember("slurm", shipped), report_of(best))
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
    assert write_best(workspace, remember("slurm", written), again) == written
    cluster = load_cluster("slurm", workspace)
    assert (cluster.suffix, cluster.lammps_options) == ("", ())
    assert tomllib.loads(written.read_text())["sizes"][-1]["cores_per_run"] == 2


def test_nothing_is_written_where_nothing_was_measured(
    tmp_path: Path, measured: Callable[..., Measurement], report_of: Callable[..., TuneReport]
) -> None:
    profile = Profile(name="mine", path=tmp_path / "mine.toml", text="")
    with pytest.raises(ProgramError, match="no setting could be measured: nothing is written"):
        write_best(Workspace(tmp_path), profile, report_of(measured(1, 0.0, why="no")))


def test_a_best_that_the_profile_cannot_say_is_not_written(
    tmp_path: Path, measured: Callable[..., Measurement], report_of: Callable[..., TuneReport]
) -> None:
    path = tmp_path / "clusters" / "mine.toml"
    path.parent.mkdir()
    path.write_text('scheduler = "local"\n')
    with pytest.raises(InputError, match="needs a launcher"):
        write_best(Workspace(tmp_path), remember("mine", path), report_of(measured(4, 6.0)))
    assert path.read_text() == 'scheduler = "local"\n'


def test_of_two_tunes_of_one_profile_the_second_does_not_undo_the_first(
    tmp_path: Path, measured: Callable[..., Measurement], report_of: Callable[..., TuneReport]
) -> None:
    workspace = Workspace(tmp_path)
    shipped = resource("jobs", "clusters", "slurm.toml")
    one, other = remember("slurm", shipped), remember("slurm", shipped)
    written = write_best(workspace, one, report_of(measured(4, 6.0)))
    text = written.read_text()
    with pytest.raises(InputError, match=r"slurm\.toml has changed since the measurements began"):
        write_best(workspace, other, report_of(measured(2, 6.0, suffix="opt")))
    assert written.read_text() == text
    # by hand, while a tune of the copy measured
    own = remember("slurm", written)
    written.write_text(f"{text}# mine\n")
    with pytest.raises(InputError, match="by another tune or by hand, and stays as it is"):
        write_best(workspace, own, report_of(measured(2, 6.0)))
    assert written.read_text() == f"{text}# mine\n"


def test_a_profile_that_another_process_is_writing_is_left_to_it(
    tmp_path: Path, measured: Callable[..., Measurement], report_of: Callable[..., TuneReport]
) -> None:
    workspace = Workspace(tmp_path)
    profile = remember("slurm", resource("jobs", "clusters", "slurm.toml"))
    target = profile.target(workspace)
    with (
        lock(target.with_name(".slurm.toml.lock"), what="another tune"),
        pytest.raises(LockedError, match="tuning slurm: process"),
    ):
        write_best(workspace, profile, report_of(measured(4, 6.0)))
    assert not target.exists()
