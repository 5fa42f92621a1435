import re
from pathlib import Path

import numpy as np
import pytest

from iemhpc.probing.one_off import END
from iemhpc.probing.timing import Box, Trial
from iemhpc.probing.timing_answers import (
    force_error,
    parse_first,
    parse_performance,
    read_trial,
)

BOX = Box(what="water", n_atoms=2, files={}, cutoff_A=10.0, pppm=1e-4, edges_A=(24.0, 24.0, 24.0))
TRIAL = Trial(cores=4, threads=2, suffixes=("", "omp"), coulombs_A=(8.0,), seconds=10.0, rounds=2)
SETTINGS = ("plain.10", "omp.10", "omp.8")
LOG = """\
timing: energy -512.250000
timing: pressure -80.500000
Loop time of 1 on 2 procs for 20 steps with 2 atoms
timing: counted
Loop time of 10 on 2 procs for 300 steps with 2 atoms
Performance: 5.184 ns/day, 4.630 hours/ns, 30.000 timesteps/s, 60.000 atom-step/s
"""
DUMP = "ITEM: TIMESTEP\n0\nITEM: NUMBER OF ATOMS\n2\nITEM: BOX BOUNDS pp pp pp\n0 9\n0 9\n0 9\n"


def write_answers(folder: Path, *, push: float = 0.0, log: str = LOG) -> None:
    folder.mkdir()
    (folder / END).write_text("n1 then now\n")
    names = [f"{name}@{n}" for n in (1, 2) for name in SETTINGS]
    answered = ["minimize", "reference", *names]
    (folder / "answers.txt").write_text("".join(f"{name} 0\n" for name in answered))
    for name in answered[1:]:
        (folder / f"{name}.log").write_text(LOG if name == "reference" else log)
    for name in ("reference", *SETTINGS):
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
    assert other.why == (
        "the forces of its first step: off by 0.0021 from the reference, wanted at most 0.0002"
    )


@pytest.mark.parametrize(
    ("line", "other", "why"),
    [
        ("pressure -80.5", "pressure -68.5", "pressure of its first step: off by 12 atm"),
        ("pressure -80.5", "pressure -92", "pressure of its first step: off by -12 atm"),
        ("energy -512.25", "energy -512.24", "energy of its first step: off by 0.01 kcal/mol"),
        ("timing: pressure -80.500000\n", "", "pressure of its first step cannot be compared"),
    ],
)
def test_another_pressure_or_energy_is_not_taken(
    tmp_path: Path, line: str, other: str, why: str
) -> None:
    write_answers(tmp_path / "job", log=re.sub(rf"{re.escape(line)}0*", other, LOG))
    for row in read_trial(tmp_path / "job", TRIAL, box=BOX):
        assert row.why.startswith(f"the {why}")


def test_rounds_give_a_median_and_a_spread(tmp_path: Path) -> None:
    folder = tmp_path / "job"
    write_answers(folder)
    (folder / "omp.10@2.log").write_text(LOG.replace("5.184", "6.912").replace("30.000", "40.000"))
    plain, omp, _ = read_trial(folder, TRIAL, box=BOX)
    assert (plain.spread, plain.rounds) == (0.0, 2)
    assert (omp.steps_per_s, omp.rounds) == (35.0, 2)
    assert omp.spread == pytest.approx(10 / 35)
    assert omp.ns_per_day == pytest.approx(35.0 * 86400 * 2e-6)


def test_what_did_not_run_says_why(tmp_path: Path) -> None:
    folder = tmp_path / "job"
    write_answers(folder)
    for name in ("omp.10@1", "omp.10@2"):
        (folder / f"{name}.log").write_text("ERROR: Using suffix omp without OPENMP package\n")
    rows = read_trial(folder, TRIAL, box=BOX)
    assert rows[1].steps_per_s == 0.0
    assert rows[1].why.startswith("omp.10@1: ERROR: Using suffix omp without OPENMP package")
    (folder / "answers.txt").write_text("minimize 124\n")
    (folder / "minimize.screen").write_text("still at it\n")
    rows = read_trial(folder, TRIAL, box=BOX)
    assert [row.why for row in rows] == ["minimize: ended with 124, still at it"] * 2


def test_what_a_killed_job_measured_before_counts(tmp_path: Path) -> None:
    folder = tmp_path / "job"
    write_answers(folder)
    (folder / END).unlink()
    (folder / "answers.txt").write_text(
        "minimize 0\nreference 0\nplain.10@1 0\nomp.10@1 0\nplain.10@2 0\n"
    )
    (folder / "job.out").write_text("slurmstepd: error: *** CANCELLED ***\n")
    plain, omp = read_trial(folder, TRIAL, box=BOX)
    assert (plain.steps_per_s, plain.why) == (30.0, "")
    assert omp.steps_per_s == 30.0
    assert omp.why == "measured 1 time, wanted at least 2: the job was cut short"
    (folder / "answers.txt").write_text("minimize 0\nreference 0\nplain.10@1 0\nplain.10@2 0\n")
    _, omp = read_trial(folder, TRIAL, box=BOX)
    assert omp.steps_per_s == 0.0
    assert omp.why.startswith("the job ended without finishing; its last words: ")


def test_a_log_cut_short_has_no_speed_of_the_steps_before() -> None:
    warm = "Performance: 9.9 ns/day, 2 hours/ns, 99.0 timesteps/s\ntiming: counted\n"
    assert parse_performance(warm) == (0.0, 0.0)
    assert parse_first(warm, "energy") is None
    assert force_error(None, np.zeros((2, 3))) is None
    assert force_error(np.zeros((3, 3)), np.zeros((2, 3))) is None
