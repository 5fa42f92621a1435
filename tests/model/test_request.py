import pytest

from iemhpc.errors import InputError, UnknownNameError
from iemhpc.model.request import Block, TuneRequest


def test_default_is_the_grid_of_the_study() -> None:
    request = TuneRequest()
    assert len(request.blocks()) == 4 * 2 * 2 * 3 * 3
    assert request.folds == 11
    assert {block.seeds.split for block in request.blocks()} == {28, 42, 48}
    assert TuneRequest.of("paper") == request


def test_none_changes_nothing_in_a_preset() -> None:
    assert TuneRequest.of("demo", folds=None, hidden=None) == TuneRequest.of("demo")
    assert TuneRequest.of("demo", folds=4).folds == 4


def test_widest_models_start_first() -> None:
    blocks = TuneRequest().blocks(("graph",))
    assert blocks[0].configuration.hidden == 256
    assert blocks[0].configuration.batch_size == 10
    assert blocks[-1].configuration.hidden == 128


def test_one_split_seed_serves_all_seeds() -> None:
    request = TuneRequest(seeds=(1, 2), split_seed=42)
    assert {block.seeds.split for block in request.blocks()} == {42}
    assert {block.seeds.init for block in request.blocks()} == {1, 2}


def test_blocks_have_names_of_their_own_and_survive_json() -> None:
    from dataclasses import asdict

    blocks = TuneRequest().blocks()
    assert len({block.block_id for block in blocks}) == len(blocks)
    assert Block.from_json(asdict(blocks[0])) == blocks[0]


def test_unknown_names_list_the_known_ones() -> None:
    with pytest.raises(UnknownNameError, match=r"unknown level 'md'.* Known: graph, graph"):
        TuneRequest(levels=("md",))
    with pytest.raises(UnknownNameError, match="unknown preset 'papre'; did you mean 'paper'"):
        TuneRequest.of("papre")
    with pytest.raises(UnknownNameError, match=r"unknown target 'log'.* Known: gamma, ln_gamma"):
        TuneRequest(target="log")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"hidden": (0,)}, "--hidden 0; wanted a number above 0"),
        ({"learning_rate": (-0.1,)}, "--learning-rate -0.1; wanted a number above 0"),
        ({"seeds": (-1,)}, "--seed -1; wanted 0 or more"),
        ({"batch_size": ()}, "batch_size is empty; give at least one value"),
        ({"max_epochs": 0}, "--epochs 0; wanted a number above 0"),
    ],
)
def test_impossible_values_are_refused(changes: dict[str, object], message: str) -> None:
    with pytest.raises(InputError, match=message):
        TuneRequest.of(None, **changes)
