"""What follows the runs: told, run once, and no reason to lose what the runs have said."""

from pathlib import Path

import pytest

from iemhpc.campaign.following import check_then, follow
from iemhpc.scheduler.submission import SubmissionSummary
from iemhpc.workspace import Workspace


def ended(**changes: object) -> SubmissionSummary:
    values = {"scheduler": "local", "job_ids": ("here:1",), "started": ("a",), "left": {}}
    return SubmissionSummary(**(values | {"in_queue": False} | changes))


def profile(folder: Path, *words: str) -> str:
    path = folder / "mine.toml"
    path.write_text(f'scheduler = "local"\niemhpc = {list(words)}\n')
    return str(path)


def test_a_follower_runs_after_local_runs(tmp_path: Path, lmp: str) -> None:
    mark = tmp_path / "mark"
    cluster = profile(tmp_path, "bash", "-c", f'echo "$@" > {mark}', "iemhpc")
    said: list[str] = []
    done = follow(Workspace(tmp_path), cluster, "descriptors", ended(), say=said.append)
    assert (done.words, done.is_well) == ("iemhpc descriptors has run after them", True)
    assert mark.read_text().split() == ["descriptors", "--workspace", str(tmp_path)]
    assert said == ["then: iemhpc descriptors"]


def test_a_follower_that_fails_is_told_and_loses_nothing(tmp_path: Path, lmp: str) -> None:
    cluster = profile(tmp_path, "bash", "-c", "exit 4", "iemhpc")
    done = follow(Workspace(tmp_path), cluster, "descriptors", ended())
    assert not done.is_well
    assert done.words.startswith("iemhpc descriptors did not follow: descriptors: bash -c")
    assert "ended with 4; give it again" in done.words


def test_without_a_job_nothing_waits(tmp_path: Path, lmp: str) -> None:
    cluster = profile(tmp_path, "bash")
    done = follow(Workspace(tmp_path), cluster, "descriptors", ended(in_queue=True, job_ids=()))
    assert done.words == (
        "no run is in the queue, so that nothing waits for one: iemhpc descriptors"
    )


@pytest.mark.parametrize(
    ("then", "submit", "says"),
    [
        ("tea", True, "--then: unknown command 'tea'. Known: descriptors"),
        ("descriptors", False, "--then needs the runs to be submitted; leave out --no-submit"),
    ],
)
def test_what_cannot_follow_is_said(then: str, submit: bool, says: str) -> None:
    assert any(line.startswith(says) for line in check_then(then, submit=submit))
    assert list(check_then(None, submit=submit)) == []
