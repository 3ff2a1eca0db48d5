"""Losses: golden values by hand, and predictions freed exactly of what a loss adds to them."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
import torch
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize
from torch import Tensor, nn

from ai4land.checkpoint import load_checkpoint
from ai4land.cube import Cube
from ai4land.errors import ConfigError
from ai4land.models import Inputs, Seen
from ai4land.models.networks import (
    LossBias,
    Network,
    NetworkPredictor,
    build_network,
    change_weights,
    load_predictor,
    unbiased,
)
from ai4land.samples import stack
from ai4land.training import LossOptions, TrainingOptions, load_experiment, prepare, train
from ai4land.training.networks.loss import sample_loss
from ai4land.training.networks.losses import (
    REGION_TERMS,
    ClassMaps,
    dice,
    forcing_gap,
    location,
    lovasz,
    pixelwise,
)
from experiments import SMALL, small_experiment
from network_inputs import LAND, OPTIONS, class_spec, lively_network, random_inputs

ASKED = ([0.7, 0.2, 0.1], [0.34, 0.33, 0.33], [0.97, 0.02, 0.01], [0.05, 0.15, 0.8])
LOSSES: list[dict[str, Any]] = [
    {},
    {"focal": 1.0, "gamma": 0.5},
    {"focal": 1.0, "gamma": 1.0},
    {"focal": 1.0, "gamma": 2.0},
    {"focal": 1.0, "gamma": 5.0},
    {"focal": 2.0, "cross_entropy": 0.5, "gamma": 3.0},
    {"smoothing": 0.1},
    {"focal": 1.0, "smoothing": 0.05},
]


def one_pixel(prior: list[float], visible: bool = True) -> Seen[Tensor]:
    """What is seen of a single pixel."""
    layers = torch.tensor(prior, dtype=torch.float64)[None, :, None, None]
    shown = torch.full((1, 1, 1, 1), float(visible), dtype=torch.float64)
    empty = torch.zeros(1, 0, 1, 1)
    return Seen(layers, shown, shown, empty[:, :, None], empty)


def minimiser(options: LossOptions, asked: list[float], weights: Tensor) -> Tensor:
    """Logits of least expected loss where classes come with the probabilities asked for."""
    classes = torch.arange(len(asked))[None, None]  # a row of pixels, one of each class
    counts = torch.tensor(asked, dtype=torch.float64) * weights.flatten()

    def loss(free: np.ndarray) -> tuple[float, np.ndarray]:
        raw = torch.tensor([*free, 0.0], dtype=torch.float64, requires_grad=True)
        spread = raw[None, :, None, None].expand(1, -1, 1, len(asked))
        value = (pixelwise(spread, classes, options)[0, 0] * counts).sum()
        value.backward()
        assert raw.grad is not None
        return float(value.detach()), raw.grad[:-1].numpy()

    start = np.log(np.array(asked[:-1]) / asked[-1])
    found = minimize(loss, start, jac=True, method="BFGS", options={"gtol": 1e-11})
    return torch.tensor([*found.x, 0.0], dtype=torch.float64)[None, :, None, None]


@pytest.mark.parametrize("asked", ASKED)
@pytest.mark.parametrize("options", LOSSES, ids=str)
@pytest.mark.parametrize(
    ("weight", "prior", "visible"),
    [
        (0.0, [1.0, 0.0, 0.0], True),
        (1.0, [1.0, 0.0, 0.0], True),
        (4.0, [0.0, 0.0, 1.0], True),
        (2.5, [0.5, 0.3, 0.2], True),
        (4.0, [1.0, 0.0, 0.0], False),
    ],
)
def test_what_minimises_a_loss_is_led_back_to_the_probability(
    asked: list[float], options: dict[str, Any], weight: float, prior: list[float], visible: bool
) -> None:
    """Weights, focal forms and smoothing, each and together, by numerical minimisation."""
    terms, seen = LossOptions(**options), one_pixel(prior, visible)
    bias = LossBias(**terms.bias(weight))
    raw = minimiser(terms, asked, change_weights(seen.prior, seen.visible, weight))
    found = unbiased(raw, seen, bias).flatten()
    np.testing.assert_allclose(found.numpy(), asked, atol=1e-5)
    if options or (weight and visible):
        plain = torch.softmax(raw, dim=1).flatten().numpy()
        if asked[0] != 0.34:
            assert np.abs(plain - asked).max() > 3e-3, "there was something to undo"


@given(
    raw=st.lists(st.floats(-60, 60, width=32), min_size=2, max_size=9),
    gamma=st.floats(0.1, 8.0),
    smoothing=st.sampled_from([0.0, 0.2]),
    weight=st.sampled_from([0.0, 3.0]),
    entropy=st.sampled_from([0.0, 1.0]),
)
@settings(max_examples=200, deadline=None)
def test_any_logits_give_probabilities_and_gradients(
    raw: list[float], gamma: float, smoothing: float, weight: float, entropy: float
) -> None:
    """In single precision, however certain; the order of the classes stays without a weight."""
    logits = torch.tensor(raw)[None, :, None, None].requires_grad_()
    prior = Seen(*(part.float() for part in one_pixel([1.0] + [0.0] * (len(raw) - 1))))
    bias = LossBias(weight, entropy, 1.0, gamma, smoothing)
    found = unbiased(logits, prior, bias)
    assert torch.isfinite(found).all()
    assert (found >= 0).all()
    assert float(found.detach().sum()) == pytest.approx(1.0, abs=1e-5)
    (found * torch.arange(float(len(raw)))[None, :, None, None]).sum().backward()
    assert logits.grad is not None
    assert torch.isfinite(logits.grad).all()
    if not weight:
        values = found.detach().flatten()
        assert values[torch.tensor(raw).argmax()] >= values.max() - 1e-6


def test_without_an_exponent_the_focal_loss_is_the_cross_entropy() -> None:
    raw = torch.randn(2, 4, 3, 5, generator=torch.Generator().manual_seed(0))
    wanted = torch.randint(0, 4, (2, 3, 5), generator=torch.Generator().manual_seed(1))
    plain = torch.nn.functional.cross_entropy(raw, wanted, reduction="none")
    for options in ({}, {"focal": 1.0, "gamma": 0.0}, {"cross_entropy": 0.4, "focal": 0.6}):
        near = LossOptions(**{"gamma": 1e-9, **options})
        torch.testing.assert_close(pixelwise(raw, wanted, near), plain, atol=1e-5, rtol=1e-5)
    assert LossOptions(focal=1.0, gamma=0.0).bias() == LossOptions().bias()


def test_the_focal_loss_by_hand() -> None:
    raw = torch.log(torch.tensor([0.9, 0.1]))[None, :, None, None].expand(1, 2, 1, 2)
    found = pixelwise(raw, torch.tensor([[[0, 1]]]), LossOptions(focal=3.0, gamma=2.0))
    expected = -3.0 * np.array([0.1**2 * np.log(0.9), 0.9**2 * np.log(0.1)])
    np.testing.assert_allclose(found.flatten().numpy(), expected, rtol=1e-4)


def hot(classes: np.ndarray, count: int) -> Tensor:
    """Maps ``(B, y, x)`` as layers; −1 is nothing."""
    layers = np.eye(count + 1, dtype=np.float32)[classes][..., :count]
    return torch.from_numpy(np.ascontiguousarray(np.moveaxis(layers, -1, 1)))


def maps_of(said: np.ndarray, truth: np.ndarray, before: np.ndarray, count: int) -> ClassMaps:
    """Certain predictions; where the truth is −1 nothing counts."""
    valid = torch.from_numpy(truth >= 0)[:, None].float()
    return ClassMaps(hot(said, count), hot(truth, count), hot(before, count) * valid, valid)


def brute_force(said: np.ndarray, truth: np.ndarray, count: int, score: str) -> float:
    """Mean IoU or Dice of the classes that the truth holds, pixel sets compared."""
    used, found = truth >= 0, []
    for k in range(count):
        one, two = (said == k) & used, truth == k
        if two.any():
            both = (one & two).sum()
            iou = both / (one | two).sum()
            found.append(iou if score == "iou" else 2 * both / (one.sum() + two.sum()))
    return float(np.mean(found))


@given(seed=st.integers(0, 999), classes=st.integers(2, 6))
@settings(max_examples=40, deadline=None)
def test_on_certain_maps_lovasz_is_iou_and_dice_is_dice(seed: int, classes: int) -> None:
    rng = np.random.default_rng(seed)
    truth = rng.integers(-1, classes, (2, 5, 7))
    truth[0, 0, 0] = 0
    said = np.where(rng.random(truth.shape) < 0.4, rng.integers(0, classes, truth.shape), truth)
    said = np.maximum(said, 0)
    maps = maps_of(said, truth, truth, classes)
    for term, score in ((lovasz, "iou"), (dice, "dice")):
        expected = 1.0 - brute_force(said, truth, classes, score)
        assert float(term(maps)) == pytest.approx(expected, abs=1e-5), score


def test_lovasz_by_hand() -> None:
    """Two pixels, both of class 0, said to be so with .8 and .4: errors .6 and .2."""
    share = torch.tensor([0.8, 0.4])
    probability = torch.stack([share, 1 - share])[None, :, None]
    truth = torch.tensor([[1.0, 1.0], [0.0, 0.0]])[None, :, None]
    maps = ClassMaps(probability, truth, truth, torch.ones(1, 1, 1, 2))
    assert float(lovasz(maps)) == pytest.approx(0.6 * 0.5 + 0.2 * 0.5)
    assert float(dice(maps)) == pytest.approx(1 - 2 * 1.2 / (1.2 + 2))


def moved_town(shift: int) -> ClassMaps:
    """A town grows in a field, in truth in one place, in the prediction beside it."""
    before = np.zeros((1, 40, 40), int)
    truth, said = before.copy(), before.copy()
    truth[0, 18:21, 18:21] = 1
    said[0, 18:21, 18 + shift : 21 + shift] = 1
    return maps_of(said, truth, before, 2)


def test_a_change_costs_the_less_the_nearer_it_is() -> None:
    found = [float(location(moved_town(shift), 2.0)) for shift in (0, 1, 3, 6, 15)]
    assert found[0] == 0.0
    assert all(one < two for one, two in itertools.pairwise(found)), found
    never = moved_town(0)
    never = never._replace(probability=never.before)
    assert 0 < float(location(never, 2.0)) < found[-1]
    # far apart, expansion and contraction both cost all that was placed and all that is missing
    assert found[-1] == pytest.approx(2 * (9 + 9) / 40**2, rel=0.01)


def test_a_change_that_nobody_asked_for_costs_as_well() -> None:
    """Expansion where the class stood already is none; what the mask hides costs nothing."""
    maps = moved_town(4)
    free = maps._replace(valid=maps.valid * 0, truth=maps.truth * 0, before=maps.before * 0)
    assert float(location(free, 2.0)) == 0.0
    still = maps._replace(before=maps.truth, probability=maps.truth)
    assert float(location(still, 2.0)) == 0.0


def test_the_forcing_is_asked_in_whole_cells() -> None:
    """Two whole cells, one of which holds .5 too little; a cut one does not count."""
    cell = torch.tensor([[[0, 0, 1, 1, 2, 2]]])
    share = torch.tensor([[[0.5, 0.5, 0.25, 0.75, 0.3, 0.3]]])
    said = hot(np.array([[[0, 1, 1, 1, 0, 0]]]), 2)
    asked = torch.tensor([0.5, 0.5, 0.5, 0.5, 0.0, 0.0])
    asked = torch.stack([asked, 1 - asked])[None, :, None]
    valid = torch.ones(1, 1, 1, 6)
    found = forcing_gap(said, asked, valid, cell, share)
    assert float(found) == pytest.approx((0.0 + 2 * 0.5**2) / 2)
    valid[..., 2] = 0  # then the second cell is not whole either
    assert float(forcing_gap(said, asked, valid, cell, share)) == 0.0
    two = [torch.cat([part, part]) for part in (said, asked, torch.ones(2, 1, 1, 6)[:1], cell)]
    again = forcing_gap(*two, torch.cat([share, share]))
    assert float(again) == pytest.approx(0.25), "windows of a batch do not mix"


@pytest.mark.parametrize("name", REGION_TERMS)
def test_terms_of_maps_have_gradients_and_may_be_empty(name: str) -> None:
    raw = torch.randn(2, 3, 6, 6, generator=torch.Generator().manual_seed(2), requires_grad=True)
    classes = np.random.default_rng(0).integers(0, 3, (2, 6, 6))
    maps = maps_of(classes, classes, classes[:, ::-1].copy(), 3)
    maps = maps._replace(probability=torch.softmax(raw, dim=1))
    REGION_TERMS[name](maps, LossOptions()).backward()
    assert raw.grad is not None
    assert torch.isfinite(raw.grad).all()
    assert raw.grad.abs().max() > 0
    share = maps.probability.detach()
    nothing = ClassMaps(share, *(torch.zeros_like(m) for m in maps[1:3]), maps.valid * 0)
    assert float(REGION_TERMS[name](nothing, LossOptions())) == 0.0


def test_what_is_asked_for_by_name() -> None:
    assert LossOptions().cross_entropy == 1.0
    assert LossOptions(smoothing=0.1).cross_entropy == 1.0
    focal = LossOptions(focal=1.0)
    assert (focal.cross_entropy, focal.calibrated) == (0.0, True)
    mixed = LossOptions(cross_entropy=1.0, dice=0.3)
    assert (mixed.cross_entropy, mixed.dice, mixed.calibrated) == (1.0, 0.3, False)
    assert LossOptions.model_validate(mixed.model_dump()) == mixed
    assert TrainingOptions().changed_weight == 0.0


@pytest.mark.parametrize(
    ("loss", "pattern"),
    [
        ({"dyce": 1.0}, r"Unknown key.*training\.loss\.dyce.*mean 'dice'"),
        ({"dice": -1.0}, r"does not fit.*training\.loss\.dice.*greater than or equal"),
        ({"dice": 0.0}, r"does not fit.*training\.loss.*weight above 0.*lovasz"),
        ({"dice": 1.0, "smoothing": 0.1}, r"does not fit.*smoothing needs one of.*focal"),
        ({"smoothing": 1.0}, r"does not fit.*smoothing.*less than 1"),
    ],
)
def test_a_mistake_in_a_loss_is_named(tmp_path: Path, loss: dict[str, Any], pattern: str) -> None:
    path = tmp_path / "e.yaml"
    path.write_text(yaml.safe_dump({**SMALL, "cube": "c.zarr", "training": {"loss": loss}}))
    with pytest.raises(ConfigError, match=f"(?s){pattern}"):
        load_experiment(path)
    with pytest.raises(ConfigError, match=r"(?s)Impossible bias.*smoothing below 1"):
        LossBias(smoothing=1.0)


def test_a_loaded_network_predicts_what_it_was_freed_to(tmp_path: Path) -> None:
    """By hand: the focal form is undone, and comes back with the checkpoint."""
    spec = class_spec()
    arrays = random_inputs(spec).map(lambda part: part.numpy())
    plain = NetworkPredictor([lively_network(spec, strength=5.0)])
    options = {**OPTIONS, "bias": LossOptions(focal=1.0).bias()}
    freed = NetworkPredictor([lively_network(spec, options, strength=5.0)])
    freed.save(tmp_path)
    loaded = load_predictor(freed.to_dict(), spec, tmp_path)
    found, q = loaded.predict(arrays)[LAND], plain.predict(arrays)[LAND].astype(float)
    np.testing.assert_array_equal(found, freed.predict(arrays)[LAND])
    phi = (1 - q) ** 2 - 2 * (1 - q) * q * np.log(np.maximum(q, 1e-30))
    sure = q.max(axis=1) < 0.99  # beyond, single precision of q itself is too coarse
    expected = (q / np.maximum(phi, 1e-12)) / (q / np.maximum(phi, 1e-12)).sum(
        axis=1, keepdims=True
    )
    assert np.abs(found - q).max() > 0.1
    for layer, by_hand in zip(found[0], expected[0], strict=True):
        np.testing.assert_allclose(layer[sure[0]], by_hand[sure[0]], atol=1e-4)
    with pytest.raises(ConfigError, match=r"(?s)Impossible options.*unknown"):
        build_network({**OPTIONS, "bias": {"unknown": 1.0}}, spec)


@torch.inference_mode()
def test_the_weight_of_change_is_seen_by_the_loss_alone() -> None:
    """It stands in the logits from the start, by hand, and is divided out of the prediction."""
    spec, weight = class_spec(), 3.0
    inputs = random_inputs(spec)
    plain = lively_network(spec, strength=5.0)
    weighed = lively_network(spec, {**OPTIONS, "bias": LossOptions().bias(weight)}, strength=5.0)
    seen = inputs.targets[LAND]
    counts = 1 + weight * seen.visible * (1 - seen.prior)
    assert counts.max() == 1 + weight
    torch.testing.assert_close(weighed(inputs)[LAND], plain(inputs)[LAND] + counts.log())
    torch.testing.assert_close(
        weighed.values(inputs)[LAND], plain.values(inputs)[LAND], atol=1e-5, rtol=1e-4
    )


def test_what_predictions_are_freed_of_is_no_option(tiny_cube: Cube, tmp_path: Path) -> None:
    model = {**OPTIONS, "bias": {"changed_weight": 1.0}}
    with pytest.raises(ConfigError, match=r"(?s)follows from the loss.*model\.bias"):
        train(small_experiment(tiny_cube, model=model), tmp_path / "run")


def test_every_loss_trains(tiny_cube: Cube, tmp_path: Path) -> None:
    """All terms at once: they are written down, and the network knows what to undo."""
    loss = {term: 0.5 for term in ("cross_entropy", "focal", "dice", "lovasz", "location")}
    experiment = small_experiment(
        tiny_cube,
        training={"loss": {**loss, "forcing": 10.0, "smoothing": 0.1}, "changed_weight": 2.0},
    )
    predictor, card = load_checkpoint(train(experiment, tmp_path / "run"))
    said = card.training["experiment"]["training"]["loss"]
    assert (said["lovasz"], said["forcing"]) == (0.5, 10.0)
    expected = {"changed_weight": 2.0, "cross_entropy": 0.5, "focal": 0.5, "gamma": 2.0}
    assert card.architecture["bias"] == {**expected, "smoothing": 0.1}
    assert isinstance(predictor, NetworkPredictor)
    assert predictor.networks[0].options.bias.smoothing == 0.1


def test_consistency_without_a_closed_loop_is_refused(tiny_cube: Cube, tmp_path: Path) -> None:
    experiment = small_experiment(tiny_cube, forcing=[], training={"loss": {"forcing": 1.0}})
    with pytest.raises(ConfigError, match=r"(?s)Consistency.*training\.loss\.forcing.*no forcing"):
        train(experiment, tmp_path / "run")


class _Heard(nn.Module):
    """Passes inputs on and keeps them."""

    def __init__(self, network: Network) -> None:
        super().__init__()
        self.network = network
        self.heard: list[tuple[Inputs[Tensor], int]] = []

    def forward(self, inputs: Inputs[Tensor], steps: int = 1) -> Mapping[str, Tensor]:
        self.heard.append((inputs, steps))
        return self.network(inputs, steps)  # type: ignore[no-any-return]


def test_steps_of_a_pass_share_their_prior_and_later_ones_build_on_it(tiny_cube: Cube) -> None:
    """Of three steps two are one pass; the third starts from the second's own map."""
    experiment = small_experiment(tiny_cube, samples={"recursion": 3})
    setting = prepare(experiment)
    batch = stack([setting.sampler.draw(np.random.default_rng(k)) for k in range(2)])
    network = lively_network(setting.spec, {**OPTIONS, "ahead": 2})
    heard = _Heard(network)
    loss = sample_loss(heard, network, batch, setting.assembler, TrainingOptions())
    assert torch.isfinite(loss)
    (one, steps), (two, last) = heard.heard
    assert (steps, last) == (2, 1)
    name = setting.spec.targets[0].name
    near, far = one.targets[name].prior.chunk(2)
    assert torch.equal(near, far)
    for step, told in enumerate(one.forcing_target.chunk(2)):
        np.testing.assert_array_equal(told.numpy(), batch.target_forcing(step))
    np.testing.assert_allclose(one.calendar.chunk(2)[1].numpy(), 2 * batch.calendar[:, 0])
    with torch.no_grad():
        own = network.activate(network(one, 2), one)[name].chunk(2)[1].argmax(dim=1)
    exists = torch.from_numpy(batch.targets[name].domain)
    assert torch.equal(two.targets[name].prior.argmax(dim=1)[exists], own[exists])


