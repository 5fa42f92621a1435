"""What it costs to submit a thousand runs to Slurm, beside a hand-written array and dpdispatcher.

    python benchmarks/submit.py [--runs 1000] [--peer PYTHON]

Starts a private Slurm of two nodes, as the tests do. Every run is the same trivial bash script,
which notes that it has ended; ours goes the whole way of ``md-submit``: a lock, a look at every run
folder, scripts and job files, one array, then a look at all states every few seconds until the last
has ended. Scripts before ``sbatch`` and its like on the PATH count the calls. Writes its section of
``benchmarks/RESULTS.md``. Aim: one sbatch and at most 1.25 times the hand-written array.

The peer (dpdispatcher, LGPL-3, https://github.com/deepmodeling/dpdispatcher) wants an environment
of its own and is skipped where there is none:

    python -m venv .venv-dpdispatcher && .venv-dpdispatcher/bin/pip install dpdispatcher==1.1.0
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from results import circumstances, write_section

HERE = Path(__file__).resolve().parent
for tests in ("slurm", "lammps"):
    sys.path.insert(0, str(HERE.parent / "tests" / tests))

from private_slurm import private_slurm  # noqa: E402
from water_box import write_water_box  # noqa: E402

from iemhpc.scheduler.runs import run_states  # noqa: E402
from iemhpc.scheduler.submission import submit_runs  # noqa: E402
from iemhpc.workspace import Workspace, content_hash  # noqa: E402

TITLE = "Results of the submission benchmark"
AIM = 1.25
COUNTED = ("sbatch", "squeue", "scontrol", "sacct", "sinfo")
LOOK_S = 10.0

TRIVIAL = """\
#!/usr/bin/env bash
cd "$(dirname "${BASH_SOURCE[0]}")" || exit 66
printf '{"state": "done", "stage": "production", "attempt": 1, "rc": 0, "reason": "", %s}\\n' \\
  '"started": "", "ended": "", "host": "", "pid": 0, "n_steps": 1000000' >status.json
exit 0
"""
PROFILE = 'scheduler = "slurm"\nlammps = ["true"]\nwall_hours = 0.2\nwarning_s = 120\n'
ARRAY = """\
#!/usr/bin/env bash
#SBATCH --array=0-{last}
#SBATCH --output=/dev/null
#SBATCH --time=12
run=$(sed -n "$((SLURM_ARRAY_TASK_ID + 1))p" {list})
exec bash "$run/run.sh"
"""
PEER = """\
import json, sys
from pathlib import Path
from dpdispatcher import Machine, Resources, Submission, Task
root, n_runs = Path(sys.argv[1]), int(sys.argv[2])
machine = Machine.load_from_dict({
    "batch_type": "SlurmJobArray", "context_type": "LocalContext",
    "local_root": str(root), "remote_root": str(root.parent / "remote")})
resources = Resources.load_from_dict({
    "number_node": 1, "cpu_per_node": 1, "gpu_per_node": 0, "queue_name": "cpu",
    "group_size": n_runs, "kwargs": {"slurm_job_size": 1}})
tasks = [Task(command="bash run.sh", task_work_path=f"runs/r{i:04d}/", forward_files=["run.sh"],
              backward_files=["status.json"]) for i in range(n_runs)]
Submission(work_base=".", machine=machine, resources=resources, task_list=tasks).run_submission(
    check_interval=10)
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """What one way of submitting took."""

    submitted_s: float
    """Until the queue had everything."""
    ended_s: float
    """Until the last run had ended."""
    calls: Counter[str]
    """Program -> how often it was called, on the nodes too."""


def write_runs(root: Path, n_runs: int) -> list[str]:
    """Write run folders with a plan and the trivial script."""
    names = [f"r{number:04d}" for number in range(n_runs)]
    plan = json.loads((write_water_box(root / "first") / "plan.json").read_text())
    for number, name in enumerate(names):
        plan["physics"]["seed"] = number
        plan["run_id"] = content_hash(plan["physics"])
        folder = root / "runs" / name
        folder.mkdir(parents=True)
        (folder / "plan.json").write_text(json.dumps(plan))
        (folder / "run.sh").write_text(TRIVIAL)
    return names


def count_calls(folder: Path) -> Path:
    """Put scripts before Slurm's programs that note each call, and return the list."""
    calls, programs = folder / "calls", folder / "bin"
    programs.mkdir()
    for name in COUNTED:
        real = shutil.which(name)
        if real:
            text = f'#!/bin/sh\necho {name} >>"{calls}"\nexec {real} "$@"\n'
            (programs / name).write_text(text)
            (programs / name).chmod(0o755)
    os.environ["PATH"] = f"{programs}:{os.environ['PATH']}"
    return calls


