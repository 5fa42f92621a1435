import tomllib
from pathlib import Path
from typing import Any

import pytest

from iemhpc.errors import InputError, MissingInputError, UnknownNameError
from iemhpc.settings.campaign import CampaignSettings, make_campaign, read_campaign
from iemhpc.settings.first_campaign import COMMENTED_CAMPAIGN, write_campaign
from iemhpc.settings.protocol import PRESETS, protocol_variables
from iemhpc.settings.targets import load_campaign
from iemhpc.workspace import Workspace

ONE = {"systems": [{"membrane": "CR61"}]}


def test_the_campaign_of_init_is_a_campaign_for_a_laptop(tmp_path: Path) -> None:
    path = write_campaign(Workspace(tmp_path / "new"))
    campaign = read_campaign(path)
    runs = sum(len(s.salts) * len(s.salt_molar) for s in campaign.systems) * campaign.replicas
    assert runs <= 3
    assert campaign.box_A <= 30
    assert campaign.cluster == "this-machine"


def test_the_campaign_of_init_names_every_setting_that_a_user_needs() -> None:
    for name in (
        *("box_A", "replicas", "protocol", "production_ns", "cluster", "salt_molar", "min_pairs"),
        *("n_chains", "units_per_chain", "water_per_site", "water_uptake", "salt_inside"),
        *("force_field", "charges", "water_model", "ion_set", "tacticity", "charge_scale"),
    ):
        assert name in COMMENTED_CAMPAIGN


def test_the_commented_lines_of_the_campaign_are_settings_too() -> None:
    head, systems = COMMENTED_CAMPAIGN.split("[[systems]]", maxsplit=1)
    lines = [line.removeprefix("# ") for line in head.splitlines() if " = " in line]
    values = tomllib.loads("\n".join(lines))
    for one, other in (("n_chains", "box_A"), ("box_A", "n_chains")):
        values_of_one = {key: value for key, value in values.items() if key != other}
        assert one in values_of_one
        make_campaign(ONE | values_of_one, where="here")
    assert "# water_uptake = [1.35]" in systems


