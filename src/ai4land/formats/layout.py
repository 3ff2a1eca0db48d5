"""Layout: how the rows and columns of a file lie on a north-up grid within −180…180° E."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

import numpy as np
import numpy.typing as npt

from ai4land.errors import GridError, SourceError
from ai4land.grid import Grid, Window

__all__ = [
    "Layout",
    "layout_from_axes",
    "layout_from_transform",
    "same_grid",
]

Array = npt.NDArray[Any]
Floats = npt.NDArray[np.float64]
Read = Callable[[slice, slice], Array]
_LOG = logging.getLogger(__name__)
_NOISE = Fraction(1, 1000)  # share of a cell that coordinates in files are off by


@dataclass(frozen=True, slots=True)
class Layout:
    """Where the cells of a grid are found in a file.

    Attributes:
        grid: The grid, row 0 in the north, west within −180…180° E.
        flipped: Whether row 0 of the file is the southernmost.
        roll: Column of the file that holds column 0 of the grid (0…360° files).
    """

    grid: Grid
    flipped: bool = False
    roll: int = 0

    def gather(self, window: Window, read: Read) -> Array:
        """Read a window of the grid, north up, from the one or two blocks it fills in the file.

        Args:
            window: Inside the grid, or around it if it is global.
            read: Reads row and column slices of the file, ``(..., rows, columns)``.
        """
        parts = []
        for piece in self.grid.pieces(window):
            rows, cols = piece.source
            if self.flipped:
                rows = slice(self.grid.height - rows.stop, self.grid.height - rows.start)
            parts += [read(rows, run) for run in self._runs(cols)]
        values = parts[0] if len(parts) == 1 else np.concatenate(parts, axis=-1)
        return values[..., ::-1, :] if self.flipped else values

    def _runs(self, cols: slice) -> list[slice]:
        """Column slices of the file that hold consecutive columns of the grid."""
        width = self.grid.width
        start = (cols.start + self.roll) % width
        stop = start + cols.stop - cols.start
        return (
            [slice(start, stop)] if stop <= width else [slice(start, width), slice(0, stop - width)]
        )


def _arranged(grid: Grid, flipped: bool, where: object) -> Layout:
    """Bring the western edge into −180…180° E: a roll if the grid is global, else whole turns.

    Raises:
        SourceError: If a row reaches beyond a pole by another share than half of it (a node on
            the pole, as in ERA5): then the file's georeference is shifted.
    """
    for cut, beyond in zip(grid.cut, (grid.north - 90, -90 - grid.south), strict=True):
        if cut and abs(beyond / grid.dy - Fraction(1, 2)) > _NOISE:
            raise SourceError(
                "The rows neither end at the pole nor stand on it",
                where=where,
                expected="an edge or a row's centre at 90°",
                found=f"an edge at {float(90 + beyond):.7g}°, rows of {float(grid.dy):.7g}°",
                remedy="correct the latitudes or the georeference of the file",
            )
    if grid.is_global:
        roll = math.ceil((-180 - grid.west) / grid.dx - _NOISE) % grid.width
        west = grid.west + roll * grid.dx
        turns = round((west + 180) / 360)
        return Layout(replace(grid, west=west - 360 * turns), flipped, roll)
    turns = math.floor((grid.west + 180) / 360)
    return Layout(replace(grid, west=grid.west - 360 * turns), flipped)


def layout_from_transform(
    transform: tuple[float, ...], shape: tuple[int, int], where: object
) -> Layout:
    """The layout of a raster with an affine transform.

    Args:
        transform: ``(a, b, c, d, e, f)`` of column, row → longitude, latitude in degrees.
        shape: Rows and columns of the file.
        where: The file, for the error text.

    Raises:
        SourceError: If the raster is rotated, runs westward, or lies beyond the globe.
    """
    a, b, c, d, e, f = transform[:6]
    if b or d or a <= 0 or e == 0:
        raise SourceError(
            "The raster is rotated, sheared or runs westward",
            where=where,
            expected="columns eastward, rows north–south",
            found=f"transform {tuple(transform[:6])}",
            remedy="warp it to a north-up grid: `rio warp FILE OUT --dst-crs EPSG:4326`",
        )
    north = f if e < 0 else f + e * shape[0]
    try:
        grid = Grid.regular(c, north, a, abs(e), shape)
    except GridError as error:
        raise SourceError(
            "The raster's georeference is impossible", where=where, found=error
        ) from error
    return _arranged(grid, e > 0, where)


def layout_from_axes(
    latitude: Floats,
    longitude: Floats,
    where: object,
    rows: Floats | None = None,
    columns: Floats | None = None,
) -> Layout:
    """The layout of a NetCDF variable: by the bounds of its cells, else by coordinates of centres.

    Args:
        latitude: Degrees north, ascending or descending, ``(rows,)``.
        longitude: Degrees east, ascending but for one leap of 360°, ``(columns,)``.
        where: The file, for the error text.
        rows: Southern and northern edge of each row in any order, ``(rows, 2)``.
        columns: Western and eastern edge of each column in any order, ``(columns, 2)``.

    Raises:
        SourceError: If the axes are not those of a regular grid, or contradict their bounds.
    """
    latitude, height = _centres(latitude, rows, "latitude", where)
    longitude, width = _centres(_unwrapped(longitude), columns, "longitude", where)
    if longitude.size > 2 and abs(longitude[-1] - longitude[0] - 360) < 1e-3:
        raise SourceError(
            "The first and the last column are the same meridian",
            where=where,
            expected="cell centres",
            found=f"longitudes {longitude[0]:g}…{longitude[-1]:g}° in {longitude.size} columns",
            remedy="fetch the cell-registered edition of the product",
        )
    return _regular(latitude, longitude, where, (height, width))


def _regular(
    latitude: Floats, longitude: Floats, where: object, sizes: tuple[float | None, float | None]
) -> Layout:
    """The layout of centres; an axis of one cell needs its size."""
    one = [
        axis.size == 1 and size is not None
        for axis, size in zip((latitude, longitude), sizes, strict=True)
    ]
    if one[0]:
        latitude = np.append(latitude, latitude - float(sizes[0] or 0))
    if one[1]:
        longitude = np.append(longitude, longitude + float(sizes[1] or 0))
    flipped = latitude.ndim == 1 and latitude.size > 1 and bool(latitude[0] < latitude[-1])
    try:
        grid = Grid.from_centres(latitude[::-1] if flipped else latitude, longitude)
    except GridError as error:
        raise SourceError(
            "The coordinates are not those of a regular grid",
            where=where,
            found=error,
            remedy="bring the map onto a regular grid, for example with `cdo remapcon`",
        ) from error
    if any(one):
        grid = grid.crop(Window(0, 0, grid.height - one[0], grid.width - one[1]))
    return _arranged(grid, flipped, where)


def _unwrapped(longitude: Floats) -> Floats:
    """Longitudes that ascend, where the file leaps once from 180 to −180, or from 360 to 0."""
    leaps = np.flatnonzero(np.diff(longitude) < -180.0) if longitude.ndim == 1 else np.empty(0)
    if len(leaps) != 1:
        return longitude
    out = longitude.copy()
    out[leaps[0] + 1 :] += 360.0
    return out


def _centres(
    centres: Floats, bounds: Floats | None, name: str, where: object
) -> tuple[Floats, float | None]:
    """Centres of cells by their bounds, and the size of the first cell if bounds tell it.

    Bounds without length say nothing. Where centres are those of the bounds, which may be cut at
    the poles, they stay to the last digit.

    Raises:
        SourceError: If a coordinate lies outside of its cell, or the cells do not touch.
    """
    if bounds is None:
        return centres, None
    low, high = bounds.min(axis=1), bounds.max(axis=1)
    size = high - low
    if not (np.isfinite(bounds).all() and (size > 1e-9).all()):
        _LOG.warning("%s: the bounds of the %s have no length; they are not used", where, name)
        return centres, None
    if name == "longitude" and np.median(size) < 180.0:  # a cell astride the date line
        leap = size > 180.0
        low, high = np.where(leap, high, low), np.where(leap, low + 360.0, high)
        size = high - low
    noise = np.maximum(1e-3 * size, 2e-5)  # float32 coordinates carry about 1e-5° of noise
    middle = (low + high) / 2
    turn = 360.0 * np.round((centres - middle) / 360.0) if name == "longitude" else 0.0
    middle, low, high = middle + turn, low + turn, high + turn
    outside = (centres < low - noise) | (centres > high + noise)
    gaps = np.minimum(np.abs(low[1:] - high[:-1]), np.abs(high[1:] - low[:-1]))
    apart = (
        gaps > noise[1:]
        if name == "latitude"
        else (gaps % 360.0 > noise[1:]) & (gaps % 360.0 < 360.0 - noise[1:])
    )
    if outside.any() or apart.any():
        at = int(np.flatnonzero(outside)[0] if outside.any() else np.flatnonzero(apart)[0])
        raise SourceError(
            f"The {name} and its bounds contradict each other",
            where=where,
            expected="coordinates inside of their cells, and cells that touch",
            found=f"{centres[at]:g}° between {low[at]:g}° and {high[at]:g}°",
            remedy="correct the bounds, or delete the attribute `bounds` to use the coordinates "
            "as centres",
        )
    cut = (np.abs(np.abs(bounds).max(axis=1) - 90.0) < 1e-6) if name == "latitude" else False
    same = (np.abs(middle - centres) <= noise) | cut
    if same.all() and (centres.size > 2 or not np.any(cut)):
        return centres, float(size[0])
    return middle, float(size[0])


def same_grid(one: Grid, two: Grid) -> bool:
    """Whether edges agree within a thousandth of a cell, the noise of coordinates in files."""
    slack_x, slack_y = float(one.dx) / 1000, float(one.dy) / 1000
    return one.shape == two.shape and (
        abs(float(one.west - two.west)) < slack_x
        and abs(float(one.east - two.east)) < slack_x
        and abs(float(one.north - two.north)) < slack_y
        and abs(float(one.south - two.south)) < slack_y
    )
