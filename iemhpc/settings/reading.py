"""TOML -> pydantic model, with errors that name the key that was probably meant."""

import re
import tomllib
import types
import typing
from collections.abc import Collection, Iterable, Mapping, Sequence
from copy import deepcopy
from difflib import get_close_matches
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from iemhpc.errors import InputError, MissingInputError

SettingsModel = TypeVar("SettingsModel", bound=BaseModel)


def read_settings(
    path: Path, model: type[SettingsModel], *, what: str, made_by: str
) -> SettingsModel:
    """Read a TOML file that a user wrote.

    Parameters
    ----------
    path : Path
        The file.
    model : subclass of BaseModel
        What it must hold.
    what : str
        What the file is, for the error, such as ``a campaign``.
    made_by : str
        How to come by such a file.

    Raises
    ------
    MissingInputError
        Where there is no file.
    InputError
        Where it is not TOML, or a key is unknown, missing or of the wrong kind; all of them at
        once.
    """
    return validate_settings(load_toml(path, what=what, made_by=made_by), model, where=str(path))


def load_toml(path: Path, *, what: str, made_by: str) -> dict[str, Any]:
    """Return the content of a TOML file as dictionaries and lists."""
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, IsADirectoryError) as error:
        raise MissingInputError(f"{path} is not a file; wanted {what}: {made_by}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InputError(f"{path} is not TOML: {error}; mend that line") from error


def validate_settings(
    values: dict[str, Any], model: type[SettingsModel], *, where: str
) -> SettingsModel:
    """Return the model of the values, or one error that names everything wrong with them."""
    try:
        return model.model_validate(values)
    except ValidationError as error:
        raise InputError("\n".join(said_of(where, _explained(error, model)))) from error


def said_of(where: str, problems: Iterable[str]) -> list[str]:
    """Return problems, each on its line with what it is of before it, and each once.

    Examples
    --------
    >>> said_of("campaign.toml", ["seed: got 0", "boxA: unknown key", "seed: got 0"])
    ['campaign.toml: seed: got 0', 'campaign.toml: boxA: unknown key']
    """
    return [f"{where}: {problem}" for problem in dict.fromkeys(problems)]


def salvage_settings(
    values: dict[str, Any], model: type[SettingsModel]
) -> tuple[SettingsModel | None, tuple[str, ...]]:
    """Return what can be read of the values, and all that is wrong with them.

    What is wrong is left out, a misspelt key taken for what it was meant to be, and the rest looked
    at again, so that the caller may check the rest too before anything is told.

    Returns
    -------
    model or None
        None where the rest is no whole model either.
    tuple of str
        What was wrong, in words; empty where the model is that of all values.
    """
    said: list[str] = []
    rest, numbers = deepcopy(values), _Numbers(values)
    while True:
        try:
            return model.model_validate(rest), tuple(dict.fromkeys(said))
        except ValidationError as error:
            # what is missing only since it was left out is no news
            ignored = ("missing", "too_short") if said else ()
            said += _explained(error, model, numbers=numbers, ignored=ignored)
            before = deepcopy(rest)
            _leave_out(rest, error, model, numbers)
            if rest == before:
                return None, tuple(dict.fromkeys(said))


class _Numbers:
    """Which block of the file, from 1, a place of what is left of a list is."""

    def __init__(self, values: Mapping[str, Any]) -> None:
        self.of = {
            key: list(range(1, len(value) + 1))
            for key, value in values.items()
            if isinstance(value, list)
        }

    def name(self, location: Sequence[str | int]) -> str:
        """Return a place in the words of the file, blocks and items counted from 1."""
        if not location:
            return "the file"
        head, rest = str(location[0]), list(location[1:])
        number = rest[0] if rest else None
        if isinstance(number, int):
            numbers = self.of.get(head, [])
            shown = numbers[number] if number < len(numbers) else number + 1
            inner = _dotted(rest[1:])
            return f"[[{head}]] block {shown}" + (f": {inner}" if inner else "")
        return _dotted(location)

    def take_out(self, place: Sequence[str | int]) -> None:
        """Note that a block is left out."""
        if len(place) == 2 and isinstance(place[1], int) and str(place[0]) in self.of:
            del self.of[str(place[0])][place[1]]

    def rename(self, place: Sequence[str | int], name: str) -> None:
        """Note that a list of the file has another name."""
        if len(place) == 1 and str(place[0]) in self.of:
            self.of[name] = self.of.pop(str(place[0]))


def _dotted(location: Sequence[str | int]) -> str:
    """Return keys with dots between them, places in lists counted from 1.

    Examples
    --------
    >>> _dotted(["salts", 0]), _dotted(["polymer", "units", 1, "smiles"])
    ('salts, value 1', 'polymer.units 2.smiles')
    """
    text = ""
    for place, part in enumerate(location):
        if isinstance(part, int):
            text += f" {part + 1}" if place < len(location) - 1 else f", value {part + 1}"
        else:
            text += f".{part}" if text else str(part)
    return text


def _problems(error: ValidationError) -> list[Any]:
    """Return what is wrong; a list that is too short only since its items were refused is not."""
    problems = error.errors(include_url=False)
    # the items say more
    inner = {problem["loc"][:n] for problem in problems for n in range(len(problem["loc"]))}
    return [
        problem
        for problem in problems
        if problem["type"] != "too_short" or problem["loc"] not in inner
    ]


def _explained(
    error: ValidationError,
    model: type[BaseModel],
    *,
    numbers: _Numbers | None = None,
    ignored: Collection[str] = (),
) -> list[str]:
    """Return what is wrong, in words, each once; errors of some types may be ignored."""
    said = [
        line
        for one in _problems(error)
        if one["type"] not in ignored
        for line in _explain(one, model, numbers or _Numbers({}))
    ]
    return list(dict.fromkeys(said))


def _leave_out(
    values: dict[str, Any], error: ValidationError, model: type[BaseModel], numbers: _Numbers
) -> None:
    """Take what is wrong out of the values: a key, or the block that lacks one."""
    problems = [
        problem
        for problem in _problems(error)
        if not (problem["type"] == "extra_forbidden" and _rename(values, problem, model, numbers))
    ]
    problems = [problem for problem in problems if not _is_there_now(values, problem)]
    # of a rule of the whole or of a block, the keys that it names: the rest can be looked at
    problems = [problem for problem in problems if not _take_out_named(values, problem)]
    # items of a list from the last to the first, so that their numbers stay right
    for place in sorted({_place(problem) for problem in problems}, key=_order, reverse=True):
        if place and _take_out(values, place):
            numbers.take_out(place)


def _rename(
    values: dict[str, Any], problem: Any, model: type[BaseModel], numbers: _Numbers
) -> bool:
    """Give a misspelt key the name that was meant, unless there is such a key already."""
    *path, last = problem["loc"]
    table, near = _inside(values, path), _near(model, problem["loc"])
    if not near or not isinstance(table, dict) or near in table:
        return False
    table[near] = table.pop(last)
    numbers.rename(problem["loc"], near)
    return True


def _is_there_now(values: dict[str, Any], problem: Any) -> bool:
    *path, last = problem["loc"] or ("",)
    table = _inside(values, path)
    return problem["type"] == "missing" and isinstance(table, dict) and last in table


def _take_out_named(values: dict[str, Any], problem: Any) -> bool:
    """Take the keys that a broken rule names out of its table; False where there are none."""
    table = _inside(values, problem["loc"])
    if problem["type"] != "value_error" or not isinstance(table, dict):
        return False
    named = [key for key in table if re.search(rf"\b{re.escape(key)}\b", problem["msg"])]
    for key in named:
        del table[key]
    return bool(named)


def _inside(values: Any, path: Sequence[str | int]) -> Any:
    """Return what is at a place; None where there is nothing."""
    try:
        for part in path:
            values = values[part]
    except (KeyError, IndexError, TypeError):
        return None
    return values


def _place(problem: Any) -> tuple[str | int, ...]:
    location: tuple[str | int, ...] = problem["loc"]
    if problem["type"] == "missing":
        return location[:-1]
    # one wrong number of a list: the whole list goes; a rule of a block: the block goes
    while len(location) > 2 and isinstance(location[-1], int):
        location = location[:-1]
    return location


def _order(place: tuple[str | int, ...]) -> list[tuple[int, str]]:
    return [(part, "") if isinstance(part, int) else (-1, part) for part in place]


def _take_out(values: Any, place: Sequence[str | int]) -> bool:
    *path, last = place
    owner = _inside(values, path)
    try:
        del owner[last]
    except (KeyError, IndexError, TypeError):
        return False
    return True


def _explain(problem: Any, model: type[BaseModel], numbers: _Numbers) -> list[str]:
    """Return a problem in words; a rule may say several, a line each."""
    location = problem["loc"]
    name = numbers.name(location)
    owner = _owner(model, location[:-1])
    if problem["type"] == "extra_forbidden":
        near = _near(model, location)
        hint = f"did you mean {near!r}?" if near else f"Known: {', '.join(owner.model_fields)}"
        return [f"{name}: unknown key; {hint}"]
    field = owner.model_fields.get(str(location[-1])) if location else None
    meaning = f" ({field.description})" if field and field.description else ""
    if problem["type"] == "missing":
        return [f"{name}: missing{meaning}; add it"]
    if problem["type"] == "value_error":
        said = str(problem["ctx"]["error"]).splitlines()
        return [f"{name}: {line}" for line in said] if location else said
    return [f"{name}: got {problem['input']!r}; {problem['msg']}{meaning}"]


def _near(model: type[BaseModel], location: Sequence[str | int]) -> str:
    """Return the key that was probably meant; empty where none is near."""
    known = _owner(model, tuple(location[:-1])).model_fields
    return next(iter(get_close_matches(str(location[-1]), known, n=1, cutoff=0.5)), "")


def _owner(model: type[BaseModel], location: tuple[str | int, ...]) -> type[BaseModel]:
    for part in location:
        if isinstance(part, int) or part not in model.model_fields:
            continue
        inner = _model_of(model.model_fields[part].annotation)
        if inner is None:
            break
        model = inner
    return model


def _model_of(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    if isinstance(annotation, types.GenericAlias | types.UnionType) or typing.get_args(annotation):
        for inner in typing.get_args(annotation):
            found = _model_of(inner)
            if found is not None:
                return found
    return None
