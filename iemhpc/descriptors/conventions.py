"""The choices behind every descriptor: bins, range, what a tethered site is, fixed radii."""

from iemhpc.errors import unknown_name

BIN_A = 0.05
R_MAX_A = 12.0
"""Histograms end here, or at half the smallest box edge."""

SITE_CONVENTIONS = ("paper", "center")
"""A tethered site is each terminal oxygen of a sulfonate or sulfate, and the N of a cation
(``paper``, as peak positions in the study show), or the S or N itself (``center``)."""

DEFAULT_FIXED_RADIUS_A = 3.5

# First minima of ions and water from simulations with TIP3P and the Joung-Cheatham and Li-Merz
# ions, rounded; of O around sulfonate O the outer end of its flat minimum; of N and S estimated.
_FIXED_RADIUS_A = {
    frozenset(elements.split("-")): radius_A
    for elements, radius_A in {
        "Li-O": 2.7,
        "Na-O": 3.2,
        "K-O": 3.6,
        "Mg-O": 3.0,
        "Ca-O": 3.2,
        "Cl-O": 3.8,
        "I-O": 4.2,
        "S-O": 4.6,
        "O-O": 3.85,
        "N-O": 5.5,
        "N-Cl": 6.0,
        "N-I": 6.0,
        "S-Li": 3.8,
        "S-Na": 4.3,
        "S-K": 4.7,
        "S-Mg": 4.3,
        "S-Ca": 4.5,
    }.items()
}


def check_site_convention(name: str) -> str:
    """Return the name of a site convention, or say which there are.

    Examples
    --------
    >>> check_site_convention("centre")
    Traceback (most recent call last):
    iemhpc.errors.UnknownNameError: unknown site convention 'centre'; did you mean 'center'? ...
    """
    if name not in SITE_CONVENTIONS:
        raise unknown_name("site convention", name, SITE_CONVENTIONS)
    return name


def fixed_radius_A(reference: str, neighbour: str) -> float:
    """Return the radius inside which neighbours are counted whatever the first minimum is.

    Examples
    --------
    >>> fixed_radius_A("Na", "O"), fixed_radius_A("O", "Na")
    (3.2, 3.2)
    """
    return _FIXED_RADIUS_A.get(frozenset((reference, neighbour)), DEFAULT_FIXED_RADIUS_A)
