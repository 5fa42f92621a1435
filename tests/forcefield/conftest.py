"""What tests of both force fields share."""

from collections.abc import Callable
from typing import Any

import pytest


def _unit_charges(chain: Any, parameters: Any) -> list[float]:
    charges: dict[int, float] = {}
    for atom, charge in zip(chain.GetAtoms(), parameters.charges_e, strict=True):
        index = atom.GetIntProp("unit_index")
        charges[index] = charges.get(index, 0.0) + float(charge)
    return [charges[index] for index in sorted(charges)]


@pytest.fixture(scope="session")
def unit_charges() -> Callable[[Any, Any], list[float]]:
    """Function that sums the charges of each unit of a chain, in the order of the units."""
    return _unit_charges
