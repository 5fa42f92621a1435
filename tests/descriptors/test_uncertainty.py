from dataclasses import replace

import numpy as np
import pytest

from iemhpc.descriptors.pairs import PairCounts
from iemhpc.descriptors.uncertainty import describe_pair, is_converged

EDGES_A = np.linspace(0, 12, 241)
R_A = (EDGES_A[1:] + EDGES_A[:-1]) / 2


def shell_counts(rng, filling: np.ndarray) -> PairCounts:
    """Return counts of a shell at 2.4 Å that holds ``filling`` times four neighbours a block."""
    n_blocks, n_frames, n_reference = len(filling), 25, 20
    ideal = 330 / 24.0**3 * 4 / 3 * np.pi * np.diff(EDGES_A**3) * n_frames * n_reference
    shell = np.exp(-((R_A - 2.4) ** 2) / 2 / 0.12**2)
    shell *= 4 * n_frames * n_reference / shell.sum()
    outside = ideal * (1 / (1 + np.exp((3.9 - R_A) / 0.15)) + 0.3 * np.exp(-((R_A - 4.5) ** 2)))
    return PairCounts(
        counts=rng.poisson(filling[:, None] * shell + outside),
        n_frames=np.full(n_blocks, n_frames),
        mean_inverse_volume_A3=np.full(n_blocks, 24.0**-3),
        n_reference=n_reference,
        n_neighbour=330,
    )


def test_the_jackknife_gives_the_scatter_between_independent_runs():
    rng = np.random.default_rng(2)
    found = [
        describe_pair(shell_counts(rng, rng.normal(1, 0.1, 20)), fixed_radius_A=3.2)
        for _ in range(25)
    ]
    numbers = np.array([f.shell.coordination_number for f in found])
    errors = np.array([f.errors["coordination_number"] for f in found])
    assert errors.mean() == pytest.approx(numbers.std(ddof=1), rel=0.35)
    assert sum("not_converged" in f.shell.flags for f in found) <= 4


def test_a_drift_over_the_run_is_flagged_not_converged():
    counts = shell_counts(np.random.default_rng(3), np.linspace(0.7, 1.3, 20))
    found = describe_pair(counts, fixed_radius_A=3.2)
    assert "not_converged" in found.shell.flags
    assert found.shell.coordination_number == pytest.approx(4.0, rel=0.03)


def test_the_count_at_a_fixed_radius_needs_no_minimum():
    counts = shell_counts(np.random.default_rng(4), np.ones(20))
    found = describe_pair(counts, fixed_radius_A=3.0)
    assert found.coordination_number_fixed == pytest.approx(4.0, rel=0.03)
    assert describe_pair(counts, fixed_radius_A=13.0).coordination_number_fixed is None


def test_a_block_without_frames_is_invalid_input():
    counts = shell_counts(np.random.default_rng(4), np.ones(20))
    counts.n_frames[3] = 0
    assert describe_pair(counts, fixed_radius_A=3.0).shell.reason == "invalid_input"


def test_five_blocks_never_prove_convergence_unless_the_error_is_negligible():
    rng = np.random.default_rng(5)
    assert not is_converged(rng.normal(1, 0.1, 5))
    assert is_converged(rng.normal(6, 0.001, 5))


def test_white_noise_is_seldom_called_unconverged():
    rng = np.random.default_rng(6)
    alarms = [not is_converged(rng.normal(1, 0.1, 20)) for _ in range(1000)]
    assert np.mean(alarms) < 0.06


def frozen_counts(rng, *, n_exchanged: int) -> PairCounts:
    """Return counts of shells that keep six neighbours each but for a few, in the last block."""
    counts = shell_counts(rng, np.zeros(20))
    per_block = np.full(20, 6 * 25 * 20)
    per_block[-1] -= n_exchanged
    chance = np.exp(-((R_A - 2.03) ** 2) / 2 / 0.07**2)
    chance[np.abs(R_A - 2.03) > 0.4] = 0.0
    outside = counts.counts * (R_A > 3.2)
    inside = np.array([rng.multinomial(n, chance / chance.sum()) for n in per_block])
    return replace(counts, counts=outside + inside)


