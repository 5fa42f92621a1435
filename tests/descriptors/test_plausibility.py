import numpy as np
import pytest

from iemhpc.descriptors.pairs import PairCounts
from iemhpc.descriptors.plausibility import doubt, oxygens_per_counterion
from iemhpc.descriptors.rdf import PairRecord
from iemhpc.resources import resource
from iemhpc.tables.descriptors import DESCRIPTOR_TABLE
from iemhpc.tables.io import read_frame


def record(elements: tuple[str, str], n_reference: int) -> PairRecord:
    counts = PairCounts(
        counts=np.zeros((1, 1), int),
        n_frames=np.ones(1, int),
        mean_inverse_volume_A3=np.ones(1),
        n_reference=n_reference,
        n_neighbour=1,
    )
    return PairRecord(counts=counts, elements=elements, fixed_radius_A=3.0, site_convention="paper")


def records(ion: str, site: str, *, n_ions: int, n_sites: int):
    return {
        "counterion_water": record((ion, "O"), n_ions),
        "tethered_counterion": record((site, ion), n_sites),
    }


NUMBERS = {"counterion_water": 4.5, "tethered_counterion": 0.5}


@pytest.mark.parametrize(
    ("ion", "n_ions", "found", "expected"),
    [("Na", 20, 6.0, 6.2), ("Mg", 10, 7.5, 5.9), ("K", 20, 6.0, 7.8), ("Cs", 20, 6.0, None)],
)
def test_contacts_of_three_oxygens_a_site_and_all_charges_of_the_ion_are_added(
    ion, n_ions, found, expected
):
    # twenty sulfonates: CN(ion-water) + n_O z CN(O-ion)
    got = oxygens_per_counterion(records(ion, "O", n_ions=n_ions, n_sites=60), NUMBERS)
    assert got == (pytest.approx(found), expected)


def test_ions_of_salt_share_the_contacts():
    got, _ = oxygens_per_counterion(records("Na", "O", n_ions=25, n_sites=60), NUMBERS)
    assert got == pytest.approx(4.5 + 60 / 25 * 0.5)


def test_sites_without_oxygen_and_missing_numbers_have_no_sum():
    assert oxygens_per_counterion(records("Cl", "N", n_ions=9, n_sites=9), NUMBERS) == (None, None)
    assert oxygens_per_counterion(records("Na", "S", n_ions=9, n_sites=9), NUMBERS) == (None, None)
    of_oxygen = records("Na", "O", n_ions=9, n_sites=27)
    lacking = {**NUMBERS, "tethered_counterion": None}
    assert oxygens_per_counterion(of_oxygen, lacking) == (None, 6.2)
    nobody = records("Na", "O", n_ions=0, n_sites=27)
    assert oxygens_per_counterion(nobody, NUMBERS) == (None, 6.2)


def test_the_cations_of_the_reference_campaign_keep_the_sum():
    path = resource("data", "reference", "descriptors.parquet")
    rows = read_frame(path, DESCRIPTOR_TABLE, made_by="")
    known = rows[rows["oxygens_per_counterion"].notna()]
    assert len(known) >= 12
    doubts = {
        row["system"]: doubt(row["oxygens_per_counterion"], row["oxygens_per_counterion_expected"])
        for row in known.to_dict("records")
    }
    # the oxygens of sulfate, a co-ion, are in no sum
    assert [system for system, said in doubts.items() if said] == ["Nafion/Na2SO4"]
