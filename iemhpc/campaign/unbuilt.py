"""A run whose box is built in its job: what is needed for it lies in its folder, under ``build/``.

``build.json`` holds polymer, membrane and whole numbers as they were planned, and a file of the
user's own charges lies beside it, so that the node builds the same box as this machine would: by
the same seed, from the same content, whatever has become of campaign.toml meanwhile.
"""

import shutil
import time
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

from iemhpc.campaign.plans import Planned
from iemhpc.errors import InputError, LockedError, MissingInputError
from iemhpc.lammps.run_folder import RunPlan, add_box, is_built, plan_json, read_plan
from iemhpc.polymer.catalog import load_salt
from iemhpc.polymer.materials import Membrane, Polymer, System
from iemhpc.polymer.repeat_unit import RepeatUnit
from iemhpc.progress import Say, quiet
from iemhpc.system.assembly import MembraneBox, build_box
from iemhpc.system.counts import Composition, UnitCount
from iemhpc.workspace import Workspace, content_hash, lock, publishing, read_json, write_json

FOLDER = "build"
FILE = "build.json"
SCHEMA_VERSION = 1
LOOK_S = 1.0


def building_lock(folder: Path) -> AbstractContextManager[None]:
    """Return what is held while a run's box is being built, here or in a job.

    It lies beside the run's folder, which may not be there yet.
    """
    folder = folder.resolve()
    path = folder.parent / f".{folder.name}.build.lock"
    return lock(path, what=f"building the box of {folder.name}")


def write_unbuilt(workspace: Workspace, one: Planned) -> Path:
    """Write a run's folder without its box, whole or not at all; one that is there is left.

    Raises
    ------
    InputError
        Where the file of charges is not what was planned.
    """
    folder = workspace.run(one.run_id)
    if folder.exists():
        return folder
    with publishing(folder) as temporary:
        (temporary / FOLDER).mkdir(parents=True)
        if one.chemistry.charges_file:
            path = Path(one.chemistry.charges_file)
            shutil.copyfile(path, temporary / FOLDER / path.name)
            _check_charges(temporary / FOLDER / path.name, one.chemistry.charges)
        write_json(temporary / FOLDER / FILE, _build_values(one))
        write_json(temporary / "plan.json", plan_json(one.plan))
    return folder


def build_run(folder: Path, *, say: Say = quiet) -> bool:
    """Build the box of a run in its folder; one that has it is left as it is.

    Where another process is at it, this one waits for it.

    Returns
    -------
    bool
        Whether a box was built now.

    Raises
    ------
    MissingInputError
        Where the folder lacks what is needed for it.
    InputError
        Where its files are damaged or do not fit together.
    CompositionError, ForceFieldError, ProgramError
        Where the box cannot be built.
    """
    plan = read_plan(folder)
    with _alone(folder, say=say):
        if is_built(folder):
            say(f"run {plan.run_id} has its box")
            return False
        add_box(folder, plan, _built(folder, plan, say=say))
        shutil.rmtree(folder / FOLDER, ignore_errors=True)
    return True


def build_planned(one: Planned, *, say: Say = quiet) -> MembraneBox:
    """Build the box of a run as it was planned."""
    return build_box(
        system=one.system,
        composition=one.composition,
        force_field=one.chemistry.force_field,
        charges=one.chemistry.charges_wanted,
        water_model=one.chemistry.water_model,
        ion_set=one.chemistry.ion_set,
        tacticity=one.plan.physics["tacticity"],
        charge_scale=one.chemistry.charge_scale,
        seed=one.plan.physics["seed"],
        say=say,
    )


