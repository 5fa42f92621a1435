"""Molecules chosen to switch on one kind of term each, in both force fields."""

import numpy as np
import pytest

from iemhpc.lammps.second_engine import compare

COULOMB_KCAL_A = 332.06371

TYPES = {
    "gaff2": {"C": "c3", "H": "hc", "aromatic": "ca", "ha": "ha", "F": "f"},
    "oplsaa": {"C": "135", "H": "140", "aromatic": "145", "ha": "146", "F": "956"},
}
FIELDS = pytest.mark.parametrize("force_field", ["gaff2", "oplsaa"])


def fragment(structures, force_field, symbols, bonds, charges_e=None):
    names = [TYPES[force_field][symbol] for symbol in symbols]
    return structures.from_types(force_field, names, bonds, charges_e)


def switched_on(report):
    assert report.passes, report.lines()
    return {kind.kind for kind in report.kinds if abs(kind.lammps) > 1e-3}


def zigzag(parameters, *, bend=0.0, turn=180.0, stretch_A=0.0):
    """A chain of up to four atoms at its equilibrium but for what is said."""
    r = [term.values[1] + stretch_A for term in parameters.bond_types]
    kind = {tuple(sorted(row[1:])): r[row[0]] for row in parameters.bonds.tolist()}
    n = len(parameters.elements)
    places = [np.zeros(3), np.array([kind[0, 1], 0.0, 0.0])]
    for atom in range(2, n):
        theta = {tuple(row[1:]): row[0] for row in parameters.angles.tolist()}
        degrees = parameters.angle_types[theta[atom - 2, atom - 1, atom]].values[1] + bend
        places.append(_next(places, kind[atom - 1, atom], degrees, turn))
    return np.array(places)


def _next(places, r_A, degrees, turn):
    b = places[-1] - places[-2]
    b /= np.linalg.norm(b)
    before = places[-2] - places[-3] if len(places) > 2 else np.array([0.0, 1.0, 0.0])
    normal = np.cross(before, b)
    normal /= np.linalg.norm(normal)
    side = np.cross(normal, b)
    theta, phi = np.deg2rad(degrees), np.deg2rad(turn)
    return places[-1] + r_A * (
        -np.cos(theta) * b + np.sin(theta) * (np.cos(phi) * side + np.sin(phi) * normal)
    )


@pytest.mark.lammps
@FIELDS
def test_two_bonded_atoms_have_a_bond_and_nothing_else(structures, force_field):
    parameters = fragment(structures, force_field, "CH", [(0, 1)], [0.3, -0.3])
    report = compare(parameters, zigzag(parameters, stretch_A=0.05))
    assert switched_on(report) == {"bond"}
    k = parameters.bond_types[0].values[0]
    assert report.kind("bond").openmm == pytest.approx(k * 0.05**2, abs=1e-6)


@pytest.mark.lammps
@FIELDS
def test_three_atoms_at_the_lengths_of_their_bonds_have_an_angle_only(structures, force_field):
    parameters = fragment(structures, force_field, "HCH", [(0, 1), (1, 2)], [0.1, -0.2, 0.1])
    report = compare(parameters, zigzag(parameters, bend=10.0))
    assert switched_on(report) == {"angle"}
    k = parameters.angle_types[0].values[0]
    assert report.kind("angle").openmm == pytest.approx(k * np.deg2rad(10.0) ** 2, abs=1e-6)


@pytest.mark.lammps
@FIELDS
def test_four_atoms_in_a_chain_have_a_torsion_and_a_scaled_1_4_pair(structures, force_field):
    bonds = [(0, 1), (1, 2), (2, 3)]
    charges_e = [0.2, -0.2, -0.2, 0.2]
    parameters = fragment(structures, force_field, "HCCH", bonds, charges_e)
    positions_A = zigzag(parameters, turn=20.0)
    report = compare(parameters, positions_A)
    assert switched_on(report) == {"dihedral", "vdw", "coulomb"}
    distance_A = np.linalg.norm(positions_A[3] - positions_A[0])
    scale = {"gaff2": 5 / 6, "oplsaa": 1 / 2}[force_field]
    wanted = scale * COULOMB_KCAL_A * 0.04 / distance_A
    assert report.kind("coulomb").openmm == pytest.approx(wanted, abs=1e-5)
    epsilon, sigma_A, _ = parameters.atom_types[parameters.atom_type[0]].values
    q = (sigma_A / distance_A) ** 6
    assert report.kind("vdw").openmm == pytest.approx(0.5 * 4 * epsilon * (q * q - q), abs=1e-7)


