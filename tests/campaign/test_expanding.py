"""A file multiplies out into runs, the important first; what is said twice is refused."""

from pathlib import Path
from typing import Any

import pytest

from iemhpc.campaign import HowToSubmit, Planned, plan_campaign, submit_campaign
from iemhpc.errors import InputError
from iemhpc.settings.campaign import make_campaign
from iemhpc.settings.targets import load_campaign
from iemhpc.workspace import Workspace

CR61 = {"membrane": "CR61", "salts": ["NaCl"], "salt_molar": [1.0]}
NAFION = {"membrane": "Nafion", "salts": ["NaCl"], "salt_molar": [1.0]}
SMALL = {"box_A": 24.0, "protocol": "test", "replicas": 1}


def planned_of(*systems: dict[str, Any], **settings: Any) -> list[Planned]:
    values = SMALL | settings | {"systems": list(systems)}
    return list(plan_campaign(make_campaign(values, where="here"))[0])


def test_every_setting_that_is_a_list_multiplies_the_runs() -> None:
    planned = planned_of(
        CR61
        | {"salts": ["NaCl", "KCl"], "salt_molar": [0.0, 1.0, 2.0], "water_per_site": [18, 22]},
        force_field=["gaff2", "oplsaa"],
        replicas=2,
    )
    assert len(planned) == 2 * 3 * 2 * 2 * 2
    assert len({one.run_id for one in planned}) == len(planned)
    kinds = {(one.plan.physics["force_field"], one.plan.physics["charges"]) for one in planned}
    assert kinds == {("gaff2", "am1bcc"), ("oplsaa", "opls")}


def test_of_several_charges_each_force_field_takes_its_own() -> None:
    planned = planned_of(CR61, force_field=["gaff2", "oplsaa"], charges=["am1bcc", "opls"])
    kinds = [(one.plan.physics["force_field"], one.plan.physics["charges"]) for one in planned]
    assert kinds == [("gaff2", "am1bcc"), ("oplsaa", "opls")]


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"charges": ["am1bcc", "opls"]}, "charges 'opls' do not belong to gaff2"),
        (
            {"force_field": ["gaff2", "oplsaa"], "charges": ["am1bcc", "resp"]},
            "none of the charges am1bcc, resp belongs to oplsaa; add one that does",
        ),
        (
            {"force_field": ["gaff2", "oplsaa"], "charges": "am1bcc"},
            "charges 'am1bcc' do not belong to oplsaa",
        ),
        ({"force_field": ["gaff2", "gaf"]}, "unknown force field 'gaf'; did you mean 'gaff2'"),
    ],
)
def test_charges_and_force_fields_that_do_not_fit_are_refused(
    settings: dict[str, Any], says: str
) -> None:
    with pytest.raises(InputError) as raised:
        planned_of(CR61, **settings)
    assert says in str(raised.value)


def test_blocks_have_their_own_boxes_fields_and_replicas() -> None:
    planned = planned_of(CR61, NAFION | {"box_A": 30, "force_field": "oplsaa", "replicas": 2})
    rows = [
        (
            one.plan.physics["membrane"],
            one.plan.physics["force_field"],
            one.composition.wanted_box_A,
            one.plan.physics["seed"],
        )
        for one in planned
    ]
    assert rows == [
        ("CR61", "gaff2", 24.0, 1),
        ("Nafion", "oplsaa", 30.0, 1),
        ("Nafion", "oplsaa", 30.0, 2),
    ]


def test_what_matters_most_comes_first() -> None:
    molars = [0.5, 0.0, 3.0, 2.0]
    planned = planned_of(CR61 | {"salt_molar": molars}, NAFION | {"salt_molar": molars}, replicas=2)
    order = [(p.plan.physics["seed"], p.plan.physics["membrane"], p.wanted[0]) for p in planned]
    first = [
        *(("CR61", 0.0), ("Nafion", 0.0)),
        *(("CR61", 3.0), ("Nafion", 3.0)),
        *(("CR61", 0.5), ("CR61", 2.0), ("Nafion", 0.5), ("Nafion", 2.0)),
    ]
    assert order == [(seed, *point) for seed in (1, 2) for point in first]


def test_points_of_several_blocks_that_round_to_one_box_share_a_run() -> None:
    planned = planned_of(CR61 | {"salt_molar": 0.9}, CR61 | {"salt_molar": 1.0})
    assert [one.wanted for one in planned] == [(0.9, 1.0)]


def test_more_replicas_and_another_salt_only_add_runs() -> None:
    before = planned_of(CR61)
    more = planned_of(CR61 | {"salts": ["NaCl", "KCl"]}, replicas=2)
    assert {one.run_id for one in before} < {one.run_id for one in more}
    assert len(more) == 4


