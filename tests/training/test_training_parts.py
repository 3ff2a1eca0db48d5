"""The parts of a training: loss, recursion, statistics, and the file that asks for it."""

from __future__ import annotations

import itertools
import math
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
from ai4land.grid import Window
from ai4land.models import Inputs, UNet
from ai4land.samples import (
    Corruption,
    Sample,
    SampleOptions,
    Sampler,
    WindowReader,
    input_spec,
    probabilities,
    stack,
)
from ai4land.training import TrainingOptions, load_experiment, train
from ai4land.training.loss import sample_loss, step_loss
from ai4land.training.statistics import fit_normalisers
from ai4land.training.validation import validate
from ai4land.vocabulary import LAND_USE, NO_DATA, Clock, Direction, variable
from experiments import SMALL
from network_inputs import OPTIONS, lively_network
from tiny_cubes import FINE, LANDUSE8, LEAF_AREA, write_cube, write_leaf_cube

EVERYWHERE = np.ones(FINE.shape, dtype=bool)
PLAIN = TrainingOptions(changed_weight=0.0)


def tiny_sample(before: list[int], truth: list[int], valid: list[bool]) -> Sample:
    """One row of pixels, one step, no drivers."""
    shape = (1, 1, len(before))
    start = np.array(before, np.uint8).reshape(shape)
    allowed = np.array(valid).reshape(shape)
    return Sample(
        prior=start,
        visible=allowed,
        domain=allowed,
        forcing=np.zeros((1, 2, 0, *shape[1:]), np.float32),
        wanted=np.zeros((1, 1, 0, *shape[1:]), np.float32),
        static=np.zeros((1, 0, *shape[1:]), np.float32),
        zones=np.zeros((1, 0, *shape[1:]), np.int64),
        targets=np.array(truth, np.uint8).reshape(1, *shape),
        before=start,
        history=np.zeros((1, 0, *shape[1:]), np.uint8),
        history_visible=np.zeros((1, 0, *shape[1:]), dtype=bool),
        valid=allowed[None],
        cell=np.zeros(shape, np.int64),
        cell_share=np.zeros(shape, np.float32),
        years=np.ones((1, 1), np.float32),
    )


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
    found = step_loss(raw, torch.ones(0), sample, 0, weight)
    assert float(found) == pytest.approx(all_pixels + weight * changed, rel=1e-5)


def test_the_loss_of_numbers_is_in_spreads() -> None:
    sample = tiny_sample([0, 0, 0], [0, 0, 0], [True, True, False])
    before = np.array([[[1.0, 2.0, np.nan]]], np.float32)
    truth = np.array([[[[1.0, 3.0, np.nan]]]], np.float32)
    sample = replace(sample, before=before, prior=before, targets=truth)
    said = torch.tensor([[[[2.0, 3.5, 9.0]]]])
    plain = step_loss(said, torch.tensor([0.5]), sample, 0, 0.0)
    assert float(plain) == pytest.approx((4.0 + 1.0) / 2)
    weighted = step_loss(said, torch.tensor([0.5]), sample, 0, 3.0)
    assert float(weighted) == pytest.approx((4.0 + 1.0) / 2 + 3.0 * 1.0 / 2)


def test_change_of_a_later_step_is_since_the_step_before() -> None:
    sample = tiny_sample([0, 0], [1, 1], [True, True])
    twice = replace(
        sample,
        targets=np.array([[[[1, 1]], [[1, 0]]]], np.uint8),
        valid=np.ones((1, 2, 1, 2), dtype=bool),
    )
    raw = torch.zeros(1, 2, 1, 2)
    # everything costs ln 2; in the second step one of two pixels changed, in the first both
    assert float(step_loss(raw, torch.ones(0), twice, 0, 1.0)) == pytest.approx(2 * math.log(2))
    assert float(step_loss(raw, torch.ones(0), twice, 1, 1.0)) == pytest.approx(1.5 * math.log(2))


def test_a_window_without_valid_pixels_costs_nothing() -> None:
    sample = tiny_sample([NO_DATA, 0], [NO_DATA, 0], [False, False])
    raw = torch.randn(1, 3, 1, 2, generator=torch.Generator().manual_seed(0))
    assert float(step_loss(raw, torch.ones(0), sample, 0, 1.0)) == 0.0


def reader_of(cube: Cube, history: int = 0) -> WindowReader:
    spec = input_spec(cube, LAND_USE, ("land_use_fractions", "luh2_states"), (), history)
    return WindowReader(cube, LAND_USE, spec)


