"""What growth and packing leave is healed by the push-off: LAMMPS itself says so."""

import subprocess
from pathlib import Path

import numpy as np
import pytest

from iemhpc.lammps.data_file import data_text, read_data
from iemhpc.lammps.log_file import read_thermo
from iemhpc.lammps.styles_file import styles_text
from iemhpc.polymer.catalog import load_system
from iemhpc.resources import resource
from iemhpc.system.assembly import MembraneBox, build_box
from iemhpc.system.composition import compose

SHORT_NVT = """\
units real
atom_style full
read_data minimized.data
include styles.in
kspace_style pppm 1.0e-3
velocity all create 300.0 1 dist gaussian
fix heat all langevin 300.0 300.0 100.0 7
fix move all nve
timestep 0.5
thermo 200
thermo_style custom step temp pe
run 2000
compute bonds all bond/local dist
compute longest all reduce max c_bonds inputs local
thermo_style custom step temp pe c_longest
run 0
"""


def run(lmp: str, folder: Path, script: Path, *words: str) -> Path:
    log = folder / f"log.{script.stem}"
    command = [lmp, "-in", str(script), "-log", str(log), "-screen", "none", *words]
    ended = subprocess.run(
        command, cwd=folder, check=False, capture_output=True, text=True, timeout=280
    )
    assert ended.returncode == 0, log.read_text()[-2000:] + ended.stderr
    return log


def written(box: MembraneBox, folder: Path) -> None:
    data = data_text(
        box.parameters,
        positions_A=box.positions_A,
        box_A=box.box_A,
        molecule=box.molecule,
        title="packed",
    )
    (folder / "system.data").write_text(data)
    (folder / "styles.in").write_text(styles_text(box.parameters))


@pytest.mark.lammps
@pytest.mark.parametrize(
    "name", ["CR61/NaCl", pytest.param("Nafion/Na2SO4", marks=pytest.mark.slow)]
)
def test_a_packed_box_minimises_and_holds_its_temperature(
    lmp: str, tmp_path: Path, name: str
) -> None:
    system = load_system(name)
    box = build_box(system=system, composition=compose(system, salt_molar=1.0, box_A=21.0), seed=5)
    written(box, tmp_path)
    minimize = run(
        lmp,
        tmp_path,
        resource("lammps_templates", "minimize.in"),
        *("-var", "cutoff_A", "8", "-var", "pppm", "1.0e-3", "-var", "minimize_steps", "400"),
    )
    tables = read_thermo(minimize)
    (*_, falling) = (t for t in tables if "TotEng" in t.columns and len(t["TotEng"]) > 1)
    energies = falling["TotEng"]  # of atoms at rest
    assert energies[-1] < energies[0]
    assert tables[-1]["c_longest"][-1] < 2.2  # as long as an S-C bond, no more
    nvt = tmp_path / "nvt.in"
    nvt.write_text(SHORT_NVT)
    warm = read_thermo(run(lmp, tmp_path, nvt))
    temperatures = warm[0]["Temp"][5:]
    assert np.mean(temperatures) == pytest.approx(300.0, abs=25.0)
    assert warm[-1]["c_longest"][-1] < 2.3
    assert len(read_data(tmp_path / "minimized.data").positions_A) == len(box.role)
