import io
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from matplotlib.image import imread

from iemhpc.errors import ChemistryError, InputError
from iemhpc.saliency.drawing import AtomMap, Picture, draw, glow_colours, picture_path
from iemhpc.workspace import Workspace

POLYMER = "CC(CC(CC(C)c1ccccc1)c1ccccc1)c1ccc(S(=O)(=O)[O-])cc1"


def atom_map(smiles: str, values: np.ndarray) -> AtomMap:
    return AtomMap(smiles=smiles, values=values, agrees=np.ones(len(values), dtype=bool))


def picture(polymer: AtomMap | None = None, title: str = "CR61/NaCl") -> Picture:
    n_atoms = 29
    return Picture(
        polymer=polymer or atom_map(POLYMER, np.linspace(-1, 1, n_atoms)),
        salt=atom_map("[Na+].[Cl-]", np.array([1.0, -1.0])),
        title=title,
        subtitle="graph",
        caption=("method", "bundle 0f3a"),
    )


@pytest.mark.parametrize(("value", "channel"), [(1.0, 0), (-1.0, 2)])
def test_red_raises_and_blue_lowers(value, channel):
    colour = glow_colours(np.ones((1, 1)), np.array([value]), np.array([True]))[0]
    assert np.argmax(colour[:3]) == channel


def test_crowded_atoms_are_no_redder_than_one():
    agrees = np.ones(9, dtype=bool)
    one = glow_colours(np.ones((1, 1)), np.array([0.5]), agrees[:1])
    many = glow_colours(np.ones((1, 9)), np.full(9, 0.5), agrees)
    np.testing.assert_allclose(one[0, :3], many[0, :3], atol=1e-6)


def test_an_atom_in_doubt_is_grey():
    red, green, blue, _ = glow_colours(np.ones((1, 1)), np.array([1.0]), np.array([False]))[0]
    assert red == pytest.approx(green, abs=1e-6)
    assert green == pytest.approx(blue, abs=1e-6)


def test_far_from_all_atoms_nothing_shines():
    colour = glow_colours(np.zeros((1, 2)), np.array([1.0, 1.0]), np.array([True, True]))
    assert colour[0, 3] == pytest.approx(0.0, abs=1e-9)


def test_the_png_shows_red_blue_and_black():
    png, _ = draw(picture())
    pixels = imread(io.BytesIO(png))[..., :3].reshape(-1, 3)
    assert (pixels.max(axis=1) < 0.1).any()
    assert (pixels[:, 0] - pixels[:, 2] > 0.4).any()
    assert (pixels[:, 2] - pixels[:, 0] > 0.4).any()


def test_the_svg_is_xml_with_the_structure_in_it():
    _, svg = draw(picture(title='a"<b>&'))
    root = ElementTree.fromstring(svg)
    assert root.attrib["aria-label"] == "Saliency of a  b  , graph"
    assert sum("bond-" in (element.get("class") or "") for element in root.iter()) >= 31


def test_the_same_picture_is_the_same_file():
    assert draw(picture()) == draw(picture())


def test_a_value_too_many_is_refused():
    with pytest.raises(InputError, match=r"got 30 values and 30 signs for 29 atoms"):
        draw(picture(atom_map(POLYMER, np.zeros(30))))


def test_values_that_were_not_scaled_are_refused():
    with pytest.raises(InputError, match=r"values reach 2, wanted -1 to 1; divide"):
        draw(picture(atom_map(POLYMER, np.full(29, 2.0))))


def test_a_smiles_that_does_not_parse_is_refused():
    with pytest.raises(ChemistryError, match=r"'C1CC' does not parse; remake it"):
        draw(picture(atom_map("C1CC", np.zeros(3))))


def test_two_names_never_share_a_picture() -> None:
    names = ("A b/NaCl", "A_b/NaCl", "x" * 300 + "/NaCl", "x" * 301 + "/NaCl")
    paths = {picture_path(Workspace(Path("w")), "graph", name).name for name in names}
    assert len(paths) == 4
    assert all(len(path) < 120 for path in paths)
