"""A campaign's settings become plans: every run once, checked as far as that goes without a box.

Points that round to the same box share one run; replicas differ by seed. Everything that is wrong
is told at once, before anything is written.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path
from typing import Any

from iemhpc.campaign.atoms import n_atoms
from iemhpc.campaign.foreseeing import polymer_notes, polymer_problems
from iemhpc.errors import IemhpcError, InputError, MissingInputError, unknown_name
from iemhpc.forcefield import charges_for, is_charge_file
from iemhpc.forcefield.aqueous import WATER_MODELS, ion_parameters, ion_set_for
from iemhpc.lammps.run_folder import RunPlan
from iemhpc.polymer.capacity import water_per_site
from iemhpc.polymer.catalog import Membrane, System, as_membrane, load_membrane, load_salt
from iemhpc.settings.campaign import CampaignSettings, SystemSettings
from iemhpc.system.composition import Composition, compose
from iemhpc.system.uptake import donnan_salt_molar
from iemhpc.workspace import content_hash


@dataclass(frozen=True, slots=True, kw_only=True)
class Chemistry:
    """How atoms interact, the same for every run of a campaign."""

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


@dataclass(frozen=True, slots=True, kw_only=True)
class Planned:
    """A run before it is built."""

    plan: RunPlan
    """What names its folder."""
    system: System
    """Membrane and salt."""
    composition: Composition
    """Its counts."""
    chemistry: Chemistry
    """Force field and water."""
    wanted: tuple[float, ...]
    """Concentrations of the outer solution that it stands for, mol/L."""


def plan_campaign(campaign: CampaignSettings) -> tuple[tuple[Planned, ...], tuple[str, ...]]:
    """Return every run of a campaign, each once, and notes on rounded concentrations.

    Raises
    ------
    InputError
        Naming everything that is wrong with it.
    """
    problems: list[str] = []
    notes: list[str] = []
    chemistry = _chemistry(campaign, problems)
    planned: dict[str, Planned] = {}
    for entry in campaign.systems:
        systems = _systems_of(entry, problems)
        if chemistry is not None and systems:
            problems += _polymer_problems(systems[0].membrane, chemistry)
        for system in systems:
            compositions = list(_compositions(campaign, entry, system, problems))
            notes += [note for one in compositions for note in _notes(one, campaign)]
            if chemistry is None:
                continue
            _check_ions(system, chemistry, problems=problems, notes=notes)
            for composition, replica in product(compositions, range(campaign.replicas)):
                _add(planned, _plan(campaign, system, composition, chemistry, replica=replica))
    if problems:
        raise InputError("; ".join(dict.fromkeys(problems)))
    return tuple(planned.values()), tuple(dict.fromkeys(notes))


def costs_of(planned: Iterable[Planned]) -> tuple[str, ...]:
    """Return what must be made before the polymers of a campaign can be built."""
    polymers = {one.system.membrane.polymer.hash: one for one in planned}
    return tuple(
        note
        for one in polymers.values()
        for note in polymer_notes(
            one.system.membrane.polymer,
            force_field=one.chemistry.force_field,
            charges=one.chemistry.charges_wanted,
        )
    )


def _polymer_problems(membrane: Membrane, chemistry: Chemistry) -> list[str]:
    found = polymer_problems(
        membrane.polymer, force_field=chemistry.force_field, charges=chemistry.charges_wanted
    )
    return [f"{membrane.name}: {problem}" for problem in found]


def _chemistry(campaign: CampaignSettings, problems: list[str]) -> Chemistry | None:
    """Return what was chosen; None, and what is wrong with it, where it does not fit together."""
    n_before = len(problems)
    charges, file, ions = "", None, ""
    try:
        charges = charges_for(campaign.force_field, campaign.charges)
        if is_charge_file(charges):
            file, charges = charges, _file_charges(Path(charges))
    except IemhpcError as error:
        problems.append(str(error))
    try:
        if campaign.water_model not in WATER_MODELS:
            raise unknown_name("water model", campaign.water_model, WATER_MODELS)
        ions = ion_set_for(campaign.water_model, campaign.ion_set).name
    except IemhpcError as error:
        problems.append(str(error))
    if len(problems) > n_before:
        return None
    return Chemistry(
        force_field=campaign.force_field,
        charges=charges,
        charges_file=file,
        water_model=campaign.water_model,
        ion_set=ions,
        charge_scale=campaign.charge_scale,
    )


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


def _systems_of(entry: SystemSettings, problems: list[str]) -> list[System]:
    """Return the systems of an entry; what is wrong with it is added to ``problems``."""
    try:
        membrane = as_membrane(entry.polymer) if entry.polymer else load_membrane(entry.membrane)
    except IemhpcError as error:
        problems.append(str(error))
        return []
    found = []
    for name in entry.salts or membrane.salts:
        try:
            found.append(System(membrane, load_salt(name)))
        except IemhpcError as error:
            problems.append(f"{entry.membrane}: {error}")
    return found


def _check_ions(
    system: System, chemistry: Chemistry, *, problems: list[str], notes: list[str]
) -> None:
    for ion in (system.counterion, system.coion):
        try:
            ion_parameters(ion.name, chemistry.water_model, chemistry.ion_set, say=notes.append)
        except IemhpcError as error:
            problems.append(f"{system.name}: {error}")


def _compositions(
    campaign: CampaignSettings, entry: SystemSettings, system: System, problems: list[str]
) -> Iterator[Composition]:
    for molar, water in product(entry.salt_molar, _waters(entry, system)):
        try:
            composition = compose(
                system,
                salt_molar=molar,
                water_per_site=water,
                salt_inside=campaign.salt_inside,
                box_A=campaign.edge_A,
                n_chains=campaign.n_chains,
                units_per_chain=campaign.units_per_chain,
                min_pairs=campaign.min_pairs,
            )
        except IemhpcError as error:
            problems.append(str(error))
            continue
        _check_width(composition, campaign, membrane=system.membrane.name, problems=problems)
        yield composition


def _check_width(
    composition: Composition, campaign: CampaignSettings, *, membrane: str, problems: list[str]
) -> None:
    """Say, once a membrane, that an atom of a box would meet its own image within the cut-off."""
    cutoff_A = campaign.protocol_variables()["cutoff_A"]
    head = f"{membrane}: got a box of "
    if composition.box_A < 2.0 * cutoff_A and not any(said.startswith(head) for said in problems):
        problems.append(
            f"{head}{composition.box_A:.4g} Å, wanted at least twice the cut-off of {cutoff_A:g} "
            f"Å, {2.0 * cutoff_A:g} Å; take a larger --box, more --chains or a smaller cutoff_A "
            "among the protocol_overrides"
        )


def _waters(entry: SystemSettings, system: System) -> Iterable[float | None]:
    """Return the water contents of an entry in molecules per site; None is the membrane's own."""
    if entry.water_uptake:
        polymer = system.membrane.polymer
        return [water_per_site(polymer, system.counterion, g_g) for g_g in entry.water_uptake]
    return entry.water_per_site or (None,)


