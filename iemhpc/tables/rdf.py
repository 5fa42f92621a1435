"""Pair counts per bin, and what is needed to make g(r) and the descriptors without the trajectory.

``g(r) = count / (n_frames n_reference n_neighbour v(r) mean_inverse_volume)``, with v(r) the
volume of the bin's shell; a neighbour that is itself a reference atom is not its own neighbour.

The pairs of a run are stored twice, cut in two ways (``split``): by blocks of consecutive frames,
and by groups of reference atoms over all frames. Either cut holds each pair once, so that rows of
one split add up to all pairs. What differs between blocks is what time changes, what differs
between groups is what time did not change: both are errors of a mean.
"""

import pyarrow as pa

from iemhpc.tables.io import Column, Table

SPLITS = ("time", "reference")
"""How the pairs of a run are cut: blocks of frames, groups of reference atoms."""

RDF_TABLE = Table(
    name="rdf",
    version=2,
    columns=(
        Column("run_id", pa.string(), "name of the run folder"),
        Column("pair", pa.string(), "reference_neighbour"),
        Column("split", pa.string(), f"one of {SPLITS}; each holds all pairs once"),
        Column(
            "block", pa.int32(), "block of consecutive frames or group of reference atoms, from 0"
        ),
        Column("bin", pa.int32(), "bin, from 0"),
        Column("r_A", pa.float64(), "centre of the bin", "angstrom"),
        Column("bin_A", pa.float64(), "width of the bin", "angstrom"),
        Column("count", pa.int64(), "pairs found in this bin, over the frames of the block"),
        Column("n_frames", pa.int64(), "frames of the block"),
        Column("n_reference", pa.int64(), "reference atoms of the block"),
        Column("n_neighbour", pa.int64(), "neighbour atoms"),
        Column("mean_inverse_volume_A3", pa.float64(), "mean of 1/V over the block", "angstrom^-3"),
        Column("elements", pa.string(), "of reference and neighbour, as Na-O; empty if no atoms"),
        Column(
            "fixed_radius_A", pa.float64(), "radius of the coordination_number_fixed", "angstrom"
        ),
        Column("site_convention", pa.string(), "paper (terminal oxygens, N) or center (S, N)"),
        Column(
            "contact_survival",
            pa.float64(),
            "share of the contacts of the first frame that lasted the run; null: not followed",
            "",
            True,
        ),
    ),
)
