"""Gates: what is known beforehand may be kept from standing, and is an input all the same."""

from __future__ import annotations

import pytest
import torch

from ai4land.models.networks import build_network
from network_inputs import LAND, LEAF, OPTIONS, class_spec, random_inputs, two_target_spec


@torch.inference_mode()
@pytest.mark.parametrize(
    ("closed", "gate"), [({"residual": False}, 0), ({"demand": 0.0}, 1), ({"memory": 0.0}, 2)]
)
def test_a_closed_gate_never_opens(closed: dict[str, float], gate: int) -> None:
    """Whatever its weights; the other gates are as they were."""
    spec = two_target_spec(history=1)
    inputs = random_inputs(spec)
    outputs = []
    for options in (OPTIONS, {**OPTIONS, **closed}):
        network = build_network(options, spec).eval()
        gates = network.heads[LAND].gates
        one, strong = network(inputs)[LAND], gates.bias.clone()
        strong[gate] += 3.0
        gates.bias.copy_(strong)
        outputs.append((one, network(inputs)[LAND]))
    (before, after), (shut, still) = outputs
    assert not torch.equal(before, after)
    assert torch.equal(shut, still)
    assert not torch.equal(before, shut)


@torch.inference_mode()
def test_without_a_residual_an_untrained_network_knows_nothing() -> None:
    spec = two_target_spec()
    alone = {**OPTIONS, "residual": False, "demand": 0.0}
    network = build_network(alone, spec).eval()
    network.scale(LEAF).fit(torch.tensor([3.0]), torch.tensor([2.0]))
    found = network.values(random_inputs(spec))
    torch.testing.assert_close(found[LAND], torch.full_like(found[LAND], 0.25))
    expected = torch.nn.functional.softplus(torch.tensor(3.0))
    torch.testing.assert_close(found[LEAF], expected.expand_as(found[LEAF]))


def test_it_is_rebuilt_with_its_gates_closed() -> None:
    options = {**OPTIONS, "residual": False, "memory": 0.0, "densities": [1, 2]}
    network = build_network(options, class_spec())
    rebuilt = build_network(network.to_dict(), class_spec())
    assert rebuilt.options == network.options
    assert rebuilt.options.gates == (0.0, 0.3, 0.0)
