"""Polygons with names from any vector file, brought into the coordinate system of a map."""

from __future__ import annotations

import logging
import math
import re
import warnings
import zipfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from ai4land.errors import ConfigError, MissingFileError, SourceError
from ai4land.formats.systems import DEGREE, RasterGrid, moved, same_system, system_of
from ai4land.grid import WGS84
from ai4land.vocabulary import nearest_name

if TYPE_CHECKING:
    from shapely import Geometry

__all__ = ["Polygons", "holds_polygons", "read_polygons"]

log = logging.getLogger(__name__)

Floats = npt.NDArray[np.float64]
Box = tuple[float, float, float, float]

_VECTORS = {".geojson", ".json", ".gpkg", ".shp", ".fgb", ".gml", ".kml", ".topojson"}
_NAMES = (
    *("name", "NAME", "Name", "ADMIN", "admin", "NAME_EN", "name_en", "NAME_LONG"),
    *("iso_a3", "ISO_A3", "iso", "ISO", "ECO_NAME", "NAME_0"),
)
_SYSTEM = re.compile(rb'"crs"\s*:\s*{[^{}]*{[^{}]*"name"\s*:\s*"([^"]+)"')
_AREAS = ("Polygon", "GeometryCollection", "Unknown", "Surface")  # kinds of layers
_CORNERS = 3  # of a ring, at least
_SIDE = 33  # points along a side of a map by which its neighbourhood is found
_MARGIN = 0.1  # of a neighbourhood: more than what lies between two such points
_SEAM = 1e-9  # degree beside the meridian where a projection is cut open
_BEND = 0.01  # of a pixel that an edge may leave the straight line of the polygon's own system


@dataclass(frozen=True, eq=False)
class Polygons:
    """What a file of polygons holds.

    Attributes:
        path: The file.
        crs: Coordinate system, as rasterio reads it.
        names: Name of each feature of the file; ``None`` where it has none.
        shapes: Polygons of one part each, of shapely, in the order of the file.
        owners: Number of the feature, from 0, to which each of them belongs.
    """

    path: Path
    crs: str
    names: tuple[str | None, ...]
    shapes: tuple[Geometry, ...]
    owners: tuple[int, ...]

    def on(self, grid: RasterGrid) -> Polygons:
        """The parts of the polygons that may meet a map, in its coordinates.

        Edges are straight in the polygons' own system; they are cut into short pieces before they
        are moved, so that none leaves its line by more than .01 pixel. An edge over more than 180°
        of longitude crosses the date line: it is taken the short way round, with a warning. On a
        map of longitudes polygons are repeated in the turns of the globe that meet it.

        Args:
            grid: Where the map's pixels lie, in a known system.

        Raises:
            SourceError: If the polygons' system is unknown.
        """
        degrees = self._geographic()
        parts = [
            (owner, _unwrapped(shape, f"{self.path}, feature {owner + 1}") if degrees else shape)
            for owner, shape in zip(self.owners, self.shapes, strict=True)
        ]
        if not same_system(grid, self.crs):
            move = _Move.between(self.crs, grid, degrees)
            parts = [(owner, part) for owner, shape in parts for part in move(shape)]
        if grid.geographic:
            parts = [(owner, turned) for owner, shape in parts for turned in _turns(shape)]
        whole = grid.bounds(slice(0, grid.shape[0]), slice(0, grid.shape[1]))
        near = [(owner, shape) for owner, shape in parts if _meet(shape.bounds, whole)]
        owners, shapes = zip(*near, strict=True) if near else ((), ())
        return Polygons(self.path, grid.crs, self.names, shapes, owners)

    def _geographic(self) -> bool:
        """Whether corners are longitudes and latitudes in degrees."""
        from rasterio.errors import CRSError

        try:
            system = system_of(self.crs)
        except CRSError as error:
            raise SourceError(
                "The regions lie in an unknown coordinate system",
                where=self.path,
                found=self.crs,
                remedy="say another: ogr2ogr -a_srs EPSG:4326 regions.gpkg FILE",
            ) from error
        return bool(system.is_geographic) and abs(system.units_factor[1] - math.radians(1)) < 1e-9


