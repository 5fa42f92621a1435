"""What a page says can be copied is what the program reads."""

import re
import shlex
import tomllib
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest
import typer
from pydantic import TypeAdapter

from iemhpc.cli.app import app
from iemhpc.forcefield.user_charges import load_user_charges
from iemhpc.polymer.catalog import load_membrane
from iemhpc.resources import resource
from iemhpc.settings.cluster import ClusterSettings, SizeSettings, read_cluster
from iemhpc.settings.membrane import MembraneSettings, NetworkSettings, UnitSettings

PAGE = (Path(__file__).parents[1] / "docs" / "molecules.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)


def test_every_toml_of_the_page_on_molecules_loads(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    kinds = []
    for text in blocks("toml"):
        path.write_text(text)
        is_charges = "[[unit]]" in text
        kinds.append(is_charges)
        if is_charges:
            assert load_user_charges(path).units
        else:
            assert load_membrane(path).topology == "network"
    assert sorted(kinds) == [False, True]


def test_its_csv_says_the_same_as_its_toml(tmp_path: Path) -> None:
    given = []
    for suffix, text in (("toml", blocks("toml")[1]), ("csv", blocks("csv")[0])):
        path = tmp_path / f"mine.{suffix}"
        path.write_text(text)
        given.append(load_user_charges(path).units)
    assert given[0] == given[1]


@pytest.mark.parametrize("model", [MembraneSettings, NetworkSettings, UnitSettings])
def test_every_key_of_a_membrane_is_explained(model: type) -> None:
    for key in model.model_fields:
        assert f"`{key}`" in PAGE or f"`[{key}]`" in PAGE or f"`[[{key}]]`" in PAGE, key


def test_the_tables_of_the_reference_campaign_are_those_of_its_descriptors(
    load_data_script: Callable[..., ModuleType],
) -> None:
    make = load_data_script("reference", "make")
    page = make.PAGE.read_text(encoding="utf-8")
    assert make.filled(page) == page


CLUSTERS = (Path(__file__).parents[1] / "docs" / "clusters.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("model", [ClusterSettings, SizeSettings])
def test_every_key_of_a_profile_is_explained(model: type) -> None:
    for key in model.model_fields:
        assert re.search(rf"^\| `{key}` \|", CLUSTERS, re.MULTILINE), key


def test_the_examples_of_keys_are_values_that_they_take(tmp_path: Path) -> None:
    rows = re.findall(r"^\| `(\w+)` \|.*\| `([^`]+)` \|$", CLUSTERS, re.MULTILINE)
    assert len(rows) > 25
    for key, value in rows:
        model = ClusterSettings if key in ClusterSettings.model_fields else SizeSettings
        given = tomllib.loads(f"{key} = {value}")
        assert TypeAdapter(model.model_fields[key].annotation).validate_python(given[key])


def test_the_profile_of_the_page_on_clusters_loads(tmp_path: Path) -> None:
    (text,) = re.findall(r"^```toml\n(.*?)^```", CLUSTERS, re.MULTILINE | re.DOTALL)
    path = tmp_path / "mine.toml"
    path.write_text(text)
    assert read_cluster(path).sizes[-1].wall_hours == 48.0


PAGES = sorted((Path(__file__).parents[1] / "docs").glob("*.md"))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_every_command_of_the_pages_is_one_with_its_options(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    for block in re.findall(r"^```(?:bash|sh|console)\n(.*?)^```", text, re.MULTILINE | re.DOTALL):
        for line in block.replace("\\\n", " ").splitlines():
            words = shlex.split(line.removeprefix("$ "), comments=True)
            if words[:1] == ["iemhpc"]:
                check_command(words[1:])


def check_command(words: list[str]) -> None:
    command = typer.main.get_command(app)
    while isinstance(command, typer.core.TyperGroup) and words and words[0] in command.commands:
        command = command.commands[words.pop(0)]
    known = {option for each in command.params for option in (*each.opts, *each.secondary_opts)}
    assert not isinstance(command, typer.core.TyperGroup), words
    for word in words:
        if word.startswith("-") and len(word) > 1 and not word[1].isdigit():
            assert word.split("=")[0] in known | {"--traceback", "--help"}, (command.name, word)


def test_the_shipped_profiles_are_named_on_the_page() -> None:
    for path in resource("jobs", "clusters").glob("*.toml"):
        assert f"`{path.stem}`" in CLUSTERS
