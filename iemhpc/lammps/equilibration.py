r"""Is a series steady? Means with honest errors, blocks and halves compared, drift per time.

Neighbouring values of a simulation are alike, so N of them count for N/g only, where g is the
statistical inefficiency (J. D. Chodera et al., J. Chem. Theory Comput. 3, 26 (2007)),

.. math:: g = 1 + 2 \sum_{t=1}^{t_0} (1 - t/N)\, C(t), \qquad s_{\bar x}^2 = s_x^2\, g / N,

C(t) being the normalised autocorrelation and :math:`t_0` its first zero. The relaxation time is
:math:`(g - 1)/2` steps.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

FEWEST_INDEPENDENT = 4.0
"""Values that half a series must be worth before a comparison of halves says anything."""

ERRORS = 2.0
"""How many standard errors two means may lie apart and still agree: 95 in 100 of equal ones do."""

DENSITY_MEMORY_PS = 2.0
"""``equilibrate.in`` counts one independent density in this time: two periods of the barostat."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SeriesMean:
    """Mean of a correlated series."""

    mean: float
    """In the unit of the series."""
    error: float
    """Standard error of the mean; 0 of a single value, which has none."""
    inefficiency: float
    """How many values count for one, g."""
    n: int
    """Length of the series."""

    @property
    def n_independent(self) -> float:
        """How many independent values the series is worth."""
        return self.n / self.inefficiency


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """How far two means lie apart, and whether that counts."""

    first: float
    """Mean of the earlier part."""
    second: float
    """Mean of the later part."""
    error: float
    """Standard error of their difference."""
    is_steady: bool | None
    """Whether they agree; None where the series is too short to say."""

    @property
    def relative(self) -> float:
        """Difference as a fraction of the later mean."""
        return (self.second - self.first) / self.second if self.second else 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Slope:
    """Straight line through a series."""

    per_ps: float
    """Change of the series' unit per picosecond."""
    error_per_ps: float
    """Standard error, the residuals' correlation counted."""


def statistical_inefficiency(values: NDArray[np.float64]) -> float:
    """Return how many values of a series count for one, at least 1.

    Parameters
    ----------
    values : ndarray, shape (n,)
        Equally spaced in time.

    Examples
    --------
    Values that come in runs of ten count for a tenth of their number.

    >>> rng = np.random.default_rng(1)
    >>> bool(abs(statistical_inefficiency(rng.normal(size=4000)) - 1) < 0.2)
    True
    >>> bool(abs(statistical_inefficiency(np.repeat(rng.normal(size=4000), 10)) - 10) < 2)
    True
    """
    n = len(values)
    deviation = values - values.mean() if n else values
    variance = float(deviation @ deviation)
    if n < 2 or variance <= n * (1e-12 * max(1.0, float(np.abs(values).max()))) ** 2:
        return 1.0
    padded = np.fft.rfft(deviation, 2 * n)
    correlation = np.fft.irfft(padded * padded.conj())[:n].real / variance
    # irfft sums n - t products at lag t and divides by n: the factor 1 - t/N is in it already
    negative = np.flatnonzero(correlation <= 0.0)
    end = int(negative[0]) if len(negative) else n
    return max(1.0, 1.0 + 2.0 * float(correlation[1:end].sum()))


def mean_with_error(values: NDArray[np.float64]) -> SeriesMean:
    """Return the mean of a series and its standard error.

    Examples
    --------
    >>> mean_with_error(np.array([1.0, -1.0] * 50)).error
    0.1
    """
    inefficiency = statistical_inefficiency(values)
    spread = float(values.std()) if len(values) else 0.0
    return SeriesMean(
        mean=float(values.mean()) if len(values) else float("nan"),
        error=spread * float(np.sqrt(inefficiency / max(1, len(values)))),
        inefficiency=inefficiency,
        n=len(values),
    )


def compare_blocks(
    first: NDArray[np.float64],
    second: NDArray[np.float64],
    *,
    tolerance: float,
    block_ps: float,
) -> Change:
    """Compare the densities of a block and of the one two after it, as ``equilibrate.in`` does.

    They agree when their means differ by at most ``tolerance`` of the later one, or by at most
    twice the error of the difference, for which the quieter block's variance is taken and one
    independent value every :data:`DENSITY_MEMORY_PS`, at least one a block. A series that climbs
    by D a block changes by 2 D and has a variance of D²/12 in each, so that twice the error of the
    climb itself is 0.82 D at most. ``equilibrate.in`` asks after every block and wants two passes
    in a row. Of climbs of 1 % a block of 7.5 ps, one in a hundred gets through its up to ten blocks
    beneath fluctuations of 0.8 %, a small box's, and four in ten beneath 1.2 %; of climbs of 0.5 %,
    which in two blocks are twice the tolerance, 78 and 98 in 100; of densities at rest 99 in 100.

    Parameters
    ----------
    first, second : ndarray
        Densities of each block.
    tolerance : float
        Relative change that counts as none.
    block_ps : float
        Length of a block, ps.

    Examples
    --------
    >>> block = np.linspace(1.00, 1.10, 101)
    >>> compare_blocks(block, block + 0.2, tolerance=0.005, block_ps=1.0).is_steady
    False
    >>> compare_blocks(block, block + 0.001, tolerance=0.005, block_ps=1.0).is_steady
    True
    """
    variance = min(float(first.var()), float(second.var()))
    n_independent = max(1.0, block_ps / DENSITY_MEMORY_PS)
    error = float(np.sqrt(2.0 * variance / n_independent))
    means = float(first.mean()), float(second.mean())
    apart = abs(means[1] - means[0])
    near = apart <= tolerance * abs(means[1]) or apart <= ERRORS * error
    return Change(first=means[0], second=means[1], error=error, is_steady=near)


def compare_halves(values: NDArray[np.float64]) -> Change:
    """Compare the halves of a series: equal within two errors, unless it is too short to say.

    Examples
    --------
    >>> rng = np.random.default_rng(1)
    >>> compare_halves(rng.normal(size=1000)).is_steady
    True
    >>> compare_halves(rng.normal(size=1000) + np.linspace(0, 1, 1000)).is_steady
    False
    """
    middle = len(values) // 2
    halves = mean_with_error(values[:middle]), mean_with_error(values[middle:])
    error = float(np.hypot(halves[0].error, halves[1].error))
    is_known = middle > 0 and min(half.n_independent for half in halves) >= FEWEST_INDEPENDENT
    apart = abs(halves[1].mean - halves[0].mean)
    return Change(
        first=halves[0].mean,
        second=halves[1].mean,
        error=error,
        is_steady=apart <= ERRORS * error if is_known else None,
    )


def drift(time_ps: NDArray[np.float64], values: NDArray[np.float64]) -> Slope | None:
    """Return the slope of a straight line through a series; None of fewer than three values.

    Examples
    --------
    >>> slope = drift(np.arange(5.0), np.array([0.0, 2.0, 4.0, 6.0, 8.0]))
    >>> round(slope.per_ps, 9)
    2.0
    """
    if len(values) < 3 or np.ptp(time_ps) <= 0:
        return None
    centred = time_ps - time_ps.mean()
    squares = float(centred @ centred)
    slope = float(centred @ (values - values.mean())) / squares
    residuals = values - values.mean() - slope * centred
    inefficiency = statistical_inefficiency(residuals)
    variance = float(residuals @ residuals) / (len(values) - 2)
    return Slope(per_ps=slope, error_per_ps=float(np.sqrt(variance * inefficiency / squares)))
