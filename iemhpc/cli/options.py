"""Options that mean the same on every command, and how every command ends."""

import dataclasses
import json as json_module
import math
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Protocol

import typer

from iemhpc.errors import InputError

WorkspaceOption = Annotated[
    Path,
    typer.Option(
        "--workspace",
        "-w",
        envvar="IEMHPC_WORKSPACE",
        help="The campaign's folder.",
        file_okay=False,
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON for programs.")]
DryRunOption = Annotated[
    bool, typer.Option("--dry-run", help="Say what would be done, do nothing.")
]
FreshOption = Annotated[bool, typer.Option("--fresh", help="Start anew instead of going on.")]
GpusOption = Annotated[int, typer.Option("--gpus", min=0, help="GPUs to use; 0: cores only.")]
AddressOption = Annotated[
    str | None, typer.Option("--address", help="A running Ray, e.g. auto or host:6379.")
]
HERE = Path()


class Summary(Protocol):
    """What every stage returns: a frozen dataclass that can say itself in lines."""

    def lines(self) -> list[str]:
        """Return what a person should read."""


def say(line: str) -> None:
    """Print one line of progress on standard error, so that standard output stays data."""
    print(line, file=sys.stderr, flush=True)


def show(summary: Summary, *, json: bool, then: str | None = None) -> None:
    """Print a summary for a person or as JSON, and the next command."""
    if json:
        print_json(summary)
        return
    for line in summary.lines():
        print(line)
    if then:
        print(f"next: {then}")


def print_json(value: object) -> None:
    """Print dataclasses and lists of them as JSON."""
    print(json_module.dumps(_plain(value), indent=1, default=str))


def _plain(value: Any) -> Any:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {f.name: _plain(getattr(value, f.name)) for f in dataclasses.fields(value)}
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_plain(item) for item in value]
    return value


def numbers(text: str | None, *, option: str) -> tuple[float, ...] | None:
    """Read a comma-separated list of numbers.

    Raises
    ------
    InputError
        Where an entry is no number.

    Examples
    --------
    >>> numbers("128,256", option="--hidden")
    (128.0, 256.0)
    """
    if text is None:
        return None
    try:
        values = tuple(float(part) for part in text.split(","))
    except ValueError:
        values = (math.nan,)
    if not all(math.isfinite(value) for value in values):
        raise InputError(
            f"{option}: got {text!r}, wanted numbers separated by commas, such as {option} 1,2"
        )
    return values


def integers(text: str | None, *, option: str) -> tuple[int, ...] | None:
    """Read a comma-separated list of whole numbers.

    Examples
    --------
    >>> integers("28,42", option="--seed")
    (28, 42)
    """
    values = numbers(text, option=option)
    if values is None:
        return None
    if any(value != int(value) for value in values):
        raise InputError(f"{option}: got {text!r}, wanted whole numbers separated by commas")
    return tuple(int(value) for value in values)


def names(values: Sequence[str] | None) -> tuple[str, ...]:
    """Flatten repeated and comma-separated options into one tuple.

    Examples
    --------
    >>> names(["graph,graph+conditions", "graph+conditions+md"])
    ('graph', 'graph+conditions', 'graph+conditions+md')
    """
    return tuple(part for value in values or () for part in value.split(",") if part)
