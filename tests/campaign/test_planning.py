"""Plans: each run once, and everything that is wrong at once before anything is written."""

import json
from pathlib import Path
from typing import Any

import pytest

from iemhpc.campaign import HowToSubmit, plan_campaign, submit_campaign
from iemhpc.errors import InputError
from iemhpc.polymer.capacity import ion_exchange_capacity_meq_g
from iemhpc.polymer.catalog import load_membrane
from iemhpc.polymer.own import own_membrane
from iemhpc.polymer.repeat_unit import RepeatUnit
from iemhpc.settings.targets import Targets, load_campaign
from iemhpc.workspace import Workspace

TEXT = """\
box_A = 24.0
replicas = 1
protocol = "test"

[[systems]]
membrane = "CR61"
salts = ["NaCl"]
salt_molar = [0.9, 1.0]
"""

ACRYLATE, ESTER = "[*]CC([*])C(=O)[O-]", "[*]CC([*])C(=O)OC"
LINKER = "[*]CC([*])C(=O)OCCOC(=O)C([*])C[*]"

OWN_TOML = (Path(__file__).parents[1] / "polymer" / "mine.toml").read_text(encoding="utf-8")


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    (tmp_path / "campaign.toml").write_text(TEXT)
    return Workspace(tmp_path)


def planned_of(workspace: Workspace, targets: Targets = (), **overrides: Any) -> list[Any]:
    return list(plan_campaign(load_campaign(workspace, targets, overrides=overrides))[0])


def test_points_that_round_to_one_box_share_a_run(workspace: Workspace) -> None:
    planned, notes = plan_campaign(load_campaign(workspace, (), overrides={}))
    assert [one.wanted for one in planned] == [(0.9, 1.0)]
    assert not any("becomes" in note for note in notes)


def test_many_rounded_concentrations_are_counted_and_few_are_told(workspace: Workspace) -> None:
    dilute = {"salt_molar": [0.01, 0.03, 0.1, 0.3]}
    _, notes = plan_campaign(load_campaign(workspace, ["Nafion"], overrides=dilute))
    (note,) = (note for note in notes if "whole numbers" in note)
    assert note.startswith(
        "whole numbers of ions move 12 of 12 concentrations by over a quarter, 9 of them to no salt"
    )
    few = {"salt": ["NaCl"], "salt_molar": [0.01, 0.03]}
    _, notes = plan_campaign(load_campaign(workspace, ["Nafion"], overrides=few))
    assert sum("rounds to no salt at all" in note for note in notes) == 2


def test_networks_and_chains_are_planned_as_what_they_are(workspace: Workspace) -> None:
    campaign = load_campaign(workspace, ["CR61", "Nafion"], overrides={"salt_molar": [0.3, 1.0]})
    planned, notes = plan_campaign(campaign)
    assert not [note for note in notes if "cross-link" in note]
    said = {
        one.system.membrane.name: (one.plan.physics["topology"], one.plan.request["crosslinker"])
        for one in planned
    }
    assert said == {"CR61": ("network", "divinylbenzene"), "Nafion": ("linear", None)}
    for one in planned:
        assert (one.plan.request["n_crosslinks"] > 0) is (one.system.membrane.name == "CR61")


def test_a_plan_records_what_theory_says_the_membrane_would_hold(workspace: Workspace) -> None:
    campaign = load_campaign(workspace, (), overrides={"salt_molar": [1.0]})
    ((one,), _) = plan_campaign(campaign)
    assert one.plan.request["salt_molar"] == 1.0
    assert one.plan.request["donnan_salt_molar"] == pytest.approx(0.43, abs=0.005)


def test_replicas_differ_by_seed_alone(workspace: Workspace) -> None:
    planned, _ = plan_campaign(load_campaign(workspace, (), overrides={"replicas": 3}))
    physics = [dict(one.plan.physics) for one in planned]
    assert [one.pop("seed") for one in physics] == [1, 2, 3]
    assert physics[0] == physics[1] == physics[2]
    assert len({one.plan.run_id for one in planned}) == 3


