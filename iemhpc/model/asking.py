"""A question in a user's words -> a bundle and the numbers it needs -> a prediction.

A membrane is a name of the catalogue, a TOML file or a SMILES; descriptors come from a run, a
file, or the row of the dataset that is this very point.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import pandas as pd

from iemhpc.dataset.assemble import read_dataset
from iemhpc.dataset.molecules import count_ions
from iemhpc.errors import ChemistryError, InputError, MissingInputError, UnknownNameError
from iemhpc.errors import unknown_name as unknown
from iemhpc.model.bundle import (
    Bundle,
    current_bundle,
    list_bundles,
    load_bundle,
)
from iemhpc.model.graph import canonical_smiles
from iemhpc.model.prediction import Prediction, needs_descriptors, numbers_of, predict
from iemhpc.polymer.catalog import load_membrane, load_salt, membrane_names
from iemhpc.polymer.oligomer import oligomer
from iemhpc.tables.dataset import LEVELS
from iemhpc.tables.descriptors import DESCRIPTOR_TABLE, DESCRIPTORS
from iemhpc.tables.dynamics import DYNAMICS_TABLE, INPUTS
from iemhpc.tables.io import read_frame
from iemhpc.workspace import Workspace

MADE_BY = "iemhpc tune"

Descriptors = Mapping[str, float | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class ResolvedPolymer:
    """What a user's word for a polymer stands for."""

    name: str
    """Name of the catalogue or file, or the SMILES itself."""
    smiles: str
    """Canonical SMILES of the oligomer."""
    water_per_site: float | None
    """Of the catalogue or file; None for a SMILES."""
    is_catalogued: bool = field(default=False, compare=False)
    """Whether it was asked for by a name of the catalogue."""


def resolve_polymer(text: str) -> ResolvedPolymer:
    """Return the polymer that a catalogue name, a TOML path or a SMILES stands for.

    Raises
    ------
    UnknownNameError
        Where it is none of them.

    Examples
    --------
    >>> resolve_polymer("pvas").smiles == resolve_polymer("OS(=O)(=O)OCCC(O)C").smiles
    False
    >>> resolve_polymer("pvas").water_per_site
    113.0
    """
    try:
        membrane = load_membrane(text)
    except UnknownNameError as error:
        return ResolvedPolymer(name=text, smiles=_smiles_or(error, text), water_per_site=None)
    return ResolvedPolymer(
        name=membrane.name,
        smiles=oligomer(membrane.polymer).smiles,
        water_per_site=membrane.water_per_site,
        is_catalogued=text.lower() in {name.lower() for name in membrane_names()},
    )


def resolve_salt(text: str) -> str:
    """Return the SMILES of a salt from its formula in the catalogue, or from a SMILES.

    Examples
    --------
    >>> resolve_salt("mgcl2"), resolve_salt("[Br-].[Na+]")
    ('[Cl-].[Cl-].[Mg+2]', '[Br-].[Na+]')
    """
    try:
        return load_salt(text).smiles
    except UnknownNameError as error:
        smiles = _smiles_or(error, text)
        count_ions(smiles, at="--salt")
        return smiles


def _smiles_or(error: UnknownNameError, text: str) -> str:
    try:
        return canonical_smiles(text)
    except ChemistryError:
        raise UnknownNameError(f"{error}. It is no SMILES either") from error


def predict_point(  # noqa: PLR0913  # one for each thing that a point can be asked by
    workspace: Workspace,
    membrane: str,
    salt: str,
    *,
    salt_molar: float,
    water_per_site: float | None = None,
    run: str | None = None,
    descriptors_file: Path | None = None,
    level: str | None = None,
    bundle: str | None = None,
) -> Prediction:
    """Predict the activity coefficient that a user asks for.

    Parameters
    ----------
    workspace : Workspace
        Its models are used.
    membrane, salt : str
        A name of the catalogue, a membrane TOML, or SMILES.
    salt_molar : float
        Concentration of the outer solution, mol/L.
    water_per_site : float, optional
        Water molecules per tethered charge; by default the membrane's.
    run : str, optional
        Run whose descriptors are taken.
    descriptors_file : Path, optional
        Parquet or CSV of one row with the twelve descriptors, and any further inputs.
    level : str, optional
        Takes the current bundle of this level; by default the one that sees most of what is
        given.
    bundle : str, optional
        Hash of a bundle, or the first characters of it.

    Raises
    ------
    MissingInputError
        Where there is no model, or no table to read a run from.
    InputError
        Where the model needs what is not given; the message names a model that does not.
    """
    polymer, salt_smiles = resolve_polymer(membrane), resolve_salt(salt)
    water = polymer.water_per_site if water_per_site is None else water_per_site
    given = _given_descriptors(workspace, run=run, file=descriptors_file)
    chosen = choose_bundle(workspace, level=level, bundle=bundle, has_descriptors=given is not None)
    polymer = _as_learnt(polymer, chosen)
    if needs_descriptors(chosen) and given is None:
        point = {
            "polymer_smiles": polymer.smiles,
            "salt_smiles": salt_smiles,
            "salt_molar": salt_molar,
            "water_per_site": water,
        }
        given = _descriptors_of_dataset(workspace, point, chosen.inputs)
        if given is None:
            raise InputError(_no_descriptors(workspace, chosen))
    return predict(
        chosen,
        polymer_smiles=polymer.smiles,
        salt_smiles=salt_smiles,
        salt_molar=salt_molar,
        water_per_site=water,
        descriptors=given,
    )


