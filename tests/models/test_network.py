"""The network: persistence at birth, physical units in and out, tiles that agree."""

from __future__ import annotations

import json

import pytest
import torch

from ai4land.errors import CheckpointError, ConfigError, SampleError
from ai4land.models import Inputs, InputSpec, Normaliser, UNet, UNetOptions, build_network
from network_inputs import (
    OPTIONS,
    class_spec,
    lively_network,
    number_spec,
    random_inputs,
)

RECEPTIVE = 12  # pixels that a pixel of the two-level test network can see, rounded up


def crop(inputs: Inputs, rows: slice, cols: slice) -> Inputs:
    """A window of a batch."""
    return Inputs(*(x if x.ndim < 3 else x[..., rows, cols] for x in inputs))


@torch.inference_mode()
@pytest.mark.parametrize("history", [0, 2])
@pytest.mark.parametrize("translated", [True, False])
@pytest.mark.parametrize("options", [UNetOptions(), OPTIONS], ids=["default", "small"])
def test_an_untrained_network_is_persistence(
    options: UNetOptions, translated: bool, history: int
) -> None:
    spec = class_spec(history, translated=translated)
    inputs = random_inputs(spec)
    inputs = inputs._replace(forcing_target=inputs.forcing_prior)
    found = UNet(spec, options).eval().predict(inputs)
    visible = inputs.visible[:, 0] > 0
    assert torch.equal(found.argmax(1)[visible], inputs.prior.argmax(1)[visible])
    torch.testing.assert_close(found.sum(dim=1), torch.ones(1, 16, 24))
    hidden = found.movedim(1, -1)[~visible]
    assert (hidden.max(dim=-1).values < 0.9).all(), "nobody can be sure of what is hidden"


@torch.inference_mode()
def test_units_do_not_matter_once_the_normaliser_knows_them() -> None:
    """The same driver in another unit, with statistics in that unit, is the same input."""
    spec = number_spec()
    one, two = lively_network(spec), lively_network(spec)
    forcing = random_inputs(spec).forcing_prior
    for network, factor in ((one, 1.0), (two, 1000.0)):
        network.forcing_scale.fit(torch.tensor([30.0 * factor]), torch.tensor([12.0 * factor]))
        network.change_scale.fit(torch.tensor([0.0]), torch.tensor([5.0 * factor]))
    rich = random_inputs(spec)._replace(forcing_prior=forcing * 1000, forcing_target=forcing * 1200)
    poor = random_inputs(spec)._replace(forcing_prior=forcing, forcing_target=forcing * 1.2)
    torch.testing.assert_close(one(poor), two(rich), atol=1e-4, rtol=1e-4)
    assert not torch.allclose(one(poor), one(rich), atol=1e-2)


@torch.inference_mode()
def test_statistics_travel_with_the_weights() -> None:
    spec = class_spec()
    trained, fresh = lively_network(spec), UNet(spec, OPTIONS).eval()
    trained.static_scale.fit(torch.tensor([50.0, 20.0]), torch.tensor([30.0, 9.0]))
    fresh.load_state_dict(trained.state_dict())
    assert fresh.static_scale.mean.tolist() == [50.0, 20.0]
    assert {"forcing_scale.mean", "change_scale.spread", "static_scale.mean"} <= set(
        trained.state_dict()
    )
    inputs = random_inputs(spec)
    assert torch.equal(trained(inputs), fresh(inputs))


@torch.inference_mode()
def test_a_missing_driver_counts_as_the_mean() -> None:
    spec = class_spec(translated=False)
    network = lively_network(spec)
    network.static_scale.fit(torch.tensor([50.0, 20.0]), torch.tensor([30.0, 9.0]))
    inputs = random_inputs(spec)
    lost, mean = inputs.static.clone(), inputs.static.clone()
    lost[:, 0, 4:8] = float("nan")
    mean[:, 0, 4:8] = 50.0
    assert torch.equal(network(inputs._replace(static=lost)), network(inputs._replace(static=mean)))


@torch.inference_mode()
def test_a_continuous_target_is_in_physical_units() -> None:
    spec = number_spec()
    network = lively_network(spec)
    inputs = random_inputs(spec)
    assert network.predict(inputs).shape == (1, 1, 16, 24)
    assert (network.predict(inputs) >= 0).all()
    raw = network(inputs)
    network.target_scale.fit(torch.tensor([2.5]), torch.tensor([0.5]))
    expected = torch.nn.functional.softplus(raw * 0.5 + 2.5)
    torch.testing.assert_close(network.activate(raw), expected)
    shifted = inputs._replace(prior=2.5 + 0.5 * (inputs.prior - 2.5))
    # a prior normalised with other statistics is another input
    assert not torch.equal(network(shifted), network(inputs))


