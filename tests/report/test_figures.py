from xml.etree import ElementTree

import numpy as np
import pandas as pd
import pytest

from iemhpc.report import figures
from iemhpc.report.sections import read_dataset, read_tuning


def ideal_gas(n_blocks: int = 2) -> pd.DataFrame:
    r = np.arange(0.05, 6.0, 0.1)
    volume = 4 / 3 * np.pi * ((r + 0.05) ** 3 - (r - 0.05) ** 3)
    count = np.round(1000 * 20 * 300 * volume * 20.0**-3)
    return pd.concat(
        pd.DataFrame(
            {
                "pair": "counterion_water",
                "block": block,
                "bin": range(len(r)),
                "r_A": r,
                "bin_A": 0.1,
                "count": count,
                "n_frames": 1000,
                "n_reference": 20,
                "n_neighbour": 300,
                "mean_inverse_volume_A3": 20.0**-3,
            }
        )
        for block in range(n_blocks)
    )


def test_an_ideal_gas_has_a_flat_rdf():
    r_A, g = figures.radial_distribution(ideal_gas())
    assert len(r_A) == 60
    np.testing.assert_allclose(g[5:], 1.0, atol=0.01)


def test_a_pair_that_was_never_there_is_zero_not_infinite():
    rdf = ideal_gas().assign(n_neighbour=0)
    assert figures.radial_distribution(rdf)[1].tolist() == [0.0] * 60


def test_a_null_pair_shows_its_reason():
    described = {"counterion_water_reason": "low_counts", "counterion_water_peak_height": None}
    svg = figures.rdf_figure(ideal_gas(), described, name="one")
    assert "null: low_counts" in svg
    assert "no pairs" in svg


def test_the_shell_is_written_beside_the_curve():
    described = {
        "counterion_water_peak_position_A": 2.35,
        "counterion_water_peak_height": 9.4,
        "counterion_water_first_minimum_A": 3.15,
        "counterion_water_coordination_number": 4.84,
    }
    svg = figures.rdf_figure(ideal_gas(), described, name="one")
    assert all(text in svg for text in ("peak 2.35 Å", "shell to 3.15 Å", "4.84 neighbours"))


def draw_all(workspace) -> dict[str, str]:
    tuning = read_tuning(workspace, read_dataset(workspace))
    assert tuning is not None
    assert tuning.curves is not None
    return {
        "parity": figures.parity_figure(tuning.results, name="a parity"),
        "folds": figures.fold_error_figure(tuning.results, name="b folds"),
        "curves": figures.curve_figure(tuning.results, tuning.curves, name="c curves"),
    }


@pytest.fixture(scope="module")
def drawn(full_workspace) -> dict[str, str]:
    return draw_all(full_workspace)


def test_figures_are_xml_with_a_name_and_without_addresses(drawn):
    for svg in drawn.values():
        root = ElementTree.fromstring(svg)
        assert root.attrib["role"] == "img"
        assert root.attrib["aria-label"]
        assert "width" not in root.attrib


def test_ids_of_two_figures_never_meet(drawn):
    ids = []
    for svg in drawn.values():
        ids += [e.attrib["id"] for e in ElementTree.fromstring(svg).iter() if "id" in e.attrib]
    assert len(ids) == len(set(ids))


def test_references_inside_a_figure_point_somewhere(drawn):
    for svg in drawn.values():
        elements = list(ElementTree.fromstring(svg).iter())
        ids = {e.attrib.get("id") for e in elements}
        used = [v for e in elements for k, v in e.attrib.items() if k.endswith("href")]
        assert used
        assert all(reference.removeprefix("#") in ids for reference in used)


def test_the_same_numbers_give_the_same_figure(full_workspace, drawn):
    assert draw_all(full_workspace) == drawn


@pytest.mark.parametrize("name", ["<b>", 'a"b', "a&b"])
def test_names_of_figures_are_escaped(name):
    root = ElementTree.fromstring(figures.rdf_figure(ideal_gas(), {}, name=name))
    assert root.attrib["aria-label"] == name
