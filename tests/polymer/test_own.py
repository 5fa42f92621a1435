"""A polymer said on the command line is the polymer of the TOML that says the same."""

from pathlib import Path

import pytest

from iemhpc.errors import ChemistryError, InputError
from iemhpc.polymer.catalog import as_membrane, load_membrane
from iemhpc.polymer.oligomer import oligomer
from iemhpc.polymer.own import own_membrane, own_targets, split_name, split_unit

ACRYLATE, ESTER = "[*]CC([*])C(=O)[O-]", "[*]CC([*])C(=O)OC"
LINKER = "[*]CC([*])C(=O)OCCOC(=O)C([*])C[*]"
WET = {"salts": ["NaCl"], "water_per_site": 20.0}

TOML = Path(__file__).with_name("mine.toml").read_text(encoding="utf-8")


@pytest.mark.parametrize("arrangement", ["random", "block", "alternating"])
@pytest.mark.parametrize(("sites", "tethered"), [("", None), ("tethered_atoms = [2]", "C(=O)[O-]")])
def test_a_toml_and_the_command_line_make_the_same_polymer(
    tmp_path: Path, arrangement: str, sites: str, tethered: str | None
) -> None:
    path = tmp_path / "mine.toml"
    acid = f'smiles = "{ACRYLATE}"\n'
    assert acid in TOML
    text = TOML.replace('"random"', f'"{arrangement}"').replace(acid, f"{acid}{sites}\n")
    path.write_text(text)
    written = load_membrane(path)
    said = as_membrane(
        own_membrane(
            [f"{ACRYLATE}:0.4", f"{ESTER}:0.4"],
            crosslinker=f"{LINKER}:0.2",
            arrangement=arrangement,
            name="mine",
            tethered=tethered,
            **WET,
        )
    )
    assert said.polymer.hash == written.polymer.hash
    assert oligomer(said.polymer).smiles == oligomer(written.polymer).smiles
    assert said.polymer.fractions == written.polymer.fractions
    assert (said.topology, said.water_per_site) == (written.topology, written.water_per_site)


def test_units_of_the_catalogue_keep_their_names() -> None:
    settings = own_membrane(
        ["O=S(=O)([O-])c1ccc(cc1)C([*])C[*]:0.3", "[*]CC([*])c1ccccc1:0.7"], **WET
    )
    assert [unit.name for unit in settings.units] == ["styrenesulfonate", "styrene"]


@pytest.mark.parametrize(
    ("text", "name", "smiles"),
    [
        (f"acid={ACRYLATE}", "acid", ACRYLATE),
        ("my acid-2 = [*]CC([*])C#N", "my acid-2", "[*]CC([*])C#N"),
        ("C=[*]CC[*]", "C", "[*]CC[*]"),
        ("C=C([*])C[*]", None, "C=C([*])C[*]"),
        ("O=C(OC)C([*])C[*]", None, "O=C(OC)C([*])C[*]"),
        ("O=C(OC)C([*])C[", None, "O=C(OC)C([*])C["),
        ("acid=[*]CC([*]", "acid", "[*]CC([*]"),
        (ACRYLATE, None, ACRYLATE),
    ],
)
def test_a_name_stands_before_the_smiles_and_double_bonds_are_no_names(
    text: str, name: str | None, smiles: str
) -> None:
    assert split_name(text) == (name, smiles)


def test_a_name_that_is_said_wins_over_the_catalogues() -> None:
    settings = own_membrane([f"acid={ACRYLATE}:0.3", "mine=[*]CC([*])c1ccccc1:0.7"], **WET)
    assert [unit.name for unit in settings.units] == ["acid", "mine"]
    plain = own_membrane([f"{ACRYLATE}:0.3", "[*]CC([*])c1ccccc1:0.7"], **WET)
    assert settings.name == plain.name, "names do not make another polymer"


def test_a_polymer_without_a_name_is_named_by_what_it_is() -> None:
    names = {own_membrane([f"{ACRYLATE}:{x}", f"{ESTER}:{1 - x}"], **WET).name for x in (0.4, 0.5)}
    assert len(names) == 2
    assert all(name.startswith("own-") for name in names)


def test_numbered_attachment_points_are_split_at_the_last_colon() -> None:
    assert split_unit("[*:2]CC([*:1])C:1") == ("[*:2]CC([*:1])C", 1.0)


