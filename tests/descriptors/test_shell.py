"""Recovered numbers against radial distributions that are known exactly."""

from collections.abc import Callable

import numpy as np
import pytest

from iemhpc.descriptors.pairs import PairCounts
from iemhpc.descriptors.rdf import Radial, radial
from iemhpc.descriptors.shell import find_shell

Curve = Callable[[np.ndarray], np.ndarray]

BOX_A = 24.0
N_BINS = 240


SUMS = {
    "Na-O": ([(7.2, 2.38, 0.12, 0.16), (0.45, 4.45, 0.45, 0.45)], (0.95, 3.95, 0.18)),
    "Cl-O": ([(3.4, 3.12, 0.15, 0.22), (0.25, 4.9, 0.5, 0.5)], (0.97, 3.8, 0.2)),
    "Mg-O": ([(22, 2.03, 0.065, 0.08), (1.3, 4.2, 0.15, 0.15)], (0.97, 4.1, 0.06)),
    "O-O": (
        [(1.7, 2.75, 0.11, 0.2), (-0.1, 3.6, 0.3, 0.3), (0.12, 4.6, 0.5, 0.5)],
        (0.98, 3, 0.1),
    ),
    "O-Na": (
        [(12.6, 2.35, 0.11, 0.15), (2, 4.4, 0.4, 0.4), (0.6, 6.4, 0.6, 0.6)],
        (0.95, 4.6, 0.4),
    ),
    "N-I": ([(5.3, 4.15, 0.32, 0.45), (0.3, 7.2, 0.5, 0.5)], (0.95, 5.7, 0.3)),
    "two lobes": (
        [(6, 3.1, 0.12, 0.12), (5, 3.65, 0.12, 0.12), (0.5, 5.5, 0.5, 0.5)],
        (0.95, 4.8, 0.2),
    ),
    "I-O": (
        [
            (7.4, 3.49, 0.13, 0.235),
            (0.08, 4, 0.2, 0.2),
            (0.3, 5, 0.4, 0.8),
            (-0.14, 6.9, 0.5, 0.5),
        ],
        (1, 3.6, 0.2),
    ),
    "I-O, shallow": (
        [
            (7.4, 3.49, 0.13, 0.235),
            (0.2, 4, 0.25, 0.25),
            (0.28, 5, 0.5, 0.75),
            (-0.13, 6.8, 0.5, 0.5),
        ],
        (1, 3.6, 0.2),
    ),
    "N-O": ([(1.0, 4.55, 0.25, 0.5), (0.5, 5.4, 0.6, 0.8)], (1, 3.3, 0.15)),
    "hard spheres at low density": ([], (1, 2.5, 0.05)),
}
"""Bumps (height, position, width to either side) and a step up to one (height, position, width)."""


def summed(name: str) -> Curve:
    bumps, (level, start, softness) = SUMS[name]

    def curve(r: np.ndarray) -> np.ndarray:
        total = level / (1 + np.exp(-(r - start) / softness))
        for height, at, left, right in bumps:
            total += height * np.exp(-((r - at) ** 2) / 2 / np.where(r < at, left, right) ** 2)
        return np.maximum(total, 0.0)

    return curve


CURVES: dict[str, Curve] = {
    **{name: summed(name) for name in SUMS},
    "no minimum": lambda r: (1 + 5 * np.exp(2.5 - r)) / (1 + np.exp(np.minimum(50 - 20 * r, 700))),
    "gas": np.ones_like,
}


class Known:
    """A g(r), its exact extrema and coordination number, and counts drawn from it."""

    def __init__(self, name: str, *, n_reference: int, n_neighbour: int) -> None:
        self.n_reference, self.n_neighbour = n_reference, n_neighbour
        self.r = np.linspace(0.0, 12.0, 120_001)
        self.g = CURVES[name](self.r)
        shell = 4 * np.pi * self.r**2 * self.g * n_neighbour / BOX_A**3
        steps = (shell[1:] + shell[:-1]) / 2 * np.diff(self.r)
        self.running = np.concatenate([[0.0], np.cumsum(steps)])

    def extremum(self, low_A: float, high_A: float, *, largest: bool) -> float:
        window = np.flatnonzero((self.r > low_A) & (self.r < high_A))
        best = np.argmax if largest else np.argmin
        return float(self.r[window[best(self.g[window])]])

    def counted_to(self, r_A: float) -> float:
        return float(np.interp(r_A, self.r, self.running))

    def draw(
        self, rng: np.random.Generator, n_frames: int, *, copies: int = 1, n_blocks: int = 1
    ) -> Radial:
        at_edges = np.interp(np.linspace(0, 12, N_BINS + 1), self.r, self.running)
        in_block = n_frames // n_blocks
        expected = np.diff(at_edges) * self.n_reference * in_block / copies
        return radial(
            PairCounts(
                counts=copies * rng.poisson(np.tile(expected, (n_blocks, 1))),
                n_frames=np.full(n_blocks, in_block),
                mean_inverse_volume_A3=np.full(n_blocks, BOX_A**-3),
                n_reference=self.n_reference,
                n_neighbour=self.n_neighbour,
            )
        )


