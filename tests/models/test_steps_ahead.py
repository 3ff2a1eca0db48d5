"""Several steps from one pass of the backbone: each told of its own time, all of one prior."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from ai4land.errors import ConfigError
from ai4land.models import Inputs, InputSpec, join_inputs
from ai4land.models.networks import NetworkPredictor, build_network, tensors
from network_inputs import (
    LAND,
    OPTIONS,
    array_inputs,
    class_spec,
    lively_network,
    random_inputs,
    two_target_spec,
    with_seen,
)

AHEAD: Mapping[str, Any] = {**OPTIONS, "ahead": 3}
SPECS = [class_spec(1), two_target_spec()]


def told_of(spec: InputSpec, step: int) -> Inputs[Any]:
    """A batch of two windows, told of a later time."""
    first, other = (array_inputs(spec, seeds=seeds) for seeds in ((1, 5), (21, 25)))
    if step == 1:
        return first
    return first._replace(
        forcing_target=np.roll(other.forcing_target, step, axis=-1),
        series=other.series,
        calendar=first.calendar * step,
    )


@torch.inference_mode()
@pytest.mark.parametrize("spec", SPECS, ids=["classes", "two targets"])
def test_each_step_follows_its_own_time_and_the_first_none_but_its_own(spec: InputSpec) -> None:
    network = lively_network(spec, AHEAD)
    each = [told_of(spec, step) for step in (1, 2, 3)]
    together = network(tensors(join_inputs(each)), 3)
    alone = network(tensors(each[0]))
    for name, raw in together.items():
        one, two, three = raw.chunk(3)
        torch.testing.assert_close(one, alone[name], atol=1e-4, rtol=1e-5)
        assert not torch.allclose(two, three, atol=1e-2)
    other = network(tensors(join_inputs([each[0], each[1], told_of(spec, 4)])), 3)
    for name, raw in together.items():
        for place, same in enumerate((True, True, False)):
            one, two = raw.chunk(3)[place], other[name].chunk(3)[place]
            assert torch.allclose(one, two, atol=1e-4) == same


@torch.inference_mode()
def test_a_pass_of_the_backbone_serves_all_steps() -> None:
    network = lively_network(class_spec(), AHEAD)
    sizes: list[int] = []
    network.backbone.register_forward_pre_hook(lambda _, args: sizes.append(len(args[0])))
    network(tensors(join_inputs([told_of(class_spec(), step) for step in (1, 2, 3)])), 3)
    assert sizes == [2]


@torch.inference_mode()
def test_hidden_pixels_reach_no_step() -> None:
    network = lively_network(class_spec(), AHEAD)
    inputs = random_inputs(class_spec())
    seen = inputs.targets[LAND]
    prior = torch.where(seen.visible > 0, seen.prior, torch.nan)
    hidden = with_seen(inputs, LAND, prior=prior)

    def twice(case: Inputs[Tensor]) -> Tensor:
        return network.values(case.map(lambda part: torch.cat([part, part])), 2)[LAND]

    assert torch.equal(twice(inputs), twice(hidden))


def test_gradients_reach_every_weight() -> None:
    network = lively_network(class_spec(1), AHEAD).train()
    each = [told_of(class_spec(1), step) for step in (1, 2)]
    found = network(tensors(join_inputs(each)), 2)[LAND]
    (found * torch.linspace(-1, 1, found.shape[-1])).sum().backward()
    for name, parameter in network.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.abs().max() > 0, name


def test_what_takes_two_steps_is_possible_in_two() -> None:
    network = lively_network(class_spec(), AHEAD)
    counts = network.transitions()[LAND].counts
    counts[0] = torch.eye(4, dtype=torch.int64)
    counts[0, 0, 1] = counts[0, 1, 2] = counts[0, 2, 3] = 1
    for steps, reach in ((1, 1), (2, 2), (3, 3)):
        possible = network.transitions()[LAND].possible(steps)[0]
        expected = (
            torch.ones(4, 4, dtype=torch.bool).triu() & ~torch.ones(4, 4).triu(reach + 1).bool()
        )
        assert torch.equal(possible, expected)
    each = [told_of(class_spec(), step) for step in (1, 2)]
    one, two = (f[LAND] for f in NetworkPredictor([network]).predict_ahead(each))
    seen = each[0].targets[LAND]
    zeros = (seen.prior[:, 0] == 1) & (seen.visible[:, 0] == 1)
    assert (one[:, 2][zeros] == 0).all()
    assert (two[:, 2][zeros] > 0).any()
    assert (two[:, 3][zeros] == 0).all()


def test_a_predictor_says_each_step_as_its_networks_do() -> None:
    spec = two_target_spec()
    networks = [lively_network(spec, AHEAD, seed=seed, strength=5.0) for seed in (1, 2)]
    predictor = NetworkPredictor(networks)
    each = [told_of(spec, step) for step in (1, 2, 3)]
    found = predictor.predict_ahead(each)
    with torch.inference_mode():
        own = [network.values(tensors(join_inputs(each)), 3) for network in networks]
    for step, values in enumerate(found):
        assert list(values) == [target.name for target in spec.targets]
        for name, value in values.items():
            mean = torch.stack([o[name].chunk(3)[step] for o in own]).mean(dim=0)
            np.testing.assert_allclose(value, mean.numpy(), atol=1e-5, rtol=1e-5)
    for name, value in predictor.predict(each[0]).items():
        np.testing.assert_allclose(value, found[0][name], atol=1e-5, rtol=1e-5)


@torch.inference_mode()
def test_an_untrained_later_step_is_the_first_told_of_its_time() -> None:
    spec = class_spec()
    network = build_network(AHEAD, spec).eval()
    each = [told_of(spec, step) for step in (1, 2)]
    later = network(tensors(join_inputs(each)), 2)[LAND].chunk(2)[1]
    torch.testing.assert_close(later, network(tensors(each[1]))[LAND])


def test_no_further_than_it_was_built_for() -> None:
    each = [told_of(class_spec(), 1)] * 4
    for options in (OPTIONS, AHEAD):
        predictor = NetworkPredictor([lively_network(class_spec(), options)])
        with pytest.raises(ConfigError, match=r"(?s)so many steps ahead.*at most.*found: 4"):
            predictor.predict_ahead(each)
    with pytest.raises(ConfigError, match="Impossible network shape"):
        build_network({**OPTIONS, "ahead": 0}, class_spec())
    assert isinstance(build_network(AHEAD, class_spec()).later, nn.Module)
