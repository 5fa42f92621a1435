"""How long a contact lasts: a time from a survival function, or the reason why there is none.

A contact that leaves at a constant rate survives as ``exp(-t / tau)``. The time is that of an
exponential with free amplitude through the survival between the tolerance and where a tenth is
left, each point weighted as counts are. Beside it stands the integral of the whole curve, closed
by that exponential, which is the mean time whatever the shape: where the two differ, contacts are
of several kinds. Errors are from leaving out ions, whose contacts are independent.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from iemhpc.descriptors.contacts import Survival

TOLERANCE_PS = 2.0
"""Absences up to here do not end a contact (Impey, Madden and McDonald, 1983)."""
MUST_FALL_TO = float(np.exp(-1.0))
"""A time is believed only where the survival falls to here ..."""
WITHIN = 0.5
"""... within this part of the run, so that there are several independent origins."""
LAST_VALUE = 0.1
"""The fit ends where less than this is left."""
MIN_POINTS = 3
GROUPS = 10
"""Ions are left out in so many groups."""

Floats = NDArray[np.floating]


@dataclass(frozen=True, slots=True, kw_only=True)
class Residence:
    """A residence time with its errors."""

    fit_ps: float | None = None
    fit_ps_se: float | None = None
    integral_ps: float | None = None
    integral_ps_se: float | None = None
    reason: str | None = None
    """Why there is none: no_contacts, outlives_run or frames_too_coarse."""


def residence_time(survival: Survival, *, frame_ps: float, tolerance_ps: float) -> Residence:
    """Return the residence time that a survival function shows.

    Parameters
    ----------
    survival : Survival
        Tolerant or continuous, by ion.
    frame_ps : float
        Time between frames.
    tolerance_ps : float
        Where the fit begins.

    Examples
    --------
    One ion whose hundred contacts all last 8 frames on average, half a picosecond apart:

    >>> lags = np.arange(40)
    >>> kept = np.round(1e6 * np.exp(-lags / 8.0)).astype(int)[None, :]
    >>> found = residence_time(
    ...     Survival(lags=lags, kept=kept, of=np.full((1, 40), 10**6)),
    ...     frame_ps=0.5, tolerance_ps=0.0,
    ... )
    >>> round(found.fit_ps, 3), round(found.integral_ps, 3), found.fit_ps_se
    (4.0, 4.0, None)
    """
    lag_ps = survival.lags * frame_ps
    reason = _why_not(survival, lag_ps, tolerance_ps)
    if reason is not None:
        return Residence(reason=reason)
    found = _times(survival.values, lag_ps, tolerance_ps)
    if found is None:
        return Residence(reason="frames_too_coarse")
    fit_se, integral_se = _errors(survival, lag_ps, tolerance_ps)
    return Residence(
        fit_ps=found[0], fit_ps_se=fit_se, integral_ps=found[1], integral_ps_se=integral_se
    )


def _why_not(survival: Survival, lag_ps: Floats, tolerance_ps: float) -> str | None:
    values = survival.values
    if not survival.of[:, 0].sum():
        return "no_contacts"
    early = values[(lag_ps <= WITHIN * lag_ps[-1]) & np.isfinite(values)]
    if not (early <= MUST_FALL_TO).any():
        return "outlives_run"
    usable = _usable(values, lag_ps, tolerance_ps)
    if usable.sum() < MIN_POINTS or values[usable][0] <= MUST_FALL_TO:
        return "frames_too_coarse"
    return None


def _usable(values: Floats, lag_ps: Floats, tolerance_ps: float) -> NDArray[np.bool_]:
    is_low = np.flatnonzero(~(values >= LAST_VALUE))
    last = int(is_low[0]) if len(is_low) else len(values)
    within = (lag_ps >= tolerance_ps) & (lag_ps > 0.0) & (lag_ps <= WITHIN * lag_ps[-1])
    return np.asarray(within & (np.arange(len(values)) < last))


def _times(values: Floats, lag_ps: Floats, tolerance_ps: float) -> tuple[float, float] | None:
    usable = _usable(values, lag_ps, tolerance_ps)
    if usable.sum() < MIN_POINTS - 1:
        return None
    # ln S of a count scatters as 1/sqrt(S)
    slope = float(np.polyfit(lag_ps[usable], np.log(values[usable]), 1, w=values[usable] ** 0.5)[0])
    if slope >= 0.0:
        return None
    last = int(np.flatnonzero(usable)[-1])
    head = _integral(values[: last + 1], lag_ps[: last + 1])
    return -1.0 / slope, head - float(values[last]) / slope


def _integral(values: Floats, lag_ps: Floats) -> float:
    # between two lags the curve is an exponential, since lags grow as fast as it falls
    before, after = values[:-1], values[1:]
    ratio = np.log(before / after)
    mean = np.where(ratio > 1e-9, (before - after) / np.where(ratio > 1e-9, ratio, 1.0), before)
    return float((mean * np.diff(lag_ps)).sum())


def _errors(
    survival: Survival, lag_ps: Floats, tolerance_ps: float
) -> tuple[float | None, float | None]:
    group = groups_of(len(survival.kept))
    found = [
        _times(survival.without(group == one), lag_ps, tolerance_ps)
        for one in range(group.max(initial=0) + 1)
    ]
    known = np.array([times for times in found if times is not None])
    if len(known) < 2 or len(known) < len(found):
        return None, None
    errors = known.std(axis=0) * np.sqrt(len(known) - 1.0)
    return float(errors[0]), float(errors[1])


def groups_of(n: int) -> NDArray[np.int64]:
    """Return a group for each of n particles: as many groups as particles, at most ten.

    Examples
    --------
    >>> groups_of(3).tolist(), len(set(groups_of(25).tolist()))
    ([0, 1, 2], 10)
    """
    return np.arange(n, dtype=np.int64) % max(1, min(GROUPS, n))
