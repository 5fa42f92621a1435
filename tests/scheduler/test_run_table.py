import pytest

from iemhpc.errors import UnknownNameError
from iemhpc.scheduler.run_table import choose_rows, state_lines, totals
from iemhpc.scheduler.runs import RunRow


def row(run_id: str = "a1", state: str = "running", **values: object) -> RunRow:
    said: dict[str, object] = {"run_id": run_id, "system": "CR61/NaCl", "salt_molar": 0.5}
    said |= {"state": state, "stage": "production", "attempt": 1, "reason": ""}
    return RunRow(**(said | {"production_ps": 10_000.0} | values))  # type: ignore[arg-type]


ROWS = (
    row("a1", done_ns=2.5, ns_per_day=12.0, hours_left=15.0, core_hours=9.0),
    row("a2", "failed", attempt=2, reason="ERROR: x", estimated_core_hours=40.0),
    row("b3", "queued", system="Nafion/KCl", stage=""),
)


def test_a_line_says_how_far_how_fast_how_long_and_why() -> None:
    head, first, second, third, sums, counts = state_lines(ROWS)
    assert head.split()[4:] == ["ns", "ns/day", "left", "core-h", "stage"]
    assert " ".join(first.split()) == "a1 CR61/NaCl 0.5 running 2.5/10 12 15.0 h 9 production"
    assert second.endswith("0/10       -       -       -  production, attempt 2: ERROR: x")
    assert " ".join(third.split()) == "b3 Nafion/KCl 0.5 queued 0/10 - - -"
    assert sums == "2.5 of 30 ns, 9 of about 40 core-hours; the slowest needs 15.0 h more"
    assert counts == "1 queued, 1 running, 1 failed"


def test_rows_that_do_not_fit_are_counted_and_still_added_up() -> None:
    lines = state_lines(ROWS, at_most=2)
    assert lines[2] == "... and 2 more"
    assert lines[-1] == "1 queued, 1 running, 1 failed"


def test_totals_of_nothing_are_nothing() -> None:
    total = totals([])
    assert (total.n_runs, total.states, total.hours_left) == (0, {}, None)


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        ({}, "a1 a2 b3"),
        ({"states": ["failed", "queued"]}, "a2 b3"),
        ({"systems": ["cr61"]}, "a1 a2"),
        ({"run_ids": ["a2", "b"]}, "a2 b3"),
        ({"states": ["queued"], "run_ids": ["a"]}, ""),
    ],
)
def test_rows_are_chosen_by_all_that_is_asked_for(wanted: dict[str, list[str]], found: str) -> None:
    assert " ".join(each.run_id for each in choose_rows(ROWS, **wanted)) == found


@pytest.mark.parametrize(
    ("wanted", "says"),
    [
        ({"states": ["runing"]}, "unknown state 'runing'; did you mean 'running'?"),
        ({"systems": ["Nafoin/KCl"]}, "unknown system 'Nafoin/KCl'; did you mean 'Nafion/KCl'?"),
        ({"run_ids": ["z"]}, "no run begins with 'z'; see iemhpc status"),
    ],
)
def test_what_there_is_not_is_said(wanted: dict[str, list[str]], says: str) -> None:
    with pytest.raises(UnknownNameError, match=says.replace("?", r"\?")):
        choose_rows(ROWS, **wanted)
