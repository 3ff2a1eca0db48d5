"""The parts of a training: loss, recursion, statistics, and the file that asks for it."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import torch
import yaml
from torch import Tensor, nn

from ai4land.cube import Cube, GroupSpec, VariableSpec
from ai4land.errors import AI4LandError, ConfigError, MissingFileError, SampleError
from ai4land.models import Inputs, Seen
from ai4land.models.networks import Network, NetworkPredictor, build_network
from ai4land.samples import (
    Assembler,
    Hide,
    Labels,
    Noise,
    Sample,
    SampleOptions,
    Sampler,
    TargetSample,
    stack,
)
from ai4land.training import TrainingOptions, load_experiment, train
from ai4land.training.networks.loss import class_loss, number_loss, sample_loss
from ai4land.training.networks.statistics import count_transitions, fit_normalisers
from ai4land.training.validation import validate
from ai4land.vocabulary import NO_DATA, Clock, Direction, variable
from experiments import SMALL
from network_inputs import OPTIONS, lively_network
from tiny_cubes import (
    CROPLAND,
    FINE,
    FOREST,
    GRASS,
    LANDUSE8,
    LEAF_AREA,
    PASTURE,
    write_cube,
    write_labels,
    write_leaf_cube,
)
from tiny_rollouts import LAND, assembler_of

EVERYWHERE = np.ones(FINE.shape, dtype=bool)
PLAIN = TrainingOptions(changed_weight=0.0)
(LEAF,) = LEAF_AREA.targets


def tiny_sample(before: list[int], truth: list[int], valid: list[bool]) -> TargetSample:
    """One row of pixels, one step."""
    shape = (1, 1, len(before))
    start = np.array(before, np.uint8).reshape(shape)
    allowed = np.array(valid).reshape(shape)
    return TargetSample(
        prior=start,
        visible=allowed,
        domain=allowed,
        before=start,
        history=np.zeros((1, 0, *shape[1:]), np.uint8),
        history_visible=np.zeros((1, 0, *shape[1:]), dtype=bool),
        targets=np.array(truth, np.uint8).reshape(1, *shape),
        valid=allowed[None],
        moves=np.ones((1, 1), dtype=bool),
    )


def seen_of(sample: TargetSample, classes: int, step: int = 0) -> Seen[Tensor]:
    """A network that is shown the truth before a step."""
    before = sample.before if step == 0 else sample.targets[:, step - 1]
    layers = torch.from_numpy(np.moveaxis(np.eye(256, classes)[before], -1, 1)).float()
    visible = torch.from_numpy(sample.visible)[:, None].float()
    empty = torch.zeros(1, 0, *visible.shape[-2:])
    return Seen(layers, visible, visible, empty[:, :, None], empty)


def loss_of(raw: Tensor, sample: TargetSample, step: int = 0, weight: float = 0.0) -> float:
    """Cross-entropy, changed pixels weighed."""
    seen, options = seen_of(sample, raw.shape[1], step), TrainingOptions(changed_weight=weight)
    return float(class_loss(raw, torch.softmax(raw, dim=1), seen, sample, step, options))


def number_loss_of(values: Tensor, sample: TargetSample, scale: float, **changes: Any) -> float:  # noqa: ANN401
    options = TrainingOptions(**changes)
    return float(number_loss(values, sample, 0, torch.tensor([scale]), options))


@pytest.mark.parametrize("weight", [0.0, 1.0, 2.5])
def test_the_loss_by_hand(weight: float) -> None:
    """Four valid pixels of two classes, two of them changed, and one that does not count."""
    sample = tiny_sample([0, 0, 1, 1, NO_DATA], [0, 1, 1, 0, NO_DATA], [True] * 4 + [False])
    share = np.array([0.9, 0.4, 0.8, 0.3, 0.5])  # given to the truth
    first = np.where([True, False, False, True, True], share, 1 - share)
    raw = torch.tensor(np.log([first, 1 - first])).float()[None, :, None, :]
    by_hand = -np.log(share)
    all_pixels = by_hand[:4].sum() / 4
    changed = (by_hand[1] + by_hand[3]) / 4
    found = loss_of(raw, sample, weight=weight)
    assert found == pytest.approx(all_pixels + weight * changed, rel=1e-5)


def test_a_pixel_whose_prior_is_hidden_counts_once() -> None:
    """Its change is none that the network can know of, so that nothing needs to be undone."""
    sample = tiny_sample([0, 0], [1, 1], [True, True])
    hidden = replace(sample, visible=np.array([[[True, False]]]))
    raw = torch.zeros(1, 2, 1, 2)
    assert loss_of(raw, hidden, weight=3.0) == pytest.approx((4 + 1) / 2 * math.log(2))


def test_the_loss_of_numbers_is_in_spreads() -> None:
    sample = tiny_sample([0, 0, 0], [0, 0, 0], [True, True, False])
    before = np.array([[[1.0, 2.0, np.nan]]], np.float32)
    truth = np.array([[[[1.0, 3.0, np.nan]]]], np.float32)
    sample = replace(sample, before=before, prior=before, targets=truth)
    said = torch.tensor([[[[2.0, 3.5, 9.0]]]])
    assert number_loss_of(said, sample, 0.5) == pytest.approx((4.0 + 1.0) / 2)
    weighted = number_loss_of(said, sample, 0.5, changed_weight=3.0)
    assert weighted == pytest.approx((4.0 + 1.0) / 2 + 3.0 * 1.0 / 2)
    absolute = number_loss_of(said, sample, 0.5, loss={"numbers": "absolute"})
    assert absolute == pytest.approx((2.0 + 1.0) / 2)
    huber = number_loss_of(said, sample, 0.5, loss={"numbers": "huber"})
    assert huber == pytest.approx((2 * 2.0 - 1.0 + 1.0) / 2)


def test_change_of_a_later_step_is_since_the_step_before() -> None:
    sample = tiny_sample([0, 0], [1, 1], [True, True])
    twice = replace(
        sample,
        targets=np.array([[[[1, 1]], [[1, 0]]]], np.uint8),
        valid=np.ones((1, 2, 1, 2), dtype=bool),
        moves=np.ones((1, 2), dtype=bool),
    )
    raw = torch.zeros(1, 2, 1, 2)
    # everything costs ln 2; in the second step one of two pixels changed, in the first both
    first, second = (loss_of(raw, twice, k, weight=1.0) for k in (0, 1))
    assert first == pytest.approx(2 * math.log(2))
    assert second == pytest.approx(1.5 * math.log(2))


def test_a_window_without_valid_pixels_costs_nothing() -> None:
    sample = tiny_sample([NO_DATA, 0], [NO_DATA, 0], [False, False])
    raw = torch.randn(1, 3, 1, 2, generator=torch.Generator().manual_seed(0))
    assert loss_of(raw, sample, weight=1.0) == 0.0


def test_a_target_that_stands_still_costs_nothing() -> None:
    sample = replace(tiny_sample([0, 1], [1, 1], [True, True]), moves=np.zeros((1, 1), bool))
    assert loss_of(torch.randn(1, 2, 1, 2), sample, weight=1.0) == 0.0
    leaf = replace(sample, prior=sample.prior * 1.0, targets=sample.targets * 1.0)
    assert number_loss_of(torch.full((1, 1, 1, 2), 7.0), leaf, 1.0) == 0.0


def made_of(cube: Cube, history: int = 0) -> Assembler:
    return assembler_of(cube, ("land_use_fractions", "luh2_states"), history=history)


def labels_of(cube: Cube) -> dict[str, Labels]:
    return {"land_use": Labels(cube, LAND)}


def network_of(assembler: Assembler) -> Network:
    return build_network(OPTIONS, assembler.spec)


def batch_of(
    cube: Cube, assembler: Assembler, mask: npt.NDArray[np.bool_], recursion: int = 2
) -> Sample:
    options = SampleOptions(
        window=16,
        recursion=recursion,
        directions=(Direction.FORWARD, Direction.BACKWARD),
        history=assembler.spec.history,
        history_drop=0.0,
        augment=False,
        corruption=(Noise(share=0.1), Hide(share=0.4)),
    )
    sampler = Sampler(assembler, labels_of(cube), options, (2000, 2011), mask)
    return stack([sampler.draw(np.random.default_rng([1, k])) for k in range(4)])


class _Spy(nn.Module):
    """Passes inputs on and keeps them."""

    def __init__(self, network: Network) -> None:
        super().__init__()
        self.network = network
        self.shown: list[Inputs[Tensor]] = []

    def forward(self, inputs: Inputs[Tensor]) -> Mapping[str, Tensor]:
        self.shown.append(inputs)
        return self.network(inputs)  # type: ignore[no-any-return]


@pytest.mark.parametrize("feedback", ["classes", "probabilities"])
def test_later_steps_see_the_networks_own_prediction(tiny_cube: Cube, feedback: str) -> None:
    assembler = made_of(tiny_cube)
    batch = batch_of(tiny_cube, assembler, EVERYWHERE, recursion=3)
    options = TrainingOptions(feedback=feedback)
    exists = torch.from_numpy(batch.targets["land_use"].domain)[:, None]
    seconds = []
    for seed in (1, 2):
        network = lively_network(assembler.spec, seed=seed)
        spy = _Spy(network)
        sample_loss(spy, network, batch, assembler, options)
        assert len(spy.shown) == 3
        for before, after in itertools.pairwise(spy.shown):
            own = network.activate(network(before), before)["land_use"].detach()
            if feedback == "classes":
                own = torch.nn.functional.one_hot(own.argmax(1), 8).movedim(-1, 1).float()
            prior = after.targets["land_use"].prior
            wrong = (prior - own).abs().amax(dim=1, keepdim=True) > 1e-4
            assert not (wrong & exists).any()
        # the forcing made of the classes follows the own map, the other drivers do not
        truth = torch.from_numpy(batch.forcing[:, 1])
        assert not torch.allclose(spy.shown[1].forcing_prior[:, :8], truth[:, :8], atol=1e-3)
        assert torch.equal(spy.shown[1].forcing_prior[:, 8:], truth[:, 8:])
        seconds.append(spy.shown[1].targets["land_use"].prior)
    assert not torch.equal(*seconds), "another network, another second step"


def test_gradients_stay_within_a_step(tiny_cube: Cube) -> None:
    """Fed-back predictions carry no gradient, so memory is that of one step."""
    assembler = made_of(tiny_cube)
    batch = batch_of(tiny_cube, assembler, EVERYWHERE)
    network = lively_network(assembler.spec)
    spy = _Spy(network)
    options = TrainingOptions(feedback="probabilities")
    loss = sample_loss(spy, network, batch, assembler, options)
    assert loss.requires_grad
    for inputs in spy.shown:
        assert not any(part.requires_grad for part in (*inputs[1:], *inputs.targets["land_use"]))


@pytest.mark.parametrize("history", [0, 2])
def test_hidden_and_held_out_truth_cannot_reach_the_loss(tiny_cube: Cube, history: int) -> None:
    """Nor the inputs of any step: not the prior, its feedback, nor the history."""
    mask = np.zeros(FINE.shape, dtype=bool)
    mask[:, 14:32] = True
    assembler = made_of(tiny_cube, history)
    batch = batch_of(tiny_cube, assembler, mask, recursion=3)
    maps = batch.targets["land_use"]
    rng = np.random.default_rng(0)

    def scramble(classes: npt.NDArray[Any], where: npt.NDArray[np.bool_]) -> npt.NDArray[Any]:
        return np.where(where, rng.integers(1, 8, classes.shape), classes).astype(np.uint8)

    exists = maps.domain
    held = exists & ~maps.valid.any(axis=1)
    assert held.any()
    assert (~maps.visible & maps.valid[:, 0]).any()
    changes = {
        "prior": scramble(maps.prior, ~maps.visible),
        "before": scramble(maps.before, held),
        "targets": scramble(maps.targets, held[:, None] & exists[:, None]),
        "history": scramble(maps.history, ~maps.history_visible),
    }
    altered = batch.with_target("land_use", **changes)
    for name in ("prior", "before", "targets", *(["history"] if history else [])):
        assert (getattr(maps, name) != changes[name]).any(), name
    network = lively_network(assembler.spec)
    for options in (TrainingOptions(changed_weight=2.0), TrainingOptions(feedback="probabilities")):
        losses, shown = [], []
        for sample in (batch, altered):
            spy = _Spy(network)
            losses.append(sample_loss(spy, network, sample, assembler, options))
            shown.append(spy.shown)
        assert torch.equal(losses[0], losses[1])
        for one, two in zip(*shown, strict=True):
            assert torch.equal(network(one)["land_use"], network(two)["land_use"])


def test_visible_truth_does_reach_the_loss(tiny_cube: Cube) -> None:
    """Guards the test above."""
    assembler = made_of(tiny_cube)
    batch = batch_of(tiny_cube, assembler, EVERYWHERE)
    network, maps = lively_network(assembler.spec), batch.targets["land_use"]
    loss = sample_loss(network, network, batch, assembler, PLAIN)
    other = np.where(maps.visible & maps.domain, (maps.prior + 1) % 8, maps.prior)
    changed = batch.with_target("land_use", prior=other.astype(np.uint8))
    assert not torch.equal(loss, sample_loss(network, network, changed, assembler, PLAIN))


def test_statistics_are_of_the_training_pixels_and_years_alone(tmp_path: Path) -> None:
    """Everything outside the split holds other numbers, and none of them counts."""
    land = np.full(FINE.shape, 4, np.uint8)
    land[:, :5] = 0
    row, col = np.mgrid[0:40, 0:48]
    mask = (col >= 8) & (col < 32) & (row < 24)
    height = np.where(mask, np.where(row < 12, 100.0, 300.0), 8000.0).astype(np.float32)
    height[:, :5] = -5000.0
    coarse_mask = mask[::8, ::8]
    people = {
        y: np.where(coarse_mask, 10.0 * (y - 1999), 1e6).astype(np.float32)
        if y <= 2002
        else np.full((5, 6), 1e6, np.float32)
        for y in range(2000, 2006)
    }
    ticks = tuple(people)
    groups = [
        GroupSpec("fine", FINE, Clock.YEAR, ticks, (VariableSpec(variable("land_use"), LANDUSE8),)),
        GroupSpec(
            "coarse",
            FINE.coarsen(8, 8),
            Clock.YEAR,
            ticks,
            (VariableSpec(variable("population_density")),),
        ),
        GroupSpec("static", FINE, Clock.STATIC, (), (VariableSpec(variable("elevation")),)),
    ]
    cube = write_cube(
        tmp_path / "c.zarr",
        groups,
        {
            "land_use": dict.fromkeys(ticks, land),
            "population_density": people,
            "elevation": height,
        },
    )
    assembler = assembler_of(cube, ("population_density",), ("elevation",))
    options = SampleOptions(window=24, recursion=1, directions=(Direction.FORWARD,))
    sampler = Sampler(assembler, labels_of(cube), options, (2000, 2002), mask)
    network = network_of(assembler)
    encoder = network.encoder
    fit_normalisers(network, sampler, np.random.default_rng(0))
    # half the pixels lie at 100 m and half at 300 m, drawn evenly but for chance
    assert float(encoder.static_scale.mean) == pytest.approx(200, abs=40)
    assert float(encoder.static_scale.spread) == pytest.approx(100, abs=10)
    # the forcing at the first times is 10 or 20, it always rises by 10
    assert 10 < float(encoder.forcing_scale.mean) < 20
    assert float(encoder.forcing_scale.spread) == pytest.approx(5, abs=0.5)
    assert float(encoder.change_scale.mean) == 0.0
    assert float(encoder.change_scale.spread) == pytest.approx(10, abs=1e-3)
    again = network_of(assembler)
    fit_normalisers(again, sampler, np.random.default_rng(0))
    assert torch.equal(again.encoder.static_scale.mean, encoder.static_scale.mean)


def test_transitions_are_counted_once_over_the_training_split(tmp_path: Path) -> None:
    """All steps of the split, both ways, and no pixel or year outside of it."""
    land = np.full(FINE.shape, FOREST, np.uint8)
    land[:, :5] = 0
    maps = {2000: land}
    for year, (row, code) in {2001: (1, CROPLAND), 2002: (2, PASTURE), 2003: (3, GRASS)}.items():
        maps[year] = maps[year - 1].copy()
        maps[year][row, 10:14] = code
    maps[2001][30, 10:14] = GRASS  # outside the mask
    cube = write_labels(tmp_path / "c.zarr", maps, FINE, FINE.coarsen(8, 8))
    mask = np.zeros(FINE.shape, dtype=bool)
    mask[:20] = True
    ways = tuple(Direction)
    options = SampleOptions(window=16, strides=(1, 2), recursion=1, directions=ways)
    assembler = assembler_of(cube)
    sampler = Sampler(assembler, labels_of(cube), options, (2000, 2002), mask)
    network = network_of(assembler)
    count_transitions(network, sampler)
    counts = network.transitions()["land_use"].counts.numpy()
    expected = np.zeros((2, 8, 8), np.int64)
    for one, two in ((2000, 2001), (2001, 2002), (2000, 2002)):
        where = mask & (land != 0)
        np.add.at(expected[0], (maps[one][where], maps[two][where]), 1)
    expected[1] = expected[0].T
    np.testing.assert_array_equal(counts, expected)
    assert counts[0, FOREST, CROPLAND] == 8
    assert counts[0, FOREST, GRASS] == 0
    again = network_of(assembler)
    count_transitions(again, sampler)
    assert torch.equal(again.transitions()["land_use"].counts, torch.from_numpy(counts))


def test_validation_without_a_pixel_is_an_error(tiny_cube: Cube) -> None:
    assembler = made_of(tiny_cube)
    sea = np.zeros(FINE.shape, dtype=bool)
    sea[:, :4] = True
    labels = labels_of(tiny_cube)
    sampler = Sampler(assembler, labels, SampleOptions(window=16), (2000, 2003), sea)
    predictor = NetworkPredictor([lively_network(assembler.spec)])
    with pytest.raises(SampleError, match="No pixel can be validated"):
        validate(predictor, sampler, 10)


def test_validation_scores_what_persistence_scores(tiny_cube: Cube) -> None:
    """Over the whole area, each window once: persistence is the share that did not change."""
    assembler, labels = made_of(tiny_cube), labels_of(tiny_cube)
    sampler = Sampler(assembler, labels, SampleOptions(window=16), (2004, 2006), EVERYWHERE)
    found = validate(NetworkPredictor([network_of(assembler)]), sampler, 10_000)
    maps = {y: tiny_cube.read("land_use", y) for y in (2004, 2005)}
    land = (maps[2004] != 0) & (maps[2004] != NO_DATA)
    same = float((maps[2004] == maps[2005])[land].mean())
    assert found.values["persistence_accuracy"] == pytest.approx(same)
    assert found.values["observed_change"] == pytest.approx(1 - same)


def test_months_are_validated_against_persistence(tmp_path: Path) -> None:
    months = tuple(range(24000, 24004))
    cube = write_leaf_cube(tmp_path / "c.zarr", months)
    assembler = assembler_of(cube, (), task=LEAF_AREA)
    mask, options = np.ones((24, 32), dtype=bool), SampleOptions(window=16, recursion=1)
    labels = {LEAF.name: Labels(cube, LEAF)}
    sampler = Sampler(assembler, labels, options, (24000, 24001), mask)
    found = validate(NetworkPredictor([lively_network(assembler.spec)]), sampler, 100)
    one, two = (cube.read("leaf_area_index", t) for t in months[:2])
    expected = float(np.nanmean((one - two) ** 2))
    assert found.values["persistence_mean_square"] == pytest.approx(expected, rel=1e-4)
    assert found.score == pytest.approx(1 - found.values["mean_square"] / expected, rel=1e-4)


def write_yaml(path: Path, **changes: object) -> Path:
    path.write_text(yaml.safe_dump({**SMALL, "cube": "cubes/uk.zarr", **changes}))
    return path


def test_an_experiment_is_read_and_its_cube_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    experiment = load_experiment(write_yaml(tmp_path / "e.yaml"))
    assert experiment.cube == str(tmp_path / "cubes" / "uk.zarr")
    assert experiment.samples.directions == (Direction.FORWARD, Direction.BACKWARD)
    monkeypatch.setenv("CUBES", "/data")
    experiment = load_experiment(write_yaml(tmp_path / "e.yaml", cube="${CUBES}/uk.zarr"))
    assert experiment.cube == "/data/uk.zarr"
    monkeypatch.delenv("CUBES")
    with pytest.raises(ConfigError, match=r"(?s)variable is not set.*CUBES"):
        load_experiment(write_yaml(tmp_path / "e.yaml", cube="${CUBES}/uk.zarr"))


@pytest.mark.parametrize(
    ("changes", "pattern"),
    [
        ({"forcings": ["luh2_states"]}, r"Unknown key.*e\.yaml.*forcings.*mean 'forcing'"),
        ({"samples": {"recursions": 2}}, r"Unknown key.*samples\.recursions.*mean 'recursion'"),
        (
            {"samples": {"corruption": [{"name": "hide", "shares": 0.5}]}},
            r"corruption\.0.*not 'shares'; did you mean 'share'",
        ),
        (
            {"split": {**SMALL["split"], "space": {"fold": 1, "cels": 2}}},  # type: ignore[dict-item]
            r"Unknown key.*cels.*mean 'cells'",
        ),
        ({"training": {"learningrate": 1e-3}}, r"Unknown key.*mean 'learning_rate'"),
        ({"training": {"steps": 0}}, r"does not fit.*training\.steps.*greater than or equal to 1"),
        ({"training": {"precision": "8bit"}}, r"does not fit.*training\.precision.*8bit"),
        ({"samples": {"directions": ["sideways"]}}, r"does not fit.*directions.*forward"),
        (
            {"split": {"train": [2000, 2006], "validation": [2005, 2009]}},
            r"does not fit.*split.*share years",
        ),
    ],
)
def test_a_mistake_in_an_experiment_is_named(
    tmp_path: Path, changes: dict[str, Any], pattern: str
) -> None:
    with pytest.raises(ConfigError, match=f"(?s){pattern}"):
        load_experiment(write_yaml(tmp_path / "e.yaml", **changes))


def test_a_missing_experiment_and_a_missing_cube(tmp_path: Path) -> None:
    with pytest.raises(MissingFileError):
        load_experiment(tmp_path / "none.yaml")
    with pytest.raises(AI4LandError, match=r"(?s)no cube here.*uk\.zarr.*build"):
        train(load_experiment(write_yaml(tmp_path / "e.yaml")), tmp_path / "run")
