"""The TOML file of one membrane: its repeat units, its water, and where each figure is from."""

import math
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from iemhpc.settings.reading import read_settings, validate_settings

FRACTION_TOLERANCE = 0.005
"""How far the unit fractions may sum from one: three times 0.333 passes."""

Positive = Annotated[float, Field(gt=0.0, allow_inf_nan=False)]
Name = Annotated[str, Field(min_length=1, max_length=60)]


class UnitSettings(BaseModel):
    """One repeat unit of the polymer: a ``[[units]]`` table."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: Name = Field(description="what a person calls the repeat unit")
    smiles: str = Field(
        min_length=1,
        description="SMILES with two attachment points [*], four for a cross-linker; charged, "
        "without its counter-ion",
    )
    fraction: Positive = Field(
        le=1.0,
        description="share of this unit among all repeat units",
        json_schema_extra={"unit": "mol/mol"},
    )
    block: int | None = Field(
        default=None,
        ge=1,
        description="for arrangement = block: units of one number share a block, in random order; "
        "default: each unit its own",
    )
    oligomer_count: int | None = Field(
        default=None,
        ge=1,
        description="how many of this unit the oligomer of the graph has; all units or none; "
        "default: the smallest composition within 5 % of the fractions",
        json_schema_extra={"unit": "repeat units"},
    )
    tethered_smarts: str | None = Field(
        default=None,
        min_length=1,
        description="SMARTS whose first atom is a tethered site, as in [O;X1]~S; default: terminal "
        "oxygens of anionic groups, nitrogens of cationic ones",
    )
    tethered_atoms: tuple[Annotated[int, Field(ge=0)], ...] = Field(
        default=(),
        description="tethered sites by their places among the atoms of smiles, counted from 0, "
        "attachment points left out",
    )

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.tethered_smarts and self.tethered_atoms:
            raise ValueError(
                f"unit {self.name} has both tethered_smarts and tethered_atoms; give one of them"
            )
        return self


class NetworkSettings(BaseModel):
    """How chains are joined: the ``[network]`` table."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    crosslinker: Name = Field(description="name of the unit with four attachment points")


class MembraneSettings(BaseModel):
    """A membrane: a polymer with its water, the salts it is studied with, and its sources."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$", max_length=60)] = Field(
        description="short name without spaces or slashes, used in file names"
    )
    full_name: str = Field(default="", description="what the membrane is, in words")
    arrangement: Literal["random", "block", "alternating"] = Field(
        default="random", description="order of the repeat units along the chain"
    )
    salts: tuple[str, ...] = Field(
        min_length=1, description="salts it is studied with, names of data/salts.csv"
    )
    water_per_site: Positive | None = Field(
        default=None,
        description="water molecules per tethered charge; or give water_uptake",
        json_schema_extra={"unit": "mol/mol"},
    )
    water_uptake: Positive | None = Field(
        default=None,
        description="grams of water per gram of dry polymer in the form of the counter-ion that "
        "the first of the salts brings; instead of water_per_site",
        json_schema_extra={"unit": "g/g"},
    )
    c_fix_molar: Positive | None = Field(
        default=None,
        description="published fixed charge per litre of sorbed water; default 55.34 over "
        "water_per_site",
        json_schema_extra={"unit": "mol/L"},
    )
    xi: Positive | None = Field(
        default=None,
        description="published Manning parameter, Bjerrum length over charge spacing; default "
        "from the contour distance between charges",
    )
    tacticity: Literal["atactic", "isotactic", "syndiotactic"] = Field(
        default="atactic", description="configuration along the chain"
    )
    units: tuple[UnitSettings, ...] = Field(min_length=1, description="the repeat units")
    network: NetworkSettings | None = Field(default=None, description="how chains are joined")
    assumed: tuple[str, ...] = Field(
        default=(), description="names of figures above that no source gives"
    )
    sources: dict[str, str] = Field(
        default_factory=dict, description="name of a figure above -> where it is from"
    )
    doubts: dict[str, str] = Field(
        default_factory=dict, description="name of a figure above -> what may be wrong with it"
    )

    @model_validator(mode="after")
    def _check(self) -> Self:
        names = [unit.name for unit in self.units]
        if len(set(names)) < len(names):
            raise ValueError(f"unit names repeat: {', '.join(names)}; give each its own")
        total = math.fsum(unit.fraction for unit in self.units)
        if abs(total - 1.0) > FRACTION_TOLERANCE:
            raise ValueError(
                f"the unit fractions sum to {total:.4g}, wanted 1; they are "
                + ", ".join(f"{unit.name} {unit.fraction:g}" for unit in self.units)
            )
        if self.network and self.network.crosslinker not in names:
            raise ValueError(
                f"network.crosslinker {self.network.crosslinker!r} is no unit of this polymer; "
                f"its units: {', '.join(names)}"
            )
        if (self.water_per_site is None) == (self.water_uptake is None):
            raise ValueError(
                "wanted the water of the membrane once: water_per_site (molecules per tethered "
                "charge) or water_uptake (g/g)"
            )
        counts = [unit.oligomer_count is not None for unit in self.units]
        if any(counts) and not all(counts):
            raise ValueError("oligomer_count is given for some units only; give all or none")
        return self


def read_membrane_settings(path: Path) -> MembraneSettings:
    """Read a membrane's TOML file.

    Raises
    ------
    MissingInputError
        Where there is no such file.
    InputError
        Where it is not TOML, or a key is unknown, missing or of the wrong kind; all at once.
    """
    return read_settings(
        path,
        MembraneSettings,
        what="a membrane's TOML",
        made_by="see data/membranes for examples, or say the polymer with iemhpc md-submit --unit",
    )


def make_membrane_settings(values: dict[str, Any], *, where: str) -> MembraneSettings:
    """Return the membrane of the given values; ``where`` names their origin in an error."""
    return validate_settings(values, MembraneSettings, where=where)
