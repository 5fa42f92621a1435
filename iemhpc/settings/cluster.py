"""``jobs/clusters/*.toml``: what differs from one computing centre to the next."""

import string
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from iemhpc.settings.extra_options import extra_problems
from iemhpc.settings.reading import read_settings

PLACEHOLDERS = ("cores", "processes", "threads", "gpus")
"""What may stand in braces in ``launcher``: the numbers of one run."""

# What only a queue knows, and what each queue calls otherwise: option -> what to write instead.
_QUEUE_ONLY = (
    "account",
    "partition",
    "queue",
    "qos",
    "constraint",
    "extra",
    "gpu_request",
    "memory_MB_per_core",
    "runs_per_job",
    "array_size",
    "at_once",
)
_ELSEWHERE = {
    "slurm": {"queue": "PBS's word; Slurm's is partition"},
    "pbs": {
        "partition": "Slurm's word; PBS's is queue",
        "qos": "Slurm's; PBS has none: put your centre's option into extra",
    },
}
_THREADED = ("omp", "intel", "kk", "gpu")
"""Suffixes whose styles use threads."""
_ACCELERATED = ("gpu", "kk")
"""Suffixes whose styles use a GPU."""


class SizeSettings(BaseModel):
    """What runs with boxes of up to so many atoms ask for."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    up_to_atoms: int = Field(ge=1, description="boxes of up to so many atoms")
    cores_per_run: int = Field(ge=1, le=1024, description="cores of one run")
    gpus_per_run: int | None = Field(
        default=None, ge=0, le=64, description="GPUs of one run; default: the profile's"
    )
    wall_hours: float | None = Field(
        default=None, gt=0.0, le=720.0, description="time limit, hours; default: the profile's"
    )


class ClusterSettings(BaseModel):
    """A profile; only what is given reaches the job's header."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    description: str = Field(default="", description="which machine this is")
    scheduler: Literal["local", "slurm", "pbs"] = Field(description="what starts the jobs")
    lammps: tuple[str, ...] = Field(
        default=("lmp",), min_length=1, description="words of the LAMMPS command"
    )
    launcher: tuple[str, ...] = Field(
        default=(),
        description="words before it where a run has several processes: srun -n {processes}; also "
        "{cores} of the run, {threads} of a process, {gpus} of the run",
    )
    container: tuple[str, ...] = Field(
        default=(), description="words between launcher and LAMMPS, such as apptainer exec X.sif"
    )
    lammps_options: tuple[str, ...] = Field(default=(), description="further LAMMPS words")
    suffix: Literal["", "opt", "omp", "intel", "gpu", "kk"] = Field(
        default="", description="accelerator package whose styles are used where there are any"
    )
    threads_per_process: int = Field(
        default=1, ge=1, le=256, description="OMP_NUM_THREADS: cores of each process"
    )
    gpus_per_run: int = Field(default=0, ge=0, le=64, description="GPUs of one run")
    gpu_request: str = Field(
        default="",
        description="how the queue is asked for {gpus}: --gres=gpu:{gpus} (default of slurm), "
        "--gpus={gpus}, or a part of PBS's select: ngpus={gpus} (default of pbs)",
    )
    sizes: tuple[SizeSettings, ...] = Field(
        default=(),
        description="[[sizes]]: resources by the atoms of a box, small to large; boxes larger than "
        "the last take the last",
    )
    runs_per_job: int = Field(
        default=1, ge=1, le=1024, description="runs that one job takes side by side: whole nodes"
    )
    file_mode: Literal["", "private", "group"] = Field(
        default="", description="who may read and write the runs; default: as your umask says"
    )
    build: Literal["here", "job"] = Field(
        default="here", description="where boxes are built: before the submission, or in the job"
    )
    iemhpc: tuple[str, ...] = Field(
        default=(), description="words that call iemhpc on a node; default: this very Python's"
    )
    modules: tuple[str, ...] = Field(default=(), description="module load, one each")
    setup: tuple[str, ...] = Field(default=(), description="lines of bash before LAMMPS")
    account: str = Field(default="", description="--account; PBS: -A")
    partition: str = Field(default="", description="Slurm's --partition")
    queue: str = Field(default="", description="PBS's -q")
    qos: str = Field(default="", description="Slurm's --qos")
    constraint: str = Field(default="", description="--constraint; PBS: a further part of select")
    extra: tuple[str, ...] = Field(
        default=(),
        description="further options of sbatch or qsub, without #SBATCH, #PBS; none of those that "
        "iemhpc writes itself",
    )
    wall_hours: float = Field(default=24.0, gt=0.0, le=720.0, description="time limit, hours")
    memory_MB_per_core: int | None = Field(
        default=None, gt=0, description="--mem-per-cpu; PBS: mem in select"
    )
    warning_s: int = Field(
        default=180, ge=120, description="signal this long before the limit, seconds"
    )
    array_size: int = Field(
        default=1000, ge=1, le=100_000, description="tasks of one array; Slurm's default limit"
    )
    at_once: int | None = Field(default=None, ge=1, description="tasks of an array that may run")
    attempts: int = Field(
        default=20, ge=1, description="how often a run that was cut short may go on"
    )

    @model_validator(mode="after")
    def _check(self) -> Self:
        problems = [
            *_time_problems(self),
            *_scheduler_problems(self),
            *extra_problems(self.scheduler, self.extra),
            *_size_problems(self),
            *_gpu_problems(self),
            *_thread_problems(self),
            *_launcher_problems(self),
        ]
        if problems:
            raise ValueError("; ".join(problems))
        return self


