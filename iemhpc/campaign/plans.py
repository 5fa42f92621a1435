"""A point of a campaign becomes a plan: what is hashed, what was asked for, how it is sampled."""

from dataclasses import dataclass
from typing import Any

from iemhpc.campaign.atoms import n_atoms
from iemhpc.campaign.chemistry import Chemistry
from iemhpc.lammps.run_folder import RunPlan
from iemhpc.polymer.catalog import Membrane, System
from iemhpc.settings.campaign import CampaignSettings
from iemhpc.system.composition import Composition
from iemhpc.system.uptake import donnan_salt_molar


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

    @property
    def run_id(self) -> str:
        """Name of its folder."""
        return self.plan.run_id


def make_plan(
    campaign: CampaignSettings,
    system: System,
    composition: Composition,
    chemistry: Chemistry,
    *,
    replica: int,
) -> Planned:
    """Return the plan of one replica of a point, counted from 0."""
    sampling = {
        "production_ps": campaign.production_ps,
        "frame_ps": campaign.frame_length_ps,
        "timestep_fs": campaign.timestep_fs,
    }
    plan = RunPlan(
        physics=_physics(campaign, system, composition, chemistry, seed=campaign.seed + replica),
        request=_request(system, composition, chemistry),
        sampling=sampling,
    )
    return Planned(
        plan=plan,
        system=system,
        composition=composition,
        chemistry=chemistry,
        wanted=(composition.salt_molar,),
    )


def _physics(
    campaign: CampaignSettings,
    system: System,
    composition: Composition,
    chemistry: Chemistry,
    *,
    seed: int,
) -> dict[str, Any]:
    membrane = system.membrane
    return {
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
        "seed": seed,
    }


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
