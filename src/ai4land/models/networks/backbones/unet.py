"""The U-Net: double convolutions on a pyramid, with skips."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ai4land.errors import ConfigError
from ai4land.models.networks.backbones.backbone import Backbone
from ai4land.models.networks.pointwise import Pointwise

__all__ = ["UNet", "UNetOptions"]


@dataclass(frozen=True, slots=True)
class UNetOptions:
    """Shape of the U-Net.

    Attributes:
        widths: Channels per level; each level halves the resolution.
    """

    widths: tuple[int, ...] = (24, 48, 96)

    def __post_init__(self) -> None:
        """Refuse impossible shapes."""
        if not self.widths or min(self.widths) < 1:
            raise ConfigError("Impossible network shape", found=asdict(self))


class _Block(nn.Sequential):
    """Two 3 × 3 convolutions with batch norm and SiLU."""

    def __init__(self, channels_in: int, channels_out: int) -> None:
        layers: list[nn.Module] = []
        for c in (channels_in, channels_out):
            # batch norm is one affine map per channel at inference: tiles cannot see each other
            layers += [
                nn.Conv2d(c, channels_out, 3, padding=1, bias=False),
                nn.BatchNorm2d(channels_out),
                nn.SiLU(inplace=True),
            ]
        super().__init__(*layers)


class UNet(Backbone):
    """U-Net (Ronneberger et al. 2015, doi:10.1007/978-3-319-24574-4_28).

    The step enters as a shift of all channels, at the top and at the bottom of the pyramid.
    """

    def __init__(self, channels: int, step_channels: int, options: UNetOptions) -> None:
        super().__init__(channels, step_channels, options)
        self.widths = widths = options.widths
        self.features = widths[0]
        self.multiple = int(2 ** (len(widths) - 1))
        self.down = nn.ModuleList(
            _Block(i, o) for i, o in zip((channels, *widths[:-1]), widths, strict=True)
        )
        pairs = list(zip(widths[:0:-1], widths[-2::-1], strict=True))
        self.reduce = nn.ModuleList(Pointwise(i, o) for i, o in pairs)
        self.up = nn.ModuleList(_Block(2 * o, o) for _, o in pairs)
        self.embed_step = nn.Sequential(
            nn.Linear(step_channels, 32), nn.SiLU(), nn.Linear(32, widths[0] + widths[-1])
        )

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
        for reduce, block, skip in zip(self.reduce, self.up, skips[-2::-1], strict=True):
            x = F.interpolate(reduce(x), scale_factor=2, mode="nearest")
            x = block(torch.cat([x, skip], dim=1))
        return cast("Tensor", x)
