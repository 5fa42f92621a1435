"""What the local scheduler costs: short runs of LAMMPS, beside the same commands by xargs.

    python benchmarks/local.py [--runs 20] [--rounds 3]

Each run is a small box of water whose production takes about a second. The ideal is measured in the
same minute: the very LAMMPS commands of such runs, from a file, by ``xargs -P CORES``. Rounds
alternate and the medians are compared, because other work on the machine disturbs both. Writes its
section of ``benchmarks/RESULTS.md``. Aim: at most 15 % more.
"""

import argparse
import os
import shlex
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from results import circumstances, write_section

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests" / "lammps"))
from water_box import write_water_box

from iemhpc.scheduler.cluster import THIS_MACHINE, lammps_words, load_cluster
from iemhpc.scheduler.cores import cores_of_this_machine
from iemhpc.scheduler.run_files import read_plan
from iemhpc.scheduler.scripts import (
    STAGES,
    production_variables,
    stage_variables,
    variable_words,
)
from iemhpc.scheduler.submission import submit_runs
from iemhpc.workspace import Workspace

TITLE = "Results of the benchmark of the local scheduler"
AIM = 1.15


def equilibrated(folder: Path, production_ps: float) -> Path:
    """Return a run folder that lacks its production alone."""
    workspace = Workspace(folder)
    run = write_water_box(workspace.run("first"), production_ps=production_ps)
    submit_runs(workspace, ["first"], cluster=THIS_MACHINE)
    return run


def copies(source: Path, workspace: Workspace, n_runs: int) -> list[str]:
    """Write run folders like ``source`` before its production and return their names."""
    names = [f"r{number:03d}" for number in range(n_runs)]
    for name in names:
        workspace.run(name).mkdir(parents=True)
        for file in (
            "plan.json",
            "system.data",
            "styles.in",
            "minimized.data",
            "equilibrated.data",
        ):
            shutil.copy(source / file, workspace.run(name))
    return names


def ours(source: Path, folder: Path, n_runs: int) -> float:
    """Return the seconds that a submission takes to its end."""
    workspace = Workspace(folder)
    names = copies(source, workspace, n_runs)
    began = time.monotonic()
    submit_runs(workspace, names, cluster=THIS_MACHINE)
    taken = time.monotonic() - began
    done = sum((workspace.run(name) / "production.data").exists() for name in names)
    if done != n_runs:
        raise SystemExit(f"{done} of {n_runs} runs are done; see {folder}")
    return taken


def ideal(source: Path, folder: Path, n_runs: int) -> float:
    """Return the seconds that the bare commands take by xargs."""
    workspace = Workspace(folder)
    names = copies(source, workspace, n_runs)
    plan = read_plan(source)
    stage = STAGES[-1]
    words = [
        *lammps_words(load_cluster(THIS_MACHINE, workspace), cores=1),
        *("-in", f"{stage}.in", "-screen", "none", "-log", "log"),
        *variable_words(stage_variables(plan)),
        *variable_words(production_variables(plan["sampling"])),
    ]
    for name in names:
        shutil.copy(source / f"{stage}.in", workspace.run(name))
    lines = "".join(f"{workspace.run(name)}\0" for name in names)
    one = f'cd "$0" && exec {shlex.join(words)}'
    began = time.monotonic()
    subprocess.run(
        # a session each, as ours have: Linux shares a busy machine out by sessions
        [
            *("xargs", "-0", "-n", "1", "-P", str(len(cores_of_this_machine()))),
            *("setsid", "--wait", "bash", "-c", one),
        ],
        input=lines.encode(),
        check=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    return time.monotonic() - began


def main() -> None:
    """Measure, print and write the section."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--runs", type=int, default=20)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--production-ps", type=float, default=2.2)
    options = parser.parse_args()
    rows = ["| round | local scheduler, s | xargs, s | ratio |", "|---|---|---|---|"]
    print("\n".join(rows))
    measured = list[tuple[float, float]]()
    with tempfile.TemporaryDirectory(prefix="iemlocal.") as folder:
        tempfile.tempdir = folder  # nobody else's cores
        root = Path(folder)
        source = equilibrated(root / "source", options.production_ps)
        for number in range(1, options.rounds + 1):
            one = ours(source, root / f"ours{number}", options.runs)
            other = ideal(source, root / f"ideal{number}", options.runs)
            measured.append((one, other))
            rows.append(f"| {number} | {one:.1f} | {other:.1f} | {one / other:.2f} |")
            print(rows[-1], flush=True)
    one, other = (statistics.median(column) for column in zip(*measured, strict=True))
    words = (
        f"{options.runs} runs on {len(cores_of_this_machine())} cores: median {one:.1f} s against "
        f"{other:.1f} s of the bare commands, ratio {one / other:.2f} (aim: at most {AIM}). "
        f"{other / options.runs * len(cores_of_this_machine()):.2f} s of LAMMPS a run."
    )
    print(words)
    lines = [circumstances("python benchmarks/local.py"), "", *rows, "", words]
    write_section(TITLE, lines)


if __name__ == "__main__":
    main()
