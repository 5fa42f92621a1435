"""Typed and charged repeat units: the shipped library, the user's cache, and how one is made.

A residue is made from H-capped oligomers. Equivalent atoms are averaged, and the deviation of the
residue's sum from its formal charge is spread evenly over its atoms. A chain's end carries one
more hydrogen than the residue: it takes its charge from the carbon on which it sits, so that every
unit of a chain has its integer charge wherever it stands.

``python -m iemhpc.forcefield.residues NAME…`` remakes shipped residues.
"""

import importlib
import os
import sys
import tomllib
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path

from rdkit import Chem

from iemhpc import __version__
from iemhpc.errors import InputError, ProgramError, unknown_name
from iemhpc.forcefield import CHARGE_METHODS
from iemhpc.forcefield.charges import Charged
from iemhpc.forcefield.cutting import ResidueAtom, cut_molecule, cut_residue, residue_charge
from iemhpc.polymer.chain import link
from iemhpc.polymer.repeat_unit import RepeatUnit
from iemhpc.progress import Say, quiet
from iemhpc.resources import resource
from iemhpc.workspace import content_hash, read_json, write_json

SCHEMA_VERSION = 1

TITLE = "terms that gaff2.dat lacks, by parmchk2"
"""First line of the frcmod lines of a residue."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Residue:
    """A repeat unit with types and charges, and all that is needed to make it again."""

    unit: str
    """Name of the repeat unit."""
    smiles: str
    """Its SMILES with attachment points; ``atoms`` are in its order, attachment points left out."""
    method: str
    """Charge method."""
    charge: int
    """Formal charge."""
    atoms: tuple[ResidueAtom, ...]
    drift_e: float
    """Sum of the averaged charges less the formal charge, before it was spread away."""
    oligomers: tuple[str, ...]
    """Canonical SMILES of the molecules it was made from."""
    programs: str
    """Programs and versions."""
    frcmod: tuple[str, ...]
    """parmchk2's terms for the oligomers, line by line."""


def load_residue(
    unit: RepeatUnit, *, method: str = "am1bcc", limit_s: float = 3600.0, say: Say = quiet
) -> Residue:
    """Return the residue of a unit: shipped, else from the cache, else made now and cached.

    It is found by structure, so a unit's name and the spelling of its SMILES do not matter.

    Examples
    --------
    >>> residue = load_residue(RepeatUnit("alcohol", "OC([*])C[*]"))
    >>> residue.unit, [atom.type for atom in residue.atoms]
    ('vinyl_alcohol', ['c3', 'c3', 'oh'])
    """
    _charge_method(method)
    shipped = shipped_residues(method).get(unit.canonical_smiles)
    if shipped is not None:
        return shipped
    path = cache_folder() / f"{_cache_key(unit, method)}.json"
    if path.exists():
        return read_residue(path)
    say(f"{unit.name}: no residue yet, charging a dimer with {method}")
    try:
        residue = make_residue(unit, oligomers=[[unit, unit]], method=method, limit_s=limit_s)
    except ProgramError as error:
        raise ProgramError(
            f"repeat unit {unit.name!r} has no stored residue, and {error}"
        ) from None
    write_residue(path, residue)
    return residue


@lru_cache
def shipped_residues(method: str = "am1bcc") -> dict[str, Residue]:
    """Return the residues of ``data/charges`` by the canonical SMILES of their unit."""
    _charge_method(method)
    paths = sorted(resource("data", "charges").glob(f"*.{method}.json"))
    residues = [residue for residue in map(read_residue, paths) if "*" in residue.smiles]
    return {RepeatUnit(item.unit, item.smiles).canonical_smiles: item for item in residues}


def shipped_ion(name: str, method: str = "am1bcc") -> Residue:
    """Return an ion of several atoms from ``data/charges``."""
    return read_residue(resource("data", "charges", f"{name}.{method}.json"))


def cache_folder() -> Path:
    """Return the user's own residues: ``$IEMHPC_CACHE/charges`` or ``~/.cache/iemhpc/charges``."""
    root = os.environ.get("IEMHPC_CACHE")
    return (Path(root) if root else Path.home() / ".cache" / "iemhpc") / "charges"


