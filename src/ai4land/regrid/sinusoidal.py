"""The sinusoidal grid of MODIS land products: tile arithmetic, and the way to a regular grid.

The projection of a sphere of 6371007.181 m, x = R λ cos φ, y = R φ, in 36 × 18 tiles of
1111950.52 m (MODLAND grid, https://modis-land.gsfc.nasa.gov/GCTP.html). Rows are equal
steps of latitude, and every pixel has the same area.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from ai4land.errors import GridError
from ai4land.grid import Grid

__all__ = ["SinusoidalGrid", "sinusoidal_mean", "sinusoidal_nearest"]

FloatArray = npt.NDArray[np.float64]
Scalar = TypeVar("Scalar", bound=np.generic)

RADIUS = 6371007.181
_TILES = (18, 36)  # rows and columns of tiles
_DEGREES = 10.0  # side of a tile in degrees of latitude, and of longitude at the equator
_TILE_METRES = math.pi * RADIUS / _TILES[0]
_STEP = 120  # every pixel size in use divides a tile into a multiple of it
_SLACK = 0.01  # share of a pixel by which corners may lie off the grid: they are rounded in files


@dataclass(frozen=True, slots=True)
class SinusoidalGrid:
    """A window of the global sinusoidal grid, row 0 in the north, in whole pixels.

    Positions are whole numbers, so tiles of one pixel size fit together without rounding.

    Attributes:
        row: Rows between the north pole and the window.
        col: Columns between the western end of the equator (180° W) and the window.
        height: Number of rows.
        width: Number of columns.
        cells: Pixels along a side of a tile: 1200, 2400 or 4800 for 1 km, 500 m and 250 m.
    """

    row: int
    col: int
    height: int
    width: int
    cells: int = 2400

    def __post_init__(self) -> None:
        """Refuse windows that are empty or beyond the grid."""
        bottom, right = self.row + self.height, self.col + self.width
        if (
            min(self.height, self.width, self.cells) < 1
            or min(self.row, self.col) < 0
            or bottom > _TILES[0] * self.cells
            or right > _TILES[1] * self.cells
        ):
            raise GridError(
                "Not a part of the sinusoidal grid",
                expected=f"within {_TILES[0]} × {_TILES[1]} tiles of {self.cells} pixels",
                found=f"rows {self.row}…{bottom}, columns {self.col}…{right}",
            )

    @classmethod
    def tile(cls, h: int, v: int, cells: int = 2400) -> SinusoidalGrid:
        """The grid of a tile, numbered from the north-west: ``h`` 0…35, ``v`` 0…17.

        Raises:
            GridError: If there is no such tile.
        """
        if not (0 <= h < _TILES[1] and 0 <= v < _TILES[0]):
            raise GridError("There is no such tile", expected="h00…h35, v00…v17", found=(h, v))
        return cls(v * cells, h * cells, cells, cells, cells)

    @classmethod
    def from_metres(
        cls, left: float, top: float, cell: float, shape: tuple[int, int]
    ) -> SinusoidalGrid:
        """The grid of a file from its north-western corner.

        Args:
            left: x of the western edge in m.
            top: y of the northern edge in m.
            cell: Side of a pixel in m.
            shape: Rows and columns.

        Raises:
            GridError: If the pixels are not those of the MODIS grid.
        """
        cells = max(_STEP * round(_TILE_METRES / cell / _STEP), 1) if cell > 0 else 1
        size = _TILE_METRES / cells
        row = _TILES[0] * cells / 2 - top / size
        col = _TILES[1] * cells / 2 + left / size
        stretch = abs(cell - size) / size * max(shape)
        off = max(abs(row - round(row)), abs(col - round(col)), stretch)
        if not off <= _SLACK:
            raise GridError(
                "The pixels are not those of the MODIS sinusoidal grid",
                expected="pixels of 463.3127 m (or its half, double …) from a tile's corner on",
                found=f"pixels of {cell:.7g} m, corner x {left:.10g}, y {top:.10g}",
                remedy="export the tile without resampling it",
            )
        return cls(round(row), round(col), *shape, cells)

    @classmethod
    def from_centres(cls, x: FloatArray, y: FloatArray) -> SinusoidalGrid:
        """The grid of a file with coordinates of pixel centres in m, x ascending, y descending.

        Raises:
            GridError: If they are not evenly spaced pixels of the MODIS grid.
        """
        if x.ndim != 1 or y.ndim != 1 or x.size < 2 or y.size < 2:
            raise GridError("A sinusoidal grid needs two coordinates", found=(x.shape, y.shape))
        cell = float(x[-1] - x[0]) / (x.size - 1)
        uneven = [np.abs(np.diff(axis) - step).max() for axis, step in ((x, cell), (y, -cell))]
        if max(uneven) > _SLACK * abs(cell):
            raise GridError(
                "The coordinates are not evenly spaced pixels",
                expected="x ascending and y descending by one step",
                found=f"x {x[0]:.7g}…{x[-1]:.7g}, y {y[0]:.7g}…{y[-1]:.7g}",
            )
        corner = float(x[0]) - cell / 2, float(y[0]) + cell / 2
        return cls.from_metres(*corner, cell, (y.size, x.size))

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        return self.height, self.width

    @property
    def metres(self) -> tuple[float, float, float]:
        """X of the western edge, y of the northern edge, and side of a pixel in m."""
        size = _TILE_METRES / self.cells
        return (
            (self.col - _TILES[1] * self.cells / 2) * size,
            (_TILES[0] * self.cells / 2 - self.row) * size,
            size,
        )

    def position(
        self, latitude: FloatArray, longitude: FloatArray
    ) -> tuple[FloatArray, FloatArray]:
        """Where a place lies, in pixels from the north-western corner: 0.5 is a pixel's centre.

        Args:
            latitude: Degrees north, any shape.
            longitude: Degrees east within −180…180, of a shape that fits.

        Returns:
            Rows and columns, fractional, outside 0…height and 0…width beyond the window. The
            MODLAND tile calculator counts from the centre of the first pixel: half a pixel less.
        """
        per_degree = self.cells / _DEGREES
        x = np.asarray(longitude) * np.cos(np.radians(latitude))
        return (
            (90.0 - np.asarray(latitude)) * per_degree - self.row,
            (180.0 + x) * per_degree - self.col,
        )

    def places(self, row: FloatArray, col: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Latitude and longitude in degrees of positions, the inverse of ``position``.

        Longitudes beyond ±180° are outside the globe: the corners of the outer tiles are empty.
        """
        step = _DEGREES / self.cells
        latitude = 90.0 - (np.asarray(row) + self.row) * step
        x = (np.asarray(col) + self.col) * step - 180.0
        with np.errstate(divide="ignore", invalid="ignore"):
            return latitude, x / np.cos(np.radians(latitude))

    def coordinates(self) -> tuple[FloatArray, FloatArray]:
        """Latitude ``(height, 1)`` and longitude ``(height, width)`` of pixel centres, degrees."""
        rows = np.arange(self.height, dtype=np.float64)[:, None] + 0.5
        return self.places(rows, np.arange(self.width, dtype=np.float64)[None, :] + 0.5)

    @property
    def bounds(self) -> tuple[float, float, float, float]:
        """West, south, east and north in degrees of the smallest box around the window.

        Raises:
            GridError: If the window lies outside the globe.
        """
        step = _DEGREES / self.cells
        north, south = 90.0 - self.row * step, 90.0 - (self.row + self.height) * step
        near = 0.0 if south <= 0.0 <= north else min(abs(north), abs(south))
        far = max(abs(north), abs(south))
        ends = [self.col * step - 180.0, (self.col + self.width) * step - 180.0]
        scales = [math.cos(math.radians(near)), math.cos(math.radians(far))]
        # what lies beyond ±180° is no place: a border is met where the meridian leaves the globe
        lons = [x / max(c, 1e-12) for x in ends for c in scales]
        west, east = max(min(lons), -180.0), min(max(lons), 180.0)
        if west >= 180.0 - 1e-9 or east <= -180.0 + 1e-9:
            raise GridError("The tile lies outside the globe", found=self)
        return west, south, east, north

    def regular(self, side: Fraction) -> Grid:
        """The regular grid of whole multiples of a cell size that covers the window.

        Args:
            side: Side of a cell in degrees.
        """
        west, south, east, north = self.bounds
        hair = 1e-9
        left, right = math.floor(west / side + hair), math.ceil(east / side - hair)
        bottom, top = math.floor(south / side + hair), math.ceil(north / side - hair)
        return Grid(left * side, top * side, side, side, top - bottom, right - left)

    def cover(self, target: Grid) -> SinusoidalGrid | None:
        """The part of the window that a regular grid touches, ``None`` if there is none."""
        _check_target(target)
        south, north = float(target.south), float(target.north)
        lats = [south, north, *([0.0] if south < 0.0 < north else [])]
        corners = [(lat, lon) for lat in lats for lon in (float(target.west), float(target.east))]
        found = np.array([self.position(np.asarray(a), np.asarray(b)) for a, b in corners])
        (top, left), (bottom, right) = np.floor(found.min(axis=0)), np.ceil(found.max(axis=0))
        first_row, last_row = max(int(top), 0), min(int(bottom), self.height)
        first_col, last_col = max(int(left), 0), min(int(right), self.width)
        if first_row >= last_row or first_col >= last_col:
            return None
        return replace(
            self,
            row=self.row + first_row,
            col=self.col + first_col,
            height=last_row - first_row,
            width=last_col - first_col,
        )


