r"""First solvation shell of a radial distribution: peak, minimum, coordination number.

The shell ends at the first minimum of g(r) after its first significant maximum; the coordination
number is the mean count of neighbours inside it. Counts are Poisson numbers, and the square root
of a Poisson number has a constant variance (Anscombe, Biometrika 35, 246, 1948):

.. math:: y = \sqrt{(c + 3/8) / c_\mathrm{ideal}} \approx \sqrt{g}, \qquad
   \sigma_y = \sqrt{f / 4 c_\mathrm{ideal}}

where f is the dispersion: 1, or more where frames are so close that they show the same pairs.
So a spline is drawn through y with known weights, as smooth as that noise allows. A maximum is
believed where the curve falls from it by several times the noise of one bin, a minimum where it
rises by several times the noise of the curve itself, which averages over the bins between two
knots. A dip that is seen but not believed is no minimum, and neither is what comes after it: it
may be the end of the shell. Positions come from the spline, the summit from a local fit, the
coordination number from the counts themselves.
"""

import math
import warnings
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import BSpline, UnivariateSpline
from scipy.ndimage import gaussian_filter1d

from iemhpc.descriptors.rdf import Radial, coordination_number

ESTIMATOR = "poisson-spline-3"
"""Name and version: raised when the numbers of one and the same histogram change."""

GRID_A = 0.01
NOISE_FACTOR = 3.0
"""How many standard deviations of one bin the curve must fall to leave a maximum."""
SMALLEST_MOVE = 0.03
"""The same in sqrt(g), where the counts are so many that other errors rule."""
DIP_FACTOR = 4.0
"""How many standard deviations of the smoothed curve it must rise to leave a minimum; knots follow
the data, so that three are too few."""
VISIBLE_FACTOR = 2.5
"""As many make a dip that is seen, but not believed, where no minimum follows."""
HINT_FACTOR = 1.0
"""The same where one follows, which would be a number, and a wrong one, if the dip were real."""
SMEAR_A = 0.1
"""Width of the Gaussian of the second estimator, which has no knots and no weights."""
SAME_TROUGH = 0.25
"""Two places in a trough are one minimum if the counts inside them differ by less than this."""
MIN_PEAK_COUNTS = 50
"""Counts above half the height of a peak that is believed."""
LEGIBLE_COUNTS = 25.0
"""An ideal gas must show so many pairs between 3.00 and 3.25 Å for a flat g(r) to mean no peak:
with these a shell of g = 2 stands out by five standard deviations."""
BROAD_A = 1.0
"""A peak whose upper half is wider than this is fitted by a quintic, as it is seldom symmetric."""
SPLIT_A = 0.8
"""Two maxima closer than this are one shell: the two lobes of a bidentate contact."""
PLATEAU_G = 0.01
"""Between shells that exchange no neighbours g is lower than this ..."""
PLATEAU_A = 0.15
"""... over at least this width."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shell:
    """What is read off one g(r), or why it cannot be."""

    peak_position_A: float | None = None
    peak_height: float | None = None
    first_minimum_A: float | None = None
    coordination_number: float | None = None
    reason: str | None = None
    """One of ``tables.descriptors.REASONS``; None where all four are known."""
    flags: tuple[str, ...] = ()
    """Of ``tables.descriptors.FLAGS``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Curve:
    """The smoothed g(r) on a fine grid."""

    r_A: NDArray[np.float64]
    root: NDArray[np.float64]
    """sqrt(g)."""
    g: NDArray[np.float64]
    move: NDArray[np.float64]
    """How far ``root`` must fall for a maximum to be believed."""
    noise: NDArray[np.float64]
    """Standard deviation of ``root``."""


