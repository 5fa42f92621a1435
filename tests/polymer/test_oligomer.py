"""Oligomers: one polymer, one graph, however it is spelt."""

import math
import random

import pytest
from rdkit import Chem

from iemhpc.errors import CompositionError
from iemhpc.polymer.catalog import Polymer, load_membrane, membrane_names
from iemhpc.polymer.oligomer import (
    MAX_UNITS,
    TOLERANCE,
    composition_error,
    oligomer,
    smallest_counts,
)
from iemhpc.polymer.repeat_unit import RepeatUnit


def spellings(smiles: str) -> list[str]:
    """Return other ways to write a unit: reordered, kekulised, bracketed, explicit H."""
    mol = Chem.MolFromSmiles(smiles)
    with_hydrogens = Chem.AddHs(mol)
    dice = random.Random(0)
    written = [
        Chem.MolToSmiles(mol, allHsExplicit=True),
        Chem.MolToSmiles(mol, rootedAtAtom=mol.GetNumAtoms() - 1),
        Chem.MolToSmiles(with_hydrogens),
    ]
    for _ in range(4):
        order = list(range(mol.GetNumAtoms()))
        dice.shuffle(order)
        written.append(Chem.MolToSmiles(Chem.RenumberAtoms(mol, order), canonical=False))
    kekulised = Chem.Mol(mol)
    Chem.Kekulize(kekulised, clearAromaticFlags=True)
    return [*written, Chem.MolToSmiles(kekulised, kekuleSmiles=True)]


@pytest.mark.parametrize("name", membrane_names())
def test_every_spelling_of_the_units_gives_the_same_oligomer(name):
    polymer = load_membrane(name).polymer
    wanted = oligomer(polymer).smiles
    by_unit = [spellings(unit.smiles) for unit in polymer.units]
    assert all(len(set(written)) > 2 for written in by_unit)
    for written in zip(*by_unit, strict=True):
        units = tuple(RepeatUnit(f"unit {i}", smiles) for i, smiles in enumerate(written))
        again = Polymer(
            "again",
            units,
            polymer.fractions,
            polymer.arrangement,
            polymer.blocks,
            polymer.oligomer_counts,
        )
        assert oligomer(again).smiles == wanted
        assert again.hash == polymer.hash


def test_order_in_which_units_are_listed_does_not_matter():
    for name in ("PSbNMP-RCE", "CR61", "CEM1"):
        polymer = load_membrane(name).polymer
        backwards = Polymer("b", polymer.units[::-1], polymer.fractions[::-1])
        assert oligomer(backwards).smiles == oligomer(polymer).smiles


@pytest.mark.parametrize("name", membrane_names())
def test_oligomer_is_short_charged_and_near_the_composition(name):
    polymer = load_membrane(name).polymer
    short = oligomer(polymer)
    mol = Chem.MolFromSmiles(short.smiles)
    assert len(short.units) == sum(short.counts) <= MAX_UNITS
    assert min(short.counts) >= 1
    assert short.composition_error <= TOLERANCE
    assert Chem.GetFormalCharge(mol) == sum(unit.charge for unit in short.units) != 0
    assert len(Chem.GetMolFrags(mol)) == 1
    assert Chem.MolToSmiles(mol) == short.smiles
    for unit, count in zip(polymer.units, short.counts, strict=True):
        assert short.units.count(unit) == count


def test_nafion_has_three_side_chains_and_twenty_spacers():
    short = oligomer(load_membrane("Nafion").polymer)
    assert short.counts == (3, 20)
    assert short.smiles.count("S(") == 3


def test_block_and_random_copolymers_are_different_graphs():
    block = oligomer(load_membrane("PSbNMP-BCE").polymer)
    mixed = oligomer(load_membrane("PSbNMP-RCE").polymer)
    assert sorted(block.counts) == sorted(mixed.counts)
    assert block.smiles != mixed.smiles


def test_all_twelve_graphs_differ():
    smiles = {oligomer(load_membrane(name).polymer).smiles for name in membrane_names()}
    assert len(smiles) == 12


def test_counts_are_the_smallest_within_five_per_cent():
    for fractions in ([0.5, 0.5], [0.64, 0.36], [0.2, 0.3, 0.5], [0.09, 0.91]):
        counts = smallest_counts(fractions)
        assert composition_error(counts, fractions) <= TOLERANCE
        for shorter in range(1, sum(counts)):
            for first in range(1, shorter):
                if len(fractions) == 2:
                    error = composition_error((first, shorter - first), fractions)
                    assert error > TOLERANCE


def test_too_rare_a_unit_is_there_once_and_its_error_is_kept():
    counts = smallest_counts([0.01, 0.99])
    assert counts == (1, 29)
    assert math.isclose(composition_error(counts, [0.01, 0.99]), 1 / 0.3 - 1)
    assert smallest_counts([0.01, 0.01, 0.98]) == (1, 1, 28)


def test_cross_linker_s_far_side_is_capped():
    mol = Chem.MolFromSmiles(oligomer(load_membrane("AR103").polymer).smiles)
    assert mol.GetSubstructMatch(Chem.MolFromSmarts("[CH3][CH2]c1ccc(C)cc1"))
    assert mol.GetRingInfo().NumRings() == 2  # the two phenylenes, no macro-ring


def test_more_kinds_than_units_are_refused():
    with pytest.raises(CompositionError, match="at most 30 units; got 31 kinds"):
        smallest_counts([1 / 31] * 31)
