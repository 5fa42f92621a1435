"""Orders along the chain: exact counts, seeds that mean the same everywhere."""

from itertools import groupby

import pytest

from iemhpc.errors import CompositionError, UnknownNameError
from iemhpc.polymer.catalog import Polymer, load_membrane, membrane_names
from iemhpc.polymer.repeat_unit import RepeatUnit
from iemhpc.polymer.sequence import (
    alternating_order,
    arrange,
    block_order,
    chain_sequence,
    random_order,
    unit_counts,
)


def test_counts_are_exact_where_the_fractions_allow_it():
    assert unit_counts([0.1, 0.9], 30) == (3, 27)
    assert unit_counts([0.5, 0.25, 0.25], 8) == (4, 2, 2)


@pytest.mark.parametrize("n_units", [1, 2, 7, 23, 100])
@pytest.mark.parametrize("name", membrane_names())
def test_counts_sum_to_the_length_and_are_within_one_of_the_fractions(name, n_units):
    fractions = load_membrane(name).polymer.fractions
    counts = unit_counts(fractions, n_units)
    assert sum(counts) == n_units
    assert all(abs(c - f * n_units) < 1 for c, f in zip(counts, fractions, strict=True))


def test_random_chain_is_the_same_for_a_seed_and_another_for_another():
    polymer = load_membrane("CR61").polymer
    assert chain_sequence(polymer, 30, 5) == chain_sequence(polymer, 30, 5)
    assert chain_sequence(polymer, 30, 5) != chain_sequence(polymer, 30, 6)


def test_random_order_of_a_seed_never_changes():
    # Written down once: run ids and data sets depend on it.
    assert random_order([3, 4], 2) == (0, 1, 1, 0, 1, 0, 1)


def test_block_copolymer_keeps_its_charged_block_together():
    units = chain_sequence(load_membrane("PSbNMP-BCE").polymer, 24, 1)
    runs = [key for key, _ in groupby(unit.name == "styrene" for unit in units)]
    assert runs == [True, False]
    assert {unit.name for unit in units[12:]} == {"2-vinylpyridine", "N-methyl-2-vinylpyridinium"}


def test_each_unit_is_its_own_block_where_the_file_says_nothing():
    assert block_order([2, 3], [1, 2], 9) == (0, 0, 1, 1, 1)
    assert block_order([2, 3], [2, 1], 9) == (1, 1, 1, 0, 0)


def test_alternating_order_spreads_evenly():
    assert alternating_order([3, 3]) == (0, 1, 0, 1, 0, 1)
    order = alternating_order([3, 20])
    gaps = [len(list(run)) for kind, run in groupby(order) if kind == 1]
    assert max(gaps[1:-1]) - min(gaps[1:-1]) <= 1


def test_chain_of_no_length_is_refused():
    with pytest.raises(CompositionError, match="at least one repeat unit; got 0"):
        chain_sequence(load_membrane("PVAS").polymer, 0, 1)


def test_unknown_arrangement_lists_the_known_ones():
    unit = RepeatUnit("vinyl alcohol", "[*]CC([*])O")
    with pytest.raises(UnknownNameError, match=r"arrangement 'gradient'.*alternating, block, rand"):
        Polymer("p", (unit,), (1.0,), "gradient")


def test_arrange_uses_the_polymer_s_own_units():
    polymer = load_membrane("PVAS").polymer
    assert set(arrange(polymer, (1, 1), 0)) == set(polymer.units)