def find_shell(rdf: Radial) -> Shell:
    """Find the first shell of a radial distribution.

    Parameters
    ----------
    rdf : Radial
        Counts, and those of an ideal gas.

    Returns
    -------
    Shell
        The four numbers; those that cannot be read are None, with the reason. Where there is a
        peak but no minimum in range, position and height are given.
    """
    if rdf.n_observed == 0 or not rdf.ideal.any():
        return Shell(reason="no_pairs")
    if not np.isfinite(rdf.ideal).all() or (rdf.counts < 0).any() or (rdf.ideal <= 0).any():
        return Shell(reason="invalid_input")
    curve = _smooth(rdf)
    maxima, minima = _turning_points(curve)
    if not maxima:
        return Shell(reason=_why_no_peak(rdf))
    if _counts_in_peak(rdf, curve, maxima[0]) < MIN_PEAK_COUNTS * rdf.dispersion:
        return Shell(reason="low_counts")
    peak_A, height = _summit(rdf, curve, maxima[0], minima[0] if minima else None)
    is_split = len(maxima) > 1 and curve.r_A[maxima[1]] - curve.r_A[maxima[0]] <= SPLIT_A
    flags = ["split_peak"] if is_split else []
    order = 1 if is_split else 0
    at = minima[order] if len(minima) > order else None
    is_doubtful = _dips_before(rdf, curve, maxima[order], at)
    if at is None or is_doubtful:
        return Shell(
            peak_position_A=peak_A,
            peak_height=height,
            reason="low_counts" if is_doubtful else "no_minimum_in_range",
            flags=tuple(flags),
        )
    minimum_A = _plateau_middle(rdf, curve, at)
    if minimum_A is not None:
        flags.append("plateau")
    else:
        minimum_A = _lowest_A(curve, at)
        end = maxima[order + 1] if len(maxima) > order + 1 else len(curve.r_A) - 1
        if _is_shallow(rdf, curve, slice(maxima[order], end), minimum_A):
            flags.append("shallow_minimum")
        if _disagrees(rdf, maximum_A=float(curve.r_A[maxima[order]]), minimum_A=minimum_A):
            flags.append("estimators_disagree")
    return Shell(
        peak_position_A=peak_A,
        peak_height=height,
        first_minimum_A=minimum_A,
        coordination_number=coordination_number(rdf, minimum_A),
        flags=tuple(flags),
    )


def _smooth(rdf: Radial) -> _Curve:
    root = np.sqrt((rdf.counts + 0.375) / rdf.ideal)
    # Expected chi squared is the number of bins: as smooth as the noise allows, no smoother.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # FITPACK says where it used every knot; that is fine
        weight = 2.0 * np.sqrt(rdf.ideal / rdf.dispersion)
        spline = UnivariateSpline(rdf.r_A, root, w=weight, s=len(root))
    r_A = np.arange(rdf.r_A[0], rdf.r_A[-1], GRID_A)
    smooth = np.asarray(spline(r_A))
    ideal = np.interp(r_A, rdf.r_A, rdf.ideal)
    # the 3/8 of the transform, taken back; never below an empty shell
    g = np.maximum(smooth * np.abs(smooth) - 0.375 / ideal, 0.0)
    of_bin = np.sqrt(rdf.dispersion / ideal) / 2.0
    move = np.maximum(NOISE_FACTOR * of_bin, SMALLEST_MOVE)
    of_curve = np.minimum(_spline_error(rdf.r_A, weight, spline.get_knots(), r_A), of_bin)
    # a bin that expects no pair has no Poisson noise to average over
    noise = np.where(g * ideal < 1.0, of_bin, of_curve)
    return _Curve(r_A=r_A, root=np.sqrt(g), g=g, move=move, noise=noise)