def test_a_shell_that_never_exchanged_a_neighbour_has_no_error_and_is_not_converged():
    found = describe_pair(frozen_counts(np.random.default_rng(7), n_exchanged=0), fixed_radius_A=3)
    assert found.shell.coordination_number == pytest.approx(6.0)
    assert found.errors["coordination_number"] is None
    assert found.shell.flags == ("plateau", "not_converged")
    assert found.errors["peak_position_A"] > 0.0
    moved = describe_pair(frozen_counts(np.random.default_rng(7), n_exchanged=90), fixed_radius_A=3)
    assert moved.errors["coordination_number"] > 0.0


def test_equal_blocks_are_not_converged():
    assert not is_converged(np.full(20, 4.625))


def broad_peak(rng, height: float, *, n_reference: int) -> PairCounts:
    """Return counts of a broad peak that only falls towards one."""
    counts = shell_counts(rng, np.zeros(20))
    ideal = 90 / 24.0**3 * 4 / 3 * np.pi * np.diff(EDGES_A**3) * 5 * n_reference
    rise = 1 / (1 + np.exp((3.5 - R_A) / 0.15))
    g = rise * (1 + height * np.exp(-((R_A - 4.7) ** 2) / 2 / 0.8**2))
    return replace(
        counts,
        counts=rng.poisson(np.tile(g * ideal, (20, 1))),
        n_frames=np.full(20, 5),
        n_reference=n_reference,
        n_neighbour=90,
    )


def test_a_peak_that_is_hardly_known_is_flagged_without_a_minimum_too():
    rng = np.random.default_rng(8)
    found = [
        describe_pair(broad_peak(rng, 0.7, n_reference=6), fixed_radius_A=4) for _ in range(10)
    ]
    vague = [f for f in found if f.errors["peak_position_A"] and f.errors["peak_position_A"] > 0.1]
    assert len(vague) >= 5
    assert all("not_converged" in f.shell.flags for f in vague)
    clear = [
        describe_pair(broad_peak(rng, 3.0, n_reference=100), fixed_radius_A=4) for _ in range(10)
    ]
    assert all(f.shell.first_minimum_A is None for f in clear)
    assert sum("not_converged" in f.shell.flags for f in clear) <= 2


@pytest.mark.parametrize(
    ("survival", "is_flagged"), [(None, False), (0.0, False), (0.1, False), (0.3, True)]
)
def test_contacts_that_last_the_run_are_flagged_not_converged(survival, is_flagged):
    counts = shell_counts(np.random.default_rng(12), np.ones(20))
    found = describe_pair(counts, fixed_radius_A=3.2, survival=survival)
    assert ("not_converged" in found.shell.flags) == is_flagged


def test_ions_that_never_exchange_but_differ_have_an_error():
    # five and six waters at ten magnesium ions each: the mean is known to .5 / sqrt(19)
    rng = np.random.default_rng(13)
    frozen = frozen_counts(rng, n_exchanged=0)
    shell = frozen.counts.sum(axis=0) * (R_A < 3.0)
    shares = np.repeat([5.0, 6.0], 10) / 5.5 / 20
    cells = np.rint(shell * shares[:, None]).astype(int)
    cells[-1] += shell - cells.sum(axis=0)
    far = (frozen.counts.sum(axis=0) - shell) // 20
    groups = cells + far
    groups[0] += frozen.counts.sum(axis=0) - groups.sum(axis=0)
    sizes = np.ones(20, dtype=int)
    counts = replace(frozen, group_counts=groups, group_references=sizes)
    found = describe_pair(counts, fixed_radius_A=3.0)
    wanted = 6.0 * 0.5 / 5.5 / np.sqrt(19)
    assert found.errors["coordination_number"] == pytest.approx(wanted, rel=0.1)
    assert found.error_fixed == pytest.approx(wanted, rel=0.1)
    assert "not_converged" in found.shell.flags


def test_counts_by_time_alone_say_so():
    counts = shell_counts(np.random.default_rng(14), np.ones(20))
    assert describe_pair(counts, fixed_radius_A=3.0).error_kind == "time"
