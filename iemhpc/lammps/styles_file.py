"""``styles.in``: force-field styles and coefficients for LAMMPS, every digit of them.

Templates ``read_data system.data``, then ``include styles.in``. Styles as measured to agree with a
second engine: harmonic bonds and angles with Amber's K as it is, ``fourier`` dihedrals with all
terms of a quadruple in one entry, ``cvff`` impropers in Amber's order of atoms
(https://docs.lammps.org/dihedral_fourier.html, https://docs.lammps.org/improper_cvff.html).
"""

from collections.abc import Callable, Sequence

import numpy as np

from iemhpc.errors import ForceFieldError
from iemhpc.forcefield.parameters import Parameters, Term

WATER_RESIDUE = "HOH"

SHAKE_MASS_G_MOL = 1.008
"""``fix shake ... m ${shake_mass}`` holds every bond to an atom of this mass."""

_HEAD = """\
# Styles and coefficients of {force_field}, written by iemhpc; include after read_data.
# Define cutoff_A first; kspace_style is the script's.
variable cutoff_A index 10.0
pair_style lj/cut/coul/long ${{cutoff_A}}
pair_modify mix {mixing} tail yes
special_bonds {special_bonds}
"""


def styles_text(parameters: Parameters) -> str:
    """Return the text of ``styles.in``.

    Besides styles and coefficients it sets the variables that ``fix shake`` wants:
    ``water_angle_type`` (0 where the box holds no water) and ``shake_mass``.

    Parameters
    ----------
    parameters : Parameters
        Of the whole box.

    Raises
    ------
    ForceFieldError
        Where a term's values are not those of its style.
    """
    styles = parameters.styles
    head = _HEAD.format(
        force_field=parameters.force_field,
        mixing=styles.mixing,
        special_bonds=styles.special_bonds,
    )
    parts = [head, "".join(map(_pair_line, range(1, 10**9), parameters.atom_types))]
    for kind, style, terms in (
        ("bond", styles.bond, parameters.bond_types),
        ("angle", styles.angle, parameters.angle_types),
        ("dihedral", styles.dihedral, parameters.dihedral_types),
        ("improper", styles.improper, parameters.improper_types),
    ):
        if terms:
            parts.append(f"{kind}_style {style}\n{_coefficients(kind, style, terms)}")
    parts.append(
        f"variable water_angle_type equal {water_angle_type(parameters)}\n"
        f"variable shake_mass equal {SHAKE_MASS_G_MOL}\n"
    )
    return "\n".join(parts)


def water_angle_type(parameters: Parameters) -> int:
    """Return the LAMMPS number of water's angle type, 0 where there is no water.

    Raises
    ------
    ForceFieldError
        Where water has more than one angle type, which one ``fix shake`` could not hold.
    """
    is_water = np.array([residue == WATER_RESIDUE for residue in parameters.residues], dtype=bool)
    if not is_water.any():
        return 0
    kinds = np.unique(parameters.angles[is_water[parameters.angles[:, 2]], 0])
    if len(kinds) != 1:
        raise ForceFieldError(f"water has {len(kinds)} angle types; wanted one for fix shake")
    return int(kinds[0]) + 1


def _pair_line(number: int, term: Term) -> str:
    epsilon, sigma, _mass = term.values
    return f"pair_coeff {number} {number} {epsilon!r} {sigma!r} # {' '.join(term.types)}\n"


def _coefficients(kind: str, style: str, terms: Sequence[Term]) -> str:
    if style not in _WRITERS:
        raise ForceFieldError(
            f"{kind}_style {style} is not known to iemhpc; known: {', '.join(_WRITERS)}"
        )
    return "".join(
        f"{kind}_coeff {number} {_WRITERS[style](term)} # {'-'.join(term.types)}\n"
        for number, term in enumerate(terms, 1)
    )


def _harmonic(term: Term) -> str:
    _check(len(term.values) == 2, term, "K and the equilibrium value")
    return " ".join(repr(float(value)) for value in term.values)


def _fourier(term: Term) -> str:
    m = int(term.values[0]) if term.values else 0
    _check(m >= 1 and len(term.values) == 1 + 3 * m, term, "m, then m times K, n, phase")
    words = [str(m)]
    for k, n, phase in zip(*(iter(term.values[1:]),) * 3, strict=True):
        words += [repr(float(k)), _whole(n, term), repr(float(phase))]
    return " ".join(words)


def _cvff(term: Term) -> str:
    _check(len(term.values) == 3, term, "K, d, n")
    k, d, n = term.values
    return f"{float(k)!r} {_whole(d, term)} {_whole(n, term)}"


_WRITERS: dict[str, Callable[[Term], str]] = {
    "harmonic": _harmonic,
    "fourier": _fourier,
    "cvff": _cvff,
}


def _whole(value: float, term: Term) -> str:
    _check(float(value).is_integer(), term, "a whole periodicity and sign")
    return str(int(value))


def _check(is_right: bool, term: Term, wanted: str) -> None:
    if not is_right:
        raise ForceFieldError(
            f"{'-'.join(term.types)} ({term.source}): got the values {term.values}, wanted {wanted}"
        )
