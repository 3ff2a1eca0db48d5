"""The network: encode, one backbone for all targets, a head for each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, cast

import torch
from torch import Tensor, nn

from ai4land.errors import ConfigError
from ai4land.models.inputs import Inputs, InputSpec, Seen
from ai4land.models.networks.backbones import Backbone
from ai4land.models.networks.encode import Encoder
from ai4land.models.networks.heads import ClassHead, LaterSteps, NumberHead
from ai4land.models.networks.loss_bias import LossBias
from ai4land.models.networks.normaliser import Normaliser

__all__ = ["Network", "NetworkOptions"]


@dataclass(frozen=True, slots=True)
class NetworkOptions:
    """What all networks have in common, whatever their backbone.

    Attributes:
        embedding: Channels of the embedding of each group of inputs.
        gate: Initial strength with which the visible prior stands, in units of its log-odds.
        demand: Initial strength of the expectation under the coarse net change, likewise; 0
            leaves it an input and no more.
        memory: Initial strength of the mean of the earlier maps, likewise.
        residual: Whether the prior stands at all; if not, it is an input and no more.
        densities: Radii in pixels of the squares around a pixel in which the classes of the
            visible prior are counted, as a group of inputs.
        surroundings: Initial strength with which the visible pixels of these squares stand for a
            hidden one, likewise; 0 leaves them an input and no more.
        ahead: Steps that one pass of the backbone may predict, each from the same prior.
        bias: What the loss of the training adds to the probabilities, and predictions are freed
            of; set by the trainer, and refused in an experiment.
    """

    embedding: int = 16
    gate: float = 0.8
    demand: float = 0.3
    memory: float = 0.1
    residual: bool = True
    densities: tuple[int, ...] = ()
    surroundings: float = 0.0
    ahead: int = 1
    bias: LossBias = field(default_factory=LossBias)

    def __post_init__(self) -> None:
        """Refuse impossible shapes."""
        positive = min(self.embedding, self.gate, self.ahead, *self.densities) > 0
        closed = min(self.demand, self.memory, self.surroundings) >= 0
        if not positive or not closed or (self.surroundings and not self.densities):
            raise ConfigError("Impossible network shape", found=asdict(self))
        if isinstance(self.bias, Mapping):  # as plain data has it
            object.__setattr__(self, "bias", LossBias(**self.bias))

    @property
    def gates(self) -> tuple[float, ...]:
        """Initial strengths of prior, expectation and memory, and of surroundings if they stand."""
        first = (self.gate if self.residual else 0.0, self.demand, self.memory)
        return (*first, self.surroundings) if self.surroundings else first


class Network(nn.Module):
    """Predicts every target as a change relative to a prior that it may see.

    Args:
        spec: The inputs.
        backbone: Makes its backbone for so many channels and step features.
        options: What does not depend on the backbone.
        name: Name of the backbone.
    """

    def __init__(
        self,
        spec: InputSpec,
        backbone: type[Backbone],
        shape: Any,  # noqa: ANN401
        options: NetworkOptions,
        name: str = "unet",
    ) -> None:
        super().__init__()
        self.spec, self.options, self.name, self.shape = spec, options, name, shape
        around = options.surroundings > 0
        self.encoder = Encoder(spec, options.embedding, options.densities, around=around)
        channels, steps = self.encoder.channels, self.encoder.step_channels
        self.backbone = backbone(channels, steps, shape)
        features = self.backbone.features
        self.later = LaterSteps(channels, steps, features) if options.ahead > 1 else None
        self.heads = nn.ModuleDict(
            {
                t.name: ClassHead(features, t.layers, options.gates, options.bias)
                if t.categorical
                else NumberHead(features, options.gates[0], t.activation)
                for t in spec.targets
            }
        )

    @property
    def multiple(self) -> int:
        """Height and width of its inputs must be multiples of this."""
        return self.backbone.multiple

    def to_dict(self) -> dict[str, Any]:
        """Architecture and options as plain data."""
        return {"name": self.name, **asdict(self.shape), **asdict(self.options)}

    def forward(self, inputs: Inputs[Tensor], steps: int = 1) -> dict[str, Tensor]:
        """Raw output of each target, ``(B, K, Y, X)``: logits, or normalised numbers.

        Height and width must be multiples of ``multiple``. A prior enters only where it is
        visible, so hidden pixels cannot change the output.

        Args:
            inputs: A batch. Of several steps first all windows for the first, then all for the
                next, each told of its own target time and of the prior they have in common.
            steps: Number of steps.

        Raises:
            ConfigError: If the network was not built for so many.
        """
        encoded = self.encoder(inputs)
        count = len(encoded.step) // steps
        features = self.backbone(encoded.features[:count], encoded.step[:count])
        if steps > 1:
            if self.later is None or steps > self.options.ahead:
                raise ConfigError(
                    "The network does not look so many steps ahead",
                    expected=f"at most {self.options.ahead}, as its option `ahead` says",
                    found=steps,
                )
            first = features.repeat(steps - 1, 1, 1, 1)
            later = self.later(first, encoded.features[count:], encoded.step[count:])
            features = torch.cat([features, later])
        return {n: head(features, encoded.targets[n]) for n, head in self.heads.items()}

    def activate(self, raw: Mapping[str, Tensor], inputs: Inputs[Tensor]) -> dict[str, Tensor]:
        """Raw output for given inputs as probabilities or physical values."""
        return {name: self._activated(name, values, inputs) for name, values in raw.items()}

    def values(self, inputs: Inputs[Tensor], steps: int = 1) -> dict[str, Tensor]:
        """Prediction ``(B, K, Y, X)`` of each target: probabilities, or physical units.

        Classes that were never seen to follow the visible prior get none, see ``Transitions``.
        Inputs and steps are as for ``forward``.
        """
        found = {}
        for name, raw in self(inputs, steps).items():
            head = self.heads[name]
            if isinstance(head, ClassHead):
                backward = inputs.calendar[:, self._length_of(name)] < 0
                parts = zip(
                    raw.chunk(steps),
                    zip(*(part.chunk(steps) for part in inputs.targets[name]), strict=True),
                    backward.chunk(steps),
                    range(1, steps + 1),
                    strict=True,
                )
                one = [head.predict(r, Seen(*seen), b, step) for r, seen, b, step in parts]
                found[name] = torch.cat(one) if steps > 1 else one[0]
            else:
                found[name] = self._activated(name, raw, inputs)
        return found

    def scale(self, name: str) -> Normaliser:
        """The normaliser of a number."""
        return cast("Normaliser", self.encoder.target_scales[name])

    def transitions(self) -> dict[str, Any]:
        """Which class followed which, of each map of classes."""
        return {n: h.transitions for n, h in self.heads.items() if isinstance(h, ClassHead)}

    def _activated(self, name: str, raw: Tensor, inputs: Inputs[Tensor]) -> Tensor:
        head = self.heads[name]
        if isinstance(head, ClassHead):
            return head.activate(raw, inputs.targets[name])
        return cast("NumberHead", head).activate(raw, self.scale(name))

    def _length_of(self, name: str) -> int:
        """Which calendar feature says how far a target moves."""
        names = self.spec.calendar
        own = f"years/{name}"
        return names.index(own) if own in names else names.index("years")
