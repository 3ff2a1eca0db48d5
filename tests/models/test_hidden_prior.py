"""What is hidden cannot change the output, on no path through the network."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from ai4land.models import Inputs, InputSpec, Seen
from ai4land.models.networks import Network
from network_inputs import (
    LAND,
    class_spec,
    lively_network,
    number_spec,
    random_inputs,
    two_target_spec,
    with_seen,
)

SPECS = [
    pytest.param(class_spec(), id="classes"),
    pytest.param(class_spec(translated=False), id="classes without translation"),
    pytest.param(class_spec(history=2), id="classes with history"),
    pytest.param(class_spec(flows=True), id="classes with gross transitions"),
    pytest.param(number_spec(), id="numbers"),
    pytest.param(number_spec(history=1), id="numbers with history"),
    pytest.param(two_target_spec(), id="two targets"),
    pytest.param(two_target_spec(history=2), id="two targets with history"),
]


def other_values(values: Tensor, where: Tensor) -> Tensor:
    """Other values at some pixels, some of them not even numbers."""
    noise = torch.rand(values.shape, generator=torch.Generator().manual_seed(9)) * 50 - 10
    noise[..., ::3] = np.nan
    return torch.where(where > 0, noise, values)


def assert_same(network: Network, one: Inputs[Tensor], two: Inputs[Tensor]) -> None:
    """All raw outputs and all predictions are equal, and numbers."""
    for found in (network.forward, network.values):
        first, second = found(one), found(two)
        for name in first:
            assert torch.equal(first[name], second[name]), name
            assert torch.isfinite(second[name]).all(), name


@torch.inference_mode()
@pytest.mark.parametrize("spec", SPECS)
def test_hidden_pixels_of_the_prior_change_nothing(spec: InputSpec) -> None:
    network = lively_network(spec)
    inputs = random_inputs(spec)
    for target in spec.targets:
        seen = inputs.targets[target.name]
        prior = other_values(seen.prior, 1 - seen.visible)
        assert not torch.equal(seen.prior, prior)
        assert_same(network, inputs, with_seen(inputs, target.name, prior=prior))


@torch.inference_mode()
@pytest.mark.parametrize("spec", [p for p in SPECS if p.values[0].history])
def test_hidden_pixels_of_earlier_maps_change_nothing(spec: InputSpec) -> None:
    network = lively_network(spec)
    inputs = random_inputs(spec)
    for target in spec.targets:
        seen = inputs.targets[target.name]
        past = other_values(seen.history, 1 - seen.history_visible[:, :, None])
        assert not torch.equal(seen.history, past)
        assert_same(network, inputs, with_seen(inputs, target.name, history=past))


@torch.inference_mode()
@pytest.mark.parametrize("spec", SPECS)
def test_each_visible_part_does_change_every_target(spec: InputSpec) -> None:
    """Guards the tests above against a network that looks at nothing."""
    network = lively_network(spec)
    inputs = random_inputs(spec)
    before = network(inputs)
    centre = (..., slice(6, 10), slice(10, 14))

    def changed(name: str, values: Tensor) -> Tensor:
        other = values.clone()
        if name == "zones":
            other[centre] = (values[centre] + 1) % 5
        elif name in {"visible", "domain", "history_visible"}:
            other[centre] = 1 - values[centre]
        else:
            other[centre] = values[centre].flip(-1) + 0.2
        return other

    cases = [
        (f"{target.name}: {field}", with_seen(inputs, target.name, **{field: changed(field, part)}))
        for target in spec.targets
        for field in Seen._fields
        if (part := getattr(inputs.targets[target.name], field)).numel()
    ]
    cases += [
        (field, inputs._replace(**{field: changed(field, part)}))
        for field in Inputs._fields[1:-1]
        if (part := getattr(inputs, field)).numel()
    ]
    for place, name in enumerate(spec.calendar):
        calendar = inputs.calendar.clone()
        calendar[:, place] += 4 if name.startswith("years") else -0.5
        cases.append((name, inputs._replace(calendar=calendar)))
    for name, case in cases:
        for target, raw in network(case).items():
            assert not torch.equal(before[target], raw), f"{name} → {target}"


@torch.inference_mode()
def test_the_expectation_sees_no_hidden_pixel() -> None:
    spec = class_spec()
    encoder = lively_network(spec).encoder
    inputs = random_inputs(spec)
    seen = inputs.targets[LAND]
    changed = with_seen(inputs, LAND, prior=other_values(seen.prior, 1 - seen.visible))
    one, two = (encoder(case).targets[LAND].expected for case in (inputs, changed))
    assert one is not None
    assert two is not None
    assert torch.equal(one, two)
