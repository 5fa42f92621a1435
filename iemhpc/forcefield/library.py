"""Residues on disk: the shipped library and the user's cache, as JSON that is checked when read."""

import importlib
import math
import os
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import lru_cache
from pathlib import Path

from rdkit import Chem

from iemhpc.errors import InputError, unknown_name
from iemhpc.forcefield import CHARGE_METHODS
from iemhpc.forcefield.amber import parse_frcmod
from iemhpc.forcefield.charges import Charged, cache_root
from iemhpc.forcefield.cutting import ResidueAtom, residue_charge
from iemhpc.polymer.repeat_unit import RepeatUnit
from iemhpc.progress import Say, quiet
from iemhpc.resources import resource
from iemhpc.workspace import file_hash, read_json, write_json

SCHEMA_VERSION = 1

TITLE = "terms that gaff2.dat lacks, by parmchk2"
"""First line of the frcmod lines of a residue."""

_HEADINGS = ("MASS", "BOND", "ANGL", "DIHE", "IMPR", "NONB")
"""How the headings of a frcmod file begin."""


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
    file: str = field(default="", compare=False)
    """Where it was read from, in words; empty of one that is on no disk."""

    @property
    def charges_source(self) -> str:
        """The file that holds each atom's charge, then the programs that made them."""
        return f"{self.file}, {self.programs}" if self.file else self.programs


@lru_cache
def shipped_residues(method: str = "am1bcc") -> dict[str, Residue]:
    """Return the residues of ``data/charges`` by the canonical SMILES of their unit."""
    charge_method(method)
    paths = sorted(resource("data", "charges").glob(f"*.{method}.json"))
    residues = [residue for residue in map(read_residue, paths) if "*" in residue.smiles]
    return {RepeatUnit(item.unit, item.smiles).canonical_smiles: item for item in residues}


def shipped_ion(name: str, method: str = "am1bcc") -> Residue:
    """Return an ion of several atoms from ``data/charges``."""
    return read_residue(resource("data", "charges", f"{name}.{method}.json"))


def cache_folder() -> Path:
    """Return the user's own residues: ``$IEMHPC_CACHE/charges`` or ``~/.cache/iemhpc/charges``."""
    return cache_root() / "charges"


def need_writable_cache() -> None:
    """See to it that what is made can be kept, before minutes are spent on it.

    Raises
    ------
    InputError
        Where the cache's folder, or the nearest one above it, cannot be written.
    """
    folder = cache_folder()
    nearest = next(place for place in (folder, *folder.parents) if os.path.lexists(place))
    if not (nearest.is_dir() and os.access(nearest, os.W_OK | os.X_OK)):
        raise InputError(
            f"new residues are kept in {folder}, which cannot be written; set IEMHPC_CACHE to a "
            "folder that can"
        )


def read_residue(path: Path) -> Residue:
    """Read a residue that :func:`write_residue` wrote.

    Raises
    ------
    InputError
        Where the file has another schema or lacks a field, its atoms are not those of its SMILES,
        its charges are no numbers or miss the formal charge, or its terms are no frcmod lines.
    """
    stored = read_json(path)
    try:
        if stored.pop("schema_version") != SCHEMA_VERSION:
            raise InputError(f"{path} has another schema than {SCHEMA_VERSION}; make it again")
        atoms = tuple(ResidueAtom(**atom) for atom in stored.pop("atoms"))
        stored |= {key: tuple(stored[key]) for key in ("oligomers", "frcmod")}
        residue = Residue(atoms=atoms, **stored)
        fault = _fault(residue)
    except (KeyError, TypeError, AttributeError) as error:
        raise InputError(f"{path} is not a residue ({error}); delete it or make it again") from None
    if fault:
        raise InputError(f"{path}: {fault}; delete it or make it again")
    return replace(residue, file=_in_words(path))


def kept_residue(unit: RepeatUnit, path: Path, *, say: Say = quiet) -> Residue | None:
    """Return a unit's residue from the cache; None where there is none that can be used."""
    if not path.exists():
        return None
    try:
        residue = read_residue(path)
        smiles = RepeatUnit(residue.unit, residue.smiles).canonical_smiles
    except InputError as error:
        say(f"{unit.name}: its residue in the cache is damaged and made again: {error}")
        return None
    if smiles != unit.canonical_smiles:
        say(f"{unit.name}: {path} is of {residue.smiles}, so it is made again")
        return None
    return residue


def _fault(residue: Residue) -> str:
    """Return what is wrong with a residue; empty where nothing is."""
    parts = Chem.MolFromSmiles(residue.smiles)
    if parts is None:
        return f"{residue.smiles!r} is no SMILES"
    heavy = [atom for atom in parts.GetAtoms() if atom.GetAtomicNum()]
    wanted = [(atom.GetSymbol(), atom.GetTotalNumHs()) for atom in heavy]
    found = [(atom.element, atom.n_hydrogens) for atom in residue.atoms]
    if found != wanted:
        return f"its atoms are {_atoms(found)}, those of its SMILES {_atoms(wanted)}"
    charges_e = [e for atom in residue.atoms for e in (atom.charge_e, atom.hydrogen_charge_e or 0)]
    if not all(map(math.isfinite, (*charges_e, residue.drift_e))):
        return "one of its charges is no finite number"
    sum_e = residue_charge(residue.atoms)
    if abs(sum_e - residue.charge) > 1e-9:
        return f"charges sum to {sum_e:+.6f}, not to the formal charge {residue.charge:+d}"
    return _frcmod_fault(residue.frcmod)


def _atoms(atoms: Sequence[tuple[str, int]]) -> str:
    return " ".join(f"{element}{f'H{number}' if number else ''}" for element, number in atoms)


def _frcmod_fault(lines: Sequence[str]) -> str:
    """Return what is wrong with frcmod lines, whose first is a title; empty where nothing is."""
    is_open = False
    for line in lines[1:]:
        is_heading = line.strip().upper().startswith(_HEADINGS) and len(line.split()) == 1
        if not is_heading and line.strip() and not is_open:
            return f"{line.strip()!r} is in no section of its frcmod lines"
        is_open = bool(line.strip())
    try:
        parse_frcmod(lines)
    except (InputError, ZeroDivisionError, KeyError) as error:
        return f"its frcmod lines are damaged ({error})"
    return ""


def _in_words(path: Path) -> str:
    """Return where a residue is: in the package's data, else a file and the hash of what it holds.

    Examples
    --------
    >>> _in_words(resource("data", "charges", "styrene.am1bcc.json"))
    'data/charges/styrene.am1bcc.json'
    """
    if path.parent == resource("data", "charges"):
        return f"data/charges/{path.name}"
    where = "the cache's charges/" if path.parent == cache_folder() else ""
    return f"{where}{path.name} (SHA-256 {file_hash(path, 12)})"


def write_residue(path: Path, residue: Residue) -> None:
    """Write a residue as JSON, whole or not at all."""
    stored = asdict(residue)
    del stored["file"]
    write_json(path, {"schema_version": SCHEMA_VERSION, **stored})


def charge_method(method: str) -> Callable[..., Charged]:
    """Return the function of a charge method.

    Raises
    ------
    UnknownNameError
        Where there is none of that name; the known ones are listed.
    """
    if method not in CHARGE_METHODS:
        raise unknown_name("charge method", method, CHARGE_METHODS)
    module, _, attribute = CHARGE_METHODS[method].partition(":")
    found: Callable[..., Charged] = getattr(importlib.import_module(module), attribute)
    return found
