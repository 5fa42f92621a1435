"""Which Lennard-Jones pairs of a box the one mixing rule of LAMMPS would get wrong.

LAMMPS mixes all pairs of a box by one rule, which is the polymer's. Water and ions were fitted
together, mostly with Lorentz-Berthelot, so beside a polymer that mixes geometrically (OPLS-AA)
their pairs are written out one by one; what involves the polymer keeps the polymer's rule. For Na+
of Joung and Cheatham beside TIP3P that is sigma = 2.795 Å, not 2.772 Å, which moves the very
peaks of g(r) that descriptors describe. Some ion sets give single pairs their own values (NBFIX).
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

from iemhpc.forcefield.aqueous import fitted_pair
from iemhpc.forcefield.ion_sets import RULES
from iemhpc.forcefield.parameters import PairTerm, Term


@dataclass(frozen=True, slots=True)
class MixedType:
    """An atom type, and how it mixes."""

    term: Term
    own_rule: str | None
    """The rule among water and ions, a key of :data:`RULES`; None for a polymer's type."""


def mixed(first: Term, second: Term, rule: str) -> tuple[float, float]:
    """Return epsilon (kcal/mol) and sigma (Å) of a pair of types by a rule of LAMMPS.

    Examples
    --------
    >>> oxygen = Term(types=("OW",), values=(0.1521, 3.1507, 16.0), source="TIP3P")
    >>> sodium = Term(types=("Na+",), values=(0.0874393, 2.4393, 23.0), source="JC")
    >>> [round(mixed(sodium, oxygen, rule)[1], 3) for rule in ("arithmetic", "geometric")]
    [2.795, 2.772]
    """
    epsilon = math.sqrt(first.values[0] * second.values[0])
    one_A, other_A = first.values[1], second.values[1]
    return epsilon, (one_A + other_A) / 2 if rule == "arithmetic" else math.sqrt(one_A * other_A)


def explicit_pairs(types: Sequence[MixedType], rule: str) -> tuple[PairTerm, ...]:
    """Return the pairs of water and ions that the box's rule does not give.

    Parameters
    ----------
    types : sequence of MixedType
        The box's atom types in order.
    rule : str
        The box's, for all other pairs.
    """
    own = [(index, each) for index, each in enumerate(types) if each.own_rule is not None]
    found = (
        _pair(one, other, first=first, second=second, rule=rule)
        for (first, one), (second, other) in combinations(own, 2)
    )
    return tuple(pair for pair in found if pair is not None)


def _pair(
    one: MixedType, other: MixedType, *, first: int, second: int, rule: str
) -> PairTerm | None:
    if fitted := fitted_pair(one.term, other.term):
        return PairTerm(
            first=first,
            second=second,
            epsilon_kcal_mol=fitted.epsilon_kcal_mol,
            sigma_A=fitted.sigma_A,
            source=fitted.source,
        )
    # Only an ion set asks for the geometric rule; sulfate and water follow it there.
    own_rule = "geometric" if "geometric" in (one.own_rule, other.own_rule) else "arithmetic"
    epsilon, sigma_A = mixed(one.term, other.term, own_rule)
    if own_rule == rule or epsilon == 0:
        return None
    return PairTerm(
        first=first,
        second=second,
        epsilon_kcal_mol=epsilon,
        sigma_A=sigma_A,
        source=f"{RULES[own_rule]}, with which water and ions were fitted; the rest of the box "
        f"has {RULES[rule]}",
    )
