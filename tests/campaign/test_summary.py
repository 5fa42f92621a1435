"""What a person reads of a campaign: a table as wide as it must be, costs, totals."""

import re
from dataclasses import replace
from pathlib import Path

import pytest

from iemhpc.campaign import (
    CampaignRun,
    CampaignSummary,
    HowToSubmit,
    plan_campaign,
    submit_campaign,
)
from iemhpc.campaign.changes import in_words
from iemhpc.campaign.summary import MOST_BLOCKS, totals
from iemhpc.lammps.run_folder import plan_json
from iemhpc.settings.targets import load_campaign
from iemhpc.workspace import Workspace, write_json

TEXT = """\
box_A = 24.0
protocol = "quick"
replicas = 2
force_field = ["gaff2", "oplsaa"]
[[systems]]
membrane = "CR61"
salts = ["NaCl"]
salt_molar = [1.0]
"""


@pytest.fixture(scope="module")
def dry(tmp_path_factory: pytest.TempPathFactory, lmp: str) -> CampaignSummary:
    workspace = Workspace(tmp_path_factory.mktemp("campaign"))
    workspace.campaign.write_text(TEXT)
    return submit_campaign(workspace, how=HowToSubmit(dry_run=True))


def table_of(lines: list[str]) -> list[str]:
    first = next(place for place, line in enumerate(lines) if line.startswith("run  "))
    return lines[first:]


def test_a_dry_run_tells_what_was_wanted_and_realised_and_what_it_costs(
    dry: CampaignSummary,
) -> None:
    head, *rows = table_of(dry.lines())
    assert head.split("  ")[0] == "run"
    for name in ("wanted mol/L", "realised", "atoms", "force field", "cores", "core-hours", "disk"):
        assert name in head
    place = head.index("core-hours")
    assert [row[place : place + 10].strip() for row in rows[:4]] == [
        f"{run.core_hours:.2g}" for run in dry.runs
    ]
    assert "gaff2 am1bcc" in rows[0]
    assert "oplsaa opls" in rows[1]
    assert rows[4].startswith("in all 4 runs to do: about ")
    hours = float(re.findall(r"about ([\d.]+) core-hours", rows[4])[0])
    assert hours == pytest.approx(sum(run.core_hours for run in dry.runs), rel=0.01)
    assert 1.0 < hours < 4.0, "a quick run of 24 Å is about an hour at most"
    assert dry.next_command == "the same without --dry-run"


def test_columns_that_tell_nothing_are_left_out(dry: CampaignSummary) -> None:
    alike = tuple(run for run in dry.runs if run.chemistry["force_field"] == "gaff2")
    head = table_of(replace(dry, runs=alike).lines())[0]
    assert "force field" not in head
    assert "core-hours" not in table_of(replace(dry, is_dry=False).lines())[0]


def test_the_table_is_as_wide_as_its_widest_row(dry: CampaignSummary) -> None:
    (first, *others) = dry.runs
    long = replace(first, salt_molar=(0.01, 0.03, 0.1, 0.3))
    table = table_of(replace(dry, runs=(long, *others)).lines())
    place = table[0].index("state")
    assert {row[place:] for row in table[1:5]} == {"new"}


def test_totals_are_of_what_is_not_done(dry: CampaignSummary) -> None:
    first, *others = dry.runs
    said = totals((replace(first, state="done", core_hours_left=0.0), *others))
    assert said.startswith("in all 3 runs to do (1 done): about ")


def test_many_boxes_are_a_table_and_no_pages(dry: CampaignSummary) -> None:
    def other(number: int) -> CampaignRun:
        return replace(dry.runs[0], run_id=f"{number:012d}", salt_molar=(float(number),))

    few = replace(dry, runs=tuple(map(other, range(MOST_BLOCKS))))
    assert few.lines()[0].startswith("== composition of CR61/NaCl at 0 mol/L")
    many = replace(dry, runs=tuple(map(other, range(MOST_BLOCKS + 1))))
    assert many.lines()[0].startswith("13 boxes: what each holds is in --json, or shown with fewer")