def sinusoidal_nearest(
    values: npt.NDArray[Scalar], source: SinusoidalGrid, target: Grid, fill: float
) -> npt.NDArray[Scalar]:
    """The value of the pixel in which each target centre lies.

    Invents no value, so it is safe for classes; conserves nothing: towards coarser grids most
    pixels are dropped.

    Args:
        values: Values on the sinusoidal grid, shape ``(…, y, x)``, any type and unit.
        source: Grid of the values.
        target: Regular grid within 180° W…180° E.
        fill: Value where a centre lies outside the window.

    Returns:
        Shape ``(…, Y, X)`` of the target, same type and unit.

    Raises:
        GridError: If the values do not fit, or the target crosses the date line.
    """
    _check_values(values, source)
    _check_target(target)
    rows, cols = source.position(target.latitudes()[:, None], target.longitudes()[None, :])
    rows, cols = np.broadcast_arrays(np.floor(rows), np.floor(cols))
    inside = (rows >= 0) & (rows < source.height) & (cols >= 0) & (cols < source.width)
    row = np.where(inside, rows, 0).astype(np.int64)
    col = np.where(inside, cols, 0).astype(np.int64)
    result = values[..., row, col]
    result[..., ~inside] = fill
    return result


def sinusoidal_mean(
    values: npt.NDArray[np.floating | np.integer],
    source: SinusoidalGrid,
    target: Grid,
    mask: npt.NDArray[np.bool_] | None = None,
    strips: int = 4,
) -> tuple[FloatArray, FloatArray]:
    """Area-weighted mean of the valid pixels in each target cell, and how much of it they fill.

    Each pixel row is cut into strips of latitude; within a strip the shared lengths of pixels and
    cells are exact. Every bit of every pixel goes to one cell, so the integral over a target that
    covers the source is conserved to rounding (1e-12 of it). What the strips approximate is the
    slant of the meridians within a strip. Measured against 64 strips, 4 strips move the means of
    white noise on 500 m pixels in cells of 1/120° by 0.03 % of their standard deviation at 45° N,
    10° E, by 1 % at 45° N, 100° W, and by 5 % at 60° N, 160° E, where a meridian crosses more than
    two pixels per row; twice the strips, a quarter of the error. Smooth fields move far less.

    Args:
        values: Values on the sinusoidal grid, shape ``(y, x)``, any unit.
        source: Grid of the values.
        target: Regular grid within 180° W…180° E.
        mask: True where valid, shape ``(y, x)``; without it every value must be a number.
        strips: Strips per pixel row.

    Returns:
        Means ``(Y, X)`` in the same unit, NaN where no pixel is valid, and the share of each
        cell's area (0…1) that valid pixels fill.

    Raises:
        GridError: If shapes do not fit, a valid value is not a number, or the target crosses the
            date line.
    """
    _check_values(values, source)
    _check_target(target)
    valid = np.ones(source.shape, bool) if mask is None else mask
    if valid.shape != source.shape or strips < 1 or values.ndim != 2:
        raise GridError(
            "Values do not fit the sinusoidal grid",
            expected=f"values and mask {source.shape}, at least one strip",
            found=f"values {values.shape}, mask {valid.shape}, {strips} strips",
        )
    clean = np.where(valid, values, 0.0).astype(np.float64)
    if not np.isfinite(clean).all():
        raise GridError(
            "A value is not a number", remedy="pass a mask that is False where values are missing"
        )
    total, filled, whole = (np.zeros(target.shape) for _ in range(3))
    edges = target.longitude_edges()
    sums = _RowSums(clean, valid)
    for out, row, latitude, thickness in _strips(source, target, strips):
        _, cols = source.position(np.asarray(latitude), edges)
        whole[out] += thickness * np.diff(cols)
        if 0 <= row < source.height:
            cols = np.clip(cols, 0.0, source.width)
            total[out] += thickness * np.diff(sums.values(row, cols))
            filled[out] += thickness * np.diff(sums.lengths(row, cols))
    share = np.minimum(filled / whole, 1.0)
    share[filled <= 1e-9 * whole] = 0.0  # what rounding leaves of nothing
    mean = np.full(target.shape, np.nan)
    np.divide(total, filled, out=mean, where=share > 0.0)
    return mean, share


