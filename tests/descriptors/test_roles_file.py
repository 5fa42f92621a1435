from pathlib import Path

import numpy as np
import pytest

from iemhpc.descriptors.lammps_topology import parse_lammps_data
from iemhpc.descriptors.pairs import PairAtoms
from iemhpc.descriptors.roles_file import check_not_bonded, choose_roles, read_roles_file
from iemhpc.descriptors.topology import read_topology
from iemhpc.errors import InputError, MissingInputError

DATA = """two waters, two ions and a site

9 atoms
5 atom types
4 bonds
1 bond types

0 10 xlo xhi
0 10 ylo yhi
0 10 zlo zhi
3 0 0 xy xz yz

Masses

1 15.999  # OW
2 1.008
3 22.98977 # Na+
4 32.06
5 15.999

Atoms  # full

9 5 5 -0.5 0 0 0 0 0 0
1 1 1 -0.8 0 0 0 0 0 0
2 1 2  0.4 0 0 0 0 0 0
3 1 2  0.4 0 0 0 0 0 0
4 2 1 -0.8 0 0 0 0 0 0
5 2 2  0.4 0 0 0 0 0 0
6 3 3  1.0 0 0 0 0 0 0
7 4 3  1.0 0 0 0 0 0 0
8 5 4  1.0 0 0 0 0 0 0

Bonds

1 1 1 2
2 1 1 3
3 1 4 5
4 1 8 9
"""
GOOD = "[roles]\nwater_oxygen = { type = 1 }\ncounterion = { type = 3 }\ntethered = { type = 4 }\n"


@pytest.fixture
def topology(tmp_path):
    path = tmp_path / "system.data"
    path.write_text(DATA)
    return read_topology(path)


def chosen(folder: Path, text: str, topology):
    path = folder / "roles.toml"
    path.write_text(text)
    return choose_roles(read_roles_file(path), topology, where="roles.toml")


@pytest.mark.parametrize(
    ("selector", "atoms"),
    [
        ("{ type = 3 }", [5, 6]),
        ('{ type = "Na+" }', [5, 6]),
        ('{ type = "3-4" }', [5, 6, 7]),
        ("{ type = [3, 4] }", [5, 6, 7]),
        ('{ element = "Na" }', [5, 6]),
        ('{ element = ["Na", "S"], molecule = "4-5" }', [6, 7]),
        ('{ element = "Na", molecule = 3 }', [5]),
        ('{ index = "5-6, 8" }', [5, 6, 8]),
        ("{ index = [5, 6] }", [5, 6]),
        ('{ id = "6-7" }', [5, 6]),
        ("[{ id = 6 }, { index = 6 }]", [5, 6]),
        ('"none"', []),
    ],
)
def test_a_role_is_chosen_by_type_element_molecule_or_range(tmp_path, topology, selector, atoms):
    text = f'[roles]\nwater_oxygen = {{ type = 1 }}\ncounterion = {selector}\ntethered = "none"\n'
    roles = chosen(tmp_path, text, topology)
    assert roles.groups["counterion"].tolist() == atoms
    assert roles.groups["water_oxygen"].tolist() == [0, 3]
    assert (roles.frame["role"] == "counterion").sum() == len(atoms)


