"""Surfaces: one number per cell on disk, in a NetCDF variable or a raster, turned north up."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import netCDF4
import numpy as np
import numpy.typing as npt

from ai4land.errors import SourceError
from ai4land.formats import Layout, NetcdfMap, Rows, is_wgs84, map_of, open_raster, opened_raster
from ai4land.grid import Grid, Window
from ai4land.sources.rasters import RasterFile, on_longitudes
from ai4land.sources.source import Array

__all__ = ["Rows", "Surface", "is_netcdf", "netcdf_surface", "raster_surface"]

Floats = npt.NDArray[np.float32]

_NETCDF = {".nc", ".nc4", ".cdf", ".grd"}


@dataclass(frozen=True, slots=True)
class Surface:
    """A map of numbers whose header was read and found in order.

    Attributes:
        map: The NetCDF variable, or the raster.
        layer: Position on its dimension of layers, if it has one.
        fill: One more value that means missing, which the file does not declare.
        files: All files behind it; a virtual raster has several.
    """

    map: NetcdfMap | RasterFile
    layer: int = 0
    fill: float | None = None
    files: tuple[Path, ...] = ()

    @property
    def path(self) -> Path:
        """The file."""
        return self.map.path

    @property
    def layout(self) -> Layout:
        """How its rows and columns lie."""
        return self.map.layout

    @property
    def units(self) -> str:
        """Units as the file gives them, perhaps empty."""
        return self.map.units if isinstance(self.map, NetcdfMap) else self.map.raster.units

    @property
    def layers(self) -> dict[str, int]:
        """Name and length of the dimension of layers of a NetCDF variable, if there is one."""
        others = self.map.others if isinstance(self.map, NetcdfMap) else {}
        return {name: size for name, size in others.items() if size > 1}

    def read(self, window: Window) -> Floats:
        """Values of a window of the grid, scaled, NaN missing, ``(y, x)`` float32.

        Raises:
            SourceError: If the bytes cannot be decoded.
        """
        if isinstance(self.map, NetcdfMap):
            raw = self.map.stored(window, dict.fromkeys(self.layers, self.layer))
            return self._without_fill(self.map.packing.floats(raw), raw)
        (values,) = self.map.read_all([window], self._turned)
        scale, offset = self.map.raster.scaling
        if (scale, offset) == (1.0, 0.0):
            return values
        return np.asarray(values * np.float32(scale) + np.float32(offset))

    def _turned(self, raw: Array, missing: Array | None) -> Array:
        values = raw.astype(np.float32)
        if missing is not None:
            values[missing] = np.nan
        return self._without_fill(values, raw)

    def _without_fill(self, values: Floats, raw: Array) -> Floats:
        if self.fill is not None:
            values[raw == np.float32(self.fill)] = np.nan
        return values


def is_netcdf(path: Path) -> bool:
    """Whether a file is read as NetCDF rather than as a raster, by its name."""
    return path.suffix.lower() in _NETCDF


def netcdf_surface(
    dataset: netCDF4.Dataset,
    array: netCDF4.Variable[Any],
    path: Path,
    *,
    rows: Rows | None = None,
    fill: float | None = None,
) -> Surface:
    """The surface of one variable; its axes are found by name, in any order and direction.

    Args:
        dataset: The open file.
        array: Its variable: latitude, longitude, at most one dimension of layers, and dimensions
            of length 1.
        path: The file.
        rows: Which row comes first, for a file of the whole globe without coordinates.
        fill: A missing value that the file does not declare.

    Raises:
        SourceError: If the variable is not a map, or the file does not say where its cells lie.
    """
    found = map_of(dataset, array, path, rows=rows)
    surface = Surface(found, fill=fill, files=(path,))
    if len(surface.layers) > 1:
        raise SourceError(
            "The variable is not a map",
            where=f"{path}, {found.name}",
            expected="dimensions of latitude and longitude, and perhaps one of layers",
            found=", ".join(f"{n}: {s}" for n, s in surface.layers.items()),
            remedy="keep one time or layer, for example with `ncks -d`",
        )
    return surface


def raster_surface(
    path: Path, *, onto: Grid | None = None, method: str | None = None, fill: float | None = None
) -> Surface:
    """The surface of a raster of one band, on longitude and latitude or reprojected.

    Args:
        path: A GeoTIFF, or a virtual raster of tiles.
        onto: The grid of longitude and latitude wanted, of the whole globe.
        method: Resampling of GDAL's warper by which a raster in another coordinate system comes
            onto it, ``average`` by the area of the pixels; without it such a raster is refused.
        fill: A missing value that the file does not declare.

    Raises:
        SourceError: If it does not hold numbers in a known coordinate system.
        ConfigError: If it has several bands.
    """
    raster = open_raster(path)
    with opened_raster(path) as dataset:
        files = tuple(Path(f) for f in dataset.files if not f.endswith(".aux.xml"))
    if onto is None or method is None or not raster.grid.crs or is_wgs84(raster.grid):
        remedy = (
            "warp it with `rio warp FILE OUT --dst-crs EPSG:4326`; in the options of the source "
            "`soil`, say `reproject: average`"
        )
        layout = on_longitudes(raster, remedy)
    else:
        if raster.nodata is None:
            raster = replace(raster, nodata=fill)
        raster, layout = raster.onto(onto, method), Layout(onto)
    return Surface(RasterFile(raster, layout), fill=fill, files=files)
