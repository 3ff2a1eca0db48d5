"""The vision transformer: attention between patches, pixels kept by a skip at full resolution."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ai4land.errors import ConfigError
from ai4land.models.networks.backbones.backbone import Backbone
from ai4land.models.networks.backbones.blocks import ConvBlock, TransformerBlock, embed_step
from ai4land.models.networks.pointwise import Pointwise

__all__ = ["ViT", "ViTOptions", "positions"]

_LONGEST = 10_000.0  # patches; the longest wave of the positions, as in Vaswani et al. 2017


@dataclass(frozen=True, slots=True)
class ViTOptions:
    """Shape of the vision transformer.

    Attributes:
        patch: Side of a patch in pixels, a power of two.
        width: Channels of a token, a multiple of 4 and of ``heads``.
        depth: Transformer blocks.
        heads: Heads of the attention.
        features: Channels of the decoder and of the skip at full resolution.
    """

    patch: int = 8
    width: int = 96
    depth: int = 4
    heads: int = 4
    features: int = 24

    def __post_init__(self) -> None:
        """Refuse impossible shapes."""
        positive = min(asdict(self).values()) >= 1
        if not positive or self.patch & (self.patch - 1) or self.width % 4:
            problem = "positive numbers, a patch that is a power of two, a width of whole fours"
        elif self.width % self.heads:
            problem = "a width that the heads divide"
        else:
            return
        raise ConfigError("Impossible network shape", expected=problem, found=asdict(self))


class ViT(Backbone):
    """Vision transformer (Dosovitskiy et al. 2021, arXiv:2010.11929), decoded by convolutions.

    Tokens are brought back to pixels by doubling the resolution with a convolution each time (as
    in Zheng et al. 2021, doi:10.1109/CVPR46437.2021.00681). A pixel is not blurred to its patch:
    the encoded features at full resolution, from which the patches are cut after one convolution
    (Xiao et al. 2021, arXiv:2106.14881), join before the last ones. Every pixel sees the whole
    window, and where in it it lies.

    The step enters as a shift of all tokens, and of the skip.
    """

    def __init__(self, channels: int, step_channels: int, options: ViTOptions) -> None:
        super().__init__(channels, step_channels, options)
        width, features = options.width, options.features
        self.features, self.multiple = features, options.patch
        self.skip = ConvBlock(channels, features, count=1)
        self.embed_patch = nn.Conv2d(features, width, options.patch, stride=options.patch)
        self.blocks = nn.ModuleList(
            TransformerBlock(width, options.heads) for _ in range(options.depth)
        )
        self.norm = nn.LayerNorm(width)
        self.reduce = Pointwise(width, features)
        doublings = options.patch.bit_length() - 1
        self.grow = nn.ModuleList(ConvBlock(features, features, count=1) for _ in range(doublings))
        self.join = ConvBlock(2 * features, features)
        self.embed_step = embed_step(step_channels, width + features)

    def forward(self, features: Tensor, step: Tensor) -> Tensor:
        """``(B, C, Y, X)`` and ``(B, F)`` → ``(B, features, Y, X)``."""
        shift = self.embed_step(step)[:, :, None, None]
        own = self.skip(features) + shift[:, : self.features]
        patches = self.embed_patch(own) + shift[:, self.features :]
        batch, width, height, across = patches.shape
        where = positions(height, across, width, patches.device).to(patches.dtype)
        tokens = patches.flatten(2).transpose(1, 2) + where
        for block in self.blocks:
            tokens = block(tokens)
        tokens = self.norm(tokens).transpose(1, 2)
        x = self.reduce(tokens.reshape(batch, width, height, across))
        for grow in self.grow:
            x = grow(F.interpolate(x, scale_factor=2, mode="nearest"))
        return cast("Tensor", self.join(torch.cat([x, own], dim=1)))


def positions(height: int, width: int, channels: int, device: torch.device | str = "cpu") -> Tensor:
    """Where each patch of a window lies, as waves of rows and of columns, for any window.

    They are counted from the middle, so that windows of other sizes share their inner positions.

    Args:
        height: Patches down.
        width: Patches across.
        channels: A multiple of 4: sines and cosines of rows, then of columns.
        device: Where they are wanted.

    Returns:
        ``(height · width, channels)``.
    """
    waves = torch.arange(channels // 4, dtype=torch.float32, device=device) * 4 / channels
    rate = _LONGEST**-waves
    down, across = (
        (torch.arange(n, dtype=torch.float32, device=device) - (n - 1) / 2)[:, None] * rate
        for n in (height, width)
    )
    rows = torch.cat([down.sin(), down.cos()], dim=-1)[:, None].expand(-1, width, -1)
    columns = torch.cat([across.sin(), across.cos()], dim=-1)[None].expand(height, -1, -1)
    return torch.cat([rows, columns], dim=-1).flatten(0, 1)