@pytest.mark.parametrize(
    ("name", "n_reference", "n_neighbour", "minimum_between", "tolerance"),
    [
        ("Na-O", 20, 330, (2.6, 3.6), 0.01),
        ("Cl-O", 20, 330, (3.4, 4.3), 0.02),
        ("Mg-O", 10, 330, None, 0.02),
        ("O-Na", 60, 20, (2.6, 3.6), 0.02),
        ("O-Na", 30, 10, (2.6, 3.6), 0.03),
        ("N-I", 20, 10, (4.9, 6.3), 0.03),
    ],
)
def test_a_known_shell_is_recovered_from_noisy_counts(
    name, n_reference, n_neighbour, minimum_between, tolerance
):
    known = Known(name, n_reference=n_reference, n_neighbour=n_neighbour)
    peak_A = known.extremum(1.5, 4.5, largest=True)
    height = known.g.max()
    rng = np.random.default_rng(7)
    shells = [find_shell(known.draw(rng, 500)) for _ in range(20)]
    assert {s.reason for s in shells} == {None}
    positions = np.array([s.peak_position_A for s in shells])
    assert np.sqrt(np.mean((positions - peak_A) ** 2)) < 0.05
    heights = np.array([s.peak_height for s in shells])
    assert np.sqrt(np.mean((heights / height - 1) ** 2)) < 0.04
    minimum_A = known.extremum(*minimum_between, largest=False) if minimum_between else 3.0
    wanted = known.counted_to(minimum_A)
    numbers = np.array([s.coordination_number for s in shells])
    assert np.sqrt(np.mean((numbers / wanted - 1) ** 2)) < tolerance
    assert all(abs(s.first_minimum_A - minimum_A) < 0.2 for s in shells)


def test_an_empty_gap_between_shells_gives_its_midpoint_and_a_flag():
    known = Known("Mg-O", n_reference=10, n_neighbour=330)
    is_empty = (known.g < 0.01) & (known.r > 2.0) & (known.r < 4.5)
    gap = known.r[is_empty]
    shell = find_shell(known.draw(np.random.default_rng(1), 500))
    assert shell.flags == ("plateau",)
    assert shell.first_minimum_A == pytest.approx((gap[0] + gap[-1]) / 2, abs=0.05)
    assert shell.coordination_number == pytest.approx(known.counted_to(3.0), rel=0.03)


def test_a_minimum_on_which_the_count_hangs_is_flagged_shallow():
    known = Known("O-O", n_reference=60, n_neighbour=330)
    shell = find_shell(known.draw(np.random.default_rng(1), 500))
    assert "shallow_minimum" in shell.flags
    assert shell.peak_position_A == pytest.approx(known.extremum(2.5, 3, largest=True), abs=0.05)
    clear = Known("Na-O", n_reference=20, n_neighbour=330)
    assert find_shell(clear.draw(np.random.default_rng(1), 500)).flags == ()


def test_two_lobes_of_one_shell_are_counted_together_and_flagged():
    known = Known("two lobes", n_reference=20, n_neighbour=20)
    shell = find_shell(known.draw(np.random.default_rng(1), 500))
    assert "split_peak" in shell.flags
    assert shell.peak_position_A == pytest.approx(3.1, abs=0.05)
    assert 4.0 < shell.first_minimum_A < 4.6
    assert shell.coordination_number == pytest.approx(known.counted_to(4.2), rel=0.03)


@pytest.mark.parametrize("name", ["gas", "hard spheres at low density"])
@pytest.mark.parametrize(("n_reference", "n_neighbour"), [(20, 330), (20, 20)])
def test_noise_alone_has_no_peak(name, n_reference, n_neighbour):
    known = Known(name, n_reference=n_reference, n_neighbour=n_neighbour)
    rng = np.random.default_rng(8)
    reasons = [find_shell(known.draw(rng, 500)).reason for _ in range(30)]
    assert reasons == ["no_peak"] * 30


def test_frames_so_close_that_they_repeat_each_other_make_no_peaks_of_their_noise():
    rng = np.random.default_rng(10)
    gas = Known("gas", n_reference=20, n_neighbour=330)
    found = [find_shell(gas.draw(rng, 500, copies=8, n_blocks=20)).reason for _ in range(20)]
    assert found == ["no_peak"] * 20
    known = Known("O-Na", n_reference=60, n_neighbour=20)
    shell = find_shell(known.draw(rng, 500, copies=8, n_blocks=20))
    assert shell.coordination_number == pytest.approx(known.counted_to(3.2), rel=0.08)