@pytest.mark.parametrize(
    ("systems", "says"),
    [
        ([CR61, NAFION, CR61], "CR61/NaCl at 1 mol/L is asked for 2 times, in [[systems]] blocks"),
        ([CR61, CR61 | {"membrane": "cr61"}], "in [[systems]] blocks 1 and 2; say each point once"),
        ([CR61 | {"salt_molar": [1, 2, 1.0]}], "at 1 mol/L is asked for 2 times, in [[systems]]"),
        ([CR61 | {"salts": ["NaCl", "NaCl"]}], "in [[systems]] block 1; say each point once"),
        ([CR61, CR61 | {"water_per_site": 21.0}], "CR61/NaCl at 1 mol/L is asked for 2 times"),
        (
            [CR61 | {"salt_molar": [1, 2]}, CR61 | {"salt_molar": [1, 2], "replicas": 3}],
            "CR61/NaCl at 1, 2 mol/L is asked for 2 times",
        ),
    ],
)
def test_points_that_are_said_twice_are_refused(systems: list[dict[str, Any]], says: str) -> None:
    with pytest.raises(InputError) as raised:
        planned_of(*systems)
    assert says in str(raised.value)


def test_another_box_or_field_is_another_point() -> None:
    planned = planned_of(CR61, CR61 | {"box_A": 30}, CR61 | {"force_field": "oplsaa"})
    assert len(planned) == 3


def test_keys_names_points_and_clusters_that_are_wrong_are_told_together(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    workspace.campaign.write_text(
        'boxA = 24\nforce_field = "gaf"\ncluster = "nowhere"\n'
        '[[systems]]\nmembrane = "CR16"\nsalts = ["NaCL2"]\n'
        '[[systems]]\nmembrane = "CR61"\nsalt = "KBr"\nsalts = ["KBr"]\n'
    )
    with pytest.raises(InputError) as raised:
        submit_campaign(workspace, how=HowToSubmit(build="there", then="tea"))
    for says in (
        "boxA: unknown key; did you mean 'box_A'",
        "[[systems]] block 2: salt: unknown key; did you mean 'salts'",
        "unknown membrane 'CR16'; did you mean 'CR61'",
        "CR16: unknown salt 'NaCL2'",
        "CR61: unknown salt 'KBr'",
        "unknown force field 'gaf'",
        "unknown cluster 'nowhere'",
        "--build: got 'there', wanted here or job",
        "--then: unknown command 'tea'",
    ):
        assert says in str(raised.value)
    assert [path.name for path in tmp_path.iterdir()] == ["campaign.toml"]


def test_unknown_names_are_told_where_every_block_is_bad_each_on_its_line(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    workspace.campaign.write_text(
        'force_field = "gaf"\ncluster = "nowhere"\n'
        '[[systems]]\nsalts = ["NaCl"]\n'
        '[[systems]]\nmembrane = "CR16"\nsalts = ["NaCL2"]\nwater_per_site = 0\n'
    )
    with pytest.raises(InputError) as raised:
        submit_campaign(workspace)
    lines = str(raised.value).splitlines()
    assert len(lines) == 6
    for line, says in zip(
        sorted(line.removeprefix(f"{workspace.campaign}: ") for line in lines),
        (
            "CR16: unknown salt 'NaCL2'",
            "[[systems]] block 1: membrane: missing",
            "[[systems]] block 2: water_per_site: got 0",
            "unknown cluster 'nowhere'",
            "unknown force field 'gaf'; did you mean 'gaff2'?",
            "unknown membrane 'CR16'; did you mean 'CR61'?",
        ),
        strict=True,
    ):
        assert line.startswith(says)
    workspace.campaign.write_text('cluster = "nowhere"\n[[systems]]\nsalts = ["NaCl"]\n')
    with pytest.raises(InputError, match=r"block 1: membrane: missing(.|\n)*unknown cluster 'nowh"):
        submit_campaign(workspace)


def test_an_unknown_cluster_stands_beside_duplicates(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    with pytest.raises(InputError) as raised:
        submit_campaign(workspace, ["CR61", "cr61"], cluster="nowhere")
    assert "unknown cluster 'nowhere'" in str(raised.value)
    assert "is asked for 2 times" in str(raised.value)


def test_a_folder_that_cannot_be_written_is_told_before_a_box_is_built(
    tmp_path: Path, lmp: str
) -> None:
    (tmp_path / "runs").write_text("a file, not a folder")
    said: list[str] = []
    overrides = {"box_A": 24.0, "protocol": "test"}
    with pytest.raises(Exception, match=r"runs cannot be written: .*; choose another folder"):
        submit_campaign(Workspace(tmp_path), ["Nafion"], overrides=overrides, say=said.append)
    assert not any(line.startswith("box ") for line in said)


def test_settings_of_a_file_reach_its_plans(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    workspace.campaign.write_text(
        'box_A = 24\nprotocol = "test"\nreplicas = 1\nforce_field = ["gaff2", "oplsaa"]\n'
        '[[systems]]\nmembrane = "CR61"\nsalts = ["NaCl"]\nsalt_molar = 1.0\n'
    )
    planned, _ = plan_campaign(load_campaign(workspace, (), overrides={}))
    assert [one.plan.physics["force_field"] for one in planned] == ["gaff2", "oplsaa"]
