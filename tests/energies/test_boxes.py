"""Whole hydrated boxes, periodic, in LAMMPS and in OpenMM."""

import functools
import json
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from iemhpc.errors import ForceFieldError, InputError, UnknownNameError
from iemhpc.forcefield.aqueous import ion_parameters, water_parameters
from iemhpc.lammps.data_file import data_text, read_data
from iemhpc.lammps.energy import run_box, run_relaxation, write_box_input
from iemhpc.lammps.second_engine import compare, compare_run
from iemhpc.lammps.second_engine_aqueous import aqueous_tables
from iemhpc.lammps.styles_file import styles_text
from iemhpc.polymer.catalog import load_system
from iemhpc.system.assembly import build_box
from iemhpc.system.composition import compose
from iemhpc.system.merging import merge
from iemhpc.tables.io import write_table
from iemhpc.tables.roles import ROLE_TABLE

pytest.importorskip("openmm")
pytest.importorskip("parmed")

COULOMB_KCAL_A = 332.06371

FIELDS = pytest.mark.parametrize("force_field", ["gaff2", "oplsaa"])


@functools.cache
def small_box(system, force_field, edge_A=20.0, **options):
    """Return a box and its positions after its overlaps have been pushed apart."""
    found = load_system(system)
    composition = compose(found, salt_molar=0.5, box_A=edge_A, min_pairs=1)
    box = build_box(
        system=found, composition=composition, force_field=force_field, seed=1, **options
    )
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_box_input(folder, box.parameters, box.positions_A, box.box_A)
        data = run_relaxation(folder, cutoff_A=9.0)
        return box, read_data(folder / data).positions_A


def report_of(system, force_field, *, edge_A=20.0, **options):
    box, positions_A = small_box(system, force_field, edge_A, **options)
    report = compare(
        box.parameters, positions_A, box.box_A, physics=options, what=f"{system} in {force_field}"
    )
    print("\n".join(report.lines()))
    return report


@pytest.mark.lammps
@FIELDS
def test_a_hydrated_box_agrees_term_by_term(force_field):
    report = report_of("PVAS/NaCl", force_field)
    assert report.passes, report.lines()
    assert report.kind("bond").n_openmm > 500


@pytest.mark.lammps
def test_a_network_whose_bonds_cross_the_boundary_agrees():
    box, positions_A = small_box("CEM1/NaCl", "oplsaa", 22.0)
    bonds = box.parameters.bonds[:, 1:]
    lengths_A = np.linalg.norm(positions_A[bonds[:, 0]] - positions_A[bonds[:, 1]], axis=1)
    assert lengths_A.max() > box.box_A[0] / 2
    report = compare(box.parameters, positions_A, box.box_A, what="a network")
    print("\n".join(report.lines()))
    assert report.passes, report.lines()


@pytest.mark.lammps
def test_ions_and_water_that_mix_by_the_polymers_rule_are_seen_in_an_opls_box():
    box, positions_A = small_box("PVAS/NaCl", "oplsaa")
    parameters = box.parameters
    names = [term.types[0] for term in parameters.atom_types]
    sodium_water = [
        pair
        for pair in parameters.pairs
        if {names[pair.first], names[pair.second]} == {"Na+", "OW"}
    ]
    assert len(sodium_water) == 1
    others = tuple(pair for pair in parameters.pairs if pair not in sodium_water)
    wrong = replace(parameters, pairs=others)
    report = compare(wrong, positions_A, box.box_A)
    assert {kind.kind for kind in report.kinds if not kind.passes} == {"vdw"}
    assert abs(report.kind("vdw").difference) > 0.1


@pytest.mark.lammps
@pytest.mark.slow
@FIELDS
@pytest.mark.parametrize("system", ["CR61/NaCl", "Nafion/Na2SO4"])
def test_a_box_of_40_angstrom_agrees(force_field, system):
    report = report_of(system, force_field, edge_A=40.0)
    assert report.passes, report.lines()


