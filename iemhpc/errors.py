"""What can go wrong, by kind: each error says what, got, wanted, and what to do.

``exit_code`` is what the command line returns: 2 where the user can mend the input, else 1.
"""

from collections.abc import Iterable
from difflib import get_close_matches


class IemhpcError(Exception):
    """The parent of every error that iemhpc raises on purpose."""

    exit_code = 1


class InputError(IemhpcError, ValueError):
    """Something the user wrote cannot be used as it is."""

    exit_code = 2


class UnknownNameError(InputError, LookupError):
    """A name that no catalogue or registry holds."""


class MissingInputError(IemhpcError, FileNotFoundError):
    """A file that an earlier command makes is not there."""

    exit_code = 2


class ChemistryError(InputError):
    """A SMILES or a repeat unit that cannot be what it claims to be."""


class CompositionError(InputError):
    """Counts that cannot make a neutral box of the asked kind."""


class ForceFieldError(IemhpcError, LookupError):
    """Parameters that a force field does not have."""


class TableError(InputError):
    """A table whose columns, types or values are not what its schema says."""


class TrajectoryError(IemhpcError, ValueError):
    """A trajectory that cannot be read without guessing."""


class ProgramError(IemhpcError, RuntimeError):
    """Another program is missing or failed."""


class RefusedError(ProgramError):
    """A queue that has answered that it will not take a job."""


class ResourceError(IemhpcError, RuntimeError):
    """What was asked for is not on this machine."""

    exit_code = 2


class LockedError(IemhpcError, RuntimeError):
    """Another process holds the lock."""


class BundleError(IemhpcError, ValueError):
    """A model bundle whose files do not match their checksums or schema."""


LONGEST_LIST = 18
"""Names that are listed even where one of them is meant."""


def unknown_name(kind: str, name: str, known: Iterable[str]) -> UnknownNameError:
    """Return the error for a name that is not known, with the one meant and the known ones.

    Where one is meant, a list longer than :data:`LONGEST_LIST` is left out.

    Examples
    --------
    >>> print(unknown_name("salt", "NaCL", ["KCl", "NaCl"]))
    unknown salt 'NaCL'; did you mean 'NaCl'? Known: KCl, NaCl
    >>> print(unknown_name("salt", "sugar", ["KCl", "NaCl"]))
    unknown salt 'sugar'. Known: KCl, NaCl
    """
    names = sorted(known)
    by_lower = {known_name.lower(): known_name for known_name in names}
    near = get_close_matches(name.lower(), by_lower, n=1)
    meant = f"; did you mean {by_lower[near[0]]!r}?" if near else "."
    listed = "" if near and len(names) > LONGEST_LIST else f" Known: {', '.join(names)}"
    return UnknownNameError(f"unknown {kind} {name!r}{meant}{listed}")
