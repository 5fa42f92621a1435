"""Who is who in a trajectory that was not made here: the file of roles that a user writes.

::

    [roles]
    water_oxygen = { type = 1 }
    counterion   = { element = "Na", molecule = "301-320" }
    tethered     = [{ residue = "SUL", element = "O" }, { index = "0-11" }]
    coion        = "none"

A selector's conditions must all hold; of a list of selectors one. Further roles may have any name
and are counted where a pair names them. ``index`` counts atoms from 0, ``id`` as LAMMPS does.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, field_validator

from iemhpc.descriptors.pairs import PairAtoms
from iemhpc.descriptors.topology import Topology
from iemhpc.errors import InputError
from iemhpc.settings.reading import load_toml, validate_settings

NEEDED = ("water_oxygen", "counterion", "tethered")
"""Roles of the three radial distribution functions; ``"none"`` where a box has no such atom."""
KNOWN = (*NEEDED, "coion", "water_hydrogen")

WHAT = "a file of roles, such as: [roles] water_oxygen = { type = 1 }, counterion = { type = 3 }"
_RANGE = re.compile(r"^\s*\d+\s*(-\s*\d+)?\s*(,\s*\d+\s*(-\s*\d+)?\s*)*$")

Numbers = int | str | list[int | str]


class Selector(BaseModel):
    """Which atoms have a role; at least one condition, and all of them must hold."""

    model_config = ConfigDict(extra="forbid", strict=True)

    type: Numbers | None = Field(None, description="LAMMPS types, numbers or names, or atom names")
    element: str | list[str] | None = Field(None, description="chemical symbols")
    molecule: Numbers | None = Field(None, description='numbers, "1-20" or names of residues')
    residue: str | list[str] | None = Field(None, description="names of residues")
    index: Numbers | None = Field(None, description='atoms counted from 0: 5, "0-19" or a list')
    id: Numbers | None = Field(None, description='atoms counted from 1: 5, "1-20" or a list')


class Conditions(BaseModel):
    """What the box stood for, where the user wants to find it in the table."""

    model_config = ConfigDict(extra="forbid")

    system: str | None = None
    membrane: str | None = None
    salt: str | None = None
    salt_molar: float | None = Field(default=None, ge=0, description="mol/L of the outer solution")
    temperature_K: float | None = Field(default=None, gt=0, description="kelvin")
    water_per_site: float | None = Field(default=None, gt=0, description="water molecules a site")


class RolesFile(BaseModel):
    """The whole file."""

    model_config = ConfigDict(extra="forbid")

    roles: dict[str, list[Selector]] = Field(description="who is who")
    conditions: Conditions = Conditions()

    @field_validator("roles", mode="before")
    @classmethod
    def _as_lists(cls, value: Any) -> Any:
        if not isinstance(value, dict):
            raise ValueError('wanted a table, such as: [roles], counterion = { element = "Na" }')
        return {name: _as_list(str(name), one) for name, one in value.items()}


def _as_list(name: str, value: Any) -> Any:
    if value == "none":
        return []
    if isinstance(value, dict):
        value = [value]
    if not isinstance(value, list) or not value or not all(isinstance(v, dict) for v in value):
        raise ValueError(
            f'{name}: got {value!r}, wanted {{ type = 1 }}, {{ element = "O", residue = "HOH" }}, '
            '{ index = "0-19" }, a list of such, or "none"'
        )
    if not all(value):
        raise ValueError(f"{name}: a selector without a condition; add type, element or index")
    return value


@dataclass(frozen=True, slots=True, kw_only=True)
class Roles:
    """The atoms of each role, as indices from 0 in the order of the trajectory."""

    groups: Mapping[str, NDArray[np.int64]]
    """By role, each rising; empty where the file says none."""
    topology: Topology
    conditions: Mapping[str, Any]
    """What the user says of the box: columns of ``descriptors.parquet``."""

    @property
    def frame(self) -> pd.DataFrame:
        """The columns of ``roles.parquet`` for these atoms; a role of the user is one there.

        Each chosen ion is a molecule by itself: who chose several atoms of one meant them all.
        """
        topology = self.topology
        role = np.full(topology.n_atoms, "polymer", dtype=object)
        for name, atoms in self.groups.items():
            if name != "tethered":
                role[atoms] = name
        molecule = topology.connected
        ions = np.flatnonzero((role == "counterion") | (role == "coion"))
        molecule[ions] = molecule.max(initial=0) + 1 + np.arange(len(ions))
        is_tethered = np.zeros(topology.n_atoms, dtype=bool)
        is_tethered[self.groups["tethered"]] = True
        return pd.DataFrame(
            {
                "atom_id": np.arange(1, topology.n_atoms + 1),
                "element": topology.elements,
                "type": topology.types.astype(np.int32),
                "type_name": topology.type_names,
                "charge_e": topology.charges_e,
                "mass_g_mol": topology.masses_g_mol,
                "molecule": molecule.astype(np.int32),
                "residue": topology.residues,
                "role": role.astype(str),
                "is_tethered_paper": is_tethered,
                "is_tethered_center": is_tethered,
            }
        )


def read_roles_file(path: Path) -> RolesFile:
    """Read the file of roles.

    Raises
    ------
    MissingInputError, InputError
        Where it is missing, no TOML, or a key is unknown.
    """
    values = load_toml(path, what=WHAT, made_by="write it by hand, see docs/descriptors.md")
    return validate_settings(values, RolesFile, where=str(path))


def choose_roles(asked: RolesFile, topology: Topology, *, where: str) -> Roles:
    """Find the atoms of each role.

    Parameters
    ----------
    asked : RolesFile
        What the user wrote.
    topology : Topology
        The atoms, in the order of the trajectory.
    where : str
        The file's name, for messages.

    Raises
    ------
    InputError
        Where a needed role is missing, one selects nothing, or an atom has two.
    """
    _check_names(asked, where=where)
    groups = {
        name: _select(name, selectors, topology, where=where)
        for name, selectors in asked.roles.items()
    }
    _check_overlap(groups, topology, where=where)
    return Roles(
        groups=groups,
        topology=topology,
        conditions=asked.conditions.model_dump(exclude_none=True),
    )


def _check_names(asked: RolesFile, *, where: str) -> None:
    for name in NEEDED:
        if name not in asked.roles:
            others = [other for other in asked.roles if other not in KNOWN]
            near = get_close_matches(name, others, n=1, cutoff=0.6)
            hint = f"did you mean it by {near[0]!r}? " if near else ""
            raise InputError(
                f"{where}: the role {name!r} is missing; {hint}add it under [roles], such as "
                f'{name} = {{ type = 1 }}, or {name} = "none" where the box has no such atom'
            )


def _select(
    name: str, selectors: Sequence[Selector], topology: Topology, *, where: str
) -> NDArray[np.int64]:
    chosen = np.zeros(topology.n_atoms, dtype=bool)
    for selector in selectors:
        mask = np.ones(topology.n_atoms, dtype=bool)
        for key in selector.model_fields_set:
            mask &= _MATCHERS[key](getattr(selector, key), topology, f"{where}: {name}.{key}")
        if not mask.any():
            conditions = selector.model_dump(exclude_unset=True)
            raise InputError(
                f"{where}: {name} = {conditions} selects no atom of {topology.name}; "
                f"{_what_there_is(topology, conditions)}"
            )
        chosen |= mask
    return np.flatnonzero(chosen)


def _what_there_is(topology: Topology, keys: Mapping[str, Any]) -> str:
    there = {
        "type": sorted({f"{t}" + (f" ({n})" if n else "") for t, n in _types(topology)}),
        "element": sorted(set(topology.elements.tolist()) - {""}),
        "residue": sorted(set(topology.residues.tolist()) - {""}),
        "molecule": [f"1 to {topology.molecules.max(initial=0)}"],
        "index": [f"0 to {topology.n_atoms - 1}"],
        "id": [f"{topology.ids[0]} to {topology.ids[-1]}"],
    }
    said = [f"{key}: {', '.join(there[key][:30]) or 'none'}" for key in keys]
    return f"it holds {'; '.join(said)}"


def _types(topology: Topology) -> set[tuple[int, str]]:
    names = topology.type_names.tolist()
    return {(t, n) if t else (0, n) for t, n in zip(topology.types.tolist(), names, strict=True)}


def _listed(value: Any) -> list[int | str]:
    return value if isinstance(value, list) else [value]


def _in_ranges(
    value: Any, numbers: NDArray[np.int64], names: NDArray[np.str_] | None, where: str
) -> NDArray[np.bool_]:
    """Tell which numbers are chosen, or whose names are."""
    chosen = np.zeros(len(numbers), dtype=bool)
    for one in _listed(value):
        if not _RANGE.match(str(one)):
            if names is None or not isinstance(one, str):
                raise InputError(f'{where}: got {one!r}, wanted a number or a range such as "1-20"')
            chosen |= names == one
            continue
        for part in str(one).split(","):
            first, _, last = part.partition("-")
            low, high = int(first), int(last or first)
            if high < low:
                raise InputError(f"{where}: the range {part.strip()!r} runs backwards")
            chosen |= (numbers >= low) & (numbers <= high)
    return chosen


def _match_element(value: Any, topology: Topology, where: str) -> NDArray[np.bool_]:
    wanted = [str(one) for one in _listed(value)]
    if not (topology.elements != "").any():
        raise InputError(
            f"{where}: {topology.name} has no masses from which elements follow; choose by type"
        )
    return np.isin(topology.elements, wanted)


_MATCHERS: dict[str, Callable[[Any, Topology, str], NDArray[np.bool_]]] = {
    "type": lambda value, t, where: _in_ranges(value, t.types, t.type_names, where),
    "element": _match_element,
    "molecule": lambda value, t, where: _in_ranges(value, t.molecules, t.residues, where),
    "residue": lambda value, t, _: np.isin(t.residues, [str(one) for one in _listed(value)]),
    "index": lambda value, t, where: _in_ranges(value, np.arange(t.n_atoms), None, where),
    "id": lambda value, t, where: _in_ranges(value, t.ids, None, where),
}


def _check_overlap(
    groups: Mapping[str, NDArray[np.int64]], topology: Topology, *, where: str
) -> None:
    owner: dict[int, str] = {}
    for name, atoms in groups.items():
        for at in atoms.tolist():
            if at in owner:
                n_shared = len(np.intersect1d(atoms, groups[owner[at]]))
                raise InputError(
                    f"{where}: the roles {owner[at]} and {name} overlap in {n_shared} atoms, the "
                    f"first with id {topology.ids[at]}; an atom has one role: narrow one of them"
                )
            owner[at] = name


def check_not_bonded(atoms: PairAtoms, topology: Topology, *, pair: str) -> None:
    """Refuse a pair whose first peak would be the length of a bond.

    Raises
    ------
    InputError
        Where a reference atom is bonded to a neighbour.
    """
    is_reference = np.zeros(topology.n_atoms, dtype=bool)
    is_neighbour = is_reference.copy()
    is_reference[atoms.reference] = True
    is_neighbour[atoms.neighbour] = True
    first, second = topology.bonds.T
    bonded = (is_reference[first] & is_neighbour[second]) | (
        is_reference[second] & is_neighbour[first]
    )
    if bonded.any():
        at = int(np.argmax(bonded))
        raise InputError(
            f"{pair}: {int(bonded.sum())} bonds join its atoms, the first atoms "
            f"{topology.ids[first[at]]} and {topology.ids[second[at]]}; the first peak of g(r) "
            "would be the bond: choose roles that are not bonded to each other"
        )
