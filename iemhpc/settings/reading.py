"""TOML -> pydantic model, with errors that name the key that was probably meant."""

import re
import tomllib
import types
import typing
from collections.abc import Sequence
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
        raise InputError(f"{where}: " + "; ".join(_explained(error, model))) from error


def salvage_settings(
    values: dict[str, Any], model: type[SettingsModel]
) -> tuple[SettingsModel | None, tuple[str, ...]]:
    """Return what can be read of the values, and all that is wrong with them.

    What is wrong is left out and the rest looked at again, so that the caller may check the rest
    too before anything is told.

    Returns
    -------
    model or None
        None where the rest is no whole model either.
    tuple of str
        What was wrong, in words; empty where the model is that of all values.
    """
    said: list[str] = []
    rest = deepcopy(values)
    while True:
        try:
            return model.model_validate(rest), tuple(dict.fromkeys(said))
        except ValidationError as error:
            # what is missing only since it was left out is no news
            said += _explained(error, model, ignored="missing" if said else "")
            before = deepcopy(rest)
            _leave_out(rest, error)
            if rest == before:
                return None, tuple(dict.fromkeys(said))


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


def _explained(error: ValidationError, model: type[BaseModel], *, ignored: str = "") -> list[str]:
    """Return what is wrong, in words, each once; errors of one type may be ignored."""
    said = [_explain(one, model) for one in _problems(error) if one["type"] != ignored]
    return list(dict.fromkeys(said))


def _leave_out(values: dict[str, Any], error: ValidationError) -> None:
    """Take what is wrong out of the values: a key, or the block that lacks one."""
    problems = _problems(error)
    # items of a list from the last to the first, so that their numbers stay right
    places = sorted({_place(problem) for problem in problems}, key=_order, reverse=True)
    for place in places:
        if place:
            _take_out(values, place)
    for problem in problems:
        if not problem["loc"]:
            # a rule of the whole: without the keys that it names, the rest can be looked at
            for key in [key for key in values if re.search(rf"\b{key}\b", problem["msg"])]:
                del values[key]


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


def _take_out(values: Any, place: Sequence[str | int]) -> None:
    *path, last = place
    try:
        for part in path:
            values = values[part]
        del values[last]
    except (KeyError, IndexError, TypeError):
        return


def _explain(problem: Any, model: type[BaseModel]) -> str:
    location = problem["loc"]
    name = ".".join(str(part) for part in location) or "the file"
    owner = _owner(model, location[:-1])
    known = list(owner.model_fields)
    if problem["type"] == "extra_forbidden":
        near = get_close_matches(str(location[-1]), known, n=1, cutoff=0.5)
        hint = f"did you mean {near[0]!r}? " if near else ""
        return f"{name}: unknown key; {hint}Known: {', '.join(known)}"
    field = owner.model_fields.get(str(location[-1])) if location else None
    meaning = f" ({field.description})" if field and field.description else ""
    if problem["type"] == "missing":
        return f"{name}: missing{meaning}; add it"
    if problem["type"] == "value_error":
        return f"{name}: {problem['ctx']['error']}" if location else str(problem["ctx"]["error"])
    return f"{name}: got {problem['input']!r}; {problem['msg']}{meaning}"


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
