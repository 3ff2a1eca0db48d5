"""A new network: a backbone that looks at a pixel and its neighbours, and no further."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor, nn

from ai4land.models.networks import Backbone


@dataclass(frozen=True, slots=True)
class ShallowOptions:
    """Shape of it.

    Attributes:
        width: Channels.
    """

    width: int = 8


class Shallow(Backbone):
    """One convolution, shifted by the step."""

    multiple = 1

    def __init__(self, channels: int, step_channels: int, options: ShallowOptions) -> None:
        super().__init__(channels, step_channels, options)
        self.features = options.width
        self.look = nn.Conv2d(channels, options.width, 3, padding=1)
        self.shift = nn.Linear(step_channels, options.width)

    def forward(self, features: Tensor, step: Tensor) -> Tensor:
        """``(B, C, Y, X)`` and ``(B, F)`` → ``(B, width, Y, X)``."""
        found = self.look(features) + self.shift(step)[:, :, None, None]
        return nn.functional.silu(found)