@pytest.mark.lammps
@pytest.mark.slow
@pytest.mark.parametrize(
    ("system", "force_field", "options"),
    [
        ("PSbNMP-RCE/KI", "oplsaa", {}),
        ("CR61/LiCl", "gaff2", {}),
        ("CR61/CaCl2", "oplsaa", {}),
        ("Nafion/MgCl2", "gaff2", {}),
        ("Nafion/Na2SO4", "oplsaa", {}),
        ("CR61/NaCl", "gaff2", {"charge_scale": 0.75}),
        ("CR61/NaCl", "oplsaa", {"water_model": "tip3p-charmm"}),
        ("CR61/CaCl2", "gaff2", {"water_model": "tip3p-charmm"}),
        ("CR61/NaCl", "gaff2", {"ion_set": "aqvist"}),
        ("PVAS/MgCl2", "oplsaa", {"ion_set": "aqvist"}),
        ("Nafion/Na2SO4", "gaff2", {"ion_set": "aqvist"}),
    ],
)
def test_every_ion_and_water_model_agrees(system, force_field, options):
    report = report_of(system, force_field, edge_A=22.0, **options)
    assert report.passes, report.lines()


def write_run(folder, box, positions_A, **physics):
    """Write of a run's folder what compare_run reads."""
    data = data_text(
        box.parameters,
        positions_A=positions_A,
        box_A=box.box_A,
        molecule=box.molecule,
        title="a run",
    )
    (folder / "system.data").write_text(data)
    (folder / "minimized.data").write_text(data)
    (folder / "styles.in").write_text(styles_text(box.parameters))
    (folder / "gaff2.frcmod").write_text("\n".join(box.parameters.frcmod) + "\n")
    from iemhpc.lammps.run_folder import role_rows

    write_table(folder / "roles.parquet", ROLE_TABLE, role_rows(box), {})
    said = {"force_field": box.parameters.force_field, "protocol": {"cutoff_A": 9.0}} | physics
    (folder / "plan.json").write_text(json.dumps({"physics": said}))
    return folder


@pytest.mark.lammps
def test_a_runs_folder_is_compared_as_it_lies(tmp_path):
    box, positions_A = small_box("PVAS/NaCl", "gaff2")
    heard = []
    folder = write_run(tmp_path, box, positions_A)
    before = sorted(path.name for path in folder.iterdir())
    report = compare_run(folder, say=heard.append)
    assert report.passes, report.lines()
    assert report.what == tmp_path.name
    assert sorted(path.name for path in folder.iterdir()) == before
    assert heard[-1] == "and with OpenMM, which finds its terms by itself"


@pytest.mark.lammps
def test_a_run_that_has_not_started_is_relaxed_in_a_copy(tmp_path):
    box, _ = small_box("PVAS/NaCl", "gaff2")
    folder = write_run(tmp_path, box, box.positions_A)
    (folder / "minimized.data").unlink()
    heard = []
    assert compare_run(folder, say=heard.append).passes
    assert heard[0] == "pushing the atoms of the packed box apart"
    assert not (folder / "minimized.data").exists()


@pytest.mark.lammps
def test_tables_of_another_run_are_refused(tmp_path):
    box, positions_A = small_box("PVAS/NaCl", "gaff2")
    folder = write_run(tmp_path, box, positions_A)
    from iemhpc.lammps.run_folder import role_rows

    write_table(folder / "roles.parquet", ROLE_TABLE, role_rows(box)[:-1], {})
    with pytest.raises(InputError, match="they are not of one run"):
        compare_run(folder)


@pytest.mark.lammps
def test_rock_salt_has_madelungs_energy_in_both_engines(lmp, tmp_path):
    edge_A = 24.0
    half_A = edge_A / 8
    grid = np.indices((8, 8, 8)).reshape(3, -1).T
    is_sodium = grid.sum(axis=1) % 2 == 0
    positions_A = half_A * np.concatenate([grid[is_sodium], grid[~is_sodium]]).astype(float)
    salt = merge([(ion_parameters("Na"), 256), (ion_parameters("Cl"), 256)])
    box_A = np.full(3, edge_A)
    exact = -256 * 1.7475645946 * COULOMB_KCAL_A / half_A
    report = compare(salt, positions_A, box_A, lmp=[lmp])
    assert report.kind("vdw").passes, report.lines()
    assert report.kind("coulomb").openmm == pytest.approx(exact, rel=1e-7)
    # A lattice of whole charges is the worst case of a mesh, and LAMMPS' accuracy is that of forces
    assert report.kind("coulomb").lammps == pytest.approx(exact, rel=2e-6)
    write_box_input(tmp_path, salt, positions_A, box_A)
    assert run_box(tmp_path, lmp=[lmp]).coulomb == pytest.approx(
        report.kind("coulomb").lammps, abs=1e-6
    )


