"""frcmod files united, read again by the project's own parser."""

from iemhpc.forcefield.amber import parse_frcmod
from iemhpc.forcefield.frcmod import united

ONE = """\
estimated
MASS
sy 32.06

BOND
c3-sy  244.20   1.807       same as c3-s6, penalty score=  2.0

DIHE
c3-c3-sy-o    1    0.150         0.000          -3.000      first
c3-c3-sy-o    1    0.250       180.000           2.000      second

IMPROPER
c3-ca-ca-nb   1.1          180.0         2.0          default

NONBON
  sy          1.9825  0.2824

BOND
ca-sy  250.00   1.790       again
""".splitlines()

OTHER = """\
estimated, later
BOND
sy-c3  260.00   1.800       replaces the first

DIHE
o -sy-c3-c3   1    0.300         0.000           1.000      alone

IMPROPER
ca-c3-ca-nb   1.2          180.0         2.0          replaces
""".splitlines()


def test_the_union_reads_as_one_file_after_the_other():
    got = parse_frcmod(united([ONE, OTHER]))
    wanted = parse_frcmod(ONE).overridden_by(parse_frcmod(OTHER))
    assert got == wanted
    assert got.bond("c3", "sy").values == (260.0, 1.8)
    assert got.dihedral("c3", "c3", "sy", "o").values == (1, 0.3, 1, 0.0)


def test_torsions_of_several_lines_stay_whole():
    got = parse_frcmod(united([OTHER, ONE]))
    assert got.dihedral("c3", "c3", "sy", "o").values == (2, 0.15, 3, 0.0, 0.25, 2, 180.0)


def test_every_section_and_every_key_stands_once():
    lines = united([ONE, OTHER, ONE])
    assert [lines.count(name) for name in ("MASS", "BOND", "DIHE", "IMPROPER", "NONBON")] == [1] * 5
    assert sum("sy" in line and line.startswith(("c3-sy ", "sy-c3 ")) for line in lines) == 1


def test_one_file_alone_is_left_as_it_is_and_none_makes_none():
    assert united([ONE, ONE, ()]) == tuple(ONE)
    assert united([(), ()]) == ()
