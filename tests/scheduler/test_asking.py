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
        "qsub: Unknown queue",
        "qsub: illegal -N value",
        "",
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