def test_finished_runs_of_the_workspace_say_how_fast_it_is(tmp_path: Path, lmp: str) -> None:
    workspace = Workspace(tmp_path)
    workspace.campaign.write_text(TEXT)
    dry = HowToSubmit(dry_run=True)
    before = submit_campaign(workspace, how=dry)
    assert before.notes[0].startswith("core-hours by a rate measured on one core of a 2-core")

    planned, _ = plan_campaign(load_campaign(workspace, (), overrides={}))
    run = workspace.run(planned[0].run_id)
    run.mkdir(parents=True)
    write_json(run / "plan.json", plan_json(planned[0].plan))
    status = {"state": "done", "stage": "production", "attempt": 1, "rc": 0, "reason": ""}
    write_json(run / "status.json", status | {"n_steps": 250_000})
    (run / "log.production.1.lammps").write_text(
        "Loop time of 9000 on 1 procs for 250000 steps with 1336 atoms\n"
    )
    after = submit_campaign(workspace, how=dry)
    assert after.notes[0] == "core-hours by the pace of 1 run that finished in this workspace"
    assert after.runs[0].core_hours > 5 * before.runs[0].core_hours
    assert [row.state for row in after.runs] == ["done", "new", "new", "new"]


def test_few_runs_are_named_and_many_counted() -> None:
    assert in_words(["a"]) == "1 run (a)"
    assert in_words(["a", "b", "c", "d"]) == "4 runs (a, b, c, ...)"


def test_only_what_md_submit_would_start_is_added_up(dry: CampaignSummary) -> None:
    states = ("new", "interrupted", "failed", "cancelled", "running", "queued")
    runs = tuple(
        replace(
            dry.runs[0], run_id=f"{n}", state=state, core_hours_left=10.0**n, disk_bytes_left=10**6
        )
        for n, state in enumerate(states)
    )
    assert totals(runs) == (
        "in all 2 runs to do (2 at work, 1 failed: --retry-failed starts them again, "
        "1 cancelled: iemhpc resubmit RUN): about 11 core-hours and 2 MB of disk"
    )
    assert totals(runs, retry_failed=True) == (
        "in all 3 runs to do (2 at work, 1 cancelled: iemhpc resubmit RUN): about 111 core-hours "
        "and 3 MB of disk"
    )
    done = replace(runs[0], state="done", core_hours_left=0.0)
    assert totals((done, runs[3])) == "nothing to do (1 done, 1 cancelled: iemhpc resubmit RUN)"
    assert totals((replace(done, core_hours_left=2.0),)).startswith("in all 1 run to do: about 2 ")


def test_of_a_run_that_was_cut_short_only_the_rest_is_counted(tmp_path: Path, lmp: str) -> None:
    workspace = Workspace(tmp_path)
    workspace.campaign.write_text(TEXT)
    planned, _ = plan_campaign(load_campaign(workspace, (), overrides={}))
    for one, state in zip(planned, ("interrupted", "done"), strict=False):
        run = workspace.run(one.run_id)
        run.mkdir(parents=True)
        write_json(run / "plan.json", plan_json(one.plan))
        status = {"state": state, "stage": "production", "attempt": 1, "rc": 0, "reason": ""}
        write_json(run / "status.json", status | {"n_steps": 250_000})
        log = "  0  0.0  298.2  -3.1 -4e4\n  187500  1.0  298.2  -3.1 -4e4\n"
        (run / "log.production.1.lammps").write_text(log)
    runs = submit_campaign(workspace, how=HowToSubmit(dry_run=True)).runs
    states = [run.state for run in runs]
    assert states == ["interrupted", "done", "new", "new"]
    cut, done, new, _ = runs
    assert cut.core_hours_left < 0.25 * cut.core_hours, "a quarter, and no equilibration"
    assert 0.15 < cut.disk_bytes_left / cut.disk_bytes < 0.25, "its frames"
    assert (done.core_hours_left, done.disk_bytes_left) == (0.0, 0)
    assert (new.core_hours_left, new.disk_bytes_left) == (new.core_hours, new.disk_bytes)
    longer = submit_campaign(
        workspace, overrides={"production_ns": 1.0}, how=HowToSubmit(dry_run=True)
    )
    assert "in all 4 runs to do: about" in "\n".join(longer.lines()), "the finished one goes on"