def batch_of(reader: WindowReader, mask: npt.NDArray[np.bool_], recursion: int = 2) -> Sample:
    options = SampleOptions(
        window=16,
        recursion=recursion,
        directions=(Direction.FORWARD, Direction.BACKWARD),
        history=reader.spec.history,
        history_drop=0.0,
        augment=False,
        corruption=Corruption(hide_probability=1.0, hide_share=0.4, noise=0.1),
    )
    sampler = Sampler(reader, options, (2000, 2011), mask)
    return stack([sampler.draw(np.random.default_rng([1, k])) for k in range(4)])


class _Spy(nn.Module):
    """Passes inputs on and keeps them."""

    def __init__(self, network: UNet) -> None:
        super().__init__()
        self.network = network
        self.shown: list[Inputs] = []

    def forward(self, inputs: Inputs) -> Tensor:
        self.shown.append(inputs)
        return self.network(inputs)  # type: ignore[no-any-return]


@pytest.mark.parametrize("feedback", ["classes", "probabilities"])
def test_later_steps_see_the_networks_own_prediction(tiny_cube: Cube, feedback: str) -> None:
    reader = reader_of(tiny_cube)
    batch = batch_of(reader, EVERYWHERE, recursion=3)
    options = TrainingOptions(feedback=feedback)
    exists = torch.from_numpy(batch.domain)[:, None]
    seconds = []
    for seed in (1, 2):
        network = lively_network(reader.spec, seed=seed)
        spy = _Spy(network)
        sample_loss(spy, network, batch, reader, options)
        assert len(spy.shown) == 3
        for before, after in itertools.pairwise(spy.shown):
            own = network.activate(network(before)).detach()
            if feedback == "classes":
                own = torch.nn.functional.one_hot(own.argmax(1), 8).movedim(-1, 1).float()
            wrong = (after.prior - own).abs().amax(dim=1, keepdim=True) > 1e-4
            assert not (wrong & exists).any()
        # the forcing made of the classes follows the own map, the other drivers do not
        truth = torch.from_numpy(batch.forcing[:, 1])
        assert not torch.allclose(spy.shown[1].forcing_prior[:, :8], truth[:, :8], atol=1e-3)
        assert torch.equal(spy.shown[1].forcing_prior[:, 8:], truth[:, 8:])
        seconds.append(spy.shown[1].prior)
    assert not torch.equal(*seconds), "another network, another second step"


def test_gradients_stay_within_a_step(tiny_cube: Cube) -> None:
    """Fed-back predictions carry no gradient, so memory is that of one step."""
    reader = reader_of(tiny_cube)
    batch = batch_of(reader, EVERYWHERE)
    network = lively_network(reader.spec)
    spy = _Spy(network)
    options = TrainingOptions(feedback="probabilities")
    loss = sample_loss(spy, network, batch, reader, options)
    assert loss.requires_grad
    assert not any(x.requires_grad for inputs in spy.shown for x in inputs)


@pytest.mark.parametrize("history", [0, 2])
def test_hidden_and_held_out_truth_cannot_reach_the_loss(tiny_cube: Cube, history: int) -> None:
    """Nor the inputs of any step: not the prior, its feedback, nor the history."""
    mask = np.zeros(FINE.shape, dtype=bool)
    mask[:, 14:32] = True
    reader = reader_of(tiny_cube, history)
    batch = batch_of(reader, mask, recursion=3)
    rng = np.random.default_rng(0)

    def scramble(classes: npt.NDArray[Any], where: npt.NDArray[np.bool_]) -> npt.NDArray[Any]:
        return np.where(where, rng.integers(1, 8, classes.shape), classes).astype(np.uint8)

    exists = batch.domain
    held = exists & ~batch.valid.any(axis=1)
    assert held.any()
    assert (~batch.visible & batch.valid[:, 0]).any()
    altered = replace(
        batch,
        prior=scramble(batch.prior, ~batch.visible),
        before=scramble(batch.before, held),
        targets=scramble(batch.targets, held[:, None] & exists[:, None]),
        history=scramble(batch.history, ~batch.history_visible),
    )
    for name in ("prior", "before", "targets", *(["history"] if history else [])):
        assert (getattr(batch, name) != getattr(altered, name)).any(), name
    network = lively_network(reader.spec)
    for options in (TrainingOptions(changed_weight=2.0), TrainingOptions(feedback="probabilities")):
        losses, shown = [], []
        for sample in (batch, altered):
            spy = _Spy(network)
            losses.append(sample_loss(spy, network, sample, reader, options))
            shown.append(spy.shown)
        assert torch.equal(losses[0], losses[1])
        for one, two in zip(*shown, strict=True):
            assert torch.equal(network(one), network(two))