def test_a_network_that_looks_ahead_trains(tiny_cube: Cube, tmp_path: Path) -> None:
    model = {**SMALL["model"], "ahead": 2}  # type: ignore[dict-item]
    predictor, card = load_checkpoint(
        train(small_experiment(tiny_cube, model=model), tmp_path / "run")
    )
    assert card.architecture["ahead"] == 2
    assert isinstance(predictor, NetworkPredictor)
    later = predictor.networks[0].later
    assert later is not None
    assert cast("nn.Conv2d", later.get_submodule("add")).weight.abs().max() > 0, "it was trained"
    few = small_experiment(tiny_cube, model=model, samples={"recursion": 1})
    with pytest.raises(ConfigError, match=r"(?s)fewer steps.*samples\.recursion.*at least 2"):
        train(few, tmp_path / "few")


class _Oracle(nn.Module):
    """Says given maps step after step, as certainties."""

    def __init__(self, maps: list[np.ndarray], name: str) -> None:
        super().__init__()
        self.maps = iter(maps)
        self.name = name

    def forward(self, inputs: Inputs[Tensor]) -> dict[str, Tensor]:
        return {self.name: 60.0 * torch.from_numpy(next(self.maps))}


def test_the_truth_is_what_the_forcing_asks(tiny_cube: Cube) -> None:
    """On samples as they are drawn, turned, over two steps; what stayed as it was is not."""
    experiment = small_experiment(
        tiny_cube, samples={"window": 32, "corruption": [], "history": 0}, static=[]
    )
    setting = prepare(experiment)
    batch = stack([setting.sampler.draw(np.random.default_rng(k)) for k in range(4)])
    (target,) = setting.spec.targets
    coding, maps = setting.assembler.codings[target.name], batch.targets[target.name]
    network = lively_network(setting.spec, OPTIONS)
    options = TrainingOptions(loss=LossOptions(forcing=1.0))

    def loss_of(said: list[np.ndarray]) -> float:
        oracle = _Oracle([coding.encoded(layers) for layers in said], target.name)
        return float(sample_loss(oracle, network, batch, setting.assembler, options))

    truth = [maps.targets[:, step] for step in range(batch.steps)]
    assert (truth[0] != maps.before)[maps.valid[:, 0]].any()
    assert loss_of(truth) < 1e-10
    assert loss_of([maps.before] * batch.steps) > 1e-6
