"""Whatever is killed, every run is complete exactly once and no frame is missing."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = [pytest.mark.faults, pytest.mark.lammps, pytest.mark.usefixtures("lmp")]
SCRIPT = Path(__file__).parent / "fault_campaign.py"


def namespace(scheduler: str) -> list[str]:
    """Return the words that give a program mounts of its own, to fill a disk; none without."""
    words = ["unshare", "--mount"]
    if os.geteuid() != 0:  # root only in name, which slurmd finds out
        words += ["--user", "--map-root-user"]
    if not shutil.which("unshare") or (os.geteuid() != 0 and scheduler == "slurm"):
        return []
    probe = subprocess.run([*words, "true"], check=False, capture_output=True)
    return [] if probe.returncode else words


def campaign(scheduler: str, *, runs: int, faults: int, seed: int, limit_s: int) -> str:
    """Return what a campaign printed; it counts by itself and fails where a count is wrong."""
    words = [sys.executable, str(SCRIPT), "--scheduler", scheduler, "--runs", str(runs)]
    words += ["--faults", str(faults), "--seed", str(seed), "--limit", str(limit_s)]
    before = namespace(scheduler)
    done = subprocess.run(
        [*before, *words],
        capture_output=True,
        text=True,
        check=False,
        timeout=limit_s + 240,
        env={**os.environ, "IEMHPC_FAULTS_MAY_MOUNT": "yes" if before else "no"},
    )
    print(done.stdout, done.stderr)
    assert done.returncode == 0
    return done.stdout


def number(said: str, name: str) -> int:
    found = re.search(rf"^{name}: (\d+)$", said, re.MULTILINE)
    assert found
    return int(found[1])


def assert_survived(said: str, *, runs: int) -> None:
    assert number(said, "runs") == runs
    assert number(said, "complete exactly once") == runs
    assert number(said, "every step once") == runs
    assert number(said, "two at once") == 0


def test_a_few_runs_survive_the_local_scheduler_and_everything_else_being_killed() -> None:
    assert_survived(campaign("local", runs=6, faults=6, seed=1, limit_s=120), runs=6)


@pytest.mark.slurm
@pytest.mark.usefixtures("started_slurm")
def test_a_few_runs_survive_a_cluster_that_falls_to_pieces() -> None:
    said = campaign("slurm", runs=6, faults=7, seed=1, limit_s=180)
    assert_survived(said, runs=6)


@pytest.mark.slow
@pytest.mark.parametrize("seed", [2, 3])
def test_thirty_runs_survive_the_local_scheduler_and_everything_else_being_killed(
    seed: int,
) -> None:
    assert_survived(campaign("local", runs=30, faults=30, seed=seed, limit_s=300), runs=30)


@pytest.mark.slow
@pytest.mark.slurm
@pytest.mark.usefixtures("started_slurm")
def test_thirty_runs_survive_a_cluster_that_falls_to_pieces() -> None:
    said = campaign("slurm", runs=30, faults=30, seed=2, limit_s=340)
    assert_survived(said, runs=30)
