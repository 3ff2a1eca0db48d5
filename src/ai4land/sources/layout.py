"""Layout: how the rows and columns of a file lie on a north-up grid within −180…180° E."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from fractions import Fraction

import numpy as np
import numpy.typing as npt

from ai4land.errors import GridError, SourceError
from ai4land.grid import Grid, Window
from ai4land.sources.source import Array

__all__ = ["Layout", "layout_from_centres", "layout_from_transform", "same_grid"]

Read = Callable[[slice, slice], Array]
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


def layout_from_centres(
    latitude: npt.NDArray[np.float64], longitude: npt.NDArray[np.float64], where: object
) -> Layout:
    """The layout of a NetCDF variable with coordinates of cell centres.

    Args:
        latitude: Degrees north, ascending or descending, ``(rows,)``.
        longitude: Degrees east, ascending, ``(columns,)``.
        where: The file, for the error text.

    Raises:
        SourceError: If the axes are not those of a regular grid.
    """
    flipped = latitude.ndim == 1 and latitude.size > 1 and bool(latitude[0] < latitude[-1])
    try:
        grid = Grid.from_centres(latitude[::-1] if flipped else latitude, longitude)
    except GridError as error:
        raise SourceError(
            "The coordinates are not those of a regular grid", where=where, found=error
        ) from error
    return _arranged(grid, flipped, where)


def same_grid(one: Grid, two: Grid) -> bool:
    """Whether edges agree within a thousandth of a cell, the noise of coordinates in files."""
    slack_x, slack_y = float(one.dx) / 1000, float(one.dy) / 1000
    return one.shape == two.shape and (
        abs(float(one.west - two.west)) < slack_x
        and abs(float(one.east - two.east)) < slack_x
        and abs(float(one.north - two.north)) < slack_y
        and abs(float(one.south - two.south)) < slack_y
    )
