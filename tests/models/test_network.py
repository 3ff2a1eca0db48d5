"""The network: persistence at birth, physical units in and out, tiles that agree."""

from __future__ import annotations

import dataclasses
import json

import pytest
import torch
from torch import Tensor

from ai4land.errors import CheckpointError, ConfigError, SampleError
from ai4land.models import Inputs, InputSpec, family_of, stack_inputs
from ai4land.models.networks import Normaliser, build, build_network, tensors
from ai4land.models.networks.encode import step_features
from ai4land.vocabulary import Clock, Target
from network_inputs import (
    LAND,
    LEAF,
    OPTIONS,
    array_inputs,
    class_spec,
    lively_network,
    number_spec,
    random_inputs,
    two_target_spec,
    with_seen,
)

RECEPTIVE = 12  # pixels that a pixel of the two-level test network can see, rounded up


def crop(inputs: Inputs[Tensor], rows: slice, cols: slice) -> Inputs[Tensor]:
    """A window of a batch."""
    return inputs.map(lambda x: x if x.ndim < 3 else x[..., rows, cols])


@torch.inference_mode()
@pytest.mark.parametrize("history", [0, 2])
@pytest.mark.parametrize("translated", [True, False])
@pytest.mark.parametrize("options", [{"name": "unet"}, OPTIONS], ids=["default", "small"])
def test_an_untrained_network_is_persistence(
    options: dict[str, object], translated: bool, history: int
) -> None:
    spec = class_spec(history, translated=translated)
    inputs = random_inputs(spec)
    inputs = inputs._replace(forcing_target=inputs.forcing_prior)
    found = build_network(options, spec).eval().values(inputs)[LAND]
    seen = inputs.targets[LAND]
    visible = seen.visible[:, 0] > 0
    assert torch.equal(found.argmax(1)[visible], seen.prior.argmax(1)[visible])
    torch.testing.assert_close(found.sum(dim=1), torch.ones(1, 16, 24))
    hidden = found.movedim(1, -1)[~visible]
    assert (hidden.max(dim=-1).values < 0.9).all(), "nobody can be sure of what is hidden"


@torch.inference_mode()
def test_an_untrained_network_of_numbers_leans_on_its_prior() -> None:
    """Its raw output is the gate times the normalised prior, and nothing where it is hidden."""
    spec = two_target_spec()
    network = build_network(OPTIONS, spec).eval()
    network.scale(LEAF).fit(torch.tensor([3.0]), torch.tensor([2.0]))
    inputs = random_inputs(spec)
    seen = inputs.targets[LEAF]
    expected = network.options.gate * seen.visible * (seen.prior - 3.0) / 2.0
    torch.testing.assert_close(network(inputs)[LEAF], expected)


@torch.inference_mode()
def test_units_do_not_matter_once_the_normaliser_knows_them() -> None:
    """The same driver in another unit, with statistics in that unit, is the same input."""
    spec = number_spec()
    one, two = lively_network(spec), lively_network(spec)
    forcing = random_inputs(spec).forcing_prior
    for network, factor in ((one, 1.0), (two, 1000.0)):
        encoder = network.encoder
        encoder.forcing_scale.fit(torch.tensor([30.0 * factor]), torch.tensor([12.0 * factor]))
        encoder.change_scale.fit(torch.tensor([0.0]), torch.tensor([5.0 * factor]))
    rich = random_inputs(spec)._replace(forcing_prior=forcing * 1000, forcing_target=forcing * 1200)
    poor = random_inputs(spec)._replace(forcing_prior=forcing, forcing_target=forcing * 1.2)
    torch.testing.assert_close(one(poor)[LEAF], two(rich)[LEAF], atol=1e-4, rtol=1e-4)
    assert not torch.allclose(one(poor)[LEAF], one(rich)[LEAF], atol=1e-2)


@torch.inference_mode()
def test_statistics_travel_with_the_weights() -> None:
    spec = two_target_spec()
    trained, fresh = lively_network(spec), build_network(OPTIONS, spec).eval()
    trained.encoder.static_scale.fit(torch.tensor([50.0]), torch.tensor([30.0]))
    trained.encoder.series_scale.fit(torch.tensor([280.0, 279.0]), torch.tensor([9.0, 8.0]))
    trained.scale(LEAF).fit(torch.tensor([2.5]), torch.tensor([1.5]))
    trained.transitions()[LAND].counts[0, 1, 2] = 12
    fresh.load_state_dict(trained.state_dict())
    assert fresh.encoder.static_scale.mean.tolist() == [50.0]
    assert fresh.encoder.series_scale.spread.tolist() == [9.0, 8.0]
    assert fresh.scale(LEAF).mean.tolist() == [2.5]
    assert fresh.transitions()[LAND].counts[0, 1, 2] == 12
    inputs = random_inputs(spec)
    for name, values in trained.values(inputs).items():
        assert torch.equal(values, fresh.values(inputs)[name])