def measure(
    submit: Callable[[], None], *, runs: Path, n_runs: int, calls: Path, look: Callable[[], None]
) -> Taken:
    """Submit, look now and then, and wait for the last run by its file alone."""
    calls.write_text("")
    began = time.monotonic()
    submit()
    submitted_s = time.monotonic() - began
    looked = time.monotonic()
    while sum(1 for _ in runs.glob("*/status.json")) < n_runs:
        time.sleep(0.5)
        if time.monotonic() - looked > LOOK_S:
            look()
            looked = time.monotonic()
    return Taken(
        submitted_s=submitted_s,
        ended_s=time.monotonic() - began,
        calls=Counter(calls.read_text().split()),
    )


def ours(root: Path, n_runs: int, calls: Path) -> Taken:
    """Submit by our own path; the workspace's run script wins over the project's."""
    names = write_runs(root, n_runs)
    (root / "clusters").mkdir()
    (root / "clusters" / "bench.toml").write_text(PROFILE)
    (root / "jobs").mkdir()
    (root / "jobs" / "local.sh").write_text(TRIVIAL)
    workspace = Workspace(root)

    def submit() -> None:
        submit_runs(workspace, names, cluster="bench")

    taken = measure(
        submit,
        runs=workspace.runs,
        n_runs=n_runs,
        calls=calls,
        look=lambda: run_states(workspace) and None,
    )
    states = {row.state for row in run_states(workspace)}
    if states != {"done"}:
        raise SystemExit(f"states at the end: {states}")
    return taken


def by_hand(root: Path, n_runs: int, calls: Path) -> Taken:
    """Submit the same scripts by an array as one writes it oneself."""
    names = write_runs(root, n_runs)
    listed = root / "runs.list"
    listed.write_text("".join(f"{root / 'runs' / name}\n" for name in names))
    script = root / "array.sh"
    script.write_text(ARRAY.format(last=n_runs - 1, list=listed))

    def submit() -> None:
        subprocess.run(["sbatch", "--parsable", script], check=True, capture_output=True)

    return measure(submit, runs=root / "runs", n_runs=n_runs, calls=calls, look=lambda: None)


def by_peer(root: Path, n_runs: int, calls: Path, python: str) -> Taken:
    """Submit the same scripts by dpdispatcher's arrays; it returns when all have ended."""
    write_runs(root, n_runs)
    (root.parent / "remote").mkdir()
    calls.write_text("")
    began = time.monotonic()
    done = subprocess.run(
        [python, "-c", PEER, str(root), str(n_runs)],
        check=False,
        capture_output=True,
        text=True,
        timeout=900,
        cwd=root,
    )
    if done.returncode:
        raise SystemExit(f"the peer failed: {done.stderr[-1000:]}")
    taken = time.monotonic() - began
    return Taken(submitted_s=taken, ended_s=taken, calls=Counter(calls.read_text().split()))


def row(name: str, taken: Taken, hand: Taken) -> str:
    """Return a line of the table."""
    submitted = "-" if taken.submitted_s == taken.ended_s else f"{taken.submitted_s:.1f}"
    calls = ", ".join(f"{taken.calls[program]}" for program in COUNTED[:3])
    return (
        f"| {name} | {submitted} | {taken.ended_s:.1f} | {calls} "
        f"| {taken.ended_s / hand.ended_s:.2f} |"
    )


def tell(lines: list[str], line: str) -> None:
    """Print a line of the table at once and keep it."""
    print(line, flush=True)
    lines.append(line)


def main() -> None:
    """Measure, print and write the section."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--runs", type=int, default=1000, help="at most 1000: MaxArraySize")
    parser.add_argument(
        "--peer", default=".venv-dpdispatcher/bin/python", help="Python with dpdispatcher"
    )
    options = parser.parse_args()
    lines = [
        "| way | submitted after, s | ended after, s | sbatch, squeue, scontrol | ratio |",
        "|---|---|---|---|---|",
    ]
    with tempfile.TemporaryDirectory(prefix="iemsubmit.") as folder, private_slurm() as slurm:
        os.environ["SLURM_CONF"] = str(slurm.conf)
        root, calls = Path(folder), count_calls(Path(folder))
        print("\n".join(lines), flush=True)
        hand = by_hand(root / "hand", options.runs, calls)
        tell(lines, row("a hand-written `sbatch --array`", hand, hand))
        tell(lines, row("iemhpc", ours(root / "ours", options.runs, calls), hand))
        if Path(options.peer).exists():
            peer = by_peer(root / "peer" / "w", options.runs, calls, options.peer)
            tell(lines, row("dpdispatcher", peer, hand))
        else:
            print(f"peer skipped: {options.peer} is not there")
    words = (
        f"{options.runs} trivial runs on a private Slurm whose two nodes claim four cores each. "
        f"Aim: one sbatch, at most {AIM} times the hand-written array. Ours looks at all states "
        f"every {LOOK_S:.0f} s, one squeue a look; dpdispatcher every 10 s."
    )
    write_section(TITLE, [circumstances("python benchmarks/submit.py"), "", words, "", *lines])


if __name__ == "__main__":
    main()
