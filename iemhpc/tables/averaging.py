"""One number from several independent builds of one box, and how well it is known.

The spread between builds is the error that is used: it holds what a single run cannot see, where
its ions were left when it began. With two or three builds it may be small by chance, so the error
is never less than what the errors of the single runs leave to the mean.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import stdev


@dataclass(frozen=True, slots=True, kw_only=True)
class Average:
    """A mean over builds."""

    value: float
    """The mean."""
    error: float | None
    """Its standard error; None where neither runs nor their spread tell."""
    spread: float | None
    """Standard deviation between builds; None of a single one."""
    n_builds: int
    """Builds that have the number."""


def average(values: Sequence[float], errors: Sequence[float | None]) -> Average | None:
    """Combine one number of several builds; None where no build has it.

    Parameters
    ----------
    values : sequence of float
        The number in each build that has it.
    errors : sequence of float or None
        The standard errors of single runs; None: not known.

    Examples
    --------
    Builds that differ by more than their runs know:

    >>> found = average([4.0, 5.0], [0.01, 0.2])
    >>> found.value, round(found.error, 3), round(found.spread, 3)
    (4.5, 0.5, 0.707)

    Builds that agree by chance are not known better than their runs:

    >>> round(average([4.0, 4.0], [0.1, 0.1]).error, 3)
    0.071
    """
    if not values:
        return None
    spread = stdev(values) if len(values) > 1 else None
    candidates = [] if spread is None else [spread / math.sqrt(len(values))]
    known = [error for error in errors if error is not None and error > 0.0]
    if len(known) == len(values):
        candidates.append(_error_of_mean(values, known))
    return Average(
        value=weighted_mean(values, errors),
        error=max(candidates, default=0.0) or None,
        spread=spread,
        n_builds=len(values),
    )


def weighted_mean(values: Sequence[float], errors: Sequence[float | None]) -> float:
    """Return the mean with weights 1/SE² where the errors explain the spread, else the plain mean.

    They do where chi-square per degree of freedom is at most 1. Builds that differ by more differ
    by what a run's own error does not see, and then the smallest error must not decide; nor can
    errors that are unknown or zero.

    Examples
    --------
    >>> round(weighted_mean([4.0, 4.1], [0.1, 0.2]), 6)
    4.02
    >>> weighted_mean([4.0, 5.0], [0.01, 0.2]), weighted_mean([4.0, 5.0], [0.1, None])
    (4.5, 4.5)
    """
    plain = math.fsum(values) / len(values)
    known = [error for error in errors if error is not None and error > 0.0]
    if len(values) == 1 or len(known) < len(values):
        return plain
    mean, is_explained = _weighted(values, known)
    return mean if is_explained else plain


def _weighted(values: Sequence[float], errors: Sequence[float]) -> tuple[float, bool]:
    weights = [1.0 / (error * error) for error in errors]
    pairs = list(zip(weights, values, strict=True))
    mean = math.fsum(w * v for w, v in pairs) / math.fsum(weights)
    chi_square = math.fsum(w * (v - mean) ** 2 for w, v in pairs)
    return mean, chi_square <= len(values) - 1


def _error_of_mean(values: Sequence[float], errors: Sequence[float]) -> float:
    if _weighted(values, errors)[1]:
        return 1.0 / math.sqrt(math.fsum(1.0 / (error * error) for error in errors))
    return math.sqrt(math.fsum(error * error for error in errors)) / len(errors)
