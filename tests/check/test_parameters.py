from dataclasses import replace

import pytest

from iemhpc.check.parameters import check_parameters
from iemhpc.lammps.parameter_table import ParameterRow

BOND = ParameterRow(
    kind="bond",
    number=1,
    atom_types="c3-ca",
    n_used=8,
    meaning="K kcal/mol/Å²; r0 Å",
    values=(243.91, 1.5147),
    source="gaff2.dat 2.2.20: 2021 7362 0.0051",
)
CHARGE = ParameterRow(
    kind="charge",
    number=1,
    atom_types="EGDMA",
    n_used=90,
    meaning="formal charge e; drift e",
    values=(0.0, -0.137, -0.6, 0.7),
    source="am1bcc: antechamber 22.0, sqm 19",
)


def test_the_highest_penalty_comes_first() -> None:
    rows = [replace(BOND, penalty=p, number=k) for k, p in enumerate((12.0, 49.6, 6.0, 10.0), 1)]
    doubts = check_parameters(rows).doubts
    assert [doubt.parameter.penalty for doubt in doubts] == [49.6, 12.0]
    assert doubts[0].reason == "penalty 49.6, wanted 10 or less"


def test_what_is_borrowed_is_doubtful_after_what_has_a_penalty() -> None:
    borrowed = replace(BOND, source="overlay: by analogy from toluene, bond CT-CA")
    rows = [BOND, borrowed, replace(BOND, penalty=20.0)]
    doubts = check_parameters(rows).doubts
    assert [doubt.reason for doubt in doubts] == ["penalty 20, wanted 10 or less", "by analogy"]
    assert doubts[1].parameter == borrowed


def test_a_term_for_which_the_table_has_several_lines_is_doubtful() -> None:
    chosen = replace(BOND, source="a table: ethers; one of 2 lines of the table for this key")
    (doubt,) = check_parameters([BOND, chosen]).doubts
    assert doubt.reason == "the table has several lines for it"


def test_charges_that_drifted_far_are_doubtful_and_tabled() -> None:
    section = check_parameters([CHARGE, replace(CHARGE, values=(-1.0, 0.006, -0.7, 1.4))])
    (doubt,) = section.doubts
    assert doubt.reason.startswith("its charges missed the formal charge by -0.137 e")
    assert [charges.drift_e for charges in section.charges] == [-0.137, 0.006]
    assert section.charges[0].method == "am1bcc"
    assert section.charges[0].source == "antechamber 22.0, sqm 19"
    assert any("EGDMA" in line and "-0.1370" in line for line in section.lines())


def charged(
    charges: dict[str, tuple[float, int]], *, formal: float, scale: str = ""
) -> list[ParameterRow]:
    """Return the rows of one kind of residue: type -> charge, number of atoms."""
    masses = {"s6": 32.06, "o": 16.0, "c3": 12.01, "hc": 1.008, "Na+": 22.99}
    types = [
        replace(BOND, kind="atom", atom_types=kind, values=(0.2, 3.0, masses[kind]))
        for kind in charges
    ]
    n_atoms = sum(count for _, count in charges.values())
    whole = replace(CHARGE, atom_types="a sulfonate", n_used=n_atoms)
    lines = [
        replace(
            BOND,
            kind="atom charge",
            atom_types=f"a sulfonate {kind}",
            n_used=count,
            values=(charge,),
        )
        for kind, (charge, count) in charges.items()
    ]
    source = f"am1bcc: sqm{scale}"
    return [*types, replace(whole, values=(formal, 0.0, -1.0, 1.0), source=source), *lines]


