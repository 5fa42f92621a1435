"""States by files; queues are small programs on the PATH that answer what a test needs."""

import json
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from iemhpc.errors import MissingInputError, UnknownNameError
from iemhpc.scheduler.log_ends import log_ends
from iemhpc.scheduler.run_files import (
    describe_run,
    identity_of,
    is_alive,
    read_job,
    read_plan,
    read_status,
)
from iemhpc.scheduler.run_table import state_lines
from iemhpc.scheduler.runs import find_run, run_states
from iemhpc.scheduler.states import GRACE_S
from iemhpc.scheduler.unseen import UNSEEN
from iemhpc.workspace import Workspace

HOST = socket.gethostname()


@pytest.fixture
def workspace(tmp_path: Path, write_water_box: Callable[..., Path]) -> Workspace:
    workspace = Workspace(tmp_path)
    write_water_box(workspace.run("a1"), production_ps=0.4)
    return workspace


def say_status(workspace: Workspace, **values: Any) -> None:
    said = {"state": "running", "stage": "production", "attempt": 1, "rc": None, "reason": ""}
    said |= {"started": "", "ended": None, "host": HOST, "pid": 1, "n_steps": 200} | values
    (workspace.run("a1") / "status.json").write_text(json.dumps(said))


def say_job(workspace: Workspace, **values: Any) -> None:
    said = {"scheduler": "slurm", "submission": "0f", "index": 0, "task": "7_0", "attempts": 0}
    said |= {"submitted_s": time.time()} | values
    (workspace.run("a1") / "job.json").write_text(json.dumps(said))


def fake_queue(folder: Path, monkeypatch: pytest.MonkeyPatch, *, answer: str, rc: int = 0) -> None:
    folder.mkdir()
    program = folder / "squeue"
    program.write_text(f"#!/bin/bash\nprintf '%s\\n' '{answer}'\nexit {rc}\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")


def state(workspace: Workspace) -> tuple[str, str]:
    (row,) = run_states(workspace)
    return row.state, row.reason


def test_a_plan_alone_is_planned(workspace: Workspace) -> None:
    assert state(workspace) == ("planned", "")


def test_an_empty_workspace_says_what_to_type(tmp_path: Path) -> None:
    assert state_lines(run_states(Workspace(tmp_path))) == ["no runs yet: iemhpc md-submit"]


def test_a_finished_run_is_done_until_more_is_wanted(workspace: Workspace) -> None:
    say_status(workspace, state="done", rc=0)
    assert state(workspace) == ("done", "")
    plan = workspace.run("a1") / "plan.json"
    values = json.loads(plan.read_text())
    values["sampling"]["production_ps"] = 0.8
    plan.write_text(json.dumps(values))
    assert state(workspace) == ("interrupted", "the wanted production has become longer")


def test_a_running_process_must_live_and_work_in_the_folder(workspace: Workspace) -> None:
    say_status(workspace, pid=os.getpid())
    assert state(workspace) == ("interrupted", "its process is gone")
    with subprocess.Popen(
        [sys.executable, "-c", "input()"], stdin=subprocess.PIPE, cwd=workspace.run("a1")
    ) as process:
        say_status(workspace, pid=process.pid)
        assert state(workspace) == ("running", "")


def test_a_failure_is_told_with_what_it_means(workspace: Workspace) -> None:
    say_status(workspace, state="failed", rc=1, reason="ERROR: Lost atoms: original 3 current 2")
    got, reason = state(workspace)
    assert got == "failed"
    assert "Lost atoms: original 3" in reason
    assert "lengthen push_off_ps" in reason


def test_a_damaged_status_file_counts_as_none(workspace: Workspace) -> None:
    (workspace.run("a1") / "status.json").write_text('{"state": "done", "sta')
    assert read_status(workspace.run("a1")) is None
    assert state(workspace) == ("planned", "")


@pytest.mark.parametrize(
    ("answer", "expected"), [("7_0 PD", "queued"), ("7_0 R", "running"), ("8_0 R", "unknown")]
)
def test_the_queue_tells_about_runs_that_have_said_nothing(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch, answer: str, expected: str
) -> None:
    fake_queue(workspace.root / "bin", monkeypatch, answer=answer)
    say_job(workspace)
    assert state(workspace)[0] == expected


