"""Pair counts to rows and back, and the descriptors that follow from the rows alone."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from iemhpc.descriptors.from_rdf import descriptors_from_rdf, descriptors_of_run
from iemhpc.descriptors.pairs import PairCounts
from iemhpc.descriptors.rdf import PairRecord, radial, rdf_rows, records_from_rows
from iemhpc.errors import TableError
from iemhpc.resources import resource
from iemhpc.tables.descriptors import DESCRIPTOR_TABLE, PAIRS
from iemhpc.tables.io import read_frame, write_table
from iemhpc.tables.rdf import RDF_TABLE

N_BINS = 200


def record(seed: int = 1, **changes) -> PairRecord:
    cells = np.random.default_rng(seed).poisson(3.0, size=(6, 4, N_BINS))
    counts = PairCounts(
        counts=cells.sum(axis=1),
        n_frames=np.array([5, 5, 5, 5, 5, 4]),
        mean_inverse_volume_A3=np.linspace(1.0, 1.1, 6) * 1e-4,
        n_reference=9,
        n_neighbour=40,
        group_counts=cells.sum(axis=0),
        group_references=np.array([3, 2, 2, 2]),
    )
    values = {"elements": ("Na", "O"), "fixed_radius_A": 3.2, "site_convention": "center"}
    return PairRecord(counts=counts, **{**values, "contact_survival": 0.25, **changes})


def test_what_is_stored_of_a_pair_comes_back_whole(tmp_path):
    stored = record()
    write_table(tmp_path / "rdf.parquet", RDF_TABLE, rdf_rows("a", "counterion_water", stored))
    rows = read_frame(tmp_path / "rdf.parquet", RDF_TABLE, made_by="")
    found = records_from_rows(rows.sample(frac=1.0, random_state=1))["counterion_water"]
    for name in ("counts", "n_frames", "mean_inverse_volume_A3", "group_counts"):
        np.testing.assert_array_equal(getattr(found.counts, name), getattr(stored.counts, name))
    assert found.counts.group_references.tolist() == [3, 2, 2, 2]
    assert (found.counts.n_reference, found.counts.n_neighbour) == (9, 40)
    assert (found.elements, found.fixed_radius_A) == (("Na", "O"), 3.2)
    assert (found.site_convention, found.contact_survival) == ("center", 0.25)


def test_each_split_holds_every_pair_once_and_gives_the_same_g():
    stored = record()
    rows = rdf_rows("a", "counterion_water", stored)
    time, reference = (rows[rows["split"] == one] for one in ("time", "reference"))
    np.testing.assert_array_equal(
        time.groupby("bin")["count"].sum(), reference.groupby("bin")["count"].sum()
    )
    shells_A3 = 4 / 3 * np.pi * ((rows["r_A"] + 0.025) ** 3 - (rows["r_A"] - 0.025) ** 3)
    sizes = rows["n_frames"] * rows["n_reference"] * rows["n_neighbour"]
    rows["ideal"] = shells_A3 * sizes * rows["mean_inverse_volume_A3"]
    for _, split in rows.groupby("split"):
        sums = split.groupby("bin")[["count", "ideal"]].sum()
        np.testing.assert_allclose(sums["count"] / sums["ideal"], radial(stored.counts).g)


def test_without_a_group_the_rest_is_counted():
    stored = record().counts
    rest = radial(stored, leave_out_group=0)
    np.testing.assert_array_equal(rest.counts, stored.group_counts[1:].sum(axis=0))
    np.testing.assert_allclose(rest.ideal, radial(stored).ideal * 6 / 9)
    assert rest.n_observed == 6 * 29


def test_counts_that_were_not_told_apart_are_stored_and_described_as_such():
    plain = record()
    plain = replace(plain, counts=replace(plain.counts, group_counts=None, group_references=None))
    rows = rdf_rows("a", "counterion_water", plain)
    assert set(rows["split"]) == {"time"}
    assert records_from_rows(rows)["counterion_water"].counts.group_counts is None


def test_no_atoms_are_stored_as_none(tmp_path):
    nobody = record(elements=("", ""), contact_survival=None)
    counts = replace(nobody.counts, n_reference=0, group_counts=np.zeros((0, N_BINS), int))
    counts = replace(counts, counts=counts.counts * 0, group_references=np.zeros(0, int))
    nobody = replace(nobody, counts=counts)
    rows = [rdf_rows("a", pair, nobody) for pair in PAIRS]
    write_table(tmp_path / "rdf.parquet", RDF_TABLE, pd.concat(rows))
    (row,) = descriptors_from_rdf(read_frame(tmp_path / "rdf.parquet", RDF_TABLE, made_by=""))
    assert {row[f"{pair}_reason"] for pair in PAIRS} == {"no_pairs"}
    assert row["counterion_water_coordination_number_fixed"] is None


@pytest.mark.parametrize("split", ["time", "reference"])
def test_a_missing_bin_is_refused(split):
    rows = rdf_rows("a", "counterion_water", record())
    at = rows.index[(rows["split"] == split) & (rows["block"] == 1) & (rows["bin"] == 7)]
    with pytest.raises(TableError, match=f"run a, counterion_water: .* split '{split}'.*--fresh"):
        records_from_rows(rows.drop(at))
    with pytest.raises(TableError, match="every bin of every block once"):
        records_from_rows(pd.concat([rows, rows.loc[at]]))


def test_a_missing_pair_is_refused():
    with pytest.raises(TableError, match="counts of tethered_water, tethered_counterion are miss"):
        descriptors_of_run({"counterion_water": record()})


def test_the_shipped_descriptors_follow_from_the_shipped_counts():
    folder = resource("data", "reference")
    rdf = read_frame(folder / "rdf.parquet", RDF_TABLE, made_by="")
    shipped = read_frame(folder / "descriptors.parquet", DESCRIPTOR_TABLE, made_by="")
    shipped = shipped.set_index("run_id")
    some = shipped.index[:2]
    for row in descriptors_from_rdf(rdf[rdf["run_id"].isin(some)]):
        wanted = shipped.loc[row["run_id"]]
        for name, value in row.items():
            if name == "run_id":
                continue
            if value is None:
                assert pd.isna(wanted[name]), name
            else:
                assert wanted[name] == pytest.approx(value), name


def test_further_pairs_are_stored_beside_the_three_and_left_alone():
    records = {pair: record(number) for number, pair in enumerate((*PAIRS, "coion_water"))}
    rows = pd.concat([rdf_rows("a", pair, one) for pair, one in records.items()])
    assert list(records_from_rows(rows)) == [*PAIRS, "coion_water"]
    (row,) = descriptors_from_rdf(rows)
    assert not any(name.startswith("coion") for name in row)
