"""Transitions: what never happened is not predicted, and only that."""

from __future__ import annotations

import torch

from ai4land.models import Seen
from ai4land.models.networks import Transitions
from network_inputs import CLASSES, LAND, class_spec, lively_network, random_inputs


def seen_classes(classes: list[int], visible: list[bool], count: int) -> Seen[torch.Tensor]:
    """A row of pixels of given classes."""
    hot = torch.nn.functional.one_hot(torch.tensor(classes), count).T.float()
    shown = torch.tensor(visible).float()[None, None, None, :]
    empty = torch.zeros(1, 0, 1, len(classes))
    return Seen(hot[None, :, None, :], shown, torch.ones_like(shown), empty[:, :, None], empty)


def test_without_any_count_all_is_possible() -> None:
    noted = Transitions(3)
    assert noted.possible().all()
    noted.counts[0, 0, 1] = 7
    assert noted.possible()[0].tolist() == [
        [True, True, False],
        [False, True, False],
        [False, False, True],
    ], "a class may always stay"
    assert noted.possible()[1].all(), "the other direction was never seen"


def test_by_hand() -> None:
    noted = Transitions(3)
    noted.counts[0] = torch.tensor([[4, 1, 0], [0, 6, 0], [0, 0, 0]])
    probability = torch.tensor([0.2, 0.2, 0.6])[None, :, None, None].expand(1, 3, 1, 4)
    given = seen_classes([0, 1, 2, 0], [True, True, True, False], 3)
    found = noted.allow(probability, given, torch.tensor([False]))[0, :, 0]
    torch.testing.assert_close(found[:, 0], torch.tensor([0.5, 0.5, 0.0]))
    assert found[:, 1].tolist() == [0.0, 1.0, 0.0]
    assert found[:, 2].tolist() == [0.0, 0.0, 1.0]
    torch.testing.assert_close(found[:, 3], torch.tensor([0.2, 0.2, 0.6]))
    past = noted.allow(probability, given, torch.tensor([True]))
    torch.testing.assert_close(past, probability)


def test_where_nothing_possible_has_any_probability_the_prior_stays() -> None:
    noted = Transitions(2)
    noted.counts[0, 0, 0] = 1
    probability = torch.tensor([0.0, 1.0])[None, :, None, None]
    found = noted.allow(probability, seen_classes([0], [True], 2), torch.tensor([False]))
    assert found.flatten().tolist() == [1.0, 0.0]


def test_a_network_predicts_nothing_it_never_saw() -> None:
    """Where the prior is visible; where it is hidden, and in the other direction, all is open."""
    network = lively_network(class_spec())
    counts = network.transitions()[LAND].counts
    counts.zero_()
    inputs = random_inputs(class_spec())
    backward = inputs._replace(calendar=-inputs.calendar)
    with torch.inference_mode():
        free, past = network.values(inputs)[LAND][0], network.values(backward)[LAND]
        counts[0] = torch.eye(len(CLASSES), dtype=torch.int64)
        counts[0, 1, 2] = 1
        bound = network.values(inputs)[LAND][0]
        torch.testing.assert_close(network.values(backward)[LAND], past)
    torch.testing.assert_close(bound.sum(dim=0), torch.ones_like(bound[0]))
    seen = inputs.targets[LAND]
    prior, visible = seen.prior[0].argmax(dim=0), seen.visible[0, 0] > 0
    fields, others = visible & (prior == 1), visible & (prior != 1)
    kept = bound.gather(0, prior[None])[0]
    assert torch.allclose(kept[others], torch.tensor(1.0))
    assert (bound[2][fields] > 0).any()
    assert (bound[[0, 3]][:, fields] == 0).all()
    assert (free[[0, 3]][:, fields] > 0).any()
    torch.testing.assert_close(bound[:, ~visible], free[:, ~visible])
