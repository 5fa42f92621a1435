import re
import subprocess
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from iemhpc.errors import InputError
from iemhpc.forcefield.aqueous import ion_parameters, water_parameters
from iemhpc.lammps.data_file import DataFile, data_text, parse_data, read_data
from iemhpc.lammps.styles_file import styles_text
from iemhpc.system.assembly import WATER_A, MembraneBox
from iemhpc.system.merging import merge


def text_of(box: MembraneBox) -> str:
    return data_text(
        box.parameters,
        positions_A=box.positions_A,
        box_A=box.box_A,
        molecule=box.molecule,
        title="CR61/NaCl, a test",
    )


@pytest.fixture(scope="module")
def small() -> str:
    """One sodium and two waters, the first of them cut by a face of the box."""
    parameters = merge([(ion_parameters("Na"), 1), (water_parameters(), 2)])
    positions = np.vstack([[[1.0, 2.0, 3.0]], WATER_A + 9.5, WATER_A + 4.0])
    return data_text(
        parameters,
        positions_A=positions,
        box_A=np.full(3, 10.0),
        molecule=np.array([1, 2, 2, 2, 3, 3, 3]),
        title="small",
    )


def test_what_is_written_is_read_again(cr61_box: MembraneBox) -> None:
    read = parse_data(text_of(cr61_box), name="system.data")
    parameters = cr61_box.parameters
    assert np.abs(read.positions_A - cr61_box.positions_A).max() < 1e-9
    assert np.abs(read.charges_e - parameters.charges_e).max() < 1e-11
    assert abs(read.charges_e.sum()) < 1e-8
    assert np.abs(read.box_A - cr61_box.box_A).max() < 1e-9
    assert np.array_equal(read.molecule, cr61_box.molecule)
    assert np.array_equal(read.types, parameters.atom_type + 1)
    for group in ("bonds", "angles", "dihedrals", "impropers"):
        assert np.array_equal(getattr(read, group), getattr(parameters, group) + 1)
    masses = [term.values[2] for term in parameters.atom_types]
    assert read.masses_g_mol == pytest.approx(masses, rel=1e-9)
    assert not read.images.any()


def test_file_names_its_types_and_holds_no_coefficients(cr61_box: MembraneBox) -> None:
    text = text_of(cr61_box)
    assert text.startswith("CR61/NaCl, a test\n")
    assert "# OW" in text
    assert "Coeffs" not in text


def test_order_of_atoms_in_the_file_does_not_matter(small: str) -> None:
    lines = small.splitlines()
    start = lines.index("Atoms # full") + 2
    lines[start : start + 7] = reversed(lines[start : start + 7])
    shuffled, ordered = (parse_data(t, name="x") for t in ("\n".join(lines) + "\n", small))
    assert np.array_equal(shuffled.positions_A, ordered.positions_A)
    assert np.array_equal(shuffled.ids, np.arange(1, 8))


@pytest.mark.lammps
def test_lammps_reads_it_and_writes_it_back(
    cr61_box: MembraneBox, lmp: str, tmp_path: Path
) -> None:
    thermo = run_lammps(cr61_box, lmp, tmp_path)
    assert all(np.isfinite(value) for value in thermo.values())
    ours, back = read_data(tmp_path / "system.data"), read_data(tmp_path / "back.data")
    assert np.array_equal(ours.ids, back.ids)
    assert np.array_equal(ours.types, back.types)
    assert np.array_equal(ours.molecule, back.molecule)
    assert np.abs(ours.charges_e - back.charges_e).max() < 1e-9
    ours_A, back_A = (data.positions_A + data.images * data.box_A for data in (ours, back))
    assert np.abs(ours_A - back_A).max() < 1e-5
    assert ((back.positions_A >= -1e-6) & (back.positions_A <= back.box_A + 1e-6)).all()
    for group in ("bonds", "angles", "dihedrals", "impropers"):
        # LAMMPS may turn a bond or an angle round.
        first, second = (
            Counter((row[0], frozenset(row[1:])) for row in getattr(data, group).tolist())
            for data in (ours, back)
        )
        assert first == second


@pytest.mark.lammps
def test_lammps_energies_are_those_of_the_harmonic_formulas(
    cr61_box: MembraneBox, lmp: str, tmp_path: Path
) -> None:
    thermo = run_lammps(cr61_box, lmp, tmp_path)
    x, parameters = cr61_box.positions_A, cr61_box.parameters
    bonds = parameters.bonds

    def nearest(vector_A: np.ndarray) -> np.ndarray:  # a network's bonds cross the box's faces
        return np.asarray(vector_A - cr61_box.box_A * np.round(vector_A / cr61_box.box_A))

    length = np.linalg.norm(nearest(x[bonds[:, 1]] - x[bonds[:, 2]]), axis=1)
    values = np.array([parameters.bond_types[kind].values for kind in bonds[:, 0]])
    energy = (values[:, 0] * (length - values[:, 1]) ** 2).sum()
    assert thermo["E_bond"] == pytest.approx(energy, rel=1e-6)
    angles = parameters.angles
    a, b = (nearest(x[angles[:, k]] - x[angles[:, 2]]) for k in (1, 3))
    cosine = (a * b).sum(axis=1) / np.linalg.norm(a, axis=1) / np.linalg.norm(b, axis=1)
    values = np.array([parameters.angle_types[kind].values for kind in angles[:, 0]])
    off = np.arccos(cosine) - np.radians(values[:, 1])
    assert thermo["E_angle"] == pytest.approx((values[:, 0] * off**2).sum(), rel=1e-6)