@pytest.mark.parametrize(
    ("activation", "low", "high"), [("sigmoid", 0.0, 1.0), ("identity", None, None)]
)
@torch.inference_mode()
def test_other_activations(activation: str, low: float | None, high: float | None) -> None:
    spec = InputSpec("soil_organic", (), (), (), (), activation)
    network = UNet(spec, OPTIONS).eval()
    raw = torch.linspace(-20, 20, 64).reshape(1, 1, 8, 8)
    values = network.activate(raw)
    if low is None:
        assert torch.equal(values, raw)
    else:
        assert low <= values.min() < 0.01 < 0.99 < values.max() <= (high or 1.0)


@torch.inference_mode()
@pytest.mark.parametrize("spec", [class_spec(1), number_spec(1)], ids=["classes", "numbers"])
def test_a_tile_with_a_halo_equals_the_whole(spec: InputSpec) -> None:
    network = lively_network(spec)
    inputs = random_inputs(spec, (64, 80))
    whole = network.predict(inputs)
    part = network.predict(crop(inputs, slice(8, 56), slice(16, 72)))
    inner = (slice(None), slice(None), slice(RECEPTIVE, -RECEPTIVE), slice(RECEPTIVE, -RECEPTIVE))
    torch.testing.assert_close(part[inner], whole[:, :, 8:56, 16:72][inner], atol=1e-5, rtol=1e-5)
    assert not torch.allclose(part, whole[:, :, 8:56, 16:72], atol=1e-5), "the border is felt"


@torch.inference_mode()
def test_samples_of_a_batch_do_not_see_each_other() -> None:
    spec = class_spec()
    network = lively_network(spec)
    one, two = random_inputs(spec, seed=1), random_inputs(spec, seed=5)
    both = Inputs(*(torch.cat(pair) for pair in zip(one, two, strict=True)))
    together = network(both)
    torch.testing.assert_close(together[:1], network(one), atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(together[1:], network(two), atol=1e-4, rtol=1e-4)


def test_moving_a_batch_keeps_every_field() -> None:
    inputs = random_inputs(class_spec(1))
    assert all(x.device.type == "meta" for x in inputs.to("meta"))


def test_a_network_is_rebuilt_from_its_own_description() -> None:
    spec = class_spec(1)
    network = UNet(spec, UNetOptions(widths=(4, 6, 8), embedding=5, gate=0.7))
    said = json.loads(json.dumps({"network": network.to_dict(), "spec": spec.to_dict()}))
    rebuilt = build_network(said["network"], InputSpec.from_dict(said["spec"]))
    assert rebuilt.options == network.options
    assert rebuilt.spec == spec
    rebuilt.load_state_dict(network.state_dict())


def test_a_damaged_list_of_inputs_is_named() -> None:
    data = class_spec().to_dict()
    del data["classes"]
    with pytest.raises(CheckpointError, match=r"(?s)inputs is damaged.*classes"):
        InputSpec.from_dict(data)
    with pytest.raises(CheckpointError, match="damaged"):
        InputSpec.from_dict({**class_spec().to_dict(), "zones": [["climate_zone"]]})


def test_unknown_architectures_and_options_are_named() -> None:
    with pytest.raises(ConfigError, match=r"(?s)Unknown architecture.*unet.*vit"):
        build_network({"name": "vit"}, class_spec())
    with pytest.raises(ConfigError, match=r"(?s)Impossible options.*widths.*depth"):
        build_network({"name": "unet", "depth": 3}, class_spec())
    with pytest.raises(ConfigError, match="Impossible network shape"):
        build_network({"name": "unet", "widths": [8, 0]}, class_spec())
    with pytest.raises(ConfigError, match="Impossible network shape"):
        build_network({"name": "unet", "widths": []}, class_spec())


def test_the_normaliser_goes_there_and_back() -> None:
    scale = Normaliser(2)
    scale.fit(torch.tensor([10.0, -3.0]), torch.tensor([4.0, 0.0]))
    values = torch.tensor([[[[14.0]], [[-3.0]]]])
    normalised = scale(values)
    assert normalised.flatten().tolist() == [1.0, 0.0]
    torch.testing.assert_close(scale.inverse(normalised), values)
    assert scale(torch.full((1, 2, 1, 1), float("nan"))).flatten().tolist() == [0.0, 0.0]


@pytest.mark.parametrize(
    ("mean", "spread"),
    [([1.0], [1.0]), ([1.0, float("nan")], [1.0, 1.0]), ([1.0, 1.0], [float("inf"), 1.0])],
)
def test_unusable_statistics_are_refused(mean: list[float], spread: list[float]) -> None:
    with pytest.raises(SampleError, match="2 finite means"):
        Normaliser(2).fit(torch.tensor(mean), torch.tensor(spread))
