"""Elevation of any product, with slope and aspect derived on the sphere."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ai4land.errors import SourceError
from ai4land.formats import check_units, chosen, opened_netcdf
from ai4land.grid import Window, slope_aspect
from ai4land.sources.file_source import FileSource, check_bounds
from ai4land.sources.source import Array, Product, SourceField
from ai4land.sources.surfaces import Surface, is_netcdf, netcdf_surface, raster_surface
from ai4land.vocabulary import Clock, variable

__all__ = ["DERIVED", "Elevation", "open_elevation"]

DERIVED = ("slope", "aspect_north", "aspect_east")
_METRES = {"m", "metre", "metres", "meter", "meters"}
_COMPANIONS = {
    "tid": "type identifiers of the measurements",
    "geoid": "heights of the geoid over the ellipsoid",
}


def open_elevation(path: Path, names: tuple[str, ...], chosen_name: str | None) -> Surface:
    """Read and check the header of a map of elevation.

    Args:
        path: A NetCDF file, a GeoTIFF or a virtual raster of tiles.
        names: Names that the NetCDF variable may have.
        chosen_name: The name that a person chose, if one did.

    Raises:
        SourceError: If it is not a map of elevation in metres.
    """
    for word in re.split(r"[^a-z0-9]+", path.stem.lower()):
        if word in _COMPANIONS:
            raise SourceError(
                "The file is a companion of the elevation",
                where=path,
                expected="elevation in metres",
                found=_COMPANIONS[word],
                remedy="give the path of the elevation itself",
            )
    if path.is_dir():
        raise SourceError(
            "Elevation is one file",
            where=path,
            found="a folder",
            remedy="give the path of the NetCDF file; join tiles with `gdalbuildvrt all.vrt *.tif`",
        )
    if not is_netcdf(path):
        surface = raster_surface(path)
        if surface.units.lower() not in {"", *_METRES}:
            raise SourceError(
                "The variable is in other units", where=path, expected="m", found=surface.units
            )
        return surface
    with opened_netcdf(path) as dataset:
        array = chosen(dataset, names, path, what="a map of elevation", variable=chosen_name)
        check_units(array, _METRES, path)
        return netcdf_surface(dataset, array, path)


class Elevation(FileSource):
    """Elevation in metres, sea floor negative, and what follows from it.

    Args:
        surface: The map of elevation.
        product: For provenance.
    """

    def __init__(self, surface: Surface, product: Product) -> None:
        self._surface, grid = surface, surface.layout.grid
        names = ("elevation", *DERIVED)
        super().__init__({n: SourceField(variable(n), grid, Clock.STATIC) for n in names}, product)

    def _values(self, entry: SourceField, tick: int | None, window: Window) -> Array:
        """Elevation, slope or aspect of a window, ``(y, x)`` float32."""
        if entry.variable.name == "elevation":
            return self._elevation(window)
        wide, inner = self._with_halo(window)
        layers = slope_aspect(self._elevation(wide), self._surface.layout.grid.crop(wide))
        return np.ascontiguousarray(layers[DERIVED.index(entry.variable.name)][inner])

    def _elevation(self, window: Window) -> npt.NDArray[np.float32]:
        values = self._surface.read(window)
        where = f"{self._surface.path}, row {window.row}, column {window.col}"
        remedy = "the file may be in other units, or its missing value is not declared"
        check_bounds(values, self.fields["elevation"].variable, where, remedy)
        return values

    def _with_halo(self, window: Window) -> tuple[Window, tuple[slice, slice]]:
        """The window with the neighbours that exist, and where the window lies in it."""
        grid = self._surface.layout.grid
        top, bottom = max(window.row - 1, 0), min(window.row + window.height + 1, grid.height)
        rows = slice(window.row - top, window.row - top + window.height)
        if grid.is_global and window.width + 2 > grid.width:
            # the whole circle: its two ends are each other's neighbours
            wide = Window(top, window.col, bottom - top, grid.width)
            return wide, (rows, slice(0, window.width))
        left, right = window.col - 1, window.col + window.width + 1
        if not grid.is_global:
            left, right = max(left, 0), min(right, grid.width)
        wide = Window(top, left, bottom - top, right - left)
        return wide, (rows, slice(window.col - left, window.col - left + window.width))

    def _files(self, entry: SourceField, tick: int | None) -> Iterable[Path]:
        """The file; of a virtual raster its tiles, too."""
        return self._surface.files