def test_visible_truth_does_reach_the_loss(tiny_cube: Cube) -> None:
    """Guards the test above."""
    reader = reader_of(tiny_cube)
    batch = batch_of(reader, EVERYWHERE)
    network = lively_network(reader.spec)
    loss = sample_loss(network, network, batch, reader, PLAIN)
    other = np.where(batch.visible & batch.domain, (batch.prior + 1) % 8, batch.prior)
    changed = replace(batch, prior=other.astype(np.uint8))
    assert not torch.equal(loss, sample_loss(network, network, changed, reader, PLAIN))


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
    spec = input_spec(cube, LAND_USE, ("population_density",), ("elevation",))
    reader = WindowReader(cube, LAND_USE, spec)
    options = SampleOptions(window=24, recursion=1, directions=(Direction.FORWARD,))
    sampler = Sampler(reader, options, (2000, 2002), mask)
    network = UNet(spec, OPTIONS)
    fit_normalisers(network, sampler, np.random.default_rng(0))
    # half the pixels lie at 100 m and half at 300 m, drawn evenly but for chance
    assert float(network.static_scale.mean) == pytest.approx(200, abs=40)
    assert float(network.static_scale.spread) == pytest.approx(100, abs=10)
    # the forcing at the first times is 10 or 20, it always rises by 10
    assert 10 < float(network.forcing_scale.mean) < 20
    assert float(network.forcing_scale.spread) == pytest.approx(5, abs=0.5)
    assert float(network.change_scale.mean) == 0.0
    assert float(network.change_scale.spread) == pytest.approx(10, abs=1e-3)
    again = UNet(spec, OPTIONS)
    fit_normalisers(again, sampler, np.random.default_rng(0))
    assert torch.equal(again.static_scale.mean, network.static_scale.mean)


def test_validation_without_a_pixel_is_an_error(tiny_cube: Cube) -> None:
    reader = reader_of(tiny_cube)
    sea = np.zeros(FINE.shape, dtype=bool)
    sea[:, :4] = True
    sampler = Sampler(reader, SampleOptions(window=16), (2000, 2003), sea)
    network = lively_network(reader.spec)
    with pytest.raises(SampleError, match="No pixel can be validated"):
        validate(network, sampler, torch.device("cpu"), 10)


@torch.inference_mode()
def test_validation_scores_what_persistence_scores(tiny_cube: Cube) -> None:
    """Over the whole area, each window once: persistence is the share that did not change."""
    reader = reader_of(tiny_cube)
    sampler = Sampler(reader, SampleOptions(window=16), (2004, 2006), EVERYWHERE)
    network = UNet(reader.spec, OPTIONS).eval()
    found = validate(network, sampler, torch.device("cpu"), 10_000)
    maps = {y: tiny_cube.read("land_use", y) for y in (2004, 2005)}
    land = (maps[2004] != 0) & (maps[2004] != NO_DATA)
    same = float((maps[2004] == maps[2005])[land].mean())
    assert found.values["persistence_accuracy"] == pytest.approx(same)
    assert found.values["observed_change"] == pytest.approx(1 - same)


def test_months_are_validated_against_persistence(tmp_path: Path) -> None:
    months = tuple(range(24000, 24004))
    cube = write_leaf_cube(tmp_path / "c.zarr", months)
    reader = WindowReader(cube, LEAF_AREA, input_spec(cube, LEAF_AREA, (), ()))
    mask = np.ones((24, 32), dtype=bool)
    sampler = Sampler(reader, SampleOptions(window=16, recursion=1), (24000, 24001), mask)
    with torch.inference_mode():
        found = validate(lively_network(reader.spec), sampler, torch.device("cpu"), 100)
    one, two = (cube.read("leaf_area_index", t) for t in months[:2])
    expected = float(np.nanmean((one - two) ** 2))
    assert found.values["persistence_mean_square"] == pytest.approx(expected, rel=1e-4)
    assert found.score == pytest.approx(1 - found.values["mean_square"] / expected, rel=1e-4)
    assert found.stay == 0.0


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
            {"samples": {"corruption": {"hideshare": 0.5}}},
            r"Unknown key.*corruption\.hideshare.*mean 'hide_share'",
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


def test_probabilities_of_a_sample_are_its_classes(tiny_cube: Cube) -> None:
    batch = batch_of(reader_of(tiny_cube), EVERYWHERE)
    found = probabilities(batch.before, 8)
    np.testing.assert_array_equal(found.sum(dim=1), batch.before != NO_DATA)
    assert Window(0, 0, 16, 16).shape == found.shape[-2:]
