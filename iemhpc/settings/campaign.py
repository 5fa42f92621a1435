"""``campaign.toml``: which membranes in which salt solutions, and how to simulate them."""

from collections.abc import Iterator, Mapping, Sequence
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
from iemhpc.settings.reading import load_toml, read_settings, validate_settings
from iemhpc.workspace import Workspace, write_text

COMMENTED_CAMPAIGN = """\
# What to simulate. `iemhpc md-submit` reads this file; `iemhpc md-submit --dry-run` only says what
# it would do. Change it and submit again: runs that exist are not run again.

# Edge of the cubic box, in ångström. 24 is for a laptop: a box this small holds one ion pair a
# 0.16 mol/L or so, so low concentrations round to none. 40 and more is for results.
box_A = 24.0
# n_chains = 12                 # instead of box_A: so many chains ...
# units_per_chain = 20          # ... of so many repeat units each
# min_pairs = 5                 # larger boxes, until the concentration is 5 ion pairs at least

# What the sorbed water holds: "external", the concentration of the outer solution as it is, or
# "donnan", what Donnan-Manning says that the membrane leaves of it.
# salt_inside = "external"

# Independent builds of every point. Their spread is the error that counts: two at least.
replicas = 1
seed = 1

# How long everything takes:
#   test    seconds; only shows that it works
#   demo    two minutes a run on one core; real, but its numbers are examples
#   quick   50 ps of annealing at 500 K, 0.5 ns of production: about an hour a run on one core
#   full    10 ns of production: for a cluster
protocol = "demo"
# production_ns = 0.5          # instead of the protocol's own length
# frame_ps = 1.0               # time between two frames of the trajectory

force_field = "gaff2"           # or "oplsaa"
# charges = "am1bcc"            # default: the force field's (am1bcc for gaff2, opls for oplsaa); or
#                               # resp, resp-gaussian, or a file of your own charges
water_model = "tip3p"
# ion_set = "joung-cheatham"    # default: the set that was fitted to the water model
# tacticity = "atactic"         # or isotactic, syndiotactic; default: the membrane's own, atactic
# charge_scale = 1.0            # 0.75 is used against overbound divalent ions; recorded

# Where it runs: a name from `jobs/clusters` or the path of your own profile.
cluster = "this-machine"
cores_per_run = 1

# One block a membrane. `iemhpc systems` lists the names; a path to your own membrane TOML works
# too. Every salt is simulated at every concentration and every water content; without `salts` and
# `water_per_site` the membrane's own are taken. A concentration (mol/L) is that of the outer
# solution; what theory says the membrane would hold inside stands beside it in the table of
# `iemhpc md-submit`.
[[systems]]
membrane = "CR61"
salts = ["NaCl"]
salt_molar = [1.0]
# water_per_site = [21.0]      # water molecules per fixed charge; or, instead of it,
# water_uptake = [1.35]        # g of water per g of dry polymer in its counter-ion's form

[[systems]]
membrane = "Nafion"
salts = ["NaCl"]
salt_molar = [1.0]

# Single numbers of the protocol may be replaced; lammps_templates/*.in say what each does.
# [protocol_overrides]
# anneal_ps = 100.0
"""
"""What ``iemhpc init`` writes."""

DEFAULT_SALT_MOLAR = (0.1, 1.0)
"""Concentrations of a membrane that is submitted by its name alone."""

_OF_A_SYSTEM = {
    "salt": "salts",
    "salt_molar": "salt_molar",
    "water_per_site": "water_per_site",
    "water_uptake": "water_uptake",
}
"""Overrides that go into every ``[[systems]]`` block -> their key there."""

_INSTEAD = {
    "water_per_site": "water_uptake",
    "water_uptake": "water_per_site",
    "box_A": "n_chains",
    "n_chains": "box_A",
}
"""An override -> the setting of the file that it replaces, for both say the same."""


Targets = Sequence[str] | MembraneSettings
"""Names and files, or a membrane of one's own."""


def _as_tuple(value: Any) -> Any:
    return tuple(value) if isinstance(value, list | tuple) else (value,)


Strings = Annotated[tuple[str, ...], BeforeValidator(_as_tuple)]
Numbers = Annotated[tuple[float, ...], BeforeValidator(_as_tuple)]


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

    @model_validator(mode="after")
    def _check(self) -> Self:
        for value in self.salt_molar:
            if not 0 <= value <= 10:
                raise ValueError(f"salt_molar: got {value:g}, wanted mol/L between 0 and 10")
        for value in self.water_per_site:
            if not 1 <= value <= 1000:
                raise ValueError(
                    f"water_per_site: got {value:g}, wanted molecules per fixed charge, 1 to 1000"
                )
        for value in self.water_uptake:
            if not 0 < value <= 100:
                raise ValueError(
                    f"water_uptake: got {value:g}, wanted grams of water per gram of dry polymer, "
                    "above 0 and up to 100 (0.35 is 35 %)"
                )
        if self.water_per_site and self.water_uptake:
            raise ValueError("got water_per_site and water_uptake; give one of them")
        if self.polymer and self.polymer.name != self.membrane:
            raise ValueError(
                f"membrane: got {self.membrane!r}, but its polymer is named {self.polymer.name!r}; "
                "give both the same name"
            )
        return self


