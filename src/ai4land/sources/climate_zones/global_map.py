"""Maps of the whole globe: images that say of their place little or nothing."""

from __future__ import annotations

from pathlib import Path

from ai4land.errors import SourceError
from ai4land.formats import Layout, layout_from_transform
from ai4land.grid import Grid
from ai4land.sources.rasters import RasterFile, opened_raster

__all__ = ["open_global_map"]


def open_global_map(path: Path) -> RasterFile:
    """Read the header of a class map of the whole globe.

    What the file says of its place is believed and checked. If it says nothing of its coordinate
    system, it must be longitude and latitude; if it says nothing of its place at all, row 0 lies
    at 90° N and column 0 at 180° W, and the image must be twice as wide as high.

    Raises:
        MissingFileError: If there is no such file.
        SourceError: If it is not one band of numbers that covers the globe in EPSG:4326.
    """
    with opened_raster(path) as dataset:  # what is missing is supplied below
        crs, transform, shape = dataset.crs, dataset.transform, dataset.shape
        kinds, nodata = dataset.dtypes, dataset.nodata
    if len(kinds) != 1 or not kinds[0].startswith(("u", "i", "f")):
        raise SourceError(
            "The raster is not one band of numbers",
            where=path,
            found=f"{len(kinds)} bands of {', '.join(sorted(set(kinds)))}",
        )
    if crs is not None and (not crs.is_geographic or crs.to_epsg() not in {4326, None}):
        raise SourceError(
            "The raster is in another coordinate system",
            where=path,
            expected="EPSG:4326 (longitude and latitude on WGS 84), or none given",
            found=crs.to_string()[:80],
            remedy="fetch the provider's own file",
        )
    if crs is None and transform.is_identity:
        layout = _whole_globe(shape, path)
    else:
        layout = layout_from_transform(tuple(transform), shape, path)
    grid = layout.grid
    if not grid.is_global or abs(float(grid.dy * grid.height) - 180) > float(grid.dy) / 1000:
        raise SourceError(
            "The map does not cover the globe",
            where=path,
            expected="180° of latitude and 360° of longitude",
            found=grid.describe(),
            remedy="fetch the provider's own file; a region is cut by the recipe",
        )
    return RasterFile(path, layout, nodata)


def _whole_globe(shape: tuple[int, int], path: Path) -> Layout:
    """The layout of an image of the globe that says nothing of its place."""
    height, width = shape
    if width != 2 * height:
        raise SourceError(
            "The image has no georeference and does not look like the globe",
            where=path,
            expected="twice as wide as high, row 0 at 90° N, column 0 at 180° W",
            found=f"{height} × {width}",
            remedy="fetch the provider's own file",
        )
    return Layout(Grid.regular("-180", "90", f"360/{width}", f"180/{height}", shape))
