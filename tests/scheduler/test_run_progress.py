import os
from pathlib import Path

from iemhpc.scheduler.run_progress import Progress, last_step_of, read_progress, read_spent

LINE = "      {step}   1.0   298.15   -12.5   -4.1e+04   1.0\n"


def write_log(run: Path, attempt: int, *steps: int, end: str = "") -> Path:
    path = run / f"log.production.{attempt}.lammps"
    lines = "".join(LINE.format(step=step) for step in steps)
    path.write_text(f"LAMMPS\n   Step   Time   Temp   Press   PotEng   Density\n{lines}{end}")
    return path


def note_start(run: Path, first: int, *, attempt: int, at_s: float) -> None:
    path = run / f"segment.{first}.txt"
    path.write_text(f"{first} 500 2 {attempt} production.a.restart\n")
    os.utime(path, (at_s, at_s))


def test_the_step_is_that_of_the_last_whole_line(tmp_path: Path) -> None:
    write_log(tmp_path, 1, 0, 500, end="      1000   2.0   29")
    assert read_progress(tmp_path, attempt=1, timestep_fs=2.0) == Progress(500, 0.0)


def test_a_run_that_has_not_produced_has_made_no_step(tmp_path: Path) -> None:
    assert read_progress(tmp_path, attempt=3, timestep_fs=2.0) == Progress(0, 0.0)
    assert last_step_of(b"no numbers here\n 1 of 2\n") is None


def test_an_attempt_that_failed_at_once_does_not_hide_the_one_before(tmp_path: Path) -> None:
    write_log(tmp_path, 1, 0, 500)
    (tmp_path / "log.production.2.lammps").write_text("ERROR: Cannot open file x\n")
    assert read_progress(tmp_path, attempt=2, timestep_fs=2.0).n_steps == 500


def test_lammps_says_itself_how_fast_it_was(tmp_path: Path) -> None:
    end = "Loop time of 1 on 1 procs\n\nPerformance: 8.358 ns/day, 2.872 hours/ns, 48.366 t\n"
    write_log(tmp_path, 1, 0, 500, end=end)
    assert read_progress(tmp_path, attempt=1, timestep_fs=2.0) == Progress(500, 8.358)


def test_a_running_one_is_measured_since_its_trajectory_began(tmp_path: Path) -> None:
    log = write_log(tmp_path, 2, 500, 50_500)
    note_start(tmp_path, 0, attempt=1, at_s=10)
    note_start(tmp_path, 500, attempt=2, at_s=1000)
    os.utime(log, (1000 + 8640, 1000 + 8640))
    # 50,000 steps of 2 fs are 0.1 ns, in a tenth of a day
    assert read_progress(tmp_path, attempt=2, timestep_fs=2.0) == Progress(50_500, 1.0)


def test_an_attempt_that_went_back_to_an_older_restart_is_measured_from_there(
    tmp_path: Path,
) -> None:
    log = write_log(tmp_path, 3, 500, 50_500)
    note_start(tmp_path, 500, attempt=3, at_s=1000)
    note_start(tmp_path, 60_000, attempt=2, at_s=900)
    os.utime(log, (1000 + 8640, 1000 + 8640))
    assert read_progress(tmp_path, attempt=3, timestep_fs=2.0) == Progress(50_500, 1.0)


def test_an_attempt_without_a_note_of_its_start_has_no_speed(tmp_path: Path) -> None:
    write_log(tmp_path, 2, 500, 1000)
    note_start(tmp_path, 0, attempt=1, at_s=10)
    assert read_progress(tmp_path, attempt=2, timestep_fs=2.0) == Progress(1000, 0.0)


def test_core_seconds_are_those_between_start_and_end_times_cores(tmp_path: Path) -> None:
    (tmp_path / "attempts.log").write_text(
        "2026-01-31T12:00:00Z n1 job=7 cores=8 gpus=0\n"
        "2026-01-31T14:00:00Z n1 job=7 cores=4 gpus=0\n"
        "2026-02-01T00:00:00Z n1 job=8 cores=2 gpus=0\n"
    )
    (tmp_path / "ended.log").write_text(
        "1 2026-01-31T13:00:00Z rc=75\n2 2026-01-31T14:00:10Z rc=lost\n"
    )
    spent = read_spent(tmp_path)
    assert spent.core_s == 8 * 3600 + 4 * 10
    assert (spent.open_since_s, spent.open_cores) == (1769904000.0, 2)


def test_notes_of_attempts_that_are_cut_off_count_as_far_as_they_go(tmp_path: Path) -> None:
    assert read_spent(tmp_path).core_s == 0.0
    (tmp_path / "attempts.log").write_text("2026-01-31T12:00:00Z n1 job=7 cor\n\n")
    (tmp_path / "ended.log").write_text("1\nx y z\n1 nonsense rc=0\n")
    assert read_spent(tmp_path).core_s == 0.0