def read_cluster(path: Path) -> ClusterSettings:
    """Read a profile.

    Raises
    ------
    MissingInputError
        Where there is no such file.
    InputError
        Where it is not a profile.
    """
    return read_settings(
        path, ClusterSettings, what="a cluster profile", made_by="copy jobs/clusters/slurm.toml"
    )


def _time_problems(cluster: ClusterSettings) -> Iterator[str]:
    limits = {"wall_hours": cluster.wall_hours} | {
        f"sizes.{i}.wall_hours": size.wall_hours
        for i, size in enumerate(cluster.sizes)
        if size.wall_hours is not None
    }
    for name, hours in limits.items():
        if hours * 3600 < 2 * cluster.warning_s:
            yield (
                f"{name} = {hours:g} leaves no time beside the warning of {cluster.warning_s} s; "
                "wanted at least twice that"
            )


def _scheduler_problems(cluster: ClusterSettings) -> Iterator[str]:
    if cluster.scheduler == "local":
        for name in _QUEUE_ONLY:
            if getattr(cluster, name) != ClusterSettings.model_fields[name].default:
                yield (
                    f"{name} = {_shown(getattr(cluster, name))} needs a queue, but scheduler is "
                    '\'local\'; delete it, or write scheduler = "slurm" or "pbs"'
                )
    for name, instead in _ELSEWHERE.get(cluster.scheduler, {}).items():
        if getattr(cluster, name):
            yield f"{name} = {_shown(getattr(cluster, name))} is {instead}"


def _size_problems(cluster: ClusterSettings) -> Iterator[str]:
    atoms = [size.up_to_atoms for size in cluster.sizes]
    if atoms != sorted(set(atoms)):
        yield f"sizes: up_to_atoms are {atoms}; wanted each once, small to large"


def _gpu_problems(cluster: ClusterSettings) -> Iterator[str]:
    gpus = [cluster.gpus_per_run, *(size.gpus_per_run or 0 for size in cluster.sizes)]
    if cluster.suffix == "gpu" and not any(gpus):
        yield "suffix = 'gpu' needs gpus_per_run, which is 0; write gpus_per_run = 1, or no suffix"
    if any(gpus) and cluster.suffix in ("opt", "omp", "intel"):
        yield (
            f"gpus_per_run = {max(gpus)} with suffix = {cluster.suffix!r}, whose styles use no "
            'GPU; write suffix = "gpu" or "kk", or delete gpus_per_run'
        )
    if cluster.gpu_request and not any(gpus):
        yield "gpu_request without gpus_per_run asks for nothing; write gpus_per_run = 1"
    yield from _brace_problems("gpu_request", (cluster.gpu_request,), known=("gpus",))


def _thread_problems(cluster: ClusterSettings) -> Iterator[str]:
    threads = cluster.threads_per_process
    own_words = {"-sf", "-suffix", "-k", "-kokkos"} & set(cluster.lammps_options)
    if cluster.suffix and own_words:
        yield (
            f"suffix = {cluster.suffix!r} and {sorted(own_words)[0]} in lammps_options say the "
            "same thing twice; keep one"
        )
    if threads > 1 and cluster.suffix not in _THREADED and not own_words:
        yield (
            f"threads_per_process = {threads} with suffix = {cluster.suffix!r}, whose styles use "
            f"one thread; write suffix = one of {', '.join(_THREADED)}, or delete it"
        )
    for i, size in enumerate(cluster.sizes):
        if size.cores_per_run % threads:
            yield (
                f"sizes.{i}.cores_per_run = {size.cores_per_run} is no multiple of "
                f"threads_per_process = {threads}; wanted whole processes"
            )


def _launcher_problems(cluster: ClusterSettings) -> Iterator[str]:
    yield from _brace_problems("launcher", cluster.launcher, known=PLACEHOLDERS)
    most = max((size.cores_per_run for size in cluster.sizes), default=1)
    if most > cluster.threads_per_process:
        problem = launcher_problem(cluster, cores=most)
        if problem:
            yield problem


def launcher_problem(cluster: ClusterSettings, *, cores: int) -> str:
    """Return why the launcher cannot start a run of so many cores; empty where it can."""
    named = {name for word in cluster.launcher for name in _braces(word)}
    threads = cluster.threads_per_process
    if cores <= threads:
        return ""
    if not cluster.launcher:
        return (
            f"a run of {cores} cores needs a launcher, and there is none; write "
            'launcher = ["mpiexec", "-n", "{processes}"], or take one core'
        )
    if threads > 1 and "processes" not in named:
        return (
            f"launcher = {_shown(cluster.launcher)} does not say {{processes}}; with "
            f"threads_per_process = {threads} these are fewer than the cores: write "
            '["mpiexec", "-n", "{processes}"]'
        )
    if not named & {"cores", "processes"}:
        return (
            f"launcher = {_shown(cluster.launcher)} does not say {{processes}}, though a run has "
            f'{cores} cores; write it as in ["srun", "--ntasks={{processes}}"]'
        )
    return ""


def _brace_problems(name: str, words: tuple[str, ...], *, known: tuple[str, ...]) -> Iterator[str]:
    for word in words:
        try:
            unknown = [found for found in _braces(word) if found not in known]
        except ValueError as error:
            yield f"{name}: {word!r}: {error}; write {{{{ and }}}} for braces themselves"
            continue
        for found in unknown:
            yield (
                f"{name}: unknown {{{found}}} in {word!r}; known: "
                f"{', '.join(f'{{{each}}}' for each in known)}"
            )


def _braces(word: str) -> list[str]:
    return [name for _, name, _, _ in string.Formatter().parse(word) if name is not None]


def _shown(value: Any) -> str:
    return repr(list(value) if isinstance(value, tuple) else value)