@pytest.mark.lammps
@FIELDS
def test_every_fourier_term_of_a_torsion_is_there_at_any_turn(structures, force_field):
    bonds = [(0, 1), (1, 2), (2, 3)]
    for symbols in ("FCCF", "FCCH"):  # GAFF2 has several terms for both, OPLS V1 and V3
        parameters = fragment(structures, force_field, symbols, bonds)
        for turn in (50.0, 260.0):
            switched_on(compare(parameters, zigzag(parameters, turn=turn)))


@pytest.mark.lammps
@FIELDS
def test_a_centre_out_of_its_plane_has_an_improper(structures, force_field):
    symbols = ["aromatic", "aromatic", "aromatic", "ha"]
    parameters = fragment(structures, force_field, symbols, [(0, 1), (0, 2), (0, 3)])
    lengths_A = [parameters.bond_types[row[0]].values[1] for row in parameters.bonds.tolist()]
    places = [np.zeros(3)]
    for length_A, degrees in zip(lengths_A, (0.0, 120.0, 240.0), strict=True):
        x, y = np.cos(np.deg2rad(degrees)), np.sin(np.deg2rad(degrees))
        arm = np.array([x, y, 0.25])
        places.append(length_A * arm / np.linalg.norm(arm))
    report = compare(parameters, np.array(places))
    assert switched_on(report) == {"angle", "improper"}
    assert report.kind("improper").n_openmm == 1


@pytest.mark.lammps
@FIELDS
def test_a_flat_centre_has_an_improper_of_zero_energy_that_counts(structures, force_field):
    symbols = ["aromatic", "aromatic", "aromatic", "ha"]
    parameters = fragment(structures, force_field, symbols, [(0, 1), (0, 2), (0, 3)])
    turns = np.deg2rad([0.0, 120.0, 240.0])
    flat = np.array([[0.0, 0, 0], *np.c_[np.cos(turns), np.sin(turns), np.zeros(3)].tolist()])
    report = compare(parameters, 1.4 * flat)
    assert report.passes, report.lines()
    assert report.kind("improper").lammps == pytest.approx(0, abs=1e-9)
    assert report.kind("improper").n_lammps == report.kind("improper").n_openmm == 1


@pytest.mark.lammps
@FIELDS
def test_two_molecules_mix_their_sigmas_by_the_fields_rule(structures, force_field):
    parameters = fragment(structures, force_field, "CHFC", [(0, 1), (2, 3)])
    pair = zigzag(fragment(structures, force_field, "CH", [(0, 1)]))
    other = zigzag(fragment(structures, force_field, "FC", [(0, 1)]))
    report = compare(parameters, np.concatenate([pair, other + np.array([0.5, 3.1, 0.2])]))
    assert switched_on(report) == {"vdw"}


@pytest.mark.lammps
@FIELDS
def test_charges_of_two_molecules_see_each_other_in_full(structures, force_field):
    parameters = fragment(structures, force_field, "CHFC", [(0, 1), (2, 3)], [1, 0, -1, 0])
    pair = zigzag(fragment(structures, force_field, "CH", [(0, 1)]))
    other = zigzag(fragment(structures, force_field, "FC", [(0, 1)]))
    report = compare(parameters, np.concatenate([pair, other + np.array([0.0, 30.0, 0.0])]))
    assert switched_on(report) == {"coulomb"}
    assert report.kind("coulomb").openmm == pytest.approx(-COULOMB_KCAL_A / 30, abs=1e-6)
