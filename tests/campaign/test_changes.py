"""A campaign changed under its runs: what they take up, what they keep, and that it is said."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from iemhpc.campaign import HowToSubmit, plan_campaign, submit_campaign
from iemhpc.campaign.changes import adapt_runs, strangers
from iemhpc.campaign.extending import Extended, Place, extend_runs, next_command
from iemhpc.campaign.plans import Planned
from iemhpc.campaign.rows import states_of
from iemhpc.errors import InputError, UnknownNameError
from iemhpc.lammps.run_folder import plan_json, read_plan
from iemhpc.settings.targets import load_campaign
from iemhpc.workspace import Workspace, write_json

TEXT = """\
box_A = 24.0
replicas = 1
protocol = "test"

[[systems]]
membrane = "CR61"
salts = ["NaCl"]
salt_molar = [1.0]
"""


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    (tmp_path / "campaign.toml").write_text(TEXT)
    return Workspace(tmp_path)


@pytest.fixture
def write_run(
    workspace: Workspace, write_water_box: Callable[..., Path]
) -> Callable[..., tuple[Planned, Path]]:
    """Function that makes the campaign's run, a box of water in its place."""

    def write(*, per_edge: int = 5, **overrides: Any) -> tuple[Planned, Path]:
        (one,) = planned_of(workspace, **overrides)
        folder = write_water_box(workspace.run(one.run_id), per_edge=per_edge)
        write_json(folder / "plan.json", plan_json(one.plan))
        return one, folder

    return write


def planned_of(workspace: Workspace, **overrides: Any) -> tuple[Planned, ...]:
    return plan_campaign(load_campaign(workspace, (), overrides=overrides))[0]


def begin(folder: Path, state: str, *, n_steps: int = 500) -> None:
    """Leave in a folder what a run that was begun leaves there."""
    job = {"scheduler": "slurm", "cluster": "slurm", "submission": "x", "task": "1_0"}
    numbers = {"index": 0, "attempts": 0, "submitted_s": 0.0, "cores_per_run": 2}
    write_json(folder / "job.json", job | numbers)
    (folder / "production.restart").write_bytes(b"numbers LammpS RestartT 1\0")
    status = {"stage": "production", "attempt": 1, "rc": 0, "reason": "", "n_steps": n_steps}
    write_json(folder / "status.json", {"state": state} | status)


def changed(workspace: Workspace, state: str, **overrides: Any) -> tuple[list[str], dict[str, Any]]:
    """Return what is said when the settings change under a run, and its sampling then."""
    planned = planned_of(workspace, **overrides)
    states = {one.run_id: state for one in planned}
    changes = adapt_runs(workspace, planned, states=states)
    assert changes.problems == {}
    return list(changes.notes), dict(read_plan(workspace.run(planned[0].run_id)).sampling)


def test_a_run_that_was_never_handed_over_takes_every_sampling(
    workspace: Workspace, write_run: Callable[..., tuple[Planned, Path]]
) -> None:
    write_run()
    notes, sampling = changed(
        workspace, "planned", production_ns=0.0005, frame_ps=0.05, timestep_fs=1.0
    )
    assert notes == []
    assert sampling == {"production_ps": 0.5, "frame_ps": 0.05, "timestep_fs": 1.0}


def test_a_run_that_was_begun_keeps_frames_and_time_step_and_says_so(
    workspace: Workspace, write_run: Callable[..., tuple[Planned, Path]]
) -> None:
    one, folder = write_run()
    begin(folder, "done")
    notes, sampling = changed(workspace, "done", frame_ps=0.05, timestep_fs=1.0)
    assert sampling == dict(one.plan.sampling)
    assert [note.split(", though")[0] for note in notes] == [
        f"1 run ({one.run_id}): begun with frame_ps = 0.1 ps and kept so",
        f"1 run ({one.run_id}): begun with timestep_fs = 2 fs and kept so",
    ]
    assert "the campaign says 0.05 ps now" in notes[0]
    assert "delete its folder in runs/ and submit again" in notes[0]


