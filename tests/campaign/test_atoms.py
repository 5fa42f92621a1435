"""The atoms foreseen are those of the box that is built."""

import pytest

from iemhpc.campaign.atoms import n_atoms
from iemhpc.forcefield.aqueous import ion_parameters
from iemhpc.polymer.catalog import System, load_membrane, load_salt, load_system, systems
from iemhpc.polymer.chain import link
from iemhpc.polymer.network import link_network
from iemhpc.polymer.sequence import chain_sequence
from iemhpc.system.assembly import MembraneBox
from iemhpc.system.beads import lay_network
from iemhpc.system.composition import compose


def test_a_built_network_holds_the_atoms_foreseen(cr61_box: MembraneBox) -> None:
    system = load_system("CR61/NaCl")
    assert n_atoms(system, cr61_box.composition) == len(cr61_box.positions_A)


@pytest.mark.parametrize("system", systems(), ids=lambda system: system.name)
def test_the_atoms_of_every_system_of_the_catalogue_are_foreseen(system: System) -> None:
    box = compose(system, salt_molar=1.0, box_A=30.0)
    polymer = system.membrane.polymer
    sequences = [chain_sequence(polymer, box.units_per_chain, n) for n in range(box.n_chains)]
    if box.topology == "linear":
        built = sum(link(units).GetNumAtoms() for units in sequences)
    else:
        laid = lay_network(sequences, edge_A=box.box_A, seed=1)
        built = link_network(laid.network).GetNumAtoms()
    for ion, count in (
        (system.counterion, box.n_counterions),
        (system.coion, box.n_coions),
    ):
        built += count * len(ion_parameters(ion.name, "tip3p").elements)
    assert n_atoms(system, box) == built + 3 * box.n_waters


def test_a_sulfate_is_five_atoms_and_comes_with_two_sodiums() -> None:
    system = System(load_membrane("CR61"), load_salt("Na2SO4"))
    salty, bare = (
        compose(system, salt_molar=molar, n_chains=6, units_per_chain=20) for molar in (1.0, 0.0)
    )
    assert salty.n_coions > 0
    assert salty.n_waters == bare.n_waters
    assert n_atoms(system, salty) - n_atoms(system, bare) == (5 + 2) * salty.n_coions
