"""Grid: the complete, immutable description of a regular latitude–longitude grid."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

import numpy as np
import numpy.typing as npt

from ai4land.errors import GridError
from ai4land.grid.earth import SPHERE, WGS84, Earth
from ai4land.grid.windows import Piece, Window

__all__ = ["Grid"]

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]
Number = Fraction | float | int | str

_EARTHS = {earth.name: earth for earth in (WGS84, SPHERE)}
_SNAP = 1e-6  # share of a cell by which all cells together may move when a spacing is snapped


def _simplest(value: Number, slack: float) -> Fraction:
    """The fraction of smallest denominator within ``slack`` of a decimal number.

    Args:
        value: A number; a fraction, integer or string such as ``"1/120"`` is taken literally.
        slack: Largest change allowed.
    """
    if isinstance(value, Fraction | int | str):
        return Fraction(value)
    if not math.isfinite(value):
        raise GridError("A coordinate or cell size is not a number", found=value)
    low, high = Fraction(value) - Fraction(slack), Fraction(value) + Fraction(slack)
    if low <= 0 <= high:
        return Fraction(0)
    if high < 0:
        return -_between(-high, -low)
    return _between(low, high)


def _between(low: Fraction, high: Fraction) -> Fraction:
    """The simplest fraction in a positive interval (walk down the Stern–Brocot tree)."""
    whole = math.floor(low)
    if whole == low:
        return low
    if whole + 1 <= high:
        return Fraction(whole + 1)
    return whole + 1 / _between(1 / (high - whole), 1 / (low - whole))


@dataclass(frozen=True, slots=True)
class Grid:
    """A regular latitude–longitude grid, north up, row 0 in the north.

    Edges are exact fractions of a degree, so that nesting is a fact and not a tolerance.

    A row may reach beyond a pole by up to half its height, and is cut there: this is how grids
    whose nodes stand on the poles are described (ERA5: 721 nodes, the outer two rows half as
    high). ``north``, ``south`` and ``dy`` belong to the even spacing, of which every index is
    counted; edges, areas and overlaps are those of the rows as they are cut. The coordinate of a
    row is always the middle of the uncut row, so ±90 for a row whose node stands on a pole.

    Attributes:
        west: Western edge of column 0 in degrees east.
        north: Northern edge of row 0 in degrees north before it is cut at the pole.
        dx: Width of a cell in degrees, positive.
        dy: Height of a cell in degrees, positive (southward).
        height: Number of rows.
        width: Number of columns.
        earth: Earth model from which areas are taken.
    """

    west: Fraction
    north: Fraction
    dx: Fraction
    dy: Fraction
    height: int
    width: int
    earth: Earth = field(default=WGS84)

    def __post_init__(self) -> None:
        """Refuse impossible geometry."""
        if self.height < 1 or self.width < 1 or self.dx <= 0 or self.dy <= 0:
            raise GridError(
                "Impossible grid",
                expected="at least one cell and positive cell sizes",
                found=f"{self.height} × {self.width} cells, {float(self.dy)}° × {float(self.dx)}°",
            )
        reach = 90 + self.dy * Fraction(5_001, 10_000)
        if self.north > reach or self.south < -reach:
            raise GridError(
                "The grid reaches beyond a pole",
                expected="row centres within −90…90°",
                found=f"{float(self.south)}…{float(self.north)}°",
                remedy="check whether latitude and longitude are swapped",
            )
        if self.dx * self.width > 360 * (1 + Fraction(1, 10**9)):
            raise GridError(
                "The grid is wider than the globe", found=f"{float(self.dx * self.width)}°"
            )

    @classmethod
    def regular(
        cls,
        west: Number,
        north: Number,
        dx: Number,
        dy: Number,
        shape: tuple[int, int],
        earth: Earth = WGS84,
    ) -> Grid:
        """Build a grid from numbers, restoring the fractions that decimals stand for.

        Args:
            west: Western edge, degrees east.
            north: Northern edge, degrees north.
            dx: Cell width in degrees.
            dy: Cell height in degrees, positive.
            shape: Rows and columns.
            earth: Earth model.
        """
        height, width = shape
        if height < 1 or width < 1:
            raise GridError("Impossible grid", expected="at least one cell", found=shape)
        size_x, size_y = float(_simplest(dx, 0.0)), float(_simplest(dy, 0.0))
        return cls(
            _simplest(west, _SNAP * size_x),
            _simplest(north, _SNAP * size_y),
            _simplest(dx, _SNAP * size_x / width),
            _simplest(dy, _SNAP * size_y / height),
            height,
            width,
            earth,
        )

    @classmethod
    def from_centres(cls, latitude: FloatArray, longitude: FloatArray) -> Grid:
        """Build a grid from the coordinates of its cell centres.

        Args:
            latitude: Degrees north, descending, evenly spaced, at least two; ±90 gives a row
                that is cut at the pole.
            longitude: Degrees east, ascending, evenly spaced, at least two.

        Raises:
            GridError: If a coordinate is not evenly spaced or runs the wrong way.
        """
        dy, north = _axis("latitude", -np.asarray(latitude, dtype=np.float64))
        dx, west = _axis("longitude", np.asarray(longitude, dtype=np.float64))
        return cls(west, -north, dx, dy, len(latitude), len(longitude))

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        return self.height, self.width

    @property
    def south(self) -> Fraction:
        """Southern edge of the last row in degrees north before it is cut at the pole."""
        return self.north - self.dy * self.height

    @property
    def east(self) -> Fraction:
        """Eastern edge of the last column in degrees east."""
        return self.west + self.dx * self.width

    @property
    def is_global(self) -> bool:
        """Whether the columns close around the globe."""
        return abs(self.dx * self.width - 360) < self.dx * Fraction(1, 1000)

    @property
    def circle(self) -> int | None:
        """Cells of this width around the globe; ``None`` if they do not close."""
        count = Fraction(360) / self.dx
        whole = round(count)
        return whole if abs(count - whole) < Fraction(1, 1000) else None

    @property
    def anchor(self) -> tuple[int, int]:
        """Row and column of the first cell, counted from 90° N and 180° W in cells of this size.

        A cell keeps its number in every cut of a grid, so that what is anchored to it (tiles,
        draws) does not depend on the cut.
        """
        col = math.floor((self.west + 180) / self.dx + Fraction(1, 10**6))
        row = math.floor((90 - self.north) / self.dy + Fraction(1, 10**6))
        return row, col if self.circle is None else col % self.circle

    @property
    def cut(self) -> tuple[bool, bool]:
        """Whether the first row is cut at the north pole, and the last one at the south pole."""
        slack = self.dy * Fraction(1, 10_000)
        return self.north > 90 + slack, self.south < -90 - slack

    @property
    def transform(self) -> tuple[float, float, float, float, float, float]:
        """Affine coefficients ``(a, b, c, d, e, f)`` of column, row → longitude, latitude."""
        return (float(self.dx), 0.0, float(self.west), 0.0, -float(self.dy), float(self.north))

    def latitude_edges(self) -> FloatArray:
        """Row edges in degrees north, descending, none beyond a pole, ``(height + 1,)``."""
        return np.clip(_edges(self.north, -self.dy, self.height + 1), -90.0, 90.0)

    def longitude_edges(self) -> FloatArray:
        """Column edges in degrees east, ascending, shape ``(width + 1,)``."""
        return _edges(self.west, self.dx, self.width + 1)

    def latitudes(self) -> FloatArray:
        """Row centres in degrees north, descending, shape ``(height,)``; ±90 on a pole."""
        return _edges(self.north - self.dy / 2, -self.dy, self.height)

    def longitudes(self) -> FloatArray:
        """Column centres in degrees east, ascending, shape ``(width,)``."""
        return _edges(self.west + self.dx / 2, self.dx, self.width)

    def row_areas(self) -> FloatArray:
        """True area in m² of one cell of each row, shape ``(height,)``."""
        zones = self.earth.zone_area(self.latitude_edges())
        return np.asarray(-np.diff(zones) * math.radians(float(self.dx)))

    def cell_areas(self, window: Window | None = None) -> FloatArray:
        """True cell areas in m², read-only, shape of the grid or of a window inside it."""
        window = window or self.window
        rows = self.row_areas()[window.slices[0]]
        return np.broadcast_to(rows[:, None], window.shape)

    @property
    def window(self) -> Window:
        """The window of all cells."""
        return Window(0, 0, self.height, self.width)

    def band(self, row: int, rows: int) -> Window:
        """The window of all columns from a row on, of so many rows or to the last."""
        return Window(row, 0, min(rows, self.height - row), self.width)

    def crop(self, window: Window) -> Grid:
        """The grid of a window, which may reach east or west around a global grid."""
        return Grid(
            self.west + window.col * self.dx,
            self.north - window.row * self.dy,
            self.dx,
            self.dy,
            window.height,
            window.width,
            self.earth,
        )

    def window_of(self, west: Number, south: Number, east: Number, north: Number) -> Window:
        """The smallest window of whole cells that covers a box in degrees.

        The box is cut at the grid's border; a box with ``east < west`` crosses the date line.

        Raises:
            GridError: If the box has no area or lies outside the grid.
        """
        left, right = Fraction(west), Fraction(east)
        bottom, top = max(Fraction(south), Fraction(-90)), min(Fraction(north), Fraction(90))
        if right <= left:
            right += 360
        hair = Fraction(1, 10**6)  # a box edge this close to a cell edge means that edge
        first, stop = self._columns_of(left, right, hair)
        row = max(math.floor((self.north - top) / self.dy + hair), 0)
        height = min(math.ceil((self.north - bottom) / self.dy - hair), self.height) - row
        if bottom >= top or height < 1 or stop <= first:
            raise GridError(
                "The region does not meet the grid",
                expected=f"inside {self.describe()}",
                found=f"west {west}, south {south}, east {east}, north {north}",
            )
        return Window(row, first, height, stop - first)

    def _columns_of(self, left: Fraction, right: Fraction, hair: Fraction) -> tuple[int, int]:
        """First column and the one after the last that a span of longitudes meets."""
        if self.is_global:
            first = math.floor((left - self.west) / self.dx + hair)
            span = math.ceil((right - self.west) / self.dx - hair) - first
            return first % self.width, first % self.width + min(span, self.width)
        starts, stops = [], []
        for turn in (-720, -360, 0, 360, 720):  # the box may be written in any turn of the globe
            start = max(math.floor((left + turn - self.west) / self.dx + hair), 0)
            stop = min(math.ceil((right + turn - self.west) / self.dx - hair), self.width)
            if start < stop:
                starts.append(start)
                stops.append(stop)
        return min(starts, default=0), max(stops, default=0)

    def pieces(self, window: Window) -> list[Piece]:
        """Cut a window into contiguous parts of the grid; what lies outside is in none.

        On a global grid columns wrap at the date line; nothing else in AI4Land knows of it.
        """
        top, bottom = max(window.row, 0), min(window.row + window.height, self.height)
        if top >= bottom:
            return []
        rows = slice(top, bottom), slice(top - window.row, bottom - window.row)
        pieces = []
        col, end = window.col, window.col + window.width
        while col < end:
            if self.is_global:
                start = col % self.width
                stop = min(start + end - col, self.width)
            elif col < 0:
                col = min(0, end)
                continue
            else:
                start, stop = col, min(end, self.width)
                if start >= stop:
                    break
            target = slice(col - window.col, col - window.col + stop - start)
            pieces.append(Piece((rows[0], slice(start, stop)), (rows[1], target)))
            col += stop - start
        return pieces

    def nearest(self, other: Grid) -> tuple[IntArray, IntArray]:
        """Row and column of this grid in which each row and column centre of ``other`` lies.

        Returns:
            Rows ``(other.height,)`` and columns ``(other.width,)``; −1 outside this grid.
        """
        latitude = other.latitudes()
        rows = np.floor((float(self.north) - latitude) / float(self.dy) + 1e-9)
        if self.south <= -90 + self.dy * Fraction(1, 10_000):
            # a node on the south pole stands on the lower edge of the row that ends there
            rows = np.minimum(rows, np.where(latitude < -90 + 1e-9, self.height - 1, np.inf))
        hair = 1e-9 * float(self.dx)  # a centre on an edge may round to either side of it
        cols = np.floor(
            np.mod(other.longitudes() - float(self.west) + hair, 360.0) / float(self.dx)
        )
        if self.is_global:
            cols = np.mod(cols, self.width)
        rows = np.where((rows >= 0) & (rows < self.height), rows, -1)
        cols = np.where((cols >= 0) & (cols < self.width), cols, -1)
        return rows.astype(np.int64), cols.astype(np.int64)

    def coarsen(self, rows: int, cols: int) -> Grid:
        """The grid whose cells hold ``rows × cols`` of these; the last ones may be cut short."""
        return Grid(
            self.west,
            self.north,
            self.dx * cols,
            self.dy * rows,
            -(-self.height // rows),
            -(-self.width // cols),
            self.earth,
        )

    def describe(self) -> str:
        """One line for people."""
        edges = self.latitude_edges()
        return (
            f"{self.height} × {self.width} cells of {float(self.dy):.7g}° × {float(self.dx):.7g}°, "
            f"{float(self.west):.7g}…{float(self.east):.7g}° E, "
            f"{edges[-1]:.7g}…{edges[0]:.7g}° N"
            f"{', rows cut at the poles' if any(self.cut) else ''}"
        )

    def to_dict(self) -> dict[str, Any]:
        """The grid as plain data, exact, the inverse of ``Grid.from_dict``."""
        return {
            "west": str(self.west),
            "north": str(self.north),
            "dx": str(self.dx),
            "dy": str(self.dy),
            "height": self.height,
            "width": self.width,
            "earth": self.earth.name,
            "crs": "EPSG:4326",
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Grid:
        """Build a grid from plain data.

        Raises:
            GridError: If the data does not describe a grid.
        """
        try:
            return cls(
                Fraction(data["west"]),
                Fraction(data["north"]),
                Fraction(data["dx"]),
                Fraction(data["dy"]),
                int(data["height"]),
                int(data["width"]),
                _EARTHS[data["earth"]],
            )
        except (KeyError, TypeError, ValueError, ZeroDivisionError) as error:
            raise GridError("Not a grid", found=dict(data), expected="see Grid.to_dict") from error


def _edges(start: Fraction, step: Fraction, count: int) -> FloatArray:
    """``start + k·step`` for k < count, each correctly rounded from the exact fraction."""
    common = math.lcm(start.denominator, step.denominator)
    first = start.numerator * (common // start.denominator)
    stride = step.numerator * (common // step.denominator)
    if max(abs(first), abs(first + count * stride), common) < 2**53:
        return (first + np.arange(count, dtype=np.int64) * stride) / np.float64(common)
    return np.array([float(start + k * step) for k in range(count)])


def _axis(name: str, centres: FloatArray) -> tuple[Fraction, Fraction]:
    """Step and first edge of evenly spaced ascending centres, as simple as their noise allows."""
    if centres.ndim != 1 or centres.size < 2:
        raise GridError(f"The {name} needs one dimension and two cells", found=centres.shape)
    sign = -1.0 if name == "latitude" else 1.0  # latitudes come negated
    step = (centres[-1] - centres[0]) / (centres.size - 1)
    noise = float(np.abs(centres[0] + step * np.arange(centres.size) - centres).max()) + 1e-12
    # float32 coordinates carry about 1e-5° of noise; an uneven axis is off by more
    if not (step > 0 and noise <= max(1e-3 * step, 2e-5)):
        raise GridError(
            f"The {name} is not an evenly spaced axis",
            expected="latitude descending, longitude ascending, equal steps",
            found=f"{sign * centres[0]:g} … {sign * centres[-1]:g} in {centres.size} cells, "
            f"up to {noise:.2g}° off even steps",
        )
    exact = _simplest(float(step), 2.0 * noise / centres.size)
    return exact, _simplest(float(centres[0]) - float(exact) / 2, 2.0 * noise)
