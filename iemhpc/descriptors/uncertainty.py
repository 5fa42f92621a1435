r"""The numbers of one pair with their standard errors: two jackknives, over time and over atoms.

Blocks of consecutive frames are left out in turn. Blocks may be correlated, as ion pairs live for
10 to 1000 ps, and then their scatter makes the error of the mean too small. So the jackknife's
pseudo-values are taken apart into cosines over the run: of independent blocks each has the same
power, which is the variance; correlation gives the slowest more. Where they have more than chance
gives, the mean power of the three slowest is the variance (Mueller, J. Econometrics 141, 1331,
2007), and where they have much more, the run is too short to know its error, and the pair is
flagged ``not_converged``.

Then groups of reference atoms are left out in turn (of unequal size: Busing, Meijer and van der
Leeden, Stat. Comput. 9, 3, 1999). Ions do not know of each other, so what differs between their
means over the run is the error of the mean, whatever the correlation in time, also where nothing
changed in time at all; what befalls all of them together shows in time alone. Both errors hold
the noise of counting, so where blocks are independent and chance explains the difference their
mean is taken, else the larger.

A pair is ``not_converged`` too where contacts of the first frame last the run, where a number has
a large error, or comes and goes with a block, and where no neighbour ever came or went.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
from numpy.typing import NDArray
from scipy.fft import dct
from scipy.stats import f as fisher_f

from iemhpc.descriptors.pairs import PairCounts
from iemhpc.descriptors.rdf import Radial, coordination_number, radial
from iemhpc.descriptors.shell import Shell, find_shell
from iemhpc.tables.descriptors import QUANTITIES

FIXED = "coordination_number_fixed"
SLOWEST = 3
"""Cosines over the run, the slowest ones, whose power is the error of a correlated run."""
SUSPECT = 0.15
"""Chance below which these have more power than the others of an uncorrelated run, for the
error ..."""
CERTAIN = 0.025
"""... and the same of any of ``TESTED`` for the flag: together they err in 6 % of such runs."""
TESTED = (1, 2, 4)
"""Numbers of slowest cosines: one sees a drift, four see what lasts a tenth of the run."""
MIN_SERIES = 6
"""Blocks with fewer say nothing of their correlation."""
CHANCE = 0.05
"""Probability below which two variances do not differ by chance."""
SURVIVING = 0.135
"""Share of the first contacts that may last the run: with exponential lives, two lifetimes."""
NEGLIGIBLE = 0.01
"""A relative error below which correlation does not matter."""
FROZEN = 1e-9
"""Relative spread of a count between blocks that is rounding, not exchange."""
LARGE_POSITION_A = 0.1
"""A peak known no better than this (two bins) is not known yet ..."""
LARGE_RELATIVE = 0.15
"""... nor is its height or a coordination number, relative to itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PairDescription:
    """One pair of one run: the shell, its errors, and a count that needs no minimum."""

    shell: Shell
    errors: dict[str, float | None]
    """Standard error by quantity; None where the shell has none, blocks are too few, or none
    differs from another."""
    error_kind: str | None
    """One of ``tables.descriptors.ERROR_KINDS``; None where there are no errors."""
    fixed_radius_A: float
    coordination_number_fixed: float | None
    """Neighbours inside the fixed radius; None without atoms, or beyond the histogram."""
    error_fixed: float | None
    """Its standard error."""


def describe_pair(
    counts: PairCounts, *, fixed_radius_A: float, survival: float | None = None
) -> PairDescription:
    """Find the shell of a pair and how well it is known.

    Parameters
    ----------
    counts : PairCounts
        Pair counts by block and bin.
    fixed_radius_A : float
        Radius at which neighbours are counted whatever the minimum is.
    survival : float, optional
        Share of the contacts of the first frame that lasted the run; None: not followed.
    """
    if (counts.n_frames <= 0).any() or not np.isfinite(counts.mean_inverse_volume_A3).all():
        return _nothing(Shell(reason="invalid_input"), fixed_radius_A)
    rdf = radial(counts)
    shell = find_shell(rdf)
    if counts.n_reference == 0 or counts.n_neighbour == 0:
        return _nothing(shell, fixed_radius_A)
    reaches = fixed_radius_A <= rdf.edges_A[-1] + 1e-9
    fixed = coordination_number(rdf, fixed_radius_A) if reaches else None
    errors, is_steady = _errors(counts, fixed_radius_A)
    if shell.peak_position_A is not None:
        # without a minimum, the inner side of the peak stands for the shell
        cutoff_A = shell.first_minimum_A or shell.peak_position_A
        by_block = _by_block(counts, cutoff_A)
        if is_frozen(by_block) and is_frozen(_by_group(counts, cutoff_A)):
            errors["coordination_number"] = None
        is_kept = survival is not None and survival > SURVIVING
        is_doubtful = not is_steady or _is_large(shell, errors) or not is_converged(by_block)
        if is_kept or is_doubtful:
            shell = replace(shell, flags=(*shell.flags, "not_converged"))
    return PairDescription(
        shell=shell,
        errors={quantity: errors[quantity] for quantity in QUANTITIES},
        error_kind=_error_kind(counts) if any(errors.values()) else None,
        fixed_radius_A=fixed_radius_A,
        coordination_number_fixed=fixed,
        error_fixed=errors[FIXED],
    )


