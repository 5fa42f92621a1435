from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from iemhpc.errors import ForceFieldError, InputError, MissingInputError
from iemhpc.forcefield import gaff2, oplsaa
from iemhpc.forcefield.parameters import ChargeOrigin, PairTerm, Parameters, scaled
from iemhpc.lammps.parameter_table import parameter_rows, parameters_csv, read_parameters
from iemhpc.polymer.catalog import load_membrane, membrane_names
from iemhpc.polymer.chain import link
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
    others = [o for o in cr61_box.parameters.charge_origins if o.residue != origin.residue]
    parameters = replace(cr61_box.parameters, pairs=(pair,), charge_origins=(*others, origin))
    rows = {row.kind: row for row in parameter_rows(parameters)}
    assert rows["pair"].atom_types in ("Na+ with OW", "OW with Na+")
    assert rows["pair"].n_used == cr61_box.composition.n_counterions
    assert rows["pair"].values == (0.115, 2.795)
    charge = rows["charge"]
    assert (charge.atom_types, charge.source) == ("styrenesulfonate", "am1bcc: sqm")
    formal_charge, drift_e, lowest_e, highest_e = charge.values
    assert (formal_charge, drift_e) == (-1.0, 0.006)
    assert lowest_e < -0.5 < 1.0 < highest_e


def test_every_charge_of_the_box_is_a_line_and_they_sum_to_its_charge(
    cr61_box: MembraneBox,
) -> None:
    rows = [row for row in parameter_rows(cr61_box.parameters) if row.kind == "atom charge"]
    assert sum(row.n_used for row in rows) == len(cr61_box.parameters.elements)
    assert sum(row.n_used * row.values[0] for row in rows) == pytest.approx(0.0, abs=1e-5)
    water = {row.atom_types: row.values for row in rows if row.atom_types.startswith("HOH")}
    assert water == {"HOH OW": (-0.834,), "HOH HW": (0.417,)}
    assert all(
        row.source.startswith(("am1bcc: ", "tip3p: ", "formal charge: Joung")) for row in rows
    )


def test_a_residue_whose_charges_come_from_nowhere_is_refused(cr61_box: MembraneBox) -> None:
    origins = [
        replace(origin, residue=origin.residue.replace("styrene", "phenylethylene"))
        for origin in cr61_box.parameters.charge_origins
    ]
    misnamed = replace(cr61_box.parameters, charge_origins=tuple(origins))
    with pytest.raises(ForceFieldError, match="charges of styrenesulfonate come from; or"):
        parameter_rows(misnamed)


@pytest.mark.parametrize("parametrise", [gaff2.parametrise_chain, oplsaa.parametrise_chain])
@pytest.mark.parametrize("membrane", membrane_names())
def test_every_unit_of_every_membrane_says_where_its_charges_come_from(
    membrane: str, parametrise: Callable[..., Parameters]
) -> None:
    units = load_membrane(membrane).polymer.units
    rows = parameter_rows(parametrise(link([*units, *units])))
    assert {row.atom_types for row in rows if row.kind == "charge"} == {u.name for u in units}
    assert all(":" in row.source for row in rows if row.kind == "atom charge")


def test_settings_say_what_styles_and_protocol_hold(cr61_box: MembraneBox) -> None:
    rows = parameter_rows(cr61_box.parameters, {"cutoff_A": 10.0, "pppm": 1e-4, "warm_ps": 1.0})
    settings = {row.atom_types: row for row in rows if row.kind == "setting"}
    assert settings["special_bonds"].values == pytest.approx((0, 0, 0.5, 0, 0, 5 / 6))
    assert "Lorentz-Berthelot" in settings["pair_modify mix arithmetic"].meaning
    assert settings["pair_modify tail yes"].values == (1.0,)
    assert settings["cut-off"].values == (10.0,)
    assert settings["kspace_style pppm"].values == (1e-4,)


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


@pytest.mark.parametrize("content", [b"\xff\xfe\x00", b"kind,\x00\n"])
def test_a_binary_table_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "parameters.csv"
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"parameters\.csv.*build the run again"):
        read_parameters(path)