class CampaignSettings(BaseModel):
    """The whole file."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    systems: tuple[SystemSettings, ...] = Field(min_length=1, description="[[systems]] blocks")
    force_field: str = Field(default="gaff2", description="force field of the polymer")
    charges: str | None = Field(
        default=None,
        description="charge method of the polymer, or a file of your own charges; default: the "
        "force field's",
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
    box_A: float = Field(default=40.0, ge=20.0, le=100.0, description="edge of the box, Å")
    n_chains: int | None = Field(
        default=None, ge=1, le=10_000, description="chains of a box, instead of box_A"
    )
    units_per_chain: int | None = Field(
        default=None, ge=1, le=10_000, description="repeat units of a chain"
    )
    min_pairs: int = Field(
        default=0, ge=0, le=10_000, description="ion pairs that a box must hold; it is enlarged"
    )
    temperature_K: float = Field(default=298.15, ge=250.0, le=450.0, description="kelvin")
    pressure_atm: float = Field(default=1.0, ge=0.0, le=1000.0, description="atm")
    replicas: int = Field(default=3, ge=1, le=100, description="independent builds of a point")
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
    cores_per_run: int = Field(default=1, ge=1, le=1024, description="cores of one run")

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
        if self.n_chains is not None and "box_A" in self.model_fields_set:
            raise ValueError(
                f"got box_A = {self.box_A:g} and n_chains = {self.n_chains}: one follows from the "
                "other; give one of them"
            )
        ratio = self.frame_length_ps * 1000.0 / self.timestep_fs
        if abs(ratio - round(ratio)) > 1e-6 or round(ratio) < 1:
            raise ValueError(
                f"frame_ps: got {self.frame_length_ps:g}, wanted a whole number of steps of "
                f"{self.timestep_fs:g} fs"
            )
        if self.frame_length_ps > self.production_ps:
            raise ValueError(
                f"frame_ps: got {self.frame_length_ps:g}, longer than the production of "
                f"{self.production_ps:g} ps; there would be no frame"
            )
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


def load_campaign(
    workspace: Workspace,
    targets: Targets,
    *,
    overrides: Mapping[str, Any],
    cluster: str | None = None,
) -> CampaignSettings:
    """Return the campaign of targets, ``campaign.toml`` and overrides together."""
    campaign, where = _campaign_of(workspace, targets)
    values = campaign.model_dump(exclude_unset=True) | {
        "systems": [system.model_dump(exclude_unset=True) for system in campaign.systems]
    }
    for key, value in overrides.items():
        tables = values["systems"] if key in _OF_A_SYSTEM else [values]
        for table in tables:
            if _INSTEAD.get(key) not in overrides:
                table.pop(_INSTEAD.get(key, ""), None)
            table[_OF_A_SYSTEM.get(key, key)] = value
    if cluster is not None:
        values["cluster"] = cluster
    return make_campaign(values, where=where)


def _campaign_of(workspace: Workspace, targets: Targets) -> tuple[CampaignSettings, str]:
    """Return the campaign before overrides, and where it is from."""
    if isinstance(targets, MembraneSettings):
        own = SystemSettings(membrane=targets.name, polymer=targets)
        return _with_systems(workspace, (own,)), targets.name
    files = [target for target in targets if _is_campaign(target)]
    if files and len(targets) > 1:
        raise InputError(
            f"got {', '.join(targets)}: a campaign TOML stands alone; name it without the others"
        )
    if files or not targets:
        path = Path(files[0]) if files else workspace.campaign
        return read_campaign(path), str(path)
    if not all(target.strip() for target in targets):
        raise InputError(
            f"got {', '.join(map(repr, targets))} as membranes to simulate: a name is empty; "
            "wanted names of iemhpc systems, or paths of TOML files"
        )
    systems = tuple(SystemSettings(membrane=target) for target in targets)
    return _with_systems(workspace, systems), ", ".join(targets)


def _with_systems(workspace: Workspace, systems: tuple[SystemSettings, ...]) -> CampaignSettings:
    """Return ``campaign.toml`` with other systems; without the file, the defaults."""
    if not workspace.campaign.exists():
        return CampaignSettings(systems=systems)
    return read_campaign(workspace.campaign).model_copy(update={"systems": systems})


def _is_campaign(target: str) -> bool:
    if not target.lower().endswith(".toml"):
        return False
    return "systems" in load_toml(
        Path(target), what="a campaign or membrane", made_by="iemhpc init writes a campaign"
    )


def write_campaign(workspace: Workspace) -> Path:
    """Write a commented ``campaign.toml`` where there is none yet.

    Raises
    ------
    InputError
        Where there is one: it is the user's.
    """
    path = workspace.campaign
    if path.exists():
        raise InputError(
            f"{path} exists and is left as it is; change it, or delete it and say iemhpc init again"
        )
    workspace.root.mkdir(parents=True, exist_ok=True)
    write_text(path, COMMENTED_CAMPAIGN)
    return path
