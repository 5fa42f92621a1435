from pathlib import Path

import pytest

from iemhpc.errors import InputError
from iemhpc.lammps.log_file import (
    error_lines,
    last_step,
    read_thermo,
    thermo_tables,
)

LOG = """\
LAMMPS (22 Jul 2025 - Update 4)
thermo_style custom step temp density
Per MPI rank memory allocation (min/avg/max) = 14.5 | 14.5 | 14.5 Mbytes
   Step          Temp         Density
         0   300            0.98
WARNING: something happened (src/x.cpp:1)
       100   301.5          0.99
Loop time of 1.2 on 1 procs for 100 steps with 30 atoms

Per MPI rank memory allocation (min/avg/max) = 14.5 | 14.5 | 14.5 Mbytes
   Step         Density          Temp
       100   0.99           301.5
       200   1.00           299
"""


def test_columns_are_found_by_name_in_any_order() -> None:
    first, second = thermo_tables(LOG)
    assert first["Temp"].tolist() == [300.0, 301.5]
    assert second["Temp"].tolist() == [301.5, 299.0]
    assert second["Density"].tolist() == [0.99, 1.0]


def test_a_table_without_its_end_is_read_and_marked() -> None:
    first, second = thermo_tables(LOG)
    assert (first.complete, second.complete) == (True, False)


@pytest.mark.parametrize("cut", range(1, 40))
def test_a_log_cut_anywhere_never_yields_a_damaged_number(cut: int) -> None:
    steps = [step for table in thermo_tables(LOG[:-cut]) for step in table["Step"].tolist()]
    assert steps == [0.0, 100.0, 100.0, 200.0][: len(steps)]
    densities = thermo_tables(LOG[:-cut])[-1]["Density"].tolist()
    assert densities == [0.99, 1.0][: len(densities)]


def test_an_unknown_column_lists_those_of_the_log() -> None:
    with pytest.raises(InputError, match="no column 'Press'; it has Step, Temp, Density"):
        thermo_tables(LOG)[0]["Press"]


def test_a_missing_log_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="there is no such file"):
        read_thermo(tmp_path / "log.lammps")


def test_a_log_without_tables_has_no_step() -> None:
    assert last_step("LAMMPS\nunits real\n") is None


def test_errors_are_the_lines_that_begin_so() -> None:
    line = "ERROR on proc 0: Out of range atoms - cannot compute PPPM (src/x.cpp:1)"
    assert error_lines(f"units real\n{line}\nLast command: run 10\n") == (line,)
