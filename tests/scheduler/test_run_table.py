import pytest

from iemhpc.errors import UnknownNameError
from iemhpc.scheduler.run_table import choose_rows, none_of, state_lines, totals
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


def test_runs_of_one_system_are_told_apart_by_what_differs() -> None:
    field = "gaff2 gasteiger spce joung-cheatham 1.0"
    rows = [
        row("a1", seed=0, water_per_site=15.25, force_field=field),
        row("a2", seed=1, water_per_site=15.25, force_field=field),
        row("b1", seed=0, water_per_site=22.0, force_field=field.replace("gaff2", "oplsaa")),
        row("c1", "unknown", system="?"),
    ]
    head, *lines = state_lines(rows)
    assert head.split("mol/L")[1].split("state")[0].split() == [
        *("water/site", "force", "field", "seed")
    ]
    cells = [line.split("0.5")[1].split()[:3] for line in lines[:4]]
    assert cells == [
        ["15.25", "gaff2", "0"],
        ["15.25", "gaff2", "1"],
        ["22", "oplsaa", "0"],
        [*"---"],
    ]
    assert {line.index(" 0/10") for line in lines[:4]} == {lines[0].index(" 0/10")}
    # replicas alone
    assert state_lines(rows[:2])[0].split("mol/L")[1].split()[:2] == ["seed", "state"]
    assert state_lines(rows[1:2])[0].split("mol/L")[1].split()[0] == "state"


@pytest.mark.parametrize(
    ("wanted", "says"),
    [
        ({"states": ["done"]}, "none of 3 runs is done"),
        ({"states": ["done", "planned"]}, "none of 3 runs is done or planned"),
        ({"states": ["queued"], "systems": ["cr61"]}, "none of 2 runs of cr61 is queued"),
        (
            {"states": ["queued"], "run_ids": ["a1"]},
            "none of 1 run whose ids begin with a1 is queued",
        ),
        (
            {"systems": ["CR61"], "run_ids": ["b"]},
            "there are no runs of CR61 whose ids begin with b; see iemhpc status",
        ),
    ],
)
def test_a_filter_that_leaves_nothing_is_said(wanted: dict[str, list[str]], says: str) -> None:
    assert choose_rows(ROWS, **wanted) == ()
    assert none_of(ROWS, **wanted) == says


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
