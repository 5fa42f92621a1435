"""Parameters of every atom and bonded term, each with its source."""

from pathlib import Path

from iemhpc.errors import InputError, unknown_name

FORCE_FIELDS = {
    "gaff2": "iemhpc.forcefield.gaff2:parametrise_chain",
    "oplsaa": "iemhpc.forcefield.oplsaa:parametrise_chain",
}
"""Name of a force field -> the function that parametrises a polymer chain."""

CHARGE_METHODS = {
    "am1bcc": "iemhpc.forcefield.charges:am1bcc_charges",
    "resp": "iemhpc.forcefield.pyscf_esp:resp_charges",
    "resp-gaussian": "iemhpc.forcefield.gaussian:resp_gaussian_charges",
}
"""Name of a charge method -> the function that charges a capped oligomer."""

DEFAULT_CHARGES = {"gaff2": "am1bcc", "oplsaa": "opls"}
"""Force field -> the charges that it has where none are asked for."""

TYPED_CHARGES = "opls"
"""The charges that come with the atom types of OPLS-AA, without a charge method."""

CHARGE_FILES = (".toml", ".csv", ".json")
"""Suffixes of files of the user's own charges."""


def charges_for(force_field: str, charges: str | None = None) -> str:
    """Return the charges of a polymer: those asked for, where they belong to the force field.

    Parameters
    ----------
    force_field : str
        A name of :data:`FORCE_FIELDS`.
    charges : str, optional
        A charge method, or the path of a file of the user's own charges. By default those of
        :data:`DEFAULT_CHARGES`.

    Raises
    ------
    InputError
        Where the charges belong to another force field.
    UnknownNameError
        Where no force field has charges of this name.

    Examples
    --------
    >>> charges_for("oplsaa"), charges_for("gaff2", "mine.toml")
    ('opls', 'mine.toml')
    """
    if force_field not in FORCE_FIELDS:
        raise unknown_name("force field", force_field, FORCE_FIELDS)
    taken = {"gaff2": tuple(CHARGE_METHODS), "oplsaa": (TYPED_CHARGES,)}
    if charges is None:
        return DEFAULT_CHARGES[force_field]
    if charges in taken[force_field] or is_charge_file(charges):
        return charges
    known = {name for names in taken.values() for name in names}
    if charges not in known:
        raise unknown_name("charge method", charges, known)
    rules = "; ".join(f"{name} takes {', '.join(names)}" for name, names in taken.items())
    raise InputError(
        f"charges {charges!r} do not belong to {force_field}: {rules}; each takes a file of "
        f"charges ({', '.join(CHARGE_FILES)}) too"
    )


def is_charge_file(charges: str) -> bool:
    """Tell whether ``charges`` is the path of a file, not the name of a method.

    Examples
    --------
    >>> is_charge_file("my/charges.csv"), is_charge_file("resp")
    (True, False)
    """
    return Path(charges).suffix.lower() in CHARGE_FILES
