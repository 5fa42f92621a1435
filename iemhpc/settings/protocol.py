"""Named molecular-dynamics protocols: the variables of ``lammps_templates/`` by name.

Every number here ends in a run's plan and so in its hash; what a variable does stands in the
template that uses it.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass

from iemhpc.errors import InputError, unknown_name

_QUICK: dict[str, float] = {
    "cutoff_A": 10.0,
    "pppm": 1.0e-4,
    "push_off_ps": 2.0,
    "minimize_steps": 2000,
    "longest_bond_A": 2.3,
    "warm_ps": 1.0,
    "larsen_scale": 0.0,
    "larsen_K": 600.0,
    "larsen_atm": 49346.2,
    "compress_ps": 5.0,
    "compress_K": 400.0,
    "compress_atm": 1000.0,
    "density_ps": 7.5,
    "density_blocks": 10.0,
    "density_tolerance": 0.005,
    "anneal_ps": 50.0,
    "anneal_K": 500.0,
    "cool_ps": 25.0,
    "settle_npt_ps": 30.0,
    "settle_nvt_ps": 5.0,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Preset:
    """A protocol and how long its production usually is."""

    variables: Mapping[str, float]
    """LAMMPS variables of the templates."""
    production_ps: float
    """Length of the production, unless the campaign gives one."""
    frame_ps: float
    """Time between two frames, unless the campaign gives one."""
    purpose: str
    """When to choose it."""


PRESETS: dict[str, Preset] = {
    "test": Preset(
        variables=_QUICK
        | {
            "cutoff_A": 8.0,
            "pppm": 1.0e-3,
            "push_off_ps": 0.2,
            "minimize_steps": 60,
            "warm_ps": 0.2,
            "compress_ps": 0.4,
            "density_ps": 0.2,
            "density_blocks": 4.0,
            "density_tolerance": 0.5,
            "anneal_ps": 0.4,
            "cool_ps": 0.2,
            "settle_npt_ps": 0.2,
            "settle_nvt_ps": 0.2,
        },
        production_ps=1.0,
        frame_ps=0.1,
        purpose="does the machinery work; seconds; its numbers mean nothing",
    ),
    "demo": Preset(
        variables=_QUICK
        | {
            "cutoff_A": 8.0,
            "pppm": 5.0e-4,
            "push_off_ps": 1.0,
            "minimize_steps": 150,
            "warm_ps": 0.5,
            "compress_ps": 2.0,
            "density_ps": 2.0,
            "density_blocks": 5.0,
            "density_tolerance": 0.05,
            "anneal_ps": 10.0,
            "cool_ps": 5.0,
            "settle_npt_ps": 3.0,
            "settle_nvt_ps": 1.0,
        },
        production_ps=20.0,
        frame_ps=0.1,
        purpose="two minutes on one core for a 24 Å box; its numbers are examples",
    ),
    "quick": Preset(
        variables=_QUICK,
        production_ps=500.0,
        frame_ps=1.0,
        purpose="50 ps at 500 K and 25 ps of cooling: the shortest whose ion pairs have moved",
    ),
    "full": Preset(
        variables=_QUICK
        | {
            "push_off_ps": 4.0,
            "minimize_steps": 5000,
            "warm_ps": 5.0,
            "larsen_scale": 1.0,
            "density_ps": 100.0,
            "anneal_ps": 500.0,
            "cool_ps": 200.0,
            "settle_npt_ps": 100.0,
            "settle_nvt_ps": 50.0,
        },
        production_ps=10_000.0,
        frame_ps=1.0,
        purpose="for numbers: Larsen's 21 steps, half a nanosecond hot, 10 ns of production",
    ),
}
"""Name -> preset. Cut-off, PPPM accuracy and lengths of quick and full are the usual choices for
GAFF2 with TIP3P at 10 Å; full compresses in the 21 steps of Larsen, Lin, Hart and Colina,
Macromolecules 44, 6944 (2011), with their 600 K and 50,000 bar."""


_ABOVE_ZERO = {
    "cutoff_A": "a cut-off in Å",
    "longest_bond_A": "a length in Å",
    "density_ps": "the length of a block in ps",
    "density_tolerance": "a fraction of the density",
}
"""Variables that may not be 0 and what they are; temperatures may not either."""

_WANTED = {
    "pppm": "a relative error of the forces, above 0 and below 1",
    "minimize_steps": "a whole number of 1 or more",
    "density_blocks": "a whole number of 4 or more: the density is steady when a block agrees with "
    "the one two before it twice in a row",
}


def preset_of(variables: Mapping[str, float]) -> str:
    """Return the name of the preset whose lengths these variables have, ``own`` if none.

    The cut-off and the accuracy of PPPM are no lengths: a run of the demo with another cut-off is
    as short.

    Examples
    --------
    >>> preset_of(protocol_variables("demo", {"cutoff_A": 9})), preset_of({"anneal_ps": 1.0})
    ('demo', 'own')
    """
    for name, preset in PRESETS.items():
        if all(
            variables.get(key) == value
            for key, value in preset.variables.items()
            if key.endswith("_ps")
        ):
            return name
    return "own"


def protocol_variables(name: str, overrides: Mapping[str, float] | None = None) -> dict[str, float]:
    """Return a preset's LAMMPS variables, some of them replaced.

    Raises
    ------
    UnknownNameError
        Where the preset or a variable is unknown.
    InputError
        Where a variable cannot have its value; all of them at once.

    Examples
    --------
    >>> protocol_variables("quick", {"anneal_ps": 80})["anneal_ps"]
    80.0
    """
    if name not in PRESETS:
        raise unknown_name("protocol", name, PRESETS)
    variables = {key: float(value) for key, value in PRESETS[name].variables.items()}
    for key, value in (overrides or {}).items():
        if key not in variables:
            raise unknown_name("protocol variable", key, variables)
        variables[key] = float(value)
    said = [_refusal(key, value) for key, value in variables.items() if not _can_be(key, value)]
    if said:
        raise InputError("; ".join(said))
    return variables


def _can_be(key: str, value: float) -> bool:
    """Say whether a variable may have a value; NaN is none."""
    if not 0.0 <= value < math.inf:
        return False
    if key == "density_blocks":
        return value >= 4.0 and value.is_integer()
    if key == "minimize_steps":
        return value >= 1.0 and value.is_integer()
    if key == "pppm":
        return 0.0 < value < 1.0
    return value > 0.0 or not (key in _ABOVE_ZERO or key.endswith("_K"))


def _refusal(key: str, value: float) -> str:
    wanted = _WANTED.get(key, "a number of 0 or more")
    if key in _ABOVE_ZERO:
        wanted = f"{_ABOVE_ZERO[key]}, above 0"
    elif key.endswith("_K"):
        wanted = "a temperature above 0 K"
    return f"protocol variable {key}: got {value:g}, wanted {wanted}"