def _notes(composition: Composition, campaign: CampaignSettings) -> Iterator[str]:
    """Yield what rounding did to a box, and how far it was enlarged."""
    if composition.rounding_note:
        yield composition.rounding_note
    if composition.wanted_box_A and composition.wanted_box_A > campaign.box_A:
        yield (
            f"{composition.system}: a box of {composition.box_A:.1f} Å instead of "
            f"{campaign.box_A:g}, so that {composition.salt_molar:g} mol/L is at least "
            f"{campaign.min_pairs} ion pairs ({composition.n_pairs})"
        )


def _plan(
    campaign: CampaignSettings,
    system: System,
    composition: Composition,
    chemistry: Chemistry,
    *,
    replica: int,
) -> Planned:
    membrane = system.membrane
    physics = {
        "membrane": membrane.name,
        "polymer_hash": membrane.polymer.hash,
        "topology": membrane.topology,
        "tacticity": campaign.tacticity or membrane.tacticity,
        "system": system.name,
        "salt": system.salt.name,
        "counterion": system.counterion.name,
        "coion": system.coion.name,
        "n_chains": composition.n_chains,
        "units_per_chain": composition.units_per_chain,
        "n_sites": composition.n_sites,
        "n_counterions": composition.n_counterions,
        "n_coions": composition.n_coions,
        "n_waters": composition.n_waters,
        "salt_inside": composition.salt_inside,
        "force_field": chemistry.force_field,
        "charges": chemistry.charges,
        "water_model": chemistry.water_model,
        "ion_set": chemistry.ion_set,
        "charge_scale": chemistry.charge_scale,
        "protocol": campaign.protocol_variables(),
        "temperature_K": campaign.temperature_K,
        "pressure_atm": campaign.pressure_atm,
        "seed": campaign.seed + replica,
    }
    sampling = {
        "production_ps": campaign.production_ps,
        "frame_ps": campaign.frame_length_ps,
        "timestep_fs": campaign.timestep_fs,
    }
    request = _request(system, composition, chemistry)
    return Planned(
        plan=RunPlan(physics=physics, request=request, sampling=sampling),
        system=system,
        composition=composition,
        chemistry=chemistry,
        wanted=(composition.salt_molar,),
    )


def _request(system: System, composition: Composition, chemistry: Chemistry) -> dict[str, Any]:
    membrane = system.membrane
    return {
        "salt_molar": composition.salt_molar,
        "inside_salt_molar": composition.inside_salt_molar,
        "realised_salt_molar": composition.realised_salt_molar,
        "salt_molar_low": composition.salt_molar_low,
        "salt_molar_high": composition.salt_molar_high,
        "donnan_salt_molar": donnan_salt_molar(
            system, composition.salt_molar, water_per_site=composition.water_per_site
        ),
        "water_per_site": composition.water_per_site,
        "water_uptake_g_g": composition.water_uptake_g_g,
        "iec_meq_g": composition.iec_meq_g,
        "density_g_cm3": composition.density_g_cm3,
        "box_A": composition.box_A,
        "n_atoms": n_atoms(system, composition),
        "crosslinker": membrane.crosslinker,
        "n_crosslinks": composition.n_crosslinks,
        "polymer": _polymer_table(membrane),
        "charges_file": chemistry.charges_file,
    }


def _polymer_table(membrane: Membrane) -> dict[str, Any]:
    """Return the polymer as a membrane TOML would say it, so that the plan alone tells it."""
    polymer = membrane.polymer
    return {
        "arrangement": polymer.arrangement,
        "units": [
            {
                "name": unit.name,
                "smiles": unit.smiles,
                "fraction": fraction,
                "block": block,
                "tethered_atoms": list(unit.given_sites),
            }
            for unit, fraction, block in zip(
                polymer.units, polymer.fractions, polymer.blocks, strict=True
            )
        ],
    }


def _add(planned: dict[str, Planned], new: Planned) -> None:
    """Add a run; where its box is there already, only the wanted concentration."""
    old = planned.get(new.plan.run_id)
    if old is None:
        planned[new.plan.run_id] = new
    else:
        wanted = tuple(dict.fromkeys((*old.wanted, *new.wanted)))
        planned[new.plan.run_id] = replace(old, wanted=wanted)
