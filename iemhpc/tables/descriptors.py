"""The twelve solvation descriptors of a run, with errors, flags, reasons and conventions.

Three pairs, the first named being the reference whose neighbours are counted, times four
quantities.
"""

import pyarrow as pa

from iemhpc.tables.io import Column, Table

PAIRS = ("counterion_water", "tethered_water", "tethered_counterion")
"""Reference and neighbour of each radial distribution function."""

QUANTITIES = ("peak_position_A", "peak_height", "first_minimum_A", "coordination_number")
"""What is read off each of them."""

DESCRIPTORS = tuple(f"{pair}_{quantity}" for pair in PAIRS for quantity in QUANTITIES)
"""The twelve columns, in the order in which a model sees them."""

ERROR_KINDS = ("time", "references")
"""What the standard errors of a pair were made of: blocks of time alone, or groups of reference
atoms too."""

REASONS = ("no_pairs", "no_peak", "no_minimum_in_range", "low_counts", "invalid_input")
"""Why a descriptor may be null; low_counts also where a dip is seen but is not beyond the noise."""

FLAGS = ("plateau", "split_peak", "shallow_minimum", "not_converged", "estimators_disagree")
"""What a descriptor that is not null may suffer from."""

_UNITS = {"peak_position_A": "angstrom", "first_minimum_A": "angstrom"}
_WHAT = {
    "peak_position_A": "position of the first significant maximum of g(r)",
    "peak_height": "g(r) at the first significant maximum",
    "first_minimum_A": "position of the first minimum after that maximum",
    "coordination_number": "mean count of neighbours inside the first minimum, per reference atom",
}


def _pair_columns(pair: str) -> tuple[Column, ...]:
    values = [
        Column(f"{pair}_{q}", pa.float64(), f"{pair}: {_WHAT[q]}", _UNITS.get(q, ""), True)
        for q in QUANTITIES
    ]
    errors = [
        Column(
            f"{pair}_{q}_se",
            pa.float64(),
            f"standard error of {pair}_{q} (jackknife over blocks of time and over groups of "
            "reference atoms, the larger); null where neither differs",
            _UNITS.get(q, ""),
            True,
        )
        for q in QUANTITIES
    ]
    fixed = f"mean count of neighbours of {pair} inside {pair}_fixed_radius_A"
    return (
        *values,
        *errors,
        Column(f"{pair}_coordination_number_fixed", pa.float64(), fixed, "", True),
        Column(
            f"{pair}_fixed_radius_A", pa.float64(), "the radius of the column before", "angstrom"
        ),
        Column(
            f"{pair}_coordination_number_fixed_se",
            pa.float64(),
            f"standard error of {pair}_coordination_number_fixed, in the same way",
            "",
            True,
        ),
        Column(f"{pair}_error_kind", pa.string(), f"what errors are of: {ERROR_KINDS}", "", True),
        Column(
            f"{pair}_contact_survival",
            pa.float64(),
            "share of the contacts of the first frame that lasted the run; null: not followed",
            "",
            True,
        ),
        Column(f"{pair}_reason", pa.string(), f"why values are null, one of {REASONS}", "", True),
        Column(f"{pair}_flags", pa.string(), f"doubts, comma separated, of {FLAGS}; empty: none"),
    )


_PLAN = "; null for a trajectory that no plan describes"

_PLAN_COLUMNS = tuple(
    Column(name, kind, what + _PLAN, unit, True)
    for name, kind, what, unit in (
        ("system", pa.string(), "membrane/salt", ""),
        ("membrane", pa.string(), "membrane of the catalogue or of the user's file", ""),
        ("salt", pa.string(), "salt of the catalogue", ""),
        ("polymer_hash", pa.string(), "hash of the polymer's units, shares and order", ""),
        (
            "conditions_hash",
            pa.string(),
            "hash of all physics but the seed: runs of one are replicas",
            "",
        ),
        ("temperature_K", pa.float64(), "temperature of the production", "K"),
        (
            "salt_molar",
            pa.float64(),
            "concentration of the outer solution, which the box holds in its sorbed water (no "
            "Donnan exclusion, unless its plan says salt_inside = donnan)",
            "mol/L",
        ),
        (
            "realised_salt_molar",
            pa.float64(),
            "what the sorbed water of the box holds, in whole ions",
            "mol/L",
        ),
        (
            "donnan_salt_molar",
            pa.float64(),
            "salt that the sorbed water would hold by Donnan-Manning at that outer concentration",
            "mol/L",
        ),
        ("salt_molar_low", pa.float64(), "wanted concentrations from here ...", "mol/L"),
        ("salt_molar_high", pa.float64(), "... to below here round to this box", "mol/L"),
        ("water_per_site", pa.float64(), "water molecules per tethered charge in the box", ""),
        ("n_sites", pa.int64(), "tethered charges in the box", ""),
        ("n_waters", pa.int64(), "water molecules in the box", ""),
        ("n_counterions", pa.int64(), "counter-ions in the box", ""),
        ("n_coions", pa.int64(), "co-ions in the box", ""),
        ("seed", pa.int64(), "seed of the build: replicas differ by it", ""),
    )
)

DESCRIPTOR_TABLE = Table(
    name="descriptors",
    version=3,
    columns=(
        Column("run_id", pa.string(), "name of the run folder"),
        *_PLAN_COLUMNS,
        Column("n_frames", pa.int64(), "frames counted"),
        Column(
            "sampled_ps",
            pa.float64(),
            "simulated time the frames span; null where nobody knows the time between steps",
            "ps",
            True,
        ),
        *(column for pair in PAIRS for column in _pair_columns(pair)),
        Column(
            "oxygens_per_counterion",
            pa.float64(),
            "waters and site oxygens around a counter-ion, each to its own first minimum; null "
            "where sites are no oxygens or a number is missing",
            "",
            True,
        ),
        Column(
            "oxygens_per_counterion_expected",
            pa.float64(),
            "the same where the numbers are plausible: near bulk hydration; null where not known",
            "",
            True,
        ),
        Column("site_convention", pa.string(), "paper (terminal oxygens, N) or center (S, N)"),
        Column("bin_A", pa.float64(), "width of a bin", "angstrom"),
        Column("r_max_A", pa.float64(), "end of the histograms", "angstrom"),
        Column("estimator", pa.string(), "name and version of the shell estimator"),
        Column("trajectory_hash", pa.string(), "hash of names, sizes and heads of the segments"),
    ),
)
