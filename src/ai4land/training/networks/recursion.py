"""Recursion in training: what a later step of a sample takes as its prior."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from ai4land.models import Inputs
from ai4land.models.networks import Network
from ai4land.samples import Assembler, Sample, own_shares_of
from ai4land.training.experiment import TrainingOptions

__all__ = ["Recursion"]

FloatArray = npt.NDArray[np.float32]
BoolArray = npt.NDArray[np.bool_]


@dataclass
class Recursion:
    """The predictions of a batch's earlier steps, as later steps see them.

    Args:
        batch: Stacked samples.
        network: Predicts.
        assembler: Knows how maps are read, and which forcing the own map feeds back on.
        options: What is fed back, with or without gradient, and how often the truth is.
        rng: Draws samples and the steps that are told the truth.
        progress: Share of the training that is done, 0…1.

    Attributes:
        own: Target → maps ``(B, K, y, x)`` after each earlier step, oldest first.
    """

    batch: Sample
    network: Network
    assembler: Assembler
    options: TrainingOptions
    rng: np.random.Generator
    progress: float = 0.0
    own: dict[str, list[FloatArray]] = field(default_factory=dict)
    _live: dict[str, tuple[Tensor, Tensor]] = field(default_factory=dict)

    def keep(self, step: int, found: Mapping[str, Tensor]) -> None:
        """Take what the network says of a step, to be shown to the next.

        Args:
            step: Which step, from 0.
            found: Target → what it predicts ``(B, K, y, x)``.
        """
        through = self.options.gradient == "through"
        told = self.rng.random(len(self.batch.calendar)) < self._teaching()
        for target in self.network.spec.targets:
            name = target.name
            values = found[name].detach().cpu().numpy()
            if target.categorical and self.options.feedback == "classes":
                values = _certain(values, values.argmax(axis=1))
            elif target.categorical and self.options.feedback == "samples":
                values = _certain(values, _drawn(values, self.rng))
            maps = self.batch.targets[name]
            # the truth of what must not be learned from stays untold
            truth = told[:, None, None] & maps.valid[:, step]
            if truth.any():
                encoded = self.assembler.codings[name].encoded(maps.targets[:, step])
                values = np.where(truth[:, None], encoded, values)
            self.own.setdefault(name, []).append(values)
            if through:
                moved = maps.moves[:, step, None, None]
                flows = maps.domain & moved & ~truth
                self._remember(name, found[name], flows, moved)

    def _teaching(self) -> float:
        """Share of samples whose next step is told the truth."""
        share = self.options.teacher_forcing
        first, last = share if isinstance(share, tuple) else (share, share)
        return first + (last - first) * min(max(self.progress, 0.0), 1.0)

    def _remember(self, name: str, values: Tensor, flows: BoolArray, moved: BoolArray) -> None:
        """Where the gradient of a prior flows back, and to what; as before where nothing moved."""
        device = values.device
        here = torch.from_numpy(np.broadcast_to(flows, flows.shape).copy()).to(device)[:, None]
        if name in self._live and not moved.all():
            still = ~torch.from_numpy(np.ascontiguousarray(moved)).to(device)[:, None]
            before, there = self._live[name]
            values = torch.where(still, before, values)
            here = torch.where(still, there, here)
        self._live[name] = values, here

    def alive(self, inputs: Inputs[Tensor]) -> Inputs[Tensor]:
        """The same inputs, whose priors carry the gradient of the steps that made them."""
        targets = dict(inputs.targets)
        for name, (values, here) in self._live.items():
            # adds zero, and the gradient of the prediction
            carried = torch.where(here, values - values.detach(), torch.zeros_like(values))
            targets[name] = targets[name]._replace(prior=targets[name].prior + carried)
        return inputs._replace(targets=targets)

    def own_forcing(self, forcing: FloatArray) -> FloatArray:
        """Forcing at the prior time as the network's own map of the bound target makes it.

        No gradient passes here: shares of coarse cells are told, as a forcing is.
        """
        name = self.assembler.spec.bound
        own = self.own.get(name)
        if not own:
            return forcing
        maps, done = self.batch.targets[name], len(own) - 1
        now = truth = self.assembler.codings[name].encoded(maps.targets[:, done])
        for step, values in enumerate(own):
            moved = maps.moves[:, step]
            now = values if moved.all() else np.where(moved[:, None, None, None], values, now)
        seen, channels = maps.valid[:, done], self.assembler.loop_channels
        return own_shares_of(forcing, self.batch, truth, now, seen, channels)


def _certain(values: FloatArray, classes: npt.NDArray[np.int64]) -> FloatArray:
    """Classes ``(B, y, x)`` as certain, ``(B, K, y, x)``, as a rollout on classes feeds them."""
    out = np.zeros_like(values)
    np.put_along_axis(out, classes[:, None], 1.0, axis=1)
    return out


def _drawn(values: FloatArray, rng: np.random.Generator) -> npt.NDArray[np.int64]:
    """A class of each pixel drawn from its probabilities, ``(B, y, x)``."""
    chance = np.cumsum(values, axis=1, dtype=np.float64)
    draw = rng.random((len(values), 1, *values.shape[2:])) * chance[:, -1:]
    return np.asarray((draw >= chance[:, :-1]).sum(axis=1))
