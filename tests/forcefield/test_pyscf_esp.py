"""PySCF's potential, and what is said where it cannot be had."""

import importlib.util

import numpy as np
import pytest
from rdkit import Chem

from iemhpc.errors import ProgramError
from iemhpc.forcefield import charges, residues
from iemhpc.forcefield.pyscf_esp import pyscf_esp, resp_charges
from iemhpc.forcefield.residues import cache_folder, load_residue, shipped_residues
from iemhpc.polymer.chain import link
from iemhpc.polymer.repeat_unit import RepeatUnit

WATER = Chem.AddHs(Chem.MolFromSmiles("O"))

ETHYLENE = RepeatUnit("ethylene", "[*]CC[*]")

needs_pyscf = pytest.mark.skipif(
    importlib.util.find_spec("pyscf") is None, reason="PySCF not installed"
)


@needs_pyscf
def test_the_potential_of_an_ion_is_its_charge_from_afar(monkeypatch):
    from iemhpc.forcefield import pyscf_esp as module

    far_A = 60.0
    monkeypatch.setattr(
        module, "merz_kollman_points", lambda numbers, at_A: at_A.mean(axis=0) + np.eye(3) * far_A
    )
    hydroxide = Chem.AddHs(Chem.MolFromSmiles("[OH-]"))
    potential = pyscf_esp(hydroxide).potential_hartree_e
    assert potential == pytest.approx(-module.A_PER_BOHR / far_A, rel=0.02)


@needs_pyscf
def test_blocks_of_points_give_the_same_potential(monkeypatch):
    from iemhpc.forcefield import pyscf_esp as module

    whole = pyscf_esp(WATER)
    monkeypatch.setattr(module, "BLOCK_BYTES", 8 * 19**2 * 7)
    assert pyscf_esp(WATER).potential_hartree_e == pytest.approx(whole.potential_hartree_e)


@needs_pyscf
def test_waters_charges_are_those_of_hartree_fock():
    # RESP at HF/6-31G* makes water a little more polar than TIP3P (-0.834): about -0.8.
    made = resp_charges(WATER)
    assert made.charges_e[0] == pytest.approx(-0.80, abs=0.03)
    assert sum(made.charges_e) == pytest.approx(0.0, abs=1e-12)
    assert "HF/6-31G* (density fitting, def2-universal-jkfit) at RDKit's MMFF94" in made.programs
    assert made.types == ()


@needs_pyscf
def test_a_wave_function_that_takes_too_long_is_ended():
    with pytest.raises(ProgramError, match=r"PySCF did not end within 0 s for 3 atoms"):
        pyscf_esp(WATER, limit_s=0.0)


@needs_pyscf
def test_what_does_not_converge_is_an_error(monkeypatch):
    import pyscf.scf

    monkeypatch.setattr(pyscf.scf.hf.SCF, "max_cycle", 1)
    with pytest.raises(ProgramError, match=r"HF/6-31G\* of O did not converge in 1 cycles"):
        pyscf_esp(WATER)


def test_without_pyscf_it_is_said_how_to_get_it(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ProgramError, match=r"resp needs PySCF, .* pip install 'iemhpc\[qm\]'"):
        pyscf_esp(WATER)


def dimer(unit, *, method="am1bcc"):
    """A smaller molecule than the default."""
    return [[unit, unit]]


@pytest.fixture(scope="module")
def cached(tmp_path_factory):
    """A cache that holds ethylene's residue, that residue, and what was said."""
    folder, said = tmp_path_factory.mktemp("cache"), []
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("IEMHPC_CACHE", str(folder))
        patch.setattr(residues, "default_oligomers", dimer)
        residue = load_residue(ETHYLENE, method="resp", say=said.append)
    return folder, residue, said


@needs_pyscf
def test_resp_of_a_shipped_unit_keeps_its_types(cached):
    _, residue, said = cached
    typed = shipped_residues()[ETHYLENE.canonical_smiles]
    assert [atom.type for atom in residue.atoms] == [atom.type for atom in typed.atoms]
    assert [atom.hydrogen_type for atom in residue.atoms] == ["hc", "hc"]
    assert abs(residue.drift_e) < 1e-6
    assert any(
        "charging ethylene-ethylene with resp (14 atoms, about 1 min)" in line for line in said
    )


@needs_pyscf
def test_the_second_build_needs_no_quantum_chemistry_and_says_where_charges_come_from(
    cached, monkeypatch
):
    from iemhpc.forcefield.gaff2 import parametrise_chain

    def forbidden(*args, **kwargs):
        raise AssertionError("a program was asked for")

    folder, _, _ = cached
    monkeypatch.setenv("IEMHPC_CACHE", str(folder))
    monkeypatch.setattr("iemhpc.forcefield.pyscf_esp.pyscf_esp", forbidden)
    monkeypatch.setattr(residues, "default_oligomers", dimer)
    monkeypatch.setattr(charges, "_antechamber", forbidden)
    parameters = parametrise_chain(link([ETHYLENE] * 3), "resp")
    assert parameters.charges_e.sum() == pytest.approx(0.0, abs=1e-9)
    (origin,) = parameters.charge_origins
    assert origin.method == "resp"
    assert "PySCF" in origin.source
    assert len(list(cache_folder().iterdir())) == 1