def test_the_length_of_the_production_does_not_change_the_run(workspace: Workspace) -> None:
    ids = {
        plan_campaign(load_campaign(workspace, (), overrides=overrides))[0][0].plan.run_id
        for overrides in ({}, {"production_ns": 7.0}, {"frame_ps": 0.2})
    }
    assert len(ids) == 1
    annealed = load_campaign(workspace, (), overrides={"protocol_overrides": {"anneal_ps": 9}})
    assert plan_campaign(annealed)[0][0].plan.run_id not in ids


def test_all_bad_entries_are_named_at_once_and_nothing_is_written(workspace: Workspace) -> None:
    workspace.campaign.write_text(
        TEXT.replace('"CR61"', '"CR16"')
        + '[[systems]]\nmembrane = "Nafion"\nsalts = ["NaCL2", "KBr"]\n'
        + '[[systems]]\nmembrane = "CR61"\nsalts = ["NaCl"]\nwater_per_site = [900]\n'
    )
    with pytest.raises(InputError) as raised:
        submit_campaign(workspace, overrides={"box_A": 20.0})
    for said in ("unknown membrane 'CR16'", "unknown salt 'NaCL2'", "unknown salt 'KBr'"):
        assert said in str(raised.value)
    assert not workspace.runs.exists()


def test_an_unknown_force_field_lists_the_known_ones(workspace: Workspace) -> None:
    with pytest.raises(InputError, match="unknown force field 'gaf2'; did you mean 'gaff2'"):
        submit_campaign(workspace, overrides={"force_field": "gaf2"})


def test_unknown_charges_and_water_stand_with_the_other_bad_entries(workspace: Workspace) -> None:
    with pytest.raises(InputError) as raised:
        submit_campaign(workspace, ["CR16"], overrides={"charges": "am1", "water_model": "tip4p"})
    for said in ("charge method 'am1'", "water model 'tip4p'", "unknown membrane 'CR16'", "am1bcc"):
        assert said in str(raised.value)
    assert not workspace.runs.exists()


def test_a_toml_and_units_on_the_command_line_are_the_same_run(workspace: Workspace) -> None:
    path = workspace.root / "mine.toml"
    path.write_text(OWN_TOML)
    said = own_membrane(
        [f"{ACRYLATE}:0.4", f"{ESTER}:0.4"],
        crosslinker=f"{LINKER}:0.2",
        name="mine",
        salts=["NaCl"],
        water_per_site=20.0,
    )
    (written,) = planned_of(workspace, [str(path)], salt_molar=[1.0])
    (typed,) = planned_of(workspace, said, salt_molar=[1.0])
    assert typed.plan.run_id == written.plan.run_id
    assert typed.plan.physics == written.plan.physics
    assert typed.plan.physics["topology"] == "network"


def test_the_plan_alone_tells_the_polymer(workspace: Workspace) -> None:
    said = own_membrane(
        [f"{ACRYLATE}:0.5", f"{ESTER}:0.5"], salts=["NaCl"], water_per_site=20.0, tethered="C([O-])"
    )
    (one,) = planned_of(workspace, said, salt_molar=[1.0])
    units = one.plan.request["polymer"]["units"]
    assert [(unit["smiles"], unit["fraction"]) for unit in units] == [(ACRYLATE, 0.5), (ESTER, 0.5)]
    assert [unit["tethered_atoms"] for unit in units] == [[2], []]
    json.dumps(dict(one.plan.request))


def test_other_sites_are_another_run(workspace: Workspace) -> None:
    ids = set()
    for tethered in (None, "[O;X1]", "C([O-])"):
        said = own_membrane(
            [f"{ACRYLATE}:0.5", f"{ESTER}:0.5"],
            name="mine",
            salts=["NaCl"],
            water_per_site=20.0,
            tethered=tethered,
        )
        ids.add(planned_of(workspace, said, salt_molar=[1.0])[0].plan.run_id)
    assert len(ids) == 2


def test_defaults_follow_from_force_field_and_water(workspace: Workspace) -> None:
    names = ("force_field", "charges", "water_model", "ion_set", "tacticity", "charge_scale")
    (gaff2,) = planned_of(workspace, salt_molar=[1.0])
    wanted = ("gaff2", "am1bcc", "tip3p", "joung-cheatham", "atactic", 1.0)
    assert tuple(gaff2.plan.physics[name] for name in names) == wanted
    (oplsaa,) = planned_of(
        workspace,
        salt_molar=[1.0],
        force_field="oplsaa",
        water_model="tip3p-charmm",
        tacticity="isotactic",
        charge_scale=0.75,
    )
    wanted = ("oplsaa", "opls", "tip3p-charmm", "charmm", "isotactic", 0.75)
    assert tuple(oplsaa.plan.physics[name] for name in names) == wanted


