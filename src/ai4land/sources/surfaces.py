"""Surfaces: one number per cell on disk, in a NetCDF variable or a raster, turned north up."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import netCDF4
import numpy as np
import numpy.typing as npt
import rasterio
from rasterio.enums import Resampling
from rasterio.transform import Affine
from rasterio.vrt import WarpedVRT
from rasterio.windows import Window as FileWindow

from ai4land.errors import SourceError
from ai4land.grid import Grid, Window
from ai4land.sources.layout import Layout, layout_from_centres, layout_from_transform
from ai4land.sources.netcdf import masked, opened
from ai4land.sources.rasters import opened_raster
from ai4land.sources.source import Array

__all__ = ["Reprojection", "Rows", "Surface", "is_netcdf", "netcdf_surface", "raster_surface"]

Rows = Literal["north_first", "south_first"]
Floats = npt.NDArray[np.float32]

_NETCDF = {".nc", ".nc4", ".cdf", ".grd"}
_LATITUDE = {"lat", "latitude", "y", "lsmlat", "nlat"}
_LONGITUDE = {"lon", "longitude", "x", "lsmlon", "nlon"}
_TABLES = {"lsmlat": "LATIXY", "lsmlon": "LONGXY"}  # 2-D coordinates of CLM and ELM files


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
        name: The NetCDF variable; empty for a raster.
        index: Its position on each dimension that is neither latitude nor longitude.
        transposed: Whether longitude comes before latitude.
        fill: One more value that means missing, which the file does not declare.
        warp: How the raster is reprojected, if it is.
        files: All files behind it; a virtual raster has several.
    """

    path: Path
    layout: Layout
    units: str
    name: str = ""
    index: tuple[int | None, ...] = ()
    transposed: bool = False
    fill: float | None = None
    warp: Reprojection | None = None
    files: tuple[Path, ...] = field(default=())

    def read(self, window: Window) -> Floats:
        """Values of a window of the grid, scaled, NaN missing, ``(y, x)`` float32.

        Raises:
            SourceError: If the bytes cannot be decoded.
        """
        return self._from_netcdf(window) if self.name else self._from_raster(window)

    def _from_netcdf(self, window: Window) -> Floats:
        with opened(self.path) as dataset:
            array = dataset[self.name]
            free = [i for i, at in enumerate(self.index) if at is None]
            key: list[int | slice] = [0 if at is None else at for at in self.index]

            def block(rows: slice, cols: slice) -> Array:
                key[free[self.transposed]], key[free[not self.transposed]] = rows, cols
                raw = np.asarray(array[tuple(key)])
                return raw.T if self.transposed else raw

            values = masked(raw := self.layout.gather(window, block), array)
            values = self._without_fill(values, raw)
            scale = float(getattr(array, "scale_factor", 1.0))
            offset = float(getattr(array, "add_offset", 0.0))
            return _scaled(values, scale, offset)

    def _from_raster(self, window: Window) -> Floats:
        with opened_raster(self.path) as dataset:
            source = dataset if self.warp is None else _warped(dataset, self.warp, self.fill)

            def block(rows: slice, cols: slice) -> Array:
                return np.asarray(source.read(1, window=FileWindow.from_slices(rows, cols)))

            try:
                raw = self.layout.gather(window, block)
            finally:
                if source is not dataset:
                    source.close()
            values = raw.astype(np.float32)
            if source.nodata is not None:
                values[raw == np.asarray(source.nodata).astype(raw.dtype)] = np.nan
            values = self._without_fill(values, raw)
            return _scaled(values, float(dataset.scales[0]), float(dataset.offsets[0]))

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
    layer: int = 0,
    rows: Rows | None = None,
    fill: float | None = None,
) -> Surface:
    """The surface of one variable; its axes are found by name, in any order and direction.

    Args:
        dataset: The open file.
        array: Its variable: latitude, longitude, at most one dimension of layers, and dimensions
            of length 1.
        path: The file.
        layer: Position on the dimension of layers.
        rows: Which row comes first, for a file of the whole globe without coordinates.
        fill: A missing value that the file does not declare.

    Raises:
        SourceError: If the variable is not a map, or the file does not say where its cells lie.
    """
    where = f"{path}, {array.name}"
    names = [n.lower() for n in array.dimensions]
    lat = [i for i, n in enumerate(names) if n in _LATITUDE]
    lon = [i for i, n in enumerate(names) if n in _LONGITUDE]
    others = [i for i in range(array.ndim) if i not in {*lat, *lon} and array.shape[i] > 1]
    if len(lat) != 1 or len(lon) != 1 or len(others) > 1:
        raise SourceError(
            "The variable is not a map",
            where=where,
            expected="dimensions of latitude and longitude, and perhaps one of layers",
            found=", ".join(
                f"{n}: {s}" for n, s in zip(array.dimensions, array.shape, strict=True)
            ),
        )
    index = [0 if i not in others else layer for i in range(array.ndim)]
    place: list[int | None] = [
        None if i in (lat[0], lon[0]) else index[i] for i in range(array.ndim)
    ]
    shape = (array.shape[lat[0]], array.shape[lon[0]])
    axes = (array.dimensions[lat[0]], array.dimensions[lon[0]])
    layout = _netcdf_layout(dataset, axes, shape, rows, path)
    units = str(getattr(array, "units", "")).strip()
    return Surface(
        path, layout, units, array.name, tuple(place), lon[0] < lat[0], fill, files=(path,)
    )


