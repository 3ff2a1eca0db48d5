"""Class maps of any projection on longitudes and latitudes, and what that does to their areas."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from math import ceil, floor
from typing import Any

import numpy as np
import numpy.typing as npt

from ai4land.errors import GridError
from ai4land.formats import (
    LONGITUDES,
    Layout,
    Raster,
    class_codes,
    is_wgs84,
    layout_from_transform,
    moved,
)
from ai4land.grid import WGS84, Grid, Window
from ai4land.sources.class_series.class_maps import ClassMaps
from ai4land.sources.rasters import RasterFile
from ai4land.sources.source import Notes, SourceField, Ticks
from ai4land.vocabulary import NO_DATA, Legend

__all__ = ["ReprojectedMaps", "onto_longitudes"]

_METRES_PER_DEGREE = 111_195.0  # of the equator, to choose cells no larger than pixels
_SIDE = 65  # points along a side of the map by which its extent is found
_BLOCK = 2048


def onto_longitudes(raster: Raster, method: str, cells_per_degree: int | None) -> RasterFile:
    """A raster of any system on whole cells of longitude and latitude that cover it.

    Args:
        raster: The raster, in a known system.
        method: ``nearest``, or ``mode`` for the commonest class of larger cells.
        cells_per_degree: Cells wanted; default the fewest that are no larger than its pixels.

    Raises:
        GridError: If the raster says no system, or reaches no place on earth.
    """
    if not raster.grid.crs:
        raise GridError(
            "Only maps that say their coordinate system can be reprojected",
            where=raster.path,
            found="none",
            remedy=f"write it into the file: `rio edit-info --crs EPSG:CODE {raster.path}`",
        )
    if is_wgs84(raster.grid):
        return RasterFile(
            raster, layout_from_transform(raster.grid.transform, raster.shape, raster.path)
        )
    size = raster.grid.pixel / (1.0 if raster.grid.geographic else _METRES_PER_DEGREE)
    per = cells_per_degree or ceil(1 / size - 1e-6)
    lon, lat = moved(*raster.grid.lattice(_SIDE), raster.grid.crs, LONGITUDES)
    known = np.isfinite(lon) & np.isfinite(lat)
    if not known.any():
        raise GridError("The map reaches no place on earth", where=raster.path)
    west, east, south, north = (
        float(f(axis[known])) for axis in (lon, lat) for f in (np.min, np.max)
    )
    edge = 1 / per + 0.5 * (east - west) / _SIDE**2  # between the points it may bulge a little
    left, right = floor((west - edge) * per), ceil((east + edge) * per)
    low, high = floor((south - edge) * per), ceil((north + edge) * per)
    if east - west > 300 or right - left > 360 * per:
        left, right = -180 * per, 180 * per
    low, high = max(low, -90 * per), min(high, 90 * per)
    step = Fraction(1, per)
    grid = Grid(left * step, high * step, step, step, high - low, right - left, WGS84)
    return RasterFile(raster.onto(grid, method), Layout(grid))


class ReprojectedMaps(ClassMaps):
    """Maps that were brought onto longitudes and latitudes; their notes say how and at what cost.

    Args:
        originals: Year → the raster as it is delivered.
        method: The resampling.
        rest, options: As for ``ClassMaps``.
    """

    def __init__(
        self,
        originals: Mapping[int, Raster],
        method: str,
        *rest: Any,  # noqa: ANN401
        **options: Any,  # noqa: ANN401
    ) -> None:
        super().__init__(*rest, **options)
        self._originals, self._method = originals, method

    def _found(self, entry: SourceField, ticks: Ticks, window: Window) -> Notes:
        """Resampling, grid, and the error of each class's area over the whole first map."""
        original, one = self._originals[ticks[0]], self._maps[ticks[0]]
        before = _areas_of_raster(original, self._legend)
        after = _areas_of_grid(one, self._legend)
        named = dict(zip(self._legend.codes, self._legend.names, strict=True))
        errors = {
            name: round(float(after[code] / before[code] - 1), 6)
            for code, name in named.items()
            if before[code] > 0
        }
        known = [code for code in named if before[code] > 0]
        moved_area = np.abs(after[known] - before[known]).sum() / before[known].sum()
        return {
            **super()._found(entry, ticks, window),
            "reprojected": self._method,
            "from": original.grid.crs[:200],
            "onto": entry.grid.describe(),
            "area_error": errors,
            "area_error_of_all": round(float(moved_area), 6),
        }


def _areas_of_raster(raster: Raster, legend: Legend) -> npt.NDArray[np.float64]:
    """Area of each code in m², ``(256,)``, of the file's own pixels."""
    coded, tag = raster.coded()
    areas, total = raster.grid.areas(raster.path), np.zeros(256)
    height, width = raster.shape
    for row in range(0, height, _BLOCK):
        for col in range(0, width, _BLOCK):
            rows, cols = slice(row, min(row + _BLOCK, height)), slice(col, min(col + _BLOCK, width))
            values, missing = coded.read(rows, cols)
            codes = class_codes(values, legend, tag, raster.path, missing)
            if (codes == NO_DATA).all():
                continue
            part = areas[..., rows, cols if areas.shape[1] > 1 else slice(None)]
            weights = np.broadcast_to(part, codes.shape).ravel()
            total += np.bincount(codes.ravel(), weights, 256)
    return total


def _areas_of_grid(one: Any, legend: Legend) -> npt.NDArray[np.float64]:  # noqa: ANN401
    """The same of the map on longitudes and latitudes."""
    grid, total = one.layout.grid, np.zeros(256)
    rows = grid.row_areas()
    for strip in grid.window.strips(max(1, _BLOCK**2 // grid.width)):
        codes = one.codes(strip, legend, str(one.path))
        weights = np.repeat(rows[strip.slices[0]], grid.width)
        total += np.bincount(codes.ravel(), weights, 256)
    return total
