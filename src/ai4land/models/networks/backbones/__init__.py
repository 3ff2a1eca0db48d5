"""Backbones: from encoded features to features as fine, ``(B, C, Y, X) → (B, D, Y, X)``."""

from __future__ import annotations

from typing import Any

from ai4land.models.networks.backbones.backbone import Backbone
from ai4land.models.networks.backbones.cnn import CNN, CNNOptions
from ai4land.models.networks.backbones.unet import UNet, UNetOptions
from ai4land.models.networks.backbones.vit import ViT, ViTOptions

__all__ = [
    "BACKBONES",
    "CNN",
    "Backbone",
    "CNNOptions",
    "UNet",
    "UNetOptions",
    "ViT",
    "ViTOptions",
]

BACKBONES: dict[str, tuple[type[Backbone], type[Any]]] = {
    "unet": (UNet, UNetOptions),
    "cnn": (CNN, CNNOptions),
    "vit": (ViT, ViTOptions),
}
"""Architectures by name: backbone and its options."""