@torch.inference_mode()
@pytest.mark.parametrize("group", ["static", "series", "forcing_prior"])
def test_a_missing_driver_counts_as_the_mean(group: str) -> None:
    spec = dataclasses.replace(
        two_target_spec(), bound="", translation=(), forcing=("population_density",)
    )
    network = lively_network(spec)
    encoder = network.encoder
    encoder.static_scale.fit(torch.tensor([50.0]), torch.tensor([30.0]))
    encoder.series_scale.fit(torch.tensor([50.0, 20.0]), torch.tensor([30.0, 9.0]))
    encoder.forcing_scale.fit(torch.tensor([50.0]), torch.tensor([30.0]))
    inputs = random_inputs(spec)
    lost, mean = getattr(inputs, group).clone(), getattr(inputs, group).clone()
    lost[:, 0, 4:8] = float("nan")
    mean[:, 0, 4:8] = 50.0
    if group == "forcing_prior":  # a change from the unknown is no change
        same = inputs.forcing_target.clone()
        same[:, 0, 4:8] = 50.0
        inputs = inputs._replace(forcing_target=same)
    one, two = (network(inputs._replace(**{group: values})) for values in (lost, mean))
    assert torch.equal(one[LAND], two[LAND])
    assert torch.equal(one[LEAF], two[LEAF])


@torch.inference_mode()
def test_a_continuous_target_is_in_physical_units() -> None:
    spec = number_spec()
    network = lively_network(spec)
    inputs = random_inputs(spec)
    assert network.values(inputs)[LEAF].shape == (1, 1, 16, 24)
    assert (network.values(inputs)[LEAF] >= 0).all()
    raw = network(inputs)
    network.scale(LEAF).fit(torch.tensor([2.5]), torch.tensor([0.5]))
    expected = torch.nn.functional.softplus(raw[LEAF] * 0.5 + 2.5)
    torch.testing.assert_close(network.activate(raw, inputs)[LEAF], expected)
    prior = inputs.targets[LEAF].prior
    shifted = with_seen(inputs, LEAF, prior=2.5 + 0.5 * (prior - 2.5))
    # a prior normalised with other statistics is another input
    assert not torch.equal(network(shifted)[LEAF], network(inputs)[LEAF])


@pytest.mark.parametrize(
    ("activation", "low", "high"), [("sigmoid", 0.0, 1.0), ("identity", None, None)]
)
@torch.inference_mode()
def test_other_activations(activation: str, low: float | None, high: float | None) -> None:
    spec = InputSpec((Target("soil_organic", activation, Clock.YEAR),))
    network = build_network(OPTIONS, spec).eval()
    raw = torch.linspace(-20, 20, 64).reshape(1, 1, 8, 8)
    values = network.activate({"soil_organic": raw}, random_inputs(spec))["soil_organic"]
    if low is None:
        assert torch.equal(values, raw)
    else:
        assert low <= values.min() < 0.01 < 0.99 < values.max() <= (high or 1.0)


@torch.inference_mode()
@pytest.mark.parametrize(
    "spec",
    [class_spec(1), number_spec(1), two_target_spec(1)],
    ids=["classes", "numbers", "two targets"],
)
def test_a_tile_with_a_halo_equals_the_whole(spec: InputSpec) -> None:
    network = lively_network(spec)
    inputs = random_inputs(spec, (64, 80))
    parts = network.values(crop(inputs, slice(8, 56), slice(16, 72)))
    inner = (slice(None), slice(None), slice(RECEPTIVE, -RECEPTIVE), slice(RECEPTIVE, -RECEPTIVE))
    for name, values in network.values(inputs).items():
        whole, part = values[:, :, 8:56, 16:72], parts[name]
        torch.testing.assert_close(part[inner], whole[inner], atol=1e-5, rtol=1e-5)
        assert not torch.allclose(part, whole, atol=1e-5), "the border is felt"


