from dataclasses import replace
from pathlib import Path

import pytest

from iemhpc.errors import InputError, MissingInputError
from iemhpc.forcefield.parameters import ChargeOrigin, PairTerm, scaled
from iemhpc.lammps.parameter_table import parameter_rows, parameters_csv, read_parameters
from iemhpc.system.assembly import MembraneBox


def test_rows_are_read_as_they_were_written(cr61_box: MembraneBox, tmp_path: Path) -> None:
    path = tmp_path / "parameters.csv"
    path.write_text(parameters_csv(cr61_box.parameters), encoding="utf-8")
    assert read_parameters(path) == parameter_rows(cr61_box.parameters)


def test_every_term_of_the_box_is_counted_once(cr61_box: MembraneBox) -> None:
    parameters = cr61_box.parameters
    rows = parameter_rows(parameters)
    for kind, terms in (
        ("bond", parameters.bonds),
        ("angle", parameters.angles),
        ("dihedral", parameters.dihedrals),
        ("improper", parameters.impropers),
    ):
        assert sum(row.n_used for row in rows if row.kind == kind) == len(terms)
    assert all(row.source and row.meaning and row.n_used for row in rows)


def test_pairs_and_charges_are_explained_too(cr61_box: MembraneBox) -> None:
    names = [" ".join(term.types) for term in cr61_box.parameters.atom_types]
    sodium, water = names.index("Na+"), names.index("OW")
    pair = PairTerm(
        first=min(sodium, water),
        second=max(sodium, water),
        epsilon_kcal_mol=0.115,
        sigma_A=2.795,
        source="Lorentz-Berthelot, because the box mixes geometrically",
    )
    origin = ChargeOrigin(
        residue="styrenesulfonate", method="am1bcc", formal_charge=-1, drift_e=0.006, source="sqm"
    )
    parameters = replace(cr61_box.parameters, pairs=(pair,), charge_origins=(origin,))
    rows = {row.kind: row for row in parameter_rows(parameters)}
    assert rows["pair"].atom_types in ("Na+ with OW", "OW with Na+")
    assert rows["pair"].n_used == cr61_box.composition.n_counterions
    assert rows["pair"].values == (0.115, 2.795)
    charge = rows["charge"]
    assert (charge.atom_types, charge.source) == ("styrenesulfonate", "am1bcc: sqm")
    formal_charge, drift_e, lowest_e, highest_e = charge.values
    assert (formal_charge, drift_e) == (-1.0, 0.006)
    assert lowest_e < -0.5 < 1.0 < highest_e


def test_what_no_atom_uses_is_not_written(cr61_box: MembraneBox) -> None:
    parameters = cr61_box.parameters
    unused = replace(parameters, bond_types=(*parameters.bond_types, parameters.bond_types[0]))
    assert parameter_rows(unused) == parameter_rows(parameters)


def test_a_table_of_other_columns_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "parameters.csv"
    path.write_text("kind,number\natom,1\n")
    with pytest.raises(InputError, match="got the columns kind, number, wanted also atom_types"):
        read_parameters(path)


def test_a_damaged_number_is_named_by_its_line(cr61_box: MembraneBox, tmp_path: Path) -> None:
    path = tmp_path / "parameters.csv"
    lines = parameters_csv(cr61_box.parameters).splitlines()
    lines[2] = lines[2].replace(lines[2].split(",")[3], "many", 1)
    path.write_text("\n".join(lines))
    with pytest.raises(InputError, match=r"line 3: a number is missing or damaged; build the run"):
        read_parameters(path)


def test_a_missing_table_names_the_command(tmp_path: Path) -> None:
    with pytest.raises(MissingInputError, match="made with: iemhpc md-submit"):
        read_parameters(tmp_path / "parameters.csv")


def test_scaled_charges_say_so(cr61_box: MembraneBox) -> None:
    rows = parameter_rows(scaled(cr61_box.parameters, 0.75))
    said = {row.atom_types: row.source for row in rows if row.kind == "charge"}
    assert said["Na"].endswith("; charges scaled by 0.75")
    assert "scaled" not in said["HOH"]
