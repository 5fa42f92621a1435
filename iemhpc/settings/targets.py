"""What a person typed becomes a campaign: targets, ``campaign.toml`` and options together.

Options win over the file. What is wrong with it is told together with what is wrong with the rest
of it: what can be read is read all the same, so that a misspelt key hides no misspelt membrane.
"""

from collections.abc import Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from iemhpc.errors import InputError
from iemhpc.settings.campaign import OF_ONE_SYSTEM, CampaignSettings
from iemhpc.settings.membrane import MembraneSettings
from iemhpc.settings.reading import load_toml, said_of, salvage_settings
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

_ANY = [{"membrane": "any"}]
"""Stands for systems where the other settings are looked at alone."""

_OF_CAMPAIGNS = frozenset(CampaignSettings.model_fields) - frozenset(MembraneSettings.model_fields)
_OF_MEMBRANES = frozenset(MembraneSettings.model_fields) - frozenset(CampaignSettings.model_fields)

Targets = Sequence[str] | MembraneSettings
"""Names and files, or a membrane of one's own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A campaign as it was asked for, and what is wrong with it."""

    campaign: CampaignSettings | None
    """What could be read of it; without what is wrong, and perhaps without any system. None where
    that is no campaign."""
    problems: tuple[str, ...]
    """What is wrong, in words, and with what it is of; empty where the campaign is whole."""
    where: str
    """What an error calls it: the file, or the targets."""
    is_of_file: bool
    """Whether its systems are those of a file, not targets that were named."""
    file: str = ""
    """The file that settings are from; empty where there is none."""
    file_keys: frozenset[str] = frozenset()
    """Settings that are those of the file."""

    def where_of(self, key: str) -> str:
        """Return what an error about one setting calls its origin."""
        return self.file if key in self.file_keys else self.where


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
        raise InputError("\n".join(asked.problems))
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
    given = overrides if cluster is None else {**overrides, "cluster": cluster}
    of_targets = frozenset[str]() if is_of_file else frozenset({"systems"})
    file_keys = frozenset(values) - of_targets - frozenset(given)
    file = where if is_of_file else str(workspace.campaign) if file_keys else ""
    _override(values, given)
    file_problems: tuple[str, ...] = ()
    if file and not is_of_file:
        # what the file says beside the targets is the file's fault
        of_file = {key: value for key, value in values.items() if key in file_keys}
        _, file_problems = salvage_settings(of_file | {"systems": _ANY}, CampaignSettings)
    campaign, problems = salvage_settings(values, CampaignSettings)
    return Asked(
        campaign=campaign or _without_systems(values),
        problems=(
            *said_of(file, file_problems),
            *said_of(where, [problem for problem in problems if problem not in file_problems]),
        ),
        where=where,
        is_of_file=is_of_file,
        file=file,
        file_keys=file_keys,
    )


def _without_systems(values: Mapping[str, Any]) -> CampaignSettings | None:
    """Return what can be read of a campaign none of whose systems can: its other settings."""
    campaign, _ = salvage_settings({**values, "systems": _ANY}, CampaignSettings)
    return campaign.model_copy(update={"systems": ()}) if campaign else None


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
    """Say whether a target is a file with a campaign in it, be its systems misspelt."""
    if not target.lower().endswith(".toml"):
        return False
    keys = load_toml(
        Path(target), what="a campaign or membrane", made_by="iemhpc init writes a campaign"
    ).keys()
    if keys & {"systems", "units"}:
        return "systems" in keys
    near = get_close_matches("systems", keys, n=1, cutoff=0.7)
    return len(keys & _OF_CAMPAIGNS) + len(near) > len(keys & _OF_MEMBRANES)