def _as_learnt(polymer: ResolvedPolymer, bundle: Bundle) -> ResolvedPolymer:
    """Return a catalogued polymer with the graph the model knows it by: an imported table's may
    differ from ours, and by another graph it would be a stranger.
    """
    known = {str(p["polymer"]): str(p["polymer_smiles"]) for p in bundle.points}
    if not polymer.is_catalogued or polymer.name not in known:
        return polymer
    return replace(polymer, smiles=known[polymer.name])


def choose_bundle(
    workspace: Workspace,
    *,
    level: str | None = None,
    bundle: str | None = None,
    has_descriptors: bool = False,
) -> Bundle:
    """Return the bundle asked for, else the current one that sees most of what is given.

    Raises
    ------
    MissingInputError
        Where there is none.
    UnknownNameError
        Where no bundle has that hash.
    """
    if bundle is not None:
        return load_bundle(_folder_of(workspace, bundle))
    if level is not None:
        current = current_bundle(workspace, level)
        if current is None:
            raise MissingInputError(
                f"{workspace.root} has no current model of level {level}; make one with: "
                f"{MADE_BY} --level {level}"
            )
        return current
    present = [one for level in reversed(LEVELS) if (one := current_bundle(workspace, level))]
    if not present:
        raise MissingInputError(
            f"{workspace.root.resolve()} has no current model; make one with: {MADE_BY}"
        )
    fitting = [one for one in present if has_descriptors or not needs_descriptors(one)]
    # one that needs descriptors where there is no other: the dataset may hold them
    return (fitting or present)[0]


def _folder_of(workspace: Workspace, bundle: str) -> Path:
    hashes = [one.parent.name for one in workspace.models.glob("[!.]*/bundle.json")]
    found = [name for name in hashes if bundle and name.startswith(bundle)]
    if len(found) != 1:
        raise unknown("bundle", bundle, hashes)
    return workspace.models / found[0]


def _given_descriptors(
    workspace: Workspace, *, run: str | None, file: Path | None
) -> Descriptors | None:
    if run is not None and file is not None:
        raise InputError("both a run and a file of descriptors are given; give one of them")
    if run is not None:
        return _descriptors_of_run(workspace, run)
    return None if file is None else _descriptors_of_file(file)


def _descriptors_of_run(workspace: Workspace, run: str) -> Descriptors:
    made_by = "iemhpc descriptors"
    path = workspace.need(workspace.descriptors, made_by=made_by)
    table = read_frame(path, DESCRIPTOR_TABLE, made_by=made_by)
    found = table[table["run_id"].str.startswith(run)]
    if len(found) != 1:
        raise unknown("run", run, table["run_id"])
    numbers = _numbers(found)
    if workspace.dynamics.exists():
        more = read_frame(workspace.dynamics, DYNAMICS_TABLE, made_by=made_by)
        of_run = more[more["run_id"] == found["run_id"].iloc[0]]
        numbers |= _numbers(of_run, INPUTS) if len(of_run) else {}
    return numbers


def _descriptors_of_file(file: Path) -> Descriptors:
    if not file.is_file():
        raise MissingInputError(f"{file} does not exist; give a Parquet or CSV file of one row")
    table = pd.read_parquet(file) if file.suffix == ".parquet" else pd.read_csv(file)
    if len(table) != 1:
        raise InputError(f"{file}: {len(table)} rows; wanted one row with the twelve descriptors")
    absent = [name for name in DESCRIPTORS if name not in table.columns]
    if absent:
        raise InputError(f"{file} has no column {', '.join(absent)}; a model needs all twelve")
    texts = [name for name in DESCRIPTORS if not pd.api.types.is_numeric_dtype(table[name])]
    if texts:
        raise InputError(f"{file}: column {', '.join(texts)} holds text; wanted numbers")
    others = table.drop(columns=list(DESCRIPTORS)).select_dtypes("number")
    return _numbers(table, (*DESCRIPTORS, *map(str, others.columns)))


def _descriptors_of_dataset(
    workspace: Workspace, point: Mapping[str, object], inputs: Sequence[str]
) -> Descriptors | None:
    """Return the descriptors of the dataset's row that is this very point, if it has them."""
    if not workspace.dataset.exists():
        return None
    table = read_dataset(workspace)
    here = pd.Series(data=True, index=table.index)
    for name, value in point.items():
        if name.endswith("_smiles"):  # an imported table's are as they were given
            spelt = {smiles: canonical_smiles(smiles) for smiles in table[name].unique()}
            here &= table[name].map(spelt) == canonical_smiles(str(value))
        else:
            here &= table[name] == value
    names = [*DESCRIPTORS, *inputs]
    if not set(names) <= set(table.columns):
        return None
    found = table[here].dropna(subset=names)
    return _numbers(found.head(1), names) if len(found) else None


def _numbers(row: pd.DataFrame, names: Sequence[str] = DESCRIPTORS) -> dict[str, float | None]:
    values = row[list(names)].iloc[0].items()
    return {str(name): None if pd.isna(value) else float(value) for name, value in values}


def _no_descriptors(workspace: Workspace, chosen: Bundle) -> str:
    others = [one for one in list_bundles(workspace) if not needs_descriptors(one)]
    best = min(others, key=lambda one: one.validation_loss, default=None)
    hint = (
        f"or use the best model without: --model {best.hash} ({best.level})"
        if best
        else f"or make a model without: {MADE_BY} --level graph+conditions"
    )
    return (
        f"bundle {chosen.hash} of level {chosen.level} needs {numbers_of(chosen)} of this point, "
        f"and the dataset does not hold them; give --run or --descriptors, {hint}"
    )
