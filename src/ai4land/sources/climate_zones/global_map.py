"""Maps of the whole globe: images that say of their place little or nothing."""

from __future__ import annotations

from pathlib import Path

from ai4land.errors import SourceError
from ai4land.formats import Layout, layout_from_transform, open_raster
from ai4land.grid import Grid
from ai4land.sources.rasters import RasterFile, on_longitudes

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
    raster = open_raster(path)
    place = raster.grid
    if place.crs:
        layout = on_longitudes(raster, "fetch the provider's own file")
    elif place.transform == (1.0, 0.0, 0.0, 0.0, 1.0, 0.0):
        layout = _whole_globe(raster.shape, path)
    else:
        layout = layout_from_transform(place.transform, raster.shape, path)
    grid = layout.grid
    if not grid.is_global or abs(float(grid.dy * grid.height) - 180) > float(grid.dy) / 1000:
        raise SourceError(
            "The map does not cover the globe",
            where=path,
            expected="180° of latitude and 360° of longitude",
            found=grid.describe(),
            remedy="fetch the provider's own file; a region is cut by the recipe",
        )
    return RasterFile(raster, layout)


def _whole_globe(shape: tuple[int, int], path: Path) -> Layout:
    """The layout of an image of the globe that says nothing of its place."""
    height, width = shape
    if width != 2 * height:
        raise SourceError(
            "The image has no georeference and does not look like the globe",
            where=path,
            expected="twice as wide as high, row 0 at 90° N, column 0 at 180° W",
            found=f"{height} × {width}",
            remedy="fetch the provider's own file, or write into it where its pixels lie: "
            "`rio edit-info --crs EPSG:4326 --transform TRANSFORM FILE`",
        )
    return Layout(Grid.regular("-180", "90", f"360/{width}", f"180/{height}", shape))
