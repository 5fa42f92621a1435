"""What moves and what sticks in a run: clusters, ion pairs, residence, diffusion; and the curves.

One row a run in ``dynamics.parquet``, one row a point of a curve in ``dynamics_curves.parquet``.
A number that the run cannot show is null, with its reason; the radii and times that it rests on
stand beside it.
"""

import pyarrow as pa

from iemhpc.tables.io import Column, Table

CONTACT_PAIRS = ("tethered_counterion", "counterion_water")
"""Pairs whose contacts are followed."""

MOVERS = ("counterion", "coion", "water")
"""Whose mean-square displacement is measured."""

CLUSTER_NUMBERS = ("number", "mean_size", "weighted_size", "largest_size", "largest_fraction")
"""What is counted of the clusters of water in a frame."""

ION_PAIR_STATES = ("contact", "separated", "free")
"""What a counter-ion can be: at a site, one water away from the next one, or neither."""

DYNAMICS_REASONS = (
    "no_atoms",
    "no_contacts",
    "beyond_box",
    "uneven_frames",
    "frames_too_coarse",
    "run_too_short",
    "outlives_run",
    "not_diffusive",
    "wrapped_coordinates",
    "no_minima",
)
"""Why a number may be null."""

CURVES = tuple(
    f"{pair}_{kind}"
    for pair in CONTACT_PAIRS
    for kind in ("continuous", "tolerant", "intermittent")
) + tuple(f"{mover}_displacement" for mover in MOVERS)
"""Names of the curves."""

_CLUSTER_WHAT = {
    "number": "water clusters in the box, mean over frames",
    "mean_size": "water molecules in a cluster, mean over clusters",
    "weighted_size": "water molecules in the cluster of a water molecule, mean over molecules",
    "largest_size": "water molecules in the largest cluster, mean over frames",
    "largest_fraction": "fraction of the water in the largest cluster, mean over frames",
}
_PAIR_WHAT = {
    "contact": "fraction of counter-ions with a tethered site inside the contact radius",
    "separated": "fraction of counter-ions whose nearest site lies between contact and separated",
    "free": "fraction of counter-ions with no tethered site inside the separated radius",
}


def _number(name: str, what: str, unit: str = "") -> Column:
    return Column(name, pa.float64(), what, unit, True)


def _with_error(name: str, what: str, unit: str, how: str) -> tuple[Column, Column]:
    return _number(name, what, unit), _number(f"{name}_se", f"standard error by {how}", unit)


def _reason(name: str) -> Column:
    what = f"why numbers are null, one of {DYNAMICS_REASONS}"
    return Column(f"{name}_reason", pa.string(), what, "", True)


def _flags(name: str) -> Column:
    what = "not_converged where the error grows with the length of blocks; empty: none"
    return Column(f"{name}_flags", pa.string(), what)


def _cluster_columns() -> tuple[Column, ...]:
    numbers = [
        column
        for name in CLUSTER_NUMBERS
        for column in _with_error(f"water_cluster_{name}", _CLUSTER_WHAT[name], "", "blocks")
    ]
    spans = "fraction of frames in which a cluster meets its own image across the box"
    return (
        *numbers,
        *_with_error("water_cluster_spanning_fraction", spans, "", "blocks"),
        Column("water_cluster_radius_A", pa.float64(), "O-O distance of neighbours", "angstrom"),
        Column("water_cluster_frames", pa.int64(), "frames looked at, evenly spaced"),
        _reason("water_cluster"),
        _flags("water_cluster"),
    )


def _ion_pair_columns() -> tuple[Column, ...]:
    columns: list[Column] = []
    for prefix, where in (("ion_pair", "fixed radii"), ("ion_pair_at_minima", "minima of g(r)")):
        for state in ION_PAIR_STATES:
            what = f"{_PAIR_WHAT[state]} ({where})"
            columns += _with_error(f"{prefix}_{state}_fraction", what, "", "blocks")
        contact, separated = "end of contact: ", "end of solvent-separated: "
        columns += [
            _number(f"{prefix}_contact_radius_A", f"{contact}{where}", "angstrom"),
            _number(f"{prefix}_separated_radius_A", f"{separated}{where}", "angstrom"),
            _reason(prefix),
        ]
    return (*columns, _flags("ion_pair"))


