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
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import lru_cache
from math import fsum
from pathlib import Path

from rdkit import Chem

from iemhpc import __version__
from iemhpc.errors import ForceFieldError, InputError, ProgramError, unknown_name
from iemhpc.forcefield import CHARGE_METHODS
from iemhpc.forcefield.charges import Charged
from iemhpc.polymer.chain import link
from iemhpc.polymer.repeat_unit import RepeatUnit, unit_mol
from iemhpc.progress import Say, quiet
from iemhpc.resources import resource
from iemhpc.workspace import content_hash, read_json, write_json

SCHEMA_VERSION = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class ResidueAtom:
    """One heavy atom of a repeat unit with the hydrogens on it."""

    element: str
    """Chemical symbol."""
    type: str
    """GAFF2 type."""
    charge_e: float
    """Partial charge where all attachment points of the unit are bonded to neighbours."""
    n_hydrogens: int
    """Hydrogens where all attachment points of the unit are bonded to neighbours."""
    hydrogen_type: str | None
    """GAFF2 type of its hydrogens, also of one that caps a chain here; none without any."""
    hydrogen_charge_e: float | None
    """Charge of each of them."""


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
    residues = [
        read_residue(path) for path in sorted(resource("data/charges").glob(f"*.{method}.json"))
    ]
    return {RepeatUnit(item.unit, item.smiles).canonical_smiles: item for item in residues}


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
        frcmod=tuple(line for item in charged for line in item.frcmod.splitlines()),
    )


@dataclass(frozen=True, slots=True)
class _Seen:
    """One unit atom in one copy of the unit, with its hydrogens."""

    type: str
    charge_e: float
    hydrogen_types: tuple[str, ...]
    hydrogen_charges_e: tuple[float, ...]

    @property
    def n_hydrogens(self) -> int:
        return len(self.hydrogen_types)


def cut_residue(
    unit: RepeatUnit, *, molecules: Sequence[Chem.Mol], charged: Sequence[Charged]
) -> tuple[tuple[ResidueAtom, ...], float]:
    """Average the copies of a unit in charged oligomers into one residue.

    Returns
    -------
    tuple of ResidueAtom, float
        The atoms, whose charges sum to the formal charge, and the deviation that was spread.
    """
    copies = [list(_copies(unit, mol, item)) for mol, item in zip(molecules, charged, strict=True)]
    if not copies[0]:
        raise InputError(f"{unit.name}: the first oligomer does not contain the unit")
    n_hydrogens = _filled_hydrogens(unit)
    inner = [c for c in copies[0] if [seen.n_hydrogens for seen in c] == n_hydrogens]
    if inner:
        copies = [inner, *copies]
    classes = equivalent_atoms(unit)
    atoms = []
    for place, hydrogens in enumerate(n_hydrogens):
        alike = [other for other, label in enumerate(classes) if label == classes[place]]
        first = [copy[other] for copy in copies[0] for other in alike]
        later = [copy[other] for some in copies[1:] for copy in some for other in alike]
        uncapped = [seen for seen in first if seen.n_hydrogens == hydrogens]
        charge_e = _mean([_uncapped_charge(seen, hydrogens) for seen in uncapped or first])
        shown = [seen for seen in uncapped if hydrogens] or [
            seen for seen in (*first, *later) if seen.n_hydrogens
        ]
        own = copies[0][0][place]
        atoms.append(
            ResidueAtom(
                element=_heavy_atoms(unit)[place].GetSymbol(),
                type=own.type,
                charge_e=charge_e,
                n_hydrogens=hydrogens,
                hydrogen_type=_one_type(unit, place, shown),
                hydrogen_charge_e=_mean([q for seen in shown for q in seen.hydrogen_charges_e])
                if shown
                else None,
            )
        )
    return _renormalised(atoms, charge=unit.charge, classes=classes)


def equivalent_atoms(unit: RepeatUnit) -> tuple[int, ...]:
    """Return a label for each heavy atom, the same for atoms that resonance or symmetry equate.

    Examples
    --------
    The three oxygens of a sulfonate are one kind, whichever carries the charge in the SMILES.

    >>> labels = equivalent_atoms(RepeatUnit("ethylene sulfonate", "[*]CC([*])S(=O)(=O)[O-]"))
    >>> len(set(labels[3:])), len(set(labels))
    (1, 4)
    """
    mol = Chem.RWMol(Chem.AddHs(unit_mol(unit)))
    for atom in mol.GetAtoms():
        atom.SetFormalCharge(0)
        atom.SetNoImplicit(True)
        atom.SetIsAromatic(False)
    for bond in mol.GetBonds():
        bond.SetBondType(Chem.BondType.SINGLE)
        bond.SetIsAromatic(False)
    mol.UpdatePropertyCache(strict=False)
    ranks = Chem.CanonicalRankAtoms(mol, breakTies=False, includeChirality=False)
    return tuple(ranks[atom.GetIdx()] for atom in _heavy_atoms(unit))


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


def residue_charge(atoms: Sequence[ResidueAtom]) -> float:
    """Return the sum of the charges of heavy atoms and their hydrogens."""
    return fsum(
        charge for a in atoms for charge in (a.charge_e, a.n_hydrogens * (a.hydrogen_charge_e or 0))
    )


