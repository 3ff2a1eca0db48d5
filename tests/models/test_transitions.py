"""Transitions: what never happened is not predicted, and only that."""

from __future__ import annotations

import torch

from ai4land.models.transitions import Transitions
from network_inputs import CLASSES, class_spec, lively_network, random_inputs


def test_only_what_was_seen_is_left() -> None:
    noted = Transitions(3)
    before = torch.tensor([[[0, 0, 1, 2]], [[0, 1, 1, 2]]])
    after = torch.tensor([[[0, 1, 1, 2]], [[2, 1, 1, 2]]])
    valid = torch.ones(2, 1, 4, dtype=torch.bool)
    noted.note(before, after, valid, torch.tensor([False, True]))
    assert noted.counts[0].tolist() == [[1, 1, 0], [0, 1, 0], [0, 0, 1]]
    assert noted.counts[1].tolist() == [[0, 0, 1], [0, 2, 0], [0, 0, 1]]


def test_masked_pixels_are_not_seen() -> None:
    noted = Transitions(2)
    noted.note(
        torch.tensor([[[0, 0]]]),
        torch.tensor([[[1, 255]]]),
        torch.tensor([[[True, False]]]),
        torch.tensor([False]),
    )
    assert noted.counts.sum() == 1


def test_a_network_predicts_nothing_it_never_saw() -> None:
    """Where the prior is visible; where it is hidden, and in the other direction, all is open."""
    network = lively_network(class_spec()).eval()
    network.transitions.counts.zero_()
    inputs = random_inputs(class_spec())
    backward = inputs._replace(years=-inputs.years)
    with torch.inference_mode():
        free, past = network.predict(inputs)[0], network.predict(backward)
        network.transitions.counts[0] = torch.eye(len(CLASSES), dtype=torch.int64)
        network.transitions.counts[0, 1, 2] = 1
        bound = network.predict(inputs)[0]
        torch.testing.assert_close(network.predict(backward), past)
    torch.testing.assert_close(bound.sum(dim=0), torch.ones_like(bound[0]))
    prior, visible = inputs.prior[0].argmax(dim=0), inputs.visible[0, 0] > 0
    fields, others = visible & (prior == 1), visible & (prior != 1)
    kept = bound.gather(0, prior[None])[0]
    assert torch.allclose(kept[others], torch.tensor(1.0))
    assert (bound[2][fields] > 0).any()
    assert (bound[[0, 3]][:, fields] == 0).all()
    assert (free[[0, 3]][:, fields] > 0).any()
    torch.testing.assert_close(bound[:, ~visible], free[:, ~visible])