@dataclass(frozen=True)
class _Move:
    """From one system into that of a map, near the map.

    Attributes:
        source: System of the polygons.
        grid: Where the map's pixels lie.
        degrees: Whether the polygons' system is one of longitude and latitude.
        box: The map's neighbourhood in it: west, south, east, north.
        step: Longest edge that need not be cut, in its units.
    """

    source: str
    grid: RasterGrid
    degrees: bool
    box: Box
    step: float

    @classmethod
    def between(cls, source: str, grid: RasterGrid, degrees: bool) -> _Move:
        """The way to a map: its neighbourhood, and how short edges must be."""
        pixel = grid.pixel * (DEGREE if grid.geographic else 1.0)
        step = math.sqrt(8 * _BEND * WGS84.semi_major * pixel)  # of an arc so far from its chord
        x, y = moved(*grid.lattice(_SIDE), grid.crs, source)
        x, y = x[np.isfinite(x) & np.isfinite(y)], y[np.isfinite(x) & np.isfinite(y)]
        if not x.size:
            return cls(source, grid, degrees, (math.nan,) * 4, step)
        west, east = _around(x, grid) if degrees else (float(x.min()), float(x.max()))
        south, north = float(y.min()), float(y.max())
        across, up = _MARGIN * (east - west), _MARGIN * (north - south)
        box = (west - across, south - up, east + across, north + up)
        if degrees:
            box = _cut(box, grid)
        return cls(source, grid, degrees, box, step / (DEGREE if degrees else 1.0))

    def __call__(self, shape: Geometry) -> Iterator[Geometry]:
        """The parts of a polygon near the map, in the map's coordinates."""
        import shapely

        if not shape.is_valid:  # what crosses itself is filled by the even-odd rule
            shape = shapely.make_valid(shape)
        for turned in _turns(shape) if self.degrees else (shape,):
            if not _meet(turned.bounds, self.box):
                continue
            near = shapely.segmentize(shapely.clip_by_rect(turned, *self.box), self.step)
            for part in _parts(near):
                there = _with_corners(part, self._corners)
                yield _unwrapped(there) if self.grid.geographic else there

    def _corners(self, corners: Floats) -> Floats:
        x, y = moved(corners[:, 0], corners[:, 1], self.source, self.grid.crs)
        found = np.column_stack([x, y])
        return found[np.isfinite(found).all(axis=1)]


def _around(longitudes: Floats, grid: RasterGrid) -> tuple[float, float]:
    """West and east of longitudes anywhere on the globe."""
    turns = np.exp(1j * np.radians(longitudes))
    middle = math.degrees(float(np.angle(turns.mean())))
    seam = _seam(grid)
    if seam is not None:
        middle += 360 * round((seam - middle) / 360)
    away = np.remainder(longitudes - middle + 180, 360) - 180
    return middle + float(away.min()), middle + float(away.max())


def _cut(box: Box, grid: RasterGrid) -> Box:
    """A neighbourhood that does not reach beyond the poles, nor over a projection's seam."""
    west, south, east, north = box
    south, north = max(south, -90.0), min(north, 90.0)
    seam = _seam(grid)
    if seam is None:
        return west, south, east, north
    first, last = seam - 180 + _SEAM, seam + 180 - _SEAM
    if east - west > 300:
        return first, south, last, north
    return max(west, first), south, min(east, last), north


def _seam(grid: RasterGrid) -> float | None:
    """The middle meridian of a projection, opposite to which it is cut open."""
    if grid.geographic:
        return None
    found = system_of(grid.crs).to_dict()
    return float(found["lon_0"]) if "lon_0" in found else None


def _turns(shape: Geometry) -> Iterator[Geometry]:
    """A polygon in all turns of the globe in which it might meet a map of longitudes."""
    from shapely.affinity import translate

    yield shape
    yield translate(shape, -360.0)
    yield translate(shape, 360.0)


