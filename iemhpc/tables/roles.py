"""What each atom of a run is: the topology that descriptors read."""

import pyarrow as pa

from iemhpc.tables.io import Column, Table

ROLES = ("polymer", "water_oxygen", "water_hydrogen", "counterion", "coion")
"""What an atom can be; a polyatomic ion has the role on all of its atoms."""

ROLE_TABLE = Table(
    name="roles",
    version=1,
    columns=(
        Column("atom_id", pa.int64(), "LAMMPS id, from 1 without gaps"),
        Column("element", pa.string(), "chemical symbol"),
        Column("type", pa.int32(), "LAMMPS atom type, from 1"),
        Column("type_name", pa.string(), "force-field type"),
        Column("charge_e", pa.float64(), "partial charge", "elementary charge"),
        Column("mass_g_mol", pa.float64(), "mass", "g/mol"),
        Column("molecule", pa.int32(), "molecule, from 1"),
        Column("residue", pa.string(), "repeat unit, HOH, or the ion's name"),
        Column("role", pa.string(), f"one of {ROLES}"),
        Column(
            "is_tethered_paper", pa.bool_(), "tethered site: terminal O of sulfonate and sulfate, N"
        ),
        Column("is_tethered_center", pa.bool_(), "tethered site by its centre: S, N"),
    ),
)
