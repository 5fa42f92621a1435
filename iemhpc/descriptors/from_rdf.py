"""The descriptors of runs from their stored pair counts, without any trajectory."""

from collections.abc import Mapping

import pandas as pd

from iemhpc.descriptors.plausibility import oxygens_per_counterion
from iemhpc.descriptors.rdf import PairRecord, records_from_rows
from iemhpc.descriptors.shell import ESTIMATOR
from iemhpc.descriptors.uncertainty import PairDescription, describe_pair
from iemhpc.errors import TableError
from iemhpc.tables.descriptors import PAIRS, QUANTITIES

Value = float | int | str | None


def descriptors_from_rdf(rdf: pd.DataFrame) -> list[dict[str, Value]]:
    """Compute the descriptors of all runs of an ``rdf.parquet``.

    Parameters
    ----------
    rdf : DataFrame
        Its rows.

    Returns
    -------
    list of dict
        One a run: ``run_id`` and the columns of ``descriptors.parquet`` that follow from counts.

    Raises
    ------
    TableError
        Where a run lacks a pair, or bins are missing or double.
    """
    return [
        {"run_id": str(run_id), **descriptors_of_run(records_from_rows(rows))}
        for run_id, rows in rdf.groupby("run_id", sort=True)
    ]


def descriptors_of_run(records: Mapping[str, PairRecord]) -> dict[str, Value]:
    """Return the columns of one run that follow from its pair counts.

    Parameters
    ----------
    records : mapping of str to PairRecord
        What is stored of each pair; pairs beyond the three are left alone.
    """
    missing = [pair for pair in PAIRS if pair not in records]
    if missing:
        raise TableError(
            f"pair counts of {', '.join(missing)} are missing, there are those of "
            f"{', '.join(records) or 'none'}; read the trajectory again with: iemhpc descriptors "
            "--fresh"
        )
    found = {pair: describe_record(records[pair]) for pair in PAIRS}
    numbers = {pair: one.shell.coordination_number for pair, one in found.items()}
    oxygens, expected = oxygens_per_counterion(records, numbers)
    first = records[PAIRS[0]].counts
    columns: dict[str, Value] = {
        "n_frames": int(first.n_frames.sum()),
        "oxygens_per_counterion": oxygens,
        "oxygens_per_counterion_expected": expected,
        "site_convention": records[PAIRS[0]].site_convention,
        "bin_A": first.bin_A,
        "r_max_A": round(first.counts.shape[1] * first.bin_A, 6),
        "estimator": ESTIMATOR,
    }
    for pair in PAIRS:
        columns |= _pair_columns(pair, found[pair], records[pair])
    return columns


def describe_record(record: PairRecord) -> PairDescription:
    """Describe a stored pair, of the three or any other."""
    return describe_pair(
        record.counts, fixed_radius_A=record.fixed_radius_A, survival=record.contact_survival
    )


def _pair_columns(pair: str, found: PairDescription, record: PairRecord) -> dict[str, Value]:
    columns: dict[str, Value] = {
        f"{pair}_coordination_number_fixed": found.coordination_number_fixed,
        f"{pair}_coordination_number_fixed_se": found.error_fixed,
        f"{pair}_fixed_radius_A": found.fixed_radius_A,
        f"{pair}_error_kind": found.error_kind,
        f"{pair}_contact_survival": record.contact_survival,
        f"{pair}_reason": found.shell.reason,
        f"{pair}_flags": ",".join(found.shell.flags),
    }
    for quantity in QUANTITIES:
        columns[f"{pair}_{quantity}"] = getattr(found.shell, quantity)
        columns[f"{pair}_{quantity}_se"] = found.errors[quantity]
    return columns
