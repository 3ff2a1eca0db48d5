"""Backbones: each a predictor, on any window that is a multiple, with no dead weight in it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

import numpy as np
import numpy.typing as npt
import pytest
import torch
from torch import Tensor

from ai4land.errors import ConfigError
from ai4land.models import Inputs, Predictor
from ai4land.models.networks import (
    BACKBONES,
    Network,
    NetworkPredictor,
    blank_inputs,
    build_network,
    flops_per_pixel,
    tensors,
)
from ai4land.models.networks.backbones.vit import positions
from ai4land.testing.contracts.predictor import PredictorContract
from network_inputs import (
    LAND,
    OPTIONS,
    array_inputs,
    class_spec,
    lively_network,
    lively_predictor,
    random_inputs,
    two_target_spec,
)

SEEDS = (1, 5, 8)
MILD = 5.0  # corrections small enough that rounding does not show

CNN: Mapping[str, Any] = {"name": "cnn", "width": 6, "depth": 2, "embedding": 4}
DEEP_CNN = {**CNN, "depth": 3, "kernel": 5, "dilation": 1, "skip": False}
VIT: Mapping[str, Any] = {
    "name": "vit",
    "patch": 4,
    "width": 16,
    "depth": 2,
    "heads": 2,
    "features": 6,
    "embedding": 4,
}
ATTENTIVE = {**OPTIONS, "attention": 3, "norm": "group", "convolutions": 1}
EVERY = [
    pytest.param(OPTIONS, id="unet"),
    pytest.param(ATTENTIVE, id="unet with attention"),
    pytest.param(CNN, id="cnn"),
    pytest.param(DEEP_CNN, id="cnn without skips"),
    pytest.param(VIT, id="vit"),
    pytest.param({**VIT, "patch": 1}, id="vit of pixels"),
]
LOCAL = [p for p in EVERY if p.id in {"unet", "cnn", "cnn without skips"}]


def with_densities(options: Mapping[str, Any]) -> dict[str, Any]:
    return {**options, "densities": (1, 3)}


class TestCNN(PredictorContract):
    @pytest.fixture
    def predictor(self) -> Predictor:
        return lively_predictor(class_spec(history=1), with_densities(CNN), strength=MILD)

    @pytest.fixture
    def inputs(self) -> Inputs[npt.NDArray[Any]]:
        return array_inputs(class_spec(history=1), seeds=SEEDS)


class TestViT(PredictorContract):
    @pytest.fixture
    def predictor(self) -> Predictor:
        return lively_predictor(two_target_spec(history=1), with_densities(VIT), strength=MILD)

    @pytest.fixture
    def inputs(self) -> Inputs[npt.NDArray[Any]]:
        return array_inputs(two_target_spec(history=1), seeds=SEEDS)


class TestAttentiveUNet(PredictorContract):
    @pytest.fixture
    def predictor(self) -> Predictor:
        return lively_predictor(class_spec(), ATTENTIVE, strength=MILD)

    @pytest.fixture
    def inputs(self) -> Inputs[npt.NDArray[Any]]:
        return array_inputs(class_spec(), seeds=SEEDS)


def test_every_backbone_is_tried_here() -> None:
    assert {p.values[0]["name"] for p in EVERY} == set(BACKBONES)


@pytest.mark.parametrize("options", EVERY)
def test_any_window_that_is_a_multiple(options: Mapping[str, Any]) -> None:
    spec = two_target_spec()
    network = lively_network(spec, options, strength=MILD)
    m = network.multiple
    for shape in ((m, 3 * m), (4 * m, 4 * m), (5 * m, 2 * m)):
        cells = tuple(-(-side // 4) * 4 for side in shape)  # forcing is made in cells of four
        inputs = random_inputs(spec, (cells[0], cells[1]))
        inputs = inputs.map(lambda x, h=shape[0], w=shape[1]: x if x.ndim < 3 else x[..., :h, :w])
        for name, values in network.values(inputs).items():
            assert values.shape == (1, spec.target(name).layers, *shape)
            assert torch.isfinite(values).all()


@pytest.mark.parametrize("options", EVERY)
def test_gradients_reach_every_weight(options: Mapping[str, Any]) -> None:
    spec = two_target_spec(history=2)
    network = lively_network(spec, with_densities(options), strength=MILD).train()
    inputs = tensors(array_inputs(spec, seeds=SEEDS))
    weights = torch.randn(24, generator=torch.Generator().manual_seed(1))
    found = network(inputs)
    sum((values * weights).sum() for values in found.values()).backward()  # type: ignore[union-attr]
    for name, parameter in network.named_parameters():
        assert parameter.grad is not None, name
        assert torch.isfinite(parameter.grad).all(), name
        assert parameter.grad.abs().max() > 0, name


@pytest.mark.parametrize("options", EVERY)
def test_folding_the_norms_changes_nothing_but_rounding(options: Mapping[str, Any]) -> None:
    spec = two_target_spec()
    network = lively_network(spec, options, strength=MILD)
    inputs = array_inputs(spec, seeds=SEEDS)
    predictor = NetworkPredictor([network])
    kinds = [type(m) for m in predictor._ready[0].modules()]
    assert torch.nn.BatchNorm2d not in kinds, "every batch norm follows a convolution"
    with torch.inference_mode():
        expected = network.values(tensors(inputs))
    for name, values in predictor.predict(inputs).items():
        np.testing.assert_allclose(values, expected[name].numpy(), atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("options", EVERY)
def test_the_step_reaches_the_answer(options: Mapping[str, Any]) -> None:
    network = lively_network(class_spec(), options)
    inputs = random_inputs(class_spec())
    later = inputs._replace(calendar=inputs.calendar + 9)
    with torch.inference_mode():
        assert not torch.equal(network(inputs)[LAND], network(later)[LAND])


def crop(inputs: Inputs[Tensor], rows: slice, cols: slice) -> Inputs[Tensor]:
    return inputs.map(lambda x: x if x.ndim < 3 else x[..., rows, cols])


@torch.inference_mode()
@pytest.mark.parametrize("options", LOCAL)
def test_a_tile_with_a_halo_equals_the_whole(options: Mapping[str, Any]) -> None:
    """Convolutions see so far and no further, wherever they stand."""
    network = lively_network(class_spec(), options, strength=MILD)
    inputs = random_inputs(class_spec(), (64, 80))
    part = network(crop(inputs, slice(8, 56), slice(16, 72)))[LAND]
    whole = network(inputs)[LAND][:, :, 8:56, 16:72]
    inner = (..., slice(16, -16), slice(16, -16))
    torch.testing.assert_close(part[inner], whole[inner], atol=1e-4, rtol=1e-4)
    assert not torch.allclose(part, whole, atol=1e-4), "the border is felt"


@torch.inference_mode()
@pytest.mark.parametrize("options", [VIT, ATTENTIVE], ids=["vit", "attention"])
def test_with_attention_every_pixel_sees_the_whole_window(options: Mapping[str, Any]) -> None:
    network = lively_network(class_spec(), options)
    inputs = random_inputs(class_spec(), (32, 48))
    static = inputs.static.clone()
    static[..., :4, :4] += 50.0
    change = network(inputs._replace(static=static))[LAND] - network(inputs)[LAND]
    assert (change[..., -4:, -4:].abs().amax(dim=1) > 0).all()


@torch.inference_mode()
def test_a_pixel_is_not_blurred_to_its_patch() -> None:
    """Without any patch, a pixel reaches its own answer and those next to it by the skip."""
    network = lively_network(class_spec(), VIT)
    cast("torch.nn.Conv2d", network.backbone.embed_patch).weight.zero_()
    inputs = random_inputs(class_spec())
    static = inputs.static.clone()
    static[..., 9, 10] += 50.0
    change = network(inputs._replace(static=static))[LAND] - network(inputs)[LAND]
    felt = torch.zeros(16, 24, dtype=torch.bool)
    felt[9 - 3 : 9 + 4, 10 - 3 : 10 + 4] = True  # three convolutions of 3 × 3
    assert torch.equal(change[0].abs().amax(dim=0) > 0, felt)


def test_positions_are_those_of_the_patches() -> None:
    """Each its own; around the middle the same in a larger window; rows and columns alike."""
    small, large = (positions(n, n, 16).reshape(n, n, 16) for n in (3, 7))
    assert len(torch.unique(large.flatten(0, 1), dim=0)) == 49
    torch.testing.assert_close(large[2:5, 2:5], small)
    rows, columns = large[..., :8], large[..., 8:]
    torch.testing.assert_close(rows, columns.transpose(0, 1))
    assert (rows[:, :1] == rows).all()
    torch.testing.assert_close(large[3, 3], torch.tensor(([0.0] * 4 + [1.0] * 4) * 2))


def test_an_old_description_of_a_unet_is_still_one() -> None:
    """What was not said when it was written is as it was."""
    said = {"name": "unet", "widths": [24, 48, 96], "embedding": 16, "gate": 0.8, "demand": 0.3}
    network = build_network({**said, "memory": 0.1}, class_spec())
    assert network.to_dict() == build_network({"name": "unet"}, class_spec()).to_dict()
    backbone = [n.removeprefix("backbone.") for n in network.state_dict() if "backbone" in n]
    block = [f"{i}.{w}" for i in (0, 1, 3, 4) for w in _WEIGHTS[i % 3]]
    expected = [f"down.{level}.{w}" for level in range(3) for w in block]
    expected += [f"reduce.{level}.{w}" for level in range(2) for w in ("weight", "bias")]
    expected += [f"up.{level}.{w}" for level in range(2) for w in block]
    expected += [f"embed_step.{i}.{w}" for i in (0, 2) for w in ("weight", "bias")]
    assert backbone == expected


_WEIGHTS = {
    0: ("weight",),
    1: ("weight", "bias", "running_mean", "running_var", "num_batches_tracked"),
}


def test_options_change_the_network() -> None:
    def count(**options: Any) -> int:  # noqa: ANN401
        network = build_network({"embedding": 4, **options}, class_spec())
        return sum(p.numel() for p in network.parameters())

    small = count(name="unet", widths=(8, 12))
    assert count(name="unet", widths=(8, 12), convolutions=3) > small
    assert count(name="unet", widths=(8, 12), attention=2) > small
    assert count(name="unet", widths=(8, 12), densities=(1, 2)) == small + _densities(8)
    assert count(name="cnn", kernel=5) > count(name="cnn")
    assert count(name="cnn", depth=5) > count(name="cnn")
    assert count(name="vit", patch=16) > count(name="vit")


def _densities(width: int) -> int:
    """Weights of the embedding of two densities of four classes, and of their convolution."""
    return 2 * 4 * 4 + 4 + 4 * width * 9


@pytest.mark.parametrize(
    "options",
    [
        {"name": "cnn", "kernel": 4},
        {"name": "cnn", "depth": 0},
        {"name": "vit", "patch": 6},
        {"name": "vit", "width": 10, "heads": 2},
        {"name": "vit", "width": 12, "heads": 5},
        {"name": "vit", "depth": 0},
        {"name": "unet", "norm": "layer"},
        {"name": "unet", "attention": 5},
        {"name": "unet", "convolutions": 0},
        {"name": "unet", "densities": [2, 0]},
        {"name": "unet", "demand": -0.1},
    ],
)
def test_impossible_shapes_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match="Impossible network shape"):
        build_network(options, class_spec())


def test_operations_by_hand() -> None:
    """Of a plain network: all pixelwise products, and its convolutions."""
    options = {"name": "cnn", "width": 6, "depth": 1, "embedding": 4}
    network: Network = build_network(options, class_spec())
    groups = (4, 12, 8, 2)  # prior, forcing thrice, demand, static, each into 4
    encode = 2 * 4 * sum(groups)
    channels = 5 * 4 + 2
    backbone = 2 * (channels * 6 + 2 * 9 * 6 * 6)
    heads = 2 * 6 * (4 + 3)
    step = 2 * (3 * 32 + 32 * 6)
    for window in (8, 16):
        expected = encode + backbone + heads + step / window**2
        # the translation of the forcing, twice, is a product as well
        assert flops_per_pixel(network, window) == pytest.approx(expected + 2 * 2 * 4 * 4)
    assert network.training, "left as it was"


def test_attention_costs_more_per_pixel_in_a_larger_window() -> None:
    network = build_network(VIT, class_spec())
    small, large = flops_per_pixel(network, 32), flops_per_pixel(network, 64)
    # 2 products of all tokens with all, per token 4 · N · C, in 2 blocks, per 16 pixels
    assert large - small == pytest.approx(2 * 4 * 16 * (256 - 64) / 16, rel=0.05)


def test_blank_inputs_fit_any_network() -> None:
    spec = two_target_spec(history=2)
    network = lively_network(spec)
    for name, values in network.values(blank_inputs(spec, 8, batch=3)).items():
        assert values.shape == (3, spec.target(name).layers, 8, 8)
