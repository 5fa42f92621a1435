"""How a long stage tells where it is: it calls ``say`` with one line."""

from collections.abc import Callable

Say = Callable[[str], None]
"""A function that takes one line of progress for a person to read."""


def quiet(line: str) -> None:
    """Say nothing: the default of every stage, so that the library never prints."""


Track = Callable[[float, int], None]
"""A function that takes how many pieces of work are done, and of how many, for a bar to show."""


def untracked(done: float, total: int) -> None:
    """Show nothing: the default of every stage."""
