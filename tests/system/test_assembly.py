import re
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from scipy.spatial import cKDTree

from iemhpc.errors import CompositionError, UnknownNameError
from iemhpc.forcefield.aqueous import ion_parameters
from iemhpc.polymer.catalog import load_ion, load_system
from iemhpc.system import assembly
from iemhpc.system.assembly import MembraneBox, build_box
from iemhpc.system.composition import compose
from iemhpc.system.merging import merge
from iemhpc.tables.roles import ROLES

PVAS = load_system("PVAS/NaCl")
SMALL = compose(PVAS, salt_molar=0.5, box_A=20.0)


def test_box_holds_the_composition(cr61_box: MembraneBox) -> None:
    counts, composition = Counter(cr61_box.role), cr61_box.composition
    assert set(counts) <= set(ROLES)
    assert counts["water_oxygen"] == composition.n_waters
    assert counts["water_hydrogen"] == 2 * composition.n_waters
    assert counts["counterion"] == composition.n_counterions
    assert counts["coion"] == composition.n_coions
    assert cr61_box.parameters.is_tethered_center.sum() == composition.n_sites
    assert cr61_box.parameters.is_tethered_paper.sum() == 3 * composition.n_sites
    assert 1100 < len(cr61_box.role) < 1900


def test_box_is_neutral(cr61_box: MembraneBox) -> None:
    assert abs(cr61_box.parameters.charges_e.sum()) < 1e-9


def test_arrays_agree_in_length(cr61_box: MembraneBox) -> None:
    n_atoms = len(cr61_box.parameters.elements)
    assert cr61_box.positions_A.shape == (n_atoms, 3)
    assert len(cr61_box.role) == len(cr61_box.molecule) == n_atoms
    composition = cr61_box.composition
    n_ions = composition.n_counterions + composition.n_coions
    assert cr61_box.network
    n_polymers = cr61_box.network.n_components
    assert cr61_box.molecule.max() == n_polymers + n_ions + composition.n_waters
    assert np.array_equal(np.unique(cr61_box.molecule), np.arange(1, cr61_box.molecule.max() + 1))
    bonds = cr61_box.parameters.bonds
    assert np.array_equal(cr61_box.molecule[bonds[:, 1]], cr61_box.molecule[bonds[:, 2]])


def test_molecules_are_whole_and_water_keeps_clear(cr61_box: MembraneBox) -> None:
    bonds = cr61_box.parameters.bonds
    x = cr61_box.positions_A
    solvent = np.array(cr61_box.role) != "polymer"
    edge = cr61_box.box_A[0]
    along = x[bonds[:, 1]] - x[bonds[:, 2]]
    assert np.linalg.norm(along[solvent[bonds[:, 1]]], axis=1).max() < 2.0
    along -= edge * np.round(along / edge)  # a network's bonds may cross a face
    assert np.linalg.norm(along, axis=1).max() < 2.1
    inside = np.mod(x, edge)
    pairs = cKDTree(np.where(inside >= edge, 0, inside), boxsize=edge).query_pairs(
        1.9, output_type="ndarray"
    )
    between = cr61_box.molecule[pairs[:, 0]] != cr61_box.molecule[pairs[:, 1]]
    assert not (between & solvent[pairs].any(axis=1)).any()


def test_packing_is_less_dense_than_the_target(cr61_box: MembraneBox) -> None:
    density = (cr61_box.composition.box_A / cr61_box.box_A[0]) ** 3
    assert 0.4 < density <= 0.7 + 1e-6


@pytest.mark.parametrize("name", ["CR61/MgCl2", "Nafion/Na2SO4", "PSbNMP-BCE/KI"])
def test_every_shipped_system_is_built(name: str) -> None:
    system = load_system(name)
    box = build_box(system=system, composition=compose(system, salt_molar=1.0, box_A=20.0), seed=2)
    assert abs(box.parameters.charges_e.sum()) < 1e-9
    assert Counter(box.role)["water_oxygen"] == box.composition.n_waters
    assert np.isfinite(box.positions_A).all()


def test_a_seed_says_the_box() -> None:
    first, again, other = (build_box(system=PVAS, composition=SMALL, seed=s) for s in (3, 3, 4))
    assert np.array_equal(first.positions_A, again.positions_A)
    assert not np.allclose(first.positions_A, other.positions_A)


def test_chains_of_a_random_copolymer_differ() -> None:
    system = load_system("PSbNMP-RCE/KI")
    composition = compose(system, salt_molar=0.1, n_chains=2, units_per_chain=10)
    box = build_box(system=system, composition=composition, seed=1)
    names = np.array(box.parameters.residues)
    first, second = (names[box.molecule == chain].tolist() for chain in (1, 2))
    assert set(first) == set(second) == {unit.name for unit in system.membrane.polymer.units}
    assert first != second


def test_progress_is_told() -> None:
    told: list[str] = []
    build_box(system=PVAS, composition=SMALL, seed=1, say=told.append)
    (about_parameters,) = [line for line in told if line.startswith("parameters of")]
    assert re.fullmatch(r"parameters of \d+ chains? of [\d to]+ atoms", about_parameters)
    assert len([line for line in told if re.fullmatch(r"growing \d+ chains?", line)]) == 1
    assert any(line.startswith("packing ions and water into") for line in told)


def test_sulfate_is_a_tetrahedron_of_its_own_bond_length() -> None:
    sulfate = ion_parameters("SO4")
    atoms = assembly._ion_positions(load_ion("SO4"), sulfate)
    arms = np.delete(atoms, sulfate.elements.index("S"), axis=0)
    r0 = sulfate.bond_types[0].values[1]
    assert np.linalg.norm(arms, axis=1) == pytest.approx(np.full(4, r0))
    cosines = (arms @ arms.T)[np.triu_indices(4, 1)] / r0**2
    assert np.degrees(np.arccos(cosines)) == pytest.approx(np.full(6, 109.5), abs=8)


def test_ion_whose_parameters_have_other_atoms_is_refused() -> None:
    sodium_chloride = merge([(ion_parameters("Na"), 1), (ion_parameters("Cl"), 1)])
    with pytest.raises(CompositionError, match=r"ion SO4: its SMILES .* mend data/ions.csv"):
        assembly._ion_positions(load_ion("SO4"), sodium_chloride)


def test_composition_of_another_system_is_refused() -> None:
    with pytest.raises(CompositionError, match="the composition is of PVAS/NaCl, the system is CR"):
        build_box(system=load_system("CR61/NaCl"), composition=SMALL)


def test_an_unknown_force_field_names_the_one_that_was_meant() -> None:
    with pytest.raises(UnknownNameError, match=r"unknown force field 'gaf'; did you mean 'gaff2'"):
        build_box(system=PVAS, composition=SMALL, force_field="gaf")


def test_charged_box_is_refused(cr61_box: MembraneBox) -> None:
    charges = cr61_box.parameters.charges_e + 1e-5
    wrong = replace(cr61_box.parameters, charges_e=charges)
    with pytest.raises(CompositionError, match=r"CR61/NaCl: the box has a charge of \+0\.01"):
        assembly._check_neutral(wrong, "CR61/NaCl")


def test_no_room_is_said_after_several_boxes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("iemhpc.system.packing.N_ROUNDS", 1)
    with pytest.raises(
        CompositionError, match=r"ions and water find no room in 5 boxes, the last of .* 0.46"
    ):
        build_box(system=PVAS, composition=SMALL)