class _RowSums:
    """Running sums along the pixel rows, made when a row is first asked for."""

    def __init__(self, clean: FloatArray, valid: npt.NDArray[np.bool_]) -> None:
        self._clean, self._valid, self._row = clean, valid, -1
        self._knots = np.arange(clean.shape[1] + 1, dtype=np.float64)
        self._values = self._lengths = np.zeros(clean.shape[1] + 1)

    def values(self, row: int, cols: FloatArray) -> FloatArray:
        """Integral of a row's values from its start to each position, in pixels."""
        self._load(row)
        return np.asarray(np.interp(cols, self._knots, self._values))

    def lengths(self, row: int, cols: FloatArray) -> FloatArray:
        """Valid pixels from the row's start to each position."""
        self._load(row)
        return np.asarray(np.interp(cols, self._knots, self._lengths))

    def _load(self, row: int) -> None:
        if row != self._row:
            self._row = row
            self._values = np.concatenate([[0.0], np.cumsum(self._clean[row])])
            self._lengths = np.concatenate([[0.0], np.cumsum(self._valid[row], dtype=np.float64)])


def _strips(
    source: SinusoidalGrid, target: Grid, strips: int
) -> Iterator[tuple[int, int, float, float]]:
    """Strips that lie in one target row and one pixel row.

    Yields:
        Target row, pixel row, latitude of the middle, thickness in pixel rows.
    """
    edges, _ = source.position(target.latitude_edges(), np.asarray(0.0))
    step = _DEGREES / source.cells
    for out in range(target.height):
        top, bottom = float(edges[out]), float(edges[out + 1])
        inner = np.arange(math.ceil(top * strips), math.floor(bottom * strips) + 1) / strips
        cuts = np.unique(np.clip(np.concatenate([[top], inner, [bottom]]), top, bottom))
        for upper, lower in itertools.pairwise(cuts):
            middle, thickness = (upper + lower) / 2, float(lower - upper)
            if thickness > 1e-9:
                yield out, math.floor(middle), 90.0 - (source.row + middle) * step, thickness


def _check_values(values: npt.NDArray[np.generic], source: SinusoidalGrid) -> None:
    if values.shape[-2:] != source.shape:
        raise GridError(
            "Values do not fit the sinusoidal grid", expected=source.shape, found=values.shape
        )


def _check_target(target: Grid) -> None:
    """The projection is cut at 180°: a grid across it must come in two pieces."""
    if float(target.west) < -180.0 - 1e-9 or float(target.east) > 180.0 + 1e-9:
        raise GridError(
            "The target reaches beyond 180° W…180° E",
            found=target.describe(),
            remedy="ask for the parts on both sides of the date line one by one",
        )
