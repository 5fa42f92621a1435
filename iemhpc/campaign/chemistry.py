"""How atoms interact, in each way that a campaign asks for: force field, charges, water, ions."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from iemhpc.errors import IemhpcError, InputError, MissingInputError, UnknownNameError, unknown_name
from iemhpc.forcefield import charges_for, is_charge_file
from iemhpc.forcefield.aqueous import WATER_MODELS, ion_parameters, ion_set_for
from iemhpc.polymer.catalog import System
from iemhpc.settings.campaign import CampaignSettings
from iemhpc.workspace import content_hash


@dataclass(frozen=True, slots=True, kw_only=True)
class Chemistry:
    """How atoms interact in a run."""

    force_field: str
    """Of the polymer."""
    charges: str
    """A charge method, or ``file:`` and the hash of the user's file."""
    charges_file: str | None
    """That file."""
    water_model: str
    """Name of it."""
    ion_set: str
    """Name of the set that the monatomic ions are from."""
    charge_scale: float
    """Factor on the charges of ions and charged units."""

    @property
    def charges_wanted(self) -> str:
        """Charge method, or the path of the user's file."""
        return self.charges_file or self.charges


def chemistries_of(campaign: CampaignSettings, problems: list[str]) -> tuple[Chemistry, ...]:
    """Return every chemistry of a campaign; none, and what is wrong, where something is."""
    n_before = len(problems)
    ions = ""
    try:
        if campaign.water_model not in WATER_MODELS:
            raise unknown_name("water model", campaign.water_model, WATER_MODELS)
        ions = ion_set_for(campaign.water_model, campaign.ion_set).name
    except IemhpcError as error:
        problems.append(str(error))
    chemistries = []
    for force_field, charges in dict.fromkeys(_pairs(campaign, problems)):
        try:
            is_file = is_charge_file(charges)
            chemistries.append(
                Chemistry(
                    force_field=force_field,
                    charges=_file_charges(Path(charges)) if is_file else charges,
                    charges_file=charges if is_file else None,
                    water_model=campaign.water_model,
                    ion_set=ions,
                    charge_scale=campaign.charge_scale,
                )
            )
        except IemhpcError as error:
            problems.append(str(error))
    return tuple(chemistries) if len(problems) == n_before else ()


def check_ions(
    system: System, chemistry: Chemistry, *, problems: list[str], notes: list[str]
) -> None:
    """Add to the problems where an ion has no parameters for the water; to the notes otherwise."""
    for ion in (system.counterion, system.coion):
        try:
            ion_parameters(ion.name, chemistry.water_model, chemistry.ion_set, say=notes.append)
        except IemhpcError as error:
            problems.append(f"{system.name}: {error}")


def _pairs(campaign: CampaignSettings, problems: list[str]) -> Iterator[tuple[str, str]]:
    """Yield force fields with their charges.

    Of several of both, each force field takes those that belong to it; what belongs to none, and a
    force field for which there is none, are problems.
    """
    belongs = dict.fromkeys(campaign.charges, False)
    refusals: dict[str, str] = {}
    for force_field in campaign.force_field:
        is_served = False
        for charges in campaign.charges or (None,):
            try:
                taken = charges_for(force_field, charges)
            except UnknownNameError as error:
                problems.append(str(error))
                is_served = True
                belongs[charges or ""] = True
                continue
            except InputError as error:
                refusals.setdefault(charges or "", str(error))
                continue
            is_served = belongs[charges or ""] = True
            yield force_field, taken
        if not is_served and len(campaign.charges) > 1:
            problems.append(
                f"none of the charges {', '.join(campaign.charges)} belongs to {force_field}; add "
                "one that does, or leave charges out"
            )
    problems += [refusals[charges] for charges, does in belongs.items() if not does]
    if len(campaign.force_field) > 1 and len(campaign.charges) == 1:
        # one method, several force fields: the refused field is told, not served by its default
        problems += [said for said in refusals.values() if said not in problems]


def _file_charges(path: Path) -> str:
    """Return what stands in a plan for a file of charges: another content is another run."""
    if not path.is_file():
        raise MissingInputError(
            f"{path} is not a file; wanted charges of your own for the polymer's atoms, or the "
            "name of a charge method"
        )
    try:
        return f"file:{content_hash(path.read_text(encoding='utf-8'))}"
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(
            f"{path} is not a text file of charges: {error}; wanted TOML, JSON or CSV in UTF-8"
        ) from None
