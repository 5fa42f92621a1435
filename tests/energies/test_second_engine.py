"""Every energy term of a chain agrees between LAMMPS and OpenMM, which counts the terms itself."""

import functools
import importlib.util
from dataclasses import replace
from itertools import product
from pathlib import Path

import numpy as np
import pytest
from rdkit.Chem.rdDistGeom import EmbedMolecule

from iemhpc.forcefield.gaff2 import parametrise_chain
from iemhpc.forcefield.residues import load_residue
from iemhpc.lammps.energy import Energies, vacuum_energies
from iemhpc.polymer.catalog import load_membrane, membrane_names
from iemhpc.polymer.chain import link

pytest.importorskip("openmm")
pytest.importorskip("parmed")

TOLERANCE_KCAL_MOL = 1e-4
KINDS = ("bond", "angle", "dihedral", "improper", "vdw", "coulomb")
FIRST = ("CR61", "Nafion", "PVAS", "PSbNMP-RCE")


def _second_engine():
    path = Path(__file__).with_name("second_engine.py")
    spec = importlib.util.spec_from_file_location("second_engine", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.SecondEngine


SecondEngine = _second_engine()


def every_junction(units):
    """A short chain in which every unit follows every unit, itself too."""
    left = set(product(range(len(units)), repeat=2))
    path = [0]
    while left:
        here = [pair for pair in left if pair[0] == path[-1]]
        if here:
            pair = max(here, key=lambda pair: (sum(p[0] == pair[1] for p in left), -pair[1]))
            left.discard(pair)
            path.append(pair[1])
        else:
            step = min(left)
            left.discard((path[-1], step[0]))
            path.append(step[0])
    return [units[place] for place in path]


@functools.cache
def short_chain(membrane):
    units = every_junction(load_membrane(membrane).polymer.units)
    chain = link(units)
    assert EmbedMolecule(chain, randomSeed=7, useRandomCoords=True) == 0
    noise_A = np.random.default_rng(7).normal(scale=0.03, size=(chain.GetNumAtoms(), 3))
    return chain, chain.GetConformer().GetPositions() + noise_A


def second_engine(chain, parameters, **options):
    names = {atom.GetProp("unit_name"): atom for atom in chain.GetAtoms()}
    units = {u.name: u for m in membrane_names() for u in load_membrane(m).polymer.units}
    types = [parameters.atom_types[kind].types[0] for kind in parameters.atom_type]
    return SecondEngine(
        elements=parameters.elements,
        bonds=[(bond.GetBeginAtomIdx(), bond.GetEndAtomIdx()) for bond in chain.GetBonds()],
        types=types,
        charges_e=parameters.charges_e,
        residue_of=[atom.GetIntProp("unit_index") for atom in chain.GetAtoms()],
        units=[load_residue(units[name]).unit for name in names],
        **options,
    )


def counted(parameters):
    fourier = [
        sum(k != 0 for k in parameters.dihedral_types[row[0]].values[1::3])
        for row in parameters.dihedrals
    ]
    return {
        "bond": len(parameters.bonds),
        "angle": len(parameters.angles),
        "dihedral": sum(fourier),
        "improper": len(parameters.impropers),
    }


def differences(first: Energies, second: dict[str, float]) -> dict[str, float]:
    return {kind: abs(getattr(first, kind) - second[kind]) for kind in KINDS}


@pytest.mark.lammps
@pytest.mark.parametrize(
    "membrane",
    [
        pytest.param(name, marks=() if name in FIRST else pytest.mark.slow)
        for name in membrane_names()
    ],
)
def test_every_term_of_a_chain_agrees_with_a_second_engine(membrane):
    chain, positions_A = short_chain(membrane)
    parameters = parametrise_chain(chain)
    engine = second_engine(chain, parameters)
    assert counted(parameters) == engine.counts()
    found = differences(vacuum_energies(parameters, positions_A), engine.energies(positions_A))
    print(membrane, len(parameters.elements), found)
    assert max(found.values()) < TOLERANCE_KCAL_MOL, found


@pytest.mark.lammps
@pytest.mark.parametrize(
    ("special_bonds", "kind", "at_least"),
    [
        ("lj 0 0 0.5 coul 0 0 0.8333", "coulomb", 1e-3),
        ("lj 0 0 0.5 coul 0 0 0.5", "coulomb", 1.0),
        ("lj 0 0 1.0 coul 0 0 0.8333333333333333", "vdw", 1.0),
        ("lj 0 0 0.0 coul 0 0 0.8333333333333333", "vdw", 1.0),
    ],
)
def test_a_wrong_scaling_of_1_4_pairs_is_seen(special_bonds, kind, at_least):
    chain, positions_A = short_chain("CR61")
    right = parametrise_chain(chain)
    wrong = replace(right, styles=replace(right.styles, special_bonds=special_bonds))
    engine = second_engine(chain, right)
    found = differences(vacuum_energies(wrong, positions_A), engine.energies(positions_A))
    assert found.pop(kind) > at_least
    assert max(found.values()) < TOLERANCE_KCAL_MOL


@pytest.mark.lammps
def test_wrong_mixing_is_seen():
    chain, positions_A = short_chain("PVAS")
    right = parametrise_chain(chain)
    wrong = replace(right, styles=replace(right.styles, mixing="geometric"))
    engine = second_engine(chain, right)
    found = differences(vacuum_energies(wrong, positions_A), engine.energies(positions_A))
    assert found["vdw"] > 0.01


@pytest.mark.lammps
def test_a_lost_term_is_seen_by_its_count_and_its_energy():
    chain, positions_A = short_chain("PSbNMP-RCE")
    right = parametrise_chain(chain)
    engine = second_engine(chain, right)
    for kind in ("bond", "angle", "dihedral", "improper"):
        rows = getattr(right, f"{kind}s")
        # The row whose loss costs most: some terms are zero by themselves.
        weight = [max(map(abs, getattr(right, f"{kind}_types")[row[0]].values[:2])) for row in rows]
        place = int(np.argmax(weight))
        wrong = replace(right, **{f"{kind}s": np.delete(rows, place, axis=0)})
        assert counted(wrong)[kind] != engine.counts()[kind]
        found = differences(vacuum_energies(wrong, positions_A), engine.energies(positions_A))
        assert found[kind] > TOLERANCE_KCAL_MOL
        if kind != "bond":  # a lost bond also makes neighbours of its atoms strangers
            assert sum(difference > TOLERANCE_KCAL_MOL for difference in found.values()) == 1
