import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from iemhpc.check import CheckReport, check_run
from iemhpc.check.structure import small_rings
from iemhpc.cli.app import app
from iemhpc.errors import InputError, MissingInputError, UnknownNameError
from iemhpc.lammps.data_file import DataFile, read_data
from iemhpc.workspace import Workspace, content_hash, read_json, write_json

pytestmark = pytest.mark.lammps

Copy = Callable[[], tuple[Workspace, Path]]


@pytest.fixture(scope="module")
def report(finished: Workspace) -> CheckReport:
    (run,) = finished.runs.iterdir()
    return check_run(finished, run.name[:5])


def test_a_sound_run_fails_nothing(report: CheckReport) -> None:
    assert report.failures == ()
    assert report.structure
    assert report.structure.file == "production.data"
    assert report.structure.speared == ()
    assert report.structure.n_rings >= 22  # each unit of CR61 has a phenyl ring
    assert 1.5 < report.structure.longest_bond_A < 2.2  # carbon to sulphur
    assert report.energies is None


def test_each_run_of_lammps_is_named_and_timed(report: CheckReport) -> None:
    assert report.equilibration
    parts = {part.label: part.length_ps for part in report.equilibration.parts}
    assert parts == pytest.approx(
        {
            "warm up, 0.2 ps": 0.2,
            "compress, 0.4 ps": 0.4,
            "to density, block 1, 0.2 ps": 0.2,
            "to density, block 2, 0.2 ps": 0.2,
            "to density, block 3, 0.2 ps": 0.2,
            "to density, block 4, 0.2 ps": 0.2,
            "anneal, 0.4 ps at 500 K": 0.4,
            "cool, 0.2 ps": 0.2,
            "settle, 0.2 ps NPT": 0.2,
            "settle, 0.2 ps NVT": 0.2,
        }
    )
    production = report.equilibration.production
    assert production
    assert production.part.length_ps == pytest.approx(1.0)
    assert production.part.temperature_K.mean == pytest.approx(298.15, abs=40)
    assert production.drift_of == "Econserve"
    assert report.equilibration.warnings == ()
    assert report.equilibration.errors == ()


def test_density_is_that_of_the_box_and_beside_the_one_aimed_at(
    report: CheckReport, finished: Workspace
) -> None:
    assert report.equilibration
    density = report.equilibration.density
    (run,) = finished.runs.iterdir()
    data = read_data(run / "production.data")
    grams_A3 = data.masses_g_mol[data.types - 1].sum() / np.prod(data.box_A)
    assert density.realised_g_cm3
    assert density.realised_g_cm3.mean == pytest.approx(grams_A3 * 1.66054, rel=0.05)
    assert density.aimed_g_cm3 == pytest.approx(1.1, abs=0.1)
    assert len(density.blocks_g_cm3) == 4


def test_a_protocol_too_short_to_rest_is_doubted_in_words(report: CheckReport) -> None:
    assert any(
        re.search(r"production is at -?\d+ ± \d+ atm, wanted 1: its box is not that of", doubt)
        for doubt in report.doubts
    )


def test_the_report_is_one_of_sections_and_ends_in_counts(report: CheckReport) -> None:
    lines = report.lines()
    assert lines[0].endswith("CR61/NaCl")
    assert any(line.startswith("PARAMETERS: ") for line in lines)
    assert "EQUILIBRATION" in lines
    assert lines[1] == ("protocol test: short by design; density, pressure and drift are examples")
    assert sum("too short to say" in line for line in lines) >= 2
    assert any(line.startswith("doubtful parameter: a parmchk2 penalty above 10") for line in lines)
    assert re.fullmatch(r"0 failures, \d+ doubts about the run, \d+ doubtful parameters", lines[-1])


def test_a_run_that_has_not_run_has_its_parameters(copied: Copy) -> None:
    workspace, run = copied()
    lasting = [*run.glob("log.*"), *run.glob("*ed.data"), run / "production.data"]
    for path in [*lasting, run / "status.json"]:
        path.unlink()
    unrun = check_run(workspace, run.name)
    assert unrun.parameters.n_parameters > 40
    assert unrun.equilibration is None
    assert unrun.structure is None
    assert "EQUILIBRATION: not run yet" in unrun.lines()