def test_silence_becomes_interrupted_only_after_a_grace_period(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake_queue(workspace.root / "bin", monkeypatch, answer="")
    say_job(workspace, submitted_s=time.time() - 10 * GRACE_S)  # it waited for long
    assert state(workspace) == ("unknown", "not in the queue, and no word from the run yet")
    noted = json.loads((workspace.runs / UNSEEN).read_text())
    assert state(workspace)[0] == "unknown"
    assert json.loads((workspace.runs / UNSEEN).read_text()) == noted
    (workspace.runs / UNSEEN).write_text(json.dumps({"7_0": time.time() - GRACE_S - 1}))
    assert state(workspace) == ("interrupted", "it ended without a word")


def test_a_job_that_is_seen_again_has_its_grace_anew(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake_queue(workspace.root / "bin", monkeypatch, answer="7_0 PD")
    say_job(workspace)
    (workspace.runs / UNSEEN).write_text(json.dumps({"7_0": 1.0}))
    assert state(workspace)[0] == "queued"
    assert json.loads((workspace.runs / UNSEEN).read_text()) == {}


def test_a_silent_queue_does_not_end_a_grace_that_has_begun(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake_queue(workspace.root / "bin", monkeypatch, answer="what?")
    say_job(workspace)
    (workspace.runs / UNSEEN).write_text(json.dumps({"7_0": 1.0}))
    assert state(workspace)[0] == "unknown"
    assert json.loads((workspace.runs / UNSEEN).read_text()) == {"7_0": 1.0}


@pytest.mark.parametrize("text", ["", "[]", '{"7_0": "many"}', '{"7_0": 1e400}'])
def test_a_damaged_note_of_missing_jobs_begins_a_grace_anew(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    fake_queue(workspace.root / "bin", monkeypatch, answer="")
    say_job(workspace, submitted_s=1.0)
    (workspace.runs / UNSEEN).write_text(text)
    assert state(workspace)[0] == "unknown"


STRANGE = {
    "status.json": ['{"attempt": 1e400}', "[1]", '"x"', '{"state": "nonsense"}'],
    "job.json": ['{"cores_per_run": "many"}', '{"attempts": 1e400}', '{"submitted_s": "x"}', "3"],
}


@pytest.mark.parametrize(
    ("name", "text"), [(name, text) for name, texts in STRANGE.items() for text in texts]
)
def test_one_strange_file_is_one_damaged_run(
    workspace: Workspace, write_water_box: Callable[..., Path], name: str, text: str
) -> None:
    write_water_box(workspace.run("b2"))
    say_status(workspace)
    say_job(workspace)
    path = workspace.run("a1") / name
    if text.startswith("{"):
        text = json.dumps(json.loads(path.read_text()) | json.loads(text))
        text = text.replace("Infinity", "1e400")
    path.write_text(text)
    if name == "status.json":
        (workspace.run("a1") / "job.json").unlink()
    rows = {row.run_id: row for row in run_states(workspace)}
    assert rows["b2"].state == "planned"
    assert rows["a1"].state == ("planned" if name == "status.json" else "unknown")
    assert state_lines(list(rows.values()))


@pytest.mark.parametrize(
    ("rc", "expected"), [("1", "failed"), ("75", "interrupted"), ("lost", "interrupted")]
)
def test_where_a_status_is_damaged_the_notes_of_the_attempts_tell(
    workspace: Workspace, rc: str, expected: str
) -> None:
    folder = workspace.run("a1")
    (folder / "attempts.log").write_text("2026-01-31T12:00:00Z n1 job=7 cores=1 gpus=0\n")
    (folder / "ended.log").write_text(f"1 2026-01-31T12:05:00Z rc={rc}\n")
    (folder / "status.json").write_text('{"state": "fai')
    assert state(workspace) == (
        expected,
        f"status.json is damaged; ended.log says rc={rc} of attempt 1",
    )


def test_a_copied_run_does_not_own_the_job_of_its_original(
    workspace: Workspace, tmp_path_factory: pytest.TempPathFactory
) -> None:
    say_job(workspace, run=identity_of(workspace.run("a1")))
    assert read_job(workspace.run("a1")) is not None
    copy = Workspace(tmp_path_factory.mktemp("copy") / "w")
    shutil.copytree(workspace.root, copy.root)
    assert read_job(copy.run("a1")) is None
    got, why = state(copy)
    assert got == "planned"
    assert why == f"a copy of {workspace.run('a1').resolve()}, whose job is not this run's"


def test_a_moved_run_keeps_its_job(workspace: Workspace) -> None:
    say_job(workspace, run=identity_of(workspace.run("a1")))
    moved = Workspace(workspace.root / "moved")
    moved.root.mkdir()
    workspace.runs.rename(moved.runs)
    assert read_job(moved.run("a1")) is not None


def test_a_copy_is_not_run_by_the_process_of_its_original(workspace: Workspace) -> None:
    folder = workspace.run("a1")
    with subprocess.Popen(["sleep", "30"], cwd=folder) as process:
        start = Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()[19]
        say_status(workspace, pid=process.pid, start=start)
        shutil.copytree(folder, workspace.run("b2"))
        for name, lives in (("a1", True), ("b2", False)):
            status = read_status(workspace.run(name))
            assert status
            assert is_alive(status, workspace.run(name)) is lives
        process.kill()


def gone_process() -> str:
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        process.wait()
    return f"{HOST}:{process.pid}"


def test_a_local_run_whose_turn_never_came_is_planned(workspace: Workspace) -> None:
    say_job(workspace, scheduler="local", task=gone_process())
    assert state(workspace) == ("planned", "")
    assert state_lines(run_states(workspace))[1].split()[3] == "planned"


def test_a_local_run_whose_second_turn_never_came_is_as_before(workspace: Workspace) -> None:
    say_status(workspace, state="interrupted", rc=75, reason="stopped by the signal TERM")
    say_job(workspace, scheduler="local", task=gone_process(), attempts=1)
    assert state(workspace) == ("interrupted", "stopped by the signal TERM")


def test_a_queue_that_does_not_answer_says_nothing_about_the_run(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake_queue(workspace.root / "bin", monkeypatch, answer="slurm_load_jobs error", rc=1)
    say_job(workspace, submitted_s=time.time() - 10 * GRACE_S)
    got, reason = state(workspace)
    assert got == "unknown"
    assert "the queue does not answer" in reason


def test_a_submission_without_a_job_is_unknown(workspace: Workspace) -> None:
    say_job(workspace, task=None)
    got, reason = state(workspace)
    assert got == "unknown"
    assert "submit again" in reason


def test_a_requeued_run_is_queued_and_says_why(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake_queue(workspace.root / "bin", monkeypatch, answer="7_0 PD")
    say_job(workspace)
    say_status(workspace, state="interrupted", rc=75, reason="stopped by the signal USR1")
    assert state(workspace) == ("queued", "stopped by the signal USR1")


def test_a_reason_without_a_stage_has_one_colon(workspace: Workspace) -> None:
    say_job(workspace, task=None)
    assert "  the submission was cut short" in state_lines(run_states(workspace))[1]


def test_the_table_counts_the_states(workspace: Workspace) -> None:
    say_status(workspace, state="failed", rc=1, reason="ERROR: x", attempt=2)
    lines = state_lines(run_states(workspace))
    columns = ["run", "system", "mol/L", "state", "ns", "ns/day", "left", "core-h", "stage"]
    assert lines[0].split() == columns
    assert "production, attempt 2: ERROR: x" in lines[1]
    assert lines[-1] == "1 failed"


def test_a_run_is_found_by_the_beginning_of_its_name(
    workspace: Workspace, write_water_box: Callable[..., Path]
) -> None:
    assert find_run(workspace, "a").name == "a1"
    with pytest.raises(UnknownNameError, match="no run begins with 'z'; runs: a1"):
        find_run(workspace, "z")
    write_water_box(workspace.run("a2"))
    with pytest.raises(UnknownNameError, match="several runs begin with 'a'; runs: a1, a2"):
        find_run(workspace, "a")


def test_logs_end_with_the_meaning_of_their_error(workspace: Workspace) -> None:
    log = workspace.run("a1") / "log.production.1.lammps"
    log.write_text("one\ntwo\nERROR: Lost atoms: original 3 current 2 (x)\n")
    lines = log_ends(workspace, "a1", lines=1)
    assert lines[0] == f"== {log}"
    assert "two" not in lines
    assert lines[-1].startswith("   meaning: atoms flew out of the box")


def test_logs_have_what_a_launcher_or_a_build_printed(workspace: Workspace) -> None:
    run = workspace.run("a1")
    assert log_ends(workspace, "a1") == [f"{run}: no log yet; iemhpc status says where it is"]
    (run / "screen.minimize.1").write_text("one\nmpiexec: command not found\n")
    assert log_ends(workspace, "a1", lines=1) == [
        f"== {run}/screen.minimize.1",
        "mpiexec: command not found",
        "   meaning: LAMMPS, its launcher or their libraries are not on that node as the cluster "
        "profile says; see lammps, launcher, container, modules and setup",
    ]
    # a log of LAMMPS that is older stands before it
    (run / "log.minimize.1.lammps").write_text("two\n")
    os.utime(run / "log.minimize.1.lammps", (1e9, 1e9))
    assert [line for line in log_ends(workspace, "a1") if line.startswith("==")] == [
        f"== {run}/log.minimize.1.lammps",
        f"== {run}/screen.minimize.1",
    ]


@pytest.mark.parametrize("scheduler", ["slurm", "pbs"])
def test_a_run_without_logs_has_the_words_of_its_task(workspace: Workspace, scheduler: str) -> None:
    say_job(workspace, scheduler=scheduler, index=5, runs_per_job=2)
    folder = workspace.runs / f".{scheduler}" / "0f"
    folder.mkdir(parents=True)
    for task in range(4):
        (folder / f"{scheduler}.{task}.out").write_text(f"words of task {task}\n")
    assert log_ends(workspace, "a1")[1:] == ["words of task 2"]
    (folder / f"{scheduler}.2.out").write_text("")
    assert "no log yet" in log_ends(workspace, "a1")[0]


@pytest.mark.parametrize("text", [None, "{", "{}", "[]", '{"physics": {"system": "a"}}'])
def test_a_damaged_plan_is_one_unknown_row(
    workspace: Workspace, write_water_box: Callable[..., Path], text: str | None
) -> None:
    folder = write_water_box(workspace.run("b2"))
    (folder / "plan.json").unlink()
    if text is not None:
        (folder / "plan.json").write_text(text)
    rows = {row.run_id: row for row in run_states(workspace)}
    assert (rows["a1"].state, rows["b2"].state) == ("planned", "unknown")
    said = "plan.json is damaged or missing: delete runs/b2 and run md-submit again"
    assert rows["b2"].reason == said
    assert any(said in line for line in state_lines(list(rows.values())))


@pytest.mark.parametrize(
    ("part", "values", "says"),
    [
        ("schema_version", 2, "plan.json of schema 2, this iemhpc reads 4: "),
        ("physics", {"system": "b"}, "plan.json was changed by hand: its physics hashes to "),
    ],
)
def test_a_plan_of_another_version_or_changed_by_hand_is_one_unknown_row(
    workspace: Workspace, part: str, values: Any, says: str
) -> None:
    say_status(workspace, state="done", rc=0)
    path = workspace.run("a1") / "plan.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {part: values}))
    got, reason = state(workspace)
    assert got == "unknown"
    assert reason.startswith(says)
    assert reason.endswith("delete runs/a1 and run md-submit again")


@pytest.mark.parametrize("text", ["{", "{}", "[]"])
def test_a_damaged_job_file_is_one_unknown_row(workspace: Workspace, text: str) -> None:
    (workspace.run("a1") / "job.json").write_text(text)
    said = "job.json is damaged: iemhpc md-submit looks for its job and mends it"
    assert state(workspace) == ("unknown", said)


def test_a_local_submission_that_has_ended_is_not_queued(workspace: Workspace) -> None:
    say_job(workspace, scheduler="local", task=f"{HOST}:{os.getpid()}")
    assert state(workspace)[0] == "queued"
    say_job(workspace, scheduler="local", task=f"{HOST}:{os.getpid()}", ended=True)
    assert state(workspace) == ("planned", "")


def test_a_folder_without_a_plan_is_no_run(tmp_path: Path) -> None:
    with pytest.raises(MissingInputError, match=r"not a run folder: it has no plan\.json"):
        read_plan(tmp_path)


def test_a_run_is_called_by_its_system_and_realised_concentration(workspace: Workspace) -> None:
    assert describe_run(workspace.run("a1")) == "water/NaCl 0.9 mol/L (a1)"
