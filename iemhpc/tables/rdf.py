"""Pair counts per block and bin, and what is needed to make g(r) of them without the trajectory.

``g(r) = count / (n_frames n_reference n_neighbour v(r) mean_inverse_volume)``, with v(r) the
volume of the bin's shell; a neighbour that is itself a reference atom is not its own neighbour.
"""

import pyarrow as pa

from iemhpc.tables.io import Column, Table

RDF_TABLE = Table(
    name="rdf",
    version=1,
    columns=(
        Column("run_id", pa.string(), "name of the run folder"),
        Column("pair", pa.string(), "reference_neighbour"),
        Column("block", pa.int32(), "block of consecutive frames, from 0"),
        Column("bin", pa.int32(), "bin, from 0"),
        Column("r_A", pa.float64(), "centre of the bin", "angstrom"),
        Column("bin_A", pa.float64(), "width of the bin", "angstrom"),
        Column("count", pa.int64(), "pairs found in this bin, over the frames of the block"),
        Column("n_frames", pa.int64(), "frames of the block"),
        Column("n_reference", pa.int64(), "reference atoms"),
        Column("n_neighbour", pa.int64(), "neighbour atoms"),
        Column("mean_inverse_volume_A3", pa.float64(), "mean of 1/V over the block", "angstrom^-3"),
    ),
)