def test_molecules_are_what_bonds_join_and_chosen_ions_are_by_themselves(tmp_path, topology):
    frame = chosen(tmp_path, GOOD, topology).frame
    molecule = frame["molecule"].to_numpy()
    assert molecule[0] == molecule[1] == molecule[2] != molecule[3]
    assert molecule[7] == molecule[8]
    assert len({molecule[5], molecule[6], molecule[0], molecule[3], molecule[7]}) == 5
    assert frame["is_tethered_paper"].tolist() == [False] * 7 + [True, False]
    assert frame["element"].tolist() == ["O", "H", "H", "O", "H", "Na", "Na", "S", "O"]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (
            GOOD.replace("type = 3", "typ = 3"),
            r"counterion 1.typ: unknown key; did you mean 'type'",
        ),
        (GOOD.replace("[roles]", "[role]"), "role: unknown key; did you mean 'roles'"),
        (GOOD.replace("counterion", "counter_ion"), r"'counterion' is missing; .*'counter_ion'"),
        (GOOD.replace("type = 3", "type = 7"), r"selects no atom.*it holds type: 1 \(OW\), 2, 3"),
        (GOOD.replace("type = 3", 'element = "K"'), "selects no atom.*element: H, Na, O, S"),
        (GOOD.replace("type = 3", "type = 4"), "counterion and tethered overlap in 1 atoms, the "),
        (GOOD.replace("type = 3", 'index = "7-5"'), "counterion.index: the range '7-5' runs back"),
        (GOOD.replace("type = 3", 'index = "x"'), r"got 'x', wanted a number or a range"),
        (GOOD.replace("type = 3", "index = -1"), "got -1, wanted a number or a range"),
        (GOOD.replace("{ type = 3 }", "3"), r"counterion: got 3, wanted \{ type = 1 \}"),
        (GOOD.replace("{ type = 3 }", "{}"), "counterion: a selector without a condition"),
        (GOOD.replace("{ type = 3 }", "[]"), r"counterion: got \[\], wanted"),
        ("roles = 3", r"wanted a table, such as: \[roles\]"),
        ("roles = ", "is not TOML"),
        (GOOD + "[conditions]\nsaltmolar = 1\n", "did you mean 'salt_molar'"),
        (GOOD + "[conditions]\nsalt_molar = -1\n", "got -1; Input should be greater"),
    ],
)
def test_what_is_wrong_with_a_roles_file_is_said(tmp_path, topology, text, says):
    with pytest.raises(InputError, match=says):
        chosen(tmp_path, text, topology)


def test_a_missing_roles_file_says_what_one_looks_like(tmp_path):
    with pytest.raises(MissingInputError, match=r"wanted a file of roles, such as: \[roles\]"):
        read_roles_file(tmp_path / "none.toml")


def test_elements_need_masses(tmp_path):
    path = tmp_path / "bare.data"
    path.write_text("x\n\n1 atoms\n1 atom types\n\nAtoms # atomic\n\n1 1 0 0 0\n")
    text = GOOD.replace("type = 3", 'element = "Na"')
    with pytest.raises(InputError, match="has no masses from which elements follow; choose by"):
        chosen(tmp_path, text, read_topology(path))


def test_a_pair_whose_atoms_are_bonded_is_refused(topology):
    atoms = PairAtoms(reference=np.array([7]), neighbour=np.array([5, 8]), elements=("S", "O"))
    with pytest.raises(InputError, match="tethered_x: 1 bonds join its atoms, the first atoms 8 a"):
        check_not_bonded(atoms, topology, pair="tethered_x")


def test_a_group_keeps_its_bonds_and_a_stranger_is_refused(topology):
    group = topology.only(np.array([1, 3, 6]))
    assert group.bonds.tolist() == [[0, 1]]
    assert group.elements.tolist() == ["O", "H", "Na"]
    with pytest.raises(InputError, match=r"holds atom 12, which is not in .*different boxes"):
        topology.only(np.array([1, 12]))


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda t: t[:-1], "the last line has no end"),
        (
            lambda t: t.replace("9 atoms", "10 atoms"),
            r"'Atoms' has 9 lines, the header promises 10",
        ),
        (lambda t: t.replace("4 bonds", "5 bonds"), r"'Bonds' has 4 lines, the header promises 5"),
        (lambda t: t.replace("5 atom types", ""), "its header names no atom types"),
        (lambda t: t.replace("5 15.999\n", ""), "'Masses' has 4 lines, the header promises 5"),
        (lambda t: t.replace("\n7 4 3", "\n6 4 3"), "has an atom id twice"),
        (lambda t: t.replace("\n7 4 3", "\n7 4 9"), "got atom type '9'; the header promises types"),
        (lambda t: t.replace("\n7 4 3", "\n7 x 3"), "section 'Atoms': invalid literal"),
        (
            lambda t: t.replace("4 1 8 9", "4 1 8 19"),
            "'Bonds' names an atom that is not in 'Atoms'",
        ),
        (lambda t: t.replace("# full", "# sphere"), "atom style 'sphere'; wanted one of full, mol"),
        (
            lambda t: t.replace("# full", "# charge"),
            "has 10 columns, atom style charge has 6, or 9",
        ),
        (lambda t: t.replace("2 1.008", "2 heavy"), "'Masses': 'heavy' is not a number"),
    ],
)
def test_a_damaged_data_file_says_how(change, says):
    with pytest.raises(InputError, match=says):
        parse_lammps_data(change(DATA), name="system.data")


