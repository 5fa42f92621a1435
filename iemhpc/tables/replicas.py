"""The descriptors of a box from all its independent builds: one row a set of replicas."""

import pyarrow as pa

from iemhpc.tables.descriptors import DESCRIPTOR_TABLE, DESCRIPTORS, PAIRS
from iemhpc.tables.io import Column, Table

_UNIT = {column.name: column.unit for column in DESCRIPTOR_TABLE.columns}
NUMBERS = (*DESCRIPTORS, *(f"{pair}_coordination_number_fixed" for pair in PAIRS))
"""What is combined: the twelve, and the coordination numbers at fixed radii."""


def _columns(name: str) -> tuple[Column, ...]:
    return (
        Column(name, pa.float64(), "mean over the builds that have it", _UNIT[name], True),
        Column(
            f"{name}_se",
            pa.float64(),
            "standard error of the mean: from the spread between builds, and no less than the "
            "errors of the runs leave; null: not known",
            _UNIT[name],
            True,
        ),
        Column(
            f"{name}_spread",
            pa.float64(),
            "standard deviation between builds; null of a single one",
            _UNIT[name],
            True,
        ),
        Column(f"{name}_n_builds", pa.int64(), "builds that have it"),
    )


REPLICA_TABLE = Table(
    name="replicas",
    version=1,
    columns=(
        Column("system", pa.string(), "membrane/salt"),
        Column("polymer_hash", pa.string(), "hash of the polymer's units, shares and order"),
        Column("conditions_hash", pa.string(), "hash of all physics but the seed"),
        Column("temperature_K", pa.float64(), "temperature of the production", "K"),
        Column("realised_salt_molar", pa.float64(), "mean over the boxes", "mol/L"),
        Column("run_ids", pa.string(), "the builds, comma separated"),
        Column("n_builds", pa.int64(), "how many"),
        Column("sampled_ps", pa.float64(), "simulated time of all", "ps"),
        *(column for name in NUMBERS for column in _columns(name)),
        *(
            Column(f"{pair}_flags", pa.string(), "doubts of any build, comma separated")
            for pair in PAIRS
        ),
        Column("site_convention", pa.string(), "paper (terminal oxygens, N) or center (S, N)"),
        Column("estimator", pa.string(), "name and version of the shell estimator"),
    ),
)
