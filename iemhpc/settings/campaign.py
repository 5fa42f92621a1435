"""``campaign.toml``: which membranes in which salt solutions, and how to simulate them.

Membranes x salts x concentrations x water contents x force fields x replicas: what may be a list
multiplies the runs.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationInfo,
    field_validator,
    model_validator,
)

from iemhpc.errors import InputError
from iemhpc.settings.membrane import MembraneSettings
from iemhpc.settings.protocol import PRESETS, protocol_variables
from iemhpc.settings.reading import read_settings, validate_settings

DEFAULT_SALT_MOLAR = (0.1, 1.0)
"""Concentrations of a membrane that is submitted by its name alone."""

OF_ONE_SYSTEM = (
    *("box_A", "n_chains", "units_per_chain", "min_pairs", "force_field", "charges", "replicas"),
)
"""Settings of the campaign that a ``[[systems]]`` block may have for itself."""


def _as_tuple(value: Any) -> Any:
    return tuple(value) if isinstance(value, list | tuple) else (value,)


Strings = Annotated[tuple[str, ...], BeforeValidator(_as_tuple)]
Numbers = Annotated[tuple[float, ...], BeforeValidator(_as_tuple)]
BoxEdge = Annotated[float, Field(ge=20.0, le=100.0)]
Count = Annotated[int, Field(ge=1, le=10_000)]
Pairs = Annotated[int, Field(ge=0, le=10_000)]
Replicas = Annotated[int, Field(ge=1, le=100)]


@contextmanager
def _as_value_error() -> Iterator[None]:
    """Let pydantic tell our errors together with its own."""
    try:
        yield
    except InputError as error:
        raise ValueError(str(error)) from error


class SystemSettings(BaseModel):
    """One membrane with its solutions: a ``[[systems]]`` block."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    membrane: str = Field(min_length=1, description="a catalogue name or the path of a TOML file")
    polymer: MembraneSettings | None = Field(
        default=None,
        description="the membrane said here, with the keys of a membrane TOML, instead of by name",
    )
    salts: Strings = Field(default=(), description="names of salts; default: the membrane's own")
    salt_molar: Numbers = Field(
        default=DEFAULT_SALT_MOLAR, min_length=1, description="mol/L of the outer solution"
    )
    water_per_site: Numbers = Field(
        default=(), description="water molecules per fixed charge; default: the membrane's own"
    )
    water_uptake: Numbers = Field(
        default=(),
        description="grams of water per gram of dry polymer in the form of the system's "
        "counter-ion; instead of water_per_site",
    )
    box_A: BoxEdge | None = Field(default=None, description="its own edge of the box, Å")
    n_chains: Count | None = Field(default=None, description="its own number of chains")
    units_per_chain: Count | None = Field(default=None, description="its own repeat units of one")
    min_pairs: Pairs | None = Field(default=None, description="its own least ion pairs")
    force_field: Strings | None = Field(
        default=None, min_length=1, description="its own force field, or several"
    )
    charges: Strings | None = Field(
        default=None, min_length=1, description="its own charge method, or several"
    )
    replicas: Replicas | None = Field(default=None, description="its own independent builds")

    @model_validator(mode="after")
    def _check(self) -> Self:
        problems = [*_range_problems(self)]
        if self.water_per_site and self.water_uptake:
            problems.append("got water_per_site and water_uptake; give one of them")
        if self.box_A is not None and self.n_chains is not None:
            problems.append(_box_and_chains(self.box_A, self.n_chains))
        if self.polymer and self.polymer.name != self.membrane:
            problems.append(
                f"membrane: got {self.membrane!r}, but its polymer is named {self.polymer.name!r}; "
                "give both the same name"
            )
        if problems:
            raise ValueError("\n".join(problems))
        return self


def _range_problems(system: SystemSettings) -> Iterator[str]:
    for value in system.salt_molar:
        if not 0 <= value <= 10:
            yield f"salt_molar: got {value:g}, wanted mol/L between 0 and 10"
    for value in system.water_per_site:
        if not 1 <= value <= 1000:
            yield f"water_per_site: got {value:g}, wanted molecules per fixed charge, 1 to 1000"
    for value in system.water_uptake:
        if not 0 < value <= 100:
            yield (
                f"water_uptake: got {value:g}, wanted grams of water per gram of dry polymer, "
                "above 0 and up to 100 (0.35 is 35 %)"
            )


def _box_and_chains(box_A: float, n_chains: int) -> str:
    return (
        f"got box_A = {box_A:g} and n_chains = {n_chains}: one follows from the other; give one "
        "of them"
    )


