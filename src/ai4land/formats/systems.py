"""Coordinate systems: where the pixels of a raster lie, whether two systems are one, true areas."""

from __future__ import annotations

import itertools
import logging
import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ai4land.errors import GridError
from ai4land.grid import WGS84, Grid

__all__ = [
    "LONGITUDES",
    "PixelAreas",
    "RasterGrid",
    "is_wgs84",
    "moved",
    "same_system",
    "shift",
    "system_of",
]

log = logging.getLogger(__name__)

Floats = npt.NDArray[np.float64]
Indices = npt.NDArray[np.integer[Any]]

LONGITUDES = "OGC:CRS84"
"""Longitude and latitude on WGS 84, in this order."""

DEGREE = math.radians(WGS84.semi_major)
"""Metres of a degree along the equator."""

SLACK = 1e-2  # of a pixel, at any corner: what two writers of one grid may differ by
_SAMPLES = 9  # points along a side of a map at which two systems are compared
_UNKNOWN_DATUM = 0.01  # degree: how far a datum on another ellipsoid may move a place, about 1 km
_NODES = 15e3  # m between pixels from which the area of others is interpolated, to 1e-6
_AT_ONCE = 1 << 20  # corners moved at once
_SPARE = 64  # places without coordinates


@dataclass(frozen=True)
class RasterGrid:
    """Where the pixels of a raster lie, in any coordinate system.

    Attributes:
        transform: Affine coefficients ``(a, b, c, d, e, f)`` of column, row → x, y.
        crs: Coordinate system as rasterio reads it; empty for none.
        geographic: Whether it is one of longitude and latitude.
        shape: Rows and columns.
    """

    transform: tuple[float, ...]
    crs: str
    geographic: bool
    shape: tuple[int, int]

    @classmethod
    def of(cls, grid: Grid) -> RasterGrid:
        """The same of a grid of longitude and latitude."""
        return cls(grid.transform, "EPSG:4326", True, grid.shape)

    @property
    def straight(self) -> bool:
        """Whether rows run along x and columns along y."""
        return self.transform[1] == self.transform[3] == 0

    @property
    def pixel(self) -> float:
        """The shorter side of a pixel, in units of the system."""
        a, b, _, d, e, _ = self.transform
        return float(min(np.hypot(a, d), np.hypot(b, e)))

    def places(self, rows: npt.ArrayLike, cols: npt.ArrayLike) -> tuple[Floats, Floats]:
        """Coordinates x, y of corners, counted in rows and columns from the first one."""
        a, b, c, d, e, f = self.transform
        row, col = np.asarray(rows, np.float64), np.asarray(cols, np.float64)
        return a * col + b * row + c, d * col + e * row + f

    def bounds(self, rows: slice, cols: slice) -> tuple[float, float, float, float]:
        """Least x and y and largest x and y of a block."""
        down, along = [rows.start, rows.start, rows.stop, rows.stop], [cols.start, cols.stop] * 2
        x, y = self.places(down, along)
        return float(x.min()), float(y.min()), float(x.max()), float(y.max())

    def lattice(self, side: int = _SAMPLES) -> tuple[Floats, Floats]:
        """Coordinates x, y of ``side²`` places spread over the map, its corners among them."""
        height, width = self.shape
        rows, cols = np.meshgrid(np.linspace(0, height, side), np.linspace(0, width, side))
        return self.places(rows.ravel(), cols.ravel())

    def areas(self, where: Path) -> npt.NDArray[np.float64] | PixelAreas:
        """True areas of pixels in m²: one per row, ``(height, 1)``, or read block by block.

        Args:
            where: The file, for the error.

        Raises:
            GridError: If the raster does not say where it lies.
        """
        a, _, c, _, e, f = self.transform
        if not self.crs:
            raise GridError(
                "True areas need maps that say their coordinate system",
                where=where,
                found="no coordinate system",
                remedy=f"write it into the file, `rio edit-info --crs EPSG:4326 {where}`, "
                "or score with --weights pixel",
            )
        if self.geographic and self.straight and e < 0 < a and is_wgs84(self):
            return Grid.regular(c, f, a, -e, self.shape).row_areas()[:, np.newaxis]
        return PixelAreas(self)


