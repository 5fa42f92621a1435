"""Sites by the repeat units are those that the force fields find, in chains and in networks."""

import numpy as np
import pytest

from iemhpc.forcefield.gaff2 import parametrise_chain
from iemhpc.polymer.catalog import load_membrane, membrane_names
from iemhpc.polymer.chain import link
from iemhpc.polymer.repeat_unit import RepeatUnit, with_sites
from iemhpc.polymer.sites import tethered_masks

LINEAR = [name for name in membrane_names() if load_membrane(name).topology == "linear"]


@pytest.mark.parametrize("name", LINEAR)
def test_sites_by_units_are_those_of_the_force_field(name: str) -> None:
    units = load_membrane(name).polymer.units
    chain = link([unit for unit in units for _ in range(2)])
    masks, parameters = tethered_masks(chain, units), parametrise_chain(chain)
    assert np.array_equal(masks["paper"], parameters.is_tethered_paper)
    assert np.array_equal(masks["center"], parameters.is_tethered_center)
    assert masks["center"].sum() == 2 * sum(abs(unit.charge) for unit in units)


def test_given_sites_are_those_of_the_chain() -> None:
    unit = with_sites(RepeatUnit("acid", "[*]CC([*])C(=O)[O-]"), [2])
    masks = tethered_masks(link([unit] * 3), [unit])
    assert [mask.nonzero()[0].tolist() for mask in masks.values()] == [[2, 7, 12]] * 2
