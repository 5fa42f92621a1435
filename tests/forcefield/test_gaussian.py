"""Gaussian's input, its log in two layouts, and what is said of a log that cannot be used."""

import importlib.util
import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from rdkit import Chem

from iemhpc.errors import InputError, MissingInputError
from iemhpc.forcefield.charges import embedded
from iemhpc.forcefield.esp import Esp, inverse_distances_bohr, merz_kollman_points
from iemhpc.forcefield.gaussian import (
    gaussian_input,
    gaussian_job,
    parse_gaussian_log,
    read_gaussian_log,
    resp_gaussian_charges,
)
from iemhpc.forcefield.recipes import default_oligomers
from iemhpc.forcefield.residues import load_residue, shipped_residues
from iemhpc.forcefield.resp import fit_resp
from iemhpc.polymer.chain import link
from iemhpc.polymer.repeat_unit import RepeatUnit

spec = importlib.util.spec_from_file_location(
    "gaussian_logs", Path(__file__).with_name("gaussian_logs.py")
)
logs = importlib.util.module_from_spec(spec)
spec.loader.exec_module(logs)

METHANOL = embedded(Chem.AddHs(Chem.MolFromSmiles("CO")))
CHARGES_E = [0.12, -0.65, 0.04, 0.04, 0.03, 0.42]


def made_esp(molecule, charges_e=None, *, density_per_A2=1.0):
    """Potential of point charges, which a log shall carry."""
    numbers = tuple(atom.GetAtomicNum() for atom in molecule.GetAtoms())
    positions_A = np.array(molecule.GetConformer().GetPositions())
    if charges_e is None:
        generator = np.random.default_rng(7)
        charges_e = generator.normal(0.0, 0.2, len(numbers))
    points_A = merz_kollman_points(numbers, positions_A, density_per_A2=density_per_A2)
    empty = np.zeros(len(points_A))
    esp = Esp(
        numbers=numbers,
        positions_A=positions_A,
        points_A=points_A,
        potential_hartree_e=empty,
        source="point charges",
    )
    return replace(esp, potential_hartree_e=inverse_distances_bohr(esp) @ np.asarray(charges_e))


@pytest.fixture(scope="module")
def esp():
    return made_esp(METHANOL, CHARGES_E)


@pytest.fixture(scope="module")
def g09(esp):
    before = replace(esp, points_A=esp.points_A + 0.3, potential_hartree_e=esp.potential_hartree_e)
    return logs.g09_optimised(before, esp)


@pytest.fixture(scope="module")
def g16(esp):
    return logs.g16_single(esp)


def test_of_an_optimisation_the_last_potential_counts(g09, esp):
    read = parse_gaussian_log(g09, name="g09.log")
    assert read.numbers == (6, 8, 1, 1, 1, 1)
    assert read.points_A == pytest.approx(esp.points_A, abs=1e-6)
    assert read.potential_hartree_e == pytest.approx(esp.potential_hartree_e, abs=1e-6)
    assert read.source == f"Gaussian 09 EM64L-G09RevD.01 {logs.ROUTE}"


def test_fields_exponents_and_a_route_of_two_lines_are_read(g16, esp):
    read = parse_gaussian_log(g16, name="g16.log")
    assert read.positions_A == pytest.approx(esp.positions_A, abs=1e-6)
    assert read.potential_hartree_e == pytest.approx(esp.potential_hartree_e, rel=1e-7)
    assert "Gaussian 16 ES64L-G16RevC.01 #P HF/6-31G*" in read.source
    assert "6/42=6)" in read.source


def test_both_layouts_give_the_charges_of_the_potential_itself(g09, g16, esp):
    wanted = fit_resp(METHANOL, esp).charges_e
    for text in (g09, g16):
        found = fit_resp(METHANOL, parse_gaussian_log(text, name="x.log")).charges_e
        assert found == pytest.approx(wanted, abs=2e-4)


def test_coordinates_that_touch_are_told_apart(g16):
    line = next(line for line in g16.splitlines() if "ESP Fit Center" in line)
    touching = f"{line[:32]}-12.345678-23.456789123.456789"
    read = parse_gaussian_log(g16.replace(line, touching), name="x.log")
    assert read.points_A[0] == pytest.approx([-12.345678, -23.456789, 123.456789])


def test_more_points_than_four_digits_count_are_read():
    many = made_esp(METHANOL, CHARGES_E, density_per_A2=25.0)
    assert len(many.points_A) > 10_000
    read = parse_gaussian_log(logs.g16_single(many), name="x.log")
    assert len(read.points_A) == len(many.points_A)


def test_elements_come_from_the_fitted_charges_where_no_geometry_is_printed(g16):
    fitted = "\n".join(
        f"{place:6d}  {atom.GetSymbol()}    0.100000"
        for place, atom in enumerate(METHANOL.GetAtoms(), start=1)
    )
    text = g16.replace("Input orientation", "Coordinates").replace(
        " Elapsed time", f" ESP charges:\n               1\n{fitted}\n Elapsed time"
    )
    assert parse_gaussian_log(text, name="x.log").numbers == (6, 8, 1, 1, 1, 1)
    with pytest.raises(InputError, match="0 elements for 6 atomic centres"):
        parse_gaussian_log(g16.replace("Input orientation", "Coordinates"), name="x.log")