@pytest.mark.parametrize("water_model", ["tip3p", "tip3p-charmm"])
def test_our_water_is_the_one_that_openmm_ships(water_model):
    tables, ours = aqueous_tables(water_model, {"HOH"}), water_parameters(water_model)
    for name, place in (("O", 0), ("H", 1)):
        assert tables.charges_e[name] == pytest.approx(ours.charges_e[place], abs=1e-12)
        epsilon, sigma_A, _ = ours.atom_types[ours.atom_type[place]].values
        assert tables.atoms[name].epsilon_kcal_mol == pytest.approx(epsilon, abs=1e-9)
        if epsilon:
            assert tables.atoms[name].sigma_A == pytest.approx(sigma_A, abs=1e-6)
    assert tables.bonds["O", "H"] == pytest.approx(ours.bond_types[0].values, abs=1e-6)
    assert tables.angles["H", "O", "H"] == pytest.approx(ours.angle_types[0].values, abs=1e-6)


def test_ambers_rounding_of_tip3p_is_further_off_than_two_engines():
    """Amber's oxygen (.1520 kcal/mol, Rmin/2 1.7683 Å) and Jorgensen's differ a little."""
    from iemhpc.lammps import second_engine_aqueous as aqueous

    root = aqueous._shipped(aqueous.FILES["tip3p"])
    amber = aqueous._lennard_jones(root, {"tip3p-O": "O"})["O"]
    ours = aqueous.OXYGEN["tip3p"]
    assert amber.epsilon_kcal_mol == pytest.approx(0.1520, abs=1e-6)
    assert ours.epsilon_kcal_mol - amber.epsilon_kcal_mol == pytest.approx(1e-4, abs=1e-6)
    assert amber.sigma_A == pytest.approx(ours.sigma_A, abs=1e-4)
    # Jorgensen's A and C: sigma^6 = A / C, epsilon = C² / 4A.
    assert ours.sigma_A == pytest.approx((582.0e3 / 595.0) ** (1 / 6), abs=2e-4)
    assert ours.epsilon_kcal_mol == pytest.approx(595.0**2 / (4 * 582.0e3), abs=1e-4)


IONS = ("Li", "Na", "K", "Cl", "I", "Mg", "Ca")


@pytest.mark.parametrize(
    ("ion", "water_model", "ion_set"),
    [(ion, "tip3p", "joung-cheatham") for ion in IONS]
    + [(ion, "tip3p-charmm", "charmm") for ion in IONS if ion != "I"]
    + [(ion, "tip3p", "aqvist") for ion in IONS],
)
def test_our_ions_are_those_of_openmms_files_or_of_the_opls_tables(ion, water_model, ion_set):
    tables = aqueous_tables(water_model, {ion}, ion_set)
    ours = ion_parameters(ion, water_model, ion_set)
    assert (ion in tables.geometric) is (ours.styles.mixing == "geometric")
    epsilon, sigma_A, _ = ours.atom_types[0].values
    assert tables.charges_e[ion] == ours.charges_e[0]
    assert tables.atoms[ion].epsilon_kcal_mol == pytest.approx(epsilon, abs=1e-9)
    assert tables.atoms[ion].sigma_A == pytest.approx(sigma_A, abs=1e-6)


def test_ions_that_openmm_does_not_ship_are_named():
    with pytest.raises(ForceFieldError, match=r"charmm36/water\.xml has no ion I; known: Li"):
        aqueous_tables("tip3p-charmm", {"I"})
    with pytest.raises(ForceFieldError, match="knows no ions of the set 'own', only those of joun"):
        aqueous_tables("tip3p", {"Na"}, "own")
    with pytest.raises(UnknownNameError, match="water model of the second engine"):
        aqueous_tables("spc", {"HOH"})
