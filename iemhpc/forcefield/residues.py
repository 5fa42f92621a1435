"""Typed and charged repeat units: found in the library or the cache, else made.

A residue is made from H-capped oligomers. Equivalent atoms are averaged, and the deviation of the
residue's sum from its formal charge is spread evenly over its atoms. A chain's end carries one
more hydrogen than the residue: it takes its charge from the carbon on which it sits, so that every
unit of a chain has its integer charge wherever it stands.

``python -m iemhpc.forcefield.residues NAME…`` remakes shipped residues.
"""

import re
import sys
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from rdkit import Chem

from iemhpc import __version__
from iemhpc.errors import MissingInputError, ProgramError, unknown_name
from iemhpc.forcefield import is_charge_file
from iemhpc.forcefield.charges import gaff2_types
from iemhpc.forcefield.cutting import cut_molecule, cut_residue, typed_like
from iemhpc.forcefield.esp import DENSITY_PER_A2
from iemhpc.forcefield.gaussian import ROUTE, find_log, gaussian_job
from iemhpc.forcefield.library import (
    SCHEMA_VERSION,
    TITLE,
    Residue,
    cache_folder,
    charge_method,
    kept_residue,
    need_writable_cache,
    read_residue,
    shipped_ion,
    shipped_residues,
    write_residue,
)
from iemhpc.forcefield.pyscf_esp import AUXILIARY, BASIS, METHOD
from iemhpc.forcefield.recipes import Oligomers, default_oligomers, expected_minutes
from iemhpc.forcefield.resp import STRONG, TIGHTNESS_E, WEAK
from iemhpc.forcefield.user_charges import UserCharges, load_user_charges
from iemhpc.polymer.chain import link
from iemhpc.polymer.repeat_unit import RepeatUnit
from iemhpc.progress import Say, quiet
from iemhpc.resources import resource
from iemhpc.workspace import content_hash

__all__ = [
    "TITLE",
    "Lacking",
    "Residue",
    "cache_folder",
    "lacking_residue",
    "load_residue",
    "make_ion",
    "make_residue",
    "make_shipped",
    "read_residue",
    "shipped_ion",
    "shipped_residues",
    "write_residue",
]

_RESTRAINT = f"{WEAK:g} {STRONG:g} {TIGHTNESS_E:g}"

CHOICES = {
    "resp": f"{METHOD}/{BASIS} {AUXILIARY} {DENSITY_PER_A2:g}/A2 {_RESTRAINT}",
    "resp-gaussian": f"{ROUTE} {_RESTRAINT}",
}
"""What the charges of a method depend on beside the molecule; a change makes them again."""

ROUGH_PENALTY = 10.0
"""Terms with a higher penalty score of parmchk2 are rough."""

SHOWN_E = 0.00005
"""Smaller corrections of a sum are not told: they would read 0.0000."""

