"""The rules alone: no file and no queue is needed to say what follows from what."""

import pytest

from iemhpc.errors import ProgramError
from iemhpc.scheduler.base import JobState, Waiting
from iemhpc.scheduler.facts import JobFacts, RunFacts
from iemhpc.scheduler.run_files import RunStatus
from iemhpc.scheduler.run_progress import Progress, Spent
from iemhpc.scheduler.states import (
    CAN_START,
    GRACE_S,
    MOST_ATTEMPTS,
    SILENT_S,
    STATES,
    Answer,
    Signs,
    may_go_on,
    state_by_files,
    state_by_queue,
)

LONG_SILENT, NO_SIGNS = Signs(silent_s=1e6), Signs()


def status(state: str = "running", **values: object) -> RunStatus:
    said: dict[str, object] = {"state": state, "stage": "production", "attempt": 1, "rc": None}
    said |= {"reason": "", "host": "n1", "pid": 7, "start": "", "boot": "", "n_steps": 200}
    return RunStatus(**(said | {"written_s": 0.0} | values))  # type: ignore[arg-type]


def job(scheduler: str = "slurm", **values: object) -> JobFacts:
    usual = JobFacts(scheduler, "", "7_0", "0f", 0, 0.0, has_ended=False, cores_per_run=1)
    return usual._replace(**values)


def facts(
    status: RunStatus | None = None, job: JobFacts | None = None, *, is_cancelled: bool = False
) -> RunFacts:
    return RunFacts(
        "a1",
        "",
        "water/NaCl",
        0.9,
        10.0,
        "gaff2",
        1,
        0.4,
        2.0,
        200,
        0.0,
        is_job_damaged=False,
        is_cancelled=is_cancelled,
        progress=Progress(0, 0.0),
        spent=Spent(0.0, 0.0, 1),
        job=job,
        status=status,
    )


def state(
    known: RunFacts, answer: Answer | None = JobState.GONE, signs: Signs = LONG_SILENT
) -> str:
    found = state_by_files(known, signs) or state_by_queue(known, answer, signs)
    assert found[0] in STATES
    return found[0]


def reason(known: RunFacts, answer: Answer | None = None, signs: Signs = NO_SIGNS) -> str:
    return (state_by_files(known, signs) or state_by_queue(known, answer, signs))[1]


def test_a_run_whose_node_failed_is_interrupted_only_after_it_was_silent_for_long() -> None:
    lost = facts(status("running"), job())
    assert state(lost, JobState.GONE, Signs(silent_s=GRACE_S - 1)) == "unknown"
    assert state(lost, JobState.GONE, Signs(silent_s=GRACE_S + 1)) == "interrupted"


def test_a_task_that_its_queue_holds_is_queued_and_says_how_it_is_let_go() -> None:
    waits = facts(None, job())
    assert state(waits, JobState.HELD) == "queued"
    assert reason(waits, JobState.HELD).endswith("scontrol release 7_0")
    waits = facts(None, job("pbs", task="7[0].head"))
    assert reason(waits, JobState.HELD).endswith("qrls 7[].head")


def test_a_task_that_may_never_start_says_why_in_its_queues_words() -> None:
    never = Waiting(state=JobState.QUEUED, why="PartitionTimeLimit")
    for known in (facts(None, job()), facts(status("interrupted", rc=75), job())):
        assert state(known, never) == "queued"
        assert reason(known, never).endswith("its queue says why it waits: PartitionTimeLimit")
    again = facts(status("running"), job())
    assert reason(again, never) == (
        "it was running on n1, which failed or was taken away; its queue says why it waits: "
        "PartitionTimeLimit"
    )
    held = Waiting(state=JobState.HELD, why="JobHeldAdmin")
    assert reason(facts(None, job()), held) == "held there (JobHeldAdmin): scontrol release 7_0"


def test_the_grace_of_a_run_that_waited_for_long_begins_when_it_is_first_not_in_the_queue() -> None:
    waited = facts(None, job())
    just_gone = Signs(silent_s=1e6, unseen_s=GRACE_S - 1)
    assert state(waited, JobState.GONE, just_gone) == "unknown"
    assert state(waited, JobState.GONE, Signs(silent_s=1e6, unseen_s=GRACE_S + 1)) == "interrupted"


def test_a_run_whose_node_failed_and_that_waits_again_says_so() -> None:
    again = facts(status("running"), job())
    assert state(again, JobState.QUEUED) == "queued"
    assert reason(again, JobState.QUEUED) == "it was running on n1, which failed or was taken away"


def test_a_queue_that_does_not_answer_makes_nothing_interrupted() -> None:
    lost = facts(status("running"), job())
    assert state(lost, ProgramError("no"), Signs(silent_s=1e9)) == "unknown"
    assert "unknown" not in CAN_START


def test_a_local_run_of_another_machine_lives_as_long_as_its_heart_beats() -> None:
    remote = facts(status("running"), job("local", task="n1:7::"))
    assert state(remote, signs=Signs(silent_s=SILENT_S - 1)) == "running"
    assert state(remote, signs=Signs(silent_s=SILENT_S + 1)) == "interrupted"
    assert reason(remote, signs=Signs(silent_s=3600.0)) == "no sign of life from n1 for 60 min"