def _unwrapped(shape: Geometry, where: str | None = None) -> Geometry:
    """A polygon of longitudes whose edges never jump from one side of the map to the other.

    Args:
        shape: A polygon.
        where: The feature, if jumps are to be warned of.
    """
    corners = np.asarray(shape.exterior.coords)[:, :2]
    turned = _without_jumps(corners)
    if turned is corners:
        return shape
    if where is not None:
        log.warning(
            "%s crosses the date line uncut: its edges are taken the short way round. If the long "
            "way is meant, give an edge more corners",
            where,
        )
    middle = (turned[:, 0].min() + turned[:, 0].max()) / 2

    def beside(ring: Floats) -> Floats:
        hole = _without_jumps(ring)
        back = 360 * np.round((middle - hole[:, 0].mean()) / 360)
        return np.asarray(hole + np.array([back, 0.0]))

    return _polygon(turned, [beside(np.asarray(r.coords)[:, :2]) for r in shape.interiors])


def _without_jumps(ring: Floats) -> Floats:
    """A ring whose longitudes run on; one around a pole is led over it."""
    steps = np.diff(ring[:, 0])
    jumps = np.where(np.abs(np.abs(steps) - 360) < 1e-6, 0, np.round(steps / 360))
    jumps[np.abs(steps) <= 180] = 0
    if not jumps.any():
        return ring
    turned = ring.copy()
    turned[1:, 0] -= 360 * np.cumsum(jumps)
    if abs(turned[-1, 0] - turned[0, 0]) > 180:
        pole = math.copysign(90.0, float(ring[np.abs(ring[:, 1]).argmax(), 1]))
        over = [[turned[-1, 0], pole], [turned[0, 0], pole], turned[0]]
        turned = np.concatenate([turned, over])
    return turned


def _with_corners(shape: Geometry, change: Callable[[Floats], Floats]) -> Geometry:
    rings = [change(np.asarray(ring.coords)[:, :2]) for ring in (shape.exterior, *shape.interiors)]
    return _polygon(rings[0], rings[1:])


def _polygon(outer: Floats, inner: Sequence[Floats]) -> Geometry:
    import shapely

    if len(outer) < _CORNERS:
        return shapely.Polygon()
    return shapely.Polygon(outer, [ring for ring in inner if len(ring) >= _CORNERS])


def _parts(shape: Geometry) -> Iterator[Geometry]:
    """The polygons of any geometry."""
    if shape.geom_type == "Polygon":
        if not shape.is_empty:
            yield shape
    elif hasattr(shape, "geoms"):
        for part in shape.geoms:
            yield from _parts(part)


def _meet(one: Box, two: Box) -> bool:
    """Whether two boxes overlap; one of an empty shape or no map does not."""
    return one[0] <= two[2] and two[0] <= one[2] and one[1] <= two[3] and two[1] <= one[3]


def holds_polygons(path: Path) -> bool:
    """Whether a file holds polygons, by its name or the names in an archive."""
    if path.suffix.lower() != ".zip" or not path.is_file():
        return path.suffix.lower() in _VECTORS
    try:
        with zipfile.ZipFile(path) as archive:
            return any(Path(name).suffix.lower() in _VECTORS for name in archive.namelist())
    except zipfile.BadZipFile:
        return False


