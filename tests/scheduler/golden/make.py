"""Writes what each shipped profile fills into the job scripts; run it to make the files again.

Three runs of 6,300 atoms. Lines that stand in ``jobs/*.sh`` as they are, are left out.
"""

from pathlib import Path
from typing import Any

from iemhpc.resources import resource
from iemhpc.scheduler import scheduler_class
from iemhpc.scheduler.base import Submission
from iemhpc.scheduler.cluster import cluster_paths, resources_for
from iemhpc.settings.cluster import read_cluster
from iemhpc.workspace import Workspace

HERE = Path(__file__).parent
SPACE = Workspace(Path("/scratch/membranes"))
PLAN: dict[str, Any] = {
    "run_id": "ab12",
    "physics": {
        "protocol": {"cutoff_A": 10.0, "pppm": 1e-4},
        "temperature_K": 298.15,
        "pressure_atm": 1.0,
        "seed": 1,
    },
    "request": {"n_atoms": 6300},
    "sampling": {"production_ps": 500.0, "frame_ps": 1.0, "timestep_fs": 2.0},
}


def profiles() -> dict[str, Path]:
    """Return the shipped profiles by name."""
    return cluster_paths(SPACE)


def scripts(name: str) -> dict[str, str]:
    """Return every script of a profile, by its path."""
    known = read_cluster(profiles()[name])
    # programs of the node: this machine's paths have no place in a file that stays
    cluster = known.model_copy(
        update={
            "setup": known.setup or ("export PATH=/opt/bin:$PATH",),
            "iemhpc": known.iemhpc or ("/opt/iemhpc/bin/iemhpc",),
        }
    )
    resources = resources_for(cluster, n_atoms=int(PLAN["request"]["n_atoms"]))
    scheduler = scheduler_class(cluster.scheduler)(SPACE, cluster, resources)
    runs = tuple(SPACE.run(run) for run in ("ab12", "cd34", "ef56"))
    plans = tuple(PLAN | {"run_id": run.name} for run in runs)
    submission = Submission(runs=runs, submission_id="0123456789ab", plans=plans)
    files = scheduler.render(submission)
    return {str(path): text for path, text in files.items() if path.suffix == ".sh"}


def filled_in(name: str) -> str:
    """Return the lines of a profile's scripts that are its own; of the runs' only the first's."""
    raw = {
        line
        for script in resource("jobs", "local.sh").parent.glob("*.sh")
        for line in script.read_text().splitlines()
    }
    texts = scripts(name)
    chosen = [path for path in texts if "/cd34/" not in path and "/ef56/" not in path]
    said = []
    for path in sorted(chosen):
        own = [line for line in texts[path].splitlines() if line not in raw]
        said += [f"== {path}", *own]
    return "\n".join(said) + "\n"


if __name__ == "__main__":
    for each in profiles():
        (HERE / f"{each}.txt").write_text(filled_in(each))