def _built(folder: Path, plan: RunPlan, *, say: Say) -> MembraneBox:
    values = _read_values(folder)
    physics = plan.physics
    system, composition = _system(values), _composition(values)
    if system.membrane.polymer.hash != physics["polymer_hash"]:
        raise InputError(
            f"{folder / FOLDER / FILE} holds another polymer than plan.json; {_again(folder)}"
        )
    charges = str(physics["charges"])
    if charges.startswith("file:"):
        path = folder / FOLDER / str(values["charges_file"])
        _check_charges(path, charges)
        charges = str(path)
    return build_box(
        system=system,
        composition=composition,
        force_field=str(physics["force_field"]),
        charges=charges,
        water_model=str(physics["water_model"]),
        ion_set=str(physics["ion_set"]),
        tacticity=str(physics["tacticity"]),
        charge_scale=float(physics["charge_scale"]),
        seed=int(physics["seed"]),
        say=say,
    )


def _build_values(one: Planned) -> dict[str, Any]:
    """Return what ``build.json`` holds: what a plan says in words, as it is computed with."""
    membrane, polymer = one.system.membrane, one.system.membrane.polymer
    charges_file = one.chemistry.charges_file
    return {
        "schema_version": SCHEMA_VERSION,
        "membrane": {
            "name": membrane.name,
            "full_name": membrane.full_name,
            "salts": list(membrane.salts),
            "water_per_site": membrane.water_per_site,
            "crosslinker": membrane.crosslinker,
            "tacticity": membrane.tacticity,
        },
        "polymer": {
            "name": polymer.name,
            "fractions": list(polymer.fractions),
            "arrangement": polymer.arrangement,
            "blocks": list(polymer.blocks),
            "oligomer_counts": polymer.oligomer_counts and list(polymer.oligomer_counts),
            "units": [asdict(unit) for unit in polymer.units],
        },
        "salt": one.system.salt.name,
        "composition": asdict(one.composition),
        "charges_file": Path(charges_file).name if charges_file else None,
    }


def _read_values(folder: Path) -> Mapping[str, Any]:
    path = folder / FOLDER / FILE
    if not path.is_file():
        raise MissingInputError(
            f"{folder} has no box and no {FOLDER}/{FILE} to build it from; {_again(folder)}"
        )
    values = read_json(path)
    version = values.get("schema_version") if isinstance(values, dict) else None
    if version != SCHEMA_VERSION:
        raise InputError(
            f"{path} has schema {version}, this iemhpc reads {SCHEMA_VERSION}; {_again(folder)}"
        )
    return dict(values)


def _system(values: Mapping[str, Any]) -> System:
    polymer = values["polymer"]
    units = tuple(
        RepeatUnit(unit["name"], unit["smiles"], tuple(unit["given_sites"]))
        for unit in polymer["units"]
    )
    counts = polymer["oligomer_counts"]
    membrane = values["membrane"]
    return System(
        Membrane(
            **{key: value for key, value in membrane.items() if key != "salts"},
            salts=tuple(membrane["salts"]),
            polymer=Polymer(
                name=polymer["name"],
                units=units,
                fractions=tuple(polymer["fractions"]),
                arrangement=polymer["arrangement"],
                blocks=tuple(polymer["blocks"]),
                oligomer_counts=tuple(counts) if counts else None,
            ),
        ),
        load_salt(values["salt"]),
    )


def _composition(values: Mapping[str, Any]) -> Composition:
    counts = dict(values["composition"])
    units = tuple(UnitCount(**unit) for unit in counts.pop("units"))
    return Composition(**counts, units=units)


def _check_charges(path: Path, planned: str) -> None:
    try:
        found = f"file:{content_hash(path.read_text(encoding='utf-8'))}"
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path} cannot be read as charges: {error}; put it there again") from None
    if found != planned:
        raise InputError(
            f"{path.name}: the charges have changed since the run was planned; give the same "
            "md-submit again for runs with the new ones"
        )


def _again(folder: Path) -> str:
    return f"delete runs/{folder.name} and run md-submit again"


@contextmanager
def _alone(folder: Path, *, say: Say) -> Iterator[None]:
    """Claim the building of a run; wait while another process has claimed it."""
    with ExitStack() as claim:
        is_told = False
        while True:
            try:
                claim.enter_context(building_lock(folder))
                break
            except LockedError as error:
                if not is_told:
                    say(f"waiting: {error}")
                is_told = True
                time.sleep(LOOK_S)
        yield
