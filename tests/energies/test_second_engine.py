"""Every energy term of a chain agrees between LAMMPS and OpenMM, which counts the terms itself."""

from dataclasses import replace

import numpy as np
import pytest

from iemhpc.errors import (
    ForceFieldError,
    InputError,
    MissingInputError,
    ProgramError,
    UnknownNameError,
)
from iemhpc.lammps import second_engine_openmm
from iemhpc.lammps.energy import Energies
from iemhpc.lammps.second_engine import (
    KINDS,
    EnergyComparison,
    KindComparison,
    compare,
    compare_run,
)
from iemhpc.lammps.second_engine_counts import count_terms
from iemhpc.polymer.catalog import membrane_names

FIRST = {("CR61", "gaff2"), ("PSbNMP-RCE", "gaff2"), ("Nafion", "oplsaa"), ("PVAS", "oplsaa")}


@pytest.mark.lammps
@pytest.mark.parametrize(
    ("membrane", "force_field"),
    [
        pytest.param(name, field, marks=() if (name, field) in FIRST else pytest.mark.slow)
        for name in membrane_names()
        for field in ("gaff2", "oplsaa")
    ],
)
def test_every_term_of_a_membranes_units_agrees_with_a_second_engine(
    structures, membrane, force_field
):
    parameters, positions_A = structures.parametrised(membrane, force_field)
    found = compare(
        parameters,
        positions_A,
        bonds=structures.bonds_of(membrane),
        what=f"{membrane} in {force_field}",
    )
    print("\n".join(found.lines()))
    for kind in found.kinds:
        assert kind.n_lammps == kind.n_openmm, found.lines()
    assert found.passes, found.lines()


def test_kinds_are_those_of_the_first_engine():
    assert KINDS == ("bond", "angle", "dihedral", "improper", "vdw", "coulomb")
    assert Energies(bond=1, angle=2, dihedral=3, improper=4, vdw=5, coulomb=6).total == 21


def one_kind(**changes):
    values = {"kind": "bond", "lammps": 1.0, "openmm": 1.0, "tolerance": 1e-4}
    return KindComparison(**values | {"n_lammps": 3, "n_openmm": 3} | changes)


def test_a_report_says_which_term_differs_and_by_how_much():
    kinds = (one_kind(), one_kind(kind="angle", lammps=1.002))
    report = EnergyComparison(what="a run", n_atoms=5, kinds=kinds)
    assert not report.passes
    assert "DISAGREE" in report.lines()[0]
    assert report.lines()[2].endswith("1.0e-04")
    assert report.lines()[3].endswith("2.0e-03    1.0e-04  differs")
    assert report.kind("angle").difference == pytest.approx(0.002)
    with pytest.raises(UnknownNameError, match="kind of energy term"):
        report.kind("torsion")


def test_a_lost_term_fails_even_where_its_energy_is_zero():
    lost = one_kind(n_lammps=2)
    assert lost.difference == 0
    assert not lost.passes
    report = EnergyComparison(what="a run", n_atoms=5, kinds=(lost,))
    assert report.lines()[-1].endswith("LAMMPS has 2 terms, OpenMM found 3")


def test_an_energy_that_is_no_number_does_not_pass():
    assert not one_kind(openmm=float("nan")).passes


def test_a_missing_openmm_says_how_to_get_it(monkeypatch, tmp_path):
    monkeypatch.setattr(second_engine_openmm, "openmm", None)
    with pytest.raises(ProgramError, match=r"OpenMM is needed .* pip install 'iemhpc\[check\]'"):
        compare_run(tmp_path)


def test_a_folder_that_is_no_run_is_refused(structures, tmp_path):
    with pytest.raises(MissingInputError, match=r"plan\.json does not exist; make runs with"):
        compare_run(tmp_path)
    (tmp_path / "plan.json").write_text("{}")
    with pytest.raises(InputError, match="names no force field"):
        compare_run(tmp_path)
    (tmp_path / "plan.json").write_text('{"physics": {"force_field": "gaff2"}}')
    with pytest.raises(MissingInputError, match=r"system\.data does not exist"):
        compare_run(tmp_path)


def test_a_force_field_that_only_one_engine_knows_is_refused(structures):
    parameters = replace(
        structures.from_types("gaff2", ["c3", "f"], [(0, 1)]), force_field="amoeba"
    )
    with pytest.raises(UnknownNameError, match="force field of the second engine"):
        compare(parameters, np.array([[0.0, 0, 0], [1.4, 0, 0]]))


def test_a_type_that_is_in_no_table_is_named(structures):
    from iemhpc.lammps.second_engine_gaff2 import gaff2_tables
    from iemhpc.lammps.second_engine_oplsaa import oplsaa_tables

    with pytest.raises(ForceFieldError, match=r"gaff2\.dat has no atom type qq"):
        gaff2_tables({"c3", "qq"})
    with pytest.raises(ForceFieldError, match="has the type opls_0"):
        oplsaa_tables({"opls_0"})


def test_a_term_without_coefficients_is_seen():
    rows = {"bond": np.array([[2, 1, 2]])}
    with pytest.raises(InputError, match=r"no bond_coeff of type 2"):
        count_terms("bond_style harmonic\nbond_coeff 1 300.0 1.5\n", rows)
    with pytest.raises(InputError, match="bond_style morse is none of harmonic"):
        count_terms("bond_style morse\nbond_coeff 2 1 2 3\n", rows)
