"""The LAMMPS templates, with LAMMPS itself, on a box that needs no other code of ours."""

import re
import shutil
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path

import mdtraj
import numpy as np
import pytest

from iemhpc.lammps.log_file import read_thermo, thermo_tables
from iemhpc.resources import resource
from iemhpc.scheduler.scripts import STAGES
from iemhpc.settings.protocol import PRESETS

WriteBox = Callable[..., Path]
SHORT = {
    "cutoff_A": 6,
    "pppm": 1e-3,
    "push_off_ps": 0.05,
    "minimize_steps": 60,
    "warm_ps": 0.1,
    "compress_ps": 0.1,
    "density_ps": 0.1,
    "density_blocks": 4,
    "density_tolerance": 0.5,
    "anneal_ps": 0.6,
    "cool_ps": 0.2,
    "settle_npt_ps": 0.2,
    "settle_nvt_ps": 0.1,
}


def run_stage(
    lmp: str, folder: Path, stage: str, variables: Mapping[str, object], *words: str
) -> subprocess.CompletedProcess[str]:
    given = [word for key, value in variables.items() for word in ("-var", key, str(value))]
    template = resource("lammps_templates", f"{stage}.in")
    return subprocess.run(
        [lmp, "-in", str(template), "-log", f"log.{stage}", "-screen", "none", *given, *words],
        cwd=folder,
        check=False,
        capture_output=True,
        text=True,
        timeout=900,
    )


def index_variables(stage: str) -> set[str]:
    text = resource("lammps_templates", f"{stage}.in").read_text()
    # one value, and at most a comment: a list is the template's own
    return set(re.findall(r"^variable\s+(\w+)\s+index\s+\S+\s*(?:#.*)?$", text, re.MULTILINE))


def test_every_number_of_a_protocol_is_a_variable_of_a_template() -> None:
    known = set().union(*(index_variables(stage) for stage in STAGES))
    for preset in PRESETS.values():
        assert set(preset.variables) <= known


def test_every_variable_of_a_template_is_set_by_a_plan() -> None:
    of_a_plan = {"temperature_K", "pressure_atm", "timestep_fs", "seed"}
    of_a_plan |= {
        "production_ps",
        "frame_ps",
        "restart_ps",
        "resume",
        "restart",
        "restart_first",
        "data_step",
        "attempt",
        "time_limit",
    }
    for stage in STAGES:
        assert index_variables(stage) <= of_a_plan | set(PRESETS["quick"].variables)


def test_defaults_of_the_templates_are_the_quick_protocol() -> None:
    for stage in STAGES:
        text = resource("lammps_templates", f"{stage}.in").read_text()
        for name, value in re.findall(r"^variable\s+(\w+)\s+index\s+(\S+)", text, re.MULTILINE):
            if name in PRESETS["quick"].variables:
                assert float(value) == PRESETS["quick"].variables[name], name


@pytest.mark.lammps
@pytest.mark.parametrize("larsen_scale", [0, 1])
def test_templates_parse_without_being_run(
    lmp: str, write_water_box: WriteBox, tmp_path: Path, larsen_scale: int
) -> None:
    folder = write_water_box(tmp_path / "run", per_edge=7)
    for stage in STAGES:
        # production sets its own timer; a limit of nothing is the same as -skiprun
        limit = {"time_limit": "00:00:00"} if stage == "production" else {}
        done = run_stage(lmp, folder, stage, limit | {"larsen_scale": larsen_scale}, "-skiprun")
        log = (folder / f"log.{stage}").read_text()
        assert not re.search("^ERROR", log, re.MULTILINE), log[-2000:]
        assert done.returncode == (75 if stage == "production" else 0)
        assert not (folder / "compressed.data").exists()