def run_lammps(box: MembraneBox, lmp: str, folder: Path) -> dict[str, float]:
    (folder / "system.data").write_text(text_of(box))
    (folder / "styles.in").write_text(styles_text(box.parameters))
    (folder / "run.in").write_text(
        "units real\natom_style full\nboundary p p p\nread_data system.data\n"
        "include styles.in\nkspace_style pppm 1e-4\n"
        'if "${water_angle_type} == 0" then "quit 5"\n'
        "fix rigid all shake 1e-5 50 0 m ${shake_mass} a ${water_angle_type}\nunfix rigid\n"
        "thermo_style custom step evdwl ecoul elong ebond eangle edihed eimp press\n"
        "thermo_modify line one format float %.12g\nrun 0\n"
        "write_data back.data nocoeff\n"
    )
    done = subprocess.run(
        [lmp, "-in", "run.in", "-log", "none"],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-2000:]
    lines = done.stdout.splitlines()
    start = next(k for k, line in enumerate(lines) if line.split()[:2] == ["Step", "E_vdwl"])
    return dict(zip(lines[start].split(), map(float, lines[start + 1].split()), strict=True))


WRITE_DATA = """\
LAMMPS data file via write_data, version 22 Jul 2025, timestep = 100, units = real

3 atoms
2 atom types
2 bonds
1 bond types
1 angles
1 angle types

-1 9 xlo xhi
-1.5 8.5 ylo yhi
0 10 zlo zhi

Masses

1 15.9994
2 1.008

Pair Coeffs # lj/cut/coul/long

1 0.1521 3.1507
2 0 0

Atoms # full

3 1 2 0.417 8.5 1 1 0 0 -1
1 1 1 -0.834 -0.5 1 1 1 0 0
2 1 2 0.417 0.4 1 1 1 0 0

Velocities

1 0 0 0
3 0 0 0.1
2 0.1 0 0

Bonds

2 1 1 3
1 1 1 2

Angles

1 1 2 1 3
"""


def test_lammps_own_file_is_read_with_images_and_without_coefficients() -> None:
    data = parse_data(WRITE_DATA, name="back.data")
    assert data.box_low_A.tolist() == [-1.0, -1.5, 0.0]
    assert data.box_A.tolist() == [10.0, 10.0, 10.0]
    assert data.images.tolist() == [[1, 0, 0], [1, 0, 0], [0, 0, -1]]
    assert data.bonds.tolist() == [[1, 1, 2], [1, 1, 3]]
    assert data.dihedrals.shape == (0, 5)


def test_file_cut_at_any_character_is_refused() -> None:
    for end in range(len(WRITE_DATA)):
        with pytest.raises(InputError):
            parse_data(WRITE_DATA[:end], name="cut.data")
    assert isinstance(parse_data(WRITE_DATA, name="whole.data"), DataFile)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("3 atoms", "4 atoms", "section 'Atoms' has 3 lines, the header promises 4 atoms"),
        ("3 atoms", "2 atoms", "wanted the title of a section"),
        ("2 bonds", "1 bonds", "the section before it has more lines than the header says"),
        ("1 1 2 1 3\n", "1 1 2 1 9\n", "section 'Angles' names an atom that is not in 'Atoms'"),
        ("1 1 2 1 3\n", "1 3 2 1 3\n", "section 'Angles' has a type outside 1 to 1"),
        ("2 1 2 0.417 0.4", "2 1 7 0.417 0.4", "atom types from 1 to 7, the header promises 1 to"),
        ("2 1 2 0.417 0.4", "3 1 2 0.417 0.4", "has an atom id twice"),
        ("2 1 2 0.417 0.4", "2 1 2 0.417 nan", "holds a number that is not finite"),
        ("2 1 2 0.417 0.4", "2 1 2 0.417 0.4x", "section 'Atoms': could not convert string"),
        ("0.4 1 1 1 0 0", "0.4 1 1 1", "got 8 numbers in '2 1 2 0.417 0.4 1 1 1', wanted 10"),
        ("2 1 2 0.417 0.4 1 1 1 0 0\n", "", "section 'Atoms' has 2 lines"),
        ("3 atoms\n", "", "its header lacks atoms"),
        ("0 10 zlo zhi", "0 0 zlo zhi", "a box edge is not positive"),
        ("0 10 zlo zhi", "0 ten zlo zhi", "line 12: 'ten' is not a number"),
        ("0 10 zlo zhi", "0 10 zlo zhi\n0 0 1 xy xz yz", "the box is triclinic"),
        ("Angles\n\n1 1 2 1 3\n", "", "promises 1 angles, but there is no section 'Angles'"),
        ("Masses\n\n1 15.9994\n2 1.008\n", "", "no section 'Masses'"),
    ],
)
def test_damage_is_named(old: str, new: str, message: str) -> None:
    assert old in WRITE_DATA
    with pytest.raises(InputError, match=re.escape(message)) as caught:
        parse_data(WRITE_DATA.replace(old, new, 1), name="bad.data")
    assert str(caught.value).startswith("bad.data")


def test_a_binary_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "production.data"
    path.write_bytes(b"\xff\xfe\x00\n")
    with pytest.raises(InputError, match=r"is not a data file of LAMMPS, but binary: .*again"):
        read_data(path)
