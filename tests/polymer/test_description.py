"""What a person is shown of a membrane."""

import pytest

from iemhpc.errors import InputError
from iemhpc.polymer.catalog import as_membrane, load_membrane, membrane_names
from iemhpc.polymer.description import catalogue_lines, describe_membrane, draw_membrane
from iemhpc.polymer.own import own_membrane


def test_catalogue_has_a_line_for_each_membrane():
    lines = catalogue_lines()
    assert [line.split()[0] for line in lines[1:]] == list(membrane_names())
    assert "H2O/site" in lines[0]


@pytest.mark.parametrize("name", membrane_names())
def test_description_shows_units_figures_sources_and_doubts(name):
    membrane = load_membrane(name)
    text = "\n".join(describe_membrane(membrane))
    for unit in membrane.polymer.units:
        assert unit.smiles in text
    for note in (*membrane.sources.values(), *membrane.doubts.values()):
        assert note in text
    for shown in ("meq/g dry", "water ", "fixed charge", "oligomer for graphs"):
        assert shown in text


def test_description_of_nafion_gives_its_equivalent_weight():
    text = "\n".join(describe_membrane(load_membrane("nafion")))
    assert "1100.1 g/mol, acid form" in text
    assert "0.891 meq/g dry, Na form" in text


@pytest.mark.parametrize(("suffix", "head"), [(".png", b"\x89PNG"), (".svg", b"<?xml")])
def test_membranes_are_drawn_as_png_and_svg(tmp_path, suffix, head):
    for name in membrane_names():
        path = draw_membrane(load_membrane(name), tmp_path / f"{name}{suffix}")
        assert path.read_bytes().startswith(head)
    assert len(list(tmp_path.iterdir())) == 12


def test_tethered_sites_are_named_and_highlighted(tmp_path):
    sulfonate = load_membrane("CR61")
    assert "tethered: O x3 (atoms " in "\n".join(describe_membrane(sulfonate))
    drawing = draw_membrane(sulfonate, tmp_path / "it.svg").read_text()
    assert drawing.count("<ellipse") == 3


def test_given_sites_say_where_structure_would_put_them():
    settings = own_membrane(
        ["[*]CC([*])C(=O)[O-]:1"], salts=["NaCl"], water_per_site=20.0, tethered="C(=O)[O-]"
    )
    text = "\n".join(describe_membrane(as_membrane(settings)))
    assert "tethered: C x1 (atom 2) of its SMILES, counted from 0 without [*]; as given, by" in text
    assert "they would be 3, 4" in text


def test_drawing_of_another_kind_is_refused(tmp_path):
    with pytest.raises(InputError, match=r"cannot draw CR61 as 'a\.pdf': wanted .* \.png or \.svg"):
        draw_membrane(load_membrane("CR61"), tmp_path / "a.pdf")
    assert not list(tmp_path.iterdir())
