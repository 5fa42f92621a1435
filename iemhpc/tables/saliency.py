"""How much each atom raises or lowers the prediction."""

import pyarrow as pa

from iemhpc.tables.io import Column, Table

SALIENCY_TABLE = Table(
    name="saliency",
    version=1,
    columns=(
        Column("bundle", pa.string(), "hash of the model bundle"),
        Column("level", pa.string(), "what the model sees"),
        Column("system", pa.string(), "polymer/salt"),
        Column("polymer", pa.string(), "name of the polymer"),
        Column("salt", pa.string(), "name of the salt"),
        Column("molecule", pa.string(), "polymer or salt"),
        Column("smiles", pa.string(), "canonical SMILES whose atoms are counted"),
        Column("atom", pa.int64(), "atom of that SMILES, from 0"),
        Column("element", pa.string(), "chemical symbol"),
        Column("method", pa.string(), "how it was computed"),
        Column("columns", pa.string(), "feature columns summed: type or all"),
        Column("saliency", pa.float64(), "mean over conditions and models"),
        Column("saliency_scaled", pa.float64(), "the same over the molecule's largest magnitude"),
        Column("spread_conditions", pa.float64(), "standard deviation over the system's points"),
        Column("sign_agreement", pa.float64(), "share of models whose sign is that of the mean"),
        Column("n_models", pa.int64(), "models of the ensemble"),
        Column("n_points", pa.int64(), "points averaged"),
    ),
)