_PENALTY = re.compile(r"penalty score=\s*(\d+\.?\d*)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Lacking:
    """A residue that is not stored, and what it takes to make it."""

    unit: str
    """The repeat unit."""
    n_atoms: int
    """Of the largest oligomer to charge."""
    minutes: float | None
    """About how long that takes; None where no program is run."""
    jobs: tuple[Path, ...]
    """Inputs for Gaussian whose logs are missing."""


def lacking_residue(unit: RepeatUnit, *, method: str = "am1bcc") -> Lacking | None:
    """Return what it takes to make a unit's residue; None where it is stored.

    Examples
    --------
    >>> lacking_residue(RepeatUnit("alcohol", "OC([*])C[*]")) is None
    True
    """
    if is_charge_file(method):
        oligomers = default_oligomers(unit)
        is_typed = unit.canonical_smiles in shipped_residues("am1bcc") or (
            kept_residue(unit, _types_path(unit, oligomers))
        )
        return None if is_typed else _lacking(unit, oligomers, method="types")
    charge_method(method)
    if unit.canonical_smiles in shipped_residues(method):
        return None
    unit = _as_shipped(unit)
    oligomers = default_oligomers(unit, method=method)
    path = cache_folder() / f"{_cache_key(unit, method, oligomers)}.json"
    if kept_residue(unit, path) and not _has_newer_log(path, oligomers, method=method):
        return None
    return _lacking(unit, oligomers, method=method)


def _lacking(unit: RepeatUnit, oligomers: Oligomers, *, method: str) -> Lacking:
    molecules = [link(units) for units in oligomers]
    n_atoms = max(molecule.GetNumAtoms() for molecule in molecules)
    jobs = map(gaussian_job, molecules) if method == "resp-gaussian" else ()
    return Lacking(
        unit=unit.name,
        n_atoms=n_atoms,
        minutes=expected_minutes(n_atoms, method=method),
        jobs=tuple(job for job in jobs if find_log(job) is None),
    )


def _as_shipped(unit: RepeatUnit) -> RepeatUnit:
    """Return a unit by the name and in the spelling of its shipped residue, if there is one."""
    typed = shipped_residues("am1bcc").get(unit.canonical_smiles)
    return unit if typed is None else RepeatUnit(typed.unit, typed.smiles)


def _types_path(unit: RepeatUnit, oligomers: Oligomers) -> Path:
    return cache_folder() / f"types-{_cache_key(unit, 'types', oligomers)}.json"


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
    if is_charge_file(method):
        return _user_residue(unit, load_user_charges(method), limit_s=limit_s, say=say)
    charge_method(method)
    shipped = shipped_residues(method).get(unit.canonical_smiles)
    if shipped is not None:
        return shipped
    unit = _as_shipped(unit)
    oligomers = default_oligomers(unit, method=method)
    path = cache_folder() / f"{_cache_key(unit, method, oligomers)}.json"
    kept = kept_residue(unit, path, say=say)
    if kept is not None and not _has_newer_log(path, oligomers, method=method):
        return kept
    need_writable_cache()
    _say_what_comes(unit, oligomers, method=method, say=say)
    try:
        residue = make_residue(unit, oligomers=oligomers, method=method, limit_s=limit_s, say=say)
    except (ProgramError, MissingInputError) as error:
        kind = ProgramError if isinstance(error, ProgramError) else MissingInputError
        raise kind(f"repeat unit {unit.name!r} has no stored residue, and {error}") from None
    _say_what_came(residue, say=say)
    write_residue(path, residue)
    return read_residue(path)


def make_residue(
    unit: RepeatUnit,
    *,
    oligomers: Oligomers,
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
    charge = charge_method(method)
    # What a fit needs beside its charges is made first: it takes seconds, and may be missing.
    typed = _typed_residue(unit, limit_s=limit_s, say=say) if method in CHOICES else None
    molecules = [link(units) for units in oligomers]
    charged, missing = [], []
    for molecule in molecules:
        try:
            charged.append(charge(molecule, limit_s=limit_s, say=say))
        except MissingInputError as error:  # say at once what all of them lack
            missing.append(str(error))
    if missing:
        raise MissingInputError("; ".join(missing))
    atoms, drift_e = cut_residue(
        unit, molecules=molecules, charged=charged, sums_hold=typed is not None
    )
    # One title line, then the sections of all oligomers: a valid frcmod file.
    frcmod = (TITLE, *(line for item in charged for line in item.frcmod.splitlines()[1:]))
    programs = charged[0].programs
    if typed is not None:
        atoms, frcmod = typed_like(atoms, typed.atoms), typed.frcmod
        programs = f"{programs}, types by {typed.programs.partition(',')[0]}"
    return Residue(
        unit=unit.name,
        smiles=unit.smiles,
        method=method,
        charge=unit.charge,
        atoms=atoms,
        drift_e=drift_e,
        oligomers=tuple(Chem.MolToSmiles(Chem.RemoveHs(molecule)) for molecule in molecules),
        programs=f"{programs}, iemhpc {__version__}",
        frcmod=frcmod,
    )


def _typed_residue(unit: RepeatUnit, *, limit_s: float, say: Say) -> Residue:
    """Return the residue that lends a unit its types, which do not depend on the charge method.

    It is the shipped one, else it is typed by antechamber without quantum chemistry; its charges
    mean nothing then.
    """
    shipped = shipped_residues("am1bcc").get(unit.canonical_smiles)
    if shipped is not None and shipped.smiles == unit.smiles:
        return shipped
    oligomers = default_oligomers(unit)
    path = _types_path(unit, oligomers)
    kept = kept_residue(unit, path, say=say)
    if kept is not None and kept.smiles == unit.smiles:  # else its atoms have another order
        return kept
    need_writable_cache()
    molecules = [link(units) for units in oligomers]
    typed = [gaff2_types(molecule, limit_s=limit_s) for molecule in molecules]
    zeros = [replace(item, charges_e=(0.0,) * len(item.types)) for item in typed]
    atoms, drift_e = cut_residue(unit, molecules=molecules, charged=zeros)
    residue = Residue(
        unit=unit.name,
        smiles=unit.smiles,
        method="types",
        charge=unit.charge,
        atoms=atoms,
        drift_e=drift_e,
        oligomers=tuple(Chem.MolToSmiles(Chem.RemoveHs(molecule)) for molecule in molecules),
        programs=f"{typed[0].programs}, iemhpc {__version__}",
        frcmod=(TITLE, *(line for item in typed for line in item.frcmod.splitlines()[1:])),
    )
    write_residue(path, residue)
    return residue


def _user_residue(unit: RepeatUnit, given: UserCharges, *, limit_s: float, say: Say) -> Residue:
    """Return a residue with the user's charges and antechamber's types."""
    shipped = shipped_residues("am1bcc").get(unit.canonical_smiles)
    unit = RepeatUnit(unit.name, shipped.smiles) if shipped is not None else unit
    charges = given.of(unit)
    typed = _typed_residue(unit, limit_s=limit_s, say=say)
    if abs(charges.drift_e) >= SHOWN_E:
        say(f"{unit.name}: a sum that missed its charge by {charges.drift_e:+.4f} e was corrected")
    atoms = []
    rows = zip(typed.atoms, charges.charges_e, charges.hydrogens_e, strict=True)
    for like, charge_e, hydrogen_e in rows:
        # The charge of a hydrogen that caps an end, where the user leaves it out, is like's.
        is_given = bool(like.n_hydrogens or hydrogen_e)
        own_e = hydrogen_e if is_given else like.hydrogen_charge_e
        atoms.append(replace(like, charge_e=charge_e, hydrogen_charge_e=own_e))
    return replace(
        typed,
        unit=unit.name,
        smiles=unit.smiles,
        method="user",
        atoms=tuple(atoms),
        drift_e=charges.drift_e,
        programs=f"{given.source}, types by {typed.programs.partition(',')[0]}",
        file="",
    )


def _has_newer_log(path: Path, oligomers: Oligomers, *, method: str) -> bool:
    """Tell whether a Gaussian log has come since its residue was made."""
    if method != "resp-gaussian":
        return False
    logs = [find_log(gaussian_job(link(units))) for units in oligomers]
    made = path.stat().st_mtime
    return any(log is not None and log.stat().st_mtime > made for log in logs)


def _say_what_comes(unit: RepeatUnit, oligomers: Oligomers, *, method: str, say: Say) -> None:
    n_atoms = max(link(units).GetNumAtoms() for units in oligomers)
    names = " + ".join("-".join(part.name for part in parts) for parts in oligomers)
    minutes = expected_minutes(n_atoms, method=method)
    wait = "" if minutes is None else f", about {max(1, round(minutes))} min"
    say(f"{unit.name}: no residue yet, charging {names} with {method} ({n_atoms} atoms{wait})")


def _say_what_came(residue: Residue, *, say: Say) -> None:
    drift_e = residue.drift_e
    spread = f"; {drift_e:+.3f} e were spread to reach its formal charge"
    say(f"{residue.unit}: charged{spread if abs(drift_e) >= 10 * SHOWN_E else ''}")
    penalties = [float(score) for line in residue.frcmod for score in _PENALTY.findall(line)]
    rough = sum(score > ROUGH_PENALTY for score in penalties)
    if rough:
        say(
            f"{residue.unit}: parmchk2 estimated {rough} terms with a penalty over "
            f"{ROUGH_PENALTY:g}, the worst {max(penalties):g}; parameters.csv has them all"
        )


def _cache_key(unit: RepeatUnit, method: str, oligomers: Oligomers) -> str:
    return content_hash(
        {
            "smiles": unit.canonical_smiles,
            "method": method,
            "choices": CHOICES.get(method, ""),
            "oligomers": [[part.canonical_smiles for part in parts] for parts in oligomers],
            "v": SCHEMA_VERSION,
        }
    )


def make_ion(name: str, smiles: str, *, method: str = "am1bcc", say: Say = quiet) -> Residue:
    """Charge an ion of several atoms without hydrogens, equivalent atoms alike."""
    molecule = Chem.MolFromSmiles(smiles)
    charged = charge_method(method)(molecule, say=say)
    if not charged.types:
        typed = gaff2_types(molecule)
        programs = f"{charged.programs}, types by {typed.programs}"
        charged = replace(typed, charges_e=charged.charges_e, programs=programs)
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
