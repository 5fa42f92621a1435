"""What a person typed becomes a campaign: targets, ``campaign.toml`` and options together.

Options win over the file. What is wrong with it is told together with what is wrong with the rest
of it: what can be read is read all the same, so that a misspelt key hides no misspelt membrane.
"""

from collections.abc import Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from iemhpc.errors import InputError
from iemhpc.settings.campaign import OF_ONE_SYSTEM, CampaignSettings
from iemhpc.settings.membrane import MembraneSettings
from iemhpc.settings.reading import load_toml, salvage_settings
from iemhpc.workspace import Workspace

_OF_EVERY_SYSTEM = {
    "salt": "salts",
    "salt_molar": "salt_molar",
    "water_per_site": "water_per_site",
    "water_uptake": "water_uptake",
}
"""Options that go into every ``[[systems]]`` block -> their key there."""

_INSTEAD = {
    "water_per_site": "water_uptake",
    "water_uptake": "water_per_site",
    "box_A": "n_chains",
    "n_chains": "box_A",
}
"""An option -> the setting of the file that it replaces, for both say the same."""

Targets = Sequence[str] | MembraneSettings
"""Names and files, or a membrane of one's own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A campaign as it was asked for, and what is wrong with it."""

    campaign: CampaignSettings | None
    """What could be read of it; without what is wrong. None where that is no campaign."""
    problems: tuple[str, ...]
    """What is wrong, in words; empty where the campaign is whole."""
    where: str
    """What an error calls it: the file, or the targets."""
    is_of_file: bool
    """Whether its systems are those of a file, not targets that were named."""


def load_campaign(
    workspace: Workspace,
    targets: Targets,
    *,
    overrides: Mapping[str, Any],
    cluster: str | None = None,
) -> CampaignSettings:
    """Return the campaign of targets, ``campaign.toml`` and overrides together.

    Raises
    ------
    MissingInputError
        Where there is no such file.
    InputError
        Where something is wrong with it; all of it at once.
    """
    asked = ask_campaign(workspace, targets, overrides=overrides, cluster=cluster)
    if asked.campaign is None or asked.problems:
        raise InputError(f"{asked.where}: " + "; ".join(asked.problems))
    return asked.campaign


def ask_campaign(
    workspace: Workspace,
    targets: Targets,
    *,
    overrides: Mapping[str, Any],
    cluster: str | None = None,
) -> Asked:
    """Return what was asked for, as far as it can be read, and everything that is wrong with it."""
    values, where, is_of_file = _values_of(workspace, targets)
    _override(values, overrides if cluster is None else {**overrides, "cluster": cluster})
    campaign, problems = salvage_settings(values, CampaignSettings)
    return Asked(campaign=campaign, problems=problems, where=where, is_of_file=is_of_file)


def _override(values: dict[str, Any], overrides: Mapping[str, Any]) -> None:
    """Put options into the values of a campaign, in the place of what they replace."""
    systems = values.get("systems")
    blocks = systems if isinstance(systems, list) else []
    tables = [block for block in blocks if isinstance(block, dict)]
    for key, value in overrides.items():
        replaced = _INSTEAD.get(key)
        own = tables if key in _OF_EVERY_SYSTEM or key in OF_ONE_SYSTEM else []
        for table in [values, *own]:
            if replaced is not None and replaced not in overrides:
                table.pop(replaced, None)
            if key in OF_ONE_SYSTEM:
                table.pop(key, None)
        for table in tables if key in _OF_EVERY_SYSTEM else [values]:
            table[_OF_EVERY_SYSTEM.get(key, key)] = value


def _values_of(workspace: Workspace, targets: Targets) -> tuple[dict[str, Any], str, bool]:
    """Return the values before overrides, where they are from, and whether that is one file."""
    if isinstance(targets, MembraneSettings):
        own = {"membrane": targets.name, "polymer": targets}
        return _with_systems(workspace, [own]), targets.name, False
    files = [target for target in targets if _is_campaign(target)]
    if files and len(targets) > 1:
        raise InputError(
            f"got {', '.join(targets)}: a campaign TOML stands alone; name it without the others"
        )
    if files or not targets:
        path = Path(files[0]) if files else workspace.campaign
        return _file_values(path), str(path), True
    if not all(target.strip() for target in targets):
        raise InputError(
            f"got {', '.join(map(repr, targets))} as membranes to simulate: a name is empty; "
            "wanted names of iemhpc systems, or paths of TOML files"
        )
    systems = [{"membrane": target} for target in targets]
    return _with_systems(workspace, systems), ", ".join(targets), False


def _file_values(path: Path) -> dict[str, Any]:
    return load_toml(path, what="a campaign", made_by="iemhpc init")


def _with_systems(workspace: Workspace, systems: list[dict[str, Any]]) -> dict[str, Any]:
    """Return ``campaign.toml`` with other systems; without the file, the defaults."""
    values = _file_values(workspace.campaign) if workspace.campaign.exists() else {}
    return deepcopy(values) | {"systems": systems}


def _is_campaign(target: str) -> bool:
    if not target.lower().endswith(".toml"):
        return False
    return "systems" in load_toml(
        Path(target), what="a campaign or membrane", made_by="iemhpc init writes a campaign"
    )
