"""What backbones are made of: convolutions with a norm, and self-attention."""

from __future__ import annotations

import math
from typing import Literal, cast

import torch.nn.functional as F
from torch import Tensor, nn

__all__ = ["ConvBlock", "Norm", "TransformerBlock", "embed_step", "norm_of"]

Norm = Literal["batch", "group"]
_GROUPS = 8  # of channels that a group norm keeps together, at most


def norm_of(norm: Norm, channels: int) -> nn.Module:
    """A norm of convolutional features.

    Batch norm is one affine map per channel at inference, so tiles cannot see each other. Group
    norm (Wu & He 2018, doi:10.1007/978-3-030-01261-8_1) does not depend on the size of the batch,
    but takes its statistics from the whole window: a tile then depends on how it was cut.
    """
    if norm == "batch":
        return nn.BatchNorm2d(channels)
    return nn.GroupNorm(math.gcd(_GROUPS, channels), channels)


class ConvBlock(nn.Sequential):
    """Convolutions with a norm and SiLU, as large as their input.

    Args:
        channels_in: Channels of its input.
        channels_out: Channels of its output.
        count: Number of convolutions.
        norm: Of each.
        kernel: Side of each, odd.
        dilation: Distance in pixels between the weights of a kernel.
    """

    def __init__(
        self,
        channels_in: int,
        channels_out: int,
        *,
        count: int = 2,
        norm: Norm = "batch",
        kernel: int = 3,
        dilation: int = 1,
    ) -> None:
        layers: list[nn.Module] = []
        for c in (channels_in, *(channels_out,) * (count - 1)):
            reach = dilation * (kernel // 2)
            layers += [
                nn.Conv2d(c, channels_out, kernel, padding=reach, dilation=dilation, bias=False),
                norm_of(norm, channels_out),
                nn.SiLU(inplace=True),
            ]
        super().__init__(*layers)


class TransformerBlock(nn.Module):
    """Self-attention and a perceptron, each on normalised tokens and added to them.

    Vaswani et al. 2017 (arXiv:1706.03762), with the norm first (Xiong et al. 2020,
    arXiv:2002.04745).

    Args:
        width: Channels of a token.
        heads: Heads of the attention; they divide ``width``.
    """

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.norm_attention = nn.LayerNorm(width)
        self.query_key_value = nn.Linear(width, 3 * width)
        self.project = nn.Linear(width, width)
        self.norm_perceptron = nn.LayerNorm(width)
        self.perceptron = nn.Sequential(
            nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width)
        )

    def forward(self, tokens: Tensor) -> Tensor:
        """``(B, N, C)`` → ``(B, N, C)``."""
        batch, count, width = tokens.shape
        mixed = self.query_key_value(self.norm_attention(tokens))
        parts = mixed.view(batch, count, 3, self.heads, width // self.heads)
        query, key, value = parts.permute(2, 0, 3, 1, 4).unbind(0)  # each (B, heads, N, C / heads)
        found = F.scaled_dot_product_attention(query, key, value)
        tokens = tokens + self.project(found.transpose(1, 2).reshape(batch, count, width))
        return cast("Tensor", tokens + self.perceptron(self.norm_perceptron(tokens)))


def embed_step(step_channels: int, channels: int) -> nn.Sequential:
    """From the features of the step to a shift of so many channels."""
    return nn.Sequential(nn.Linear(step_channels, 32), nn.SiLU(), nn.Linear(32, channels))
