"""Sets of ion parameters: the water each was fitted to, how it mixes, and where each ion is from.

Lennard-Jones parameters of an ion mean something only beside the water, the mixing rule and the
other ions that they were fitted with, so an ion is chosen as a member of a set:

* Joung and Cheatham's monovalent and Li and Merz's divalent ions, for TIP3P, Lorentz-Berthelot;
* CHARMM's, for its TIP3P, Lorentz-Berthelot, with its own values for a cation beside chloride;
* Åqvist's cations, fitted to SPC with geometric mixing; only where they are asked for by name.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from iemhpc.errors import ForceFieldError, unknown_name
from iemhpc.units import SIGMA_PER_RMIN_HALF

RULES = {"arithmetic": "Lorentz-Berthelot", "geometric": "geometric mixing"}
"""``pair_modify mix`` of LAMMPS -> what chemists call it."""


@dataclass(frozen=True, slots=True)
class IonModel:
    """A monatomic ion of one set."""

    element: str
    charge: int
    epsilon_kcal_mol: float
    sigma_A: float
    mass_g_mol: float
    source: str


@dataclass(frozen=True, slots=True)
class IonPair:
    """Lennard-Jones of two different ions that no mixing rule gives."""

    epsilon_kcal_mol: float
    sigma_A: float
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class IonSet:
    """Ions that belong together, to a water model and to a mixing rule."""

    name: str
    water_models: tuple[str, ...]
    """Those it may stand in."""
    default_of: tuple[str, ...]
    """Water models that take this set where none is named."""
    mixing: str
    """``pair_modify mix`` of the fit, a key of :data:`RULES`."""
    ions: Mapping[str, IonModel]
    """By their name in ``data/ions.csv``."""
    pairs: Mapping[frozenset[str], IonPair] = field(default_factory=dict)
    """Pairs of ions with values of their own."""
    warning: str = ""
    """What whoever chooses it has to know."""


_JOUNG_CHEATHAM = "Joung, Cheatham, J. Phys. Chem. B 112 (2008) 9020, for TIP3P"
_LI_MERZ_CM = "Li, Roberts, Chakravorty, Merz, J. Chem. Theory Comput. 9 (2013) 2733, CM, for TIP3P"
_BEGLOV_ROUX = "CHARMM36 toppar_water_ions (Beglov, Roux, J. Chem. Phys. 100 (1994) 9050)"
_CHARMM = "CHARMM36 toppar_water_ions"
_NBFIX = "NBFIX of CHARMM36 toppar_water_ions"
_OSMOTIC = f"{_NBFIX}: osmotic pressure (Luo, Roux, J. Phys. Chem. Lett. 1 (2010) 183)"
_AQVIST = "Åqvist, J. Phys. Chem. 94 (1990) 8021, for SPC, as in the OPLS-AA tables of 2024"
_OPLS_1984 = (
    "Chandrasekhar, Spellmeyer, Jorgensen, J. Am. Chem. Soc. 106 (1984) 903, as in the OPLS-AA "
    "tables of 2024"
)
_OPLS_1998 = "J. Am. Chem. Soc. 120 (1998) 5104, as in the OPLS-AA tables of 2024; not Åqvist's"


def _with_chloride(
    cation: str, *, epsilon_kcal_mol: float, rmin_A: float, source: str
) -> tuple[frozenset[str], IonPair]:
    sigma_A = rmin_A / 2 * SIGMA_PER_RMIN_HALF
    return frozenset((cation, "Cl")), IonPair(epsilon_kcal_mol, sigma_A, source)


_MASSES_G_MOL = {
    "Li": 6.94,
    "Na": 22.98977,
    "K": 39.0983,
    "Mg": 24.305,
    "Ca": 40.078,
    "Cl": 35.45,
    "I": 126.90447,
}

_CHARGES = {"Li": 1, "Na": 1, "K": 1, "Mg": 2, "Ca": 2, "Cl": -1, "I": -1}


def _ions(
    *rows: tuple[str, float, float, str], sigma_per_length: float = SIGMA_PER_RMIN_HALF
) -> dict[str, IonModel]:
    """Return ions from rows of name, length (Rmin/2 unless told, Å), epsilon (kcal/mol), source."""
    return {
        name: IonModel(
            element=name,
            charge=_CHARGES[name],
            epsilon_kcal_mol=epsilon,
            sigma_A=length_A * sigma_per_length,
            mass_g_mol=_MASSES_G_MOL[name],
            source=source,
        )
        for name, length_A, epsilon, source in rows
    }


_SETS = (
    IonSet(
        name="joung-cheatham",
        water_models=("tip3p",),
        default_of=("tip3p",),
        mixing="arithmetic",
        ions=_ions(
            ("Li", 1.025, 0.0279896, _JOUNG_CHEATHAM),
            ("Na", 1.369, 0.0874393, _JOUNG_CHEATHAM),
            ("K", 1.705, 0.1936829, _JOUNG_CHEATHAM),
            ("Cl", 2.513, 0.0355910, _JOUNG_CHEATHAM),
            ("I", 2.860, 0.0536816, _JOUNG_CHEATHAM),
            ("Mg", 1.360, 0.01020237, _LI_MERZ_CM),
            ("Ca", 1.649, 0.10592870, _LI_MERZ_CM),
        ),
    ),
    IonSet(
        name="charmm",
        water_models=("tip3p-charmm",),
        default_of=("tip3p-charmm",),
        mixing="arithmetic",
        ions=_ions(
            ("Li", 1.2975, 0.00233, _CHARMM),
            ("Na", 1.41075, 0.0469, _BEGLOV_ROUX),
            ("K", 1.76375, 0.0870, _BEGLOV_ROUX),
            ("Mg", 1.18500, 0.0150, _CHARMM),
            ("Ca", 1.367, 0.120, _CHARMM),
            ("Cl", 2.27, 0.150, _BEGLOV_ROUX),
        ),
        pairs=dict(
            (
                _with_chloride("Na", epsilon_kcal_mol=0.083875, rmin_A=3.731, source=_OSMOTIC),
                _with_chloride("K", epsilon_kcal_mol=0.114236, rmin_A=4.081, source=_OSMOTIC),
                _with_chloride("Li", epsilon_kcal_mol=0.0187, rmin_A=3.6875, source=_NBFIX),
                _with_chloride("Ca", epsilon_kcal_mol=0.134164, rmin_A=3.727, source=_NBFIX),
            )
        ),
    ),
    IonSet(
        name="aqvist",
        water_models=("tip3p",),
        default_of=(),
        mixing="geometric",
        ions=_ions(
            ("Li", 2.126452, 0.018279, _AQVIST),
            ("Na", 3.330445, 0.002772, _AQVIST),
            ("K", 4.934628, 0.000328, _AQVIST),
            ("Mg", 1.644471, 0.875044, _AQVIST),
            ("Ca", 2.412031, 0.449657, _AQVIST),
            ("Cl", 4.41724, 0.11779, _OPLS_1984),
            ("I", 5.40000, 0.07000, _OPLS_1998),
            sigma_per_length=1.0,
        ),
        warning="Åqvist's cations were fitted to SPC water with geometric mixing, and its anions "
        "come from elsewhere: in TIP3P their hydration is not the published one",
    ),
)

ION_SETS = {each.name: each for each in _SETS}
"""Name -> set."""


def default_ion_set(water_model: str) -> str:
    """Return the name of the set that a water model takes where none is named.

    Examples
    --------
    >>> default_ion_set("tip3p"), default_ion_set("tip3p-charmm")
    ('joung-cheatham', 'charmm')
    """
    for each in ION_SETS.values():
        if water_model in each.default_of:
            return each.name
    known = sorted(water for each in ION_SETS.values() for water in each.default_of)
    raise unknown_name("water model", water_model, known)


def ion_set_for(water_model: str, ion_set: str | None = None) -> IonSet:
    """Return a set, by default that of the water model; one fitted to another water is refused.

    Raises
    ------
    UnknownNameError
        Where there is no such set.
    ForceFieldError
        Where the set belongs to another water.

    Examples
    --------
    >>> ion_set_for("tip3p").name
    'joung-cheatham'
    """
    name = default_ion_set(water_model) if ion_set is None else ion_set
    if name not in ION_SETS:
        raise unknown_name("ion set", name, ION_SETS)
    found = ION_SETS[name]
    if water_model not in found.water_models:
        fitting = [each.name for each in ION_SETS.values() if water_model in each.water_models]
        raise ForceFieldError(
            f"the ion set {name!r} belongs to the water model {' or '.join(found.water_models)}, "
            f"got {water_model!r}; take that water, or with {water_model!r} the ion set "
            f"{' or '.join(fitting)}"
        )
    return found


def sets_with(ion_name: str) -> tuple[str, ...]:
    """Return where an ion has parameters, in words.

    Examples
    --------
    >>> sets_with("I")
    ("'joung-cheatham' (water tip3p)", "'aqvist' (water tip3p)")
    """
    return tuple(
        f"{each.name!r} (water {', '.join(each.water_models)})"
        for each in ION_SETS.values()
        if ion_name in each.ions
    )
