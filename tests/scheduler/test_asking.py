"""What the answers of a queue's programs mean: yes, no, and nobody knows."""

from pathlib import Path

import pytest

from iemhpc.errors import ProgramError, RefusedError
from iemhpc.scheduler import asking
from iemhpc.scheduler.asking import ask


def says(text: str, code: int) -> list[str]:
    return ["bash", "-c", f'echo "{text}" >&2; echo out; exit {code}']


@pytest.mark.parametrize(
    "words",
    [
        "sbatch: error: invalid partition specified: nonsense",
        "sbatch: error: Batch job submission failed: Invalid partition name specified",
        "sbatch: error: Batch job submission failed: Invalid account or account/partition "
        "combination specified",
        "sbatch: error: Batch job submission failed: Invalid qos specification",
        "sbatch: error: Batch job submission failed: Invalid job array specification",
        "sbatch: error: Batch job submission failed: Requested node configuration is not available",
        "sbatch: error: Batch job submission failed: Access/permission denied",
        "sbatch: error: Batch job submission failed: Job violates accounting/QOS policy (job "
        "submit limit, user's size and/or time limits)",
        "sbatch: unrecognized option '--nonsense'",
        "qsub: Unknown queue",
        "qsub: illegal -N value",
        "qsub: Illegal attribute or resource value Resource_List.select",
        "qsub: would exceed limit on jobs in the server per user",
    ],
)
def test_a_refusal_is_told_in_the_queues_own_words(words: str) -> None:
    with pytest.raises(RefusedError, match=r"ended with 1 and said: ") as caught:
        ask(says(words, 1))
    assert words in str(caught.value)


@pytest.mark.parametrize(
    "words",
    [
        "sbatch: error: Batch job submission failed: Socket timed out on send/recv operation",
        "slurm_load_jobs error: Unable to contact slurm controller (connect failure)",
        "sbatch: error: Batch job submission failed: Zero Bytes were transmitted or received",
        "sbatch: error: Slurm temporarily unable to accept job, sleeping and retrying",
        "Connection refused\nqsub: cannot connect to server head (errno=111)",
        "qsub: End of File",
        "sbatch: error: Batch job submission failed: Unexpected message received",
        "sbatch: error: Batch job submission failed: Unspecified error",
        "words that no manual has",
        "",
        # both at once
        "Invalid account or account/partition combination specified\nConnection refused",
    ],
)
def test_a_lost_answer_is_no_refusal(words: str) -> None:
    with pytest.raises(ProgramError) as caught:
        ask(says(words, 1))
    assert not isinstance(caught.value, RefusedError)


def test_complaints_that_are_answers_are_forgiven_if_there_are_no_others() -> None:
    gone = "qstat: Unknown Job Id 7.head"
    assert ask(says(gone, 153), forgives="Unknown Job Id") == "out\n"
    with pytest.raises(ProgramError, match="cannot connect"):
        ask(says(f"{gone}\nqstat: cannot connect to server", 111), forgives="Unknown Job Id")


def test_a_program_that_is_not_there_has_done_nothing(tmp_path: Path) -> None:
    with pytest.raises(RefusedError, match=r"sbatchx cannot be started .*; log in to the cluster"):
        ask(["sbatchx"])
    (tmp_path / "qsub").write_text("")
    with pytest.raises(RefusedError, match="Permission denied"):
        ask([str(tmp_path / "qsub")])


def test_a_program_that_does_not_answer_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asking, "ANSWER_S", 0.2)
    with pytest.raises(ProgramError, match=r"sleep did not answer within 0\.2 s; try again"):
        ask(["sleep", "5"])


def test_a_program_that_was_killed_has_refused_nothing() -> None:
    with pytest.raises(ProgramError, match="ended with -9 and said: ") as caught:
        ask(["bash", "-c", "echo Invalid partition specified >&2; kill -9 $$"])
    assert not isinstance(caught.value, RefusedError)


def test_an_empty_answer_with_a_complaint_about_the_line_is_no_answer() -> None:
    with pytest.raises(ProgramError, match="Unable to contact slurm controller"):
        ask(["bash", "-c", "echo Unable to contact slurm controller >&2"])


def test_options_that_a_shell_sets_for_the_queue_are_not_passed_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("SQUEUE_STATES", "SBATCH_JOB_NAME", "SALLOC_PARTITION", "PBS_DPREFIX"):
        monkeypatch.setenv(name, "mine")
    for name in ("SLURM_CONF", "PBS_SERVER"):
        monkeypatch.setenv(name, "the queue's")
    names = {line.partition("=")[0] for line in ask(["env"]).splitlines()}
    assert {"SLURM_CONF", "PBS_SERVER", "PATH"} <= names
    assert not names & {"SQUEUE_STATES", "SBATCH_JOB_NAME", "SALLOC_PARTITION", "PBS_DPREFIX"}
