"""What a pixel counts in a score."""

from __future__ import annotations

from enum import StrEnum

__all__ = ["Weighting"]


class Weighting(StrEnum):
    """What a pixel counts."""

    PIXEL = "pixel"  #: one
    AREA = "area"  #: its true area in m²
