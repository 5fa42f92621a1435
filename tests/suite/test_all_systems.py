"""Every catalogued system, in both force fields, is built, minimised and held at 2 fs.

The warnings that may come, each with its reason, are those of :mod:`iemhpc.lammps.log_file`.
"""

import shutil
import subprocess
from pathlib import Path

import pytest

from iemhpc.forcefield import FORCE_FIELDS
from iemhpc.lammps.data_file import data_text
from iemhpc.lammps.log_file import read_thermo, warning_lines
from iemhpc.lammps.styles_file import styles_text
from iemhpc.polymer.catalog import load_system, systems
from iemhpc.programs import need_program
from iemhpc.resources import resource
from iemhpc.system.assembly import build_box
from iemhpc.system.composition import compose

FIRST = (("CR61/NaCl", "gaff2"), ("Nafion/NaCl", "oplsaa"))
"""What an ordinary run of the tests holds, in a smaller box."""

LEAN = {"cutoff_A": 8.0, "pppm": 5.0e-4}
"""The demo's: whether a box holds does not hang on the third digit of a force."""

SYSTEMS = [system.name for system in systems()]
SHORT = [(name, field, 24.0) for name, field in FIRST]
LONG = [
    pytest.param(name, field, 40.0, marks=pytest.mark.slow)
    for name in SYSTEMS
    for field in FORCE_FIELDS
]


def _lammps(folder, script, **variables):
    words = [word for name, value in variables.items() for word in ("-var", name, str(value))]
    done = subprocess.run(
        [
            need_program("lmp", why="hold", get="pip install 'iemhpc[md]'"),
            "-in",
            script,
            "-log",
            f"log.{script}",
            *words,
        ],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=1500,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-500:]
    return (folder / f"log.{script}").read_text()


@pytest.mark.lammps
@pytest.mark.parametrize(("name", "field", "box_A"), SHORT + LONG)
def test_every_system_builds_minimises_and_holds_at_two_femtoseconds(name, field, box_A, tmp_path):
    is_short = box_A < 40.0
    system = load_system(name)
    composition = compose(system, salt_molar=1.0, box_A=box_A)
    box = build_box(system=system, composition=composition, force_field=field, seed=1)
    text = data_text(
        box.parameters,
        positions_A=box.positions_A,
        box_A=box.box_A,
        molecule=box.molecule,
        title=name,
    )
    (tmp_path / "system.data").write_text(text)
    (tmp_path / "styles.in").write_text(styles_text(box.parameters))
    shutil.copy(resource("lammps_templates", "minimize.in"), tmp_path / "minimize.in")
    shutil.copy(Path(__file__).with_name("hold.in"), tmp_path / "hold.in")
    minimised = _lammps(tmp_path, "minimize.in", minimize_steps=200, **LEAN)
    held = _lammps(tmp_path, "hold.in", hold_ps=0.5 if is_short else 5.0, **LEAN)
    is_network = system.membrane.topology == "network"
    assert not warning_lines(minimised, is_network=is_network)
    assert not warning_lines(held, is_network=is_network)
    temperature_K = read_thermo(tmp_path / "log.hold.in")[-1]["Temp"]
    late = temperature_K[len(temperature_K) // 2 :]
    assert abs(late.mean() - 298.15) < (60 if is_short else 15)
