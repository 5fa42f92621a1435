"""What was typed and what a file says become one campaign; all that is wrong is told together."""

from pathlib import Path
from typing import Any

import pytest

from iemhpc.errors import InputError
from iemhpc.settings.campaign import CampaignSettings, make_campaign
from iemhpc.settings.reading import salvage_settings
from iemhpc.settings.targets import ask_campaign, load_campaign
from iemhpc.workspace import Workspace

TEXT = """\
box_A = 24.0
protocol = "test"
[[systems]]
membrane = "CR61"
n_chains = 3
force_field = "oplsaa"
[[systems]]
membrane = "Nafion"
"""


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    (tmp_path / "campaign.toml").write_text(TEXT)
    return Workspace(tmp_path)


def own_settings(campaign: CampaignSettings) -> list[CampaignSettings]:
    return [campaign.of_system(entry) for entry in campaign.systems]


def test_a_block_has_its_own_size_and_force_field_and_else_the_campaigns(
    workspace: Workspace,
) -> None:
    first, second = own_settings(load_campaign(workspace, (), overrides={}))
    assert (first.n_chains, first.edge_A, first.force_field) == (3, None, ("oplsaa",))
    assert (second.n_chains, second.edge_A, second.force_field) == (None, 24.0, ("gaff2",))
    assert [len(one.systems) for one in (first, second)] == [1, 1]


def test_a_blocks_box_replaces_the_campaigns_chains(workspace: Workspace) -> None:
    workspace.campaign.write_text(
        'n_chains = 4\n[[systems]]\nmembrane = "CR61"\nbox_A = 30\nreplicas = 2\nmin_pairs = 3\n'
    )
    (own,) = own_settings(load_campaign(workspace, (), overrides={}))
    assert (own.edge_A, own.n_chains, own.replicas, own.min_pairs) == (30.0, None, 2, 3)


def test_options_win_over_what_a_block_has_for_itself(workspace: Workspace) -> None:
    overrides = {"box_A": 40.0, "force_field": ["gaff2", "oplsaa"], "cores_per_run": 2}
    campaign = load_campaign(workspace, (), overrides=overrides)
    for own in own_settings(campaign):
        assert (own.edge_A, own.force_field) == (40.0, ("gaff2", "oplsaa"))
    assert campaign.cores_per_run == 2


def test_what_is_wrong_is_left_out_and_the_rest_read(workspace: Workspace) -> None:
    workspace.campaign.write_text(
        'boxA = 24\nbox_A = "wide"\nseed = 0\nprotocol = "test"\nframe_ps = 5\n'
        '[[systems]]\nmembran = "x"\n'
        '[[systems]]\nmembrane = "CR61"\nsalt_molar = [1, 100]\n'
        '[[systems]]\nmembrane = "PVAS"\nsalts = [1]\n'
    )
    asked = ask_campaign(workspace, (), overrides={})
    said = "; ".join(asked.problems)
    for part in (
        "boxA: unknown key; did you mean 'box_A'",
        "box_A: got 'wide'",
        "seed: got 0",
        "[[systems]] block 1: membran: unknown key; did you mean 'membrane'",
        "[[systems]] block 1: membrane: missing",
        "salt_molar: got 100, wanted mol/L",
        "[[systems]] block 3: salts, value 1: got 1",
        "frame_ps: got 5, longer than the production",
    ):
        assert part in said
    assert asked.campaign is not None
    assert [entry.membrane for entry in asked.campaign.systems] == ["x", "CR61", "PVAS"]
    assert asked.campaign.protocol == "test"
    with pytest.raises(InputError, match=r"campaign\.toml: .*boxA: unknown key"):
        load_campaign(workspace, (), overrides={})


@pytest.mark.parametrize(
    "values", [{}, {"systems": []}, {"systems": "CR61"}, {"systems": [{"salts": "NaCl"}]}]
)
def test_without_any_system_nothing_is_left(values: dict[str, Any]) -> None:
    campaign, problems = salvage_settings(values, CampaignSettings)
    assert campaign is None
    assert problems
    assert len(problems) == len(set(problems))


def test_values_that_are_right_are_left_as_they_are() -> None:
    values = {"systems": [{"membrane": "CR61"}], "seed": 3}
    campaign, problems = salvage_settings(values, CampaignSettings)
    assert problems == ()
    assert campaign == make_campaign(values, where="here")
    assert values == {"systems": [{"membrane": "CR61"}], "seed": 3}


def test_two_sizes_of_one_block_are_one_too_many() -> None:
    values = {"systems": [{"membrane": "CR61", "box_A": 30, "n_chains": 2}]}
    with pytest.raises(InputError, match="got box_A = 30 and n_chains = 2: one follows from the"):
        make_campaign(values, where="here")


def test_blocks_keep_the_numbers_of_the_file_and_nothing_is_made_up() -> None:
    values = {
        "systems": [
            {"salts": "NaCl"},
            {"membrane": "CR61", "water_per_site": 0},
            {"membrane": "CR61", "water_per_site": 0, "box_A": 1},
        ]
    }
    _, problems = salvage_settings(values, CampaignSettings)
    assert sorted(problem.split(": got")[0].split(" (")[0] for problem in problems) == [
        "[[systems]] block 1: membrane: missing",
        "[[systems]] block 2: water_per_site",
        "[[systems]] block 3: box_A",
        "[[systems]] block 3: water_per_site",
    ]
    _, problems = salvage_settings({"systems": [{"salts": "NaCl"}]}, CampaignSettings)
    assert len(problems) == 1, "that there is no system left is no news"


def test_what_the_file_says_is_the_files_whatever_was_named(workspace: Workspace) -> None:
    workspace.campaign.write_text('boxA = 24\nseed = 0\n[[systems]]\nmembrane = "CR61"\n')
    overrides = {"salt_molar": [100]}
    asked = ask_campaign(workspace, ["Nafion"], overrides=overrides)
    assert asked.problems == (
        f"{workspace.campaign}: seed: got 0; Input should be greater than or equal to 1 (of the "
        "first build)",
        f"{workspace.campaign}: boxA: unknown key; did you mean 'box_A'?",
        "Nafion: [[systems]] block 1: salt_molar: got 100, wanted mol/L between 0 and 10",
    )


@pytest.mark.parametrize("name", ["system", "sistems", "stuff"])
def test_a_campaign_whose_systems_are_misspelt_is_known_by_its_other_keys(
    workspace: Workspace, name: str
) -> None:
    path = workspace.root / "mine.toml"
    path.write_text(TEXT.replace("[[systems]]", f"[[{name}]]"))
    asked = ask_campaign(workspace, [str(path)], overrides={})
    assert asked.is_of_file
    assert any(one.startswith(f"{path}: {name}: unknown key; ") for one in asked.problems)
    assert asked.campaign is not None
    n_read = 0 if name == "stuff" else 2
    assert len(asked.campaign.systems) == n_read, "read as what was meant"
