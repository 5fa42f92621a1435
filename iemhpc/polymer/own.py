"""A polymer of one's own, said in words of the command line: ``name=SMILES:fraction``.

What comes out is what a membrane TOML holds, so the two ways make the same polymer, the same graph
and the same runs.
"""

import math
import re
from collections.abc import Sequence
from functools import cache
from typing import Any

from rdkit import Chem, rdBase

from iemhpc.errors import ChemistryError, InputError
from iemhpc.polymer.catalog import as_membrane, load_membrane, membrane_names
from iemhpc.polymer.repeat_unit import RepeatUnit
from iemhpc.settings.membrane import MembraneSettings, make_membrane_settings

WHERE = "the polymer of --unit"
"""How an error names it."""

_NAME = re.compile(r"([A-Za-z][A-Za-z0-9 _-]{0,59})=(.+)")


def own_membrane(
    units: Sequence[str],
    *,
    crosslinker: str | None = None,
    arrangement: str = "random",
    name: str | None = None,
    salts: Sequence[str] = (),
    water_per_site: float | None = None,
    water_uptake: float | None = None,
    tethered: str | None = None,
) -> MembraneSettings:
    """Return the settings of a membrane whose polymer is said unit by unit.

    Parameters
    ----------
    units : sequence of str
        ``SMILES:fraction`` or ``name=SMILES:fraction``, split at the last colon; without a name,
        units of the catalogue have theirs.
    crosslinker : str, optional
        The unit with four attachment points, in the same way; its fraction counts with the others.
    arrangement : str
        random, block (each unit one block) or alternating.
    name : str, optional
        Name of the membrane; by default ``own-`` and the beginning of the polymer's hash.
    salts : sequence of str
        Names of salts.
    water_per_site, water_uptake : float, optional
        One of them: molecules per tethered charge, or g/g in the form of the first salt's
        counter-ion.
    tethered : str, optional
        SMARTS whose first atom is a tethered site, for every charged unit.

    Raises
    ------
    InputError
        Where something is missing or cannot be; all of it at once.

    Examples
    --------
    >>> units = ["[*]CC([*])C(=O)[O-]:0.4", "methyl acrylate=[*]CC([*])C(=O)OC:0.6"]
    >>> settings = own_membrane(units, salts=["NaCl"], water_per_site=20)
    >>> settings.name, [unit.name for unit in settings.units]
    ('own-...', ['unit 1', 'methyl acrylate'])
    """
    tables, problems = _unit_tables(units, crosslinker=crosslinker, tethered=tethered)
    if problems := problems + _lacking(name, salts=salts, water=(water_per_site, water_uptake)):
        raise InputError("; ".join(problems))
    values = {
        "name": name or "own",
        "full_name": "a polymer said on the command line",
        "arrangement": arrangement,
        "salts": tuple(salts),
        "water_per_site": water_per_site,
        "water_uptake": water_uptake,
        "units": tables,
        "network": {"crosslinker": tables[-1]["name"]} if crosslinker is not None else None,
    }
    settings = make_membrane_settings(values, where=WHERE)
    usual = f"own-{as_membrane(settings).polymer.hash[:6]}"
    return settings.model_copy(update={"name": usual}) if name is None else settings


def _unit_tables(
    units: Sequence[str], *, crosslinker: str | None, tethered: str | None
) -> tuple[list[dict[str, Any]], list[str]]:
    """Return the units as a membrane TOML has them, the cross-linker last, and what is wrong."""
    tables: list[dict[str, Any]] = []
    problems: list[str] = []
    said = [("--unit", text) for text in units]
    said += [("--crosslinker", crosslinker)] if crosslinker is not None else []
    for place, (option, text) in enumerate(said, 1):
        try:
            named, fraction = split_unit(text, option=option)
            said_name, smiles = split_name(named)
            usual = _catalogued_names().get(_key(smiles), f"unit {place}")
            unit = RepeatUnit(said_name or usual, smiles)
        except InputError as error:
            problems.append(str(error))
            continue
        table = {"name": unit.name, "smiles": smiles, "fraction": fraction}
        tables.append(table | ({"tethered_smarts": tethered} if tethered and unit.charge else {}))
    return tables, problems


def _lacking(
    name: str | None, *, salts: Sequence[str], water: tuple[float | None, float | None]
) -> list[str]:
    """Return what is wrong with a polymer of one's own besides its units."""
    problems = []
    if name is not None and name.lower() in {known.lower() for known in membrane_names()}:
        problems.append(
            f"--name: {name} is a membrane of the catalogue, whose labels are not those of this "
            "polymer; choose another name"
        )
    if not salts:
        problems.append("a polymer of your own needs its salts: add --salt NaCl")
    if water == (None, None):
        problems.append("it needs its water: add --water-per-site 20, or --water-uptake 0.5 (g/g)")
    return problems