def test_a_shorter_production_throws_nothing_away_and_says_so(
    workspace: Workspace, write_run: Callable[..., tuple[Planned, Path]]
) -> None:
    one, folder = write_run()
    begin(folder, "done")
    notes, sampling = changed(workspace, "done", production_ns=0.0005)
    assert sampling["production_ps"] == 1.0
    assert notes == [
        f"1 run ({one.run_id}): a production of 1 ps, longer than the 0.5 ps asked for now, is "
        "kept: what is sampled is not thrown away; to run it anew, delete its folder in runs/ and "
        "submit again"
    ]


@pytest.mark.parametrize("state", ["", "planned", "cancelled"])
def test_a_length_typed_too_long_is_taken_back_where_nothing_was_begun(
    workspace: Workspace, write_run: Callable[..., tuple[Planned, Path]], state: str
) -> None:
    _, folder = write_run(production_ns=500.0)
    begin(folder, "queued")
    (folder / "status.json").unlink()
    notes, sampling = changed(workspace, state, production_ns=2.0, frame_ps=0.5)
    assert notes == []
    assert (sampling["production_ps"], sampling["frame_ps"]) == (2000.0, 0.5)


@pytest.mark.parametrize(
    ("state", "last_step", "wanted_ns", "new_ps", "says"),
    [
        ("interrupted", 1000, 0.005, 5.0, "shortened from 500 ns to 5 ps"),
        (
            *("failed", 1000, 0.005, 5.0),
            "shortened from 500 ns to 5 ps; it is failed: iemhpc resubmit RUN starts it again",
        ),
        (
            *("interrupted", 1000, 0.001, 2.1),
            "shortened from 500 ns to 2.1 ps, not to the 1 ps asked for now: what is sampled is "
            "not thrown away; to run it anew, delete its folder in runs/ and submit again",
        ),
        (
            *("running", 1000, 0.005, 500_000.0),
            "a production of 500 ns, longer than the 5 ps asked for now, is kept while it is at "
            "work: iemhpc cancel RUN, the same command again, which shortens it, then iemhpc "
            "resubmit RUN",
        ),
    ],
)
def test_what_is_not_sampled_yet_can_be_taken_back(
    workspace: Workspace,
    write_run: Callable[..., tuple[Planned, Path]],
    state: str,
    last_step: int,
    wanted_ns: float,
    new_ps: float,
    says: str,
) -> None:
    one, folder = write_run(production_ns=500.0)
    begin(folder, state)
    (folder / "log.production.1.lammps").write_text(
        f"  0  0.0  298.2  -3.1 -4e4\n  {last_step}  1.0  298.2  -3.1 -4e4\n"
    )
    notes, sampling = changed(workspace, state, production_ns=wanted_ns)
    assert notes == [f"1 run ({one.run_id}): {says}"]
    assert sampling["production_ps"] == pytest.approx(new_ps)


def test_a_finished_run_that_was_lengthened_by_mistake_is_done_again(
    workspace: Workspace, write_run: Callable[..., tuple[Planned, Path]]
) -> None:
    one, folder = write_run()
    begin(folder, "done")
    changed(workspace, "done", production_ns=500.0)
    notes, sampling = changed(workspace, "interrupted")
    assert notes == [f"1 run ({one.run_id}): shortened from 500 ns to 1 ps"]
    assert sampling == dict(one.plan.sampling)
    assert states_of(workspace)[one.run_id].state == "done"


def test_a_restart_file_without_a_log_keeps_its_length(
    workspace: Workspace, write_run: Callable[..., tuple[Planned, Path]]
) -> None:
    _, folder = write_run(production_ns=500.0)
    begin(folder, "interrupted")
    (note,), sampling = changed(workspace, "interrupted", production_ns=2.0)
    assert "is kept: what is sampled is not thrown away" in note
    assert sampling["production_ps"] == 500_000.0


def test_a_run_in_the_queue_keeps_its_frames_until_it_is_cancelled(
    workspace: Workspace, write_run: Callable[..., tuple[Planned, Path]]
) -> None:
    _, folder = write_run()
    begin(folder, "queued")
    (folder / "status.json").unlink()
    (note,), _ = changed(workspace, "queued", frame_ps=0.5)
    assert "submitted with frame_ps = 0.1 ps and kept so" in note
    assert "end it (iemhpc cancel RUN), delete its folder in runs/ and submit again" in note


