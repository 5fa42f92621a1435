"""Charges that the user gives: a file with each repeat unit's atoms in the order of its SMILES.

In TOML (JSON has the same keys)::

    [[unit]]
    smiles = "[*]CC([*])S(=O)(=O)[O-]"
    charges = [-0.12, -0.16, 1.24, -0.71, -0.71, -0.71]
    hydrogens = [0.07, 0.03, 0.0, 0.0, 0.0, 0.0]

``charges`` are those of the heavy atoms, attachment points left out; ``hydrogens`` that of each
hydrogen on them (0 without any; a quaternary carbon at which chains end may name that of the
hydrogen that caps it). In CSV each heavy atom is a row: ``smiles,atom,charge_e,hydrogen_charge_e``,
atoms counted from 0.

The charges of a unit must sum to its formal charge within :data:`LIMIT_E`. What is missing is
spread evenly, and equivalent atoms take their mean.
"""

import csv
import io
import json
import math
import tomllib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import fsum
from pathlib import Path
from typing import Any

from rdkit import Chem

from iemhpc.errors import ChemistryError, InputError, MissingInputError
from iemhpc.forcefield.cutting import equivalent_atoms, place_remainder
from iemhpc.polymer.repeat_unit import RepeatUnit, unit_mol
from iemhpc.workspace import file_hash, read_json

LIMIT_E = 0.05
"""Largest deviation of a unit's sum from its formal charge that is taken for rounding."""

COLUMNS = ("smiles", "atom", "charge_e", "hydrogen_charge_e")