def _contact_columns(pair: str) -> tuple[Column, ...]:
    how = "leaving out ions"
    time = f"{pair}: mean time of a contact that is left for no longer than the tolerance"
    lived = "fraction of the contacts of the first frame that"
    return (
        *_with_error(f"{pair}_residence_ps", f"{time}; exponential fit", "ps", how),
        *_with_error(f"{pair}_residence_integral_ps", f"{time}; integral", "ps", how),
        _number(f"{pair}_contacts_per_ion", f"{pair}: contacts of a counter-ion, mean"),
        _number(f"{pair}_lived_through", f"{pair}: {lived} last the whole run (tolerant)"),
        _number(f"{pair}_present_at_end", f"{pair}: {lived} are there in the last frame"),
        Column(f"{pair}_start_contacts", pa.int64(), f"{pair}: contacts in the first frame"),
        Column(f"{pair}_contact_radius_A", pa.float64(), "end of a contact", "angstrom"),
        _number(f"{pair}_tolerance_ps", "absences up to here do not end a contact", "ps"),
        _reason(f"{pair}_residence"),
    )


def _diffusion_columns(mover: str) -> tuple[Column, ...]:
    unit = "angstrom^2/ps"
    what = f"{mover}: diffusion coefficient, drift removed, box as it is (0.1 = 1e-9 m^2/s)"
    return (
        *_with_error(f"{mover}_diffusion_A2_ps", what, unit, "leaving out particles"),
        _number(f"{mover}_diffusive_exponent", "slope of ln(displacement) by ln(time) in the fit"),
        _number(f"{mover}_fit_from_ps", "begin of the fit", "ps"),
        _number(f"{mover}_fit_to_ps", "end of the fit", "ps"),
        Column(f"{mover}_followed", pa.int64(), f"particles followed, evenly chosen: {mover}"),
        _reason(f"{mover}_diffusion"),
    )


DYNAMICS_TABLE = Table(
    name="dynamics",
    version=1,
    columns=(
        Column("run_id", pa.string(), "name of the run folder"),
        Column("site_convention", pa.string(), "paper (terminal oxygens, N) or center (S, N)"),
        Column("n_frames", pa.int64(), "frames seen"),
        _number("sampled_ps", "simulated time the frames span; null where not known", "ps"),
        _number("frame_ps", "time between frames; null where they are not evenly spaced", "ps"),
        _number("contact_frame_ps", "time between frames in which contacts are looked at", "ps"),
        Column("n_waters", pa.int64(), "water molecules"),
        Column("n_counterions", pa.int64(), "counter-ions"),
        *_cluster_columns(),
        *_ion_pair_columns(),
        *(column for pair in CONTACT_PAIRS for column in _contact_columns(pair)),
        *(column for mover in MOVERS for column in _diffusion_columns(mover)),
        # D(infinite) = D + 2.837297 kT / (6 pi eta L) for a cube (Yeh and Hummer, J. Phys. Chem. B
        # 108, 15873, 2004); the viscosity of the membrane is not known, so D stays as measured
        Column("box_length_A", pa.float64(), "cube root of the mean volume", "angstrom"),
        Column("estimator", pa.string(), "name and version of the estimators"),
        Column("trajectory_hash", pa.string(), "hash of names, sizes and heads of the segments"),
    ),
)

CURVE_TABLE = Table(
    name="dynamics_curves",
    version=1,
    columns=(
        Column("run_id", pa.string(), "name of the run folder"),
        Column("curve", pa.string(), f"one of {CURVES}"),
        Column("lag_ps", pa.float64(), "time between two frames", "ps"),
        Column("value", pa.float64(), "fraction that survives, or displacement^2 in angstrom^2"),
        _number("value_se", "standard error by leaving out particles"),
        Column("n_origins", pa.int64(), "pairs of frames with that lag"),
    ),
)
"""Survival of contacts and mean-square displacements by lag, on lags that grow geometrically."""

INPUTS = tuple(name for name in DYNAMICS_TABLE.names if f"{name}_se" in DYNAMICS_TABLE.names)
"""Numbers that come with an error, which a model may take beside the twelve descriptors."""


def reason_column(name: str) -> str:
    """Return the column that says why a number of this table is null.

    Examples
    --------
    >>> reason_column("ion_pair_at_minima_free_fraction"), reason_column("water_diffusion_A2_ps")
    ('ion_pair_at_minima_reason', 'water_diffusion_reason')
    """
    stems = [one.removesuffix("_reason") for one in DYNAMICS_TABLE.names if one.endswith("_reason")]
    return max((stem for stem in stems if name.startswith(stem)), key=len) + "_reason"