@pytest.mark.parametrize("text", ["[*:1]CC[*:2]", "[*]CC[*]", "[*]CC[*]:0", "[*]CC[*]:1.2", ":0.5"])
def test_a_unit_without_its_fraction_says_how_to_write_it(text: str) -> None:
    with pytest.raises(InputError, match=r"--unit: got .*, wanted SMILES:fraction with a fraction"):
        split_unit(text)


def test_everything_that_is_wrong_is_said_at_once() -> None:
    with pytest.raises(InputError) as error:
        own_membrane(["CC([*])C:0.5", "[*]CC([*])C[*]:0.2", "x:a"], crosslinker="y", name="cr61")
    for said in (
        "1 attachment points",
        "3 attachment points",
        "--unit: got 'x:a'",
        "--crosslinker: got 'y'",
        "--name: cr61 is a membrane of the catalogue",
        "add --salt NaCl",
        "add --water-per-site 20, or --water-uptake 0.5",
    ):
        assert said in str(error.value)


@pytest.mark.parametrize(
    ("units", "more", "message"),
    [
        ([f"{ACRYLATE}:0.4", f"{ESTER}:0.4"], {}, "the unit fractions sum to 0.8, wanted 1; they"),
        (
            [f"{ACRYLATE}:0.4", f"{ESTER}:0.6"],
            {"arrangement": "dendritic"},
            "arrangement: got 'den",
        ),
        ([f"{ACRYLATE}:0.4", f"{ACRYLATE}:0.6"], {"name": "a b"}, "name: got 'a b'"),
        ([f"{ACRYLATE}:0.4", f"{ESTER}:0.6"], {"water_uptake": 1.0}, "water of the membrane once"),
        ([f"{ACRYLATE}:0.4", f"{LINKER}:0.6"], {}, "has 4 attachment points; the cross-linker"),
        (
            [f"{ACRYLATE}:0.4"],
            {"crosslinker": f"{ESTER}:0.6"},
            "has 2 attachment points; the cross",
        ),
        ([f"{ACRYLATE}:0.4", f"{ESTER}:0.6"], {"tethered": "N"}, "is matched by the SMARTS 'N'"),
        ([f"{ESTER}:1"], {}, "has no tethered charge"),
    ],
)
def test_what_cannot_be_is_answered(units: list[str], more: dict[str, str], message: str) -> None:
    with pytest.raises(InputError, match=message):
        own_membrane(units, **WET, **more)


def test_two_sites_where_one_is_expected_and_none_at_all_are_told() -> None:
    ylide = "[*]CC([*])C(=O)OCC[N+](C)(C)CC(=O)[O-]:0.5"
    with pytest.raises(ChemistryError, match="charges of both signs in one unit") as caught:
        own_membrane([ylide, f"{ESTER}:0.5"], **WET)
    assert "write acids and amines" not in str(caught.value)
    assert "wanted at least one unit with a net charge" in str(caught.value)
    with pytest.raises(ChemistryError, match=r"has 3 tethered sites .* and a charge of -1; wanted"):
        own_membrane([ylide.replace("(C)CC", "(CS(=O)(=O)[O-])CC"), f"{ESTER}:0.5"], **WET)
    with pytest.raises(ChemistryError, match="no known group holds its charge of -1; known are"):
        own_membrane(["[*]CC([*])[O-]:0.5", f"{ESTER}:0.5"], **WET)


def test_targets_stay_what_they_are_without_a_unit() -> None:
    assert own_targets(["CR61"], units=()) == ["CR61"]
    with pytest.raises(
        InputError, match=r"got --crosslinker, --name without --unit: they say a pol"
    ):
        own_targets([], units=(), crosslinker="x", name="y")


@pytest.mark.parametrize("units", [(), (f"{ACRYLATE}:1",)])
def test_an_option_without_a_value_is_refused(units: tuple[str, ...]) -> None:
    with pytest.raises(InputError, match="got nothing for --tethered, --name; give it a value"):
        own_targets([], units=units, tethered="", name="", water_and_salts=(["NaCl"], 20.0, None))


def test_a_second_number_behind_an_option_is_no_membrane() -> None:
    with pytest.raises(InputError, match=r"got 1 as a membrane .* --salt-molar 0.5 --salt-molar 1"):
        own_targets(["1"], units=())


def test_a_target_and_a_unit_are_one_too_many() -> None:
    with pytest.raises(
        InputError, match=r"got CR61 and --unit: a polymer said by its units stands"
    ):
        own_targets(["CR61"], units=[f"{ACRYLATE}:1"])