def _charge_method(method: str) -> Callable[..., Charged]:
    if method not in CHARGE_METHODS:
        raise unknown_name("charge method", method, CHARGE_METHODS)
    module, _, attribute = CHARGE_METHODS[method].partition(":")
    found: Callable[..., Charged] = getattr(importlib.import_module(module), attribute)
    return found


def _cache_key(unit: RepeatUnit, method: str) -> str:
    return content_hash({"smiles": unit.canonical_smiles, "method": method, "v": SCHEMA_VERSION})


def _heavy_atoms(unit: RepeatUnit) -> list[Chem.Atom]:
    return [atom for atom in unit_mol(unit).GetAtoms() if atom.GetAtomicNum()]


def _filled_hydrogens(unit: RepeatUnit) -> list[int]:
    return [atom.GetTotalNumHs() for atom in _heavy_atoms(unit)]


def _copies(unit: RepeatUnit, molecule: Chem.Mol, charged: Charged) -> Iterator[list[_Seen]]:
    """Yield each copy of the unit in a molecule, atom by atom of the unit."""
    heavy: dict[tuple[int, int], Chem.Atom] = {}
    for atom in molecule.GetAtoms():
        if atom.GetAtomicNum() > 1 and atom.GetProp("unit_name") == unit.name:
            heavy[atom.GetIntProp("unit_index"), atom.GetIntProp("unit_atom")] = atom
    for index in sorted({index for index, _ in heavy}):
        yield [_seen(heavy[index, place], charged) for place in range(unit.n_atoms)]


def _seen(atom: Chem.Atom, charged: Charged) -> _Seen:
    hydrogens = [n.GetIdx() for n in atom.GetNeighbors() if n.GetAtomicNum() == 1]
    return _Seen(
        charged.types[atom.GetIdx()],
        charged.charges_e[atom.GetIdx()],
        tuple(charged.types[h] for h in hydrogens),
        tuple(charged.charges_e[h] for h in hydrogens),
    )


def _uncapped_charge(seen: _Seen, n_hydrogens: int) -> float:
    """Return the charge of an atom after it has taken back what its cap hydrogens took."""
    n_caps = seen.n_hydrogens - n_hydrogens
    return seen.charge_e + (n_caps * _mean(seen.hydrogen_charges_e) if n_caps else 0.0)


def _one_type(unit: RepeatUnit, place: int, shown: Sequence[_Seen]) -> str | None:
    types = {name for seen in shown for name in seen.hydrogen_types}
    if len(types) > 1:
        raise ForceFieldError(
            f"{unit.name}: the hydrogens on atom {place} are typed {', '.join(sorted(types))}; "
            "one residue cannot hold both, so give the oligomer other neighbours"
        )
    return types.pop() if types else None


def _mean(values: Sequence[float]) -> float:
    return fsum(values) / len(values)


def _renormalised(
    atoms: Sequence[ResidueAtom], *, charge: int, classes: Sequence[int]
) -> tuple[tuple[ResidueAtom, ...], float]:
    """Spread the deviation from the formal charge evenly, in whole micro-charges."""
    drift_e = residue_charge(atoms) - charge
    shift_e = drift_e / sum(1 + atom.n_hydrogens for atom in atoms)
    micro = [round((atom.charge_e - shift_e) * 1e6) for atom in atoms]
    micro_h = [
        None
        if atom.hydrogen_charge_e is None
        else round((atom.hydrogen_charge_e - (shift_e if atom.n_hydrogens else 0.0)) * 1e6)
        for atom in atoms
    ]
    total = sum(q + a.n_hydrogens * (h or 0) for a, q, h in zip(atoms, micro, micro_h, strict=True))
    _place_remainder(micro, round(charge * 1e6) - total, classes=classes)
    made = tuple(
        ResidueAtom(
            element=atom.element,
            type=atom.type,
            charge_e=q / 1e6,
            n_hydrogens=atom.n_hydrogens,
            hydrogen_type=atom.hydrogen_type,
            hydrogen_charge_e=None if h is None else h / 1e6,
        )
        for atom, q, h in zip(atoms, micro, micro_h, strict=True)
    )
    return made, round(drift_e, 6)


def _place_remainder(micro: list[int], remainder: int, *, classes: Sequence[int]) -> None:
    """Put the micro-charges left over by rounding on equivalent atoms alike where that divides."""
    groups = [[i for i, label in enumerate(classes) if label == c] for c in dict.fromkeys(classes)]
    groups.sort(key=lambda group: (len(group), -abs(micro[group[0]])))
    group = next((g for g in groups if remainder % len(g) == 0), groups[0][:1])
    for place in group:
        micro[place] += remainder // len(group)


def main(names: Sequence[str]) -> int:
    """Remake the named residues of ``data/charges``, all where none is named."""
    folder = resource("data", "charges")
    recipes = tomllib.loads((folder / "recipes.toml").read_text(encoding="utf-8"))
    units = {name: RepeatUnit(name, recipe["smiles"]) for name, recipe in recipes.items()}
    for name in names or recipes:
        if name not in recipes:
            raise unknown_name("shipped residue", name, recipes)
        oligomers = [[units[part] for part in parts] for parts in recipes[name]["oligomers"]]
        residue = make_residue(units[name], oligomers=oligomers, say=_say)
        path = folder / f"{name}.{residue.method}.json"
        write_residue(path, residue)
        _say(f"{path}: drift {residue.drift_e:+.6f} e, {residue.programs}")
    return 0


def _say(line: str) -> None:
    sys.stderr.write(f"{line}\n")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
