"""A campaign of tiny runs while everything around them is killed; then each run is counted.

    python tests/faults/fault_campaign.py --scheduler slurm --runs 30 --faults 30 --seed 1

Workers, scripts, the submitting process, the controller of a private Slurm and a node of it are
killed with -9, restart files are cut in half and the disk is filled, at moments drawn from the
seed. Meanwhile the runs are submitted again and again, as cron or a patient person would. At the
end every run must be complete exactly once. That is counted by marks which the jobs append
themselves when a stage of LAMMPS ends well, by the frames of the trajectories and by the record of
slurmctld, not by our status. Prints a table and the counts; exit code 1 where anything is missing
or came twice.

The runs lie on a small file system of their own, to be filled, where ``unshare`` can make one.
"""

import argparse
import contextlib
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
for name in ("slurm", "lammps"):
    sys.path.insert(0, str(HERE.parent / name))

from private_slurm import PrivateSlurm, private_slurm  # noqa: E402
from water_box import write_water_box  # noqa: E402

from iemhpc.descriptors.dcd import read_dcd_header  # noqa: E402
from iemhpc.programs import find_program  # noqa: E402
from iemhpc.scheduler.runs import run_states  # noqa: E402
from iemhpc.workspace import Workspace  # noqa: E402

STAGES = ("minimize", "equilibrate", "production")
PRODUCTION_PS, FRAME_PS = 2.0, 0.02
LAST_STEP, STRIDE_STEPS = 1000, 10
END_OF_RESTART = b"LammpS RestartT"
N_ANGLES = 5**3 - 4
"""Of water_box.py: a molecule of water on every place but those of the ions."""

SUBMIT = """
import sys
from pathlib import Path
from iemhpc.scheduler import states
from iemhpc.scheduler.submission import submit_runs
from iemhpc.workspace import Workspace
states.GRACE_S = 4.0
root = Path(sys.argv[1])
runs = sorted(run.name for run in (root / "runs").glob("[!.]*"))
submit_runs(Workspace(root), runs, cluster="test")
"""
MARKED = """\
#!/usr/bin/env bash
# stands before LAMMPS and notes what begins, what ended well and whether another one is at it
for other in $(pgrep -g "$(cat marks.group 2>/dev/null || echo -1)" 2>/dev/null); do
  [ "$other" != $$ ] && [ "/proc/$other/cwd" -ef . ] && echo "overlap" >>"{marks}/${{PWD##*/}}"
done
echo $$ >marks.group
while [ $# -gt 0 ]; do
  [ "$1" != -in ] || stage=${{2%.in}}
  words+=("$1")
  shift
done
echo "begin $stage" >>"{marks}/${{PWD##*/}}"
"{lammps}" "${{words[@]}}"
rc=$?
# LAMMPS ends with 0 on a full disk too: the last line of its box is that of the last angle
case $stage in minimize) box=minimized ;; equilibrate) box=equilibrated ;; *) box=production ;; esac
read -r last _ < <(tail -n 1 "$box.data" 2>/dev/null)
[ "$rc" != 0 ] || [ "$last" != {n_angles} ] || echo "done $stage" >>"{marks}/${{PWD##*/}}"
exit "$rc"
"""


