"""Soil texture of WaterGAP: FAO classes averaged over cells of half a degree.

Müller Schmied et al. 2021, GMD 14, 1037, doi:10.5194/gmd-14-1037-2021.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np

from ai4land.formats import chosen, class_codes, opened_netcdf
from ai4land.grid import Window
from ai4land.sources.file_source import FileSource
from ai4land.sources.reader import Certainty, Reader, Strict
from ai4land.sources.source import Array, Product, SourceField
from ai4land.sources.surfaces import netcdf_surface
from ai4land.vocabulary import Clock, legend, variable

__all__ = ["READER", "SoilTexture", "SoilTextureOptions"]

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


class SoilTexture(FileSource):
    """``texture(lat, lon)``, codes of the legend ``soil_texture_watergap``.

    ``legend: soil_texture_fao`` in a recipe takes the nearest of coarse, medium and fine.

    Args:
        path: The NetCDF file.
        options: Name of the variable.

    Raises:
        SourceError: If the file holds no map of texture.
    """

    def __init__(self, path: Path, options: SoilTextureOptions) -> None:
        with opened_netcdf(path) as dataset:
            array = chosen(
                dataset,
                (_NAME,),
                path,
                what="a map of soil texture",
                variable=options.variable,
            )
            self._surface = netcdf_surface(dataset, array, path)
        grid = self._surface.layout.grid
        entry = variable("soil_zone")
        self._legend = legend("soil_texture_watergap")
        field = SourceField(entry, grid, Clock.STATIC, legend=self._legend)
        super().__init__({entry.name: field}, _PRODUCT)

    def _values(self, entry: SourceField, tick: int | None, window: Window) -> Array:
        """Class codes of a window, ``(y, x)`` uint8, 255 missing."""
        values = self._surface.read(window)
        values[np.isin(values, _UNKNOWN)] = np.nan
        where = f"{self._surface.path.name}, row {window.row}, column {window.col}"
        return class_codes(values, self._legend, None, where)

    def _files(self, entry: SourceField, tick: int | None) -> Iterable[Path]:
        return [self._surface.path]


READER = Reader(
    SoilTextureOptions,
    ("soil_zone",),
    lambda path, options, _: SoilTexture(path, options),
    title="Soil texture of WaterGAP, FAO classes averaged over half degrees",
    files=("soil_texture_watergap_0p5deg.nc",),
    years="static",
    licence=_PRODUCT.licence,
    citation=_PRODUCT.citation,
    certainty=Certainty.BYTES,
)
