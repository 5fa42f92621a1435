"""How long the table of ten thousand runs takes, beside reading as many small JSON files.

    python benchmarks/status.py [N] [--peer PYTHON]

Makes N run folders (of which a tenth is queued at a queue that answers at once, and the rest done,
failed or planned) in a temporary folder and prints CPU seconds: of reading N small JSON files, of
``iemhpc status`` as a whole process without and with its index, and, where PYTHON is one with
signac-flow, of that project's status of as many jobs (``benchmarks/status_peer.py``).
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from iemhpc.tables.plan import SCHEMA_VERSION
from iemhpc.workspace import content_hash

QUEUED_EVERY, FAILED_EVERY, PLANNED_EVERY = 10, 21, 11
CALL = "import sys; from iemhpc.cli.app import main; main()"


def write_runs(root: Path, n_runs: int) -> None:
    """Write run folders as a campaign leaves them, and a queue that knows the queued ones."""
    answer = []
    for number in range(n_runs):
        physics = {"system": f"M{number % 17}/NaCl", "seed": number, "protocol": {"anneal_ps": 50}}
        folder = root / "runs" / content_hash(physics)
        folder.mkdir(parents=True)
        plan = {
            "schema_version": SCHEMA_VERSION,
            "iemhpc_version": "0",
            "run_id": folder.name,
            "physics": physics,
            "request": {"realised_salt_molar": 0.5, "n_atoms": 6300},
            "sampling": {"production_ps": 10_000.0, "frame_ps": 1.0, "timestep_fs": 2.0},
        }
        (folder / "plan.json").write_text(json.dumps(plan, indent=1))
        if number % PLANNED_EVERY == 0:
            continue
        job = {"scheduler": "slurm", "submission": "0f", "index": number, "task": f"7_{number}"}
        job |= {"attempts": 0, "submitted_s": time.time(), "cluster": "slurm", "cores_per_run": 8}
        (folder / "job.json").write_text(json.dumps(job, indent=1))
        if number % QUEUED_EVERY == 0:
            answer.append(f"7_{number} PD")
            continue
        status = {"state": "done", "stage": "production", "attempt": 1, "rc": 0, "reason": ""}
        if number % FAILED_EVERY == 0:
            status |= {"state": "failed", "rc": 1, "reason": "ERROR: Lost atoms: original 3"}
        status |= {"started": "", "ended": "", "host": "n1", "pid": 7, "start": "1", "boot": "0"}
        (folder / "status.json").write_text(json.dumps(status | {"n_steps": 5_000_000}))
        (folder / "attempts.log").write_text("2026-01-31T12:00:00Z n1 job=7 cores=8 gpus=0\n")
        (folder / "ended.log").write_text("1 2026-01-31T15:00:00Z rc=0\n")
    (root / "bin").mkdir()
    (root / "answer").write_text("\n".join(answer))
    program = root / "bin" / "squeue"
    program.write_text(f"#!/bin/sh\necho asked >>{root}/asked\ncat {root}/answer\n")
    program.chmod(0o755)


def cpu_s(command: list[str], environment: dict[str, str]) -> float:
    """Run a program and return its CPU seconds, those of its children included."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, env=environment, check=True, stdout=subprocess.DEVNULL)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def read_plainly(root: Path) -> float:
    """Return the CPU seconds of reading one small JSON file of each folder."""
    began = time.process_time()
    for folder in os.listdir(root / "runs"):  # noqa: PTH208  # the fastest way is the yardstick
        with open(f"{root}/runs/{folder}/plan.json", "rb") as stream:  # noqa: PTH123
            json.loads(stream.read())
    return time.process_time() - began


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("n_runs", nargs="?", type=int, default=10_000)
    parser.add_argument("--peer", help="a Python that has signac-flow")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        write_runs(root, given.n_runs)
        time.sleep(2.5)  # as folders that changed a moment ago are not kept in the index
        plain_s = min(read_plainly(root) for _ in range(3))
        path = {**os.environ, "PATH": f"{root}/bin:{os.environ['PATH']}"}
        start_s = min(cpu_s([sys.executable, "-c", CALL, "--version"], path) for _ in range(3))
        command = [sys.executable, "-c", CALL, "status", "-w", folder]
        first_s = cpu_s(command, path)
        (root / "asked").unlink()
        again_s = min(cpu_s(command, path) for _ in range(3))
        asked = len((root / "asked").read_text().splitlines())
    print(f"{given.n_runs} run folders, CPU seconds")
    print(f"  as many small JSON files, read plainly    {plain_s:6.2f}")
    print(f"  iemhpc --version: starting, no runs       {start_s:6.2f}")
    print(f"  iemhpc status, the first time             {first_s:6.2f}")
    print(f"  iemhpc status, again                      {again_s:6.2f}", end="")
    print(f"  = {again_s / plain_s:.1f} x plain reading; squeue asked {asked} times in 3 calls")
    if given.peer:
        script = Path(__file__).with_name("status_peer.py")
        said = subprocess.run(
            [given.peer, script, str(given.n_runs)], check=True, capture_output=True, text=True
        )
        peer_s = float(said.stdout.split()[-1])
        print(f"  signac-flow, Project.print_status()       {peer_s:6.2f}", end="")
        print(f"  = {peer_s / again_s:.1f} x ours")


if __name__ == "__main__":
    main()
