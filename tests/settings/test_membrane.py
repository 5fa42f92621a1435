"""The membrane's TOML: what it may say, and what is answered where it may not."""

import pytest

from iemhpc.errors import InputError
from iemhpc.resources import resource
from iemhpc.settings.membrane import (
    MembraneSettings,
    NetworkSettings,
    UnitSettings,
    read_membrane_settings,
)

GOOD = """
name = "mine"
salts = ["NaCl"]
water_per_site = 10
[[units]]
name = "acrylate"
smiles = "[*]CC([*])C(=O)[O-]"
fraction = 0.4
[[units]]
name = "butadiene"
smiles = "[*]CC=CC[*]"
fraction = 0.6
"""


def written(tmp_path, text):
    path = tmp_path / "mine.toml"
    path.write_text(text)
    return path


def test_shortest_file_has_defaults(tmp_path):
    settings = read_membrane_settings(written(tmp_path, GOOD))
    assert (settings.arrangement, settings.tacticity) == ("random", "atactic")
    assert (settings.c_fix_molar, settings.xi, settings.network) == (None, None, None)


def test_every_field_has_a_description_and_every_number_a_unit():
    numbers = {"water_per_site", "water_uptake", "c_fix_molar", "fraction", "oligomer_count"}
    for model in (MembraneSettings, UnitSettings, NetworkSettings):
        for name, field in model.model_fields.items():
            assert field.description, name
            if name in numbers:
                assert isinstance(field.json_schema_extra, dict)
                assert field.json_schema_extra["unit"]


def test_every_shipped_file_is_read():
    for path in resource("data", "membranes").glob("*.toml"):
        assert read_membrane_settings(path).name == path.stem


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (
            "water_per_site",
            "water_per_sight",
            r"water_per_sight: unknown key; did you mean \'water_per_site\'\?",
        ),
        (
            "fraction = 0.4",
            "fraction = 0.4\nweight = 1",
            "weight: unknown key; .*Known: name, smil",
        ),
        (
            "[[units]]",
            "[network]\ncross = 1\n[[units]]",
            "network.cross: unknown key; did you mean 'crosslinker'",
        ),
        (
            "water_per_site = 10",
            "",
            r"wanted the water of the membrane once: water_per_site \(molecules per",
        ),
        ("fraction = 0.4", "", r"\[\[units\]\] block 1: fraction: missing \(share of this unit"),
        ("[[units]]", "[network]\n[[units]]", r"network.crosslinker: missing \(name of the unit"),
        ("= 10", "= -1", "water_per_site: got -1; Input should be greater than 0"),
        ("= 10", "= inf", "water_per_site: got inf; Input should be a finite number"),
        ("= 10", '= "wet"', "water_per_site: got 'wet'; Input should be a valid number"),
        ("fraction = 0.4", "fraction = 0.5", r"fractions sum to 1\.1, wanted 1; they are acrylate"),
        ('"butadiene"', '"acrylate"', "unit names repeat: acrylate, acrylate; give each its own"),
        ("= 0.4", "= 0.4\noligomer_count = 2", "oligomer_count is given for some units only"),
        ("[[units]]", '[network]\ncrosslinker = "x"\n[[units]]', "'x' is no unit of this polymer"),
        ('"mine"', '"my/membrane"', "name: got 'my/membrane'; String should match pattern"),
        ("= 10", "= 10\nwater_uptake = 0.5", "wanted the water of the membrane once"),
        ("= 0.4", '= 0.4\ntethered_atoms = [1]\ntethered_smarts = "O"', "acrylate has both tether"),
        (
            "= 0.4",
            "= 0.4\ntethered_atoms = [-1]",
            r"tethered_atoms, value 1: got -1; Input should be gre",
        ),
        ('"mine"', '"mine"\ntacticity = "none"', "tacticity: got 'none'; Input should be 'atacti"),
        ("= 10", "=", r"is not TOML: Invalid value .*; mend that line"),
    ],
)
def test_bad_file_is_answered_with_what_got_and_wanted(tmp_path, old, new, message):
    path = written(tmp_path, GOOD.replace(old, new, 1))
    with pytest.raises(InputError, match=message) as error:
        read_membrane_settings(path)
    assert str(path) in str(error.value)