def make_residue(
    unit: RepeatUnit,
    *,
    oligomers: Sequence[Sequence[RepeatUnit]],
    method: str = "am1bcc",
    limit_s: float = 3600.0,
    say: Say = quiet,
) -> Residue:
    """Charge oligomers and cut the residue of one unit out of them.

    Parameters
    ----------
    unit : RepeatUnit
        The unit.
    oligomers : sequence of sequences of RepeatUnit
        What to charge. The first gives the charges; the others only hydrogens that cap an atom
        and which the first does not show.
    method : str
        Charge method.
    limit_s : float
        Seconds that one program may take.
    say : callable
        Told what is running.
    """
    charge = _charge_method(method)
    molecules = [link(units) for units in oligomers]
    charged = [charge(molecule, limit_s=limit_s, say=say) for molecule in molecules]
    atoms, drift_e = cut_residue(unit, molecules=molecules, charged=charged)
    return Residue(
        unit=unit.name,
        smiles=unit.smiles,
        method=method,
        charge=unit.charge,
        atoms=atoms,
        drift_e=drift_e,
        oligomers=tuple(Chem.MolToSmiles(Chem.RemoveHs(molecule)) for molecule in molecules),
        programs=f"{charged[0].programs}, iemhpc {__version__}",
        # One title line, then the sections of all oligomers: a valid frcmod file.
        frcmod=(TITLE, *(line for item in charged for line in item.frcmod.splitlines()[1:])),
    )


def read_residue(path: Path) -> Residue:
    """Read a residue that :func:`write_residue` wrote.

    Raises
    ------
    InputError
        Where the file has another schema, lacks a field or its charges miss the formal charge.
    """
    stored = read_json(path)
    try:
        if stored.pop("schema_version") != SCHEMA_VERSION:
            raise InputError(f"{path} has another schema than {SCHEMA_VERSION}; make it again")
        atoms = tuple(ResidueAtom(**atom) for atom in stored.pop("atoms"))
        stored |= {key: tuple(stored[key]) for key in ("oligomers", "frcmod")}
        residue = Residue(atoms=atoms, **stored)
    except (KeyError, TypeError, AttributeError) as error:
        raise InputError(f"{path} is not a residue ({error}); delete it or make it again") from None
    if abs(residue_charge(residue.atoms) - residue.charge) > 1e-9:
        raise InputError(
            f"{path}: charges sum to {residue_charge(residue.atoms):+.6f}, not to the formal "
            f"charge {residue.charge:+d}; delete it or make it again"
        )
    return residue


def write_residue(path: Path, residue: Residue) -> None:
    """Write a residue as JSON, whole or not at all."""
    write_json(path, {"schema_version": SCHEMA_VERSION, **asdict(residue)})


def _charge_method(method: str) -> Callable[..., Charged]:
    if method not in CHARGE_METHODS:
        raise unknown_name("charge method", method, CHARGE_METHODS)
    module, _, attribute = CHARGE_METHODS[method].partition(":")
    found: Callable[..., Charged] = getattr(importlib.import_module(module), attribute)
    return found


def _cache_key(unit: RepeatUnit, method: str) -> str:
    return content_hash({"smiles": unit.canonical_smiles, "method": method, "v": SCHEMA_VERSION})


def make_ion(name: str, smiles: str, *, method: str = "am1bcc", say: Say = quiet) -> Residue:
    """Charge an ion of several atoms without hydrogens, equivalent atoms alike."""
    molecule = Chem.MolFromSmiles(smiles)
    charged = _charge_method(method)(molecule, say=say)
    atoms, drift_e = cut_molecule(molecule, charged)
    return Residue(
        unit=name,
        smiles=smiles,
        method=method,
        charge=Chem.GetFormalCharge(molecule),
        atoms=atoms,
        drift_e=drift_e,
        oligomers=(Chem.MolToSmiles(molecule),),
        programs=f"{charged.programs}, iemhpc {__version__}",
        frcmod=(TITLE, *charged.frcmod.splitlines()[1:]),
    )


def make_shipped(name: str, *, say: Say = quiet) -> Residue:
    """Make the residue ``name`` of ``data/charges/recipes.toml``."""
    text = resource("data", "charges", "recipes.toml").read_text(encoding="utf-8")
    recipes = tomllib.loads(text)
    if name not in recipes:
        raise unknown_name("shipped residue", name, recipes)
    smiles, names = recipes[name]["smiles"], recipes[name].get("oligomers")
    if names is None:
        return make_ion(name, smiles, say=say)
    oligomers = [[RepeatUnit(part, recipes[part]["smiles"]) for part in parts] for parts in names]
    return make_residue(RepeatUnit(name, smiles), oligomers=oligomers, say=say)


def main(names: Sequence[str]) -> int:
    """Remake the named residues of ``data/charges``."""
    folder = resource("data", "charges")
    for name in names:
        residue = make_shipped(name, say=_say)
        path = folder / f"{name}.{residue.method}.json"
        write_residue(path, residue)
        _say(f"{path}: drift {residue.drift_e:+.6f} e, {residue.programs}")
    return 0


def _say(line: str) -> None:
    sys.stderr.write(f"{line}\n")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