@pytest.mark.parametrize(
    ("state", "says"),
    [
        ("done", "lengthened to 2 ns: it goes on from its newest restart file"),
        ("interrupted", "lengthened to 2 ns: it goes on from its newest restart file"),
        ("failed", "lengthened to 2 ns, but failed: iemhpc resubmit RUN starts it again"),
        ("cancelled", "lengthened to 2 ns, but cancelled: iemhpc resubmit RUN starts it again"),
        ("queued", "waiting in the queue: lengthened to 2 ns when it starts"),
        ("running", "running: 2 ns are wanted from its next start on; if it ends at its old"),
    ],
)
def test_a_longer_production_is_taken_up_in_every_state(
    workspace: Workspace,
    write_run: Callable[..., tuple[Planned, Path]],
    lmp: str,
    state: str,
    says: str,
) -> None:
    _, folder = write_run()
    begin(folder, state)
    (folder / "run.sh").write_text("old\n")
    (note,), sampling = changed(workspace, state, production_ns=2.0)
    assert says in note
    assert sampling["production_ps"] == 2000.0
    text = (folder / "run.sh").read_text()
    if state in ("queued", "running"):
        assert "n_steps=1000000" in text
        assert "-n 2 " in text or "--ntasks=2" in text, "its own cores"
    else:
        assert text == "old\n", "its next submission writes it"


def lose_restarts(folder: Path) -> None:
    """Take away the restart files of a run that has been finished."""
    (folder / "production.restart").unlink()
    (folder / "production.steps").write_text("500\n")


@pytest.mark.parametrize("state", ["done", "interrupted", "failed", "cancelled"])
def test_a_run_whose_restart_files_are_gone_is_not_promised_to_go_on(
    workspace: Workspace, write_run: Callable[..., tuple[Planned, Path]], state: str
) -> None:
    one, folder = write_run()
    begin(folder, state)
    lose_restarts(folder)
    (note,), sampling = changed(workspace, state, production_ns=2.0)
    assert note == (
        f"1 run ({one.run_id}): kept at 1 ps: its restart files are gone or damaged, and beginning "
        "again would write over its trajectory; put them back, or, to begin anew with the old "
        f"trajectory kept aside: iemhpc resubmit {one.run_id} --fresh"
    )
    assert sampling == dict(one.plan.sampling)


def test_extending_a_run_whose_restart_files_are_gone_is_refused_before_anything_changes(
    workspace: Workspace, write_run: Callable[..., tuple[Planned, Path]]
) -> None:
    one, folder = write_run()
    begin(folder, "done")
    lose_restarts(folder)
    with pytest.raises(InputError, match=f"run {one.run_id}: its restart files are gone or dam"):
        extend_runs(workspace, [one.run_id], production_ns=2.0)
    assert read_plan(folder) == one.plan
    assert states_of(workspace)[one.run_id].state == "done"


def test_an_extension_that_broke_off_is_taken_up_by_the_same_command(
    workspace: Workspace, write_run: Callable[..., tuple[Planned, Path]]
) -> None:
    one, folder = write_run()
    begin(folder, "done")
    (folder / "job.json").unlink()
    how = HowToSubmit(submit=False)
    first = extend_runs(workspace, [one.run_id], production_ns=2.0, how=how)
    assert first.next_command == "the same without --no-submit"
    assert [run.state for run in first.runs] == ["interrupted"]
    again = extend_runs(workspace, [one.run_id], production_ns=2.0, how=how)
    assert [(run.before_ps, run.production_ps) for run in again.runs] == [(2000.0, 2000.0)]
    write_json(
        folder / "status.json",
        json.loads((folder / "status.json").read_text()) | {"n_steps": 1000000},
    )
    with pytest.raises(InputError, match="has 2 ns already or is to have them"):
        extend_runs(workspace, [one.run_id], production_ns=2.0, how=how)