def _charged(unit: RepeatUnit, shift: float) -> str:
    """Return a unit's charges in a file of one's own: its formal charge and a dipole."""
    charges = [unit.charge + shift, -shift, *[0.0] * (unit.n_atoms - 2)]
    zeros = [0.0] * unit.n_atoms
    return f'[[unit]]\nsmiles = "{unit.smiles}"\ncharges = {charges}\nhydrogens = {zeros}\n'


def test_the_warning_of_an_ion_set_is_told_once_for_all_its_ions_not_again_by_a_box(
    workspace: Workspace,
) -> None:
    chosen = {"ion_set": "aqvist", "salt_molar": [1.0], "box_A": 20.0}
    _, notes = plan_campaign(load_campaign(workspace, (), overrides=chosen))
    assert [note[:24] for note in notes if "SPC" in note] == ["ion set aqvist: Åqvist's"]
    heard: list[str] = []
    submit_campaign(workspace, overrides=chosen, how=HowToSubmit(submit=False), say=heard.append)
    assert len([said for said in heard if "SPC" in said]) == 1


def test_charges_of_ones_own_are_known_by_their_content(workspace: Workspace) -> None:
    path = workspace.root / "mine.toml"
    ids = set()
    units = load_membrane("CR61").polymer.units
    for shift in (0.1, 0.2, 0.1):
        path.write_text("\n".join(_charged(unit, shift) for unit in units))
        (one,) = planned_of(workspace, salt_molar=[1.0], charges=str(path))
        assert one.plan.physics["charges"].startswith("file:")
        assert one.plan.request["charges_file"] == str(path)
        ids.add(one.plan.run_id)
    assert len(ids) == 2


@pytest.mark.parametrize("salt", ["NaCl", "MgCl2"])
def test_water_uptake_is_molecules_per_site_by_the_capacity(
    workspace: Workspace, salt: str
) -> None:
    (one,) = planned_of(workspace, salt_molar=[1.0], salt=[salt], water_uptake=[0.9])
    system = one.system
    capacity = ion_exchange_capacity_meq_g(system.membrane.polymer, system.counterion)
    assert one.composition.wanted_water_per_site == pytest.approx(0.9 / 18.01528 / capacity * 1000)
    assert one.composition.water_uptake_g_g == pytest.approx(0.9, rel=0.05)


def test_a_command_line_water_replaces_the_files(workspace: Workspace) -> None:
    workspace.campaign.write_text(TEXT + "water_per_site = [15]\n")
    (one,) = planned_of(workspace, salt_molar=[1.0], water_uptake=[0.9])
    assert one.composition.wanted_water_per_site == pytest.approx(13.9, abs=0.2)
    with pytest.raises(InputError, match="got water_per_site and water_uptake; give one of them"):
        planned_of(workspace, water_uptake=[0.9], water_per_site=[20])


def test_chains_replace_the_box_of_the_file_and_the_other_way_round(workspace: Workspace) -> None:
    (one,) = planned_of(workspace, salt_molar=[1.0], n_chains=3, units_per_chain=12)
    assert (one.composition.n_chains, one.composition.units_per_chain) == (3, 12)
    with pytest.raises(InputError, match=r"got box_A = 30 and n_chains = 3: one follows from the"):
        planned_of(workspace, n_chains=3, box_A=30.0)
    workspace.campaign.write_text(TEXT.replace("box_A = 24.0", "n_chains = 3"))
    assert planned_of(workspace, salt_molar=[1.0])[0].composition.n_chains == 3
    boxed = planned_of(workspace, salt_molar=[1.0], box_A=30.0)[0]
    assert boxed.composition.wanted_box_A == 30.0