@dataclass(slots=True, kw_only=True)
class Campaign:
    """Runs, and what is done to them."""

    root: Path
    """The workspace."""
    marks: Path
    """Where the jobs append theirs, a file a run; outside the disk that is filled."""
    slurm: PrivateSlurm | None
    """None: the local scheduler."""
    chance: random.Random
    """Draws the faults and their moments."""
    submitting: subprocess.Popen[bytes] | None = None
    """The submission that goes on."""
    inflicted: Counter[str] = field(default_factory=Counter)
    """Fault -> how often."""

    @property
    def runs(self) -> list[Path]:
        """Run folders."""
        return sorted((self.root / "runs").glob("[!.]*"))

    def marks_of(self, run: Path) -> list[str]:
        """Return what the jobs of a run appended."""
        path = self.marks / run.name
        return path.read_text().splitlines() if path.exists() else []

    def is_done(self, run: Path) -> bool:
        """Say whether LAMMPS has once ended the production well."""
        return "done production" in self.marks_of(run)

    def mend_cluster(self) -> None:
        """Do what an administrator and the user do when Slurm gives up by itself.

        A controller that was killed may start a task a second time on the node that it runs on:
        the node refuses, Slurm drains it and holds the job.
        """
        if not self.slurm:
            return
        answer = self.slurm.ask("sinfo", "--noheader", "--Node", "--format=%N %T")
        for node, state in dict(line.split() for line in answer.splitlines()).items():
            if state.startswith("drain"):
                self._tell("scontrol", "update", f"NodeName={node}", "State=RESUME")
                self.inflicted["node drained by Slurm"] += 1
        for row in run_states(Workspace(self.root)):
            _, is_held, release = row.reason.partition("perhaps after a failed launch: ")
            if is_held:
                self._tell(*release.split())
                self.inflicted["task held by Slurm"] += 1

    def _tell(self, *words: str) -> None:
        assert self.slurm
        with contextlib.suppress(subprocess.SubprocessError):  # said again in a moment
            self.slurm.ask(*words)

    def submit(self) -> None:
        """Submit everything again, unless a submission is still at it."""
        if self.submitting is None or self.submitting.poll() is not None:
            self.submitting = subprocess.Popen(
                [sys.executable, "-c", SUBMIT, str(self.root)],
                stdout=subprocess.DEVNULL,
                stderr=(self.marks.parent / "submit.log").open("ab"),
            )

    def kill_submission(self) -> bool:
        """Kill the submitting process at any moment; locally that is the scheduler."""
        if self.submitting is None or self.submitting.poll() is not None:
            self.submit()
        assert self.submitting
        time.sleep(self.chance.uniform(0.0, 1.5))
        self.submitting.kill()
        self.submitting.wait()
        return True

    def processes(self) -> list[tuple[Path, int, int]]:
        """Return run, LAMMPS's process group and the script of every run that is at it."""
        found = []
        for run in self.runs:
            with contextlib.suppress(OSError, ValueError):
                group, script = (run / "lammps.pid").read_text().split()
                found.append((run, int(group), int(script)))
        return found

    def kill_worker(self) -> bool:
        """Kill LAMMPS."""
        if found := self.processes():
            _kill_group(self.chance.choice(found)[1])
        return bool(found)

    def kill_script(self) -> bool:
        """Kill the script of a run, which leaves LAMMPS without it."""
        if found := self.processes():
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.chance.choice(found)[2], signal.SIGKILL)
        return bool(found)

    def truncate_restart(self) -> bool:
        """Kill LAMMPS and cut its newest restart file in half; with two of them one may be lost."""
        found = [each for each in self.processes() if len(_whole_restarts(each[0])) == 2]
        if not found:
            return False
        run, group, _ = self.chance.choice(found)
        _kill_group(group)
        whole = _whole_restarts(run)  # perhaps it was just being written
        if len(whole) == 2:
            os.truncate(whole[-1], whole[-1].stat().st_size // 2)
        return len(whole) == 2

    def fill_disk(self) -> bool:
        """Leave no byte on the disk for a moment."""
        if not os.path.ismount(self.root):
            return False
        ballast = self.root / "ballast"
        with contextlib.suppress(OSError), ballast.open("wb", buffering=0) as file:
            while True:
                file.write(bytes(4096))
        time.sleep(self.chance.uniform(0.5, 1.5))
        ballast.unlink()
        return True

    def kill_controller(self) -> bool:
        """Kill slurmctld and start it again."""
        assert self.slurm
        self.slurm.kill_controller()
        time.sleep(self.chance.uniform(0.0, 1.0))
        self.slurm.start_controller()
        return True

    def kill_node(self) -> bool:
        """Take a node away with all that runs on it, and give it back."""
        assert self.slurm
        node = self.chance.choice(("n1", "n2"))
        self.slurm.kill_node(node)
        with contextlib.suppress(subprocess.SubprocessError):
            self.slurm.ask("scontrol", "update", f"NodeName={node}", "State=DOWN", "Reason=a fault")
        self.slurm.start_node(node)
        return True

    def faults(self) -> dict[str, Callable[[], bool]]:
        """Return what can happen, by name."""
        common = {
            "LAMMPS killed": self.kill_worker,
            "run.sh killed": self.kill_script,
            "restart file truncated": self.truncate_restart,
            "disk full": self.fill_disk,
        }
        if self.slurm is None:
            return {"local scheduler killed": self.kill_submission, **common}
        return {
            "submitting process killed": self.kill_submission,
            "controller killed": self.kill_controller,
            "node killed": self.kill_node,
            **common,
        }


def _whole_restarts(run: Path) -> list[Path]:
    """Return the restart files of a production that end as LAMMPS ends them, the newest last."""
    found = [path for path in run.glob("production.?.restart") if END_OF_RESTART in _end_of(path)]
    return sorted(found, key=lambda path: path.stat().st_mtime_ns)


def _end_of(path: Path) -> bytes:
    with path.open("rb") as file:
        file.seek(max(path.stat().st_size - 64, 0))
        return file.read()


def _kill_group(group: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(group, signal.SIGKILL)


def write_runs(root: Path, *, n_runs: int) -> None:
    """Write run folders: most with an equilibrated box, every fourth from the beginning."""
    first = write_water_box(root / "runs" / "r00", production_ps=PRODUCTION_PS, frame_ps=FRAME_PS)
    base = root.parent / "base"
    shutil.copytree(first, base / "runs" / "r00")
    (base / "clusters").mkdir()
    (base / "clusters" / "test.toml").write_text('scheduler = "local"\n')
    subprocess.run([sys.executable, "-c", SUBMIT, str(base)], check=True)
    for number in range(1, n_runs):
        run = write_water_box(
            root / "runs" / f"r{number:02d}",
            production_ps=PRODUCTION_PS,
            frame_ps=FRAME_PS,
            seed=number,
        )
        if number % 4:
            for name in ("system.data", "minimized.data", "equilibrated.data"):
                shutil.copy(base / "runs" / "r00" / name, run)


def write_profile(campaign: Campaign) -> None:
    """Write the cluster profile whose LAMMPS leaves marks."""
    program = campaign.marks.parent / "marked-lmp"
    lammps = find_program("lmp")
    program.write_text(MARKED.format(marks=campaign.marks, lammps=lammps, n_angles=N_ANGLES))
    program.chmod(0o755)
    lines = [f'lammps = ["{program}"]', 'scheduler = "local"']
    if campaign.slurm:
        lines[1:] = ['scheduler = "slurm"', "wall_hours = 0.2", "warning_s = 120", "at_once = 4"]
        lines.append("memory_MB_per_core = 50")
    (campaign.root / "clusters").mkdir(parents=True)
    (campaign.root / "clusters" / "test.toml").write_text("\n".join(lines) + "\n")


def inflict(campaign: Campaign, *, n_faults: int, limit_s: float) -> None:
    """Submit, and let things happen, until every run is done."""
    until, calm, looked = time.monotonic() + limit_s, 0.0, 0.0
    names, queue = list(campaign.faults()), list[str]()
    while len(queue) < n_faults:
        campaign.chance.shuffle(names)
        queue += names[: n_faults - len(queue)]
    while time.monotonic() < until:
        if all(campaign.is_done(run) for run in campaign.runs):
            break
        campaign.submit()
        time.sleep(0.3)
        if looked + 3.0 < time.monotonic():
            looked = time.monotonic()
            campaign.mend_cluster()
        if queue and time.monotonic() > calm:
            fault = queue.pop()
            if campaign.faults()[fault]():
                campaign.inflicted[fault] += 1
                print(f"{time.monotonic() - until + limit_s:6.1f} s  {fault}", flush=True)
            else:
                queue.insert(0, fault)
            calm = time.monotonic() + campaign.chance.uniform(0.0, 1.0)
    _settle(campaign, until=time.monotonic() + 60.0)


def _settle(campaign: Campaign, *, until: float) -> None:
    """Wait until nothing runs any more."""
    while time.monotonic() < until:
        is_over = campaign.submitting is None or campaign.submitting.poll() is not None
        if campaign.slurm:
            is_over = is_over and not campaign.slurm.ask("squeue", "--noheader")
        if is_over and not campaign.processes():
            return
        time.sleep(0.2)


def frame_steps(run: Path) -> list[int]:
    """Steps of all frames as a reader takes them: of the same step the later attempt's."""
    steps = set[int]()
    if not (run / "segments.json").exists():
        return []
    for segment in json.loads((run / "segments.json").read_text()):
        header = read_dcd_header(run / segment["file"])
        steps |= {segment["first_step"] + k * header.stride_steps for k in range(header.n_frames)}
    return sorted(steps)


def count(campaign: Campaign) -> dict[str, Any]:
    """Return what came of the campaign, run by run."""
    ends = campaign.slurm.ended() if campaign.slurm else []
    tasks = {}
    for run in campaign.runs:
        with contextlib.suppress(OSError, ValueError, KeyError):
            tasks[str(json.loads((run / "job.json").read_text())["task"])] = run.name
    wanted = list(range(0, LAST_STEP + 1, STRIDE_STEPS))
    marks = {run: Counter(campaign.marks_of(run)) for run in campaign.runs}
    return {
        "runs": len(campaign.runs),
        "complete exactly once": sum(each["done production"] == 1 for each in marks.values()),
        "complete twice": sum(each["done production"] > 1 for each in marks.values()),
        "stages done twice": sum(
            each[f"done {stage}"] > 1 for each in marks.values() for stage in STAGES
        ),
        "two at once": sum(each["overlap"] for each in marks.values()),
        "every step once": sum(frame_steps(run) == wanted for run in campaign.runs),
        "LAMMPS started": sum(
            each[f"begin {stage}"] for each in marks.values() for stage in STAGES
        ),
        "ended well for slurmctld": len(
            {tasks[end.task] for end in ends if end.state == "COMPLETED" and end.task in tasks}
        ),
    }


def table(campaign: Campaign, counts: dict[str, Any]) -> list[str]:
    """Return the table of faults, then the counts."""
    is_survived = is_good(counts)
    lines = ["| fault | times | survived |", "|---|---|---|"]
    for fault, times in sorted(campaign.inflicted.items()):
        lines.append(f"| {fault} | {times} | {'yes' if is_survived else 'see below'} |")
    return [*lines, "", *(f"{name}: {value}" for name, value in counts.items())]


def is_good(counts: dict[str, Any]) -> bool:
    """Say whether every run is complete exactly once, with every step."""
    n_runs = counts["runs"]
    return (
        counts["complete exactly once"] == counts["every step once"] == n_runs
        and not counts["stages done twice"]
        and not counts["two at once"]
    )


def main() -> int:
    """Run a campaign and print what came of it."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--scheduler", choices=("local", "slurm"), default="local")
    parser.add_argument("--runs", type=int, default=30)
    parser.add_argument("--faults", type=int, default=30)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--limit", type=float, default=900.0, help="seconds")
    options = parser.parse_args()
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="iemfaults.")))
        os.environ["TMPDIR"] = str(folder)  # cores are shared by those who share this
        slurm = stack.enter_context(private_slurm()) if options.scheduler == "slurm" else None
        if slurm:
            os.environ["SLURM_CONF"] = str(slurm.conf)
        campaign = Campaign(
            root=folder / "workspace",
            marks=folder / "marks",
            slurm=slurm,
            chance=random.Random(options.seed),
        )
        campaign.marks.mkdir()
        campaign.root.mkdir()
        if _mount(campaign.root):
            stack.callback(subprocess.run, ["umount", "-l", campaign.root], check=False)
        write_runs(campaign.root, n_runs=options.runs)
        write_profile(campaign)
        print(f"{options.runs} runs, {options.scheduler}, seed {options.seed}", flush=True)
        inflict(campaign, n_faults=options.faults, limit_s=options.limit)
        counts = count(campaign)
        print("\n".join(table(campaign, counts)))
        if not is_good(counts):
            _explain(campaign)
    return 0 if is_good(counts) else 1


def _mount(folder: Path) -> bool:
    if os.environ.get("IEMHPC_FAULTS_MAY_MOUNT") != "yes":
        return False
    command = ["mount", "-t", "tmpfs", "-o", "size=100m", "none", str(folder)]
    return subprocess.run(command, check=False).returncode == 0


def _explain(campaign: Campaign) -> None:
    """Print what is known of the runs, and the last words of the submissions."""
    for run, row in zip(campaign.runs, run_states(Workspace(campaign.root)), strict=False):
        print(run.name, dict(Counter(campaign.marks_of(run))))
        print(row.run_id, row.state, row.stage, row.attempt, row.reason)
        if row.state != "done":
            for path in sorted(run.iterdir(), key=lambda path: path.stat().st_mtime_ns):
                print(f"  {path.stat().st_mtime % 1e5:.3f} {path.stat().st_size} {path.name}")
            print((run / "attempts.log").read_text() if (run / "attempts.log").exists() else "")
    log = campaign.marks.parent / "submit.log"
    print(log.read_text()[-3000:] if log.exists() else "")
    if campaign.slurm:
        print(campaign.slurm.ask("squeue", "--states=all", "--array"))
        print(campaign.slurm.ask("sinfo", "-N", "-l"))


if __name__ == "__main__":
    sys.exit(main())