@pytest.mark.parametrize("state", ["", "planned", "queued", "interrupted", "cancelled", "done"])
@pytest.mark.parametrize("is_begun", [True, False])
def test_a_campaign_does_not_undo_an_extension(
    workspace: Workspace,
    write_run: Callable[..., tuple[Planned, Path]],
    state: str,
    *,
    is_begun: bool,
) -> None:
    one, folder = write_run()
    if is_begun:
        begin(folder, state or "interrupted")
    extend_runs(workspace, [one.run_id], production_ns=2.0, how=HowToSubmit(submit=False))
    for _ in range(2):  # as cron does
        (note,), sampling = changed(workspace, state)
        assert note == (
            f"1 run ({one.run_id}): a production of 2 ns, longer than the 1 ps asked for now, is "
            "kept: --extend asked for it; iemhpc md-submit --extend RUN --production-ns 0.001 "
            "takes that back"
        )
        assert sampling == {**one.plan.sampling, "production_ps": 2000.0, "extended_ps": 2000.0}
    assert read_plan(folder).run_id == one.run_id


def test_a_campaign_may_lengthen_an_extended_run_and_take_back_only_what_it_added(
    workspace: Workspace, write_run: Callable[..., tuple[Planned, Path]]
) -> None:
    one, folder = write_run()
    extend_runs(workspace, [one.run_id], production_ns=2.0, how=HowToSubmit(submit=False))
    begin(folder, "done")
    assert changed(workspace, "done", production_ns=3.0)[1]["production_ps"] == 3000.0
    notes, sampling = changed(workspace, "interrupted", production_ns=0.1)
    assert sampling["production_ps"] == 2000.0
    assert notes[1] == f"1 run ({one.run_id}): shortened from 3 ns to 2 ns"


def test_an_extension_typed_too_long_is_taken_back_by_a_shorter_one(
    workspace: Workspace, write_run: Callable[..., tuple[Planned, Path]]
) -> None:
    one, folder = write_run()
    begin(folder, "done")
    how = HowToSubmit(submit=False)
    with pytest.raises(InputError, match=r"wanted more"):
        extend_runs(workspace, [one.run_id], production_ns=0.0005, how=how)
    extend_runs(workspace, [one.run_id], production_ns=200.0, how=how)
    summary = extend_runs(workspace, [one.run_id], production_ns=0.0005, how=how)
    # what is sampled is not thrown away
    assert [(run.before_ps, run.production_ps) for run in summary.runs] == [(200_000.0, 1.0)]
    assert read_plan(folder).sampling["production_ps"] == 1.0
    assert changed(workspace, "done")[1]["production_ps"] == 1.0


@pytest.mark.parametrize(
    ("states", "command"),
    [
        (("done", "done"), "iemhpc descriptors"),
        (("done", "interrupted", "failed"), "the same again, to go on"),
        (("queued", "done"), "iemhpc status"),
        (("failed",), "iemhpc status"),
    ],
)
def test_descriptors_come_next_only_where_every_extension_is_done(
    workspace: Workspace, states: tuple[str, ...], command: str
) -> None:
    rows = [
        Extended(run_id="a", system="s", before_ps=1, production_ps=2, state=state, reason="")
        for state in states
    ]
    assert next_command(rows, how=HowToSubmit()) == command


def test_a_script_that_cannot_be_renewed_is_told(
    workspace: Workspace, write_run: Callable[..., tuple[Planned, Path]]
) -> None:
    _, folder = write_run()
    begin(folder, "queued")
    job = json.loads((folder / "job.json").read_text())
    write_json(folder / "job.json", job | {"cluster": "gone"})
    (note,), _ = changed(workspace, "queued", production_ns=2.0)
    assert "its script was not renewed (unknown cluster 'gone'" in note
    assert note.endswith("give the same command again when they have ended")


def test_runs_of_earlier_settings_stay_and_are_told(
    workspace: Workspace, write_run: Callable[..., tuple[Planned, Path]]
) -> None:
    one, _ = write_run()
    wider = planned_of(workspace, box_A=30.0)
    states = {one.run_id: "running"}
    note = strangers(workspace, wider, states)
    assert note.startswith(f"1 run ({one.run_id}) of this workspace is not of this campaign: ")
    assert "delete the folders in runs/ of those that you do not want" in note
    assert note.endswith("; iemhpc cancel RUN ends one of the 1 at work")
    assert strangers(workspace, (one, *wider), states) == ""


