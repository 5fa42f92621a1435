"""One real box that several tests look at."""

import pytest

from iemhpc.polymer.catalog import load_system
from iemhpc.system.assembly import MembraneBox, build_box
from iemhpc.system.composition import compose


@pytest.fixture(scope="session")
def cr61_box() -> MembraneBox:
    """CR61 in NaCl at 24 Å, packed."""
    system = load_system("CR61/NaCl")
    composition = compose(system, salt_molar=0.5, box_A=24.0)
    return build_box(system=system, composition=composition, seed=1)
