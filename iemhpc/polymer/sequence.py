"""The order of repeat units along a chain: random, in blocks, alternating.

Counts are whole numbers as near to the unit fractions as a chain of this length allows. Random
orders are drawn from SHA-256, so a seed means the same chain on every machine and for every
version of every library.
"""

import hashlib
import math
from collections.abc import Sequence
from itertools import groupby
from typing import TYPE_CHECKING

from iemhpc.errors import CompositionError, unknown_name

if TYPE_CHECKING:
    from iemhpc.polymer.catalog import Polymer
    from iemhpc.polymer.repeat_unit import RepeatUnit

ARRANGEMENTS = ("random", "block", "alternating")
"""The orders that a polymer may have."""


def chain_sequence(polymer: "Polymer", n_units: int, seed: int) -> "tuple[RepeatUnit, ...]":
    """Return the repeat units of one chain in order.

    Parameters
    ----------
    polymer : Polymer
        Its units, fractions and arrangement.
    n_units : int
        Length of the chain, repeat units.
    seed : int
        Chooses the random order; block and alternating chains of pure blocks do not depend on it.

    Examples
    --------
    >>> from iemhpc.polymer.catalog import load_membrane
    >>> chain = chain_sequence(load_membrane("CR61").polymer, 10, 1)
    >>> len(chain)
    10
    """
    counts = unit_counts(polymer.fractions, n_units)
    return arrange(polymer, counts, seed)


def arrange(polymer: "Polymer", counts: Sequence[int], seed: int) -> "tuple[RepeatUnit, ...]":
    """Return ``counts`` of the polymer's units in the order of its arrangement."""
    if polymer.arrangement == "random":
        order = random_order(counts, seed)
    elif polymer.arrangement == "block":
        order = block_order(counts, polymer.blocks, seed)
    elif polymer.arrangement == "alternating":
        order = alternating_order(counts)
    else:
        raise unknown_name("arrangement", polymer.arrangement, ARRANGEMENTS)
    return tuple(polymer.units[kind] for kind in order)


def unit_counts(fractions: Sequence[float], n_units: int) -> tuple[int, ...]:
    """Return whole numbers that sum to ``n_units``, by the method of largest remainders.

    Examples
    --------
    >>> unit_counts([0.34, 0.66], 10)
    (3, 7)
    """
    if n_units < 1:
        raise CompositionError(f"a chain needs at least one repeat unit; got {n_units}")
    wanted = [fraction * n_units / math.fsum(fractions) for fraction in fractions]
    # A product like 0.1 * 30 may lie a rounding error below 3.
    counts = [math.floor(number + 1e-9) for number in wanted]
    by_remainder = sorted(range(len(wanted)), key=lambda kind: (counts[kind] - wanted[kind], kind))
    for kind in by_remainder[: n_units - sum(counts)]:
        counts[kind] += 1
    return tuple(counts)


def random_order(counts: Sequence[int], seed: int) -> tuple[int, ...]:
    """Return the kinds 0, 1, ... as often as ``counts`` says, shuffled by the seed.

    Examples
    --------
    >>> random_order([2, 3], 7) == random_order([2, 3], 7)
    True
    """
    kinds = [kind for kind, count in enumerate(counts) for _ in range(count)]
    drawn = [hashlib.sha256(f"{seed}:{place}".encode()).digest() for place in range(len(kinds))]
    return tuple(kind for _, kind in sorted(zip(drawn, kinds, strict=True)))


def block_order(counts: Sequence[int], blocks: Sequence[int], seed: int) -> tuple[int, ...]:
    """Return one run for each block, in the order of block numbers; random inside a block."""
    by_block = sorted(range(len(counts)), key=lambda kind: blocks[kind])
    order: list[int] = []
    for block, group in groupby(by_block, key=lambda kind: blocks[kind]):
        members = list(group)
        shuffled = random_order([counts[kind] for kind in members], seed + block)
        order.extend(members[place] for place in shuffled)
    return tuple(order)


def alternating_order(counts: Sequence[int]) -> tuple[int, ...]:
    """Return the kinds spread as evenly as their counts allow: ABAB for equal counts.

    Examples
    --------
    >>> alternating_order([2, 2]), alternating_order([1, 4])
    ((0, 1, 0, 1), (1, 1, 0, 1, 1))
    """
    # The i-th of n members of a kind belongs at the place (i + 1/2) / n of the chain.
    places = [
        ((member + 0.5) / count, kind)
        for kind, count in enumerate(counts)
        for member in range(count)
    ]
    return tuple(kind for _, kind in sorted(places))