def test_logs_that_are_gone_are_doubts_and_not_a_run_that_has_not_begun(copied: Copy) -> None:
    workspace, run = copied()
    (run / "log.equilibrate.1.lammps").write_text("")
    doubts = check_run(workspace, run.name).doubts
    assert doubts[0] == (
        "equilibrate has ended, but log.equilibrate.*.lammps is missing or empty: how it found its "
        "density cannot be judged"
    )
    for path in run.glob("log.*"):
        path.unlink()
    blind = check_run(workspace, run.name)
    assert len(blind.doubts) == 3
    assert "EQUILIBRATION: no logs to read" in blind.lines()


@pytest.mark.parametrize("name", ["system.data", "styles.in", "roles.parquet", "parameters.csv"])
def test_a_file_of_the_build_that_is_gone_is_named_with_what_to_do(name: str, copied: Copy) -> None:
    workspace, run = copied()
    (run / name).unlink()
    with pytest.raises(
        MissingInputError, match=rf"{name} is missing .*: delete runs/{run.name}, t"
    ):
        check_run(workspace, run.name)
    assert MissingInputError.exit_code == 2


def test_a_lost_frcmod_is_no_disagreement_of_engines(copied: Copy) -> None:
    workspace, run = copied()
    table = run / "parameters.csv"
    assert ",parmchk2 for " in table.read_text()
    for lose in ((run / "gaff2.frcmod").unlink, lambda: (run / "gaff2.frcmod").write_text("")):
        lose()
        with pytest.raises(MissingInputError, match=r"gaff2\.frcmod is missing or empty .*delete"):
            check_run(workspace, run.name, energies=True)


def test_a_production_not_begun_leaves_its_part_out(copied: Copy) -> None:
    workspace, run = copied()
    for path in [*run.glob("log.production*"), run / "production.data"]:
        path.unlink()
    begun = check_run(workspace, run.name)
    assert begun.equilibration
    assert begun.equilibration.production is None
    assert begun.structure
    assert begun.structure.file == "equilibrated.data"


def move_atoms(path: Path, places_A: dict[int, np.ndarray]) -> None:
    """Give atoms of a data file other places."""
    lines = path.read_text().splitlines()
    start = next(k for k, line in enumerate(lines) if line.startswith("Atoms"))
    for number in range(start + 2, len(lines)):
        words = lines[number].split()
        if not words:
            break
        if int(words[0]) in places_A:
            words[4:7] = [f"{x:.6f}" for x in places_A[int(words[0])]]
            lines[number] = " ".join(words)
    path.write_text("\n".join(lines) + "\n")


def a_ring(data: DataFile) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the ids of a ring's atoms, its centre and its normal."""
    bonds = np.searchsorted(data.ids, data.bonds[:, 1:])
    ring = np.array(small_rings(bonds)[0])
    first = data.positions_A[ring[0]]
    corners = data.positions_A[ring] - first
    corners -= data.box_A * np.round(corners / data.box_A)
    centre = corners.mean(axis=0)
    normal = np.cross(corners[0] - centre, corners[2] - centre)
    return data.ids[ring], first + centre, normal / np.linalg.norm(normal)


def test_a_planted_spear_is_found_and_fails(copied: Copy) -> None:
    workspace, run = copied()
    data = read_data(run / "production.data")
    ring, centre, normal = a_ring(data)
    oxygen, hydrogen = data.bonds[-1, 1:].tolist()  # of the last water
    move_atoms(
        run / "production.data",
        {oxygen: centre + 0.48 * normal, hydrogen: centre - 0.48 * normal},
    )
    failures = check_run(workspace, run.name).failures
    assert any(
        failure.startswith(f"production.data: the bond of atoms {oxygen} and {hydrogen} passes")
        and set(ring.tolist()) == {int(word) for word in re.findall(r"\d+", failure)[2:8]}
        for failure in failures
    )