@torch.inference_mode()
def test_samples_of_a_batch_do_not_see_each_other() -> None:
    spec = class_spec()
    network = lively_network(spec, strength=8.0)
    together = network(tensors(array_inputs(spec, seeds=(1, 5))))[LAND]
    for place, seed in enumerate((1, 5)):
        alone = network(random_inputs(spec, seed=seed))[LAND]
        torch.testing.assert_close(together[place : place + 1], alone, atol=1e-4, rtol=1e-4)


def test_moving_a_batch_keeps_every_field() -> None:
    inputs = tensors(array_inputs(two_target_spec(1)), "meta")
    parts = [*inputs[1:], *(part for seen in inputs.targets.values() for part in seen)]
    assert len(parts) == 7 + 2 * 5
    assert all(part.device.type == "meta" for part in parts)


def test_windows_become_a_batch() -> None:
    """Every array gains a leading axis, in the order of the windows."""
    spec = two_target_spec(1)
    batch = array_inputs(spec, seeds=(1, 5, 8))
    windows = [batch.map(lambda part, i=i: part[i]) for i in range(3)]
    again = stack_inputs(windows)
    for one, two in zip(again[1:], batch[1:], strict=True):
        assert (one == two).all()
    for name in (LAND, LEAF):
        for one, two in zip(again.targets[name], batch.targets[name], strict=True):
            assert (one == two).all()


def test_a_step_is_told_by_direction_length_and_season() -> None:
    calendar = torch.tensor([[-2.0, 0.0, 0.5, -0.8]])
    names = (f"years/{LAND}", f"years/{LEAF}", "season_cos", "season_sin")
    found = step_features(calendar, names)
    expected = [-1.0, -0.2, 0.6931, 0.0, 0.0, -6.9078, 0.5, -0.8]
    torch.testing.assert_close(found, torch.tensor([expected]), atol=1e-4, rtol=0)


def test_a_network_is_rebuilt_from_its_own_description() -> None:
    options = {"name": "unet", "widths": (4, 6, 8), "embedding": 5, "gate": 0.7}
    for spec in (class_spec(1), two_target_spec(2)):
        network = build_network(options, spec)
        said = json.loads(json.dumps({"network": network.to_dict(), "spec": spec.to_dict()}))
        rebuilt = build_network(said["network"], InputSpec.from_dict(said["spec"]))
        assert rebuilt.options == network.options
        assert rebuilt.shape == network.shape
        assert rebuilt.spec == spec
        rebuilt.load_state_dict(network.state_dict())


def test_what_a_network_would_be_is_said_before_it_is_trained() -> None:
    spec = class_spec()
    network = build_network(OPTIONS, spec)
    found = build(OPTIONS, spec)
    assert found.multiple == network.multiple == 2
    assert found.parameters == sum(p.numel() for p in network.parameters())
    assert family_of(OPTIONS).build(OPTIONS, spec) == found


def test_a_damaged_list_of_inputs_is_named() -> None:
    data = class_spec().to_dict()
    del data["targets"]
    with pytest.raises(CheckpointError, match=r"(?s)inputs is damaged.*targets"):
        InputSpec.from_dict(data)
    for part in (
        {"zones": [["climate_zone"]]},
        {"colours": []},
        {"targets": [{"name": "land_use"}]},
        {"series": [{"name": "air_temperature", "clock": "sometimes", "lags": [], "mean": 1}]},
    ):
        with pytest.raises(CheckpointError, match="damaged"):
            InputSpec.from_dict({**class_spec().to_dict(), **part})


def test_inputs_name_the_variables_that_drive_them() -> None:
    assert class_spec().forcing_variables == ("land_use_fractions",)
    assert two_target_spec().forcing_variables == ("land_use_fractions",)


def test_unknown_architectures_and_options_are_named() -> None:
    for make in (build_network, family_of({"name": "swin"}).build):
        with pytest.raises(ConfigError, match=r"(?s)Unknown architecture.*unet.*cnn.*vit.*swin"):
            make({"name": "swin"}, class_spec())
    with pytest.raises(ConfigError, match=r"(?s)Impossible options.*widths.*depth"):
        build_network({"name": "unet", "depth": 3}, class_spec())
    with pytest.raises(ConfigError, match="Impossible network shape"):
        build_network({"name": "unet", "widths": [8, 0]}, class_spec())
    with pytest.raises(ConfigError, match="Impossible network shape"):
        build_network({"name": "unet", "widths": []}, class_spec())
    with pytest.raises(ConfigError, match="Impossible network shape"):
        build_network({"name": "unet", "embedding": 0}, class_spec())


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
