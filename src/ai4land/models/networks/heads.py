"""Heads: from the backbone's features to one target, as change relative to its prior."""

from __future__ import annotations

from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ai4land.models.inputs import Seen
from ai4land.models.networks.encode import TargetView
from ai4land.models.networks.expectation import log_odds
from ai4land.models.networks.loss_bias import LossBias, change_weights, unbiased
from ai4land.models.networks.normaliser import Normaliser
from ai4land.models.networks.pointwise import Pointwise
from ai4land.models.networks.transitions import Transitions

__all__ = ["ClassHead", "LaterSteps", "NumberHead"]


class _Head(nn.Module):
    """A correction, and gates with which what is known beforehand stands.

    Args:
        features: Channels of the backbone's output.
        layers: Channels of the target.
        gates: Initial strengths; the first is that of the visible prior. 0 closes a gate for good.
    """

    def __init__(self, features: int, layers: int, gates: tuple[float, ...]) -> None:
        super().__init__()
        self.open = tuple(gate > 0 for gate in gates)
        self.correction = Pointwise(features, layers, channels_last=False)
        self.gates = Pointwise(features, len(gates), channels_last=False)
        for layer in (self.correction, self.gates):
            nn.init.zeros_(layer.weight)
        nn.init.zeros_(cast("Tensor", self.correction.bias))
        with torch.no_grad():  # softplus⁻¹, so that the untrained network is persistence
            start = torch.tensor([gate or 1.0 for gate in gates])
            cast("Tensor", self.gates.bias).copy_(torch.log(torch.expm1(start)))


class ClassHead(_Head):
    """Logits of classes, as a correction of what is known beforehand.

    ``correction + gate · log-odds(prior) + gate' · log-odds(expectation) + gate'' · log-odds(mean
    of earlier maps) + gate* · log-odds(surroundings)``. The first gate is open where the prior is
    visible, so that doing nothing costs nothing, the last where it is hidden. The memory lets a
    flickering pixel return to what it was. What never followed a class in training gets no
    probability, see ``Transitions``.

    Args:
        features: Channels of the backbone's output.
        layers: Number of classes.
        gates: Initial strengths of prior, expectation and memory, and of what lies around a hidden
            pixel if it stands at all; 0 closes one for good.
        bias: What the loss of its training adds to the probabilities, see ``LossBias``.
    """

    def __init__(
        self, features: int, layers: int, gates: tuple[float, ...], bias: LossBias
    ) -> None:
        super().__init__(features, layers, gates)
        self.transitions = Transitions(layers)
        self.bias = bias

    def forward(self, features: Tensor, view: TargetView) -> Tensor:
        """Logits ``(B, K, Y, X)``."""
        gates = F.softplus(self.gates(features))
        raw = self.correction(features)
        if self.open[0]:
            raw = raw + gates[:, :1] * view.visible * log_odds(view.seen)
        if view.expected is not None and self.open[1]:
            raw = raw + gates[:, 1:2] * log_odds(view.expected)
        if view.memory is not None and view.remembered is not None and self.open[2]:
            raw = raw + gates[:, 2:3] * view.remembered * log_odds(view.memory)
        if view.around is not None and len(self.open) > 3:
            raw = raw + gates[:, 3:] * log_odds(view.around)
        if weight := self.bias.changed_weight:
            # what predictions are freed of stands from the start, and need not be learned
            raw = raw + torch.log(change_weights(view.seen, view.visible, weight))
        return cast("Tensor", raw)

    def activate(self, raw: Tensor, seen: Seen[Tensor]) -> Tensor:
        """Probabilities ``(B, K, Y, X)``, free of what the loss of the training adds to them."""
        return unbiased(raw, seen, self.bias)

    def predict(self, raw: Tensor, seen: Seen[Tensor], backward: Tensor, steps: int = 1) -> Tensor:
        """As ``activate``, without what never followed the visible prior.

        Args:
            raw: ``(B, K, Y, X)`` logits.
            seen: What the model saw of the target.
            backward: Whether the step goes backward, ``(B,)``.
            steps: Steps from the prior to what is predicted.
        """
        return self.transitions.allow(self.activate(raw, seen), seen, backward, steps)


class NumberHead(_Head):
    """A normalised number: ``correction + gate · prior``, then the activation in physical units.

    Args:
        features: Channels of the backbone's output.
        gate: Initial strength of the visible prior.
        activation: ``softplus``, ``sigmoid`` or ``identity``.
    """

    def __init__(self, features: int, gate: float, activation: str) -> None:
        super().__init__(features, 1, (gate,))
        self.activation = activation

    def forward(self, features: Tensor, view: TargetView) -> Tensor:
        """Normalised values ``(B, 1, Y, X)``."""
        raw = self.correction(features)
        if self.open[0]:
            raw = raw + F.softplus(self.gates(features)) * view.visible * view.seen
        return cast("Tensor", raw)

    def activate(self, raw: Tensor, scale: Normaliser) -> Tensor:
        """Physical values ``(B, 1, Y, X)``."""
        values = scale.inverse(raw)
        if self.activation == "softplus":
            return F.softplus(values)
        return torch.sigmoid(values) if self.activation == "sigmoid" else values


class LaterSteps(nn.Module):
    """Features of a later step, from those of the first and from what is told of its own time.

    Pixel by pixel: what lies around is seen by the backbone, once for all steps.

    Args:
        channels: Channels of the encoded features.
        step_channels: Features of the step.
        features: Channels of the backbone's output.
    """

    def __init__(self, channels: int, step_channels: int, features: int) -> None:
        super().__init__()
        self.look = Pointwise(channels, features)
        self.embed_step = nn.Linear(step_channels, features)
        self.add = Pointwise(features, features)
        nn.init.zeros_(self.add.weight)  # an untrained later step is the first, told of its time
        nn.init.zeros_(cast("Tensor", self.add.bias))

    def forward(self, first: Tensor, encoded: Tensor, step: Tensor) -> Tensor:
        """``(B, D, Y, X)``, ``(B, C, Y, X)`` and ``(B, F)`` → ``(B, D, Y, X)``."""
        own = self.look(encoded) + self.embed_step(step)[:, :, None, None]
        return cast("Tensor", first + self.add(F.silu(first + own)))