def read_polygons(path: Path, name: str | None = None) -> Polygons:
    """Read the polygons of a file; points and lines are left out, with a warning.

    Args:
        path: GeoJSON, GeoPackage, shapefile (zipped, too), FlatGeobuf, GML, KML.
        name: Property that names the features; default the first of the usual ones that exists.

    Raises:
        MissingFileError: If there is no such file.
        SourceError: If it is damaged or holds no polygon.
        ConfigError: If the property does not exist, or the file has several layers of polygons.
    """
    import pyogrio  # heavy, and only files need it

    if not path.is_file() and not str(path).startswith("/vsi"):
        raise MissingFileError("There is no such file of regions", where=path)
    try:
        with warnings.catch_warnings(record=True) as told:
            warnings.simplefilter("always")
            layer = _layer(pyogrio.list_layers(path).tolist(), path)
            fields = [str(field) for field in pyogrio.read_info(path, layer=layer)["fields"]]
            key = name or next((usual for usual in _NAMES if usual in fields), None)
            columns = [key] if key in fields else []
            meta, _, shapes, values = pyogrio.raw.read(
                path, layer=layer, columns=columns, force_2d=True
            )
    except (pyogrio.errors.DataSourceError, pyogrio.errors.DataLayerError) as error:
        raise SourceError(
            "The regions cannot be read: the file is damaged or of another format",
            where=path,
            found=error,
            remedy="open it with `ogrinfo`; GeoJSON is text in UTF-8",
        ) from error
    for text in dict.fromkeys(str(warning.message) for warning in told):
        log.warning("%s: %s", path, text)
    crs = _geojson_system(path) or meta["crs"]
    if crs is None:
        raise SourceError(
            "The regions say no coordinate system that is known",
            where=path,
            remedy="a shapefile has it in the .prj beside it; or convert with `ogr2ogr -a_srs`",
        )
    if name is not None and name not in fields:
        close = nearest_name(name, fields)
        raise ConfigError(
            "The regions have no such property",
            where=path,
            expected=f"one of {', '.join(fields) or 'none'}",
            found=name,
            remedy=f"did you mean {close!r}?" if close else "leave --region-name out",
        )
    names = [_text(said) for said in values[0].tolist()] if columns else [None] * len(shapes)
    parts = [(owner, part) for owner, one in enumerate(shapes) for part in _areas(one, owner, path)]
    if not parts:
        raise SourceError(
            "The file holds no polygon",
            where=path,
            found=f"{len(shapes)} features, none with an area",
            remedy="regions are areas: points and lines cannot hold pixels",
        )
    owners, polygons = zip(*parts, strict=True)
    return Polygons(path, str(crs), tuple(names), polygons, owners)


def _geojson_system(path: Path) -> str | None:
    """The system that a GeoJSON of the old form names; GDAL passes over one it does not know."""
    if path.suffix.lower() not in {".geojson", ".json"} or not path.is_file():
        return None
    with path.open("rb") as file:
        found = _SYSTEM.search(file.read(1 << 16))
    return found[1].decode() if found else None


def _areas(data: bytes | None, owner: int, path: Path) -> Iterator[Geometry]:
    """The polygons of a feature, from well-known binary."""
    import shapely

    where = f"{path}, feature {owner + 1}"
    try:
        with np.errstate(invalid="ignore"):  # what is no number is told below
            # "fix" closes rings
            shape = None if data is None else shapely.from_wkb(data, on_invalid="fix")
    except shapely.errors.ShapelyError as error:
        raise _unreadable(where, error) from error
    parts = [] if shape is None else list(_parts(shape))
    if not parts:
        log.warning("%s, feature %d has no area and is left out", path, owner + 1)
    for part in parts:
        if not np.isfinite(shapely.get_coordinates(part)).all():
            raise _unreadable(where, "a corner that is no pair of numbers")
        if len(part.exterior.coords) <= _CORNERS:
            raise _unreadable(where, "a ring with less than three corners")
        yield part


def _unreadable(where: str, found: object) -> SourceError:
    return SourceError(
        "A polygon cannot be read",
        where=where,
        expected="rings of at least three corners, each a pair of numbers",
        found=found,
        remedy="repair it: ogr2ogr -makevalid regions.geojson FILE",
    )


def _text(value: object) -> str | None:
    """A name as text; ``None`` for nothing."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return None
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return str(value).strip() or None


def _layer(layers: Sequence[tuple[str, str | None]], path: Path) -> str:
    """The one layer that holds areas, or else the first."""
    areas = [name for name, kind in layers if kind and any(word in kind for word in _AREAS)]
    if len(areas) > 1:
        raise ConfigError(
            "The file has several layers of polygons",
            where=path,
            expected="one",
            found=", ".join(areas),
            remedy=f"take one out: ogr2ogr regions.geojson {path.name} {areas[0]}",
        )
    if not layers:
        raise SourceError("The file holds no polygon", where=path, found="no layer")
    return areas[0] if areas else str(layers[0][0])