@dataclass(frozen=True, slots=True, kw_only=True)
class UnitCharges:
    """The charges of one repeat unit, corrected; atoms in the order of its SMILES."""

    smiles: str
    """The unit with attachment points."""
    charges_e: tuple[float, ...]
    """One a heavy atom, attachment points left out."""
    hydrogens_e: tuple[float, ...]
    """Charge of each hydrogen on that atom; 0 where none was given."""
    drift_e: float
    """Sum as it was written less the formal charge."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UserCharges:
    """All charges of one file."""

    path: Path
    """The file."""
    units: Mapping[str, UnitCharges]
    """By the canonical SMILES of the unit."""

    @property
    def source(self) -> str:
        """File name and the start of its SHA-256."""
        return f"{self.path.name} (SHA-256 {file_hash(self.path, 12)})"

    def of(self, unit: RepeatUnit) -> UnitCharges:
        """Return the charges of a unit, in the order of *its* SMILES, however the file spells it.

        Raises
        ------
        InputError
            Where the file has none; the message holds what to paste.
        """
        self.need([unit])
        given = self.units[unit.canonical_smiles]
        places = _places(unit, RepeatUnit(unit.name, given.smiles))
        return UnitCharges(
            smiles=unit.smiles,
            charges_e=tuple(given.charges_e[place] for place in places),
            hydrogens_e=tuple(given.hydrogens_e[place] for place in places),
            drift_e=given.drift_e,
        )

    def need(self, units: Iterable[RepeatUnit]) -> None:
        """Raise one error for all units that the file lacks, with a template for each."""
        wanted = {unit.canonical_smiles: unit for unit in units}
        lacking = [unit for smiles, unit in wanted.items() if smiles not in self.units]
        if lacking:
            names = ", ".join(unit.name for unit in lacking)
            raise InputError(
                f"{self.path} has no charges for {names}; add, with your numbers for the zeros "
                "(hydrogens: the charge of each on that atom):\n\n"
                + _templates(lacking, self.path.suffix.lower())
            )


def load_user_charges(path: Path | str) -> UserCharges:
    """Read a file of charges: TOML, JSON or CSV by its suffix.

    Raises
    ------
    MissingInputError
        Where there is no such file.
    InputError
        Where it cannot be read, a list has the wrong length, or charges do not sum up.
    """
    path = Path(path)
    if not path.is_file():
        raise MissingInputError(
            f"{path} is not a file; charges are the name of a method or the path of a file"
        )
    units: dict[str, UnitCharges] = {}
    for number, entry in enumerate(_entries(path), start=1):
        unit, given = _checked(entry, where=f"{path}, unit {number}")
        if unit.canonical_smiles in units:
            raise InputError(f"{path} gives {unit.smiles} twice; keep one")
        units[unit.canonical_smiles] = given
    if not units:
        raise InputError(f"{path} has no [[unit]]; each has smiles, charges and hydrogens")
    return UserCharges(path=path, units=units)


def _templates(units: Sequence[RepeatUnit], suffix: str) -> str:
    """Return what a file of that kind needs for units."""
    if suffix == ".csv":
        return "\n".join(",".join(row) for unit in units for row in _template_rows(unit))
    if suffix == ".json":
        entries = [
            {"smiles": unit.smiles, "charges": zeros, "hydrogens": zeros}
            for unit in units
            for zeros in [[0.0] * unit.n_atoms]
        ]
        return ",\n".join(map(json.dumps, entries)) + '\n\nin the list "unit"'
    return "\n\n".join(map(template, units))


def _template_rows(unit: RepeatUnit) -> Iterator[tuple[str, ...]]:
    for place in range(unit.n_atoms):
        yield (unit.smiles, str(place), "0.0", "0.0")


def template(unit: RepeatUnit) -> str:
    """Return what the file needs for a unit, zeros for the charges.

    Examples
    --------
    >>> print(template(RepeatUnit("vinyl alcohol", "[*]CC([*])O")))
    [[unit]]
    # vinyl alcohol, sum 0: C(2 H) C(1 H) O(1 H)
    smiles = "[*]CC([*])O"
    charges = [0.0, 0.0, 0.0]
    hydrogens = [0.0, 0.0, 0.0]
    """
    atoms = _heavy(unit)
    shown = " ".join(f"{atom.GetSymbol()}({atom.GetTotalNumHs()} H)" for atom in atoms)
    zeros = f"[{', '.join(['0.0'] * len(atoms))}]"
    return "\n".join(
        [
            "[[unit]]",
            f"# {unit.name}, sum {unit.charge or 0:+d}: {shown}".replace("+0", "0"),
            f'smiles = "{unit.smiles}"',
            f"charges = {zeros}",
            f"hydrogens = {zeros}",
        ]
    )


def _entries(path: Path) -> Sequence[Mapping[str, Any]]:
    """Return the units of a file as mappings with smiles, charges and hydrogens."""
    suffix = path.suffix.lower()
    try:
        if suffix == ".csv":
            return _from_rows(path)
        if suffix == ".json":
            stored = read_json(path)
        else:
            stored = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InputError(f"{path} cannot be read: {error}") from None
    entries = stored.get("unit", []) if isinstance(stored, dict) else None
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise InputError(f"{path}: unit must be a list of tables, each begun with [[unit]]")
    return entries


def _from_rows(path: Path) -> Sequence[Mapping[str, Any]]:
    reader = csv.DictReader(io.StringIO(path.read_text(encoding="utf-8")))
    if set(COLUMNS) - set(reader.fieldnames or ()):
        raise InputError(
            f"{path} has the columns {', '.join(reader.fieldnames or ['none'])}; wanted: "
            f"{', '.join(COLUMNS)}"
        )
    units: dict[str, dict[str, list[Any]]] = {}
    for number, row in enumerate(reader, start=2):
        unit = units.setdefault(row["smiles"], {"charges": [], "hydrogens": []})
        if row["atom"] != str(len(unit["charges"])):
            raise InputError(
                f"{path}, line {number}: atom {row['atom']!r} of {row['smiles']}, wanted "
                f"{len(unit['charges'])}; count the heavy atoms from 0 in the order of the SMILES"
            )
        for key, column in (("charges", "charge_e"), ("hydrogens", "hydrogen_charge_e")):
            try:
                unit[key].append(float(row[column] or 0.0))
            except ValueError:
                raise InputError(
                    f"{path}, line {number}: {column} is {row[column]!r}, not a number"
                ) from None
    return [{"smiles": smiles, **lists} for smiles, lists in units.items()]


def _checked(entry: Mapping[str, Any], *, where: str) -> tuple[RepeatUnit, UnitCharges]:
    """Check one unit and correct its charges."""
    if unknown := sorted(set(entry) - {"smiles", "charges", "hydrogens", "name"}):
        raise InputError(
            f"{where}: {', '.join(unknown)} is not known; a unit has smiles, charges, hydrogens "
            "and, if you like, a name"
        )
    smiles = entry.get("smiles")
    try:
        unit = RepeatUnit(str(entry.get("name", smiles)), str(smiles))
    except ChemistryError as error:
        raise InputError(f"{where}: {error}") from None
    n_atoms = unit.n_atoms
    charges_e = _numbers(entry, "charges", n_atoms=n_atoms, where=f"{where} ({smiles})")
    hydrogens_e = _numbers(entry, "hydrogens", n_atoms=n_atoms, where=f"{where} ({smiles})")
    return unit, _corrected(unit, charges_e, hydrogens_e, where=f"{where} ({smiles})")


def _numbers(entry: Mapping[str, Any], key: str, *, n_atoms: int, where: str) -> list[float]:
    values = entry.get(key)
    if not isinstance(values, list) or len(values) != n_atoms:
        got = len(values) if isinstance(values, list) else "none"
        raise InputError(
            f"{where}: {key} has {got} numbers, wanted {n_atoms}: one a heavy atom in the order "
            "of the SMILES, attachment points left out"
        )
    for value in values:
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        if not is_number or not math.isfinite(value):
            raise InputError(f"{where}: {key} holds {value!r}, wanted a number")
    return [float(value) for value in values]


def _corrected(
    unit: RepeatUnit, charges_e: list[float], hydrogens_e: list[float], *, where: str
) -> UnitCharges:
    """Make equivalent atoms equal, and the sum exact to the last micro-charge."""
    counts = [atom.GetTotalNumHs() for atom in _heavy(unit)]
    drift_e = _total(charges_e, hydrogens_e, counts) - unit.charge
    if abs(drift_e) > LIMIT_E:
        raise InputError(
            f"{where}: charges sum to {drift_e + unit.charge:+.4f}, the formal charge is "
            f"{unit.charge:+d}; more than {LIMIT_E:g} e is no rounding, so mend the numbers "
            f"(hydrogens count {', '.join(map(str, counts))} times)"
        )
    shift_e = drift_e / sum(1 + count for count in counts)
    labels = equivalent_atoms(unit)
    micro, micro_h = [0] * len(counts), [0] * len(counts)
    for place, label in enumerate(labels):
        alike = [other for other, kind in enumerate(labels) if kind == label]
        mean_e = fsum(charges_e[other] for other in alike) / len(alike)
        mean_h_e = fsum(hydrogens_e[other] for other in alike) / len(alike)
        micro[place] = round((mean_e - shift_e) * 1e6)
        micro_h[place] = round((mean_h_e - (shift_e if counts[place] else 0.0)) * 1e6)
    place_remainder(
        micro, round(unit.charge * 1e6 - _total(micro, micro_h, counts)), classes=labels
    )
    return UnitCharges(
        smiles=unit.smiles,
        charges_e=tuple(q / 1e6 for q in micro),
        hydrogens_e=tuple(q / 1e6 for q in micro_h),
        drift_e=round(drift_e, 6),
    )


def _total(charges: Sequence[float], hydrogens: Sequence[float], counts: Sequence[int]) -> float:
    return fsum((*charges, *(n * q for n, q in zip(counts, hydrogens, strict=True))))


def _heavy(unit: RepeatUnit) -> list[Chem.Atom]:
    return [atom for atom in unit_mol(unit).GetAtoms() if atom.GetAtomicNum()]


def _places(unit: RepeatUnit, given: RepeatUnit) -> list[int]:
    """Return, for each heavy atom of ``unit``, which heavy atom of ``given`` it is."""
    if unit.smiles == given.smiles:
        return list(range(unit.n_atoms))
    mol, other = unit_mol(unit), unit_mol(given)
    match = other.GetSubstructMatch(mol)
    count = {atom.GetIdx(): place for place, atom in enumerate(_heavy(given))}
    return [count[match[atom.GetIdx()]] for atom in _heavy(unit)]
