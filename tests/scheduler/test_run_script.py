"""run.sh by itself: what it counts for core-hours, and the box that it builds first."""

import json
import os
import re
import shutil
import struct
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from iemhpc.lammps.failures import is_worth_another_attempt
from iemhpc.scheduler.base import Resources, Submission
from iemhpc.scheduler.restarts import find_start
from iemhpc.scheduler.run_files import read_plan, read_status
from iemhpc.scheduler.scripts import render_runs
from iemhpc.scheduler.states import in_words
from iemhpc.settings.cluster import ClusterSettings
from iemhpc.workspace import Workspace

WriteBox = Callable[..., Path]
TIME = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ"


@pytest.fixture
def run(tmp_path: Path, write_water_box: WriteBox) -> Path:
    """A planned run."""
    return write_water_box(tmp_path / "runs" / "a1", production_ps=0.04)


def start(run: Path, resources: Resources | None = None, **values: Any) -> int:
    """Render a run's files as a scheduler does, run it and return its exit code."""
    cluster = ClusterSettings.model_validate({"scheduler": "local"} | values)
    submission = Submission(runs=(run,), submission_id="0f", plans=(read_plan(run),))
    files = render_runs(
        submission,
        workspace=Workspace(run.parents[1]),
        cluster=cluster,
        resources=resources or Resources(),
    )
    for path, text in files.items():
        path.write_text(text)
    return subprocess.run(["bash", run / "run.sh"], check=False, timeout=120).returncode


def failing(run: Path) -> dict[str, Any]:
    """Return a profile whose LAMMPS is a program that only ends."""
    program = run.parent / "refuses.sh"
    program.write_text("#!/bin/sh\necho 'ERROR: no licence'\nexit 7\n")
    program.chmod(0o755)
    return {"lammps": [str(program)]}


def test_every_attempt_has_a_line_with_its_cores_and_one_with_its_end(run: Path) -> None:
    assert start(run, Resources(cores_per_run=1, gpus_per_run=2), **failing(run)) == 7
    assert start(run, **failing(run)) == 7
    first, second = (run / "attempts.log").read_text().splitlines()
    host = os.uname().nodename
    assert re.fullmatch(rf"{TIME} {host} job=\d+ cores=1 gpus=2", first)
    assert re.fullmatch(rf"{TIME} {host} job=\d+ cores=1 gpus=0", second)
    ends = (run / "ended.log").read_text().splitlines()
    assert [re.sub(TIME, "T", line) for line in ends] == ["1 T rc=7", "2 T rc=7"]


def test_an_attempt_that_was_killed_ends_at_its_last_sign_of_life(run: Path) -> None:
    start(run, **failing(run))
    (run / "ended.log").unlink()
    (run / "log.minimize.1.lammps").write_text("a line of thermo\n")
    os.utime(run / "log.minimize.1.lammps", (4e9, 4e9))
    start(run, **failing(run))
    first, second = (run / "ended.log").read_text().splitlines()
    assert first == "1 2096-10-02T07:06:40Z rc=lost"
    assert second.startswith("2 ")


