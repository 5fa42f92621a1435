from collections.abc import Callable
from dataclasses import replace

import pytest

from iemhpc.campaign.tuning_choice import TuneReport, best_of, choose
from iemhpc.probing.timing import Present
from iemhpc.probing.timing_answers import Measurement

PRESENT = Present(cores=1, threads=1, suffix="opt", coulomb_A=10.0)


def test_the_best_is_the_fastest_that_does_not_waste_cores(
    measured: Callable[..., Measurement], report_of: Callable[..., TuneReport]
) -> None:
    rows = [measured(1, 2.0), measured(4, 6.4), measured(8, 9.0), measured(8, 99.0, why="forces")]
    assert best_of(rows, efficiency=0.7) == rows[1]
    assert best_of(rows, efficiency=0.5) == rows[2]
    assert best_of(rows[3:], efficiency=0.5) is None
    assert "NOT TAKEN: forces" in "\n".join(report_of(*rows).lines())


def test_noise_does_not_change_a_profile(measured: Callable[..., Measurement]) -> None:
    # One round each on a busy machine said none 32.2, opt 27.0 steps/s; opt is the faster one.
    now = measured(1, 2.70, suffix="opt", spread=0.25)
    other = measured(1, 3.22, suffix="", spread=0.10)
    choice = choose([other, now], PRESENT, efficiency=0.7)
    assert (choice.best, choice.stays) == (now, True)
    assert choice.reason == (
        "best: 1 core, suffix opt, Coulomb cut-off 10 Å: the present setting stays: 1 core, no "
        "suffix, Coulomb cut-off 10 Å is 19 % faster than now, and rounds differ by 25 %"
    )


def test_what_is_faster_beyond_the_noise_replaces_the_present_setting(
    measured: Callable[..., Measurement],
) -> None:
    now, other = measured(1, 2.0, suffix="opt"), measured(1, 2.4)
    choice = choose([now, other], PRESENT, efficiency=0.7)
    assert (choice.best, choice.stays) == (other, False)
    assert choice.reason.endswith("; 20 % faster than now, and rounds differ by 2 %")


@pytest.mark.parametrize(
    ("now", "why"),
    [
        ({"why": "pressure"}, "the present setting cannot be taken"),
        ({"coulomb_A": 9.0}, "the present setting was not measured"),
        ({"ns_per_day_per_core": 0.5}, "the present setting has less of it, and rounds differ by"),
    ],
)
def test_a_present_setting_that_cannot_stay_does_not(
    now: dict, why: str, measured: Callable[..., Measurement]
) -> None:
    rows = [replace(measured(1, 9.0, suffix="opt"), **now), measured(1, 3.0)]
    if "ns_per_day_per_core" not in now:
        rows[0] = replace(rows[0], ns_per_day=1.0, ns_per_day_per_core=1.0)
    choice = choose(rows, PRESENT, efficiency=0.7)
    assert (choice.best, choice.stays) == (rows[1], False)
    assert why in choice.reason


def test_the_table_shows_spread_pressure_and_what_was_allowed(
    measured: Callable[..., Measurement], report_of: Callable[..., TuneReport]
) -> None:
    row = measured(1, 3.0, spread=0.034, pressure_difference_atm=-1.25)
    text = "\n".join(report_of(row).lines())
    assert "pressure within 10 atm, energy within 6.3 kcal/mol" in text
    assert " 3 % " in text
    assert " -1.25 " in text
    assert text.endswith("<- best\nbecause")
    refused = replace(report_of(row), refused="it has changed")
    assert refused.lines()[-1] == "NOT WRITTEN: it has changed"
