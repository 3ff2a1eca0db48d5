"""The U-Net: double convolutions on a pyramid, with skips."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import cast, get_args

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ai4land.errors import ConfigError
from ai4land.models.networks.backbones.backbone import Backbone
from ai4land.models.networks.backbones.blocks import ConvBlock, Norm, TransformerBlock, embed_step
from ai4land.models.networks.pointwise import Pointwise

__all__ = ["UNet", "UNetOptions"]


@dataclass(frozen=True, slots=True)
class UNetOptions:
    """Shape of the U-Net.

    Attributes:
        widths: Channels per level; each level halves the resolution.
        convolutions: Convolutions per level, on the way down and up.
        norm: ``batch``, or ``group``, which does not mind small batches but sees a whole window.
        attention: Heads of a self-attention at the bottom of the pyramid; 0 for none. With it
            every pixel sees the whole window.
    """

    widths: tuple[int, ...] = (24, 48, 96)
    convolutions: int = 2
    norm: Norm = "batch"
    attention: int = 0

    def __post_init__(self) -> None:
        """Refuse impossible shapes."""
        if (
            not self.widths
            or min(self.widths) < 1
            or self.convolutions < 1
            or self.norm not in get_args(Norm)
            or self.attention < 0
            or (self.attention and self.widths[-1] % self.attention)
        ):
            raise ConfigError(
                "Impossible network shape",
                expected="positive widths, the last a multiple of the heads of the attention; "
                f"norm one of {', '.join(get_args(Norm))}",
                found=asdict(self),
            )


class UNet(Backbone):
    """U-Net (Ronneberger et al. 2015, doi:10.1007/978-3-319-24574-4_28).

    The step enters as a shift of all channels, at the top and at the bottom of the pyramid.
    """

    def __init__(self, channels: int, step_channels: int, options: UNetOptions) -> None:
        super().__init__(channels, step_channels, options)
        self.widths = widths = options.widths
        self.features = widths[0]
        self.multiple = int(2 ** (len(widths) - 1))

        def block(channels_in: int, channels_out: int) -> ConvBlock:
            return ConvBlock(
                channels_in, channels_out, count=options.convolutions, norm=options.norm
            )

        self.down = nn.ModuleList(
            block(i, o) for i, o in zip((channels, *widths[:-1]), widths, strict=True)
        )
        pairs = list(zip(widths[:0:-1], widths[-2::-1], strict=True))
        self.reduce = nn.ModuleList(Pointwise(i, o) for i, o in pairs)
        self.up = nn.ModuleList(block(2 * o, o) for _, o in pairs)
        self.embed_step = embed_step(step_channels, widths[0] + widths[-1])
        heads = options.attention
        self.attention = TransformerBlock(widths[-1], heads) if heads else None

    def forward(self, features: Tensor, step: Tensor) -> Tensor:
        """``(B, C, Y, X)`` and ``(B, F)`` → ``(B, widths[0], Y, X)``."""
        shift = self.embed_step(step)[:, :, None, None]
        last = self.widths[-1]
        skips: list[Tensor] = []
        x = features
        for level, block in enumerate(self.down):
            x = block(F.max_pool2d(x, 2) if level else x)
            x = x + shift[:, last:] if level == 0 else x
            skips.append(x)
        x = x + shift[:, :last]
        if self.attention is not None:
            tokens = self.attention(x.flatten(2).transpose(1, 2))
            x = tokens.transpose(1, 2).reshape(x.shape)
        for reduce, block, skip in zip(self.reduce, self.up, skips[-2::-1], strict=True):
            x = F.interpolate(reduce(x), scale_factor=2, mode="nearest")
            x = block(torch.cat([x, skip], dim=1))
        return cast("Tensor", x)
