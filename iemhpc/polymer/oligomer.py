"""The oligomer that stands for a polymer in learning: a molecule small enough to be a graph.

It is made by rule, so that equal polymers give equal graphs: the smallest whole-number
composition within 5 % of the unit fractions, at most 30 units (else the nearest, its error kept);
blocks as one run each; random orders as the most balanced of a fixed set of seeded ones; ends
capped with H; a cross-linker as one unit with its far side capped; tethered sites charged, without
counter-ions.
"""

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass

from rdkit import Chem

from iemhpc.errors import CompositionError
from iemhpc.polymer.chain import link
from iemhpc.polymer.materials import Polymer
from iemhpc.polymer.repeat_unit import RepeatUnit
from iemhpc.polymer.sequence import alternating_order, block_order, random_order, unit_counts

TOLERANCE = 0.05
"""Largest relative error of a unit's share that counts as met."""

MAX_UNITS = 30
"""Longest oligomer that the search makes."""

_N_SEEDS = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Oligomer:
    """A short chain with the composition and order of a polymer."""

    units: tuple[RepeatUnit, ...]
    """Repeat units in order."""
    counts: tuple[int, ...]
    """How many of each unit of the polymer, in the polymer's order."""
    composition_error: float
    """Largest relative error of a unit's share; 0.05 is 5 %."""
    smiles: str
    """Canonical SMILES, H-capped, charged, without counter-ions."""


def oligomer(polymer: Polymer) -> Oligomer:
    """Return the oligomer that stands for a polymer.

    Examples
    --------
    >>> from iemhpc.polymer.catalog import load_membrane
    >>> pvas = oligomer(load_membrane("PVAS").polymer)
    >>> pvas.counts, pvas.smiles
    ((1, 1), 'CC(O)CCOS(=O)(=O)[O-]')
    """
    counts = polymer.oligomer_counts or smallest_counts(polymer.fractions)
    # Random and alternating orders must not depend on the order in which units were listed.
    kinds = sorted(range(len(counts)), key=lambda kind: polymer.units[kind].oriented_smiles)
    ranked = [counts[kind] for kind in kinds]
    if polymer.arrangement == "block":
        order = _most_balanced_blocks(counts, polymer.blocks)
    elif polymer.arrangement == "alternating":
        order = [kinds[place] for place in alternating_order(ranked)]
    else:
        order = [kinds[place] for place in most_balanced_order(ranked)]
    units = tuple(polymer.units[kind] for kind in order)
    return Oligomer(
        units=units,
        counts=tuple(counts),
        composition_error=composition_error(counts, polymer.fractions),
        smiles=canonical_smiles(units),
    )


def canonical_smiles(units: Sequence[RepeatUnit]) -> str:
    """Return the canonical SMILES of a chain; the same for every spelling of its units."""
    chain = Chem.RemoveHs(link(units))
    Chem.RemoveStereochemistry(chain)  # the polymers are atactic
    # Written and read once more: what a reader of the SMILES would call canonical.
    return str(Chem.MolToSmiles(Chem.MolFromSmiles(Chem.MolToSmiles(chain))))


def composition_error(counts: Sequence[int], fractions: Sequence[float]) -> float:
    """Return the largest relative error of a unit's share.

    Examples
    --------
    >>> round(composition_error([1, 1], [0.4, 0.6]), 3)
    0.25
    """
    total, whole = sum(counts), math.fsum(fractions)
    pairs = zip(counts, fractions, strict=True)
    return max(abs(count / total * whole / fraction - 1.0) for count, fraction in pairs)


def smallest_counts(fractions: Sequence[float]) -> tuple[int, ...]:
    """Return the smallest whole numbers within 5 % of the fractions, or the nearest up to 30.

    Examples
    --------
    >>> smallest_counts([0.6, 0.4]), smallest_counts([0.32, 0.68])
    ((3, 2), (1, 2))
    """
    if len(fractions) > MAX_UNITS:
        raise CompositionError(
            f"an oligomer holds at most {MAX_UNITS} units; got {len(fractions)} kinds of unit; "
            "leave the rarest out"
        )
    best, best_error = _every_unit_once(fractions), math.inf
    for n_units in range(len(fractions), MAX_UNITS + 1):
        counts = _nearest_counts(fractions, n_units)
        error = composition_error(counts, fractions)
        if error < best_error - 1e-12:
            best, best_error = counts, error
        if error <= TOLERANCE + 1e-12:
            break
    return best


def _every_unit_once(fractions: Sequence[float]) -> tuple[int, ...]:
    return (1,) * len(fractions)


def _nearest_counts(fractions: Sequence[float], n_units: int) -> tuple[int, ...]:
    """Return counts that sum to ``n_units``, none zero, of the smallest relative error."""
    whole = math.fsum(fractions)
    wanted = [fraction * n_units / whole for fraction in fractions]
    choices = [sorted({max(1, math.floor(w)), max(1, math.ceil(w))}) for w in wanted]
    fitting = [tuple(c) for c in itertools.product(*choices) if sum(c) == n_units]
    if fitting:
        return min(fitting, key=lambda counts: composition_error(counts, fractions))
    counts = list(unit_counts(fractions, n_units))
    for kind in [kind for kind, count in enumerate(counts) if count == 0]:
        counts[counts.index(max(counts))] -= 1
        counts[kind] = 1
    return tuple(counts)


def most_balanced_order(counts: Sequence[int]) -> tuple[int, ...]:
    """Return the random order whose beginning is, at each length, most like the whole.

    Examples
    --------
    >>> most_balanced_order([1, 1])
    (0, 1)
    """
    orders = {random_order(counts, seed): None for seed in range(_N_SEEDS)}
    return min(orders, key=lambda order: (_imbalance(order, counts), order))


def _most_balanced_blocks(counts: Sequence[int], blocks: Sequence[int]) -> list[int]:
    orders = {block_order(counts, blocks, seed): None for seed in range(_N_SEEDS)}
    best = min(orders, key=lambda order: (_imbalance(order, counts), order))
    return list(best)


def _imbalance(order: Sequence[int], counts: Sequence[int]) -> float:
    """Sum over all beginnings of the squared differences from the mean composition."""
    seen = [0] * len(counts)
    total = 0.0
    for length, kind in enumerate(order, start=1):
        seen[kind] += 1
        shares = [count * length / len(order) for count in counts]
        total += math.fsum((n - share) ** 2 for n, share in zip(seen, shares, strict=True))
    return round(total, 9)
