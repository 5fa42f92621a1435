"""What a published force field says, as the second engine reads it: terms by class of atom.

Nothing here knows :mod:`iemhpc.forcefield`: the second engine is only worth something where it
shares no reader, no enumeration and no stored value with the first.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

Classes = tuple[str, ...]
"""Classes of the atoms of a term; an empty one stands for any."""

Torsion = tuple[float, int, float]
"""K kcal/mol, periodicity, phase in degrees, of K (1 + cos(n phi - phase))."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LennardJones:
    """A kind of atom."""

    epsilon_kcal_mol: float
    sigma_A: float


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldTables:
    """One field, restricted to the types that a structure uses."""

    name: str
    """For messages, and to keep equal type names of two fields apart."""
    classes: Mapping[str, str]
    """Type of an atom -> class that its bonded terms are found by."""
    atoms: Mapping[str, LennardJones]
    """By type."""
    bonds: Mapping[Classes, tuple[float, float]]
    """K kcal/mol/Å² of K (r - r0)², r0 Å."""
    angles: Mapping[Classes, tuple[float, float]]
    """K kcal/mol/rad², theta0 degrees; the centre is in the middle."""
    propers: Mapping[Classes, tuple[Torsion, ...]]
    """What counts more comes first; one without wildcards counts most."""
    impropers: Mapping[Classes, Torsion]
    """The centre is the first class."""
    charges_e: Mapping[str, float] = field(default_factory=dict)
    """By type, where the field itself says them."""
    pairs: Mapping[tuple[str, str], LennardJones] = field(default_factory=dict)
    """Pairs of types, sorted, whose values are not those of the mixing rule."""
    scale_14_lj: float = 0.5
    scale_14_coulomb: float = 0.5
    mixing: str = "arithmetic"
    """Of sigma: arithmetic (Lorentz-Berthelot) or geometric; epsilon is always geometric."""
    geometric: frozenset[str] = frozenset()
    """Types whose sigma mixes geometrically with all but the polymer's, which has its own rule."""
    is_improper_sorted: bool = False
    """Whether the outer atoms of an improper are put in the order of their types."""
