"""Structures small enough to be computed twice, each with parameters of either force field."""

import functools
from itertools import product
from types import SimpleNamespace

import numpy as np
import pytest
from rdkit.Chem.rdDistGeom import EmbedMolecule

from iemhpc.forcefield.amber import gaff2_table
from iemhpc.forcefield.parameters import Parameters, Styles
from iemhpc.forcefield.topology import (
    TermFinder,
    enumerate_angles,
    enumerate_dihedrals,
    enumerate_planar,
    neighbours_of,
)
from iemhpc.polymer.catalog import load_membrane
from iemhpc.polymer.chain import link
from iemhpc.polymer.network import Network, Slot, link_network

FORCE_FIELDS = ("gaff2", "oplsaa")

OPLS = Styles(dihedral="opls", mixing="geometric", special_bonds="lj/coul 0 0 0.5")

ELEMENTS = {"c": "C", "f": "F", "h": "H", "o": "O"}


def every_junction(units):
    """Return a short chain in which every unit follows every unit, itself too."""
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
def short_chain(name):
    """Return a membrane's molecule with every junction; a network's with a closed cross-link."""
    units = every_junction(load_membrane(name).polymer.units)
    bridges = [place for place, unit in enumerate(units) if unit.n_attachments == 4]
    if bridges:
        ends = (units[0], units[0])
        n = len(units)
        chains = (
            tuple(map(Slot, range(n))),
            (Slot(n), Slot(bridges[0], True), Slot(n + 1)),
        )
        chain = link_network(Network((*units, *ends), chains))
    else:
        chain = link(units)
    assert EmbedMolecule(chain, randomSeed=7, useRandomCoords=True) == 0
    noise_A = np.random.default_rng(7).normal(scale=0.03, size=(chain.GetNumAtoms(), 3))
    return chain, chain.GetConformer().GetPositions() + noise_A


def bonds_of(name):
    """Return the bonds of a membrane's short chain, as RDKit has them."""
    chain, _ = short_chain(name)
    return np.array([(bond.GetBeginAtomIdx(), bond.GetEndAtomIdx()) for bond in chain.GetBonds()])


@functools.cache
def parametrised(name, force_field):
    """Return the parameters and positions of a membrane's short chain."""
    chain, positions_A = short_chain(name)
    if force_field == "gaff2":
        from iemhpc.forcefield.gaff2 import parametrise_chain

        return parametrise_chain(chain, "am1bcc"), positions_A
    from iemhpc.forcefield.oplsaa import parametrise_chain

    return parametrise_chain(chain, "opls"), positions_A


def from_types(force_field, types, bonds, charges_e=None):
    """Return the parameters of any graph of typed atoms; names are GAFF2 types or OPLS numbers."""
    if force_field == "gaff2":
        table, styles = gaff2_table(), Styles()
        atoms = [table.atom(name) for name in types]
        classes, elements = list(types), [ELEMENTS[name[0]] for name in types]
        improper = lambda row: table.improper((row[0], row[1], row[3]), row[2])  # noqa: E731
        bond, angle, dihedral = table.bond, table.angle, table.dihedral
    else:
        from iemhpc.forcefield.oplsaa_tables import opls_table

        table, styles = opls_table(), OPLS
        known = [table.atom_types[f"opls_{name}"] for name in types]
        atoms = [each.term for each in known]
        classes, elements = [each.bonded for each in known], [each.element for each in known]
        bond, angle, dihedral = (
            lambda *row, kind=kind: table.term(kind, row) for kind in ("bond", "angle", "dihedral")
        )
        improper = lambda row: (table.improper(row[2], (row[0], row[1], row[3])) or [None])[0]  # noqa: E731
    neighbours = neighbours_of(bonds, n_atoms=len(types))
    finder = TermFinder(classes)
    rows = [
        (
            *sorted(around, key=lambda atom: (classes[atom], atom))[:2],
            centre,
            max(around, key=lambda atom: (classes[atom], atom)),
        )
        for centre, around in enumerate_planar(neighbours)
    ]
    rows = [row for row in rows if improper([classes[atom] for atom in row]) is not None]
    found = {
        "bond": finder.typed("bond", map(tuple, map(sorted, bonds)), lambda t: bond(*t)),
        "angle": finder.typed("angle", enumerate_angles(neighbours), lambda t: angle(*t)),
        "dihedral": finder.typed(
            "dihedral", enumerate_dihedrals(neighbours), lambda t: dihedral(*t)
        ),
        "improper": finder.typed("improper", rows, improper),
    }
    assert not finder.missing, finder.missing
    names = list(dict.fromkeys(atoms))
    nowhere = np.zeros(len(types), dtype=bool)
    return Parameters(
        force_field=force_field,
        elements=tuple(elements),
        charges_e=np.zeros(len(types)) if charges_e is None else np.array(charges_e, dtype=float),
        residues=("fragment",) * len(types),
        is_tethered_paper=nowhere,
        is_tethered_center=nowhere,
        atom_types=tuple(names),
        atom_type=np.array([names.index(term) for term in atoms]),
        styles=styles,
        **{f"{kind}_types": terms for kind, (terms, _) in found.items()},
        **{f"{kind}s": rows for kind, (_, rows) in found.items()},
    )


@pytest.fixture(scope="session")
def structures():
    """Return the functions above, which importlib mode does not let a test module import."""
    pytest.importorskip("openmm")
    pytest.importorskip("parmed")
    return SimpleNamespace(parametrised=parametrised, from_types=from_types, bonds_of=bonds_of)
