"""Backbones: from encoded features to features as fine, ``(B, C, Y, X) → (B, D, Y, X)``."""

from __future__ import annotations

from typing import Any

from ai4land.models.networks.backbones.backbone import Backbone
from ai4land.models.networks.backbones.unet import UNet, UNetOptions

__all__ = ["BACKBONES", "Backbone", "UNet", "UNetOptions"]

BACKBONES: dict[str, tuple[type[Backbone], type[Any]]] = {"unet": (UNet, UNetOptions)}
"""Architectures by name: backbone and its options."""
