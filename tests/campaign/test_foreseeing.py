"""What a polymer costs, and what stops it, is known before anything is built."""

from itertools import product
from pathlib import Path

import pytest
from rdkit import Chem

from iemhpc.campaign import HowToSubmit, foreseeing, submit_campaign
from iemhpc.campaign.foreseeing import polymer_notes, polymer_problems, specimen
from iemhpc.errors import InputError
from iemhpc.polymer.catalog import as_membrane, load_membrane, membrane_names
from iemhpc.polymer.materials import Polymer
from iemhpc.polymer.own import own_membrane
from iemhpc.workspace import Workspace

ACID = "acid=[*]CC([*])C(=O)OCCS(=O)(=O)[O-]:0.4"
ESTER = "ester=[*]CC([*])C(=O)OC:0.6"
DRY = HowToSubmit(dry_run=True)
WET = {"salts": ["NaCl"], "water_per_site": 15.0}


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Polymer:
    monkeypatch.setenv("IEMHPC_CACHE", str(tmp_path / "cache"))
    return as_membrane(own_membrane([ACID, ESTER], name="mine", **WET)).polymer


@pytest.mark.parametrize("name", membrane_names())
@pytest.mark.parametrize(("field", "charges"), [("gaff2", "am1bcc"), ("oplsaa", "opls")])
def test_nothing_stops_the_catalogue_and_it_costs_nothing(
    name: str, field: str, charges: str
) -> None:
    polymer = load_membrane(name).polymer
    assert polymer_problems(polymer, force_field=field, charges=charges) == []
    assert list(polymer_notes(polymer, force_field=field, charges=charges)) == []


@pytest.mark.parametrize("name", ["CR61", "AR103"])
def test_a_specimen_shows_every_unit_beside_every_unit(name: str) -> None:
    mol = specimen(load_membrane(name).polymer)
    names = {unit.name for unit in load_membrane(name).polymer.units}
    assert beside(mol) == {frozenset(pair) for pair in product(names, repeat=2)}


def beside(mol: Chem.Mol) -> set[frozenset[str]]:
    ends = [(bond.GetBeginAtom(), bond.GetEndAtom()) for bond in mol.GetBonds()]
    return {
        frozenset(atom.GetProp("unit_name") for atom in pair)
        for pair in ends
        if len({atom.GetIntProp("unit_index") for atom in pair}) == 2
    }


def test_alternating_units_are_shown_as_they_alternate() -> None:
    units = [ACID.replace("0.4", "0.5"), ESTER.replace("0.6", "0.5")]
    settings = own_membrane(units, arrangement="alternating", **WET)
    assert beside(specimen(as_membrane(settings).polymer)) == {frozenset({"acid", "ester"})}


def test_units_without_a_residue_say_how_they_are_charged_and_how_long(own: Polymer) -> None:
    notes = list(polymer_notes(own, force_field="gaff2", charges="am1bcc"))
    assert notes[0].startswith(
        "mine: no stored residue of acid: am1bcc charges it first (38 atoms, about 1 min on one "
    )
    assert notes[1].startswith("mine: no stored residue of ester: am1bcc charges it first")
    assert list(polymer_notes(own, force_field="oplsaa", charges="opls")) == []


def test_missing_gaussian_logs_are_named_before_anything_is_written(
    own: Polymer, tmp_path: Path
) -> None:
    notes = list(polymer_notes(own, force_field="gaff2", charges="resp-gaussian"))
    assert len(notes) == 2
    assert all("esp.gjf; run Gaussian on it, put its log beside it" in note for note in notes)
    assert not (tmp_path / "cache").exists()


def test_what_is_not_installed_is_said(own: Polymer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(foreseeing.importlib.util, "find_spec", lambda name: None)
    (note, _) = polymer_notes(own, force_field="gaff2", charges="resp")
    assert "PySCF is not here: pip install 'iemhpc[qm]'" in note


def test_charges_of_ones_own_are_checked_unit_by_unit(own: Polymer, tmp_path: Path) -> None:
    path = tmp_path / "mine.csv"
    path.write_text("smiles,atom,charge_e,hydrogen_charge_e\n[*]CC[*],0,0,0\n[*]CC[*],1,0,0\n")
    for field in ("gaff2", "oplsaa"):
        (said,) = polymer_problems(own, force_field=field, charges=str(path))
        assert "has no charges for acid, ester; add" in said
        assert "\n[*]CC([*])C(=O)OC,5,0.0,0.0" in said


def test_all_that_stops_a_campaign_is_said_at_once_with_code_2(tmp_path: Path) -> None:
    polymer = own_membrane(
        ["odd=[*]CC([*])P(=O)([O-])OC:0.5", "[*]CC([*])(F)F:0.5"], name="odd", **WET
    )
    overrides = {"force_field": "oplsaa", "box_A": 24.0, "water_model": "tip5p"}
    with pytest.raises(InputError) as caught:
        submit_campaign(Workspace(tmp_path), polymer, overrides=overrides, how=DRY)
    assert "tip5p" in str(caught.value)
    del overrides["water_model"]
    with pytest.raises(InputError, match="odd: OPLS-AA does not cover a polymer of odd") as caught:
        submit_campaign(Workspace(tmp_path), polymer, overrides=overrides, how=DRY)
    assert caught.value.exit_code == 2
    assert list(tmp_path.iterdir()) == []


def test_sites_that_are_not_where_structure_puts_them_are_told() -> None:
    settings = own_membrane([ACID, ESTER], name="mine", tethered="C(=O)O", **WET)
    notes = list(polymer_notes(as_membrane(settings).polymer, force_field="oplsaa", charges="opls"))
    assert notes == [
        "mine: tethered sites of acid are C x1 (atom 2) as given; by structure they would be "
        "atoms 8, 9, 10"
    ]
