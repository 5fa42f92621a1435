import numpy as np
import pytest

from iemhpc.lammps.equilibration import (
    compare_blocks,
    compare_halves,
    drift,
    mean_with_error,
    statistical_inefficiency,
)


def correlated(n: int, *, tau: float, seed: int) -> np.ndarray:
    """Noise of unit variance that forgets itself in tau steps."""
    rng = np.random.default_rng(seed)
    keep = np.exp(-1.0 / tau)
    noise = rng.normal(size=n) * np.sqrt(1 - keep**2)
    values = np.empty(n)
    values[0] = rng.normal()
    for step in range(1, n):
        values[step] = keep * values[step - 1] + noise[step]
    return values


@pytest.mark.parametrize("tau", [2.0, 10.0, 40.0])
def test_inefficiency_of_an_autoregressive_series_is_known(tau: float) -> None:
    keep = np.exp(-1.0 / tau)
    wanted = (1 + keep) / (1 - keep)
    found = np.mean(
        [statistical_inefficiency(correlated(20_000, tau=tau, seed=s)) for s in range(8)]
    )
    assert found == pytest.approx(wanted, rel=0.2)


def test_error_of_a_correlated_mean_is_the_spread_of_means() -> None:
    series = [correlated(2000, tau=10.0, seed=seed) for seed in range(60)]
    spread = np.std([values.mean() for values in series])
    claimed = np.mean([mean_with_error(values).error for values in series])
    assert claimed == pytest.approx(spread, rel=0.25)


def test_a_constant_has_no_error() -> None:
    assert mean_with_error(np.full(50, 1.05)).error < 1e-15
    assert statistical_inefficiency(np.full(50, 1.05)) == 1.0


@pytest.mark.parametrize("block_ps", [0.2, 2.0, 20.0, 200.0])
def test_a_straight_climb_is_never_steady(block_ps: float) -> None:
    first = np.linspace(1.0, 1.02, 500)
    change = compare_blocks(first, first + 0.04, tolerance=0.005, block_ps=block_ps)
    assert not change.is_steady
    assert change.relative == pytest.approx(0.04 / 1.05)


def is_let_through(density: np.ndarray, *, block_ps: float = 7.5) -> bool:
    """Ask after every block, as equilibrate.in does: two passes in a row end it."""
    passed = 0
    for first, last in zip(density, density[2:], strict=False):
        near = compare_blocks(first, last, tolerance=0.005, block_ps=block_ps).is_steady
        passed = passed + 1 if near else 0
        if passed == 2:
            return True
    return False


@pytest.mark.parametrize(
    ("climb", "noise", "least", "most"),
    [(0.0, 0.008, 96, 100), (0.0, 0.012, 96, 100), (0.01, 0.008, 0, 5), (0.01, 0.012, 15, 60)],
)
def test_how_often_a_climb_passes_beneath_the_noise_of_a_small_box_is_what_is_said(
    climb: float, noise: float, least: int, most: int
) -> None:
    passed = 0
    for seed in range(100):
        density = 1.0 + climb * np.arange(750) / 75 + noise * correlated(750, tau=5.0, seed=seed)
        passed += is_let_through(density.reshape(10, 75))
    assert least <= passed <= most


def test_an_exponential_approach_is_steady_only_at_its_end() -> None:
    times_ps = np.arange(0, 100, 0.2)
    density = 1.10 - 0.15 * np.exp(-times_ps / 10.0)
    blocks = density.reshape(10, -1)
    pairs = zip(blocks, blocks[2:], strict=False)
    verdicts = [compare_blocks(a, b, tolerance=0.005, block_ps=10.0).is_steady for a, b in pairs]
    assert verdicts[:3] == [False, False, False]
    assert all(verdicts[4:])


def test_a_step_between_blocks_is_seen_though_one_block_is_noisy() -> None:
    rng = np.random.default_rng(1)
    noisy, quiet = 1.0 + 0.05 * rng.normal(size=500), 1.05 + 0.001 * rng.normal(size=500)
    assert not compare_blocks(noisy, quiet, tolerance=0.005, block_ps=20.0).is_steady


def test_noise_of_a_small_box_is_no_change() -> None:
    """24 Å of water fluctuate by a per cent, and forget in a picosecond."""
    agreed = []
    for seed in range(100):
        density = 1.0 + 0.01 * correlated(150, tau=5.0, seed=seed)  # 30 ps, a line each 0.2 ps
        change = compare_blocks(density[:75], density[75:], tolerance=0.005, block_ps=15.0)
        agreed.append(change.is_steady)
    assert np.mean(agreed) > 0.85


def test_halves_of_too_short_a_series_are_not_judged() -> None:
    assert compare_halves(np.array([1.0, 2.0, 3.0])).is_steady is None
    assert compare_halves(np.linspace(0, 1, 100)).is_steady is None


def test_halves_of_noise_agree_in_nearly_all_cases() -> None:
    verdicts = [
        compare_halves(correlated(1000, tau=5.0, seed=seed)).is_steady for seed in range(100)
    ]
    assert np.mean([verdict is not False for verdict in verdicts]) > 0.9


def test_drift_is_found_beneath_noise_within_its_error() -> None:
    times_ps = np.arange(0, 200, 0.1)
    found = []
    for seed in range(20):
        slope = drift(times_ps, 0.03 * times_ps + correlated(2000, tau=10.0, seed=seed))
        assert slope
        found.append(abs(slope.per_ps - 0.03) / slope.error_per_ps)
    assert np.mean(np.array(found) < 2.5) > 0.85


def test_two_values_have_no_drift() -> None:
    assert drift(np.array([0.0, 1.0]), np.array([0.0, 1.0])) is None
