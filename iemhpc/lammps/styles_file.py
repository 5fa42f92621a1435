"""``styles.in``: force-field styles and coefficients for LAMMPS, every digit of them.

Templates ``read_data system.data``, then ``include styles.in``. Styles as measured to agree with a
second engine: harmonic bonds and angles with Amber's K as it is, ``fourier`` dihedrals with all
terms of a quadruple in one entry, ``opls`` dihedrals with their halves left to LAMMPS, ``cvff``
impropers in Amber's order of atoms (https://docs.lammps.org/dihedral_fourier.html,
https://docs.lammps.org/dihedral_opls.html, https://docs.lammps.org/improper_cvff.html). Pairs that
the one mixing rule of LAMMPS would get wrong stand behind the types, lower type first
(https://docs.lammps.org/pair_coeff.html); the tail correction counts them as they are.
"""

from collections.abc import Callable, Sequence

import numpy as np

from iemhpc.errors import ForceFieldError
from iemhpc.forcefield.parameters import PairTerm, Parameters, Term

WATER_RESIDUE = "HOH"

SHAKE_MASS_G_MOL = 1.008
"""``fix shake ... m ${shake_mass}`` holds every bond to an atom of this mass."""

_HEAD = """\
# Styles and coefficients of {force_field}, written by iemhpc; include after read_data.
# Define cutoff_A first; kspace_style is the script's.
variable cutoff_A index 10.0
# Where the Coulomb sum goes over from real space to the mesh: speed, at the same accuracy
variable coulomb_cutoff_A index ${{cutoff_A}}
pair_style lj/cut/coul/long ${{cutoff_A}} ${{coulomb_cutoff_A}}
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
        Where a term's values are not those of its style, or a pair's types are in the wrong order.
    """
    styles = parameters.styles
    head = _HEAD.format(
        force_field=parameters.force_field,
        mixing=styles.mixing,
        special_bonds=styles.special_bonds,
    )
    parts = [head, "".join(map(_atom_line, range(1, 10**9), parameters.atom_types))]
    if parameters.pairs:
        parts.append("".join(_pair_line(pair, parameters.atom_types) for pair in parameters.pairs))
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


def _atom_line(number: int, term: Term) -> str:
    epsilon, sigma, _mass = term.values
    return f"pair_coeff {number} {number} {epsilon!r} {sigma!r} # {' '.join(term.types)}\n"


def _pair_line(pair: PairTerm, atom_types: Sequence[Term]) -> str:
    if not 0 <= pair.first < pair.second < len(atom_types):
        raise ForceFieldError(
            f"got a pair of the types {pair.first} and {pair.second} ({pair.source}), wanted two "
            f"different ones of {len(atom_types)}, the lower first: LAMMPS reads no others"
        )
    names = " ".join(atom_types[index].types[0] for index in (pair.first, pair.second))
    values = f"{float(pair.epsilon_kcal_mol)!r} {float(pair.sigma_A)!r}"
    comment = _comment(f"{names}: {pair.source}")
    return f"pair_coeff {pair.first + 1} {pair.second + 1} {values} # {comment}\n"


def _comment(text: str) -> str:
    """Return text that LAMMPS skips quietly: ASCII on one line, without its continuation mark."""
    return " ".join(text.replace("&", "and").encode("ascii", "replace").decode().split())


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


def _opls(term: Term) -> str:
    _check(len(term.values) == 4, term, "K1, K2, K3, K4")
    return " ".join(repr(float(value)) for value in term.values)


def _cvff(term: Term) -> str:
    _check(len(term.values) == 3, term, "K, d, n")
    k, d, n = term.values
    return f"{float(k)!r} {_whole(d, term)} {_whole(n, term)}"


_WRITERS: dict[str, Callable[[Term], str]] = {
    "harmonic": _harmonic,
    "fourier": _fourier,
    "opls": _opls,
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