class CampaignSettings(BaseModel):
    """The whole file."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    systems: tuple[SystemSettings, ...] = Field(min_length=1, description="[[systems]] blocks")
    force_field: Strings = Field(
        default=("gaff2",), min_length=1, description="force field of the polymer, or several"
    )
    charges: Strings = Field(
        default=(),
        description="charge method of the polymer, or a file of your own charges, or several; "
        "default: the force field's",
    )
    water_model: str = Field(default="tip3p", description="water model; ions are fitted to it")
    ion_set: str | None = Field(
        default=None, description="parameters of the ions; default: the water model's"
    )
    tacticity: Literal["atactic", "isotactic", "syndiotactic"] | None = Field(
        default=None, description="configuration along the chains; default: the membrane's own"
    )
    charge_scale: float = Field(
        default=1.0, gt=0.0, le=1.0, description="factor on the charges of ions and charged units"
    )
    salt_inside: Literal["external", "donnan"] = Field(
        default="external",
        description="the sorbed water holds the outer concentration, or what Donnan-Manning leaves",
    )
    box_A: BoxEdge = Field(default=40.0, description="edge of the box, Å")
    n_chains: Count | None = Field(default=None, description="chains of a box, instead of box_A")
    units_per_chain: Count | None = Field(default=None, description="repeat units of a chain")
    min_pairs: Pairs = Field(
        default=0, description="ion pairs that a box must hold; it is enlarged"
    )
    temperature_K: float = Field(default=298.15, ge=250.0, le=450.0, description="kelvin")
    pressure_atm: float = Field(default=1.0, ge=0.0, le=1000.0, description="atm")
    replicas: Replicas = Field(default=3, description="independent builds of a point")
    seed: int = Field(default=1, ge=1, le=10_000_000, description="of the first build")
    protocol: str = Field(default="quick", description=f"one of {', '.join(PRESETS)}")
    protocol_overrides: Mapping[str, float] = Field(
        default_factory=dict, description="variables of lammps_templates replaced"
    )
    production_ns: float | None = Field(
        default=None, gt=0.0, le=10_000.0, description="length of the production, ns"
    )
    frame_ps: float | None = Field(default=None, gt=0.0, description="time between frames, ps")
    timestep_fs: float = Field(default=2.0, gt=0.0, le=2.0, description="of production, fs")
    cluster: str = Field(default="this-machine", description="profile of jobs/clusters, or path")
    cores_per_run: int | None = Field(
        default=None, ge=1, le=1024, description="cores of one run; default: the profile's"
    )

    @field_validator("protocol")
    @classmethod
    def _check_protocol(cls, name: str) -> str:
        with _as_value_error():
            protocol_variables(name)
        return name

    @field_validator("protocol_overrides")
    @classmethod
    def _check_overrides(
        cls, overrides: Mapping[str, float], info: ValidationInfo
    ) -> Mapping[str, float]:
        # an unknown protocol is told already; its variables have the same names in all
        with _as_value_error():
            protocol_variables(info.data.get("protocol", "quick"), overrides)
        return overrides

    @model_validator(mode="after")
    def _check(self) -> Self:
        problems = [*_length_problems(self)]
        if self.n_chains is not None and "box_A" in self.model_fields_set:
            problems.insert(0, _box_and_chains(self.box_A, self.n_chains))
        if problems:
            raise ValueError("\n".join(problems))
        return self

    @property
    def edge_A(self) -> float | None:
        """Edge aimed at; None where the number of chains is given."""
        return self.box_A if self.n_chains is None else None

    @property
    def production_ps(self) -> float:
        """Length of the production, the protocol's where none is given."""
        if self.production_ns is None:
            return PRESETS[self.protocol].production_ps
        return self.production_ns * 1000.0

    @property
    def frame_length_ps(self) -> float:
        """Time between frames, the protocol's where none is given."""
        return PRESETS[self.protocol].frame_ps if self.frame_ps is None else self.frame_ps

    def protocol_variables(self) -> dict[str, float]:
        """Return the LAMMPS variables of the protocol."""
        return protocol_variables(self.protocol, self.protocol_overrides)

    def of_system(self, system: SystemSettings) -> "CampaignSettings":
        """Return the settings of one block: its own where it has them, else the campaign's."""
        own: dict[str, Any] = {
            name: value for name in OF_ONE_SYSTEM if (value := getattr(system, name)) is not None
        }
        if "box_A" in own:
            own["n_chains"] = None
        return self.model_copy(update=own | {"systems": (system,)})


def _length_problems(campaign: CampaignSettings) -> Iterator[str]:
    frame_ps = campaign.frame_length_ps
    ratio = frame_ps * 1000.0 / campaign.timestep_fs
    if abs(ratio - round(ratio)) > 1e-6 or round(ratio) < 1:
        yield (
            f"frame_ps: got {frame_ps:g}, wanted a whole number of steps of "
            f"{campaign.timestep_fs:g} fs"
        )
    if frame_ps > campaign.production_ps:
        yield (
            f"frame_ps: got {frame_ps:g}, longer than the production of "
            f"{campaign.production_ps:g} ps; there would be no frame"
        )


def read_campaign(path: Path) -> CampaignSettings:
    """Read a campaign's TOML file.

    Raises
    ------
    MissingInputError
        Where there is none.
    InputError
        Where it is not TOML or not a campaign.
    """
    return read_settings(path, CampaignSettings, what="a campaign", made_by="iemhpc init")


def make_campaign(values: Mapping[str, Any], *, where: str) -> CampaignSettings:
    """Return the campaign of the given values; ``where`` names their origin in an error."""
    return validate_settings(dict(values), CampaignSettings, where=where)
