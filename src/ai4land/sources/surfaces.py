"""Surfaces: one number per cell on disk, in a NetCDF variable or a raster, turned north up."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

import netCDF4
import numpy as np
import numpy.typing as npt

from ai4land.errors import SourceError
from ai4land.formats import Layout, NetcdfMap, Rows, is_wgs84, map_of, open_raster, opened_raster
from ai4land.grid import Grid, Window
from ai4land.sources.rasters import RasterFile, on_longitudes
from ai4land.sources.source import Array

__all__ = ["Reprojection", "Rows", "Surface", "is_netcdf", "netcdf_surface", "raster_surface"]

Floats = npt.NDArray[np.float32]

_NETCDF = {".nc", ".nc4", ".cdf", ".grd"}


@dataclass(frozen=True, slots=True)
class Reprojection:
    """How a raster in another coordinate system comes onto longitude and latitude.

    Attributes:
        method: Resampling of GDAL's warper; ``average`` is by the area of the pixels.
        grid: The grid wanted, of the whole globe.
    """

    method: Literal["average", "bilinear", "nearest"]
    grid: Grid


@dataclass(frozen=True, slots=True)
class Surface:
    """A map of numbers whose header was read and found in order.

    Attributes:
        path: The file.
        layout: How its rows and columns lie.
        units: Units as the file gives them, perhaps empty.
        array: The NetCDF variable; ``None`` for a raster.
        layer: Position on its dimension of layers, if it has one.
        fill: One more value that means missing, which the file does not declare.
        raster: The raster; ``None`` for a NetCDF variable.
        warp: How the raster is reprojected, if it is.
        files: All files behind it; a virtual raster has several.
    """

    path: Path
    layout: Layout
    units: str
    array: NetcdfMap | None = None
    layer: int = 0
    fill: float | None = None
    raster: RasterFile | None = None
    warp: Reprojection | None = None
    files: tuple[Path, ...] = field(default=())

    def read(self, window: Window) -> Floats:
        """Values of a window of the grid, scaled, NaN missing, ``(y, x)`` float32.

        Raises:
            SourceError: If the bytes cannot be decoded.
        """
        if self.array is None:
            return self._from_raster(window)
        raw = self.array.stored(window, dict.fromkeys(self.layers, self.layer))
        return self._without_fill(self.array.packing.floats(raw), raw)

    @property
    def layers(self) -> dict[str, int]:
        """Name and length of the dimension of layers of a NetCDF variable, if there is one."""
        others = {} if self.array is None else self.array.others
        return {name: size for name, size in others.items() if size > 1}

    def _from_raster(self, window: Window) -> Floats:
        assert self.raster is not None

        def turn(raw: Array, missing: Array | None) -> Array:
            values = raw.astype(np.float32)
            if missing is not None:
                values[missing] = np.nan
            return self._without_fill(values, raw)

        (values,) = self.raster.read_all([window], turn)
        return _scaled(values, *self.raster.raster.scaling)

    def _without_fill(self, values: Floats, raw: Array) -> Floats:
        if self.fill is not None:
            values[raw == np.float32(self.fill)] = np.nan
        return values


def is_netcdf(path: Path) -> bool:
    """Whether a file is read as NetCDF rather than as a raster, by its name."""
    return path.suffix.lower() in _NETCDF


def _scaled(values: Floats, scale: float, offset: float) -> Floats:
    return (
        values if (scale, offset) == (1.0, 0.0) else values * np.float32(scale) + np.float32(offset)
    )


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
    surface = Surface(path, found.layout, found.units, found, fill=fill, files=(path,))
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
    path: Path, *, reproject: Reprojection | None = None, fill: float | None = None
) -> Surface:
    """The surface of a raster of one band, on longitude and latitude or reprojected.

    Args:
        path: A GeoTIFF, or a virtual raster of tiles.
        reproject: What to do with another coordinate system; without it such a raster is refused.
        fill: A missing value that the file does not declare.

    Raises:
        SourceError: If it does not hold numbers in a known coordinate system.
        ConfigError: If it has several bands.
    """
    raster = open_raster(path)
    with opened_raster(path) as dataset:
        files = tuple(Path(f) for f in dataset.files if not f.endswith(".aux.xml"))
    if reproject is None or not raster.grid.crs or is_wgs84(raster.grid):
        remedy = (
            "warp it with `rio warp FILE OUT --dst-crs EPSG:4326`; in the options of the source "
            "`soil`, say `reproject: average`"
        )
        layout = on_longitudes(raster, remedy)
        reproject = None
    else:
        if raster.nodata is None:
            raster = replace(raster, nodata=fill)
        raster, layout = raster.onto(reproject.grid, reproject.method), Layout(reproject.grid)
    placed = RasterFile(raster, layout)
    return Surface(
        path, layout, raster.units, fill=fill, raster=placed, warp=reproject, files=files
    )