def own_targets(
    targets: Sequence[str],
    *,
    units: Sequence[str],
    crosslinker: str | None = None,
    arrangement: str | None = None,
    tethered: str | None = None,
    name: str | None = None,
    water_and_salts: tuple[Sequence[str], float | None, float | None] = ((), None, None),
) -> Sequence[str] | MembraneSettings:
    """Return what a command shall simulate: the targets, or the membrane that options say.

    ``water_and_salts`` are the salts, the water per site and the water uptake.

    Raises
    ------
    InputError
        Where both are given, options of a polymer without a unit, or an option without a value.
    """
    options = {
        "--crosslinker": crosslinker,
        "--arrangement": arrangement,
        "--tethered": tethered,
        "--name": name,
    }
    if numbers := [target for target in targets if _is_number(target)]:
        raise InputError(
            f"got {', '.join(numbers)} as a membrane to simulate: an option takes one value; "
            "repeat it for each, as in --salt-molar 0.5 --salt-molar 1"
        )
    if empty := [option for option, value in options.items() if value is not None and not value]:
        raise InputError(f"got nothing for {', '.join(empty)}; give it a value, or leave it out")
    if not units:
        given = [option for option, value in options.items() if value is not None]
        if given:
            raise InputError(
                f"got {', '.join(given)} without --unit: they say a polymer of your own together "
                "with --unit SMILES:fraction; a catalogued membrane or a TOML says its own"
            )
        return targets
    if targets:
        raise InputError(
            f"got {', '.join(targets)} and --unit: a polymer said by its units stands alone; leave "
            "one of them out"
        )
    salts, water_per_site, water_uptake = water_and_salts
    return own_membrane(
        units,
        crosslinker=crosslinker,
        arrangement=arrangement or "random",
        name=name,
        salts=salts,
        water_per_site=water_per_site,
        water_uptake=water_uptake,
        tethered=tethered,
    )


def split_unit(text: str, *, option: str = "--unit") -> tuple[str, float]:
    """Return SMILES and fraction of ``SMILES:fraction``, split at the last colon.

    Examples
    --------
    >>> split_unit("[*:1]CC([*:2])c1ccccc1:0.25")
    ('[*:1]CC([*:2])c1ccccc1', 0.25)
    """
    smiles, colon, share = text.rpartition(":")
    try:
        fraction = float(share)
    except ValueError:
        fraction = math.nan
    if not colon or not smiles or not 0 < fraction <= 1:
        raise InputError(
            f"{option}: got {text!r}, wanted SMILES:fraction with a fraction between 0 and 1, as "
            "in '[*]CC([*])C(=O)[O-]:0.4' or 'acrylate=[*]CC([*])C(=O)[O-]:0.4'"
        )
    return smiles, fraction


def split_name(text: str) -> tuple[str | None, str]:
    """Return name and SMILES of ``name=SMILES``; no name where there is none.

    What is before the first ``=`` is a name where it looks like one and the whole is no repeat
    unit: SMILES have ``=``, too, for double bonds.

    Examples
    --------
    >>> split_name("methyl acrylate=[*]CC([*])C(=O)OC")
    ('methyl acrylate', '[*]CC([*])C(=O)OC')
    >>> split_name("O=C(OC)C([*])C[*]")
    (None, 'O=C(OC)C([*])C[*]')
    """
    match = _NAME.fullmatch(text)
    if match is None or _is_unit(text):
        return None, text
    name, smiles = match.group(1).strip(), match.group(2).strip()
    # Where neither is a unit, one of them has a slip: what begins like a SMILES is one.
    return (name, smiles) if _is_unit(smiles) or not _is_smiles(name) else (None, text)


def _is_unit(smiles: str) -> bool:
    try:
        RepeatUnit("unit", smiles)
    except ChemistryError:
        return False
    return True


def _is_smiles(text: str) -> bool:
    with rdBase.BlockLogs():
        return Chem.MolFromSmiles(text) is not None


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


@cache
def _catalogued_names() -> dict[str, str]:
    units = [unit for name in membrane_names() for unit in load_membrane(name).polymer.units]
    return {unit.oriented_smiles: unit.name for unit in units}


def _key(smiles: str) -> str:
    try:
        return RepeatUnit("unit", smiles).oriented_smiles
    except ChemistryError:
        return smiles
