"""Backbones without batch norm, which see each pixel alike in whatever batch it comes."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor, nn

from ai4land.models.networks import BACKBONES
from growth.backbone import Shallow, ShallowOptions


@dataclass(frozen=True, slots=True)
class ForgetfulOptions:
    """Shape of it.

    Attributes:
        width: Channels.
    """

    width: int = 8


class Forgetful(Shallow):
    """Draws at random in each step which channels it drops."""

    def __init__(self, channels: int, step_channels: int, options: ForgetfulOptions) -> None:
        super().__init__(channels, step_channels, ShallowOptions(options.width))
        self.options = options
        self.drop = nn.Dropout2d(0.5)

    def forward(self, features: Tensor, step: Tensor) -> Tensor:
        return self.drop(super().forward(features, step))


LIVELY = {"shallow": (Shallow, ShallowOptions), "forgetful": (Forgetful, ForgetfulOptions)}


def register() -> None:
    """Add them in this process."""
    BACKBONES.update(LIVELY)
