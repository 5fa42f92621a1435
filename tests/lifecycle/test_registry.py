import pytest

from iemhpc.errors import BundleError, InputError, MissingInputError, UnknownNameError
from iemhpc.lifecycle.registry import list_models, set_aside_damaged, show_model
from iemhpc.model.bundle import set_current

LEVEL = "graph+conditions"


def test_without_models_the_list_says_how_to_make_some(workspace):
    assert list_models(workspace).lines() == ["no models yet; make some with: iemhpc tune"]
    with pytest.raises(MissingInputError, match="holds no model; make some with: iemhpc tune"):
        show_model(workspace, "abc")


def test_the_list_marks_the_current_models_and_the_damaged_ones(workspace, write_model):
    good, bad = write_model(0.5), write_model(0.6)
    set_current(workspace, LEVEL, good.hash)
    (bad.path / "weights.safetensors").write_bytes(b"")
    (workspace.models / "history.json").write_text("[]")
    found = {model.hash: model for model in list_models(workspace).models}
    assert set(found) == {good.hash, bad.hash}
    assert found[good.hash].is_current
    assert (found[good.hash].n_models, found[good.hash].n_points) == (2, 20)
    assert "weights.safetensors is missing or was changed" in found[bad.hash].damage
    text = "\n".join(list_models(workspace).lines())
    assert "damaged:" in text
    assert "current" in text


def test_a_model_is_found_by_the_start_of_its_hash_or_by_its_level(workspace, write_model):
    model = write_model(0.5)
    set_current(workspace, LEVEL, model.hash)
    by_hash, by_level = show_model(workspace, model.hash[:6]), show_model(workspace, LEVEL)
    assert by_hash == by_level
    assert by_hash.n_test == 10
    text = "\n".join(by_hash.lines())
    assert f"bundle {model.hash}: {LEVEL}, 2 models, current for {LEVEL}" in text
    assert "mae: 0.02" in text


def test_an_unknown_or_ambiguous_name_lists_what_there_is(workspace, write_model):
    first, second = write_model(0.5), write_model(0.6)
    with pytest.raises(
        UnknownNameError, match=f"unknown bundle 'zz'.*{min(first.hash, second.hash)}"
    ):
        show_model(workspace, "zz")
    with pytest.raises(InputError, match=r"'' is the start of 2 bundles: .*give more of the hash"):
        show_model(workspace, "")


def test_a_damaged_model_is_not_shown_as_if_it_were_whole(workspace, write_model):
    model = write_model(0.5)
    description = model.path / "bundle.json"
    description.write_text(description.read_text().replace('"mae": 0.02', '"mae": 0.01'))
    with pytest.raises(BundleError, match=r"bundle.json was changed .*iemhpc tune --fresh"):
        show_model(workspace, model.hash)
    description.write_text("{")
    with pytest.raises(BundleError, match=r"bundle.json is damaged"):
        show_model(workspace, model.hash)


def test_damaged_models_are_set_aside_and_whole_ones_stay(workspace, write_model):
    good, bad = write_model(0.5), write_model(0.6)
    (bad.path / "weights.safetensors").unlink()
    (said,) = set_aside_damaged(workspace)
    assert said.startswith(f"{bad.hash}: weights.safetensors is missing")
    assert [model.hash for model in list_models(workspace).models] == [good.hash]
    assert list(workspace.models.glob(f".{bad.hash}.*.damaged"))
