r"""A sum that the coordination numbers of one run must come near: the oxygens around a counter-ion.

A cation in a wet membrane is surrounded by about as many oxygens as in bulk water, whether they
are water's or the sites'. Each contact of a site's oxygen with a cation is one of that cation too:

.. math:: n_\mathrm{O} = n(\mathrm{ion\,\to\,water})
   + \frac{N_\mathrm{site\,O}}{N_\mathrm{ion}}\, n(\mathrm{site\,O\,\to\,ion})

In a box without co-ions the ratio is the number of oxygens of a site times the charge of the ion.
"""

from collections.abc import Mapping

from iemhpc.descriptors.rdf import PairRecord

OXYGENS_EXPECTED: Mapping[str, float] = {"Li": 4.3, "Na": 6.2, "K": 7.8, "Mg": 5.9, "Ca": 8.7}
"""Of ions in sulfonated polystyrene as published; bulk water has nearly the same. Anions are held
by sites without oxygen, and no such sum is known of them."""

TOLERANCE = 0.2
"""Relative distance from it at which a run is doubted: two shells are cut at two minima, and
oxygens of ethers and co-ions are not counted."""


def oxygens_per_counterion(
    records: Mapping[str, PairRecord], coordination_numbers: Mapping[str, float | None]
) -> tuple[float | None, float | None]:
    """Return how many oxygens surround a counter-ion, and how many are expected.

    Parameters
    ----------
    records : mapping of str to PairRecord
        What is stored of each pair.
    coordination_numbers : mapping of str to float or None
        By pair.

    Returns
    -------
    float or None
        The sum; None where sites are no oxygens or a number is missing.
    float or None
        What is expected of that ion; None where that is not known.
    """
    ion, site = records.get("counterion_water"), records.get("tethered_counterion")
    if ion is None or site is None or site.elements[0] != "O":
        return None, None
    expected = OXYGENS_EXPECTED.get(ion.elements[0])
    waters = coordination_numbers.get("counterion_water")
    contacts = coordination_numbers.get("tethered_counterion")
    if waters is None or contacts is None or not ion.counts.n_reference:
        return None, expected
    return waters + site.counts.n_reference / ion.counts.n_reference * contacts, expected


def doubt(found: float | None, expected: float | None) -> str:
    """Return what is said where the sum is not near what is expected, else nothing.

    Examples
    --------
    >>> doubt(6.0, 6.2), doubt(None, 6.2)
    ('', '')
    >>> doubt(3.1, 6.2)
    'a counter-ion has 3.1 oxygens of water and sites around it, where 6.2 are usual: look at the
    first minima, and at oxygens of co-ions and of the rest of the polymer'
    """
    if found is None or expected is None or abs(found - expected) <= TOLERANCE * expected:
        return ""
    return (
        f"a counter-ion has {found:.1f} oxygens of water and sites around it, where {expected:.1f} "
        "are usual: look at the first minima, and at oxygens of co-ions and of the rest of the "
        "polymer"
    )
