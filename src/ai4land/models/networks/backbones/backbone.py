"""What every backbone is."""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn

__all__ = ["Backbone"]


class Backbone(nn.Module):
    """Turns encoded features into features as fine, knowing the step.

    Args:
        channels: Channels of its input.
        step_channels: Features of the step.
        options: Its own options.

    Attributes:
        features: Channels of its output.
        multiple: Height and width of its input must be multiples of this.
    """

    features: int
    multiple: int

    def __init__(self, channels: int, step_channels: int, options: Any) -> None:  # noqa: ANN401
        super().__init__()

    def forward(self, features: Tensor, step: Tensor) -> Tensor:
        """``(B, C, Y, X)`` and ``(B, F)`` → ``(B, D, Y, X)``."""
        raise NotImplementedError
