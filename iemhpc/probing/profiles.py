"""Cluster profiles as a person looks at them: which there are, and what one of them leads to."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from iemhpc.errors import IemhpcError, InputError, unknown_name
from iemhpc.probing.one_off import one_off_plan
from iemhpc.probing.probe import last_probe
from iemhpc.probing.probe_report import ProbeReport
from iemhpc.programs import find_program
from iemhpc.scheduler import scheduler_class
from iemhpc.scheduler.base import Resources, Submission
from iemhpc.scheduler.cluster import cluster_paths, lammps_words, resources_for
from iemhpc.settings.cluster import ClusterSettings, read_cluster
from iemhpc.workspace import Workspace

QUEUE_PROGRAMS = {
    "local": (),
    "slurm": ("sbatch", "squeue", "scontrol", "scancel"),
    "pbs": ("qsub", "qstat", "qselect", "qdel"),
}
"""What each scheduler is spoken to with."""

EXAMPLE_RUN = "0123456789ab"


@dataclass(frozen=True, slots=True, kw_only=True)
class ProfileRow:
    """One profile in the list."""

    name: str
    scheduler: str
    """local, slurm or pbs; empty where the file cannot be used."""
    description: str
    """Its own, or what is wrong with it."""
    path: str
    is_own: bool
    """Of the workspace's ``clusters/``, which wins over a shipped one of the same name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProfileList:
    """Every profile that ``--cluster`` knows by name."""

    profiles: tuple[ProfileRow, ...]

    def lines(self) -> list[str]:
        """Return a line a profile."""
        width = max((len(row.name) for row in self.profiles), default=0)
        return [
            f"{row.name:<{width}}  {row.scheduler or 'DAMAGED':<7}  "
            f"{'yours' if row.is_own else 'shipped':<7}  {row.description or 'no description'}"
            for row in self.profiles
        ]


@dataclass(frozen=True, slots=True, kw_only=True)
class ProfileView:
    """What one profile says, and what follows from it."""

    name: str
    path: str
    is_own: bool
    values: Mapping[str, Any]
    """Every key."""
    given: tuple[str, ...]
    """Keys that the file itself gives; the others have their defaults."""
    cores_per_run: int
    gpus_per_run: int
    """Of a run of the smallest size."""
    header: tuple[str, ...]
    """Of the job script of one run; empty without a queue."""
    lammps: str
    """How LAMMPS is called, or why it cannot be."""
    programs: Mapping[str, str]
    """Program -> where it is here; empty: not here."""
    on_node: bool
    """Whether LAMMPS appears only there, after modules or set-up lines."""
    probe: ProbeReport | None = None
    """What the latest probe found, in this workspace."""

    def lines(self) -> list[str]:
        """Return what a person reads."""
        lines = [f"{self.name}: {self.values['description'] or 'no description'}", f"  {self.path}"]
        width = max(map(len, self.values))
        for key, value in self.values.items():
            if key == "description":
                continue
            mark = "" if key in self.given else "  (default)"
            lines.append(f"  {key:<{width}} = {_toml(value)}{mark}")
        gpus = f", {self.gpus_per_run} GPUs" if self.gpus_per_run else ""
        cores = "1 core" if self.cores_per_run == 1 else f"{self.cores_per_run} cores"
        lines.append(f"a run of a small box: {cores}{gpus}: {self.lammps}")
        if self.header:
            lines += ["its job begins with:", *(f"  {line}" for line in self.header)]
        else:
            lines.append("no job script: runs are started here and waited for")
        lines.append("programs:")
        for program, where in self.programs.items():
            missing = "after its modules on the node" if self.on_node else "NOT here"
            lines.append(f"  {program}: {where or missing}")
        return lines + self._probe_lines()

    def _probe_lines(self) -> list[str]:
        if self.probe is None:
            return ["never probed from this workspace"]
        return self.probe.lines()


