"""Residence times: known rates come back, and what a run cannot show is null."""

import numpy as np
import pytest

from iemhpc.descriptors.contacts import Stays, Survival, survival
from iemhpc.descriptors.residence import residence_time


def poisson_stays(
    tau_frames: float, *, n_frames: int, n_ions: int = 20, n_shell: int = 5, seed: int = 1
) -> Stays:
    """Each place in the shell of each ion is always taken, by one after the other."""
    rng = np.random.default_rng(seed)
    leaves = 1.0 - np.exp(-1.0 / tau_frames)
    rows = []
    for place in range(n_ions * n_shell):
        # the run begins in the midst of a stay, which for a constant rate is like any other
        start, number = 0, 0
        while start < n_frames:
            end = start + int(rng.geometric(leaves))
            rows.append((place // n_shell, place % n_shell, number, start, min(end, n_frames)))
            start, number = end, number + 1
    ion, at, number, start, end = np.array(rows).T
    most = int(number.max()) + 1
    return Stays(
        pair=ion * n_shell * most + at * most + number,
        start=start,
        end=end,
        n_ions=n_ions,
        n_neighbours=n_shell * most,
        n_frames=n_frames,
    )


@pytest.mark.parametrize("tau_ps", [4.0, 25.0, 100.0])
def test_a_constant_rate_gives_its_time(tau_ps):
    stays = poisson_stays(2.0 * tau_ps, n_frames=4000)
    found = residence_time(survival(stays, "continuous"), frame_ps=0.5, tolerance_ps=2.0)
    n_stays = 20 * 5 * 2000.0 / tau_ps
    assert found.reason is None
    assert found.fit_ps == pytest.approx(tau_ps, rel=4.0 / np.sqrt(n_stays))
    assert found.integral_ps == pytest.approx(tau_ps, rel=4.0 / np.sqrt(n_stays))


def test_the_error_covers_the_truth_in_two_thirds_of_the_cases():
    inside = 0
    for seed in range(60):
        stays = poisson_stays(20.0, n_frames=600, seed=seed)
        found = residence_time(survival(stays, "continuous"), frame_ps=1.0, tolerance_ps=2.0)
        inside += abs(found.fit_ps - 20.0) < found.fit_ps_se
    assert 0.5 < inside / 60 < 0.85


def test_a_tolerance_takes_short_absences_for_none():
    # a place that is left for one frame in ten, and for good at frame 300
    steady = np.arange(0, 300, 10)
    n_ions = 10
    stays = Stays(
        pair=np.repeat(np.arange(n_ions), 30),
        start=np.tile(steady, n_ions),
        end=np.tile(steady + 9, n_ions),
        n_ions=n_ions,
        n_neighbours=1,
        n_frames=1000,
    )
    strict = survival(stays, "continuous").values
    tolerant = survival(stays, "tolerant", tolerance_frames=1).values
    lags = survival(stays, "tolerant", tolerance_frames=1).lags
    assert strict[lags >= 9].max() == 0.0
    at = int(np.argmax(lags >= 100))
    # of origins up to frame 300 - lag, nine tenths find the place taken
    assert tolerant[at] == pytest.approx((300 - lags[at]) / 300 * 0.9, abs=0.05)


def test_what_outlives_the_run_has_no_time():
    stays = poisson_stays(5000.0, n_frames=200)
    found = residence_time(survival(stays, "continuous"), frame_ps=1.0, tolerance_ps=2.0)
    assert (found.fit_ps, found.integral_ps, found.reason) == (None, None, "outlives_run")


def test_what_is_gone_before_the_next_frame_has_no_time():
    stays = poisson_stays(0.3, n_frames=400)
    found = residence_time(survival(stays, "continuous"), frame_ps=10.0, tolerance_ps=0.0)
    assert (found.fit_ps, found.reason) == (None, "frames_too_coarse")


def test_no_contact_has_no_time():
    nobody = np.empty(0, dtype=np.int64)
    stays = Stays(pair=nobody, start=nobody, end=nobody, n_ions=3, n_neighbours=4, n_frames=50)
    found = residence_time(survival(stays, "continuous"), frame_ps=1.0, tolerance_ps=0.0)
    assert found.reason == "no_contacts"


def test_two_kinds_of_contacts_show_in_the_integral():
    # as many contacts in a frame leave after 5 as after 80 frames: S = (exp(-t/5) + exp(-t/80)) / 2
    lags = np.unique(np.geomspace(1, 1000, 60).astype(int)).astype(np.int64)
    lags = np.concatenate([[0], lags])
    kept = np.round(1e9 * (np.exp(-lags / 5.0) + np.exp(-lags / 80.0)) / 2).astype(int)[None]
    curve = Survival(lags=lags, kept=kept, of=np.full_like(kept, 10**9))
    found = residence_time(curve, frame_ps=1.0, tolerance_ps=0.0)
    assert found.integral_ps == pytest.approx(42.5, rel=0.1)
    assert found.fit_ps > 1.3 * found.integral_ps
