"""What is hidden cannot change the output, on no path through the network."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from ai4land.models import Inputs, InputSpec
from network_inputs import class_spec, lively_network, number_spec, random_inputs

SPECS = [
    pytest.param(class_spec(), id="classes"),
    pytest.param(class_spec(translated=False), id="classes without translation"),
    pytest.param(class_spec(history=2), id="classes with history"),
    pytest.param(number_spec(), id="numbers"),
    pytest.param(number_spec(history=1), id="numbers with history"),
]


def other_values(values: Tensor, where: Tensor) -> Tensor:
    """Other values at some pixels, some of them not even numbers."""
    noise = torch.rand(values.shape, generator=torch.Generator().manual_seed(9)) * 50 - 10
    noise[..., ::3] = np.nan
    return torch.where(where > 0, noise, values)


@torch.inference_mode()
@pytest.mark.parametrize("spec", SPECS)
def test_hidden_pixels_of_the_prior_change_nothing(spec: InputSpec) -> None:
    network = lively_network(spec)
    inputs = random_inputs(spec)
    changed = inputs._replace(prior=other_values(inputs.prior, 1 - inputs.visible))
    assert not torch.equal(inputs.prior, changed.prior)
    assert torch.equal(network(inputs), network(changed))
    assert torch.equal(network.predict(inputs), network.predict(changed))
    assert torch.isfinite(network(changed)).all()


@torch.inference_mode()
@pytest.mark.parametrize(
    "spec", [class_spec(history=2), number_spec(history=1)], ids=["classes", "numbers"]
)
def test_hidden_pixels_of_earlier_maps_change_nothing(spec: InputSpec) -> None:
    network = lively_network(spec)
    inputs = random_inputs(spec)
    hidden = 1 - inputs.history_visible[:, :, None]
    changed = inputs._replace(history=other_values(inputs.history, hidden))
    assert torch.equal(network(inputs), network(changed))


@torch.inference_mode()
@pytest.mark.parametrize("spec", SPECS)
def test_each_visible_part_does_change_the_output(spec: InputSpec) -> None:
    """Guards the tests above against a network that looks at nothing."""
    network = lively_network(spec)
    inputs = random_inputs(spec)
    before = network(inputs)
    centre = (..., slice(6, 10), slice(10, 14))
    for name in Inputs._fields:
        values = getattr(inputs, name)
        if not values.numel():
            continue
        changed = values.clone()
        if name == "zones":
            changed[centre] = (values[centre] + 1) % 5
        elif name == "years":
            changed = values + 4
        elif name in {"visible", "domain", "history_visible"}:
            changed[centre] = 1 - values[centre]
        else:
            changed[centre] = values[centre].flip(-1) + 0.2
        after = network(inputs._replace(**{name: changed}))
        assert not torch.equal(before, after), name


@torch.inference_mode()
def test_the_expectation_sees_no_hidden_pixel() -> None:
    spec = class_spec()
    network = lively_network(spec)
    inputs = random_inputs(spec)
    changed = inputs._replace(prior=other_values(inputs.prior, 1 - inputs.visible))
    seen, other = network._visible_prior(inputs), network._visible_prior(changed)
    assert torch.equal(network.expectation(inputs, seen), network.expectation(changed, other))