def test_charges_are_summed_over_the_box_and_said_beside_the_formal_ones() -> None:
    full = {"s6": (1.0, 10), "o": (-0.6, 30), "c3": (-0.2, 10), "hc": (0.0, 22)}
    (found,) = check_parameters(charged(full, formal=-1.0)).charges
    assert (found.formal_charge, found.scale) == (-1.0, 1.0)
    assert (found.sum_e, found.box_sum_e) == pytest.approx((-1.0, -10.0))
    three_quarters = {kind: (0.75 * charge, n) for kind, (charge, n) in full.items()}
    section = check_parameters(
        charged(three_quarters, formal=-1.0, scale="; charges scaled by 0.75")
    )
    (found,) = section.charges
    assert (found.formal_charge, found.scale) == (-1.0, 0.75)
    assert (found.sum_e, found.box_sum_e) == pytest.approx((-0.75, -7.5))
    assert not section.doubts
    line = next(line for line in section.lines() if line.startswith("  a sulfonate"))
    assert line.split()[2:5] == ["-1", "-0.75", "-7.5"]


def test_charges_that_do_not_sum_to_the_formal_charge_are_doubtful() -> None:
    off = {"s6": (1.0, 200), "o": (-0.6, 600), "c3": (-0.21, 200)}
    (doubt,) = check_parameters(charged(off, formal=-1.0)).doubts
    assert doubt.reason == "its charges sum to -1.0100 e in the box, wanted -1"
    (doubt,) = check_parameters(charged({"Na+": (0.5, 12)}, formal=1.0)).doubts
    assert doubt.reason == "its charges sum to +0.5000 e in the box, wanted +1"


def test_a_residue_all_of_whose_elements_come_in_pairs_is_one_residue() -> None:
    both = {"s6": (1.0, 20), "o": (-0.6, 60), "c3": (-0.2, 20)}
    section = check_parameters(charged(both, formal=-2.0))
    assert section.charges[0].sum_e == pytest.approx(-2.0)
    assert not section.doubts


def test_a_sum_without_its_lines_is_unsaid() -> None:
    section = check_parameters([CHARGE])
    assert (section.charges[0].sum_e, section.charges[0].box_sum_e) == (None, None)
    assert any(line.count(" unsaid ") == 2 for line in section.lines())


def test_what_parmchk2_takes_by_default_has_no_penalty_and_is_doubtful() -> None:
    for source, reason in (
        ("parmchk2 for X: Using the default value", "parmchk2's default value"),
        ("parmchk2 for X: Calculated with empirical approach for a-b-c", "by parmchk2's empirical"),
    ):
        (doubt,) = check_parameters([replace(BOND, source=source)]).doubts
        assert doubt.reason.startswith(reason)


def test_a_well_deeper_than_any_other_is_remarkable() -> None:
    n4 = replace(BOND, kind="atom", atom_types="n4", values=(3.8748, 2.4995, 14.01))
    (doubt,) = check_parameters([n4, replace(n4, values=(0.4955, 3.84, 126.9))]).doubts
    assert doubt.reason == (
        "its well of 3.8748 kcal/mol is deeper than 1: as published, but remarkable"
    )


def test_settings_and_single_charges_are_no_parameters_to_be_counted() -> None:
    setting = replace(BOND, kind="setting", atom_types="cut-off", values=(10.0,), meaning="Å")
    single = replace(BOND, kind="atom charge", atom_types="EGDMA c3", values=(-0.1,))
    section = check_parameters([BOND, CHARGE, single, replace(setting, source="protocol")])
    assert section.n_parameters == 2
    lines = section.lines()
    assert "  setting cut-off = 10 [Å]; protocol" in lines
    assert lines[-1] == "  the charge of each atom: lines 'atom charge' of parameters.csv"


def test_parameters_are_counted_by_source() -> None:
    section = check_parameters([BOND, replace(BOND, number=2), CHARGE])
    assert section.sources == {"gaff2.dat 2.2.20": 2, "charges: am1bcc": 1}


def test_a_run_without_doubts_says_so() -> None:
    lines = check_parameters([BOND]).lines()
    assert lines[0] == "PARAMETERS: 1, none of them doubtful"
    assert lines[-1] == "  this run does not record where its charges come from"
