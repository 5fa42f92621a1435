"""What a run will cost is foreseen from its plan, and from what runs here have taken."""

from pathlib import Path
from typing import Any

import pytest

from iemhpc.scheduler.estimate import (
    atom_step_s,
    efficiency,
    equilibration_steps,
    estimated_bytes,
    estimated_core_hours,
    measured_pace,
)
from iemhpc.settings.protocol import PRESETS, protocol_variables


def plan_of(protocol: str = "quick", n_atoms: int = 1400, **sampling: float) -> dict[str, Any]:
    preset = PRESETS[protocol]
    return {
        "physics": {"protocol": protocol_variables(protocol)},
        "request": {"n_atoms": n_atoms},
        "sampling": {
            "production_ps": preset.production_ps,
            "frame_ps": preset.frame_ps,
            "timestep_fs": 2.0,
        }
        | sampling,
    }


def test_a_quick_run_of_a_small_box_is_about_an_hour_on_one_core() -> None:
    assert 0.3 < estimated_core_hours(plan_of("quick")) < 1.5


def test_a_demo_is_minutes_and_full_days() -> None:
    assert 1 / 60 < estimated_core_hours(plan_of("demo")) < 0.1
    assert 24 < estimated_core_hours(plan_of("full", n_atoms=6300)) < 240


def test_twice_the_atoms_or_half_the_time_step_cost_twice_as_much() -> None:
    one = estimated_core_hours(plan_of())
    assert estimated_core_hours(plan_of(n_atoms=2800)) == pytest.approx(2 * one)
    assert estimated_core_hours(plan_of(timestep_fs=1.0)) == pytest.approx(2 * one, rel=0.05)


def test_a_longer_production_costs_its_steps_and_its_frames() -> None:
    short, long = plan_of(production_ps=100.0), plan_of(production_ps=1100.0)
    per_step = 1400 * 3.65e-6 / 3600
    more = estimated_core_hours(long) - estimated_core_hours(short)
    assert more == pytest.approx(500_000 * per_step, rel=0.02)
    assert estimated_bytes(long) - estimated_bytes(short) == 1000 * (12 * 1400 + 350)


def test_more_cores_cost_more_core_hours_and_less_time() -> None:
    hours = [estimated_core_hours(plan_of(n_atoms=6300), cores=cores) for cores in (1, 4, 16)]
    assert hours == sorted(hours)
    assert hours[2] / 16 < hours[1] / 4 < hours[0]


def test_a_plan_without_atoms_costs_nothing_known() -> None:
    assert estimated_core_hours(plan_of(n_atoms=0)) == 0.0


def test_larsens_steps_are_counted() -> None:
    quick, full = plan_of("quick"), plan_of("full")
    more = equilibration_steps(full) - equilibration_steps(quick)
    assert more > 1560 * 500


def write_log(run: Path, name: str, seconds: float, *, procs: int = 1, steps: int = 1000) -> None:
    run.mkdir(exist_ok=True)
    text = f"noise\nLoop time of {seconds} on {procs} procs for {steps} steps with 500 atoms\n"
    (run / name).write_text(text)


def test_the_pace_of_finished_runs_is_the_median_of_their_core_seconds(tmp_path: Path) -> None:
    for number, seconds in enumerate((1.0, 2.0, 90.0)):
        write_log(tmp_path / str(number), "log.production.1.lammps", seconds, procs=2)
    pace = measured_pace(dict.fromkeys(sorted(tmp_path.iterdir()), plan_of()))
    spent = 2.0 * 2 / (1000 * 500) * efficiency(2, 500)
    assert pace == pytest.approx(spent / atom_step_s(10.0))
    assert estimated_core_hours(plan_of(), pace=pace) == pytest.approx(
        pace * estimated_core_hours(plan_of())
    )


def test_the_longest_attempt_says_a_runs_pace_and_a_cut_one_says_none(tmp_path: Path) -> None:
    run = tmp_path / "run"
    write_log(run, "log.production.1.lammps", 1.0, steps=10)
    write_log(run, "log.production.2.lammps", 1.0)
    assert measured_pace({run: plan_of()}) == pytest.approx(1 / (1000 * 500) / atom_step_s(10.0))
    (run / "log.production.1.lammps").write_text("killed\n")
    (run / "log.production.2.lammps").unlink()
    assert measured_pace({run: plan_of()}) is None
    assert measured_pace({}) is None