def test_a_changed_file_says_it_and_named_membranes_do_not(
    workspace: Workspace, write_run: Callable[..., tuple[Planned, Path]]
) -> None:
    write_run()
    write_run(water_per_site=22.0)
    how = HowToSubmit(submit=False)
    assert any("not of this campaign" in note for note in submit_campaign(workspace, how=how).notes)
    named = submit_campaign(
        workspace, ["CR61"], overrides={"salt": "NaCl", "salt_molar": 1.0}, how=how
    )
    assert not any("not of this campaign" in note for note in named.notes)


def test_extending_names_everything_that_is_wrong(
    workspace: Workspace, write_run: Callable[..., tuple[Planned, Path]]
) -> None:
    one, _ = write_run()
    with pytest.raises(InputError, match="--extend needs the length wanted: add --production-ns"):
        extend_runs(workspace, [one.run_id], production_ns=None)
    with pytest.raises(InputError) as raised:
        extend_runs(workspace, [one.run_id[:5], "zzz"], production_ns=0.0005)
    assert f"run {one.run_id} has 0.001 ns already or is to have them; got" in str(raised.value)
    assert "no run begins with 'zzz'" in str(raised.value)
    assert not isinstance(raised.value, UnknownNameError)


def test_a_dry_extension_changes_nothing(
    workspace: Workspace, write_run: Callable[..., tuple[Planned, Path]]
) -> None:
    one, folder = write_run()
    how = HowToSubmit(dry_run=True, then="descriptors")
    summary = extend_runs(workspace, [one.run_id], production_ns=2.0, how=how)
    assert summary.lines() == [
        f"{one.run_id}  CR61/NaCl  0.001 -> 2 ns  planned",
        "nothing was changed",
        "iemhpc descriptors would follow when the runs have ended",
    ]
    assert read_plan(folder) == one.plan


@pytest.mark.lammps
@pytest.mark.slow
def test_a_finished_run_goes_on_and_what_was_asked_for_follows(
    workspace: Workspace, write_run: Callable[..., tuple[Planned, Path]], lmp: str
) -> None:
    one, folder = write_run(per_edge=6)
    profile, mark = workspace.root / "mine.toml", workspace.root / "words.txt"
    profile.write_text(
        f"scheduler = \"local\"\niemhpc = ['bash', '-c', 'echo \"$@\" >> \"{mark}\"', 'iemhpc']\n"
    )
    first = submit_campaign(workspace, cluster=str(profile), how=HowToSubmit(then="descriptors"))
    assert [run.state for run in first.runs] == ["done"]
    assert "iemhpc descriptors has run after them" in first.lines()
    assert mark.read_text().split() == ["descriptors", "--workspace", str(workspace.root)]
    begun = (folder / "attempts.log").read_text()

    summary = extend_runs(workspace, [one.run_id[:6]], production_ns=0.0015)
    assert [(run.before_ps, run.production_ps, run.state) for run in summary.runs] == [
        (1.0, 1.5, "done")
    ]
    attempts = (folder / "attempts.log").read_text()
    assert attempts.startswith(begun)
    segments = json.loads((folder / "segments.json").read_text())
    assert [segment["first_step"] for segment in segments] == [0, 500]
    assert any("goes on from its newest restart file" in note for note in summary.notes)
    assert states_of(workspace)[one.run_id].state == "done"

    # the file asks for less than there is: nothing is run, and it is said
    again = submit_campaign(workspace, cluster=str(profile))
    assert again.started == ()
    assert any("a production of 1.5 ps, longer than the 1 ps" in note for note in again.notes)


def test_an_extension_goes_where_it_is_told(
    workspace: Workspace, write_run: Callable[..., tuple[Planned, Path]]
) -> None:
    one, folder = write_run()
    with pytest.raises(UnknownNameError, match="unknown cluster 'nowhere'"):
        extend_runs(workspace, [one.run_id], production_ns=2.0, place=Place(cluster="nowhere"))
    assert read_plan(folder) == one.plan, "nothing is lengthened that cannot go on"