def test_a_queues_job_is_named_with_its_array(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PBS_JOBID", "7[3].head")
    start(run, **failing(run))
    assert " job=7[3].head " in (run / "attempts.log").read_text()
    monkeypatch.setenv("SLURM_JOB_ID", "44")
    monkeypatch.setenv("SLURM_ARRAY_JOB_ID", "41")
    start(run, **failing(run))
    assert " job=41 " in (run / "attempts.log").read_text()


def test_a_module_that_does_not_load_fails_the_run_before_lammps(run: Path) -> None:
    program = run.parent / "not-to-be-started.sh"
    program.write_text("#!/bin/sh\ntouch started\n")
    program.chmod(0o755)
    (run.parent / "init").mkdir()
    (run.parent / "init" / "bash").write_text(
        "module() { [ $2 = gcc ] || { echo 'unknown module' >&2; return 1; }; }\n"
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MODULESHOME", str(run.parent))
        patch.setenv("BASH_FUNC_module%%", '() { . $MODULESHOME/init/bash; module "$@"; }')
        assert start(run, lammps=[str(program)], modules=["gcc", "lammps/2025"]) == 78
    assert not (run / "started").exists()
    status = read_status(run)
    assert status is not None
    assert (status.state, status.stage, status.rc) == ("failed", "setup", 78)
    assert in_words(status) == (
        f"module lammps/2025 did not load on {os.uname().nodename}: unknown module; mend modules "
        f"in the cluster profile, then iemhpc resubmit {read_plan(run)['run_id']}"
    )
    assert not is_worth_another_attempt(status.reason)
    # once it is mended
    start(run, lammps=[str(program)])
    assert (run / "started").exists()


def building(run: Path, program: str) -> dict[str, Any]:
    """Return a profile whose iemhpc is a script."""
    path = run.parent / "iemhpc.sh"
    path.write_text(f"#!/bin/sh\n{program}\n")
    path.chmod(0o755)
    return {"iemhpc": [str(path), "--own option"]} | failing(run)


def test_a_box_that_is_missing_is_built_by_the_jobs_first_step(run: Path) -> None:
    kept = run.parent / "kept.data"
    shutil.move(run / "system.data", kept)
    program = f'echo "$@" >said.txt; mv {kept} system.data'
    assert start(run, **building(run, program)) == 7
    assert (run / "said.txt").read_text() == f"--own option build-run {run.resolve()}\n"
    status = read_status(run)
    assert status is not None
    assert status.stage == "minimize"
    # a box that is there is not built again
    (run / "said.txt").unlink()
    start(run, **building(run, program))
    assert not (run / "said.txt").exists()


@pytest.mark.parametrize(
    ("program", "code", "reason"),
    [
        ("echo; echo 'Error: 7 sites cannot be balanced'; exit 2", 2, "Error: 7 sites cannot be"),
        ("true", 0, "build ended without an error, but what it should"),
    ],
)
def test_a_box_that_cannot_be_built_fails_the_run_with_its_words(
    run: Path, program: str, code: int, reason: str
) -> None:
    (run / "system.data").unlink()
    assert start(run, **building(run, program)) == (code or 1)
    status = read_status(run)
    assert status is not None
    assert (status.state, status.stage) == ("failed", "build")
    assert status.reason.startswith(reason)
    assert not (run / "log.minimize.1.lammps").exists()


@pytest.mark.parametrize(("file_mode", "bits"), [("group", 0o660), ("private", 0o600)])
def test_what_a_run_writes_is_for_whom_the_profile_says(
    run: Path, file_mode: str, bits: int
) -> None:
    start(run, file_mode=file_mode, **failing(run))
    for name in ("status.json", "attempts.log", "ended.log"):
        assert (run / name).stat().st_mode & 0o777 == bits


DATA = """LAMMPS data file via write_data, version x, timestep = {step}, units = real

1 atoms
1 atom types

Masses

1 1.0

Atoms # full

1 1 1 0.0 0.0 0.0 0.0 0 0 0

Velocities

1 0.0 0.0 0.0
"""
WHOLE = b"numbers LammpS RestartT 1\0"


def write_dcd(run: Path, first: int, last: int, *, attempt: int = 1) -> None:
    """Write the head of a trajectory of every 10th step, and what says that restarts come every
    50 steps."""
    head = struct.pack("=i4siiii", 84, b"CORD", 1, first, 10, last)
    (run / f"production.{first}.dcd").write_bytes(head + b"frames")
    (run / f"segment.{first}.txt").write_text(f"{first} 10 2 {attempt} none\n")
    (run / f"log.production.{attempt}.lammps").write_text(
        "restart         ${restart_stride} production.a.restart production.b.restart\n"
        "restart         50 production.a.restart production.b.restart\n"
    )


@pytest.fixture
def producing(run: Path) -> Path:
    """A run whose production is next."""
    for name in ("minimized.data", "equilibrated.data"):
        (run / name).write_text(DATA.format(step=0))
    return run


def words_of_production(run: Path) -> tuple[int, str]:
    """Start a run; return its exit code and what its LAMMPS was told of where it goes on."""
    told = run / "told"
    told.unlink(missing_ok=True)
    program = run.parent / "tells.sh"
    program.write_text(f'#!/bin/sh\n[ -e "{told}" ] || echo "$@" >"{told}"\nexit 7\n')
    program.chmod(0o755)
    code = start(run, lammps=[str(program)])
    if not told.exists():
        return code, ""
    found = dict(re.findall(r"-var (\w+) (\S+)", told.read_text()))
    return code, " ".join(found[name] for name in ("resume", "restart", "data_step"))


def restart(run: Path, name: str, content: bytes = WHOLE, *, at_s: float = 1000.0) -> None:
    (run / f"production.{name}").write_bytes(content)
    os.utime(run / f"production.{name}", (at_s, at_s))


def finish(run: Path, step: int, *, last: int | None = None) -> None:
    """Leave what a finished production leaves, but for its restart files."""
    write_dcd(run, 0, step if last is None else last)
    (run / "production.data").write_text(DATA.format(step=step))
    (run / "production.steps").write_text(f"{step}\n")


def older_and_newer(run: Path) -> None:
    write_dcd(run, 0, 200)
    restart(run, "a.restart", at_s=1000)
    restart(run, "b.restart", at_s=2000)


def torn_newer(run: Path) -> None:
    older_and_newer(run)
    restart(run, "b.restart", WHOLE[:9], at_s=2000)


def all_torn(run: Path) -> None:
    older_and_newer(run)
    for name in "ab":
        restart(run, f"{name}.restart", WHOLE[:9])


def cut_data(run: Path) -> None:
    finish(run, 10)
    (run / "production.data").write_text(DATA.format(step=10)[:-14])


def extended_and_lost(run: Path) -> None:
    finish(run, 10)
    write_dcd(run, 10, 300, attempt=2)


def extended_and_killed_at_once(run: Path) -> None:
    finish(run, 10)
    write_dcd(run, 10, 60, attempt=2)


def resumed_once_and_torn(run: Path) -> None:
    write_dcd(run, 0, 60)
    write_dcd(run, 50, 90, attempt=2)
    restart(run, "a.restart", WHOLE[:9])


def resumed_far_and_torn(run: Path) -> None:
    write_dcd(run, 0, 60)
    write_dcd(run, 50, 120, attempt=2)
    restart(run, "a.restart", WHOLE[:9])


CANNOT = ""


@pytest.mark.parametrize(
    ("prepare", "words"),
    [
        (lambda run: None, "0 none 0"),
        (older_and_newer, "1 production.b.restart 0"),
        (torn_newer, "1 production.a.restart 0"),
        # frames and no restart file: killed before the first one was whole
        (lambda run: write_dcd(run, 0, 60), "0 none 0"),
        (lambda run: write_dcd(run, 0, 100), "0 none 0"),
        # longer than that: there had been restart files
        (lambda run: write_dcd(run, 0, 110), CANNOT),
        (all_torn, CANNOT),
        (resumed_once_and_torn, "0 none 0"),
        (resumed_far_and_torn, CANNOT),
        (lambda run: write_dcd(run, 500, 510, attempt=2), CANNOT),
        # finished, then made longer
        (lambda run: finish(run, 10), "2 production.data 10"),
        (extended_and_killed_at_once, "2 production.data 10"),
        (extended_and_lost, CANNOT),
        (cut_data, CANNOT),
    ],
)
def test_production_never_begins_over_a_trajectory_that_is_worth_keeping(
    producing: Path, prepare: Callable[[Path], None], words: str
) -> None:
    prepare(producing)
    expected = find_start(producing)
    trajectories = {path: path.read_bytes() for path in producing.glob("production.*.dcd")}
    code, told = words_of_production(producing)
    assert told == words
    # what is said beforehand is what happens
    assert expected == (words.split()[1].replace("none", "") if words else None)
    assert {path: path.read_bytes() for path in trajectories} == trajectories
    status = read_status(producing)
    assert status is not None
    assert status.state == "failed"
    if words != CANNOT:
        assert code == 7
        return
    assert code == 1
    assert in_words(status) == (
        "its restart files are gone or damaged, and beginning again would write over its "
        f"trajectory; put them back and give iemhpc resubmit {read_plan(producing)['run_id']}, or "
        f"iemhpc resubmit {read_plan(producing)['run_id']} --fresh keeps the old trajectory aside "
        "and starts anew"
    )
    assert not is_worth_another_attempt(status.reason)


@pytest.mark.parametrize(("last", "is_kept"), [(310, True), (300, False)])
def test_a_trajectory_that_an_older_restart_file_would_write_over_is_kept(
    producing: Path, last: int, is_kept: bool
) -> None:
    write_dcd(producing, 0, 200)
    restart(producing, "restart")
    write_dcd(producing, 200, last, attempt=2)
    (producing / "segment.200.txt").write_text("200 10 2 2 production.restart\n")
    for name in "ab":
        restart(producing, f"{name}.restart", WHOLE[:9], at_s=3000)
    code, told = words_of_production(producing)
    assert (code, told) == (7, "1 production.restart 0")
    assert (producing / "production.200.dcd.2").exists() == is_kept
    assert (producing / "production.200.dcd").exists() != is_kept


@pytest.mark.parametrize(
    ("newest", "first"), [("a.restart", "b"), ("b.restart", "a"), ("restart", "a")]
)
def test_the_newest_restart_file_is_not_the_first_to_be_written_over(
    producing: Path, newest: str, first: str
) -> None:
    older_and_newer(producing)
    restart(producing, newest, at_s=3000)
    words_of_production(producing)
    assert f"-var restart_first {first} " in (producing / "told").read_text()


@pytest.mark.lammps
def test_a_run_that_lammps_finishes_says_so_in_all_its_files(run: Path, lmp: str) -> None:
    assert start(run, lammps=[lmp]) == 0
    status = json.loads((run / "status.json").read_text())
    assert status["state"] == "done"
    assert len((run / "attempts.log").read_text().splitlines()) == 1
    assert (run / "ended.log").read_text().split()[::2] == ["1", "rc=0"]
    # once more does nothing, and is no attempt
    assert start(run, lammps=[lmp]) == 0
    assert len((run / "attempts.log").read_text().splitlines()) == 1
    assert len((run / "ended.log").read_text().splitlines()) == 1


@pytest.mark.lammps
def test_the_end_of_a_production_whose_trajectory_is_gone_is_no_production(
    run: Path, lmp: str
) -> None:
    assert start(run, lammps=[lmp]) == 0
    for pattern in ("production.*.dcd", "segment.*.txt", "production.*restart", "production.steps"):
        for path in run.glob(pattern):
            path.unlink()
    assert start(run, lammps=[lmp]) == 0
    (segment,) = json.loads((run / "segments.json").read_text())
    assert (segment["first_step"], segment["attempt"]) == (0, 2)
    assert (run / segment["file"]).stat().st_size > 0