def test_init_leaves_an_existing_campaign_alone(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    workspace.campaign.write_text("# mine\n")
    with pytest.raises(InputError, match="exists and is left as it is"):
        write_campaign(workspace)
    assert workspace.campaign.read_text() == "# mine\n"


def test_a_missing_campaign_says_what_to_type(tmp_path: Path) -> None:
    with pytest.raises(MissingInputError, match="wanted a campaign: iemhpc init"):
        read_campaign(tmp_path / "campaign.toml")


def test_a_line_that_is_not_toml_is_named(tmp_path: Path) -> None:
    path = tmp_path / "campaign.toml"
    path.write_text("box_A = \n")
    with pytest.raises(InputError, match=r"is not TOML: .*line 1.*mend that line"):
        read_campaign(path)


@pytest.mark.parametrize(
    ("values", "says"),
    [
        (ONE | {"bax_A": 30}, "bax_A: unknown key; did you mean 'box_A'"),
        (
            {"systems": [{"membran": "x"}]},
            "[[systems]] block 1: membran: unknown key; did you mean 'membrane'",
        ),
        ({"systems": [{"membran": "x"}]}, "[[systems]] block 1: membrane: missing"),
        ({}, "systems: missing"),
        (ONE | {"box_A": "wide"}, "box_A: got 'wide'"),
        (ONE | {"box_A": 10}, "box_A: got 10"),
        (ONE | {"protocol": "quik"}, "unknown protocol 'quik'; did you mean 'quick'"),
        (
            ONE | {"protocol_overrides": {"aneal_ps": 1}},
            "unknown protocol variable 'aneal_ps'; did you mean 'anneal_ps'",
        ),
        (ONE | {"protocol_overrides": {"anneal_ps": -1}}, "anneal_ps: got -1, wanted a number"),
        (ONE | {"frame_ps": 0.003}, "frame_ps: got 0.003, wanted a whole number of steps"),
        (ONE | {"protocol": "test", "frame_ps": 5}, "longer than the production"),
        ({"systems": [{"membrane": "x", "salt_molar": [100]}]}, "between 0 and 10"),
        ({"systems": [{"membrane": "x", "water_per_site": 0}]}, "1 to 1000"),
        ({"systems": [{"membrane": "x", "water_uptake": 120}]}, "water_uptake: got 120, wanted gr"),
        (
            {"systems": [{"membrane": "x", "water_uptake": 1, "water_per_site": 9}]},
            "got water_per_site and water_uptake; give one of them",
        ),
        (ONE | {"box_A": 30, "n_chains": 3}, "got box_A = 30 and n_chains = 3: one follows"),
        (ONE | {"charge_scale": 0}, "charge_scale: got 0"),
        (ONE | {"salt_inside": "inside"}, "salt_inside: got 'inside'"),
        (ONE | {"tacticity": "tactic"}, "tacticity: got 'tactic'"),
    ],
)
def test_what_is_wrong_is_said(values: dict[str, Any], says: str) -> None:
    with pytest.raises(InputError, match=r"campaign\.toml: ") as raised:
        make_campaign(values, where="campaign.toml")
    assert says in str(raised.value)


def test_everything_that_is_wrong_is_said_at_once() -> None:
    values: dict[str, Any] = {"systems": [{"membran": "x", "salt_molar": "a"}], "seeed": 1}
    values |= {"protocol": "quik", "protocol_overrides": {"pppm": 2}}
    with pytest.raises(InputError) as raised:
        make_campaign(values, where="here")
    for name in (
        "[[systems]] block 1: membran:",
        "[[systems]] block 1: membrane:",
        "salt_molar",
        "seeed:",
        "'quik'",
        "pppm",
    ):
        assert name in str(raised.value)


def test_single_values_stand_for_lists() -> None:
    system = make_campaign(
        {"systems": [{"membrane": "x", "salts": "NaCl", "salt_molar": 1}]}, where=""
    ).systems[0]
    assert (system.salts, system.salt_molar) == (("NaCl",), (1.0,))


def test_lengths_are_the_protocols_unless_given() -> None:
    campaign = make_campaign(ONE | {"protocol": "demo"}, where="")
    assert campaign.production_ps == PRESETS["demo"].production_ps
    assert make_campaign(ONE | {"production_ns": 2}, where="").production_ps == 2000.0


@pytest.mark.parametrize("name", list(PRESETS))
def test_every_preset_anneals_and_writes_frames(name: str) -> None:
    preset = PRESETS[name]
    assert preset.variables["anneal_K"] == 500.0
    assert preset.variables["anneal_ps"] > 0
    assert preset.production_ps / preset.frame_ps >= 10
    assert isinstance(make_campaign(ONE | {"protocol": name}, where=""), CampaignSettings)


@pytest.mark.parametrize(
    ("name", "value", "wanted"),
    [
        ("density_blocks", 3.0, "a whole number of 4 or more: the density is steady when a"),
        ("density_blocks", 4.5, "a whole number of 4 or more"),
        ("minimize_steps", 0.5, "a whole number of 1 or more"),
        ("cutoff_A", 0.0, "a cut-off in Å, above 0"),
        ("longest_bond_A", 0.0, "a length in Å, above 0"),
        ("pppm", 0.0, "a relative error of the forces, above 0 and below 1"),
        ("pppm", 1.0, "a relative error of the forces, above 0 and below 1"),
        ("density_ps", 0.0, "the length of a block in ps, above 0"),
        ("density_tolerance", -0.1, "a fraction of the density, above 0"),
        ("anneal_K", 0.0, "a temperature above 0 K"),
        ("cool_ps", float("nan"), "a number of 0 or more"),
    ],
)
def test_numbers_of_a_protocol_that_cannot_be_are_refused(
    name: str, value: float, wanted: str
) -> None:
    with pytest.raises(InputError) as raised:
        protocol_variables("quick", {name: value})
    assert f"protocol variable {name}: got {value:g}, wanted {wanted}" in str(raised.value)


def test_every_number_of_a_protocol_that_cannot_be_is_said_at_once() -> None:
    with pytest.raises(InputError, match=r"cutoff_A: got 0, .*; protocol variable pppm: got 2, "):
        protocol_variables("demo", {"cutoff_A": 0.0, "pppm": 2.0})


def test_a_stage_may_be_left_out() -> None:
    assert protocol_variables("demo", {"anneal_ps": 0.0})["anneal_ps"] == 0.0


@pytest.mark.parametrize("targets", [("",), ("CR61", " ")])
def test_an_empty_name_of_a_membrane_is_refused(tmp_path: Path, targets: tuple[str, ...]) -> None:
    with pytest.raises(InputError, match=r"got .*' as membranes to simulate: a name is empty"):
        load_campaign(Workspace(tmp_path), targets, overrides={})


def test_full_compresses_in_larsens_steps_and_the_others_briefly() -> None:
    assert {name: preset.variables["larsen_scale"] for name, preset in PRESETS.items()} == {
        "test": 0.0,
        "demo": 0.0,
        "quick": 0.0,
        "full": 1.0,
    }


def test_unknown_presets_list_the_known_ones() -> None:
    with pytest.raises(UnknownNameError, match="Known: demo, full, quick, test"):
        protocol_variables("none")