@dataclass(frozen=True)
class PixelAreas:
    """True areas of the pixels of a raster in any system, in m², computed block by block.

    A pixel's corners are moved onto the WGS 84 ellipsoid and from there to an equal-area plane
    (Lambert's cylindrical projection by authalic latitudes; Snyder 1987, USGS PP 1395, ch. 10).
    Pixels between those of a lattice are interpolated. What lies beyond the earth has no area.
    """

    grid: RasterGrid

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        return self.grid.shape

    def __getitem__(self, key: tuple[Any, ...]) -> Floats:
        """Areas of a block of rows and columns, ``(y, x)``."""
        spans = [np.arange(*key[n].indices(self.shape[n])) for n in (-2, -1)]
        metres = self.grid.pixel * (DEGREE if self.grid.geographic else 1.0)
        every = int(np.clip(_NODES / metres, 1, 64))
        nodes = [np.unique(np.append(span[::every], span[-1])) for span in spans]
        areas = self._exact(*nodes)
        if not np.isfinite(areas).all():  # where the projection ends, every pixel counts itself
            return np.nan_to_num(self._exact(*spans), nan=0.0, posinf=0.0)
        for axis, (span, known) in enumerate(zip(spans, nodes, strict=True)):
            areas = _interpolated(areas, known, span, axis)
        return areas

    def _exact(self, rows: Indices, cols: Indices) -> Floats:
        """Areas of the pixels where some rows meet some columns, no number beyond the earth."""
        step = max(1, _AT_ONCE // cols.size)
        strips = [self._strip(rows[n : n + step], cols) for n in range(0, rows.size, step)]
        return np.concatenate(strips)

    def _strip(self, rows: Indices, cols: Indices) -> Floats:
        down, along = np.union1d(rows, rows + 1), np.union1d(cols, cols + 1)
        x, y = self.grid.places(*np.meshgrid(down, along, indexing="ij"))
        lon, lat = moved(x.ravel(), y.ravel(), self.grid.crs, LONGITUDES)
        lat[~np.isfinite(lat)] = np.nan
        turn, zone = np.radians(lon).reshape(x.shape), WGS84.zone_area(lat).reshape(x.shape)
        row, col = np.searchsorted(down, rows), np.searchsorted(along, cols)
        ring = [np.ix_(row + by, col + to) for by, to in ((0, 0), (0, 1), (1, 1), (1, 0))]
        first, area = ring[0], np.zeros((rows.size, cols.size))
        with np.errstate(invalid="ignore"):
            for one, two in itertools.pairwise(ring[1:]):  # a triangle with the first corner each
                (u, v), (p, q) = (
                    (
                        np.remainder(turn[at] - turn[first] + np.pi, 2 * np.pi) - np.pi,
                        zone[at] - zone[first],
                    )
                    for at in (one, two)
                )
                area += u * q - p * v
        return np.asarray(np.abs(area) / 2)


def _interpolated(values: Floats, known: Indices, wanted: Indices, axis: int) -> Floats:
    """Values along an axis, linear between the known places."""
    if known.size == wanted.size:
        return values
    right = np.clip(np.searchsorted(known, wanted, "right"), 1, known.size - 1)
    share = (wanted - known[right - 1]) / (known[right] - known[right - 1])
    share = np.expand_dims(share, 1 - axis)
    return np.asarray(values.take(right - 1, axis) * (1 - share) + values.take(right, axis) * share)


def moved(x: Floats, y: Floats, source: str, target: str) -> tuple[Floats, Floats]:
    """Coordinates in another system; infinite where it has no such place.

    Raises:
        GridError: If a system is unknown, or no way leads from one to the other.
    """
    from rasterio.errors import CRSError, RasterioError

    try:
        found = _transformed(system_of(source), system_of(target), np.stack([x, y]))
    except (CRSError, RasterioError) as error:
        raise GridError(
            "Coordinates cannot be moved between two systems",
            expected=target,
            found=source,
            remedy="write another definition into the file: `rio edit-info --crs EPSG:CODE FILE`",
        ) from error
    return found[0], found[1]


def _transformed(source: Any, target: Any, places: Floats) -> Floats:  # noqa: ANN401
    """Coordinates ``(2, n)`` in another system, infinite where it has no such place.

    GDAL reports places that have no counterpart as errors until it has met twenty in a call: so
    places without coordinates go first. Where that does not silence it, they are told by halving.
    """
    from rasterio._err import CPLE_BaseError
    from rasterio.warp import transform

    spare = np.full((2, _SPARE), np.inf)
    try:
        found = transform(source, target, *np.concatenate([spare, places], axis=1))
    except CPLE_BaseError:
        if places.shape[1] == 1:
            return np.full((2, 1), np.inf)
        halves = np.array_split(places, 2, axis=1)
        return np.concatenate([_transformed(source, target, half) for half in halves], axis=1)
    return np.asarray(found, np.float64)[:, _SPARE:]


def shift(grid: RasterGrid, crs: str) -> float:
    """How far a map moves if its coordinates are read in another system, in pixels, at most.

    Coordinates are compared after the transformation from one to the other, whatever the two are
    called: spelling, order of axes and names do not count; meridian, pole, parameters and datum do.
    A datum on another ellipsoid whose transformation nobody knows may move a place by .01°.

    Args:
        grid: Where the pixels lie, with its own system.
        crs: The other system.

    Returns:
        0 for one system; infinite if no way leads from one to the other.
    """
    from rasterio.errors import CRSError

    if not grid.crs or not crs:
        return 0.0 if grid.crs == crs else float("inf")
    try:
        one, two = system_of(grid.crs), system_of(crs)
    except CRSError:
        return float("inf")
    if one == two:
        return 0.0
    if bool(one.is_geographic) != bool(two.is_geographic):
        return float("inf")
    x, y = grid.lattice()
    if grid.geographic:
        y = np.clip(y, -90.0, 90.0)
    try:
        there, up = moved(x, y, grid.crs, crs)
    except GridError:
        return float("inf")
    across = there - x
    if grid.geographic:
        across = np.remainder(across + 180.0, 360.0) - 180.0
        across[np.abs(y) > 90.0 - SLACK * grid.pixel] = 0.0  # all meridians meet in a pole
    apart = np.maximum(np.abs(across), np.abs(up - y))
    apart = apart[np.isfinite(apart)]
    if not apart.size:
        return float("inf")
    most = float(apart.max())
    if grid.geographic and most < 1e-9 and _other_ellipsoid(one, two):
        most = max(most, _UNKNOWN_DATUM)
    return most / grid.pixel


def same_system(grid: RasterGrid, crs: str) -> bool:
    """Whether a map's system is another one, by its transformation: see ``shift``."""
    return shift(grid, crs) < SLACK


def is_wgs84(grid: RasterGrid) -> bool:
    """Whether a map's coordinates count as longitude and latitude on WGS 84: see ``shift``.

    ETRS89, SIRGAS 2000 and NAD83 pass, Bessel's ellipsoid, meridians of Paris or Ferro and rotated
    poles do not. A sphere without a datum passes with a warning: its latitudes are taken as they
    stand, as those who write them mean.
    """
    return grid.geographic and same_system(grid, LONGITUDES)


@lru_cache(maxsize=256)
def system_of(text: str) -> Any:  # noqa: ANN401
    """A coordinate system as rasterio reads it; raises its ``CRSError`` if nobody knows it."""
    from rasterio import Env
    from rasterio.crs import CRS

    with Env():  # else the library prints what it complains of
        return CRS.from_user_input(text)


def _other_ellipsoid(one: Any, two: Any) -> bool:  # noqa: ANN401
    """Whether two systems stand on ellipsoids that are not alike; of spheres a warning tells."""
    figures = [_ellipsoid(crs.to_dict(projjson=True)) for crs in (one, two)]
    spheres = [flattening == 0.0 for _, flattening in figures]
    if any(spheres):
        if not all(spheres):
            log.warning("a system on a sphere: its latitudes are taken as they stand")
        return False
    (a, f), (b, g) = figures
    return abs(a - b) > 1.0 or abs(f - g) > 1e-8


def _ellipsoid(definition: Mapping[str, Any]) -> tuple[float, float]:
    """Equatorial radius in m and flattening, of a system as PROJ's JSON says it."""
    body = definition.get("ellipsoid")
    if body is None:
        inner = ("source_crs", "base_crs", "datum", "datum_ensemble", "components")
        found = [definition[key] for key in inner if key in definition]
        deeper = [part for item in found for part in (item if isinstance(item, list) else [item])]
        return _ellipsoid(deeper[0]) if deeper else (WGS84.semi_major, WGS84.flattening)
    if "radius" in body:
        return float(_metres(body["radius"])), 0.0
    a = _metres(body["semi_major_axis"])
    if "semi_minor_axis" in body:
        return a, (a - _metres(body["semi_minor_axis"])) / a
    inverse = float(body["inverse_flattening"])
    return a, 1.0 / inverse if inverse else 0.0


def _metres(value: Any) -> float:  # noqa: ANN401
    """A length that PROJ writes as a number of metres, or as value and unit."""
    if not isinstance(value, Mapping):
        return float(value)
    unit = value.get("unit", {})
    factor = unit.get("conversion_factor", 1.0) if isinstance(unit, Mapping) else 1.0
    return float(value["value"]) * float(factor)
