"""The shipped residues, the user's cache, and how a residue is made."""

import json
from dataclasses import asdict, replace

import pytest

from iemhpc.errors import InputError, ProgramError, UnknownNameError
from iemhpc.forcefield import charges
from iemhpc.forcefield.cutting import equivalent_atoms
from iemhpc.forcefield.residues import (
    cache_folder,
    lacking_residue,
    load_residue,
    make_shipped,
    read_residue,
    shipped_ion,
    shipped_residues,
    write_residue,
)
from iemhpc.polymer.catalog import load_membrane, membrane_names
from iemhpc.polymer.repeat_unit import RepeatUnit

SHIPPED = list(shipped_residues().values())


def has_antechamber():
    try:
        charges.amber_home()
    except ProgramError:
        return False
    return True


needs_antechamber = pytest.mark.skipif(not has_antechamber(), reason="antechamber not installed")


def micro(value):
    return 0 if value is None else round(value * 1e6)


@pytest.mark.parametrize("residue", SHIPPED, ids=lambda residue: residue.unit)
def test_shipped_charges_sum_to_the_formal_charge_in_whole_micro_charges(residue):
    total = sum(
        micro(atom.charge_e) + atom.n_hydrogens * micro(atom.hydrogen_charge_e)
        for atom in residue.atoms
    )
    assert total == residue.charge * 10**6
    assert residue.charge == RepeatUnit(residue.unit, residue.smiles).charge


@pytest.mark.parametrize("residue", SHIPPED, ids=lambda residue: residue.unit)
def test_equivalent_atoms_of_a_shipped_residue_are_charged_alike(residue):
    labels = equivalent_atoms(RepeatUnit(residue.unit, residue.smiles))
    for label in set(labels):
        alike = [a for a, own in zip(residue.atoms, labels, strict=True) if own == label]
        assert len({(atom.type, atom.charge_e, atom.hydrogen_charge_e) for atom in alike}) == 1


@pytest.mark.parametrize("residue", SHIPPED, ids=lambda residue: residue.unit)
def test_a_shipped_residue_says_what_it_was_made_from(residue):
    assert residue.oligomers
    assert "antechamber 22" in residue.programs
    assert "sqm 19" in residue.programs
    assert abs(residue.drift_e) <= 0.05


@pytest.mark.parametrize("membrane", membrane_names())
def test_every_unit_of_the_catalogue_has_a_shipped_residue(membrane):
    for unit in load_membrane(membrane).polymer.units:
        assert unit.canonical_smiles in shipped_residues()


def test_sulfonate_and_sulfate_are_charged_as_such_groups_are():
    for smiles in ("[*]CC([*])c1ccc(cc1)S(=O)(=O)[O-]", "[*]CC([*])OS(=O)(=O)[O-]"):
        atoms = load_residue(RepeatUnit("unit", smiles)).atoms
        group = [atom for atom in atoms if atom.type in ("o", "s6")]
        assert len(group) == 4
        assert sum(atom.charge_e for atom in group) == pytest.approx(-0.9, abs=0.35)


def test_another_spelling_and_name_find_the_same_residue():
    first = load_residue(RepeatUnit("vinyl sulfate", "[*]CC([*])OS(=O)(=O)[O-]"))
    assert load_residue(RepeatUnit("x", "O=S([O-])(=O)OC([*])C[*]")) is first


def test_an_unknown_charge_method_lists_the_known_ones():
    with pytest.raises(UnknownNameError, match=r"charge method 'rsp'; did you mean 'resp'"):
        load_residue(RepeatUnit("a", "[*]CC[*]"), method="rsp")


def test_an_unknown_shipped_residue_lists_the_known_ones():
    with pytest.raises(UnknownNameError, match="did you mean 'styrene'"):
        make_shipped("styren")


def test_a_damaged_residue_is_refused(tmp_path):
    residue = SHIPPED[0]
    path = tmp_path / "residue.json"
    write_residue(path, residue)
    assert read_residue(path) == residue
    wrong = replace(residue.atoms[0], charge_e=residue.atoms[0].charge_e + 0.01)
    write_residue(path, replace(residue, atoms=(wrong, *residue.atoms[1:])))
    with pytest.raises(InputError, match=r"charges sum to .*, not to the formal charge"):
        read_residue(path)
    path.write_text(json.dumps({"schema_version": 99}))
    with pytest.raises(InputError, match="has another schema than 1"):
        read_residue(path)
    path.write_text(json.dumps({"schema_version": 1, "atoms": []}))
    with pytest.raises(InputError, match="is not a residue"):
        read_residue(path)


