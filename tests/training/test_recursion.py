"""Recursion in training: what is fed back, with which gradient, and how often the truth is."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pytest
import torch
from pydantic import ValidationError
from torch import Tensor, nn

from ai4land.cube import Cube
from ai4land.models import Inputs
from ai4land.models.networks import Network
from ai4land.samples import Assembler, CubeDrivers, Labels, Sample, SampleOptions, Sampler, stack
from ai4land.training import TrainingOptions
from ai4land.training.networks.loss import class_loss, sample_loss
from ai4land.vocabulary import LAND_USE, Direction
from network_inputs import lively_network
from tiny_cubes import FINE
from tiny_rollouts import assembler_of

LAND = "land_use"


@pytest.fixture(scope="module")
def assembler(tiny_cube: Cube) -> Assembler:
    return assembler_of(tiny_cube, ("land_use_fractions", "luh2_states"))


def batch_of(assembler: Assembler, steps: int = 2, count: int = 4, west: int = 0) -> Sample:
    """Samples of several steps; what lies west of a column must not be learned from."""
    options = SampleOptions(
        window=16, recursion=steps, directions=tuple(Direction), augment=False, changed_share=1.0
    )
    mask = np.ones(FINE.shape, dtype=bool)
    mask[:, :west] = False
    assert isinstance(assembler.drivers, CubeDrivers)
    labels = {LAND: Labels(assembler.drivers.cube, LAND_USE.targets[0])}
    sampler = Sampler(assembler, labels, options, (2000, 2011), mask)
    return stack([sampler.draw(np.random.default_rng([4, k])) for k in range(count)])


class Spy(nn.Module):
    """Passes inputs on and keeps them, and what comes of them."""

    def __init__(self, network: Network) -> None:
        super().__init__()
        self.network = network
        self.shown: list[Inputs[Tensor]] = []
        self.said: list[Mapping[str, Tensor]] = []

    def forward(self, inputs: Inputs[Tensor]) -> Mapping[str, Tensor]:
        self.shown.append(inputs)
        self.said.append(self.network(inputs))
        return self.said[-1]


def spied(
    assembler: Assembler, batch: Sample, options: TrainingOptions, seed: int = 0, at: float = 0.0
) -> tuple[Spy, Tensor]:
    network = lively_network(assembler.spec)
    spy = Spy(network)
    rng = np.random.default_rng(seed)
    return spy, sample_loss(spy, network, batch, assembler, options, rng=rng, progress=at)


def loss_of(spy: Spy, batch: Sample, step: int) -> Tensor:
    raw, seen = spy.said[step][LAND], spy.shown[step].targets[LAND]
    found = spy.network.activate(spy.said[step], spy.shown[step])[LAND]
    return class_loss(raw, found, seen, batch.targets[LAND], step, TrainingOptions())


def test_the_gradient_flows_through_only_if_asked(assembler: Assembler) -> None:
    batch = batch_of(assembler, steps=3)
    gradients, losses = {}, {}
    for kind in ("pushforward", "through"):
        options = TrainingOptions(feedback="probabilities", gradient=kind)
        spy, loss = spied(assembler, batch, options)
        first = spy.said[0][LAND]
        # of the last step alone: what the first step hears of it
        last = loss_of(spy, batch, 2)
        (found,) = torch.autograd.grad(last, [first], allow_unused=True, retain_graph=True)
        gradients[kind] = found
        losses[kind] = float(loss.detach())
    assert losses["through"] == pytest.approx(losses["pushforward"], abs=1e-6)
    assert gradients["pushforward"] is None
    found = gradients["through"]
    assert found is not None
    assert torch.isfinite(found).all()
    assert float(found.abs().sum()) > 0
    sea = torch.from_numpy(~batch.targets[LAND].domain)[:, None]
    assert float((found.abs() * sea).sum()) == 0.0, "the sea is not the network's"


def test_the_gradient_through_is_that_of_the_loss(assembler: Assembler) -> None:
    """A finite difference of the second step's loss along the first step's prediction."""
    batch = batch_of(assembler, count=2)
    options = TrainingOptions(feedback="probabilities", gradient="through")
    spy, _ = spied(assembler, batch, options)
    maps = batch.targets[LAND]
    second = loss_of(spy, batch, 1)
    prior = spy.shown[1].targets[LAND].prior
    (slope,) = torch.autograd.grad(second, [prior], retain_graph=True)
    first = spy.network.activate(spy.said[0], spy.shown[0])[LAND]
    way = torch.randn(first.shape, generator=torch.Generator().manual_seed(0))
    way *= torch.from_numpy(maps.domain)[:, None]
    (through,) = torch.autograd.grad(second, [spy.said[0][LAND]])
    moved = spy.said[0][LAND].detach() + 1e-3 * way
    exact = (
        (spy.network.activate({LAND: moved}, spy.shown[0])[LAND] - first.detach()) / 1e-3 * slope
    ).sum()
    assert float((through * way).sum()) == pytest.approx(float(exact), rel=0.02)


def test_classes_have_no_gradient() -> None:
    for feedback in ("classes", "samples"):
        with pytest.raises(ValidationError, match=r"feedback: probabilities.*no gradient"):
            TrainingOptions(gradient="through", feedback=feedback)


def test_teacher_forcing_shows_the_truth_where_it_may(assembler: Assembler) -> None:
    west = 24
    batch = batch_of(assembler, west=west)
    maps = batch.targets[LAND]
    assert maps.valid[:, 0].any()
    assert (~maps.valid[:, 0] & maps.domain).any()
    truth = torch.from_numpy(assembler.codings[LAND].encoded(maps.targets[:, 0]))
    told = torch.from_numpy(maps.valid[:, 0])
    own, _ = spied(assembler, batch, TrainingOptions(teacher_forcing=0.0))
    forced, _ = spied(assembler, batch, TrainingOptions(teacher_forcing=1.0))
    alone, taught = (spy.shown[1].targets[LAND].prior for spy in (own, forced))
    differs = (taught != truth).any(dim=1)
    assert not (differs & told).any()
    # held-out land keeps the network's own map
    assert torch.equal(taught.movedim(1, -1)[~told], alone.movedim(1, -1)[~told])
    assert ((alone != truth).any(dim=1) & told).any()
    # a forcing made of the own map is the true one where the map is the truth
    everywhere = batch_of(assembler)
    spy, _ = spied(assembler, everywhere, TrainingOptions(teacher_forcing=1.0))
    true = torch.from_numpy(everywhere.forcing[:, 1])
    torch.testing.assert_close(spy.shown[1].forcing_prior, true, equal_nan=True)


def test_teacher_forcing_follows_a_schedule(assembler: Assembler) -> None:
    batch = batch_of(assembler, count=8)
    truth = torch.from_numpy(assembler.codings[LAND].encoded(batch.targets[LAND].targets[:, 0]))
    told = torch.from_numpy(batch.targets[LAND].valid[:, 0])
    options = TrainingOptions(teacher_forcing=(1.0, 0.0))

    def share(at: float) -> float:
        """Share of samples in which the second step is told the truth."""
        found = []
        for seed in range(6):
            prior = spied(assembler, batch, options, seed, at)[0].shown[1].targets[LAND].prior
            wrong = ((prior != truth).any(dim=1) & told).flatten(1).any(dim=1)
            found.append(~wrong)
        return float(torch.stack(found).float().mean())

    assert share(0.0) == 1.0
    assert 0.25 < share(0.5) < 0.75
    assert share(1.0) < 0.05


def test_samples_are_drawn_from_the_probabilities(assembler: Assembler) -> None:
    batch = batch_of(assembler, count=2)
    options = TrainingOptions(feedback="samples")
    exists = torch.from_numpy(batch.targets[LAND].domain)
    total = torch.zeros(2, 8, 16, 16)
    for seed in range(60):
        spy, _ = spied(assembler, batch, options, seed)
        prior = spy.shown[1].targets[LAND].prior
        certain = prior.movedim(1, -1)[exists]
        assert torch.equal(certain.sum(-1), torch.ones(len(certain)))
        assert torch.equal(certain, certain.round())
        total += prior / 60
    own = spy.network.activate(spy.said[0], spy.shown[0])[LAND].detach()
    # pixels together: the mean of many independent draws
    for k in range(8):
        found, expected = total[:, k][exists].mean(), own[:, k][exists].mean()
        assert float(found) == pytest.approx(float(expected), abs=0.01)
    again = spied(assembler, batch, options, 59)[0].shown[1].targets[LAND].prior
    assert torch.equal(again, prior), "the same seed, the same draw"
    assert options.handed_on == "classes", "a rollout takes its map"


def test_a_weighted_sample_counts_its_weight(assembler: Assembler) -> None:
    batch = batch_of(assembler, steps=1)
    network = lively_network(assembler.spec)

    def loss(weight: list[float]) -> float:
        counted = batch.map(
            lambda name, values: np.array(weight, np.float32) if name == "weight" else values
        )
        found = sample_loss(network, network, counted, assembler, TrainingOptions())
        return float(found.detach())

    parts = [loss(np.eye(4)[k].tolist()) for k in range(4)]
    assert min(parts) > 0
    assert loss([1.0] * 4) == pytest.approx(sum(parts), rel=1e-5)
    assert loss([2.0, 0.5, 0.0, 1.0]) == pytest.approx(
        2 * parts[0] + 0.5 * parts[1] + parts[3], rel=1e-5
    )