def test_a_run_that_waits_for_a_dead_submission_elsewhere_is_planned() -> None:
    waiting = facts(None, job("local", task="n1:7::"))
    assert state(waiting, JobState.RUNNING, Signs()) == "queued"
    assert state(waiting, JobState.RUNNING, Signs(submission_lives=False)) == "planned"


def test_a_full_disk_is_an_interruption_with_a_clear_sentence_and_never_done() -> None:
    said = "ERROR: Cannot open dump file production.0.dcd: No space left on device (x)"
    full = facts(status("failed", reason=said, rc=1), job(attempts=0))
    assert state(full) == "interrupted"
    assert "the disk or your quota is full; make room" in reason(full)


def test_a_machine_that_fails_every_time_is_not_tried_for_ever() -> None:
    said = "slurmstepd: error: *** STEP 7.0 ON n1 CANCELLED AT 2026 DUE TO NODE FAILURE ***"
    often = facts(status("failed", reason=said, rc=1, attempt=MOST_ATTEMPTS), job())
    assert state(often) == "failed"


def test_an_error_of_the_model_is_not_tried_again() -> None:
    lost = facts(status("failed", reason="ERROR: Lost atoms: original 3 current 2", rc=1), job())
    assert state(lost) == "failed"


@pytest.mark.parametrize("said", [None, status("interrupted", rc=76), status("failed", rc=1)])
def test_a_cancelled_run_is_cancelled_whatever_its_queue_says(said: RunStatus | None) -> None:
    for answer in (JobState.QUEUED, JobState.RUNNING, JobState.GONE, ProgramError("no")):
        assert state(facts(said, job(), is_cancelled=True), answer) == "cancelled"
    assert "cancelled" not in CAN_START


def test_a_cancelled_run_that_still_writes_its_restart_file_is_running() -> None:
    ending = facts(status("running"), job(), is_cancelled=True)
    assert state(ending, signs=Signs(lives=True)) == "running"
    assert state(ending, signs=Signs(lives=False)) == "cancelled"


def test_a_run_that_was_done_before_it_was_cancelled_is_done() -> None:
    assert state(facts(status("done", rc=0), job(), is_cancelled=True)) == "done"


def test_a_failed_run_whose_second_submission_died_has_still_failed() -> None:
    failed = status("failed", reason="ERROR: Lost atoms", rc=1)
    assert state(facts(failed, job("local", attempts=1)), JobState.GONE) == "failed"


def test_a_killed_run_whose_second_submission_died_is_interrupted() -> None:
    killed = facts(status("running"), job("local", attempts=1))
    assert state(killed, JobState.GONE) == "interrupted"


def test_a_run_that_its_queue_starts_again_is_in_the_queue() -> None:
    cut = facts(status("interrupted", rc=75, reason="stopped by the signal USR1"), job())
    assert state(cut, JobState.QUEUED) == "queued"
    assert state(cut, JobState.RUNNING) == "running"
    assert state(cut, JobState.GONE) == "interrupted"


def test_a_queue_is_asked_though_the_process_of_this_host_is_dead() -> None:
    killed, dead = facts(status("running"), job()), Signs(lives=False, silent_s=1.0)
    assert state(killed, JobState.QUEUED, dead) == "queued"
    assert state(killed, JobState.HELD, dead) == "queued"
    assert state(killed, JobState.RUNNING, dead) == "running"
    assert state(killed, ProgramError("no"), dead) == "unknown"
    assert state(killed, JobState.GONE, dead) == "interrupted"
    assert reason(killed, JobState.GONE, dead) == "its process is gone"
    assert state(facts(status("running"), job("local")), JobState.RUNNING, dead) == "interrupted"


def test_a_run_that_was_submitted_again_does_not_tell_its_old_reason() -> None:
    cut = status("interrupted", rc=76, reason="cancelled")
    assert reason(facts(cut, job(attempts=1)), JobState.QUEUED) == ""
    assert reason(facts(cut, job(attempts=0)), JobState.QUEUED) == "cancelled"


@pytest.mark.parametrize(
    ("said", "lives"), [(status("interrupted", rc=137, reason="killed"), None), (status(), False)]
)
def test_a_run_that_was_cut_short_in_a_job_that_goes_on_is_interrupted_and_nobody_elses(
    said: RunStatus, lives: bool | None
) -> None:
    killed, signs = facts(said, job(runs_per_job=2)), Signs(lives=lives)
    assert state(killed, JobState.RUNNING, signs) == "interrupted"
    why = reason(killed, JobState.RUNNING, signs)
    assert why.endswith("; its job goes on with other runs")
    assert may_go_on(killed, "interrupted", JobState.RUNNING)
    assert not may_go_on(killed, "interrupted", JobState.GONE)
    # alone in its job that job is about to end, or to be queued again
    assert state(facts(said, job()), JobState.RUNNING, signs) == "running"
    assert state(facts(status(), job(runs_per_job=2)), JobState.RUNNING) == "running"