def cut_short(text):
    return text[: len(text) // 2]


def failed(text):
    return text.replace("Normal termination of", "Error termination request in")


def without_points(text):
    return "\n".join(line for line in text.splitlines() if "Fit" not in line)


def is_value(line):
    return line.split()[1:2] == ["Fit"] and "Center" not in line


def without_values(text):
    return "\n".join(line for line in text.splitlines() if not is_value(line))


def without_some(text):
    lines = text.splitlines()
    lines.remove(next(line for line in lines if is_value(line)))
    return "\n".join(lines)


def overflown(text):
    line = next(line for line in text.splitlines() if "ESP Fit Center" in line)
    return text.replace(line, f"{line[:32]}{'*' * 10}{line[42:]}")


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (lambda text: "hello", "is not the log of a Gaussian job"),
        (cut_short, r"the job is not finished: its last line is .*run it again or wait"),
        (failed, "the job ended with an error"),
        (without_points, r"add to the route: pop=mk iop\(6/33=2,6/42=6\)"),
        (without_values, "points but no potential at them, as Gaussian 09 revision B.01"),
        (without_some, r"potentials at \d+ points; the log is cut short"),
        (overflown, r"'\*{10}' in the line .* is not a number; the field overflowed"),
    ],
)
def test_a_log_that_cannot_be_used_says_why(g09, g16, damage, said):
    for text in (g09, g16):
        if damage is without_some and text is g09:
            continue  # its first potential is of the geometry that does not count
        if damage is overflown and text is g09:
            continue
        with pytest.raises(InputError, match=f"^bad.log.*{said}"):
            parse_gaussian_log(damage(text), name="bad.log")


def test_a_log_of_another_charge_is_refused(tmp_path, esp):
    path = tmp_path / "esp.log"
    path.write_text(logs.g09_optimised(esp, esp, charge=-1))
    with pytest.raises(InputError, match="charge -1 and multiplicity 1; wanted 0 and 1"):
        read_gaussian_log(path, METHANOL)


def test_atoms_in_another_order_are_refused(tmp_path, esp):
    order = [0, 1, 5, 3, 4, 2]
    path = tmp_path / "esp.log"
    path.write_text(logs.g16_single(replace(esp, positions_A=esp.positions_A[order])))
    with pytest.raises(InputError, match=r"atoms C1-H3 are 1\.9\d Å apart, but bonded in CO; keep"):
        read_gaussian_log(path, METHANOL)


def test_the_input_says_charge_route_and_ends_with_an_empty_line():
    anion = Chem.AddHs(Chem.MolFromSmiles("CS(=O)(=O)[O-]"))
    text = gaussian_input(anion, title="mesylate", optimise=False, memory="8GB", n_processors=2)
    lines = text.split("\n")
    assert lines[:3] == ["%mem=8GB", "%nprocshared=2", "#P " + logs.ROUTE[3:-4]]
    assert lines[3:7] == ["", "mesylate", "", "-1 1"]
    assert len(lines[7].split()) == 4
    assert text.endswith("\n\n")


def test_a_missing_log_leaves_the_input_and_says_what_to_run(tmp_path, monkeypatch):
    monkeypatch.setenv("IEMHPC_CACHE", str(tmp_path))
    chain = link([RepeatUnit("ethylene", "[*]CC[*]")] * 2)
    with pytest.raises(MissingInputError, match=r"on .*esp\.gjf, put .* the same command again$"):
        resp_gaussian_charges(chain)
    job = gaussian_job(chain)
    assert job.is_relative_to(tmp_path / "gaussian")
    assert "#P HF/6-31G*" in job.read_text()


def test_all_missing_logs_of_a_chain_are_said_at_once(tmp_path, monkeypatch):
    from iemhpc.forcefield.gaff2 import parametrise_chain

    monkeypatch.setenv("IEMHPC_CACHE", str(tmp_path))
    chain = link(
        [RepeatUnit("ethylene", "[*]CC[*]"), RepeatUnit("vinyl alcohol", "[*]CC([*])O")] * 2
    )
    with pytest.raises(MissingInputError) as error:
        parametrise_chain(chain, "resp-gaussian")
    assert len(str(error.value).splitlines()) == 2
    assert len(list((tmp_path / "gaussian").iterdir())) == 2


def test_a_unit_of_two_oligomers_lacks_both_logs_at_once(tmp_path, monkeypatch):
    monkeypatch.setenv("IEMHPC_CACHE", str(tmp_path))
    with pytest.raises(MissingInputError, match=r"esp\.log, .* again; charge method .*esp\.log, "):
        load_residue(RepeatUnit("isobutylene", "[*]CC([*])(C)C"), method="resp-gaussian")
    assert len(list((tmp_path / "gaussian").glob("*/esp.gjf"))) == 2


def test_a_residue_comes_from_logs_and_again_where_a_log_is_newer(tmp_path, monkeypatch):
    monkeypatch.setenv("IEMHPC_CACHE", str(tmp_path))
    alcohol = RepeatUnit("vinyl_alcohol", "[*]CC([*])O")
    (oligomer,) = default_oligomers(alcohol, method="resp-gaussian")
    molecule = embedded(link(oligomer))
    log = gaussian_job(molecule).with_suffix(".log")
    log.parent.mkdir(parents=True)
    log.write_text(logs.g16_single(made_esp(molecule)))
    first = load_residue(alcohol, method="resp-gaussian")
    assert "Gaussian 16" in first.programs
    assert abs(first.drift_e) < 1e-6
    typed = shipped_residues()[alcohol.canonical_smiles]
    assert [atom.type for atom in first.atoms] == [atom.type for atom in typed.atoms]

    other = made_esp(molecule, np.linspace(-0.3, 0.3, molecule.GetNumAtoms()))
    log.write_text(logs.g16_single(other))
    os.utime(log, (2e9, 2e9))
    assert load_residue(alcohol, method="resp-gaussian") != first
    log.unlink()
    assert load_residue(alcohol, method="resp-gaussian") != first