def _spline_error(
    x: NDArray[np.float64],
    weight: NDArray[np.float64],
    knots: NDArray[np.float64],
    at: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Return the standard deviation of a least-squares cubic spline with these knots."""
    knots = np.concatenate([knots[:1].repeat(3), knots, knots[-1:].repeat(3)])
    basis = BSpline.design_matrix(x, knots, 3).toarray() * weight[:, None]
    covariance = np.linalg.pinv(basis.T @ basis, hermitian=True)
    wanted = BSpline.design_matrix(at, knots, 3).toarray()
    return np.asarray(np.sqrt(((wanted @ covariance) * wanted).sum(axis=1)))


def _turning_points(curve: _Curve) -> tuple[list[int], list[int]]:
    """Return where the curve turns for good: maxima and minima, taking turns, a maximum first."""
    found: tuple[list[int], list[int]] = ([], [])
    is_rising = True  # at contact distance there is nobody: the first extremum is a maximum
    best = 0
    has_risen = False
    # plain numbers: this is a loop, and done some hundred times a run
    root, move, noise = curve.root.tolist(), curve.move.tolist(), curve.noise.tolist()
    for at in range(1, len(root)):
        fallen = root[best] - root[at] if is_rising else root[at] - root[best]
        if fallen < 0.0:
            best = at
            has_risen = has_risen or root[at] > move[at]
        elif has_risen and fallen >= SMALLEST_MOVE:
            needed = max(move[at], move[best])
            if not is_rising:
                dip = DIP_FACTOR * math.hypot(noise[at], noise[best])
                needed = min(max(dip, SMALLEST_MOVE), needed)
            if fallen >= needed:
                found[0 if is_rising else 1].append(best)
                is_rising = not is_rising
                best = at
    return found


def _dips_before(rdf: Radial, curve: _Curve, maximum: int, minimum: int | None) -> bool:
    """Tell whether a dip is seen that would end the shell before the minimum, if there is one."""
    smear = SMEAR_A / rdf.bin_A
    ideal = gaussian_filter1d(rdf.ideal, smear)
    g = gaussian_filter1d(rdf.counts.astype(float), smear) / ideal
    n_bins = 2.0 * np.sqrt(np.pi) * smear
    of_bin = np.sqrt(rdf.dispersion / rdf.ideal) / 2.0
    noise = np.where(g * ideal < 1.0, of_bin, of_bin / np.sqrt(n_bins))
    start = int(np.searchsorted(rdf.r_A, curve.r_A[maximum])) + round(smear)
    visible = VISIBLE_FACTOR if minimum is None else HINT_FACTOR
    seen = (
        (curve.r_A, _first_dip(curve.root, curve.noise, maximum, factor=visible)),
        (rdf.r_A, _first_dip(np.sqrt(g), noise, start, factor=DIP_FACTOR)),
    )
    if minimum is None:
        return any(dip is not None for _, dip in seen)
    number = coordination_number(rdf, float(curve.r_A[minimum]))
    inside = [coordination_number(rdf, float(r_A[dip])) for r_A, dip in seen if dip is not None]
    return any(n < (1.0 - SAME_TROUGH) * number for n in inside)


def _first_dip(
    root: NDArray[np.float64], noise: NDArray[np.float64], start: int, *, factor: float
) -> int | None:
    best = start
    for at in range(start, len(root)):
        if root[at] < root[best]:
            best = at
        elif root[at] - root[best] >= factor * np.hypot(noise[at], noise[best]) > 0.0:
            return best
    return None


def _why_no_peak(rdf: Radial) -> str:
    window = (rdf.r_A > 3.0) & (rdf.r_A < 3.25)
    independent = float(rdf.ideal[window].sum()) / rdf.dispersion
    return "no_peak" if independent >= LEGIBLE_COUNTS else "low_counts"


def _around(values: NDArray[np.bool_], at: int) -> slice:
    """Return the stretch of true values that holds ``at``."""
    false = np.flatnonzero(~values)
    below, above = false[false < at], false[false > at]
    return slice(
        int(below[-1]) + 1 if len(below) else 0, int(above[0]) if len(above) else len(values)
    )


def _counts_in_peak(rdf: Radial, curve: _Curve, at: int) -> int:
    half = _around(curve.g >= curve.g[at] / 2.0, at)
    low_A, high_A = curve.r_A[half.start], curve.r_A[half.stop - 1]
    return int(rdf.counts[(rdf.r_A >= low_A - 1e-9) & (rdf.r_A <= high_A + 1e-9)].sum())


def _summit(rdf: Radial, curve: _Curve, at: int, base_at: int | None) -> tuple[float, float]:
    """Return where g is highest and how high, from a polynomial through ln g of its upper half.

    A bin shows the mean of g over its width, which is lower than the top by g'' w²/24. A peak
    without a minimum stands on one, as far from everything g is. Where the fit has no top of its
    own, that of the spline is returned.
    """
    base = curve.g[base_at] if base_at is not None else min(1.0, 0.5 * curve.g[at])
    upper = _around(curve.g >= 0.5 * (curve.g[at] + base), at)
    low_A = min(curve.r_A[upper.start], curve.r_A[at] - 2 * rdf.bin_A)
    high_A = max(curve.r_A[upper.stop - 1], curve.r_A[at] + 2 * rdf.bin_A)
    near = np.flatnonzero((rdf.r_A >= low_A) & (rdf.r_A <= high_A) & (rdf.counts > 0))
    if len(near) < 4:
        return float(curve.r_A[at]), float(curve.g[at])
    x = rdf.r_A[near] - curve.r_A[at]
    degree = 2 if len(near) <= 5 else 5 if high_A - low_A > BROAD_A else 3
    fit = np.polynomial.Polynomial.fit(x, np.log(rdf.g[near]), degree, w=np.sqrt(rdf.counts[near]))
    reach_A = max(2 * rdf.bin_A, (high_A - low_A) / 4.0)
    fine = np.linspace(max(x[0], -reach_A), min(x[-1], reach_A), 401)
    best = int(np.argmax(fit(fine)))
    if best in (0, len(fine) - 1):
        return float(curve.r_A[at]), float(curve.g[at])
    top = fine[best]
    curvature = float(fit.deriv(2)(top)) + float(fit.deriv(1)(top)) ** 2
    lowering = max(1.0 + curvature * rdf.bin_A**2 / 24.0, 0.5)
    return float(curve.r_A[at] + top), float(np.exp(fit(top)) / lowering)


def _plateau_middle(rdf: Radial, curve: _Curve, at: int) -> float | None:
    if curve.g[at] > PLATEAU_G:
        return None
    empty = _around(curve.g <= PLATEAU_G, at)
    low_A, high_A = float(curve.r_A[empty.start]), float(curve.r_A[empty.stop - 1])
    return (low_A + high_A) / 2.0 if high_A - low_A >= PLATEAU_A else None


def _lowest_A(curve: _Curve, at: int) -> float:
    """Return where the parabola through a minimum and the points beside it is lowest."""
    if not 0 < at < len(curve.root) - 1:
        return float(curve.r_A[at])
    before, here, after = curve.root[at - 1 : at + 2]
    bend = before - 2.0 * here + after
    step = 0.5 * (before - after) / bend if bend > 0.0 else 0.0
    return float(curve.r_A[at] + GRID_A * step)


def _is_shallow(rdf: Radial, curve: _Curve, between: slice, minimum_A: float) -> bool:
    # How much the coordination number depends on where in the trough one stops.
    at = int(np.argmin(np.abs(curve.r_A - minimum_A)))
    trough = _around(curve.root <= 1.05 * curve.root[at] + curve.move[at] / 2.0, at)
    low_A = float(curve.r_A[max(trough.start, between.start)])
    high_A = float(curve.r_A[min(trough.stop, between.stop) - 1])
    spread = coordination_number(rdf, high_A) - coordination_number(rdf, low_A)
    return spread > SAME_TROUGH * coordination_number(rdf, minimum_A)


def _disagrees(rdf: Radial, *, maximum_A: float, minimum_A: float) -> bool:
    # The second estimator: counts under a Gaussian of 0.1 Å, without weights or tests.
    smear = SMEAR_A / rdf.bin_A
    g = gaussian_filter1d(rdf.counts.astype(float), smear) / gaussian_filter1d(rdf.ideal, smear)
    near_peak = np.flatnonzero(np.abs(rdf.r_A - maximum_A) <= 0.4)
    other_maximum_A = float(rdf.r_A[near_peak[np.argmax(g[near_peak])]])
    in_trough = np.flatnonzero((rdf.r_A > maximum_A) & (rdf.r_A < minimum_A + 0.6))
    other_minimum_A = float(rdf.r_A[in_trough[np.argmin(g[in_trough])]])
    mine = coordination_number(rdf, minimum_A)
    other = coordination_number(rdf, other_minimum_A)
    return abs(other_maximum_A - maximum_A) > 0.15 or abs(other - mine) > 0.1 * mine
