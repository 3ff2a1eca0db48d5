"""The normaliser: statistics of the training split, kept inside the network as buffers."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from ai4land.errors import SampleError

__all__ = ["Normaliser"]

_MIN_SPREAD = 1e-6


class Normaliser(nn.Module):
    """Shifts and scales named channels; its inverse returns physical units.

    Attributes:
        mean: ``(C,)`` means of the training split, physical units.
        spread: ``(C,)`` standard deviations, floored so that a constant channel becomes 0.
    """

    mean: Tensor
    spread: Tensor

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(channels))
        self.register_buffer("spread", torch.ones(channels))

    def fit(self, mean: Tensor, spread: Tensor) -> None:
        """Set the statistics, each ``(C,)``.

        Raises:
            SampleError: If they are not finite or of another size.
        """
        if mean.shape != self.mean.shape or not (
            torch.isfinite(mean).all() and torch.isfinite(spread).all()
        ):
            raise SampleError(
                "Unusable statistics for the normaliser",
                expected=f"{self.mean.numel()} finite means and spreads",
                found=f"{mean.tolist()}, {spread.tolist()}",
            )
        self.mean.copy_(mean)
        self.spread.copy_(spread.clamp(min=_MIN_SPREAD))

    def forward(self, values: Tensor) -> Tensor:
        """Physical values ``(B, C, Y, X)`` → normalised; missing (NaN) → 0, the mean."""
        scaled = values - self.mean[:, None, None]
        return scaled.div_(self.spread[:, None, None]).nan_to_num_(nan=0.0)

    def inverse(self, values: Tensor) -> Tensor:
        """Normalised values ``(B, C, Y, X)`` → physical."""
        return values * self.spread[:, None, None] + self.mean[:, None, None]