def test_the_atom_style_is_told_from_the_columns_and_labels_are_types():
    head = "x\n\n2 atoms\n2 atom types\n\nAtom Type Labels\n\n1 OW\n2 NA\n\n"
    full = parse_lammps_data(head + "Atoms\n\n1 1 OW -0.8 0 0 0\n2 2 NA 1 0 0 0\n", name="x")
    assert full.types.tolist() == [1, 2]
    assert full.type_names == ("OW", "NA")
    charge = parse_lammps_data(head + "Atoms\n\n1 1 -0.8 0 0 0\n2 2 1.0 0 0 0\n", name="x")
    assert charge.charges_e.tolist() == [-0.8, 1.0]
    molecular = parse_lammps_data(head + "Atoms\n\n1 1 1 0 0 0\n2 7 2 0 0 0\n", name="x")
    assert molecular.molecules.tolist() == [1, 7]


def test_a_binary_file_is_no_data_file(tmp_path):
    path = tmp_path / "x.data"
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InputError, match=r"neither a data file of LAMMPS nor a \.pdb file"):
        read_topology(path)
    with pytest.raises(MissingInputError, match="wanted the topology: a LAMMPS data file or a PDB"):
        read_topology(tmp_path / "none.data")


PDB = (
    "CRYST1   20.000   20.000   20.000  90.00  90.00  90.00 P 1           1\n"
    "HETATM    1  O   HOH A   1       1.000   1.000   1.000  1.00  0.00           O  \n"
    "HETATM    2  H1  HOH A   1       1.900   1.000   1.000  1.00  0.00           H  \n"
    "HETATM    3  H2  HOH A   1       1.000   1.900   1.000  1.00  0.00           H  \n"
    "HETATM    4 NA    NA A   2       5.000   5.000   5.000  1.00  0.00          NA  \n"
    "END\n"
)


def test_a_pdb_gives_elements_residues_and_bonds(tmp_path):
    path = tmp_path / "top.pdb"
    path.write_text(PDB)
    found = read_topology(path)
    assert found.elements.tolist() == ["O", "H", "H", "Na"]
    assert found.residues.tolist() == ["HOH", "HOH", "HOH", "NA"]
    assert sorted(map(sorted, found.bonds.tolist())) == [[0, 1], [0, 2]]
    text = GOOD.replace("type = 1", 'element = "O", residue = "HOH"')
    text = text.replace("type = 3", 'residue = "NA"').replace("{ type = 4 }", '"none"')
    roles = chosen(tmp_path, text, found)
    assert roles.groups["counterion"].tolist() == [3]


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("          NA  ", "           NA ", "columns 77 to 80 hold ' NA ', which is no element"),
        ("          NA  ", "         NA   ", "columns 77 to 80 hold 'A   ', which is no element"),
        (
            "          NA  ",
            "           N  ",
            r"named Na, but would be read as N; write the element",
        ),
        ("5.000   5.000   5.000", " 5.000   5.000  5.000", "not three coordinates|no element"),
        ("  1  O   HOH", "  1  X   HOH", "ok"),
    ],
)
def test_a_shifted_column_of_a_pdb_is_refused(tmp_path, old, new, says):
    path = tmp_path / "top.pdb"
    path.write_text(PDB.replace(old, new))
    if says == "ok":  # what counts is the column of elements
        assert read_topology(path).elements[0] == "O"
        return
    with pytest.raises(InputError, match=says):
        read_topology(path)


def test_an_atom_without_element_is_refused(tmp_path):
    path = tmp_path / "top.pdb"
    path.write_text(PDB.replace(" O   HOH", " QQ  HOH").replace("           O  ", " " * 14))
    with pytest.raises(InputError, match=r"atom 1 \(QQ of HOH\) has no element; write it in col"):
        read_topology(path)
    path.write_text("END\n")
    with pytest.raises(InputError, match="holds no ATOM or HETATM record"):
        read_topology(path)
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(InputError, match="is no PDB file, but binary"):
        read_topology(path)
