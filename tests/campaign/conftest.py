"""Measurements of a tuning that nobody measured."""

from collections.abc import Callable

import pytest

from iemhpc.campaign.tuning_choice import TuneReport
from iemhpc.probing.timing_answers import Measurement


def _measured(cores: int, ns_per_day: float, *, why: str = "", **changes) -> Measurement:
    values = {
        "cores": cores,
        "threads": 1,
        "suffix": "omp",
        "coulomb_A": 10.0,
        "steps_per_s": 1.0,
        "spread": 0.02,
        "rounds": 3,
        "ns_per_day": ns_per_day,
        "ns_per_day_per_core": ns_per_day / cores,
        "force_error": 1e-5,
        "energy_difference_kcal_mol": 0.0,
        "pressure_difference_atm": 0.0,
        "why": why,
    }
    return Measurement(**(values | changes))


def _report_of(*rows: Measurement) -> TuneReport:
    return TuneReport(
        cluster="mine",
        what="water",
        n_atoms=6300,
        cutoff_A=10.0,
        pppm=1e-4,
        measurements=rows,
        best=None if rows[0].why else rows[0],
        reason="because",
    )


@pytest.fixture
def measured() -> Callable[..., Measurement]:
    """Function that returns a measurement of so many cores and ns/day; changes are its keys."""
    return _measured


@pytest.fixture
def report_of() -> Callable[..., TuneReport]:
    """Function that returns the report of measurements, of which the first is the best."""
    return _report_of