def test_a_bond_pulled_long_is_found_and_fails(copied: Copy) -> None:
    workspace, run = copied()
    data = read_data(run / "production.data")
    first, second = data.bonds[0, 1:].tolist()
    places_A = data.positions_A[np.searchsorted(data.ids, [first, second])]
    along = places_A[1] - places_A[0]
    along -= data.box_A * np.round(along / data.box_A)
    move_atoms(run / "production.data", {first: places_A[0] - 1.5 * along})
    report = check_run(workspace, run.name)
    assert any("Å longer than at rest, wanted at most 0.6" in each for each in report.failures)
    assert report.structure
    assert first in report.structure.stretched


def test_a_box_narrower_than_two_cutoffs_fails(copied: Copy) -> None:
    workspace, run = copied()
    plan = read_json(run / "plan.json")
    plan["physics"]["protocol"]["cutoff_A"] = 14.0
    write_json(run / "plan.json", plan | {"run_id": content_hash(plan["physics"])})
    (failure,) = check_run(workspace, run.name).failures
    assert "wide, wanted at least twice the cut-off, 28 Å; use a larger box_A" in failure


def test_warnings_and_errors_of_the_logs_are_doubts(copied: Copy) -> None:
    workspace, run = copied()
    with (run / "log.production.1.lammps").open("a") as stream:
        stream.write("WARNING: Bond/angle/dihedral extent > half of periodic box length\n")
        stream.write("ERROR: Lost atoms: original 30 current 29\n")
    doubts = check_run(workspace, run.name).doubts
    assert "WARNING: Bond/angle/dihedral extent > half of periodic box length" in doubts
    assert "ERROR: Lost atoms: original 30 current 29" in doubts


def test_the_last_attempt_is_read_though_there_are_more_than_nine(copied: Copy) -> None:
    workspace, run = copied()
    for attempt in (9, 10):
        shutil.copy(run / "log.equilibrate.1.lammps", run / f"log.equilibrate.{attempt}.lammps")
    with (run / "log.equilibrate.9.lammps").open("a") as stream:
        stream.write("ERROR: of an attempt that is past\n")
    report = check_run(workspace, run.name)
    assert not any("attempt that is past" in doubt for doubt in report.doubts)


def test_a_planted_wrong_scaling_is_found_by_the_second_engine(copied: Copy) -> None:
    pytest.importorskip("openmm")
    workspace, run = copied()
    styles = (run / "styles.in").read_text()
    assert "0.8333333333333" in styles
    (run / "styles.in").write_text(re.sub(r"0\.83333\d+", "0.5", styles))
    report = check_run(workspace, run.name, energies=True)
    assert report.energies
    assert report.failures == ("LAMMPS and OpenMM disagree on the energy of this box",)
    assert any("DISAGREE" in line for line in report.lines())


def test_the_command_prints_json_and_its_exit_code_tells_failure(copied: Copy) -> None:
    workspace, run = copied()
    words = ["check", run.name[:4], "-w", str(workspace.root), "--json"]
    sound = CliRunner().invoke(app, words)
    assert sound.exit_code == 0, sound.output
    assert json.loads(sound.output)["run_id"] == run.name
    plan = read_json(run / "plan.json")
    plan["physics"]["protocol"]["cutoff_A"] = 14.0
    write_json(run / "plan.json", plan | {"run_id": content_hash(plan["physics"])})
    broken = CliRunner().invoke(app, words)
    assert broken.exit_code == 1
    assert len(json.loads(broken.output)["failures"]) == 1


def test_an_unknown_run_and_a_damaged_plan_are_errors_in_words(copied: Copy) -> None:
    workspace, run = copied()
    with pytest.raises(UnknownNameError, match="no run begins with 'zz'; runs: "):
        check_run(workspace, "zz")
    plan = read_json(run / "plan.json")
    del plan["physics"]["protocol"]["cutoff_A"]
    write_json(run / "plan.json", plan)
    with pytest.raises(InputError, match=r"plan\.json was changed by hand: .*delete runs/"):
        check_run(workspace, run.name)
    write_json(run / "plan.json", plan | {"schema_version": 2})
    with pytest.raises(InputError, match=r"plan\.json of schema 2, this iemhpc reads 4: delete"):
        check_run(workspace, run.name)
    (run / "plan.json").write_text("{}")
    with pytest.raises(InputError, match=r"plan\.json is damaged or missing: delete runs/"):
        check_run(workspace, run.name)
