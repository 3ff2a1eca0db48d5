"""Class maps that a reader places itself: whole-globe rasters, with or without a georeference."""

from __future__ import annotations

import warnings
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import rasterio
from rasterio.errors import NotGeoreferencedWarning, RasterioError

from ai4land.errors import MissingFileError, SourceError
from ai4land.grid import Grid, Window
from ai4land.sources.codes import class_codes
from ai4land.sources.layout import Layout, layout_from_transform, same_grid
from ai4land.sources.rasters import RasterFile
from ai4land.sources.source import (
    Array,
    Fields,
    Product,
    Provenance,
    SourceField,
    checked,
    provenance_of,
    raised,
)
from ai4land.vocabulary import Clock, Legend, Variable

__all__ = ["ClassMaps", "open_global_map"]


def open_global_map(path: Path) -> RasterFile:
    """Read the header of a class map of the whole globe.

    What the file says of its place is believed and checked. If it says nothing of its coordinate
    system, it must be longitude and latitude; if it says nothing of its place at all, row 0 lies
    at 90° N and column 0 at 180° W, and the image must be twice as wide as high.

    Raises:
        MissingFileError: If there is no such file.
        SourceError: If it is not one band of numbers that covers the globe in EPSG:4326.
    """
    if not path.is_file():
        raise MissingFileError("The file is not there", where=path)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", NotGeoreferencedWarning)  # what is missing is supplied
            with rasterio.open(path) as dataset:
                crs, transform, shape = dataset.crs, dataset.transform, dataset.shape
                bands, kinds, nodata = dataset.count, dataset.dtypes, dataset.nodata
    except (RasterioError, OSError) as error:
        raise SourceError(
            "The raster cannot be read: it is damaged, incomplete or of another format",
            where=path,
            found=str(error).strip(),
            remedy="compare its size and checksum with the provider's and fetch it again",
        ) from error
    if bands != 1 or not kinds[0].startswith(("u", "i", "f")):
        raise SourceError(
            "The raster is not one band of numbers",
            where=path,
            found=f"{bands} bands of {', '.join(sorted(set(kinds)))}",
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
            remedy="fetch the provider's own file, or write into it where its pixels lie: "
            "`rio edit-info --crs EPSG:4326 --transform TRANSFORM FILE`",
        )
    return Layout(Grid.regular("-180", "90", f"360/{width}", f"180/{height}", shape))


class ClassMaps:
    """A source of one categorical variable from opened maps, static or by year.

    Args:
        variable: The categorical variable.
        maps: The one static map, or year → map.
        legend: Meaning of the codes in the files.
        product: For provenance.

    Raises:
        SourceError: If the maps lie on different grids.
    """

    def __init__(
        self,
        variable: Variable,
        maps: RasterFile | Mapping[int, RasterFile],
        legend: Legend,
        product: Product,
    ) -> None:
        self._product, self._legend = product, legend
        self._maps: dict[int | None, RasterFile] = (
            {None: maps} if isinstance(maps, RasterFile) else {t: maps[t] for t in sorted(maps)}
        )
        first = next(iter(self._maps.values()))
        for other in self._maps.values():
            if not same_grid(first.layout.grid, other.layout.grid):
                raise SourceError(
                    "A file of the series lies on another grid",
                    where=other.path,
                    expected=f"{first.layout.grid.describe()} as {first.path.name}",
                    found=other.layout.grid.describe(),
                )
        ticks = tuple(t for t in self._maps if t is not None)
        clock = Clock.YEAR if ticks else Clock.STATIC
        self.fields: Mapping[str, SourceField] = Fields(
            {variable.name: SourceField(variable, first.layout.grid, clock, ticks, legend)}
        )

    def read(self, variable: str, tick: int | None, window: Window) -> Array:
        """Class codes of a window, ``(y, x)`` uint8, 255 missing; see ``Source.read``."""
        checked(self.fields, variable, tick, window)
        file = self._maps[tick]
        where = f"{file.path.name}, row {window.row}, column {window.col}"
        return class_codes(file.read(window), self._legend, file.nodata, where)

    def inspect(self, variable: str, ticks: tuple[int, ...], window: Window) -> Mapping[str, Any]:
        """Nothing that headers do not tell."""
        entry = checked(self.fields, variable, ticks[0] if ticks else None, window)
        return raised(entry, ticks, window)

    def provenance(self, ticks: Collection[int] | None = None) -> list[Provenance]:
        """The files behind some times (default: all), hashed."""
        paths = {
            f.path: None for t, f in self._maps.items() if ticks is None or t is None or t in ticks
        }
        return [provenance_of(path, self._product) for path in paths]