def test_donnan_uptake_is_another_run_even_where_the_ions_are_as_many(workspace: Workspace) -> None:
    ids = {
        planned_of(workspace, salt_molar=[0.0], salt_inside=inside)[0].plan.run_id
        for inside in ("external", "donnan")
    }
    assert len(ids) == 2
    (one,) = planned_of(workspace, salt_molar=[1.0], salt_inside="donnan")
    request = one.plan.request
    assert request["inside_salt_molar"] == request["donnan_salt_molar"] < request["salt_molar"]
    for inside, n_notes in (("donnan", 1), ("external", 0)):
        overrides = {"salt_molar": [0.3, 1.0], "salt_inside": inside}
        _, notes = plan_campaign(load_campaign(workspace, (), overrides=overrides))
        assert sum("the box's own fixed charge, 2.64 mol/L" in note for note in notes) == n_notes


def test_a_box_enlarged_for_its_pairs_says_its_edge(workspace: Workspace) -> None:
    campaign = load_campaign(workspace, (), overrides={"salt_molar": [0.1], "min_pairs": 3})
    ((one,), notes) = plan_campaign(campaign)
    assert one.composition.n_pairs >= 3
    said = f"CR61/NaCl: a box of {one.composition.box_A:.1f} Å instead of 24, so that 0.1 mol/L is"
    assert any(note.startswith(said) for note in notes)


def test_an_ion_without_parameters_for_the_water_is_refused_with_the_rest(
    workspace: Workspace,
) -> None:
    with pytest.raises(InputError) as raised:
        submit_campaign(
            workspace,
            ["PSbNMP-BCE", "CR16"],
            overrides={"water_model": "tip3p-charmm", "salt": ["KI"]},
        )
    for said in ("PSbNMP-BCE/KI: ion 'I'", "unknown membrane 'CR16'"):
        assert said in str(raised.value)
    assert not workspace.runs.exists()


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        ({"force_field": "oplsaa", "charges": "am1bcc"}, "'am1bcc' do not belong to oplsaa"),
        ({"charges": "opls"}, "charges 'opls' do not belong to gaff2"),
        ({"charges": "gone.csv"}, "gone.csv is not a file; wanted charges of your own for the"),
        ({"ion_set": "charmm"}, "the ion set 'charmm' belongs to the water model tip3p-charmm"),
        ({"ion_set": "none"}, "unknown ion set 'none'"),
        ({"salt_molar": [0.01], "min_pairs": 50}, "a box of 100 Å with"),
        ({"salt_molar": [9.0], "salt_inside": "donnan"}, "Donnan-Manning cannot say how much"),
        ({"n_chains": 8, "units_per_chain": 1}, "makes no network: 0 cross-linkers on 8 chains"),
    ],
)
def test_what_does_not_fit_together_is_refused_before_anything_is_written(
    workspace: Workspace, overrides: dict[str, Any], message: str
) -> None:
    with pytest.raises(InputError) as raised:
        submit_campaign(workspace, overrides=overrides)
    assert message in str(raised.value)
    assert not workspace.runs.exists()


def test_a_polymer_and_a_target_are_one_too_many(workspace: Workspace) -> None:
    text = TEXT + "[systems.polymer]\n" + OWN_TOML.split("[[units]]", maxsplit=1)[0]
    text += f'units = [{{name = "a", smiles = "{ACRYLATE}", fraction = 1.0}}]\n'
    workspace.campaign.write_text(text)
    with pytest.raises(InputError, match=r"got 'CR61', but its polymer is named 'mine'; give both"):
        planned_of(workspace)
    workspace.campaign.write_text(text.replace('membrane = "CR61"', 'membrane = "mine"'))
    assert planned_of(workspace, salt_molar=[1.0])[0].plan.physics["membrane"] == "mine"


@pytest.mark.parametrize(
    "overrides", [{"n_chains": 1}, {"box_A": 24.0, "protocol_overrides": {"cutoff_A": 30.0}}]
)
def test_a_box_narrower_than_two_cutoffs_is_refused(
    workspace: Workspace, overrides: dict[str, Any]
) -> None:
    with pytest.raises(InputError) as raised:
        planned_of(workspace, ["CR61"], protocol="quick", **overrides)
    assert str(raised.value).count("CR61: got a box of ") == 1
    assert "take a larger --box, more --chains or a smaller cutoff_A" in str(raised.value)


def test_a_binary_file_of_charges_is_refused(workspace: Workspace) -> None:
    path = workspace.root / "charges.toml"
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InputError, match=r"charges\.toml is not a text file of charges: .*UTF-8"):
        planned_of(workspace, charges=str(path))
