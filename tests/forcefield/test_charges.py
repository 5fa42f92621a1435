"""antechamber: what it is asked, and what is said where it does not answer."""

import stat

import pytest
from rdkit import Chem

from iemhpc.errors import ProgramError
from iemhpc.forcefield import charges
from iemhpc.forcefield.charges import am1bcc_charges, antechamber_command, embedded, parse_mol2


def fake_amber(folder, monkeypatch, antechamber):
    program = folder / "bin" / "antechamber"
    program.parent.mkdir()
    program.write_text(f"#!/bin/sh\n{antechamber}\n")
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setattr(charges, "amber_home", lambda: folder)


METHANE = Chem.AddHs(Chem.MolFromSmiles("C"))


def test_the_net_charge_is_always_said():
    command = antechamber_command(-2)
    assert command[command.index("-nc") + 1] == "-2"


def test_a_failing_program_tells_its_last_words(tmp_path, monkeypatch):
    fake_amber(tmp_path, monkeypatch, "echo odd number of electrons; exit 1")
    with pytest.raises(ProgramError, match=r"antechamber failed with exit code 1.*odd number of"):
        am1bcc_charges(METHANE)


def test_a_program_that_ends_well_without_its_output_has_failed(tmp_path, monkeypatch):
    fake_amber(tmp_path, monkeypatch, "exit 0")
    with pytest.raises(ProgramError, match="failed with exit code 0; its last words: none"):
        am1bcc_charges(METHANE)


def test_a_missing_system_library_is_named_with_what_to_install(tmp_path, monkeypatch):
    said = "sqm: error while loading shared libraries: libarpack.so.2: cannot open"
    fake_amber(tmp_path, monkeypatch, f"echo '{said}'; exit 127")
    with pytest.raises(ProgramError, match=r"library libarpack.so.2; .*apt install .*libarpack2"):
        am1bcc_charges(METHANE)


def test_a_program_that_does_not_end_is_ended_with_its_children(tmp_path, monkeypatch):
    fake_amber(tmp_path, monkeypatch, "sleep 60 & echo $! > $AMBERHOME/child; wait")
    with pytest.raises(ProgramError, match=r"did not end within 0\.5 s"):
        am1bcc_charges(METHANE, limit_s=0.5)
    child = int((tmp_path / "child").read_text())
    state = tmp_path.__class__(f"/proc/{child}/stat")
    assert not state.exists() or state.read_text().split()[2] == "Z"


def test_a_mol2_file_without_atoms_is_refused():
    with pytest.raises(ProgramError, match="without types and charges"):
        parse_mol2("@<TRIPOS>MOLECULE\n")


def test_the_conformer_is_always_the_same():
    molecule = Chem.AddHs(Chem.MolFromSmiles("CCO"))
    first, second = (embedded(molecule).GetConformer().GetPositions() for _ in range(2))
    assert first.tolist() == second.tolist()