def list_profiles(workspace: Workspace) -> ProfileList:
    """Return every profile by name; one that cannot be used says why."""
    own = workspace.root / "clusters"
    rows = []
    for name, path in sorted(cluster_paths(workspace).items()):
        scheduler = ""
        try:
            cluster = read_cluster(path)
        except (IemhpcError, OSError) as error:
            description = str(error)
        else:
            scheduler, description = str(cluster.scheduler), cluster.description
        rows.append(
            ProfileRow(
                name=name,
                scheduler=scheduler,
                description=description,
                path=str(path),
                is_own=path.parent == own,
            )
        )
    return ProfileList(profiles=tuple(rows))


def find_profile(workspace: Workspace, name_or_path: str) -> tuple[str, Path]:
    """Return the name and the file of a profile.

    Raises
    ------
    UnknownNameError
        Where there is none; the known ones are listed.
    """
    known = cluster_paths(workspace)
    if name_or_path in known:
        return name_or_path, known[name_or_path]
    if name_or_path.endswith(".toml"):
        path = Path(name_or_path).expanduser()
        return path.stem, path
    raise unknown_name("cluster", name_or_path, known)


def view_profile(workspace: Workspace, name_or_path: str) -> ProfileView:
    """Return what a profile says and leads to; nothing is written or started.

    Raises
    ------
    UnknownNameError
        Where there is no such profile.
    InputError
        Where it cannot be used.
    """
    name, path = find_profile(workspace, name_or_path)
    cluster = read_cluster(path)
    resources = resources_for(cluster)
    needed = [cluster.container[0] if cluster.container else cluster.lammps[0]]
    if cluster.launcher:
        needed.append(cluster.launcher[0])
    programs = (*needed, *QUEUE_PROGRAMS[cluster.scheduler])
    try:
        words = lammps_words(
            _as_on_node(cluster), cores=resources.cores_per_run, gpus=resources.gpus_per_run
        )
        lammps = " ".join(words)
    except InputError as error:
        lammps = str(error)
    return ProfileView(
        name=name,
        path=str(path.resolve()),
        is_own=path.parent == workspace.root / "clusters",
        values=cluster.model_dump(mode="json"),
        given=tuple(sorted(cluster.model_fields_set)),
        cores_per_run=resources.cores_per_run,
        gpus_per_run=resources.gpus_per_run,
        header=header_of(workspace, cluster, resources),
        lammps=lammps,
        programs={program: find_program(program) or "" for program in dict.fromkeys(programs)},
        on_node=bool(cluster.modules or cluster.setup),
        probe=_last_probe(workspace, name),
    )


def header_of(
    workspace: Workspace, cluster: ClusterSettings, resources: Resources
) -> tuple[str, ...]:
    """Return the lines for the queue that the job of one run begins with."""
    scheduler = scheduler_class(cluster.scheduler)(workspace, _as_on_node(cluster), resources)
    run = workspace.run(EXAMPLE_RUN).resolve()
    plan = one_off_plan({}, production_ps=1.0, frame_ps=1.0)
    submission = Submission(runs=(run,), submission_id=EXAMPLE_RUN, plans=(plan,))
    texts = [text for path, text in scheduler.render(submission).items() if path.suffix == ".sh"]
    return tuple(
        line for text in texts for line in text.splitlines() if line.startswith(("#SBATCH", "#PBS"))
    )


def _as_on_node(cluster: ClusterSettings) -> ClusterSettings:
    """Return a profile whose programs nobody looks for here: with set-up lines they need not be."""
    return cluster.model_copy(update={"setup": (*cluster.setup, ":")})


def _last_probe(workspace: Workspace, name: str) -> ProbeReport | None:
    try:
        return last_probe(workspace, name)
    except (IemhpcError, OSError):
        return None


def _toml(value: Any) -> str:
    """Return a value as the file writes it."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return f'"{value}"'
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(_toml, value))}]"
    if isinstance(value, dict):
        pairs = (f"{k} = {_toml(v)}" for k, v in value.items() if v is not None)
        return f"{{ {', '.join(pairs)} }}"
    return "none" if value is None else f"{value:g}"