@pytest.mark.parametrize(
    ("spoil", "fault"),
    [
        (lambda kept: kept["atoms"][0].update(charge_e=float("nan")), "no finite number"),
        (lambda kept: kept.update(drift_e=float("inf")), "no finite number"),
        (lambda kept: kept["atoms"].append(kept["atoms"][0]), "its atoms are .*, those of its SMI"),
        (lambda kept: kept["atoms"][0].update(element="N"), "its atoms are N.*, those of its SMI"),
        (lambda kept: kept.update(frcmod=["title", "rubbish"]), "'rubbish' is in no section"),
        (lambda kept: kept.update(frcmod=["title", "BOND", "c3-c3 x"]), "frcmod lines are damaged"),
        (lambda kept: kept.update(smiles="[*]C("), "is no SMILES"),
    ],
)
def test_what_cannot_be_a_residue_is_refused(spoil, fault, tmp_path):
    path = tmp_path / "residue.json"
    write_residue(path, SHIPPED[0])
    kept = json.loads(path.read_text())
    spoil(kept)
    path.write_text(json.dumps(kept))
    with pytest.raises(InputError, match=f"{fault}.*; delete it or make it again"):
        read_residue(path)


@needs_antechamber
def test_a_damaged_residue_of_the_cache_is_told_and_made_again(tmp_path, monkeypatch):
    monkeypatch.setenv("IEMHPC_CACHE", str(tmp_path))
    unit = RepeatUnit("vinyl fluoride", "[*]CC([*])F")
    first = load_residue(unit)
    (path,) = cache_folder().iterdir()
    path.write_text(path.read_text()[:-40])
    assert lacking_residue(unit) is not None
    said = []
    again = load_residue(unit, say=said.append)
    assert again.atoms == first.atoms
    assert said[0].startswith("vinyl fluoride: its residue in the cache is damaged and made again")
    assert lacking_residue(unit) is None
    write_residue(path, SHIPPED[0])
    assert load_residue(unit, say=said.append).atoms == first.atoms
    assert any(line.endswith(f"is of {SHIPPED[0].smiles}, so it is made again") for line in said)


def test_a_cache_that_cannot_be_written_is_said_before_anything_runs(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("IEMHPC_CACHE", str(tmp_path / "file"))
    said = []
    for method in ("am1bcc", "resp"):
        with pytest.raises(InputError, match="cannot be written; set IEMHPC_CACHE to a folder"):
            load_residue(
                RepeatUnit("vinyl fluoride", "[*]CC([*])F"), method=method, say=said.append
            )
    assert said == []


def test_without_antechamber_nothing_is_computed_for_a_fit(tmp_path, monkeypatch):
    monkeypatch.setenv("IEMHPC_CACHE", str(tmp_path))
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("AMBERHOME", raising=False)
    monkeypatch.setattr(charges.importlib.util, "find_spec", lambda name: None)
    unit, said = RepeatUnit("vinyl fluoride", "[*]CC([*])F"), []
    for method in ("am1bcc", "resp"):
        with pytest.raises(ProgramError, match="antechamber is not on this machine"):
            load_residue(unit, method=method, say=said.append)
    assert not any(line.startswith(("sqm", "PySCF")) for line in said)


def test_without_antechamber_a_new_unit_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setenv("IEMHPC_CACHE", str(tmp_path))
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("AMBERHOME", raising=False)
    monkeypatch.setattr(charges.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ProgramError, match=r"'vinyl fluoride' has no stored residue.*pip install"):
        load_residue(RepeatUnit("vinyl fluoride", "[*]CC([*])F"))
    assert not cache_folder().exists()


@needs_antechamber
def test_a_unit_of_the_users_own_is_made_once_and_then_read(tmp_path, monkeypatch):
    monkeypatch.setenv("IEMHPC_CACHE", str(tmp_path))
    said = []
    first = load_residue(RepeatUnit("vinyl fluoride", "[*]CC([*])F"), say=said.append)
    again = load_residue(RepeatUnit("fluoride", "FC([*])C[*]"), say=said.append)
    assert asdict(first) == asdict(again)
    assert len(list(cache_folder().iterdir())) == 1
    assert len([line for line in said if "no residue yet" in line]) == 1


@needs_antechamber
def test_sulfate_comes_out_as_it_was_shipped():
    made, shipped = make_shipped("SO4"), shipped_ion("SO4")
    assert made.atoms == shipped.atoms


@needs_antechamber
@pytest.mark.slow
@pytest.mark.parametrize("name", ["vinyl_alcohol", "vinyl_sulfate", "styrene"])
def test_a_residue_comes_out_as_it_was_shipped(name):
    made = make_shipped(name)
    shipped = shipped_residues()[RepeatUnit(name, made.smiles).canonical_smiles]
    assert [atom.type for atom in made.atoms] == [atom.type for atom in shipped.atoms]
    assert [atom.charge_e for atom in made.atoms] == pytest.approx(
        [atom.charge_e for atom in shipped.atoms], abs=5e-3
    )
