"""One row a point: what the model sees and what it should say."""

import pyarrow as pa

from iemhpc.tables.descriptors import DESCRIPTORS
from iemhpc.tables.io import Column, Table

LABEL_KINDS = ("product", "mean", "unknown")
"""gamma_ct^nu_ct gamma_co^nu_co = gamma_pm^nu; gamma_pm; not said."""

LEVELS = ("graph", "graph+conditions", "graph+conditions+md")
"""What the model sees: structure; also salt and water; also the twelve descriptors."""

CONDITIONS = ("salt_molar", "water_per_site")
"""The scalars of the level graph+conditions."""

_LABEL_COLUMNS = (
    Column("system", pa.string(), "polymer/salt"),
    Column("polymer", pa.string(), "name of the polymer"),
    Column("polymer_smiles", pa.string(), "canonical SMILES of the oligomer"),
    Column("salt", pa.string(), "name of the salt"),
    Column("salt_smiles", pa.string(), "canonical SMILES of one formula unit"),
    Column("salt_molar", pa.float64(), "concentration of the outer solution", "mol/L"),
    Column("water_per_site", pa.float64(), "water molecules per tethered charge"),
    Column("label", pa.float64(), "activity coefficient in the membrane"),
    Column("label_kind", pa.string(), f"one of {LABEL_KINDS}"),
    Column("nu", pa.int64(), "ions per formula unit: 2 for 1:1, 3 for 2:1 salts"),
    Column("label_source", pa.string(), "theory, or where it was measured or imported from"),
)
_DESCRIPTOR_COLUMNS = tuple(
    Column(name, pa.float64(), "solvation descriptor, mean of the runs", nullable=True)
    for name in DESCRIPTORS
)

LABEL_TABLE = Table(
    name="labels", version=1, columns=(*_LABEL_COLUMNS, *_DESCRIPTOR_COLUMNS), more_numbers=True
)
"""Labels with the descriptors that came with them, before runs are joined."""

DATASET_TABLE = Table(
    name="dataset",
    version=1,
    columns=(
        *_LABEL_COLUMNS,
        *_DESCRIPTOR_COLUMNS,
        Column(
            "descriptor_source",
            pa.string(),
            "runs, reference (the shipped campaign), imported, or null: none",
            nullable=True,
        ),
        Column("run_ids", pa.string(), "runs averaged, comma separated", nullable=True),
        Column("realised_salt_molar", pa.float64(), "salt in the runs' boxes", "mol/L", True),
        Column("null_reason", pa.string(), "why descriptors are missing", nullable=True),
        Column(
            "descriptor_doubts",
            pa.string(),
            "flags of the descriptors that are there, of any of their runs, by pair; null: none",
            nullable=True,
        ),
    ),
    more_numbers=True,
)
