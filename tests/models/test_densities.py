"""Densities: shares of what is visible around a pixel, and nothing of what is hidden."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from ai4land.errors import ConfigError
from ai4land.models import Inputs, InputSpec
from ai4land.models.networks import Network, build_network
from ai4land.models.networks.densities import densities, surroundings
from network_inputs import (
    LAND,
    OPTIONS,
    class_spec,
    lively_network,
    random_inputs,
    two_target_spec,
    with_seen,
)

DENSE = {**OPTIONS, "densities": (1, 2, 4, 8)}


def slow_densities(seen: Tensor, visible: Tensor, radius: int) -> Tensor:
    """Pixel by pixel."""
    out = torch.zeros_like(seen)
    height, width = seen.shape[-2:]
    for y in range(height):
        for x in range(width):
            rows = slice(max(y - radius, 0), y + radius + 1)
            cols = slice(max(x - radius, 0), x + radius + 1)
            count = visible[..., rows, cols].sum(dim=(-2, -1))
            if count.sum():
                out[..., y, x] = seen[..., rows, cols].sum(dim=(-2, -1)) / count
    return out


def some_map(seed: int, shape: tuple[int, int], hidden: float) -> tuple[Tensor, Tensor]:
    rng = np.random.default_rng(seed)
    visible = torch.from_numpy(rng.random((1, 1, *shape)) >= hidden).float()
    hot = np.moveaxis(np.eye(3, dtype=np.float32)[rng.integers(0, 3, (1, *shape))], -1, 1)
    return torch.from_numpy(np.ascontiguousarray(hot)) * visible, visible


@given(
    seed=st.integers(0, 99),
    shape=st.tuples(st.integers(1, 9), st.integers(1, 9)),
    hidden=st.sampled_from([0.0, 0.5, 0.97]),
    radius=st.integers(1, 6),
)
@settings(max_examples=30, deadline=None)
def test_they_are_shares_of_the_visible_pixels_of_a_square(
    seed: int, shape: tuple[int, int], hidden: float, radius: int
) -> None:
    seen, visible = some_map(seed, shape, hidden)
    found = densities(seen, visible, (radius,))
    torch.testing.assert_close(found, slow_densities(seen, visible, radius), atol=1e-5, rtol=0)


def test_radii_stand_one_after_the_other() -> None:
    seen, visible = some_map(1, (12, 10), 0.3)
    found = densities(seen, visible, (1, 4))
    assert found.shape == (1, 6, 12, 10)
    torch.testing.assert_close(found[:, 3:], densities(seen, visible, (4,)))
    turned = densities(seen.mT.flip(-1), visible.mT.flip(-1), (1, 4))
    torch.testing.assert_close(turned, found.mT.flip(-1), atol=1e-6, rtol=0)


def scrambled(inputs: Inputs[Tensor], spec: InputSpec) -> Inputs[Tensor]:
    """Anything where the priors are hidden."""
    for target in spec.targets:
        seen = inputs.targets[target.name]
        noise = torch.full_like(seen.prior, float("nan"))
        noise[..., ::2] = 70.0
        prior = torch.where(seen.visible > 0, seen.prior, noise)
        inputs = with_seen(inputs, target.name, prior=prior)
    return inputs


@torch.inference_mode()
@pytest.mark.parametrize(
    "spec", [class_spec(), class_spec(history=1), two_target_spec()], ids=["one", "past", "two"]
)
def test_hidden_pixels_reach_nothing(spec: InputSpec) -> None:
    network = lively_network(spec, DENSE)
    inputs = random_inputs(spec)
    one, two = (network.values(case) for case in (inputs, scrambled(inputs, spec)))
    for name, values in one.items():
        assert torch.equal(values, two[name])


@torch.inference_mode()
def test_they_reach_the_answer_by_the_features_alone() -> None:
    """With a backbone that looks at nothing beyond a pixel, they are all that comes from afar."""
    pixel = {"name": "cnn", "width": 6, "depth": 1, "kernel": 1, "embedding": 4}
    spec = class_spec()

    def moved_by(network: Network, row: int) -> Tensor:
        inputs = random_inputs(spec)
        seen = inputs.targets[LAND]
        prior, visible = seen.prior.clone(), torch.ones_like(seen.visible)
        inputs = with_seen(inputs, LAND, visible=visible)
        prior[..., row, 10] = prior[..., row, 10].roll(1, dims=1)
        other = network(with_seen(inputs, LAND, prior=prior))[LAND]
        return (other - network(inputs)[LAND])[0].abs().amax(dim=0) > 0

    near = moved_by(lively_network(spec, pixel), 8)
    assert near.sum() == 1
    assert near[8, 10]
    far = moved_by(lively_network(spec, {**pixel, "densities": (3,)}), 8)
    expected = torch.zeros(16, 24, dtype=torch.bool)
    expected[5:12, 7:14] = True
    assert torch.equal(far, expected)


def test_surroundings_are_the_nearest_first_and_only_of_hidden_pixels() -> None:
    visible = torch.zeros(1, 1, 3, 9)
    seen = torch.zeros(1, 2, 3, 9)
    for col, kind in ((0, 0), (8, 1)):
        visible[..., 1, col], seen[:, kind, 1, col] = 1.0, 1.0
    found = surroundings(seen, visible, (1, 2, 4, 8))
    assert (found[..., 1, [0, 8]] == 0).all(), "what is seen needs no surroundings"
    hidden = found * (1 - visible)
    torch.testing.assert_close(hidden.sum(dim=1, keepdim=True), 1 - visible)
    first = hidden[0, 0, 1, 1:8]
    assert (first[:-1] - first[1:] >= 0).all(), "the nearer, the more"
    assert first[0] > 0.99
    assert first[3] == pytest.approx(0.5)
    # one pixel away in squares of all radii, seven away in the widest alone
    weights = sum(radius**-3.0 for radius in (1, 2, 4, 8)), 8**-3.0
    assert first[0] == pytest.approx(weights[0] / sum(weights), abs=1e-5)
    assert (surroundings(seen, visible, (1,))[..., 4] == 0).all(), "nothing is visible there"


@torch.inference_mode()
def test_an_untrained_network_fills_hidden_pixels_from_around() -> None:
    spec = class_spec(translated=False)
    inputs = random_inputs(spec)
    given = inputs.targets[LAND]
    network = build_network({**DENSE, "surroundings": 1.0}, spec).eval()
    hidden = given.visible[:, 0] == 0
    around = surroundings(given.prior * given.visible, given.visible, DENSE["densities"])
    assert hidden.sum() > 50
    said = network.values(inputs)[LAND].argmax(dim=1)
    np.testing.assert_array_equal(said[hidden], around.argmax(dim=1)[hidden])
    np.testing.assert_array_equal(said[~hidden], given.prior.argmax(dim=1)[~hidden])
    rebuilt = build_network(network.to_dict(), spec)
    assert rebuilt.options == network.options
    with pytest.raises(ConfigError, match="Impossible network shape"):
        build_network({**OPTIONS, "surroundings": 1.0}, spec)
