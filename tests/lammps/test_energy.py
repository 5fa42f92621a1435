"""Energies by term, on molecules that switch on one term each, and what can go wrong."""

import stat
from dataclasses import replace

import numpy as np
import pytest

from iemhpc.errors import InputError, ProgramError
from iemhpc.forcefield.aqueous import ion_parameters, water_parameters
from iemhpc.lammps.energy import Energies, energy_command, parse_energies, vacuum_energies

COULOMB_KCAL_A = 332.06371
"""LAMMPS's constant in units real: kcal/mol Å per square elementary charge."""


def water_positions(bond_A=0.9572, angle_degrees=104.52):
    half = np.deg2rad(angle_degrees) / 2
    x, y = bond_A * np.sin(half), bond_A * np.cos(half)
    return np.array([[0.0, 0, 0], [x, y, 0], [-x, y, 0]])


def pair(first, second):
    """Two ions as one set of parameters."""
    return replace(
        first,
        elements=first.elements + second.elements,
        charges_e=np.concatenate([first.charges_e, second.charges_e]),
        residues=first.residues + second.residues,
        is_tethered_paper=np.zeros(2, dtype=bool),
        is_tethered_center=np.zeros(2, dtype=bool),
        atom_types=first.atom_types + second.atom_types,
        atom_type=np.array([0, 1]),
    )


@pytest.mark.lammps
def test_two_ions_attract_by_coulombs_law_and_touch_by_lorentz_and_berthelot():
    sodium, chloride = ion_parameters("Na"), ion_parameters("Cl")
    energies = vacuum_energies(pair(sodium, chloride), np.array([[0.0, 0, 0], [0, 0, 60.0]]))
    assert energies.coulomb == pytest.approx(-COULOMB_KCAL_A / 60.0, abs=1e-6)
    rmin_A = 1.369 + 2.513
    energies = vacuum_energies(pair(sodium, chloride), np.array([[0.0, 0, 0], [rmin_A, 0, 0]]))
    assert energies.vdw == pytest.approx(-np.sqrt(0.0874393 * 0.0355910), abs=1e-9)


@pytest.mark.lammps
def test_one_stretched_bond_and_one_bent_angle_cost_what_hooke_says():
    water = water_parameters()
    rest = vacuum_energies(water, water_positions())
    assert rest.total == pytest.approx(0.0, abs=1e-9)
    stretched = vacuum_energies(water, water_positions(bond_A=0.9572 + 0.05))
    assert stretched.bond == pytest.approx(2 * 553.0 * 0.05**2, abs=1e-6)
    assert stretched.angle == pytest.approx(0.0, abs=1e-9)
    bent = vacuum_energies(water, water_positions(angle_degrees=104.52 + 10))
    assert bent.angle == pytest.approx(100.0 * np.deg2rad(10.0) ** 2, abs=1e-6)


def test_a_missing_lammps_says_how_to_get_it():
    with pytest.raises(ProgramError, match="no-such-lmp is needed to compute energies"):
        vacuum_energies(water_parameters(), water_positions(), lmp=["no-such-lmp"])


@pytest.mark.parametrize("positions", [np.zeros((2, 3)), np.full((3, 3), np.nan)])
def test_positions_of_another_shape_or_no_numbers_are_refused(positions):
    with pytest.raises(InputError, match=r"wanted finite numbers of shape \(3, 3\)"):
        vacuum_energies(water_parameters(), positions)


def script(tmp_path, text):
    path = tmp_path / "lmp"
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return [str(path)]


def test_an_error_of_lammps_is_passed_on(tmp_path):
    lmp = script(tmp_path, "echo LAMMPS; echo 'ERROR: Unknown pair style'; exit 1")
    with pytest.raises(ProgramError, match="exit code 1; it said: ERROR: Unknown pair style"):
        vacuum_energies(water_parameters(), water_positions(), lmp=lmp)


def test_a_lammps_that_does_not_end_is_ended(tmp_path):
    lmp = script(tmp_path, "sleep 60 & wait")
    with pytest.raises(ProgramError, match=r"did not end within 0\.5 s"):
        vacuum_energies(water_parameters(), water_positions(), lmp=lmp, limit_s=0.5)


def test_an_answer_cut_short_names_what_is_missing():
    with pytest.raises(ProgramError, match="without printing angle, dihedral, improper, vdw"):
        parse_energies("energy bond 1.0\nenergy coulomb 2.0\n")


def test_the_cut_off_is_passed_to_the_template():
    assert "cutoff_A 75" in " ".join(energy_command(["lmp"], cutoff_A=75.0))


def test_the_total_is_the_sum_of_the_terms():
    energies = Energies(bond=1, angle=2, dihedral=3, improper=4, vdw=5, coulomb=6)
    assert energies.total == 21
