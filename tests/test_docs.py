"""What a page says can be copied is what the program reads."""

import re
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

from iemhpc.forcefield.user_charges import load_user_charges
from iemhpc.polymer.catalog import load_membrane
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
