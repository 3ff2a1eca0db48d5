"""Soil texture of WaterGAP: FAO classes averaged over cells of half a degree.

Müller Schmied et al. 2021, GMD 14, 1037, doi:10.5194/gmd-14-1037-2021.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ai4land.formats import chosen, map_of, opened_netcdf
from ai4land.sources.class_series.class_maps import ClassMaps, NetcdfClassMap
from ai4land.sources.reader import Certainty, Reader, Strict
from ai4land.sources.source import Array, Product
from ai4land.vocabulary import legend, variable

__all__ = ["READER", "SoilTextureOptions", "open_soil_texture"]

_NAME = "texture"
_UNKNOWN = (-1.0, -2.0)  # land without a value on the soil map, land that the soil map lacks
_PRODUCT = Product(
    "WaterGAP soil texture",
    "2.2e",
    "LGPL-3.0",
    "Müller Schmied et al. 2021, doi:10.5194/gmd-14-1037-2021",
)


class SoilTextureOptions(Strict):
    """Options of ``soil_texture``.

    Attributes:
        variable: The NetCDF variable, where it is not called ``texture``.
    """

    variable: str | None = None


def open_soil_texture(path: Path, options: SoilTextureOptions) -> ClassMaps:
    """Open ``texture(lat, lon)``, codes of the legend ``soil_texture_watergap``.

    ``legend: soil_texture_fao`` in a recipe takes the nearest of coarse, medium and fine.
    """
    with opened_netcdf(path) as dataset:
        what = "a map of soil texture"
        array = chosen(dataset, (_NAME,), path, what=what, variable=options.variable)
        one = NetcdfClassMap(map_of(dataset, array, path))
    known = legend("soil_texture_watergap")
    return ClassMaps(variable("soil_zone"), one, known, _PRODUCT, recode=_known)


def _known(raw: Array) -> Array:
    return np.where(np.isin(raw, _UNKNOWN), np.nan, raw)


READER = Reader(
    SoilTextureOptions,
    ("soil_zone",),
    lambda path, options, _: open_soil_texture(path, options),
    title="Soil texture of WaterGAP, FAO classes averaged over half degrees",
    files=("soil_texture_watergap_0p5deg.nc",),
    years="static",
    licence=_PRODUCT.licence,
    citation=_PRODUCT.citation,
    certainty=Certainty.BYTES,
)
