"""Values from one grid on another: conserving area, by majority, by neighbour or between them."""

from ai4land.regrid.aggregate import (
    ClassFractions,
    class_areas,
    class_fractions,
    conservative,
    majority,
)
from ai4land.regrid.bias import AreaBias, class_area_bias, mean_bias
from ai4land.regrid.interpolate import bilinear, nearest, upsample
from ai4land.regrid.pyramid import majority_pyramid
from ai4land.regrid.sinusoidal import SinusoidalGrid, sinusoidal_mean, sinusoidal_nearest

__all__ = [
    "AreaBias",
    "ClassFractions",
    "SinusoidalGrid",
    "bilinear",
    "class_area_bias",
    "class_areas",
    "class_fractions",
    "conservative",
    "majority",
    "majority_pyramid",
    "mean_bias",
    "nearest",
    "sinusoidal_mean",
    "sinusoidal_nearest",
    "upsample",
]
