"""The table of ``iemhpc status``: which runs are shown, their lines, and the totals below."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from iemhpc import units
from iemhpc.errors import UnknownNameError, unknown_name
from iemhpc.scheduler.runs import RunRow
from iemhpc.scheduler.states import STATES

NO_RUNS = "no runs yet: iemhpc md-submit"
EMPTY = "-"


@dataclass(frozen=True, slots=True, kw_only=True)
class Totals:
    """Of many runs together."""

    n_runs: int
    """How many."""
    states: dict[str, int]
    """State -> how many."""
    done_ns: float
    """Production so far."""
    wanted_ns: float
    """Production wanted."""
    core_hours: float
    """Spent so far."""
    estimated_core_hours: float
    """Foreseen in all, 0 where that is not known of any."""
    hours_left: float | None
    """Until the slowest of the running ones is done; None where nobody knows."""


def choose_rows(
    rows: Sequence[RunRow],
    *,
    states: Sequence[str] = (),
    systems: Sequence[str] = (),
    run_ids: Sequence[str] = (),
) -> tuple[RunRow, ...]:
    """Return the rows of these states, these systems and these beginnings of ids.

    An empty sequence asks for all. A system is found by any part of its name, whatever its case.

    Raises
    ------
    UnknownNameError
        Where there is no such state, or no run of such a system or beginning.
    """
    for state in states:
        if state not in STATES:
            raise unknown_name("state", state, STATES)
    for system in systems:
        if not any(system.lower() in row.system.lower() for row in rows):
            raise unknown_name("system", system, {row.system for row in rows} or {"none yet"})
    for run_id in run_ids:
        if not any(row.run_id.startswith(run_id) for row in rows):
            raise UnknownNameError(f"no run begins with {run_id!r}; see iemhpc status")
    return tuple(
        row
        for row in rows
        if (not states or row.state in states)
        and (not systems or any(each.lower() in row.system.lower() for each in systems))
        and (not run_ids or row.run_id.startswith(tuple(run_ids)))
    )


def none_of(
    every: Sequence[RunRow],
    *,
    states: Sequence[str] = (),
    systems: Sequence[str] = (),
    run_ids: Sequence[str] = (),
) -> str:
    """Return what is said where :func:`choose_rows` has found none of these runs.

    Examples
    --------
    >>> none_of([])
    'no runs yet: iemhpc md-submit'
    """
    if not every:
        return NO_RUNS
    others = choose_rows(every, systems=systems, run_ids=run_ids)
    of = f" of {' or '.join(systems)}" if systems else ""
    begins = f" whose ids begin with {' or '.join(run_ids)}" if run_ids else ""
    if not states or not others:
        return f"there are no runs{of}{begins}; see iemhpc status"
    runs = "1 run" if len(others) == 1 else f"{len(others)} runs"
    return f"none of {runs}{of}{begins} is {' or '.join(states)}"


def totals(rows: Sequence[RunRow]) -> Totals:
    """Add up what runs have done, want and cost."""
    counts = Counter(row.state for row in rows)
    left = [row.hours_left for row in rows if row.state == "running" and row.hours_left is not None]
    return Totals(
        n_runs=len(rows),
        states={state: counts[state] for state in STATES if counts[state]},
        done_ns=sum(row.done_ns for row in rows),
        wanted_ns=sum(row.production_ps for row in rows) / units.PS_PER_NS,
        core_hours=sum(row.core_hours for row in rows),
        estimated_core_hours=sum(row.estimated_core_hours for row in rows),
        hours_left=max(left) if left else None,
    )


def state_lines(
    rows: Sequence[RunRow], *, at_most: int | None = None, none: str = NO_RUNS
) -> list[str]:
    """Return the table that a person reads, and two lines of totals.

    What runs of one system and concentration may differ in is shown where it differs.

    Parameters
    ----------
    rows : sequence of RunRow
        In the order in which they are shown.
    at_most : int, optional
        Lines of runs; the rest is counted.
    none : str
        What is said where there are no rows, see :func:`none_of`.

    Examples
    --------
    >>> print(state_lines([])[0])
    no runs yet: iemhpc md-submit
    """
    if not rows:
        return [none]
    shown = rows if at_most is None or len(rows) <= at_most else rows[: max(0, at_most - 1)]
    width = max(len(row.system) for row in rows)
    further = _further(rows)
    widths = {name: max(map(len, [name, *cells])) for name, cells in further.items()}
    between = "".join(f"{name:>{width}}  " for name, width in widths.items())
    lines = [
        f"{'run':<12}  {'system':<{width}}  {'mol/L':>6}  {between}{'state':<11}  {'ns':>11}  "
        f"{'ns/day':>6}  {'left':>6}  {'core-h':>6}  stage"
    ]
    for number, row in enumerate(shown):
        cells = [f"{further[name][number]:>{widths[name]}}  " for name in further]
        lines.append(_line(row, width, "".join(cells)))
    if len(shown) < len(rows):
        lines.append(f"... and {len(rows) - len(shown)} more")
    return lines + total_lines(totals(rows))


def total_lines(total: Totals) -> list[str]:
    """Return the lines below the table: states, production and costs of all runs together."""
    left = f"; the slowest needs {_hours(total.hours_left)} more" if total.hours_left else ""
    of = f" of about {_figures(total.estimated_core_hours)}" if total.estimated_core_hours else ""
    return [
        f"{_figures(total.done_ns)} of {_figures(total.wanted_ns)} ns, "
        f"{_figures(total.core_hours)}{of} core-hours{left}",
        ", ".join(f"{count} {state}" for state, count in total.states.items()),
    ]


def _further(rows: Sequence[RunRow]) -> dict[str, list[str]]:
    """Return the columns that not all tables have, by their name: a cell a row."""
    columns = {
        "water/site": [f"{row.water_per_site:.4g}" if row.water_per_site else "" for row in rows],
        "force field": _what_differs([row.force_field for row in rows]),
        "seed": ["" if row.seed is None else str(row.seed) for row in rows],
    }
    return {
        name: [cell or EMPTY for cell in cells]
        for name, cells in columns.items()
        if len({*cells} - {""}) > 1
    }


def _what_differs(fields: Sequence[str]) -> list[str]:
    """Return force fields without the words that all of them share.

    Examples
    --------
    >>> _what_differs(["gaff2 gasteiger spce", "oplsaa own spce", ""])
    ['gaff2 gasteiger', 'oplsaa own', '']
    """
    words = {field: field.split() for field in {*fields} - {""}}
    places = [
        place for place, each in enumerate(zip(*words.values(), strict=False)) if len({*each}) > 1
    ]
    brief = {field: " ".join(said[place] for place in places) for field, said in words.items()}
    return [brief.get(field, "") for field in fields]


def _line(row: RunRow, width: int, between: str) -> str:
    stage = f"{row.stage}, attempt {row.attempt}" if row.attempt > 1 else row.stage
    words = f"{stage}: {row.reason}" if stage and row.reason else stage or row.reason
    ns = f"{_figures(row.done_ns)}/{_figures(row.production_ps / units.PS_PER_NS)}"
    speed = _figures(row.ns_per_day) if row.ns_per_day else EMPTY
    cost = _figures(row.core_hours) if row.core_hours else EMPTY
    left = _hours(row.hours_left) if row.hours_left else EMPTY
    return (
        f"{row.run_id:<12}  {row.system:<{width}}  {row.salt_molar:>6.3g}  {between}"
        f"{row.state:<11}  {ns:>11}  {speed:>6}  {left:>6}  {cost:>6}  {words}"
    ).rstrip()


def _figures(value: float) -> str:
    """Return a number with about three figures and no exponent.

    Examples
    --------
    >>> _figures(0.04321), _figures(12.34), _figures(12345.6)
    ('0.043', '12.3', '12346')
    """
    if value >= 100.0:
        return f"{value:.0f}"
    return f"{value:.2g}" if value < 1.0 else f"{value:.1f}".removesuffix(".0")


def _hours(hours: float) -> str:
    """Return a time as people say it.

    Examples
    --------
    >>> _hours(0.2), _hours(5.0), _hours(100.0)
    ('12 min', '5.0 h', '4.2 d')
    """
    if hours < 1.0:
        return f"{max(1.0, hours * 60.0):.0f} min"
    return f"{hours:.1f} h" if hours < 48.0 else f"{hours / 24.0:.1f} d"