def _nothing(shell: Shell, fixed_radius_A: float) -> PairDescription:
    return PairDescription(
        shell=shell,
        errors=dict.fromkeys(QUANTITIES),
        error_kind=None,
        fixed_radius_A=fixed_radius_A,
        coordination_number_fixed=None,
        error_fixed=None,
    )


def _error_kind(counts: PairCounts) -> str:
    return "time" if _n_groups(counts) < 2 else "references"


def _n_groups(counts: PairCounts) -> int:
    return 0 if counts.group_counts is None else len(counts.group_counts)


def _is_large(shell: Shell, errors: dict[str, float | None]) -> bool:
    position = errors["peak_position_A"]
    if position is not None and position > LARGE_POSITION_A:
        return True
    for quantity in ("peak_height", "coordination_number"):
        value, error = getattr(shell, quantity), errors[quantity]
        if value is not None and error is not None and error > LARGE_RELATIVE * value:
            return True
    return False


def _numbers(
    rdf: Radial, fixed_radius_A: float, *, with_shell: bool = True
) -> dict[str, float | None]:
    shell = find_shell(rdf) if with_shell else Shell()
    reaches = fixed_radius_A <= rdf.edges_A[-1] + 1e-9
    return {
        **{quantity: getattr(shell, quantity) for quantity in QUANTITIES},
        FIXED: coordination_number(rdf, fixed_radius_A) if reaches else None,
    }


def _errors(counts: PairCounts, fixed_radius_A: float) -> tuple[dict[str, float | None], bool]:
    """Return the errors, and whether each number was there without any one block or group."""
    n_blocks, n_groups = len(counts.n_frames), _n_groups(counts)
    full = _numbers(radial(counts), fixed_radius_A)
    numbers = partial(
        _numbers, fixed_radius_A=fixed_radius_A, with_shell=full["peak_position_A"] is not None
    )
    by_time = [numbers(radial(counts, leave_out=block)) for block in range(n_blocks)]
    by_atom = [
        numbers(radial(counts, leave_out_group=group))
        for group in range(n_groups if n_groups > 1 else 0)
    ]
    frames = counts.n_frames / counts.n_frames.sum()
    sizes = counts.group_references if counts.group_references is not None else np.empty(0)
    errors, is_steady = dict[str, float | None](), True
    for name, value in full.items():
        errors[name] = None
        if value is None:
            continue
        in_time = _Jackknife.of(value, [one[name] for one in by_time], frames)
        of_atoms = _Jackknife.of(value, [one[name] for one in by_atom], sizes / counts.n_reference)
        is_steady = is_steady and in_time.is_whole and of_atoms.is_whole
        if in_time.is_slow:
            variance = max(in_time.variance_in_order, of_atoms.variance)
        else:
            variance = combined(
                (in_time.variance, len(by_time) - 1), (of_atoms.variance, len(by_atom) - 1)
            )
        if name == "first_minimum_A" and variance > 0.0:
            variance += (counts.bin_A / 2.0) ** 2  # smoothing shifts a minimum by so much
        error = float(np.sqrt(variance))
        errors[name] = error if error > FROZEN * abs(value) else None
    return errors, is_steady


@dataclass(frozen=True, slots=True, kw_only=True)
class _Jackknife:
    """What leaving out a part in turn says of one number."""

    variance: float
    """Of the number, were the parts independent; 0 with fewer than two."""
    variance_in_order: float
    """The same where the parts follow each other in time and are correlated."""
    is_slow: bool
    """Whether, as a series in time, they seem to be."""
    is_whole: bool
    """Whether the number is there whichever part is left out."""

    @classmethod
    def of(
        cls, value: float, without: Sequence[float | None], shares: NDArray[np.float64]
    ) -> "_Jackknife":
        """Return it from the numbers without each part, and the share of each part."""
        is_there = np.array([one is not None for one in without], dtype=bool)
        is_whole = bool(is_there.all())
        if is_there.sum() < 2:
            return cls(variance=0.0, variance_in_order=0.0, is_slow=False, is_whole=is_whole)
        left_out = np.array([one for one in without if one is not None])
        inverse = 1.0 / shares[is_there]
        pseudo = inverse * value - (inverse - 1.0) * left_out
        centred = pseudo - np.average(pseudo, weights=shares[is_there])
        return cls(
            variance=float(np.mean(centred**2 / (inverse - 1.0))),
            variance_in_order=float(_power(pseudo)[:SLOWEST].mean()) / len(pseudo),
            is_slow=is_whole and is_correlated(pseudo, (SLOWEST,), chance=SUSPECT),
            is_whole=is_whole,
        )


