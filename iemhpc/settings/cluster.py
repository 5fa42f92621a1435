"""``jobs/clusters/*.toml``: what differs from one computing centre to the next."""

from pathlib import Path
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from iemhpc.settings.reading import read_settings


class ClusterSettings(BaseModel):
    """A profile; only what is given reaches the job's header."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    description: str = Field(default="", description="which machine this is")
    scheduler: Literal["local", "slurm"] = Field(description="what starts the jobs")
    lammps: tuple[str, ...] = Field(
        default=("lmp",), min_length=1, description="words of the LAMMPS command"
    )
    launcher: tuple[str, ...] = Field(
        default=(),
        description="words before it where a run has several cores, {cores} for their number, "
        "such as srun -n {cores}",
    )
    lammps_options: tuple[str, ...] = Field(
        default=(), description="further LAMMPS words, such as -sf opt"
    )
    modules: tuple[str, ...] = Field(default=(), description="module load, one each")
    setup: tuple[str, ...] = Field(default=(), description="lines of bash before LAMMPS")
    account: str = Field(default="", description="--account")
    partition: str = Field(default="", description="--partition")
    qos: str = Field(default="", description="--qos")
    constraint: str = Field(default="", description="--constraint")
    extra: tuple[str, ...] = Field(
        default=(), description="further options of sbatch, without #SBATCH"
    )
    wall_hours: float = Field(default=24.0, gt=0.0, le=720.0, description="time limit, hours")
    memory_MB_per_core: int | None = Field(default=None, gt=0, description="--mem-per-cpu")
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
        if self.wall_hours * 3600 < 2 * self.warning_s:
            raise ValueError(
                f"wall_hours = {self.wall_hours:g} leaves no time beside the warning of "
                f"{self.warning_s} s; wanted at least twice that"
            )
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
