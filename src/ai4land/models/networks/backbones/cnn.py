"""A plain convolutional network at full resolution."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import cast

from torch import Tensor, nn

from ai4land.errors import ConfigError
from ai4land.models.networks.backbones.backbone import Backbone
from ai4land.models.networks.backbones.blocks import ConvBlock, embed_step
from ai4land.models.networks.pointwise import Pointwise

__all__ = ["CNN", "CNNOptions"]


@dataclass(frozen=True, slots=True)
class CNNOptions:
    """Shape of the plain network.

    Attributes:
        width: Channels of all layers.
        depth: Blocks of two convolutions.
        kernel: Side of a convolution in pixels, odd.
        dilation: Growth of the distance between the weights of a kernel from block to block: 2
            gives 1, 2, 4 … pixels (Yu & Koltun 2016, arXiv:1511.07122), 1 none.
        skip: Whether each block adds to its input (He et al. 2016, doi:10.1109/CVPR.2016.90).
    """

    width: int = 32
    depth: int = 4
    kernel: int = 3
    dilation: int = 2
    skip: bool = True

    def __post_init__(self) -> None:
        """Refuse impossible shapes."""
        if min(self.width, self.depth, self.dilation, self.kernel) < 1 or self.kernel % 2 == 0:
            raise ConfigError(
                "Impossible network shape",
                expected="positive numbers and an odd kernel",
                found=asdict(self),
            )


class CNN(Backbone):
    """Convolutions that never leave the full resolution; any window is possible.

    The step enters as a shift of all channels before the first block.
    """

    multiple = 1

    def __init__(self, channels: int, step_channels: int, options: CNNOptions) -> None:
        super().__init__(channels, step_channels, options)
        self.features = width = options.width
        self.skip = options.skip
        self.enter = Pointwise(channels, width)
        self.blocks = nn.ModuleList(
            ConvBlock(width, width, kernel=options.kernel, dilation=options.dilation**level)
            for level in range(options.depth)
        )
        self.embed_step = embed_step(step_channels, width)

    def forward(self, features: Tensor, step: Tensor) -> Tensor:
        """``(B, C, Y, X)`` and ``(B, F)`` → ``(B, width, Y, X)``."""
        x = self.enter(features) + self.embed_step(step)[:, :, None, None]
        for block in self.blocks:
            x = x + block(x) if self.skip else block(x)
        return cast("Tensor", x)
