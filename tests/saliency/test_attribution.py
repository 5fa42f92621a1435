from dataclasses import replace

import numpy as np
import pytest
import torch

from iemhpc.errors import UnknownNameError
from iemhpc.model.graph import N_TYPES, graph_of
from iemhpc.saliency.attribution import attribute, gradient_times_input, scale


def test_contributions_to_a_linear_score_add_up_to_it():
    generator = torch.Generator().manual_seed(0)
    weights = torch.randn(69, generator=generator)
    x = torch.randn(12, 69, generator=generator)
    contributions = gradient_times_input(lambda x: x @ weights, x)
    assert torch.allclose(contributions, x @ weights, atol=1e-5)


def test_only_the_columns_asked_for_are_summed():
    x = torch.ones(3, 69)
    assert gradient_times_input(lambda x: x.sum(), x, n_columns=N_TYPES).tolist() == [43.0] * 3


def test_relabelled_atoms_carry_their_saliency_along(random_bundle):
    model = random_bundle.forward_inputs(random_bundle.frame().iloc[:1])[0]
    x, edges = model.polymers.x.detach(), model.polymers.edge_index
    order = torch.randperm(len(x), generator=torch.Generator().manual_seed(1))
    relabelled = replace(model.polymers, edge_index=torch.argsort(order)[edges])
    other = replace(model, polymers=relabelled)
    ours = gradient_times_input(model.output, x)
    theirs = gradient_times_input(other.output, x[order])
    assert torch.allclose(ours[order], theirs, atol=1e-6)
    assert ours.abs().max() > 0


def test_all_points_in_one_batch_are_each_point_alone(random_bundle):
    together = attribute(random_bundle)
    for name in dict.fromkeys(p["system"] for p in random_bundle.points):
        alone = tuple(p for p in random_bundle.points if p["system"] == name)
        ours = [one for one in together if one.system == name]
        theirs = attribute(replace(random_bundle, points=alone))
        for one, other in zip(ours, theirs, strict=True):
            assert one.smiles == other.smiles
            np.testing.assert_allclose(one.saliency, other.saliency, atol=1e-6)


def test_every_system_has_its_polymer_and_its_salt(random_bundle):
    maps = attribute(random_bundle)
    assert [(one.system, one.molecule) for one in maps][:4] == [
        ("CR61/NaCl", "polymer"),
        ("CR61/NaCl", "salt"),
        ("CR61/MgCl2", "polymer"),
        ("CR61/MgCl2", "salt"),
    ]
    assert all(len(one.saliency) == graph_of(one.smiles).n_atoms for one in maps)
    assert all(one.n_points == 3 and one.n_models == 3 for one in maps)


def test_scaled_maps_reach_one_and_keep_their_signs(random_bundle):
    for one in attribute(random_bundle, columns="all"):
        assert np.abs(one.scaled).max() == pytest.approx(1.0)
        assert np.array_equal(np.sign(one.scaled), np.sign(one.saliency))
        assert np.all((one.sign_agreement >= 0) & (one.sign_agreement <= 1))


def test_type_and_all_columns_give_different_maps(random_bundle):
    by_type, by_all = attribute(random_bundle), attribute(random_bundle, columns="all")
    assert not np.allclose(by_type[0].saliency, by_all[0].saliency)


def test_one_model_agrees_with_itself(random_bundle):
    alone = replace(random_bundle, folds=random_bundle.folds[:1])
    assert all((one.sign_agreement == 1.0).all() for one in attribute(alone))


def test_a_map_of_zeros_stays():
    assert scale(np.zeros(3)).tolist() == [0.0, 0.0, 0.0]


def test_unknown_columns_list_the_known_ones(random_bundle):
    with pytest.raises(UnknownNameError, match=r"unknown choice of columns 'types'.*all, type"):
        attribute(random_bundle, columns="types")
