"""Values from one grid on another: conserving area, by majority, by neighbour or between them."""

from ai4land.regrid.aggregate import (
    ClassFractions,
    class_areas,
    class_fractions,
    conservative,
    majority,
)
from ai4land.regrid.interpolate import bilinear, nearest, upsample

__all__ = [
    "ClassFractions",
    "bilinear",
    "class_areas",
    "class_fractions",
    "conservative",
    "majority",
    "nearest",
    "upsample",
]