def test_few_counts_are_called_so():
    rng = np.random.default_rng(9)
    gas = Known("gas", n_reference=2, n_neighbour=2)
    assert {find_shell(gas.draw(rng, 50)).reason for _ in range(10)} == {"low_counts"}
    pairs = Known("O-Na", n_reference=3, n_neighbour=1)
    assert {find_shell(pairs.draw(rng, 100)).reason for _ in range(10)} == {"low_counts"}


def test_a_peak_without_a_minimum_keeps_its_position_and_height():
    known = Known("no minimum", n_reference=20, n_neighbour=330)
    shell = find_shell(known.draw(np.random.default_rng(1), 500))
    assert shell.reason == "no_minimum_in_range"
    assert shell.peak_position_A == pytest.approx(known.extremum(2, 4, largest=True), abs=0.1)
    assert (shell.first_minimum_A, shell.coordination_number) == (None, None)


def test_no_atoms_and_impossible_counts_have_their_reasons():
    good = Known("Na-O", n_reference=20, n_neighbour=330).draw(np.random.default_rng(1), 500)
    nobody = Radial(
        edges_A=good.edges_A, counts=good.counts * 0, ideal=good.ideal * 0, n_observed=0
    )
    assert find_shell(nobody).reason == "no_pairs"
    negative = Radial(edges_A=good.edges_A, counts=-good.counts, ideal=good.ideal, n_observed=9)
    assert find_shell(negative).reason == "invalid_input"


def test_a_broad_peak_without_a_minimum_has_its_top_where_it_is():
    known = Known("N-O", n_reference=15, n_neighbour=90)
    top_A, height = known.extremum(4.0, 5.5, largest=True), known.g.max()
    rng = np.random.default_rng(1)
    shells = [find_shell(known.draw(rng, 101)) for _ in range(40)]
    positions = np.array([s.peak_position_A for s in shells])
    assert np.sqrt(np.mean((positions - top_A) ** 2)) < 0.1
    heights = np.array([s.peak_height for s in shells])
    assert np.sqrt(np.mean((heights / height - 1) ** 2)) < 0.04
    assert sum(s.coordination_number is None for s in shells) >= 39


@pytest.mark.parametrize(
    ("name", "n_frames", "share_found"),
    [
        ("I-O", 101, 0.9),
        ("I-O", 202, 0.95),
        ("I-O", 404, 0.95),
        ("I-O, shallow", 101, 0.2),
        ("I-O, shallow", 202, 0.7),
        ("I-O, shallow", 404, 0.85),
    ],
)
def test_a_weak_first_minimum_is_found_or_left_out_but_the_second_is_not_taken_for_it(
    name, n_frames, share_found
):
    known = Known(name, n_reference=17, n_neighbour=90)
    minimum_A = known.extremum(3.9, 5.0, largest=False)
    rng = np.random.default_rng(3)
    shells = [find_shell(known.draw(rng, n_frames)) for _ in range(60)]
    found = [s for s in shells if s.first_minimum_A is not None]
    assert sum(abs(s.first_minimum_A - minimum_A) > 0.4 for s in found) <= 0.05 * len(shells)
    assert len(found) >= share_found * len(shells)
    numbers = np.array([s.coordination_number for s in found])
    assert np.median(numbers) == pytest.approx(known.counted_to(minimum_A), rel=0.04)
    assert {s.reason for s in shells} <= {None, "low_counts"}


def test_a_curve_that_only_falls_is_told_from_a_dip_in_the_noise():
    rng = np.random.default_rng(4)
    falling = Known("no minimum", n_reference=20, n_neighbour=330)
    reasons = [find_shell(falling.draw(rng, 500)).reason for _ in range(40)]
    assert reasons.count("no_minimum_in_range") >= 34
    dipping = Known("I-O, shallow", n_reference=17, n_neighbour=90)
    reasons = [find_shell(dipping.draw(rng, 50)).reason for _ in range(40)]
    assert reasons.count("no_minimum_in_range") <= 8


def test_seldom_is_noise_behind_a_peak_believed_to_be_a_minimum():
    known = Known("no minimum", n_reference=17, n_neighbour=90)
    rng = np.random.default_rng(5)
    shells = [find_shell(known.draw(rng, 101)) for _ in range(60)]
    assert sum(s.first_minimum_A is not None for s in shells) <= 3


def test_an_obvious_trough_is_found_where_bins_are_nearly_empty():
    known = Known("O-Na", n_reference=42, n_neighbour=19)
    rng = np.random.default_rng(6)
    shells = [find_shell(known.draw(rng, 15)) for _ in range(40)]
    assert sum(s.first_minimum_A is not None for s in shells) >= 30
