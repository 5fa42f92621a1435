"""What docs/typing.md says of RadonPy's types holds for the package as it is."""

import copy
import json
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest


@pytest.fixture(scope="module")
def typer(load_benchmark: Callable[[str], ModuleType]) -> ModuleType:
    return load_benchmark("second_typer")


@pytest.fixture
def record() -> dict[str, Any]:
    path = Path(__file__).with_name("radonpy_types.json")
    return dict(json.loads(path.read_text(encoding="utf-8")))


def test_every_disagreement_with_radonpy_is_on_the_page(
    typer: ModuleType, record: dict[str, Any]
) -> None:
    page = typer.PAGE.read_text(encoding="utf-8")
    assert typer.with_tables(page, typer.tables(record)) == page
    assert f"RadonPy {record['radonpy']}" in page
    for heading in {row.why for row in typer.term_differences(record, "gaff2")} - {"version"}:
        assert f"**{heading}.**" in page


def test_units_of_all_membranes_meet_one_another(typer: ModuleType) -> None:
    chains = typer.chains()
    assert len([name for names in chains for name in names.split(", ")]) == 12
    for chain in chains.values():
        units = [atom.GetProp("unit_name") for atom in chain.GetAtoms()]
        kinds = set(units)
        joints = {
            tuple(atom.GetProp("unit_name") for atom in (bond.GetBeginAtom(), bond.GetEndAtom()))
            for bond in chain.GetBonds()
            if bond.GetBeginAtom().GetIntProp("unit_index")
            != bond.GetEndAtom().GetIntProp("unit_index")
        }
        assert joints == {(one, other) for one in kinds for other in kinds}


def test_types_are_antechambers_where_both_agree(typer: ModuleType, record: dict[str, Any]) -> None:
    """Two programs agree on all but the named atoms of some 1000."""
    n_atoms = sum(chain.GetNumAtoms() for chain in typer.chains().values())
    differ = [
        pair
        for name in typer.chains()
        for pair in zip(typer.ours(name)[1], record["gaff2"]["chains"][name]["types"], strict=True)
        if pair[0] != pair[1]
    ]
    assert n_atoms > 1000
    assert set(differ) == {("s6", "sy"), ("h1", "hc")}


def test_a_changed_type_or_value_is_noticed(typer: ModuleType, record: dict[str, Any]) -> None:
    page = typer.PAGE.read_text(encoding="utf-8")
    value = copy.deepcopy(record)
    value["gaff2"]["bond"]["c3-c3"][1] += 0.01
    with pytest.raises(SystemExit, match=r"explain it in docs/typing\.md"):
        typer.tables(value)
    improper = copy.deepcopy(record)
    for chain in improper["gaff2"]["chains"].values():
        chain["impropers"] = []
    assert typer.with_tables(page, typer.tables(improper)) != page
    name = next(name for name in typer.chains() if "PVAS" in name)
    record["gaff2"]["chains"][name]["types"][0] = "c2"
    with pytest.raises(SystemExit, match=r"c3 or c2\? Explain it"):
        typer.tables(record)
