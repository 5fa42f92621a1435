"""Amber's parameter files, read by us and by ParmEd."""

import warnings

import numpy as np
import pytest

from iemhpc.errors import InputError
from iemhpc.forcefield.amber import gaff2_table, parse_frcmod, parse_parm_dat
from iemhpc.resources import resource

PARM_DAT = """\
A field (Version 9.9.9, today)
c  12.01         0.616               carbon
ca 12.01         0.360
ha 1.008         0.135

c   ca
c -ca  300.0    1.4000             SOURCE1
ca-ca  400.0    1.3900

c -ca-ca   60.0      120.00

X -c -ca-X    4    4.000       180.000          -2.000
X -c -ca-X    2    1.000         0.000           3.000
ca-c -ca-ca   1    5.000       180.000           2.000
ca-ca-c -ca   1    7.000       180.000          -1.000      later wins
ca-ca-c -ca   2    6.000         0.000           2.000

X -X -ca-ha         1.1          180.          2.           general
c -ca-ca-ha         3.3          180.          2.

  ha  ca  0.     0.


MOD4      RE
  c           1.8606  0.0988             OPLS
  ca          1.8606  0.0988

END

ca-c  999.0    9.9000             prose after END
"""


def test_a_torsion_goes_on_while_its_periodicity_is_negative_and_is_divided():
    term = parse_parm_dat(PARM_DAT).dihedral("ha", "c", "ca", "ha")
    assert term.values == (2.0, 1.0, 2.0, 180.0, 0.5, 3.0, 0.0)


def test_a_later_block_replaces_the_key_in_either_direction():
    term = parse_parm_dat(PARM_DAT).dihedral("ca", "c", "ca", "ca")
    assert term.values == (2.0, 7.0, 1.0, 180.0, 3.0, 2.0, 0.0)
    assert "later wins" in parse_parm_dat(PARM_DAT).dihedral("ca", "ca", "c", "ca").source


def test_padded_types_the_hydrophilic_line_and_prose_after_end_are_understood():
    table = parse_parm_dat(PARM_DAT)
    assert table.bond("ca", "c").values == (300.0, 1.4)
    assert len(table.bonds) == 2
    assert table.bond("ca", "c").source == "parm.dat 9.9.9: its note: SOURCE1"


def test_an_improper_with_fewer_wildcards_goes_first():
    table = parse_parm_dat(PARM_DAT)
    assert table.improper(("ha", "c", "ca"), "ca").values == (3.3, -1.0, 2.0)
    general = table.improper(("ha", "ca", "ca"), "ca")
    assert general.values == (1.1, -1.0, 2.0)
    assert general.types == ("ca", "ca", "ca", "ha")
    assert table.improper(("c", "ca", "ca"), "ca") is None


def test_a_type_without_a_pair_term_is_missing():
    table = parse_parm_dat(PARM_DAT)
    assert table.atom("ha") is None
    assert table.atom("c").values == pytest.approx((0.0988, 3.31521, 12.01), rel=1e-5)


def test_what_parmchk2_could_not_estimate_is_missing_not_zero():
    lines = ["t", "ANGLE", "c -ca-zz   0.000       0.000   ATTN, need revision", "", "DIHE", ""]
    assert parse_frcmod(lines).angle("c", "ca", "zz") is None


def test_a_broken_line_names_its_section():
    with pytest.raises(InputError, match=r"'c -ca  oops    1.4' is no line of its bonds"):
        parse_frcmod(["t", "BOND", "c -ca  oops    1.4"])


def test_another_file_is_refused():
    with pytest.raises(InputError, match=r"is not a parm\.dat file"):
        parse_parm_dat("nothing\n\nhere\n")


def test_the_whole_of_gaff2_reads_as_in_parmed():
    amber = pytest.importorskip("parmed.amber")
    table = gaff2_table()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        other = amber.AmberParameterSet(str(resource("data", "gaff2", "gaff2.dat")))
    assert {key: entry.values for key, entry in table.bonds.items()} == {
        key: (term.k, term.req) for key, term in other.bond_types.items() if key <= key[::-1]
    }
    assert {key: entry.values for key, entry in table.angles.items()} == {
        key: (term.k, term.theteq) for key, term in other.angle_types.items() if key <= key[::-1]
    }
    for key, entry in table.dihedrals.items():
        terms = [(t.phi_k, abs(t.per), t.phase) for t in other.dihedral_types[key]]
        ours = zip(*[iter(entry.values)] * 3, strict=True)
        np.testing.assert_allclose(sorted(ours), sorted(terms), rtol=1e-12, err_msg=str(key))
    assert len(table.dihedrals) == len({min(k, k[::-1]) for k in other.dihedral_types})
    assert len(table.impropers) == len(other.improper_periodic_types)
    for name, kind in other.atom_types.items():
        if table.atom(name) is not None:
            epsilon, sigma, mass = table.atom(name).values
            assert (epsilon, sigma, mass) == pytest.approx((kind.epsilon, kind.sigma, kind.mass))