def _netcdf_layout(
    dataset: netCDF4.Dataset,
    axes: tuple[str, str],
    shape: tuple[int, int],
    rows: Rows | None,
    path: Path,
) -> Layout:
    """The layout from coordinates, or from what the recipe says where the file has none."""
    centres = [_coordinate(dataset, name, k) for k, name in enumerate(axes)]
    if centres[0] is not None and centres[1] is not None:
        longitude = centres[1]
        if longitude.size > 2 and abs(longitude[-1] - longitude[0] - 360) < 1e-3:
            raise SourceError(
                "The first and the last column are the same meridian",
                where=path,
                expected="cell centres",
                found=f"longitudes {longitude[0]:g}…{longitude[-1]:g}° in {longitude.size} columns",
                remedy="fetch the cell-registered edition of the product",
            )
        return layout_from_centres(centres[0], longitude, path)
    if rows is None or shape[1] != 2 * shape[0]:
        raise SourceError(
            "The file does not say where its cells lie",
            where=path,
            expected=f"coordinates {axes[0]} and {axes[1]} in degrees",
            found=f"{shape[0]} × {shape[1]} cells without them",
            remedy="write the coordinates into the file"
            + (
                ", or say `rows: north_first` or `rows: south_first`, in the options of the "
                "sources `pnnl` and `soil`"
                if shape[1] == 2 * shape[0]
                else ": only a map of the whole globe can be placed without them"
            ),
        )
    grid = Grid.regular("-180", "90", f"360/{shape[1]}", f"180/{shape[0]}", shape)
    return Layout(grid, flipped=rows == "south_first")


def _coordinate(dataset: netCDF4.Dataset, name: str, axis: int) -> npt.NDArray[np.float64] | None:
    """Degrees along an axis, or ``None`` if the file does not give them."""
    if name in dataset.variables and dataset[name].ndim == 1:
        return np.asarray(dataset[name][:], dtype=np.float64)
    table = _TABLES.get(name.lower(), "")
    if table not in dataset.variables or dataset[table].ndim != 2:
        return None
    # of a regular grid one line of the table is the axis; layout_from_centres checks its steps
    return np.asarray(dataset[table][:, 0] if axis == 0 else dataset[table][0], dtype=np.float64)


def raster_surface(
    path: Path, *, reproject: Reprojection | None = None, fill: float | None = None
) -> Surface:
    """The surface of a raster of one band, on longitude and latitude or reprojected.

    Args:
        path: A GeoTIFF, or a virtual raster of tiles.
        reproject: What to do with another coordinate system; without it such a raster is refused.
        fill: A missing value that the file does not declare.

    Raises:
        SourceError: If it is not one band of numbers, in a known coordinate system.
    """
    with opened_raster(path) as dataset:
        if dataset.count != 1 or np.dtype(dataset.dtypes[0]).kind not in "uif":
            raise SourceError(
                "The raster is not one band of numbers",
                where=path,
                found=f"{dataset.count} bands of {', '.join(sorted(set(dataset.dtypes)))}",
            )
        units = str(dataset.units[0] or "")
        files = tuple(Path(f) for f in dataset.files if not f.endswith(".aux.xml"))
        crs = dataset.crs
        if crs is not None and crs.is_geographic and crs.to_epsg() in {4326, None}:
            layout = layout_from_transform(tuple(dataset.transform), dataset.shape, path)
            return Surface(path, layout, units, fill=fill, files=files)
        if crs is None or reproject is None:
            raise SourceError(
                "The raster is in another coordinate system",
                where=path,
                expected="EPSG:4326 (longitude and latitude on WGS 84)",
                found="none given" if crs is None else crs.to_string()[:80],
                remedy="if that is its system, say so in the file: "
                "`rio edit-info --crs EPSG:4326 FILE`"
                if crs is None
                else "warp it with `rio warp FILE OUT --dst-crs EPSG:4326`; in the options of the "
                "source `soil`, say `reproject: average`",
            )
        if dataset.nodata is None and fill is None:
            raise SourceError(
                "The raster declares no missing value, so its border would become numbers",
                where=path,
                remedy="give the missing value as the option `fill`",
            )
        return Surface(path, Layout(reproject.grid), units, fill=fill, warp=reproject, files=files)


def _warped(dataset: rasterio.DatasetReader, warp: Reprojection, fill: float | None) -> WarpedVRT:
    """The raster as GDAL would reproject it, computed for the windows that are read."""
    return WarpedVRT(
        dataset,
        crs="EPSG:4326",
        transform=Affine(*warp.grid.transform),
        width=warp.grid.width,
        height=warp.grid.height,
        resampling=Resampling[warp.method],
        src_nodata=dataset.nodata if dataset.nodata is not None else fill,
        nodata=np.nan,
        dtype="float32",
    )
