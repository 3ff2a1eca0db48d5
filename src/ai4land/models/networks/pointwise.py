"""Convolutions of one pixel as matrix products that need no change of memory layout."""

from __future__ import annotations

import torch
from torch import Tensor, nn

__all__ = ["Pointwise"]


class Pointwise(nn.Conv2d):
    """A 1 × 1 convolution that reads either memory layout and writes the one asked for.

    Args:
        channels_in: Channels of its input.
        channels_out: Channels of its output.
        bias: Whether it adds a constant.
        channels_last: Whether channels are the last axis in memory of the output, as the 3 × 3
            convolutions after it want them; otherwise the first, as what is done pixel by pixel
            with the prior.
    """

    def __init__(
        self, channels_in: int, channels_out: int, *, bias: bool = True, channels_last: bool = True
    ) -> None:
        super().__init__(channels_in, channels_out, 1, bias=bias)
        self.channels_last = channels_last

    def forward(self, values: Tensor) -> Tensor:
        """``(B, C, Y, X)`` → ``(B, D, Y, X)``."""
        batch, _, height, width = values.shape
        if values.is_contiguous():
            pixels = values.flatten(2).transpose(1, 2)  # (B, YX, C), a view in either layout
        else:
            pixels = values.permute(0, 2, 3, 1).flatten(1, 2)
        weight = self.weight.flatten(1)
        if self.channels_last:
            out = torch.bmm(pixels, weight.t().expand(batch, -1, -1))
            out = out if self.bias is None else out + self.bias
            return out.view(batch, height, width, -1).permute(0, 3, 1, 2)
        out = torch.bmm(weight.expand(batch, -1, -1), pixels.transpose(1, 2))
        out = out if self.bias is None else out + self.bias[:, None]
        return out.view(batch, -1, height, width)