def combined(in_time: tuple[float, int], of_atoms: tuple[float, int]) -> float:
    """Return the variance of a mean from two estimates of it, each with its degrees of freedom.

    Where chance explains their difference it is their mean, else the larger.

    Examples
    --------
    >>> combined((1.0, 19), (1.4, 9)), combined((1.0, 19), (9.0, 9)), combined((1.0, 19), (0.0, -1))
    (1.2, 9.0, 1.0)
    """
    known = [(variance, free) for variance, free in (in_time, of_atoms) if free > 0]
    if len(known) < 2:
        return known[0][0] if known else 0.0
    (small, free_small), (large, free_large) = sorted(known)
    is_chance = large <= small * fisher_f.ppf(1.0 - CHANCE / 2.0, free_large, free_small)
    return (small + large) / 2.0 if is_chance else large


def is_correlated(
    by_block: NDArray[np.float64], n_slowest: Sequence[int], *, chance: float
) -> bool:
    """Tell whether the slowest cosines of a series have more power than the others.

    Parameters
    ----------
    by_block : ndarray, shape (n_blocks,)
        One value a block, in time order; fewer than ``MIN_SERIES`` tell nothing.
    n_slowest : sequence of int
        How many are the slowest; each is tried.
    chance : float
        Probability that one of these trials errs on independent blocks.

    Examples
    --------
    >>> noise = np.random.default_rng(1).normal(size=20)
    >>> is_correlated(noise, (1, 2, 4), chance=0.02)
    False
    >>> is_correlated(noise + np.linspace(-3.0, 3.0, 20), (1, 2, 4), chance=0.02)
    True
    """
    if len(by_block) < MIN_SERIES:
        return False
    power = _power(by_block)
    for n in n_slowest:
        slow, fast = float(power[:n].mean()), float(power[n:].mean())
        if slow > fast * fisher_f.ppf(1.0 - chance, n, len(power) - n):
            return True
    return False


def _power(by_block: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the squares of the cosine components, slowest first, without the mean."""
    return np.asarray(dct(by_block - by_block.mean(), norm="ortho")[1:] ** 2)


def _by_block(counts: PairCounts, cutoff_A: float) -> NDArray[np.float64]:
    each = (radial(_one_block(counts, block)) for block in range(len(counts.n_frames)))
    return np.array([coordination_number(rdf, cutoff_A) for rdf in each])


def _by_group(counts: PairCounts, cutoff_A: float) -> NDArray[np.float64]:
    groups, sizes = counts.group_counts, counts.group_references
    if groups is None or sizes is None:
        return np.zeros(1)
    n_observed = sizes * counts.n_frames.sum()
    whole = radial(counts)
    each = (
        replace(whole, counts=pairs, n_observed=int(n))
        for pairs, n in zip(groups, n_observed, strict=True)
    )
    return np.array([coordination_number(rdf, cutoff_A) for rdf in each])


def _one_block(counts: PairCounts, block: int) -> PairCounts:
    some = slice(block, block + 1)
    return replace(
        counts,
        counts=counts.counts[some],
        n_frames=counts.n_frames[some],
        mean_inverse_volume_A3=counts.mean_inverse_volume_A3[some],
    )


def is_frozen(by_block: NDArray[np.float64]) -> bool:
    """Tell whether all blocks show one and the same number: nothing came or went.

    Parameters
    ----------
    by_block : ndarray, shape (n_blocks,)
        One value a block.

    Examples
    --------
    >>> is_frozen(np.full(20, 6.0)), is_frozen(np.repeat([5.9, 6.0], 10))
    (True, False)
    """
    return float(np.ptp(by_block)) <= FROZEN * abs(float(by_block.mean()))


def is_converged(by_block: NDArray[np.float64]) -> bool:
    """Tell whether blocks are independent, so that the error of their mean is known.

    Equal blocks tell nothing of it, and correlation of a negligible error does not matter.

    Parameters
    ----------
    by_block : ndarray, shape (n_blocks,)
        One value a block, in time order.

    Examples
    --------
    A drift is not noise:

    >>> is_converged(np.linspace(0.2, 0.4, 20))
    False
    >>> is_converged(np.random.default_rng(1).normal(0.3, 0.05, 20))
    True
    """
    if is_frozen(by_block):
        return False
    n_blocks = len(by_block)
    slow = float(_power(by_block)[:SLOWEST].mean()) / n_blocks
    error = np.sqrt(max(slow, float(by_block.var(ddof=1)) / n_blocks))
    if error <= NEGLIGIBLE * abs(float(by_block.mean())):
        return True
    # few blocks cannot show that they are long enough
    return n_blocks >= MIN_SERIES and not is_correlated(by_block, TESTED, chance=CERTAIN)