@pytest.fixture(scope="module")
def finished(lmp: str, write_water_box: WriteBox, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = write_water_box(tmp_path_factory.mktemp("templates") / "run")
    for stage in ("minimize", "equilibrate"):
        done = run_stage(lmp, folder, stage, SHORT)
        assert done.returncode == 0, done.stdout
    sampling = {"production_ps": 0.4, "frame_ps": 0.02, "restart_ps": 0.1}
    done = run_stage(lmp, folder, "production", SHORT | sampling)
    assert done.returncode == 0, done.stdout
    return folder


@pytest.mark.lammps
def test_production_writes_every_frame_and_water_stays_rigid(finished: Path) -> None:
    with mdtraj.formats.DCDTrajectoryFile(str(finished / "production.0.dcd")) as stream:
        positions_A, _, _ = stream.read()
    assert len(positions_A) == 21
    oxygens = np.arange(0, 121 * 3, 3)
    # unwrapped: hydrogens lie beside their oxygen without any minimum image
    for hydrogen in (1, 2):
        distance = np.linalg.norm(
            positions_A[:, oxygens + hydrogen] - positions_A[:, oxygens], axis=2
        )
        np.testing.assert_allclose(distance, 0.9572, atol=2e-4)


@pytest.mark.lammps
@pytest.mark.parametrize(("name", "other", "step"), [("a", "b", 150), ("b", "a", 200)])
def test_the_restart_file_gone_on_from_is_kept_until_the_other_one_is_written(
    lmp: str, finished: Path, tmp_path: Path, name: str, other: str, step: int
) -> None:
    folder = tmp_path / "run"
    shutil.copytree(finished, folder)
    files = {each: folder / f"production.{each}.restart" for each in "ab"}
    before = {each: path.read_bytes() for each, path in files.items()}
    # as far as one more restart file, 50 steps later
    words = {"production_ps": (step + 50) * 0.002, "frame_ps": 0.02, "restart_ps": 0.1}
    resume = {"resume": 1, "restart": files[name].name, "restart_first": other, "attempt": 2}
    done = run_stage(lmp, folder, "production", SHORT | words | resume)
    assert done.returncode == 0, done.stdout
    note = (folder / f"segment.{step}.txt").read_text()
    assert note == f"{step} 10 2.0 2 production.{name}.restart\n"
    assert files[name].read_bytes() == before[name]
    assert files[other].read_bytes() != before[other]


@pytest.mark.lammps
def test_production_goes_on_from_its_data_file_with_step_and_velocities(
    lmp: str, finished: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "run"
    shutil.copytree(finished, folder)
    (folder / "equilibrated.data").unlink()
    words = {"production_ps": 0.5, "frame_ps": 0.02, "restart_ps": 0.1, "attempt": 2}
    resume = {"resume": 2, "restart": "production.data", "data_step": 200}
    done = run_stage(lmp, folder, "production", SHORT | words | resume)
    assert done.returncode == 0, done.stdout
    assert (folder / "segment.200.txt").read_text() == "200 10 2.0 2 production.data\n"
    before, after = (read_thermo(each / "log.production")[-1] for each in (finished, folder))
    assert (after["Step"][0], after["Step"][-1]) == (200, 250)
    assert after["Temp"][0] == pytest.approx(before["Temp"][-1], abs=0.01)
    frames = []
    for path in (finished / "production.0.dcd", folder / "production.200.dcd"):
        with mdtraj.formats.DCDTrajectoryFile(str(path)) as stream:
            frames.append(stream.read()[0])
    # unwrapped as before
    np.testing.assert_allclose(frames[1][0], frames[0][-1], atol=1e-3)


@pytest.mark.lammps
def test_annealing_is_hot_and_ends_at_the_wanted_temperature(finished: Path) -> None:
    warm, _, _, _, _, _, hot, *_ = read_thermo(finished / "log.equilibrate")
    assert hot["Temp"][-1] > 400.0
    production = read_thermo(finished / "log.production")[-1]
    assert production["Temp"].mean() == pytest.approx(298.15, abs=60.0)
    assert warm["Step"][0] == 0


@pytest.mark.lammps
def test_larsens_compression_has_its_21_steps(lmp: str, finished: Path, tmp_path: Path) -> None:
    """Larsen, Lin, Hart and Colina, Macromolecules 44, 6944 (2011), a thousandth of its lengths."""
    shutil.copytree(finished, tmp_path / "run")
    done = run_stage(
        lmp, tmp_path / "run", "equilibrate", SHORT | {"larsen_scale": 0.001, "timestep_fs": 1}
    )
    assert done.returncode == 0, done.stdout
    text = (tmp_path / "run" / "log.equilibrate").read_text()
    pressures_atm = re.findall(r"^iemhpc: Larsen cycle \d of 7, (\S+) atm", text, re.MULTILINE)
    bar_per_atm = 1.01325
    assert [round(float(atm) * bar_per_atm) for atm in pressures_atm] == [
        *(1000, 30000, 50000, 25000, 5000, 500, 1)
    ]
    tables = thermo_tables(text)[1:22]  # after the warm-up
    lengths = [round(table["Step"][-1] - table["Step"][0]) for table in tables]
    assert lengths == [
        *(50, 50, 50),
        *(50, 100, 50),
        *(50, 100, 50),
        *(50, 100, 5),
        *(5, 10, 5),
        *(5, 10, 5),
        *(5, 10, 800),
    ]
    assert sum(lengths) == 1560


@pytest.mark.lammps
@pytest.mark.parametrize("larsen_scale", [0, 0.001])
def test_a_later_attempt_goes_on_from_what_is_compressed(
    lmp: str, finished: Path, tmp_path: Path, larsen_scale: float
) -> None:
    folder = tmp_path / "run"
    shutil.copytree(finished, folder)
    (folder / "equilibrated.data").unlink()
    scale = {"larsen_scale": larsen_scale}
    tight = SHORT | scale | {"density_ps": 0.2, "density_tolerance": 0.0, "compress_ps": 2}
    assert run_stage(lmp, folder, "equilibrate", tight).returncode == 3
    compressed = (folder / "compressed.data").read_text()
    assert "Velocities" in compressed
    done = run_stage(lmp, folder, "equilibrate", SHORT | scale)
    assert done.returncode == 0, done.stdout
    log = (folder / "log.equilibrate").read_text()
    assert "iemhpc: note: compressed by an attempt before this one" in log
    tables = thermo_tables(log)
    assert tables[0].label.startswith("to density, block 1")
    assert tables[0]["Temp"][0] == pytest.approx(298.15 if larsen_scale else 400.0, abs=100.0)
    first, last = (float(table["Lx"][0]) for table in (tables[0], tables[-1]))
    edge = re.search(r"(\S+) (\S+) xlo xhi", compressed)
    assert edge
    assert first == pytest.approx(float(edge[2]) - float(edge[1]), rel=1e-4)
    assert last != first
    assert (folder / "equilibrated.data").exists()
    assert not (folder / "compressed.data").exists()


@pytest.mark.lammps
def test_a_density_that_still_moves_is_an_error_in_words(
    lmp: str, finished: Path, tmp_path: Path
) -> None:
    shutil.copytree(finished, tmp_path / "run")
    tight = {"density_ps": 0.5, "density_tolerance": 0.0, "compress_ps": 2}
    done = run_stage(lmp, tmp_path / "run", "equilibrate", SHORT | tight)
    assert done.returncode == 3
    log = (tmp_path / "run" / "log.equilibrate").read_text()
    assert re.search(
        r"^ERROR: iemhpc: the density has not settled: over the last two of 4 blocks of 0.5 ps "
        r"it changed by [\d.]+ %, wanted at most 0.00 % or twice the error of [\d.]+ %; lengthen "
        r"density_ps or allow more density_blocks",
        log,
        re.MULTILINE,
    )


@pytest.mark.lammps
def test_a_density_that_agrees_with_itself_ends_the_blocks(finished: Path) -> None:
    log = (finished / "log.equilibrate").read_text()
    assert len(re.findall(r"^iemhpc: to density, block", log, re.MULTILINE)) == 4
    assert re.search(r"^iemhpc: note: the density is steady at [\d.]+ g/cm3", log, re.MULTILINE)


@pytest.mark.lammps
def test_the_data_files_carry_no_coefficients(finished: Path) -> None:
    for name in ("minimized.data", "equilibrated.data", "production.data"):
        assert "Coeffs" not in (finished / name).read_text()


@pytest.mark.lammps
def test_a_box_narrower_than_two_cutoffs_is_an_error_in_words(lmp: str, finished: Path) -> None:
    done = run_stage(lmp, finished, "equilibrate", SHORT | {"cutoff_A": 9})
    assert done.returncode == 3
    log = (finished / "log.equilibrate").read_text()
    assert re.search(
        r"^ERROR: iemhpc: the box is 1\d\.\d+ A wide after NPT, wanted at least twice the cut-off, "
        r"18 A; use a larger box_A or a smaller cutoff_A",
        log,
        re.MULTILINE,
    )


@pytest.mark.lammps
def test_a_bond_that_stays_long_is_an_error_in_words(
    lmp: str, write_water_box: WriteBox, tmp_path: Path
) -> None:
    folder = write_water_box(tmp_path / "run")
    done = run_stage(lmp, folder, "minimize", SHORT | {"longest_bond_A": 0.5})
    assert done.returncode == 3
    assert not (folder / "minimized.data").exists()
    log = (folder / "log.minimize").read_text()
    assert re.search(
        r"^ERROR: iemhpc: a bond is [\d.]+ A long after minimisation, wanted at most 0.5",
        log,
        re.MULTILINE,
    )


@pytest.mark.lammps
@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_water_reaches_the_density_of_tip3p(
    lmp: str, write_water_box: WriteBox, tmp_path: Path
) -> None:
    """0.98 g/cm³ at 298 K with Ewald sums: Price and Brooks, J. Chem. Phys. 121, 10096 (2004)."""
    folder = write_water_box(tmp_path / "run", per_edge=8, n_pairs=0)
    lengths = {"anneal_ps": 2, "cool_ps": 2, "density_ps": 10, "settle_npt_ps": 20, "cutoff_A": 9}
    for stage in ("minimize", "equilibrate"):
        assert run_stage(lmp, folder, stage, lengths).returncode == 0
    settled = read_thermo(folder / "log.equilibrate")[-1]
    assert settled["Density"][-1] == pytest.approx(0.985, abs=0.02)
