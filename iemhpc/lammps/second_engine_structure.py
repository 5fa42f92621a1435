"""What the second engine may know of parameters or of a run: atoms, bonds and types, no terms."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from iemhpc.errors import InputError
from iemhpc.forcefield.parameters import Parameters
from iemhpc.lammps.data_file import DataFile
from iemhpc.lammps.second_engine_aqueous import WATER
from iemhpc.lammps.second_engine_openmm import Structure
from iemhpc.tables.io import read_table
from iemhpc.tables.roles import ROLE_TABLE

MOLECULAR_IONS = ("SO4",)
"""Ions of several atoms, which are GAFF2's whatever the polymer's field."""

MOLECULAR = "gaff2 of ions"
"""Field of their types: beside a polymer of GAFF2 the same ones may mix otherwise."""


def structure_of(
    parameters: Parameters,
    positions_A: NDArray[np.float64],
    box_A: NDArray[np.float64] | None,
) -> tuple[Structure, tuple[str, ...]]:
    """Return what the second engine may know of parameters, and the residue of each atom."""
    types = [parameters.atom_types[kind].types[0] for kind in parameters.atom_type.tolist()]
    structure = _structure(
        parameters.elements,
        types,
        parameters.residues,
        force_field=parameters.force_field,
        charges_e=parameters.charges_e,
        bonds=parameters.bonds[:, 1:],
        impropers=parameters.impropers[:, 1:],
        positions_A=positions_A,
        box_A=box_A,
    )
    return structure, parameters.residues


def structure_of_run(
    folder: Path, read: DataFile, force_field: str
) -> tuple[Structure, tuple[str, ...]]:
    """Return the same of a run's folder and the data file read from it.

    Raises
    ------
    InputError
        Where roles.parquet is of other atoms than the data file.
    """
    roles = read_table(folder / "roles.parquet", ROLE_TABLE, made_by="iemhpc md-submit")
    if roles["atom_id"].to_pylist() != read.ids.tolist():
        raise InputError(
            f"{folder}: roles.parquet has {roles.num_rows} atoms, the data file {len(read.ids)}; "
            "they are not of one run, build it again"
        )
    residues = tuple(roles["residue"].to_pylist())
    structure = _structure(
        roles["element"].to_pylist(),
        roles["type_name"].to_pylist(),
        residues,
        force_field=force_field,
        charges_e=read.charges_e,
        bonds=read.bonds[:, 1:] - 1,
        impropers=read.impropers[:, 1:] - 1,
        positions_A=read.positions_A,
        box_A=read.box_A,
    )
    return structure, residues


def _structure(  # noqa: PLR0913  # one for each thing that an engine has to be told
    elements: Sequence[str],
    types: Sequence[str],
    residues: Sequence[str],
    *,
    force_field: str,
    charges_e: NDArray[np.float64],
    bonds: NDArray[np.int64],
    impropers: NDArray[np.int64],
    positions_A: NDArray[np.float64],
    box_A: NDArray[np.float64] | None,
) -> Structure:
    """Tell water, ions and polymer apart by their residues: an unbonded atom is an ion."""
    is_bonded = np.isin(np.arange(len(elements)), bonds)
    fields_, own_types = [], []
    for place, (kind, residue) in enumerate(zip(types, residues, strict=True)):
        if residue == WATER:
            named = ("aqueous", elements[place])
        elif residue in MOLECULAR_IONS:
            named = (MOLECULAR, kind)
        else:
            named = (force_field, kind) if is_bonded[place] else ("aqueous", residue)
        fields_.append(named[0])
        own_types.append(named[1])
    return Structure(
        elements=tuple(elements),
        fields=tuple(fields_),
        types=tuple(own_types),
        charges_e=charges_e,
        bonds=bonds,
        impropers=impropers,
        positions_A=positions_A,
        box_A=box_A,
    )
